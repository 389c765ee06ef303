"""The shared library by ctypes, which releases the GIL during every call: declarations of host/sirencl.h, no more."""

from __future__ import annotations

import atexit
import ctypes
import ctypes.util
import functools
import logging
import os
from ctypes import (
    CFUNCTYPE,
    POINTER,
    c_bool,
    c_char,
    c_char_p,
    c_double,
    c_float,
    c_int,
    c_size_t,
    c_ssize_t,
    c_uint,
    c_uint32,
    c_uint64,
    c_void_p,
)
from pathlib import Path

from .errors import BY_STATUS, SirenError

VERSION = (0, 1)  # major and minor of the interface that is declared here
logger = logging.getLogger("sirencl")


class Span(ctypes.Structure):
    _fields_ = [("begin", c_size_t), ("end", c_size_t)]


class Box(ctypes.Structure):
    _fields_ = [("x", Span), ("y", Span), ("z", Span), ("volumes", Span)]


class Array(ctypes.Structure):
    _fields_ = [
        ("voxels", c_void_p),
        ("datatype", c_int),
        ("n_axes", c_size_t),
        ("shape", c_size_t * 7),
        ("strides", c_ssize_t * 7),
        ("slope", c_double),
        ("inter", c_double),
        ("affine", POINTER(c_double)),
        ("header", c_char_p),
        ("header_bytes", c_size_t),
    ]


class BlockInfo(ctypes.Structure):
    _fields_ = [
        ("number", c_uint32),
        ("first", c_size_t * 3),
        ("size", c_size_t * 3),
        ("n_points", c_size_t),
        ("bytes", c_uint64),
        ("mse", c_double),
        ("psnr", c_double),
    ]


class LayerInfo(ctypes.Structure):
    _fields_ = [("width", c_uint32), ("activation", c_char_p), ("w0", c_float)]


class ArchiveInfo(ctypes.Structure):
    _fields_ = [
        ("bytes", c_uint64),
        ("series_bytes", c_uint64),
        ("ratio", c_double),
        ("ratio_float32", c_double),
        ("psnr", c_double),
        ("n_apart", c_uint64),
        ("block_kind", c_int),
        ("n_blocks", c_size_t),
        ("blocks", POINTER(BlockInfo)),
        ("masked", c_bool),
        ("n_inside", c_uint64),
        ("n_voxels", c_uint64),
        ("background", c_double),
        ("nx", c_size_t),
        ("ny", c_size_t),
        ("nz", c_size_t),
        ("n_volumes", c_size_t),
        ("datatype_name", c_char_p),
        ("datatype", c_int),
        ("z_begin", c_size_t),
        ("z_end", c_size_t),
        ("nifti_version", c_int),
        ("slope", c_double),
        ("inter", c_double),
        ("coding", c_int),
        ("max_error", c_double),
        ("n_params", c_size_t),
        ("weight_bits", c_uint),
        ("n_layers", c_size_t),
        ("layers", POINTER(LayerInfo)),
        ("n_attachments", c_size_t),
        ("attachments", POINTER(c_char * 64)),
        ("provenance", c_char_p),
        ("n_volume_coordinates", c_size_t),
        ("volume_coordinates", POINTER(c_char * 64)),
        ("context_bytes", c_size_t),
        ("restoration_bytes", c_size_t),
    ]


class Comparison(ctypes.Structure):
    _fields_ = [
        ("n_voxels", c_size_t),
        ("n_unequal_finite", c_size_t),
        ("mse", c_double),
        ("psnr", c_double),
        ("max_abs_error", c_double),
        ("relative_error", c_double),
        ("n_relative", c_size_t),
        ("minimum", c_double),
        ("maximum", c_double),
        ("n_apart", c_size_t),
    ]


class DeviceDescription(ctypes.Structure):
    _fields_ = [
        ("place", c_char_p),
        ("name", c_char_p),
        ("platform", c_char_p),
        ("driver", c_char_p),
        ("available", c_bool),
        ("is_gpu", c_bool),
        ("memory_bytes", c_uint64),
    ]


