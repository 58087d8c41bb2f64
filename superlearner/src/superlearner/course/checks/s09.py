"""Checks of session 9: a monitor that starts agents again, which session 10 repairs."""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import otp
from superlearner.course.engine.by_hand import ByHand
from superlearner.course.engine.diagnosis import diagnosed
from superlearner.course.engine.exercise import exercise
from superlearner.course.engine.reports import unreported
from superlearner.course.engine.scenario import Scenario
from superlearner.course.engine.values import apart, render
from superlearner.course.engine.verdict import Wrong

SLOW: Final = "sue"
"""The name of an agent that takes a time to end when it is asked to."""
TAKES: Final = 0.1
"""That time, in seconds."""
ENDS: Final = ("boom", "kill", "normal", "shutdown", ("shutdown", "x"))
AGAIN: Final[dict[str, tuple[bool, ...]]] = {
    "always": (True, True, True, True, True),
    "transient": (True, True, False, False, False),
    "never": (False, False, False, False, False),
}
"""For each policy, the reasons of `ENDS` after which an agent is started again."""


class Agents:
    """The agents that a monitor of the answer starts: they keep numbers, and end on request.

    Args:
        s: the scenario.
        options: the arguments of the monitor.
        called: its name in sentences.
        limits: its limits, by their names.
    """

    def __init__(self, s: Scenario, *options: Any, called: str = "agent_monitor", **limits: Any) -> None:
        self.s = s
        self.limits = limits
        self.monitor: ByHand = s.process("agent_monitor", *options, called=called, **limits)
        self.started: list[tuple[Any, otp.Pid, tuple[Any, ...], float]] = []
        """The name, pid, other arguments and time of each start."""

        async def agent(*args: Any) -> None:
            await self._run(*args)

        agent.__qualname__ = "agent"  # so it is shown
        self.fn: Callable[..., Any] = agent

    async def _run(self, name: Any = None, *rest: Any) -> None:
        pid, count = otp.self(), len(self.of(name)) + 1
        self.started.append((name, pid, rest, otp.monotonic()))
        self.s.adopt(pid, f"{name or 'agent'} {count}" if count > 1 else str(name or "agent"))
        numbers = list(rest)
        otp.process_flag("trap_exit", name == SLOW)
        while True:
            match await otp.receive():
                case ("exit", reason):
                    otp.exit(reason)
                case "raise":
                    raise RuntimeError(f"{name} has a fault")
                case otp.ExitSignal(_, reason):
                    await asyncio.sleep(TAKES)
                    otp.exit(reason)
                case ("add", number):
                    numbers.append(number)
                case ("numbers", from_, ref):
                    otp.send(from_, (ref, tuple(numbers)))
                case _:
                    pass

    def of(self, name: Any) -> list[otp.Pid]:
        """Return the pids of all starts of an agent, oldest first."""
        return [pid for each, pid, *_ in self.started if each == name]

    def living(self) -> list[otp.Pid]:
        """Return the agents that live, oldest first."""
        return [pid for _, pid, *_ in self.started if otp.is_alive(pid)]

    def times(self, name: str) -> list[float]:
        """Return when an agent was started."""
        return [at for each, *_, at in self.started if each == name]

    async def start(self, name: str, *numbers: int) -> otp.Pid:
        """Have the monitor start an agent, and return its pid."""
        before = len(self.started)
        asked = self.monitor.ask("start_agent", name, self.fn, (name, *numbers))
        asked.said = f"('start_agent', {name!r}, …)"
        got = await asked.answered()
        args = f"agent{render((name, *numbers))}"
        new = self.started[before:]
        self.s.expect(len(new) == 1, f"{asked.said} should start one process of {args}, got {len(new)}")
        ran = f"agent{self.s.worded(render((new[0][0], *new[0][2])))}"
        right = new[0][0] == name and new[0][2] == numbers
        self.s.expect(right, f"expected {asked.said} to start {args}, got {ran}")
        say = f"expected the answer ('ok', {self.s.called(new[0][1])}) to {asked.said}, got {render(got)}"
        self.s.same(got, ("ok", new[0][1]), self.s.worded(say))
        return new[0][1]

    async def end(self, name: str, reason: Any) -> None:
        """End an agent with this reason, or by a kill, and let the monitor react."""
        pid = self.of(name)[-1]
        if reason == "kill":
            otp.exit(pid, "kill")
        else:
            otp.send(pid, ("exit", reason))
        await self.s.settle()

    async def has(self, name: str, restarts: int) -> otp.Pid:
        """Raise `Wrong` unless the newest process of an agent is the one that the monitor knows."""
        pid = self.of(name)[-1]
        got = await self.monitor.answers(("status", name))
        self.s.same(got, ("ok", pid, restarts), *self.instead(("status", name), ("ok", pid, restarts), got))
        return pid

    async def lists(self, *wanted: tuple[str, otp.Pid | None]) -> None:
        """Raise `Wrong` unless `list` is answered with these names and pids."""
        got = await self.monitor.answers("list")
        self.s.same(got, wanted, *self.instead("list", wanted, got))

    def instead(self, request: Any, wanted: Any, got: Any) -> tuple[str, str | None]:
        """Return what is wrong with an answer; a dead pid in it shows M13."""
        expected, instead = apart(wanted, got)
        say = self.s.worded(f"expected the answer {expected} to {render(request)}, got {instead}")
        return say, "M13" if any(
            str(pid) in render(got) for _, pid, *_ in self.started if not otp.is_alive(pid)
        ) else None

    async def again(self, name: str, before: int, after: str, m: str | None = None) -> None:
        """Raise `Wrong` unless an agent was started exactly once since it had been started so many times."""
        await self.outlived(f"{name} ended {after}")
        if self.of(None):
            raise Wrong(f"{name} ended {after}, and was started again without its arguments", "M12")
        new = len(self.of(name)) - before
        if new > 1:
            raise Wrong(f"{name} ended {after} once, and was started again {new} times", "P12")
        self.s.expect(new == 1, f"{name} ended {after}: expected the monitor to start it again", m)

    async def outlived(self, what: str) -> None:
        """Raise `Wrong` if the monitor has ended with an agent; a crash of its own is no such end."""
        await self.s.settle()
        reason = self.s.reason_of(self.monitor.pid)
        if self.limits and reason == "shutdown" and len(self.started) > len({name for name, *_ in self.started}):
            limits = ", ".join(f"{key}={value}" for key, value in self.limits.items())
            raise Wrong(f"{what}: the monitor ended with 'shutdown', although it was started with {limits}", "M22")
        own = isinstance(reason, otp.Crash)
        await self.monitor.lives(f"{what}, and the monitor ended, too", None if own else "M8")

    def forgotten(self, name: str, before: int, say: str, m: str | None = None) -> None:
        """Raise `Wrong` if an agent was started again."""
        self.s.expect(len(self.of(name)) == before, say, m)


