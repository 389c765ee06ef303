"""Settings and progress of a call."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import threading
from types import FrameType
from typing import Callable, Iterator, Mapping, Optional

from . import _library
from ._library import check, library
from .errors import CancelledError

Progress = Callable[[float, float, str], Optional[bool]]


def text(value: object) -> str:
    """A setting's value as the library reads it: True is ``true``, slice(2, 4), range(2, 4) and (2, 4) are ``2:4``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, slice):
        if value.step not in (None, 1) or value.start is None or value.stop is None:
            raise ValueError(f"{value} is no range of two ends")
        return f"{value.start}:{value.stop}"
    if isinstance(value, range):
        if value.step != 1:
            raise ValueError(f"{value} has a step, ranges have none here")
        return f"{value.start}:{value.stop}"
    if isinstance(value, tuple) and len(value) == 2:
        return f"{value[0]}:{value[1]}"
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    return str(value)


class _Watch:
    """The progress of one call. An exception in the caller's function and Ctrl-C end it, and are raised after it."""

    def __init__(self, progress: Optional[Progress]):
        self.progress = progress
        self.error: Optional[BaseException] = None
        self.interrupted = False
        self.callback = _library.PROGRESS(self._advance)

    def _advance(self, _user: None, done: float, total: float, what: Optional[bytes]) -> bool:
        try:
            if self.progress is not None and self.progress(done, total, (what or b"").decode()) is False:
                return False
        except BaseException as error:  # nothing may pass through C
            self.error = error
            return False
        return not self.interrupted

    def interrupt(self, _number: int, _frame: Optional[FrameType]) -> None:
        self.interrupted = True


@contextlib.contextmanager
def call(settings: Mapping[str, object], progress: Optional[Progress] = None) -> Iterator[ctypes.c_void_p]:
    """Options for one call. Python's handler of Ctrl-C would run in `progress`; its place is taken meanwhile."""
    watch, options = _Watch(progress), ctypes.c_void_p()
    check(library().siren_options_create(ctypes.byref(options)))
    ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    try:
        for key, value in settings.items():
            if value is not None:
                check(library().siren_options_set(options, key.encode(), os.fsencode(text(value))))
        check(library().siren_options_set_progress(options, watch.callback, None))
        if ours:
            signal.signal(signal.SIGINT, watch.interrupt)
        try:
            yield options
        except CancelledError:
            if watch.error is None and not watch.interrupted:
                raise
        finally:
            if ours:
                signal.signal(signal.SIGINT, signal.default_int_handler)
        if watch.error is not None:
            raise watch.error
        if watch.interrupted:
            raise KeyboardInterrupt
    finally:
        library().siren_options_free(options)


def settings() -> dict[str, tuple[str, str]]:
    """The settings that `compress`, `decompress`, `verify` and `compare` take as keyword arguments.

    Returns
    -------
    settings : dict
        Of each name its default, as text, and one sentence of help.
    """
    found: dict[str, tuple[str, str]] = {}

    def visit(_user: None, key: bytes, value: bytes, sentence: bytes) -> None:
        found[key.decode()] = ((value or b"").decode(), (sentence or b"").decode())

    with call({}) as options:
        check(library().siren_options_visit(options, _library.VISIT_OPTION(visit), None))
    return found
