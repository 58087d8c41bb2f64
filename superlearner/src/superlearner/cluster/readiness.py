"""Notices that a program is ready, as `sd_notify` of systemd sends them: `READY=1` to the socket in `NOTIFY_SOCKET`."""

from __future__ import annotations

import contextlib
import os
import queue
import secrets
import socket
import subprocess
import threading
from typing import Final

from otp.doors import runtime_folder
from otp.locked_entries import reserve_socket
from otp.unix_sockets import bind_privately

__all__ = ["Readiness", "notify_ready"]

VARIABLE: Final = "NOTIFY_SOCKET"
READY: Final = b"READY=1"
LONGEST: Final = 4096


def notify_ready() -> None:
    """Tell who started this program that it is ready, if they asked for it."""
    path = os.environ.get(VARIABLE)
    if not path:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line, contextlib.suppress(OSError):
        line.sendto(READY, "\0" + path[1:] if path.startswith("@") else path)


class Readiness:
    """A socket for notices of several programs, open within a `with` block."""

    def __init__(self) -> None:
        self._path = runtime_folder() / f"ready-{os.getpid()}-{secrets.token_hex(4)}.sock"
        self._heard: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def __enter__(self) -> Readiness:
        self._entry = reserve_socket(self._path)
        self._line = bind_privately(str(self._path), socket.SOCK_DGRAM)
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)
        self._line.close()
        self._path.unlink(missing_ok=True)
        self._entry.remove()

    @property
    def environment(self) -> dict[str, str]:
        """The variable that programs to be started need."""
        return {VARIABLE: str(self._path)}

    def expect(self, name: str, process: subprocess.Popen[bytes]) -> None:
        """Also hear of the end of a program."""

        def wait() -> None:
            process.wait()
            self._heard.put(name)

        threading.Thread(target=wait, daemon=True).start()

    def wait(self, timeout: float) -> str | None:
        """Wait for a notice. Return None when a program is ready, its name when it has ended, "" after `timeout`."""
        try:
            return self._heard.get(timeout=max(0.0, timeout))
        except queue.Empty:
            return ""

    def _listen(self) -> None:
        while True:
            try:
                notice = self._line.recv(LONGEST)
            except OSError:
                return
            if READY in notice.splitlines():
                self._heard.put(None)
            elif not notice:
                return
