#!/usr/bin/env python3
"""Makes the golden values of what `bench score` reports, with numpy and scipy: the jackknife error of the kernel
distance of metrics_sets.csv, Inception scores, Mann-Whitney scores with intervals, and distinct n-grams.

Run with: python3 metrics_score_make.py
"""

import csv
import pathlib

import numpy as np
from scipy import optimize, special, stats

FOLDER = pathlib.Path(__file__).parent


def digits(value):
    return f"{value:.17g}"


def write(name, header, rows):
    with open(FOLDER / name, "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(header)
        out.writerows(rows)


def kernel_distance(x, y):
    def kernel(a, b):
        return (a @ b.T / x.shape[1] + 1) ** 3

    n, m = len(x), len(y)
    kx, ky = kernel(x, x), kernel(y, y)
    within = (kx.sum() - np.trace(kx)) / (n * (n - 1)) + (ky.sum() - np.trace(ky)) / (m * (m - 1))
    return within - 2 * kernel(x, y).mean()


def make_kernel_errors():
    """Each group really left out."""
    sets = np.loadtxt(FOLDER / "metrics_sets.csv", delimiter=",", skiprows=1)
    x, y = (np.float32(sets[sets[:, 0] == s, 1:]).astype(float) for s in (0, 1))
    rows = []
    for blocks in (2, 3, 10, 35):
        without = [
            kernel_distance(x[np.arange(len(x)) % blocks != b], y[np.arange(len(y)) % blocks != b]) for b in range(blocks)
        ]
        rows.append((blocks, digits(np.sqrt((blocks - 1) * np.var(without)))))
    write("metrics_kernel_errors.csv", ["blocks", "standard_error"], rows)


def make_inception_scores(rng):
    inputs, rows = [], []
    for case, (n, sharpness) in enumerate(((40, 1), (41, 3), (7, 0.2), (30, 1000))):
        logits = sharpness * rng.normal(size=(n, 3)) - np.array([0.5, 0, 0.2])
        certain = np.eye(3)[logits.argmax(axis=1)]
        p = np.float32(certain if sharpness == 1000 else special.softmax(logits, axis=1))
        inputs += [(case, *(f"{v:.9g}" for v in row)) for row in p]
        p = p.astype(float)
        for splits in (1, 3, 7):
            parts = [p[s * n // splits : (s + 1) * n // splits] for s in range(splits)]
            scores = [np.exp(special.rel_entr(q, q.mean(axis=0, keepdims=True)).sum(axis=1).mean()) for q in parts]
            rows.append((case, splits, digits(np.mean(scores)), digits(np.std(scores))))
    write("metrics_inception.csv", ["case", "p0", "p1", "p2"], inputs)
    write("metrics_inception_expected.csv", ["case", "splits", "value", "deviation"], rows)


def interval(score, n, m, z):
    """Newcombe's method 5 (Stat. Med. 25, 2006): the scores that lie z of their own standard errors away."""

    def miss(theta):
        middle = (n + m) / 2 - 1
        spread = 1 + middle * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        return (score - theta) ** 2 - z * z * theta * (1 - theta) * spread / (n * m)

    near = 1e-12  # score itself would be a root where it is 0 or 1
    low = optimize.brentq(miss, 0, score - near, xtol=1e-15) if score > 0 else 0
    high = optimize.brentq(miss, score + near, 1, xtol=1e-15) if score < 1 else 1
    return low, high


def copy_cases(rng):
    yield rng.normal(size=60), rng.normal(size=50)
    yield rng.normal(size=250) - 0.6, rng.normal(size=430)
    yield np.round(rng.normal(size=90), 1), np.round(rng.normal(size=120), 1)  # ties
    yield np.arange(20.0), np.arange(20.0) + 100  # all nearer
    yield np.arange(25.0) + 100, np.arange(20.0)  # all farther
    yield np.r_[rng.normal(size=380), np.full(20, -9.0)], rng.normal(size=300)  # some copies
    yield np.r_[rng.normal(size=180), np.full(20, -5.0)], np.r_[rng.normal(size=298), -9, -8]  # and leaked ones


def make_copies(rng):
    inputs, rows = [], []
    for case, (synthetic, held_out) in enumerate(copy_cases(rng)):
        inputs += [(case, 1, digits(v)) for v in synthetic] + [(case, 0, digits(v)) for v in held_out]
        n, m = len(synthetic), len(held_out)
        score = stats.mannwhitneyu(held_out, synthetic).statistic / (n * m)
        spared = m // 100
        near = int(np.sum(synthetic < np.sort(held_out)[spared]))
        p = stats.hypergeom.cdf(spared, n + m, m, near + spared)
        for level in (0.025, 0.0125):
            low, high = interval(score, n, m, stats.norm.isf(level))
            rows.append((case, level, digits(score), digits(low), digits(high), near, digits(p)))
    write("metrics_copies.csv", ["case", "is_synthetic", "value"], inputs)
    write("metrics_copies_expected.csv", ["case", "level", "score", "low", "high", "near", "p"], rows)


def make_diversity():
    with open(FOLDER / "metrics_texts.csv", newline="") as file:
        texts = [row["text"].split() for row in csv.DictReader(file) if row["is_reference"] == "0"]
    values = []
    for n in range(1, 5):
        grams = [tuple(t[i : i + n]) for t in texts for i in range(len(t) - n + 1)]
        values.append(len(set(grams)) / len(grams))
    values.append(np.mean([len(t) for t in texts]))
    write("metrics_diversity.csv", [*(f"distinct{n}" for n in range(1, 5)), "tokens"], [map(digits, values)])


def main():
    rng = np.random.default_rng(20240815)
    make_kernel_errors()
    make_inception_scores(rng)
    make_copies(rng)
    make_diversity()


if __name__ == "__main__":
    main()
