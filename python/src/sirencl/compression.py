"""Images and arrays into archives, and back to files."""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Iterator, Mapping, Optional, Union

import numpy as np

from . import _library, devices
from ._calls import Progress, call
from ._library import check, library
from .archive import DATATYPES, Archive

if TYPE_CHECKING:
    import nibabel
    from numpy.typing import ArrayLike

_codes = {name: code for code, name in DATATYPES.items()}
Source = Union[str, "os.PathLike[str]", np.ndarray, "nibabel.spatialimages.SpatialImage"]


def _checked(array: np.ndarray) -> np.ndarray:
    """The array, in this machine's byte order and with strides for the library; copied only where it must be."""
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError("a masked array has no values under its mask: give its filled(), and mask= a file")
    if array.dtype.newbyteorder("=").name not in _codes:
        raise TypeError(f"voxels of type {array.dtype} are not supported, only {', '.join(sorted(_codes))}")
    if array.ndim == 0 or array.ndim > 7:
        raise ValueError(f"an image has 1 to 7 axes, the array {array.ndim}")
    if array.size == 0:
        raise ValueError(f"an array of shape {array.shape} has no voxels")
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="), order="F")
    if any(stride == 0 for stride, length in zip(array.strides, array.shape) if length > 1):
        array = np.array(array, order="F")  # broadcast
    if not array.flags.aligned:
        array = np.array(array, order="F")
    return array


def _described(
    array: np.ndarray, slope: float, inter: float, header: Optional[bytes], affine: Optional[np.ndarray]
) -> _library.Array:
    c = _library.Array(array.ctypes.data, _codes[array.dtype.name], array.ndim)
    stride = array.itemsize
    for axis, length in enumerate(array.shape):
        c.shape[axis] = length
        c.strides[axis] = array.strides[axis] if length > 1 else stride  # numpy's may be anything there
        stride = abs(c.strides[axis]) * length
    c.slope, c.inter = slope, inter
    if affine is not None:
        c.affine = affine.ctypes.data_as(ctypes.POINTER(ctypes.c_double))
    if header is not None:
        c.header, c.header_bytes = header, len(header)
    return c


def _of_image(image: "nibabel.spatialimages.SpatialImage") -> tuple[np.ndarray, float, float, bytes]:
    """Voxels, scaling and NIfTI header of nibabel's image: stored values where it has them, else the array's own."""
    import nibabel

    if not isinstance(image.header, nibabel.Nifti1Header):
        image = nibabel.Nifti1Image.from_image(image)
    proxy = image.dataobj
    slope, inter = 1.0, 0.0
    if nibabel.is_proxy(proxy) and hasattr(proxy, "get_unscaled"):
        array = np.asanyarray(proxy.get_unscaled())
        slope, inter = float(getattr(proxy, "slope", 1.0)), float(getattr(proxy, "inter", 0.0))
    else:
        array = np.asanyarray(proxy)
    array = _checked(array)
    kind = nibabel.Nifti2Header if isinstance(image.header, nibabel.Nifti2Header) else nibabel.Nifti1Header
    header = kind.from_header(image.header, check=False)
    header.set_data_dtype(array.dtype)
    header.set_data_shape(array.shape)
    header.set_slope_inter(slope, inter)
    header["vox_offset"] = 0  # as long as the extensions want it
    header["magic"] = header.single_magic
    stream = io.BytesIO()
    header.write_to(stream)
    return array, slope, inter, stream.getvalue()


def _table(rows: "ArrayLike", n_columns: Optional[int]) -> bytes:
    table = np.atleast_2d(np.asarray(rows, float))
    if n_columns is not None and table.shape[0] != n_columns:
        table = table.T
        if table.shape[0] != n_columns:
            raise ValueError(f"bvecs are (n_volumes, 3), not {table.shape[::-1]}")
    return "".join(" ".join(f"{value:.10g}" for value in row) + "\n" for row in table).encode()


