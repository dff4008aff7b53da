"""PxAP by `ssgcam eval masks --maps` beside NumPy's histograms, as the published program has them, and scikit-learn's average precision of all pixels:
processor time on the same files, interleaved, and how far the figures are apart.

    python3 bench/pixels.py > bench/results/pixels.md

Maps: seeded, smooth, of the images' own size, for the 60 images of demo/data that have the split `test`; floats, and rounded to 256 levels. Needs a release
build and the Python packages numpy, scipy, scikit-learn, pillow."""
import csv
import json
import pathlib
import statistics
import tempfile
import time

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter
from sklearn.metrics import average_precision_score

import program

ROOT = pathlib.Path(__file__).parent.parent
PROGRAM, DATA, ROUNDS = ROOT / "build/release/ssgcam", ROOT / "demo/data", 3
EDGES = np.append(np.arange(0, 1, 0.001), [1.0, 2.0, 3.0])


def write_maps(folder, levels):
    rng, names = np.random.default_rng(4), []
    classes = (DATA / "classes.txt").read_text().split("\n")
    with open(DATA / "data.csv") as table:
        for row in [r for r in csv.DictReader(table) if r["split"] == "test"]:
            truth = np.asarray(Image.open(DATA / row["mask"])) > 0
            values = gaussian_filter(rng.standard_normal(truth.shape), 8) * 20 + gaussian_filter(truth.astype(np.float64), 12)
            values = (values - values.min()) / (values.max() - values.min())
            values = np.round(values * 255) / 255 if levels else values
            name = f"{pathlib.Path(row['image']).stem}.{classes.index(row['labels'])}.npy"
            np.save(folder / name, values.astype(np.float32))
            names.append((folder / name, DATA / row["mask"]))
    return names


def read(map_path, mask_path):
    values = np.load(map_path).astype(np.float64)
    values -= values.min()
    return values / values.max(), np.asarray(Image.open(mask_path)) > 0


def by_histograms(names):
    counts = np.zeros((2, len(EDGES) - 1), np.int64)
    for values, truth in (read(*n) for n in names):
        counts[0] += np.histogram(values[truth], bins=EDGES)[0]
        counts[1] += np.histogram(values[~truth], bins=EDGES)[0]
    true, false = counts[:, ::-1].cumsum(1).astype(np.float64)
    found = true + false != 0
    precision = np.divide(true, true + false, where=found, out=np.zeros_like(true))
    return (precision[1:] * np.diff(true / true[-1])).sum()


def by_scikit_learn(names):
    values, truth = zip(*(tuple(a.ravel() for a in read(*n)) for n in names))
    return average_precision_score(np.concatenate(truth), np.concatenate(values))


def ours(folder):
    text, seconds = program.timed(PROGRAM, "eval", "masks", "--maps", folder, "--data", DATA, "--split", "test", "--mask-values", "object", "--json", "-q")
    return json.loads(text)["px_ap"], seconds


def timed(function, *arguments):
    started = time.process_time()
    return function(*arguments), time.process_time() - started


def main():
    print(f"# PxAP\n\n`bench/pixels.py`. Processor time of 60 maps, medians of {ROUNDS} interleaved rounds; *ratio*: median, least to most. Ours: the whole program, which also gives IoU at all")
    print("thresholds; the others: reading maps and masks, and the figure.\n")
    print("| maps | ours | NumPy's histograms | ratio | scikit-learn | ratio | PxAP less NumPy's | less scikit-learn's |\n| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, levels in (("floats", 0), ("256 levels", 1)):
        with tempfile.TemporaryDirectory() as folder:
            names, rounds = write_maps(pathlib.Path(folder), levels), []
            for _ in range(ROUNDS):
                rounds.append((ours(folder), timed(by_histograms, names), timed(by_scikit_learn, names)))
        times = [statistics.median(r[k][1] for r in rounds) for k in range(3)]
        ratios = [sorted(r[k][1] / r[0][1] for r in rounds) for k in (1, 2)]
        say = [f"{statistics.median(r):.1f} × ({r[0]:.1f} to {r[-1]:.1f})" for r in ratios]
        apart = [abs(rounds[0][0][0] - rounds[0][k][0]) for k in (1, 2)]
        print(f"| {name} | {times[0]:.2f} s | {times[1]:.2f} s | {say[0]} | {times[2]:.2f} s | {say[1]} | {apart[0]:.0e} | {apart[1]:.0e} |")


if __name__ == "__main__":
    main()
