"""Reading: images of archives against nibabel's of the NIfTI files that they were made of."""

import io
import json
import pickle
import random
import resource
import subprocess
import os
import sys
import threading
from pathlib import Path

import nibabel
import numpy as np

import sirencl
from package_checks import raises, same

folder, data = Path(sys.argv[1]), sys.argv[2]
program = os.environ["SIRENCL_PROGRAM"]
rng = random.Random(1)


def random_slicer(shape):
    """Integers, and slices of any step and direction, seldom with an Ellipsis or a new axis."""
    slicer = []
    for n in shape:
        if rng.random() < 0.3:
            slicer.append(rng.randrange(-n, n))
        elif rng.random() < 0.3:
            slicer.append(slice(None))
        else:
            a, b = (rng.choice([None, rng.randrange(-n, n + 1)]) for _ in range(2))
            slicer.append(slice(a, b, rng.choice([None, 1, 2, -1, -3])))
    if rng.random() < 0.3:
        slicer[rng.randrange(len(slicer)) :] = [Ellipsis]
    if rng.random() < 0.2:
        slicer.insert(rng.randrange(len(slicer) + 1), None)
    return tuple(slicer)


def same_image(image, original, n_slicers):
    """`original` is a file by nibabel; numpy's slices of it are the oracle, for nibabel fails for empty ones."""
    assert image.shape == original.shape and image.ndim == original.ndim
    assert np.array_equal(image.affine, original.affine)
    assert nibabel.is_proxy(image.dataobj)
    values = np.asanyarray(original.dataobj)
    same(image.dataobj, values)
    same(image.dataobj.get_unscaled(), original.dataobj.get_unscaled())
    same(
        image.get_fdata(dtype=np.float32, caching="unchanged"),
        original.get_fdata(dtype=np.float32, caching="unchanged"),
    )
    same(np.asarray(image.dataobj, np.float32), np.asarray(original.dataobj, np.float32))
    for _ in range(n_slicers):
        slicer = random_slicer(image.shape)
        same(image.dataobj[slicer], values[slicer])
    fields = set(image.header.keys()) - {"vox_offset", "magic"}
    for field in fields:
        assert np.array_equal(
            image.header[field], original.header[field], equal_nan=image.header[field].dtype.kind == "f"
        ), field
    assert [e.get_content() for e in image.header.extensions] == [e.get_content() for e in original.header.extensions]


# Types, versions, byte orders, scalings and dimensions.
affine = np.array([[2, 0.1, 0, -20], [0, 1.5, 0.2, -10], [0, 0, 3, 7], [0, 0, 0, 1.0]])
numbers = np.random.default_rng(1)
cases = [
    (t, 1, "<", None, (7, 6, 5, 4)) for t in "uint8 int16 int32 float32 float64 int8 uint16 uint32 int64 uint64".split()
]
cases += [
    ("int16", 1, ">", (0.37, -5), (7, 6, 5, 4)),
    ("uint16", 2, "<", (2, 1), (7, 6, 5, 4)),
    ("float32", 2, ">", (1e-3, 0), (7, 6, 5, 4)),
    ("float64", 1, "<", (1.5, 2.5), (7, 6, 5)),
    ("int16", 1, "<", None, (7, 6)),
    ("int16", 1, "<", (3, 0), (7, 6, 2, 3, 4)),
    ("uint8", 2, "<", (3, 0), (5, 4, 2, 3, 2, 2)),
]
for name, version, order, scaling, shape in cases:
    kind = nibabel.Nifti2Image if version == 2 else nibabel.Nifti1Image
    stored = (numbers.integers(0, 120, shape) if name != "float32" else numbers.normal(size=shape)).astype(name)
    header = kind.header_class(endianness=order)
    header.set_data_dtype(np.dtype(name).newbyteorder(order))
    header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"kept"))
    image = kind(stored, affine, header)
    image.header.set_slope_inter(*(scaling or (1, 0)))
    nibabel.save(image, folder / "case.nii")
    archive = sirencl.compress(folder / "case.nii", lossless=True)
    loaded = sirencl.load(archive)
    assert type(loaded) is (sirencl.Siren2Image if version == 2 else sirencl.SirenImage)
    same_image(loaded, nibabel.load(folder / "case.nii"), 40)

