#!/usr/bin/env python3
"""Checks that the models of this folder are those of emixer/ and downstream/: from the golden weights they must reach the
golden losses (tests/golden/models_make.py, which the C code is tested against, too). Needs what that script needs:
numpy, safetensors, xxhash."""

import csv
import pathlib
import sys

import torch
from safetensors.torch import load_file

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden"
sys.path.insert(0, str(GOLDEN))
import models_make as golden  # noqa: E402  (it sets the default type to float64)
import emixer  # noqa: E402
from classifiers import DenseNetSmall, Trainer  # noqa: E402
from setting import Setting  # noqa: E402

TOLERANCE = 1e-6  # relative; all is in float64, and the golden figures have 12 digits


def golden_rows(name):
    with open(GOLDEN / name, newline="") as file:
        return [[float(v) for v in row] for row in list(csv.reader(file))[1:]]


def compare(name, got, wanted):
    worst = max(abs(a - b) / abs(b) for g, w in zip(got, wanted) for a, b in zip(g, w))
    print(f"{name}: {len(got)} updates, losses differ by at most {worst:.1e}")
    if not worst < TOLERANCE:
        sys.exit(f"check.py: {name} is not our model")


# ---- EMIXER ----


def spectral_names(ours, theirs, bias=True):
    names = {f"{theirs}.weight": f"{ours}.weight", f"{theirs}.u": f"{ours}.weight.u", f"{theirs}.v": f"{ours}.weight.v"}
    return names | ({f"{theirs}.bias": f"{ours}.bias"} if bias else {})


def generator_state(G, weights):
    state = {}
    for name, value in G.state_dict().items():
        parts = name.replace("blocks.", "block").split(".")
        ours = "G/" + "/".join(parts[:-1]) + "." + parts[-1]
        if "affine" in name:  # gain and bias in one layer
            gain, bias = (weights[ours.replace("affine", f"{w}")] for w in ("gain", "bias"))
            state[name] = torch.cat([gain, bias])
        elif "running" in name or "num_batches" in name:
            state[name] = value
        else:
            state[name] = weights[ours]
    return state


def discriminator_state(D, weights):
    names = {}
    for i in range(len(D.blocks)):
        for layer in ("skip", "conv1", "conv2"):
            names |= spectral_names(f"D/block{i}/{layer}", f"blocks.{i}.{layer}")
    names |= spectral_names("D/logit", "logit") | spectral_names("D/rotation", "rotation")
    names |= spectral_names("D/embedding", "embedding", bias=False)
    return {theirs: weights[ours] for theirs, ours in names.items()}


def emixer_batch(t, images, balance):
    drawn, real_labels = balance.draw("emixer/real", t)
    b, z = golden.BATCH, (golden.BATCH, golden.LATENT)

    def uniform(purpose, n):
        return golden.fill_uniform(golden.SEED, purpose, t, (n, 6))

    return {"real": golden.pixels(images, drawn)[:, None], "real labels": real_labels,
            "fake labels": balance.draw("emixer/fake", t)[1], "generator labels": balance.draw("emixer/generator", t)[1],
            "rotation": golden.pixels(images, golden.rotation_draw(t))[:, None],
            "discriminator z": golden.fill_normal(golden.SEED, "discriminator/z", t, z),
            "generator z": golden.fill_normal(golden.SEED, "generator/z", t, z),
            "discriminator draws": uniform("discriminator/augment", 2 * b),
            "generator draws": uniform("generator/augment", b)}


def check_emixer(words):
    weights = {k: v.double() for k, v in load_file(GOLDEN / "emixer_weights.safetensors").items()}
    o = emixer.Options(golden.SIDE, golden.WIDTH, golden.BATCH, golden.LABELS, golden.LATENT, beta1=0.1)
    trainer = emixer.Trainer(o, Setting.of(words))
    trainer.G.load_state_dict(generator_state(trainer.G, weights))
    trainer.D.load_state_dict(discriminator_state(trainer.D, weights))
    images, balance = golden.made_images(golden.IMAGES, golden.SIDE), golden.Balance()
    got = [[loss.item() for loss in trainer.update(emixer_batch(t, images, balance))] for t in range(golden.STEPS)]
    compare(f"EMIXER, {words}", got, golden_rows("emixer_losses.csv"))


# ---- densenet_small ----


def densenet_small_state(net, weights):
    body = [f"block{b}.layer{i}" if i < golden.LAYERS else f"transition{b}"
            for b in range(golden.BLOCKS) for i in range(golden.LAYERS + 1)][:-1]
    state = {}
    for name in net.state_dict():
        layer, last = name.rsplit(".", 1)
        parts = layer.split(".")
        ours = f"{body[int(parts[1])]}/{parts[2]}" if parts[0] == "body" else layer
        state[name] = weights[f"{ours}.{last}"]
    return state


def classifier_batch(t, images):
    real = golden.class_draw("classifier/real", t, golden.REAL_IN_BATCH, golden.IMAGES)
    synthetic = golden.class_draw("classifier/synthetic", t, golden.BATCH - golden.REAL_IN_BATCH, golden.SYNTHETIC)
    x = golden.pixels(images, real + [golden.IMAGES + i for i in synthetic])[:, None]
    return x, torch.tensor(real + synthetic) % golden.CLASSES


def check_densenet_small(words):
    weights = {k: v.double() for k, v in load_file(GOLDEN / "classifier_weights.safetensors").items()}
    net = DenseNetSmall(golden.GROWTH, golden.LAYERS, golden.BLOCKS)
    net.load_state_dict(densenet_small_state(net, weights))
    trainer = Trainer(net, Setting.of(words), golden.CLASSIFIER_RATE, golden.CLASSIFIER_DECAY, golden.STEPS)
    images = golden.made_images(golden.IMAGES + golden.SYNTHETIC, golden.SIDE)
    got = [[trainer.update(*classifier_batch(t, images)).item()] for t in range(golden.STEPS)]
    compare(f"densenet_small, {words}", got, golden_rows("classifier_losses.csv"))


if __name__ == "__main__":
    for setting in ("eager", "eager+channels_last+merged", "compile+channels_last+merged"):
        check_emixer(setting)
    for setting in ("eager", "compile+channels_last"):
        check_densenet_small(setting)
