#!/usr/bin/env python3
"""Makes classifier_MODEL.safetensors and classifier_MODEL.csv beside this file: what torchvision's own models compute,
in double precision, from weights that the tests make by the same rule (Philox by name, base/rng.h).

The CSV has a line per tensor of the model: name, shape, and Euclidean norm and dot product (with a vector of normal
draws) of the loss's gradient, or, for a running statistic, of its value after the training pass. The safetensors file
has the logits of the evaluation pass, the loss of the training pass, and a few gradients in full.

    classifiers_make.py [MODEL...]          makes both for every model, or these (needs torch, torchvision, safetensors, xxhash)
    classifiers_make.py --verify FILE MODEL opens a file that classifier_save wrote as torchvision's MODEL
"""

import csv
import math
import sys

import torch
import torchvision
from safetensors.torch import load_file, save_file

from models_make import FOLDER, fill_normal

BATCH, SIDE, CLASSES = 2, 64, 3

# name: seed (that leaves a margin around ReLU's kink), channels, gradients kept in full beside that of the images
MODELS = {
    "densenet121": (9, 1, ("features.conv0.weight", "features.denseblock2.denselayer3.norm2.weight",
                           "features.norm5.bias", "classifier.weight", "classifier.bias")),
    "resnet18": (7, 3, ("conv1.weight", "bn1.weight", "layer2.0.downsample.0.weight", "layer4.1.bn2.bias",
                        "fc.weight", "fc.bias")),
    "resnet50": (1, 1, ("conv1.weight", "bn1.weight", "layer2.0.bn3.weight", "layer4.2.bn3.bias", "fc.weight",
                        "fc.bias")),
    "vit_tiny": (3, 1, ("class_token", "conv_proj.weight", "encoder.layers.encoder_layer_0.self_attention.in_proj_bias",
                        "encoder.layers.encoder_layer_5.mlp.0.bias", "encoder.ln.weight", "heads.head.weight",
                        "heads.head.bias")),
}


def build(name, classes, channels, side=SIDE):
    if name == "vit_tiny":  # not one of torchvision's sizes, but its code; patches as downstream/vit.c has them
        patch = 16 if side >= 128 else 8 if side >= 64 else 4
        model = torchvision.models.VisionTransformer(
            image_size=side, patch_size=patch, num_layers=12, num_heads=3, hidden_dim=192, mlp_dim=768,
            num_classes=classes)
    else:
        model = getattr(torchvision.models, name)(num_classes=classes)
    if channels != 3:
        first = next(m for m in model.modules() if isinstance(m, torch.nn.Conv2d))
        shape = (first.out_channels, channels, *first.kernel_size)
        first.weight, first.in_channels = torch.nn.Parameter(torch.zeros(shape)), channels
    return model.double()


def tensors_of(model):
    """Parameters and running statistics by name, in the order of the state."""
    return {k: v for k, v in model.state_dict(keep_vars=True).items() if not k.endswith("num_batches_tracked")}


def made(seed, name, shape):
    """The rule of the weights: He's normal draws; gains near 1; variances in (0.5, 1.5); shifts near 2 or -2, so that
    batch norm leaves few values near ReLU's kink, where single precision could fall on the other side."""
    draw = fill_normal(seed, name, 0, tuple(shape))
    if len(shape) > 1:
        return draw * math.sqrt(2 / math.prod(shape[1:]))
    if name.endswith(".weight"):
        return 1 + 0.1 * draw
    if name.endswith(".bias"):
        return 2 * torch.sign(draw) + 0.3 * draw
    return 0.3 * draw if name.endswith("running_mean") else 1 + 0.5 * torch.tanh(draw)


def row(seed, name, shape, value):
    direction = fill_normal(seed, name + "/direction", 0, tuple(shape))
    size = "x".join(str(d) for d in shape)
    return name, size, f"{value.norm().item():.9g}", f"{(value * direction).sum().item():.9g}"


class Margin:
    """How near to its kink ReLU is evaluated."""

    def __enter__(self):
        self.least, self.relu = math.inf, torch.nn.functional.relu
        torch.nn.functional.relu = self.measured
        return self

    def __exit__(self, *_):
        torch.nn.functional.relu = self.relu

    def measured(self, x, inplace=False):
        self.least = min(self.least, (x.detach().abs().min() / x.detach().std()).item())
        return self.relu(x, inplace)


def make(name, seed, channels, full):
    model = build(name, CLASSES, channels)
    tensors = tensors_of(model)
    with torch.no_grad():
        for key, tensor in tensors.items():
            tensor.copy_(made(seed, key, tensor.shape))
    images = fill_normal(seed, "images", 0, (BATCH, channels, SIDE, SIDE)).requires_grad_()
    logits = model.eval()(images)
    with Margin() as margin:
        loss = torch.nn.functional.cross_entropy(model.train()(images), torch.arange(BATCH) % CLASSES)
    loss.backward()
    print(f"{name}: the least |x| / std(x) that ReLU sees is {margin.least:.2g}; single precision needs 1e-6")
    rows = [row(seed, k, v.shape, v.detach() if v.grad is None else v.grad) for k, v in tensors.items()]
    with open(FOLDER / f"classifier_{name}.csv", "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(("name", "shape", "norm", "dot"))
        out.writerows(rows)
    kept = {"logits": logits.detach(), "loss": loss.detach().reshape(1), "images": images.grad}
    kept |= {key: tensors[key].grad for key in full}
    save_file({k: v.float().contiguous() for k, v in kept.items()}, FOLDER / f"classifier_{name}.safetensors")


def verify(path, name):
    """Strict but for num_batches_tracked, which no forward pass reads."""
    state = load_file(path)
    first = next(v for v in state.values() if v.dim() == 4)
    words = state["encoder.pos_embedding"].shape[1] if name == "vit_tiny" else 0
    head = [v for v in state.values() if v.dim() == 2][-1]
    model = build(name, head.shape[0], first.shape[1], math.isqrt(words) * first.shape[2] or SIDE)
    missing, surplus = model.load_state_dict(state, strict=False)
    missing = [k for k in missing if not k.endswith("num_batches_tracked")]
    print(f"{path}: {len(state)} tensors, missing {missing}, surplus {surplus}")
    return bool(missing or surplus)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--verify"]:
        sys.exit(verify(*sys.argv[2:]))
    for model_name, how in MODELS.items():
        if sys.argv[1:] and model_name not in sys.argv[1:]:
            continue
        make(model_name, *how)
