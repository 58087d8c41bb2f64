"""Check of session 11: the framework by hand."""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

from typing import Any, Final

import otp
from otp.testing import mailbox
from superlearner.course.engine.exercise import exercise
from superlearner.course.engine.part import Part
from superlearner.course.engine.reports import unreported
from superlearner.course.engine.scenario import Scenario
from superlearner.course.engine.values import render
from superlearner.course.engine.verdict import Wrong

FUNCTIONS: Final = {
    "Message": ("", "new task response error"),
    "ProcessAgent": (
        "start start_link get_state get_status recall inbox_count peek_task process_next delegate",
        "stop crash remember forget_all send_task send_message",
    ),
    "AgentRegistry": (
        "start_link register unregister lookup lookup_with_meta exists list list_with_pids count send broadcast",
        "running",
    ),
    "AgentMonitor": ("start_link stop start_agent monitor_agent unmonitor_agent list_agents status", ""),
}
"""For each class, the functions that are awaited, and those that return at once."""
ENDS: Final = ("normal", "shutdown", ("shutdown", "x"), "bug", "kill")
AGAIN: Final = {
    "always": (True, True, True, True, True),
    "transient": (False, False, False, True, True),
    "never": (False, False, False, False, False),
}


@exercise("s11.framework")
@unreported
async def framework(s: Scenario) -> None:
    """Message, ProcessAgent, AgentRegistry and AgentMonitor."""
    s.step("The four classes have their functions.")
    parts = [Part(s, name, awaited.split(), plain.split()) for name, (awaited, plain) in FUNCTIONS.items()]
    message, agent, registry, monitor = parts
    s.step("A Message has a type, an id and a payload; two of them are equal whatever their time.")
    await messages(s, message)
    s.step("ProcessAgent: state, memory, inbox and tasks.")
    await agents(s, agent, message)
    s.step("A question raises TimeoutError in time; a late answer is not that to the next question.")
    await late(s, agent)
    s.step('A question to a dead agent, or to one that ends, raises otp.Exit(("agent_down", reason)) at once.')
    await dead(s, agent)
    s.step("AgentRegistry: names, their owners, and messages by name.")
    await registry_of(s, registry, agent)
    s.step("Of 50 processes that register one name, one gets it; names go with their owners.")
    await race(s, registry)
    s.step("delegate finds an agent by its name.")
    await delegates(s, agent, registry)
    s.step("AgentMonitor: start_agent, monitor_agent, unmonitor_agent, list_agents, status and stop.")
    await monitors(s, monitor, agent, registry)
    s.step("The policy and the reason decide whether an agent is restarted: 15 cases.")
    await policies(s, monitor, agent)
    s.step("A restart has the arguments of the start, and another pid.")
    await restarts(s, monitor, agent, registry)
    s.step("While agents wait for a restart, the monitor answers at once.")
    await waits(s, monitor, agent)
    s.step("With max_seconds=None, max_restarts counts for each agent, for its life.")
    await for_life(s, monitor, agent)
    s.step("With max_seconds, the restarts of all agents within that time count, and one too many ends all.")
    await window(s, monitor, agent)
    mailbox()


async def messages(s: Scenario, message: Part) -> None:
    """Make messages of each kind."""
    params = {"query": "otp"}
    task = await message("task", 7, "search", params)
    params["query"] = "changed"
    wanted = {"action": "search", "params": {"query": "otp"}}
    made = {
        "Message.task(7, 'search', …)": (task, ("task", 7, wanted)),
        "Message.response(7, 1)": (await message("response", 7, 1), ("response", 7, 1)),
        "Message.error(7, 'no')": (await message("error", 7, "no"), ("error", 7, "no")),
        "Message.new('note', 8)": (await message("new", "note", 8), ("note", 8, None)),
    }
    for said, (one, fields) in made.items():
        for field, value in zip(("type", "id", "payload"), fields, strict=True):
            got = getattr(one, field, None)
            m = "M6" if field == "payload" and render(got) == render({"action": "search", "params": params}) else None
            s.same(got, value, f"expected {said}.{field} to be {render(value)}, got {render(got)}", m)
    one, other = await message("new", "note", 1), await message("new", "note", 1)
    s.expect(one == other, "expected two messages of the same type, id and payload to be equal")
    s.expect(getattr(one, "timestamp", None) is not None, "expected a message to have a timestamp")


