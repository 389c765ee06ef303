"""A decoder of coded records, slow and plain, from docs/archive-format.md and docs/range-coder.md alone.
    coded_record_model.py LZMA.siren CODED.siren     the records of both must be the same, once unpacked
"""
import lzma
import os
import struct
import sys

for room in 'coding', 'transform':
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', room))
from mixer_model import Mixer  # noqa: E402
from range_coder_model import Decoder, Integer, Model, bits  # noqa: E402

SIZES = {2: 1, 4: 2, 8: 4, 16: 4, 64: 8, 256: 1, 512: 2, 768: 4, 1024: 8, 1280: 8}


class Archive:
    def __init__(self, path):
        self.file = open(path, 'rb').read()
        assert self.file[:8] == b'\x89SIR\r\n\x1a\n' and self.file[-8:] == b'SIRENEND'
        self.features = struct.unpack_from('<I', self.file, 12)[0]
        table, n_sections, n_records = struct.unpack_from('<QQQ', self.file, len(self.file) - 56)
        self.sections = {}
        for i in range(n_sections):
            kind, flags, at, stored = struct.unpack_from('<IIQQ', self.file, table + 40 * i)
            self.sections[kind] = lzma.decompress(self.file[at:at + stored]) if flags else self.file[at:at + stored]
        self.records = []
        for i in range(n_records):
            _, flags, at, stored, unpacked = struct.unpack_from('<IIQQQ', self.file, table + 40 * n_sections + 56 * i)
            self.records.append((flags, self.file[at:at + stored], unpacked))
        self.datatype, = struct.unpack_from('<I', self.sections[2], 4)
        self.n_volumes, = struct.unpack_from('<Q', self.sections[2], 40)
        n_inputs, n_layers = struct.unpack_from('<II', self.sections[3])
        widths = [struct.unpack_from('<I', self.sections[3], 8 + 16 * i)[0] for i in range(n_layers)]
        self.layers = list(zip([n_inputs] + widths, widths))  # in, out
        coding, b = struct.unpack('<II', self.sections[4])
        self.bits = b if coding == 2 else None

    def record(self, i):
        flags, stored, n = self.records[i]
        if flags == 2:
            assert self.features == 1
            record = decode(self.layers, self.bits, SIZES[self.datatype], self.n_volumes, stored)
        else:
            assert flags == 0
            record = lzma.decompress(stored)
        assert len(record) == n
        return record


def tree(d, models):
    node = 1
    while node < len(models):
        node = 2 * node + models[node].code(d, None)
    return node - len(models)


def scaling(d, n_volumes):
    way, models, last, out = bits(d, 2, None), [Integer(), Integer()], [0, 0], b''
    for _ in range(n_volumes):
        for i in range(2):
            last[i] = (last[i] + models[i].code(d, None, True)) % 2**64
            key = last[i] - 2**64 if last[i] >= 2**63 else last[i]
            if way == 0:
                out += struct.pack('<d', key)
            else:
                width, form, number = ((32, '<i', '<f'), (64, '<q', '<d'))[way - 1]
                turned = key ^ (2**(width - 1) - 1) if key < 0 else key
                out += struct.pack('<d', struct.unpack(number, struct.pack(form, turned))[0])
    return out


