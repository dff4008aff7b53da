#!/usr/bin/env python3
"""The largest difference between `ssgcam explain --preset pgc` and pytorch-grad-cam 1.5.7, method by method and network by network; in brackets that between
pytorch-grad-cam run in float32 as usual and in float64 (not for Score-CAM).

    parity.py SSGCAM [FOLDER of trained models] [-o docs/parity.md]

Networks: six of torchvision with seeded random weights, exported by torch.onnx.export; and the trained ONNX models of the folder, run for the peer by a few lines of torch. Each: two images in a batch, two classes, the last
layer alone and two layers together. Needs torch, torchvision, grad-cam, onnx, onnxruntime."""
import argparse
import copy
import glob
import os
import re
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import onnx
import onnxruntime
import pytorch_grad_cam.score_cam
import torch
import torch.nn.functional as F
import torchvision.models as zoo
from onnx import numpy_helper
from pytorch_grad_cam import GradCAM, GradCAMElementWise, GradCAMPlusPlus, HiResCAM, LayerCAM, ScoreCAM, XGradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

warnings.filterwarnings("ignore")
METHODS = {"gradcam": GradCAM, "gradcampp": GradCAMPlusPlus, "xgradcam": XGradCAM, "layercam": LayerCAM, "hirescam": HiResCAM,
           "gradcam_elementwise": GradCAMElementWise, "scorecam": ScoreCAM}


def small_vgg(weights, num_classes):
    """VGG-11-BN whose head fits images of 64 pixels: the exporter cannot stretch 2 x 2 to 7 x 7."""
    net = zoo.vgg11_bn(weights=weights, num_classes=num_classes)
    net.avgpool = torch.nn.Identity()
    net.classifier = torch.nn.Sequential(torch.nn.Linear(2048, 256), torch.nn.ReLU(), torch.nn.Linear(256, num_classes))
    return net


# name: constructor, input size, two layers, and for Score-CAM (a forward pass a channel) layers with few channels
ZOO = {"resnet18": (zoo.resnet18, 64, ["layer3", "layer4"], ["layer1", "layer2"]),
       "vgg11_bn": (small_vgg, 64, ["features.20", "features.27"], ["features.2", "features.6"]),
       "densenet121": (zoo.densenet121, 64, ["features.transition2.relu", "features.transition3.relu"], ["features.relu0", "features.denseblock1.denselayer2.relu2"]),
       "mobilenet_v3_small": (zoo.mobilenet_v3_small, 64, ["features.9.block.0", "features.12"], ["features.4", "features.9"]),
       "efficientnet_b0": (zoo.efficientnet_b0, 64, ["features.6.0.block.0", "features.8"], ["features.3", "features.5"]),
       "inception_v3": (zoo.inception_v3, 96, ["Mixed_5d", "Mixed_6e"], ["Conv2d_2b_3x3", "Conv2d_3b_1x1"])}


def random_network(name):
    torch.manual_seed(1)
    make, size, *_ = ZOO[name]
    options = {"init_weights": True, "aux_logits": True} if name == "inception_v3" else {}
    net = make(weights=None, num_classes=10, **options)
    for m in net.modules():
        if isinstance(m, (torch.nn.ReLU, torch.nn.Hardswish, torch.nn.SiLU, torch.nn.ReLU6)):
            m.inplace = False
    if name in ("efficientnet_b0", "inception_v3"):  # whose signal dies out on the way unless the batch norms know its size
        rng = np.random.default_rng(3)
        for m in net.modules():
            if isinstance(m, torch.nn.BatchNorm2d):
                m.momentum = 1.0
        net.aux_logits, net.AuxLogits = False, None  # Inception's second head wants larger images
        net.train()
        with torch.no_grad():
            net(torch.tensor(np.concatenate([picture(rng, size) for _ in range(4)])))
    return net.eval()


def picture(rng, size):
    """Large shapes with some grain, as photographs have: noise alone gives maps that are almost constant."""
    shapes = F.interpolate(torch.tensor(rng.normal(size=(2, 3, 6, 6)), dtype=torch.float32), (size, size), mode="bicubic")
    return (1.5 * shapes.numpy() + 0.3 * rng.normal(size=shapes.shape)).astype(np.float32)


