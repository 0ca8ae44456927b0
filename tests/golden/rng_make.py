#!/usr/bin/env python3
"""Prints the checksum of tests/base/test_rng.c for rng_fill_normal(42, 7, ..), 4096 elements: base/rng.h and
base/normal.h in numpy, whose float32 rounds every single operation. Run with: python3 rng_make.py
"""

import numpy as np

KEY, INDEX, COUNT = 42, 7, 4096
f = np.float32
WORD, HALF = np.uint64(0xFFFFFFFF), np.uint64(32)


def philox(key, high, low):
    """Philox4x32-10: four arrays of 32-bit words for an array of counters."""
    c = [low & WORD, low >> HALF, np.full_like(low, high & 0xFFFFFFFF), np.full_like(low, high >> 32)]
    for turn in range(10):
        k = [np.uint64(((key >> shift) + turn * step) & 0xFFFFFFFF) for shift, step in ((0, 0x9E3779B9), (32, 0xBB67AE85))]
        p, q = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(q >> HALF) ^ c[1] ^ k[0], q & WORD, (p >> HALF) ^ c[3] ^ k[1], p & WORD]
    return [w.astype(np.uint32) for w in c]


def series(z, divisors, numerator):
    """numerator/d[0] + z (numerator/d[1] + z (...)), in Horner's order."""
    sum_ = f(numerator) / f(divisors[-1])
    for d in divisors[-2::-1]:
        sum_ = f(numerator) / f(d) + z * sum_
    return sum_


def minus_log(word):
    high, low = (word >> 16).astype(f) * f(65536), ((word & 0xFFFF) + 1).astype(f)
    mantissa, exponent = np.frexp(high + low)  # 1/2 <= mantissa < 1
    exponent = np.where(mantissa < np.sqrt(f(0.5)), exponent - 1, exponent)
    x = np.ldexp((high - np.ldexp(f(1), exponent)) + low, -exponent)
    s, half = x / (f(2) + x), f(0.5) * x * x
    z = s * s
    log = (half - s * (half + z * series(z, (3, 5, 7, 9), 2))) - x
    return (32 - exponent).astype(f) * np.log(f(2)) + log


def direction(word):
    quarters = (word + np.uint32(1 << 29)) >> 30
    x = (word - (quarters << 30)).view(np.int32).astype(f) * (f(2 * np.pi) * f(2.0**-32))
    z = x * x
    sine = x + x * (z * series(z, (-6, 120, -5040, 362880), 1))
    cosine = f(1) + z * series(z, (-2, 24, -720, 40320, -3628800), 1)
    return np.choose(quarters, [cosine, -sine, -cosine, sine]), np.choose(quarters, [sine, cosine, -sine, -cosine])


normals = np.empty((COUNT // 4, 4), f)
words = philox(KEY, INDEX, np.arange(COUNT // 4, dtype=np.uint64))
for k in (0, 2):
    radius = np.sqrt(f(2) * minus_log(words[k]))
    normals[:, k], normals[:, k + 1] = (radius * x for x in direction(words[k + 1]))
bits = normals.reshape(-1).view(np.uint32)
print(f"0x{sum((i + 1) * int(b) for i, b in enumerate(bits)) % 2**64:X}")
