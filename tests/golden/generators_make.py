#!/usr/bin/env python3
"""Makes generator_MODEL.safetensors, generator_losses.csv and generator_texts.csv beside this file: what PyTorch gets
of the report generators' definitions in double precision, from weights that the tests make by the same rule (Philox
by name, base/rng.h).

The safetensors files have the logits and the loss of the first eight pairs, and the loss's gradient for every
parameter; generator_losses.csv the losses of the first updates of training, a column a model; generator_texts.csv the
reports of the first eight images, greedy and by beam search, every word from a fresh pass over all words before it.

The networks are written out here from their definitions (downstream/report_generator.h), on torch.nn.LSTM and
scaled_dot_product_attention. Run with: python3 generators_make.py (needs torch, numpy, safetensors, xxhash).
"""

import csv
import math

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from models_make import FOLDER, Stream, batch_norm, fill_normal, made_images, pixels, write_csv

SIDE, GROWTH, BLOCKS, E, HEADS, LAYERS = 16, 2, 3, 8, 2, 2
LENGTH, SENTENCES, WORDS, FINDINGS = 8, 3, 3, 3
REAL, SYNTHETIC, BATCH, REAL_IN_BATCH, STEPS, SEED = 12, 6, 8, 5, 10, 4
RATE, DECAY, CLIP = 0.01, 0.1, 0.5
BEAMS, PENALTY = 3, 1.0
TEXT_SEED, TEXT_GAIN = 1, 2.5  # weights so large that images matter to what is said
PAD, BEGIN, END, UNKNOWN = range(4)
REPORTS = (FOLDER / "generator_reports.txt").read_text().splitlines()
TOKENS = ["<pad>", "<bos>", "<eos>", "<unk>"] + sorted({w for r in REPORTS[:REAL] for w in r.split()})
V = len(TOKENS)


class Weights:
    """Parameters by name, made when they are first used: normal draws over the root of the fan-in, times `gain`; norms'
    gains near 1; an
    encoder's batch norm is shifted away from ReLU's kink, where single precision could fall on the other side. Without
    training, batch norm has the running statistics that it starts with, 0 and 1."""

    def __init__(self, seed=SEED, gain=1.0):
        self.all, self.training, self.seed, self.gain = {}, True, seed, gain

    def __call__(self, name, *shape):
        name = "R/" + name
        if name not in self.all:
            draw = fill_normal(self.seed, name, 0, shape)
            if len(shape) > 1:
                draw = self.gain * draw / math.sqrt(math.prod(shape[1:]))
            elif name.endswith(".weight"):
                draw = 1 + 0.1 * draw
            elif name.endswith("norm.bias") and name.startswith("R/encoder/"):
                draw = torch.sign(draw) + 0.3 * draw
            else:
                draw = 0.1 * draw
            self.all[name] = draw.float().double().requires_grad_()
        return self.all[name]


def dense(w, x, name, out):
    return F.linear(x, w(name + ".weight", out, x.shape[-1]), w(name + ".bias", out))


def lstm(w, x, name, state=None):
    """Whole sequences (B,T,I) -> the h of every time, and the last (h, c)."""
    module = torch.nn.LSTM(x.shape[-1], E, batch_first=True).double()
    names = {f"{part}_l0": w(f"{name}.{part}", *shape) for part, shape in (
        ("weight_ih", (4 * E, x.shape[-1])), ("weight_hh", (4 * E, E)), ("bias_ih", (4 * E,)), ("bias_hh", (4 * E,)))}
    if state is not None:
        state = tuple(s[None].contiguous() for s in state)
    h, (last, c) = torch.func.functional_call(module, names, (x, state))
    return h, (last[0], c[0])


