"""Archives as images of nibabel, whose voxels are decoded when they are asked for."""

from __future__ import annotations

import io
import os
from typing import Any, Iterable, Optional, Union

import nibabel
import numpy as np
from nibabel import imageclasses
from nibabel.fileslice import canonical_slicers
from nibabel.volumeutils import apply_read_scaling

from .archive import Archive, ArchiveInfo
from .compression import compress

FAR = 64  # volumes further apart are read one by one: the network's hidden layers cost about as much as so many outputs


def _runs(indices: np.ndarray, gap: int) -> Iterable[tuple[slice, int, int]]:
    """Of ascending indices, parts without a gap: which indices, the first, and the end."""
    ends = np.flatnonzero(np.diff(indices) > gap) + 1
    for begin, end in zip([0, *ends], [*ends, len(indices)]):
        yield slice(begin, end), int(indices[begin]), int(indices[end - 1]) + 1


class SirenArrayProxy:
    """The voxels of an archive: an array that decodes only the boxes that its indices need, scaled as nibabel scales.

    Indices are integers, slices, None and Ellipsis, as for nibabel's own proxies. Several threads may read at once.

    Attributes
    ----------
    archive : Archive
    shape : tuple of int
        (x, y, z, volumes...), of the slices that the archive holds.
    dtype : numpy.dtype
        Of stored values; what is read is float64 where there is a scaling.
    slope, inter : float
    """

    is_proxy = True

    def __init__(self, archive: Archive, shape: tuple[int, ...], slope: Optional[float], inter: Optional[float]):
        info = archive.info
        self.archive = archive
        self.dtype = info.dtype
        self.slope = 1.0 if slope is None else slope
        self.inter = 0.0 if inter is None else inter
        self.shape = shape
        spatial = (info.shape[0], info.shape[1], info.z_end - info.z_begin)
        self._full = spatial + (shape[3:] or (info.shape[3],))
        if int(np.prod(self._full[3:])) != info.shape[3] or shape != self._full[: len(shape)]:
            raise ValueError(f"{archive.path}: the header's shape {shape} is not that of the archive, {info.shape}")

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def _stored(self, slicer: Any) -> np.ndarray:
        slicers = canonical_slicers(slicer, self.shape)
        chosen = [s for s in slicers if s is not None] + [0] * (len(self._full) - self.ndim)
        picked = [
            np.arange(n)[s] if isinstance(s, slice) else np.array([s], dtype=int) for s, n in zip(chosen, self._full)
        ]
        # Axes beyond the third count volumes, the fourth fastest.
        numbers = np.arange(self.archive.info.shape[3]).reshape(self._full[3:], order="F")
        volumes = numbers[np.ix_(*picked[3:])].ravel(order="F")
        lengths = [len(p) for p in picked]
        if 0 in lengths:
            box = np.empty([*lengths[:3], len(volumes)], self.dtype, order="F")
        else:
            box = self._boxes(picked[0], picked[1], picked[2], volumes)
        box = box.reshape(lengths, order="F")
        kept = [None if s is None else slice(None) if isinstance(s, slice) else 0 for s in slicers]
        return box[tuple(kept + [0] * (len(self._full) - self.ndim))]

    def _boxes(self, x: np.ndarray, y: np.ndarray, z: np.ndarray, volumes: np.ndarray) -> np.ndarray:
        """(x, y, z, volumes) of the indices, which may run down or have gaps."""
        zs, vs = np.unique(z), np.unique(volumes)
        x_span, y_span = ((int(axis.min()), int(axis.max()) + 1) for axis in (x, y))
        runs = [(zr, vr) for zr in _runs(zs, 1) for vr in _runs(vs, FAR)]
        first_z = self.archive.info.z_begin
        whole: Optional[np.ndarray] = None
        for (z_of, z_begin, z_end), (v_of, v_begin, v_end) in runs:
            box = self.archive.read(x_span, y_span, (first_z + z_begin, first_z + z_end), (v_begin, v_end))
            box = box[x[:, None] - x_span[0], y - y_span[0]] if _jumps(x) or _jumps(y) else box
            box = box[:, :, :, vs[v_of] - v_begin] if v_end - v_begin != len(vs[v_of]) else box
            if len(runs) == 1:
                whole = box
            else:
                if whole is None:
                    whole = np.empty((*box.shape[:2], len(zs), len(vs)), self.dtype, order="F")
                whole[:, :, z_of, v_of] = box
        assert whole is not None
        whole = whole if np.array_equal(zs, z) else whole[:, :, np.searchsorted(zs, z)]
        whole = whole if np.array_equal(vs, volumes) else whole[:, :, :, np.searchsorted(vs, volumes)]
        return whole

    def _scaled(self, slicer: Any, dtype: Any = None) -> np.ndarray:
        """The rule of nibabel's ArrayProxy: scaled in the type of the factors, float64 unless `dtype` holds them."""
        slope: Any = np.asanyarray(self.slope)
        inter: Any = np.asanyarray(self.inter)
        if dtype is not None:
            slope = slope.astype(dtype) if np.can_cast(slope, dtype) else slope
            inter = inter.astype(dtype) if np.can_cast(inter, dtype) else inter
        scaled = apply_read_scaling(self._stored(slicer), slope, inter)
        return scaled if dtype is None else scaled.astype(np.promote_types(scaled.dtype, dtype), copy=False)

    def get_unscaled(self) -> np.ndarray:
        """All stored values."""
        return self._stored(())

    def __getitem__(self, slicer: Any) -> np.ndarray:
        return self._scaled(slicer)

    def __array__(self, dtype: Any = None, copy: Optional[bool] = None) -> np.ndarray:
        values = self._scaled((), dtype)
        return values if dtype is None else values.astype(dtype, copy=False)

    def __len__(self) -> int:
        return self.shape[0]


