#!/usr/bin/env python3
"""Makes nn_operators.safetensors and nn_optimizers.safetensors: what PyTorch computes for rows of the table in
tests/nn/cases.c, and for its optimizers, beside this file. Computed in double, stored in float. Tensors of a row:
NAME/in0.., NAME/dout, NAME/out, NAME/din0.., NAME/state3.. (after the forward). Needs torch and safetensors; run with:
python3 nn_make.py
"""
import math
import pathlib
import warnings
import zlib

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

SLOPE = 0.2
ACTS = {
    "none": lambda z: z,
    "relu": torch.relu,
    "leaky": lambda z: F.leaky_relu(z, SLOPE),
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}
tensors = {}


class Draw:
    """Inputs of one row, rounded to float so that C reads exactly what PyTorch used."""

    def __init__(self, name):
        self.g = torch.Generator().manual_seed(zlib.crc32(name.encode()))

    def normal(self, *shape, scale=1.0):
        return (torch.randn(*shape, generator=self.g) * scale).float().double()

    def uniform(self, *shape):
        return torch.rand(*shape, generator=self.g).float().double()

    def weight(self, *shape):
        return self.normal(*shape, scale=1 / math.sqrt(math.prod(shape[1:])))


def row(name, inputs, function, gradients, states=None):
    """Runs function(inputs) and stores all; states: index -> tensor after the forward (a function of none)."""
    draw = Draw(name + " dout")
    x = [t.clone().requires_grad_(i in gradients) for i, t in enumerate(inputs)]
    out = function(*x)
    dout = draw.normal(*out.shape)
    wanted = torch.autograd.grad(out, [x[i] for i in gradients], dout)
    for i, t in enumerate(inputs):
        tensors[f"{name}/in{i}"] = t
    tensors[f"{name}/out"] = out.detach()
    tensors[f"{name}/dout"] = dout
    for i, d in zip(gradients, wanted):
        tensors[f"{name}/din{i}"] = d
    for i, s in (states() if states else {}).items():
        tensors[f"{name}/state{i}"] = s


def conv(name, b, c, h, w, o, k, stride, pad, bias, act):
    d = Draw(name)
    inputs = [d.normal(b, c, h, w), d.weight(o, c, k, k)] + ([d.normal(o)] if bias else [])
    row(name, inputs, lambda *t: ACTS[act](F.conv2d(*t, stride=stride, padding=pad)), range(len(inputs)))


def upsampled_conv(name, b, c, h, w, o, bias, act):
    d = Draw(name)
    inputs = [d.normal(b, c, h, w), d.weight(o, c, 3, 3)] + ([d.normal(o)] if bias else [])

    def function(x, *rest):
        return ACTS[act](F.conv2d(F.interpolate(x, scale_factor=2, mode="nearest"), *rest, padding=1))

    row(name, inputs, function, range(len(inputs)))


def linear(name, b, i, o, bias, act):
    d = Draw(name)
    inputs = [d.normal(b, i), d.weight(o, i)] + ([d.normal(o)] if bias else [])
    row(name, inputs, lambda *t: ACTS[act](F.linear(*t)), range(len(inputs)))


def batch_norm(name, training, act, shape, conditional=False):
    d = Draw(name)
    c = shape[1]
    affine = (shape[0], c) if conditional else (c,)
    inputs = [d.normal(*shape), d.normal(*affine), d.normal(*affine), d.normal(c), 0.5 + d.uniform(c)]
    mean, var = inputs[3].clone(), inputs[4].clone()

    def function(x, gain, bias, _mean, _var):
        momentum = 0.25 if conditional else 0.1
        if not conditional:
            return ACTS[act](F.batch_norm(x, mean, var, gain, bias, training, momentum, 1e-4))
        n = F.batch_norm(x, mean, var, None, None, training, momentum, 1e-4)
        extra = (1,) * (len(shape) - 2)
        return ACTS[act](gain.view(*affine, *extra) * n + bias.view(*affine, *extra))

    row(name, inputs, function, [0, 1, 2], lambda: {3: mean, 4: var})


def fold_norm(name, shape):
    """A batch norm that is not training, of a convolution's weights as rows with the channels last."""
    d = Draw(name)
    c = shape[0]
    inputs = [d.weight(*shape), 1 + d.normal(c, scale=0.1), 0.5 + d.uniform(c)]
    zero = torch.zeros(c, dtype=torch.float64)

    def function(w, gain, var):
        return F.batch_norm(w.reshape(c, -1).T, zero, var, gain, zero, False, 0, 1e-4).T.reshape(shape)

    row(name, inputs, function, [0, 1], lambda: {2: inputs[2]})


def one(name, shape, function):
    row(name, [Draw(name).normal(*shape)], function, [0])


def several(name, shapes, function):
    d = Draw(name)
    row(name, [d.normal(*s) for s in shapes], lambda *t: function(t), range(len(shapes)))


