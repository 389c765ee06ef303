"""The transform model's decoder a second time, slow and plain, from docs/transform.md alone; the range coder is its own second time.
    transform_model.py FILE...     cases as unit_transform writes them: what the bytes give must be the values to the bit
"""
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'coding'))
from expert_model import Experts  # noqa: E402
from mixer_model import Mixer  # noqa: E402
from range_coder_model import Decoder, Integer, Model, bits  # noqa: E402
from restoration_model import restore  # noqa: E402

C = [[11585, 11585, 11585, 11585, 11585, 11585, 11585, 11585], [16069, 13623, 9102, 3196, -3196, -9102, -13623, -16069],
     [15137, 6270, -6270, -15137, -15137, -6270, 6270, 15137], [13623, -3196, -16069, -9102, 9102, 16069, 3196, -13623],
     [11585, -11585, -11585, 11585, 11585, -11585, -11585, 11585], [9102, -16069, 3196, 13623, -13623, -3196, 16069, -9102],
     [6270, -15137, 15137, -6270, -6270, 15137, -15137, 6270], [3196, -9102, 13623, -16069, 16069, -13623, 9102, -3196]]
Q = [[-1640, 9989, 1360, 1783], [-10095, -2566, 7626, 1219], [913, -7822, -1188, 3800], [-1437, -767, -4056, -293]]
STEP = [0, 1, 2, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5]
BAND = [0, 1, 2, 3, 3, 4, 4, 4] + 7 * [5]
AFTER = [(0, 1), (3, 2), (5, 4), (6, 7), (1, 0), (2, 3), (4, 5), (7, 6)]  # states after even and odd magnitudes
SCAN = [(u, d - u) for d in range(15) for u in range(8) if 0 <= d - u < 8]


def saturated(x):
    return max(-2**31, min(2**31 - 1, x))


def classes(n, kept):  # kept: bits that tell pieces of an octave apart
    n = min(n, 4095)
    t = max(n.bit_length() - kept, 0)
    return 2**(kept - 1) * t + (n >> t)


def half(n, most=99):
    return min(classes(n, 2), most)


def quarter(n, most=99):
    return min(classes(n, 3), most)


LEAST = {kept: {} for kept in (2, 3)}
for kept, of_class in LEAST.items():
    for n in range(4095, -1, -1):
        of_class[classes(n, kept)] = n
    for c in range(99):  # classes above those of 4095
        if c not in of_class:
            t = (c >> (kept - 1)) - 1
            of_class[c] = (c - (t << (kept - 1))) << t


