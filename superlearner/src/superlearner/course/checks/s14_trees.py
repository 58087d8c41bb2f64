"""Checks of session 14: trees of supervisors, what a crash renews in them, and in which order they start and stop."""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import inspect
from typing import Any, Final

import otp
from otp import ChildSpec, GenServer, Supervisor
from otp.testing import mailbox
from superlearner.course.engine.drawn_tree import STRATEGIES, Part
from superlearner.course.engine.exercise import exercise
from superlearner.course.engine.reports import unreported
from superlearner.course.engine.scenario import Scenario
from superlearner.course.engine.tree import FIRST, TOGETHER, Tree
from superlearner.course.engine.values import did_you_mean, render
from superlearner.course.engine.verdict import CourseMark, Wrong

TYPES: Final = {"config": "worker", "logger": "worker", "workers": "supervisor"}
WORKERS: Final = ("worker_1", "worker_2", "worker_3")
POOL: Final = ("workers", *WORKERS)


@exercise("s14.app")
@unreported
async def app(s: Scenario) -> None:
    """MyApp: a supervisor with a supervisor below it."""
    s.step("`MyApp` has the workers config and logger and the supervisor workers, which has three workers of its own.")
    tree = await s.tree("MyApp")
    top = list(await s.children(tree.pid))
    if set(top) != set(TYPES):
        got = ", ".join(f"the class {each.__name__}" if isinstance(each, type) else render(each) for each in top)
        say = f"expected children with the ids 'config', 'logger' and 'workers', got {got or 'none'}"
        raise Wrong(f"{s.line_of('MyApp', 'Children')}{say}")
    for name, kind in TYPES.items():
        if tree.types[name] != kind:
            say = f"expected {name} to be a {kind}, got a {tree.types[name]}"
            what = ": a process with children is a supervisor and nothing else" if kind == "supervisor" else ""
            raise Wrong(f"{s.line_of('MyApp', name)}{say}{what}", "M25")
    for name in (*TYPES, *WORKERS):
        await leads(s, tree, name, "started")
    below = set(await s.children(tree.now["workers"])), len(tree.now)
    s.expect(below[1] == 6, f"expected workers to have three children, got {render(below[0])}")

    s.step("When a worker crashes, it alone is restarted.")
    for worker in WORKERS:
        await tree.crash(worker)

    s.step("When the logger crashes, it and all that was started after it are restarted; config goes on.")
    await tree.crash("logger", *POOL)

    s.step("When config crashes, all are restarted.")
    await tree.crash("config", "logger", *POOL)

    s.step("The names lead to the new processes.")
    for name in (*TYPES, *WORKERS):
        await leads(s, tree, name, "was restarted")

    s.step("They start in the order config, logger, workers, and stop in reverse.")
    order = [name for name in tree.now if name in TYPES]
    s.same(order, list(TYPES), f"expected the start order config, logger, workers, got {', '.join(order)}", "M21")
    ended = [name for name in await tree.stop() if name in TYPES]
    s.same(
        ended, list(reversed(TYPES)), f"expected workers, logger, config to stop in this order, got {', '.join(ended)}"
    )


async def leads(s: Scenario, tree: Tree, name: str, when: str) -> None:
    """Raise `Wrong` unless a name leads to the process that has it as its label."""
    await s.settle()
    pid = tree.now.get(name)
    if pid is not None and otp.whereis(name) == pid:
        return
    await s.advance(5)
    now = (await tree.look()).get(name)
    if now is not None and otp.whereis(name) == now:
        say = f"{name} {when}, and for a while its name led to no process; register it before `init` returns"
        raise Wrong(say, "M26")
    if when == "started":
        way = f"; write name={name!r} in its child spec"
        near = did_you_mean(name, [str(each) for each in otp.registered() if each not in (*TYPES, *WORKERS)])
        raise Wrong(f"expected {name} to be registered under this name, got no such name{near or way}", sent=False)
    say = f"{name} {when}, and its name leads to no process: only the first process was given this name"
    raise Wrong(f"{say}; let each start register it, such as by child_spec(…, name={name!r})", "M13")


