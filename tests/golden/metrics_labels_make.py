#!/usr/bin/env python3
"""Makes metrics_labels.csv (scores and truths of four labels) and metrics_labels_expected.csv (scikit-learn's values).

Run with: python3 metrics_labels_make.py
"""

import csv
import pathlib

import numpy as np
from sklearn import metrics

FOLDER = pathlib.Path(__file__).parent
LABELS = 4
BINS = 15
NAN = float("nan")


def cases(rng):
    n = 40
    truth = (rng.random((n, LABELS)) < (0.5, 0.2, 0.1, 0.4)).astype(float)
    yield np.clip(truth * 0.4 + rng.random((n, LABELS)) * 0.6, 0, 1), truth
    yield np.round(rng.random((n, LABELS)) * 4) / 4, truth  # many at the threshold itself
    none = truth.copy()
    none[:, 2] = 0
    scores = rng.random((n, LABELS))
    scores[:, 2] = 0.1
    yield scores, none  # a label that is never there and never found
    scores = rng.random((n, LABELS))
    scores[:, 1] = 0.1
    yield scores, truth  # one that is never found
    yield rng.random((n, LABELS)), np.ones((n, LABELS))  # all positive
    yield np.full((3, LABELS), 0.2), np.zeros((3, LABELS))  # nothing at all
    yield np.array([[0.9, 0.1, 0.5, 0.5]]), np.array([[1.0, 1.0, 0.0, 1.0]])  # one sample
    unknown = truth.copy()
    unknown[rng.random(truth.shape) < 0.3] = NAN
    yield rng.random((n, LABELS)), unknown


def auroc(truth, score):
    return metrics.roc_auc_score(truth, score) if 0 < truth.sum() < len(truth) else NAN


def auprc(truth, score):
    return metrics.average_precision_score(truth, score) if truth.sum() else NAN


def calibration_error(truth, score):
    edges = np.linspace(0, 1, BINS + 1)
    place = np.maximum(np.searchsorted(edges, score, side="left") - 1, 0)
    gaps = [abs((truth[place == b] - score[place == b]).sum()) for b in range(BINS)]
    return sum(gaps) / len(truth)


def probability_values(score, truth):
    """Of probabilities: AUROC, average precision, Brier score, calibration error by label, then micro averages."""
    known = ~np.isnan(truth)
    columns = [(truth[known[:, c], c], score[known[:, c], c].astype(float)) for c in range(LABELS)]
    result = [auroc(t, s) for t, s in columns]
    result += [auprc(t, s) for t, s in columns]
    result += [metrics.brier_score_loss(t, s, pos_label=1) for t, s in columns]
    result += [calibration_error(t, s) for t, s in columns]
    flat = truth[known], score[known]
    return [*result, auroc(*flat), auprc(*flat)]


def values(score, truth):
    known = ~np.isnan(truth)
    found = score >= 0.5
    nan = {"zero_division": np.nan}
    columns = [(truth[known[:, c], c].astype(int), found[known[:, c], c]) for c in range(LABELS)]
    result = [metrics.precision_score(t, f, **nan) for t, f in columns]
    result += [metrics.recall_score(t, f, **nan) for t, f in columns]
    result += [metrics.f1_score(t, f, **nan) for t, f in columns]
    flat = metrics.f1_score(truth[known].astype(int), found[known], **nan)
    if known.all():
        assert metrics.f1_score(truth.astype(int), found, average="micro", **nan) == flat or np.isnan(flat)
        macro = metrics.f1_score(truth.astype(int), found, average="macro", **nan)
    else:
        macro = np.nanmean(result[-LABELS:])
    return [*result, flat, macro, *probability_values(score, truth)]


def main():
    rng = np.random.default_rng(20240701)
    inputs, expected = [], []
    for case, (score, truth) in enumerate(cases(rng)):
        score = np.float32(score)
        inputs += [(case, *(f"{v:.9g}" for v in s), *(f"{v:g}" for v in t)) for s, t in zip(score, truth)]
        expected.append([case, *(f"{v:.17g}" for v in values(score, truth))])
    columns = range(LABELS)
    for name, header, rows in (
        ("metrics_labels.csv", ["case", *(f"score{c}" for c in columns), *(f"truth{c}" for c in columns)], inputs),
        (
            "metrics_labels_expected.csv",
            [
                "case",
                *(f"{m}{c}" for m in ("precision", "recall", "f1_") for c in columns),
                "micro",
                "macro",
                *(f"{m}{c}" for m in ("auroc", "auprc", "brier", "calibration") for c in columns),
                "micro_auroc",
                "micro_auprc",
            ],
            expected,
        ),
    ):
        with open(FOLDER / name, "w", newline="") as file:
            out = csv.writer(file, lineterminator="\n")
            out.writerow(header)
            out.writerows(rows)


if __name__ == "__main__":
    main()