def _jumps(indices: np.ndarray) -> bool:
    return bool((np.diff(indices) != 1).any())


class _Lazy:
    """What images of archives have beside what nibabel's have. `archive` is None for images made in memory."""

    valid_exts = (".siren",)
    files_types = (("image", ".siren"),)
    _compressed_suffixes = ()
    _meta_sniff_len = 0

    @property
    def archive(self) -> Optional[Archive]:
        """The archive behind `dataobj`; None where the image was made in memory."""
        proxy = self._dataobj  # type: ignore[attr-defined]
        return proxy.archive if isinstance(proxy, SirenArrayProxy) else None

    @property
    def info(self) -> Optional[ArchiveInfo]:
        """What the archive says of itself."""
        return None if self.archive is None else self.archive.info

    @property
    def bvals(self) -> Optional[np.ndarray]:
        """(n_volumes,) b-values in s/mm2; None where none are attached."""
        return None if self.archive is None else self.archive.bvals

    @property
    def bvecs(self) -> Optional[np.ndarray]:
        """(n_volumes, 3) directions in FSL's frame; None where none are attached."""
        return None if self.archive is None else self.archive.bvecs

    def close(self) -> None:
        """Closes the archive: voxels that are not in memory yet cannot be read any more."""
        if self.archive is not None:
            self.archive.close()

    def __enter__(self) -> "_Lazy":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        if self.archive is not None:
            return _from_archive, (self.archive,)
        return type(self), (np.asanyarray(self._dataobj), self._affine, self._header)  # type: ignore[attr-defined]

    @classmethod
    def path_maybe_image(cls, filename: Any, sniff: Any = None, sniff_max: int = 1024) -> tuple[bool, Any]:
        return os.fspath(filename).lower().endswith(".siren"), sniff

    @classmethod
    def from_filename(cls, filename: Any, **_: object) -> "Union[SirenImage, Siren2Image]":
        return _from_archive(Archive(filename))

    load = from_filename

    @classmethod
    def from_file_map(cls, file_map: Any, **_: object) -> "Union[SirenImage, Siren2Image]":
        holder = file_map["image"]
        return _from_archive(Archive(holder.filename if holder.fileobj is None else holder.fileobj.read()))

    def to_file_map(self, file_map: Any = None, **settings: Any) -> None:
        """Writes an archive, lossless unless `settings` of `sirencl.compress` say otherwise."""
        holder = (self.file_map if file_map is None else file_map)["image"]  # type: ignore[attr-defined]
        dtype = settings.pop("dtype", None)
        if dtype is not None:
            raise ValueError("dtype: an archive keeps the type of the array; convert that first")
        if not {"max_error", "ratio", "size", "psnr", "noise", "width", "layers", "epochs", "lr"} & settings.keys():
            settings.setdefault("lossless", True)
        if holder.fileobj is None:
            compress(self, holder.filename, **{"force": True, **settings})  # type: ignore[arg-type]
        else:
            holder.fileobj.write(compress(self, **settings))  # type: ignore[arg-type]


