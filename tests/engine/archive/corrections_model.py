"""A decoder of corrections, slow and plain, from docs/range-coder.md chapter 5 alone.
    corrections_model.py FILE...     cases as unit_corrections writes them: applied to the decoded values they must give the corrected ones
"""
import os
import struct
import sys

for room in 'coding', 'transform':
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', room))
from mixer_model import Mixer  # noqa: E402
from range_coder_model import Decoder, Integer, Model, bits  # noqa: E402

FORMS = {2: 'B', 4: 'h', 8: 'i', 16: 'f', 64: 'd', 256: 'b', 512: 'H', 768: 'I', 1024: 'q', 1280: 'Q'}


def half(n):
    t = max(n.bit_length() - 2, 0)
    return min(2 * t + (n >> t), 15)


def decode(stream, nx, ny, nz, n_volumes, mask, n_bits, is_float):
    """Yields volume, voxel, exact, negative, n."""
    d, votes, mixers, any_, exact, large = Decoder(stream), {}, {}, Model(), Model(), Integer()
    signs, rate, here, before, that, trace = [Model() for _ in range(81)], 0, {}, {}, {}, {}
    for volume in range(n_volumes):
        if any_.code(d, None):
            for voxel in range(nx * ny * nz):
                if not mask[voxel]:
                    continue
                x, y, z = voxel % nx, voxel // nx % ny, voxel // nx // ny

                def at(values, right, down, up=0):
                    inside = 0 <= x + right < nx and 0 <= y + down < ny and 0 <= z - up
                    return values.get(((z - up) * ny + y + down) * nx + x + right, 0) if inside else 0
                signed = [at(here, -1, 0), at(here, 0, -1), at(here, -1, -1), at(here, 1, -1), at(before, 0, 0), at(that, 0, 0),
                          at(before, 1, 0), at(before, 0, 1), at(before, -1, 0), at(before, 0, -1)]
                left, up, upleft, upright, P, PP, right, down, Pleft, Pup = map(abs, signed)
                sides = left + up
                near, past = 2 * sides + upleft + upright, 2 * P + Pleft + right + Pup + down
                below, history, often = abs(at(here, 0, 0, 1)), trace.get(voxel, 0), rate >> 12
                pattern = sum(2**i for i, v in enumerate(signed[:8]) if v)
                classes = [often, 16 * half(near) + half(past), pattern, 16 * half(sides) + often, 16 * half(history) + half(below),
                           16 * half(past) + half(2 * PP + history // 4), 16 * half(near + past + 2 * below) + half(history)]
                n, of = 0, (near > 0) + 2 * (past > 0)
                while n < 16:
                    step = min(n, 7)
                    mixer = mixers.setdefault((of, step), Mixer())
                    if not mixer.code(d, [votes.setdefault((i, c, step), [2**21, 0]) for i, c in enumerate(classes)]):
                        break
                    n += 1
                if n == 16:
                    n += large.code(d, None, False)
                rate = rate + (65535 - rate >> 5) if n else rate - (rate >> 5)
                if n == 1 and is_float and exact.code(d, None):
                    here[voxel] = 1
                    yield volume, voxel, True, False, bits(d, n_bits, None)
                elif n:
                    s = [0 if v == 0 else 1 if v < 0 else 2 for v in (signed[0], signed[1], signed[4], signed[5])]
                    negative = signs[27 * s[0] + 9 * s[1] + 3 * s[2] + s[3]].code(d, None)
                    here[voxel] = min(n, 100) * (-1 if negative else 1)
                    yield volume, voxel, False, negative, n
        for voxel in range(nx * ny * nz):
            h = trace.get(voxel, 0)
            trace[voxel] = h - (h >> 2) + 4 * abs(here.get(voxel, 0))
        here, before, that = {}, here, before
    d.end()


def corrected(value, n, negative, bound, kind):
    """`kind`: numpy's, or struct's letter."""
    letter = getattr(kind, 'char', kind)
    if letter in 'fd':
        way = float(n) * (2 * bound)
        return value - way if negative else value + way
    size = struct.calcsize('<' + letter) if not hasattr(kind, 'itemsize') else kind.itemsize
    way = n * (2 * int(min(bound, 2**62)) + 1)
    least = -2**(8 * size - 1) if letter.islower() else 0
    return max(least, min(least + 2**(8 * size) - 1, value - way if negative else value + way))


def main(paths):
    for path in paths:
        content = open(path, 'rb').read()
        line, rest = content.split(b'\n', 1)
        nx, ny, nz, n_volumes, datatype, n_stream = map(int, line.split()[:6])
        bound, form = float.fromhex(line.split()[6].decode()), '<' + FORMS[datatype]
        size, n_voxels = struct.calcsize(form), nx * ny * nz
        mask, stream, rest = rest[:n_voxels], rest[n_voxels:n_voxels + n_stream], rest[n_voxels + n_stream:]
        values, expected = bytearray(rest[:len(rest) // 2]), rest[len(rest) // 2:]
        assert len(values) == n_voxels * n_volumes * size
        for volume, voxel, exact, negative, n in decode(stream, nx, ny, nz, n_volumes, mask, 8 * size, form[1] in 'fd') if n_stream else ():
            place = (volume * n_voxels + voxel) * size
            value, = struct.unpack_from(form, values, place)
            if exact:
                values[place:place + size] = n.to_bytes(size, 'little')
            else:
                struct.pack_into(form, values, place, corrected(value, n, negative, bound, form[1]))
        if values != expected:
            sys.exit('%s: other values' % path)


if __name__ == '__main__':
    main(sys.argv[1:])
