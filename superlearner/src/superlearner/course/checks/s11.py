"""Checks of session 11: agents that work one after the other, and a system that starts, recovers and stops."""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import inspect
from typing import Any, Final, Literal

import otp
from superlearner.agents import by_hand
from superlearner.course.engine.by_hand import ByHand
from superlearner.course.engine.exercise import exercise
from superlearner.course.engine.reports import unreported
from superlearner.course.engine.scenario import Scenario
from superlearner.course.engine.values import render, same
from superlearner.course.engine.verdict import Wrong

NAMES: Final = ("research", "analyse", "summarise")
FOREVER: Final = 5.0
"""Seconds after which an agent without an answer counts as silent."""

MIXED: Final = "process_next has an agent do its oldest task, and with two runs at once that may be the other one's"
OLD: Final = "the answer to an old question"


def text_of(topic: str) -> str:
    """Return what the three agents make of a topic."""
    return f"Analysis of: Search results for: {topic}"[:50]


class Team:
    """Agents with names, and the registry in which they are found.

    The classes are those of the answer, or those of the package where the answer has none.
    """

    def __init__(self, s: Scenario) -> None:
        self.s = s
        self.agents: Any = getattr(s.answer, "ProcessAgent", by_hand.ProcessAgent)
        self.asked = False
        """True if the agent that `pretend` started last was asked."""
        self.registry: Any = getattr(s.answer, "AgentRegistry", by_hand.AgentRegistry)

    async def begin(self) -> None:
        """Start the registry."""
        await self.s.start_linked("AgentRegistry.start_link()", self.registry.start_link(), "AgentRegistry")

    async def join(self, name: str) -> otp.Pid:
        """Start an agent under its name."""
        pid = await self.s.asked(f"ProcessAgent.start({name!r})", self.agents.start(name, register=True))
        self.s.running(pid, name)
        return pid

    async def find(self, name: str) -> otp.Pid | None:
        """Return the agent that has a name."""
        pid = await self.s.asked(f"AgentRegistry.lookup({name!r})", self.registry.lookup(name))
        if isinstance(pid, otp.Pid):
            self.s.running(pid, name)
        return pid

    async def pretend(self, name: str, how: Literal["boom", "silent", "late"]) -> otp.Pid:
        """Start an agent that ends when it is asked, is silent, or answers the first question later than the second."""
        registry = self.registry
        self.asked = False

        async def agent() -> None:
            await registry.register(name)
            tasks: list[Any] = []
            number = 0
            while True:
                match await otp.receive():
                    case ("receive_task", task):
                        self.asked = True
                        tasks.append(task)
                    case ("process_next", _, _) if how == "boom":
                        otp.exit("boom")
                    case ("process_next", from_, ref) if how == "late" and tasks:
                        number += 1
                        task = tasks.pop(0)
                        text = OLD if number == 1 else f"Analysis of: {task.payload['params']['data']}"
                        otp.send_after(7 if number == 1 else 2.5, from_, (ref, ("processed", task, ("ok", text))))
                    case _:
                        pass

        pid = self.s.adopt(otp.spawn(agent), f"{how} {name}")
        await self.s.settle()
        return pid


async def fails(team: Team, one: ByHand, topic: str, name: str, reason: str, within: float = 0.0) -> None:
    """Raise `Wrong` unless a run is answered with this failure."""
    asked = one.ask("run", topic)
    got = await asked.answered(within=within)
    old = same(got, ("failed", name, "noproc")) and not team.asked
    say = f"expected the answer {render(('failed', name, reason))} to {asked.said}, got {one.s.worded(render(got))}"
    if old:
        say += f"; the agent with the name {name!r} was not asked"
    one.s.same(got, ("failed", name, reason), say, "M13" if old and reason != "noproc" else None)


