#!/usr/bin/env python3
"""What boxes are worth where there are no masks: python bench/box_truth.py SSGCAM DATA [VGG16] > bench/results/box_truth.md

SSGCAM: the program. DATA: the folder of the pack blood-wbc-masks, whose masks give the boxes. VGG16: the demo's network, for the tumours of demo/data.
A recipe is searched on masks, boxes and ellipses of the same images; all are scored on the masks of other images."""
import csv
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image

ROOT = pathlib.Path(__file__).parent.parent
METHODS = "ssgcam,layercam,gradcam,gradcampp,xgradcam"


def box_of(path, least):
    mask = np.asarray(Image.open(path))
    y, x = np.nonzero((mask >= least) & (mask < 255))
    return f"{x.min()} {y.min()} {x.max() + 1} {y.max() + 1}"


def write_cells(root, path, least):
    with open(path, "w") as out:
        print("image,label,mask,boxes,split", file=out)
        for r in csv.DictReader(open(os.path.join(root, "manifest.csv"))):
            if r["split"] in ("search", "test"):
                mask = f"{root}/{r['mask']}"
                print(f"{root}/{r['image']},{r['label']},{mask},{box_of(mask, least)},{r['split']}", file=out)
    return path


def report(program, folder, title, model, table, masks, options):
    def run(command, *more):
        text = subprocess.run([program, *command, str(model), "--data", str(table), "--json", "-q", *more], check=True, stdout=subprocess.PIPE, text=True).stdout
        return json.loads(text)

    for truth in (masks, "boxes", "ellipses"):
        recipe = os.path.join(folder, "recipe.json")
        found = run(["search"], "--split", "search", "--mask-values", truth, "--fitness", "object", "-l", "all", *options, "--cache", folder + "/banks", "--fresh",
                    "-o", recipe)
        scored = run(["eval", "masks"], "--split", "test", "--mask-values", masks, "-r", recipe)
        own = found["entries"][-1]["searched"]["object_miou"]
        name = truth if truth in ("boxes", "ellipses") else "masks"
        print(f"| {title} | {name} | {100 * own:.1f} | {100 * scored['object_mean_iou']:.1f} | {100 * scored['object_iou']:.1f} |", flush=True)


def main(program, data, vgg=None):
    root, wbc = os.path.join(data, "blood-wbc-masks"), ROOT / "demo/train/wbc.onnx"
    print("# Boxes in place of masks\n\n`bench/box_truth.py`. A recipe is searched on the masks of the search images, on their boxes (`--mask-values boxes`: filled) or on the ellipses in them "
          "(`--mask-values ellipses`), and scored on the masks of the test images at their own size, with its own threshold. Percent; *own*: of the search images, against what was searched "
          "on. Cells: rows of five methods; tumours: rows of SSG-CAM.\n")
    print("| object | searched on | own mIoU | mIoU of masks | object |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for title, masks, least in (("white blood cell", "object", 1), ("its nucleus", "object>=2", 2)):
            report(program, folder, title, wbc, write_cells(root, os.path.join(folder, f"{least}.csv"), least), masks, ["-m", METHODS])
        if vgg:
            report(program, folder, "brain tumour", vgg, ROOT / "demo/data", "object", ["--sigmas", "1,2,4,8", "--combine", "product"])


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(*sys.argv[1:])
