"""The process that listens on a port of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["PortHolder", "port_holder"]

LISTENING: Final = "0A"
TABLES: Final = ("/proc/net/tcp", "/proc/net/tcp6")


class PortHolder(NamedTuple):
    """A process that listens on a port."""

    os_pid: int
    program: str


def port_holder(port: int) -> PortHolder | None:
    """Return the process that listens on a TCP port; None if there is none, or it belongs to another user."""
    return _find_in_proc(port) if sys.platform == "linux" else _find_by_lsof(port)


def _find_in_proc(port: int) -> PortHolder | None:
    sockets = {
        f"socket:[{fields[9]}]"
        for table in TABLES
        for fields in map(str.split, _read(table).splitlines()[1:])
        if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port
    }
    if not sockets:
        return None
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(os.readlink(opened) in sockets for opened in (process / "fd").iterdir()):
                return PortHolder(int(process.name), _read(f"/proc/{process.name}/comm").strip() or "a program")
        except OSError:
            continue  # it has ended, or belongs to another user
    return None


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _find_by_lsof(port: int) -> PortHolder | None:
    if (lsof := shutil.which("lsof")) is None:
        return None
    asked = [lsof, "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fpc"]
    lines = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.splitlines()
    found = {line[0]: line[1:] for line in reversed(lines) if line}
    return PortHolder(int(found["p"]), found.get("c", "a program")) if found.get("p", "").isdigit() else None
