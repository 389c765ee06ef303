# nibabel reads what formats/nifti writes.
source "$(dirname "$0")/../common.sh"
needs_python nibabel,numpy
"$built/unit_nifti" --write "$folder"
"$python" - "$folder" <<'PYTHON'
import glob
import os
import sys

import nibabel
import numpy

expected = (numpy.arange(120) - 10).reshape((5, 4, 3, 2), order="F")
files = sorted(glob.glob(os.path.join(sys.argv[1], "*_*.nii*")))
assert len(files) == 2 * 2 * 10 * 2, len(files)
for path in files:
    datatype, version, order = os.path.basename(path).split(".")[0].split("_")
    image = nibabel.load(path)
    header = image.header
    assert isinstance(image, nibabel.Nifti2Image) == (version == "2"), path
    assert (header.endianness != {"little": "<", "big": ">"}[sys.byteorder]) == (order == "swapped"), path
    assert header.get_data_dtype().newbyteorder("=").name == datatype, path
    assert (image.dataobj.slope, image.dataobj.inter) == (2, -1), path
    assert [e.get_code() for e in header.extensions] == [6], path
    stored = numpy.asarray(image.dataobj.get_unscaled())
    values = expected.clip(0) if datatype.startswith("uint") else expected
    assert stored.shape == values.shape and (stored == values).all(), path
new = nibabel.load(os.path.join(sys.argv[1], "new.nii"))
assert (numpy.asarray(new.dataobj) == expected).all()
assert numpy.allclose(new.affine, [[2, 0, 0, -4], [0, 1.5, 0, -2.25], [0, 0, 3, -3], [0, 0, 0, 1]])
assert new.header.get_xyzt_units() == ("mm", "sec") and new.header.get_zooms() == (2, 1.5, 3, 1)
part = nibabel.load(os.path.join(sys.argv[1], "part.nii.gz"))
slicing = new.slicer[:, :, 1:3, 0:1]
assert part.shape == slicing.shape and numpy.allclose(part.affine, slicing.affine)
assert (numpy.asarray(part.dataobj) == numpy.asarray(slicing.dataobj)).all()
print(len(files) + 2, "files agree")
PYTHON
