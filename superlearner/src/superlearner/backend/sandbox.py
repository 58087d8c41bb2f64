"""The start-up code of a sandbox: its tree, its backend, its connection."""

from __future__ import annotations

import json

from otp.peer import Here
from superlearner.backend.boot import SERVICE, start
from superlearner.backend.child import answer_of, buffer_lines
from superlearner.nodes import kinds
from superlearner.sandbox import inside
from superlearner.sandbox.line import BACKEND, GONE, SANDBOX, Answering

__all__ = ["boot"]


async def boot(here: Here) -> None:
    """Start everything; errors raised by the code of the tree propagate."""
    buffer_lines()
    services = await start(here.node, kind=kinds.SANDBOX, evaluates=True)
    tree = await inside.start(here.node, here.folder, here.args)

    async def asked(question: bytes) -> bytes:
        answer = await answer_of(tree, tuple(json.loads(question)))
        return GONE if answer is None else json.dumps(answer).encode()

    async def looked(question: bytes) -> bytes:
        return await answer_of(services[SERVICE], question) or GONE

    await Answering(here.link, {BACKEND: looked, SANDBOX: asked}).open()