LOG = CFUNCTYPE(None, c_void_p, c_int, c_char_p)
PROGRESS = CFUNCTYPE(c_bool, c_void_p, c_double, c_double, c_char_p)
VISIT_DEVICE = CFUNCTYPE(c_bool, c_void_p, POINTER(DeviceDescription))
VISIT_OPTION = CFUNCTYPE(None, c_void_p, c_char_p, c_char_p, c_char_p)

_handle, _out, _bytes = c_void_p, POINTER(c_void_p), POINTER(c_size_t)
_status_functions = {  # those that return a siren_status
    "devices_visit": [VISIT_DEVICE, c_void_p],
    "device_open": [c_char_p, _out],
    "device_prepare": [_handle],
    "options_create": [_out],
    "options_set": [_handle, c_char_p, c_char_p],
    "options_visit": [_handle, VISIT_OPTION, c_void_p],
    "options_set_progress": [_handle, PROGRESS, c_void_p],
    "image_read": [c_char_p, _handle, _out],
    "image_from_array": [POINTER(Array), _out],
    "image_attach": [_handle, c_char_p, c_char_p, c_size_t],
    "compress": [_handle, _handle, _handle, c_char_p],
    "compress_to_memory": [_handle, _handle, _handle, _out, _bytes],
    "reader_open": [c_char_p, _out],
    "reader_open_memory": [c_char_p, c_size_t, _out],
    "reader_info": [_handle, POINTER(POINTER(ArchiveInfo))],
    "reader_header": [_handle, _out, _bytes],
    "reader_attachment": [_handle, c_char_p, _out, _bytes],
    "reader_read": [_handle, POINTER(Box), c_int, c_void_p, c_size_t],
    "reader_set_cache": [_handle, c_size_t],
    "decompress": [_handle, c_char_p, _handle, c_char_p],
    "verify": [_handle, c_char_p, _handle, _bytes],
    "compare": [c_char_p, c_char_p, _handle, POINTER(Comparison)],
}
_releases = ["device_close", "options_free", "image_free", "reader_close"]


def _path() -> str:
    """Of the library: the environment's SIRENCL_LIBRARY, that of the wheel, or the system's."""
    chosen = os.environ.get("SIRENCL_LIBRARY")
    if chosen:
        return chosen
    beside = Path(__file__).parent / "libsirencl.so"
    if beside.exists():
        return str(beside)
    found = ctypes.util.find_library("sirencl")
    if not found:
        raise ImportError(
            "there is no libsirencl.so: neither in the package sirencl nor in the system; "
            "set SIRENCL_LIBRARY to its path, or install the wheel (docs/python.md)"
        )
    return found


def _write_log(_user: None, level: int, message: bytes) -> None:
    logger.log(logging.INFO if level else logging.WARNING, "%s", message.decode("utf-8", "replace"))


_log = LOG(_write_log)  # lives as long as the library


@functools.lru_cache(maxsize=None)
def library() -> ctypes.CDLL:
    """Loads the library on first use."""
    path = _path()
    try:
        loaded = ctypes.CDLL(path)
    except OSError as error:
        raise ImportError(
            f"{path} cannot be loaded ({error}); tools/install-deps --no-tests installs what it needs"
        ) from error
    loaded.siren_version.restype = c_char_p
    version = loaded.siren_version().decode()
    if tuple(int(part) for part in version.split(".")[:2]) != VERSION:
        raise ImportError(f"{path} is of version {version}, this package is for {VERSION[0]}.{VERSION[1]}")
    for name, arguments in _status_functions.items():
        function = getattr(loaded, "siren_" + name)
        function.argtypes, function.restype = arguments, c_int
    for name in _releases:
        function = getattr(loaded, "siren_" + name)
        function.argtypes, function.restype = [_handle], None
    loaded.siren_message.restype = c_char_p
    loaded.siren_set_log.argtypes, loaded.siren_set_log.restype = [LOG, c_void_p], None
    loaded.siren_set_log(_log, None)
    atexit.register(loaded.siren_set_log, LOG(0), None)  # threads of the library may outlive the interpreter
    return loaded


def check(status: int) -> None:
    """Raises what `status` stands for, with this thread's message."""
    if status != 0:
        message = library().siren_message().decode("utf-8", "replace")
        raise BY_STATUS.get(status, SirenError)(message)


libc = ctypes.CDLL(None)
libc.free.argtypes, libc.free.restype = [c_void_p], None
