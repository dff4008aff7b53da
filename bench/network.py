#!/usr/bin/env python3
"""The network's time beside oneDNN's own time for its convolutions, in one run: bench/network.py MODEL.onnx [BATCH] > bench/results/network.txt

oneDNN reports how long each primitive ran (DNNL_VERBOSE=1). The network's time is what `ssgcam bench` measures for the forward pass and the data-gradient
backward pass; what is above the sum of the convolutions is everything else: pools, gates, layout changes, the dense head, and our own bookkeeping. Convolutions of
one image (Winograd's) run side by side, an image a thread, and count by the thread. The medians are over passes. Goal: at most 1.10 times (VGG16, batch 4, 2 threads, gradients down to the first of the five stages' last layers, which is the default)."""
import collections
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = os.environ.get("SSGCAM", ROOT / "build/release/ssgcam")
REPEAT, WARM = 7, 2


def main(model, batch=4, threads=2):
    command = [PROGRAM, "bench", model, "--method", "gradcam", "--batch", str(batch), "--threads", str(threads), "--repeat", str(REPEAT), "--json"]
    text = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | {"DNNL_VERBOSE": "1"}).stdout
    runs = [line.split(",") for line in text.splitlines() if line.startswith("onednn_verbose,exec,cpu,")]
    result = json.loads("\n".join(line for line in text.splitlines() if not line.startswith("onednn_verbose")))
    version = next(line.split(",")[2] for line in text.splitlines() if line.startswith("onednn_verbose,info,oneDNN"))

    # The same primitives run in every pass, in the same order; the weights' reorders before the first one do not count.
    convolutions = [r for r in runs if r[3] == "convolution"]
    each = len(convolutions) // (REPEAT + WARM)
    assert each * (REPEAT + WARM) == len(convolutions), "the passes differ"
    beside = min(threads, batch)
    own_ms = [float(r[-1]) / (beside if any(field.startswith("mb1_") for field in r) else 1) for r in convolutions]
    sums = [sum(own_ms[i * each : (i + 1) * each]) for i in range(WARM, REPEAT + WARM)]
    others = collections.Counter()
    for r in runs:
        if r[3] != "convolution":
            others[r[3]] += float(r[-1]) / (REPEAT + WARM)
    network = (result["forward_ms"] + result["backward_ms"]) * batch
    own = statistics.median(sums)
    print(f"{Path(model).name}, batch {batch}, {threads} threads, {version}, fp32; medians of {REPEAT} passes")
    print(f"network, forward and backward   {network:9.1f} ms a batch")
    print(f"oneDNN's {each} convolutions      {own:9.1f} ms by its own count (from {min(sums):.1f} to {max(sums):.1f})")
    print(f"ratio                           {network / own:9.3f}")
    print("other primitives of oneDNN      " + ", ".join(f"{kind} {ms:.1f} ms" for kind, ms in others.most_common()))


if __name__ == "__main__":
    main(sys.argv[1], *(int(a) for a in sys.argv[2:]))
