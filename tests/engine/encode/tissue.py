"""A series of edges and noise that networks of transform archives learn from, int16.
    tissue.py OUT NX NY NZ VOLUMES NOISE RADIUS_X RADIUS_Y STRIPES_Y STRIPES_X
"""
import struct
import sys

import numpy as np

nx, ny, nz, n_volumes = map(int, sys.argv[2:6])
noise, radius_x, radius_y, stripes_y, stripes_x = map(float, sys.argv[6:])
draw = np.random.default_rng(7)
z, y, x = np.mgrid[:nz, :ny, :nx]
inside = ((x - nx // 2) / radius_x) ** 2 + ((y - ny // 2) / radius_y) ** 2 < 1
tissue = (np.sin(.35 * x + .2 * z) * np.cos(.3 * y) > 0) * 1. + (np.sin(stripes_y * y - stripes_x * x) > .3)
volumes = [inside * (300 + 400 * tissue * np.exp(-.3 * (v % 4) * tissue)) + draw.normal(0, noise, x.shape) * (.3 + inside) for v in range(n_volumes)]
header = bytearray(352)
header[0:4] = struct.pack('<i', 348)
header[40:56] = struct.pack('<8h', 4, nx, ny, nz, n_volumes, 1, 1, 1)
header[70:74] = struct.pack('<2h', 4, 16)
header[76:108] = struct.pack('<8f', *[1] * 8)
header[108:120] = struct.pack('<3f', 352, 1, 0)
header[344:348] = b'n+1\0'
with open(sys.argv[1], 'wb') as file:
    file.write(bytes(header) + np.clip(volumes, 0, 4095).round().astype('<i2').tobytes())
