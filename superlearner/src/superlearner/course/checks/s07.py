"""Checks of session 7: an agent that runs as a process, and its client functions, which session 10 repairs."""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

from typing import Any, Final

import otp
from superlearner.course.engine.by_hand import ByHand
from superlearner.course.engine.callers import Called, Caller, Inbox
from superlearner.course.engine.diagnosis import diagnosed
from superlearner.course.engine.exercise import exercise
from superlearner.course.engine.reports import unreported
from superlearner.course.engine.scenario import Scenario
from superlearner.course.engine.values import apart, render, same
from superlearner.course.engine.verdict import Wrong

LONG: Final = "Processes share nothing, so the crash of one harms no other process."
TASKS: Final = (
    (("t1", "search", {"query": "otp"}), ("ok", "Search results for: otp")),
    ((2, "analyze", {"data": [1, 2], "more": None}), ("ok", "Analysis of: [1, 2]")),
    (("t3", "summarize", {"text": LONG}), ("ok", LONG[:50])),
    (("t3", "summarize", {"text": "short"}), ("ok", "short")),
    ((None, "dance", {}), ("error", ("unknown_action", "dance"))),
    (("t6", "Search", {"query": "x"}), ("error", ("unknown_action", "Search"))),
)
"""Tasks, and what each results in."""


def state(name: str, memory: dict[str, Any], inbox: tuple[Any, ...] = (), count: int = 0) -> dict[str, Any]:
    """Return the state that an agent shows."""
    return {"name": name, "status": "idle", "memory": memory, "inbox": inbox, "processed_count": count}


def agent(s: Scenario, name: str, *memory: Any) -> ByHand:
    """Start an agent with this name."""
    return s.process("process_agent", name, *memory, called=name)


async def shows(one: ByHand, wanted: dict[str, Any], m: str | None = None) -> dict[str, Any]:
    """Return the state that an agent shows; raise `Wrong`, about the first part that differs, unless it is this one."""
    got = await one.answers("get_state")
    if type(got) is dict and got.keys() == wanted.keys():
        for part, value in wanted.items():
            wanted_part, instead = apart(value, got[part])
            say = f"expected the state of {one.called} to have {part!r}: {wanted_part}, got {instead}"
            one.s.same(got[part], value, say, m)
    one.s.same(got, wanted, f"expected the answer {render(wanted)} to 'get_state', got {render(got)}", m)
    return got


