"""`ssgcam eval perturb --fill road` beside pytorch-grad-cam's ROADCombined, on the same maps and network (there through onnxruntime), interleaved, and how
far the figures are apart.

    python3 bench/road.py MODEL.onnx > bench/results/road.md

Maps: SSG-CAM over all candidate layers on the first image of demo/data. Noise is off on both sides, so that the figures can be compared. Needs a
release build and the Python packages torch, grad-cam, onnxruntime, scipy."""
import csv
import json
import pathlib
import statistics
import sys
import tempfile
import time

import numpy as np
import onnxruntime
import torch
from PIL import Image
from pytorch_grad_cam.metrics import road

from program import timed

ROOT = pathlib.Path(__file__).parent.parent
PROGRAM, DATA = ROOT / "build/release/ssgcam", ROOT / "demo/data"
IMAGES, ROUNDS = 1, 3


class Network(torch.nn.Module):
    def __init__(self, path):
        super().__init__()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def forward(self, x):
        data = self.session.get_inputs()[0]
        x = x.numpy() if data.shape[1] == 3 else np.ascontiguousarray(x.numpy().transpose(0, 2, 3, 1))
        scores = torch.from_numpy(self.session.run(None, {data.name: x})[0])
        return scores if np.allclose(scores.sum(1), 1, atol=1e-4) else torch.softmax(scores, 1)


class Imputer(road.NoisyLinearImputer):
    """Without noise, and timed."""
    seconds = 0.0

    def __init__(self):
        super().__init__(noise=0)

    def __call__(self, image, mask):
        started = time.process_time()
        filled = super().__call__(image, mask)
        Imputer.seconds += time.process_time() - started
        return filled


def items(size):
    classes = (DATA / "classes.txt").read_text().split("\n")
    with open(DATA / "data.csv") as table:
        for row in [r for r in csv.DictReader(table) if r["split"] == "test"][:IMAGES]:
            image = Image.open(DATA / row["image"]).convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
            yield pathlib.Path(row["image"]).stem, classes.index(row["labels"]), torch.from_numpy(np.asarray(image, np.float32).transpose(2, 0, 1) / 255)


def theirs(network, maps, size):
    """ROAD, processor seconds in all and in the imputation."""
    Imputer.seconds, started, figures = 0.0, time.process_time(), []
    for stem, label, image in items(size):
        cam = np.load(maps / f"{stem}.{label}.npy")[None]
        figures.append(road.ROADCombined()(image[None], cam, [lambda output: output[label]], network)[0])
    return float(np.mean(figures)), time.process_time() - started, Imputer.seconds


def write_ranks(maps, folder, size):
    """Each map's values by their rank, so that no two are equal."""
    folder.mkdir()
    for stem, label, _ in items(size):
        values = np.load(maps / f"{stem}.{label}.npy")
        ranks = np.empty(values.size, np.float32)
        ranks[np.argsort(values.ravel(), kind="stable")] = (np.arange(values.size) + 0.5) / values.size
        np.save(folder / f"{stem}.{label}.npy", ranks.reshape(values.shape))


def main(model):
    torch.set_num_threads(1)
    road.NoisyLinearImputer, size = Imputer, json.loads(pathlib.Path(model).with_suffix(".json").read_text())["size"]
    network = Network(model)
    with tempfile.TemporaryDirectory() as work:
        timed(PROGRAM, "generate", model, "--data", DATA, "--split", "test", "--limit", IMAGES, "-o", work + "/run", "--maps", "-q")
        maps, times = pathlib.Path(work) / "run/maps", []
        evaluate = (PROGRAM, "eval", "perturb", model, "--data", DATA, "--split", "test", "--limit", IMAGES, "--threads", 1, "--json", "-q", "--maps")
        for _ in range(ROUNDS):
            text, ours = timed(*evaluate, maps, "--fill", "road", "--noise", 0)
            plain = timed(*evaluate, maps, "--fill", "zero")[1]
            figure, whole, imputation = theirs(network, maps, size)
            times.append((ours, ours - plain, whole, imputation))
        ranks = pathlib.Path(work) / "ranks"
        write_ranks(maps, ranks, size)
        ranked = json.loads(timed(*evaluate, ranks, "--fill", "road", "--noise", 0)[0])["road"], theirs(network, ranks, size)[0]
    one = [1000 * statistics.median(t[k] for t in times) / IMAGES for k in range(4)]
    ratios = [sorted(t[k + 2] / t[k] for t in times) for k in (0, 1)]
    say = lambda r: f"{statistics.median(r):.1f} × ({r[0]:.1f} to {r[-1]:.1f})"
    print(f"# ROAD\n\n`bench/road.py`, {pathlib.Path(model).name}, {size} x {size}, {IMAGES} map, one thread. Processor time, medians of {ROUNDS} interleaved rounds; *ratio*: median, least to most.\n")
    print("Filling: ours the difference from `--fill zero`, all 22 images; pytorch-grad-cam's the calls of its imputer, 18 images.\n")
    print("| | ours, ms a map | pytorch-grad-cam, ms a map | ratio |\n| --- | --- | --- | --- |")
    print(f"| the whole | {one[0]:.0f} | {one[2]:.0f} | {say(ratios[0])} |\n| filling alone | {one[1]:.0f} | {one[3]:.0f} | {say(ratios[1])} |\n")
    print(f"ROAD: {json.loads(text)['road']:.5f}, pytorch-grad-cam's {figure:.5f}. Its percentile removes or keeps all pixels of a value together, ours as many as were asked for; of "
          f"the map's ranks, where no two values are equal: {ranked[0]:.5f} and {ranked[1]:.5f}.")


if __name__ == "__main__":
    main(*sys.argv[1:])
