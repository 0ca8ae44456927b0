#!/usr/bin/env python3
"""Makes metrics_intervals_expected.csv and metrics_noncentral_t.csv beside this file, with scipy, from metrics_gains.csv.

Run with: python3 metrics_intervals_make.py
"""

import csv
import pathlib

import numpy as np
from scipy import optimize, stats

FOLDER = pathlib.Path(__file__).parent
NAN = float("nan")


def write(name, header, rows):
    with open(FOLDER / name, "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(header)
        out.writerows([f"{v:.17g}" if isinstance(v, float) else v for v in row] for row in rows)


def read_cases():
    cases = {}
    with open(FOLDER / "metrics_gains.csv", newline="") as file:
        for row in csv.DictReader(file):
            cases.setdefault(int(row["case"]), []).append((float(row["x"]), float(row["y"])))
    return {case: np.array(pairs).T for case, pairs in cases.items()}


def fieller(x, y):
    """The relative gains that a t test keeps, by searching for the two that it just keeps."""
    gain = x.mean() / y.mean() - 1
    if (x == y).all():
        return 0.0, 0.0
    limit = stats.t.ppf(0.975, len(x) - 1)

    def excess(r):
        return abs(stats.ttest_1samp(x - (1 + r) * y, 0).statistic) - limit

    ends = []
    for sign in (-1, 1):
        far = gain + sign * 1e-6
        while excess(far) < 0 and abs(far) < 1e6:
            far = gain + 1.05 * (far - gain)
        ends.append(100 * optimize.brentq(excess, gain, far, xtol=1e-14) if abs(far) < 1e6 else NAN)
    return tuple(ends) if not np.isnan(ends).any() else (NAN, NAN)  # a ray is no interval


def bca(x, y):
    if len(x) < 3 or (x == y).all():
        return (NAN, NAN) if len(x) < 3 else (0.0, 0.0)

    def ratio(x, y, axis):
        return 100 * (x.mean(axis) / y.mean(axis) - 1)

    found = stats.bootstrap(
        (x, y), ratio, paired=True, method="BCa", n_resamples=500_000, batch=10_000, rng=np.random.default_rng(5)
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def main():
    rows = [(case, *fieller(x, y), *bca(x, y)) for case, (x, y) in read_cases().items()]
    write("metrics_intervals_expected.csv", ["case", "fieller_low", "fieller_high", "bca_low", "bca_high"], rows)
    tails = [
        (float(t), float(shift), degrees, float(stats.nct.sf(t, degrees, shift)))
        for degrees in (1, 2, 5, 9, 19, 99)
        for t in (0.5, 2.0, 3.5, 6.0)
        for shift in (0.25, 1.0, 3.0, 5.0)
    ]
    write("metrics_noncentral_t.csv", ["t", "shift", "degrees", "tail"], tails)


if __name__ == "__main__":
    main()
