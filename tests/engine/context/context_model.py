"""A second decoder of predictive coding with a context network, slow and plain, from docs/context.md, predictive.md and range-coder.md alone.
    context_model.py PLAN MASK VOXELS BYTES NETWORK    fails unless the bytes give the voxels, within the plan's bound
"""
import math
import os
import sys

try:
    import numpy as np  # for speed alone
except ImportError:
    np = None

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', room) for room in ('coding', 'predictive')]
import predictive_model  # noqa: E402
from predictive_model import STRETCH, Given, log_class, quotient, squash  # noqa: E402
from range_coder_model import Decoder, Integer, Model, bits  # noqa: E402

WHOLE = 2**24
TAIL = [math.floor(2**22 / (1 + math.exp(i / 32)) + .5) for i in range(514)]
POWER = [math.floor(2**16 * 2**(i / 1024) + .5) for i in range(1025)]
LOGARITHM = [min(max(math.ceil(1024 * math.log2(1 + i / 256) - .5), 0), 1023) for i in range(256)]


def clip(x, m):
    return min(max(x, -m), m)


def lg(x):
    e = x.bit_length() - 1
    return 1024 * e + LOGARITHM[(x << 8 >> e) & 255]


def read_network(section, n_features=76, n_outputs=9):
    coder = Decoder(section)
    widths = [n_features] + [16 * bits(coder, 8, None) for _ in range(2)] + [n_outputs]
    assert all(0 < w <= 64 for w in widths[1:3])
    layers = []
    for n_in, n_out in zip(widths, widths[1:]):
        models, before, rows = [Integer() for _ in range(12)], 32, []
        for _ in range(n_in + 1):
            row, total = [], 0
            for n in range(n_out):
                row.append(models[min(((total + 4 * before) // (n + 4)).bit_length(), 11)].code(coder, None, True))
                assert abs(row[-1]) < 1024
                total += abs(row[-1])
            before = (total + 4 * before) // (n_out + 4)
            rows.append(row)
        layers.append(np.array(rows) if np else rows)
    coder.end()
    return layers


def evaluate_sums(layers, x):
    for rows, one, shift in zip(layers, (16, 256, 256), (3, 7, 7)):
        if np:
            sums = ((np.array(x + [one]) @ rows) >> shift).tolist()
        else:
            sums = [sum(w * i for w, i in zip(column, x + [one])) >> shift for column in zip(*rows)]
        x = [clip(z if z >= 0 else z >> 3, 16383) for z in sums]
    return sums


def evaluate(layers, x):
    sums, limits = evaluate_sums(layers, x), ((-8192, 8191), (-1792, 1280), (-2048, 2047))
    return [min(max(z, limits[i // 3][0]), limits[i // 3][1]) for i, z in enumerate(sums)]


class Mixture:
    def __init__(self, outputs, predicted, scale, largest):
        self.largest, self.parts, spreads, shares = largest, [], [], []
        for o, p, q in zip(outputs[:3], outputs[3:6], outputs[6:]):
            center = min(max(16 * predicted + (o * scale >> 8), -256 * largest), 512 * largest)
            log = min(max(lg(scale) + (5909 * p >> 10), 2048), 30720)
            self.parts.append((center, POWER[1024 - log % 1024], (log >> 10) + 7))
            spreads.append((POWER[log % 1024] << (log >> 10)) >> 16)
            lower = (max(outputs[6:]) - q) * 5909 >> 10
            shares.append(0 if lower >= 16384 else POWER[1024 - lower % 1024] >> (1 + (lower >> 10)))
        self.weights = [65536 * share // sum(shares) for share in shares[:2]]
        self.weights.append(65536 - sum(self.weights))
        mean = sum(w * c for w, (c, _, _) in zip(self.weights, self.parts)) >> 16
        self.spread = min(sum(w * (s + abs(c - mean)) for w, s, (c, _, _) in zip(self.weights, spreads, self.parts)) >> 16, 2**30)
        self.mean = min(max(mean, 0), 256 * largest)

    def mass(self, v):
        if v <= 0 or v > self.largest:
            return WHOLE if v <= 0 else 0
        total = 0
        for weight, (center, inverse, shift) in zip(self.weights, self.parts):
            x = (256 * v - 128 - center) * inverse >> shift
            y = min(abs(x), 16383)
            a = (TAIL[y >> 5] * (32 - y % 32) + TAIL[(y >> 5) + 1] * (y % 32)) >> 5
            total += (2**22 - a if x < 0 else a) * weight
        return total >> 14


class Mixer:
    def __init__(self):
        self.weights, self.seen = [0] * 7 + [65536, 0, 0, 0], 0


BEHIND = ((-1, 0), (0, -1), (-1, -1), (1, -1), (-2, 0), (0, -2), (2, -1), (-2, -1), (-1, -2), (1, -2), (-3, 0), (-4, 0), (0, -3), (0, -4),
          (3, -1), (-3, -1), (2, -2), (-2, -2), (-1, -3), (1, -3))
AROUND = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, -1), (-1, 1), (1, 1))


class Block(predictive_model.Block):
    halvings = (28, 46, 46)

    def __init__(self, *plan, section):
        super().__init__(*plan)
        self.layers = read_network(section)

    def volumes(self):
        self.all_errors, self.deviations, self.means, self.spreads, self.own_scales = {}, {}, {}, {}, [{}, {}]
        self.mixer_sets = [{}, {}]
        super().volumes()

    def voxel(self, t, chosen, z, y, x, predicted, errors):
        own, past_deviations = self.values[t][z], self.deviations.get(t - 1, {})
        self.all_errors[t] = errors
        deviations = self.deviations.setdefault(t, {})

        def at(table, dx, dy):
            return table.get((z, y + dy, x + dx), 0)

        def noise(dx, dy):
            return at(self.noise, dx, dy)
        near = (2 * abs(at(errors, -1, 0)) + 2 * abs(at(errors, 0, -1)) + abs(at(errors, -1, -1)) + abs(at(errors, 1, -1)) +
                abs(at(errors, -2, 0)) + abs(at(errors, 0, -2))) // 8
        before = (4 * noise(0, 0) + noise(-1, 0) + noise(1, 0) + noise(0, -1) + noise(0, 1)) // 8 if t else near
        west, north, east = own[x - 1, y], own[x, y - 1], own[x + 1, y - 1]
        far = self.values[chosen[0]][z][x, y] if chosen else own[x - 1, y - 1]
        level = min(log_class(predicted // 8, 0), 15) if west or north or far else 0
        keys = ((min(log_class(near, 1), 31), min(log_class(before, 1), 31)), (min(log_class((near + before) // 2, 2), 63), level))
        means = [table.setdefault(key, [8 * (near + before), 0]) for table, key in zip(self.scales, keys)]
        scale = means[0][0] // 2 + means[1][0] // 2 + 32

        # features
        def log(v):
            return min(min(log_class(v, 3), 255) - 48, 127)

        def ratio(v):
            return clip((clip(v, scale // 2) * (2**28 // scale) + 2**19) >> 20, 127)

        def value(v, dx, dy):
            return ratio(16 * self.values[v][z][x + dx, y + dy] - predicted)
        f = [log(v) for v in (scale, near, noise(0, 0), noise(-1, 0), noise(1, 0), noise(0, -1), noise(0, 1), at(self.spreads, 0, 0), predicted)]
        f += [ratio(predicted), 127 * t // self.n_volumes, 64 * (t == 0), 64 * (level == 0), 254 * x // self.nx - 127, 254 * y // self.ny - 127]
        f += [value(t, *d) for d in ((-1, 0), (0, -1), (-1, -1), (1, -1), (-2, 0), (0, -2), (-2, -1), (-1, -2), (1, -2), (2, -1))]
        for r, n in enumerate((9, 5, 1)):
            f += [value(chosen[r], *d) if r < len(chosen) else 0 for d in AROUND[:n]]
        f += [ratio(at(self.means, 0, 0) - predicted), value(t - 1, 0, 0)] if t else [0, 0]
        f += [ratio(at(errors, *d)) for d in BEHIND]
        for d in AROUND[:7]:
            f += [ratio(at(self.all_errors[t - 1], *d)), ratio(at(self.all_errors[chosen[0]], *d))] if t else [0, 0]
        mixture = Mixture(evaluate(self.layers, f), predicted, scale, self.largest)

        # contexts
        center = mixture.mean >> 4
        keys = ((min(log_class(mixture.spread, 2), 63), min(log_class(near, 0), 15)), min(log_class(mixture.spread, 3), 255))
        own_means = [table.setdefault(key, [mixture.spread, 0]) for table, key in zip(self.own_scales, keys)]
        self.mixture, self.inverses = mixture, [355 * 2**24 // (mean[0] + 12) for mean in own_means]
        expected = own_means[0][0] // 2 + own_means[1][0] // 2
        fine, unit = min(log_class(expected // 8, 2), 63), expected // 16 + 1
        self.coarse = coarse = fine // 2

        def three(d):
            return 2 if d > unit // 2 else 0 if d < -(unit // 2) else 1

        def five(d):
            return 4 if d > 2 * unit else 3 if d > unit // 2 else 0 if d < -2 * unit else 1 if d < -(unit // 2) else 2
        contexts = (fine, coarse * 16 + level, coarse * 9 + three(at(deviations, -1, 0)) * 3 + three(at(deviations, 0, -1)),
                    coarse * 5 + five(at(past_deviations, 0, 0)), min(fine, 20) * 16 + center % 16,
                    coarse * 25 + five(16 * west - center) * 5 + five(16 * north - center),
                    coarse * 25 + five(16 * far - center) * 5 + five(16 * east - center))
        self.context = list(zip(self.tables, contexts))
        found = self.value(None, expected)

        missed, deviation = 16 * found - predicted, 16 * found - center
        errors[z, y, x], deviations[z, y, x] = missed, deviation
        self.noise[z, y, x] = noise(0, 0) + quotient(abs(missed) - noise(0, 0), min(t + 1, 8))
        away, r = 16 * found - at(self.means, 0, 0), min(t + 1, 32)
        self.means[z, y, x] = at(self.means, 0, 0) + quotient(away, r)
        if t:
            self.spreads[z, y, x] = at(self.spreads, 0, 0) + quotient(abs(away) - at(self.spreads, 0, 0), r)
        for mean, size in [(m, abs(missed)) for m in means] + [(m, abs(deviation)) for m in own_means]:
            mean[1] = min(mean[1] + 1, 63)
            mean[0] += quotient(16 * size - mean[0], mean[1])
        return found

    def bit(self, node, part, whole):
        models = []
        for table, context in self.context:
            if (context, node) not in table:
                table[context, node] = Model()
                table[context, node].seen = 3
            models.append(table[context, node])
        inputs = [STRETCH[min(max((sum(m.estimates) + 1) // 2, 16), 65520) >> 4] for m in models]
        inputs += [clip((lg(a + z) - lg(max(w - a, 0) + z)) * 11357 >> 16, 2047) for a, w, z in zip(part, whole, (4, 128, 128))] + [256]
        mixers = [self.mixer_sets[0].setdefault(node, Mixer()), self.mixer_sets[1].setdefault((self.coarse, node), Mixer())]
        sums = [clip(sum(i * w for i, w in zip(inputs, mixer.weights)) >> 16, 2047) for mixer in mixers]
        bit = self.coder.bit(min(max(squash(quotient(sum(sums), 2)), 32), 65504), None)
        for mixer, x in zip(mixers, sums):
            e = (65535 if bit else 0) - squash(x)
            k = 15 if mixer.seen < 64 else 16 if mixer.seen < 512 else 17
            mixer.seen += 1
            mixer.weights = [clip(w + ((i * e + 2**(k - 1)) >> k), 2**20) for i, w in zip(inputs, mixer.weights)]
        for model in models:
            model.code(Given(), bit)
        return bit

    def upwards(self, v):
        if v <= 0 or v > self.largest:
            return [WHOLE if v <= 0 else 0] * 3
        d = 256 * v - 128 - self.mixture.mean
        return [self.mixture.mass(v)] + [256 * squash(-(d * inverse >> 24)) for inverse in self.inverses]

    def value(self, _, expected):
        k = 0 if expected < 512 else (expected // 256).bit_length() - 1
        center = (self.mixture.mean + 128) >> 8

        def less(a, b):
            return [max(i - j, 0) for i, j in zip(a, b)]
        everything = [WHOLE] * 3
        if k == 0:
            here = less(self.upwards(center), self.upwards(center + 1))
            if self.bit(0, here, everything):
                return center
            above = center == 0 or (center != self.largest and self.bit(1, self.upwards(center + 1), less(everything, here)))
            center += above
        else:
            above = center == 0 or self.bit(2, self.upwards(center), everything)
        if above:
            return center + self.tail(k, self.largest - center, lambda m: self.upwards(center + m), less)
        center -= 1
        return center - self.tail(k, center, lambda m: less(everything, self.upwards(center - m + 1)), less)

    def tail(self, k, most, beyond, less):
        self.masses = lambda sixteenths: beyond(sixteenths // 16)
        return self.magnitude(k, most, 0, less)


def main(plan, mask, voxels, stream, network):
    section = open(network, 'rb').read()
    predictive_model.main(plan, mask, voxels, stream, lambda *block: Block(*block, section=section))


if __name__ == '__main__':
    main(*sys.argv[1:])