# A file by nibabel's own load.
path = folder / "lossless.siren"
assert sirencl.compress(folder / "dwi.nii.gz", path, lossless=True) == path
image, original = nibabel.load(path), nibabel.load(folder / "dwi.nii.gz")
same_image(image, original, 100)
assert image.get_filename() == str(path) and isinstance(image, nibabel.spatialimages.SpatialImage)
assert nibabel.imageclasses.spatial_axes_first(image)
part, expected = image.slicer[2:9, ::-1, 1:2, 3:], original.slicer[2:9, ::-1, 1:2, 3:]
same(part.dataobj, expected.dataobj)
assert np.allclose(part.affine, expected.affine)
same(image.bvals, np.loadtxt(folder / "dwi.bval"))
same(image.bvecs, np.loadtxt(folder / "dwi.bvec").T)
with sirencl.Archive(path) as archive:
    assert archive.attachment(".bval") == (folder / "dwi.bval").read_bytes() and archive.attachment(".json") is None
    same(
        archive.read(x=(3, 5), y=(4, 7), z=(1, 3), volumes=(2, 9)), np.asanyarray(original.dataobj)[3:5, 4:7, 1:3, 2:9]
    )
    assert archive.read(z=(2, 2)).shape == (24, 20, 0, 12)
    assert archive.read(scaled=True).dtype == np.float32
    raises(sirencl.UsageError, "", archive.read, z=(5, 7))
    raises(ValueError, "range", archive.read, x=(-1, 3))
for bad in ((99,), (0, 0, 0, 0, 0), ([1, 2],), (np.zeros(24, bool),), ("x",)):
    raises((IndexError, ValueError, TypeError), "", image.dataobj.__getitem__, bad)

# By pickle, and through a stream.
same(pickle.loads(pickle.dumps(image)).dataobj[3, 4, 2], image.dataobj[3, 4, 2])
same(pickle.loads(pickle.dumps(part)).dataobj, part.dataobj)
same(sirencl.SirenImage.from_bytes(path.read_bytes()).dataobj, original.dataobj)
same(sirencl.SirenImage.from_stream(io.BytesIO(part.to_bytes())).dataobj, part.dataobj)

# Some slices, lossily, as the program restores them.
some = folder / "some.siren"
sirencl.compress(folder / "dwi.nii.gz", some, slices=(2, 5), ratio=8)
subprocess.run([program, "decompress", "--quiet", some, folder / "some.nii"], check=True)
same_image(sirencl.load(some), nibabel.load(folder / "some.nii"), 60)
raises(sirencl.UsageError, "", sirencl.Archive(some).read, z=(0, 3))

# What the archive says is what the program prints.
for archive in (path, some):
    told = json.loads(subprocess.run([program, "info", "--json", archive], check=True, stdout=subprocess.PIPE).stdout)
    info = sirencl.info(archive)
    assert list(info.shape) == told["dims"] + [told["volumes"]] and [info.z_begin, info.z_end] == told["slices_held"]
    assert (info.bytes, info.series_bytes, info.ratio) == (told["bytes"], told["series_bytes"], told["ratio"])
    assert list(info.attachments) == told["attachments"] and info.provenance == told["provenance"]
    assert [b.bytes for b in info.blocks] == [s["bytes"] for s in told["slices"]]
    assert info.psnr == (float("inf") if told["psnr"] is None else told["psnr"])
