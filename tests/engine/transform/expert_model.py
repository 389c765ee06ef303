"""Levels with a context network a second time, slow and plain, from docs/context-transform.md alone."""
import os
import sys

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', room) for room in ('coding', 'predictive', 'context')]
from context_model import clip, evaluate_sums, read_network  # noqa: E402
from predictive_model import STRETCH, squash  # noqa: E402
from range_coder_model import bits  # noqa: E402

LOG = []
for bound in range(1, 128):
    while (1 + len(LOG))**32 < 2**(2 * bound - 1):
        LOG.append(bound - 1)


def log(n):
    return LOG[n] if n < len(LOG) else 127


def quotient(a, b):
    return a // b if a >= 0 else -(-a // b)


def see(vote, bit):
    r = 131072 // (2 * vote[1] + 3)
    vote[0] += ((2**22 - 1 - vote[0]) * r >> 16) if bit else -(vote[0] * r >> 16)
    vote[1] = min(vote[1] + 1, 255)


class Mixer:
    def __init__(self, weights):
        self.w, self.n = list(weights), 0

    def mix(self, inputs):
        return clip(sum(w * i for w, i in zip(self.w, inputs)) >> 16, 2047)

    def learn(self, inputs, error, j):
        j += 0 if self.n < 64 else 1 if self.n < 512 else 2
        self.n += 1
        self.w = [clip(w + ((i * error + 2**(j - 1)) >> j), 2**20) for w, i in zip(self.w, inputs)]


NOTHING = 64 * [0]