class Values:
    """Models of the values of a group, and the way of coding them."""

    def __init__(self, d, float32):
        self.d, self.float32, self.votes, self.mixers = d, float32, {}, {}

    def bit(self, classes, node):
        mixer = self.mixers.setdefault(node, Mixer(2400))
        return mixer.code(self.d, [self.votes.setdefault((i, c, node), [2**21, 0]) for i, c in enumerate(classes)])

    def value(self, classes):  # negative, exponent, mantissa
        node = 1
        for _ in range(8 if self.float32 else 4):
            node = 2 * node + self.bit(classes, ('exponent', node))
        e = node - (256 if self.float32 else 16)
        n = 23 if self.float32 else max(e - 1, 0)
        known = min(n, 2)
        high = 1
        for _ in range(known):
            high = 2 * high + self.bit(classes, ('mantissa', e, high))
        mantissa = (high - 2**known) * 2**(n - known) + bits(self.d, n - known, None)
        negative = self.bit(classes, 'sign') if self.float32 or e else 0
        return negative, e, mantissa

    def matrix(self, layer, rows, columns):
        stored, signs, all_, of_columns = [], [], 0, columns * [0]
        for r in range(rows):
            of_row = 0
            for k in range(columns):
                n = r * columns + k
                mean = (all_ + 16) // (n + 1)
                row, column = (of_row + 6 * mean) // (k + 6), (of_columns[k] + 6 * mean) // (r + 6)
                classes = [layer, quarter(row), quarter(column), quarter(row * column // (mean + 1)), min(k, 127), min(r, 127),
                           3 * (signs[n - 1] if k else 0) + (signs[n - columns] if r else 0)]
                negative, e, mantissa = self.value(classes)
                if self.float32:
                    x = negative << 31 | e << 23 | mantissa
                    m = 0 if e < 103 else 2**28 if e > 130 else (mantissa + 2**23) * 16 >> (130 - e)
                else:
                    q = mantissa + (1 << e >> 1)
                    x, m = 2 * q - negative, 16 * q
                stored.append(x)
                signs.append(0 if x == 0 else 2 - negative)
                all_, of_row, of_columns[k] = all_ + m, of_row + m, of_columns[k] + m
        return stored


def quarter(n):
    t = max(n.bit_length() - 3, 0)
    return min(4 * t + (n >> t), 127)


def planes(values, width):
    return b''.join(bytes(v >> 8 * byte & 255 for v in values) for byte in range(width))


def parameters(d, layers, b):
    last = len(layers) - 1
    if b is None:
        values = []
        for i, (n_in, n_out) in enumerate(layers):
            if i in (0, 1, last):
                models = Values(d, True)
            values += models.matrix(i, n_out, n_in) + models.matrix(64 + i, 1, n_out)
        return planes(values, 4)
    steps = []
    for i, (_, n_out) in enumerate(layers):
        model, mean = Integer(), 0
        for j in range(n_out if i else 1):
            expected = mean + 8 >> 4
            steps.append((model.code(d, None, True) + expected) % 65536)
            mean += int((16 * steps[-1] - mean) / min(j + 1, 16))
        steps.append(bits(d, 16, None))
    fine, models = [], Values(d, False)
    for i, (n_in, n_out) in enumerate(layers):
        fine += models.matrix(0, n_out, n_in) if i == 0 else []
        fine += models.matrix(64 + i, 1, n_out)
    hidden, models = [], Values(d, False)
    for i in range(1, last):
        hidden += models.matrix(i, layers[i][1], layers[i][0])
    output = Values(d, False).matrix(last, layers[last][1], layers[last][0]) if last else []
    return planes(steps, 2) + planes(fine, 2) + planes(hidden, 1 if b <= 8 else 2) + planes(output, 1 if b < 8 else 2)


def decode(layers, b, size, n_volumes, stream):
    """The record of 7.7. `layers`: (in, out) of each; `b` bits of a weight, None: float32; `size` bytes of a voxel."""
    d, count, gap = Decoder(stream), Integer(), Integer()
    constant = bits(d, 1, None)
    n = count.code(d, None, False)
    record = struct.pack('<II', constant, n) + scaling(d, n_volumes)
    if not constant:
        record += parameters(d, layers, b)
    trees, at, positions, values = [[Model() for _ in range(256)] for _ in range(size)], 0, b'', b''
    for _ in range(n):
        at += gap.code(d, None, False)
        positions += struct.pack('<I', at)
        at += 1
        values += bytes(reversed([tree(d, trees[byte]) for byte in reversed(range(size))]))
    d.end()
    return record + positions + values


def main(first, second):
    a, b = Archive(first), Archive(second)
    coded = sum(flags == 2 for flags, _, _ in b.records)
    assert coded > 0, 'no record is coded'
    for i in range(len(a.records)):
        if a.record(i) != b.record(i):
            sys.exit('%s: record %d is another' % (second, i))


if __name__ == '__main__':
    main(*sys.argv[1:])
