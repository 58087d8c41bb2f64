"""Checks of session 16: agents that start and stop at any time, the application, and the comparison."""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

import otp
from otp import Application, DynamicSupervisor, GenServer, Registry
from otp.testing import advance, wait_all_idle
from superlearner.agents.by_hand import AgentMonitor
from superlearner.agents.with_otp import AgentServer
from superlearner.agents.with_otp import AgentSupervisor as Package
from superlearner.course.engine.code_lines import lines_of
from superlearner.course.engine.exercise import exercise
from superlearner.course.engine.scenario import Scenario
from superlearner.course.engine.values import render
from superlearner.course.engine.verdict import Wrong

SUPERVISOR: Final = "AgentSupervisor"
NAMES: Final = ("AgentRegistry", "AgentDirectory", SUPERVISOR)


GIVEN_UP: Final = "the supervisor has given up, although five restarts in any minute are allowed"


class Agents:
    """The functions of the learner's `AgentSupervisor`, with what to say if they fail."""

    def __init__(self, s: Scenario) -> None:
        self.s = s
        self.owner = s.need(SUPERVISOR)
        self.top: otp.Pid | None = None

    def whereis(self, name: str) -> Any:
        """Return what `whereis` answers, which is not awaited."""
        found = self.s.member(self.owner, "whereis")(name)
        if inspect.iscoroutine(found):
            found.close()
            raise Wrong("whereis(name) has to be awaited: expected a plain function, `def whereis` without `async`")
        return found

    async def start_link(self, **options: Any) -> otp.Pid:
        """Start the supervisor, and return its pid."""
        what = f"{SUPERVISOR}.start_link({', '.join(f'{key}={value!r}' for key, value in options.items())})"
        made = self.s.member(self.owner, "start_link")(**options)
        return await self.s.start_linked(what, made, options.get("name", "supervisor of agents"))

    async def use(self, function: str, *args: Any, **options: Any) -> Any:
        """Return what a function answers."""
        said = [*map(render, args), *(f"{key}={render(value)}" for key, value in options.items())]
        made = self.s.member(self.owner, function)(*args, **options)
        return await self.s.asked(f"{function}({', '.join(said)})", made)

    async def start(self, name: str, **options: Any) -> otp.Pid:
        """Start an agent, and return its pid."""
        pid = await self.use("start_agent", name, **options)
        self.s.expect(
            isinstance(pid, otp.Pid),
            f"expected start_agent({name!r}) to return the pid of the agent, got {render(pid)}",
        )
        return self.s.name(pid, name)

    async def running(self, *pids: otp.Pid, m: str | None = None, after: str = "", **options: Any) -> None:
        """Raise `Wrong` unless exactly these agents run; `after` says what has happened before."""
        found = await self.use("list_agents", **options)
        many = f"{len(pids)} agent{'s' if len(pids) != 1 else ''}"
        say = self.s.worded(f"{after}expected list_agents to return the pids of {many}, got {render(found)}")
        self.s.expect(type(found) is list and {*found} == {*pids} and len(found) == len(pids), say, m)
        counts = await self.use("count_agents", **options)
        what = "what DynamicSupervisor.count_children returns"
        self.s.expect(hasattr(counts, "active"), f"expected count_agents to return {what}, got {render(counts)}")
        self.s.same(
            counts.active, len(pids), f"expected count_agents().active to be {len(pids)}, got {counts.active}", m
        )

    async def again(self, name: str, old: otp.Pid, count: int) -> otp.Pid:
        """Return the agent that has the name by now; raise `Wrong` unless it is a new one of `count` agents."""
        await self.s.settle()
        self.s.expect(self.top is not None and otp.is_alive(self.top), GIVEN_UP, "M22")
        living = await self.use("list_agents")
        self.s.expect(len(living) >= count, f"{name} has ended, and was not restarted: an agent is permanent", "M24")
        found = self.whereis(name)
        self.s.expect(found != old, f"whereis({name!r}) still returns the pid of the agent that has ended", "M13")
        lost = f"{name} was restarted, but whereis({name!r}) returns {render(found)}"
        self.s.expect(found in living, f"{lost}: the new process has not taken the name", "M26")
        return self.s.name(found, f"new {name}")


