"""A node in another process, as the platform has it: asked over a link, and believed nothing.

Each question has its answer checked for type and size, and a deadline; so many may wait at a time. What a node that was
taken over by its own program can do is to have its own questions fail.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from superlearner.base.printable import printable
from superlearner.control.terms import clip
from superlearner.nodes.remote.failures import BadAnswer, NodeBusy, NodeGone, NodeSilent
from superlearner.nodes.remote.link import Link
from superlearner.nodes.remote.protocol import (
    MOST_BYTES,
    PROTOCOL,
    Adopt,
    Answer,
    Ask,
    Fact,
    Facts,
    Failed,
    Hello,
    Record,
    written,
)

__all__ = ["RemoteNode"]

MOST_WAITING: Final = 100
"""Questions that one node is asked at a time."""

LONGEST_WORDS: Final = 200
_answers: Final = msgspec.msgpack.Decoder(Answer)

A = TypeVar("A", bound=Record)


class RemoteNode:
    """See the module's text; made by `Nodes.attach_remote`.

    Args:
        name: how it is called.
        link: the line to its backend.
        owner: whose it is; None is nobody.
        there: how it calls itself; None: the same.
    """

    def __init__(self, name: str, link: Link, owner: str | None = None, there: str | None = None) -> None:
        self.name = name
        self.owner = owner
        self._there = there or name
        self.on_fault: Callable[[str], object] = lambda _what: None
        """Called with what was wrong whenever it answers what is no answer."""
        self.link = link
        self._gone: str | None = None
        self._waiting: set[asyncio.Future[Any]] = set()

    def __repr__(self) -> str:
        return f"<RemoteNode {self.name}{' (gone)' if self._gone else ''}>"

    @property
    def is_gone(self) -> bool:
        """Whether nothing can be asked of it any more."""
        return self._gone is not None

    async def ask(self, request: Record, expected: type[A] | tuple[type[A], ...], seconds: float) -> A | Failed:
        """Ask it; the answer is of the expected type, or says why it could not be done.

        Args:
            request: what is asked.
            expected: what its answer is; several types if it may be any of them.
            seconds: how long to wait for it.

        Raises:
            NodeGone, NodeSilent, NodeBusy, BadAnswer: as their names say.
        """
        if self._gone is not None:
            raise NodeGone(self._gone)
        if len(self._waiting) >= MOST_WAITING:
            raise NodeBusy(f"{MOST_WAITING} questions wait for an answer of {self.name} already")
        asking = asyncio.ensure_future(self.link.ask(written(request)))
        self._waiting.add(asking)
        try:
            async with asyncio.timeout(seconds):
                await asyncio.wait([asking])
        except TimeoutError:
            raise NodeSilent(f"{self.name} has not answered for {seconds:g} s") from None
        finally:
            self._waiting.discard(asking)
            asking.cancel()
        if asking.cancelled():
            raise NodeGone(self._gone or f"{self.name} is gone")
        return self._read(asking.result(), expected)

    def tell(self, request: Record) -> None:
        """Ask it for something whose answer nobody waits for."""
        if self._gone is None:
            self.link.tell(written(request))

    def down(self, why: str) -> None:
        """It is gone: whoever waits for an answer is told why."""
        if self._gone is None:
            self._gone = why
            for asking in list(self._waiting):
                asking.cancel()

    def bad(self, what: str) -> BadAnswer:
        """What it answered is none, says `what`; the error to raise."""
        self.on_fault(what)
        return BadAnswer(f"{self.name} answered what is no answer: {clip(printable(what), LONGEST_WORDS)}")

    # What is asked of the node itself

    async def hello(self, epoch: str, version: str, settings: Mapping[str, Any], seconds: float) -> Fact:
        """The first question. Raises as `ask`; BadAnswer also for a node of another name or protocol."""
        answer = await self.ask(Hello(PROTOCOL, epoch, version, dict(settings)), Facts, seconds)
        if isinstance(answer, Failed) or (answer.protocol, answer.node) != (PROTOCOL, self._there):
            raise self.bad("it is not the node that was expected, or not of this protocol")
        return answer.fact

    async def facts(self, seconds: float) -> Fact:
        """How it is. Raises as `ask`."""
        answer = await self.ask(Ask(), Facts, seconds)
        if isinstance(answer, Failed):
            raise self.bad(f"it does not say how it is: {answer.code}")
        return answer.fact

    def adopt(self, settings: Mapping[str, Any]) -> None:
        """It goes by these settings from now on."""
        self.tell(Adopt(dict(settings)))

    def _read(self, answer: object, expected: type[A] | tuple[type[A], ...]) -> A | Failed:
        if not isinstance(answer, bytes):
            raise self.bad(f"expected bytes, got {type(answer).__name__}")
        if len(answer) > MOST_BYTES:
            raise self.bad(f"expected at most {MOST_BYTES} bytes, got {len(answer)}; ask for less")
        try:
            read = _answers.decode(answer)
        except (msgspec.MsgspecError, RecursionError, ValueError) as error:
            raise self.bad(str(error)) from None
        if isinstance(read, Failed):
            return read
        if isinstance(read, expected):
            return read
        raise self.bad(f"expected another answer, got {type(read).__name__}")
