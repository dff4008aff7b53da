#!/usr/bin/env python3
"""What --scales and --flip are worth: bench/views.py SSGCAM DATA [FOLDER] > bench/results/views.md

A recipe is searched on the 56 labelled images of DATA/blood-wbc-masks in the network's own size, for the cell and for its nucleus; masks of the other 100 are
then made with several views of each image and scored at the images' own size, beside those of the searched images. Threshold and weights stay those of the
recipe. Work: pixels that go through the network, where one view is 1."""
import json
import os
import sys
import tempfile
from pathlib import Path

from program import timed
from search_figures import table_of

ROOT = Path(__file__).resolve().parent.parent
MODEL = ROOT / "demo/train/wbc.onnx"
CLASSES = "neutrophil lymphocyte monocyte eosinophil basophil"
VIEWS = [[], ["--flip"], ["--scales", "0.75,1,1.25"], ["--scales", "0.75,1,1.25", "--flip"], ["--scales", "1,1.5"], ["--scales", "1,1.5", "--flip"],
         ["--scales", "0.5,1,1.5,2"], ["--scales", "0.5,1,1.5,2", "--flip"]]


def object_iou(program, masks, table, split, values):
    """Mean IoU of background and object, percent."""
    text, _ = timed(program, "eval", "masks", "--masks", masks, "--data", table, "--split", split, "--mask-values", values, "--json")
    return 100 * json.loads(text)["object_mean_iou"]


def main(program, data, folder):
    table = table_of(data, "blood-wbc-masks", folder)
    Path(folder, "classes.txt").write_text(CLASSES.replace(" ", "\n") + "\n")
    print(__doc__.split("\n\n", 1)[1])
    for title, values in (("cell", "object"), ("nucleus", "object>=2")):
        recipe = os.path.join(folder, title + ".json")
        timed(program, "search", MODEL, "--data", table, "--split", "search", "--mask-values", values, "--fitness", "object", "-o", recipe)
        print(f"\n**{title}**, mean IoU of background and object, percent\n\n| views | searched | held out | work |\n| --- | --- | --- | --- |")
        for number, views in enumerate(VIEWS):
            scores = []
            work = sum(float(scale) ** 2 for scale in (views[1] if "--scales" in views else "1").split(",")) * (2 if "--flip" in views else 1)
            for split in ("search", "test"):
                out = os.path.join(folder, f"{title}-{number}-{split}")
                timed(program, "generate", MODEL, "--data", table, "--split", split, "-r", recipe, "-o", out, "--fresh", *views)
                scores.append(object_iou(program, out + "/masks", table, split, values))
            print(f"| {' '.join(views) or 'one'} | {scores[0]:.2f} | {scores[1]:.2f} | {work:.4g} |", flush=True)


if __name__ == "__main__":
    main(os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else tempfile.mkdtemp())