@exercise("s16.supervisor")
async def supervisor(s: Scenario) -> None:
    """AgentSupervisor: agents that are started and stopped at any time."""
    s.step("It starts, lists, counts and stops agents, with a registry and without one.")
    agents = Agents(s)
    agents.top = top = await agents.start_link()
    s.expect(otp.whereis(SUPERVISOR) == top, f"expected {SUPERVISOR}.start_link() to register the name {SUPERVISOR!r}")
    alone = await agents.start("alone")
    await agents.running(alone)
    without = "expected whereis('alone') to return None without a registry, got"
    try:
        found = agents.whereis("alone")
    except otp.BadArgument:
        raise Wrong(f"{without} the exception otp.BadArgument: no registry has the name 'AgentRegistry'") from None
    s.expect(found is None, f"{without} {s.worded(render(found))}")
    await agents.use("stop_agent", alone)
    await agents.running(after="stop_agent of the only agent, which must not restart: ")
    registry = await s.supervise(Registry.child_spec(keys="unique", name="AgentRegistry"))
    await s.children(registry)
    ann = await agents.start("ann", memory={"colour": "blue"})
    bob = await agents.start("bob")
    await agents.running(ann, bob)
    got = agents.whereis("ann"), agents.whereis("bob"), agents.whereis("eve")
    say = "expected whereis of 'ann', 'bob' and 'eve' to return their pids and None, (ann, bob, None), got"
    s.same(got, (ann, bob, None), s.worded(f"{say} {render(got)}"))
    memory = (await AgentServer.get_state(ann))["memory"]
    given = "start_agent('ann', memory={'colour': 'blue'})"
    s.same(memory, {"colour": "blue"}, f"expected {given} to give the agent this memory, got {render(memory)}")
    s.same(await AgentServer.get_status(ann), "idle", "expected ann to be an AgentServer that is idle")
    other = await agents.start_link(name="others")
    eve = await agents.start("eve", supervisor="others")
    await agents.running(eve, supervisor="others")
    await agents.running(ann, bob)
    otp.exit(other, "kill")
    await s.settle()

    s.step("A second agent of a name is refused, and nothing else changes.")
    try:
        got = await agents.owner.start_agent("ann")
    except otp.AlreadyStarted as taken:
        s.expect(taken.pid == ann, "expected AlreadyStarted with the pid of ann")
    else:
        s.expect(False, f"expected start_agent('ann') to raise otp.AlreadyStarted, got {render(got)}")
    await agents.running(ann, bob)

    s.step("After each of four crashes its name leads to the new process.", "M13")
    for _ in range(4):
        AgentServer.remember(ann, "learnt", "something")
        s.same(await AgentServer.recall(ann, "learnt"), "something")
        otp.exit(ann, "kill")
        new = await agents.again("ann", ann, 2)
        state = await AgentServer.get_state(new)
        lost = f"expected the memory of its start, {{'colour': 'blue'}}, after a crash, got {render(state['memory'])}"
        s.same(state["memory"], {"colour": "blue"}, lost, "M12")
        ann = new
    s.same(agents.whereis("bob"), bob, "ann has crashed, and bob is another process by now", "M20")

    s.step("An agent that ends normally is restarted; a temporary one never is.", "M24")
    await GenServer.stop(bob)
    bob = await agents.again("bob", bob, 2)
    spec = AgentServer.child_spec("guest", restart="temporary")
    guest = s.name(await DynamicSupervisor.start_child(SUPERVISOR, spec), "guest")
    otp.exit(guest, "kill")
    await s.settle()
    await agents.running(ann, bob)

    s.step("A stopped agent is gone, and leaves no name.")
    await agents.use("stop_agent", bob)
    await s.settle()
    s.expect(not otp.is_alive(bob), "expected stop_agent(pid) to end bob")
    await agents.running(ann)
    s.expect(agents.whereis("bob") is None, "expected whereis('bob') to return None after stop_agent")
    found = otp.whereis(Registry.via("AgentRegistry", "ann"))
    say = 'expected Registry.via("AgentRegistry", "ann") to lead to ann: the registry does not know this name'
    s.expect(found == ann, say)
    bob = await agents.start("bob")

    s.step("The sixth restart in a minute ends the supervisor with all agents; later ones do not.", "M22")
    for _ in range(5):
        await s.advance(60.001)
        otp.exit(bob, "kill")
        bob = await agents.again("bob", bob, 2)
    await s.advance(60.001)
    for _ in range(5):
        otp.exit(bob, "kill")
        bob = await agents.again("bob", bob, 2)
        await s.advance(11)
    otp.exit(bob, "kill")
    await s.settle()
    s.expect(not otp.is_alive(top), "expected the supervisor to give up at the sixth crash in a minute, but it goes on")
    s.expect(not otp.is_alive(ann), "the supervisor has given up, but ann goes on", "M23")


