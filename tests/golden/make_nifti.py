#!/usr/bin/env python3
"""Makes the NIfTI files of this folder and nifti_values.txt, what nibabel reads from them.

Usage: make_nifti.py [FOLDER]     (needs numpy and nibabel; the files are committed, so tests do not need it)

nifti_values.txt has for each file the lines
  file NAME version big_endian datatype nx ny nz n_volumes slope inter extension_bytes
  stored V...                    stored voxels, x fastest
  origin z0 x y z x y z          where voxel (0, 0, z0) lies by nibabel's sform and by its qform
"""
import gzip
import io
import os
import sys

import nibabel
import numpy

FOLDER = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
AFFINE = numpy.array(
    [[-1.9, 0.1, 0.3, 90.5], [0.2, 2.2, -0.4, -126.25], [-0.3, 0.5, 2.8, -72.0], [0, 0, 0, 1]]
)


def image(version, order, dtype, shape, slope, inter, extension=None, seed=1):
    random = numpy.random.RandomState(seed)
    dtype = numpy.dtype(dtype).newbyteorder(order)
    if dtype.kind == "f":
        stored = random.normal(0, 100, shape).astype(dtype)
    else:
        limits = numpy.iinfo(dtype)
        stored = random.randint(limits.min, limits.max, shape, dtype=dtype.newbyteorder("=")).astype(dtype)
    kind = nibabel.Nifti1Image if version == 1 else nibabel.Nifti2Image
    result = kind(stored, None, kind.header_class(endianness=order), dtype=dtype)
    result.header.set_data_dtype(dtype)
    result.set_qform(AFFINE, 1)  # drops the shear
    result.set_sform(AFFINE, 2)
    result.header.set_xyzt_units("mm", "sec")
    if extension:
        result.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", extension))
    return result, stored, slope, inter


def file_bytes(made):
    """The file's bytes with slope and inter in the header and the stored values untouched."""
    result, stored, slope, inter = made
    header = result.header.copy()
    header.set_slope_inter(slope, inter)
    header["vox_offset"] = header.single_vox_offset + sum(e.get_sizeondisk() for e in header.extensions)
    stream = io.BytesIO()
    header.write_to(stream)
    stream.write(b"\0" * (int(header["vox_offset"]) - stream.tell()))
    stream.write(stored.tobytes(order="F"))
    return stream.getvalue()


def describe(name, out):
    path = os.path.join(FOLDER, name)
    read = nibabel.load(path)
    header = read.header
    shape = list(read.shape[:3]) + [1] * (3 - len(read.shape[:3]))
    volumes = int(numpy.prod(read.shape[3:]))
    slope, inter = read.dataobj.slope, read.dataobj.inter
    big_endian = int(header.endianness == ">")
    extension = sum(e.get_sizeondisk() for e in header.extensions)
    version = 2 if isinstance(read, nibabel.Nifti2Image) else 1
    datatype = header.get_data_dtype().newbyteorder("=").name
    numbers = [*shape, volumes, repr(float(slope)), repr(float(inter)), extension]
    print("file", name, version, big_endian, datatype, *numbers, file=out)
    stored = numpy.asarray(read.dataobj.get_unscaled()).ravel(order="F")
    print("stored", *[repr(v.item()) for v in stored], file=out)
    for z0 in (1, 2):
        origins = [affine @ [0, 0, z0, 1] for affine in (header.get_sform(), header.get_qform())]
        coordinates = [repr(float(v)) for origin in origins for v in origin[:3]]
        print("origin", z0, *coordinates, file=out)


def main():
    files = {
        "int16_slope.nii": image(1, "<", "int16", (5, 4, 3, 2), 0.25, -7.5),
        "float32_big_endian_2.nii.gz": image(2, ">", "float32", (3, 5, 4, 2), 1, 0, seed=2),
        "uint16_extension.nii": image(
            1, ">", "uint16", (4, 3, 3, 3), 20.0776, 0, b"one comment of a test", seed=3
        ),
        "uint8_3d.nii.gz": image(2, "<", "uint8", (4, 3, 5), 1, 0, seed=4),
    }
    with open(os.path.join(FOLDER, "nifti_values.txt"), "w") as out:
        for name, made in files.items():
            content = file_bytes(made)
            if name.endswith(".gz"):
                content = gzip.compress(content, mtime=0)
            with open(os.path.join(FOLDER, name), "wb") as file:
                file.write(content)
            describe(name, out)


if __name__ == "__main__":
    main()