def with_reason(reason: Any) -> str:
    """Return how an agent ended."""
    return "by a kill" if reason == "kill" else f"with {render(reason)}"


@exercise("s09.policies")
@unreported
async def policies(s: Scenario) -> None:
    """Start agents again, as the policy says."""
    await restarts(s)


async def restarts(s: Scenario, **limits: Any) -> None:
    """Raise `Wrong` unless a monitor does what the first exercise asks for; with these arguments as well."""
    s.step('"start_agent", "status", "list" and "stop_agent" are answered.')
    some = Agents(s, **limits)
    bob, ann = await some.start("bob", 2), await some.start("ann", 1)
    await some.has("bob", 0)
    await some.lists(("ann", ann), ("bob", bob))
    await some.monitor.answers(("status", "eve"), ("error", "not_found"))
    await some.monitor.answers(("stop_agent", "eve"), ("error", "not_found"))
    await stop(some, "ann")
    await some.lists(("bob", bob))
    await some.start(SLOW)
    await stop(some, SLOW, TAKES)

    s.step("The policy and the reason decide whether an agent is started again: 15 cases.")
    rows: list[Agents] = []
    for policy, decisions in AGAIN.items():
        row = Agents(s, policy, called=f"{policy} monitor", **limits)
        for reason, wanted in zip(ENDS, decisions, strict=True):
            name = f"{policy} {ENDS.index(reason) + 1}"
            await row.start(name, 1)
            await row.end(name, reason)
            how = f"{with_reason(reason)} under {policy!r}"
            m = None if reason in ("boom", "kill") else "M24"
            if wanted:
                await row.again(name, 1, how, m)
            else:
                await row.outlived(f"{name} ended {how}")
                row.forgotten(name, 1, f"{name} ended {how}, and was started again", m)
                await row.monitor.answers(("status", name), ("error", "not_found"))
        await row.start("cid", 1)
        await stop(row, "cid")
        rows.append(row)

    s.step("The new process has the same function and arguments, and another pid, which the monitor knows.")
    await some.start("cid", 7, 8)
    for count in (1, 2, 3):
        otp.send(some.of("cid")[-1], ("add", count))
        if count == 3:  # an exception is a reason of another type
            otp.send(some.of("cid")[-1], "raise")
        else:
            await some.end("cid", "boom")
        late = "M13" if count > 1 else None  # the monitor still looks at the old one
        await some.again("cid", count, f"for the {('first', 'second', 'third')[count - 1]} time", late)
        s.expect(some.started[-1][2] == (7, 8), "expected cid to be started again with its first arguments", "M12")
        cid = await some.has("cid", count)
        await some.lists(("bob", bob), ("cid", cid))
    await some.has("bob", 0)
    await some.end("bob", "boom")
    await some.again("bob", 1, "with 'boom'")
    await some.has("bob", 1)

    s.step('A name in use is refused with "already_exists", and nothing changes.')
    for name, count in (("cid", 3), ("bob", 1)):
        asked = some.monitor.ask("start_agent", name, some.fn, (name, 9))
        asked.said = f"('start_agent', {name!r}, …)"
        await asked.answered(("error", "already_exists"))
        await some.has(name, count)
    await some.end("bob", "normal")
    await some.start("bob", 3)
    await some.has("bob", 0)

    s.step("It takes a message of another form, and goes on.")
    await some.monitor.ignores("list", ("status",), ("start_agent", "dan"))
    await some.has("cid", 3)

    s.step('After "stop" all agents end with "shutdown", then the monitor with "normal".')
    await some.start(SLOW)
    for each in (some, *rows):
        await stops(each)


