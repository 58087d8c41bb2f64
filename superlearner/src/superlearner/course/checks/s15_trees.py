"""Checks of session 15: supervisors that give up, and those above them."""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import otp
from otp import GenServer
from superlearner.control.reasons import tagged
from superlearner.course.engine.drawn_tree import Part
from superlearner.course.engine.exercise import exercise
from superlearner.course.engine.reports import unreported
from superlearner.course.engine.scenario import Scenario
from superlearner.course.engine.tree import TOGETHER, Tree
from superlearner.course.engine.values import render
from superlearner.course.engine.verdict import CourseMark, Wrong


@exercise("s15.crashy")
@unreported
async def crashy(s: Scenario) -> None:
    """A worker that crashes when it is asked to, and a supervisor that survives three crashes in ten seconds."""
    s.step('`crashy` crashes at each cast "crash".')
    tree = await s.tree("StrictSupervisor")
    if otp.whereis("crashy") is None:
        line = s.line_of("StrictSupervisor", "Children")
        raise Wrong(f"{line}expected a child that is registered as 'crashy'; write name='crashy' in its child spec")
    worker = await crash(s, "crashy")
    if otp.is_alive(worker):
        say = 'crashy got the cast "crash", and goes on; let the error end it'
        raise Wrong(f"{s.line_of('CrashyWorker', 'crash')}{say}", "M11")
    reason = s.reason_of(worker)
    if reason == "normal":
        raise Wrong('crashy got the cast "crash" and ended normally: expected it to raise an error')
    if tagged(reason)[0] == "bad_return_value" or (isinstance(reason, otp.Crash) and type(reason.term) is str):
        raise s.end_of('crashy got the cast "crash", and did not raise an error: ', reason, "handle_cast")
    if otp.whereis("crashy") is None:
        s.expect(otp.is_alive(tree.pid), f"{limits_of(s)}StrictSupervisor gave up at the first crash", "M22")
        raise Wrong(f"{s.line_of('StrictSupervisor', 'temporary')}crashy crashed, and it was not started again", "M24")
    with s.unseen():
        await tree.stop()

    s.step("It survives crashes at 0, 1 and 2 s.")
    await crashes(s, (0, 1, 2), None)

    s.step("A fourth crash within 10 s makes it give up; one that comes later does not.")
    for last, gives_up in ((9.999, True), (10.0, True), (10.001, False)):
        await crashes(s, (0, 1, 2, last), last if gives_up else None)


async def crash(s: Scenario, name: str) -> otp.Pid:
    """Let a server crash, and return its pid."""
    pid = otp.whereis(name)
    assert pid is not None
    s.running(pid, name)
    GenServer.cast(pid, "crash")
    await s.settle()
    return pid


def limits_of(s: Scenario) -> str:
    """Return `line 15: `, the line with the limits of the supervisor."""
    return s.line_of("StrictSupervisor", "max_restarts", "max_seconds", "Children")


async def crashes(s: Scenario, times: Sequence[float], end: float | None) -> None:
    """Start the supervisor, and let crashy crash at these times; raise `Wrong` unless it gives up exactly at `end`."""
    tree = await s.tree("StrictSupervisor")
    begun, since = otp.monotonic(), s.mark()
    named = " and ".join((", ".join(f"{each:g}" for each in times[:-1]), f"{times[-1]:g}"))
    for time in times:
        await s.advance(max(begun + time - otp.monotonic(), 0))
        await crash(s, "crashy")
        gone = not otp.is_alive(tree.pid)
        s.show(since, s.mark(), begun)
        if gone and time != end:
            raise Wrong(f"{limits_of(s)}crashes at {named} s: it gave up at {time:g} s, and should survive", "M22")
        if gone:
            return
    if end is not None:
        raise Wrong(
            f"{limits_of(s)}crashes at {named} s: the last is the fourth within 10 s, and it did not give up", "M22"
        )
    with s.unseen():
        await tree.stop()


SERVICES: Final = ("mail", "sensor", "import")


def every(seconds: float, count: int) -> list[float]:
    """Return times of crashes."""
    return [round(number * seconds, 3) for number in range(count)]


USUAL: Final = {
    "mail": (every(2, 20), "one crash every 2 s"),
    "sensor": ([round(6 * turn + 0.1 * n, 3) for turn in range(7) for n in range(10)], "10 crashes every 6 s"),
    "import": (every(61, 4), "one crash every 61 s"),
}
"""Crashes that a supervisor has to survive."""
SERIOUS: Final = {
    "mail": (every(0.1, 11), "a crash every 0.1 s, for 1 s"),
    "sensor": (every(0.01, 40), "40 crashes 0.01 s apart"),
    "import": (every(1, 2), "two crashes in 1 s"),
}
"""Crashes at which it has to give up. A limit that does so gives up within the usual ones above, or never."""


@exercise("s15.limits")
@unreported
async def limits(s: Scenario) -> None:
    """Limits of three services."""
    s.step("Each service gives up when something is wrong, and survives what is usual.")
    answer = s.choices(SERVICES)
    marks: list[CourseMark] = []
    for key in SERVICES:
        pair = answer[key]
        if type(pair) not in (tuple, list) or len(pair) != 2 or not all(type(each) in (int, float) for each in pair):
            raise Wrong(f"expected a pair (max_restarts, max_seconds) for {key!r}, such as (3, 5), got {render(pair)}")
        most, seconds = pair
        if type(most) is not int or most < 0 or seconds <= 0:
            say = "a whole number of restarts, and more than 0 seconds"
            raise Wrong(f"expected {say} for {key!r}, got {render(pair)}")
        with s.showing(key):
            say = await fault_of(s, key, most, seconds)
        marks.append(CourseMark(key, not say, f"`{key}`: {say}" if say else "", "M22" if say else None))
    s.judge(marks)


