#!/usr/bin/env python3
"""Trains the demo's classifier of white blood cells on image labels only, and writes it as ONNX with its log and preprocessing.

    python demo/train/train_wbc.py DATA OUT        DATA: the blood-wbc-masks pack (manifest.csv, images/); OUT: a folder

A small VGG: ten 3x3 convolutions in four stages, global average pooling, one linear layer. No mask, box or other hint of place is read. One CPU core
needs a few minutes. OUT receives wbc.onnx, wbc.json (preprocessing and class names), wbc.log (one line an epoch)."""
import csv
import json
import os
import sys
import time

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

SIZE, EPOCHS, BATCH, SEED = 128, 45, 16, 1
CLASSES = ["neutrophil", "lymphocyte", "monocyte", "eosinophil", "basophil"]
STAGES = [(16, 2), (32, 2), (64, 3), (128, 3)]
MEAN, STD = [0.75, 0.66, 0.68], [0.20, 0.24, 0.17]


class SmallVgg(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks, channels = nn.ModuleList(), 3
        for width, depth in STAGES:
            layers = []
            for _ in range(depth):
                layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
                channels = width
            self.blocks.append(nn.Sequential(*layers))
        self.drop, self.head = nn.Dropout(0.2), nn.Linear(channels, len(CLASSES))

    def forward(self, x):
        for i, block in enumerate(self.blocks):
            x = block(F.max_pool2d(x, 2) if i else x)
        return self.head(self.drop(x.mean((2, 3))))


def read(folder, split):
    rows = [row for row in csv.DictReader(open(os.path.join(folder, "manifest.csv"))) if row["split"] == split]
    images = [np.asarray(Image.open(os.path.join(folder, r["image"])).convert("RGB").resize((SIZE, SIZE), Image.BILINEAR)) for r in rows]
    x = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255
    return (x - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1), torch.tensor([int(r["label_id"]) for r in rows])


def vary(x, draw):
    """Turned by any angle, mirrored, scaled, shifted, brightness and contrast changed: a cell has no upright."""
    n = len(x)
    angle, scale = torch.rand(n, generator=draw) * 2 * np.pi, 0.8 + 0.45 * torch.rand(n, generator=draw)
    flip = torch.where(torch.rand(n, generator=draw) < 0.5, -1.0, 1.0)
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    shift = (torch.rand(n, 2, generator=draw) - 0.5) * 0.3
    theta = torch.stack([torch.stack([cos * flip, -sin, shift[:, 0]], 1), torch.stack([sin * flip, cos, shift[:, 1]], 1)], 1)
    x = F.grid_sample(x, F.affine_grid(theta, x.shape, align_corners=False), padding_mode="reflection", align_corners=False)
    gain, offset = 0.85 + 0.3 * torch.rand(n, 3, 1, 1, generator=draw), (torch.rand(n, 3, 1, 1, generator=draw) - 0.5) * 0.4
    return x * gain + offset


def accuracy(model, x, y):
    model.eval()
    with torch.no_grad():
        right = torch.cat([model(part).argmax(1) for part in x.split(50)]) == y
    model.train()
    return right.float().mean().item()


def main(data, out):
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    draw = torch.Generator().manual_seed(SEED)
    (x, y), (xs, ys), (xt, yt) = read(data, "train"), read(data, "search"), read(data, "test")
    model, start, log = SmallVgg(), time.time(), []
    weight = 1 / torch.bincount(y, minlength=len(CLASSES)).float().clamp(min=8).sqrt()
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.02)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=EPOCHS * -(-len(x) // BATCH))
    for epoch in range(1, EPOCHS + 1):
        total = 0.0
        for part in torch.randperm(len(x), generator=draw).split(BATCH):
            loss = F.cross_entropy(model(vary(x[part], draw)), y[part], weight=weight / weight.mean(), label_smoothing=0.05)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            plan.step()
            total += loss.item() * len(part)
        line = f"epoch {epoch:3d}  loss {total / len(x):.4f}"
        if epoch % 5 == 0 or epoch == EPOCHS:
            line += f"  accuracy train {accuracy(model, x, y):.3f} search {accuracy(model, xs, ys):.3f} test {accuracy(model, xt, yt):.3f}"
        log.append(line)
        print(f"{line}  ({time.time() - start:.0f} s)", flush=True)
    os.makedirs(out, exist_ok=True)
    torch.onnx.export(model.eval(), torch.zeros(1, 3, SIZE, SIZE), os.path.join(out, "wbc.onnx"), input_names=["image"], output_names=["logits"],
                      dynamic_axes={"image": {0: "n"}, "logits": {0: "n"}}, opset_version=13, dynamo=False)
    with open(os.path.join(out, "wbc.json"), "w") as file:
        json.dump({"size": SIZE, "mean": MEAN, "std": STD, "classes": CLASSES}, file, indent=2)
        file.write("\n")
    with open(os.path.join(out, "wbc.log"), "w") as file:
        file.write(f"torch {torch.__version__}, one thread, seed {SEED}, {time.time() - start:.0f} s\n" + "\n".join(log) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
