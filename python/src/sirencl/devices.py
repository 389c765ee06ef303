"""OpenCL devices."""

from __future__ import annotations

import contextlib
import ctypes
from dataclasses import dataclass
from typing import Iterator, Optional

from . import _library
from ._library import check, library
from .errors import NoDeviceError


@dataclass(frozen=True)
class Device:
    """An OpenCL device.

    Attributes
    ----------
    place : str
        ``"0:1"``, what `device` of `compress` takes.
    name, platform, driver : str
    available, is_gpu : bool
    memory_bytes : int
    """

    place: str
    name: str
    platform: str
    driver: str
    available: bool
    is_gpu: bool
    memory_bytes: int


def devices() -> list[Device]:
    """The OpenCL devices of every platform; an empty list where there is none."""
    found: list[Device] = []

    def visit(_user: None, device: "ctypes._Pointer[_library.DeviceDescription]") -> bool:
        d = device.contents
        name, platform, driver = ((part or b"").decode("utf-8", "replace") for part in (d.name, d.platform, d.driver))
        found.append(Device(d.place.decode(), name, platform, driver, d.available, d.is_gpu, d.memory_bytes))
        return True

    try:
        check(library().siren_devices_visit(_library.VISIT_DEVICE(visit), None))
    except NoDeviceError:
        pass
    return found


@contextlib.contextmanager
def opened(choice: Optional[str], train: bool) -> Iterator[ctypes.c_void_p]:
    """A device for one call, self-tested where it is to train."""
    device = ctypes.c_void_p()
    check(library().siren_device_open(None if choice is None else choice.encode(), ctypes.byref(device)))
    try:
        if train:
            check(library().siren_device_prepare(device))
        yield device
    finally:
        library().siren_device_close(device)
