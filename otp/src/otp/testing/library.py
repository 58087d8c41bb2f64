"""The standard library in a deterministic run: its clocks, its random sources, no real I/O.

While a virtual run is active in a thread, `time.time()`, `monotonic()` and `perf_counter()` in that thread follow the
virtual clock, `random`, `uuid.uuid4()`, `secrets` and `os.urandom()` follow the seed, and `time.sleep`, threads,
sockets and child processes are refused with `RealIONotSimulated`. Afterwards everything is restored.

Not covered: functions imported by name before (`from time import monotonic`), `datetime.now()`, `random.Random()`
without a seed. Use `otp.monotonic()` and `otp.random` where it matters.
"""

from __future__ import annotations

import contextlib
import functools
import os
import random
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Generator
from typing import Any, Final

from otp.testing.virtual_loop import NS, RealIONotSimulated

__all__ = ["Library"]

_FILENO: Final = 4
EPOCH_NS: Final = 1_700_000_000 * NS
"""The result of `time.time_ns()` at the beginning of a run."""

_CLOCKS: Final[dict[str, Callable[[int], Any]]] = {
    "time": lambda now: (EPOCH_NS + now) / NS,
    "time_ns": lambda now: EPOCH_NS + now,
    "monotonic": lambda now: now / NS,
    "monotonic_ns": lambda now: now,
    "perf_counter": lambda now: now / NS,
    "perf_counter_ns": lambda now: now,
}
_REFUSED: Final[tuple[tuple[Any, str, str, str], ...]] = (
    (time, "sleep", "time.sleep", "await asyncio.sleep(seconds), which follows the virtual clock"),
    (threading.Thread, "start", "threading.Thread.start", "a process, or calling the function directly"),
    (socket.socket, "__init__", "socket.socket", "a process that is sent messages, or an in-memory transport"),
    (subprocess.Popen, "__init__", "subprocess.Popen", "a GenServer that plays the program, or io='real'"),
    (os, "system", "os.system", "a GenServer that plays the program, or io='real'"),
)


class _Here(threading.local):
    library: Library | None = None


_here: Final = _Here()
_lock: Final = threading.Lock()
_replaced: Final[list[tuple[Any, str, Any]]] = []  # the originals, while any run is active
_users: Final[list[Library]] = []


class Library:
    """The clocks and random sources of one run; `refusal` is the first refused call."""

    def __init__(self, now_ns: Callable[[], int], seed: int) -> None:
        self.now_ns = now_ns
        self.bytes: random.Random = random.Random(f"urandom {seed}")
        self.state: object = random.Random(seed).getstate()
        self.refusal: RealIONotSimulated | None = None

    @contextlib.contextmanager
    def in_force(self) -> Generator[None, None, None]:
        """Install this library for the thread during the block; blocks may be nested."""
        outer, _here.library = _here.library, self
        _enter(self)
        outside = random.getstate()
        random.setstate(self.state)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        try:
            yield
        finally:
            self.state = random.getstate()
            random.setstate(outside)
            _leave(self)
            _here.library = outer


def _enter(library: Library) -> None:
    with _lock:
        _users.append(library)
        if len(_users) > 1:
            return
        for name, reading in _CLOCKS.items():
            _replace(time, name, _clock(getattr(time, name), reading))
        for owner, name in ((os, "urandom"), (random, "_urandom")):
            _replace(owner, name, _random_bytes(getattr(owner, name)))
        for owner, name, call, instead in _REFUSED:
            _replace(owner, name, _refusal(getattr(owner, name), call, instead))


def _leave(library: Library) -> None:
    with _lock:
        _users.remove(library)
        while not _users and _replaced:
            owner, name, before = _replaced.pop()
            setattr(owner, name, before)


def _replace(owner: Any, name: str, value: Any) -> None:
    _replaced.append((owner, name, getattr(owner, name)))
    setattr(owner, name, value)


def _clock(real: Callable[[], Any], reading: Callable[[int], Any]) -> Callable[[], Any]:
    def clock() -> Any:
        library = _here.library
        return real() if library is None else reading(library.now_ns())

    return clock


def _random_bytes(real: Callable[[int], bytes]) -> Callable[[int], bytes]:
    def random_bytes(size: int, /) -> bytes:
        library = _here.library
        return real(size) if library is None else library.bytes.randbytes(size)

    return random_bytes


@functools.lru_cache  # the same function in each run
def _refusal(real: Callable[..., Any], call: str, instead: str) -> Callable[..., Any]:
    def refused(*args: Any, **kwargs: Any) -> Any:
        library = _here.library
        if library is None or (call == "socket.socket" and (len(args) > _FILENO or kwargs.get("fileno") is not None)):
            return real(*args, **kwargs)  # wraps an open socket, like the pair of each event loop
        error = RealIONotSimulated(call, instead)
        if library.refusal is None:
            library.refusal = error
        raise error

    return refused
