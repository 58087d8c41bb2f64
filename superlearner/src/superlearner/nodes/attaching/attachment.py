"""An attached service: observed while it runs, then looked for."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final, Literal

from otp import BadArgument, sentences, standstill
from otp.doors import DoorError, Facts, Visitor
from otp.doors.folder import find_hold_file
from otp.doors.holds import Hold, read_hold
from otp.doors.place import place_of
from superlearner.base.commands import command
from superlearner.control.terms import clip
from superlearner.nodes.attaching.held_loop import advise_on_hold, describe_hold, describe_last_hold, describe_stop
from superlearner.nodes.attaching.known_services import KnownService
from superlearner.nodes.attaching.line import ENDED, ServiceLink
from superlearner.nodes.attaching.os_processes import EndOf, is_ending, is_stopped, process_exists
from superlearner.nodes.attaching.whereabouts import NoDoor, Whereabouts
from superlearner.nodes.kinds import SERVICE, NodeKind
from superlearner.nodes.nodes import Nodes
from superlearner.nodes.remote import RemoteError, RemoteNode

__all__ = ["PAUSES_S", "Attachment", "ServiceChange", "State"]

PAUSES_S: Final = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 60.0)
"""Seconds between attempts to find a service; after the last one, it is given up."""

LOOK_S: Final = 1.0
"""Seconds between two checks of the doors of this user, which are files: a restarted service is found soon."""
LONGEST: Final = 300
END_S: Final = 1.0
"""Seconds in which the process of a service ends after its connections."""
LOOK_END_S: Final = 0.02
WORD_S: Final = 2.0
"""A request fails a moment before the reason is known."""
STOPPED: Final = "stopped by a signal"
State = Literal["connecting", "attached", "looked_for", "given_up"]


ON_REQUEST: Final = "on request"
"""Words of a change that a user asked for."""


@dataclass(frozen=True, slots=True)
class ServiceChange:
    """The loss or return of an attached service or a member.

    Args:
        node: the name of its node on the platform.
        at: when, in seconds since 1970.
        text: what happened, without the time.
        reason: why it was lost; None if it is attached again.
        os_pid: the process id of its program.
        kind: the kind of its node.
        ran_on: its program has not ended: it did not answer, its connection was lost, or the platform was away.
        held: what held its event loop when it ended: since when, in seconds since 1970, and the sentence about it.
    """

    node: str
    at: float
    text: str
    reason: str | None
    os_pid: int
    kind: NodeKind = SERVICE
    ran_on: bool = False
    held: tuple[float, str] | None = None


class Attachment:
    """An attached service; made by `Attachments`, which runs `live` in a task.

    Args:
        where: the address of its door.
        name: the name of its node here; None keeps the node's own, or the service's if the node has none.
        nodes: the list that the node is added to.
        tell: called with `ok` or `bad` and a sentence when its state changes.
        pauses: see `PAUSES_S`.
        known: the service, if it was attached before the platform started; it is looked for from the beginning.
    """

    def __init__(
        self,
        where: Whereabouts,
        name: str | None,
        nodes: Nodes,
        tell: Callable[[str, str], object],
        pauses: tuple[float, ...] = PAUSES_S,
        known: KnownService | None = None,
    ) -> None:
        self.where = where
        self.name = name
        self.state: State = "connecting"
        self.facts: Facts | None = None
        self.visitor: Visitor | None = None
        self.tries = 0
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the service was first attached; fails if that was not possible."""
        self.over = asyncio.Event()
        """Set when it was given up."""
        self._nodes = nodes
        self._tell = tell
        self._pauses = pauses
        self._why: str | None = None
        self._closed: str | None = None if known is None else known.closed
        """The reason why its service closed its door or ended; None if neither is known."""
        self._silent_since: float | None = None
        self._was_stopped = False
        """True if its process was stopped by a signal when it fell silent."""
        self._hold: Hold | None = None
        """The code that holds its event loop now, as its program says."""
        self._blocked: str | None = None
        """The sentence about that code, or about the signal that stopped its process, as shown now."""
        self._hold_file: Path | None = None
        self._end: EndOf | None = None
        """The end of its program, once it was attached on this machine."""
        self._doors: frozenset[str] = frozenset()
        """The addresses of the doors that were there at the last attempt."""
        self.gone_at = None if known is None else known.gone_at
        """When it fell silent or was lost, in seconds since 1970, or the platform ended; None while it is attached."""
        self.known = known
        """The service, since it was first attached."""
        self.before: str | None = None
        """The address of its door before the last restart of the service."""
        self.held: Callable[[Attachment], frozenset[str]] = lambda _attachment: frozenset()
        """Returns the addresses of doors to which other services are attached: none of them is its restart."""
        self.on_change: Callable[[ServiceChange], object] = lambda _change: None
        """Called when the service is lost, and when it is attached again."""
        self.learned: Callable[[], object] = lambda: None
        """Called when `known` has changed."""
        if known is not None:
            self.state = "looked_for"
            self._hold_file = find_hold_file(known.last) if where.is_own else None
            self.begun.set_result(None)

    def __repr__(self) -> str:
        return f"<Attachment {self.name or self.where.address} {self.state}>"

    async def live(self) -> None:
        """Observe the service until it has been gone for too long."""
        looking = asyncio.get_running_loop().create_task(self._look_on())
        try:
            await self._live()
        finally:
            looking.cancel()
            if self._blocked is not None:
                self._nodes.show_hold(self.name or "", None)

    async def _live(self) -> None:
        while True:
            try:
                await self._visit()
            except (DoorError, RemoteError, ImportError, BadArgument, ValueError, TimeoutError) as error:
                if not self.begun.done():
                    self.state = "given_up"
                    self.begun.set_exception(error)
                    return
                self._why = clip(self._closed_words(str(error)) if isinstance(error, NoDoor) else str(error), LONGEST)
                if self.facts is None and self.tries == 0:
                    self._tell("bad", f"{self._describe_search()}; it will be looked for {len(self._pauses)} times")
            if self.tries == len(self._pauses):
                self.state = "given_up"
                self._nodes.stop_waiting(self.name or "", self.describe_state())
                self.over.set()
                self._tell("bad", f"{self.name} was not found again after {self.tries} tries: {self.why}")
                return
            self.state = "looked_for"
            self.tries += 1
            self._nodes.wait_for(self.name or "", self.describe_state())
            await self._pause()

    def _closed_words(self, error: str) -> str:
        """Return why no door was found: the known reason, and whether its process runs on."""
        os_pid = None if self.known is None else self.known.os_pid
        if os_pid is None or not process_exists(os_pid):
            return self._closed or error
        return f"{self._closed or 'its program left otp.observe()'}; its process {os_pid} runs on without it"

    async def _look_on(self) -> None:
        while True:
            await self._look()

    async def _look(self) -> None:
        """Read, after a moment, what holds its event loop, which it cannot say, and notice its end in silence."""
        await asyncio.sleep(LOOK_S)
        hold, silent = self._read_hold(), self._silent_since is not None
        ended = (silent or hold is not None) and self._has_ended()
        if ended and silent:
            self._end_in_silence()
        stopped = self._find_stop() if self.state == "attached" or silent else None
        self._set_hold(None if ended else hold, None if ended else stopped)

    def _read_hold(self) -> Hold | None:
        if self._hold_file is None or self.known is None or self.known.os_pid is None:
            return None
        return read_hold(self._hold_file, self.known.os_pid, time.time())

    def _has_ended(self) -> bool:
        """Return whether its program, on this machine, has ended."""
        return self.where.is_own and self.known is not None and not process_exists(self.known.os_pid or 0)

    def _set_hold(self, hold: Hold | None, stopped: str | None = None) -> None:
        blocked = stopped or (None if hold is None else advise_on_hold(hold))
        if (hold, blocked) == (self._hold, self._blocked):
            return
        self._hold, self._blocked = hold, blocked
        self._nodes.show_hold(self.name or "", blocked)
        self._retell()

    def _find_stop(self) -> str | None:
        """Return the sentence about its process on this machine if a signal has stopped it, else None."""
        os_pid = None if self.known is None or not self.where.is_own else self.known.os_pid
        return describe_stop(os_pid) if os_pid is not None and is_stopped(os_pid) else None

    def _retell(self) -> None:
        """Show the present reason why it does not answer."""
        if self.state == "looked_for" and self._silent_since is not None:
            self._nodes.keep_reason(self.name or "", self.why or ENDED)
        if self.state == "looked_for":
            self._nodes.wait_for(self.name or "", self.describe_state())

    def _end_in_silence(self) -> None:
        """Tell that its program has ended while it did not answer."""
        os_pid = 0 if self.known is None else self.known.os_pid or 0
        now = time.time()
        held = self._last_hold(now)
        why = (EndOf(os_pid) if self._end is None else self._end).describe()
        self._why = self._closed = why
        if self.known is not None:
            self.known = replace(self.known, closed=why)
            self.learned()
        self._nodes.keep_reason(self.name or "", why)
        self._silent_since = None
        self._hold = self._blocked = None
        self._nodes.show_hold(self.name or "", None)
        self._retell()
        text = f"{self.name} is gone: {why}"
        self._tell("bad", text)
        self.on_change(ServiceChange(self.name or "", now, text, why, os_pid, held=held))

    def _last_hold(self, now: float) -> tuple[float, str] | None:
        """Return what held its event loop when its program ended, as `ServiceChange` has it."""
        hold = self._read_hold()
        return None if hold is None or not self._has_ended() else (hold.since, describe_last_hold(hold, now))

    async def _pause(self) -> None:
        """Pause before the next attempt, or until the service has a new door."""
        until = asyncio.get_running_loop().time() + self._pauses[self.tries - 1]
        while await self._goes_on(until):
            pass

    async def _goes_on(self, until: float) -> bool:
        """Wait a moment and return whether the pause goes on; no notification is sent when a service starts."""
        loop, known = asyncio.get_running_loop(), self.known
        await asyncio.sleep(min(LOOK_S, max(0.0, until - loop.time())))
        there = frozenset[str]() if known is None else self.where.doors(known.node, known.siblings) - {known.last}
        return loop.time() < until and not there - self.held(self) - self._doors

    async def _visit(self) -> None:
        """Attach once and return when the service ends."""
        known = self.known
        self._doors = frozenset() if known is None else self.where.doors(known.node)
        if known is None:
            address, token = await self.where.look()
        else:
            address, token = await self.where.look(known.node, known.siblings, known.last, self.held(self))
        async with Visitor(address, token) as visitor:
            facts = visitor.facts
            if known is not None and facts.node != known.node:
                raise DoorError(f"{address} is now the address of {facts.node}, not of {known.node}")
            if address in self.held(self):  # attached meanwhile
                raise DoorError(f"{address} is the address of another service, which is attached")
            name = self.name or self.where.name_of(facts.node, address)
            silent = self._silent_since is not None
            # On another machine, its next program may have the same number, as in a container.
            ran_on = self.where.is_own and known is not None and known.os_pid == facts.os_pid
            if silent and not ran_on and self._has_ended():
                self._end_in_silence()
            # Before the list of nodes changes: its listeners may ask for this.
            self._silent_since = None
            self.name, self.facts, self.state, self.tries, self._why = name, facts, "attached", 0, None
            self._set_hold(None)
            self._hold_file = find_hold_file(address) if self.where.is_own else None
            self._end = EndOf(facts.os_pid) if self.where.is_own else None
            if facts.backend is not None:
                line = ServiceLink(facts.backend, partial(self._end_of, visitor))
                await self._nodes.attach_remote(name, line, there=facts.node)
            self._nodes.stop_waiting(name)
            self.before = None if known is None else known.last
            siblings = self.where.siblings(address, facts.node)
            self.known = KnownService(name, facts.node, self.where, address, siblings, os_pid=facts.os_pid)
            again = f"again attached, to process {facts.os_pid}" if self.begun.done() else "attached"
            self._tell("ok", f"{name} is {again}: {self.can_do()}")
            if self.gone_at is not None:
                now = time.time()
                gap, self.gone_at = sentences.elapsed(max(0, round(now - self.gone_at))), None
                text = f"{name} is attached again, to process {facts.os_pid}, after a gap of {gap}"
                if ran_on:
                    how = "answers" if silent else "is attached"
                    why = f"its process {facts.os_pid} has run on"
                    if silent and self._was_stopped:
                        why = f"its program (process {facts.os_pid}) had been {STOPPED} and is running again"
                    text = f"{name} {how} again after a gap of {gap}: {why}"
                self.on_change(ServiceChange(name, now, text, None, facts.os_pid, ran_on=ran_on))
            if not self.begun.done():
                self.begun.set_result(None)
            if self.known != known:
                self.learned()
            self.visitor = visitor
            visitor.collect = self._collect
            is_here = self.where.is_own and process_exists(facts.os_pid)
            why = f"it was detached; `{command('attach', self.where.address)}` attaches it again"
            what = "is no longer observed"
            begun: float | None = None
            try:
                await visitor.gone()
                now = begun = time.time()
                if visitor.silent_since is not None:
                    begun -= asyncio.get_running_loop().time() - visitor.silent_since
                if (hold := self._read_hold()) is not None:
                    begun = hold.since  # on all surfaces
                self._silent_since = visitor.silent_since
                self._set_hold(hold, self._find_stop())
                if not (busy := self._busy(self._silent_since)):
                    self._set_hold(None)
                self._was_stopped = busy is not None and is_stopped(facts.os_pid)
                why, what = (busy, "is silent") if busy else (ENDED, "is gone")
                if visitor.last_word is not None:
                    why = f"{clip(visitor.last_word, LONGEST)} (process {facts.os_pid})"
                elif is_here and self._end is not None and not busy:
                    why, what = await _describe_end(self._end, address)
                is_known = visitor.last_word is not None or (is_here and what == "is gone")
                self._closed = why if is_known or _is_removed(place_of(address).path) else None
            finally:
                self.visitor, self.state, self._why, self.gone_at = None, "looked_for", why, begun or time.time()
                if facts.backend is not None:
                    self._nodes.detach(name, why, what)
        # The platform may restart before it is back
        self.known = replace(self.known, gone_at=self.gone_at, closed=self._closed)
        self.learned()
        self._tell("bad", f"{name} {what}: {why}; it will be looked for {len(self._pauses)} times")
        at, held = (begun or now, None) if busy else (now, self._last_hold(now))
        if busy and (self._was_stopped or self._hold is None):  # what is stored stays true when it is over
            pid = facts.os_pid
            why = f"its process {pid} {f'was {STOPPED}' if self._was_stopped else 'ran and did not answer'}"
        elif busy and self._hold is not None:
            why = describe_hold(self._hold)
        self.on_change(
            ServiceChange(name, at, f"{name} {what}: {why}", why, facts.os_pid, ran_on=what != "is gone", held=held)
        )

    async def _collect(self) -> None:
        """Fetch what has happened last: the service is closing its door, and waits a moment."""
        if (remote := self._nodes.find(self.name)) is not None and isinstance(remote, RemoteNode):
            await remote.fetch_last()

    @property
    def present_address(self) -> str:
        """The address as it was given; a name with a process id has that of the current program."""
        given, known, facts = self.where.address, self.known, self.facts
        if known is None or facts is None or not given.removeprefix(f"{known.node}-").isdigit():
            return given
        return f"{known.node}-{facts.os_pid}"

    @property
    def why(self) -> str | None:
        """The reason why it is not attached; None if it is."""
        why = self._busy(self._silent_since) or self._blocked or self._why
        if self.state == "given_up" and why is not None:
            address = self.known.node if self.where.is_own and self.known is not None else self.where.address
            return f"{why}; when it runs again, `{command('attach', address)}` attaches it"
        return why

    @property
    def is_silent(self) -> bool:
        """Return whether its program runs on this machine and does not answer: it is busy, or stopped by a signal."""
        return self._busy(self._silent_since) is not None

    async def _end_of(self, visitor: Visitor) -> str:
        """Return why a request to the service failed."""
        try:
            async with standstill.timeout(WORD_S):
                await visitor.gone()
        except TimeoutError:  # only its backend has ended
            return f"{self.name} is not reachable: {ENDED}"
        return f"{self.name} is not reachable: {self._busy(visitor.silent_since) or ENDED}"

    def _busy(self, since: float | None) -> str | None:
        """Return a sentence about a silent service whose program runs on this machine, else None."""
        facts = self.facts
        if since is None or facts is None or not self.where.is_own or not process_exists(facts.os_pid):
            return None
        seconds = asyncio.get_running_loop().time() - since
        if is_stopped(facts.os_pid):
            return describe_stop(facts.os_pid, f" and has not answered for {sentences.elapsed(round(seconds))}")
        if self._hold is not None:
            return advise_on_hold(self._hold)
        busy = sentences.elapsed(round(seconds))
        return f"it has been busy for {busy}: its process {facts.os_pid} runs and does not answer"

    def describe_state(self) -> str:
        """Return its state as a sentence, for requests to its node."""
        if self.state == "attached":
            return f"{self.name} is attached with {self.can_do()}"
        return self._describe_search() if self.state == "looked_for" else f"{self.name} was not found again: {self.why}"

    def _describe_search(self) -> str:
        if self.why is None:
            return f"{self.name} is being looked for: it was attached before the platform started"
        state = "is not reachable"
        if self.gone_at is not None:
            state = f"has not been reachable since {datetime.fromtimestamp(self.gone_at):%H:%M:%S}"
        return f"{self.name} {state}, and is being looked for: {self.why}"

    def can_do(self) -> str:
        """Return what the pages can show of it, as a phrase."""
        if self.facts is None:
            return "nothing yet"
        permits = " and ".join(self.facts.permissions) or "nothing"
        if self.facts.backend is not None:
            return f"every page and operation, as far as its service permits ({permits})"
        return f"its metrics only, no pages and no operations: {self.facts.why}"


async def _describe_end(end_of: EndOf, address: str) -> tuple[str, str]:
    """Return why the connection to a service of this machine was lost, and its state, such as `is gone`.

    Both are read from its process and its door.
    """
    path, loop, os_pid = place_of(address).path, asyncio.get_running_loop(), end_of.os_pid
    if _is_removed(path):
        return f"its program left otp.observe() (process {os_pid})", "is gone"
    end = loop.time() + END_S
    end_of.wait()
    while (runs := process_exists(os_pid)) or is_ending(os_pid):
        if loop.time() > end:
            break
        await _pause()
    if runs:
        return f"the connection to it is lost; its process {os_pid} still runs", "is not reachable"
    return end_of.describe(), "is gone"


async def _pause() -> None:
    await asyncio.sleep(LOOK_END_S)


def _is_removed(path: str | None) -> bool:
    """Return whether a socket was removed: a killed program leaves it behind."""
    return path is not None and not os.path.lexists(path)
