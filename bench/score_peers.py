"""One search generation, ours beside NumPy + SciPy and batched torch: score_peers.py BENCH_FOLDER [MODEL] [DATA] > results/score.txt

BENCH_FOLDER has bench_score and bench_bank. MODEL (default demo/train/brain-small.onnx) gives the maps of 12 images of the split `search` of DATA (default
demo/data): its last 8 layers x 12 rows of SSG-CAM, 224 x 224, one class per image. 64 random candidates mix one row of each of the 8 layers. The third case
is noise, where no bound helps.

Everything is interleaved in one run and counted in CPU time of all threads. NumPy plain: fuse, label and count as the definitions state it (int64, a label
image, bincount), as one writes a first objective for scipy.optimize.differential_evolution. NumPy tuned: 16-bit sums, a comparison with a precomputed limit,
two count_nonzero. Both vectorised, the driver's own time measured with a constant objective and added. torch: the whole population as one float32 matrix
product per image, then amax, compare, two reductions. All three count at the candidate's own threshold. The peers' "best" try all 256 thresholds, as the search
does unless told otherwise: a histogram of the level by truth, np.bincount or torch.bincount. All counts are compared: they are equal.

"Two classes": the same maps as half as many images that show two classes each, the winner found pixel by pixel where bounds leave it open.

At the end: what the AVX-512 kernel's inner loop makes of the processor, where it looks at every pixel."""
import os
import subprocess
import sys
import tempfile
import time

os.environ["OMP_NUM_THREADS"] = "2"
os.environ["OMP_WAIT_POLICY"] = "passive"  # a thread that waits must not count as work
import numpy as np
import torch
from scipy.optimize import differential_evolution

HERE = os.path.dirname(os.path.abspath(__file__))
ROUNDS, IMAGES, P, L, CHOICES = 5, 12, 64, 8, 12
PIXELS, TILE = 224 * 224, 4096  # TILE: SSG_SCORE_TILE
torch.set_num_threads(2)


def draw_candidates(path):
    rng = np.random.default_rng(0)
    raw = rng.random((P, L)) + 0.1
    w = np.floor(127 * raw / raw.sum(1, keepdims=True)).astype(np.uint32)
    rows = (np.arange(L) * CHOICES + rng.integers(0, CHOICES, (P, L))).astype(np.uint32)
    tau = rng.integers(0, 256, P).astype(np.uint32)
    with open(path, "wb") as file:
        np.array([P, L], np.uint32).tofile(file)
        np.concatenate([tau[:, None], rows, w], 1).astype(np.uint32).tofile(file)
    return tau, rows, w


def noise(path):
    rng = np.random.default_rng(0)
    with open(path, "wb") as file:
        np.array([IMAGES, L * CHOICES, PIXELS], np.uint32).tofile(file)
        for _ in range(IMAGES):
            rng.integers(0, 256, (L * CHOICES, PIXELS), np.uint8).tofile(file)
            (rng.random(PIXELS) < 0.02).astype(np.uint8).tofile(file)


