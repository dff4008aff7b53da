#!/usr/bin/env python3
"""Class activation maps per image beside pytorch-grad-cam and a hand-written torch loop: bench/peers.py [ROUNDS] [--device cuda] > bench/results/peers.md

The same torchvision networks (seeded weights, 224 x 224, exported by torch.onnx.export), batch of four, two threads; on a GPU a batch of 16, and PyTorch on it too, in
float32 proper unless a row says tf32, each measurement after a run that is not counted and until the GPU is done. Each round measures every contestant once,
one after the other, so that all share whatever else the machine does; the figures are medians over the rounds, of milliseconds an image. Ours is `ssgcam bench`:
forward, backward and maps. pytorch-grad-cam is called as its README shows. "torch by hand" freezes the weights, starts the graph at the lowest layer and computes the
same maps with tensor operations. Where the processor computes in bf16 or has Winograd convolutions, ours
does so too in the rows that say so; the library cannot hand bf16 to NumPy, and its float32 convolutions are PyTorch's choice."""
import argparse
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
SIDE = 224
DEVICE, BATCH = "cpu", 4


def ours(path, *options):
    how = ["--threads", "2", "--repeat", "1"] if DEVICE == "cpu" else ["--repeat", "5"]
    command = [PROGRAM, "bench", path, "--device", DEVICE, "--batch", str(BATCH), "--json", "--quiet", *how, *options]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["total_ms"]


def clock(work, tf32=False):
    """Milliseconds an image; a GPU works beside the host, which has to wait for it on both ends."""
    if DEVICE != "cpu":
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = tf32
        work()
        torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    if DEVICE != "cpu":
        torch.cuda.synchronize()
    return (time.perf_counter() - start) * 1000 / BATCH


def by_library(method, model, layers, images, classes=1):
    def work():
        model.requires_grad_(True)  # the library needs it
        with method(model=model, target_layers=layers) as cam:
            for c in range(classes):
                cam(input_tensor=images, targets=[ClassifierOutputTarget(c)] * BATCH)
    return work


def has(precision):
    devices = json.loads(subprocess.run([PROGRAM, "devices", "--json"], capture_output=True, text=True, check=True).stdout)["devices"]
    return any(precision in d["precisions"] for d in devices if d["name"].startswith(DEVICE))


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
    return model.to(DEVICE), path


def main():
    global DEVICE, BATCH
    parser = argparse.ArgumentParser()
    parser.add_argument("rounds", type=int, nargs="?", default=5)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    rounds, DEVICE = vars(parser.parse_args()).values()
    if DEVICE == "cuda":
        if not torch.cuda.is_available():
            sys.exit("peers.py: PyTorch sees no GPU here, so there is nothing to compare with on one")
        BATCH = 16
    warnings.simplefilter("ignore")
    torch.set_num_threads(2)
    images = torch.from_numpy(np.random.default_rng(0).standard_normal((BATCH, 3, SIDE, SIDE)).astype(np.float32)).to(DEVICE)
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
        if has("tf32"):
            contests.insert(3, ("SSG-CAM in tf32 (theirs: LayerCAM in tf32), five stages, VGG16", 5,
                                lambda: ours(vgg_path, "--method", "ssgcam", "--layers", "auto", "--precision", "tf32"),
                                {"pytorch-grad-cam": by_library(LayerCAM, vgg, stages, images)}))
        times = [{name: [] for name in ("ours", *peers)} for _, _, _, peers in contests]
        for _ in range(rounds):
            for (what, _, run, peers), taken in zip(contests, times):
                taken["ours"].append(run())
                for name, work in peers.items():
                    taken[name].append(clock(work, "in tf32)" in what))
        print("# Maps per image beside pytorch-grad-cam\n\n" + __doc__.split("\n\n", 1)[1].replace("\n", " ") + "\n")
        where = f"{os.cpu_count()} processors" if DEVICE == "cpu" else torch.cuda.get_device_name()
        print(f"PyTorch {torch.__version__}, {rounds} rounds, {where}.\n")
        print("| what | ours, ms | peer | its ms | ratio of medians | least to largest ratio in a round | goal |\n| --- | --- | --- | --- | --- | --- | --- |")
        for (what, goal, _, peers), taken in zip(contests, times):
            goal = goal if DEVICE == "cpu" else 5
            for name in peers:
                ratios = [theirs / our for theirs, our in zip(taken[name], taken["ours"])]
                mine, its = statistics.median(taken["ours"]), statistics.median(taken[name])
                print(f"| {what} | {mine:.4g} | {name} | {its:.4g} | {its / mine:.2f} | {min(ratios):.2f} to {max(ratios):.2f} | {goal if name != 'torch by hand' else 1.2} |")


if __name__ == "__main__":
    main()
