"""One service that somebody attached: looked into while it runs, looked for when it has ended, for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Literal

from otp import BadArgument
from otp.doors import DoorError, Facts, Visitor
from superlearner.control.terms import clip
from superlearner.nodes.attaching.line import Line
from superlearner.nodes.attaching.whereabouts import Whereabouts
from superlearner.nodes.nodes import Nodes
from superlearner.nodes.remote import RemoteError

__all__ = ["PAUSES_S", "Attachment", "State"]

PAUSES_S: Final = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 60.0)
"""Between the tries to find a service again that has ended; after the last one it is given up."""

LONGEST: Final = 300
State = Literal["connecting", "attached", "looked_for", "given_up"]


class Attachment:
    """See the module's text; made by `Attachments`, which runs `live` in a task.

    Args:
        where: where its door is.
        name: how its node is called here; None: as it calls itself.
        nodes: what it is put into.
        tell: called with `ok` or `bad` and a sentence when something happens to it.
        pauses: as `PAUSES_S`.
    """

    def __init__(
        self,
        where: Whereabouts,
        name: str | None,
        nodes: Nodes,
        tell: Callable[[str, str], object],
        pauses: tuple[float, ...] = PAUSES_S,
    ) -> None:
        self.where = where
        self.name = name
        self.state: State = "connecting"
        self.facts: Facts | None = None
        self.visitor: Visitor | None = None
        self.tries = 0
        self.why: str | None = None
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when it was attached for the first time; fails if it could not be."""
        self.over = asyncio.Event()
        """Set when it was given up."""
        self._nodes = nodes
        self._tell = tell
        self._pauses = pauses

    def __repr__(self) -> str:
        return f"<Attachment {self.name or self.where.address} {self.state}>"

    async def live(self) -> None:
        """Look into it until it has been gone for too long."""
        while True:
            try:
                await self._visit()
            except (DoorError, RemoteError, ImportError, BadArgument, ValueError, TimeoutError) as error:
                if not self.begun.done():
                    self.state = "given_up"
                    self.begun.set_exception(error)
                    return
                self.why = clip(str(error), LONGEST)
            if self.tries == len(self._pauses):
                self.state = "given_up"
                self.over.set()
                self._tell("bad", f"{self.name} was not found again after {self.tries} tries: {self.why}")
                return
            self.state = "looked_for"
            self.tries += 1
            await self._rest()

    async def _rest(self) -> None:
        """The pause before the next try: nobody tells the platform that a service has started."""
        await asyncio.sleep(self._pauses[self.tries - 1])

    async def _visit(self) -> None:
        """Be attached once, until it ends."""
        address, token = self.where.look(None if self.facts is None else self.facts.node)
        async with Visitor(address, token) as visitor:
            facts = visitor.facts
            if self.facts is not None and facts.node != self.facts.node:
                raise DoorError(f"{address} is the door of {facts.node} now, and not of {self.facts.node}")
            name = self.name or facts.node
            # Before the list of nodes changes: who hears of that may ask here.
            self.name, self.facts, self.state, self.tries, self.why = name, facts, "attached", 0, None
            if facts.backend is not None:
                await self._nodes.attach_remote(name, Line(facts.backend), there=facts.node)
            again = "again " if self.begun.done() else ""
            self._tell("ok", f"{name} is {again}attached: {self.can_do()}")
            if not self.begun.done():
                self.begun.set_result(None)
            self.visitor = visitor
            why = "it is not attached any more"
            try:
                await visitor.gone()
                why = "its service has ended, or the line to it is cut"
            finally:
                self.visitor, self.state, self.why = None, "looked_for", why
                if facts.backend is not None:
                    self._nodes.detach(name, why)
        self._tell("bad", f"{name} is gone: {why}; it is looked for {len(self._pauses)} times")

    def told(self) -> str:
        """How it is, in a sentence, to one who asks for its node."""
        if self.state == "attached":
            return f"{self.name} is attached with {self.can_do()}"
        what = "is not there just now, and is looked for" if self.state == "looked_for" else "was not found again"
        return f"{self.name} {what}: {self.why}"

    def can_do(self) -> str:
        """What can be looked at, in a sentence."""
        if self.facts is None:
            return "nothing yet"
        permits = " and ".join(self.facts.permissions) or "nothing"
        if self.facts.backend is not None:
            return f"every page and operation, as far as its service permits ({permits})"
        return f"its figures alone, no page and no operation: {self.facts.why}"