class Graph(torch.nn.Module):
    """A trained ONNX model in torch: each value passes through a module of its own, for the peer's hooks."""

    def __init__(self, path):
        super().__init__()
        graph = onnx.load(path).graph
        self.nodes, self.input, self.output = list(graph.node), graph.input[0].name, graph.output[0].name
        self.constants = {i.name: torch.tensor(numpy_helper.to_array(i)) for i in graph.initializer}
        self.anchor = torch.nn.Parameter(torch.zeros(1))  # the peer asks a parameter where the model lives
        self.values = torch.nn.ModuleDict({self.key(o): torch.nn.Identity() for n in self.nodes for o in n.output})

    @staticmethod
    def key(name):
        return "v" + re.sub(r"\W", "_", name)

    def forward(self, x):
        known = {k: v.to(x.dtype) if v.is_floating_point() else v for k, v in self.constants.items()}
        known[self.input] = x + 0 * self.anchor  # so that there are gradients at all: the peer fails on frozen networks
        for n in self.nodes:
            a = {k.name: onnx.helper.get_attribute_value(k) for k in n.attribute}
            i = [known[k] if k else None for k in n.input]
            known[n.output[0]] = self.values[self.key(n.output[0])](self.apply_node(n.op_type, a, i))
        return known[self.output]

    @staticmethod
    def apply_node(op, a, i):
        def padded(value):
            p = a.get("pads", [0] * 4)
            return F.pad(i[0], (p[1], p[3], p[0], p[2]), value=value)
        if op == "Conv":
            return F.conv2d(padded(0), i[1], i[2] if len(i) > 2 else None, a.get("strides", 1), 0, a.get("dilations", 1), a.get("group", 1))
        if op == "MaxPool":
            return F.max_pool2d(padded(-3e38), a["kernel_shape"], a.get("strides", 1), ceil_mode=bool(a.get("ceil_mode", 0)))
        if op == "Relu":
            return F.relu(i[0])
        if op == "Clip":
            return i[0].clamp(i[1].item(), i[2].item())
        if op == "GlobalAveragePool":
            return i[0].mean((2, 3), keepdim=True)
        if op == "Concat":
            return torch.cat(i, a["axis"])
        if op == "Add":
            return i[0] + i[1]
        if op == "Flatten":
            return i[0].flatten(1)
        if op == "Gemm":
            return F.linear(i[0], i[1] if a.get("transB") else i[1].T, i[2])
        if op == "Slice":
            for start, end, axis, step in zip(*[k.tolist() for k in i[1:]]):
                slices = [slice(None)] * i[0].dim()
                slices[axis] = slice(start, end, step)
                i[0] = i[0][slices]
            return i[0]
        if op == "Pad":
            p = i[1].tolist()
            half = len(p) // 2
            return F.pad(i[0], [v for k in reversed(range(half)) for v in (p[k], p[k + half])])
        raise NotImplementedError(op)


def onnx_values(path, x):
    model = onnx.load(path)
    names = [o for n in model.graph.node for o in n.output]
    del model.graph.output[:]
    model.graph.output.extend([onnx.helper.make_empty_tensor_value_info(n) for n in names])
    values = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {model.graph.input[0].name: x})
    return dict(zip(names, values))


def value_of(module, net, x, values):
    """The ONNX value that carries a module's output: the one that is equal."""
    kept = []
    hook = module.register_forward_hook(lambda m, i, o: kept.append(o.detach().numpy()))
    with torch.no_grad():
        net(torch.tensor(x))
    hook.remove()
    match = [(np.abs(v - kept[0]).max(), n) for n, v in values.items() if v.shape == kept[0].shape]
    error, name = min(match)
    assert error < 1e-3 * np.abs(kept[0]).max(), (name, error)
    return name


def ours(program, path, x, method, layers, work, classes):
    np.save(os.path.join(work, "x.npy"), x)
    command = [program, "explain", path, os.path.join(work, "x.npy"), "--method", method, "--preset", "pgc", "--layers", ",".join(layers), "--save", "npy",
               "-o", work, "--quiet"]
    for c in classes:
        command += ["--class", str(c)]
    subprocess.run(command, check=True)
    return np.array([[np.load(os.path.join(work, f"x.{i}.{c}.npy")) for i in range(len(x))] for c in classes])


def peer(net, x, method, modules, classes):
    cam = METHODS[method](model=net, target_layers=modules)
    return np.array([cam(input_tensor=torch.tensor(x), targets=[ClassifierOutputTarget(c)] * len(x)) for c in classes])


