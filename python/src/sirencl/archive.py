"""An archive that is open for reading: what it says of itself, and boxes of its voxels as arrays."""

from __future__ import annotations

import ctypes
import os
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Optional, Union

import numpy as np

from . import _library
from ._library import check, library

DATATYPES = {  # NIfTI's codes
    2: "uint8",
    4: "int16",
    8: "int32",
    16: "float32",
    64: "float64",
    256: "int8",
    512: "uint16",
    768: "uint32",
    1024: "int64",
    1280: "uint64",
}
CODINGS = ("network", "predictive", "transform")
BLOCK_KINDS = ("by model", "slice", "volume", "patch")

PathOrBytes = Union[str, "os.PathLike[str]", bytes, bytearray, memoryview]


@dataclass(frozen=True)
class Block:
    """One block of an archive: what one network, or one predicted or transformed slice, stands for.

    Attributes
    ----------
    number : int
        Of a slice: its z.
    first, size : (3,) tuple of int
        x, y, z of its first voxel, and voxels along each axis.
    n_points : int
        Voxels of one volume that are stored: those inside the mask.
    bytes : int
        Of its record.
    mse, psnr : float
        Of what it decodes to, on targets scaled to [0, 1]; dB.
    """

    number: int
    first: tuple[int, ...]
    size: tuple[int, ...]
    n_points: int
    bytes: int
    mse: float
    psnr: float


@dataclass(frozen=True)
class Layer:
    """One layer of an archive's network."""

    width: int
    activation: str
    w0: float


@dataclass(frozen=True)
class ArchiveInfo:
    """What ``sirencl info`` tells of an archive.

    Attributes
    ----------
    bytes, series_bytes : int
        Of the archive, and of the archived slices' voxels in their stored type.
    ratio, ratio_float32 : float
        `series_bytes` by `bytes`; the same with 4 bytes a voxel.
    psnr : float
        Scaled PSNR in dB: mean over the blocks, each volume of a block on its own range. Infinity for lossless.
    n_apart : int
        Voxels of all volumes that lie far outside the rest and are kept bit for bit.
    block_kind : str
        ``"slice"``, ``"volume"`` or ``"patch"``.
    blocks : tuple of Block
    masked : bool
        Only voxels inside a mask are stored; all others are `background`, in stored units.
    n_inside, n_voxels : int
        Of one volume of the archived slices: inside the mask, and all.
    shape : (4,) tuple of int
        x, y, z, volumes of the original series.
    dtype : numpy.dtype
        Of stored values.
    z_begin, z_end : int
        Slices that the archive holds.
    nifti_version : int
        1 or 2.
    slope, inter : float
        value = slope * stored + inter
    coding : str
        ``"network"``, ``"predictive"`` (lossless, or with `max_error` in stored units) or ``"transform"``.
    n_params, weight_bits : int
        Parameters of one network, and bits of each; 0 bits mean float32.
    layers : tuple of Layer
        The output layer included.
    attachments : tuple of str
        Suffixes, ``".bval"``.
    provenance : dict
        How it was made.
    volume_coordinates : tuple of str
        Of a network that learns in coordinates of volumes, too: their names, ``"TE"``; else empty.
    context_bytes, restoration_bytes : int
        Of networks beside a predictive or a transform coding: that which tells what to expect, and that which restores pixels; 0: none.
    """

    bytes: int
    series_bytes: int
    ratio: float
    ratio_float32: float
    psnr: float
    n_apart: int
    block_kind: str
    blocks: tuple[Block, ...]
    masked: bool
    n_inside: int
    n_voxels: int
    background: float
    shape: tuple[int, int, int, int]
    dtype: np.dtype
    z_begin: int
    z_end: int
    nifti_version: int
    slope: float
    inter: float
    coding: str
    max_error: float
    n_params: int
    weight_bits: int
    layers: tuple[Layer, ...]
    attachments: tuple[str, ...]
    provenance: dict[str, str]
    volume_coordinates: tuple[str, ...] = ()
    context_bytes: int = 0
    restoration_bytes: int = 0


