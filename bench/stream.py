"""`ssgcam generate` from end to end: its time beside the network's own time in the same run, and its peak memory for 200 and for 2,000 images.

    python3 bench/stream.py VGG16.onnx SMALL.onnx > bench/results/stream.md

The images are those of demo/data under fresh names, so that decoding and writing are real. Needs a release build."""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parent.parent
PROGRAM = ROOT / "build/release/ssgcam"


def make_data(folder, count):
    source = sorted((ROOT / "demo/data/images").glob("*.jpg"))
    folder.mkdir()
    with open(folder / "data.csv", "w") as table:
        print("image,labels,mask", file=table)
        for i in range(count):
            (folder / f"{i:05d}.jpg").write_bytes(source[i % len(source)].read_bytes())
            mask = ROOT / f"demo/data/masks/{source[i % len(source)].stem}.png"
            print(f"{i:05d}.jpg,{i % 2},{mask.resolve()}", file=table)


def generate(model, data, out, *flags):
    """The JSON result and the peak resident memory of the process in MiB."""
    command = [PROGRAM, "generate", model, "--data", data, "-o", out, "--json", "--quiet", *flags]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"generate failed with {status}")
    return json.loads(text), usage.ru_maxrss / 1024


def main(large, small):
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        for count in (24, 200, 2000):
            make_data(work / f"data{count}", count)
        ratios = []
        for i in range(3):
            result, _ = generate(large, work / "data24", work / f"large{i}", "--layers", "auto")
            ratios.append(result["total_ms"] / result["network_ms"])
        print(f"generate, {pathlib.Path(large).name}, 24 images of 512 x 512, SSG-CAM over five layers, fp32: end to end / network "
              f"{statistics.median(ratios):.3f} (three runs: {', '.join(f'{r:.3f}' for r in ratios)}); goal 1.15\n")
        peaks = {n: generate(small, work / f"data{n}", work / f"small{n}")[1] for n in (200, 2000)}
        print(f"peak memory, {pathlib.Path(small).name}: 200 images {peaks[200]:.1f} MiB, 2,000 images {peaks[2000]:.1f} MiB, "
              f"ratio {peaks[2000] / peaks[200]:.3f}; goal 1.05")


if __name__ == "__main__":
    main(*sys.argv[1:])