async def stop(agents: Agents, name: str, takes: float = 0) -> None:
    """Have the monitor stop an agent, and raise `Wrong` unless it stays away."""
    pid, before = agents.of(name)[-1], len(agents.of(name))
    asked = agents.monitor.ask("stop_agent", name)
    await agents.outlived(f"{name} was stopped")
    if takes:
        say = f"{name} takes {takes:g} s to end after 'shutdown', but 'stop_agent' was answered before its end"
        await asked.unanswered(say)
        other = agents.monitor.ask("list")
        await asked.unanswered(f"'list' came while {name} was ending, and was taken for the end of {name}")
        await asked.answered("ok", within=takes)
        await other.answered()
    else:
        await asked.answered("ok")
    agents.s.expect(not otp.is_alive(pid), f"{name} was stopped, and lives on")
    reason = agents.s.reason_of(pid)
    agents.s.expect(reason in ("shutdown", "boom"), f"expected {name} to end with 'shutdown', got {render(reason)}")
    agents.forgotten(name, before, f"{name} was stopped by request, and was started again")
    await agents.monitor.answers(("status", name), ("error", "not_found"))


async def stops(agents: Agents) -> None:
    """Stop the monitor, and raise `Wrong` unless all agents end before it, and stay away."""
    s, last, before, since = agents.s, agents.living(), len(agents.started), agents.s.mark()
    slow = any(pid in last for pid in agents.of(SLOW))
    await agents.monitor.stops("M23", TAKES if slow else 0)
    ends = s.trace.ended(since)
    if slow and ends.index(agents.monitor.pid) < ends.index(agents.of(SLOW)[-1]):
        raise Wrong(f"{SLOW} takes {TAKES:g} s to end: expected the monitor to wait for it, and to end after it", "M23")
    s.expect(not agents.living(), "the monitor has stopped, and an agent lives on", "M23")
    for pid in last:
        reason = s.reason_of(pid)
        s.expect(reason == "shutdown", f"expected {s.called(pid)} to end with 'shutdown', got {render(reason)}")
    s.expect(len(agents.started) == before, 'after "stop" an agent was started again')