class Votes:
    """A table of votes, made as they are asked for; `expected` gives n and g for a context, and a one counts `ones` times."""

    def __init__(self, expected=lambda context: None, ones=1):
        self.expected, self.ones, self.votes = expected, ones, {}

    def at(self, context, step=0):
        if (context, step) not in self.votes:
            e = self.expected(context)
            self.votes[context, step] = [2**22 * self.ones * (2 * e[0] + 1) // (self.ones * (2 * e[0] + 1) + 2 * e[1] + 1), 2] if e else [2**21, 0]
        return self.votes[context, step]


class Block:
    def __init__(self):
        self.a, self.sum, self.extent, self.levels, self.kinds = 64 * [0], 0, 0, 64 * [0], 64 * [None]


NONE = Block()


def decode_basis(stream, n_volumes):
    d, count, mean, precision, entries = Decoder(stream), Integer(), Integer(), Integer(), [Integer() for _ in range(7)]

    def magnitude(model):
        return model.code(d, None, False)
    n_components = magnitude(count)
    m, last = [], 128
    for _ in range(n_volumes):
        last += mean.code(d, None, True)
        m.append(last)
    left, vectors, s = n_volumes * [2**28], [], 10
    for k in range(n_components):
        s += precision.code(d, None, True)
        row = []
        for v in range(n_volumes):
            n = (max(left[v], 0) // (n_volumes - k) >> (28 - 2 * s)).bit_length()
            q, model = ((n - 3) // 2, entries[5 + n % 2]) if n > 4 else (0, entries[n])
            a = magnitude(model)
            a = 2**q * a + bits(d, q, None)
            if a and bits(d, 1, None):
                a = -a
            row.append(a * 2**(14 - s))
            left[v] -= row[-1]**2
        vectors.append(row)
    d.end()
    return m, vectors


class SliceDecoder:
    def __init__(self, stream, across, down, used, n_components, network=None, two=0):
        self.experts = Experts(network, across, down, used) if network or two else None
        self.network, self.two = network, two
        self.d, self.across, self.down, self.used = Decoder(stream), across, down, used
        second, third = LEAST[2], LEAST[3]
        self.flags = [Votes() for _ in range(7)]
        self.lengths = [Votes() for _ in range(7)]
        self.digits = [Votes(lambda c: (third[c // 6], 19)), Votes(lambda c: (second[c // 16] + second[c % 16], 13)),
                       Votes(lambda c: (second[c // 16] + second[c % 16], 19)), Votes(lambda c: (second[c % 10], 12)), Votes(lambda c: (third[c // 6], 24)),
                       Votes(lambda c: (second[c // 16], 8)), Votes(lambda c: (third[c // 8] + c % 8, 29))]
        if two:
            for votes in self.digits:
                votes.expected = lambda c, first=votes.expected: (first(c)[0], 2 * first(c)[1] + 1)
        self.zeros = [Votes(lambda c, n=n: n.expected(c), 3) for n in self.digits]  # of the second quantiser
        self.zero_mixers = [Mixer(), Mixer()]
        self.flag_mixer, self.length_mixers = Mixer(), [Mixer() for _ in range(16)]
        self.digit_mixers = [[Mixer(), Mixer()] for _ in range(6)]
        self.escape = [Integer(), Integer()]
        is_zero, is_predicted = Model(), Model()
        step = bits(self.d, 16, None)
        self.o, self.f = step >> 8, step & 255
        self.components = []
        nothing = {}
        self.before, self.before_that = nothing, nothing
        self.trace = [64 * [0] for _ in used]
        for self.k in range(n_components):
            self.here = {}
            if self.experts:
                self.experts.begin_component()
            if not is_zero.code(self.d, None):
                predicted = is_predicted.code(self.d, None)
                for self.b in range(across * down):
                    if used[self.b]:
                        if self.experts:
                            self.experts.begin_block(self.b)
                        self.here[self.b] = self.block(predicted)
                        if self.experts:
                            self.experts.end_block(self.b, self.here[self.b])
            self.components.append(self.here)
            self.before_that, self.before = self.before, self.here
            for b, trace in enumerate(self.trace):
                a = self.here.get(b, NONE).a
                self.trace[b] = [16 * x if self.k == 0 else h - (h >> 2) + 4 * x for h, x in zip(trace, a)]
        self.r = [bits(self.d, 8, None) for _ in range(12 if two else 6)]
        self.r = [r - 256 if r > 127 else r for r in self.r]
        self.d.end()

    def at(self, plane, x, y):
        x, y = self.b % self.across + x, self.b // self.across + y
        return plane.get(y * self.across + x, NONE) if 0 <= x < self.across and 0 <= y < self.down else NONE

    def block(self, predicted):
        block = Block()
        left, up, upleft, upright = (self.at(self.here, *p) for p in ((-1, 0), (0, -1), (-1, -1), (1, -1)))
        P, Pleft, Pup, Pright, Pdown = (self.at(self.before, *p) for p in ((0, 0), (-1, 0), (0, -1), (1, 0), (0, 1)))
        PP = self.at(self.before_that, 0, 0)
        mean, k = 0, self.k
        if predicted:
            sides = [s.levels[0] for s in (left, up) if s is not NONE]
            mean = sides[0] if len(sides) == 1 else int(sum(sides) / 2)
        block.levels[0] = mean
        around = 2 * (left.sum + up.sum) + upleft.sum + upright.sum
        beside = Pright.sum + Pdown.sum + Pleft.sum + Pup.sum
        c = [16 * half(around, 15) + half(2 * P.sum, 15),
             sum(2**i for i, b in enumerate((left, up, P, PP, Pright, Pdown, upright, upleft)) if b.sum),
             quarter(around + 2 * P.sum + PP.sum + beside // 2, 40), min(k, 255), 16 * half(beside, 15) + half(P.sum + PP.sum, 15),
             16 * half(around, 15) + half(beside + P.sum, 15), 256 + min(self.b // self.across, 255)]
        if not self.flag_mixer.code(self.d, [votes.at(i) for votes, i in zip(self.flags, c)]):
            return block
        c = [min((left.extent + up.extent + 2 * P.extent + 2) // 4, 15), min((left.extent + up.extent + 1) // 2, 15), min(P.extent, 15),
             min(k, 15), min((Pright.extent + Pdown.extent + Pleft.extent + Pup.extent + 2) // 4, 15), half(P.sum, 15), min(PP.extent, 15)]
        known = 1
        for _ in range(4):
            known = 2 * known + self.length_mixers[known].code(self.d, [votes.at(i, known) for votes, i in zip(self.lengths, c)])
        block.extent = min(known - 15, 15)
        state = 0
        for n, (u, w) in enumerate((u, w) for u, w in SCAN if u + w < block.extent):
            place = 8 * u + w

            def a(u, w, of=block.a):
                return of[8 * u + w] if 0 <= u < 8 and 0 <= w < 8 else 0
            h = self.trace[self.b]
            inner = 2 * (a(u - 1, w) + a(u, w - 1)) + a(u - 1, w - 1) + a(u - 1, w + 1) + (a(u - 2, w) + a(u, w - 2) + 1) // 2
            around = 2 * (left.a[place] + up.a[place]) + upleft.a[place] + upright.a[place]
            before = 2 * P.a[place] + (h[place] >> 4) + (Pright.a[place] + Pdown.a[place] + 1) // 2 + \
                (a(u - 1, w, P.a) + a(u, w - 1, P.a) + a(u, w + 1, P.a) + a(u + 1, w, P.a) + 1) // 2
            history = (2 * h[place] + a(u - 1, w, h) + a(u, w - 1, h) + a(u, w + 1, h) + a(u + 1, w, h)) // 4
            so_far = 8 * sum(block.a) // n if n else 0
            every, band, q = inner + around + before, BAND[u + w], state % 2
            c = [6 * quarter(every, 47) + band, 16 * half(inner, 15) + half(before, 15), 16 * half(around, 15) + half(inner + before, 15),
                 10 * place + half(around + before, 9), 6 * quarter(history, 47) + band, 16 * half(so_far, 15) + half(P.sum, 15),
                 8 * quarter(around + 2 * so_far, 40) + min(inner, 7)]
            m, experts = 0, self.experts
            if experts and place:
                experts.expect(self.b, place)
            elif experts:
                experts.predicted = 3 * [0]
            if self.network:
                traces = dict(enumerate(self.trace))
                odds = experts.odds(experts.features(
                    self.b, place, block, so_far, predicted, q, [lambda x, y, of=of: self.at(of, x, y) for of in (self.here, self.before, self.before_that)],
                    lambda x, y: experts.beside(traces, self.b, x, y, 64 * [0])))

            def digit(t):
                second = q == 1 and t == 0
                votes = [v.at(i, t) for v, i in zip(self.zeros if second else self.digits, c)]
                if self.network:
                    return experts.digit(self.d, votes, odds, t, second, band, quarter(every, 47))
                return (self.zero_mixers if second else self.digit_mixers[t])[band > 0].code(self.d, votes)
            while m < 15 and digit(STEP[m]):
                m += 1
            if m == 15:
                m += self.escape[band > 0].code(self.d, None, False)
            level = m
            if m:
                if experts.sign(self.d, place, m) if experts else bits(self.d, 1, None):
                    level = -m
                block.levels[place] += level
                if not (predicted and place == 0):
                    block.kinds[place] = (0 if every < 6 * (1 + self.two) else 2 if every < 16 * (1 + self.two) else 4) + (m > 1) + 6 * q
            size = 2 * m - q if self.two and m else m
            if experts and place:
                experts.learn(self.b, place, -size if level < 0 else size)
            block.a[place] = min(size, 255)
            if self.two:
                state = AFTER[state][m % 2]
        block.sum = sum(block.a)
        return block


def pixels(slice, block, unit):
    values = []
    for level, kind in zip(block.levels, block.kinds):
        r = 0 if kind is None else slice.r[kind] + 128 * (kind > 5)
        m = ((256 * abs(level) - r) * (256 + slice.f) + 2**(15 + slice.o - unit)) >> (16 + slice.o - unit) if level else 0
        values.append(min(m, 2**31 - 1) * (-1 if level < 0 else 1))
    t = [[saturated((sum(C[u][y] * values[8 * u + w] for u in range(8)) + 2**14) >> 15) for w in range(8)] for y in range(8)]
    return [[saturated((sum(C[w][x] * t[y][w] for w in range(8)) + 2**14) >> 15) for x in range(8)] for y in range(8)]


def turn(a, b):  # pixels from the edge away
    d = [x - y for x, y in zip(a, b)]
    e = [(sum(Q[j][i] * d[j] for j in range(4)) + 2**15) >> 16 for i in range(4)]
    return [saturated(x + y) for x, y in zip(a, e)], [saturated(x - y) for x, y in zip(b, e)]


def decode(n_volumes, nx, ny, mask, basis, stream, network=None, restoration=None, two=0):
    m, vectors = decode_basis(basis, n_volumes)
    across, down = -(-nx // 8), -(-ny // 8)
    inside = [i for i in range(nx * ny) if mask[i]]
    used = [0] * (across * down)  # points
    for i in inside:
        used[i // nx // 8 * across + i % nx // 8] += 1
    slice = SliceDecoder(stream, across, down, used, len(vectors), network, two)
    unit = max(slice.o + 6, 10)
    planes = []
    for component in slice.components:
        p = [[0] * (8 * across) for _ in range(8 * down)]
        for b, block in component.items():
            for y, row in enumerate(pixels(slice, block, unit)):
                p[b // across * 8 + y][b % across * 8:b % across * 8 + 8] = row
        for b in range(across * down):
            if b >= across and used[b] and used[b - across]:
                y = b // across * 8
                for x in range(b % across * 8, b % across * 8 + 8):
                    first, second = turn([p[y - 1 - i][x] for i in range(4)], [p[y + i][x] for i in range(4)])
                    for i in range(4):
                        p[y - 1 - i][x], p[y + i][x] = first[i], second[i]
        for b in range(across * down):
            if b % across and used[b] and used[b - 1]:
                x = b % across * 8
                for y in range(b // across * 8, b // across * 8 + 8):
                    first, second = turn([p[y][x - 1 - i] for i in range(4)], [p[y][x + i] for i in range(4)])
                    for i in range(4):
                        p[y][x - 1 - i], p[y][x + i] = first[i], second[i]
        planes.append(p)
    if restoration:
        restore(restoration, planes, [(i % nx, i // nx) for i in inside], m, vectors, slice.o, slice.f, unit)
    targets, shift = [], unit - 10
    for i in inside:
        own = [p[i // nx][i % nx] for p in planes]
        for v in range(n_volumes):
            s = sum(row[v] * x for row, x in zip(vectors, own))
            y = (s + 2**(shift - 1) >> shift if shift else s) + 2**16 * m[v]
            targets.append(max(0, min(2**24, y)) / 2**24)
    return targets


def ordered(bits, width):  # of floats as integers that ascend with them, back to the bits of IEEE 754
    bits %= 2**width
    return bits ^ (2**(width - 1) - 1) if bits >> (width - 1) else bits


def decode_scaling(stream, n_volumes):
    d, models, last, ranges = Decoder(stream), [Integer(), Integer()], [0, 0], []
    form = bits(d, 2, None)
    for _ in range(n_volumes):
        last = [(old + model.code(d, None, True)) % 2**64 for old, model in zip(last, models)]
        if form == 0:
            ranges.append([float(i - 2**64 if i >> 63 else i) for i in last])
        elif form == 1:
            ranges.append([struct.unpack('<f', ordered(i, 32).to_bytes(4, 'little'))[0] for i in last])
        else:
            ranges.append([struct.unpack('<d', ordered(i, 64).to_bytes(8, 'little'))[0] for i in last])
    d.end()
    return ranges


def main(*paths):
    for path in paths:
        content = open(path, 'rb').read()
        line, rest = content.split(b'\n', 1)
        n_volumes, nx, ny, n_basis, n_slice, n_network, two, n_restoration, *_ = list(map(int, line.split())) + [0, 0, 0]
        parts = []
        for n in (nx * ny, n_basis, n_slice, n_network, n_restoration):
            parts.append(rest[:n])
            rest = rest[n:]
        targets, expected = decode(n_volumes, nx, ny, *parts, two), rest
        if struct.pack('<%df' % len(targets), *targets) != expected:
            sys.exit('%s: other values' % path)


if __name__ == '__main__':
    main(*sys.argv[1:])
