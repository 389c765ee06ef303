"""sirencl: diffusion MRI series compressed by small sine-activation networks, or by transforms and prediction.

>>> import nibabel, sirencl
>>> sirencl.compress("dwi.nii.gz", "dwi.siren", lossless=True)     # doctest: +SKIP
>>> image = nibabel.load("dwi.siren")                              # doctest: +SKIP
>>> image.dataobj[40, 52, 2]                                       # doctest: +SKIP

docs/python.md is the guide. Warnings and news of the library go to the logger ``sirencl``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import _registration
from ._calls import settings
from .archive import Archive, ArchiveInfo, info
from .comparison import Comparison, compare
from .compression import compress, decompress, verify
from .devices import Device, devices
from .errors import (
    BoundError,
    CancelledError,
    CorruptError,
    DeviceError,
    DeviceMemoryError,
    IntegrityError,
    NoDeviceError,
    PartialError,
    SirenError,
    SirenOSError,
    UnsupportedError,
    UsageError,
    WrongDeviceError,
)

if TYPE_CHECKING:
    from . import runs
    from .image import Siren2Image, SirenArrayProxy, SirenImage, load

    __version__: str

__all__ = [
    "Archive",
    "ArchiveInfo",
    "BoundError",
    "CancelledError",
    "Comparison",
    "CorruptError",
    "Device",
    "DeviceError",
    "DeviceMemoryError",
    "IntegrityError",
    "NoDeviceError",
    "PartialError",
    "Siren2Image",
    "SirenArrayProxy",
    "SirenError",
    "SirenImage",
    "SirenOSError",
    "UnsupportedError",
    "UsageError",
    "WrongDeviceError",
    "compare",
    "compress",
    "decompress",
    "devices",
    "info",
    "load",
    "runs",
    "settings",
    "verify",
]


def __getattr__(name: str) -> object:
    """What needs nibabel or pandas, or the library itself, is imported when it is asked for."""
    if name in ("load", "SirenImage", "Siren2Image", "SirenArrayProxy"):
        from . import image

        return getattr(image, name)
    if name == "runs":
        import importlib

        return importlib.import_module(".runs", __name__)
    if name == "__version__":
        from ._library import library

        return library().siren_version().decode()
    raise AttributeError(f"module 'sirencl' has no attribute '{name}'")


_registration.arrange()
