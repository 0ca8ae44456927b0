#!/usr/bin/env python3
"""Makes emixer_pairs_weights.safetensors and emixer_pairs_losses.csv beside this file: the whole EMIXER, with reports,
unlabelled images, LeCam, matching and denoising; initial weights, and the losses of the first updates that PyTorch gets
from them in double precision. And emixer_real_reports_losses.csv, the same with joint_real_reports. What the image half
has is in models_make.py.

Run with: python3 emixer_pairs_make.py (needs what models_make.py needs).
"""

import math

import torch
import torch.nn.functional as F

import models_make as base
from models_make import BATCH, LABELS, LATENT, SEED, SIDE, Stream, fill_normal, fill_uniform, pixels

PAIRS, SENTENCES, WORDS, WIDE = 4, 2, 4, 6
HIDDEN = 2  # rows of D's real images without labels
LECAM, LABEL, REPORT, JOINT, MATCHING, DENOISING = 0.3, 0.5, 0.2, 0.5, 0.2, 0.2
PAD, BEGIN, END, UNKNOWN = range(4)
REPORTS = [
    "the heart is normal . lungs are clear .", "effusion .", "no effusion . heart is large . lungs are clear .", None,
    "heart is normal .", "lungs are clear .", "the lungs are clear . effusion .", None, "heart is large .",
    "never looked at .", "never looked at .", "never looked at .",
]
UNPAIRED = ["the lungs are clear . no effusion .", "heart is large .", "the heart is clear ."]
TOKENS = sorted({w for r in REPORTS[: base.LABELLED] + UNPAIRED if r for w in r.split() if w != "."} | {"."})
VOCABULARY = 4 + len(TOKENS)


# ---- reports as numbers ----


def target(report):
    """ids, previous (S*W), bags (S,V), stops (S)."""
    sentences = [[4 + TOKENS.index(w) for w in s.split()] for s in report.split(".") if s.split()]
    ids, previous = torch.full((SENTENCES, WORDS), -1), torch.full((SENTENCES, WORDS), -1)
    bags, stops = torch.zeros(SENTENCES, VOCABULARY), torch.full((SENTENCES,), math.nan)
    for s, words in enumerate(sentences[:SENTENCES]):
        row = (words + [END])[:WORDS]
        ids[s, : len(row)] = torch.tensor(row)
        previous[s, : len(row)] = torch.tensor([BEGIN] + row[:-1])
        stops[s] = float(s == len(sentences) - 1)
        if s + 1 < min(len(sentences), SENTENCES):
            for w in row:
                bags[s + 1, w] += 1
    return ids.reshape(-1), previous.reshape(-1), bags, stops


def targets(reports):
    return [torch.stack(part) for part in zip(*map(target, reports))]


def one_hot(ids):
    """(..,V) with zeros for -1."""
    return F.one_hot(ids.clamp(min=0), VOCABULARY).double() * (ids >= 0)[..., None]


# ---- weights ----


def add_lstm(w, name, inputs):
    for part, shape in (("weight_ih", (4 * WIDE, inputs)), ("weight_hh", (4 * WIDE, WIDE)), ("bias_ih", (4 * WIDE,)),
                        ("bias_hh", (4 * WIDE,))):
        w.add(f"{name}.{part}", shape, 0.4)


def add_norm(w, name, channels):
    w.add(name + ".weight", (channels,), 0.1, 1.0)
    w.add(name + ".bias", (channels,), 0.1)
    w.running[name] = [torch.zeros(channels), torch.ones(channels)]


