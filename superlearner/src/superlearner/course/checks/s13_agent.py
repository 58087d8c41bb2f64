"""The check of session 13 for the agent that is a server."""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

from typing import Any, Final

import otp
from otp import GenServer
from superlearner.agents.by_hand import Message
from superlearner.course.engine.by_hand import STRANGE
from superlearner.course.engine.client import Client, Served
from superlearner.course.engine.exercise import exercise
from superlearner.course.engine.scenario import Scenario
from superlearner.course.engine.values import render, same
from superlearner.course.engine.verdict import CourseMark, Wrong

CALLS: Final = "get_state get_status recall inbox_count process_next"
CASTS: Final = "remember forget_all send_task send_message"
LONG: Final = "x" * 70
TASKS: Final[tuple[tuple[str, dict[str, Any] | None, Any], ...]] = (
    ("search", {"query": "otp"}, ("ok", "Search results for: otp")),
    ("analyze", {"data": [1, 2]}, ("ok", "Analysis of: [1, 2]")),
    ("summarize", {"text": LONG}, ("ok", LONG[:50])),
    ("dance", None, ("error", ("unknown_action", "dance"))),
)
ODD: Final = Message.new("song", 9)
MESSAGES: Final = (
    (Message.response(1, "found"), ("received_response", "found")),
    (Message.error(2, "lost"), ("received_error", "lost")),
    (ODD, ("error", ("invalid_message", ODD))),
)


def worded(message: Any) -> str:
    """Return a message in words, without its time."""
    if type(message) is not Message:
        return render(message)
    return f"the message of type {render(message.type)} with the payload {render(message.payload)}"


async def processes(s: Scenario, agent: Served, task: tuple[str, Any] | Message, result: Any) -> None:
    """Raise `Wrong` unless the agent handles this task next, with this result."""
    got = await agent.process_next()
    if not (type(got) is tuple and len(got) == 3 and got[0] == "processed" and type(got[1]) is Message):
        raise Wrong(f'expected process_next(server) to answer ("processed", message, result), got {render(got)}')
    message = task if isinstance(task, Message) else Message.task(0, *task)
    if got[1].type != message.type or not same(got[1].payload, message.payload):
        say = f"expected process_next(server) to handle {worded(message)} next, got {worded(got[1])}"
        raise Wrong(say, "V6" if got[1] is ODD else None)
    if task is not ODD:
        s.same(got[2], result, f"expected the result {render(result)} for {worded(message)}, got {worded(got[2])}")
    elif got[2] != result:
        raise Wrong(f'expected the result ("error", ("invalid_message", message)) for {worded(ODD)}')