@exercise("s07.memory")
async def memory(s: Scenario) -> None:
    """An agent that shows its state, and remembers."""
    s.step('"get_state" is answered with the state, and "get_status" with "idle".')
    ann = agent(s, "ann")
    await shows(ann, state("ann", {}))
    await ann.answers("get_status", "idle")
    await shows(ann, state("ann", {}))

    s.step('"recall" is answered with what was remembered last, or with None; "forget_all" empties the memory.')
    await ann.answers(("recall", "a"), None)
    for value in (1, "two", None, 0, ("recall", "a")):
        ann.send(("remember", "a", value))
        await ann.answers(("recall", "a"), value, m=None if value else "V2")
    ann.send(("remember", ("b", 1), False))
    await shows(ann, state("ann", {"a": ("recall", "a"), ("b", 1): False}))  # type: ignore[dict-item]
    ann.send("forget_all")
    left = await ann.answers(("recall", "a"))
    s.same(left, None, f'expected "forget_all" to empty the memory, but {render(left)} is still there')
    await shows(ann, state("ann", {}))

    s.step("It begins with a copy of `memory`: neither side sees a later change of the other.")
    given: dict[str, Any] = {"a": 1}
    bob = agent(s, "bob", given)
    seen = await bob.answers("get_state")
    shared = any(str(each) in str(seen) for each in (("recall", "a"), ("b", 1)))  # what ann remembered
    say = f"bob was started with the memory {render(given)}, and its state is {render(seen)}"
    say = f"{say}: it has what ann remembered" if shared else say
    s.same(seen, state("bob", given), say, "M6" if shared else None)
    given |= {"a": 2, "b": 3}
    seen = await bob.answers("get_state")
    say = (
        f"the dict that was given as `memory` was changed afterwards, and the state of the agent is now {render(seen)}"
    )
    s.same(seen, state("bob", {"a": 1}), say, "M6")
    bob.send(("remember", "c", 4))
    await bob.answers(("recall", "c"), 4)
    s.same(given, {"a": 2, "b": 3}, f"the agent changed the memory that it was given: it is now {given}", "M6")
    bob.send("forget_all")
    await bob.answers(("recall", "a"), None)
    s.same(given, {"a": 2, "b": 3}, f"the agent emptied the memory that it was given: it is now {given}", "M6")

    s.step("What `get_state` gave belongs to the asker: the agent's later changes do not show in it, nor the reverse.")
    bob.send(("remember", "a", 1))
    seen = await shows(bob, state("bob", {"a": 1}))
    bob.send(("remember", "a", 2))
    await bob.answers(("recall", "a"), 2)
    late = f"the agent remembered something new, and the state that it had answered before changed to {render(seen)}"
    s.same(seen, state("bob", {"a": 1}), late, "M6")
    seen["memory"] |= {"a": "changed", "b": "new"}
    seen["status"] = seen["name"] = "changed"
    await shows(bob, state("bob", {"a": 2}), "M6")

    s.step("Two agents share nothing.", "M6")
    dan = agent(s, "dan")
    await shows(dan, state("dan", {}), "M6")
    dan.send(("remember", "a", "mine"))
    await bob.answers(("recall", "a"), 2, m="M6")
    await shows(agent(s, "eve"), state("eve", {}), "M6")

    s.step("It takes a message of another form, and goes on.")
    await dan.ignores(("recall",), "recall", ("recall", "a"), ("get_state",), "get_state", ("remember", "a"))
    await shows(dan, state("dan", {"a": "mine"}))

    s.step('It ends after "stop".')
    for each in (ann, bob, dan):
        await each.stops()


@exercise("s07.tasks")
@unreported
async def tasks(s: Scenario) -> None:
    """An agent with an inbox, which works on its tasks one by one."""
    with s.under("It still shows its state, remembers and recalls."):
        await memory(s)

    s.step('"receive_task" puts a task at the end of the inbox; "inbox_count" and "peek_task" leave it there.')
    ann = agent(s, "ann")
    await ann.answers("inbox_count", 0)
    await ann.answers("peek_task", None)
    for number, (task, _) in enumerate(TASKS, 1):
        ann.send(("receive_task", task))
        await ann.answers("inbox_count", number)
        got = await ann.answers("peek_task")
        newest = any(same(got, other) for other, _ in TASKS[1:])
        say = f"expected the answer {render(TASKS[0][0])} to 'peek_task', got {render(got)}"
        s.same(got, TASKS[0][0], say, "V6" if newest else None)
    waiting = tuple(task for task, _ in TASKS)
    await shows(ann, state("ann", {}, waiting))

    s.step('"process_next" is answered with ("processed", id, result) of the oldest task, or with ("empty", None).')
    for task, result in TASKS:
        got = await ann.answers("process_next")
        newest = type(got) is tuple and len(got) == 3 and got[1] != task[0] and got[1] in [each[0] for each, _ in TASKS]
        say = f"expected {('processed', task[0], result)} for the task {render(task)}, got {render(got)}"
        s.same(got, ("processed", task[0], result), say, "V6" if newest else None)
    await ann.answers("inbox_count", 0)
    for _ in range(2):
        await ann.answers("process_next", ("empty", None))

    s.step('Each task adds one to "processed_count", and its result is remembered as "last_result".')
    await shows(ann, state("ann", {"last_result": TASKS[-1][1]}, (), len(TASKS)))
    ann.send(("remember", "mood", "good"))
    for number, (task, result) in enumerate(TASKS[:3], len(TASKS) + 1):
        ann.send(("receive_task", task))
        ann.send(("receive_task", TASKS[0][0]))
        await ann.answers("process_next", ("processed", task[0], result), m="V6")
        await ann.answers(("recall", "last_result"), result)
        left = (TASKS[0][0],)
        await shows(ann, state("ann", {"mood": "good", "last_result": result}, left, number * 2 - 7))
        await ann.answers("process_next")
    bob = agent(s, "bob")
    await shows(bob, state("bob", {}), "M6")

    s.step("A task without what its action needs crashes the agent: nothing catches the KeyError.")
    for action, params in (("search", {"data": 1}), ("analyze", {}), ("summarize", {"query": "x"})):
        await crashes(s, agent(s, f"{action} agent"), ("t", action, params))

    s.step("It takes a message of another form, and goes on.")
    await ann.ignores(("receive_task",), ("process_next",), "process_next", ("peek_task",), "inbox_count")
    await ann.ignores(("receive_task", "t", "search", {}))
    await ann.answers("process_next", ("empty", None))

    s.step('"forget_all" empties the memory, and leaves the tasks.')
    bob.send(("receive_task", TASKS[0][0]))
    bob.send("forget_all")
    await shows(bob, state("bob", {}, (TASKS[0][0],)))

    s.step('It ends after "stop".')
    await ann.stops()
    await bob.stops()


