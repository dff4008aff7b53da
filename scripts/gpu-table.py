#!/usr/bin/env python3
"""Writes the table of docs/gpu.md: gpu-table.py BENCH_CUDA_SIMULATED. What kernels move comes from the simulated device, registers and spills from
docs/kernel-resources.txt (ptxas), the time on an H100 is calculated from them and from the limits below."""
import subprocess
import sys

HBM = 3.0e12  # bytes a second: nine tenths of the data sheet's 3.35 TB/s, what copies reach
SHARED = 132 * 128 * 1.755e9  # bytes a second: processors x bytes a clock x clocks
ISSUE = 132 * 4 * 1.755e9  # warp instructions a second

# The sizes of bench/bench_cuda.c on a GPU: 40 rows (8 images of 5 classes) of a layer of 256 x 56 x 56, a grid of 224 x 224; a bank of 64 images of
# 224 x 224 with 96 rows, 256 candidates of 8 layers.
PLANE, GRID = 56 * 56, 224 * 224
ELEMENTS, BANK, PAIRS = 40 * 256 * PLANE, 64 * GRID, 64 * GRID * 256
# Instructions an element, counted in the machine code for sm_90: sigma 2 (68 of them are the multiplications); what coherence adds; what sigma 1 adds.
SMOOTHING, COHERENCE, SIGMA_1 = 146, 30, 85
CASES = {  # bytes, warp instructions
    "ssgcam, sigma 2": (8 * ELEMENTS, SMOOTHING * ELEMENTS / 32),
    "ssgcam, sigma 2, both combinations": (8 * ELEMENTS, (SMOOTHING + COHERENCE) * ELEMENTS / 32),
    "ssgcam, sigma 1 and 2": (8 * ELEMENTS, (SMOOTHING + SIGMA_1) * ELEMENTS / 32),
    "layercam": (8 * ELEMENTS, 0),
    "ssgcam, bf16": (4 * ELEMENTS, (SMOOTHING + 2) * ELEMENTS / 32),  # and two widenings
    "layercam, bf16": (4 * ELEMENTS, 0),
    "gradcam": (8 * ELEMENTS, 0),
    "normalise": (8 * 40 * PLANE, 0),
    "resize": (4 * 40 * (PLANE + GRID), 0),
    "quantise": (40 * (4 * PLANE + GRID), 0),
    "mix": (4 * 40 * (PLANE + GRID), 0),
    "resize_fused": (10 * GRID, 0),
    "label": (12 * GRID, 0),
    "confusion": (8 * GRID, 0),
    "score, maxima": (96 * BANK, PAIRS * (8 * 1.0 + 1) / 32),  # a pixel and layer: 1/4 load, 1/2 permute, 1/4 dp4a; then a maximum
    "bias and ReLU": (8 * ELEMENTS, 0),
    "ReLU, gradient": (12 * ELEMENTS, 0),
    "sum of two": (12 * ELEMENTS, 0),
    "NHWC to planes": (8 * ELEMENTS, 0),
    "mean over a plane": (4 * ELEMENTS, 0),
    "max pool 2": (6 * ELEMENTS, 0),
    "max pool 2, gradient": (6 * ELEMENTS, 0),
    "average pool 3": (8 * ELEMENTS, 0),
    "average pool 3, gradient": (8 * ELEMENTS, 0),
    "softmax": (8 * 40 * 1000, 0),
    "softmax, gradient": (12 * 40 * 1000, 0),
    "score, best thresholds": ((3 * 4 + 3 * 8) * 256 * 256, 0),
    "score, counts": (97 * BANK, PAIRS * (8 * 1.0 + 9) / 32),  # then winner, threshold, truth
}
# Shared memory that CUB alone uses is counted as the simulated device's stand-in goes about it, which is no limit of CUB's.
STAND_IN = {"normalise", "label", "score, best thresholds"}


def resources():
    found = {}
    for line in open("docs/kernel-resources.txt"):
        if line.startswith("#"):
            continue
        kernel, arch, registers, _, _, spills = line.split()
        if arch == "sm_90":
            found[kernel] = (int(registers), int(spills))
    return found


def limit(case, least, waves):
    memory, issue = CASES[case]
    shared = 0 if case in STAND_IN else 128 * waves * memory / least  # what the simulated device counted, at the size of CASES
    times = {"memory": memory / HBM, "shared memory": shared / SHARED, "instructions": issue / ISSUE, "the launch": 3e-6}
    bound = max(times, key=times.get)
    return times[bound], bound


def main():
    known = resources()
    rows = ["| operation | moved ÷ least | sectors ÷ ideal | shared passes ÷ ideal | registers | spills | H100, calculated | bound by |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    for line in subprocess.run([sys.argv[1]], capture_output=True, text=True, check=True).stdout.splitlines():
        name, kernel, least, distinct, sectors, ideal, waves, ideal_waves = line.split("|")
        used = [value for key, value in known.items() if key.startswith(kernel.replace(" ", ""))]
        registers, spills = max(r for r, _ in used), max(s for _, s in used)
        factor = int(waves) / int(ideal_waves) if int(ideal_waves) else 1
        conflicts = f"{factor:.3f}" if int(ideal_waves) else "–"
        seconds, bound = limit(name, float(least), int(waves))
        rows.append(f"| {name} | {int(distinct) * 32 / float(least):.3f} | {int(sectors) / int(ideal):.3f} | {conflicts} | {registers} | {spills} | "
                    f"{seconds * 1e6:.0f} µs | {bound} |")
    text = open("docs/gpu.md").read()
    start, end = "<!-- table -->\n", "<!-- end of table -->"
    before, after = text.split(start)[0], text.split(end)[1]
    open("docs/gpu.md", "w").write(before + start + "\n".join(rows) + "\n" + end + after)


main()
