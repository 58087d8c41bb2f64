"""Checks of session 3: processes and mailboxes."""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import asyncio
import time
import tracemalloc
from typing import Any, Final

import otp
from superlearner.course.engine.by_hand import ByHand
from superlearner.course.engine.exercise import exercise, picture, scenario
from superlearner.course.engine.scenario import Scenario
from superlearner.course.engine.verdict import Wrong

VALUES: Final = ("hello", "hello", "", 0, None, ("echo", "twice"), ["a", "list"])
SUMS: Final = {
    ("add", 2, 3): 5, ("sub", 2, 3): -1, ("mul", 2.5, 4): 10.0, ("div", 1, 4): 0.25, ("div", 0, 4): 0.0,
    ("add", 0, 0): 0, ("div", 3, 0.5): 6.0, ("mul", 2, 0): 0,
}  # fmt: skip


@exercise("s03.echo")
async def echo(s: Scenario) -> None:
    """A server that answers with what it got, again and again."""
    s.step("It answers each request with its text, any number of times.")
    server = s.process("echo")
    for value in VALUES:
        await server.answers(("echo", value), value)

    s.step("It takes a message of another form, and goes on.")
    await server.ignores(("echo",), ("ping", 1), ("echo", "one", "two", otp.self(), s.numbered_ref()))
    await server.answers(("echo", "still here"), "still here")

    s.step('It ends after "stop".')
    await server.stops()


@exercise("s03.counter")
async def counter(s: Scenario) -> None:
    """A number that is increased and read."""
    s.step('"increment" adds one, and "get" is answered with the number.')
    one = s.process("counter")
    await one.answers("get", 0)
    for number in (1, 2, 3):
        counted = s.mark()
        one.send("increment")
        await one.answers("get", number)

    s.step("A second counter counts for itself, from its own start.")
    other = s.process("counter", 10, called="second counter")
    seen = await other.answers("get")
    if seen == 3:
        s.show(counted)
        say = "expected counter(10) to begin with 10, got 3, the number of the first one"
        raise Wrong(s.line_of_global() + say, "M6")
    s.same(seen, 10, f"expected counter(10) to begin with 10, got {seen}")
    other.send("increment")
    await other.answers("get", 11)
    seen = await one.answers("get")
    if seen in (4, 10, 11):
        say = f"expected the first counter to answer 3, got {seen}: the second one has changed its number"
        raise Wrong(s.line_of_global() + say, "M6")
    s.same(seen, 3, f"expected the first counter to answer 3, got {seen}")

    s.step("A hundred clients increment and ask: none is lost.")

    async def client() -> None:
        one.send("increment")
        seen = await one.answers("get")
        s.expect(type(seen) is int and seen > 3, f"a client incremented 3 and then read {seen}")

    await s.at_once(one.pid, *[client] * 100)
    await one.answers("get", 103)

    s.step("It takes a message of another form, and goes on.")
    await one.ignores(("get",), "decrement", ("get", "now", otp.self(), s.numbered_ref()))
    await one.answers("get", 103)

    s.step('It ends after "stop".')
    await one.stops()
    await other.stops()


ANSWERED = "A request that cannot be computed needs an answer, too: look at it before you compute, and answer an error."
SENDS = (
    "Sending to a dead process does nothing and raises nothing, so the first need not know whether the second lives."
)


@exercise("s03.calculator")
async def calculator(s: Scenario) -> None:
    """A server that has an answer for everything."""
    s.step('"add", "sub", "mul" and "div" are answered with ("ok", value).')
    server = s.process("calculator")
    for request, value in SUMS.items():
        await server.answers(request, ("ok", value))

    s.step("A division by 0 has an answer as well, and the calculator lives on.")
    for request in (("div", 1, 0), ("div", 0, 0), ("div", 2.5, 0.0)):
        asked = server.ask(*request)
        await server.lives(f"{request} ended the calculator", "V4", ANSWERED)
        await asked.answered(("error", "division_by_zero"))
    await server.answers(("add", 1, 1), ("ok", 2))

    s.step("An unknown operation is answered, too.")
    for operation in ("pow", "stop", "", "ADD"):
        asked = server.ask(operation, 2, 0)
        await server.lives(f"the operation {operation!r} ended the calculator", "V4", ANSWERED)
        await asked.answered(("error", "unknown_operation"))

    s.step("It takes a message of another form, and goes on.")
    await server.ignores(("add", 1, 2), "add")
    await server.answers(("add", 1, 1), ("ok", 2))

    s.step('It ends after "stop".')
    await server.stops()


@exercise("s03.worker")
async def worker(s: Scenario) -> None:
    """Work that takes time, and harms no other process."""
    s.step('A request for work is answered with "done" when its seconds are over.')
    one = s.process("worker")
    for seconds in (2, 0.5):
        await one.answers(("work", seconds), "done", at=seconds)

    s.step("Three workers with a second of work each are done after one second.")
    others = [s.process("worker", called=f"worker {number}") for number in (1, 2, 3)]
    for asked in [each.ask("work", 1) for each in others]:
        await asked.answered("done", at=1)

    s.step("One worker does one job after the other.")
    first, second = one.ask("work", 1), one.ask("work", 2)
    await first.answered("done", at=1)
    await second.answered("done", at=3)

    s.step('It ends after "stop".')
    for each in (one, *others):
        await each.stops()


