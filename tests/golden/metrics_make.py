#!/usr/bin/env python3
"""Makes the metrics_*.csv beside this file: inputs and the values that other programs give for them.

scikit-learn (classifier metrics), mpmath at 40 digits (Student's t), scipy (paired gains, matrix square root),
numpy (calibration error, kernel distance, neighbours); the text metrics are written out from their definitions. Run with: python3 metrics_make.py
"""

import collections
import csv
import functools
import itertools
import math
import pathlib
import warnings

import mpmath
import numpy as np
from scipy import linalg, spatial, stats
from sklearn import metrics

FOLDER = pathlib.Path(__file__).parent
NAN = float("nan")
SPECIFICITIES = (0.5, 0.9, 0.95, 1.0)
BINS = (1, 10, 15)


def write(name, header, rows):
    with open(FOLDER / name, "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(header)
        out.writerows(rows)


def digits(value):
    """Enough digits for float32 (9) or float64 (17) to come back unchanged."""
    return f"{value:.9g}" if isinstance(value, np.float32) else f"{float(value):.17g}"


def binary_cases(rng):
    n = 60
    truth = rng.integers(0, 2, n)
    yield rng.normal(size=n) + truth, truth  # overlapping classes, no ties
    truth = (rng.random(n) < 0.15).astype(int)
    yield np.round(rng.random(n) * 5 + truth, 0), truth  # rare positives, heavy ties
    yield np.full(20, 0.25), np.arange(20) % 2  # one score only
    yield np.arange(12.0), np.arange(12) >= 6  # perfect
    yield -np.arange(12.0), np.arange(12) >= 6  # reversed
    yield rng.random(7), np.ones(7)  # positives only
    yield rng.random(7), np.zeros(7)  # negatives only
    yield np.array([0.3]), np.array([1])
    yield np.array([0.3]), np.array([0])
    yield rng.random(5), np.full(5, NAN)  # nothing known
    truth = rng.integers(0, 2, n).astype(float)
    truth[::3] = NAN
    yield np.round(rng.normal(size=n), 1) + np.nan_to_num(truth), truth  # ties and unknown truths
    # The first points of the curve lie on one line: the default of roc_curve drops the middle one.
    yield np.array([9, 9, 8, 8, 7, 7, 6, 5, 4, 3]), np.array([1, 0, 1, 0, 1, 0, 1, 1, 0, 0])


def binary_values(score, truth):
    known = ~np.isnan(truth)
    score, truth = score[known], truth[known].astype(int)
    positives, negatives = truth.sum(), (1 - truth).sum()
    both = positives and negatives
    values = [metrics.roc_auc_score(truth, score) if both else NAN]
    values.append(metrics.average_precision_score(truth, score) if positives else NAN)
    for wanted in SPECIFICITIES:
        if not both:
            values.append(NAN)
            continue
        false_rate, recall, _ = metrics.roc_curve(truth, score, drop_intermediate=False)
        specificity = (negatives - np.round(false_rate * negatives)) / negatives
        values.append(recall[specificity >= wanted].max())
    return values


def make_binary(rng):
    inputs, expected = [], []
    for case, (score, truth) in enumerate(binary_cases(rng)):
        score, truth = np.float32(score), np.asarray(truth, float)
        inputs += [(case, digits(s), digits(t)) for s, t in zip(score, truth)]
        expected.append([case] + [digits(v) for v in binary_values(score, truth)])
    write("metrics_binary.csv", ["case", "score", "truth"], inputs)
    names = ["case", "auroc", "auprc"] + [f"recall_at_{s}" for s in SPECIFICITIES]
    write("metrics_binary_expected.csv", names, expected)


def multi_cases(rng):
    def softmax(x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    n, k = 60, 4
    truth = rng.integers(0, k, n)
    yield softmax(rng.normal(size=(n, k)) * 2 + 2 * np.eye(k)[truth]), truth
    truth = rng.integers(0, 2, n)  # two of the four classes never occur
    yield softmax(rng.normal(size=(n, k)) + np.eye(k)[truth]), truth
    yield np.full((8, k), 0.25), np.arange(8) % k  # ties everywhere: class 0 is predicted, on the edge of a bin
    yield np.array([[0.1, 0.2, 0.6, 0.1]]), np.array([2])
    truth = np.array([0, 1, 2, 0, 1, 2])  # certain, and class 3 neither occurs nor is predicted
    yield np.eye(k)[[0, 1, 2, 1, 1, 0]], truth
    yield np.tile([0.5, 0.5, 0, 0], (6, 1)), truth  # a confidence of exactly 5/10


def calibration_error(p, truth, bins):
    confidence, right = p.max(axis=1).astype(float), p.argmax(axis=1) == truth
    total = 0.0
    for low, high in itertools.pairwise(np.linspace(0, 1, bins + 1)):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return total


def multi_values(p, truth):
    k = p.shape[1]
    predicted = p.argmax(axis=1)
    confusion = metrics.confusion_matrix(truth, predicted, labels=range(k))
    per_class = {"labels": range(k), "average": None, "zero_division": np.nan}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "y_pred contains classes not in y_true": a case of its own
        balanced = metrics.balanced_accuracy_score(truth, predicted)
    brier = np.mean(np.sum((p.astype(float) - np.eye(k)[truth]) ** 2, axis=1))
    values = [*confusion.ravel(), balanced, metrics.accuracy_score(truth, predicted)]
    values += [*metrics.recall_score(truth, predicted, **per_class)]
    values += [*metrics.precision_score(truth, predicted, **per_class)]
    values += [*metrics.f1_score(truth, predicted, **per_class)]
    values += [metrics.f1_score(truth, predicted, average="macro"), brier]
    return values + [calibration_error(p, truth, bins) for bins in BINS]


def make_multi(rng):
    inputs, expected = [], []
    for case, (p, truth) in enumerate(multi_cases(rng)):
        p = np.float32(p)
        inputs += [(case, t, *map(digits, row)) for t, row in zip(truth, p)]
        expected.append([case] + [digits(v) for v in multi_values(p, truth)])
    k = 4
    write("metrics_multi.csv", ["case", "truth"] + [f"p{c}" for c in range(k)], inputs)
    names = ["case"] + [f"confusion_{r}{c}" for r in range(k) for c in range(k)] + ["balanced", "accuracy"]
    names += [f"{m}_{c}" for m in ("recall", "precision", "f1") for c in range(k)] + ["macro_f1", "brier"]
    write("metrics_multi_expected.csv", names + [f"ece_{b}" for b in BINS], expected)


def t_quantile(p, degrees):
    """Solves P(T <= t) = p at 40 digits, from scipy's value (wrong in the fourth digit near p = 1/2)."""
    p = mpmath.mpf(float(p))
    start = stats.t.ppf(float(p), degrees)

    def miss(t):
        x = degrees / (degrees + t * t)
        tail = mpmath.betainc(mpmath.mpf(degrees) / 2, 0.5, 0, x, regularized=True) / 2
        return (1 - tail if t > 0 else tail) - p

    found = mpmath.findroot(miss, (start, start * (1 + 1e-6)))
    assert abs(found - start) < 1e-8 * (1 + abs(start)), (p, degrees)
    return found


def make_student_t():
    mpmath.mp.dps = 40
    rows = []
    for degrees in (1, 2, 3, 4, 5, 7, 9, 10, 19, 29, 49, 50, 99, 100, 101, 150, 199, 200, 5000):
        for p in (0.0001, 0.025, 0.3, 0.5000001, 0.55, 0.75, 0.9, 0.975, 0.99, 0.995, 0.9999, 1 - 1e-9):
            rows.append((degrees, digits(p), digits(t_quantile(p, degrees))))
    write("metrics_student_t.csv", ["degrees", "p", "t"], rows)


def make_gains(rng):
    cases = [
        (rng.normal(0.8, 0.05, n), rng.normal(0.77, 0.05, n)) for n in (2, 3, 5, 8, 12, 20)
    ]
    cases.append((np.array([0.7, 0.8, 0.9, 0.6]), np.array([0.6, 0.6, 0.6, 0.3])))  # flips with equal sums
    cases.append((np.array([0.5, 0.6, 0.7]), np.array([0.5, 0.6, 0.7])))  # no difference
    inputs, expected = [], []
    for case, (x, y) in enumerate(cases):
        inputs += [(case, digits(a), digits(b)) for a, b in zip(x, y)]
        if (x == y).all():
            low, high, p = 0.0, 0.0, 1.0
        else:
            low, high = stats.ttest_rel(x, y).confidence_interval(0.95)
            p = stats.permutation_test((x - y,), np.mean, permutation_type="samples", n_resamples=np.inf).pvalue
        gain = np.mean(x - y)
        values = [x.mean(), y.mean(), gain, low, high, 100 * gain / y.mean(), p]
        expected.append([case] + [digits(v) for v in values])
    write("metrics_gains.csv", ["case", "x", "y"], inputs)
    names = ["case", "mean_x", "mean_y", "gain", "low", "high", "percent", "p_value"]
    write("metrics_gains_expected.csv", names, expected)


def grams(tokens, n):
    return collections.Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))


