#!/usr/bin/env python3
"""Makes metrics_meteor.csv and metrics_meteor_expected.csv: METEOR-es (downstream/meteor.h) by an exhaustive search
for the best alignment, with the stems of the snowballstemmer package. Run with: python3 metrics_meteor_make.py
"""

import csv
import functools
import pathlib

import numpy as np
import snowballstemmer

FOLDER = pathlib.Path(__file__).parent
STEM = snowballstemmer.stemmer("english").stemWord
WORDS = "heart hearts lung lungs clear clearly clearing enlarged enlarging normal normally effusion effusions the no .".split()


def best_alignment(h, r):
    """(exact, stem, chunks) of the best alignment."""
    stems_h, stems_r = [STEM(w) for w in h], [STEM(w) for w in r]

    @functools.cache
    def rest(at, used, last):
        """Best (points, -chunks, -distance, exact, stem) from token `at` on."""
        if at == len(h):
            return (0, 0, 0, 0, 0)
        options = [rest(at + 1, used, None)]
        for j in range(len(r)):
            if stems_h[at] == stems_r[j] and j not in used:
                points, chunks, distance, exact, stem = rest(at + 1, used | {j}, j)
                same = h[at] == r[j]
                chunks -= last is None or j != last + 1
                options.append((points + (1 if same else 0.5), chunks, distance - abs(at - j), exact + same, stem + (not same)))
        return max(options)

    points, chunks, distance, exact, stem = rest(0, frozenset(), None)
    return exact, stem, -chunks


def value(length, reference_length, exact, stem, chunks):
    if exact + stem == 0:
        return 0
    p, r = (exact + 0.6 * stem) / length, (exact + 0.6 * stem) / reference_length
    mean = 1 / (0.15 / p + 0.85 / r)
    whole = chunks == 1 and exact + stem == length == reference_length
    return mean * (1 - (0 if whole else 0.6 * (chunks / (exact + stem)) ** 0.2))


def main():
    rng = np.random.default_rng(7)
    rows, expected, total = [], [], np.zeros(5)
    for i in range(30):
        refs = [list(rng.choice(WORDS, rng.integers(1, 13))) for _ in range(1 + i % 2)]
        h = list(rng.choice(WORDS, rng.integers(0, 13))) if i % 3 else refs[0][2:] + refs[0][:2]
        if i == 6:
            h = refs[0]
        counts = [(len(h), len(r), *best_alignment(h, r)) for r in refs]
        best = max(counts, key=lambda c: value(*c))
        total += best
        expected.append((i, f"{value(*best):.17g}"))
        rows += [(i, 0, " ".join(h))] + [(i, 1, " ".join(r)) for r in refs]
    expected.append((30, f"{value(*total):.17g}"))
    for name, header, content in (
        ("metrics_meteor.csv", ("sample", "is_reference", "text"), rows),
        ("metrics_meteor_expected.csv", ("sample", "meteor_es"), expected),
    ):
        with open(FOLDER / name, "w", newline="") as file:
            out = csv.writer(file, lineterminator="\n")
            out.writerow(header)
            out.writerows(content)


if __name__ == "__main__":
    main()