@contextlib.contextmanager
def _image(
    source: Source,
    options: ctypes.c_void_p,
    affine: Optional["ArrayLike"],
    scaling: tuple[float, float],
    attachments: Mapping[str, bytes],
) -> Iterator[ctypes.c_void_p]:
    image = ctypes.c_void_p()
    if isinstance(source, (str, os.PathLike)):
        if affine is not None or scaling != (1, 0):
            raise ValueError("a file has an affine and a scaling of its own")
        os.stat(source)  # a missing file is a FileNotFoundError
        check(library().siren_image_read(os.fsencode(source), options, ctypes.byref(image)))
    else:
        if isinstance(source, np.ndarray):
            array, (slope, inter), header = _checked(source), scaling, None
        elif hasattr(source, "dataobj") and hasattr(source, "header"):
            if affine is not None or scaling != (1, 0):
                raise ValueError("an image has an affine and a scaling of its own")
            array, slope, inter, header = _of_image(source)
        else:
            raise TypeError(f"a {type(source).__name__} is neither a path, a numpy array nor a nibabel image")
        transform = None
        if affine is not None:
            transform = np.ascontiguousarray(affine, np.float64)
            if transform.shape not in ((3, 4), (4, 4)):
                raise ValueError(f"an affine is (4, 4) or (3, 4), not {transform.shape}")
        c = _described(array, slope, inter, header, transform)
        check(library().siren_image_from_array(ctypes.byref(c), ctypes.byref(image)))  # borrows `array`
    try:
        for suffix, content in attachments.items():
            check(library().siren_image_attach(image, suffix.encode(), content, len(content)))
        yield image
    finally:
        library().siren_image_free(image)


def _own_attachments(source: Source) -> dict[str, bytes]:
    """Of an image of an archive."""
    archive = getattr(source, "archive", None)
    if not isinstance(archive, Archive):
        return {}
    return {suffix: archive.attachment(suffix) or b"" for suffix in archive.info.attachments}


def compress(
    image: Source,
    path: Optional[Union[str, "os.PathLike[str]"]] = None,
    *,
    lossless: bool = False,
    max_error: Optional[Union[float, str]] = None,
    ratio: Optional[float] = None,
    size: Optional[Union[int, str]] = None,
    psnr: Optional[float] = None,
    noise: Optional[float] = None,
    device: Optional[str] = None,
    progress: Optional[Progress] = None,
    affine: Optional["ArrayLike"] = None,
    slope: float = 1.0,
    inter: float = 0.0,
    bvals: Optional["ArrayLike"] = None,
    bvecs: Optional["ArrayLike"] = None,
    attachments: Optional[Mapping[str, bytes]] = None,
    anonymise: bool = False,
    **settings: object,
) -> Union[bytes, Path]:
    """Compresses an image or an array as ``sirencl compress`` does: without one of six targets networks are trained.

    Parameters
    ----------
    image : path, nibabel image or ndarray
        A NIfTI file, to whose archive the tables and the sidecar beside it are attached; an image, whose stored
        values and scaling are taken where its voxels are still on disk, with its header, and of an archive its
        attachments; or an array of (x, y, z, volumes...) in any order and with any strides, of 1 to 7 axes: integers
        of 8 to 64 bits, float32 or float64. Nothing is copied where x is fastest.
    path : path, optional
        Of the archive. Nothing appears there unless all went well, and nothing is replaced without ``force=True``.
    lossless : bool
        Every bit is kept.
    max_error : float, optional
        Largest error, in stored units, or ``"2%"`` of their range.
    ratio : float, optional
        Least ratio of stored voxels to the archive.
    size : int or str, optional
        Most bytes of the archive, or ``"2M"``.
    psnr : float, optional
        Least mean PSNR of the slices, in dB.
    noise : float, optional
        Root mean square error in units of the noise's sigma, which is estimated.
    device : str, optional
        To train on: ``"cpu"``, ``"gpu"``, ``"0:1"``, or a part of a name; the first GPU unless given. With a target
        none is opened, unless ``model`` names a network, or a device is given for ``model="auto"``.
    progress : callable, optional
        ``progress(done, total, what)``, called in this thread; returning False cancels. Ctrl-C does so, too.
    affine : (4, 4) or (3, 4) array_like, optional
        Of an array: voxel indices to mm.
    slope, inter : float
        Of an array: value = slope * stored + inter.
    bvals : (n_volumes,) array_like, optional
        b-values in s/mm2, attached as ``.bval``.
    bvecs : (n_volumes, 3) or (3, n_volumes) array_like, optional
        Directions, attached as ``.bvec``, in FSL's frame.
    attachments : dict of bytes, optional
        Further files by suffix, ``{".json": b"{}"}``.
    anonymise : bool
        Texts and extensions of the header, bytes after the voxels and what identifies in the JSON sidecar are not
        stored (docs/bids.md lists the keys); the logger ``sirencl`` tells what that was. Voxels are untouched.
    **settings
        As `sirencl.settings` lists them: ``width=128``, ``epochs=300``, ``mask="mask.nii.gz"``, ``force=True``.

    Returns
    -------
    archive : Path or bytes
        `path`, or the archive's bytes where there is none.

    Raises
    ------
    TypeError, ValueError
        For arrays that are no image.
    SirenError
        By the library's status: BoundError where a target is out of reach, NoDeviceError, CancelledError.
    """
    targets = {
        "lossless": lossless or None,
        "max_error": max_error,
        "ratio": ratio,
        "size": size,
        "psnr": psnr,
        "noise": noise,
    }
    chosen = [key for key, value in targets.items() if value is not None]
    if len(chosen) > 1:
        raise ValueError(f"{' and '.join(chosen)} exclude each other")
    attached = {**_own_attachments(image), **(attachments or {})}
    if bvals is not None:
        attached[".bval"] = _table(np.asarray(bvals, float).ravel(), None)
    if bvecs is not None:
        attached[".bvec"] = _table(bvecs, 3)
    model = settings.get("model", "transform" if chosen else "siren-2d")
    trains = model not in ("transform", "predictive", "auto") or (model == "auto" and device is not None)
    with contextlib.ExitStack() as stack:
        opened = stack.enter_context(devices.opened(device, train=True)) if trains else None
        options = stack.enter_context(call({**settings, **targets, "anonymise": anonymise or None}, progress))
        c_image = stack.enter_context(_image(image, options, affine, (slope, inter), attached))
        if path is not None:
            check(library().siren_compress(opened, c_image, options, os.fsencode(path)))
            return Path(path)
        start, n = ctypes.c_void_p(), ctypes.c_size_t()
        check(library().siren_compress_to_memory(opened, c_image, options, ctypes.byref(start), ctypes.byref(n)))
        try:
            return ctypes.string_at(start, n.value)
        finally:
            _library.libc.free(start)
    raise AssertionError("unreachable: the call above returns or raises")


