"""The services attached to one platform."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextvars import Context
from itertools import count
from typing import Final

from otp import sentences
from superlearner.base.commands import command
from superlearner.nodes.attaching.attachment import ON_REQUEST, PAUSES_S, Attachment, ServiceChange
from superlearner.nodes.attaching.known_services import KnownServices
from superlearner.nodes.attaching.whereabouts import SeveralDoors, Whereabouts
from superlearner.nodes.nodes import Absence, NameTaken, Nodes, full_name

__all__ = ["AlreadyAttached", "Attachments", "TooManyServices"]

MOST: Final = 50


class TooManyServices(ValueError):
    """The maximum number of services is attached."""


class AlreadyAttached(NameTaken):
    """The service is attached already, under the same name."""


class Attachments:
    """The attached services, by the names of their nodes here.

    Args:
        nodes: the platform's list of nodes.
        tell: called with `ok` or `bad` and a sentence when the state of a service changes.
        pauses: seconds between attempts to find a service again.
    """

    def __init__(self, nodes: Nodes, tell: Callable[[str, str], object], pauses: tuple[float, ...] = PAUSES_S) -> None:
        self._nodes = nodes
        self._tell = tell
        self.pauses = pauses
        self.on_change: Callable[[ServiceChange], object] = lambda _change: None
        """Called when a service is lost, and when it is attached again."""
        self.stored: KnownServices | None = None
        """The file that keeps them for the next start of the platform; None keeps them nowhere."""
        self._tasks: dict[Attachment, asyncio.Task[None]] = {}
        self._left: dict[str, tuple[float, int]] = {}
        """When these were detached, and the ids of their processes."""
        self._detached: dict[str, str] = {}
        """The addresses at which services were attached that were detached on request, by the names of their nodes."""

    def __iter__(self) -> Iterator[Attachment]:
        """Iterate over all services, oldest first, including those that were given up."""
        return (one for one in list(self._tasks) if one.begun.done())

    def find(self, name: str) -> Attachment | None:
        """Return the service whose node has this name here."""
        return next((one for one in self if one.name == name), None)

    def find_addressed(self, text: str) -> Attachment | None:
        """Return the service with this full or short node name, or attached at this address; None if there is none."""
        found = self.find(text) or self.find(full_name(text))
        return found or next((one for one in self if text in (one.where.address, one.present_address)), None)

    def absence(self, node: str) -> Absence | None:
        """Return why there is no node of this name, if it is that of a service."""
        if (found := self.find(node)) is not None:
            listing = command("restart.list", node=node)
            hint = f"`{listing}` lists its stored restarts; see GET /api/v1/nodes/attached"
            return Absence(found.describe_state(), hint, found.state == "looked_for")
        name = next((one for one in (node, full_name(node)) if one in self._detached), None)
        if name is None:
            return None
        again = command("attach", self._detached[name])
        return Absence(f"{name} was detached, and its service may still be running", f"`{again}` attaches it again")

    def restore(self) -> None:
        """Look for the services that were attached before the platform started, in the background."""
        if self.stored is None:
            return
        try:
            found = self.stored.read()
        except (OSError, ValueError) as error:
            self._tell("bad", f"services that were attached before must be attached again: {error}")
            return
        for known in found[:MOST]:
            attachment = Attachment(known.where, known.name, self._nodes, self._tell, self.pauses, known)
            self._nodes.wait_for(known.name, attachment.describe_state())
            self._run(attachment)

    async def attach(
        self, address: str, token: str | None, name: str | None = None, token_file: str | None = None
    ) -> Attachment:
        """Attach a service; it stays attached when it restarts, or the platform.

        Args:
            address: the address of its door, or the name of a door of this user.
            token: the secret of the door; None for a door of this user, which is read from its file.
            name: the name of its node here; None keeps the node's own, or the service's if the node has none.
            token_file: the file that the token is from: if the platform can read it, the token is not stored.

        Raises:
            AlreadyAttached: the service is attached.
            NameTaken: the name is in use.
            TooManyServices: the limit is reached.
            DoorError: the door cannot be used; `WrongToken` if the token is wrong.
            RemoteError: the service does not answer as expected.
        """
        if name is not None and self._is_taken(name):
            raise NameTaken(name)
        if len(self._tasks) >= MOST:
            raise TooManyServices(f"{MOST} services are attached, which is the limit")
        where = Whereabouts.of(address, token, token_file)
        attachment = Attachment(where, name, self._nodes, self._tell, self.pauses)
        self._run(attachment)
        try:
            await asyncio.shield(attachment.begun)
        except NameTaken as error:
            await self._end(attachment)
            raise self._explain_taken(attachment, error.name) from None
        except BaseException:
            await self._end(attachment)
            raise
        same = [one for one in self._tasks if one.name == attachment.name and one is not attachment]
        if any(one.state == "attached" for one in same):  # services without pages are not in the list of nodes
            await self._end(attachment)
            raise self._explain_taken(attachment, attachment.name or "")
        for one in same:
            await self._end(one)  # stop looking for it: it has been found
            if one.gone_at is not None and one.facts is not None:
                self._left[one.name or ""] = one.gone_at, one.facts.os_pid
        attachment.learned = self._store
        self._store()
        self._report_attach(attachment)
        self._detached.pop(attachment.name or "", None)
        return attachment

    async def detach(self, name: str) -> bool:
        """Detach from a service, which keeps running; return whether it was attached."""
        attachment = self.find(name)
        if attachment is None:
            return False
        watched, facts = attachment.state == "attached", attachment.facts
        await self._end(attachment)
        if len(self._detached) >= MOST:
            left = next(iter(self._detached))
            del self._detached[left]
            self._left.pop(left, None)
        if facts is not None:
            now, why = time.time(), f"it was detached {ON_REQUEST}"
            self._left[name] = now, facts.os_pid
            text = f"{name} is no longer {'observed' if watched else 'looked for'}: {why}"
            self.on_change(ServiceChange(name, now, text, why, facts.os_pid, ran_on=watched))
        self._detached[name] = attachment.where.address
        self._nodes.stop_waiting(name)
        self._store()
        return True

    def _report_attach(self, attachment: Attachment) -> None:
        """Report that a service is attached: again, if it was detached or looked for in vain."""
        name, facts = attachment.name or "", attachment.facts
        at, os_pid = self._left.pop(name, (None, None))
        if facts is None:
            return
        now = time.time()
        text, ran_on = f"{name} is attached {ON_REQUEST}, to process {facts.os_pid}", True
        if at is not None:
            gap = sentences.elapsed(max(0, round(now - at)))
            text = f"{name} is attached again {ON_REQUEST}, to process {facts.os_pid}, after a gap of {gap}"
            ran_on = attachment.where.is_own and os_pid == facts.os_pid
        self.on_change(ServiceChange(name, now, text, None, facts.os_pid, ran_on=ran_on))

    async def close(self) -> None:
        """Detach from all services; they stay stored for the next start."""
        for attachment in list(self._tasks):
            await self._end(attachment)

    def _explain_taken(self, asking: Attachment, name: str) -> NameTaken:
        """Return the error for a name in use; the same program under it is no conflict."""
        there = self.find(name)
        now, before = asking.facts, None if there is None else there.facts
        same = now is not None and before is not None and (now.node, now.os_pid) == (before.node, before.os_pid)
        return AlreadyAttached(name) if same else NameTaken(name)

    def _is_taken(self, name: str) -> bool:
        found = self.find(name)
        return self._nodes.find(name) is not None or (found is not None and found.state == "attached")

    def free_name(self, name: str) -> str:
        """Return a similar name that no node has."""
        base = name.partition("@")[0]
        return next(free for free in (f"{base}_{number}" for number in count(2)) if not self._is_taken(free))

    def _run(self, attachment: Attachment) -> None:
        # In a fresh context: the attachment outlives the request.
        task = asyncio.get_running_loop().create_task(attachment.live(), context=Context())
        self._tasks[attachment] = task
        attachment.held = self._held_by_others
        attachment.on_change = self.on_change
        if attachment.known is not None:
            attachment.learned = self._store

    def _held_by_others(self, asking: Attachment) -> frozenset[str]:
        """Return the addresses of doors of attached services, without those of the same one under another name."""
        if asking.known is None:
            return frozenset()
        last = asking.known.last
        return frozenset(
            one.known.last
            for one in self._tasks
            if one is not asking and one.state == "attached" and one.known is not None
            and last not in (one.before, one.known.last)
        )  # fmt: skip

    def free_door(self, error: SeveralDoors) -> str:
        """Return the name of a door that is not attached, if there is one."""
        attached = {one.known.last for one in self._tasks if one.state == "attached" and one.known is not None}
        return next((one.name for one in error.doors if one.address not in attached), error.doors[0].name)

    def _store(self) -> None:
        if self.stored is None:
            return
        try:
            self.stored.write(one.known for one in self if one.known is not None)
        except OSError as error:
            why = error.strerror or error
            self._tell("bad", f"attached services cannot be stored for the next start: {self.stored.path}: {why}")

    async def _end(self, attachment: Attachment) -> None:
        task = self._tasks.pop(attachment)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
