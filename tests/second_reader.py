"""A second reader of whole archives, slow and plain, from docs/archive-format.md, numerics.md, predictive.md, transform.md and
range-coder.md alone.
    second_reader.py IN.siren OUT.nii     restores the image and what was attached to it, as `sirencl decompress` does
"""
import lzma
import os
import struct
import sys

import numpy as np

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(here, 'engine', room) for room in ('archive', 'coding', 'context', 'predictive', 'transform')]
import coded_record_model  # noqa: E402
import corrections_model  # noqa: E402
import context_model  # noqa: E402
import predictive_model  # noqa: E402
import transform_model  # noqa: E402

TYPES = {2: 'uint8', 4: 'int16', 8: 'int32', 16: 'float32', 64: 'float64', 256: 'int8', 512: 'uint16', 768: 'uint32', 1024: 'int64', 1280: 'uint64'}
OPTIONAL = 0x100
ALL = 2**64 - 1

CRC = []
for byte in range(256):
    for _ in range(8):
        byte = byte >> 1 ^ (0xC96C5795D7870F42 if byte & 1 else 0)
    CRC.append(byte)


def crc64(data, crc=ALL):
    for byte in data:
        crc = CRC[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ ALL


assert crc64(b'123456789') == 0x995DC9BBDF1939FA


# ---- the container: archive-format.md, chapters 2 to 4 ----

def body(data, offset, stored, unpacked, crc, packed):
    part = data[offset:offset + stored]
    assert len(part) == stored and crc64(part) == crc, 'a body is damaged'
    if packed:
        part = lzma.decompress(part, lzma.FORMAT_XZ)
    assert len(part) == unpacked, 'a body has another length'
    return part


def open_archive(data):
    prefix, trailer = data[:32], data[-56:]
    assert prefix[:8] == b'\x89SIR\r\n\x1a\n' and struct.unpack('<Q', prefix[24:])[0] == crc64(prefix[:24])
    version, features, length = struct.unpack('<IIQ', prefix[8:24])
    assert version == 1 and features in (0, 1) and length == len(data)
    table_at, n_sections, n_records, table_crc, index_crc, own, end = struct.unpack('<QQQQQQ8s', trailer)
    assert end == b'SIRENEND' and own == crc64(prefix[:24] + trailer[:40])
    index_at = table_at + 40 * n_sections
    table, index = data[table_at:index_at], data[index_at:-56]
    assert len(index) == 56 * n_records and crc64(table) == table_crc and crc64(index) == index_crc
    sections, records, places = {}, {}, []
    for kind, flags, offset, stored, unpacked, crc in struct.iter_unpack('<IIQQQQ', table):
        assert flags in (0, 1) and (kind & OPTIONAL or kind in (1, 2, 3, 4, 7, 8, 9, 12, 13, 17, 18, 19))
        sections.setdefault(kind, []).append(body(data, offset, stored, unpacked, crc, flags == 1))
        places.append((offset, stored))
    for number, flags, offset, stored, unpacked, crc, decoded, mse in struct.iter_unpack('<IIQQQQQd', index):
        assert flags in (0, 1) or flags == 2 and features == 1
        assert 0 <= mse < np.inf
        coded = flags == 2
        records[number] = (body(data, offset, stored, stored if coded else unpacked, crc, flags == 0), coded, unpacked, decoded)
        places.append((offset, stored))
    at = 32
    for offset, stored in sorted(places):
        assert offset == at, 'bodies do not tile the file'
        at += stored
    assert at == table_at and list(records) == sorted(records) and len(records) == n_records
    return sections, records


# ---- a network in exact arithmetic: numerics.md ----

def fma(a, b, c):
    """a b + c in float32, rounded once: the product is exact in double precision, and the sum is rounded to odd on the way."""
    p, c = a.astype('f8') * b, c.astype('f8')
    s = p + c
    t = s - p
    error = (p - (s - t)) + (c - t)
    bits = s.view('i8')
    even = (error != 0) & (bits & 1 == 0)
    bits[even] += np.where((error > 0) == (s > 0), 1, -1)[even]
    return s.astype('f4')


f4 = np.float32


def horner(x, *coefficients):
    p = np.full_like(x, f4(coefficients[0]))
    for c in coefficients[1:]:
        p = fma(x, p, np.full_like(x, f4(c)))
    return p


def sine(z, w0):
    u = z * (f4(w0) * f4(0.31830987))
    t = u + f4(12582912)
    r = u - (t - f4(12582912))
    y = horner(r * r, 0.07722225, -0.5980464, 2.5500317, -5.167707, 3.1415925) * r
    return (y.view('u4') ^ (t.view('u4') & 1) << 31).view('f4')


def tanh(z):
    t = np.minimum(np.abs(z), f4(10)) * f4(2 * f4(1.442695))
    q = t + f4(12582912)
    f = t - (q - f4(12582912))
    p = horner(f, 0.0001540353, 0.0013333558, 0.009618129, 0.05550411, 0.24022651, 0.6931472, 1)
    whole = (q - f4(12582912)).astype('i4')
    d = (p.view('i4') + (whole << 23)).view('f4') + f4(1)
    y = (0x7EF311C7 - d.view('i4')).astype('i4').view('f4')
    for _ in range(4):
        y = fma(y, fma(-d, y, np.ones_like(y)), y)
    return np.copysign(fma(np.full_like(y, f4(-2)), y, np.ones_like(y)), z)


def planes(stream, n, width):
    return np.frombuffer(stream.read(n * width), 'u1').reshape(width, n).T.copy().view(f'<u{width}')[:, 0]


def read_integers(stream, n, bits):
    coded = planes(stream, n, 1 if bits <= 8 else 2).astype('i8')
    return np.where(coded & 1, -(coded + 1 >> 1), coded >> 1)


class Stream:
    def __init__(self, data):
        self.data, self.at = data, 0

    def read(self, n):
        self.at += n
        assert self.at <= len(self.data), 'a record is too short'
        return self.data[self.at - n:self.at]


def read_parameters(stream, layers, coding, bits):
    """For each layer its weights (out, in) and biases (out)."""
    sizes = [(width, inputs) for inputs, width, *_ in layers]
    if coding == 1:
        flat = planes(stream, sum(o * i + o for o, i in sizes), 4).view('f4')
        made = []
        for o, i in sizes:
            made.append((flat[:o * i].reshape(o, i), flat[o * i:o * i + o]))
            flat = flat[o * i + o:]
        return made
    counts = [(1 if n == 0 else o, 1) for n, (o, i) in enumerate(sizes)]
    steps = list((planes(stream, sum(map(sum, counts)), 2).astype('u4') << 16).view('f4'))
    fine = read_integers(stream, sizes[0][0] * sizes[0][1] + sum(o for o, _ in sizes), 16)
    hidden = read_integers(stream, sum(o * i for o, i in sizes[1:-1]), bits)
    output = read_integers(stream, sizes[-1][0] * sizes[-1][1] if len(sizes) > 1 else 0, bits + 1)
    made = []
    for n, (o, i) in enumerate(sizes):
        rows, steps = np.array(steps[:counts[n][0]], 'f4'), steps[counts[n][0]:]
        if n == 0:
            weights, fine = fine[:o * i], fine[o * i:]
        elif n < len(sizes) - 1:
            weights, hidden = hidden[:o * i], hidden[o * i:]
        else:
            weights = output
        biases, fine = fine[:o], fine[o:]
        made.append((weights.reshape(o, i).astype('f4') * rows[:, None], biases.astype('f4') * steps.pop(0)))
    return made


def evaluate(layers, parameters, coordinates):
    h = coordinates
    for (_, _, activation, w0), (weights, biases) in zip(layers, parameters):
        z = np.broadcast_to(biases, (len(h), len(biases))).astype('f4')
        for k in range(h.shape[1]):
            z = fma(np.broadcast_to(h[:, k:k + 1], z.shape), weights[None, :, k], z)
        h = sine(z, w0) if activation == 1 else np.where(z > 0, z, f4(0)) if activation == 2 else tanh(z) if activation == 3 else np.where(z > 0, z, z * f4(.125)) if activation == 4 else z
    return h


# ---- blocks ----

def stored_values(y, ranges, datatype):
    """(volumes, points) of the series' type."""
    values = np.array([low + v.astype('f8') * (high - low) if high != low else np.full(len(v), low) for v, (low, high) in zip(y, ranges)])
    if datatype.kind == 'f':
        return values.astype(datatype)
    limits = np.iinfo(datatype)
    return np.array([[max(limits.min, min(limits.max, int(x))) for x in row] for row in np.rint(values)], datatype)


def put_exceptions(values, e, stream):
    places, n = np.frombuffer(stream.read(4 * e), '<u4'), values.dtype.itemsize
    values.reshape(-1)[places] = np.frombuffer(stream.read(e * n), values.dtype.newbyteorder('<'))
    return values


def volume_coordinates(section, n_volumes):
    """(volumes, axes) of an ACQUISITION section: chapter 7.17."""
    n_axes, n_names = struct.unpack('<II', section[:8])
    assert section[8:8 + n_names].count(b'\n') == n_axes
    values = np.frombuffer(section[8 + n_names:], '<f8').reshape(n_volumes, n_axes)
    low, high = values.min(0), values.max(0)
    return (2 * ((values - low) / (high - low)) - 1).astype('f4')


def network_block(record, inside, size, layers, weights, datatype, n_volumes, acquisition):
    stream = Stream(record)
    flags, e = struct.unpack('<II', stream.read(8))
    ranges = struct.iter_unpack('<dd', stream.read(16 * n_volumes))
    y = np.zeros((inside.sum(), n_volumes), 'f4')
    if not flags & 1:
        parameters = read_parameters(stream, layers, *weights)
        axes = [f4(2) * (np.arange(n, dtype='f4') / f4(max(n - 1, 1)) - f4(0.5)) * f4(n > 1) for n in size]
        z, row, x = np.nonzero(inside)
        n_space = layers[0][0] - (0 if acquisition is None else acquisition.shape[1])
        at = np.stack([axis[i] for axis, i in zip(axes, (x, row, z))][:n_space], 1)
        if acquisition is not None:
            at = np.hstack([np.repeat(at, n_volumes, 0), np.tile(acquisition, (len(at), 1))])
        y = evaluate(layers, parameters, at).reshape(-1, n_volumes)
    values = put_exceptions(stored_values(y.T, list(ranges), datatype), e, stream)
    assert stream.at == len(record)
    return values


def transform_block(record, inside, basis, datatype, n_volumes, network, restoration, two):
    stream = Stream(record)
    flags, e, length = struct.unpack('<III', stream.read(12))
    assert flags == 0
    ranges = transform_model.decode_scaling(stream.read(length), n_volumes)
    places = stream.read(e * (4 + datatype.itemsize))
    y = np.zeros((inside.sum(), n_volumes), 'f8')
    if stream.at < len(record):
        y = np.array(transform_model.decode(n_volumes, inside.shape[2], inside.shape[1], inside.ravel(), basis, record[stream.at:], network, restoration, two))
    return put_exceptions(stored_values(y.reshape(-1, n_volumes).T, ranges, datatype), e, Stream(places))


def predictive_block(record, inside, datatype, n_volumes, network):
    nz, ny, nx = inside.shape
    plan = datatype.name, nx, ny, nz, n_volumes, inside.ravel(), record
    block = context_model.Block(*plan, section=network) if network else predictive_model.Block(*plan)
    block.decode()
    raw = b''.join(block.voxels[(v, *place)] for v in range(n_volumes) for place in zip(*map(list, np.nonzero(inside))))
    return np.frombuffer(raw, datatype.newbyteorder('<')).reshape(n_volumes, -1).astype(datatype)


def correct(values, corrections, points, bound):
    """Changes the values (volumes, points) of a block by the stream: chapters 7.13, and 5 of range-coder.md."""
    where, kind = {voxel: nth for nth, voxel in enumerate(np.flatnonzero(points.ravel()))}, values.dtype
    nz, ny, nx = points.shape
    for volume, voxel, exact, negative, n in corrections_model.decode(corrections, nx, ny, nz, len(values), points.ravel(), 8 * kind.itemsize, kind.kind == 'f'):
        at = (volume, where[voxel])
        if exact:
            values[at] = np.frombuffer(n.to_bytes(kind.itemsize, sys.byteorder), kind)[0]
        else:
            values[at] = corrections_model.corrected(values[at].item(), n, negative, bound, kind)
    return values


def restore(data):
    """The image's bytes and the attachments of an archive of all slices."""
    sections, records = open_archive(data)
    header, geometry = sections[1][0], sections[2][0]
    kind, code, big, zero, nx, ny, nz, n_volumes, first, n_blocks = struct.unpack('<IIIIQQQQQQ', geometry[:64])
    z0, z1, sx, sy, sz = struct.unpack('<QQQQQ', geometry[64:]) if kind > 1 else (first, first + n_blocks, nx, ny, 1)
    assert zero == 0 and (z0, z1) == (0, nz), 'an archive of some slices'
    datatype = np.dtype(TYPES[code])
    inside, background = np.ones((nz, ny, nx), bool), bytes(8)
    if 7 in sections:
        mask = sections[7][0]
        background, bits = mask[8:16], np.unpackbits(np.frombuffer(mask[16:], 'u1'), bitorder='little')
        assert len(mask) == 16 + -(-nz * ny * nx // 8) and struct.unpack('<Q', mask[:8])[0] == bits.sum() and not bits[nz * ny * nx:].any()
        inside = bits[:nz * ny * nx].reshape(nz, ny, nx).astype(bool)
    coding, two = struct.unpack('<II', sections[8][0][:8]) if 8 in sections else (0, 0)
    if coding == 0:
        (inputs, n), network = struct.unpack('<II', sections[3][0][:8]), sections[3][0][8:]
        fields = list(struct.iter_unpack('<IIfI', network))
        layers = [(i, w, a, w0) for i, (w, a, w0, _) in zip([inputs] + [f[0] for f in fields], fields)]
        acquisition = volume_coordinates(sections[18][0], n_volumes) if 18 in sections else None
        assert len(fields) == n and layers[-1][1] == (n_volumes if acquisition is None else 1)
        assert inputs == (2 if kind == 1 else 3) + (0 if acquisition is None else acquisition.shape[1])
        weights = struct.unpack('<II', sections[4][0])
    bound = struct.unpack('<d', sections[12][0])[0] if 12 in sections else None
    voxels = np.full((n_volumes, nz, ny, nx), np.frombuffer(background[:datatype.itemsize], datatype.newbyteorder('<'))[0], datatype)
    boxes = [(x, y, z) for z in range(z0, z1, sz) for y in range(0, ny, sy) for x in range(0, nx, sx)]
    assert list(records) == list(range(first, first + len(boxes))) and len(boxes) == n_blocks
    for (x, y, z), (record, coded, unpacked, crc) in zip(boxes, records.values()):
        box = (slice(z, min(z + sz, z1)), slice(y, min(y + sy, ny)), slice(x, min(x + sx, nx)))
        points = inside[box]
        size = points.shape[::-1]
        corrections = b''
        if bound is not None:
            n = struct.unpack('<I', record[-4:])[0]
            record, corrections = record[:-4 - n], record[len(record) - 4 - n:-4]
        if coded:
            record = coded_record_model.decode([(i, w) for i, w, *_ in layers], weights[1] if weights[0] == 2 else None, datatype.itemsize, n_volumes, record)
            assert len(record) + (4 + n if bound is not None else 0) == unpacked
        if coding == 0:
            values = network_block(record, points, size, layers, weights, datatype, n_volumes, acquisition)
        elif coding == 1:
            values = predictive_block(record, points, datatype, n_volumes, sections.get(13, [None])[0])
        else:
            values = transform_block(record, points, sections[9][0], datatype, n_volumes, *(sections.get(kind, [None])[0] for kind in (17, 19)), two)
        if corrections:
            values = correct(values, corrections, points, bound)
        block = voxels[(slice(None), *box)]
        block[:, points] = values
        assert crc64(block.astype(datatype.newbyteorder('<')).tobytes()) == crc, 'other values than were recorded'
    attachments = {}
    for section in sections.get(0x105, []):
        n = struct.unpack('<I', section[:4])[0]
        attachments[section[4:4 + n].decode()] = section[4 + n:]
    return header + voxels.astype(datatype.newbyteorder('>' if big else '<')).tobytes(), attachments


def main(archive, image):
    content, attachments = restore(open(archive, 'rb').read())
    for path, bytes_ in [(image, content)] + [(image[:-len('.nii')] + suffix, b) for suffix, b in attachments.items()]:
        with open(path, 'wb') as file:
            file.write(bytes_)


if __name__ == '__main__':
    main(*sys.argv[1:])
