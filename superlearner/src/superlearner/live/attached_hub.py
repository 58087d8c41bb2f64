"""The hub of an attached node: its top-level supervisors come and go."""

from __future__ import annotations

from typing import Any, Final

import otp
from otp import Pid, sentences
from otp.observer.reading import kind_of
from otp.observer.tree import is_child, top_supervisors
from otp.trace import Event
from superlearner.control.events import ENDS, STARTS, facts_of
from superlearner.control.exits import keys_of
from superlearner.control.tree import supervisor_state
from superlearner.live.hub import KINDS, Hub
from superlearner.live.projection import graft, patch, remove, row_of
from superlearner.live.rows import label

__all__ = ["AttachedHub"]

LIFE: Final = frozenset({"spawned", "exited"})
BIRTHS: Final = STARTS | {"spawned"}
"""Kinds of events that tell when a process started; the report of its supervisor is the later one."""


class AttachedHub(Hub):
    """A `Hub` that finds top-level supervisors by itself.

    A supervisor cannot be read before its `init` has returned, which no event reports. So a new one waits in a list of
    newcomers that is checked whenever a frame is sent.
    """

    _newcomers: dict[Pid, None]

    def follow(self) -> None:
        """Read the current trees and the ends that the node remembers, then follow the events."""
        self._read_again()
        self._take_earlier_ends()
        self._subscription = self.node.subscribe(self.on_event, kinds=KINDS | LIFE)

    def _take_earlier_ends(self) -> None:
        """Take over the ends of before: they were the same children's, also below supervisors that were replaced."""
        events = otp.trace.history(self.node)
        keys, reported = keys_of(events, self.model.by_pid), {event.cause for event in events if event.kind in ENDS}
        for event in events:
            if event.kind == "exited":
                self._ends.note(event)
                if event.seq not in reported and (key := keys.get(facts_of(event).pid)) is not None:
                    self.exits.take(key, event)
            elif event.kind in ENDS and (key := keys.get(facts_of(event).child or "")) is not None:
                self.exits.take(key, self._at_its_end(event))

    def _take(self, event: Event) -> set[str]:
        pid = event.pid
        if pid is None:
            return set()
        if event.kind == "spawned":
            if _is_top_supervisor(pid):
                self._newcomers[pid] = None
            return set()
        if event.kind == "exited":
            return self._ended(pid, event)
        if not self.viewers:  # otherwise they are read before the next frame
            self._read_newcomers()
        if pid in self._newcomers:  # it starts children, so it will soon be readable
            self._arm()
        return super()._take(event)

    def _ended(self, pid: Pid, event: Event) -> set[str]:
        """Handle the end of a whole tree, which no supervisor reports."""
        self._newcomers.pop(pid, None)
        facts = facts_of(event)
        row = row_of(self.model, facts.pid)
        if row is None or row.parent is not None:
            return set()
        if row.state != "gave_up":  # its give-up is in the feed
            end = sentences.ended(label(row), facts.reason, failed=facts.crash)
            text = sentences.story(end, sentences.not_restarted(None))
            level = "bad" if facts.crash else "info"
            self.feed.note(self.model, self.model.wall(event.at), level, text, facts.pid, "ended")
        return remove(self.model, row.key)

    def _pending(self) -> bool:
        self._read_newcomers()
        return super()._pending()

    def _read_newcomers(self) -> None:
        for pid in list(self._newcomers):
            if not (otp.is_alive(pid) and _is_top_supervisor(pid)):
                del self._newcomers[pid]
            elif supervisor_state(pid) is not None:
                del self._newcomers[pid]
                self._dirty |= graft(self.model, self.reader.root(pid), None, self.clock.now())

    def _read_again(self) -> None:
        tops: list[Any] = list(top_supervisors(self.node))
        self.roots = [pid for pid in tops if supervisor_state(pid) is not None]
        self._newcomers = {pid: None for pid in tops if pid not in self.roots}
        for key in list(self.model.roots):
            row = self.model.rows[key]
            if row.pid is None or not otp.is_alive(self.node.parse_pid(row.pid)):
                self._dirty |= remove(self.model, key)
        before = set(self.model.by_pid)
        super()._read_again()
        self._date_rows(before)

    def _date_rows(self, before: set[str]) -> None:
        """Give the rows the start times that the node remembers: it may have been attached before.

        The pids of `before` were on the page already. The start of such a process may have been followed, although
        the node no longer remembers it.
        """
        events = [event for event in otp.trace.history(self.node) if event.kind in BIRTHS]
        started = {_pid_of_start(event): self.model.wall(event.at) for event in events}
        followed = before - self.undated
        self.undated = self.model.by_pid.keys() - started.keys() - followed
        for pid in self.model.by_pid.keys() & started.keys():
            if pid in self.model.started:
                self.model.started[pid] = started[pid]
            else:
                self._dirty |= patch(self.model, row_of(self.model, pid), since=started[pid])


def _is_top_supervisor(pid: Pid) -> bool:
    process: Any = pid
    return kind_of(process) == "supervisor" and not is_child(process)


def _pid_of_start(event: Event) -> str | None:
    facts = facts_of(event)
    return facts.child if event.kind in STARTS else facts.pid