def weights():
    w = base.emixer_weights()
    w.running, w.normalised = {}, {}
    channels = base.WIDTH
    w.layer("R/encoder/stem", (channels, 1, 3, 3), bias=False)
    add_norm(w, "R/encoder/block0/norm1", channels)
    w.layer("R/encoder/block0/skip", (2 * channels, channels, 1, 1), bias=False)
    w.layer("R/encoder/block0/conv1", (2 * channels, channels, 4, 4), bias=False)
    add_norm(w, "R/encoder/block0/norm2", 2 * channels)
    w.layer("R/encoder/block0/conv2", (2 * channels, 2 * channels, 3, 3), bias=False)
    add_norm(w, "R/encoder/norm", 2 * channels)
    w.layer("R/encoder/grid", (WIDE, 2 * channels))
    w.layer("R/encoder/embedding", (WIDE, 4 * channels))
    w.layer("R/labels", (LABELS, WIDE))
    for player in "DR":
        w.add(f"{player}/reader/words.weight", (VOCABULARY, WIDE), 0.5)
        add_lstm(w, f"{player}/reader/sentence", WIDE)
        add_lstm(w, f"{player}/reader/report", WIDE)
    w.layer("D/report/logit", (1, WIDE), spectral=True)
    w.layer("D/report/embedding", (WIDE, LABELS), bias=False, spectral=True)
    for name, shape in (("image", (WIDE, base.DISCRIMINATOR_WIDTHS[-1])), ("report", (WIDE, WIDE)),
                        ("hidden", (WIDE, 2 * WIDE)), ("logit", (1, WIDE))):
        w.layer("D/joint/" + name, shape, spectral=True)
    w.add("R/decoder/words.weight", (VOCABULARY, WIDE), 0.5)
    add_lstm(w, "R/decoder/sentence", 2 * WIDE)
    add_lstm(w, "R/decoder/word", 2 * WIDE)
    for name in ("sentence.keys", "word.keys"):
        w.layer("R/decoder/" + name, (WIDE, WIDE), bias=False)
    w.layer("R/decoder/bag", (WIDE, WIDE))
    w.layer("R/decoder/topic", (WIDE, 2 * WIDE))
    w.layer("R/decoder/stop", (1, WIDE))
    w.layer("R/decoder/next", (VOCABULARY, 2 * WIDE))
    for name in ("image", "report"):
        w.layer("R/matching/" + name, (WIDE, WIDE), bias=False)
    for name in ("embedding", "grid"):
        w.layer("R/denoising/" + name, (WIDE, WIDE))
    plain = w.spectral
    w.spectral = lambda name: normalised(w, plain, name)
    return w


def normalised(w, plain, name):
    """One power iteration an update, however often the weight is used in it."""
    if name not in w.normalised:
        w.normalised[name] = plain(name)
    return w.normalised[name]


def linear(w, name, x, bias=True):
    y = x @ w.trained[name + ".weight"].T
    return y + w.trained[name + ".bias"] if bias else y


def spectral_linear(w, name, x, bias=True):
    y = x @ w.spectral(name).T
    return y + w.trained[name + ".bias"] if bias else y


# ---- the encoder ----


def norm(w, name, x, training):
    gain, bias = w.trained[name + ".weight"], w.trained[name + ".bias"]
    mean, variance = w.running[name]
    return F.relu(F.batch_norm(x, mean, variance, gain, bias, training, 0.1, 1e-5))


def encoder(w, x, training):
    p = w.trained
    x = F.conv2d(x, p["R/encoder/stem.weight"], padding=1)
    block = "R/encoder/block0/"
    h = norm(w, block + "norm1", x, training)
    h = F.conv2d(h, p[block + "conv1.weight"], stride=2, padding=1)
    h = F.conv2d(norm(w, block + "norm2", h, training), p[block + "conv2.weight"], padding=1)
    h = norm(w, "R/encoder/norm", h + F.conv2d(F.avg_pool2d(x, 2), p[block + "skip.weight"]), training)
    grid = linear(w, "R/encoder/grid", h.flatten(2).transpose(1, 2))
    both = torch.cat([h.mean((2, 3)), h.amax((2, 3))], 1)
    return grid, torch.tanh(linear(w, "R/encoder/embedding", both))


def label_loss(w, embedding, labels):
    return F.binary_cross_entropy_with_logits(linear(w, "R/labels", embedding), labels)


# ---- the reader ----


def run_lstm(w, name, x):
    """(B,T,I) -> (B,T,E), written out."""
    p, state, out = w.trained, (torch.zeros(len(x), WIDE), torch.zeros(len(x), WIDE)), []
    for t in range(x.shape[1]):
        state = cell(w, name, x[:, t], state)
        out.append(state[0])
    return torch.stack(out, 1)


