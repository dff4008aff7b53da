#!/usr/bin/env python3
"""The methods beside each other on real images: python bench/experiments.py SSGCAM DATA FOLDER > bench/results/experiments.md

SSGCAM: the program. DATA: the folder of the packs blood-wbc-masks (its network is demo/train/wbc.onnx), caltech101-imagenet and models. FOLDER keeps what was made: a
second call goes on where the first one stopped. The brain tumours are in results/search.md."""
import csv
import os
import sys

from program import kept

HERE = os.path.dirname(os.path.abspath(__file__))
METHODS = dict(gradcam="Grad-CAM", gradcampp="Grad-CAM++", xgradcam="XGrad-CAM", layercam="LayerCAM", smoothgradcampp="Smooth Grad-CAM++", scorecam="Score-CAM",
               ssgcam="SSG-CAM")
WHERE = dict(last="last layer", auto="stages, equally")


class Task:
    """A network, a pack of images with split, label and perhaps mask and box, and the options that both need."""

    def __init__(self, program, folder, name, model, rows, classes, masks=None, more=(), without=()):
        self.program, self.folder, self.model, self.masks, self.more, self.without = program, os.path.join(folder, name), model, masks, list(more), without
        os.makedirs(self.folder, exist_ok=True)
        self.table = os.path.join(self.folder, "data.csv")
        with open(self.table, "w") as out:
            print("image,label,mask,boxes,split", file=out)
            for row in rows:
                print(",".join(row), file=out)
        with open(os.path.join(self.folder, "classes.txt"), "w") as out:
            print("\n".join(classes), file=out)
        self.images = sum(row[-1] == "test" for row in rows)

    def run(self, saved, *arguments):
        """The program's JSON, from the file where it was kept."""
        return kept(os.path.join(self.folder, saved), self.program, *arguments, "--json", "-q")

    def search(self):
        """A recipe, searched on the split of that name; its file."""
        recipe = os.path.join(self.folder, "recipe.json")
        self.run("search.json", "search", self.model, "--data", self.table, "--split", "search", "--mask-values", self.masks, "--fitness", "object", "--layers", "all",
                 "-m", "ssgcam", "--cache", os.path.join(self.folder, "banks"), "-o", recipe, *self.more)
        return recipe

    def options(self, method, layers):
        return ["-r", self.search()] if method == "recipe" else ["-m", method, "-l", layers]

    def maps(self, method, layers):
        out = os.path.join(self.folder, f"{method}-{layers}")
        self.run(f"{method}-{layers}.generate.json", "generate", self.model, "--data", self.table, "--split", "test", "--maps", "-o", out, *self.options(method, layers),
                 *self.more)
        return os.path.join(out, "maps")

    def boxes(self, method, layers):
        r = self.run(f"{method}-{layers}.boxes.json", "eval", "boxes", "--maps", self.maps(method, layers), "--data", self.table, "--split", "test")
        return 100 * r["max_box_acc"], 100 * r["max_box_acc_v2"]

    def object(self, method, layers):
        """Object mIoU and IoU in percent on the split test, at the threshold that is best on the split search."""
        curve = {}
        for split in ("search", "test"):
            path = os.path.join(self.folder, f"{method}-{layers}.{split}.csv")
            self.run(f"{method}-{layers}.{split}.masks.json", "eval", "masks", self.model, "--data", self.table, "--split", split, "--mask-values", self.masks, "--curve", path,
                     *self.options(method, layers), *self.more)
            curve[split] = [float(row["object_mean_iou"]) for row in csv.DictReader(open(path))]
        return 100 * curve["test"][max(range(256), key=lambda tau: curve["search"][tau])]

    def perturb(self, method, layers):
        r = self.run(f"{method}-{layers}.perturb.json", "eval", "perturb", self.model, "--maps", self.maps(method, layers), "--data", self.table, "--split", "test", *self.more)
        return 100 * r["deletion"]["accuracy"][0], 100 * r["deletion"]["accuracy"][2], 100 * r["deletion"]["area"], 100 * r["insertion"]["area"]


def contestants(task):
    for method in METHODS:
        for layers in WHERE:
            if method not in task.without and not (method == "scorecam" and layers == "auto"):
                yield method, layers
    if task.masks:
        yield "recipe", "all"