def pick_classes(net, x, modules):
    """Two of the highest classes whose maps are not empty: an empty map proves nothing."""
    with torch.no_grad():
        order = net(torch.tensor(x)).mean(0).argsort(descending=True).tolist()
    good = []
    for c in order[:10]:
        if all(peer(net, x, m, modules[-1:], [c]).std((2, 3)).min() > 0.02 for m in ("gradcam", "xgradcam")):
            good.append(c)
        if len(good) == 2:
            return good
    raise SystemExit("every map is empty")


def compare(program, title, net, path, x, layer_sets, work, rows):
    values = onnx_values(path, x)
    classes = pick_classes(net, x, layer_sets[0])
    row, double = [title], copy.deepcopy(net).double()
    for method in METHODS:
        modules = layer_sets[method == "scorecam"]
        names = [value_of(m, net, x, values) for m in modules]
        exact_modules = [dict(double.named_modules())[next(n for n, k in net.named_modules() if k is m)] for m in modules]
        worst = [0, 0, 0]
        for pick in (slice(1, 2), slice(0, 2)):
            a, b = ours(program, path, x, method, names[pick], work, classes), peer(net, x, method, modules[pick], classes)
            c = b if method == "scorecam" else peer(double, x.astype(np.float64), method, exact_modules[pick], classes)
            worst = [max(w, float(np.abs(p - q).max())) for w, (p, q) in zip(worst, [(a, c), (b, c), (a, b)])]
        row.append(worst)
        print(f"{title:28} {method:20} ours - exact {worst[0]:.1e}  peer - exact {worst[1]:.1e}  ours - peer {worst[2]:.1e}", file=sys.stderr, flush=True)
    rows.append(row)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("models", nargs="?")
    parser.add_argument("-o", "--output")
    parser.add_argument("--only", default="")
    o = parser.parse_args()
    torch.set_num_threads(2)
    pytorch_grad_cam.score_cam.tqdm.tqdm = lambda steps: steps  # no progress bars
    rng, rows = np.random.default_rng(2), []
    with tempfile.TemporaryDirectory() as work:
        for name, (_, size, layers, few) in ZOO.items():
            if o.only not in name:
                continue
            net, path = random_network(name), os.path.join(work, f"{name}.onnx")
            x = picture(rng, size)
            torch.onnx.export(net, torch.tensor(x), path, dynamo=False, opset_version=17, input_names=["x"], dynamic_axes={"x": {0: "n"}})
            modules = dict(net.named_modules())
            compare(o.program, f"{name} (random)", net, path, x, [[modules[k] for k in layers], [modules[k] for k in few]], work, rows)
        for path in sorted(glob.glob(os.path.join(o.models, "*.onnx"))) if o.models else []:
            name = os.path.basename(path)[:-5]
            if o.only not in name:
                continue
            net = Graph(path).eval()
            dims = [d.dim_value for d in onnx.load(path).graph.input[0].type.tensor_type.shape.dim]
            x = np.fromfile(os.path.join(o.models, "reference", f"{name}_input.f32"), np.float32).reshape(1, 3, dims[2] or 32, dims[3] or 32)
            x = np.concatenate([x, x[..., ::-1]])
            images = [n for n, v in onnx_values(path, x).items() if v.ndim == 4 and v.shape[2] > 1]
            relus = [n.output[0] for n in net.nodes if n.op_type in ("Relu", "Clip") and n.output[0] in images]
            few = [relus[0], relus[2]]
            pick = [[net.values[Graph.key(k)] for k in names] for names in ([relus[len(relus) // 2], relus[-1]], few)]
            compare(o.program, name, net, path, x, pick, work, rows)
    text = "| network | " + " | ".join(METHODS) + " |\n| --- |" + " --- |" * len(METHODS) + "\n"
    for row in rows:
        cells = [f"{v[2]:.1e}" + (f" ({v[1]:.1e})" if v[1] else "") for v in row[1:]]
        text += f"| {row[0]} | " + " | ".join(cells) + " |\n"
    worst = max(v[2] for row in rows for v in row[1:])
    text += f"\nLargest: {worst:.1e}.\n"
    print(text)
    if o.output:
        head = open(o.output).read().split("<!-- table -->")[0]
        open(o.output, "w").write(head + "<!-- table -->\n" + text)
    sys.exit(worst > 1e-5)


main()