@exercise("s09.delay")
@unreported
async def delay(s: Scenario) -> None:
    """A restart after a time, and a monitor that answers meanwhile."""
    await waits(s)


async def waits(s: Scenario, **limits: Any) -> None:
    """Raise `Wrong` unless a monitor does what the second exercise asks for; with these arguments as well."""
    with s.under("Agents are still started, stopped and started again by the policy."):
        await restarts(s, **limits)

    s.step("An agent that crashes is started again after the delay; two that crash at once, both then.")
    some = Agents(s, "transient", 0.1, **limits)
    ann, bob = await some.start("ann", 1), await some.start("bob", 2)
    begun = otp.monotonic()
    for pid in (ann, bob):
        otp.send(pid, ("exit", "boom"))
    await s.settle()
    for name in ("ann", "bob"):
        s.expect(len(some.of(name)) == 1, f"{name} was started again at once: expected 0.1 s later")
    await s.advance(1)
    for name in ("ann", "bob"):
        await some.again(name, 1, "with 'boom'")
        expect_at(s, name, some.times(name)[-1] - begun, 0.1)
        await some.has(name, 1)
    fast = Agents(s, called="fast monitor", **limits)
    await fast.start("fay")
    await fast.end("fay", "boom")
    await fast.again("fay", 1, "with 'boom', with no delay")
    await stops(fast)

    s.step("While an agent waits for its restart, every request is answered at once.")
    begun = otp.monotonic()
    await some.end("ann", "kill")
    await some.monitor.answers("list", (("ann", None), ("bob", some.of("bob")[-1])))
    got = await some.monitor.answers(("status", "ann"))
    waiting = type(got) is tuple and len(got) == 3 and got[:2] == ("ok", None)
    s.expect(waiting, some.instead(("status", "ann"), ("ok", None, 1), got)[0])
    await s.advance(0.05)
    await some.has("bob", 1)
    asked = some.monitor.ask("start_agent", "ann", some.fn, ("ann", 9))
    asked.said = "('start_agent', 'ann', …)"
    await asked.answered(("error", "already_exists"))
    await some.start("cid", 3)
    await some.end("cid", "boom")
    await s.advance(0.07)
    await some.again("ann", 2, "by a kill")
    expect_at(s, "ann", some.times("ann")[-1] - begun, 0.1)
    await s.advance(1)
    await some.again("cid", 1, "with 'boom'")
    expect_at(s, "cid", some.times("cid")[-1] - begun, 0.15)

    s.step("One end is followed by one restart.")
    for name, count in (("ann", 3), ("bob", 2)):
        await some.end(name, "boom")
        await s.advance(1)
        await some.again(name, count, "with 'boom'")
        await some.has(name, count)

    s.step('"stop_agent" while an agent waits: it stays away, even if another one has its name by then.')
    await some.end("ann", "boom")
    await stop(some, "ann")
    await s.advance(0.05)
    await some.start("ann", 5)
    await s.advance(1)
    say = "ann was stopped while it waited for its restart, and another one was started later"
    some.forgotten("ann", 5, f"{say}: the old restart came all the same", "P8")
    await some.has("ann", 0)
    await some.end("ann", "boom")
    await stop(some, "ann")
    await s.advance(0.05)
    begun = otp.monotonic()
    await some.start("ann", 5)
    await some.end("ann", "boom")
    await s.advance(1)
    say = "ann waited for a restart, was stopped, and another ann was started and ended"
    early = some.times("ann")[-1] - begun < 0.09
    s.expect(
        not early, f"{say}: the timer of the first ann restarted the second one, which had to wait for longer", "P8"
    )
    await some.again("ann", 6, "with 'boom'")
    await some.end("bob", "boom")
    await stop(some, "bob")
    await s.advance(1)
    some.forgotten("bob", 3, "bob was stopped while it waited for its restart, and was started all the same", "P8")
    await some.monitor.answers(("status", "bob"), ("error", "not_found"))

    s.step('"stop_agent" leaves no message behind.')
    await stop(some, "ann")
    await some.start("ann", 6)
    await s.advance(1)
    some.forgotten("ann", 8, "ann was stopped, and the next agent of the name was started twice")
    await some.has("ann", 0)
    left = otp.process_info(some.monitor.pid, "message_queue_len")
    s.expect(left == 0, f"expected an empty mailbox of the monitor, got {left} messages")

    s.step('After "stop" no agent is started again, not even one that waited.')
    await some.start("dan", 4)
    await some.end("dan", "boom")
    before = len(some.started)
    await stops(some)
    await s.advance(1)
    say = 'dan waited for its restart, then came "stop": after the end of the monitor it was started again'
    s.expect(len(some.started) == before, say, "P8")