@exercise("s03.two_agents", reads_messages=True)
async def two_agents(s: Scenario) -> None:
    """Work that is passed on: the second agent answers the asker of the first."""
    s.step("The asker gets the sum of the squares.")
    second = s.process("second")
    first = s.process("first", second.pid)
    for numbers, total in (([1, 2, 3], 14), ([], 0), ([-4], 16), ([0.5, 0], 0.25)):
        asked = first.ask("sum_squares", numbers)
        await first.lives("the first agent should take any number of requests")
        await second.lives("the second agent should take any number of requests")
        await asked.answered(total)

    s.step("There are three messages: asker → first → second → asker.")
    since = s.mark()
    await first.answers(("sum_squares", [3, 4]), 25)
    path(s, first, second, since)

    s.step("Five requests in a row: each gets its own result.", "M5")
    numbers = [[s.random.randint(1, 9) for _ in range(3)] for _ in range(5)]
    asked = [first.ask("sum_squares", each) for each in numbers]
    for request, each in zip(asked, numbers, strict=True):
        await request.answered(sum(number * number for number in each))

    s.step("When the second is dead, the first takes requests and lives on.", "M4")
    await s.kill(second.pid)
    for _ in range(3):
        first.ask("sum_squares", [1, 2])
        await first.lives("the second is dead, and the first ended, too", "M4", SENDS)
        waiting = otp.process_info(first.pid, "message_queue_len")
        s.expect(waiting == 0, "the second is dead, and the first takes no more requests: it waits for an answer")

    s.step('Both end after "stop".')
    await first.stops()
    last = s.process("second", called="another second")
    await s.process("first", last.pid, called="another first").stops()
    s.expect(otp.is_alive(last.pid), '"stop" to the first has ended the second, too: each gets a "stop" of its own')
    await last.stops()


def path(s: Scenario, first: ByHand, second: ByHand, since: int) -> None:
    """Compare the messages since a mark with the three that are needed."""
    sent = [event for event in s.trace.events(since) if event.kind == "sent" and event.data["way"] == "info"]
    got = [(event.pid, event.data.get("to")) for event in sent]
    if got == [(otp.self(), first.pid), (first.pid, second.pid), (second.pid, otp.self())]:
        return
    if not any(to == second.pid for _, to in got):
        raise Wrong("the first answered by itself: expected it to pass its work on to the second")
    way = ", ".join(f"{s.called(of)} → {s.called(to)}" for of, to in got)
    s.show(since)
    waits = (second.pid, otp.self()) not in got
    raise Wrong(f"expected check → first → second → check, got {len(got)} messages: {way}", "P7" if waits else None)


# Predictions


@scenario("s03.p1")
async def order(s: Scenario) -> str:
    """A process starts another one; both note their names."""
    notes: list[str] = []

    def note(text: str) -> None:
        notes.append(text)
        s.happens(f"notes {text!r}")

    s.name(otp.self(), "parent")
    s.name(otp.spawn(note, "child"), "child")
    note("parent")
    await s.settle()
    return ", then ".join(notes)


THOUSAND: Final = 1000
MOST_S: Final = 0.1
"""Seconds that a thousand spawns may take; a busy machine needs a few times as long as a quiet one."""
MOST_BYTES: Final = 2000


@scenario("s03.p2", real=True)
async def thousand(s: Scenario) -> str:
    """Start a thousand processes that wait, and measure time and memory."""

    async def wait() -> None:
        await otp.receive()

    s.stop_tracing()
    took: list[float] = []
    for _ in range(5):
        begun = time.perf_counter()
        pids = [otp.spawn(wait) for _ in range(THOUSAND)]
        took.append(time.perf_counter() - begun)
        await s.settle()
        await ended(s, pids)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    pids = [otp.spawn(wait) for _ in range(THOUSAND)]
    await s.settle()
    used = (tracemalloc.get_traced_memory()[0] - before) / THOUSAND
    tracemalloc.stop()
    await ended(s, pids)
    if min(took) > MOST_S or used > MOST_BYTES:
        return f"{min(took) * 1000:.1f} ms, and {used:.0f} bytes each"
    return "a few thousandths of a second; each needs about a kilobyte"


async def ended(s: Scenario, pids: list[otp.Pid]) -> None:
    """End processes, and wait for it."""
    with s.unseen():
        for pid in pids:
            otp.exit(pid, "kill")
        await s.settle()


@scenario("s03.p3")
async def to_the_dead(s: Scenario) -> str:
    """Send to a process that has ended, and to a name that no process has."""
    pid = s.name(otp.spawn(lambda: None), "ended")
    await s.settle()
    s.expect(not otp.is_alive(pid), "the process should have ended")
    returned = otp.send(pid, "hello")
    try:
        otp.send("nobody", "hello")
    except otp.BadArgument:
        s.happens("sends to a name that no process has: BadArgument")
    return "send returns the message, and nothing else happens" if returned == "hello" else f"it returns {returned!r}"


