"""Runs of session 6: a crash among linked workers, two ways to share work, and what a sender notices."""

# Messages have no type here.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Final

import otp
from superlearner.course.engine.exercise import picture, scenario
from superlearner.course.engine.reports import without_reports
from superlearner.course.engine.scenario import Scenario


async def idle() -> None:
    """Wait for ever."""
    await otp.receive(lambda _: False)


@scenario("s06.p1")
async def linked(s: Scenario) -> str:
    """A worker of a coordinator that does not trap exits ends."""
    pids: list[otp.Pid] = []

    async def worker() -> None:
        otp.exit(await otp.receive())

    async def coordinator() -> None:
        pids.extend(s.name(otp.spawn_link(worker), f"worker {number}") for number in (1, 2, 3))
        await idle()

    with without_reports():
        boss = s.name(otp.spawn(coordinator), "coordinator")
        await s.settle()
        otp.send(pids[1], "boom")
        await s.settle()
    if any(map(otp.is_alive, (boss, *pids))):
        return "some live"
    return f"all four are dead, the coordinator with {s.reason_of(boss)!r}"


TASKS: Final = 6
SPEEDS: Final = {"slow worker": 10, "worker 2": 1, "worker 3": 1}


async def work(seconds: float) -> None:
    """Do one task after the other."""
    while True:
        number, from_ = await otp.receive()
        await asyncio.sleep(seconds)
        otp.send(from_, (number, otp.self()))


@scenario("s06.p2")
async def shared(s: Scenario) -> str:
    """Give out tasks in turn, and to the one who is free."""
    return f"{await done_at(s, in_turn=True):g} s; {await done_at(s, in_turn=False):g} s"


async def done_at(s: Scenario, *, in_turn: bool) -> float:
    """Return when the last task is done."""
    begun, way = otp.monotonic(), "in turn" if in_turn else "to who is free"
    workers = [s.name(otp.spawn(work, seconds), name) for name, seconds in SPEEDS.items()]
    s.name(otp.self(), "coordinator")
    s.happens(f"gives out {TASKS} tasks {way}")
    todo = deque(range(1, TASKS + 1))

    def give(to: otp.Pid) -> None:
        otp.send(to, (todo.popleft(), otp.self()))

    if in_turn:
        while todo:
            give(workers[-len(todo) % len(workers)])
    else:
        for pid in workers:
            give(pid)
    for _ in range(TASKS):
        _, pid = await otp.receive()
        if todo:
            give(pid)
    took = otp.monotonic() - begun
    s.happens(f"has all results after {took:g} s")
    with s.unseen():
        for pid in workers:
            otp.exit(pid, "kill")
        await s.settle()
    return took


@scenario("s06.p3")
async def flooded(s: Scenario) -> str:
    """Send much more than is handled."""

    async def slow() -> None:
        while True:
            await otp.receive()
            await asyncio.sleep(1)

    pid = s.name(otp.spawn(slow), "slow process")
    begun = otp.monotonic()
    with s.unseen():
        for number in range(100):
            otp.send(pid, ("task", number))
    took = otp.monotonic() - begun
    s.happens(f"has sent 100 messages in {took:g} s")
    await s.advance(10.5)
    waiting = otp.process_info(pid, "message_queue_len")
    s.happens(f"has {waiting} messages in its mailbox", pid)
    with s.unseen():
        otp.exit(pid, "kill")
        await s.settle()
    return f"{waiting}; the sender noticed nothing" if took == 0 else f"{waiting}; the sender was held up"


@scenario("s06.p4")
async def one_is_dead(s: Scenario) -> str:
    """Send an event to three subscribers, one of whom is dead."""
    got: list[str] = []

    async def subscriber(name: str) -> None:
        while True:
            await otp.receive()
            got.append(name)

    s.name(otp.self(), "sender")
    pids = [s.name(otp.spawn(subscriber, name), name) for name in ("ann", "bob", "cid")]
    await s.settle()
    with s.unseen():
        otp.exit(pids[1], "kill")
        await s.settle()
    s.happens("bob is dead")
    for pid in pids:
        otp.send(pid, ("event", "news", "rain"))
    await s.settle()
    news = otp.process_info(otp.self(), "message_queue_len")
    with s.unseen():
        for pid in pids:
            otp.exit(pid, "kill")
        await s.settle()
    if len(got) == 2 and not news:
        return "two get it, and nothing says so to the sender"
    return f"{len(got)} get it, and the sender has {news} messages"


# Pictures


@picture("s06.w1")
async def handed_out(s: Scenario) -> str:
    """A worker ends with its task, which goes to another one."""
    count = 0

    async def worker() -> None:
        while True:
            _, payload, from_, ref = await otp.receive()
            if payload == "b" and count == 2:
                otp.exit("boom")
            await asyncio.sleep(1)
            otp.send(from_, (ref, payload.upper()))

    def hire() -> otp.Pid:
        nonlocal count
        count += 1
        return s.name(otp.spawn_link(worker), f"worker {count}")

    async def coordinator() -> None:
        otp.process_flag("trap_exit", True)
        busy: dict[otp.Pid, str] = {}

        def give(pid: otp.Pid, payload: str) -> None:
            busy[pid] = payload
            otp.send(pid, ("work", payload, otp.self(), s.name_ref(otp.make_ref(), f"ref {len(busy)}")))

        for payload, pid in [(payload, hire()) for payload in "ab"]:
            give(pid, payload)
        while True:
            match await otp.receive():
                case otp.ExitSignal(pid=pid) if pid in busy:
                    s.happens("has ExitSignal: worker 2 ended with the task 'b'")
                    give(hire(), busy[pid])
                case _:
                    pass

    with without_reports():
        pid = s.name(otp.spawn(coordinator), "coordinator")
        await s.advance(1.5)
    with s.unseen():
        otp.exit(pid, "kill")
        await s.settle()
    return "worker 2 ends with its task; a new worker gets the task, and does it"


@picture("s06.w2")
async def passed_on(s: Scenario) -> str:
    """Three stages, the last of which answers."""
    client = s.name(otp.self(), "client")

    async def stage(following: otp.Pid | None, does: Any) -> None:
        while True:
            tag, text, from_, ref = await otp.receive()
            if following is None:
                otp.send(from_, (ref, does(text)))
            else:
                otp.send(following, (tag, does(text), from_, ref))

    writer = s.name(otp.spawn(stage, None, lambda text: f"summary of {text}"), "writer")
    analyst = s.name(otp.spawn(stage, writer, lambda text: f"analysis of {text}"), "analyst")
    searcher = s.name(otp.spawn(stage, analyst, lambda text: f"results for {text}"), "searcher")
    ref = s.name_ref(otp.make_ref(), "ref 1")
    otp.send(searcher, ("report", "otp", client, ref))
    _, report = await otp.receive(ref)
    s.expect(report == "summary of analysis of results for otp", f"another report: {report}")
    with s.unseen():
        for pid in (searcher, analyst, writer):
            otp.exit(pid, "kill")
        await s.settle()
    return "each stage passes the request on, with the pid and the reference of the client; the writer answers"