def name_of(method, layers):
    return ("**DE-SSG-CAM**", "searched") if method == "recipe" else (METHODS[method], WHERE[layers])


def table(head, rows, largest):
    """rows: names, then numbers; the best number of each column stands out. largest: whether more is better, per column of numbers; None: no best."""
    print("| " + " | ".join(head) + " |\n|" + " --- |" * len(head))
    best = [None if l is None else (max if l else min)(row[2][i] for row in rows) for i, l in enumerate(largest)]
    for method, where, numbers in rows:
        print(f"| {method} | {where} | " + " | ".join(f"**{n:.1f}**" if n == b else f"{n:.1f}" for n, b in zip(numbers, best)) + " |")
    print(flush=True)


def labelled(task, title):
    print(f"## {title}\n\n{task.images} images.\n")
    rows = [(*name_of(m, l), (task.object(m, l), *task.boxes(m, l), *task.perturb(m, l)[1:])) for m, l in contestants(task)]
    table(["method", "where", "mIoU of background and object", "MaxBoxAcc", "MaxBoxAccV2", "accuracy, 20 % blurred", "deletion", "insertion"], rows,
          [True, True, True, False, False, True])
    print(f"With nothing blurred the network is right on {task.perturb('gradcam', 'last')[0]:.1f} % of the images.\n")


def perturbed(task, title, remark):
    print(f"## {title}\n\n{task.images} images. {remark}\n")
    rows = [(*name_of(m, l), task.perturb(m, l)[1:]) for m, l in contestants(task)]
    table(["method", "where", "accuracy, 20 % blurred", "deletion", "insertion"], rows, [False, False, True])
    print(f"With nothing blurred the network is right on {task.perturb('gradcam', 'last')[0]:.1f} % of the images.\n")


def pack(data, name):
    return os.path.join(data, name), list(csv.DictReader(open(os.path.join(data, name, "manifest.csv"))))


def with_masks(data, name):
    root, rows = pack(data, name)
    return [(f"{root}/{r['image']}", r["label"], f"{root}/{r['mask']}", " ".join(r[k] for k in ("x0", "y0", "x1", "y1")), r["split"]) for r in rows
            if r["split"] in ("search", "test")]


def main(program, data, folder):
    cells = Task(program, folder, "cells", os.path.join(HERE, "../demo/train/wbc.onnx"), with_masks(data, "blood-wbc-masks"),
                 ["neutrophil", "lymphocyte", "monocyte", "eosinophil", "basophil"], "object")
    root, rows = pack(data, "caltech101-imagenet")
    pictures = Task(program, folder, "pictures", os.path.join(data, "models/squeezenet1.1.onnx"),
                    [(f"{root}/{r['image']}", r["imagenet"].split()[0], "", "", r["split"]) for r in rows if r["split"] == "test"],
                    open(os.path.join(data, "models/imagenet_labels_1001.txt")).read().splitlines()[1:], without=("scorecam",),
                    more=["--size", "227", "--resize", "crop", "--channels", "bgr", "--scale", "1", "--mean", "103.939,116.779,123.68", "--std", "1"])
    print("# The methods beside each other\n\n`bench/experiments.py`. Maps of the true class at the network's input size; every figure in percent.\n")
    print("*mIoU*: of background and object, dataset-wide at the images' own size, at the threshold that is best on the searched images. *MaxBoxAcc*, *MaxBoxAccV2*: "
          "[docs/boxes.md](../../docs/boxes.md), best threshold. *Accuracy, 20 % blurred*: the network's, when the highlighted fifth of each image is blurred away (less is better: "
          "the map found what the network needs). *Deletion*, *insertion*: areas under the probability ([docs/perturb.md](../../docs/perturb.md), blur). Smooth Grad-CAM++ and SSG-CAM "
          "with their default settings (8 samples; product, sigma 2).\n")
    labelled(cells, "White blood cells, a network of ten layers")
    perturbed(pictures, "Pictures of 20 categories, SqueezeNet 1.1 (without Score-CAM: 512 passes an image)",
              "The last layer has a channel for each class, whose mean is the score: there all methods make the same map.")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