@exercise("s16.application")
async def application(s: Scenario) -> None:
    """AgentApplication: registry, directory and agents start and stop together."""
    s.step("`Application.ensure_all_started` starts its three parts.")
    app = s.need("AgentApplication")
    said = "Application.ensure_all_started(AgentApplication)"
    before = set(otp.processes())
    try:
        got = await s.asked(said, Application.ensure_all_started(app))
    except Wrong as wrong:
        if "its init returned " in wrong.say:
            say = "expected `init` to return Children([…], strategy=…)"
            raise Wrong(f"{said} failed: {say}") from None
        raise
    s.same(got, ["agent_framework"], f"expected {said} to start ['agent_framework'], got {render(got)}")
    missing = [name for name in NAMES if otp.whereis(name) is None]
    s.expect(not missing, f"expected processes with the names {', '.join(NAMES)}, got none for {', '.join(missing)}")

    s.step("When the registry ends, no agent is left without a name, and no name without an agent.", "M21")
    for count in (3, 8):
        await s.advance(10)
        names = [f"agent {number}" for number in range(count)]
        agents = [s.name(await Package.start_agent(name), name) for name in names]
        old = parts(s)
        otp.exit(old["AgentRegistry"], "kill")
        await s.settle()
        new = parts(s)
        for name in NAMES:
            s.expect(new[name] != old[name], f"the registry was killed, and {name}, which needs it, has not restarted")
        living = sum(map(otp.is_alive, agents)) + len(await Package.list_agents())
        s.expect(
            living == 0, f"the registry was killed: expected AgentSupervisor to start without agents, got {living}"
        )
        named = [name for name in names if Package.whereis(name) is not None]
        s.expect(not named, f"the registry was killed, and {render(named)} still lead to a process")

    s.step("When the directory ends, AgentSupervisor restarts, and the registry goes on.", "M21")
    await s.advance(10)
    old = parts(s)
    otp.exit(old["AgentDirectory"], "kill")
    await s.settle()
    new = parts(s)
    s.expect(new[SUPERVISOR] != old[SUPERVISOR], "the directory has ended, and AgentSupervisor has not restarted")
    s.expect(
        new[NAMES[0]] == old[NAMES[0]], "the directory has ended, and the registry, which does not need it, too", "M20"
    )

    s.step("When an agent crashes, it comes back, and everything else goes on.", "M20")
    ann, bob = [s.name(await Package.start_agent(name), name) for name in ("ann", "bob")]
    old = parts(s)
    otp.exit(ann, "kill")
    await s.settle()
    s.expect(parts(s) == old, "ann has crashed, and another part of the application has restarted")
    s.expect(Package.whereis("bob") == bob, "ann has crashed, and bob is another process by now, or has no name")
    s.expect(Package.whereis("ann") not in (None, ann), "ann has crashed, and its name leads to no new process", "M26")

    await s.advance(60.001)
    s.step("Six crashes in a minute end AgentSupervisor; it restarts, and the application runs.", "M23")
    for _ in range(6):
        if (pid := Package.whereis("bob")) is not None:
            otp.exit(pid, "kill")
        await s.settle()
    new = parts(s)
    s.expect(new[SUPERVISOR] != old[SUPERVISOR], "expected AgentSupervisor to give up and to be restarted", "M22")
    for name in NAMES[:2]:
        s.expect(
            new[name] == old[name], f"AgentSupervisor gave up, and {name}, which does not need it, restarted", "M20"
        )
    s.same(await Package.list_agents(), [], "expected the new AgentSupervisor to begin without agents")

    await s.advance(60.001)
    s.step("Two minutes of kills: each question is answered or fails, and each name leads to a living agent.", "M26")
    await chaos(s)

    s.step("`Application.stop` leaves nothing.")
    await s.settled("Application.stop(AgentApplication)", Application.stop(app))
    await s.settle()
    left = [name for name in NAMES if otp.whereis(name) is not None]
    s.expect(not left, f"expected no name after Application.stop, got {render(left)}")
    names = [otp.process_info(pid, "registered_name") for pid in set(otp.processes()) - before]
    s.expect(
        not any(names), f"expected no process after Application.stop, got {render([name for name in names if name])}"
    )