@exercise("s13.agent_server", reads_messages=True)
async def agent_server(s: Scenario) -> None:
    """AgentServer: the agent of the hand-written framework as a server."""
    s.step("A new agent is idle, with its name, an empty inbox and the memory of its argument.")
    agents = s.client("AgentServer", CALLS, CASTS)
    ann = await agents.start("ann", called="ann", by="start_link")
    empty: dict[str, Any] = {"name": "ann", "status": "idle", "memory": {}, "inbox": [], "processed_count": 0}
    await ann.get_state(gives=empty)
    await ann.get_status(gives="idle")
    await ann.inbox_count(gives=0)
    await ann.recall("colour", gives=None)
    bob = await agents.start(("bob", {"memory": {"colour": "blue"}}), called="bob", by="start_link")
    await bob.get_state(gives=empty | {"name": "bob", "memory": {"colour": "blue"}})
    await bob.recall("colour", gives="blue")
    await registers(s, agents)

    s.step("It remembers facts of any value, and forgets them.")
    for value in ("red", 0, "", None):
        await ann.remember("colour", value)
        await ann.recall("colour", gives=value, m=None if value else "V2")
    await ann.remember("size", 7)
    await ann.recall("size", gives=7)
    await ann.forget_all()
    await ann.recall("size", gives=None)

    s.step("Two agents share nothing.", "M6")
    await ann.remember("colour", "red")
    await bob.recall("colour", gives="blue")
    await bob.forget_all()
    await ann.recall("colour", gives="red")
    new = await agents.start("new", called="new agent", by="start_link")
    await new.get_state(gives=empty | {"name": "new"})
    await ann.forget_all()

    s.step("It handles its tasks and messages in order, and keeps the last result.")
    for action, params, _ in TASKS:
        await ann.send_task(action, params)
    for message, _ in MESSAGES:
        await ann.send_message(message)
    await ann.inbox_count(gives=7)
    await ann.forget_all()
    waiting = await ann.inbox_count()
    s.same(waiting, 7, f"forget_all empties the memory only: expected 7 messages in the inbox, got {render(waiting)}")
    for count, (task, result) in enumerate((*((each[:2], each[2]) for each in TASKS), *MESSAGES), 1):
        await processes(s, ann, task, result)
        await ann.recall("last_result", **({} if task is ODD else {"gives": result}))
        state = await ann.get_state()
        counts = state["processed_count"], len(state["inbox"])
        say = (
            f"after {count} of 7 messages: expected processed_count {count} and {7 - count} in the inbox, got {counts}"
        )
        s.same(counts, (count, 7 - count), say)

    s.step('`process_next` answers ("empty", None) if the inbox is empty.')
    await ann.process_next(gives=("empty", None))
    s.same((await ann.get_state())["processed_count"], 7, "expected an empty inbox not to be counted as processed")
    await ann.forget_all()
    await ann.get_state(gives=empty | {"processed_count": 7})

    s.step("`get_state` gives up after its timeout.")
    await otp.sys.suspend(ann.pid)
    begun = otp.monotonic()
    try:
        await agents.functions["get_state"](ann.pid, timeout=1)
    except TypeError as error:
        raise Wrong(f"{s.line_of_reason(error)}get_state(server, timeout=1) raised TypeError: {error}") from None
    except otp.CallTimeout:
        pass
    took = otp.monotonic() - begun
    await otp.sys.resume(ann.pid)
    await s.settle()
    s.expect(round(took, 2) == 1, f"expected get_state(server, timeout=1) to give up after 1 s, got {took:g} s")

    s.step("Changing what `get_state` answered changes no agent.", "M6")
    await bob.send_task("search", {"query": "otp"})
    state = await bob.get_state()
    state["memory"]["colour"] = "changed"
    state["inbox"].clear()
    state["name"] = "changed"
    await bob.recall("colour", gives=None)
    await bob.inbox_count(gives=1)
    s.same((await bob.get_state())["name"], "bob", "an agent has another name after its state was changed outside")

    s.step("Unknown casts and messages, and a minute of silence, change nothing.", "V4")
    before = await bob.get_state()
    for strange in STRANGE:
        GenServer.cast(bob.pid, strange)
        otp.send(bob.pid, strange)
        await s.settle()
        if not otp.is_alive(bob.pid):
            raise Wrong(s.ended(bob.pid, f"an unknown message, {render(strange)}, has ended the agent: ").say, "V4")
    await s.advance(60)
    after = await bob.get_state()
    changed = sorted(key for key in before if after.get(key) != before[key])
    s.expect(not changed, f"unknown messages, or a minute of silence, have changed {', '.join(changed)} of the state")

    s.step("Its child spec has the id (AgentServer, name), is permanent, and gives it 5 s to end.")
    spec = agents.server_class.child_spec(("eve", {"memory": {"colour": "green"}}))
    got = (spec.id, spec.restart, 5 if spec.shutdown is None else spec.shutdown)
    wanted = ((agents.server_class, "eve"), "permanent", 5)
    s.expect(got == wanted, f"expected a child spec with id, restart and shutdown {render(wanted)}, got {render(got)}")
    got = agents.server_class.child_spec("eve").id
    s.expect(got == wanted[0], f"expected child_spec('eve') to have the id {render(wanted[0])}, got {render(got)}")

    s.step("Killed under a supervisor, it begins again with the memory of its argument.", "M12")
    eve = await agents.supervised(("eve", {"memory": {"colour": "green"}}))
    await eve.remember("colour", "black")
    await eve.remember("size", 7)
    await eve.recall("size", gives=7)
    again = await eve.killed()
    await again.recall("size", gives=None)
    await again.recall("colour", gives="green")

    s.step("Questions are calls; commands are casts.")
    agents.kinds()


async def registers(s: Scenario, agents: Client) -> None:
    """Raise `Wrong` unless an agent can be started with a name, and asked by it."""
    what = "AgentServer.start_link('dora', name='dora')"
    pid = await s.start_linked(what, agents.server_class.start_link("dora", name="dora"), "dora")
    s.expect(otp.whereis("dora") == pid, f"expected {what} to register the name")
    got = await s.asked("get_status('dora')", agents.functions["get_status"]("dora"), pid)
    s.same(got, "idle", f"expected get_status('dora') to answer 'idle', got {render(got)}")


LINES: Final = {
    "state": ("init", "the first state is what init returns"),
    "receive": ("the library", "every server waits for its next message like this"),
    "silence": ("the library", "the loop of a GenServer waits as long as it takes"),
    "stop": ("the library", "GenServer.stop ends any server"),
    "get_state": ("handle_call", "`from_` and `ref` say that a client waits for the answer"),
    "remember": ("handle_cast", "no client waits for an answer"),
    "forget_all": ("handle_cast", "no client waits for an answer"),
    "recall": ("handle_call", "`from_` and `ref` say that a client waits for the answer"),
    "receive_task": ("handle_cast", "no client waits for an answer"),
    "answer": ("the library", "`Reply(value, state)` is enough: the library knows the caller and the reference"),
}
"""The place of each line of the loop in a GenServer, and why."""


@exercise("s13.conversion")
async def conversion(s: Scenario) -> None:
    """Lines of an agent by hand, and their places in a GenServer."""
    s.step("Each line of the loop has its place.")
    answer = s.choices(tuple(LINES), {place for place, _ in LINES.values()})
    ways = {"handle_call", "handle_cast"}
    s.judge(
        CourseMark(
            line,
            answer[line] == place,
            "" if answer[line] == place else f"{line}: {answer[line]} is not its place; {why}",
            "M14" if {answer[line], place} == ways else None,
        )
        for line, (place, why) in LINES.items()
    )
