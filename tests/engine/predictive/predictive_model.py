"""A second decoder of predictive coding, slow and plain, from docs/predictive.md and docs/range-coder.md alone.
    predictive_model.py PLAN MASK VOXELS BYTES    fails unless the bytes give the voxels, within the plan's bound
"""
import math
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'coding'))
from range_coder_model import Decoder, Integer, Model, bits  # noqa: E402

LETTERS = {'uint8': 'B', 'int8': 'b', 'uint16': 'H', 'int16': 'h', 'uint32': 'I', 'int32': 'i', 'uint64': 'Q', 'int64': 'q',
           'float32': 'f', 'float64': 'd'}
POINTS = [22, 36, 60, 99, 162, 267, 439, 720, 1179, 1922, 3108, 4971, 7812, 11970, 17625, 24743, 32768, 40793, 47911, 53566, 57724,
          60565, 62428, 63614, 64357, 64816, 65097, 65269, 65374, 65437, 65476, 65500, 65514]


def squash(x):
    u = min(max(x, -2047), 2047) + 2048
    return (POINTS[u >> 7] * (128 - u % 128) + POINTS[(u >> 7) + 1] * (u % 128) + 64) >> 7


STRETCH = []
for x in range(-2047, 2048):
    while len(STRETCH) <= squash(x) >> 4:
        STRETCH.append(x)
STRETCH += [2047] * (4096 - len(STRETCH))


def quotient(a, b):
    return abs(a) // b * (1 if a >= 0 else -1)


def log_class(x, b):
    if x == 0:
        return 0
    e = x.bit_length() - 1
    return 1 + (e << b) + ((x << b >> e) & ((1 << b) - 1))


class Mixer:
    def __init__(self):
        self.weights, self.seen = [13107] * 9 + [0], 0


