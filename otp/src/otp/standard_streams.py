"""Standard input, output and error of a program that outlives their readers.

A terminal closes, `head` has read enough, a disk is full, or a service manager starts a program without descriptors:
the service runs on, and lines that cannot be printed are dropped. Closed descriptors are opened on the null device
first; otherwise the next file or socket gets such a number, and printed lines are written into it.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Final, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = [
    "forgive_lost_output",
    "keep_exit_status",
    "lost_output",
    "open_descriptors",
    "raise_broken_pipe",
    "write_line",
]

STANDARD: Final = {"stdin": 0, "stdout": 1, "stderr": 2}
READER_LEFT: Final = frozenset({errno.EPIPE, errno.EIO})
"""Errors of a pipe without a reader and of a terminal that was closed: no reader misses the text."""


def open_descriptors() -> None:
    """Open the null device on each of the descriptors 0 to 2 that is closed."""
    for number in STANDARD.values():
        try:
            os.fstat(number)
        except OSError:
            with contextlib.suppress(OSError):  # no null device
                _open_null(number)


def forgive_lost_output() -> None:
    """Replace standard output and error by streams that drop what cannot be written, or encoded.

    For programs whose output is not their result. `sys.stdin`, `sys.stdout` and `sys.stderr` are never None afterwards.
    """
    open_descriptors()
    if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison]
        sys.stdin = sys.__stdin__ = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), "utf-8")
    sys.stdout = sys.__stdout__ = _replace_stream(sys.stdout, 1, "replace")
    sys.stderr = sys.__stderr__ = _replace_stream(sys.stderr, 2, "backslashreplace")


def raise_broken_pipe() -> None:
    """Let standard output raise `BrokenPipeError` once, for a command that prints until its reader leaves."""
    if (outlet := _outlet(sys.stdout)) is not None:
        outlet.raises = True


def lost_output() -> OSError | None:
    """Flush standard output; return the first error that lost a part of it, unless its reader had left."""
    outlet = _outlet(sys.stdout)
    if outlet is None:
        return None
    sys.stdout.flush()
    return outlet.lost


def write_line(stream: TextIO | None, text: str) -> None:
    """Write and flush; drop what cannot be written. For lines that the library prints in a program."""
    if stream is not None:
        with contextlib.suppress(OSError, ValueError):  # a ValueError: it is closed, or cannot encode the text
            stream.write(text)
            stream.flush()


@contextlib.contextmanager
def keep_exit_status() -> Generator[None, None, None]:
    """Keep what is left in a buffer at the end of a program from changing its exit status to 120.

    The interpreter does that for text that it cannot flush. Text lost on standard error does not change the status;
    text lost on standard output does, unless its reader has left.
    """
    try:
        yield
    finally:
        streams: list[tuple[Any, int]] = [(sys.stdout, 1), (sys.stderr, 2)]
        for stream, number in streams:
            try:
                if stream is not None:
                    stream.flush()
            except OSError as error:
                if number == 2 or error.errno in READER_LEFT:
                    _drop_rest(stream, number)
            except ValueError:  # it is closed
                pass


def _drop_rest(stream: Any, number: int) -> None:
    """Discard what is left in the buffer of a stream, if it is the standard one."""
    with contextlib.suppress(OSError, ValueError):
        if stream.fileno() == number:
            _open_null(number)


def _open_null(number: int) -> None:
    opened = os.open(os.devnull, os.O_RDWR)
    if opened == number:
        os.set_inheritable(number, True)
    else:
        os.dup2(opened, number)
        os.close(opened)


def _replace_stream(stream: Any, number: int, errors: str) -> TextIO:
    if stream is None:
        return io.TextIOWrapper(io.BufferedWriter(_Outlet(number)), encoding="utf-8", errors=errors)
    buffer: Any = getattr(stream, "buffer", None)
    raw: Any = getattr(buffer, "raw", buffer)
    if type(raw) is not io.FileIO:
        return stream  # replaced already, here or by the program that runs this one
    with contextlib.suppress(OSError):
        stream.flush()
    outlet = _Outlet(raw.fileno())
    return io.TextIOWrapper(
        outlet if buffer is raw else io.BufferedWriter(outlet),  # pyright: ignore[reportArgumentType]
        encoding=stream.encoding,
        errors=errors,
        newline="\n" if os.linesep == "\n" else None,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def _outlet(stream: Any) -> _Outlet | None:
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", buffer)
    return raw if isinstance(raw, _Outlet) else None


class _Outlet(io.FileIO):
    """A descriptor that accepts all writes, and drops what it cannot write.

    `lost` is the first error, except that of a reader that left; with `raises`, the first broken pipe is raised.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number, "w", closefd=False)
        self.lost: OSError | None = None
        self.raises = False

    def write(self, data: ReadableBuffer, /) -> int:
        left = _view(data)
        size = left.nbytes
        try:
            while left:
                written: int | None = _write(self, left)
                if written == left.nbytes:
                    break
                if written is None:  # another program that has the terminal made it non-blocking
                    _wait_writable(self.fileno())
                else:
                    left = left.cast("B")[written:]
        except OSError as error:
            if error.errno not in READER_LEFT:
                self.lost = self.lost or error
            elif self.raises:
                self.raises = False
                raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)) from None
        return size


_view, _write = memoryview, io.FileIO.write  # bound here: the code of a peer may clear `builtins`, and still has to end


def _wait_writable(number: int) -> None:
    import select  # some platforms have none, and no such descriptors

    if hasattr(select, "poll"):
        ready = select.poll()
        ready.register(number, select.POLLOUT)
        ready.poll()
    else:
        select.select([], [number], [])
