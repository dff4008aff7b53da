#!/usr/bin/env python3
"""Lines of the CUDA backend that the tests on the simulated device executed: cuda-coverage.py BUILD [--least PERCENT] [--missing].

Prints a line a file; fails if all together, or any file of them, falls below PERCENT. gcov does the counting; a line of a template counts as executed if it was in
any of its instances."""
import argparse
import collections
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PARTS = ("kernels/cuda/", "host/device/cuda/")


def executed_lines(build):
    counts = collections.defaultdict(lambda: collections.defaultdict(int))
    for data in sorted(pathlib.Path(build).resolve().rglob("*.gcno")):
        out = subprocess.run(["gcov", "--json-format", "--stdout", str(data)], capture_output=True, text=True, check=True, cwd=data.parent).stdout
        for text in filter(None, out.splitlines()):
            for file in json.loads(text)["files"]:
                name = str((ROOT / file["file"]).resolve().relative_to(ROOT)) if str(ROOT) in file["file"] else file["file"]
                if name.startswith(PARTS):
                    for line in file["lines"]:
                        counts[name][line["line_number"]] += line["count"]
    return counts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--least", type=float, default=0)
    parser.add_argument("--missing", action="store_true", help="name the lines that were not executed")
    options = parser.parse_args()
    counts = executed_lines(options.build)
    if not counts:
        sys.exit(f"{options.build} holds no counts: build the preset cudasim and run its tests")
    total = done = 0
    for name in sorted(counts):
        lines, hit = len(counts[name]), sum(count > 0 for count in counts[name].values())
        total, done = total + lines, done + hit
        print(f"{100 * hit / lines:6.1f} %  {hit:4} of {lines:4}  {name}")
        if options.missing and hit < lines:
            print("          ", *sorted(line for line, count in counts[name].items() if not count))
    share = 100 * done / total
    print(f"{share:6.1f} %  {done:4} of {total:4}  lines of the CUDA backend executed on the simulated device")
    if share < options.least:
        sys.exit(f"less than {options.least:g} %")


main()
