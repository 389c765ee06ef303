"""Archives with another section, and all checksums right (docs/archive-format.md, chapter 2).

    forge.py drift ARCHIVE KIND OUT             one bit of the section of this kind changed
    forge.py graft ARCHIVE DONOR KIND OUT       the donor's section of this kind in place of the archive's own, or beside the others
    forge.py add ARCHIVE KIND OUT               a section of this kind, of some text, behind the others
    forge.py double ARCHIVE KIND OUT            a section of this kind twice
    forge.py drop ARCHIVE NTH OUT               without this record
"""
import struct, sys

PREFIX, SECTION, RECORD, TRAILER = 32, 40, 56, 56


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


def bodies(data):
    """(entry, bytes) of each section, and of each record."""
    at, n_sections, n_records = struct.unpack("<3Q", data[-TRAILER:][:24])
    found = [], []
    for kind, n, size in (0, n_sections, SECTION), (1, n_records, RECORD):
        for _ in range(n):
            offset, stored = struct.unpack("<2Q", data[at + 8:at + 24])
            found[kind].append((bytearray(data[at:at + size]), data[offset:offset + stored]))
            at += size
    return found


def kind_of(section):
    return struct.unpack("<I", section[0][:4])[0]


def together(data, sections, records):
    """The archive `data` with these in place of its own."""
    whole, entries = bytearray(data[:PREFIX]), [bytearray(), bytearray()]
    for which, parts in enumerate((sections, records)):
        for entry, body in parts:
            entry[8:24], entry[32:40] = struct.pack("<2Q", len(whole), len(body)), struct.pack("<Q", crc64(body))
            whole += body
            entries[which] += entry
    trailer = struct.pack("<5Q", len(whole), len(sections), len(records), *map(crc64, entries))
    whole += entries[0] + entries[1]
    whole[16:24] = struct.pack("<Q", len(whole) + TRAILER)
    whole[24:32] = struct.pack("<Q", crc64(whole[:24]))
    return whole + trailer + struct.pack("<Q", crc64(whole[:24] + trailer)) + b"SIRENEND"


def main(what, archive, *others):
    with open(archive, "rb") as file:
        data = file.read()
    kind, out = int(others[-2]), others[-1]
    sections, records = bodies(data)
    of_kind = [section for section in sections if kind_of(section) == kind]
    if what == "drop":
        del records[kind]
    elif what == "double":
        sections += [(bytearray(entry), body) for entry, body in of_kind]
    elif what == "add":
        text = b"added"
        sections.append((bytearray(struct.pack("<IIQQQQ", kind, 0, 0, 0, len(text), 0)), text))
    elif what == "drift":
        [(entry, body)] = of_kind
        changed = bytearray(body)
        changed[len(body) // 2] ^= 16
        sections = [section for section in sections if kind_of(section) != kind] + [(entry, bytes(changed))]
    else:
        with open(others[0], "rb") as file:
            [given] = [section for section in bodies(file.read())[0] if kind_of(section) == kind]
        sections = [section for section in sections if kind_of(section) != kind] + [given]
    with open(out, "wb") as file:
        file.write(together(data, sections, records))


if __name__ == "__main__":
    main(*sys.argv[1:])
