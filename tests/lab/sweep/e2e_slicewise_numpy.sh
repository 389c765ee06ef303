# Slice-wise figures of archives of every kind of block against numpy, from the restored float32 series.
source "$(dirname "$0")/../../common.sh"
needs_python nibabel,numpy

# Noise on a wave; slice 3 constant, volume 1 constant in slice 4, volume 3 everywhere; voxels that are not finite.
"$python" - "$folder" <<'PYTHON'
import sys

import nibabel
import numpy

random = numpy.random.default_rng(1)
x, y, z, v = numpy.meshgrid(*[numpy.arange(n) for n in (11, 9, 8, 4)], indexing="ij")
image = 300 + 100 * numpy.sin(0.5 * x + 0.3 * y + v) + 40 * z + random.normal(0, 10, x.shape)
image[:, :, 3] = 17
image[:, :, 4, 1] = -5
image[..., 3] = 12
image[3, 4, 2, 0] = numpy.nan
image[5, 6, 5, 2] = numpy.inf
mask = (random.random(image.shape[:3]) < 0.6).astype("uint8")
mask[:, :, 6] = 0
nibabel.save(nibabel.Nifti1Image(image.astype("float32"), numpy.eye(4)), sys.argv[1] + "/image.nii")
nibabel.save(nibabel.Nifti1Image(mask, numpy.eye(4)), sys.argv[1] + "/mask.nii")
PYTHON

compare() { # NAME options...
    local name=$1
    shift
    "$sirencl" compress image.nii $name.siren --layers 2 --width 24 --epochs 30 --force-larger --quiet "$@"
    "$sirencl" decompress $name.siren $name.nii --quiet
    "$built/e2e_slicewise" $name.siren image.nii mask.nii >$name.txt
}
compare volume --model siren-3d
compare patches --model siren-3d --blocks patch:4x4x3 --slices 1:8
compare rows --model siren-3d --blocks patch:11x9x3
compare slices --slices 2:7

"$python" - "$folder" <<'PYTHON'
import sys

import nibabel
import numpy

folder = sys.argv[1]
image = numpy.asarray(nibabel.load(folder + "/image.nii").dataobj).astype(float)
mask = numpy.asarray(nibabel.load(folder + "/mask.nii").dataobj) != 0
image[~numpy.isfinite(image)] = numpy.nan


def quantise(x):
    return numpy.rint(numpy.clip(x, 0, 1) * 255) / 255


def figures(y, t, inside):
    data = numpy.isfinite(t) & inside[..., None]
    y, t = y[data], t[data]
    if t.size == 0:
        return [0] + 4 * [numpy.nan]
    errors = [numpy.mean((a - b) ** 2) for a, b in ((y, t), (y, quantise(t)), (quantise(y), t))]
    with numpy.errstate(divide="ignore"):
        return [t.size, errors[0], *(-10 * numpy.log10(errors))]


def to_unit(reference, data, constant_range):
    low, high = numpy.nanmin(reference, axis=(0, 1)), numpy.nanmax(reference, axis=(0, 1))
    return (data - low) / numpy.where(high > low, high - low, constant_range)


checked = 0
for name, first, last in (("volume", 0, 8), ("patches", 1, 8), ("rows", 0, 8), ("slices", 2, 7)):
    restored = numpy.asarray(nibabel.load(f"{folder}/{name}.nii").dataobj).astype(float)
    part = image[:, :, first:last]
    largest = numpy.max(numpy.nanmax(part, axis=(0, 1)) - numpy.nanmin(part, axis=(0, 1)), axis=0)
    largest[largest == 0] = 1
    lines = [line.split() for line in open(f"{folder}/{name}.txt")]
    assert len(lines) == 4 * (last - first), (name, len(lines))
    for form, z, constant, *values in lines:
        z = int(z)
        original = image[:, :, z]
        decoded = numpy.where(numpy.isnan(original), numpy.nan, restored[:, :, z - first])
        inside = mask[:, :, z] if form.endswith("masked") else numpy.ones(mask.shape[:2], bool)
        target = to_unit(original, original, largest)
        honest = form.startswith("honest")
        output = to_unit(original, decoded, largest) if honest else to_unit(decoded, decoded, 1)
        expected = figures(output, target, inside)
        got = [float(value) for value in values]
        same = numpy.allclose(got, expected, rtol=1e-4, atol=1e-10, equal_nan=True)
        assert same and int(constant) == (z == 3), (name, form, z, constant, got, expected)
        checked += 1
print(checked, "rows agree")
PYTHON
