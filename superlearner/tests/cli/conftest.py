"""A terminal with a user who types."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

STEERING = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|[=>]|\][^\x07]*\x07)|\r")


class Typing:
    """A terminal whose input is typed once the prompt appears."""

    def __init__(self, directory: Path, *command: str) -> None:
        self._ours, theirs = pty.openpty()
        self.resize(80, 24)
        environment = {**os.environ, "TERM": "xterm", "NO_COLOR": "1", "PROMPT_TOOLKIT_NO_CPR": "1"}
        self.process = subprocess.Popen(
            command, cwd=directory, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        self._unread = ""

    def until(self, words: str) -> str:
        """Return the output up to and including `words`."""
        while words not in self._unread:
            try:
                part = os.read(self._ours, 65536)
            except OSError:  # Linux reports a closed other side like this
                part = b""
            if not part:
                self.process.kill()
                raise AssertionError(f"expected {words!r}, got {self._unread!r}, {self.process.wait()}")
            self._unread += STEERING.sub("", part.decode(errors="replace"))
        before, _, self._unread = self._unread.partition(words)
        return before

    def type(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def ends(self) -> int:
        code = self.process.wait(30)
        os.close(self._ours)
        return code

    def resize(self, columns: int, lines: int) -> None:
        """Resize the terminal."""
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Typing]]:
    """Start a command at a terminal of 80 columns and 24 lines."""
    started: list[Typing] = []

    def run(*command: str) -> Typing:
        started.append(Typing(tmp_path, *command))
        return started[-1]

    yield run
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()
