"""Small series that a context network codes in fewer bytes than counts do, itself included."""
import math, random, struct


def _save(path, dims, values):
    """int16, as NIfTI-1."""
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 4, *dims, 1, 1, 1)
    struct.pack_into("<2h", header, 70, 4, 16)
    struct.pack_into("<8f", header, 76, 1, 1, 1, 1, 1, 1, 1, 1)
    struct.pack_into("<3f", header, 108, 352, 1, 0)
    header[344:348] = b"n+1\0"
    with open(path, "wb") as file:
        file.write(header + struct.pack(f"<{len(values)}h", *values))


def write(path, n=32, n_volumes=32):
    """n x n x 1 voxels: every volume is the same values, folded where no line can follow. Compressing it with --lossless --effort 4
    stores a network."""
    chance = random.Random(1)
    first = [chance.randrange(20, 300) for _ in range(n * n)]
    values = [3 * a for a in first]
    for t in range(1, n_volumes):
        values += [2 * a if (a + 37 * t) % 90 < 45 else 1000 - a for a in first]
    _save(path, (n, n, 1, n_volumes), values)


def write_tissue(path, nx=28, ny=28, nz=4, n_volumes=27):
    """Edges and noise. Compressing it with --model transform --psnr 60 --effort 6 stores a network."""
    chance = random.Random(7)
    values = []
    for v in range(n_volumes):
        for z, y, x in ((z, y, x) for z in range(nz) for y in range(ny) for x in range(nx)):
            inside = ((x - nx / 2) / (0.44 * nx)) ** 2 + ((y - ny / 2) / (0.45 * ny)) ** 2 < 1
            tissue = (math.sin(0.35 * x + 0.2 * z) * math.cos(0.3 * y) > 0) + (math.sin(0.9 * y - 0.4 * x) > 0.3)
            signal = inside * (300 + 400 * tissue * math.exp(-0.3 * (v % 4) * tissue))
            values.append(max(0, round(signal + chance.gauss(0, 12) * (0.3 + inside))))
    _save(path, (nx, ny, nz, n_volumes), values)