told = json.loads(
    subprocess.run(
        [program, "compare", "--json", folder / "dwi.nii.gz", folder / "dwi.nii.gz"], check=True, stdout=subprocess.PIPE
    ).stdout
)
found = sirencl.compare(original, image)
assert (found.mse, found.maximum, found.n_voxels) == (0, told["maximum"], told["voxels"])
assert sirencl.compare(folder / "dwi.nii.gz", np.asanyarray(original.dataobj) + np.int16(3)).max_abs_error == 3
result = subprocess.run([program, "devices", "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
told = json.loads(result.stdout)["devices"] if result.returncode == 0 else []
assert [(d.place, d.name, d.is_gpu) for d in sirencl.devices()] == [(d["device"], d["name"], d["is_gpu"]) for d in told]
assert sirencl.verify(path) == 6

# Only what is needed is decoded: with one slice's record damaged, the others can be read.
image_bytes = path.read_bytes()
for at in range(len(image_bytes) // 2, len(image_bytes), 997):
    damaged = bytearray(image_bytes)
    damaged[at] ^= 255
    try:
        lazy = sirencl.load(bytes(damaged))
    except sirencl.CorruptError:
        continue
    failed = []
    for z in range(6):
        try:
            same(lazy.dataobj[:, :, z, 4], original.dataobj[:, :, z, 4])
            same(lazy.dataobj[5, 6, z], original.dataobj[5, 6, z])
        except (sirencl.CorruptError, sirencl.IntegrityError):
            failed.append(z)
    if len(failed) == 1:
        break
else:
    raise AssertionError("no damage hit one slice alone")
raises((sirencl.CorruptError, sirencl.IntegrityError), "", np.asarray, lazy.dataobj)

# Damaged, missing and closed.
raises(FileNotFoundError, "missing.siren", sirencl.load, folder / "missing.siren")
raises(FileNotFoundError, "missing.siren", nibabel.load, folder / "missing.siren")
(folder / "text.siren").write_text("no archive at all\n" * 30)
error = raises(sirencl.CorruptError, "text.siren", nibabel.load, folder / "text.siren")
assert isinstance(error, ValueError) and (error.status, error.exit_code) == ("CORRUPT", 3)
raises(sirencl.CorruptError, "", sirencl.load, image_bytes[: len(image_bytes) // 2])
raises(sirencl.SirenError, "", sirencl.load, b"")
closed = sirencl.load(path)
kept = closed.dataobj[0]
closed.close()
closed.close()
raises(ValueError, "close", closed.dataobj.__getitem__, 0)
raises(ValueError, "close", lambda: closed.bvals)
with sirencl.load(path) as within:
    pass
raises(ValueError, "close", np.asarray, within.dataobj)

# Threads read one archive at once; closing waits for them.
shared = sirencl.load(path, cache=0)
values, failures = np.asanyarray(original.dataobj), []


def read_much(seed):
    mine = random.Random(seed)
    try:
        for _ in range(30):
            z, v = mine.randrange(6), mine.randrange(12)
            same(shared.dataobj[..., z, v], values[..., z, v])
    except BaseException as error:
        failures.append(error)


threads = [threading.Thread(target=read_much, args=(seed,)) for seed in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not failures, failures
threads = [threading.Thread(target=read_much, args=(seed,)) for seed in range(4)]
for thread in threads:
    thread.start()
shared.close()
for thread in threads:
    thread.join()
assert all("close" in str(error) for error in failures), failures


# Ten thousand reads and a thousand opened archives leave nothing behind.
def work(n):
    for _ in range(n):
        image.dataobj[rng.randrange(24), rng.randrange(20), rng.randrange(6)]
    for _ in range(n // 10):
        sirencl.load(path).dataobj[1, 2, 3]


work(1000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
work(10000)
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
assert grown < 4096, f"{grown} KiB more after 10,000 reads"

# A series of a scanner.
real = Path(data, "ds000114_4mm", "dwi.nii.gz")
if data and real.exists():
    same_image(sirencl.load(sirencl.compress(real, lossless=True, effort=3)), nibabel.load(real), 10)
else:
    print(f"skipped in part: there is no {real}")
