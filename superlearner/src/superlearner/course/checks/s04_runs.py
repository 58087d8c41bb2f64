"""Runs of session 4: what a selective receive takes, what it costs, and when it gives up."""

# Messages have no type here.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

import otp
from otp.testing import advance, mailbox
from superlearner.course.engine.exercise import picture, scenario
from superlearner.course.engine.scenario import Scenario


@scenario("s04.p1")
async def selective(s: Scenario) -> str:
    """Take a message by a pattern, and look at what is left."""
    reader = s.name(otp.self(), "reader")
    await post(s, reader, "a", "b", "a")
    taken = await otp.receive(otp.Is("b"))
    s.happens(f"takes {taken!r}")
    return f"it takes {taken}; {' and '.join(mailbox())} stay"


async def post(s: Scenario, to: otp.Pid, *messages: Any) -> None:
    """Send messages from another process, and wait until they have arrived."""

    def send() -> None:
        for message in messages:
            otp.send(to, message)

    s.name(otp.spawn(send), "sender")
    await s.settle()


@scenario("s04.p2")
async def zero(s: Scenario) -> str:
    """Look twice into a mailbox with one message."""
    await post(s, s.name(otp.self(), "reader"), "hello")
    seen: list[str] = []
    for _ in range(2):
        try:
            seen.append(f"takes {await otp.receive(timeout=0)!r}")
        except otp.ReceiveTimeout:
            seen.append("ReceiveTimeout")
        s.happens(seen[-1])
    s.expect(otp.monotonic() == 0, "time has passed")
    if seen == ["takes 'hello'", "ReceiveTimeout"]:
        return "the message; then ReceiveTimeout, and no time passes"
    return ", ".join(seen)


SHORT: Final = 100
LONG: Final = 100_000
TIMES: Final = 50
"""The smallest ratio that counts as hundreds of times; a quiet machine measures about a thousand."""


@scenario("s04.p3", real=True)
async def long_mailbox(s: Scenario) -> str:
    """Take a matching message out of a short and of a long mailbox."""
    s.stop_tracing()
    took: dict[int, float] = {}
    for waiting in (SHORT, LONG):
        for _ in range(waiting):
            otp.send(otp.self(), "other")
        await s.settle()
        took[waiting] = min([await time_of_one() for _ in range(5)])
        mailbox()
    ratio = took[LONG] / took[SHORT]
    return "hundreds of times as much" if ratio > TIMES else f"{ratio:.0f} times as much"


async def time_of_one() -> float:
    """Return the seconds that it takes to receive a message behind all that wait."""
    otp.send(otp.self(), "wanted")
    begun = time.perf_counter()
    await otp.receive(lambda message: message == "wanted")
    return time.perf_counter() - begun


@scenario("s04.p4")
async def others(s: Scenario) -> str:
    """Wait for a message with a time-out while others arrive."""
    reader = s.name(otp.self(), "reader")
    for at in (3, 4):
        otp.send_after(at, reader, "something else")
    begun = otp.monotonic()
    try:
        await otp.receive(otp.Is("answer"), timeout=5)
    except otp.ReceiveTimeout:
        s.happens("ReceiveTimeout")
    return f"at {otp.monotonic() - begun:g} s"


# Pictures


@picture("s04.w1")
async def urgent(s: Scenario) -> str:
    """A doctor takes the urgent messages first."""
    doctor = s.name(otp.self(), "doctor")
    mailbox = s.observe_mailbox(doctor)
    await arrive(s, "ann", "cough", "check-up")
    await arrive(s, "bob", ("urgent", "burn"))
    is_urgent: Callable[[Any], bool] = lambda message: message[0] == "urgent"
    taken = [await mailbox.receive(is_urgent, "('urgent', …)", 5)]
    taken.append(await mailbox.receive(lambda _: True, "any message", 5))
    try:
        await mailbox.receive(is_urgent, "('urgent', …)", 0)
    except otp.ReceiveTimeout:
        s.happens("has no urgent message")
    s.expect(taken == [("urgent", "burn"), "cough"], "the picture shows another order than the mailbox")
    return "the urgent message is taken first, and the others stay in their order"


async def arrive(s: Scenario, sender: str, *messages: Any) -> None:
    """Send messages to this process, from one of this name."""
    reader = otp.self()

    def send() -> None:
        for message in messages:
            otp.send(reader, message)

    s.name(otp.spawn(send), sender)
    await s.settle()


@picture("s04.w2")
async def taken_for_another(s: Scenario) -> str:
    """Without a reference a late answer is taken for the next one."""
    client = s.name(otp.self(), "client")

    async def forgetful() -> None:
        for seconds, value in ((0.8, "blue"), (0.5, "Ann")):
            await otp.receive()
            await asyncio.sleep(seconds)
            otp.send(client, ("answer", value))
        await otp.receive()

    agent = s.name(otp.spawn(forgetful), "agent")
    mailbox = s.observe_mailbox(client)
    is_answer: Callable[[Any], bool] = lambda message: message[0] == "answer"
    otp.send(agent, ("colour?", client))
    try:
        await mailbox.receive(is_answer, "('answer', …)", 0.5)
    except otp.ReceiveTimeout:
        s.happens("gives up")
    await advance(0.5)
    otp.send(agent, ("name?", client))
    _, name = await mailbox.receive(is_answer, "('answer', …)", 5)
    await advance(1)
    with s.unseen():
        otp.exit(agent, "kill")
        await s.settle()
    return f"the client takes the late answer: it believes that the name is {name!r}"


@picture("s04.w3")
async def batches(s: Scenario) -> str:
    """Batches of three, or after ten seconds."""
    owner = s.name(otp.self(), "owner")

    async def buffer() -> None:
        items, deadline = (), None
        while True:
            left = None if deadline is None else max(0, deadline - otp.monotonic())
            try:
                items = (*items, await otp.receive(timeout=left))
            except otp.ReceiveTimeout:
                s.happens("10 s are over")
            if deadline is None:
                deadline = otp.monotonic() + 10
            if len(items) == 3 or otp.monotonic() >= deadline:
                otp.send(owner, ("batch", items))
                items, deadline = (), None

    pid = s.name(otp.spawn(buffer), "buffer")
    source = s.name(otp.spawn(adds, pid), "source")
    await otp.wait_down(source)
    await advance(10)
    with s.unseen():
        otp.exit(pid, "kill")
        await s.settle()
    return "a batch goes after ten seconds, or with its third item"


async def adds(buffer: otp.Pid) -> None:
    """Send items at certain times."""
    for wait, item in ((0, "a"), (6, "b"), (5, "c"), (1, "d"), (1, "e"), (2, "f")):
        await asyncio.sleep(wait)
        otp.send(buffer, item)
