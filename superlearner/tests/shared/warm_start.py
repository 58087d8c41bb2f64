"""Commands of the platform forked from a process that imported their modules.

Two thirds of the processor time of a start is Python importing the same thirteen hundred modules again. A fork has them
already. Arguments, environment, folder and streams are its own, and it runs the command as `python -m superlearner`
does. Tests about the start itself need a cold start.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import selectors
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import IO, Any, Final

__all__ = ["Begun", "WarmStart"]

PRELOAD: Final = (
    "superlearner.cli.entry",
    "superlearner.app.program",
    "superlearner.app.application",
    "superlearner.app.running",
    "superlearner.web.platform",
    "superlearner.store.database",
    "superlearner.store.migrating",
    "superlearner.web.web_server",
    "superlearner.web.app",
    "superlearner.demo",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "uvicorn.protocols.http.h11_impl",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
    "uvicorn.lifespan.off",
)
"""Modules of `superlearner run`, and most of those of other commands."""

HERE: Final = Path(__file__).parent
LONGEST: Final = 1 << 18
"""Maximum size of a request in bytes."""


class Begun:
    """The part of `subprocess.Popen` that tests use, for a forked program."""

    def __init__(self, args: list[str], pid: int, stdout: IO[str], stderr: IO[str], end: socket.socket) -> None:
        self.args = args
        self.pid = pid
        self.stdout = stdout
        self.stderr = stderr
        self.returncode: int | None = None
        self._end = end

    def poll(self) -> int | None:
        """Return the exit code, or minus a signal's number; None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def until_ended(self, timeout: float | None = None) -> None:
        """Wait for its end, keeping /proc; raises `subprocess.TimeoutExpired`."""
        if self.returncode is None and not select.select([self._end], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait like `until_ended` and reap it; return like `poll`."""
        self.until_ended(timeout)
        if self.returncode is None:
            self.returncode = int(self._end.recv(16))
            self._end.send(b"known")
            self._end.recv(1)  # the forking process has reaped it
            self._end.close()
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end and return the rest of its standard output and standard error."""
        rest = [_Rest(self.stdout), _Rest(self.stderr)]
        for one in rest:
            one.join(timeout)
            if one.is_alive():
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
        self.wait(timeout)
        return rest[0].text, rest[1].text

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class _Rest(threading.Thread):
    """Thread that reads a stream to its end."""

    def __init__(self, stream: IO[str]) -> None:
        super().__init__(daemon=True)
        self.text = ""
        self._stream = stream
        self.start()

    def run(self) -> None:
        if not self._stream.closed:
            with self._stream:
                self.text = self._stream.read()


class WarmStart:
    """Context that forks programs from a process it starts for the first one."""

    def __init__(self) -> None:
        self._line: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def begin(
        self, *arguments: str, cwd: Path, env: dict[str, str], streams: Mapping[int, str | None] | None = None
    ) -> Begun:
        """Run `python -m superlearner` with these arguments.

        `streams` has files to open on the descriptors 0 to 2, or None for those to close; a terminal becomes that of a
        new session.
        """
        line = self._line or self._open()
        out, its_out = os.pipe()
        errors, its_errors = os.pipe()
        end, its_end = socket.socketpair()
        wanted = {"arguments": arguments, "cwd": str(cwd), "env": env, "streams": list((streams or {}).items())}
        request = json.dumps(wanted).encode()
        socket.send_fds(line, [request], [its_out, its_errors, its_end.fileno()])
        its_end.close()
        os.close(its_out)
        os.close(its_errors)
        pid = int(line.recv(16))
        return Begun(["superlearner", *arguments], pid, os.fdopen(out), os.fdopen(errors), end)

    def _open(self) -> socket.socket:
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, LONGEST)
            self._line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LONGEST)
            number = theirs.fileno()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "warm_start", str(number)],
                cwd=HERE,
                stdin=subprocess.DEVNULL,
                pass_fds=[number],
            )
        return self._line

    def __enter__(self) -> WarmStart:
        return self

    def __exit__(self, *_: object) -> None:
        """End the forking process; the forked programs continue."""
        if self._line is not None and self._process is not None:
            self._line.close()
            self._process.wait()