def decompress(
    archive: Union[str, "os.PathLike[str]"],
    path: Optional[Union[str, "os.PathLike[str]"]] = None,
    *,
    device: Optional[str] = None,
    progress: Optional[Progress] = None,
    **settings: object,
) -> Path:
    """Restores the series with its original header, and its attachments beside it.

    Parameters
    ----------
    archive : path
    path : path, optional
        Of the image, ``.nii`` or ``.nii.gz``; beside the archive unless given.
    device : str, optional
        To decode on; the host unless given. The bits are the same.
    progress : callable, optional
        ``progress(done, total, what)``; returning False cancels.
    **settings
        ``slices=(2, 4)``, ``volumes=(0, 3)``, ``force=True``, ``plain_sidecar=True``.

    Returns
    -------
    path : Path
        Of the image.
    """
    os.stat(archive)
    target = Path(path) if path is not None else Path(archive).with_suffix(".nii.gz")
    with contextlib.ExitStack() as stack:
        opened = None if device is None else stack.enter_context(devices.opened(device, train=False))
        options = stack.enter_context(call(settings, progress))
        check(library().siren_decompress(opened, os.fsencode(archive), options, os.fsencode(target)))
    return target


def verify(
    archive: Union[str, "os.PathLike[str]"], *, device: Optional[str] = None, progress: Optional[Progress] = None
) -> int:
    """Checks every checksum of an archive and decodes every block.

    Returns
    -------
    n_blocks : int
        All of them are sound.

    Raises
    ------
    CorruptError, IntegrityError
        Of the first block that is not; the logger ``sirencl`` names each.
    """
    os.stat(archive)
    n = ctypes.c_size_t()
    with contextlib.ExitStack() as stack:
        opened = None if device is None else stack.enter_context(devices.opened(device, train=False))
        options = stack.enter_context(call({}, progress))
        check(library().siren_verify(opened, os.fsencode(archive), options, ctypes.byref(n)))
    return n.value
