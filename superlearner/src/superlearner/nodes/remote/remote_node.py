"""A node in another process: asked over a link, its answers untrusted.

Each answer is checked for type and size and has a deadline; the number of pending requests is limited. A node that is
taken over by its own program can only make requests to itself fail.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Final, TypeVar

import msgspec

from otp import standstill
from superlearner.base.printable import printable
from superlearner.control.terms import clip
from superlearner.nodes.kinds import SERVICE, NodeKind
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
"""Maximum number of pending requests to one node."""

LONGEST_WORDS: Final = 200
UNKNOWN: Final = re.compile(r"(?:no type|expected kinds of events, got) \[?((?:'\w+'(?:, )?)+)")
"""Names in the refusal of an earlier version, which does not know them."""
_answers: Final = msgspec.msgpack.Decoder(Answer)

A = TypeVar("A", bound=Record)


async def _nothing_to_fetch() -> bool:
    return True


class RemoteNode:
    """A node in another process; made by `Nodes.attach_remote`.

    Args:
        name: its name here.
        link: the connection to its backend.
        owner: its owner; None if it has none.
        there: the name that it reports; None for the same name.
        kind: the kind of the node.
    """

    def __init__(
        self, name: str, link: Link, owner: str | None = None, there: str | None = None, kind: NodeKind = SERVICE
    ) -> None:
        self.name = name
        self.kind = kind
        self.owner = owner
        self.there = there or name
        self.on_fault: Callable[[str], object] = lambda _what: None
        """Called with a description of each invalid answer."""
        self.on_use: Callable[[], object] = lambda: None
        """Called at every request, except those that the platform repeats by itself."""
        self.fetch_last: Callable[[], Awaitable[bool]] = _nothing_to_fetch
        """Awaited before its program is ended: fetches its last restarts; returns whether it answered, within 1 s."""
        self.rests_until = 0.0
        """Until this time of the loop, it is not asked for sentences beside answers of other nodes."""
        self.link = link
        self.held: str | None = None
        """The sentence about the code that holds its event loop now, if that is known."""
        self._shown: asyncio.Event = asyncio.Event()
        """Set while `held` is."""
        self._gone: str | None = None
        self._waiting: set[asyncio.Future[Any]] = set()
        self._repeated: set[asyncio.Future[Any]] = set()
        """Requests that the platform repeats by itself: they take no place from those of readers."""

    def __repr__(self) -> str:
        return f"<RemoteNode {self.name}{' (gone)' if self._gone else ''}>"

    @property
    def is_gone(self) -> bool:
        """Return whether requests are no longer possible."""
        return self._gone is not None

    def show_hold(self, text: str | None) -> None:
        """Note what holds its event loop now, so that it cannot answer; None: nothing, as far as is known."""
        self.held = text
        if text is None:
            self._shown.clear()
        else:
            self._shown.set()

    async def ask(
        self,
        request: Record,
        expected: type[A] | tuple[type[A], ...],
        seconds: float,
        *,
        is_use: bool = True,
        held_s: float | None = None,
    ) -> A | Failed:
        """Send a request; return an answer of the expected type, or a failure.

        Args:
            request: the request.
            expected: the type of the answer; a tuple if there are several.
            seconds: time to wait for the answer.
            is_use: whether a reader caused it; others do not keep an idle sandbox.
            held_s: time to wait while it is known that the node cannot answer; None for `seconds`.

        Raises:
            NodeGone, NodeSilent, NodeBusy, BadAnswer: as their names say.
        """
        if self._gone is not None:
            raise NodeGone(self._gone)
        pending = self._waiting if is_use else self._repeated
        if len(pending) >= MOST_WAITING:
            raise NodeBusy(f"{MOST_WAITING} requests to {self.name} are already pending")
        if is_use:
            self.on_use()
        asking = asyncio.ensure_future(self.link.ask(written(request)))
        pending.add(asking)
        begun = asyncio.get_running_loop().time()
        try:
            async with standstill.timeout(seconds):
                if held_s is None:
                    await asyncio.wait([asking])
                elif await self._is_held_for(held_s, asking):
                    seconds = round(asyncio.get_running_loop().time() - begun)
                    raise TimeoutError
        except TimeoutError:
            because = "" if self.held is None else f": {self.held}"
            text = f"{self.name} has not answered for {seconds:g} s{because}"
            raise NodeSilent(text, is_held=self.held is not None) from None
        finally:
            pending.discard(asking)
            asking.cancel()
        if asking.cancelled():
            raise NodeGone(self._gone or f"{self.name} is gone")
        return self._read(asking.result(), expected)

    async def _is_held_for(self, seconds: float, asking: asyncio.Future[Any]) -> bool:
        """Wait for an answer; return True if none has come after `seconds` and the node is known to be held."""
        await asyncio.wait([asking], timeout=seconds)
        if asking.done():
            return False
        shown = asyncio.ensure_future(self._shown.wait())
        try:
            await asyncio.wait([asking, shown], return_when=asyncio.FIRST_COMPLETED)
        finally:
            shown.cancel()
        return not asking.done()

    async def ask_about(
        self,
        kinds: Collection[str],
        known: Collection[str],
        request: Callable[[list[str]], Record],
        expected: type[A] | tuple[type[A], ...],
        seconds: float,
    ) -> A | Failed:
        """Send a request that names kinds of events; an earlier version is not asked about those that it does not know.

        Args:
            kinds: the wanted ones.
            known: those that exist in this version; a refusal of others is the answer.
            request: makes the request from kinds.
            expected, seconds: see `ask`.

        Raises:
            NodeGone, NodeSilent, NodeBusy, BadAnswer: as `ask`.
        """
        asked = sorted(kinds)
        while True:
            answer = await self.ask(request(asked), expected, seconds)
            if not isinstance(answer, Failed):
                return answer
            words = (answer.message, *(one.problem for one in answer.details))
            refused = " ".join(found for text in words for found in UNKNOWN.findall(text))
            fewer = [one for one in asked if one not in known or f"'{one}'" not in refused]
            if not fewer or fewer == asked:
                return answer
            asked = fewer

    def cast(self, request: Record) -> None:
        """Send a request and ignore its answer."""
        if self._gone is None:
            self.link.cast(written(request))

    def down(self, why: str) -> None:
        """Mark the node as gone; pending requests fail with this reason."""
        if self._gone is None:
            self._gone = why
            for asking in [*self._waiting, *self._repeated]:
                asking.cancel()

    def bad(self, what: str) -> BadAnswer:
        """Report an invalid answer; return the error to raise."""
        self.on_fault(what)
        return BadAnswer(f"{self.name} sent an invalid answer: {clip(printable(what), LONGEST_WORDS)}")

    # Requests about the node itself

    async def hello(self, epoch: str, version: str, settings: Mapping[str, Any], seconds: float) -> Fact:
        """Make the first request. Raises as `ask`, and if name or protocol differ."""
        hello = Hello(PROTOCOL, epoch, version, dict(settings), None if self.name == self.there else self.name)
        answer = await self.ask(hello, Facts, seconds)
        if isinstance(answer, Failed) and answer.code == "malformed_request" and hello.called is not None:
            hello.called = None  # an older service
            answer = await self.ask(hello, Facts, seconds)
        if isinstance(answer, Failed) or (answer.protocol, answer.node) != (PROTOCOL, self.there):
            raise self.bad("it is not the expected node, or uses another protocol")
        return answer.fact

    async def facts(self, seconds: float) -> Fact:
        """Return its state. Raises as `ask`."""
        answer = await self.ask(Ask(), Facts, seconds)
        if isinstance(answer, Failed):
            raise self.bad(f"it does not report its state: {answer.code}")
        return answer.fact

    def adopt(self, settings: Mapping[str, Any]) -> None:
        """Send settings to apply from now on."""
        self.cast(Adopt(dict(settings)))

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
        raise self.bad(f"expected another type of answer, got {type(read).__name__}")
