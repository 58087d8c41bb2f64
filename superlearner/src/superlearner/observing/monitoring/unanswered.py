"""Advice about calls without an answer that ended their callers: to processes that did not run, hung or were suspended.

The server that was called is what to look at, not the line of the call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Final

import otp
from otp import Node, sentences
from superlearner.base.commands import command
from superlearner.control.clock import Clock, time_text
from superlearner.control.events import facts_of, is_requested_stop
from superlearner.control.slots import id_text
from superlearner.control.terms import plain_pid
from superlearner.control.wrong_results import UnansweredCall
from superlearner.observing.monitoring.facts import CrashGroup, MissingProcess, NodeFacts
from superlearner.observing.monitoring.timeouts import ADVICE
from superlearner.restarts.memory import Memory

if TYPE_CHECKING:
    from superlearner.observing.analytics.history import Book

__all__ = ["MissingProcesses", "advise_on_call"]

KEPT_S: Final = 10.0
"""Seconds for which the result of a search of all events is kept."""


class MissingProcesses:
    """The processes that were not running when others called them by name and crashed, with how they had ended."""

    def __init__(self) -> None:
        self._found: dict[str, MissingProcess] = {}
        self._looked = 0.0

    def find(
        self, node: Node, book: Book, crashes: Iterable[CrashGroup], since: float, clock: Clock
    ) -> Mapping[str, MissingProcess]:
        """Return what is known about those that were called since a time, by name.

        All events of the node are read for it, so a result is kept for `KEPT_S` or until a process starts or ends.
        """
        now = otp.monotonic()
        runs = {name: node.whereis(name) is not None for name in _list_missed(book, crashes, since)}
        if runs != {name: one.runs for name, one in self._found.items()} or (runs and now - self._looked >= KEPT_S):
            memory = Memory(otp.trace.history(node))
            self._found, self._looked = {name: _find(node, memory, name, clock) for name in runs}, now
        return self._found


def _list_missed(book: Book, crashes: Iterable[CrashGroup], since: float) -> set[str]:
    """Return the names of processes that were not running when others called them and crashed, since a time."""
    calls = [one.unanswered for one in crashes]
    for history in book.histories.values():
        calls += [one.unanswered for one in islice(history.restart_history(), 1)]  # a supervisor may be down for long
        calls += [one.unanswered for one in takewhile(lambda one: one.at >= since, history.restart_history())]
        calls += [one.unanswered for one in history.unstarted.values()]
    return {one.name for one in calls if one is not None and one.name is not None and not one.timed_out}


def _find(node: Node, memory: Memory, name: str, clock: Clock) -> MissingProcess:
    runs = node.whereis(name) is not None
    ends = [one for pid, one in memory.ends.items() if memory.name(pid) == name]
    if not ends:
        living = (otp.process_info(one, "registered_name") for one in node.processes())
        known = {id_text(one) for one in living if one is not None}
        meant = next(iter(get_close_matches(name, known - {name}, 1)), "")
        first = next(iter(memory.events), None)
        since = "" if first is None or first.seq == 1 else time_text(clock.wall(first.at))
        return MissingProcess(runs, meant=meant, since=since)
    end = ends[-1]
    facts, stop = facts_of(end), memory.stop(end)
    if stop is not None:
        by = memory.name(stop.pid) or plain_pid(stop.pid)
        requested = is_requested_stop(stop)
        supervisor, child = (by, facts_of(stop).id) if requested and otp.is_alive(stop.pid) else (None, None)
        how = f"{by} stopped {name}{' on request' if requested else ''}"
        return MissingProcess(runs, f"{how} (at {time_text(clock.wall(end.at))})", supervisor, child)
    who = f"the start of {name}" if end.data.get("callback") == "init" and facts.crash else name
    how = sentences.ended(who, facts.reason, failed=facts.crash, at=facts.where)
    return MissingProcess(runs, f"{how} (at {time_text(clock.wall(end.at))})")


def advise_on_call(call: UnansweredCall | None, caller: str, facts: NodeFacts, shows: str) -> str:
    """Return what to try about a call without an answer; "" if there is no such call.

    Args:
        call: the call.
        caller: the name of its caller.
        facts: about the node.
        shows: the phrase with the command that explains the end of the caller.
    """
    if call is None:
        return ""
    if call.is_deadlock:
        return f"{ADVICE}; {shows}"
    explains = f"`{command('error.why', call.name, node=facts.called)}`" if call.name else ""
    if call.timed_out:
        return _advise_on_silence(call, caller, facts, shows, explains)
    missing = facts.missing.get(call.name or "")
    begin = f"{caller} called {call.callee}, which was not running"
    if missing is None:
        return f"{begin}: start it before {caller}; {shows}"
    begin += " then, but runs now" if missing.runs else ""
    if missing.child is not None and facts.operates and not missing.runs:
        again = command("supervisor.restart_child", missing.supervisor, missing.child, node=facts.called)
        return f"{begin}: {missing.end}; `{again}` starts it"
    if missing.end:
        return f"{begin}: {missing.end}; {explains} explains it"
    if missing.runs:
        return f"{begin}: start it before {caller}; {shows}"
    recorded = f"no process of this name is recorded{f' since {missing.since}' if missing.since else ''}"
    meant = f"; did you mean {missing.meant}?" if missing.meant else f": start it before {caller}"
    names = command("registry.names", node=facts.called)
    return f"{begin}, and {recorded}{meant}; `{names}` lists the names that are registered; {shows}"


def _advise_on_silence(call: UnansweredCall, caller: str, facts: NodeFacts, shows: str, explains: str) -> str:
    """Return what to try about a server that did not answer in time, from what it does now."""
    if call.name is None:
        return f"find out why {call.callee} did not answer {caller} in time; {shows}"
    if any(one.name == call.name for one in facts.suspended):
        resume = f"`{command('process.resume', call.name, node=facts.called)}`"
        with_it = resume if facts.operates else "`otp.sys.resume` in its program"
        return f"{call.callee} did not answer {caller} because it is suspended: resume it with {with_it}"
    busy = next((one for one in facts.callbacks if one.name == call.name), None)
    if busy is not None:
        at = f" at {busy.place}" if busy.place else ""
        trace = command("process.backtrace", call.name, node=facts.called)
        return (
            f"{call.callee} did not answer {caller}: it has been in {busy.callback}{at} for "
            f"{sentences.elapsed(round(busy.seconds(facts.now)))}; `{trace}` shows where it waits"
        )
    return f"find out why {call.callee} did not answer {caller} in time: {explains} shows its problems; {shows}"
