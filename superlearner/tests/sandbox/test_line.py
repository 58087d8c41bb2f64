"""The line to a sandbox costs the platform no more than what it asked for."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import otp
from otp import Children, GenServer, Ok, Supervisor, impl
from superlearner.nodes.remote import NodeBusy, NodeGone
from superlearner.sandbox.line import BACKEND, HEAD, MOST_BYTES, MOST_UNREAD, SANDBOX, Answering, SandboxConnection


class Runner(GenServer[SandboxConnection]):
    """A process that opens a line."""

    @impl
    async def init(self, line: SandboxConnection) -> Ok[SandboxConnection]:
        await line.open()
        return Ok(line)


class Root(Supervisor):
    """Supervises one that opens a line."""

    @impl
    def init(self, line: SandboxConnection) -> Children:
        return Children([Runner.child_spec(line)])


def with_line(work: Callable[[SandboxConnection, socket.socket, asyncio.Future[str]], Awaitable[Any]]) -> Any:
    """Run work with a line, its other end, and what the line says is broken."""

    async def main() -> Any:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            broken: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            line = SandboxConnection(ours, broken.set_result)
            await line.open()
            try:
                async with asyncio.timeout(10):
                    return await work(line, theirs, broken)
            finally:
                line.close("it is over")

    return asyncio.run(main())


def test_more_answers_than_questions_end_the_line() -> None:
    async def work(line: SandboxConnection, theirs: socket.socket, broken: asyncio.Future[str]) -> str:
        line.cast(BACKEND, b"")
        theirs.sendall(HEAD.pack(0, 1, BACKEND) * 2)
        return await broken

    assert "it sent more answers than it got requests" == with_line(work)


def test_an_answer_sent_just_before_the_end_arrives() -> None:
    """Regression: on a busy machine the end of a program was known before its last answer was read."""

    async def work(line: SandboxConnection, theirs: socket.socket, broken: asyncio.Future[str]) -> bytes:
        asking = asyncio.ensure_future(line.ask(BACKEND, b"exit"))
        await asyncio.sleep(0)
        theirs.sendall(HEAD.pack(4, 1, BACKEND) + b"done")
        theirs.close()
        await line.read_rest()
        line.close("the program has ended")
        return await asking

    assert with_line(work) == b"done"


def test_the_answering_task_outlives_the_garbage_collector() -> None:
    """Regression: between requests, only weak references held the answering task, so a large tree never answered."""

    async def echo(question: bytes) -> bytes:
        return question

    async def work(line: SandboxConnection, theirs: socket.socket, broken: asyncio.Future[str]) -> bytes:
        await Answering(theirs, {BACKEND: echo}).open()
        await line.ask(BACKEND, b"it waits for the next question after this one")
        gc.collect()
        return await line.ask(BACKEND, b"are you there?")

    assert b"are you there?" == with_line(work)


def test_a_line_outlives_the_process_that_opened_it_and_nothing_searches_for_its_users(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Regression: four running sandboxes kept the platform from stopping within ten seconds."""
    find, searches = gc.get_referrers, list[object]()
    monkeypatch.setattr(gc, "get_referrers", lambda *objects: searches.append(1) or find(*objects))

    async def main() -> bytes:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            theirs.setblocking(False)
            line = SandboxConnection(ours, str)

            root = await Root.start_link(line)
            await Supervisor.stop(root)  # it waits until what its children have opened is closed
            line.cast(BACKEND, b"")
            sent = await asyncio.get_running_loop().sock_recv(theirs, HEAD.size)
            line.close("it is over")
            return sent

    assert otp.run(main) == HEAD.pack(0, 1, BACKEND)
    assert searches == []


def test_a_sandbox_that_does_not_read_is_asked_no_more() -> None:
    async def work(line: SandboxConnection, theirs: socket.socket, broken: asyncio.Future[str]) -> None:
        for _ in range(3):
            line.cast(BACKEND, bytes(MOST_UNREAD))
        with pytest.raises(NodeBusy, match="has not read"):
            await line.ask(BACKEND, b"")
        assert line._writer is not None
        assert line._writer.transport.get_write_buffer_size() < 2 * MOST_UNREAD

    with_line(work)


ATTACKS: dict[str, tuple[bytes, str]] = {
    "replayed": (HEAD.pack(2, 1, BACKEND) + b"ok" + HEAD.pack(2, 1, BACKEND) + b"ok", "more answers than"),
    "on another channel": (HEAD.pack(2, 1, SANDBOX) + b"ok", "on the wrong channel"),
    "on no channel": (HEAD.pack(2, 1, 200) + b"ok", "on the wrong channel"),
    "too long": (HEAD.pack(MOST_BYTES + 1, 1, BACKEND), f"a frame of {MOST_BYTES + 1} bytes"),
    "never asked, twice": (HEAD.pack(0, 7, BACKEND) * 2, "more answers than"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_answer_without_a_request_ends_the_connection(attack: str) -> None:
    sent, why = ATTACKS[attack]

    async def work(line: SandboxConnection, theirs: socket.socket, broken: asyncio.Future[str]) -> str:
        asking = asyncio.ensure_future(line.ask(BACKEND, b""))
        await asyncio.sleep(0)
        theirs.sendall(sent)
        said = await broken
        asking.cancel()
        return said

    assert why in with_line(work)


def test_answers_reach_their_callers_in_any_order() -> None:
    async def work(line: SandboxConnection, theirs: socket.socket, broken: asyncio.Future[str]) -> list[bytes]:
        asking = [asyncio.ensure_future(line.ask(channel, b"")) for channel in (BACKEND, SANDBOX)]
        await asyncio.sleep(0)
        theirs.sendall(HEAD.pack(3, 2, SANDBOX) + b"two" + HEAD.pack(3, 1, BACKEND) + b"one")
        return await asyncio.gather(*asking)

    assert [b"one", b"two"] == with_line(work)


def test_pending_requests_fail_when_the_connection_ends() -> None:
    async def work(line: SandboxConnection, theirs: socket.socket, broken: asyncio.Future[str]) -> None:
        asking = asyncio.ensure_future(line.ask(BACKEND, b""))
        await asyncio.sleep(0)
        theirs.sendall(HEAD.pack(100, 1, BACKEND) + b"half of it")
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(NodeGone, match="closed"):
            await asking

    with_line(work)
