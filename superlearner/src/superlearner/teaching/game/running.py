"""The answer to a question: its tree runs under real supervisors, in virtual time, and its events are read."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import otp
from otp import Children, ChildSpec, GenServer, NoReply, Ok, Pid, Supervisor, impl
from otp.testing import Scheduler, wait_all_idle
from superlearner.restarts.fold import KINDS, Restart, fold
from superlearner.teaching.game.levels import ALLOWED, WINDOW_S, Node, Question

__all__ = ["Happened", "Run", "build", "run"]

LOGGERS: Final = ("otp", "otp.supervisor")


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of the run; `to` is the other process: ended over the link, or the supervisor."""

    kind: Literal["crash", "link", "signal", "restart", "drop", "give_up", "stop", "start"]
    name: str
    to: str = ""
    reason: str = ""
    left: int | None = None
    pid: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """The pids before the exit, the events, and the names of the processes that have a new pid afterwards."""

    before: dict[str, str]
    events: tuple[Happened, ...]
    restarted: tuple[str, ...]


class Worker(GenServer[None]):
    """A process that does nothing but link itself on request."""

    @impl
    def init(self, name: str) -> Ok[None]:
        return Ok(None)

    @impl
    def handle_info(self, message: Pid, state: None) -> NoReply[None]:
        otp.link(message)
        return NoReply(state)


class Branch(Supervisor):
    """A supervisor of a question's tree."""

    @impl
    def init(self, node: Node) -> Children:
        specs = [_spec(child) for child in node.children]
        return Children(specs, strategy=node.strategy or "one_for_one", max_restarts=ALLOWED, max_seconds=WINDOW_S)


def _spec(node: Node) -> ChildSpec:
    if node.strategy is None:
        return Worker.child_spec(node.name, name=node.name, id=node.name, restart=node.restart)
    return Branch.child_spec(node, name=node.name, id=node.name)


def run(question: Question, order: int = 0) -> Run:
    """Run the tree of a question, kill its victim, and return what happened. Blocks for some milliseconds.

    Args:
        question: the tree, its victim and its links.
        order: seed of the order in which processes run.

    >>> from superlearner.teaching.game.levels import Node, Question
    >>> tree = Node("top", "rest_for_one", (Node("a"), Node("b"), Node("c")))
    >>> run(Question(2, 0, "", "", tree, "b")).restarted
    ('b', 'c')
    """
    quiet = _Quiet(threading.get_ident())
    loggers = [logging.getLogger(name) for name in LOGGERS]
    for logger in loggers:
        logger.addFilter(quiet)
    try:
        return Scheduler(seed=order, inline=False).run(_play, question)
    finally:
        for logger in loggers:
            logger.removeFilter(quiet)


class _Quiet:
    """A filter without the log lines of one thread: exits in the game are no news of the platform."""

    def __init__(self, thread: int) -> None:
        self._thread = thread

    def filter(self, record: logging.LogRecord) -> bool:
        return record.thread != self._thread


async def build(question: Question) -> dict[str, Pid]:
    """Start the tree, spend the restarts that count already, set links, and return all pids by name."""
    node = otp.trace.node_of(otp.self())
    await Branch.start_link(question.root, name=question.root.name)
    for one in question.root.walk():
        for _ in range(one.used):
            otp.exit(_pid(node, one.children[-1].name), "kill")
            await wait_all_idle()
    for one, other in question.links:
        otp.send(one, _pid(node, other))
    await wait_all_idle()
    return {one.name: _pid(node, one.name) for one in question.root.walk()}


def _pid(node: otp.Node, name: str) -> Pid:
    found = node.whereis(name)
    assert found is not None, f"{name} does not run"
    return found


async def _play(question: Question) -> Run:
    otp.process_flag("trap_exit", True)
    node = otp.trace.node_of(otp.self())
    before = await build(question)
    seen: list[otp.trace.Event] = []
    reading = otp.trace.subscribe(node, seen.append, kinds=KINDS | {"spawned"})
    otp.exit(before[question.victim], "kill")
    await wait_all_idle()
    reading.close()
    after = {name: node.whereis(name) for name in before}
    restarted = tuple(name for name, pid in after.items() if pid is not None and pid != before[name])
    return Run({name: _text(pid) for name, pid in before.items()}, _collect_events(question, before, seen), restarted)


def _text(pid: Pid) -> str:
    return str(pid).strip("<>")


def _collect_events(
    question: Question, before: dict[str, Pid], seen: Sequence[otp.trace.Event]
) -> tuple[Happened, ...]:
    """Return the events by name, in their order."""
    names = {pid: name for name, pid in before.items()}
    ended: set[Pid] = set()
    restarts = {restart.event: restart for restart in fold(seen).restarts}
    told: list[Happened] = []
    for event in seen:
        data, pid = event.data, event.pid
        if pid is None:
            continue
        if event.kind == "spawned":
            names[pid] = data["name"]
            told.append(Happened("start", names[pid], to=names[data["parent"]], pid=_text(pid)))
        elif event.kind == "exited":
            told.append(_exit(question, names, ended, pid, data))
            ended.add(pid)
        elif event.seq in restarts:
            told.append(Happened("signal", data["id"], to=names[pid], reason=str(data["reason"])))
            told.append(_decision(names[pid], restarts[event.seq]))
    return tuple(told)


def _exit(question: Question, names: dict[Pid, str], ended: set[Pid], pid: Pid, data: dict[str, Any]) -> Happened:
    name, sender, reason = names[pid], data["sender"], str(data["reason"])
    above = question.above(name)
    if sender not in names:  # killed from outside, or ended by itself
        return Happened("crash", name, reason=reason)
    if above is not None and names[sender] == above.name and sender not in ended:
        return Happened("stop", name, to=above.name)
    return Happened("link", names[sender], to=name, reason=reason)


def _decision(name: str, restart: Restart) -> Happened:
    if restart.outcome == "gave_up":
        return Happened("give_up", name, left=0)
    if restart.outcome == "restarted":
        return Happened("restart", name, left=restart.allowed - (restart.used or 0))
    return Happened("drop", name)
