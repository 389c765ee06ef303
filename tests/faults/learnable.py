"""A small series that a context network codes in fewer bytes than counts do, itself included: every volume is the same values,
folded where no line can follow. Compressing it with --lossless --effort 4 stores a network."""
import random, struct


def write(path, n=32, n_volumes=32):
    """int16, n x n x 1 voxels, as NIfTI-1."""
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 4, n, n, 1, n_volumes, 1, 1, 1)
    struct.pack_into("<2h", header, 70, 4, 16)
    struct.pack_into("<8f", header, 76, 1, 1, 1, 1, 1, 1, 1, 1)
    struct.pack_into("<3f", header, 108, 352, 1, 0)
    header[344:348] = b"n+1\0"
    chance = random.Random(1)
    first = [chance.randrange(20, 300) for _ in range(n * n)]
    values = [3 * a for a in first]
    for t in range(1, n_volumes):
        values += [2 * a if (a + 37 * t) % 90 < 45 else 1000 - a for a in first]
    with open(path, "wb") as file:
        file.write(header + struct.pack(f"<{len(values)}h", *values))