class Block:
    halvings = (28, 28)  # which are coded, and the first node of what follows each

    def __init__(self, datatype, nx, ny, nz, n_volumes, mask, stream):
        self.letter = LETTERS[datatype]
        self.size = struct.calcsize(self.letter)
        self.nx, self.ny, self.nz, self.n_volumes, self.mask = nx, ny, nz, n_volumes, mask
        self.coder = Decoder(stream)
        self.voxels = {}  # (stored volume, z, y, x): bytes

    def integer(self, model, signed=False):
        return model.code(self.coder, None, signed)

    def places(self):
        return ((z, y, x) for z in range(self.nz) for y in range(self.ny) for x in range(self.nx)
                if self.mask[(z * self.ny + y) * self.nx + x])

    def decode(self):
        a = Integer()
        self.form = bits(self.coder, 2, None)
        exceptions = bits(self.coder, 1, None)
        self.exponent = self.integer(a, True) if self.form == 1 else 0
        self.step = struct.unpack('<d', struct.pack('<Q', bits(self.coder, 64, None)))[0] if self.form == 3 else 0
        error = self.integer(a)
        step = (2 * error + 1) % 2**64
        lowest = bits(self.coder, 64, None)
        span = self.integer(a)
        n = span // step + (span % step > error)
        self.absent = set()
        if exceptions:
            self.exceptions()
        low = max(n.bit_length() - 22, 0)
        self.largest = n >> low
        self.order = list(range(self.n_volumes))
        self.values = [[{} for _ in range(self.nz)] for _ in range(self.n_volumes)]
        if n > 0:
            self.volumes()
        models, last = [[Model() for _ in range(3)] for _ in range(64)], 0
        for t in range(self.n_volumes):
            for z, y, x in self.places():
                if (self.order[t], z, y, x) in self.absent:
                    continue
                rest = 0
                for bit in reversed(range(low)):
                    context = 0 if rest != last >> (bit + 1) else 1 + (last >> bit & 1)
                    rest = 2 * rest + models[bit][context].code(self.coder, None)
                last = rest
                number = (self.values[t][z].get((x, y), 0) << low) + rest
                self.store((self.order[t], z, y, x), (lowest + min(number * step, span)) % 2**64)
        self.coder.end()

    def exceptions(self):
        here, same, last, was = [Model() for _ in range(4)], Model(), 0, 0
        for v in range(self.n_volumes):
            for place in self.places():
                was = here[2 * ((v - 1, *place) in self.absent) + was].code(self.coder, None)
                if was:
                    if not same.code(self.coder, None):
                        last = bits(self.coder, 8 * self.size, None)
                    self.absent.add((v, *place))
                    self.voxels[(v, *place)] = last.to_bytes(self.size, 'little')

    def store(self, key, i):
        s = i - 2**63
        width = 8 * self.size
        if self.form == 0:
            made = (s if self.letter.islower() else i) % 2**width
        elif self.form == 2:
            top = 1 << (width - 1)
            made = i - top if i & top else 2**width - 1 - i
        else:
            value = math.ldexp(float(s), self.exponent) if self.form == 1 else float(s) * self.step
            self.voxels[key] = struct.pack('<' + self.letter, value)
            return
        self.voxels[key] = made.to_bytes(self.size, 'little')

    # ---- volumes ----

    def volumes(self):
        left, model, self.order = list(range(self.n_volumes)), Integer(), []
        for _ in range(self.n_volumes):
            self.order.append(left.pop(self.integer(model)))
        counts, references, weights_model = Integer(), Integer(), Integer()
        self.tables = [{} for _ in range(7)]
        self.mixers = [Mixer() for _ in range(46)]
        self.scales = [{}, {}]
        self.noise, self.past, before = {}, {}, {}
        for t in range(self.n_volumes):
            chosen = [t - 1 - self.integer(references) for _ in range(self.integer(counts))]
            terms = [(t, d) for d in ((-1, 0), (0, -1), (-1, -1), (1, -1), (-2, 0), (0, -2), (-2, -1), (-1, -2), (1, -2), (2, -1))]
            around = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, -1), (-1, 1), (1, 1))
            for rank, r in enumerate(chosen):
                terms += [(r, d) for d in around[:9 if rank == 0 else 5 if rank == 1 else 1]]
            weights = [self.integer(weights_model, True) + before.get(i, 0) for i in range(len(terms))]
            constant = self.integer(weights_model, True)
            before = dict(enumerate(weights + [constant]))
            self.volume(t, chosen, terms, weights, constant)

    def volume(self, t, chosen, terms, weights, constant):
        errors = {}
        for z in range(self.nz):
            own = self.values[t][z]
            for x in range(-2, self.nx + 2):
                own[x, -1] = own[x, -2] = self.values[t - 1][z][x, 0] if t else 0
            for y in range(self.ny):
                own[-1, y] = own[-2, y] = own[0, y - 1]
                for x in range(self.nx):
                    if not self.mask[(z * self.ny + y) * self.nx + x] or (self.order[t], z, y, x) in self.absent:
                        own[x, y] = (own[x - 1, y] + own[x, y - 1] + 1) >> 1
                        continue
                    total = 8 * constant + sum(w * self.values[v][z][x + dx, y + dy] for w, (v, (dx, dy)) in zip(weights, terms))
                    predicted = min(max(total * 16 >> 6, 0), 16 * self.largest)
                    own[x, y] = self.voxel(t, chosen, z, y, x, predicted, errors)
                own[self.nx, y] = own[self.nx + 1, y] = own[self.nx - 1, y]
            for x in range(-2, self.nx + 2):
                own[x, self.ny] = own[x, self.ny + 1] = own[x, self.ny - 1]
        self.past = errors

    def voxel(self, t, chosen, z, y, x, predicted, errors):
        own = self.values[t][z]

        def error(dx, dy):
            return errors.get((z, y + dy, x + dx), 0)

        def noise(dx, dy):
            return self.noise.get((z, y + dy, x + dx), 0)
        near = (2 * abs(error(-1, 0)) + 2 * abs(error(0, -1)) + abs(error(-1, -1)) + abs(error(1, -1)) + abs(error(-2, 0)) +
                abs(error(0, -2))) // 8
        before = (4 * noise(0, 0) + noise(-1, 0) + noise(1, 0) + noise(0, -1) + noise(0, 1)) // 8 if t else near
        west, north, east = own[x - 1, y], own[x, y - 1], own[x + 1, y - 1]
        far = self.values[chosen[0]][z][x, y] if chosen else own[x - 1, y - 1]
        level = min(log_class(predicted // 8, 0), 15) if west or north or far else 0
        keys = ((min(log_class(near, 1), 31), min(log_class(before, 1), 31)), (min(log_class((near + before) // 2, 2), 63), level))
        for table, key in zip(self.scales, keys):
            table.setdefault(key, [8 * (near + before), 0])
        means = [table[key] for table, key in zip(self.scales, keys)]
        self.inverses = [355 * 2**28 // (mean[0] + 12) for mean in means]
        expected = means[0][0] // 2 + means[1][0] // 2
        fine, unit = min(log_class(expected // 8, 2), 63), expected // 16 + 1
        coarse = fine // 2

        def three(d):
            return 2 if d > unit // 2 else 0 if d < -(unit // 2) else 1

        def five(d):
            return 4 if d > 2 * unit else 3 if d > unit // 2 else 0 if d < -2 * unit else 1 if d < -(unit // 2) else 2
        contexts = (fine, coarse * 16 + level, coarse * 9 + three(error(-1, 0)) * 3 + three(error(0, -1)),
                    coarse * 5 + five(self.past.get((z, y, x), 0)), min(fine, 20) * 16 + predicted % 16,
                    coarse * 25 + five(16 * west - predicted) * 5 + five(16 * north - predicted),
                    coarse * 25 + five(16 * far - predicted) * 5 + five(16 * east - predicted))
        self.context = list(zip(self.tables, contexts))
        value = self.value(predicted, expected)
        missed = 16 * value - predicted
        errors[z, y, x] = missed
        self.noise[z, y, x] = noise(0, 0) + quotient(abs(missed) - noise(0, 0), min(t + 1, 8))
        for mean in means:
            mean[1] = min(mean[1] + 1, 63)
            mean[0] += quotient(16 * abs(missed) - mean[0], mean[1])
        return value

    def bit(self, node, part, whole):
        models = []
        for table, context in self.context:
            if (context, node) not in table:
                table[context, node] = Model()
                table[context, node].seen = 3
            models.append(table[context, node])
        inputs = [STRETCH[min(max((sum(m.estimates) + 1) // 2, 16), 65520) >> 4] for m in models]
        inputs += [STRETCH[(a + 1) * 4095 // (w + 2)] for a, w in zip(part, whole)] + [256]
        mixer = self.mixers[node]
        p = min(max(squash(sum(i * w for i, w in zip(inputs, mixer.weights)) >> 16), 32), 65504)
        bit = self.coder.bit(p, None)
        e = (65535 if bit else 0) - p
        k = 13 if mixer.seen < 64 else 14 if mixer.seen < 512 else 15
        mixer.seen += 1
        mixer.weights = [min(max(w + ((i * e + 2**(k - 1)) >> k), -2**20), 2**20) for i, w in zip(inputs, mixer.weights)]
        for model in models:
            model.code(Given(), bit)
        return bit

    def masses(self, distance):
        return [squash(-(distance * inverse >> 24)) for inverse in self.inverses]

    def value(self, predicted, expected):
        k = 0 if expected < 512 else (expected // 256).bit_length() - 1
        center = (predicted + 8) >> 4

        def less(a, b):
            return [max(i - j, 0) for i, j in zip(a, b)]

        def upwards(v):
            return self.masses(16 * v - 8 - predicted)
        all_of_it = [65536, 65536]
        if k == 0:
            here = less(upwards(center), upwards(center + 1))
            if self.bit(0, here, all_of_it):
                return center
            above = center == 0 or (center != self.largest and self.bit(1, upwards(center + 1), less(all_of_it, here)))
            center += above
        else:
            above = center == 0 or self.bit(2, upwards(center), all_of_it)
        if above:
            return center + self.magnitude(k, self.largest - center, 16 * center - 8 - predicted, less)
        center -= 1
        return center - self.magnitude(k, center, predicted - 16 * center - 8, less)

    def magnitude(self, k, most, edge, less):
        def beyond(m):
            return self.masses(16 * m + edge)
        begin, width, j, low = 0, 2**k, 0, beyond(0)
        high = nothing = [0] * len(low)
        while begin + width <= most:
            high = beyond(begin + width)
            if not self.bit(3 + min(j, 12), high, low):
                break
            begin, low, high = begin + width, high, nothing
            width *= 2 if j > 0 else 1
            j += 1
        node = 16 + min(j, 11)
        for halving in range(width.bit_length() - 1):
            width //= 2
            if begin + width > most:
                continue
            if halving < len(self.halvings):
                middle = beyond(begin + width)
                bit = self.bit(node, less(middle, high), less(low, high))
                low, high = (middle, high) if bit else (low, middle)
                node = self.halvings[halving] + 2 * min(j, 8) + bit
            else:
                bit = bits(self.coder, 1, None)
            begin += width * bit
        return begin


class Given:
    """A coder for a model that learns a bit which is known."""

    def bit(self, _, bit):
        return bit


def main(plan, mask, voxels, stream, block=Block):
    datatype, *sizes, bound = open(plan).read().split()
    block = block(datatype, *map(int, sizes), open(mask, 'rb').read(), open(stream, 'rb').read())
    block.decode()
    stored, at = open(voxels, 'rb').read(), 0
    for v in range(block.n_volumes):
        for z in range(block.nz):
            for y in range(block.ny):
                for x in range(block.nx):
                    true = stored[at:at + block.size]
                    at += block.size
                    if not block.mask[(z * block.ny + y) * block.nx + x] or block.voxels[v, z, y, x] == true:
                        continue
                    a, b = (struct.unpack('<' + block.letter, raw)[0] for raw in (true, block.voxels[v, z, y, x]))
                    assert abs(a - b) <= float(bound), f'voxel {v, z, y, x} is {b} instead of {a}'


if __name__ == '__main__':
    main(*sys.argv[1:])