def bleu(samples):
    matched, guessed, length, reference_length = [0] * 4, [0] * 4, 0, 0
    for h, refs in samples:
        length += len(h)
        reference_length += min((abs(len(r) - len(h)), len(r)) for r in refs)[1]
        for j in range(4):
            best = collections.Counter()
            for r in refs:
                best |= grams(r, j + 1)
            matched[j] += (grams(h, j + 1) & best).total()
            guessed[j] += max(0, len(h) - j)
    r = (length + 1e-15) / (reference_length + 1e-9)
    penalty = math.exp(1 - 1 / r) if r < 1 else 1
    ratios = [(c + 1e-15) / (g + 1e-9) for c, g in zip(matched, guessed)]
    return [math.prod(ratios[:k]) ** (1 / k) * penalty for k in range(1, 5)]


def common_subsequence(a, b):
    @functools.cache
    def longest(i, j):
        if i == len(a) or j == len(b):
            return 0
        if a[i] == b[j]:
            return 1 + longest(i + 1, j + 1)
        return max(longest(i + 1, j), longest(i, j + 1))

    return longest(0, 0)


def rouge(samples):
    scores = []
    for h, refs in samples:
        common = [common_subsequence(h, r) for r in refs]
        p = max(c / len(h) if h else 0 for c in common)
        r = max(c / len(ref) for c, ref in zip(common, refs))
        scores.append((1 + 1.44) * p * r / (r + 1.44 * p) if p and r else 0)
    return np.mean(scores)


