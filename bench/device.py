#!/usr/bin/env python3
"""`generate` and `search` on a device beside the processor, end to end: bench/device.py MODEL... [--device cuda] [--images N] [--evaluations N]

Images are those of demo/data under fresh names; a search has as many of them, with their masks, every layer of the model and 24 maps of each. Seconds of
a search are those of its log: the bank (network, maps, quantising) and the candidates. SSGCAM: the program (build/cuda/ssgcam)."""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from stream import make_data

ROOT = pathlib.Path(__file__).parent.parent
PROGRAM = os.environ.get("SSGCAM", ROOT / "build/cuda/ssgcam")
GRID = ["--layers", "all", "--sigmas", "1,2,4,8", "--combine", "both", "--powers", "0.25,0.5,1", "--mask-values", "object"]


def run(*arguments):
    done = subprocess.run([str(a) for a in (PROGRAM, *arguments, "--json", "--quiet")], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"device.py: ssgcam {arguments[0]} ended with {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def generate(model, device, data, work):
    """Images a second."""
    result = run("generate", model, "--data", data, "--layers", "auto", "--device", device, "--fresh", "-o", work / "masks")
    return 1000 * result["written"] / result["total_ms"]


def search(model, device, data, work, evaluations):
    """Images a second of the bank, and candidates a second."""
    result = run("search", model, "--data", data, *GRID, "--runs", 1, "--evaluations", evaluations, "--cache", "none", "--device", device, "--fresh",
                 "-o", work / "recipe.json")
    log = json.loads((work / "recipe.log.jsonl").read_text().splitlines()[-1])
    bank, candidates = (max(log[name], 0.0005) for name in ("bank_seconds", "search_seconds"))  # they are written in milliseconds
    return result["searched"] / bank, evaluations / candidates


def measure(model, device, work, evaluations):
    run("generate", model, "--data", work / "one", "--layers", "auto", "--device", device, "--fresh", "-o", work / "masks")  # loads what is loaded once
    return generate(model, device, work / "all", work), *search(model, device, work / "all", work, evaluations)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("models", nargs="+")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--evaluations", type=int, default=12800)
    o = parser.parse_args()
    print(f"{o.images} images of 512 x 512, {o.evaluations} candidates; a second\n")
    print(f"| model | what | cpu | {o.device} | ratio | goal |\n| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        make_data(work / "one", 1)
        make_data(work / "all", o.images)
        for model in o.models:
            both = zip(*(measure(model, device, work, o.evaluations) for device in ("cpu", o.device)))
            for what, goal, (processor, device) in zip(("generate, images", "bank of a search, images", "search, candidates"), ("", "", 20), both):
                print(f"| {pathlib.Path(model).name} | {what} | {processor:.4g} | {device:.4g} | {device / processor:.2f} | {goal} |", flush=True)


main()
