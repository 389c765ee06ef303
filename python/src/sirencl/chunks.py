"""Chunks of arrays as archives, lossless or with a bound, and the codec for numcodecs and zarr 2."""

from __future__ import annotations

from typing import Any, Mapping, Optional

import numpy as np
from numcodecs.abc import Codec
from numcodecs.compat import ensure_bytes, ensure_ndarray, ndarray_copy

from .archive import Archive
from .compression import compress


def _order(n_axes: int, axes: Optional[str]) -> list[Optional[int]]:
    """Which axis of a chunk is x, y, z, and then volumes, the fastest first; None where it has none."""
    if axes is None:
        order: list[Optional[int]] = [*reversed(range(n_axes))]
        return order + [None] * (3 - n_axes)
    if len(axes) != n_axes or len(set(axes)) != n_axes:
        raise ValueError(f"axes are {axes!r}, a different letter for each axis, but the chunk has {n_axes}")
    spatial = [axes.index(letter) if letter in axes else None for letter in "xyz"]
    return spatial + [axis for axis in range(n_axes) if axis not in spatial]


def encode_chunk(chunk: np.ndarray, max_error: float = 0, axes: Optional[str] = None) -> bytes:
    """An archive of a chunk.

    Parameters
    ----------
    chunk : ndarray
        1 to 7 axes, integers of 8 to 64 bits, float32 or float64.
    max_error : float
        Largest error; 0 keeps every bit.
    axes : str, optional
        A letter for each axis, of which x, y and z are spatial: ``"xyzt"`` of NIfTI, ``"tzyx"`` of OME-Zarr.
        Unless given the last axis is x, the one before it y, then z.
    """
    order = _order(chunk.ndim, axes)
    image = chunk.transpose([axis for axis in order if axis is not None])
    for at, axis in enumerate(order):
        if axis is None:
            image = np.expand_dims(image, at)
    target: dict[str, Any] = {"max_error": max_error} if max_error else {"lossless": True}
    archive = compress(image, effort=3, **target)  # chunks are small and many: no training
    assert isinstance(archive, bytes)
    return archive


def decode_chunk(archive: bytes, shape: Optional[tuple[int, ...]], axes: Optional[str] = None) -> np.ndarray:
    """The chunk of an archive, of `shape` in C order; flat, in that order, where `shape` is None, and so is `axes`."""
    with Archive(archive, cache=0) as opened:
        values = opened.read()
        if shape is None:
            if axes is None:
                return values.ravel(order="F")
            raise ValueError("with axes the chunk's shape is needed")
    order = _order(len(shape), axes)
    values = values.reshape([1 if axis is None else shape[axis] for axis in order], order="F")
    values = values.squeeze(tuple(at for at, axis in enumerate(order) if axis is None))
    return np.ascontiguousarray(values.transpose(np.argsort([axis for axis in order if axis is not None])))


class Siren(Codec):  # type: ignore[misc]
    """A codec of numcodecs, as the compressor of zarr 2 arrays in C order.

    Parameters
    ----------
    max_error : float
        Largest error; 0 keeps every bit.
    """

    codec_id = "sirencl"

    def __init__(self, max_error: float = 0):
        self.max_error = max_error

    def encode(self, buf: Any) -> bytes:
        chunk = ensure_ndarray(buf)
        if not chunk.flags.c_contiguous:
            raise ValueError("the codec sirencl takes arrays in C order alone")
        return encode_chunk(chunk, self.max_error)

    def decode(self, buf: Any, out: Any = None) -> Any:
        values = decode_chunk(ensure_bytes(buf), None)
        return values if out is None else ndarray_copy(values, out)

    def get_config(self) -> Mapping[str, Any]:
        return {"id": self.codec_id, "max_error": self.max_error}
