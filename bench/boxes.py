"""`ssgcam eval boxes` beside OpenCV's contours at each of 1000 thresholds, as the usual evaluation of localisation does it: processor time of the same
maps, interleaved, and whether the accuracies are equal at every threshold.

    python3 bench/boxes.py MODEL.onnx... > bench/results/boxes.md

Maps: the last and the first candidate layer of each model on 60 images of demo/data. Needs opencv-python and a release build."""
import csv
import json
import pathlib
import statistics
import sys
import tempfile
import time

import cv2
import numpy as np
from PIL import Image

from program import timed

ROOT = pathlib.Path(__file__).parent.parent
PROGRAM, DATA = ROOT / "build/release/ssgcam", ROOT / "demo/data"
ROUNDS, DELTAS, TAUS = 5, (0.3, 0.5, 0.7), np.arange(0, 1, 0.001)


def read_items():
    classes = (DATA / "classes.txt").read_text().split("\n")
    with open(DATA / "data.csv") as table:
        for row in csv.DictReader(table):
            if row["split"] == "test":
                stem = pathlib.Path(row["image"]).stem
                x0, y0, x1, y1 = map(int, row["boxes"].split())
                yield f"{stem}.{classes.index(row['labels'])}.npy", (x0, y0, x1 - 1, y1 - 1), Image.open(DATA / row["image"]).size


def iou(boxes, truth):
    boxes = np.asarray(boxes)
    low, high = np.maximum(boxes[:, :2], truth[:2]), np.minimum(boxes[:, 2:], truth[2:])
    both = np.clip(high - low + 1, 0, None).prod(1)
    area = (boxes[:, 2:] - boxes[:, :2] + 1).prod(1) + (truth[2] - truth[0] + 1) * (truth[3] - truth[1] + 1)
    return both / (area - both)


def score_map(scores, truth, hits):
    height, width = scores.shape
    q = (scores * 255).astype(np.uint8)
    for i, tau in enumerate(TAUS):
        _, mask = cv2.threshold(q, int(tau * q.max()), 255, cv2.THRESH_BINARY)
        contours = cv2.findContours(mask, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)[-2]
        boxes, largest = [(0, 0, 0, 0)], 0
        if contours:
            boxes = [(x, y, min(x + w, width - 1), min(y + h, height - 1)) for x, y, w, h in map(cv2.boundingRect, contours)]
            largest = max(range(len(contours)), key=lambda k: cv2.contourArea(contours[k]))
        values = iou(boxes, truth)
        for d, delta in enumerate(DELTAS):
            hits[0, d, i] += values[largest] >= delta
            hits[1, d, i] += values.max() >= delta


def opencv(maps, items):
    """Hits [largest, any][IoU][threshold], and processor seconds."""
    hits = np.zeros((2, 3, len(TAUS)))
    started = time.process_time()
    for name, box, (image_width, image_height) in items:
        scores = np.load(maps / name).astype(np.float64)
        height, width = scores.shape
        scores = (scores - scores.min()) / max(scores.max() - scores.min(), 1e-30)
        scale = np.array([width / image_width, height / image_height] * 2)
        score_map(scores, (np.array(box) * scale).astype(int), hits)
    return hits / len(items), time.process_time() - started


def measure(model, items):
    layers = [l["name"] for l in json.loads(timed(PROGRAM, "inspect", model, "--json")[0])["layers"] if l["candidate"]]
    for layer in layers[-1], layers[0]:
        with tempfile.TemporaryDirectory() as work:
            work = pathlib.Path(work)
            timed(PROGRAM, "generate", model, "--data", DATA, "--split", "test", "-l", layer, "-o", work / "run", "--maps", "-q")
            maps, times = work / "run/maps", []
            for _ in range(ROUNDS):
                ours = timed(PROGRAM, "eval", "boxes", "--maps", maps, "--data", DATA, "--split", "test", "--curve", work / "curve.csv", "-q")[1]
                hits, theirs = opencv(maps, items)
                times.append((ours, theirs))
            curve = np.loadtxt(work / "curve.csv", delimiter=",", skiprows=1)[:, 1:].T.reshape(2, 3, -1)
            differ = int((np.abs(curve[:, :, (TAUS * 255).astype(int)] - hits) > 1e-7).sum())
            ratios = sorted(b / a for a, b in times)
            size = "%d x %d" % np.load(maps / items[0][0]).shape
            ours, theirs = (1000 * statistics.median(t[k] for t in times) / len(items) for k in (0, 1))
            print(f"| {pathlib.Path(model).name} `{layer}` | {size} | {ours:.1f} | {theirs:.0f} | {statistics.median(ratios):.0f} × ({ratios[0]:.0f} to {ratios[-1]:.0f}) | {differ} of 6000 |", flush=True)


def main(*models):
    cv2.setNumThreads(1)
    items = list(read_items())
    print("# Localisation at 1000 thresholds\n\n`bench/boxes.py`. Processor time for 60 maps, medians of", ROUNDS, "interleaved rounds; *ratio*: median, least to most.\n")
    print("ours: the whole program, reading maps and images included. OpenCV: threshold, contours, greatest area, boxes, IoU with NumPy.\n")
    print("| maps | size | ours, ms a map | OpenCV, ms a map | ratio | accuracies that differ |\n| --- | --- | --- | --- | --- | --- |")
    for model in models:
        measure(model, items)


if __name__ == "__main__":
    main(*sys.argv[1:])
