#!/usr/bin/env python3
"""Writes the seeds of the fuzz drivers: small models, pictures, arrays, tables and settings from the fixtures' generators."""
import gzip
import io
import json
import struct
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "fixtures"))
import operators_table  # noqa: E402


def put(driver, name, data):
    folder = HERE / "corpus" / driver
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())


MODELS = {"conv_grouped", "maxpool_ceil_padded", "avgpool_ceil_including_pad", "layer_normalisation_channels_last", "channel_shuffle", "shape_arithmetic",
          "slice_channels_and_pixels", "split_input", "pad_axes", "resize_nearest", "tf2onnx_mobilenet", "weights_in_every_number_type", "reductions",
          "weights_computed_from_weights", "expand_a_gate", "head_softmax_old", "activation_prelu"}
for name, body, shape, opset, declared in operators_table.CASES:
    if name in MODELS:
        graph = operators_table.Graph(name, shape, opset, declared)
        put("onnx", f"{name}.onnx", graph.model(body(graph)).SerializeToString())

# Pictures and arrays: the files inside data.bin.gz, one of a kind.
packed = io.BytesIO(gzip.open(HERE.parent / "fixtures/data.bin.gz").read())
u32 = lambda: struct.unpack("<I", packed.read(4))[0]  # noqa: E731
block = lambda: packed.read(u32())  # noqa: E731
seen = set()
for _ in range(u32()):
    kind, name, file = u32(), block().decode(), block()
    packed.read(4)
    if kind == 0:
        u32(), u32(), u32(), block()
    elif kind == 1:
        block(), u32()
    elif kind == 2:
        u32(), u32(), block()
    elif kind == 3:
        u32(), u32(), u32(), block()
    else:
        packed.read(8 * u32()), block()
    if kind in (0, 4) and file not in seen and len(file) < 900:
        seen.add(file)
        put("npy" if kind == 4 else "image", name.replace(" ", "-") + (".npy" if kind == 4 else ""), file)

put("tables", "data.csv", "image,labels,mask,boxes,split,group\ni/1.jpg,cat;dog,m/1.png,0 0 5 6;dog 1 2 3 4,a,p 7\n\"2, two.png\",1,,,b,\n")
put("tables", "annotation.xml", "<annotation><object><name>dog</name><bndbox><xmin>10</xmin><ymin>20</ymin><xmax>30</xmax><ymax>40</ymax></bndbox></object></annotation>")
put("tables", "journal.jsonl", json.dumps({"ssgcam_journal": 1, "model": "m", "recipe": "r"}) + "\n"
    + json.dumps({"id": "a", "path": "done.png", "bytes": 1, "checksum": "0123456789abcdef"}) + "\n" + '{"id": "torn')
put("json", "model.json", json.dumps({"size": [240, 320], "resize": "crop", "mean": [0.1, 0.2, 0.3], "std": 0.5, "scale": 1, "channels": "bgr", "classes": ["a", "b"]}))
put("json", "recipe.json", json.dumps({"ssgcam_recipe": 1, "threshold": 77, "grid": [24, 32], "model_digest": "0123456789abcdef" * 2, "search": {"seed": 1}, "layers": [
    {"name": "a", "weight": 100, "power": 0.5, "method": "ssgcam", "sigma": 1.5, "combine": "coherence", "weighting": "channel", "second_order": "exact", "probes": 3,
     "target": "softmax", "seed": 7},
    {"name": "b", "weight": 27, "method": "smoothgradcampp", "samples": 4, "noise": 0.2}]}))
put("report", "masks.json", json.dumps({"images": 2, "failed": 1, "mean_iou": 0.5, "foreground_iou": 0.4, "object_iou": 0.3, "object_mean_iou": 0.6, "threshold": 96,
    "labels": ["background", "<a>"], "iou": [0.5, None], "confusion": [[3, 1], [0, 2]], "curve_mean_iou": [0.5] * 256}))
put("report", "boxes.json", json.dumps({"images": 1, "maps": 1, "max_box_acc": 0.5, "max_box_acc_v2": 0.25, "largest_contour": [{"iou": "0.5", "accuracy": 0.5, "threshold": 7}],
    "any_contour": [{"iou": "0.5", "accuracy": 1, "threshold": 9}], "top1_localisation": {"accuracy": 0.5, "threshold": 3}}))
put("report", "perturb.json", json.dumps({"images": 1, "maps": 1, "steps": 1, "deletion": {"area": 0.5, "probability": [1, 0], "accuracy": [1, 0]},
    "insertion": {"area": 0.25, "probability": [0, 1], "accuracy": [0, 1]}}))
put("report", "curve.csv", "threshold,mean_iou,foreground_iou\n0,0.5,0.25\n1,0.75,1e-3\n")
put("report", "log.jsonl", '{"run": 0, "generation": 0, "evaluations": 80, "best": 0.5, "median": 0.25}\n{"run": 1, "generation": 0, "evaluations": 80, "best": 0.75, "median": 0.5}\n'
    '{"entry": "pair", "rows": "a & b", "layers": 2, "threshold": 90, "searched": {"mean_iou": 0.5, "foreground_iou": 0.25}}\n{"search_seconds": 1}\n')
put("report", "journal.jsonl", '{"ssgcam_journal": 1, "model": "m", "shard": "1/1"}\n{"id": "<b>", "failed": "gone & lost"}\n{"id": "torn')