async def agents(s: Scenario, agent: Part, message: Part) -> None:
    """Ask an agent, and give it tasks."""
    memory = {"a": 1}
    ann = s.adopt(await agent("start", "ann", memory=memory), "ann")
    bob = s.adopt(await agent("start", "bob"), "bob")
    memory["a"] = 2
    fresh = {"name": "bob", "status": "idle", "memory": {}, "inbox": [], "processed_count": 0}
    await agent.gives(fresh, "get_state", bob)
    await agent.gives("idle", "get_status", ann)
    await agent.gives(1, "recall", ann, "a", m="M6")
    await agent("remember", ann, "b", [2])
    await agent.gives([2], "recall", ann, "b")
    await agent.gives(None, "recall", bob, "b")
    state = await agent("get_state", ann)
    state["memory"]["a"] = 9
    await agent.gives(1, "recall", ann, "a", m="M6")
    await agent("forget_all", ann)
    await agent.gives(None, "recall", ann, "b")

    await agent.gives(0, "inbox_count", ann)
    await agent.gives(None, "peek_task", ann)
    await agent.gives(("empty", None), "process_next", ann)
    tasks = (
        ("search", {"query": "otp"}, ("ok", "Search results for: otp")),
        ("analyze", {"data": "x"}, ("ok", "Analysis of: x")),
        ("summarize", {"text": "word " * 20}, ("ok", ("word " * 20)[:50])),
        ("dance", {}, ("error", ("unknown_action", "dance"))),
    )
    for action, params, _ in tasks:
        await agent("send_task", ann, action, params)
    others = [await message("response", 1, "yes"), await message("error", 2, "no"), "a letter"]
    for other in others:
        await agent("send_message", ann, other)
    await agent.gives(7, "inbox_count", ann)
    first = await agent("peek_task", ann)
    await agent.gives(7, "inbox_count", ann)
    results = [result for _, _, result in tasks]
    results += [("received_response", "yes"), ("received_error", "no"), ("error", ("invalid_message", "a letter"))]
    for number, result in enumerate(results):
        got = await agent("process_next", ann)
        right = type(got) is tuple and len(got) == 3 and got[0] == "processed"
        s.expect(right, f"expected process_next to return ('processed', message, result), got {render(got)}")
        s.same(got[2], result, f"expected the result {render(result)} of process_next, got {render(got[2])}")
        if number == 0:
            s.expect(got[1] == first, "expected the oldest message of the inbox to be processed first", "V6")
        await agent.gives(result, "recall", ann, "last_result")
    done = (await agent("get_state", ann))["processed_count"]
    s.expect(done == 7, f"expected a processed_count of 7, got {done}")
    for strange in ("an unknown word", ("recall",), 42):
        otp.send(ann, strange)
    await s.advance(200)
    await agent.gives("idle", "get_status", ann)
    await agent("stop", ann)
    await agent("crash", bob, ("a", "reason"))
    await s.settle()
    for pid, reason in ((ann, "normal"), (bob, ("a", "reason"))):
        got = s.reason_of(pid)
        s.same(got, reason, f"expected {s.called(pid)} to end with {render(reason)}, got {render(got)}")