def cell(w, name, x, state):
    p, (h, c) = w.trained, state
    gates = x @ p[name + ".weight_ih"].T + p[name + ".bias_ih"] + h @ p[name + ".weight_hh"].T + p[name + ".bias_hh"]
    i, f, g, o = gates.chunk(4, 1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def reader(w, player, report):
    """(B,S*W,V) -> (B,E)."""
    h = report @ w.trained[f"{player}/reader/words.weight"]
    h = run_lstm(w, f"{player}/reader/sentence", h.reshape(-1, WORDS, WIDE)).mean(1)
    return run_lstm(w, f"{player}/reader/report", h.reshape(-1, SENTENCES, WIDE)).mean(1)


# ---- the decoder ----


def attend(w, who, grid, h):
    keys = linear(w, f"R/decoder/{who}.keys", grid, bias=False)
    weights = torch.softmax(h @ keys.transpose(1, 2) / math.sqrt(WIDE), 2)
    return torch.cat([h, weights @ grid], 2)


def topic_of(w, grid, h):
    return torch.tanh(linear(w, "R/decoder/topic", attend(w, "sentence", grid, h)))


def before(w, bag):
    return torch.tanh(linear(w, "R/decoder/bag", bag @ w.trained["R/decoder/words.weight"]))


def teach(w, code, ids, previous, bags, stops):
    grid, embedding = code
    batch = len(ids)
    x = torch.cat([embedding[:, None].expand(-1, SENTENCES, -1), before(w, bags)], 2)
    topics = topic_of(w, grid, run_lstm(w, "R/decoder/sentence", x))
    known = ~stops.isnan()
    stop_logits = linear(w, "R/decoder/stop", topics)[..., 0]
    stop_loss = F.binary_cross_entropy_with_logits(stop_logits[known], stops[known])
    words = (one_hot(previous) @ w.trained["R/decoder/words.weight"]).reshape(batch * SENTENCES, WORDS, WIDE)
    topic = topics.reshape(batch * SENTENCES, 1, WIDE).expand(-1, WORDS, -1)
    h = run_lstm(w, "R/decoder/word", torch.cat([words, topic], 2)).reshape(batch, SENTENCES * WORDS, WIDE)
    scores = linear(w, "R/decoder/next", attend(w, "word", grid, h))
    return F.cross_entropy(scores[ids >= 0], ids[ids >= 0]) + stop_loss


def draw(logits, purpose, t):
    u = fill_uniform(SEED, purpose, t, tuple(logits.shape))
    soft = torch.softmax(logits - torch.log(-torch.log(u)), 1)
    hard = F.one_hot(soft.argmax(1), soft.shape[1]).double()
    return hard + soft - soft.detach()


def write(w, code, purpose, t):
    grid, embedding = code
    table, batch = w.trained["R/decoder/words.weight"], len(embedding)
    state = torch.zeros(batch, WIDE), torch.zeros(batch, WIDE)
    bag, there, report = torch.zeros(batch, VOCABULARY), torch.ones(batch, 1), []
    for s in range(SENTENCES):
        state = cell(w, "R/decoder/sentence", torch.cat([embedding, before(w, bag)], 1), state)
        topic = topic_of(w, grid, state[0][:, None])[:, 0]
        word_state = torch.zeros(batch, WIDE), torch.zeros(batch, WIDE)
        previous, kept, words = table[BEGIN].expand(batch, -1), there, []
        for i in range(WORDS):
            word_state = cell(w, "R/decoder/word", torch.cat([previous, topic], 1), word_state)
            logits = linear(w, "R/decoder/next", attend(w, "word", grid, word_state[0][:, None])[:, 0])
            word = draw(logits, f"{purpose}/word{s}.{i}", t)
            words.append(word * kept)
            kept = kept * (1 - word[:, END : END + 1])
            previous = word @ table
        report += words
        bag = sum(words)
        if s + 1 < SENTENCES:
            stop = linear(w, "R/decoder/stop", topic)
            there = there * draw(torch.cat([stop, torch.zeros(batch, 1)], 1), f"{purpose}/stop{s}", t)[:, 1:]
    return torch.stack(report, 1)


# ---- discriminators ----


def report_logits(w, r, y):
    return spectral_linear(w, "D/report/logit", r) + (
        spectral_linear(w, "D/report/embedding", y, bias=False) * r).sum(1, keepdim=True)


def joint_logits(w, h, r):
    a, b = spectral_linear(w, "D/joint/image", h), spectral_linear(w, "D/joint/report", r)
    x = F.leaky_relu(torch.cat([a, b], 1), 0.2)
    x = F.leaky_relu(spectral_linear(w, "D/joint/hidden", x), 0.2)
    return spectral_linear(w, "D/joint/logit", x) + (a * b).sum(1, keepdim=True)


def written_pair(w, images, h, purpose, t):
    report = write(w, encoder(w, images[:PAIRS], False), purpose, t)
    return h[:PAIRS], reader(w, "D", report)


# ---- draws ----


def pair_draw(labels, purpose, t, count, paired):
    members = [i for i in range(base.LABELLED) if not paired or REPORTS[i]]
    groups = [[i for i in members if labels[i, k]] for k in range(LABELS)]
    groups = [g for g in groups + [[i for i in members if not labels[i].any()]] if g]
    stream, drawn = Stream(SEED, purpose, t), []
    for _ in range(count):
        group = groups[stream.below(len(groups))]
        drawn.append(group[stream.below(len(group))])
    return drawn


def uniform(stream):
    return stream.u32() * 2.0**-32


def corrupted(ids, t, row):
    stream, out = Stream(SEED, "emixer/corrupt", t * PAIRS + row), ids.clone()
    for i, word in enumerate(ids.tolist()):
        u, other = uniform(stream), 4 + stream.below(VOCABULARY - 4)
        if word >= 4 and u < 0.3:
            out[i] = UNKNOWN if u < 0.15 else other
    return out


def seen(x, u):
    """All augmentations but cutout."""
    return torch.cat([base.augmented(image[None], torch.cat([v[:4], torch.tensor([-1e3, -1e3])])[None])
                      for image, v in zip(x, u)])


# ---- updates ----


def train(real_reports, path):
    w, images = weights(), base.made_images(base.IMAGES, SIDE)
    labels = base.made_labels()
    all_labels = torch.tensor(labels)
    if not real_reports:
        w.save("emixer_pairs_weights.safetensors")
    adams = {"D/": torch.optim.Adam(w.scope("D/"), 2e-3, (0.1, 0.9), 1e-6),
             "G/": torch.optim.Adam(w.scope("G/"), 1e-3, (0.1, 0.9), 1e-6),
             "R/": torch.optim.Adam(w.scope("R/"), 1e-3, (0.9, 0.999), 1e-6)}
    averages, rows = [0.0, 0.0], []

    def update(scope, loss):
        for tensor in w.trained.values():
            tensor.grad = None
        loss.backward()
        if scope == "R/":
            size = math.sqrt(sum((p.grad**2).sum().item() for p in w.scope(scope) if p.grad is not None))
            for p in w.scope(scope):
                if p.grad is not None and size > 5:
                    p.grad *= 5 / size
        adams[scope].step()
        w.normalised.clear()
        return loss.item()

    def judged(y):
        return torch.cat([y[: BATCH - HIDDEN], torch.zeros(HIDDEN, LABELS)])

    def generated(purpose, t, y):
        return base.generator(w, fill_normal(SEED, purpose, t, (len(y), LATENT)), y)

    def drawn_labels(purpose, t, count=BATCH):
        return all_labels[pair_draw(labels, purpose, t, count, False)]

    def labels_of_fakes(purpose, t):
        """With the reports of the first, if these are judged with them."""
        y = drawn_labels(purpose, t)
        if not real_reports:
            return y, None
        drawn = pair_draw(labels, purpose + "/pairs", t, PAIRS, True)
        return torch.cat([all_labels[drawn], y[PAIRS:]]), one_hot(targets([REPORTS[i] for i in drawn])[0])

    def discriminator(t):
        drawn = pair_draw(labels, "emixer/pairs", t, PAIRS, True)
        drawn += pair_draw(labels, "emixer/real", t, BATCH - PAIRS - HIDDEN, False)
        stream = Stream(SEED, "emixer/unlabelled", t)
        hidden = [base.LABELLED + stream.below(base.IMAGES - base.LABELLED) for _ in range(HIDDEN)]
        real_labels = torch.cat([all_labels[drawn], torch.zeros(HIDDEN, LABELS)])
        fake_labels, label_reports = labels_of_fakes("emixer/fake", t)
        with torch.no_grad():
            fake = generated("discriminator/z", t, fake_labels)
        x = torch.cat([pixels(images, drawn + hidden)[:, None], fake])
        x = base.augmented(x, fill_uniform(SEED, "discriminator/augment", t, (2 * BATCH, 6)))
        h = base.features(w, torch.cat([x, base.turned(pixels(images, base.rotation_draw(t))[:, None])]))
        scores = base.logits(w, h[: 2 * BATCH], torch.cat([real_labels, judged(fake_labels)]))
        real, made = scores[:BATCH], scores[BATCH:]
        loss = F.relu(1 - real).mean() + F.relu(1 + made).mean() + base.ROTATION * base.rotation_loss(w, h[2 * BATCH :])
        loss = loss + LECAM * (F.relu(real - averages[1])**2).mean() + LECAM * (F.relu(averages[0] - made)**2).mean()
        r = reader(w, "D", one_hot(targets([REPORTS[i] for i in drawn[:PAIRS]])[0]))
        fh, fr = written_pair(w, fake, h[BATCH : 2 * BATCH], "discriminator/report", t)
        loss = loss + REPORT * (F.relu(1 - report_logits(w, r, real_labels[:PAIRS])).mean() +
                                F.relu(1 + report_logits(w, fr, fake_labels[:PAIRS])).mean())
        rh, mismatched = h[:PAIRS], torch.roll(r, -1, 0)
        wrong = [joint_logits(w, fh, fr), joint_logits(w, rh, mismatched)]
        if real_reports:
            wrong.append(joint_logits(w, fh, reader(w, "D", label_reports)))
        loss = loss + JOINT * F.relu(1 - joint_logits(w, rh, r)).mean()
        loss = loss + JOINT * sum(F.relu(1 + scores).mean() for scores in wrong) / len(wrong)
        value = update("D/", loss)
        for i, scores in enumerate((real, made)):
            mean = scores.mean().item()
            averages[i] = mean if t == 0 else 0.99 * averages[i] + 0.01 * mean
        return value

    def writer(t):
        drawn = pair_draw(labels, "emixer/written", t, PAIRS, True)
        drawn += pair_draw(labels, "emixer/seen", t, BATCH - PAIRS, False)
        x = seen(pixels(images, drawn)[:, None], fill_uniform(SEED, "writer/seen", t, (BATCH, 6)))
        grid, embedding = encoder(w, x, True)
        loss = label_loss(w, embedding, all_labels[drawn])
        paired = targets([REPORTS[i] for i in drawn[:PAIRS]])
        loss = loss + teach(w, (grid[:PAIRS], embedding[:PAIRS]), *paired)
        a = F.normalize(linear(w, "R/matching/image", embedding[:PAIRS], False), dim=1)
        b = F.normalize(linear(w, "R/matching/report", reader(w, "R", one_hot(paired[0])), False), dim=1)
        right = torch.arange(PAIRS)
        loss = loss + MATCHING / 2 * (F.cross_entropy(10 * a @ b.T, right) + F.cross_entropy(10 * b @ a.T, right))
        stream, texts, kept = Stream(SEED, "emixer/denoising", t), [], []
        for _ in range(PAIRS):
            texts.append(UNPAIRED[stream.below(len(UNPAIRED))])
            kept.append(0.0 if uniform(stream) < 0.1 else 1.0)
        restored = targets(texts)
        broken = torch.stack([corrupted(row, t, i) for i, row in enumerate(restored[0])])
        read = reader(w, "R", one_hot(broken)) * torch.tensor(kept)[:, None]
        code = (linear(w, "R/denoising/grid", read)[:, None].expand(-1, 64, -1),
                torch.tanh(linear(w, "R/denoising/embedding", read)))
        loss = loss + DENOISING * teach(w, code, *restored)
        y = drawn_labels("emixer/writer", t, PAIRS)
        with torch.no_grad():
            fake = generated("writer/z", t, y)
        h = base.features(w, base.augmented(fake, fill_uniform(SEED, "writer/augment", t, (PAIRS, 6))))
        fh, fr = written_pair(w, fake, h, "writer/report", t)
        loss = loss - REPORT * report_logits(w, fr, y).mean() - JOINT * joint_logits(w, fh, fr).mean()
        return update("R/", loss)

    def generator(t):
        y, label_reports = labels_of_fakes("emixer/generator", t)
        fake = generated("generator/z", t, y)
        x = base.augmented(fake, fill_uniform(SEED, "generator/augment", t, (BATCH, 6)))
        h = base.features(w, torch.cat([x, base.turned(fake[: BATCH // 2])]))
        loss = -base.logits(w, h[:BATCH], judged(y)).mean() + 0.2 * base.ROTATION * base.rotation_loss(w, h[BATCH:])
        visible = seen(fake, fill_uniform(SEED, "generator/seen", t, (BATCH, 6)))
        loss = loss + LABEL * label_loss(w, encoder(w, visible, False)[1], y)
        if real_reports:
            fh, fr = h[:PAIRS], reader(w, "D", label_reports)
        else:
            fh, fr = written_pair(w, fake, h[:BATCH], "generator/report", t)
        loss = loss - JOINT * joint_logits(w, fh, fr).mean()
        return update("G/", loss)

    for t in range(base.STEPS):
        d, r = discriminator(t), writer(t)
        rows.append((d, generator(t), r))
    base.write_csv(path, ("discriminator", "generator", "writer"), rows)


def main():
    train(False, "emixer_pairs_losses.csv")
    train(True, "emixer_real_reports_losses.csv")


if __name__ == "__main__":
    main()