@exercise("s14.fix")
@unreported
async def fix(s: Scenario) -> None:
    """Three trees, each with another fault."""
    s.step("`TreeA`: the sink holds the pid of the living source, and does not disturb the source.")
    tree = await s.tree("TreeA", by_id=True)
    same_ids(tree, "TreeA", "source", "sink")
    await sink_knows(s, tree, "at the start")
    for crashed in ("source", "sink", "source"):
        before = tree.now["source"]
        new = await tree.renewed_by(crashed)
        missing(tree, crashed, new)
        await sink_knows(s, tree, f"after a crash of {crashed}")
        if crashed == "sink" and tree.now["source"] != before:
            say = "sink crashed, and source, which does not need it, was restarted"
            raise Wrong(f"{s.line_of('TreeA', *HOW)}{say}", "M21")

    s.step("`TreeB`: a crash of one child leaves the others alone.")
    tree = await s.tree("TreeB", by_id=True)
    same_ids(tree, "TreeB", "a", "b", "c")
    for crashed in ("b", "a", "c"):
        await tree.crash(crashed)

    s.step("`TreeC`: the job runs once, and its end disturbs nothing.")
    line = s.line_of("TreeC", "permanent", "transient", "temporary", "Children")
    tree = await s.tree("TreeC", otp.self(), by_id=True)
    same_ids(tree, "TreeC", "clock", "job")
    s.expect(starts() == 1, 'expected job to send "job started" to the log when it starts')
    clock, job = tree.now["clock"], tree.now["job"]
    for _ in range(60):
        await s.advance(1)
        if otp.is_alive(tree.pid):
            await tree.look()
    again, reason = starts(), s.reason_of(job)
    if again and reason != "normal":
        raise s.end_of("expected job to end normally after 1 s, but it ended: ", reason)
    gone = " until the tree gave up" if not otp.is_alive(tree.pid) else ""
    s.expect(again == 0, f"{line}job ended normally after 1 s, and was started again, {again} times{gone}", "M24")
    s.expect(otp.is_alive(tree.pid), f"{line}the job ended, and the tree ended with it", "M24")
    s.expect((await tree.look()).get("clock") == clock, f"{line}the job ended, and clock was disturbed", "M20")
    s.expect("job" not in tree.now, "expected job to end normally after 1 s, but it runs on")
    missing(tree, "clock", await tree.renewed_by("clock"))
    if starts():
        raise Wrong(f"{line}clock crashed, and job, which had ended normally, was started again", "M20", TOGETHER)
    await tree.stop()

    s.step("`TreeC`: a job that is killed is started again.")
    tree = await s.tree("TreeC", otp.self(), by_id=True)
    await s.advance(0.5)
    starts()
    await s.kill(tree.now["job"])
    s.expect(starts() == 1, f"{line}job was killed in its work, and was not started again", "M24")


HOW: Final = (*STRATEGIES, "Children")


def same_ids(tree: Tree, name: str, *ids: str) -> None:
    """Raise `Wrong` unless a tree has these children."""
    if set(tree.now) != set(ids):
        got = ", ".join(tree.now) or "none"
        raise Wrong(f"expected {name} to have the children {', '.join(ids)}, got {got}", sent=False)


def missing(tree: Tree, crashed: str, new: set[str]) -> None:
    """Raise `Wrong` if a child that ended was not started again."""
    for label in sorted(new):
        if label not in tree.now:
            which = "it" if label == crashed else label
            raise Wrong(f"{crashed} crashed, and {which} was not started again", "M24")


async def sink_knows(s: Scenario, tree: Tree, when: str) -> None:
    """Raise `Wrong` unless the sink answers with the pid of the living source."""
    sink, source = tree.now["sink"], tree.now["source"]
    got = await s.asked("the call 'source' to sink", GenServer.call(sink, "source"), sink)
    if got == source:
        return
    line = s.line_of("TreeA", *HOW)
    if when == "at the start":
        first = next(iter(tree.now)) == "sink"
        why = ": it starts before source" if first else ""
        say = f"{line}expected sink to answer with the pid of source, got {s.worded(render(got))}{why}"
        raise Wrong(say, "M21" if first else None, FIRST if first else "")
    held = "the pid of the source before" if isinstance(got, otp.Pid) else render(got)
    raise Wrong(f"{line}{when}, sink answered with {held}: it needs source, and went on as before", "M21")


def starts() -> int:
    """Return how many times the job has reported its start since the last look."""
    return mailbox().count("job started")


MEMORY: Final = {"colour": "blue"}


@exercise("s14.agents")
@unreported
async def agents(s: Scenario) -> None:
    """AgentSupervisor: known agents, each restarted alone."""
    names = ("ann", "bob", "eve")
    given = [(name, {**MEMORY, "name": name}) for name in names]
    s.step("When an agent is killed, it alone is restarted.")
    tree = await s.tree("AgentSupervisor", given)
    there(s, tree, names)
    s.expect(len(tree.now) == 3, f"expected three children for three agents, got {len(tree.now)}")
    await tree.crash("bob")

    s.step("It is there again under its name.")
    await leads(s, tree, "bob", "was restarted")

    s.step("It has the memory of its start again, and nothing that it has learnt since.")
    for name in names:
        await recalls(s, name, "colour", "blue", "after a restart" if name == "bob" else "at the start")
        for key, value in (("colour", "red"), ("learnt", name)):
            made = ask_agent(s, "remember", name, key, value)
            if inspect.isawaitable(made):
                await made
        await recalls(s, name, "learnt", name, "after it had to remember it")
    await tree.crash("eve")
    await recalls(s, "eve", "name", "eve", "after a restart")
    await recalls(s, "eve", "colour", "blue", "after a restart")
    await recalls(s, "eve", "learnt", None, "after a restart")
    await recalls(s, "ann", "learnt", "ann", "after a crash of eve")
    await tree.stop()

    s.step("It works for any number of agents.")
    for count in (0, 1, 12):
        many = [f"agent_{number}" for number in range(count)]
        tree = await s.tree("AgentSupervisor", [(name, {"name": name}) for name in many])
        there(s, tree, tuple(many))
        s.expect(len(tree.now) == count, f"expected {count} children for {count} agents, got {len(tree.now)}")
        for name in many:
            await recalls(s, name, "name", name, "at the start")
        await tree.stop()