def expect_at(s: Scenario, name: str, got: float, wanted: float) -> None:
    """Raise `Wrong` unless an agent was started again at this time."""
    late = "P1" if got > wanted else None
    s.expect(abs(got - wanted) < 0.01, f"expected {name} to be started again at {wanted:g} s, got {got:.3g} s", late)


@exercise("s10.deaf_monitor")
async def deaf_monitor(s: Scenario) -> None:
    """A monitor that slept before each restart."""
    diagnosed(s, "P1")
    await delay(s)


@exercise("s10.twice")
async def twice(s: Scenario) -> None:
    """A monitor that acted on two messages about each end."""
    diagnosed(s, "P12")
    await delay(s)


@exercise("s09.limit")
@unreported
async def limit(s: Scenario) -> None:
    """A monitor that gives up."""
    with s.under("It still restarts by the policy, after the delay, and answers meanwhile."):
        await waits(s, max_restarts=1000, max_seconds=1)

    s.step("Of all agents together, the restart that would be one too many does not happen: the monitor gives up.")
    some = Agents(s, "transient", 0, 3, 5)
    names = ("ann", "bob", "cid", "dan")
    for name in names:
        await some.start(name, 1)
    for number, name in enumerate(("cid", "dan", "dan"), 1):
        before = len(some.of(name))
        await some.end(name, "boom")
        if not otp.is_alive(some.monitor.pid) and s.reason_of(some.monitor.pid) == "shutdown":
            raise Wrong(f"expected 3 restarts with a limit of 3 in 5 s, got {number - 1}")
        await some.again(name, before, "with 'boom'")
    last, since = some.living()[:3], s.mark()
    await some.end("dan", "boom")
    await gave_up(some, "4 crashes of two agents within 5 s")
    ends = [pid for pid in s.trace.ended(since) if pid in last]
    order = ", ".join(map(s.called, ends))
    right = [some.of(name)[-1] for name in ("cid", "bob", "ann")]
    s.expect(ends == right, f"expected the agents to end in reverse order of their start, got {order}")

    s.step('All agents have ended with "shutdown", and none is started again.')
    two = Agents(s, "always", 0.1, 1, 10, called="second monitor")
    for name in ("ann", "bob", "eve"):
        await two.start(name, 2)
    await two.end("ann", "boom")
    await s.advance(0.05)
    await two.end("bob", "boom")
    await s.advance(1)
    await gave_up(two, "2 crashes within 10 s, with a limit of 1; the restart of ann waits, and counts", None)
    await s.advance(20)
    s.expect(not two.living() and len(two.of("bob")) == 1, "the monitor gave up, and an agent was started again")

    three = Agents(s, "transient", 0, 1, 10, called="third monitor")
    first, _, last_one = await three.start("ann", 1), await three.start("bob", 2), await three.start(SLOW)
    since = s.mark()
    for _ in range(2):
        await three.end("bob", "boom")
    await s.advance(TAKES + 0.01)
    ends = s.trace.ended(since)
    say = f"{s.called(last_one)} was started last, and takes {TAKES:g} s to end: expected ann to end after it"
    s.expect(last_one in ends and first in ends and ends.index(last_one) < ends.index(first), say)
    await gave_up(three, "2 crashes within 10 s, with a limit of 1")

    s.step("Restarts older than max_seconds do not count: a crash every 2 s goes on for ever, every 1.3 s does not.")
    slow = Agents(s, "transient", 0, called="slow monitor")
    await slow.start("ann", 1)
    for number in range(1, 13):
        await slow.end("ann", "boom")
        if not otp.is_alive(slow.monitor.pid) and s.reason_of(slow.monitor.pid) == "shutdown":
            raise Wrong(f"a crash every 2 s: expected restarts for ever, but it gave up at crash {number}", "M22")
        await slow.again("ann", number, "with 'boom'", "M22")
        await s.advance(2)
    await slow.monitor.stops()
    await every(s, (0, 1.3, 2.6, 3.9), "a crash every 1.3 s", None)
    await every(s, (0, 4, 4.5, 5.5, 6), "crashes at 0, 4, 4.5, 5.5 and 6 s", "P6")
    await every(s, (0, 8), "2 crashes, 8 s apart, with a limit of 1 in 10 s", None, (1, 10))

    s.step("An end that needs no restart does not count.")
    calm = Agents(s, "transient", 0, called="calm monitor")
    for _ in range(6):
        await calm.start("ann", 1)
        await calm.end("ann", "normal")
        say = '"normal" needs no restart, so it does not count: expected the monitor to go on'
        await calm.monitor.lives(say, "M24")
    await calm.start("bob", 2)
    for number in (1, 2, 3):
        await calm.end("bob", "boom")
        if s.reason_of(calm.monitor.pid) == "shutdown":
            raise Wrong(f"6 normal ends, then 3 crashes: expected 3 restarts, got {number - 1}", "M24")
        await calm.again("bob", number, "with 'boom'")
    await s.advance(6)
    for _ in range(4):
        await calm.start("ann", 1)
        await stop(calm, "ann")
    await calm.end("bob", "boom")
    await calm.monitor.lives("4 agents were stopped by request, then one crashed, and the monitor gave up", "M24")
    await calm.again("bob", 4, "with 'boom'")

    s.step("It takes a message of another form, and stops.")
    await calm.monitor.ignores(("status",))
    await stops(calm)