def maps(w, x):
    def normed(name, v):
        gain, bias = w(name + ".weight", v.shape[1]), w(name + ".bias", v.shape[1])
        if w.training:
            return F.relu(batch_norm(v, gain, bias))
        return F.relu(gain[:, None, None] * v / math.sqrt(1 + 1e-5) + bias[:, None, None])

    h = F.conv2d(x, w("encoder/stem.weight", 2 * GROWTH, 1, 4, 4), stride=2, padding=1)
    for block in range(BLOCKS):
        name = f"encoder/block{block}.layer0/"
        c = h.shape[1]
        h = torch.cat([h, F.conv2d(normed(name + "norm", h), w(name + "conv.weight", GROWTH, c, 3, 3), padding=1)], 1)
        if block < BLOCKS - 1:
            name, c = f"encoder/transition{block}/", h.shape[1]
            h = F.avg_pool2d(F.conv2d(normed(name + "norm", h), w(name + "conv.weight", c // 2, c, 1, 1)), 2)
    return normed("encoder/norm", h)


def rows(x):
    return x.flatten(2).transpose(1, 2)


def embed(w, ids, name="words"):
    """Zeros for -1."""
    table = torch.cat([w(name + ".weight", V, E), torch.zeros(1, E)])
    return table[ids]


def attention(q, k, v, heads=1, causal=False):
    split = [x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in (q, k, v)]
    return F.scaled_dot_product_attention(*split, is_causal=causal).transpose(1, 2).flatten(2)


# ---- the models: logits (texts,T,V) of images and words (B,T), or (B,S,T) ----


def cnn_lstm(w, images, words):
    image = dense(w, maps(w, images).mean((2, 3)), "image", E)
    h, _ = lstm(w, torch.cat([image[:, None], embed(w, words)], 1), "lstm")
    return dense(w, h[:, 1:], "logits", V), {}


def cnn_lstm_att(w, images, words):
    grid = dense(w, rows(maps(w, images)), "grid", E)
    start = torch.tanh(dense(w, grid.mean(1), "start", 2 * E))
    state, keys, x, out = (start[:, :E], start[:, E:]), dense(w, grid, "key", E), embed(w, words), []
    for t in range(words.shape[1]):
        z = attention(dense(w, state[0], "query", E)[:, None], keys, grid)
        h, state = lstm(w, torch.cat([x[:, t : t + 1], z], 2), "lstm", state)
        u = x[:, t] + dense(w, h[:, 0], "out_h", E) + dense(w, z[:, 0], "out_z", E)
        out.append(dense(w, u, "logits", V))
    return torch.stack(out, 1), {}


def hierarchical(w, images, words):
    h, stops, topics = maps(w, images), [], []
    findings = dense(w, h.mean((2, 3)), "findings", FINDINGS)
    grid = dense(w, rows(h), "grid", E)
    tags = torch.sigmoid(findings)[..., None] * w("finding.weight", FINDINGS, E)
    grid_keys, tag_keys = dense(w, grid, "visual_key", E), dense(w, tags, "semantic_key", E)
    state = (torch.zeros(len(images), E), torch.zeros(len(images), E))
    for _ in range(SENTENCES):
        before = state[0]
        v = attention(dense(w, before, "visual_query", E)[:, None], grid_keys, grid)
        a = attention(dense(w, before, "semantic_query", E)[:, None], tag_keys, tags)
        context = dense(w, torch.cat([v, a], 2)[:, 0], "context", E)
        _, state = lstm(w, context[:, None], "sentence", state)
        topics.append(torch.tanh(dense(w, state[0], "topic_h", E) + dense(w, context, "topic_context", E)))
        hidden = torch.tanh(dense(w, before, "stop_before", E) + dense(w, state[0], "stop_now", E))
        stops.append(dense(w, hidden, "stop", 2))
    topics, words = torch.stack(topics, 1).flatten(0, 1), words.flatten(0, 1)
    h, _ = lstm(w, torch.cat([topics[:, None], embed(w, words)], 1), "word")
    return dense(w, h[:, 1:], "logits", V), {"stops": torch.stack(stops, 1), "findings": findings}


def transformer(w, images, words):
    def norm(x, name):
        return F.layer_norm(x, (E,), w(name + ".weight", E), w(name + ".bias", E))

    def part(x, name, memory=None, causal=False):
        y = norm(x, name + "/norm")
        m = y if memory is None else memory
        q, k, v = dense(w, y, name + "/query", E), dense(w, m, name + "/key", E), dense(w, m, name + "/value", E)
        return x + dense(w, attention(q, k, v, HEADS, causal), name + "/out", E)

    def feed_forward(x, name):
        y = norm(x, name + ".feed_forward/norm")
        return x + dense(w, F.relu(dense(w, y, name + ".feed_forward/in", E)), name + ".feed_forward/out", E)

    memory = F.relu(dense(w, rows(maps(w, images)), "grid", E))
    for i in range(LAYERS):
        memory = feed_forward(part(memory, f"encode{i}.self"), f"encode{i}")
    memory = norm(memory, "encode_norm")
    t, i = torch.arange(words.shape[1])[:, None], torch.arange(0, E, 2)
    angle = t / 10000 ** (i / E)
    h = math.sqrt(E) * embed(w, words) + torch.stack([torch.sin(angle), torch.cos(angle)], 2).flatten(1)
    for i in range(LAYERS):
        h = part(part(h, f"decode{i}.self", causal=True), f"decode{i}.source", memory)
        h = feed_forward(h, f"decode{i}")
    return dense(w, norm(h, "decode_norm"), "logits", V), {}


MODELS = {f.__name__: f for f in (cnn_lstm, cnn_lstm_att, hierarchical, transformer)}


# ---- reports as ids ----


def ids_of(words):
    return [TOKENS.index(x) if x in TOKENS else UNKNOWN for x in words]


def given(ids, ends, tokens):
    """Words and targets of a text."""
    words, targets = ([BEGIN] + ids)[:tokens], (ids + [END] * ends)[:tokens]
    return words + [-1] * (tokens - len(words)), targets + [-1] * (tokens - len(targets))


def one_text(report):
    ids = ids_of(report.split())[: LENGTH - 1]
    return given(ids, True, LENGTH - 1)


def sentences_of(report):
    parts = [s.split() for s in report.split(".") if s.split()][:SENTENCES]
    texts = [given(ids_of(p[:WORDS]), True, WORDS + 1) for p in parts]
    texts += [([-1] * (WORDS + 1),) * 2] * (SENTENCES - len(parts))
    stops = ([0] * len(parts) + [1] + [-1] * SENTENCES)[:SENTENCES]
    return [t[0] for t in texts], [t[1] for t in texts], stops


def finding_labels():
    """0, 1 and unknown in turn; image 4 has no known label."""
    table = np.array([1, 0, np.nan, 0])
    labels = table[(np.arange(REAL + SYNTHETIC)[:, None] + 2 * np.arange(FINDINGS)) % len(table)]
    labels[4] = np.nan
    return torch.tensor(labels)


def loss_of(w, model, images, drawn):
    x = pixels(images, drawn)[:, None]
    if model is not hierarchical:
        words, targets = (torch.tensor(t) for t in zip(*(one_text(REPORTS[i]) for i in drawn)))
        logits, _ = model(w, x, words)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1), logits
    words, targets, stops = (torch.tensor(t) for t in zip(*(sentences_of(REPORTS[i]) for i in drawn)))
    logits, more = model(w, x, words)
    y = finding_labels()[drawn]
    loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1)
    loss = loss + F.cross_entropy(more["stops"].flatten(0, 1), stops.flatten(), ignore_index=-1)
    loss = loss + F.binary_cross_entropy_with_logits(more["findings"][~y.isnan()], y[~y.isnan()])
    return loss, logits


def training(model, images):
    w, losses, adam = Weights(), [], None
    for t in range(STEPS):
        drawn = [Stream(SEED, "report_generator/real", t << 16 | j).below(REAL) for j in range(REAL_IN_BATCH)]
        drawn += [REAL + Stream(SEED, "report_generator/synthetic", t << 16 | j).below(SYNTHETIC)
                  for j in range(BATCH - REAL_IN_BATCH)]
        loss, _ = loss_of(w, model, images, drawn)
        if adam is None:
            adam = torch.optim.AdamW(list(w.all.values()), RATE, (0.9, 0.999), 1e-8, DECAY)
        adam.param_groups[0]["lr"] = RATE * (1 + math.cos(math.pi * t / STEPS)) / 2
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(w.all.values()), CLIP)
        adam.step()
        losses.append(loss.item())
    return losses