async def late(s: Scenario, agent: Part) -> None:
    """Ask an agent that answers later than its askers wait."""

    async def slow() -> None:
        while True:
            match await otp.receive():
                case ("recall", key, from_, ref):
                    otp.send_after(key, from_, (ref, f"after {key} s"))
                case ("get_state", from_, ref):
                    otp.send_after(4, from_, (ref, {"name": "late"}))
                case _:
                    pass

    pid = s.adopt(otp.spawn(slow), "slow agent")
    await agent.raises(TimeoutError, "get_state", pid, timeout=2, at=2)
    await s.settle()
    s.expect(otp.is_alive(pid), "the time-out ended the agent", "M17")
    await agent.gives("after 1 s", "recall", pid, 1)
    await agent.gives("after 4 s", "recall", pid, 4, m="M5")
    await agent.raises(TimeoutError, "recall", pid, 6, at=5)
    await s.settle()
    await agent.gives("after 2 s", "recall", pid, 2, m="M5")
    s.expect(otp.is_alive(pid), "the time-out ended the agent", "M17")
    await s.advance(10)
    mailbox()
    watched = otp.process_info(otp.self(), "monitors") or ()
    s.expect(pid not in watched, "after its questions the asker still monitors the agent", "P5")


async def dead(s: Scenario, agent: Part) -> None:
    """Ask an agent that has ended, and one that ends."""

    async def fragile() -> None:
        await otp.receive()
        otp.exit("boom")

    for reason in ("boom", "noproc"):
        pid = s.adopt(otp.spawn(fragile), "fragile agent")
        if reason == "noproc":
            await s.kill(pid)
        error = await agent.raises(otp.Exit, "recall", pid, "a", m="M4")
        s.same(
            error.reason,
            ("agent_down", reason),
            f"expected the reason ('agent_down', {reason!r}) of otp.Exit, got {render(error.reason)}",
        )
    await s.settle()
    s.expect(not mailbox(), "after a question to a dead agent a message is left in the mailbox of its asker", "P5")


async def owner(s: Scenario, registry: Part, name: Any, meta: Any = None, called: str = "") -> otp.Pid:
    """Start a process that registers a name, keeps it, and unregisters it on request."""

    async def run() -> None:
        await registry.owner.register(name, meta)
        while True:
            if await otp.receive() == "unregister":
                await registry.owner.unregister(name)

    pid = s.adopt(otp.spawn(run), called or str(name))
    await s.settle()
    return pid


async def registry_of(s: Scenario, registry: Part, agent: Part) -> None:
    """Register names, and find them."""
    await registry.gives(False, "running")
    await s.start_linked("AgentRegistry.start_link()", registry.owner.start_link(), "AgentRegistry")
    await registry.gives(True, "running")
    await registry.gives(0, "count")
    ann = await owner(s, registry, "ann", {"role": "host"})
    bob = await owner(s, registry, "bob")
    await registry.gives(ann, "lookup", "ann")
    await registry.gives((ann, {"role": "host"}), "lookup_with_meta", "ann")
    await registry.gives(None, "lookup", "eve")
    await registry.gives(None, "lookup_with_meta", "eve")
    await registry.gives(True, "exists", "bob")
    await registry.gives(False, "exists", "eve")
    await registry.gives(2, "count")
    got = await registry("list")
    s.expect(type(got) is list and sorted(got) == ["ann", "bob"], f"expected the names ann and bob, got {render(got)}")
    pairs = await registry("list_with_pids")
    right = type(pairs) is list and sorted(pairs, key=str) == sorted([("ann", ann), ("bob", bob)], key=str)
    s.expect(right, s.worded(f"expected the names with their pids, got {render(pairs)}"))
    error = await registry.raises(otp.AlreadyRegistered, "register", "ann")
    s.expect(error.pid == ann, "expected AlreadyRegistered to have the pid of who has the name")
    await registry.gives(False, "send", "eve", "hello")
    otp.send(ann, "unregister")
    await s.settle()
    await registry.gives(None, "lookup", "ann")
    s.expect(otp.is_alive(ann), "the process that unregistered its name has ended")
    await registry.gives(True, "send", "bob", "hello")
    await registry.gives(1, "broadcast", "hello")
    cid = s.adopt(await agent("start", "cid", register=True), "cid")
    await registry.gives(cid, "lookup", "cid")
    error = await agent.raises(otp.AlreadyRegistered, "start", "cid", register=True)
    s.expect(error.pid == cid, "expected AlreadyRegistered to have the pid of who has the name")
    for each in (bob, cid):
        await s.kill(each)


