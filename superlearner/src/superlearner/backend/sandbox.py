"""What the program of a sandbox does at its start: its tree, the backend that a platform asks, and the line to it."""

from __future__ import annotations

import json

from otp.peer import Here
from superlearner.backend.boot import SERVICE, start
from superlearner.backend.child import answer_of, buffer_lines
from superlearner.sandbox import inside
from superlearner.sandbox.line import BACKEND, GONE, SANDBOX, Answering

__all__ = ["boot"]


async def boot(here: Here) -> None:
    """Start it all; what the code of the tree raises is raised."""
    buffer_lines()
    services = await start(here.node, evaluates=True)
    tree = await inside.start(here.node, here.folder, here.args)

    async def asked(question: bytes) -> bytes:
        answer = await answer_of(tree, tuple(json.loads(question)))
        return GONE if answer is None else json.dumps(answer).encode()

    async def looked(question: bytes) -> bytes:
        return await answer_of(services[SERVICE], question) or GONE

    await Answering(here.link, {BACKEND: looked, SANDBOX: asked}).open()
