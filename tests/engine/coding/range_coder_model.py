"""The range coder a second time, slow and plain, from docs/range-coder.md alone.
    range_coder_model.py check STEPS BYTES     the bytes must give the steps, and the steps the bytes
    range_coder_model.py write SEED STEPS BYTES
"""
import random
import sys


class Encoder:
    """Keeps the number that the stream is as one big integer: carries need no thought."""

    def __init__(self):
        self.number, self.n_bytes, self.low, self.range = 0, 0, 0, 2**32 - 1

    def shift(self):
        self.number = self.number * 256 + self.low // 2**24
        self.n_bytes += 1
        self.low, self.range = self.low % 2**24 * 256, self.range * 256

    def bit(self, p, bit):
        bound = self.range * p // 65536
        if bit:
            self.range = bound
        else:
            self.low += bound
            self.range -= bound
            self.number, self.low = self.number + self.low // 2**32, self.low % 2**32
        while self.range < 2**24:
            self.shift()
        return bit

    def end(self):
        bits(self, 8, 165)
        self.low = -(-self.low // 2**24) * 2**24
        self.number, self.low = self.number + self.low // 2**32, self.low % 2**32
        self.shift()
        return self.number.to_bytes(self.n_bytes, 'big')


class Decoder:
    def __init__(self, stream):
        self.stream, self.at, self.code, self.range = stream, 0, 0, 2**32 - 1
        for _ in range(4):
            self.take()

    def take(self):
        self.code = (self.code * 256 + (self.stream[self.at] if self.at < len(self.stream) else 0)) % 2**32
        self.at += 1

    def bit(self, p, _):
        bound = self.range * p // 65536
        bit = int(self.code < bound)
        if bit:
            self.range = bound
        else:
            self.code, self.range = self.code - bound, self.range - bound
        while self.range < 2**24:
            self.range *= 256
            self.take()
        return bit

    def end(self):
        assert bits(self, 8, None) == 165, 'end mark'
        assert self.at == len(self.stream) + 3, 'length'


# Both ways at once: a coder's bit() is given the bit that an encoder writes, and returns the one that a decoder reads.
class Model:
    def __init__(self):
        self.estimates, self.seen = [32768, 32768], 0

    def code(self, coder, bit):
        bit = coder.bit(min(max((sum(self.estimates) + 1) // 2, 16), 65520), bit)
        for which, most in enumerate((30, 255)):
            x, rate = self.estimates[which], 131072 // (2 * min(self.seen, most) + 3)
            self.estimates[which] = x + (65535 - x) * rate // 65536 if bit else x - x * rate // 65536
        self.seen = min(self.seen + 1, 255)
        return bit


def bits(coder, n, value):
    read = 0
    for i in reversed(range(n)):
        read = 2 * read + coder.bit(32768, None if value is None else value >> i & 1)
    return read


class Integer:
    def __init__(self):
        self.nonzero, self.negative = Model(), Model()
        self.more, self.exponent, self.mantissa = ([Model() for _ in range(n)] for n in (14, 63, 64))

    def code(self, coder, value, signed):
        known = value is not None
        if not self.nonzero.code(coder, known and value != 0):
            return 0
        negative = signed and self.negative.code(coder, known and value < 0)
        magnitude = self.magnitude(coder, abs(value) if known else None)
        return -magnitude if negative else magnitude

    def magnitude(self, coder, m):
        known = m is not None
        for i in range(14):
            if not self.more[i].code(coder, known and m > i + 1):
                return i + 1
        n = m - 14 if known else None
        e = 0
        while e < 63 and self.exponent[e].code(coder, known and n.bit_length() - 1 > e):
            e += 1
        if e == 0:
            return 15
        second = self.mantissa[e].code(coder, known and n >> (e - 1) & 1)
        rest = bits(coder, e - 1, n % 2**(e - 1) if known else None)
        return ((2 + second) * 2**(e - 1) + rest + 14) % 2**64


def run(coder, steps, known):
    models, integers, values = [Model() for _ in range(4)], [Integer() for _ in range(4)], []
    for kind, which, value in steps:
        value = value if known else None
        if kind == 'b':
            values.append(coder.bit(which, value))
        elif kind == 'a':
            values.append(models[which].code(coder, value))
        elif kind == 'r':
            values.append(bits(coder, which, value))
        else:
            if known and kind == 'i' and value >= 2**63:
                value -= 2**64
            values.append(integers[which].code(coder, value, kind == 'i') % 2**64)
    return values, coder.end()


def random_steps(seed):
    draw = random.Random(seed)
    for _ in range(2000):
        kind, which = draw.choice('baimr'), draw.randrange(4)
        if kind == 'b':
            which = draw.choice((1, 65535, draw.randrange(1, 65536)))
            yield kind, which, int(draw.randrange(65536) < which)
        elif kind == 'a':
            yield kind, which, int(draw.random() < which / 4)
        elif kind == 'r':
            which = draw.randrange(65)
            yield kind, which, draw.getrandbits(which) if which else 0
        else:
            yield kind, which, draw.choice((draw.getrandbits(64), draw.randrange(4), draw.randrange(40), 2**64 - draw.randrange(1, 30)))


def main(what, *rest):
    if what == 'write':
        seed, steps_path, bytes_path = rest
        steps = list(random_steps(seed))
        with open(steps_path, 'w') as f:
            f.writelines(f'{k} {w} {v}\n' for k, w, v in steps)
        with open(bytes_path, 'wb') as f:
            f.write(run(Encoder(), steps, True)[1])
        return
    steps = [(k, int(w), int(v)) for k, w, v in (line.split() for line in open(rest[0]))]
    stream = open(rest[1], 'rb').read()
    values, _ = run(Decoder(stream), steps, False)
    assert values == [v for _, _, v in steps], 'decoded values differ'
    assert run(Encoder(), steps, True)[1] == stream, 'encoded bytes differ'


if __name__ == '__main__':
    main(*sys.argv[1:])
