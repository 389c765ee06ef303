"""What the test of views reads out of a page: its tags are well-formed and safe, its pictures are PNG files of their own."""
import base64
import html.parser
import struct
import sys
import zlib

VOID = {"meta", "br", "img", "link", "hr", "input"}


class Page(html.parser.HTMLParser):
    """pictures: [(title, png bytes)], rows: [[cell, ...]], titles: texts of <title> in charts, text: all of it."""

    def __init__(self, path):
        super().__init__()
        self.open, self.pictures, self.rows, self.titles, self.text, self.cell = [], [], [], [], "", None
        source = open(path, encoding="utf-8").read()
        assert "<script" not in source.lower() and "http://" not in source and "https://" not in source
        assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:\"" in source
        self.feed(source)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attributes:
            assert not name.startswith("on") and name not in ("href", "xlink:href"), (tag, name)
            assert name != "src" or value.startswith("data:image/png;base64,"), value[:40]
        if tag == "img":
            self.pictures.append((values["title"], base64.b64decode(values["src"].split(",", 1)[1], validate=True)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.cell = ""
        if tag == "title":
            self.titles.append("")

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag
        if tag in ("td", "th"):
            self.rows[-1].append(self.cell)
            self.cell = None

    def handle_data(self, data):
        self.text += data
        if self.open and self.open[-1] == "title":
            self.titles[-1] += data
        elif self.cell is not None:
            self.cell += data

    def fact(self, name):
        return next(row[1] for row in self.rows if row[0] == name)


def read_png(data):
    """(width, height, channels, rows of bytes) of a PNG file that is not interlaced, of 8 bits."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed = 8, b""
    while at < len(data):
        n, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + n]
        assert zlib.crc32(kind + body) == struct.unpack(">I", data[at + 8 + n:at + 12 + n])[0]
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", body)
            assert depth == 8 and interlace == 0 and colour in (0, 2)
        if kind == b"IDAT":
            packed += body
        at += 12 + n
    channels = 3 if colour == 2 else 1
    raw, rows, above = zlib.decompress(packed), [], bytes(width * channels)
    for y in range(height):
        line = raw[y * (width * channels + 1):(y + 1) * (width * channels + 1)]
        row = bytearray(line[1:])
        for i in range(len(row)):
            left, up, corner = (row[i - channels] if i >= channels else 0), above[i], (above[i - channels] if i >= channels else 0)
            guess = left + up - corner
            paeth = min((left, up, corner), key=lambda v: abs(guess - v))
            row[i] = (row[i] + (0, left, up, (left + up) // 2, paeth)[line[0]]) & 255
        rows.append(bytes(row))
        above = rows[-1]
    return width, height, channels, rows


def check(page_path, result_path, original_path, begin=0):
    """Pictures and figures against what numpy makes of the two images, which nibabel read. `begin`: the first slice that is judged."""
    import nibabel
    import numpy

    page = Page(page_path)
    result = nibabel.load(result_path)
    affine, restored = result.affine, numpy.asarray(result.dataobj, dtype=float)
    original = numpy.asarray(nibabel.load(original_path).dataobj, dtype=float)[:, :, begin:begin + restored.shape[2]] if original_path else None
    bvals = numpy.loadtxt(sys.argv[1])
    shown = [int(bvals.argmin()), int(bvals.argmax())]
    nz = restored.shape[2]
    assert nz <= 24

    def expected(volume, scale):
        picture = numpy.rint(255 * numpy.clip((volume - scale[0]) / (scale[1] - scale[0]), 0, 1))
        picture = picture.transpose(1, 0)[::-1]  # rows from the top, y upwards
        if affine[0, 0] > 0:
            picture = picture[:, ::-1]
        return picture[::-1] if affine[1, 1] < 0 else picture

    at = 0
    for v in shown:
        base = restored[..., v] if original is None else original[..., v]
        values = numpy.sort(base, axis=None)
        scale = values[0], values[int(0.995 * (values.size - 1))]
        for kind, volume in ([("original", base)] if original is not None else []) + [("restored", restored[..., v])]:
            for z in range(nz):
                title, png = page.pictures[at]
                assert title.startswith(f"{kind}, slice {z + begin}"), title
                width, height, channels, rows = read_png(png)
                assert channels == 1
                seen = numpy.array([list(row) for row in rows])
                assert seen.shape == (height, width) and abs(seen - expected(volume[:, :, z], scale)).max() <= 1, (title, abs(seen - expected(volume[:, :, z], scale)).max())
                at += 1
        if original is not None:
            for z in range(nz):
                title, png = page.pictures[at]
                width, height, channels, rows = read_png(png)
                assert title.startswith(f"error, slice {z + begin}") and channels == 3
                error = abs(original[..., z, v] - restored[..., z, v])
                if error.max() == 0:
                    assert set(b"".join(rows)) == {0, 4}, title
                else:  # brighter is worse
                    light = numpy.array([list(row) for row in rows]).reshape(height, width, 3).sum(axis=2)
                    assert numpy.corrcoef(light.ravel(), expected(error, (0, error.max())).ravel())[0, 1] > 0.9, title
                at += 1
    assert at == len(page.pictures)
    bars = [title for title in page.titles if title.startswith("slice ")]
    if original is not None:
        peak = original.max() - original.min()
        wrong = ((original - restored) ** 2).mean(axis=(0, 1, 3))
        told = [f"slice {z + begin}: " + (f"{10 * numpy.log10(peak ** 2 / wrong[z]):.2f} dB" if wrong[z] else "exact") for z in range(nz)]
        assert bars == told, (bars, told)
    assert len(bars) == nz, bars
    return page


if __name__ == "__main__":
    arguments = sys.argv[2:]
    check(arguments[0], arguments[1], arguments[2] or None, int(arguments[3]) if len(arguments) > 3 else 0)