class Archive:
    """A ``.siren`` archive open for reading. Several threads may read it at once.

    Parameters
    ----------
    archive : path or bytes
        A file, or the bytes of one.
    cache : int, optional
        Bytes of decoded blocks that are kept, the latest ones; 64 MiB unless set.

    Examples
    --------
    >>> with sirencl.Archive("dwi.siren") as archive:    # doctest: +SKIP
    ...     series = archive.read(x=(40, 41), y=(52, 53), z=(2, 3))
    """

    def __init__(self, archive: PathOrBytes, cache: Optional[int] = None):
        handle = ctypes.c_void_p()
        self._handle: Optional[ctypes.c_void_p] = None
        self._n_users, self._closed, self._lock = 0, False, threading.Lock()
        self.path: Optional[str] = None
        self._bytes = b""
        if isinstance(archive, (bytes, bytearray, memoryview)):
            self._bytes = bytes(archive)  # borrowed by the reader
            check(library().siren_reader_open_memory(self._bytes, len(self._bytes), ctypes.byref(handle)))
        else:
            self.path = os.path.abspath(os.fspath(archive))
            os.stat(self.path)  # a missing file is a FileNotFoundError
            check(library().siren_reader_open(os.fsencode(self.path), ctypes.byref(handle)))
        self._handle = handle
        if cache is not None:
            check(library().siren_reader_set_cache(handle, cache))
        self.info = self._info()

    # ---- life ----

    def close(self) -> None:
        """Closes the archive; reads that are under way in other threads end first. Twice is once."""
        with self._lock:
            self._closed = True
        self._release()

    def _release(self) -> None:
        with self._lock:
            handle = self._handle
            if handle is None or self._n_users > 0:
                return
            self._handle = None
        library().siren_reader_close(handle)

    def _use(self) -> ctypes.c_void_p:
        with self._lock:
            if self._closed or self._handle is None:
                raise ValueError(f"{self.path or 'the archive in memory'}: read after close()")
            self._n_users += 1
            return self._handle

    def _leave(self) -> None:
        with self._lock:
            self._n_users -= 1
            last = self._closed
        if last:
            self._release()

    def __enter__(self) -> "Archive":
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_handle", None) is not None:
            self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return Archive, (self.path if self.path is not None else self._bytes,)

    # ---- what it says ----

    def _info(self) -> ArchiveInfo:
        pointer = ctypes.POINTER(_library.ArchiveInfo)()
        check(library().siren_reader_info(self._handle, ctypes.byref(pointer)))
        c = pointer.contents
        provenance = (c.provenance or b"").decode("utf-8", "replace").splitlines()
        return ArchiveInfo(
            bytes=c.bytes,
            series_bytes=c.series_bytes,
            ratio=c.ratio,
            ratio_float32=c.ratio_float32,
            psnr=c.psnr,
            n_apart=c.n_apart,
            block_kind=BLOCK_KINDS[c.block_kind],
            blocks=tuple(
                Block(b.number, tuple(b.first), tuple(b.size), b.n_points, b.bytes, b.mse, b.psnr)
                for b in c.blocks[: c.n_blocks]
            ),
            masked=c.masked,
            n_inside=c.n_inside,
            n_voxels=c.n_voxels,
            background=c.background,
            shape=(c.nx, c.ny, c.nz, c.n_volumes),
            dtype=np.dtype(DATATYPES[c.datatype]),
            z_begin=c.z_begin,
            z_end=c.z_end,
            nifti_version=c.nifti_version,
            slope=c.slope,
            inter=c.inter,
            coding=CODINGS[c.coding],
            max_error=c.max_error,
            n_params=c.n_params,
            weight_bits=c.weight_bits,
            layers=tuple(Layer(n.width, n.activation.decode(), n.w0) for n in c.layers[: c.n_layers]),
            attachments=tuple(c.attachments[i].value.decode() for i in range(c.n_attachments)),
            provenance=dict(line.split("=", 1) for line in provenance if "=" in line),
            volume_coordinates=tuple(c.volume_coordinates[i].value.decode() for i in range(c.n_volume_coordinates)),
            context_bytes=c.context_bytes,
            restoration_bytes=c.restoration_bytes,
        )

    @property
    def header(self) -> bytes:
        """The original NIfTI header with its extensions, byte for byte."""
        handle, start, n = self._use(), ctypes.c_void_p(), ctypes.c_size_t()
        try:
            check(library().siren_reader_header(handle, ctypes.byref(start), ctypes.byref(n)))
            return ctypes.string_at(start, n.value)
        finally:
            self._leave()

    def attachment(self, suffix: str) -> Optional[bytes]:
        """The file that was attached under `suffix` (``".bval"``); None where there is none."""
        handle, start, n = self._use(), ctypes.c_void_p(), ctypes.c_size_t()
        try:
            check(library().siren_reader_attachment(handle, suffix.encode(), ctypes.byref(start), ctypes.byref(n)))
            return ctypes.string_at(start, n.value) if start.value is not None else None
        finally:
            self._leave()

    def _table(self, suffix: str) -> Optional[np.ndarray]:
        text = self.attachment(suffix)
        if text is None:
            return None
        lines = [
            line.split("#")[0].replace(",", " ").replace(";", " ") for line in text.decode("utf-8-sig").splitlines()
        ]
        return np.array([[float(word) for word in line.split()] for line in lines if line.strip()], dtype=float)

    @property
    def bvals(self) -> Optional[np.ndarray]:
        """(n_volumes,) b-values in s/mm2 from the attached ``.bval``; None where there is none."""
        table = self._table(".bval")
        return None if table is None else table.ravel()

    @property
    def bvecs(self) -> Optional[np.ndarray]:
        """(n_volumes, 3) directions from the attached ``.bvec``, in its frame, FSL's; None where there is none."""
        table = self._table(".bvec")
        if table is None:
            return None
        return table.T if table.shape[0] == 3 and table.shape[1] == self.info.shape[3] else table

    # ---- voxels ----

    def read(
        self,
        x: Optional[tuple[int, int]] = None,
        y: Optional[tuple[int, int]] = None,
        z: Optional[tuple[int, int]] = None,
        volumes: Optional[tuple[int, int]] = None,
        scaled: bool = False,
    ) -> np.ndarray:
        """Decodes a box, and no more than it needs, on the host.

        Parameters
        ----------
        x, y, z, volumes : (begin, end), optional
            Voxels of the original series, counted from 0, without the end; all that the archive holds unless given.
        scaled : bool
            slope * stored + inter as float32, instead of stored values.

        Returns
        -------
        box : (n_x, n_y, n_z, n_volumes) ndarray, x fastest
            Of the archive's dtype, or float32.

        Raises
        ------
        UsageError
            For a box outside what the archive holds.
        IntegrityError
            Where a block decodes to other voxels than it should.
        """
        info = self.info
        ends = (info.shape[0], info.shape[1], info.z_end, info.shape[3])
        spans = [
            (first, end) if span is None else (int(span[0]), int(span[1]))
            for span, first, end in zip((x, y, z, volumes), (0, 0, info.z_begin, 0), ends)
        ]
        for name, (begin, end) in zip(("x", "y", "z", "volumes"), spans):
            if begin < 0 or end < begin:
                raise ValueError(f"{name} is ({begin}, {end}): not a range of voxels")
        box = np.empty(tuple(end - begin for begin, end in spans), np.float32 if scaled else info.dtype, order="F")
        handle = self._use()
        try:
            if box.size:
                c_box = _library.Box(*(_library.Span(*span) for span in spans))
                check(
                    library().siren_reader_read(handle, ctypes.byref(c_box), int(scaled), box.ctypes.data, box.nbytes)
                )
        finally:
            self._leave()
        return box


def info(archive: PathOrBytes) -> ArchiveInfo:
    """What ``sirencl info`` tells of an archive.

    Parameters
    ----------
    archive : path or bytes

    Returns
    -------
    ArchiveInfo
    """
    with Archive(archive) as opened:
        return opened.info
