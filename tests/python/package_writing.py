"""Writing: arrays and images in all their layouts, targets, progress, and what is no image."""

import json
import logging
import sys
import warnings
from pathlib import Path

import nibabel
import numpy as np

import sirencl
from package_checks import raises, same

folder = Path(sys.argv[1])
dwi = nibabel.load(folder / "dwi.nii.gz")
stored = np.asanyarray(dwi.dataobj)


def back(source, **named):
    return sirencl.load(sirencl.compress(source, lossless=True, **named))


# Layouts: whatever the order, strides, byte order and alignment, the same voxels come back.
crooked = np.frombuffer(b"x" + stored.tobytes(order="F"), np.uint8)[1:].view(np.int16).reshape(stored.shape, order="F")
assert not crooked.flags.aligned
big = np.zeros((48, 40, 6, 12), np.int16, order="F")
big[::2, 1::2] = stored
for array in (
    stored,
    np.ascontiguousarray(stored),
    np.asfortranarray(stored),
    stored[::-1, :, ::-1],
    np.ascontiguousarray(stored)[:, ::-1, :, ::-2],
    stored.transpose(2, 3, 0, 1),
    big[::2, 1::2],
    stored.astype(">i2"),
    crooked,
    stored[:, :, :1],
    stored[:, 3, 2],
    stored[3, 4, 2],
    np.broadcast_to(np.int16(7), (5, 4, 3)),
    np.broadcast_to(stored[:, :, :, :1], stored.shape),
    stored.view(np.memmap) if isinstance(stored, np.memmap) else stored,
    stored.astype(np.float32) / 3,
    np.float64([[[1, np.nan], [np.inf, -0.0]]]),
    stored.reshape(24, 20, 6, 3, 4),
    stored.reshape(24, 20, 2, 3, 2, 2, 3),
):
    before = array.copy()
    loaded = back(array)
    values = np.asanyarray(loaded.dataobj)
    same(array, before)
    same(values.reshape(array.shape, order="F"), array.astype(array.dtype.newbyteorder("=")))
affine = [[2, 0, 0, -20], [0, 1.5, 0, 3], [0, 0, 4, 5]]
loaded = back(stored, affine=affine, slope=0.5, inter=3, bvals=dwi.shape[3] * [700], bvecs=np.eye(3)[[0, 1, 2] * 4])
assert np.allclose(loaded.affine[:3], affine) and (loaded.dataobj.slope, loaded.dataobj.inter) == (0.5, 3)
same(loaded.dataobj, stored * 0.5 + 3)
assert loaded.bvals.tolist() == 12 * [700] and np.array_equal(loaded.bvecs, np.eye(3)[[0, 1, 2] * 4])
assert back(stored, bvecs=np.eye(3)[:, [0, 1, 2] * 4]).bvecs.shape == (12, 3)
assert back(stored, attachments={".json": b"{}"}).archive.attachment(".json") == b"{}"

# Images: stored values and scaling of what lies on disk, the array's own of what was made.
scaled = nibabel.Nifti1Image(stored, dwi.affine, dwi.header)
scaled.header.set_slope_inter(0.25, -2)
nibabel.save(scaled, folder / "scaled.nii.gz")
scaled = nibabel.load(folder / "scaled.nii.gz")
loaded = back(scaled)
same(loaded.dataobj.get_unscaled(), stored)
same(loaded.dataobj, scaled.dataobj)
assert np.array_equal(loaded.affine, dwi.affine) and loaded.header.get_zooms() == dwi.header.get_zooms()
made = nibabel.Nifti1Image(dwi.get_fdata() / 7, np.diag([3, 3, 3, 1]), dwi.header)
same(back(made).dataobj, made.dataobj)
assert np.array_equal(back(made).affine, made.affine)
pair = nibabel.Nifti1Pair(stored, dwi.affine, dwi.header)
same(back(pair).dataobj, stored)
foreign = nibabel.freesurfer.MGHImage(stored.astype(np.float32), dwi.affine)
same(back(foreign).dataobj, foreign.dataobj)
swapped = nibabel.Nifti2Image(stored, dwi.affine, nibabel.Nifti2Header(endianness=">"))
same(back(swapped).dataobj, stored)

# nibabel's save, there and back.
nibabel.save(dwi, folder / "saved.siren")
same(nibabel.load(folder / "saved.siren").dataobj, stored)
nibabel.save(nibabel.load(folder / "saved.siren"), folder / "saved.nii.gz")
same(nibabel.load(folder / "saved.nii.gz").dataobj, stored)
loaded = sirencl.load(folder / "lossless.siren")
nibabel.save(loaded, folder / "again.siren")
same(sirencl.load(folder / "again.siren").bvals, loaded.bvals)
same(back(loaded, bvals=12 * [5]).bvals, np.full(12, 5.0))
same(back(loaded).bvecs, loaded.bvecs)
loaded.to_filename(folder / "again.siren", max_error=4)
assert 0 < np.abs(sirencl.load(folder / "again.siren").get_fdata() - stored).max() <= 4
raises(ValueError, "dtype", loaded.to_filename, folder / "again.siren", dtype=np.float32)