class Experts:
    def __init__(self, section, across, down, points):
        self.layers = read_network(section, 51, 6) if section else None  # without: signs alone
        self.across, self.down, self.points = across, down, points
        self.mixers, self.sign_mixers = {}, {}
        self.sign_votes = {}
        self.components = []  # {block: levels without place 0} of each
        self.sums, self.n = NOTHING, 0

    def begin_component(self):
        self.before = [64 * a // self.n if self.n else 0 for a in self.sums]
        self.fading = [4 * b for b in self.before]
        self.sums, self.n = list(NOTHING), 0
        self.levels, self.ends = {}, {}
        self.components.append(self.levels)
        self.weights = {'slow': 16 * [0], 'wide': 22 * [0], 'near': 16 * [0]}

    def beside(self, table, b, dx, dy, none):
        x, y = b % self.across + dx, b // self.across + dy
        return table.get(y * self.across + x, none) if 0 <= x < self.across and 0 <= y < self.down else none

    def begin_block(self, b):
        self.n += 1
        self.weights['near'] = [(i + j) >> 1 for i, j in zip(self.beside(self.ends, b, -1, 0, 16 * [0]), self.beside(self.ends, b, 0, -1, 16 * [0]))]

    def end_block(self, b, block):
        self.ends[b] = self.weights['near']
        if block.extent:
            self.sums = [s + a for s, a in zip(self.sums, block.a)]
            self.fading = [f + ((256 * a - f) >> 4) for f, a in zip(self.fading, block.a)]

    def expect(self, b, place):
        k, u, w = len(self.components) - 1, place // 8, place % 8
        own = self.levels.setdefault(b, list(NOTHING))

        def at(component, dx, dy):
            return self.beside(self.components[component], b, dx, dy, NOTHING)[place] if component >= 0 else 0
        self.inputs = [at(k - 1 - j, 0, 0) for j in range(16)] + [at(k, -1, 0), at(k, 0, -1), own[place - 16] if u >= 2 else 0, own[place - 2] if w >= 2 else 0,
                                                                  at(k - 1, -1, 0), at(k - 1, 0, -1)]
        self.predicted = [clip(sum(w * i for w, i in zip(self.weights[p], self.inputs)) >> 8, 2**19) for p in self.weights]

    def learn(self, b, place, level):
        v = self.levels[b][place] = clip(level, 511)
        for (name, weights), rate, predicted in zip(self.weights.items(), (5, 13, 51), self.predicted):
            inputs = self.inputs[:len(weights)]
            energy = 2 + sum(i * i for i in inputs)
            if energy > 2:
                g = quotient(16 * rate * (256 * v - predicted), energy)
                self.weights[name] = [clip(w + ((g * i + 8) >> 4), 2**18) for w, i in zip(weights, inputs)]

    def sign(self, decoder, place, a):
        if place == 0:
            return bits(decoder, 1, None)
        s, inputs, votes = min(a, 3), [], []
        for p, predicted in enumerate(self.predicted):
            n = abs(predicted) >> 4
            t = max(n.bit_length() - 2, 0)
            votes.append(self.sign_votes.setdefault((p, min(2 * t + (n >> t), 15), s), [2**21, 0]))
            x = STRETCH[votes[-1][0] >> 10]
            inputs += [x if predicted < 0 else -x, clip(-predicted * min(a, 64), 1024)]
        mixer = self.sign_mixers.setdefault(s, Mixer(6 * [16384]))
        p = squash(mixer.mix(inputs))
        negative = decoder.bit(p, None)
        mixer.learn(inputs, 65535 * negative - p, 13)
        for vote, predicted in zip(votes, self.predicted):
            see(vote, negative == (predicted < 0))
        return negative

    def features(self, b, place, block, so_far, predicted, quantiser, planes, trace):
        """`planes`: blocks of this component, the one before and the one before that, as (dx, dy) -> block."""
        here, before, before_that = planes
        u, w, k = place // 8, place % 8, len(self.components) - 1
        x, y = b % self.across, b // self.across

        def a(magnitudes, u, w):
            return magnitudes[8 * u + w] if 0 <= u < 8 and 0 <= w < 8 else 0
        four = ((u - 1, w), (u + 1, w), (u, w + 1), (u, w - 1))
        left, up, P, PP = here(-1, 0), here(0, -1), before(0, 0), before_that(0, 0)
        f = [log(a(block.a, u + du, w + dw)) for du, dw in ((-1, 0), (0, -1), (-1, -1), (-1, 1), (-2, 0), (0, -2), (-2, 1), (1, -2), (-2, 2))]
        f += [log(block.a[0]), log(so_far)]
        f += [log(here(*p).a[place]) for p in ((-1, 0), (0, -1), (-1, -1), (1, -1), (-2, 0), (0, -2))]
        f += [log(sum(a(left.a, *p) + a(up.a, *p) for p in four)), log(P.a[place]), log(PP.a[place]), log(trace(0, 0)[place])]
        f += [log(before(*p).a[place]) for p in ((1, 0), (0, 1), (-1, 0), (0, -1))]
        f += [log(2 * sum(a(P.a, *p) for p in four)), log(sum(a(trace(0, 0), *p) for p in four) // 4)]
        f += [log((trace(1, 0)[place] + trace(0, 1)[place]) // 2)]
        f += [log(n) for n in (left.sum, up.sum, P.sum, PP.sum, before(1, 0).sum + before(0, 1).sum)]
        f += [8 * (block.extent - u - w)] + [8 * e for e in (block.extent, left.extent, up.extent, P.extent)]
        f += [16 * u, 16 * w, 64 * (place == 0) - 64 * quantiser, 64 * (place == 0 and bool(predicted)), log(k)]
        f += [254 * x // self.across - 127, 254 * y // self.down - 127, min(self.points[b], 127)]
        f += [log(self.fading[place]), log(self.before[place])] + [log(abs(p) >> 4) if place else 0 for p in self.predicted]
        assert len(f) == 51
        return f

    def odds(self, features):
        return [clip(z, 2047) for z in evaluate_sums(self.layers, features)]

    def digit(self, decoder, votes, odds, t, second, band, class_of_all):
        inputs = [STRETCH[p >> 10] for p, _ in votes] + [odds[t], 256]
        mixers = [self.mixers.setdefault((name, c, t, second), Mixer(7 * [0] + [65536, 0])) for name, c in (('band', band), ('all', class_of_all))]
        xs = [m.mix(inputs) for m in mixers]
        bit = decoder.bit(squash(quotient(sum(xs), 2)), None)
        for m, x in zip(mixers, xs):
            m.learn(inputs, 65535 * bit - squash(x), 15)
        for vote in votes:
            see(vote, bit)
        return bit
