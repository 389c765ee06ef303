"""A restoration network a second time, slow and plain, from docs/restoration.md alone."""
import os
import sys

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', room) for room in ('coding', 'predictive', 'context')]
from context_model import clip, evaluate_sums, read_network  # noqa: E402


def logarithms(parts, largest):  # the number nearest to parts log2(1 + n)
    table, c = [], 0
    for n in range(largest + 1):
        while (1 + n)**(2 * parts) >= 2**(2 * c + 1):
            c += 1
        table.append(min(c, 127))
    return table


LOG, LOG8 = logarithms(16, 16382), logarithms(8, 8191)


def signed(table, n):
    return table[n] if n >= 0 else -table[-n]


def restore(section, planes, points, m, vectors, o, f, unit):
    """`planes`: pixels of components, rows of rows, in 2^-unit; those of `points`, pairs (x, y), are restored in place."""
    layers = read_network(section, 63, 1)
    down, across = len(planes[0]) if planes else 0, len(planes[0][0]) if planes else 0
    scaled = []
    for plane, vector in zip(planes, vectors):
        zero = sum(a * b for a, b in zip(m, vector)) >> (22 - unit)

        def scale(x):
            s = min(abs(x + zero) * (2**28 // (256 + f)) >> (16 + unit - o), 8191)
            return s if x + zero >= 0 else -s
        scaled.append([[scale(x) for x in row] for row in plane])

    def at(k, y, x):
        return scaled[k][min(max(y, 0), down - 1)][min(max(x, 0), across - 1)]
    for k, plane in enumerate(planes):
        for x, y in points:
            s = at(k, y, x)
            features = [signed(LOG8, s)]
            features += [signed(LOG, at(k, y + v, x + u) - s) for v in range(-2, 3) for u in range(-2, 3) if (u, v) != (0, 0)]
            for q in (k - 1, k - 2, k + 1, k + 2, 0):
                if 0 <= q < len(planes):
                    p = at(q, y, x)
                    features += [signed(LOG8, p)] + [signed(LOG, at(q, y + v, x + u) - p) for u, v in ((0, -1), (0, 1), (-1, 0), (1, 0))]
                else:
                    features += 5 * [0]
            features += [signed(LOG8, at(q, y, x)) if 0 <= q < len(planes) else 0 for q in (k - 3, k - 4, k + 3, k + 4, 1, 2, 3, 4, 5, 6)]
            features += [32 * (y % 8) - 112, 32 * (x % 8) - 112, LOG[min(k, 16382)]]
            z = clip(evaluate_sums(layers, features)[0], 2047)
            plane[y][x] = max(-2**31, min(2**31 - 1, plane[y][x] + ((z * (256 + f) * 2**(unit - o) + 2**17) >> 18)))
