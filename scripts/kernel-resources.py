#!/usr/bin/env python3
"""Registers, shared memory and spills of every kernel, as ptxas reported them in a build: kernel-resources.py BUILD [--write FILE | --check FILE].

--check fails if a kernel spills, or takes more registers than FILE says, or is not in it: then run --write and look at the difference."""
import pathlib
import re
import subprocess
import sys


def read(build):
    rows = {}
    for path in sorted(pathlib.Path(build).rglob("*.ptxas")):
        kernel = arch = None
        for line in path.read_text().splitlines():
            if found := re.search(r"Compiling entry function '(\w+)' for '(sm_\d+)'", line):
                kernel, arch = found.groups()
                rows[kernel, arch] = [0, 0, 0, 0]
            if found := re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", line):
                stack, stores, loads = map(int, found.groups())
                if kernel:
                    rows[kernel, arch][2:] = [stack, stores + loads]
            if found := re.search(r"Used (\d+) registers", line):
                rows[kernel, arch][0] = int(found.group(1))
                shared = re.search(r"(\d+) bytes smem", line)
                rows[kernel, arch][1] = int(shared.group(1)) if shared else 0
    names = sorted({kernel for kernel, _ in rows})
    plain = subprocess.run(["c++filt"], input="\n".join(names), capture_output=True, text=True, check=True).stdout.split("\n")
    short = {name: re.sub(r"\(.*$", "", text).replace("void ", "") for name, text in zip(names, plain)}
    return {(short[kernel], arch): values for (kernel, arch), values in rows.items()}


def text_of(rows):
    lines = ["# kernel arch registers static_shared stack spills; written by scripts/kernel-resources.py"]
    lines += [" ".join([kernel.replace(" ", ""), arch, *map(str, values)]) for (kernel, arch), values in sorted(rows.items())]
    return "\n".join(lines) + "\n"


def check(rows, path):
    known = {tuple(line.split()[:2]): list(map(int, line.split()[2:])) for line in open(path) if not line.startswith("#")}
    bad = 0
    for (kernel, arch), (registers, _, stack, spills) in sorted(rows.items()):
        name = kernel.replace(" ", "")
        old = known.get((name, arch))
        if spills:
            print(f"{name} on {arch} spills {spills} bytes")
        elif old is None:
            print(f"{name} on {arch} is not in {path}")
        elif registers > old[0] or stack > old[2]:
            print(f"{name} on {arch} takes {registers} registers and {stack} bytes of stack, {path} says {old[0]} and {old[2]}")
        else:
            continue
        bad += 1
    print(f"{len(rows)} kernels and architectures, {bad} worse than recorded")
    return bad != 0 or not rows


rows = read(sys.argv[1])
if "--write" in sys.argv:
    open(sys.argv[3], "w").write(text_of(rows))
elif "--check" in sys.argv:
    sys.exit(check(rows, sys.argv[3]))
else:
    print(text_of(rows), end="")
