# nibabel finds every voxel of a reordered series at its old place in the world.
source "$(dirname "$0")/../common.sh"
needs_python nibabel,numpy
"$built/unit_nifti_permute" --write "$folder"
"$python" - "$folder" <<'PYTHON'
import pathlib
import sys

import nibabel
import numpy

folder = pathlib.Path(sys.argv[1])
orders = {"x": (1, 2, 0), "y": (2, 0, 1)}
n = 0
for path in sorted(folder.glob("*_before.nii")):
    before = nibabel.load(path)
    stored = numpy.asarray(before.dataobj)
    voxels = numpy.indices(stored.shape[:3]).reshape(3, -1).T
    for axis, order in orders.items():
        after = nibabel.load(folder / path.name.replace("before", axis))
        assert (numpy.asarray(after.dataobj) == stored.transpose(*order, 3)).all(), (path, axis)
        assert after.header.get_zooms() == tuple(before.header.get_zooms()[i] for i in (*order, 3))
        frequency, phase, slices = before.header.get_dim_info()
        assert after.header.get_dim_info() == tuple(order.index(i) for i in (frequency, phase, slices))
        for form in ("get_sform", "get_qform"):
            old, code = getattr(before.header, form)(coded=True)
            new, new_code = getattr(after.header, form)(coded=True)
            assert code == new_code and code > 0
            places = nibabel.affines.apply_affine(old, voxels)
            assert numpy.allclose(places, nibabel.affines.apply_affine(new, voxels[:, order]), atol=2e-5, rtol=0), (path, axis, form)
        n += 1
assert n == 2 * 40, n
print(n, "images agree")
PYTHON