@exercise("s11.pipeline")
@unreported
async def pipeline(s: Scenario) -> None:
    """Three agents that are asked one after the other."""
    team = Team(s)
    s.step('"run" is answered with ("ok", text), the work of the three agents.')
    await team.begin()
    pids = {name: await team.join(name) for name in NAMES}
    one = s.process("pipeline")
    await one.answers(("run", "otp"), ("ok", text_of("otp")))
    for name, pid in pids.items():
        state = await s.asked(f"get_state({name})", team.agents.get_state(pid))
        done = state["processed_count"]
        s.expect(done == 1, f"expected the agent with the name {name!r} to process one task in a run, got {done}")
    await one.answers(("run", "a topic of many words"), ("ok", text_of("a topic of many words")))

    s.step("Five runs at once: each asker gets the text of its own topic.")
    topics = [f"topic {s.random.randrange(1000)}" for _ in range(5)]
    asked = [(one.ask("run", topic), topic) for topic in topics]
    others = [text_of(topic) for topic in topics]
    for each, topic in asked:
        got = await each.answered()
        mixed = type(got) is tuple and got[-1] in others and got[-1] != text_of(topic)
        say = f"the run of {topic!r} was answered with the text of another topic: {MIXED}"
        s.expect(not mixed, say)
        s.same(
            got,
            ("ok", text_of(topic)),
            f"expected the answer ('ok', {text_of(topic)!r}) to {each.said}, got {s.worded(render(got))}",
        )

    s.step('No agent of a name: ("failed", name, "noproc").')
    for name in ("summarise", "analyse", "research"):
        await s.kill(pids[name])
        await fails(team, one, "otp", name, "noproc")

    s.step("An agent that ends while it is asked is reported with its reason, a silent one as a time-out within 5 s.")
    await team.pretend("research", "boom")
    await fails(team, one, "otp", "research", "boom")
    await team.join("research")
    silent = await team.pretend("analyse", "silent")
    await fails(team, one, "otp", "analyse", "timeout", FOREVER)
    await s.kill(silent)

    s.step("After an agent was replaced under its name, the next run works.")
    for name in ("analyse", "summarise"):
        await team.join(name)
    await works(one, "elixir", "M13")
    for name in NAMES:
        pid = await team.find(name)
        assert pid is not None
        await s.kill(pid)
        await team.join(name)
        await works(one, name, "M13")

    s.step("An answer that comes too late is not the answer to a later question.")
    analyse = await team.find("analyse")
    assert analyse is not None
    await s.kill(analyse)
    late = await team.pretend("analyse", "late")
    await fails(team, one, "erlang", "analyse", "timeout", FOREVER)
    await one.answers(("run", "gleam"), ("ok", text_of("gleam")), at=2.5, m="M5")
    await s.kill(late)
    await team.join("analyse")
    await works(one, "python", "M5")

    s.step("It takes a message of another form, and goes on.")
    await one.ignores("run", ("run", "otp"))
    await works(one, "otp", None)


async def works(one: ByHand, topic: str, m: str | None) -> None:
    """Raise `Wrong` unless a run is answered with the text of its topic."""
    await one.answers(("run", topic), ("ok", text_of(topic)), m=m)


@exercise("s11.system")
@unreported
async def system(s: Scenario) -> None:
    """A registry, a monitor and agents that are started and stopped together."""
    team, client = Team(s), s.caller()

    s.step("After start, the registry and the monitor run, and every name leads to a living agent.")
    whole = await started(s, client.call("start", NAMES))
    for name, pid in whole["agents"].items():
        found = await team.find(name)
        s.expect(found == pid, f"expected {name!r} to lead to {s.called(pid)}, got {s.describe(found)}")

    s.step("An agent that is killed is restarted within 1 s under its name; the others go on.")
    for name in NAMES:
        before, running = {each: await team.find(each) for each in NAMES}, s.started_by(client.pid)
        old = before[name]
        s.expect(isinstance(old, otp.Pid), f"{name!r} leads to no process", "M26")
        assert old is not None
        await s.kill(old)
        client.lives(f"start: the end of {name}")
        await s.advance(1)
        client.lives(f"start: the end of {name}")
        new = await team.find(name)
        say = f"{name} was killed: expected its name to lead to a new process after 1 s, got {s.describe(new)}"
        if not s.started_by(client.pid) - running:
            raise Wrong(f"{say}; no process was started within this second")
        s.expect(isinstance(new, otp.Pid) and new != old and otp.is_alive(new), say, "M26")
        for each in NAMES:
            kept = each == name or await team.find(each) == before[each]
            s.expect(kept, f"{name} was killed, and {each} has another pid now")

    s.step(
        "Under two kills a second, each run of the pipeline is answered, and every name leads to a living agent then."
    )
    kills = 60 if s.seed % 5 == 1 else 12
    await chaos(s, team, whole["monitor"], kills)
    client.lives("start: the end of an agent")
    for name in NAMES:
        pid = await team.find(name)
        say = f"after {kills} kills, two a second: expected {name!r} to lead to a process, got {s.describe(pid)}"
        s.expect(isinstance(pid, otp.Pid), f"{say}; how many restarts of an agent does the monitor allow?")
        s.expect(pid is not None and otp.is_alive(pid), f"{name!r} leads to a dead process", "M26")

    s.step("stop leaves no process, and its caller lives.")
    pids = {name: await team.find(name) for name in NAMES}
    stopped = client.call("stop", whole)
    stopped.said = "stop(system)"
    await stopped.returns()
    client.lives("stop(system)")
    await s.advance(5)
    left = s.started_by(client.pid)
    new = [name for name, pid in pids.items() if pid in left and pid != whole["agents"][name]]
    if new and whole["monitor"] not in left:  # else `stop` has ended nothing
        raise Wrong(f"after stop, {new[0]} lives on: the process that was restarted after a kill", "M13")
    s.expect(not left, f"expected no process after stop, got {', '.join(sorted(map(s.called, left)))}")
    s.expect(otp.whereis("AgentRegistry") is None, "after stop, a registry runs")
    await a_second_time(s)


