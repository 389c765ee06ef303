"""The differences of two images."""

from __future__ import annotations

import ctypes
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional, Union

import numpy as np

from . import _library
from ._calls import call
from ._library import check, library
from .compression import Source, decompress


@dataclass(frozen=True)
class Comparison:
    """What ``sirencl compare`` tells, on scaled values.

    Attributes
    ----------
    n_voxels : int
        Compared: inside the mask, all volumes, finite in both.
    n_unequal_finite : int
        Finite in one image only, or not the same kind of non-finite.
    mse : float
        Mean of (x - x')^2.
    psnr : float
        10 log10(peak^2 / mse) in dB, peak = maximum - minimum of the first image; infinity for mse 0.
    max_abs_error : float
    relative_error : float
        Mean of |x - x'| / |x| over the `n_relative` voxels with x other than 0.
    n_relative : int
    minimum, maximum : float
        Of the first image.
    n_apart : int
        Voxels that lie far outside the rest.
    """

    n_voxels: int
    n_unequal_finite: int
    mse: float
    psnr: float
    max_abs_error: float
    relative_error: float
    n_relative: int
    minimum: float
    maximum: float
    n_apart: int


def _affine(source: Source) -> np.ndarray:
    import nibabel

    if isinstance(source, np.ndarray):
        return np.eye(4)
    image: Any = nibabel.load(source) if isinstance(source, (str, os.PathLike)) else source
    return np.eye(4) if image.affine is None else image.affine


def _file(source: Source, other: Source, folder: Path) -> "Union[str, os.PathLike[str]]":
    """A NIfTI file of the source; of what is none, one in `folder`. An array lies where the other image does."""
    import nibabel

    if isinstance(source, (str, os.PathLike)):
        os.stat(source)
        return decompress(source, folder / "image.nii") if os.fspath(source).endswith(".siren") else source
    if isinstance(source, np.ndarray):
        source = nibabel.Nifti1Image(source, _affine(other), dtype=source.dtype)
    elif not hasattr(source, "dataobj"):
        raise TypeError(f"a {type(source).__name__} is neither a path, a numpy array nor a nibabel image")
    nibabel.save(source, folder / "image.nii")
    return folder / "image.nii"


def compare(image: Source, other: Source, mask: "Optional[Union[str, os.PathLike[str]]]" = None) -> Comparison:
    """Compares two images of equal dimensions.

    Parameters
    ----------
    image, other : path, nibabel image or ndarray
        NIfTI files, archives, images or arrays; `image` is the original.
    mask : path, optional
        A 3-D image of the same grid, whose voxels other than 0 count.

    Returns
    -------
    Comparison
    """
    found = _library.Comparison()
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        files = [os.fsencode(_file(image, other, Path(first))), os.fsencode(_file(other, image, Path(second)))]
        with call({"mask": mask}) as options:
            check(library().siren_compare(*files, options, ctypes.byref(found)))
    return Comparison(**{field[0]: getattr(found, field[0]) for field in found._fields_})
