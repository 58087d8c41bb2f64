"""Code shared by the child programs at the other end of a platform's connection."""

from __future__ import annotations

import io
import sys
from typing import Any

import otp
from otp import GenServer

__all__ = ["answer_of", "buffer_lines"]


def buffer_lines() -> None:
    """Flush output after each line; a pipe would buffer several kilobytes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)


async def answer_of(service: otp.Pid, request: Any) -> Any:
    """Call a service without a timeout; return None if it ended."""
    try:
        return await GenServer.call(service, request, "infinity")
    except otp.CallExit:
        return None
