"""Every bit of small archives is flipped, one after the other: opening, reading all of it or its attachments must notice. Of a part of a
compression, which is read by 'sirencl join' alone, that must.

    flip.py PROGRAM LIBRARY [--every N]         LIBRARY: libsirencl-decode.so; N: one bit of so many
"""
import ctypes, os, shutil, struct, subprocess, sys, tempfile
from concurrent.futures import ThreadPoolExecutor
import learnable

program, library = os.path.abspath(sys.argv[1]), ctypes.CDLL(os.path.abspath(sys.argv[2]))
NETWORK = "--layers 1 --width 16 --epochs 2 --device cpu --force-larger".split()
every = int(sys.argv[4]) if sys.argv[3:4] == ["--every"] else 1
KINDS = {"network": NETWORK, "float32": [*NETWORK, "--weights", "float32"], "masked": [*NETWORK, "--mask", "p_mask.nii"],
         "patches": "--model siren-3d --blocks patch:5x4x2 --layers 1 --width 16 --epochs 2 --device cpu --force-larger".split(),
         "coded": [*NETWORK, "--packing", "coded"], "corrected": ["--model", "transform", "--max-error", "3"],
         "context network": [], "restored": [], "lossless": ["--lossless"], "bounded": ["--max-error", "3"], "transform": ["--psnr", "30"]}
RESTORED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "restored.siren")  # one bit of 61: it is large
BOX = (ctypes.c_size_t * 8)()


class Bytes:
    """Whether the library takes them as a whole archive."""

    def __init__(self, data):
        self.buffer = (ctypes.c_char * len(data)).from_buffer(data)
        self.n = ctypes.c_size_t(len(data))
        self.voxels = ctypes.create_string_buffer(1 << 20)

    def whole(self):
        reader, found, n = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_size_t()
        if library.siren_reader_open_memory(self.buffer, self.n, ctypes.byref(reader)) != 0:
            return False
        try:
            calls = [library.siren_reader_info(reader, ctypes.byref(found)),
                     library.siren_reader_header(reader, ctypes.byref(found), ctypes.byref(n))]
            calls += [library.siren_reader_attachment(reader, suffix, ctypes.byref(found), ctypes.byref(n))
                      for suffix in (b".bval", b".bvec", b".json")]
            calls.append(library.siren_reader_read(reader, BOX, 0, self.voxels, ctypes.c_size_t(1 << 20)))
            return all(status == 0 for status in calls)
        finally:
            library.siren_reader_close(reader)


PART, TRAILER = 16, 56  # a kind of section and a length, docs/archive-format.md chapter 2
NETWORKS = {"context network": 13, "restored": 19}


def has_section(data, kind):
    """From the section table, which the trailer's first eight bytes tell."""
    table, n = struct.unpack_from("<2Q", data, len(data) - TRAILER)
    return kind in [struct.unpack_from("<I", data, table + 40 * i)[0] & ~0x100 for i in range(n)]


def joins(data, bit):
    """Whether 'sirencl join' takes the second part with this bit flipped."""
    name = f"flipped-{bit}"
    flipped = bytearray(data)
    flipped[bit // 8] ^= 1 << bit % 8
    with open(f"{name}.siren", "wb") as file:
        file.write(flipped)
    made = subprocess.run([program, "join", "parts.part-1-of-2.siren", f"{name}.siren", f"{name}-whole.siren", "--quiet"],
                          capture_output=True).returncode
    for left in (f"{name}.siren", f"{name}-whole.siren"):
        if os.path.exists(left):
            os.remove(left)
    return made == 0


library.siren_reader_close.argtypes = [ctypes.c_void_p]
for call in ("info", "header", "attachment"):
    getattr(library, f"siren_reader_{call}").argtypes = [ctypes.c_void_p] + [ctypes.c_void_p] * (
        {"info": 1, "header": 2, "attachment": 0}[call])
library.siren_reader_attachment.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p]
library.siren_reader_read.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]

folder = tempfile.mkdtemp()
missed = tried = 0
try:
    os.chdir(folder)
    subprocess.run([program, *"phantom p.nii --dims 9x8x2 --shells 0:1,1000:2 --quiet".split()], check=True)
    with open("p.json", "w") as file:
        file.write('{"EchoTime": 0.08}\n')
    learnable.write("learnable.nii")
    for kind, options in KINDS.items():
        image, options = ("learnable.nii", ["--lossless", "--effort", "4"]) if kind == "context network" else ("p.nii", options)
        if kind == "restored":
            shutil.copy(RESTORED, "restored.siren")
        else:
            subprocess.run([program, "compress", image, f"{kind}.siren", "--quiet", *options], check=True)
        with open(f"{kind}.siren", "rb") as file:
            data = bytearray(file.read())
        assert kind not in NETWORKS or has_section(data, NETWORKS[kind]), f"{kind}: the archive has no such network"
        step = every * (61 if kind == "restored" else 1)
        archive = Bytes(data)
        assert archive.whole(), f"{kind}: refused as it is"
        before = missed
        for bit in range(0, 8 * len(data), step):
            data[bit // 8] ^= 1 << bit % 8
            if archive.whole():
                missed += 1
                print(f"FAULT {kind}: bit {bit % 8} of byte {bit // 8} of {len(data)} is not noticed")
            data[bit // 8] ^= 1 << bit % 8
        tried += len(range(0, 8 * len(data), step))
        print(f"{kind}: {len(data)} bytes, {missed - before} not noticed", flush=True)
    before = missed
    for part in ("1/2", "2/2"):
        subprocess.run([program, "compress", "p.nii", "parts.siren", "--quiet", "--part", part, *NETWORK], check=True)
    with open("parts.part-2-of-2.siren", "rb") as file:
        data = file.read()
    assert has_section(data, PART), "the part does not say which"
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for bit, whole in zip(range(0, 8 * len(data), every), pool.map(lambda bit: joins(data, bit), range(0, 8 * len(data), every))):
            if whole:
                missed += 1
                print(f"FAULT part: bit {bit % 8} of byte {bit // 8} of {len(data)} is not noticed")
    tried += len(range(0, 8 * len(data), every))
    print(f"part: {len(data)} bytes, {missed - before} not noticed", flush=True)
finally:
    os.chdir("/")
    shutil.rmtree(folder)
print(f"{tried} bits flipped, {missed} not noticed")
sys.exit(1 if missed else 0)