def spectral_norm(name, training, shape):
    """torch.nn.utils.spectral_norm: v from u first, then u from v, as Miyato et al. do."""
    d = Draw(name)
    w = d.weight(*shape)
    columns = w[0].numel()
    u, v = (F.normalize(d.normal(n), dim=0).float().double() for n in (shape[0], columns))
    holder = torch.nn.Module()
    holder.weight = torch.nn.Parameter(w.clone())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.nn.utils.spectral_norm(holder, eps=1e-6)
    holder.train(training)
    holder.weight_u.copy_(u)
    holder.weight_v.copy_(v)

    def function(weight, _u, _v):
        del holder._parameters["weight_orig"]
        holder.weight_orig = weight
        for hook in holder._forward_pre_hooks.values():
            hook(holder, ())
        return holder.weight

    row(name, [w, u, v], function, [0], lambda: {1: holder.weight_u, 2: holder.weight_v})


def augment_sample(x, t, brightness, contrast, translation, cutout):
    _, h, w = x.shape
    if brightness:
        x = x + (t[0] - 0.5)
    if contrast:
        m = x.mean()
        x = m + (x - m) * (t[1] + 0.5)
    if translation:
        s = math.floor(h / 8 + 0.5)
        right, down = (math.floor(float(t[i]) * (2 * s + 1)) - s for i in (2, 3))
        padded = F.pad(x, (s, s, s, s))
        x = padded[:, s - down : s - down + h, s - right : s - right + w]
    if cutout:
        top = math.floor(float(t[4]) * (h + 1)) - h // 4
        left = math.floor(float(t[5]) * (w + 1)) - w // 4
        mask = torch.ones(h, w, dtype=x.dtype)
        mask[max(top, 0) : max(top + h // 2, 0), max(left, 0) : max(left + h // 2, 0)] = 0
        x = x * mask
    return x


def diff_augment(name, shape, *flags):
    d = Draw(name)
    inputs = [d.normal(*shape), d.uniform(shape[0], 6)]
    row(name, inputs, lambda x, t: torch.stack([augment_sample(a, b, *flags) for a, b in zip(x, t)]), [0])


def scalar(function):
    return lambda *t: function(*t).reshape(1)


def known_binary_cross_entropy(x, t):
    known = ~torch.isnan(t)
    return F.binary_cross_entropy_with_logits(x[known], t[known])


def losses():
    for kind, function in {
        "real": lambda x: torch.relu(1 - x).mean(),
        "fake": lambda x: torch.relu(1 + x).mean(),
        "generator": lambda x: -x.mean(),
    }.items():
        one(f"hinge_{kind}", (9, 1), scalar(function))
    d = Draw("losses")
    soft = d.uniform(4, 3)
    soft[2] = 0
    row("softmax_cross_entropy_three", [d.normal(4, 3), soft], scalar(F.cross_entropy), [0])
    partial = torch.where(d.uniform(4, 14) < 0.3, math.nan, d.uniform(4, 14))
    row("binary_cross_entropy", [3 * d.normal(4, 14), partial], scalar(known_binary_cross_entropy), [0])


def operators():
    conv("conv_3x3", 2, 3, 6, 5, 12, 3, 1, 1, True, "none")
    conv("conv_3x3_image", 1, 1, 8, 8, 1, 3, 1, 1, True, "none")
    conv("conv_3x3_valid", 2, 4, 5, 4, 5, 3, 1, 0, True, "leaky")
    conv("conv_3x3_tanh", 2, 12, 6, 6, 1, 3, 1, 1, True, "tanh")
    conv("conv_3x3_sigmoid", 2, 5, 6, 5, 12, 3, 1, 1, True, "sigmoid")
    conv("conv_3x3_stride2_relu", 3, 8, 9, 7, 16, 3, 2, 1, True, "relu")
    conv("conv_3x3_stride3_leftover", 1, 4, 8, 8, 3, 3, 3, 0, False, "none")
    upsampled_conv("conv_upsample", 2, 16, 4, 5, 24, False, "none")
    upsampled_conv("conv_upsample_bias_leaky", 1, 20, 3, 3, 9, True, "leaky")
    upsampled_conv("conv_upsample_image", 2, 12, 4, 4, 1, True, "tanh")
    conv("conv_4x4_stride2", 2, 3, 6, 6, 5, 4, 2, 1, True, "leaky")
    conv("conv_4x4_same", 1, 3, 5, 5, 4, 4, 1, 2, False, "none")
    linear("linear", 7, 20, 12, True, "none")
    linear("linear_relu", 5, 3, 17, False, "relu")
    linear("linear_leaky", 4, 16, 8, True, "leaky")
    linear("linear_tanh", 4, 33, 10, True, "tanh")
    linear("linear_sigmoid", 1, 12, 5, True, "sigmoid")
    batch_norm("batch_norm", True, "none", (2, 12, 5, 5))
    batch_norm("batch_norm_relu", True, "relu", (3, 20, 4, 3))
    batch_norm("batch_norm_rows", True, "none", (6, 5))
    batch_norm("batch_norm_running", False, "none", (2, 12, 3, 5))
    batch_norm("batch_norm_running_relu", False, "relu", (2, 3, 4, 4))
    batch_norm("batch_norm_conditional", True, "none", (3, 12, 4, 4), conditional=True)
    batch_norm("batch_norm_conditional_rows", True, "none", (8, 3), conditional=True)
    batch_norm("batch_norm_conditional_running", False, "relu", (2, 12, 3, 3), conditional=True)
    fold_norm("fold_norm", (12, 20))
    fold_norm("fold_norm_conv", (5, 3, 3, 3))
    one("relu", (2, 12, 3, 5), torch.relu)
    one("leaky_relu", (1, 20, 4, 4), ACTS["leaky"])
    one("tanh", (2, 1, 4, 4), torch.tanh)
    one("sigmoid", (2, 12, 3, 3), torch.sigmoid)
    several("sum_losses", [(1,)] * 3, lambda t: t[0] + 0.25 * t[1] - 3 * t[2])
    several("row_dot", [(5, 7)] * 2, lambda t: (t[0] * t[1]).sum(1, keepdim=True))
    one("upsample", (2, 12, 3, 5), lambda x: F.interpolate(x, scale_factor=2, mode="nearest"))
    one("pool_max_overlap", (1, 20, 7, 5), lambda x: F.max_pool2d(x, 3, 2, 1))
    one("pool_average_overlap", (1, 20, 7, 5), lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False))
    one("global_sum", (2, 12, 4, 5), lambda x: x.sum((2, 3)))
    one("global_average", (3, 20, 3, 3), lambda x: x.mean((2, 3)))
    several("concat_channels", [(2, 12, 3, 3), (2, 5, 3, 3)], lambda t: torch.cat(t, 1))
    one("slice", (4, 12, 3, 3), lambda x: x[1:3])
    one("reshape_unflatten", (2, 48), lambda x: x.reshape(2, 12, 2, 2))
    one("reshape_regroup", (2, 12, 2, 2), lambda x: x.reshape(1, 24, 4, 1))
    spectral_norm("spectral_norm", True, (12, 20))
    spectral_norm("spectral_norm_conv", True, (5, 3, 3, 3))
    spectral_norm("spectral_norm_frozen", False, (12, 20))
    diff_augment("diff_augment", (7, 1, 8, 8), True, True, True, True)
    diff_augment("diff_augment_colour", (4, 3, 6, 8), True, True, True, True)
    diff_augment("diff_augment_translation", (5, 1, 12, 12), False, False, True, False)
    diff_augment("diff_augment_cutout", (5, 1, 8, 8), False, False, False, True)
    diff_augment("diff_augment_contrast", (2, 3, 4, 5), False, True, False, False)
    one("rotate", (5, 1, 4, 4), lambda x: torch.stack([torch.rot90(s, b % 4, (1, 2)) for b, s in enumerate(x)]))
    one("rotate_odd", (9, 3, 5, 5), lambda x: torch.stack([torch.rot90(s, b % 4, (1, 2)) for b, s in enumerate(x)]))
    losses()


def optimizer(name, make, clip=None, ema=None):
    """Two parameters, six given gradients; the parameters (and their average) after every update."""
    steps, sizes, d = 6, (7, 13), Draw(name)
    parameters = [torch.nn.Parameter(d.normal(n)) for n in sizes]
    average = [p.detach().clone() for p in parameters]
    for k, p in enumerate(parameters):
        tensors[f"{name}/start{k}"] = p.detach().clone()
    history = {f"{kind}{k}": [] for kind in ("gradient", "value", "average") for k in range(2)}
    used = make(parameters)
    for _ in range(steps):
        for k, p in enumerate(parameters):
            p.grad = d.normal(*p.shape)
            history[f"gradient{k}"].append(p.grad.clone())
        if clip:
            torch.nn.utils.clip_grad_norm_(parameters, clip)
        used.step()
        for k, p in enumerate(parameters):
            history[f"value{k}"].append(p.detach().clone())
            average[k] = (ema or 0) * average[k] + (1 - (ema or 0)) * p.detach()
            history[f"average{k}"].append(average[k].clone())
    for key, values in history.items():
        if ema or not key.startswith("average"):
            tensors[f"{name}/{key}"] = torch.stack(values)


def optimizers():
    optim = torch.optim
    optimizer("adam", lambda p: optim.Adam(p, lr=0.02, betas=(0.5, 0.999), eps=1e-6))
    optimizer("adamw", lambda p: optim.AdamW(p, lr=0.01, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.1))
    optimizer("adam_clip_ema", lambda p: optim.Adam(p, lr=0.02, betas=(0.9, 0.999), eps=1e-3), clip=2.0, ema=0.75)
    optimizer("sgd", lambda p: optim.SGD(p, lr=0.1, momentum=0.9))
    optimizer("sgd_clip", lambda p: optim.SGD(p, lr=0.1), clip=3.0)


def write(name):
    path = pathlib.Path(__file__).parent / name
    save_file({k: v.detach().float().contiguous() for k, v in tensors.items()}, path)
    path.chmod(0o644)
    tensors.clear()


if __name__ == "__main__":
    operators()
    write("nn_operators.safetensors")
    optimizers()
    write("nn_optimizers.safetensors")
