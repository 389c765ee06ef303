#!/usr/bin/env python3
"""Makes ssim.txt, what scikit-image's structural_similarity gives for small images.

Usage: make_ssim.py [FILE]     (needs numpy and scikit-image; the file is committed, so tests do not need them)

For each case there are the lines
  case NX NY RANGE WINDOWS       WINDOWS: 1 = the uniform one alone, 2 = the Gaussian one, too
  x V...  y V...                 the images, integers, x fastest
  mean V  map V...               for each window: the mean, and the local SSIM
"""
import os
import sys

import numpy
from skimage.metrics import structural_similarity

FILE = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "ssim.txt")
WINDOWS = ({}, {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False})


def line(name, values, form):
    return name + " " + " ".join(form % value for value in numpy.ravel(values)) + "\n"


def case(nx, ny, noise, data_range, random):
    j, i = numpy.mgrid[:ny, :nx]
    x = numpy.rint(900 + 500 * numpy.sin(i / 2.1) * numpy.cos(j / 3.3) + 80 * random.standard_normal((ny, nx)))
    x[: ny // 3, : nx // 2] = 0  # background: variance 0
    y = numpy.rint(0.9 * x + noise * random.standard_normal((ny, nx)) + 12)
    windows = WINDOWS if min(nx, ny) >= 11 else WINDOWS[:1]
    text = "case %d %d %.17g %d\n" % (nx, ny, data_range or numpy.ptp(x), len(windows))
    text += line("x", x, "%d") + line("y", y, "%d")
    for options in windows:
        mean, local = structural_similarity(x, y, data_range=data_range or numpy.ptp(x), full=True, **options)
        text += "mean %.17g\n" % mean + line("map", local, "%.9g")
    return text


def main():
    random = numpy.random.default_rng(4)
    with open(FILE, "w", encoding="ascii") as out:
        out.write(case(7, 7, 30, None, random))
        out.write(case(10, 8, 90, 255.5, random))
        out.write(case(11, 11, 40, None, random))
        out.write(case(23, 17, 200, None, random))
        out.write(case(12, 19, 15, 4095, random))


main()