async def race(s: Scenario, registry: Part) -> None:
    """Let 50 processes register one name."""
    winners: list[otp.Pid] = []
    losers: list[Any] = []

    async def one() -> None:
        try:
            await registry.owner.register("the name")
            winners.append(otp.self())
        except otp.AlreadyRegistered as error:
            losers.append(error.pid)
        await otp.receive(lambda _: False)

    pids = [s.adopt(otp.spawn(one), "racer") for _ in range(50)]
    await s.settle()
    s.expect(len(winners) == 1, f"50 processes registered one name: expected one to get it, got {len(winners)}", "P3")
    s.expect(losers == winners * 49, "expected 49 times AlreadyRegistered with the pid of who has the name")
    await registry.gives(winners[0], "lookup", "the name")
    for pid in pids:
        otp.exit(pid, "kill")
    await s.settle()
    await registry.gives(None, "lookup", "the name", m="M26")
    await registry.gives(0, "count", m="M26")
    held = [pid for pid in otp.processes() if pid != otp.self() and otp.process_info(pid, "monitors")]
    s.expect(not held, "all owners of names have ended, and the registry still monitors a process", "P5")


async def delegates(s: Scenario, agent: Part, registry: Part) -> None:
    """Have an agent pass a task on."""
    ann = s.adopt(await agent("start", "ann"), "ann")
    bob = s.adopt(await agent("start", "bob", register=True), "bob")
    got = await agent("delegate", ann, "bob", "search", {"query": "otp"})
    right = type(got) is tuple and len(got) == 3 and got[:2] == ("delegated", "bob")
    s.expect(right, f"expected ('delegated', 'bob', id), got {render(got)}")
    processed = await agent("process_next", bob)
    s.same(processed[-1], ("ok", "Search results for: otp"), "expected the delegated task in the inbox of bob")
    await agent.gives(("error", ("agent_not_found", "eve")), "delegate", ann, "eve", "search", {"query": "otp"})
    await agent("stop", ann)
    await agent("stop", bob)
    await s.settle()


async def started(s: Scenario, monitor: Part, called: str = "monitor", **options: Any) -> otp.Pid:
    """Start a monitor."""
    said = monitor.described("start_link", (), options)
    return await s.start_linked(said, monitor.owner.start_link(**options), called)


async def begun(s: Scenario, monitor: Part, of: otp.Pid, name: str, **options: Any) -> otp.Pid:
    """Have a monitor start an agent."""
    return s.adopt(await monitor("start_agent", of, name, **options), name)


async def known(s: Scenario, monitor: Part, of: otp.Pid) -> dict[Any, otp.Pid]:
    """Return the agents that a monitor lists."""
    got = await monitor("list_agents", of)
    right = type(got) is list and all(type(each) is tuple and len(each) == 2 for each in got)
    s.expect(right, f"expected list_agents to return a list of pairs (name, pid), got {render(got)}")
    names = [name for name, _ in got]
    s.expect(names == sorted(names), f"expected the names of list_agents to be sorted, got {render(names)}")
    found = dict(got)
    for name, pid in found.items():
        s.running(pid, str(name))
        s.expect(otp.is_alive(pid), f"list_agents has {s.called(pid)}, which has ended", "M13")
    return found


async def end(s: Scenario, agent: Part, pid: otp.Pid, reason: Any) -> None:
    """End an agent with a reason."""
    if reason == "kill":
        otp.exit(pid, "kill")
    else:
        await agent("crash", pid, reason)
    await s.settle()


