"""One search generation, ours beside NumPy and batched torch, interleaved in one run, CPU time of all threads: score_peers.py BENCH_SCORE > results/score.txt

64 candidates x 8 layers, bank of 96 rows, 224 x 224, one class per image. Medians of 5 rounds. NumPy plain: fuse, label and count as the definitions state
it (int64, a label image, bincount), as one writes a first objective for scipy.optimize.differential_evolution. NumPy tuned: 16-bit sums, a comparison with a
precomputed limit, two count_nonzero. Both vectorised, the driver's own time measured with a constant objective and added. torch: the whole population as
one float32 matrix product per image, then amax, compare, two reductions."""
import os
import subprocess
import sys
import time

os.environ["OMP_NUM_THREADS"] = "2"
os.environ["OMP_WAIT_POLICY"] = "passive"  # a thread that waits must not count as work
import numpy as np
import torch
from scipy.optimize import differential_evolution

torch.set_num_threads(2)
P, L, R, PX = 64, 8, 96, 224 * 224
rng = np.random.default_rng(0)
bank = rng.integers(0, 256, (2, R, PX), np.uint8)
truth = rng.random((2, PX)) < 0.3
rows = rng.integers(0, R, (P, L))
w = rng.integers(1, 15, (P, L)).astype(np.uint16)
tau = rng.integers(64, 128, P)


def numpy_image(i):
    for p in range(P):
        f = np.zeros(PX, np.uint16)
        for r, wi in zip(rows[p], w[p]):
            f += wi * bank[i, r]
        mask = f > int(tau[p]) * int(f.max()) // 255
        np.count_nonzero(mask & truth[i]), np.count_nonzero(mask)


def definition_image(i):
    for p in range(P):
        f = sum(int(wi) * bank[i, r].astype(np.int64) for r, wi in zip(rows[p], w[p]))
        label = np.zeros(PX, np.int64)
        label[255 * f > int(tau[p]) * int(f.max())] = 1
        counts = np.bincount(truth[i].astype(np.int64) * 2 + label, minlength=4).reshape(2, 2)
        tp = np.diag(counts)
        (tp / (counts.sum(0) + counts.sum(1) - tp)).mean()


tbank, ttruth = torch.from_numpy(bank).float(), torch.from_numpy(truth)
tw = torch.zeros(P, R)
for p in range(P):
    for r, wi in zip(rows[p], w[p]):
        tw[p, r] += float(wi)
ttau = torch.from_numpy(tau)[:, None].float()


def torch_image(i):
    f = tw @ tbank[i]
    mask = f * 255 > ttau * f.amax(1, keepdim=True)
    (mask & ttruth[i]).sum(1), mask.sum(1)


def seconds(f, n):
    t = time.process_time()
    for k in range(n):
        f(k % 2)
    return (time.process_time() - t) / n


t = time.process_time()
differential_evolution(lambda x: np.arange(x.shape[1], dtype=float), [(0, 1)] * 17, popsize=4, maxiter=20, polish=False, vectorized=True,
                       updating="deferred", tol=0)
driver = (time.process_time() - t) / 21
ours, np_s, def_s, t_s = {}, [], [], []
for _ in range(5):
    for line in subprocess.run([sys.argv[1], "9", "12", "2"], capture_output=True, text=True, check=True).stdout.splitlines():
        name, mode, s = line.split()
        ours.setdefault((name, mode), []).append(float(s) / 12)
    np_s.append(seconds(numpy_image, 1))
    def_s.append(seconds(definition_image, 1))
    t_s.append(seconds(torch_image, 2))
base, plain = np.median(np_s) + driver / 12, np.median(def_s) + driver / 12
torch_s = np.median(t_s)
print(__doc__)
print(f"{'path':18} {'ms an image':>12} {'candidates x images / s':>24} {'vs NumPy plain':>15} {'tuned':>7} {'vs torch':>9}")
for (name, mode), s in ours.items():
    s = np.median(s)
    print(f"{name + ' ' + mode:18} {1e3 * s:12.3f} {P / s:24.0f} {plain / s:15.1f} {base / s:7.1f} {torch_s / s:9.1f}")
for name, s in (("NumPy plain + SciPy", plain), ("NumPy tuned + SciPy", base), ("torch batched", torch_s)):
    print(f"{name:19} {1e3 * s:11.3f} {P / s:24.0f}")
level, lanes = ("avx512", 64) if ("avx512", "count") in ours else ("avx2", 32)
s = np.median(ours[(level, "count")])
ops = P * PX / lanes * (2 * 6 * L / 2 + 2 + 2 + 1 + 1)
print(f"\ninner loop, {level}: per {lanes} pixels and candidate two passes of 4 pairs x (2 unpack + 2 multiply-add + 2 add) = 48, 2 max, 2 subtract, 1 pack, 1 test = 54\n"
      f"vector instructions (loads, weight broadcasts and scalar counting not included): {ops / s / 1e9:.2f} G/s a thread; a core that issues 2 such a cycle\n"
      f"at 3.5 GHz (assumed clock) could do 7.0: {100 * ops / s / 7.0e9:.0f} %.")