async def fault_of(s: Scenario, key: str, most: int, seconds: float) -> str:
    """Return what is wrong with the limits of a service; "" if nothing is."""
    given = f"{most} restart{'s' if most != 1 else ''} in {seconds:g} s"
    times, what = SERIOUS[key]
    if await gives_up(s, times, most, seconds) is None:
        return f"{what} should end it, but with {given} it survives them"
    times, what = USUAL[key]
    end = await gives_up(s, times, most, seconds)
    return "" if end is None else f"{what} is usual, but with {given} it gives up after {end:g} s"


async def gives_up(s: Scenario, times: Sequence[float], most: int, seconds: float) -> float | None:
    """Return the time of the crash at which a supervisor with these limits gives up; None if it survives all."""
    supervisor = await s.supervise(Part.child_spec(None, name="service"), max_restarts=most, max_seconds=seconds)
    begun = otp.monotonic()
    for time in times:
        await s.advance(max(begun + time - otp.monotonic(), 0))
        otp.exit(s.name(otp.whereis("service") or supervisor, "service"), "kill")
        await s.settle()
        if not otp.is_alive(supervisor):
            return time
    with s.unseen():
        otp.exit(supervisor, "shutdown")
        await otp.wait_down(supervisor)
    return None


NAMES: Final = ("witness", "middle", "leaf", "sibling")


@exercise("s15.escalate")
@unreported
async def escalate(s: Scenario) -> None:
    """A supervisor that gives up once, and one above it that survives."""
    s.step("Three crashes of leaf restart leaf alone.")
    tree = await s.tree("Root")
    for name in NAMES:
        if tree.now.get(name) is None or otp.whereis(name) != tree.now[name]:
            raise Wrong(
                f"expected a process in the tree that is registered as {name!r}; write name={name!r} in its child spec"
            )
    if tree.types["middle"] != "supervisor":
        raise Wrong(f"{s.line_of('Root', 'middle')}expected middle to be a supervisor, got a worker", "M25")
    below = set(map(otp.whereis, ("leaf", "sibling"))) <= set((await s.children(tree.now["middle"])).values())
    s.expect(below, "expected leaf and sibling to be children of middle")
    begun, since = otp.monotonic(), s.mark()
    before = dict(tree.now)
    for number in range(3):
        await s.advance(max(begun + number - otp.monotonic(), 0))
        leaf = await crash(s, "leaf")
        s.expect(not otp.is_alive(leaf), 'leaf got the cast "crash", and goes on; let the error end it', "M11")
        s.show(since, s.mark(), begun)
        reason = s.reason_of(leaf)
        if reason in ("normal", "shutdown"):
            say = f'leaf got the cast "crash" and ended with {reason!r}, which is no crash'
            raise Wrong(f"{say}: let it raise an error")
        survived(s, tree, f"leaf crashed at {number} s", {"leaf"}, before, await after(s, tree))

    s.step("The fourth crash renews leaf, sibling and middle; witness and Root go on.")
    await s.advance(1)
    since = s.mark()
    leaf = await crash(s, "leaf")
    s.show(since, s.mark(), begun)
    s.expect(otp.is_alive(tree.pid), f"{s.line_of('Root', 'Children')}at the fourth crash Root gave up as well", "M23")
    now = await after(s, tree)
    if now.get("middle") == before["middle"]:
        raise Wrong("the fourth crash of leaf within 4 s did not make middle give up: its limits allow it", "M22")
    survived(s, tree, "leaf crashed for the fourth time", {"leaf", "sibling", "middle"}, before, now)

    s.step("Exactly one supervisor gave up: middle.")
    gave_up = [s.called(each.pid) for each in s.trace.lifecycle() if each.kind == "gave_up"]
    s.same(gave_up, ["middle"], f"expected middle to give up once, got {', '.join(gave_up) or 'none'}", "M23")

    s.step("Middle stops sibling before it ends.")
    ended = s.trace.ended(since)
    order = [name for pid in ended for name in ("sibling", "middle") if before[name] == pid]
    s.same(order, ["sibling", "middle"], f"expected sibling to end before middle, got {' before '.join(order)}", "M23")


async def after(s: Scenario, tree: Tree) -> dict[str, otp.Pid]:
    """Return the processes that run now."""
    return await tree.look() if otp.is_alive(tree.pid) else {}


def survived(
    s: Scenario, tree: Tree, when: str, new: set[str], before: dict[str, otp.Pid], now: dict[str, otp.Pid]
) -> None:
    """Raise `Wrong` unless exactly the `new` ones are other processes, and all run."""
    s.expect(otp.is_alive(tree.pid), f"{when}, and Root gave up: the level below should give up first", "M23")
    for name in NAMES:
        if name not in now:
            raise Wrong(f"{s.line_of('Root', name)}{when}, and {name} was not started again", "M24")
        if now[name] != before[name] and name not in new:
            early = "middle" not in new and any(each.kind == "gave_up" for each in s.trace.lifecycle())
            say = f"{when}, and {name} is another process, too"
            if early:
                raise Wrong(f"{say}: a supervisor gave up too early", "M22")
            raise Wrong(say, "M20", TOGETHER)
        if now[name] == before[name] and name in new and name != "leaf":
            raise Wrong(f"{when}, and {name} is still the same process", "M23")
    before["leaf"] = now["leaf"]
