#!/usr/bin/env python3
"""Writes fidelity.txt: small blocks of targets and outputs, and the figures of docs/metrics.md for them, computed here
from their definitions by the standard library alone. Single-precision steps are rounded to float32 one by one.

A case: "case NAME n_points n_outputs"; "y ..." and "t ..." (n_points, n_outputs), floats in hexadecimal or nan; "mask ..."
(n_points); then a line each for "all" and "masked": n mse psnr psnr_published psnr_clamped; and for the case as a slice of
a 3-D model "honest", "honest_masked", "published", "published_masked" in the same form.
"""
import math
import os
import random
import struct

FOLDER = os.path.dirname(os.path.abspath(__file__))
NAN = math.nan


def single(x):
    return struct.unpack("f", struct.pack("f", x))[0]


def quantise(x):
    """round(255 clamp(x)) / 255 as float32 arithmetic gives it; Python's round() is to nearest even."""
    if math.isnan(x):
        return x
    return single(round(single(min(max(x, 0.0), 1.0) * 255.0)) / 255.0)


def decibels(squares, n):
    if n == 0 or math.isnan(squares):
        return NAN
    return math.inf if squares == 0 else -10 * math.log10(squares / n)


def figures(y, t, inside):
    """(n, mse, psnr, psnr_published, psnr_clamped) over the data of the points in `inside`."""
    pairs = [(a, b) for i in inside for a, b in zip(y[i], t[i]) if not math.isnan(b)]
    n = len(pairs)
    squares = math.fsum((a - b) ** 2 for a, b in pairs)
    published = math.fsum((a - quantise(b)) ** 2 for a, b in pairs)
    clamped = math.fsum((quantise(a) - b) ** 2 for a, b in pairs)
    return n, squares / n if n else NAN, decibels(squares, n), decibels(published, n), decibels(clamped, n)


def min_max(reference, data):
    """Columns of `data` mapped as MinMaxScaler, fitted to `reference`, maps them: NaN is ignored in the fit, and a range of
    0 counts as 1."""
    columns = []
    for fitted, column in zip(zip(*reference), zip(*data)):
        known = [x for x in fitted if not math.isnan(x)]
        low, high = (min(known), max(known)) if known else (NAN, NAN)
        extent = high - low if high != low else 1.0
        columns.append([single((x - low) / extent) for x in column])
    return [list(row) for row in zip(*columns)]


def slice_figures(y, t, inside):
    """(honest, published) of a slice of a 3-D model. Points without data do not count in the fit of y either."""
    scaled = min_max(t, t)
    seen = [[NAN if math.isnan(b) else a for a, b in zip(u, v)] for u, v in zip(y, t)]
    return figures(min_max(t, y), scaled, inside), figures(min_max(seen, y), scaled, inside)


def hexadecimal(rows):
    return " ".join("nan" if math.isnan(x) else x.hex() for row in rows for x in row)


def write(out, name, y, t, mask):
    y = [[single(x) for x in row] for row in y]
    t = [[single(x) for x in row] for row in t]
    every, inside = range(len(y)), [i for i, m in enumerate(mask) if m]
    honest, published = slice_figures(y, t, every)
    honest_masked, published_masked = slice_figures(y, t, inside)
    print("case", name, len(y), len(y[0]), file=out)
    print("y", hexadecimal(y), file=out)
    print("t", hexadecimal(t), file=out)
    print("mask", *mask, file=out)
    results = {
        "all": figures(y, t, every),
        "masked": figures(y, t, inside),
        "honest": honest,
        "honest_masked": honest_masked,
        "published": published,
        "published_masked": published_masked,
    }
    for key, (n, *values) in results.items():
        print(key, n, *[repr(v) for v in values], file=out)


def main():
    draw = random.Random(1)
    noise = lambda rows, sigma: [[x + draw.gauss(0, sigma) for x in row] for row in rows]
    table = lambda n, k: [[draw.random() for _ in range(k)] for _ in range(n)]
    some = lambda n: [int(draw.random() < 0.6) for _ in range(n)]
    with open(os.path.join(FOLDER, "fidelity.txt"), "w") as out:
        # Outputs beyond [0,1], which only one of the two clampings sees.
        t = [[0.2, 0.0, 0.9], [1.0, 0.5, 0.1], [0.4, 1.0, 0.0], [0.7, 0.3, 0.6]]
        y = [[0.25, -0.3, 0.8], [1.4, 0.45, 0.2], [0.4, 0.9, -0.1], [0.6, 0.3, 0.7]]
        write(out, "beyond_the_range", y, t, [1, 0, 1, 1])
        # Halves of a level, to nearest even; a perfect fit, whose published figure is capped all the same.
        t = [[(i + 0.5) / 255, i / 255] for i in range(0, 255, 13)]
        write(out, "halves", t, t, [int(i % 3 != 0) for i in range(len(t))])
        t = table(40, 3)
        write(out, "noise", noise(t, 0.05), t, some(40))
        # A slice that fills a tenth of its block's range: the slice's figures are 20 dB below the block's.
        t = [[0.45 + 0.1 * x for x in row] for row in table(30, 2)]
        write(out, "narrow", noise(t, 0.01), t, some(30))
        # Column 0: constant targets. Column 1: constant outputs, which the published slice form scales to 0.
        t = [[0.25, x] for (x,) in table(25, 1)]
        write(out, "constants", [[0.25 + draw.gauss(0, 0.02), 0.5] for _ in t], t, some(25))
        # A background: targets of 0, outputs near it.
        t = [[0.0, 0.0] for _ in range(12)]
        write(out, "background", noise(t, 0.001), t, some(12))
        t = table(20, 3)
        y = noise(t, 0.1)
        for i in range(0, 20, 4):
            t[i][0] = NAN
            t[i][2] = NAN
            y[i][0] = 7.0
        write(out, "missing", y, t, some(20))
        write(out, "nothing", [[0.5]] * 3, [[NAN]] * 3, [1, 1, 0])
        write(out, "empty_mask", table(3, 2), table(3, 2), [0, 0, 0])
        y = noise(t, 0.1)
        y[3][1] = NAN
        write(out, "diverged", y, t, [1] * 20)


if __name__ == "__main__":
    main()