async def crashes(s: Scenario, broken: ByHand, task: tuple[Any, ...]) -> None:
    """Raise `Wrong` unless this task ends the agent with a KeyError."""
    broken.send(("receive_task", task))
    await broken.lives(f"the task {render(task)} was received, and should wait in the inbox")
    ref = s.numbered_ref()
    otp.send(broken.pid, ("process_next", otp.self(), ref))
    await s.settle()
    said = f"the task {render(task)} lacks what its action needs: expected it to crash the agent"
    if otp.is_alive(broken.pid):
        try:
            got = (await otp.receive(ref, timeout=0))[-1]
        except otp.ReceiveTimeout:
            raise Wrong(f"{said}, but the agent is alive and silent", "M11") from None
        default = type(got) is tuple and type(got[-1]) is tuple and got[-1][:1] == ("ok",)
        raise Wrong(f"{said}, got the answer {render(got)}", None if default else "M11")
    reason = s.reason_of(broken.pid)
    name = getattr(reason.term, "type_name", None) if isinstance(reason, otp.Crash) else None
    if name != "KeyError":
        raise Wrong(f"{said} with a KeyError that nothing catches; it ended with {render(reason)}")


@exercise("s07.client")
async def client(s: Scenario) -> None:
    """Functions that ask an agent, and survive one that is slow or dead."""
    one = s.caller()

    s.step("Each function sends the message of the protocol, and returns the value of the answer.")
    ann = s.inbox("ann")
    for value in (state("ann", {"a": 1}), {}):
        call, ask = await asks(s, one, ann, "get_state")
        await answered(s, call, ask, value)
    for value in (1, None, 0, ("empty", None)):
        call, ask = await asks(s, one, ann, "recall", "a")
        await answered(s, call, ask, value)
    call, ask = await asks(s, one, ann, "process_next")
    await answered(s, call, ask, ("processed", "t1", ("ok", 1)))
    for value in ("blue", None):
        await one.call("remember", ann.pid, "colour", value, awaited=False).returns()
        await ann.has([("remember", "colour", value)], f"expected the message {('remember', 'colour', value)}")
    clean(s, one, "after an answer")

    s.step("Without an answer in time each raises otp.ReceiveTimeout; the agent lives on.")
    late: list[tuple[Any, ...]] = []
    for name, args, options in (
        ("get_state", (), {"timeout": 1}), ("recall", ("a",), {"timeout": 0.5}), ("process_next", (), {"timeout": 2}),
        ("get_state", (), {}), ("recall", ("b",), {}), ("process_next", (), {}),
    ):  # fmt: skip
        call, ask = await asks(s, one, ann, name, *args, **options)
        late.append(ask)
        await call.raises(otp.ReceiveTimeout, at=options.get("timeout", 5))
        s.expect(otp.is_alive(ann.pid), f"{call.said} gave up, and ended the agent", "M17")
    clean(s, one, "after a time-out")

    s.step("The next call gets its own answer, although the late ones come first.", "M5")
    for name, args, value in (("recall", ("c",), "own"), ("get_state", (), {}), ("process_next", (), ("empty", None))):
        call, ask = await asks(s, one, ann, name, *args)
        for number, each in enumerate(late):
            otp.send(each[-2], (each[-1], f"late answer {number}"))
        await s.settle()
        await answered(s, call, ask, value, "M5")

    s.step('If the agent ends before it answers, each raises otp.Exit with ("agent_down", reason) at once.')
    for name, args, signal, reason in (
        ("get_state", (), "boom", "boom"), ("recall", ("a",), ("disk", "full"), ("disk", "full")),
        ("process_next", (), "kill", "killed"),
    ):  # fmt: skip
        dying = s.inbox(f"{name} agent")
        call, _ = await asks(s, one, dying, name, *args)
        otp.exit(dying.pid, signal)
        await down(s, call, ("agent_down", reason))
        clean(s, one, "after the end of the agent")

    s.step('If the agent was dead before, they raise otp.Exit with ("agent_down", "noproc") at once.')
    dead = s.inbox("dead agent").pid
    await s.kill(dead)
    for name, args in (("get_state", ()), ("recall", ("a",)), ("process_next", ())):
        await down(s, one.call(name, dead, *args), ("agent_down", "noproc"))
    await one.call("remember", dead, "a", 1, awaited=False).returns(raised="M4")

    s.step("No monitor and no `Down` is left.", "P5")
    for name, args in (("get_state", ()), ("recall", ("a",)), ("process_next", ())):
        leaving = s.name(otp.spawn(answer_once), "leaving agent")
        await one.call(name, leaving, *args).returns("last")
        clean(s, one, "after an agent that answered and ended at once")
    clean(s, one, "after the calls of a dead agent")
    await s.kill(ann.pid)
    clean(s, one, "after the end of the agent")