class Peers:
    def __init__(self, path, tau, rows, w):
        images, count, pixels = np.fromfile(path, np.uint32, 3)
        data = np.fromfile(path, np.uint8, offset=12).reshape(images, count + 1, pixels)
        self.maps, self.truth, self.pixels = data[:, :-1], data[:, -1] != 0, int(pixels)
        self.tau, self.rows, self.w = tau, rows, w
        self.t_maps, self.t_truth = torch.from_numpy(self.maps[:2].copy()).float(), torch.from_numpy(self.truth)
        self.t_w = torch.zeros(P, int(count))
        for p in range(P):
            for r, wi in zip(rows[p], w[p]):
                self.t_w[p, r] += float(wi)
        self.t_tau = torch.from_numpy(tau.astype(np.float32))[:, None]

    def plain(self, i):
        total = np.zeros(2, np.int64)
        for p in range(P):
            f = sum(int(wi) * self.maps[i, r].astype(np.int64) for r, wi in zip(self.rows[p], self.w[p]))
            label = np.zeros(self.pixels, np.int64)
            label[255 * f > int(self.tau[p]) * int(f.max())] = 1
            counts = np.bincount(self.truth[i].astype(np.int64) * 2 + label, minlength=4).reshape(2, 2)
            tp = np.diag(counts)
            (tp / (counts.sum(0) + counts.sum(1) - tp)).mean()
            total += counts[1, 1], counts[:, 1].sum()
        return total

    def fused(self, i, p):
        f = np.zeros(self.pixels, np.uint16)
        for r, wi in zip(self.rows[p], self.w[p].astype(np.uint16)):
            f += wi * self.maps[i, r]
        return f

    def tuned(self, i):
        for p in range(P):
            f = self.fused(i, p)
            mask = f > int(self.tau[p]) * int(f.max()) // 255
            np.count_nonzero(mask & self.truth[i]), np.count_nonzero(mask)

    def torch(self, i):
        f = self.t_w @ self.t_maps[i]
        mask = f * 255 > self.t_tau * f.amax(1, keepdim=True)
        return (mask & self.t_truth[i]).sum(1), mask.sum(1)

    def histograms(self, i):
        """Per candidate the pixels by level and truth: [P, 2, 256]."""
        out = np.empty((P, 2, 256), np.int64)
        for p in range(P):
            f = self.fused(i, p).astype(np.int32)
            top = max(int(f.max()), 1)
            out[p] = np.bincount((255 * f + top - 1) // top + 256 * self.truth[i], minlength=512).reshape(2, 256)
        return out

    def torch_best(self, i):
        f = self.t_w @ self.t_maps[i]
        level = torch.ceil(f * 255 / f.amax(1, keepdim=True).clamp(min=1)).to(torch.int64) + 256 * self.t_truth[i]
        return torch.bincount((level + 512 * torch.arange(P)[:, None]).ravel(), minlength=512 * P)

    def best(self):
        """The sums of the candidates' best thresholds and of their mean IoU."""
        levels = sum(self.histograms(i) for i in range(len(self.maps)))
        above = levels.sum(2, keepdims=True) - levels.cumsum(2)  # claimed at each threshold
        tp, fp, truth, none = above[:, 1], above[:, 0], self.truth.sum(), (~self.truth).sum()
        iou = (tp / (truth + fp) + (none - fp) / (none + truth - tp)) / 2
        return iou.argmax(1).sum(), iou.max(1).sum()


def seconds(f, n):
    t = time.process_time()
    for k in range(n):
        f(k % 2)
    return (time.process_time() - t) / n


def driver_seconds():
    t = time.process_time()
    differential_evolution(lambda x: np.arange(x.shape[1], dtype=float), [(0, 1)] * 17, popsize=4, maxiter=20, polish=False, vectorized=True,
                           updating="deferred", tol=0)
    return (time.process_time() - t) / 21


def measure(title, program, bank, candidates, drawn, driver):
    peers, ours, checks, times = Peers(bank, *drawn), {}, {}, {}
    for _ in range(ROUNDS):
        for line in subprocess.run([program, bank, candidates, "9", "2"], capture_output=True, text=True, check=True).stdout.splitlines():
            level, mode, s, share, first, second = line.split()
            images = IMAGES // 2 if mode.startswith("two-") else IMAGES
            ours.setdefault((level, mode, float(share)), []).append(float(s) / images)
            checks.setdefault(mode.removesuffix("-all"), set()).add((round(float(first)), round(float(second), 6)))
        for name in ("plain", "tuned", "torch", "histograms", "torch_best"):
            times.setdefault(name, []).append(seconds(getattr(peers, name), 1 if name in ("plain", "histograms", "torch_best") else 2))
    tp, claimed = sum(peers.plain(i) for i in range(IMAGES))
    best_tau, best_value = peers.best()
    assert checks["count"] == {(tp, claimed)}, (checks, tp, claimed)
    assert len(checks["two-count"]) == len(checks["two-best"]) == 1, checks
    assert checks["best"] == {(best_tau, round(best_value, 6))}, (checks, best_tau, best_value)
    median = {name: np.median(s) + (driver / IMAGES if "torch" not in name else 0) for name, s in times.items()}
    print(f"\n{title}; {100 * peers.truth.mean():.1f} % of the pixels are object")
    print(f"{'path':24} {'looked at':>9} {'ms an image':>12} {'candidates x images / s':>24} {'vs plain':>9} {'tuned':>7} {'torch':>7}   {'NumPy best':>10} {'torch best':>10}")
    ours = {key: np.median(s) for key, s in ours.items()}
    for (level, mode, share), s in ours.items():
        if mode.startswith("two-"):
            continue
        name = {"count": "given threshold", "best": "best of 256"}[mode.split("-")[0]] + (", all" if mode.endswith("all") else "")
        like = f"{median['histograms'] / s:12.1f} {median['torch_best'] / s:10.1f}" if mode.startswith("best") else ""
        print(f"{level + ' ' + name:24} {100 * share:7.1f} % {1e3 * s:12.4f} {P / s:24.0f} {median['plain'] / s:9.1f} {median['tuned'] / s:7.1f} {median['torch'] / s:7.1f} {like}")
    for name, label in dict(plain="NumPy plain + SciPy", tuned="NumPy tuned + SciPy", torch="torch batched", histograms="NumPy best + SciPy",
                            torch_best="torch best").items():
        print(f"{label:24} {'100.0 %':>9} {1e3 * median[name]:12.4f} {P / median[name]:24.0f}")
    for (level, mode, share), s in ours.items():
        if mode in ("two-count", "two-best") and level != "ref":
            name = {"two-count": "given threshold", "two-best": "best of 256"}[mode]
            every = next(t for (l, m, _), t in ours.items() if l == level and m == mode + "-all")
            print(f"two classes, {level} {name}: {1e3 * s:.3f} ms an image, {100 * share:.1f} % looked at; every pixel {1e3 * every:.3f} ms, {every / s:.1f} times as long")


def share_of_peak(program, bank, candidates):
    peaks, times, tile = [], [], TILE * L * CHOICES
    for _ in range(ROUNDS):
        peak = subprocess.run([program, "--peak", str(tile)], capture_output=True, text=True, check=True).stdout.split()
        if not peak:  # no AVX-512
            return
        peaks.append([float(p) for p in peak])
        line = subprocess.run([program, bank, candidates, "9", "2", "avx512 count-all"], capture_output=True, text=True, check=True).stdout
        times.append(float(line.split()[2]) / IMAGES)
    (multiply, load), s, work = np.max(peaks, 0), np.median(times), P * PIXELS * L * 2
    print(f"""
share of the processor's peak: avx512 given threshold, all; noise; per thread
work of an image    {P} candidates x {PIXELS} pixels x {L} rows x 2 (once for the top, once for the hits) = {work / 1e6:.1f} million multiply-adds of 8 bits, and as many bytes loaded
time of an image    {1e3 * s:.4f} ms: {work / s / 1e9:.1f} G a second of either
VPMADDUBSW          64 multiply-adds; twelve chains on registers: {multiply / 1e9:.0f} G a second. The loop has {100 * work / s / multiply:.0f} % of it; beside it every two of them need two unpacks, two loads and two additions
loads               64 bytes each, again and again from the {tile >> 10} KiB that are a tile of all {L * CHOICES} rows: {load / 1e9:.0f} GB a second. The loop has {100 * work / s / load:.0f} % of it""")


if __name__ == "__main__":
    folder = sys.argv[1]
    model = sys.argv[2] if len(sys.argv) > 2 else os.path.join(HERE, "../demo/train/brain-small.onnx")
    data = sys.argv[3] if len(sys.argv) > 3 else os.path.join(HERE, "../demo/data")
    print(__doc__)
    driver, score = driver_seconds(), os.path.join(folder, "bench_score")
    with tempfile.TemporaryDirectory() as work:
        candidates, bank = os.path.join(work, "candidates"), os.path.join(work, "bank")
        drawn = draw_candidates(candidates)
        models = [model] if len(sys.argv) <= 2 else [os.path.join(HERE, "../demo/train/brain-small.onnx"), model]
        for m in models:
            subprocess.run([os.path.join(folder, "bench_bank"), m, data, "search", str(IMAGES), bank], check=True)
            measure(f"maps of {os.path.basename(m)}", score, bank, candidates, drawn, driver)
        noise(bank)
        measure("noise", score, bank, candidates, drawn, driver)
        share_of_peak(score, bank, candidates)
