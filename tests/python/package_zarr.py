"""Chunks of zarr arrays through the codecs, against the arrays."""

import json
import sys
from pathlib import Path

import nibabel
import numcodecs
import numpy as np

import sirencl.chunks
from package_checks import raises, same

folder = Path(sys.argv[1])
values = np.asarray(nibabel.load(folder / "dwi.nii.gz").dataobj)

# Axes in every order, and more and fewer than four.
letters = {
    "xyzt": values,
    "tzyx": values.T,
    "txyz": np.moveaxis(values, 3, 0),
    "yxt": values[:, :, 2].transpose(1, 0, 2),
    "x": values[:, 3, 2, 5],
    "tyx": values[:, :, 3].T,
}
letters["cxyzt"] = np.stack([values, values + np.int16(5)])
for axes, chunk in letters.items():
    for given in (axes, None):
        same(sirencl.chunks.decode_chunk(sirencl.chunks.encode_chunk(chunk, 0, given), chunk.shape, given), chunk)
raises(ValueError, "xyz", sirencl.chunks.encode_chunk, values, 0, "xyz")
raises(ValueError, "xxyz", sirencl.chunks.encode_chunk, values, 0, "xxyz")

codec = numcodecs.get_codec({"id": "sirencl", "max_error": 3}) if "--installed" in sys.argv else sirencl.chunks.Siren(3)
assert codec.get_config() == {"id": "sirencl", "max_error": 3}
decoded = codec.decode(codec.encode(np.ascontiguousarray(values))).reshape(values.shape)
assert decoded.dtype == values.dtype and 0 < np.abs(decoded.astype(int) - values).max() <= 3
out = np.empty(values.shape, values.dtype)
sirencl.chunks.Siren().decode(sirencl.chunks.Siren().encode(np.ascontiguousarray(values)), out)
same(out, values)
raises(ValueError, "C order", codec.encode, np.asfortranarray(values))

try:
    import zarr
    from sirencl.zarr import SirenCodec
except ImportError:
    print("skipped in part: there is no zarr 3")
    sys.exit()
if "--installed" not in sys.argv:
    zarr.registry.register_codec("sirencl", SirenCodec)
for number, (dtype, bound) in enumerate(
    [("int16", 0), ("uint8", 0), ("float32", 0), (">i2", 0), ("int16", 4), ("float32", 0.25)]
):
    array = (values % 200 if dtype == "uint8" else values / 7 if dtype == "float32" else values).astype(dtype)
    path = folder / f"{number}.zarr"
    zarr.create_array(path, data=array, chunks=(10, 20, 4, 12), serializer=SirenCodec(bound, "xyzt"), compressors=None)
    metadata = json.loads((path / "zarr.json").read_text())
    assert metadata["codecs"] == [{"name": "sirencl", "configuration": {"max_error": bound, "axes": "xyzt"}}]
    read = zarr.open_array(path, mode="r")
    if bound:
        assert 0 < np.abs(read[:].astype(float) - array).max() <= bound
    else:
        same(read[:], array)
        same(read[3:17, 2, 1:5, ::3], array[3:17, 2, 1:5, ::3])
try:
    import xarray
except ImportError:
    print("skipped in part: there is no xarray")
else:
    series = xarray.DataArray(values, dims=("x", "y", "z", "volume"), coords={"volume": np.arange(12)}, name="dwi")
    encoding = {"dwi": {"chunks": (24, 20, 3, 12), "serializer": SirenCodec(axes="xyzt"), "compressors": None}}
    series.to_dataset().to_zarr(folder / "x.zarr", encoding=encoding, zarr_format=3, consolidated=False)
    opened = xarray.open_zarr(folder / "x.zarr", consolidated=False, chunks=None)
    same(opened.dwi.sel(volume=3, z=2), values[:, :, 2, 3])
chunk = folder / "0.zarr" / "c" / "0" / "0" / "0" / "0"
chunk.write_bytes(chunk.read_bytes()[:-40])
raises(sirencl.CorruptError, "", zarr.open_array(folder / "0.zarr", mode="r").__getitem__, (0, 0, 0, 0))
