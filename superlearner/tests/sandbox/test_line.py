"""The line to a sandbox costs the platform no more than what it asked for."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from superlearner.remote import NodeBusy
from superlearner.sandbox.line import BACKEND, HEAD, MOST_UNREAD, Line


def with_line(work: Callable[[Line, socket.socket, asyncio.Future[str]], Awaitable[Any]]) -> Any:
    """Run work with a line, its other end, and what the line says is broken."""

    async def main() -> Any:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            broken: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            line = Line(ours, broken.set_result)
            await line.open()
            try:
                async with asyncio.timeout(10):
                    return await work(line, theirs, broken)
            finally:
                line.close("it is over")

    return asyncio.run(main())


def test_more_answers_than_questions_end_the_line() -> None:
    async def work(line: Line, theirs: socket.socket, broken: asyncio.Future[str]) -> str:
        line.tell(BACKEND, b"")
        theirs.sendall(HEAD.pack(0, 1, BACKEND) * 2)
        return await broken

    assert "it answered more than it was asked" == with_line(work)


def test_a_sandbox_that_does_not_read_is_asked_no_more() -> None:
    async def work(line: Line, theirs: socket.socket, broken: asyncio.Future[str]) -> None:
        for _ in range(3):
            line.tell(BACKEND, bytes(MOST_UNREAD))
        with pytest.raises(NodeBusy, match="has not read"):
            await line.ask(BACKEND, b"")
        assert line._writer is not None
        assert line._writer.transport.get_write_buffer_size() < 2 * MOST_UNREAD

    with_line(work)