class SirenImage(_Lazy, nibabel.Nifti1Image):  # type: ignore[misc]
    """An archive as an image with a NIfTI-1 header, which is the original's."""


class Siren2Image(_Lazy, nibabel.Nifti2Image):  # type: ignore[misc]
    """The same with a NIfTI-2 header."""


def _from_archive(archive: Archive) -> Union[SirenImage, Siren2Image]:
    info = archive.info
    kind = Siren2Image if info.nifti_version == 2 else SirenImage
    header = kind.header_class.from_fileobj(io.BytesIO(archive.header), check=False)
    held = (info.shape[0], info.shape[1], info.z_end - info.z_begin)
    shape = header.get_data_shape()
    n_axes = max(1, len(shape))
    further = shape[3:] if int(np.prod(shape[3:])) == info.shape[3] else (info.shape[3],)
    shape = (held + tuple(further))[:n_axes]
    if shape != header.get_data_shape():
        header.set_data_shape(shape)
    if info.z_begin:
        for coded, setter in ((header.get_sform, header.set_sform), (header.get_qform, header.set_qform)):
            affine, code = coded(coded=True)
            if code:
                affine = affine.copy()
                affine[:3, 3] += affine[:3, 2] * info.z_begin
                setter(affine, int(code))
    proxy = SirenArrayProxy(archive, tuple(int(n) for n in shape), *header.get_slope_inter())
    file_map = kind.make_file_map({"image": archive.path}) if archive.path else None
    return kind(proxy, header.get_best_affine(), header, file_map=file_map)


def load(archive: Union[str, "os.PathLike[str]", bytes], cache: Optional[int] = None) -> Union[SirenImage, Siren2Image]:
    """Opens an archive as an image of nibabel, decoding nothing yet; after ``import sirencl`` ``nibabel.load`` does so.

    Parameters
    ----------
    archive : path or bytes
    cache : int, optional
        Bytes of decoded blocks to keep; 64 MiB unless set.

    Returns
    -------
    image : SirenImage
        A nibabel Nifti1Image, or for a NIfTI-2 header a Nifti2Image. Its `dataobj` decodes what it is indexed with;
        `bvals` and `bvecs` are arrays, `archive` is the open Archive.

    Examples
    --------
    >>> image = sirencl.load("dwi.siren")        # doctest: +SKIP
    >>> volume = image.dataobj[..., 3]           # (x, y, z)
    >>> series = image.dataobj[40, 52, 2]        # (volumes,)
    >>> corner = image.slicer[:20, :20]          # an image with its own affine
    """
    return _from_archive(Archive(archive, cache))


imageclasses.all_image_classes += [SirenImage, Siren2Image]
imageclasses.KNOWN_SPATIAL_FIRST += (SirenImage, Siren2Image)
