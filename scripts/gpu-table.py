#!/usr/bin/env python3
"""Writes the table of docs/gpu.md: gpu-table.py BENCH_CUDA_SIMULATED. What kernels move comes from the simulated device, registers and spills from
docs/kernel-resources.txt (ptxas), the time on an H100 is calculated from them and from the limits below."""
import subprocess
import sys

HBM = 3.0e12  # bytes a second: nine tenths of the data sheet's 3.35 TB/s, what copies reach
SHARED = 132 * 128 * 1.755e9  # bytes a second: processors x bytes a clock x clocks
ISSUE = 132 * 4 * 1.755e9  # warp instructions a second
CACHE = 5.5e12  # bytes a second from the L2 cache, which has what is asked for again (an assumption)
ATOMIC = 80 * 1.755e9  # sectors a second that atomics change in the L2 cache: an assumption, one a clock and slice

# The sizes of bench/bench_cuda.c on a GPU: 40 rows (8 images of 5 classes) of a layer of 256 x 56 x 56, a grid of 224 x 224; a bank of 64 images of
# 224 x 224 with 96 rows, 256 candidates of 8 layers.
PLANE, GRID = 56 * 56, 224 * 224
ELEMENTS, BANK, PAIRS = 40 * 256 * PLANE, 64 * GRID, 64 * GRID * 256
# Instructions an element, counted in the machine code for sm_90: sigma 2 (68 of them are the multiplications); what coherence adds; what sigma 1 adds.
SMOOTHING, COHERENCE, SIGMA_1 = 146, 30, 85
# Of scoring, in the same machine code, by a lane for a pixel, a candidate of 8 layers and a class: fusing (64 for 16 pixels of four layers, 20 more for
# their addresses), a maximum, the first and another class compared, counting (background and a class). Of levels 12 a pixel, and once for a tile, a
# candidate and a class that wins some of it (here all do) 300: what to multiply by, the histogram to the device; with several classes 7 a pixel for the
# truth as each sees it. A lane has 16 pixels, 8 where three classes of 96 rows share a tile's memory.
FUSING, FUSING_OF_8 = 2 * (64 + 20) / 16, 2 * (32 + 20) / 8
MAXIMUM, FIRST, ANOTHER, COUNTING, LEVELS, ONCE, SEEING = 7, 14, 10, 20, 12, 300, 7
SCORING = {  # pixels times candidates times this are instructions of a lane
    "score, maxima": FUSING + MAXIMUM,
    "score, maxima, 3 classes": 3 * (FUSING_OF_8 + 2 * MAXIMUM),
    "score, counts": FUSING + FIRST + COUNTING,
    "score, levels": FUSING + FIRST + LEVELS + ONCE / 16,
    "score, levels, 3 classes": 3 * (FUSING_OF_8 + LEVELS + SEEING + ONCE / 8) + FIRST + 2 * ANOTHER,
}
CASES = {  # bytes, warp instructions
    "ssgcam, sigma 2": (8 * ELEMENTS, SMOOTHING * ELEMENTS / 32),
    "ssgcam, sigma 2, both combinations": (8 * ELEMENTS, (SMOOTHING + COHERENCE) * ELEMENTS / 32),
    "ssgcam, sigma 1 and 2": (8 * ELEMENTS, (SMOOTHING + SIGMA_1) * ELEMENTS / 32),
    "ssgcam, channel weights": (8 * ELEMENTS, SMOOTHING * ELEMENTS / 32),
    "ssgcam, NHWC": (8 * ELEMENTS, SMOOTHING * ELEMENTS / 32),
    "layercam": (8 * ELEMENTS, 0),
    "ssgcam, bf16": (4 * ELEMENTS, (SMOOTHING + 2) * ELEMENTS / 32),  # and two widenings
    "layercam, bf16": (4 * ELEMENTS, 0),
    "layercam, NHWC": (8 * ELEMENTS, 0),
    "ssgcam, fp16": (4 * ELEMENTS, (SMOOTHING + 2) * ELEMENTS / 32),
    "gradcam++": (12 * ELEMENTS, 0),  # the activation twice: for the weights and for the sum
    "gradcam": (8 * ELEMENTS, 0),
    "normalise": (8 * 40 * PLANE, 0),
    "resize": (4 * 40 * (PLANE + GRID), 0),
    "quantise": (40 * (4 * PLANE + GRID), 0),
    "mix": (4 * 40 * (PLANE + GRID), 0),
    "resize_fused": (10 * GRID, 0),
    "label": (12 * GRID, 0),
    "confusion": (8 * GRID, 0),
    **{name: ((289 if "3 classes" in name else 97) * BANK, PAIRS * lane / 32) for name, lane in SCORING.items()},
    "bias and ReLU": (8 * ELEMENTS, 0),
    "ReLU, gradient": (12 * ELEMENTS, 0),
    "sum of two": (12 * ELEMENTS, 0),
    "NHWC to planes": (8 * ELEMENTS, 0),
    "strided copy": (8 * ELEMENTS, 0),
    "mean over a plane": (4 * ELEMENTS, 0),
    "max pool 2": (6 * ELEMENTS, 0),
    "max pool 2, gradient": (6 * ELEMENTS, 0),
    "average pool 3": (8 * ELEMENTS, 0),
    "average pool 3, gradient": (8 * ELEMENTS, 0),
    "softmax": (8 * 40 * 1000, 0),
    "softmax, gradient": (12 * 40 * 1000, 0),
    "score, best thresholds": ((3 * 4 + 3 * 8) * 256 * 256, 0),
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


def limit(case, larger, sectors, waves, atomics):
    memory, issue = CASES[case]
    shared = 0 if case in STAND_IN else 128 * waves * larger  # what the simulated device counted, at the size of CASES
    times = {"memory": memory / HBM, "shared memory": shared / SHARED, "instructions": issue / ISSUE, "the launch": 3e-6,
             "the cache": 32 * sectors * larger / CACHE, "atomics": 0 if case in STAND_IN else atomics * larger / ATOMIC}
    bound = max(times, key=times.get)
    return times[bound], bound


def main():
    known = resources()
    rows = ["| operation | moved ÷ least | sectors ÷ ideal | shared passes ÷ ideal | atomics, sectors | registers | spills | H100, calculated | bound by |",
            "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"]
    for line in subprocess.run([sys.argv[1]], capture_output=True, text=True, check=True).stdout.splitlines():
        name, kernel, least, distinct, sectors, ideal, waves, ideal_waves, atomics, pairs = line.split("|")
        larger = PAIRS / int(pairs) if name in SCORING else CASES[name][0] / float(least)
        used = [value for key, value in known.items() if key.startswith(kernel.replace(" ", ""))]
        registers, spills = max(r for r, _ in used), max(s for _, s in used)
        factor = int(waves) / int(ideal_waves) if int(ideal_waves) else 1
        conflicts = f"{factor:.3f}" if int(ideal_waves) else "–"
        seconds, bound = limit(name, larger, int(sectors), int(waves), int(atomics))
        added = f"{int(atomics) * larger / 1e6:.1f} M" if name in SCORING else "–"
        rows.append(f"| {name} | {int(distinct) * 32 / float(least):.3f} | {int(sectors) / int(ideal):.3f} | {conflicts} | {added} | {registers} | {spills} | "
                    f"{seconds * 1e6:.0f} µs | {bound} |")
    text = open("docs/gpu.md").read()
    start, end = "<!-- table -->\n", "<!-- end of table -->"
    before, after = text.split(start)[0], text.split(end)[1]
    open("docs/gpu.md", "w").write(before + start + "\n".join(rows) + "\n" + end + after)


main()