def there(s: Scenario, tree: Tree, names: tuple[str, ...]) -> None:
    """Raise `Wrong` unless each name is that of a child."""
    for name in names:
        if otp.whereis(name) is None or tree.now.get(name) != otp.whereis(name):
            near = did_you_mean(name, [str(each) for each in otp.registered() if each != name])
            got = "another process has this name" if otp.whereis(name) else f"got none{near}"
            say = f"expected a child that is registered as {name!r}, {got}"
            raise Wrong(f"{s.line_of('AgentSupervisor', 'Children')}{say}", sent=False)


def ask_agent(s: Scenario, function: str, name: str, *args: Any) -> Any:
    """Use a client function of the AgentServer of the answer, or send what that of session 13 sends."""
    client = getattr(getattr(s.answer, "AgentServer", None), function, None)
    if callable(client):
        return client(name, *args)
    return (GenServer.call if function == "recall" else GenServer.cast)(name, (function, *args))


async def recalls(s: Scenario, name: str, key: str, value: Any, when: str) -> None:
    """Raise `Wrong` unless an agent remembers this value."""
    agent = otp.whereis(name)
    got = await s.asked(f"recall of {key!r} from {name}", ask_agent(s, "recall", name, key), agent)
    m = "M12" if when == "after a restart" else None
    s.same(got, value, f"{when}, expected {name} to recall {render(value)} for {key!r}, got {render(got)}", m)


NEEDS: Final = {
    "agents": {"agent_1": "", "agent_2": "", "agent_3": "", "agent_4": "", "agent_5": ""},
    "pipeline": {"parse": "check store", "check": "store", "store": ""},
    "connections": {"manager": "user_1 user_2 user_3", "user_1": "", "user_2": "", "user_3": ""},
    "codec": {"encoder": "decoder", "decoder": "encoder"},
    "log": {"log": "", "shop": "", "mail": "", "search": ""},
}
"""The children that have to be new when one of them is, by supervisor, in start order."""
WAYS: Final = ("one_for_one", "rest_for_one", "one_for_all", "nested")


@exercise("s14.choose")
@unreported
async def choose(s: Scenario) -> None:
    """A strategy for each of five supervisors."""
    s.step("Each crash restarts the children that need it, and no others.")
    answer = s.choices(tuple(NEEDS), WAYS)
    marks: list[CourseMark] = []
    for key, needs in NEEDS.items():
        with s.showing(key):
            say, m = await fault_of(s, needs, answer[key])
        marks.append(CourseMark(key, not say, f"`{key}`: under {answer[key]}, {say}" if say else "", m))
    s.judge(marks)


async def fault_of(s: Scenario, needs: dict[str, str], strategy: Any) -> tuple[str, str | None]:
    """Return what is wrong with a strategy, by a crash of each child, and the misconception; "" if nothing is."""
    pid = await Supervisor.start_link_children(
        specs_of(list(needs), strategy), strategy="rest_for_one" if strategy == "nested" else strategy
    )
    otp.unlink(pid)
    tree = Tree(s, s.name(pid, "supervisor"), "supervisor")
    await tree.look()
    found: tuple[str, str | None] = ("", None)
    for crashed, users in needs.items():
        new = (await tree.renewed_by(crashed)) - {crashed, "pool"}
        if late := [each for each in needs if each in users.split() and each not in new]:
            found = f"{crashed} crashed, and {late[0]}, which needs it, went on as before", "M21"
        elif extra := [each for each in needs if each in new and each not in users.split()]:
            found = f"{crashed} crashed, and {extra[0]}, which does not need it, was restarted", "M20"
        if found[0]:
            break
    with s.unseen():
        await tree.stop()
    return found


def specs_of(names: list[str], strategy: str) -> list[ChildSpec]:
    """Return the children under a strategy; `nested` puts all but the first under a supervisor of their own."""
    specs = [Part.child_spec(None, id=name) for name in names]
    if strategy != "nested":
        return specs
    return [specs[0], ChildSpec("pool", start=(lambda: Supervisor.start_link_children(specs[1:]),), type="supervisor")]
