#!/usr/bin/env python3
"""Makes emixer_*.safetensors/.csv and classifier_*.safetensors/.csv beside this file: initial weights, and the losses
of the first updates that PyTorch gets from them in double precision.

The networks, the losses and the draws (Philox, base/rng.h) are written out here from their definitions, so that the
C code is compared with something else. Run with: python3 models_make.py (needs torch, numpy, safetensors, xxhash).
"""

import csv
import math
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
import xxhash
from safetensors.numpy import save_file

FOLDER = pathlib.Path(__file__).parent
STEPS = 10
torch.set_default_dtype(torch.float64)


# ---- draws: base/rng.h ----


def philox(key, high, blocks):
    """Words (len(blocks), 4) of Philox4x32-10 (Salmon et al., SC 2011)."""
    mask = np.uint64(0xFFFFFFFF)
    low = np.asarray(blocks, dtype=np.uint64)
    c = [low & mask, low >> np.uint64(32), np.full_like(low, high & 0xFFFFFFFF), np.full_like(low, high >> 32)]
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(k0), p1 & mask,
             (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(k1), p0 & mask]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack(c, axis=1)


def key_of(seed, purpose):
    return xxhash.xxh3_64_intdigest(purpose.encode(), seed=seed)


def fill_uniform(seed, purpose, index, shape):
    n = math.prod(shape)
    words = philox(key_of(seed, purpose), index, range((n + 3) // 4)).reshape(-1)[:n]
    values = words.astype(np.float32) * np.float32(2.0**-32)
    return torch.tensor(np.minimum(values, np.float32(1 - 2.0**-24)).reshape(shape)).double()


def fill_normal(seed, purpose, index, shape):
    n = math.prod(shape)
    words = philox(key_of(seed, purpose), index, range((n + 3) // 4)).astype(np.float64)
    radius = np.sqrt(-2 * np.log((words[:, 0::2] + 1) * 2.0**-32))
    angle = 2 * math.pi * words[:, 1::2] * 2.0**-32
    values = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=2).reshape(-1)[:n]
    return torch.tensor(values.astype(np.float32).reshape(shape)).double()


class Stream:
    """rng_open, rng_u32, rng_below."""

    def __init__(self, seed, purpose, index):
        self.key, self.index, self.block, self.words = key_of(seed, purpose), index, 0, []

    def u32(self):
        if not self.words:
            self.words = [int(w) for w in philox(self.key, self.index, [self.block])[0]]
            self.block += 1
        return self.words.pop(0)

    def below(self, n):
        limit = 0xFFFFFFFF - 0xFFFFFFFF % n
        while True:
            draw = self.u32()
            if draw < limit:
                return draw % n


def made_images(n, side):
    """(n,side,side) bytes that the tests make too."""
    words = philox(key_of(0, "golden/images"), 0, range(n * side * side // 4)).reshape(-1)
    return (words & np.uint64(255)).astype(np.uint8).reshape(n, side, side)


def pixels(images, index):
    return torch.tensor(images[index].astype(np.float64) / 127.5 - 1)


# ---- weights ----


class Weights:
    """Draws named tensors: trained ones into .trained, states into .states."""

    def __init__(self, seed):
        self.draw, self.trained, self.states = np.random.default_rng(seed), {}, {}

    def add(self, name, shape, scale=None, mean=0.0):
        scale = scale if scale else 1 / math.sqrt(max(1, math.prod(shape[1:])))
        values = (mean + scale * self.draw.standard_normal(shape)).astype(np.float32)
        self.trained[name] = torch.tensor(values.astype(np.float64), requires_grad=True)

    def layer(self, name, shape, bias=True, spectral=False, bias_mean=0.0):
        self.add(name + ".weight", shape)
        if bias:
            self.add(name + ".bias", shape[:1], 0.1, bias_mean)
        if spectral:
            for vector, size in (("u", shape[0]), ("v", math.prod(shape[1:]))):
                value = self.draw.standard_normal(size)
                value = (value / np.linalg.norm(value)).astype(np.float32)
                self.states[f"{name}.weight.{vector}"] = torch.tensor(value.astype(np.float64))

    def save(self, name, scope=""):
        """Counters keep their integers, as PyTorch's batch norm has them; `scope` is left out of the names."""
        tensors = {k.removeprefix(scope): v.detach().numpy() for k, v in (self.trained | self.states).items()}
        save_file({k: np.float32(v) if v.dtype == np.float64 else v for k, v in tensors.items()}, FOLDER / name)

    def scope(self, prefix):
        return [v for k, v in self.trained.items() if k.startswith(prefix)]

    def spectral(self, name):
        """The weight divided by its largest singular value after one power iteration (Miyato et al., 2018)."""
        w, u = self.trained[name + ".weight"], self.states[name + ".weight.u"]
        flat = w.reshape(w.shape[0], -1)
        with torch.no_grad():
            v = F.normalize(flat.T @ u, dim=0, eps=1e-6)
            u = F.normalize(flat @ v, dim=0, eps=1e-6)
            self.states[name + ".weight.u"], self.states[name + ".weight.v"] = u, v
        return w / (u @ flat @ v)


def batch_norm(x, gain, bias):
    mean = x.mean((0, 2, 3), keepdim=True)
    variance = x.var((0, 2, 3), unbiased=False, keepdim=True)
    gain, bias = (t.reshape((1, -1, 1, 1) if t.dim() == 1 else t.shape + (1, 1)) for t in (gain, bias))
    return gain * (x - mean) / torch.sqrt(variance + 1e-5) + bias


# ---- EMIXER ----

SIDE, LABELS, WIDTH, LATENT, BATCH, SEED, ROTATION = 16, 3, 2, 6, 8, 4, 0.5
EMBEDDING = 32
GENERATOR_WIDTHS = (8, 4, 2)  # 4x4, after each block
DISCRIMINATOR_WIDTHS = (2, 4)
IMAGES, LABELLED = 12, 9


def emixer_weights():
    w, condition = Weights(11), LATENT + EMBEDDING
    w.layer("G/embedding", (EMBEDDING, LABELS), bias=False)
    w.layer("G/start", (GENERATOR_WIDTHS[0] * 16, condition))
    for i, (a, b) in enumerate(zip(GENERATOR_WIDTHS, GENERATOR_WIDTHS[1:])):
        block = f"G/block{i}/"
        for norm, channels in (("norm1", a), ("norm2", b)):
            w.layer(f"{block}{norm}/gain", (channels, condition), bias_mean=1.0)
            w.layer(f"{block}{norm}/bias", (channels, condition))
        w.layer(block + "skip", (b, a, 1, 1), bias=False)
        w.layer(block + "conv1", (b, a, 3, 3), bias=False)
        w.layer(block + "conv2", (b, b, 3, 3), bias=False)
    w.add("G/norm.weight", (GENERATOR_WIDTHS[-1],), 0.1, 1.0)
    w.add("G/norm.bias", (GENERATOR_WIDTHS[-1],), 0.1)
    w.layer("G/image", (1, GENERATOR_WIDTHS[-1], 3, 3))
    channels = 1
    for i, out in enumerate(DISCRIMINATOR_WIDTHS):
        block = f"D/block{i}/"
        w.layer(block + "skip", (out, channels, 1, 1), spectral=True)
        inner = out if i == 0 else channels
        w.layer(block + "conv1", (inner, channels, 3, 3), spectral=True)
        w.layer(block + "conv2", (out, inner, 4, 4), spectral=True)
        channels = out
    w.layer("D/logit", (1, channels), spectral=True)
    w.layer("D/embedding", (channels, LABELS), bias=False, spectral=True)
    w.layer("D/rotation", (4, channels), spectral=True)
    return w


def up(x):
    return x.repeat_interleave(2, 2).repeat_interleave(2, 3)


def generator(w, z, y):
    p = w.trained
    c = torch.cat([z, y @ p["G/embedding.weight"].T], 1)

    def linear(name):
        return c @ p[name + ".weight"].T + p[name + ".bias"]

    h = linear("G/start").reshape(-1, GENERATOR_WIDTHS[0], 4, 4)
    for i in range(len(GENERATOR_WIDTHS) - 1):
        block = f"G/block{i}/"
        x = h
        h = F.relu(batch_norm(x, linear(block + "norm1/gain"), linear(block + "norm1/bias")))
        h = up(F.conv2d(h, p[block + "conv1.weight"], padding=1))
        h = F.relu(batch_norm(h, linear(block + "norm2/gain"), linear(block + "norm2/bias")))
        h = F.conv2d(h, p[block + "conv2.weight"], padding=1)
        h = h + F.conv2d(up(x), p[block + "skip.weight"])
    h = F.relu(batch_norm(h, p["G/norm.weight"], p["G/norm.bias"]))
    return torch.tanh(F.conv2d(h, p["G/image.weight"], p["G/image.bias"], padding=1))


def features(w, x):
    for i in range(len(DISCRIMINATOR_WIDTHS)):
        def conv(name, v, **options):
            return F.conv2d(v, w.spectral(f"D/block{i}/{name}"), w.trained[f"D/block{i}/{name}.bias"], **options)

        h = conv("conv1", x if i == 0 else F.relu(x), padding=1)
        h = conv("conv2", F.relu(h), stride=2, padding=1)
        x = h + F.avg_pool2d(conv("skip", x), 2)
    return F.relu(x).sum((2, 3))


def logits(w, h, y):
    scores = h @ w.spectral("D/logit").T + w.trained["D/logit.bias"]
    return scores + ((y @ w.spectral("D/embedding").T) * h).sum(1, keepdim=True)


def rotation_loss(w, h):
    scores = h @ w.spectral("D/rotation").T + w.trained["D/rotation.bias"]
    return F.cross_entropy(scores, torch.arange(len(h)) % 4)


def turned(x):
    return torch.stack([torch.rot90(image, b % 4, (1, 2)) for b, image in enumerate(x)])


def augmented(x, t):
    """Zhao et al., NeurIPS 2020: brightness, contrast, translation, cutout of each image by its six draws."""
    out, side = [], x.shape[2]
    for image, u in zip(x, t):
        image = image + u[0] - 0.5
        image = image.mean() + (image - image.mean()) * (u[1] + 0.5)
        s = round(side / 8)
        dx, dy = (int(torch.floor(v * (2 * s + 1))) - s for v in (u[2], u[3]))
        padded = F.pad(image, (s, s, s, s))
        image = padded[:, s - dy : s - dy + side, s - dx : s - dx + side]
        top, left = (int(torch.floor(v * (side + 1))) - side // 4 for v in (u[4], u[5]))
        keep = torch.ones(side, side)
        keep[max(0, top) : max(0, top + side // 2), max(0, left) : max(0, left + side // 2)] = 0
        out.append(image * keep)
    return torch.stack(out)


def made_labels():
    """One-hot, but for sample 1 (two labels) and sample 2 (none)."""
    labels = np.eye(LABELS)[np.arange(IMAGES) % LABELS]
    labels[1], labels[2] = (1, 1, 0), 0
    return labels


class Balance:
    def __init__(self):
        self.labels = made_labels()
        groups = [[i for i in range(LABELLED) if self.labels[i, k]] for k in range(LABELS)]
        groups.append([i for i in range(LABELLED) if not self.labels[i].any()])
        self.groups = [g for g in groups if g]

    def draw(self, purpose, index):
        stream, drawn = Stream(SEED, purpose, index), []
        for _ in range(BATCH):
            group = self.groups[stream.below(len(self.groups))]
            drawn.append(group[stream.below(len(group))])
        return drawn, torch.tensor(self.labels[drawn])


def rotation_draw(index):
    stream, drawn = Stream(SEED, "emixer/rotation", index), []
    for b in range(BATCH // 2):
        hidden = (b // 4 + index) % 2 == 0
        drawn.append(LABELLED + stream.below(IMAGES - LABELLED) if hidden else stream.below(LABELLED))
    return drawn


def emixer():
    w, images, balance = emixer_weights(), made_images(IMAGES, SIDE), Balance()
    w.save("emixer_weights.safetensors")
    adams = {scope: torch.optim.Adam(w.scope(scope), rate, (0.1, 0.9), 1e-6)
             for scope, rate in (("D/", 2e-3), ("G/", 1e-3))}

    def update(scope, loss):
        for tensor in w.trained.values():
            tensor.grad = None
        loss.backward()
        adams[scope].step()
        return loss.item()

    rows = []
    for t in range(STEPS):
        drawn, real_labels = balance.draw("emixer/real", t)
        _, fake_labels = balance.draw("emixer/fake", t)
        _, generator_labels = balance.draw("emixer/generator", t)
        with torch.no_grad():
            fake = generator(w, fill_normal(SEED, "discriminator/z", t, (BATCH, LATENT)), fake_labels)
        x = torch.cat([pixels(images, drawn)[:, None], fake])
        x = augmented(x, fill_uniform(SEED, "discriminator/augment", t, (2 * BATCH, 6)))
        h = features(w, torch.cat([x, turned(pixels(images, rotation_draw(t))[:, None])]))
        scores = logits(w, h[: 2 * BATCH], torch.cat([real_labels, fake_labels]))
        loss = F.relu(1 - scores[:BATCH]).mean() + F.relu(1 + scores[BATCH:]).mean()
        discriminator_loss = update("D/", loss + ROTATION * rotation_loss(w, h[2 * BATCH :]))

        fake = generator(w, fill_normal(SEED, "generator/z", t, (BATCH, LATENT)), generator_labels)
        x = augmented(fake, fill_uniform(SEED, "generator/augment", t, (BATCH, 6)))
        h = features(w, torch.cat([x, turned(fake[: BATCH // 2])]))
        loss = -logits(w, h[:BATCH], generator_labels).mean()
        generator_loss = update("G/", loss + 0.2 * ROTATION * rotation_loss(w, h[BATCH:]))
        rows.append((discriminator_loss, generator_loss))
    write_csv("emixer_losses.csv", ("discriminator", "generator"), rows)


# ---- the classifier ----

GROWTH, LAYERS, BLOCKS, CLASSES = 3, 2, 3, 3
SYNTHETIC = 6  # images of the synthetic set; they follow the real ones in made_images
CLASSIFIER_RATE, CLASSIFIER_DECAY = 0.01, 0.1
REAL_IN_BATCH = 5  # round(8 * (1 - 0.4))


def classifier_weights():
    w, channels = Weights(12), 2 * GROWTH

    def norm(name):
        w.add(name + ".weight", (channels,), 0.1, 1.0)
        w.add(name + ".bias", (channels,), 0.1)
        w.states[name + ".running_mean"] = torch.zeros(channels)
        w.states[name + ".running_var"] = torch.ones(channels)
        w.states[name + ".num_batches_tracked"] = torch.tensor(0)

    w.layer("C/stem", (channels, 1, 4, 4), bias=False)
    for block in range(BLOCKS):
        for layer in range(LAYERS):
            norm(f"C/block{block}.layer{layer}/norm")
            w.layer(f"C/block{block}.layer{layer}/conv", (GROWTH, channels, 3, 3), bias=False)
            channels += GROWTH
        if block < BLOCKS - 1:
            norm(f"C/transition{block}/norm")
            w.layer(f"C/transition{block}/conv", (channels // 2, channels, 1, 1), bias=False)
            channels //= 2
    norm("C/norm")
    w.layer("C/logits", (CLASSES, channels))
    return w


def densenet(w, x):
    p = w.trained

    def normed(name, v):
        return F.relu(batch_norm(v, p[name + ".weight"], p[name + ".bias"]))

    h = F.conv2d(x, p["C/stem.weight"], stride=2, padding=1)
    for block in range(BLOCKS):
        for layer in range(LAYERS):
            name = f"C/block{block}.layer{layer}/"
            h = torch.cat([h, F.conv2d(normed(name + "norm", h), p[name + "conv.weight"], padding=1)], 1)
        if block < BLOCKS - 1:
            name = f"C/transition{block}/"
            h = F.avg_pool2d(F.conv2d(normed(name + "norm", h), p[name + "conv.weight"]), 2)
    return normed("C/norm", h).mean((2, 3)) @ p["C/logits.weight"].T + p["C/logits.bias"]


def class_draw(purpose, t, count, n):
    """Classes in turn from t; each image under its own key. Image i of n has class i mod CLASSES."""
    drawn = []
    for j in range(count):
        members = range((t + j) % CLASSES, n, CLASSES)
        drawn.append(members[Stream(SEED, purpose, t << 16 | j).below(len(members))])
    return drawn


def finding_labels():
    """0, 1 and unknown in turn; image 4 has no known label."""
    table = np.array([1, 0, np.nan, 0])
    labels = table[(np.arange(IMAGES + SYNTHETIC)[:, None] + 2 * np.arange(CLASSES)) % len(table)]
    labels[4] = np.nan
    return torch.tensor(labels)


def finding_draw(purpose, t, count, members):
    return [members[Stream(SEED, purpose, t << 16 | j).below(len(members))] for j in range(count)]


def class_loss(w, images, t):
    real = class_draw("classifier/real", t, REAL_IN_BATCH, IMAGES)
    synthetic = class_draw("classifier/synthetic", t, BATCH - REAL_IN_BATCH, SYNTHETIC)
    x = pixels(images, real + [IMAGES + i for i in synthetic])[:, None]
    return F.cross_entropy(densenet(w, x), torch.tensor(real + synthetic) % CLASSES)


def finding_loss(w, images, t):
    """The mean over the labels that are known; images without any are never drawn."""
    labels = finding_labels()
    real = [i for i in range(IMAGES) if not labels[i].isnan().all()]
    drawn = finding_draw("classifier/real", t, REAL_IN_BATCH, real)
    drawn += finding_draw("classifier/synthetic", t, BATCH - REAL_IN_BATCH, range(IMAGES, IMAGES + SYNTHETIC))
    scores, y = densenet(w, pixels(images, drawn)[:, None]), labels[drawn]
    return F.binary_cross_entropy_with_logits(scores[~y.isnan()], y[~y.isnan()])


def classifier(name, loss_of):
    w, images = classifier_weights(), made_images(IMAGES + SYNTHETIC, SIDE)
    w.save("classifier_weights.safetensors", "C/")
    adam = torch.optim.AdamW(w.scope("C/"), CLASSIFIER_RATE, (0.9, 0.999), 1e-8, CLASSIFIER_DECAY)
    rows = []
    for t in range(STEPS):
        adam.param_groups[0]["lr"] = CLASSIFIER_RATE * (1 + math.cos(math.pi * t / STEPS)) / 2
        loss = loss_of(w, images, t)
        adam.zero_grad()
        loss.backward()
        adam.step()
        rows.append((loss.item(),))
    write_csv(name, ("loss",), rows)


def write_csv(name, header, rows):
    with open(FOLDER / name, "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(header)
        out.writerows([f"{value:.12g}" for value in row] for row in rows)


if __name__ == "__main__":
    emixer()
    classifier("classifier_losses.csv", class_loss)
    classifier("classifier_label_losses.csv", finding_loss)