# Targets.
assert sirencl.info(sirencl.compress(stored, ratio=10)).ratio >= 10
assert sirencl.info(sirencl.compress(stored, psnr=40)).psnr >= 40
assert sirencl.info(sirencl.compress(stored, max_error=2)).max_error == 2
assert len(sirencl.compress(stored, size=9000)) <= 9000 and len(sirencl.compress(stored, size="9k")) <= 9216
assert len(sirencl.compress(stored, noise=1)) < len(sirencl.compress(stored, lossless=True))
assert sirencl.info(sirencl.compress(stored, ratio=10, model="auto")).ratio >= 10
raises(sirencl.BoundError, "", sirencl.compress, stored, ratio=1e6)
raises(ValueError, "exclude", sirencl.compress, stored, lossless=True, ratio=3)

# Files: none is replaced, none is left, none is taken for another.
path = folder / "once.siren"
sirencl.compress(stored, path, lossless=True)
content = path.read_bytes()
raises(sirencl.SirenError, "once.siren", sirencl.compress, stored, path, max_error=1)
assert path.read_bytes() == content
sirencl.compress(stored, path, max_error=1, force=True)
assert len(path.read_bytes()) < len(content)
raises(FileNotFoundError, "missing.nii", sirencl.compress, folder / "missing.nii", lossless=True)
raises(sirencl.SirenOSError, "nowhere", sirencl.compress, stored, folder / "nowhere" / "x.siren", lossless=True)
raises(sirencl.CorruptError, "", sirencl.compress, folder / "dwi.bval", lossless=True)
restored = sirencl.decompress(folder / "lossless.siren", folder / "restored.nii.gz")
same(nibabel.load(restored).dataobj, stored)
assert (folder / "restored.bval").read_bytes() == (folder / "dwi.bval").read_bytes()
assert sirencl.decompress(folder / "lossless.siren") == folder / "lossless.nii.gz"
part = sirencl.decompress(folder / "lossless.siren", folder / "part.nii", volumes=range(3, 5))
same(nibabel.load(part).dataobj, stored[..., 3:5])

# What is no image.
for array, kind, message in (
    (np.zeros((3, 3, 3), np.complex64), TypeError, "complex64"),
    (np.zeros((3, 3, 3), np.float16), TypeError, "float16"),
    (np.zeros((3, 3, 3), np.longdouble), TypeError, np.dtype(np.longdouble).name),
    (np.zeros((3, 3, 3), bool), TypeError, "bool"),
    (np.zeros((3, 3, 3), object), TypeError, "object"),
    (np.zeros((3, 3, 3), "U3"), TypeError, "U3"),
    (np.zeros((3, 3), [("r", "u1"), ("g", "u1")]), TypeError, "not supported"),
    (np.ma.masked_array(stored, stored < 9), TypeError, "masked"),
    (np.float32(3), TypeError, "float32"),
    (np.array(3.0), ValueError, "axes"),
    (np.zeros((2,) * 8), ValueError, "8"),
    (np.zeros((3, 0, 3)), ValueError, "no voxels"),
    ([[1, 2], [3, 4]], TypeError, "list"),
    (None, TypeError, "NoneType"),
    (b"bytes", TypeError, "bytes"),
):
    raises(kind, message, sirencl.compress, array, lossless=True)
raises(ValueError, "(3, 3)", sirencl.compress, stored, lossless=True, affine=np.eye(3))
raises(ValueError, "own", sirencl.compress, dwi, lossless=True, affine=np.eye(4))
raises(ValueError, "own", sirencl.compress, folder / "dwi.nii.gz", lossless=True, slope=2)
raises(ValueError, "bvecs", sirencl.compress, stored, lossless=True, bvecs=np.zeros((5, 4)))
raises(sirencl.SirenError, ".nii", sirencl.compress, stored, lossless=True, attachments={".nii": b""})
error = raises(sirencl.UsageError, "widht", sirencl.compress, stored, lossless=True, widht=3)
assert isinstance(error, ValueError) and error.exit_code == 2
raises(sirencl.UsageError, "width", sirencl.compress, stored, lossless=True, width=-3)
raises(sirencl.NoDeviceError, "no such maker", sirencl.compress, stored, device="no such maker")
raises(TypeError, "int", sirencl.compare, 3, 4)