BEAT_S: Final = 0.02
BLOCKS_S: Final = 0.3


@scenario("s03.p4", real=True)
async def blocked(s: Scenario) -> str:
    """Two processes beat, and a third one blocks the thread."""
    beats: list[float] = []

    async def beat() -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            beats.append(otp.monotonic())
            s.happens("beats")

    hearts = [s.name(otp.spawn(beat), name) for name in ("heart 1", "heart 2")]
    third = s.name(otp.self(), "third")
    await asyncio.sleep(2.5 * BEAT_S)
    s.happens("calls time.sleep(0.3)", third)
    begun = otp.monotonic()
    time.sleep(BLOCKS_S)  # noqa: ASYNC251 - the subject of the prediction
    over = otp.monotonic()
    s.happens("goes on", third)
    await asyncio.sleep(2.5 * BEAT_S)
    await ended(s, hearts)
    during = sum(begun < at < over for at in beats)
    return "both hearts stop for 0.3 s" if not during and beats else f"{during} beats meanwhile"


@scenario("s03.p5")
async def once(s: Scenario) -> str:
    """Ask the process that has to be repaired twice."""

    async def once_only() -> None:
        match await otp.receive():
            case ("echo", text, from_, ref):
                otp.send(from_, (ref, text))
            case _:
                pass

    server = s.name(otp.spawn(once_only), "echo")
    answers: list[Any] = []
    for text in ("hello", "again"):
        ref = s.name_ref(otp.make_ref(), f"ref {len(answers) + 1}")
        otp.send(server, ("echo", text, otp.self(), ref))
        try:
            answers.append((await otp.receive(ref, timeout=1))[1])
        except TimeoutError:
            answers.append(None)
            s.happens(f"has no answer to {text!r} after 1 s")
    if answers == ["hello", None] and s.reason_of(server) == "normal":
        return "no answer comes: the process ended when its function returned"
    return f"the answers are {answers}"


# Pictures


@picture("s03.w1")
async def letters(s: Scenario) -> str:
    """Messages of two senders wait in a mailbox, and are taken one after the other."""
    reader = s.name(otp.self(), "reader")
    mailbox = s.observe_mailbox(reader)

    def write(*texts: str) -> None:
        for text in texts:
            otp.send(reader, text)

    s.name(otp.spawn(write, "milk", "bread"), "ann")
    await s.settle()
    s.name(otp.spawn(write, "salt"), "bob")
    await s.settle()
    taken = [await mailbox.receive(lambda _: True, "any message", 5) for _ in range(3)]
    late = s.name(otp.spawn(after, 2, reader, "sugar"), "eve")
    taken.append(await mailbox.receive(lambda _: True, "any message", 5))
    await otp.wait_down(late)
    s.expect(taken == ["milk", "bread", "salt", "sugar"], "the picture shows another order than the mailbox")
    return "messages are taken in the order in which they arrived; with an empty mailbox the reader waits"


async def after(seconds: float, to: otp.Pid, message: Any) -> None:
    """Send a message later."""
    await asyncio.sleep(seconds)
    otp.send(to, message)


@picture("s03.w2")
async def questions(s: Scenario) -> str:
    """Two questions to a server, each answered with its reference."""
    client = s.name(otp.self(), "client")

    async def serve() -> None:
        while True:
            _, word, from_, ref = await otp.receive()
            await asyncio.sleep(0.1)
            otp.send(from_, (ref, len(word)))

    server = s.name(otp.spawn(serve), "server")
    refs = [s.name_ref(otp.make_ref(), f"ref {number}") for number in (1, 2)]
    for ref, word in zip(refs, ("elephant", "ant"), strict=True):
        otp.send(server, ("length", word, client, ref))
    for ref in reversed(refs):
        _, length = await otp.receive(ref)
        s.happens(f"has taken the answer {length}")
    await ended(s, [server])
    return "each answer carries the reference of its question"


@picture("s03.w3")
async def passed_on(s: Scenario) -> str:
    """A guest orders from a waiter; the cook serves the guest."""
    guest = s.name(otp.self(), "guest")

    async def cook() -> None:
        while True:
            dish, from_, ref = await otp.receive()
            await asyncio.sleep(1)
            otp.send(from_, (ref, f"one {dish}"))

    async def waiter(kitchen: otp.Pid) -> None:
        while True:
            _, dish, from_, ref = await otp.receive()
            otp.send(kitchen, (dish, from_, ref))

    kitchen = s.name(otp.spawn(cook), "cook")
    service = s.name(otp.spawn(waiter, kitchen), "waiter")
    refs = [s.name_ref(otp.make_ref(), f"ref {number}") for number in (1, 2)]
    for ref, dish in zip(refs, ("soup", "salad"), strict=True):
        otp.send(service, ("order", dish, guest, ref))
    for ref in refs:
        await otp.receive(ref)
    await ended(s, [kitchen, service])
    return "the waiter passes each order on, and the cook serves the guest"