async def alive(s: Scenario, of: otp.Pid, say: str, m: str | None = None) -> None:
    """Raise `Wrong` if a monitor has ended."""
    await s.settle()
    if not otp.is_alive(of):
        raise Wrong(f"{say}, and the monitor ended with {render(s.reason_of(of))}", m)


async def monitors(s: Scenario, monitor: Part, agent: Part, registry: Part) -> None:
    """Start agents, take one in, and let it go."""
    one = await started(s, monitor, delay=0)
    bob = await begun(s, monitor, one, "bob")
    ann = await begun(s, monitor, one, "ann", memory={"a": 1}, register=True)
    await registry.gives(ann, "lookup", "ann")
    await agent.gives(1, "recall", ann, "a")
    error = await monitor.raises(otp.AlreadyStarted, "start_agent", one, "bob")
    s.expect(error.pid == bob, "expected AlreadyStarted to have the pid of the agent")
    s.expect(await known(s, monitor, one) == {"ann": ann, "bob": bob}, "expected list_agents to have ann and bob")
    cid = s.adopt(await agent("start", "cid"), "cid")
    await monitor("monitor_agent", one, "cid", cid, {"memory": {"c": 1}})
    got = await monitor("status", one)
    wanted = {
        "agent_count": 3,
        "restart_policy": "always",
        "max_restarts": 5,
        "agents": {name: {"pid": pid, "restart_count": 0} for name, pid in (("bob", bob), ("ann", ann), ("cid", cid))},
    }
    s.same(got, wanted, s.worded(f"expected the status {render(wanted)}, got {render(got)}"))
    await end(s, agent, cid, "bug")
    await alive(s, one, "cid crashed", "M8")
    new = (await known(s, monitor, one)).get("cid")
    s.expect(new is not None, "cid crashed, an agent given to monitor_agent: expected a restart")
    count = (await monitor("status", one))["agents"]["cid"]["restart_count"]
    s.expect(count == 1, f"expected a restart_count of 1 after one restart, got {count}")
    assert new is not None
    memory = (await agent("get_state", new))["memory"]
    say = "monitor_agent(monitor, 'cid', pid, {'memory': {'c': 1}}): expected this memory after a restart, got"
    s.same(memory, {"c": 1}, f"{say} {render(memory)}", "M12")
    await monitor("unmonitor_agent", one, "cid")
    await monitor("unmonitor_agent", one, "bob", stop_agent=True)
    await s.settle()
    s.expect(otp.is_alive(new), "unmonitor_agent ended the agent, without stop_agent=True")
    s.expect(not otp.is_alive(bob), "unmonitor_agent(…, stop_agent=True) did not end the agent")
    await end(s, agent, new, "bug")
    await alive(s, one, "an agent that it had let go crashed", "M8")
    s.expect(await known(s, monitor, one) == {"ann": ann}, "expected only ann after two calls of unmonitor_agent")
    watched = otp.process_info(otp.self(), "monitors") or ()
    s.expect(one not in watched, "after its questions the asker still monitors the monitor: `otp.demonitor`", "P5")
    await monitor("stop", one)
    s.expect(not otp.is_alive(one) and not otp.is_alive(ann), "expected stop to end the monitor and its agents", "M23")
    await outlives_stop(s, monitor)
    await orphans(s, monitor)


async def outlives_stop(s: Scenario, monitor: Part) -> None:
    """Have the process that started a monitor stop it."""
    done: list[otp.Pid] = []

    async def run() -> None:
        made = await monitor.owner.start_link()
        await monitor.owner.stop(made)
        done.append(made)
        await otp.receive(lambda _: False)

    starter = s.adopt(otp.spawn(run), "starter")
    await s.settle()
    say = f"the process that called start_link and then stop has ended with {render(s.reason_of(starter))}"
    s.expect(otp.is_alive(starter), f"{say}: expected it to live on", "M8")
    s.expect(len(done) == 1, "expected stop to return when the monitor has ended")
    await s.kill(starter)


