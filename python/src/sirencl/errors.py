"""Exceptions by status of the library; each is also the built-in exception that a caller would expect."""

from __future__ import annotations


class SirenError(Exception):
    """What a call of the library refused.

    Attributes
    ----------
    status : str
        The library's name for it, ``"CORRUPT"``.
    exit_code : int
        What the program ``sirencl`` exits with for it.
    """

    status: str = "?"
    exit_code: int = 1


class SirenOSError(SirenError, OSError):
    """The operating system refused: a file that cannot be written or is there already, a full disk, memory."""

    status = "SYSTEM"


class UsageError(SirenError, ValueError):
    """Wrong usage: an unknown setting, a value out of range, a box outside the image."""

    status, exit_code = "USAGE", 2


class CorruptError(SirenError, ValueError):
    """The archive or image is damaged."""

    status, exit_code = "CORRUPT", 3


class UnsupportedError(SirenError, ValueError):
    """The input is sound, but of a kind that is not supported."""

    status, exit_code = "UNSUPPORTED", 4


class IntegrityError(SirenError):
    """Decoded voxels differ from the recorded checksum."""

    status, exit_code = "INTEGRITY", 5


class NoDeviceError(SirenError):
    """There is no such OpenCL device."""

    status, exit_code = "NO_DEVICE", 6


class DeviceError(SirenError):
    """The device failed."""

    status, exit_code = "DEVICE", 7


class DeviceMemoryError(DeviceError, MemoryError):
    """The device is out of memory."""

    status, exit_code = "DEVICE_MEMORY", 7


class PartialError(SirenError):
    """Only a part of the result was made."""

    status, exit_code = "PARTIAL", 8


class BoundError(SirenError):
    """The ratio, PSNR or error asked for is out of reach."""

    status, exit_code = "BOUND", 9


class WrongDeviceError(SirenError):
    """The device computes wrongly: it failed its self-test."""

    status, exit_code = "WRONG_DEVICE", 10


class CancelledError(SirenError):
    """`progress` returned False."""

    status, exit_code = "CANCELLED", 130


BY_STATUS: dict[int, type[SirenError]] = {
    -1: SirenOSError,
    -2: UsageError,
    -3: CorruptError,
    -4: UnsupportedError,
    -5: IntegrityError,
    -6: NoDeviceError,
    -7: DeviceError,
    -8: DeviceMemoryError,
    -9: PartialError,
    -10: BoundError,
    -11: CancelledError,
    -12: WrongDeviceError,
}
