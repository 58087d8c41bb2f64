"""A supervisor of an answer with all processes below it: which of them a crash renews, and in which order they stop."""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import otp
from otp import GenServer, Supervisor
from superlearner.course.engine.drawn_tree import STRATEGIES
from superlearner.course.engine.values import render
from superlearner.course.engine.verdict import Wrong

if TYPE_CHECKING:
    from superlearner.course.engine.scenario import Scenario

__all__ = ["FIRST", "TOGETHER", "Tree", "start_tree", "supervisor_class"]

REST_S: Final = 10.0
"""Seconds before each crash, so that those before it count no longer."""
LONGEST_ARG: Final = 40
"""Characters of an argument in a sentence."""
AFTER: Final = (
    "`rest_for_one` restarts the child that crashed and those started after it; `one_for_one` restarts no other."
)
FIRST: Final = "A list of children is their start order: what is needed comes first."
TOGETHER: Final = "Only children that need each other restart together; a restart of a healthy one is needless."

Place: TypeAlias = "tuple[Hashable, ...]"
"""The ids from the topmost supervisor down to a process."""


def supervisor_class(s: Scenario, name: str) -> Any:
    """Return a supervisor class of the answer; raise `Wrong` if it is something else."""
    found = s.need(name)
    if isinstance(found, type) and issubclass(found, Supervisor | otp.DynamicSupervisor):
        return found
    if isinstance(found, type) and issubclass(found, GenServer):
        say = f"`{name}` is a GenServer, so your code would have to watch the children; write class {name}(Supervisor)"
        raise Wrong(f"{s.line_of(name)}{say}", "M25")
    got = "another class" if isinstance(found, type) else render(found)
    wanted = f"expected `{name}` to be a supervisor, class {name}(Supervisor)"
    raise Wrong(f"{s.line_of(name)}{wanted}, got {got}")


