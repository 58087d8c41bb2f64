"""A temporary platform on a free port, located by the address it prints."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ADDRESS = re.compile(r"https?://[^\s/]+")


@contextmanager
def serving(
    superlearner: Path, folder: Path, environment: dict[str, str], *arguments: str
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run ``superlearner run`` in ``folder``; yield its address and its process.

    Raises:
        RuntimeError: it ended before it printed an address; the text contains its output.
    """
    command = [str(superlearner), "run", "--no-browser", "--port", "0", *arguments]
    with subprocess.Popen(
        command,
        cwd=folder,
        env={**environment, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield _address(process), process
        finally:
            process.kill()


def _address(process: subprocess.Popen[str]) -> str:
    said: list[str] = []
    for line in process.stdout or ():
        said.append(line)
        if found := _ADDRESS.search(line):
            return found[0]
    raise RuntimeError("expected an address, got the end of the program: " + "".join(said))