async def a_second_time(s: Scenario) -> None:
    """Start and stop a small system in another process, and raise `Wrong` for what lives when `stop` returns."""
    left: list[otp.Pid] = []

    async def run() -> None:
        whole = await s.need("start")(["ann"])
        parts = [whole["registry"], whole["monitor"], whole["agents"]["ann"]]
        for pid, name in zip(parts, ("registry", "monitor", "ann"), strict=True):
            s.running(pid, name)
        await s.need("stop")(whole)
        left.extend(filter(otp.is_alive, parts))
        left.append(otp.self())

    client = s.adopt(otp.spawn(run), "second client")
    await s.settle()
    say = "started and stopped a second time: expected both to return"
    s.expect(client in left, f"{say}, but the process that called them ended with {render(s.reason_of(client))}")
    alive = ", ".join(s.called(pid).removeprefix("new ") for pid in left[:-1])
    s.expect(not alive, f"stop(system) returned before the end of {alive}: wait for it, by otp.wait_down")
    s.expect(not s.started_by(client), "started and stopped a second time: expected no process after stop")


async def started(s: Scenario, call: Any) -> dict[str, Any]:
    """Return the system that `start` returns, with its parts named."""
    await s.settle()
    if isinstance(call.error, otp.Exit) and same(call.error.reason, ("agent_down", "noproc")):
        raise Wrong(f"{call.said} raised otp.Exit(('agent_down', 'noproc')): there is no registry yet, or no monitor")
    whole = await call.returns()
    form = "expected start(names) to return a dict with 'registry', 'monitor' and 'agents'"
    s.expect(type(whole) is dict and whole.keys() >= {"registry", "monitor", "agents"}, f"{form}, got {render(whole)}")
    agents: Any = whole["agents"]
    s.expect(isinstance(agents, dict), f"expected 'agents' to be a dict of names and pids, got {render(agents)}")
    parts: list[tuple[Any, Any]] = [(name, whole[name]) for name in ("registry", "monitor")]
    given = (*parts, *agents.items())
    if waiting := {name: pid for name, pid in given if inspect.iscoroutine(pid)}:
        for each in waiting.values():
            each.close()
        name, call = next(iter(waiting.items()))
        raise Wrong(f"expected the pid of {name}, got a coroutine: `await` is missing before {call.__qualname__}")
    for name, pid in given:
        s.expect(isinstance(pid, otp.Pid), f"expected the pid of {name}, got {render(pid)}")
        s.expect(otp.is_alive(pid), f"expected {name} to run after start, but it has ended")
        s.running(pid, str(name))
    return whole


async def chaos(s: Scenario, team: Team, monitor: otp.Pid, kills: int) -> None:
    """Kill agents, most often the first, and raise `Wrong` unless each run of the pipeline is answered."""
    if hasattr(s.answer, "pipeline"):
        one = s.process("pipeline")
    else:
        one = ByHand(s, s.adopt(otp.spawn(own_pipeline, team), "pipeline"), "pipeline")
    client = s.inbox("asker")
    refs = {}
    for number in range(kills):
        refs[client.asks(one.pid, "run", f"topic {number}")] = f"topic {number}"
        if s.seed % 2:
            await s.advance(0.05)
        say = (
            f"the monitor ended after {number} kills, two a second: how many restarts does it allow, and in which time?"
        )
        s.expect(otp.is_alive(monitor), say)
        pid = await team.find(NAMES[0] if kills > number + 10 else s.random.choice(NAMES))
        if pid is not None:
            otp.exit(pid, "kill")
        refs[client.asks(one.pid, "run", f"topic {number} again")] = f"topic {number} again"
        await s.advance(0.45 if s.seed % 2 else 0.5)
    await s.advance(30)
    answers = {each[0]: each for each in await client.news() if type(each) is tuple and each}
    for ref, topic in refs.items():
        if ref not in answers:
            await one.lives(f"the run of {topic} was not answered")
            raise Wrong(f"the run of {topic} was not answered: the pipeline is alive and silent", "M31")
        got = answers[ref]
        value = got[1] if len(got) == 2 else None
        failed = type(value) is tuple and len(value) == 3 and value[0] == "failed" and value[1] in NAMES
        say = f"expected (ref, ('ok', text)) or (ref, ('failed', name, reason)) of {topic}, got {s.worded(render(got))}"
        s.expect(failed or same(value, ("ok", text_of(topic))), say)


async def own_pipeline(team: Team) -> None:
    """Run the pipeline of the reference."""
    while True:
        match await otp.receive():
            case ("run", topic, from_, ref):
                otp.send(from_, (ref, await run(team, topic)))
            case _:
                pass


async def run(team: Team, text: str) -> Any:
    """Ask the three agents, one after the other."""
    stages = zip(NAMES, (("search", "query"), ("analyze", "data"), ("summarize", "text")), strict=True)
    for name, (action, key) in stages:
        try:
            agent = await team.registry.lookup(name)
            if agent is None:
                return "failed", name, "noproc"
            team.agents.send_task(agent, action, {key: text})
            _, _, (_, text) = await team.agents.process_next(agent)
        except TimeoutError:
            return "failed", name, "timeout"
        except otp.Exit as error:
            return "failed", name, error.reason[1]
    return "ok", text
