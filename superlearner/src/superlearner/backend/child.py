"""What the programs at the other end of a platform's line have in common."""

from __future__ import annotations

import io
import sys
from typing import Any

import otp
from otp import GenServer

__all__ = ["answer_of", "buffer_lines"]


def buffer_lines() -> None:
    """Let each line of output leave at once: into a pipe it would wait for some kilobytes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)


async def answer_of(service: otp.Pid, request: Any) -> Any:
    """Call a service, as long as it takes; None if it ended."""
    try:
        return await GenServer.call(service, request, "infinity")
    except otp.CallExit:
        return None
