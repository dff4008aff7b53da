#!/usr/bin/env python3
"""Differential evolution beside SciPy's, the same number of evaluations: medians over 25 seeds.

    python bench/evolve_peers.py build/release/bench/bench_evolve > bench/results/evolve.md

SciPy: differential_evolution as it comes (best1bin, dither 0.5..1, CR 0.7, population 15 D) but for polish (a gradient method, not DE), tol 0 (the whole budget is
used) and vectorized (deferred updating)."""
import subprocess
import sys

import numpy as np
import scipy
from scipy.optimize import differential_evolution

SEEDS, EVALUATIONS = 25, 2000  # evaluations per dimension
ADAPTATIONS = ["lshade", "jso", "jde"]


def offsets(d):
    return np.where(np.arange(d) % 2 == 1, 0.3, -0.2)


def sphere(x):
    return ((x - 100 * offsets(len(x))[:, None]) ** 2).sum(0)


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum(0)


def rastrigin(x):
    z = x - 5.12 * offsets(len(x))[:, None]
    return 10 * len(x) + (z**2 - 10 * np.cos(2 * np.pi * z)).sum(0)


FUNCTIONS = {"sphere": (sphere, 100), "rosenbrock": (rosenbrock, 30), "rastrigin": (rastrigin, 5.12)}


def theirs(name, d):
    function, bound = FUNCTIONS[name]
    generations = EVALUATIONS * d // (15 * d) - 1
    values = []
    for seed in range(1, SEEDS + 1):
        result = differential_evolution(function, [(-bound, bound)] * d, maxiter=generations, tol=0, atol=0, polish=False, vectorized=True,
                                        updating="deferred", seed=seed)
        values.append(result.fun)
    return np.median(values)


def ours(program, name, adaptation, d):
    out = subprocess.run([program, name, adaptation, str(d), str(EVALUATIONS * d), str(SEEDS)], check=True, capture_output=True, text=True).stdout
    return np.median([float(line) for line in out.split()])


def main(program):
    print(f"# Differential evolution beside SciPy {scipy.__version__}\n")
    print(f"Distance from the minimum: median of {SEEDS} seeds after {EVALUATIONS} x D evaluations (`bench/evolve_peers.py`).\n")
    print("| function | D | " + " | ".join(ADAPTATIONS) + " | SciPy |\n| --- | --- |" + " --- |" * (len(ADAPTATIONS) + 1))
    for name in FUNCTIONS:
        for d in (10, 30):
            values = [ours(program, name, adaptation, d) for adaptation in ADAPTATIONS] + [theirs(name, d)]
            print(f"| {name} | {d} | " + " | ".join(f"{v:.3g}" for v in values) + " |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