async def orphans(s: Scenario, monitor: Part) -> None:
    """Kill the process that started a monitor."""
    made: list[otp.Pid] = []

    async def run() -> None:
        made.append(await monitor.owner.start_link())
        made.append(await monitor.owner.start_agent(made[0], "dan"))
        await otp.receive(lambda _: False)

    starter = s.adopt(otp.spawn(run), "starter")
    await s.settle()
    for pid, name in zip(made, ("its monitor", "its agent"), strict=True):
        s.adopt(pid, name)
    await s.kill(starter)
    await s.advance(1)
    living = " and ".join(s.called(pid) for pid in made if otp.is_alive(pid))
    s.expect(not living, f"the process that called start_link was killed, but did not end {living}", "M23")


async def policies(s: Scenario, monitor: Part, agent: Part) -> None:
    """End agents in each way under each policy."""
    for policy, decisions in AGAIN.items():
        one = await started(s, monitor, f"{policy} monitor", restart_policy=policy, max_restarts=5, delay=0)
        for reason, wanted in zip(ENDS, decisions, strict=True):
            name = f"{policy} {ENDS.index(reason) + 1}"
            old = await begun(s, monitor, one, name)
            await end(s, agent, old, reason)
            how = f"{name} ended with {render(reason)} under {policy!r}"
            await alive(s, one, how, "M8")
            again = name in await known(s, monitor, one)
            m = None if reason in ("bug", "kill") else "M24"
            instead = "expected a restart" if wanted else "expected no restart, but got one"
            s.expect(again == wanted, f"{how}: {instead}", m)
        await monitor("stop", one)


async def restarts(s: Scenario, monitor: Part, agent: Part, registry: Part) -> None:
    """Crash an agent that has a name and a memory."""
    one = await started(s, monitor, delay=0.1)
    old = await begun(s, monitor, one, "ann", memory={"a": 1}, register=True)
    for number in (1, 2):
        await agent("remember", old, "b", number)
        await end(s, agent, old, "bug")
        await s.advance(0.15)
        new = (await known(s, monitor, one)).get("ann")
        s.expect(new is not None and new != old, "ann crashed: expected another pid 0.1 s later", "M13")
        assert new is not None
        await agent.gives(1, "recall", new, "a", m="M12")
        await agent.gives(None, "recall", new, "b")
        await registry.gives(new, "lookup", "ann", m="M26")
        count = (await monitor("status", one))["agents"]["ann"]["restart_count"]
        s.expect(count == number, f"expected a restart_count of {number}, got {count}")
        old = new
    await monitor("stop", one)


async def waits(s: Scenario, monitor: Part, agent: Part) -> None:
    """Crash two agents under a long delay."""
    one = await started(s, monitor, delay=10)
    pids = {name: await begun(s, monitor, one, name) for name in ("ann", "bob", "cid")}
    begin = otp.monotonic()
    for name in ("ann", "bob"):
        await end(s, agent, pids[name], "bug")
    asked: list[Any] = []

    async def ask() -> None:
        asked.append(await monitor.owner.list_agents(one))

    client = s.adopt(otp.spawn(ask), "client")
    await s.settle()
    say = "two agents wait for their restart: expected list_agents to be answered at once"
    s.expect(len(asked) == 1, say, "P1")
    say = f"ann and bob ended, with delay=10: expected list_agents to have only cid until then, got {render(asked[0])}"
    s.expect(asked[0] == [("cid", pids["cid"])], s.worded(say))
    s.expect(not otp.is_alive(client), "expected the client to be done")
    await s.advance(begin + 4 - otp.monotonic())
    await end(s, agent, pids["cid"], "bug")
    await s.advance(begin + 10.1 - otp.monotonic())
    found = set(await known(s, monitor, one))
    s.expect(found >= {"ann", "bob"}, "expected both agents to be restarted after 10 s", "P1")
    say = "cid ended 4 s after ann and bob, with delay=10: expected its restart 4 s after theirs, but it came with them"
    s.expect("cid" not in found, say, "P8")
    await s.advance(begin + 14.1 - otp.monotonic())
    found = set(await known(s, monitor, one))
    s.expect(
        found == set(pids), "cid ended 4 s after ann and bob, with delay=10: expected its restart 10 s later", "P1"
    )
    await monitor("stop", one)