async def gave_up(agents: Agents, after: str, m: str | None = "M22") -> None:
    """Raise `Wrong` unless the monitor and its agents have ended with "shutdown"."""
    s, monitor = agents.s, agents.monitor
    await monitor.ends("shutdown", *given_up(agents, after, m))
    s.expect(not agents.living(), f"the monitor gave up, and {len(agents.living())} agents live on", "M23")
    for _, pid, *_ in agents.started:
        got = s.reason_of(pid)
        s.expect(got in ("shutdown", "boom"), f"expected {s.called(pid)} to end with 'shutdown', got {render(got)}")


def given_up(agents: Agents, after: str, m: str | None) -> tuple[str, str | None]:
    """Return what is wrong if a monitor has not given up."""
    pid = agents.monitor.pid
    if otp.is_alive(pid):
        return f"{after}: expected the monitor to give up, but it is alive", m
    got = agents.s.reason_of(pid)
    return f"{after}: expected the monitor to end with 'shutdown', got {render(got)}", None


async def every(
    s: Scenario, times: tuple[float, ...], said: str, m: str | None, limits: tuple[int, int] = (3, 5)
) -> None:
    """Raise `Wrong` unless a monitor with these limits gives up at the last of these crashes, and not before."""
    agents = Agents(s, "transient", 0, *limits, called="busy monitor")
    await agents.start("ann", 1)
    begun = otp.monotonic()
    for number, at in enumerate(times, 1):
        if wait := begun + at - otp.monotonic():
            await s.advance(wait)
        await agents.end("ann", "boom")
        if number < len(times):
            if s.reason_of(agents.monitor.pid) == "shutdown":
                raise Wrong(f"{said}: it gave up at crash {number}", m)
            await agents.again("ann", number, "with 'boom'")
    if otp.is_alive(agents.monitor.pid):
        raise Wrong(f"{said}: expected it to give up at the last one, but it is alive", m)
    await gave_up(agents, said)
