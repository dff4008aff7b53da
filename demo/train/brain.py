"""Trains the small network that `make demo` falls back to when the Python package with the VGG16 cannot be had.

    python demo/train/brain.py FOLDER_OF_THE_PACK demo/train/brain-small.onnx

FOLDER: a copy of the figshare brain tumour pack with manifest.csv; only the split "train" is used, and of it only the image labels (no mask).
Needs PyTorch, NumPy, Pillow and onnx. Seeded; takes a few minutes on two cores.
"""
import csv
import json
import sys
import time

import numpy as np
import torch
from PIL import Image
from torch import nn

SIZE, EPOCHS, BATCH, SEED = 96, 16, 30, 1
CLASSES = ["glioma", "meningioma", "no tumour", "pituitary"]  # the order of the VGG16, so that both models read the same labels


def read(folder):
    rows = [r for r in csv.DictReader(open(f"{folder}/manifest.csv")) if r["split"] == "train"]
    load = lambda r: np.asarray(Image.open(f"{folder}/{r['image']}").convert("RGB").resize((SIZE, SIZE), Image.BILINEAR), np.float32) / 255
    x = torch.tensor(np.stack([load(r) for r in rows])).permute(0, 3, 1, 2).contiguous()
    return x, torch.tensor([int(r["label_id"]) for r in rows])


def block(i, o):
    return [nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU()]


def network():
    widths, layers, last = [(12, 16), (24, 32), (48, 64), (64, 96)], [], 3
    for n, (a, b) in enumerate(widths):
        layers += block(last, a) + block(a, b) + ([nn.MaxPool2d(2)] if n < 3 else [])
        last = b
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(last, len(CLASSES)))


def augment(x):
    """Flips, small shifts and grey-level changes."""
    if torch.rand(()) < 0.5:
        x = x.flip(3)
    dy, dx = torch.randint(-6, 7, (2,)).tolist()
    return (torch.roll(x, (dy, dx), (2, 3)) * (0.85 + 0.3 * torch.rand(len(x), 1, 1, 1))).clamp(0, 1)


def main(folder, out):
    torch.manual_seed(SEED)
    x, y = read(folder)
    order = torch.randperm(len(x))
    held, fit = order[:90], order[90:]
    net = network()
    optimiser = torch.optim.AdamW(net.parameters(), 2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=EPOCHS * (len(fit) // BATCH))
    log, started = open(out.replace(".onnx", ".log"), "w"), time.time()
    for epoch in range(EPOCHS):
        net.train()
        losses, shuffled = [], fit[torch.randperm(len(fit))]
        for i in range(0, len(fit) - BATCH + 1, BATCH):
            rows = shuffled[i : i + BATCH]
            loss = nn.functional.cross_entropy(net(augment(x[rows])), y[rows], label_smoothing=0.05)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
        net.eval()
        with torch.no_grad():
            right = (net(x[held]).argmax(1) == y[held]).float().mean().item()
        print(f"epoch {epoch + 1:2d}  loss {np.mean(losses):.4f}  held-out training images right {100 * right:.1f} %  {time.time() - started:.0f} s",
              file=log, flush=True)
    torch.onnx.export(net, torch.zeros(1, 3, SIZE, SIZE), out, opset_version=17, dynamo=False, input_names=["data"], output_names=["logits"],
                      dynamic_axes={"data": {0: "N"}, "logits": {0: "N"}})
    json.dump({"size": SIZE, "resize": "stretch", "channels": "rgb", "classes": CLASSES}, open(out.replace(".onnx", ".json"), "w"), indent=2)


main(*sys.argv[1:])
