"""Changes one bit of a section of an archive, and puts all checksums right.
    drift.py ARCHIVE KIND OUT
"""
import struct
import sys


def crc64(data, table=[]):
    if not table:
        for byte in range(256):
            for _ in range(8):
                byte = byte >> 1 ^ (0xC96C5795D7870F42 if byte & 1 else 0)
            table.append(byte)
    crc = 2**64 - 1
    for byte in data:
        crc = table[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 2**64 - 1


archive, wanted, out = sys.argv[1:]
data = bytearray(open(archive, 'rb').read())
table, n_sections = struct.unpack('<QQ', data[-56:-40])
for i in range(n_sections):
    at = table + 40 * i
    kind, flags, offset, n = struct.unpack('<IIQQ', data[at:at + 24])
    if kind == int(wanted):
        data[offset + n // 2] ^= 16
        data[at + 32:at + 40] = struct.pack('<Q', crc64(data[offset:offset + n]))
        data[-32:-24] = struct.pack('<Q', crc64(data[table:table + 40 * n_sections]))
        data[-16:-8] = struct.pack('<Q', crc64(data[:24] + data[-56:-16]))
        open(out, 'wb').write(data)