# Progress, cancelling, and exceptions on the way.
calls = []
sirencl.compress(stored, lossless=True, progress=lambda *all: calls.append(all))
assert (
    calls[-1][0] == calls[-1][1]
    and isinstance(calls[-1][2], str)
    and all(done == sorted(done) for done in ([c[0] for c in calls if c[2] == what] for what in {c[2] for c in calls}))
)
raises(
    sirencl.CancelledError, "", sirencl.compress, stored, folder / "no.siren", lossless=True, progress=lambda *_: False
)
raises(ZeroDivisionError, "", sirencl.compress, stored, folder / "no.siren", lossless=True, progress=lambda *_: 1 / 0)
raises(KeyError, "mine", sirencl.decompress, path, folder / "no.nii", progress=lambda *_: {}["mine"])
assert not list(folder.glob("no.*"))

# Settings are those of the library, its warnings come by the logger.
assert sirencl.settings()["width"][0] == "256" and "epochs" in sirencl.settings()
heard = []
handler = logging.Handler()
handler.emit = lambda record: heard.append(record.getMessage())
logging.getLogger("sirencl").addHandler(handler)
(folder / "trailing.nii").write_bytes(stored.tobytes())
dwi.to_filename(folder / "trailing.nii")
with (folder / "trailing.nii").open("ab") as file:
    file.write(b"more")
assert not sirencl.compare(folder / "trailing.nii", stored).mse and any("trailing.nii" in line for line in heard), heard

# Networks, trained, read by threads' boxes and restored to the same values.
if sirencl.devices():
    network = folder / "network.siren"
    sirencl.compress(dwi, network, device=None, width=16, epochs=3, seed=2)
    info = sirencl.info(network)
    assert info.coding == "network" and info.layers[0].width == 16 and info.provenance["epochs"] == "3"
    whole = np.asanyarray(nibabel.load(sirencl.decompress(network, folder / "network.nii")).dataobj)
    image = sirencl.load(network)
    for slicer in (
        (3, 4, 2),
        (5, 4, 2),
        (5, 4, 2, 3),
        (3, 4, 1),
        np.s_[..., 3],
        np.s_[4:9, ::2, 1:4, ::-5],
        np.s_[:, :, 2],
        (3, 4, 2),
    ):
        same(sirencl.load(network).dataobj[slicer], whole[slicer])
        same(image.dataobj[slicer], whole[slicer])  # with what earlier reads left in the cache
    raises(sirencl.CancelledError, "", sirencl.compress, stored, ratio=30, model="siren-2d", progress=lambda *_: False)
    device = sirencl.devices()[0].place
    same(nibabel.load(sirencl.decompress(network, folder / "device.nii", device=device)).dataobj, whole)
else:
    print("skipped in part: there is no OpenCL device")
warnings.resetwarnings()

# What identifies is left out of what is stored, told to the logger, and nothing of the caller's changes.
secret = nibabel.Nifti1Image(stored, dwi.affine)
secret.header["descrip"] = b"SECRET text"
secret.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"SECRET extension"))
sidecar = b'{"PatientName": "SECRET name", "EchoTime": 0.08}'
nibabel.save(secret, folder / "secret.nii.gz")
(folder / "secret.json").write_bytes(sidecar)
heard = []
handler = logging.Handler()
handler.emit = lambda record: heard.append(record.getMessage())
logging.getLogger("sirencl").addHandler(handler)
logging.getLogger("sirencl").setLevel(logging.INFO)
for source, named in ((secret, {"attachments": {".json": sidecar}}), (folder / "secret.nii.gz", {})):
    heard.clear()
    told = back(source, anonymise=True, effort=3, **named)
    same(told.dataobj, stored)
    assert b"SECRET" not in told.archive.header and json.loads(told.archive.attachment(".json")) == {"EchoTime": 0.08}
    assert any("descrip" in line and "PatientName" in line for line in heard), heard
    assert b"SECRET" in back(source, effort=3, **named).archive.header
logging.getLogger("sirencl").removeHandler(handler)
logging.getLogger("sirencl").setLevel(logging.NOTSET)
assert b"SECRET" in secret.header.binaryblock and len(secret.header.extensions) == 1
same(back(stored, anonymise=True, effort=3).dataobj, stored)

# Networks of the coordinates of voxel and volume.
if sirencl.devices():
    table = folder / "volumes.tsv"
    table.write_text("TE\tb\n" + "".join(f"{60 + i % 4 * 20}\t{i // 4 * 500}\n" for i in range(12)))
    small = dict(model="siren-nd", width=16, layers=1, epochs=2, slices=(2, 4))
    nd = sirencl.load(sirencl.compress(stored, volume_coordinates=table, **small))
    assert nd.info.volume_coordinates == ("TE", "b") and nd.info.layers[-1].width == 1
    whole = np.asanyarray(nd.dataobj)
    assert np.ptp(whole) > 0
    same(nd.dataobj[3, 4, 1], whole[3, 4, 1])
    same(nd.dataobj[..., 5:7], whole[..., 5:7])
    raises(sirencl.UsageError, "coordinates of volumes", sirencl.compress, stored, **small)
assert nibabel.load(folder / "dwi.nii.gz").shape == stored.shape and back(stored, effort=3).info.volume_coordinates == ()
