"""All services that are attached to one platform."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextvars import Context
from typing import Final

from superlearner.nodes.attaching.attachment import PAUSES_S, Attachment
from superlearner.nodes.attaching.whereabouts import Whereabouts
from superlearner.nodes.nodes import Absence, Nodes

__all__ = ["Attachments", "NameTaken"]

MOST: Final = 50


class NameTaken(ValueError):
    """There is a node of this name, or are as many services attached as can be."""


class Attachments:
    """The services by the names of their nodes here.

    Args:
        nodes: the nodes that the platform looks into.
        tell: called with `ok` or `bad` and a sentence when something happens to one.
        pauses: between the tries to find one again.
    """

    def __init__(self, nodes: Nodes, tell: Callable[[str, str], object], pauses: tuple[float, ...] = PAUSES_S) -> None:
        self._nodes = nodes
        self._tell = tell
        self.pauses = pauses
        self._tasks: dict[Attachment, asyncio.Task[None]] = {}

    def __iter__(self) -> Iterator[Attachment]:
        """All of them, those that were given up included, the longest attached first."""
        return (one for one in list(self._tasks) if one.begun.done())

    def find(self, name: str) -> Attachment | None:
        """The one whose node has this name here."""
        return next((one for one in self if one.name == name), None)

    def absence(self, node: str) -> Absence | None:
        """Return why there is no node of this name, if it is that of a service."""
        found = self.find(node)
        return None if found is None else Absence(found.told(), "see GET /api/v1/nodes/attached")

    async def attach(self, address: str, token: str | None, name: str | None = None) -> Attachment:
        """Look into a service from now on, also after it has started again.

        Args:
            address: where its door is, or the name of a door of this user.
            token: the secret of the door; None for a door of this user, which is read from its file.
            name: how its node is called here; None: as it calls itself.

        Raises:
            NameTaken: as its name says.
            DoorError: nobody can look through the door; `WrongToken` for another token.
            RemoteError: what is behind it does not answer as it should.
        """
        if name is not None and self._is_taken(name):
            raise NameTaken(f"there is a node {name!r}")
        if len(self._tasks) >= MOST:
            raise NameTaken(f"{MOST} services are attached")
        attachment = Attachment(Whereabouts(address, token), name, self._nodes, self._tell, self.pauses)
        # In a context of its own: whose request it was has nothing to do with it.
        task = asyncio.get_running_loop().create_task(attachment.live(), context=Context())
        self._tasks[attachment] = task
        try:
            await asyncio.shield(attachment.begun)
        except BaseException:
            await self._end(attachment)
            raise
        same = [one for one in self._tasks if one.name == attachment.name and one is not attachment]
        if any(one.state == "attached" for one in same):  # of services without a page the list of nodes knows nothing
            await self._end(attachment)
            raise NameTaken(f"a service {attachment.name!r} is attached")
        for one in same:
            await self._end(one)  # it is not looked for any more: here it is
        return attachment

    async def detach(self, name: str) -> bool:
        """Look into a service no more, nor for it; whether it was attached. Nothing happens to it."""
        attachment = self.find(name)
        if attachment is None:
            return False
        await self._end(attachment)
        return True

    async def close(self) -> None:
        """Let go of all."""
        for attachment in list(self._tasks):
            await self._end(attachment)

    def _is_taken(self, name: str) -> bool:
        found = self.find(name)
        return self._nodes.find(name) is not None or (found is not None and found.state == "attached")

    async def _end(self, attachment: Attachment) -> None:
        task = self._tasks.pop(attachment)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