async def crash(s: Scenario, monitor: Part, agent: Part, of: otp.Pid, name: str) -> bool:
    """Crash an agent, and return whether its monitor lives and has restarted it."""
    pid = (await known(s, monitor, of)).get(name)
    s.expect(pid is not None, f"{name} should run, but list_agents has no such agent")
    assert pid is not None
    await end(s, agent, pid, "bug")
    return otp.is_alive(of) and name in await known(s, monitor, of)


async def for_life(s: Scenario, monitor: Part, agent: Part) -> None:
    """Crash an agent once in an hour."""
    one = await started(s, monitor, max_restarts=2, delay=0)
    for name in ("ann", "bob"):
        await begun(s, monitor, one, name)
    for number in (1, 2):
        for name in ("ann", "bob"):
            again = await crash(s, monitor, agent, one, name)
            s.expect(again, f"crash {number} of {name}, with max_restarts=2: expected a restart", "M22")
        await s.advance(3600)
    again = await crash(s, monitor, agent, one, "ann")
    await alive(s, one, "an agent crashed more often than max_restarts", "M23")
    s.expect(not again, "crash 3 of ann, with max_restarts=2: expected it to be dropped, for its life", "M22")
    s.expect(set(await known(s, monitor, one)) == {"bob"}, "expected the other agent to go on")
    await monitor("stop", one)


async def window(s: Scenario, monitor: Part, agent: Part) -> None:
    """Crash agents slowly, and then too often."""
    slow = await started(s, monitor, "slow monitor", max_restarts=3, max_seconds=5, delay=0)
    await begun(s, monitor, slow, "ann")
    for number in range(1, 9):
        again = await crash(s, monitor, agent, slow, "ann")
        s.expect(again, f"a crash every 2 s, with 3 in 5 s: expected restarts for ever, got {number - 1}", "M22")
        await s.advance(2)
    await monitor("stop", slow)
    one = await started(
        s, monitor, "strict monitor", restart_policy="transient", max_restarts=3, max_seconds=5, delay=0
    )
    names = ("ann", "bob", "cid")
    pids = {name: await begun(s, monitor, one, name) for name in names}
    for number in range(4):
        await begun(s, monitor, one, f"done {number}")
        last = (await known(s, monitor, one))[f"done {number}"]
        await end(s, agent, last, "normal")
        await alive(
            s, one, f'{number + 1} agents ended with "normal", which needs no restart and does not count', "M24"
        )
    for number, name in enumerate(("bob", "cid", "cid"), 1):
        again = await crash(s, monitor, agent, one, name)
        s.expect(again, f"crash {number} of 4, with 3 in 5 s: expected a restart", "M22")
    last = await known(s, monitor, one)
    since = s.mark()
    await end(s, agent, last["cid"], "bug")
    s.expect(not otp.is_alive(one), "4 crashes of two agents, with 3 in 5 s: expected the monitor to give up", "M22")
    got = s.reason_of(one)
    s.expect(got == "shutdown", f"expected the monitor to give up with 'shutdown', got {render(got)}")
    ends = [pid for pid in s.trace.ended(since) if pid in last.values()]
    s.expect(not any(map(otp.is_alive, last.values())), "the monitor gave up, and an agent lives on", "M23")
    order = [last["cid"], last["bob"], pids["ann"]]
    shown = ", ".join(map(s.called, ends))
    s.expect(ends == order, f"expected the agents to end in reverse order of their start, got {shown}")