def parts(s: Scenario) -> dict[str, otp.Pid]:
    """Return the three parts of the application; raise `Wrong` unless all of them run."""
    found = {name: otp.whereis(name) for name in NAMES}
    missing = [name for name, pid in found.items() if pid is None]
    s.expect(len(missing) < len(NAMES), "the application has ended, with all of its parts", "M23")
    s.expect(not missing, f"{', '.join(missing)} has ended, and was not restarted", "M24")
    return {name: s.name(pid, name) for name, pid in found.items() if pid is not None}


async def chaos(s: Scenario) -> None:
    """Kill an agent every 15 s while clients ask them by name."""
    names = [f"worker {number}" for number in range(5)]
    for name in names:
        s.name(await Package.start_agent(name, memory={"name": name}), name)
    for _ in range(8):
        name = s.random.choice(names)
        victim = Package.whereis(name)
        assert victim is not None
        otp.exit(victim, "kill")
        with contextlib.suppress(otp.CallExit):  # it may be on its way back
            await AgentServer.recall(Registry.via("AgentRegistry", name), "name")
        await s.advance(15)
        for each in names:
            pid = Package.whereis(each)
            s.expect(pid is not None and otp.is_alive(pid), f"{each} leads to no living agent after a crash")
            got = await AgentServer.recall(Registry.via("AgentRegistry", each), "name")
            s.same(got, each, f"{each} answers {render(got)}, not the memory that it was started with", "M12")


@exercise("s16.compare")
async def compare(s: Scenario) -> None:
    """Two pairs of guesses, and what is measured."""
    s.step("Four numbers are typed.")
    keys = ("lines_by_hand", "lines_with_otp", "needless_by_hand", "needless_with_otp")
    answer = s.choices(keys)
    for key in keys:
        s.expect(type(answer[key]) in (int, float), f"expected a number for {key!r}, got {render(answer[key])}")

    s.step("The lines of code are counted.")
    lines = [sum(lines_of(f"superlearner.agents.{name}") for name in names) for names in (BY_HAND, WITH_OTP)]
    s.note(compared(answer, keys[:2], lines))

    s.step("One agent of five crashes six times in a minute: the others that end are counted.")
    ended = [await others_that_end(await start()) for start in (start_by_hand, start_with_otp)]
    s.note(compared(answer, keys[2:], ended))


BY_HAND: Final = ("by_hand.agent_monitor", "by_hand.process_agent", "by_hand.asking", "by_hand.agent_registry")
WITH_OTP: Final = ("with_otp.agent_supervisor", "with_otp.agent_server")
"""The modules that do the same by hand and with OTP; OTP has names itself."""
TEAM: Final = ("ann", "bob", "eve", "joe", "kim")


def compared(answer: Any, keys: tuple[str, ...], measured: list[int]) -> str:
    """Return two guesses beside what was measured."""
    by_hand, with_otp = (answer[key] for key in keys)
    return f"by hand {measured[0]} (you: {by_hand:g}), with OTP {measured[1]} (you: {with_otp:g})"


class Team(NamedTuple):
    """Five agents; the first one crashes.

    Attributes:
        owner: the process that restarts them.
        others: the agents that do not crash.
        first: returns the one that does, if it runs.
    """

    owner: otp.Pid
    others: list[otp.Pid]
    first: Callable[[], Awaitable[otp.Pid | None]]


async def start_by_hand() -> Team:
    """Start the agents of a monitor."""
    monitor = await AgentMonitor.start_link()
    otp.unlink(monitor)
    pids = [await AgentMonitor.start_agent(monitor, name) for name in TEAM]

    async def first() -> otp.Pid | None:
        return dict(await AgentMonitor.list_agents(monitor)).get(TEAM[0])

    return Team(monitor, pids[1:], first)


async def start_with_otp() -> Team:
    """Start the agents of a supervisor."""
    supervisor = await Package.start_link()
    otp.unlink(supervisor)
    pids = [await Package.start_agent(name) for name in TEAM]

    async def first() -> otp.Pid | None:
        living = await Package.list_agents() if otp.is_alive(supervisor) else []
        return next((pid for pid in living if pid not in pids[1:]), None)

    return Team(supervisor, pids[1:], first)


async def others_that_end(team: Team) -> int:
    """Crash an agent six times, 2 s apart; return how many others have ended."""
    for _ in range(6):
        if (pid := await team.first()) is not None:
            otp.exit(pid, "bug")
        await advance(2)
    ended = sum(not otp.is_alive(pid) for pid in team.others)
    otp.exit(team.owner, "kill")
    await wait_all_idle()
    return ended