@exercise("s10.late_reply")
async def late_reply(s: Scenario) -> None:
    """Such functions, which used one reference for all questions."""
    diagnosed(s, "M5")
    await client(s)


async def answer_once() -> None:
    """Answer a request, and end, so that the `Down` is in the mailbox when the answer is taken."""
    *_, from_, ref = await otp.receive()
    otp.send(from_, (ref, "last"))


async def asks(
    s: Scenario, by: Caller, to: Inbox, name: str, *args: Any, **options: Any
) -> tuple[Called, tuple[Any, ...]]:
    """Call a client function, and return the call and the request that it has sent."""
    call = by.call(name, to.pid, *args, **options)
    news = await to.news()
    wanted = f"({', '.join(map(render, (name, *args)))}, from_, ref)"
    if not news:
        await call.returns()  # what it raised or returned without a question
        raise Wrong(f"expected {call.said} to send the agent {wanted}, got no message")
    got = news[0]
    for part in got if type(got) is tuple else ():
        if isinstance(part, otp.Ref):
            s.name_ref(part, "ref")
    said = s.worded(f"expected {call.said} to send the agent {wanted}, got {render(got)}")
    fits = type(got) is tuple and len(got) == len(args) + 3 and same(got[: len(args) + 1], (name, *args))
    if not fits or not isinstance(got[-2], otp.Pid):
        bare = type(got) is tuple and not any(isinstance(part, otp.Ref) for part in got) and got[:1] == (name,)
        raise Wrong(said, "M5" if bare else None)
    s.expect(isinstance(got[-1], otp.Ref), f"{said}: a new reference is missing", "M5")
    s.expect(len(news) == 1, f"expected {call.said} to send one message, got {len(news)}")
    return call, got


async def answered(s: Scenario, call: Called, ask: tuple[Any, ...], value: Any, m: str | None = None) -> None:
    """Answer a request; raise `Wrong` unless the call then returns this value."""
    await call.waits() if m is None else None
    otp.send(ask[-2], (ask[-1], value))
    await call.returns(value, m=m)


async def down(s: Scenario, call: Called, reason: Any) -> None:
    """Raise `Wrong` unless a call raises `otp.Exit` with this reason at once."""
    error = await call.raises(otp.Exit, late="M4")
    got = error.reason
    s.same(got, reason, f"expected {call.said} to raise otp.Exit with {render(reason)}, got {render(got)}")


def clean(s: Scenario, by: Caller, when: str) -> None:
    """Raise `Wrong` if a caller still monitors a process, or has a `Down` in its mailbox."""
    s.expect(not otp.process_info(by.pid, "monitors"), f"{when} the caller still monitors the agent", "P5")
    downs = [each for each in by.messages if isinstance(each, otp.Down)]
    s.expect(not downs, f"{when} a `Down` is left in the mailbox of the caller", "P5")