# ---- decoding, from scratch for every word ----


def log_probabilities(w, model, image, said, sentence):
    words = torch.full((1, len(said) + 1), -1)
    words[0] = torch.tensor([BEGIN] + said)
    if model is hierarchical:
        words = words[None].repeat(1, SENTENCES, 1)
    logits, _ = model(w, image, words)
    p = F.log_softmax(logits[sentence, -1], 0)
    p[[PAD, BEGIN, UNKNOWN]] = -math.inf
    return p.tolist()


def search(w, model, image, tokens, beams, penalty, sentence=0):
    """The best of all that ended or was cut, and by how much it beat the second."""
    live, done, narrow = [(0.0, [])], [], math.inf

    def score(total, n):
        return total / ((5 + n) / 6) ** penalty

    for t in range(tokens):
        candidates = []
        for total, said in live:
            p = log_probabilities(w, model, image, said, sentence)
            candidates += [(total + p[k], said + [k]) for k in range(V) if p[k] > -math.inf]
        candidates.sort(key=lambda c: -c[0])
        if len(candidates) > beams:
            narrow = min(narrow, candidates[beams - 1][0] - candidates[beams][0])
        live = [c for c in candidates[:beams] if c[1][-1] != END]
        done += [(score(c[0], t + 1), c[1][:-1]) for c in candidates[:beams] if c[1][-1] == END]
        if not live:
            break
        if t + 1 == tokens:
            done += [(score(total, tokens), said) for total, said in live]
    done.sort(key=lambda c: -c[0])
    if len(done) > 1:
        narrow = min(narrow, done[0][0] - done[1][0])
    return done[0][1], narrow