class Tree:
    """A running supervisor; `Scenario.tree` starts one of an answer.

    Each process below it has a label: the name under which it was registered when the tree started, else its id.

    Args:
        s: the scenario.
        pid: of the topmost supervisor.
        name: of its class, or what it is called in sentences.
        by_id: the labels are the ids, whatever is registered.
    """

    def __init__(self, s: Scenario, pid: otp.Pid, name: str, *, by_id: bool = False) -> None:
        self.s = s
        self._label_of = id_of if by_id else label_of
        self.pid = pid
        self.name = name
        self.types: dict[str, str] = {}
        """`worker` or `supervisor`, by label."""
        self.now: dict[str, otp.Pid] = {}
        """The processes that ran at the last look, by label, in the order in which they started."""
        self._labels: dict[Place, str] = {}
        self._classes: dict[Place, str] = {(): name}

    async def look(self) -> dict[str, otp.Pid]:
        """Return the living processes below the topmost supervisor, by label, in the order of their start."""
        self.now = {}
        await self._look(self.pid, ())
        return self.now

    async def _look(self, supervisor: otp.Pid, above: Place) -> None:
        try:
            children = await Supervisor.which_children(supervisor)
        except otp.CallExit:
            label = self._labels.get(above, self.name)
            raise Wrong(f"{label} says that it is a supervisor, but it has no children to list", "M25") from None
        for child in reversed(children):
            if not isinstance(child.pid, otp.Pid):
                continue
            place = (
                *above,
                self._label_of(child) if child.id is None else child.id,
            )  # those of dynamic supervisors have none
            label = self._labels.get(place) or self._label_of(child)
            if place not in self._labels and label in self._labels.values():
                label = " / ".join(map(str, place))
            self._labels[place] = label
            self.now[label] = child.pid
            self.types[label] = child.type
            self.s.running(child.pid, label)
            if child.type == "supervisor":
                self._classes[place] = next(
                    (each.__name__ for each in child.modules or () if isinstance(each, type)), ""
                )
                await self._look(child.pid, place)

    async def renewed_by(self, crashed: str) -> set[str]:
        """Kill a process, and return the labels of those that are other processes afterwards, or that are gone."""
        await self.s.advance(REST_S)
        before = await self.look()
        since = self.s.mark()
        await self.s.kill(before[crashed])
        if not otp.is_alive(self.pid):
            self.s.show(since, self.s.mark())
            say = f"{crashed} crashed once, and {self.name} gave up and ended; let it restart its children"
            raise Wrong(f"{self._line(crashed, 'max_restarts')}{say}", "M22")
        after = await self.look()
        self.s.show(since, self.s.mark())
        return {label for label in before if after.get(label) != before[label]}

    async def crash(self, crashed: str, *renews: str) -> None:
        """Kill a process; raise `Wrong` unless it and exactly those that `renews` are other processes afterwards."""
        before, since = await self.look(), self.s.mark()
        new = await self.renewed_by(crashed)
        for label in before:
            if label in new and label not in self.now:
                which = "it" if label == crashed else label
                raise Wrong(
                    f"{self._line(crashed, 'temporary')}{crashed} crashed, and {which} was not started again", "M24"
                )
        above = self._above(crashed)
        if above in new and above not in renews:
            say = f"{crashed} crashed once, and its supervisor {above} gave up; let it restart its children"
            raise Wrong(f"{self._line(crashed, 'max_restarts')}{say}", "M22")
        line = self._line(crashed, *STRATEGIES, "Children")
        order = list(before)
        for label in order:
            if label in renews and label not in new:
                self.s.happens("goes on as before", before[label])
                self.s.show(since, self.s.mark())
                look = AFTER if order.index(label) > order.index(crashed) else FIRST
                raise Wrong(f"{line}{crashed} crashed, and {label}, which needs it, went on as before", "M21", look)
            if label in new and label not in (crashed, *renews):
                say = f"{line}{crashed} crashed, and {label}, which does not need it, was restarted"
                events = enumerate(self.s.trace.events(since), since + 1)
                ended = (after for after, event in events if event.kind == "exited" and event.pid == before[label])
                self.s.show(since, next(ended, self.s.mark()))
                raise Wrong(say, "M20", TOGETHER)

    async def stop(self) -> list[str]:
        """Stop the tree, and return the labels of its processes in the order in which they ended."""
        running = {pid: label for label, pid in (await self.look()).items()}
        since = self.s.mark()
        otp.exit(self.pid, "shutdown")
        await otp.wait_down(self.pid)
        await self.s.settle()
        ended = self.s.trace.ended(since)
        return [running[pid] for pid in ended if pid in running]

    def _above(self, label: str) -> str | None:
        """Return the label of the supervisor of a process; None for the topmost one."""
        place = next(place for place, each in self._labels.items() if each == label)
        return self._labels.get(place[:-1])

    def _line(self, crashed: str, *texts: str) -> str:
        """Return `line 15: `, the line of one of these texts in the class of the supervisor of a process."""
        place = next(place for place, label in self._labels.items() if label == crashed)
        return self.s.line_of(self._classes[place[:-1]], *texts)


def label_of(child: otp.ChildInfo) -> str:
    """Return the name under which a child is registered, else its id."""
    for name in otp.registered():
        if isinstance(name, str) and otp.whereis(name) == child.pid:
            return name
    return id_of(child)


def id_of(child: otp.ChildInfo) -> str:
    """Return the id of a child in words."""
    return child.id.__name__ if isinstance(child.id, type) else str(child.id)


async def start_tree(s: Scenario, name: str, args: tuple[Any, ...], called: str, *, by_id: bool = False) -> Tree:
    """Start a supervisor class of the answer, and return it with all processes below it."""
    start = s.member(supervisor_class(s, name), "start_link")
    what = f"{name}.start_link({', '.join(s.worded(render(arg, LONGEST_ARG)) for arg in args)})"
    try:
        made = start(*args)
    except Exception as error:
        raise Wrong(f"{s.line_of_reason(error)}{what} raised {type(error).__name__}: {error}") from None
    tree = Tree(s, await s.start_linked(what, made, called), called, by_id=by_id)
    await tree.look()
    s.name_registered()
    return tree
