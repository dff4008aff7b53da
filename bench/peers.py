#!/usr/bin/env python3
"""Class activation maps per image beside pytorch-grad-cam and a hand-written torch loop: bench/peers.py [ROUNDS] > bench/results/peers.md

The same torchvision networks (seeded weights, 224 x 224, exported by torch.onnx.export), batch of four, two threads. Each round measures every contestant once,
one after the other, so that all share whatever else the machine does; the figures are medians over the rounds, of milliseconds an image. Ours is `ssgcam bench`:
forward, backward and maps. pytorch-grad-cam is called as its README shows. "torch by hand" freezes the weights, starts the graph at the lowest layer and computes the
same maps with tensor operations. Where the processor computes in bf16 or has Winograd convolutions, ours
does so too in the rows that say so; the library cannot hand bf16 to NumPy, and its float32 convolutions are PyTorch's choice."""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F
import torchvision
from pytorch_grad_cam import GradCAM, LayerCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/fixtures"))
import architectures  # noqa: E402

PROGRAM = os.environ.get("SSGCAM", ROOT / "build/release/ssgcam")
BATCH, SIDE = 4, 224


def ours(path, *options):
    command = [PROGRAM, "bench", path, "--batch", str(BATCH), "--threads", "2", "--repeat", "1", "--json", "--quiet", *options]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["total_ms"]


def clock(work):
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000 / BATCH


def by_library(method, model, layers, images, classes=1):
    def work():
        model.requires_grad_(True)  # the library needs it
        with method(model=model, target_layers=layers) as cam:
            for c in range(classes):
                cam(input_tensor=images, targets=[ClassifierOutputTarget(c)] * BATCH)
    return work


def has(precision):
    devices = json.loads(subprocess.run([PROGRAM, "devices", "--json"], capture_output=True, text=True, check=True).stdout)
    return f'"{precision}"' in json.dumps(devices)


def by_hand(model, body, head, images):
    def work():
        model.requires_grad_(False)
        with torch.no_grad():
            activation = body(images)
        activation.requires_grad_()
        gradient = torch.autograd.grad(head(activation)[:, 0].sum(), activation)[0]
        with torch.no_grad():
            cam = F.relu((gradient.mean((2, 3), keepdim=True) * activation).sum(1, keepdim=True))
            cam = cam / (cam.amax((2, 3), keepdim=True) + 1e-7)
            F.interpolate(cam, size=(SIDE, SIDE), mode="bilinear")
    return work


def network(name, folder):
    torch.manual_seed(0)
    model = architectures.settle(torchvision.models.get_model(name), 64, 0)
    path = Path(folder) / f"{name}.onnx"
    onnx.save(architectures.export(model, SIDE, 17), path)
    return model, path


def main(rounds=5):
    warnings.simplefilter("ignore")
    torch.set_num_threads(2)
    images = torch.from_numpy(np.random.default_rng(0).standard_normal((BATCH, 3, SIDE, SIDE)).astype(np.float32))
    with tempfile.TemporaryDirectory() as folder:
        vgg, vgg_path = network("vgg16", folder)
        resnet, resnet_path = network("resnet50", folder)
        stages = [vgg.features[i] for i in (3, 8, 15, 22, 29)]
        def resnet_head(x):
            return resnet.fc(torch.flatten(resnet.avgpool(x), 1))
        def resnet_body(x):
            for layer in (resnet.conv1, resnet.bn1, resnet.relu, resnet.maxpool, resnet.layer1, resnet.layer2, resnet.layer3, resnet.layer4):
                x = layer(x)
            return x
        def vgg_head(x):
            return vgg.classifier(torch.flatten(vgg.avgpool(vgg.features[30](x)), 1))
        contests = [
            ("Grad-CAM, last layer, VGG16", 4, lambda: ours(vgg_path, "--method", "gradcam", "--layers", "last"),
             {"pytorch-grad-cam": by_library(GradCAM, vgg, [vgg.features[29]], images), "torch by hand": by_hand(vgg, vgg.features[:30], vgg_head, images)}),
            ("Grad-CAM, last layer, ResNet-50", 4, lambda: ours(resnet_path, "--method", "gradcam", "--layers", "last"),
             {"pytorch-grad-cam": by_library(GradCAM, resnet, [resnet.layer4[-1]], images), "torch by hand": by_hand(resnet, resnet_body, resnet_head, images)}),
            ("SSG-CAM (theirs: LayerCAM), five stages, VGG16", 2.5, lambda: ours(vgg_path, "--method", "ssgcam", "--layers", "auto"),
             {"pytorch-grad-cam": by_library(LayerCAM, vgg, stages, images)}),
            ("Grad-CAM, five classes an image, last layer, VGG16", 6, lambda: ours(vgg_path, "--method", "gradcam", "--layers", "last", "--classes", "5"),
             {"pytorch-grad-cam": by_library(GradCAM, vgg, [vgg.features[29]], images, 5)}),
        ]
        if has("winograd"):
            contests.insert(3, ("SSG-CAM, Winograd convolutions (theirs: LayerCAM), five stages, VGG16", "",
                                lambda: ours(vgg_path, "--method", "ssgcam", "--layers", "auto", "--precision", "winograd"),
                                {"pytorch-grad-cam": by_library(LayerCAM, vgg, stages, images)}))
        if has("bf16"):
            contests.insert(3, ("SSG-CAM in bf16 (theirs: LayerCAM), five stages, VGG16", 5,
                                lambda: ours(vgg_path, "--method", "ssgcam", "--layers", "auto", "--precision", "bf16"),
                                {"pytorch-grad-cam": by_library(LayerCAM, vgg, stages, images)}))
        times = [{name: [] for name in ("ours", *peers)} for _, _, _, peers in contests]
        for _ in range(rounds):
            for (_, _, run, peers), taken in zip(contests, times):
                taken["ours"].append(run())
                for name, work in peers.items():
                    taken[name].append(clock(work))
        print("# Maps per image beside pytorch-grad-cam\n\n" + __doc__.split("\n\n", 1)[1].replace("\n", " ") + "\n")
        print(f"PyTorch {torch.__version__}, {rounds} rounds, {os.cpu_count()} processors.\n")
        print("| what | ours, ms | peer | its ms | ratio of medians | least to largest ratio in a round | goal |\n| --- | --- | --- | --- | --- | --- | --- |")
        for (what, goal, _, peers), taken in zip(contests, times):
            for name in peers:
                ratios = [theirs / our for theirs, our in zip(taken[name], taken["ours"])]
                mine, its = statistics.median(taken["ours"]), statistics.median(taken[name])
                print(f"| {what} | {mine:.0f} | {name} | {its:.0f} | {its / mine:.2f} | {min(ratios):.2f} to {max(ratios):.2f} | {goal if name != 'torch by hand' else 1.2} |")


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:]))