def report_of(w, model, image, beams, penalty):
    def text(ids):
        return [TOKENS[i] for i in ids]

    if model is not hierarchical:
        said, narrow = search(w, model, image, LENGTH - 1, beams, penalty)
        return " ".join(text(said)), narrow
    stops = hierarchical(w, image, torch.full((1, SENTENCES, 1), BEGIN))[1]["stops"][0]
    words, narrow = [], math.inf
    for s in range(SENTENCES):
        narrow = min(narrow, abs(stops[s, 1] - stops[s, 0]).item())
        if stops[s, 1] > stops[s, 0]:
            break
        said, margin = search(w, model, image, WORDS + 1, beams, penalty, s)
        narrow = min(narrow, margin)
        words += text(said) + ["."] if said else []
    return " ".join(words), narrow


def texts(model, images):
    w, out = Weights(TEXT_SEED, TEXT_GAIN), []
    w.training = False
    with torch.no_grad():
        for i in range(BATCH):
            image = pixels(images, [i])[:, None]
            greedy, a = report_of(w, model, image, 1, 0.0)
            beam, b = report_of(w, model, image, BEAMS, PENALTY)
            print(f"{model.__name__} {i}: margins {a:.2g}, {b:.2g}: {greedy} | {beam}")
            out.append((model.__name__, i, greedy, beam))
    return out


def main():
    images, all_losses, all_texts = made_images(REAL + SYNTHETIC, SIDE), [], []
    for name, model in MODELS.items():
        w = Weights()
        loss, logits = loss_of(w, model, images, list(range(BATCH)))
        loss.backward()
        kept = {"logits": logits.detach(), "loss": loss.detach().reshape(1)}
        kept |= {k: v.grad for k, v in w.all.items()}
        save_file({k: v.float().contiguous() for k, v in kept.items()}, FOLDER / f"generator_{name}.safetensors")
        all_losses.append(training(model, images))
        all_texts += texts(model, images)
    write_csv("generator_losses.csv", list(MODELS), zip(*all_losses))
    with open(FOLDER / "generator_texts.csv", "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(("model", "image", "greedy", "beam"))
        out.writerows(all_texts)


if __name__ == "__main__":
    main()