def cider_d(samples):
    documents = collections.Counter()
    for _, refs in samples:
        documents.update({g for r in refs for n in range(1, 5) for g in grams(r, n)})

    def vector(tokens, n):
        return {g: c * (math.log(len(samples)) - math.log(max(1, documents[g]))) for g, c in grams(tokens, n).items()}

    scores = []
    for h, refs in samples:
        score = 0
        for r in refs:
            delta = max(0, len(h) - 1) - max(0, len(r) - 1)
            for n in range(1, 5):
                a, b = vector(h, n), vector(r, n)
                norms = math.hypot(*a.values()) * math.hypot(*b.values())
                dot = sum(min(a[g], b.get(g, 0)) * b.get(g, 0) for g in a)
                score += (dot / norms if norms else 0) * math.exp(-delta * delta / 72)
        scores.append(10 * score / 4 / len(refs))
    return np.mean(scores)


def make_texts(rng):
    """Reports from a small vocabulary, so that n-grams repeat within and between them; 1 to 3 references."""
    words = ["the", "heart", "lungs", "is", "are", "clear", "normal", "no", "effusion", "."]
    samples, rows = [], []
    for i in range(14):
        refs = [list(rng.choice(words, rng.integers(1, 16))) for _ in range(1 + i % 3)]
        h = list(rng.choice(words, rng.integers(1, 16)))
        if i % 4 == 1:
            h = refs[0][:-2] + ["."]  # nearly right
        if i == 6:
            h = []
        if i == 7:
            h = refs[-1]  # right
        samples.append((h, refs))
        rows += [(i, 0, " ".join(h))] + [(i, 1, " ".join(r)) for r in refs]
    write("metrics_texts.csv", ["sample", "is_reference", "text"], rows)
    values = [*bleu(samples), rouge(samples), cider_d(samples)]
    names = ["bleu1", "bleu2", "bleu3", "bleu4", "rouge_l", "cider_d"]
    write("metrics_texts_expected.csv", names, [map(digits, values)])


def frechet(x, y):
    sx, sy = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = linalg.sqrtm(sx @ sy).real
    return np.sum((x.mean(0) - y.mean(0)) ** 2) + np.trace(sx + sy - 2 * root)


def kernel_distance(x, y):
    def kernel(a, b):
        return (a @ b.T / x.shape[1] + 1) ** 3

    n, m = len(x), len(y)
    kx, ky = kernel(x, x), kernel(y, y)
    within = (kx.sum() - np.trace(kx)) / (n * (n - 1)) + (ky.sum() - np.trace(ky)) / (m * (m - 1))
    return within - 2 * kernel(x, y).mean()


def prdc(x, y, k):
    def radii(a):
        return np.sort(spatial.distance.cdist(a, a), axis=1)[:, k]

    rx, ry, d = radii(x), radii(y), spatial.distance.cdist(x, y)
    inside = d < rx[:, None]
    recall = (d < ry[None, :]).any(axis=1).mean()
    return [inside.any(axis=0).mean(), recall, inside.sum() / (k * len(y)), inside.any(axis=1).mean()]


def make_sets(rng):
    """Features of real (0) and synthetic (1) images, of different sizes."""
    x = np.float32(rng.normal(size=(50, 6)) @ rng.normal(size=(6, 6)))
    y = np.float32(rng.normal(size=(35, 6)) @ rng.normal(size=(6, 6)) * 0.8 + 0.5)
    rows = [(s, *map(digits, row)) for s, features in ((0, x), (1, y)) for row in features]
    write("metrics_sets.csv", ["set"] + [f"f{i}" for i in range(6)], rows)
    x, y = x.astype(float), y.astype(float)
    values = [frechet(x, y), kernel_distance(x, y), *prdc(x, y, 5), *prdc(x, y, 1)]
    names = ["precision", "recall", "density", "coverage"]
    names = ["fid", "kid"] + [f"{m}_{k}" for k in (5, 1) for m in names]
    write("metrics_sets_expected.csv", names, [map(digits, values)])


def main():
    rng = np.random.default_rng(20240607)
    make_binary(rng)
    make_multi(rng)
    make_student_t()
    make_gains(rng)
    make_texts(rng)
    make_sets(rng)


if __name__ == "__main__":
    main()
