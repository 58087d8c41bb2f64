"""What the program of a sandbox does at its start: its tree, the backend that a platform asks, and the line to it."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import otp
from otp import GenServer
from otp.peer import Here
from superlearner.backend.boot import SERVICE, start
from superlearner.sandbox import inside
from superlearner.sandbox.line import BACKEND, GONE, SANDBOX, Answering

__all__ = ["boot"]


async def boot(here: Here) -> None:
    """Start it all; what the code of the tree raises is raised."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)  # into a pipe it would wait for some kilobytes
    services = await start(here.node)
    tree = await inside.start(here.node, here.folder, here.args)

    async def asked(question: bytes) -> bytes:
        answer = await _call(tree, tuple(json.loads(question)))
        return GONE if answer is None else json.dumps(answer).encode()

    async def looked(question: bytes) -> bytes:
        return await _call(services[SERVICE], question) or GONE

    await Answering(here.link, {BACKEND: looked, SANDBOX: asked}).open()


async def _call(service: otp.Pid, request: Any) -> Any:
    """Call a service, as long as it takes; None if it ended."""
    try:
        return await GenServer.call(service, request, "infinity")
    except otp.CallExit:
        return None