class _Forking:
    """The forking process: forks on request, and reports how each program ended."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._selector = selectors.DefaultSelector()
        self._selector.register(line, selectors.EVENT_READ)

    def run(self) -> dict[str, Any] | None:
        """Return the request in each child; None in this process after the end."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is not self._line:
                    key.data()
                    continue
                request, streams, _, _ = socket.recv_fds(self._line, LONGEST, 3)
                if not request:
                    return None
                pid = os.fork()
                if pid == 0:
                    self._become(streams)
                    return json.loads(request)
                self._watch(pid, streams)

    def _watch(self, pid: int, streams: list[int]) -> None:
        self._line.send(str(pid).encode())
        os.close(streams[0])
        os.close(streams[1])
        program = os.pidfd_open(pid)
        self._selector.register(program, selectors.EVENT_READ, partial(self._report, pid, program, streams[2]))

    def _report(self, pid: int, program: int, test: int) -> None:
        self._selector.unregister(program)
        os.close(program)
        found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert found is not None
        code = found.si_status if found.si_code == os.CLD_EXITED else -found.si_status
        line = socket.socket(fileno=test)
        self._selector.register(line, selectors.EVENT_READ, partial(self._let_go, pid, line))
        with contextlib.suppress(BrokenPipeError):  # the test no longer waits
            line.send(str(code).encode())

    def _let_go(self, pid: int, line: socket.socket) -> None:
        self._selector.unregister(line)
        with line:
            os.waitpid(pid, 0)
            line.recv(16)  # read the rest: closing a socket with unread data breaks the connection

    def _become(self, streams: list[int]) -> None:
        """Give the child the streams of its request and close everything else."""
        self._selector.close()
        self._line.close()
        for number, stream in enumerate(streams[:2], 1):
            os.dup2(stream, number)
        os.closerange(3, max(os.sysconf("SC_OPEN_MAX"), 3))


def _replace(streams: dict[int, str | None]) -> None:
    """Replace descriptors, and the streams that Python would have made of them; None for one that is closed."""
    if streams:
        os.setsid()
    for number, file in streams.items():
        os.close(number)
        if file is not None:
            opened = os.open(file, os.O_RDWR)
            os.dup2(opened, 99)
            os.close(opened)
            os.dup2(99, number)  # for programs that it starts, too
            os.close(99)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if number in streams:
            mode = "r" if number == 0 else "w"
            made = None if streams[number] is None else open(number, mode, encoding="utf-8", closefd=False)
            setattr(sys, name, made)
            setattr(sys, f"__{name}__", made)


def _command(wanted: dict[str, Any]) -> None:
    """Run `python -m superlearner` in that folder and environment."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(wanted["cwd"])
    os.environ.clear()
    os.environ.update(wanted["env"])
    _replace(dict(wanted["streams"]))
    if sys.stdout is not None:
        sys.stdout.reconfigure(write_through="PYTHONUNBUFFERED" in os.environ)
    sys.path[0] = ""
    sys.argv[1:] = wanted["arguments"]
    runpy.run_module("superlearner", run_name="__main__", alter_sys=True)


def main() -> None:
    """Run the forking process, given the file descriptor of its socket."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the client gets the signal too, and closes the connection
    for name in PRELOAD:
        importlib.import_module(name)
    importlib.import_module("superlearner.operations.engine.registry").all_operations()
    gc.collect()
    gc.freeze()
    wanted = _Forking(socket.socket(fileno=int(sys.argv[1]))).run()
    if wanted is not None:
        _command(wanted)


if __name__ == "__main__":
    main()