@exercise("s07.delegate", reads_messages=True)
@unreported
async def delegate(s: Scenario) -> None:
    """An agent with a name, which passes tasks on to others."""
    with s.under("It still remembers, and works on its tasks."):
        await tasks(s)

    s.step("It has its name before it takes its first message.")
    ann, bob = agent(s, "ann"), agent(s, "bob")
    await s.settle()
    for each in (ann, bob):
        await each.lives(f"{each.called} should register its name")
        found = otp.whereis(each.called)
        s.expect(found == each.pid, f"expected otp.whereis({each.called!r}) to be the agent, got {s.describe(found)}")

    s.step('"delegate" sends a task with a new reference as its id to the process with the name.')
    ids = [await delegates(s, ann, bob.pid, "bob", TASKS[0][0][1:]) for _ in range(2)]
    s.expect(ids[0] != ids[1], "expected a new reference for each task, got the same one twice", "M5")
    await bob.answers("inbox_count", 2)
    for id in ids:
        await bob.answers("process_next", ("processed", id, TASKS[0][1]))

    s.step("It can delegate to itself.")
    own = await delegates(s, ann, ann.pid, "ann", ("dance", {}))
    await ann.answers("inbox_count", 1)
    await ann.answers("peek_task", (own, "dance", {}))
    printer = s.inbox("printer")
    otp.register("printer", printer.pid)
    await delegates(s, ann, printer.pid, "printer", ("print", {"text": "hi"}))

    s.step('If no process has the name, it answers ("error", ("agent_not_found", target)).')
    await bob.stops()
    for target in ("nobody", "bob"):
        asked = ann.ask("delegate", target, "search", {"query": "otp"})
        await ann.lives(f"no process has the name {target!r}", "M26")
        await asked.answered(("error", ("agent_not_found", target)), m="M26")

    s.step('After ("crash", reason) it ends with exactly this reason.')
    for number, reason in enumerate(("boom", ("disk", "full"), None, "normal")):
        one = agent(s, f"agent {number}")
        await one.answers("get_status", "idle")
        one.send(("crash", reason))
        await one.ends(reason)

    s.step("It takes a message of another form, and goes on.")
    await ann.ignores(("delegate",), ("delegate", "bob", "search", {}), ("crash",), "crash")
    await ann.answers("inbox_count", 1)

    s.step('It ends after "stop", and its name is free.')
    await ann.stops()
    s.expect(otp.whereis("ann") is None, "expected the name to be free after the end")


async def delegates(s: Scenario, by: ByHand, to: otp.Pid, target: str, work: tuple[Any, ...]) -> otp.Ref:
    """Let an agent pass on a task, and return the id of the task."""
    since = s.mark()
    asked = by.ask("delegate", target, *work)
    await s.settle()
    if otp.is_alive(by.pid) and otp.process_info(by.pid, "message_queue_len"):
        raise Wrong(f"{asked.said} to {by.called} got no answer: it waits for an answer that only it can give", "M15")
    got = await asked.answered()
    fits = type(got) is tuple and len(got) == 3 and same(got[:2], ("delegated", target))
    s.expect(fits, f"expected the answer ('delegated', {target!r}, id), got {s.worded(render(got))}")
    id = got[2]
    s.expect(isinstance(id, otp.Ref), f"expected a new reference as the id of the task, got {render(id)}")
    s.expect(id != asked.ref, "expected a new reference as the id of the task, got that of the request")
    if to == by.pid:  # it may put the task into its inbox without a message
        return id
    terms = [event.data["term"] for event in s.trace.sent(to, since)]
    tasks = [each for each in terms if type(each) is tuple and each[:1] == ("receive_task",)]
    wanted = f"('receive_task', (id, {', '.join(map(render, work))}))"
    shown = s.worded(render(tasks[0])) if tasks else "nothing"
    right = len(tasks) == 1 and same(tasks[0], ("receive_task", (id, *work)))
    s.expect(right, f"expected {target} to get {wanted}, got {shown}")
    return id
