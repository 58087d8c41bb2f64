"""Checks of session 4: state, selective receive and time-outs."""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

from typing import Any, Final

import otp
from superlearner.course.engine.by_hand import ByHand
from superlearner.course.engine.callers import Caller, Inbox
from superlearner.course.engine.exercise import exercise
from superlearner.course.engine.scenario import Scenario
from superlearner.course.engine.values import render, same
from superlearner.course.engine.verdict import Wrong

URGENT: Final = ("urgent", "fire")
VALUES: Final = (1, "two", None, 0, [3])


@exercise("s04.priority")
async def priority(s: Scenario) -> None:
    """The next message of the caller, the urgent ones first."""
    s.step("An urgent message is taken before older ones.")
    client = s.caller()
    await send_all(s, client, "a", ("b", 1), 7, (), ["urgent", 0], URGENT, ("normal", "urgent"), "c")
    await takes(s, client, URGENT)

    s.step("All other messages stay, in their order.")
    left = ["a", ("b", 1), 7, (), ["urgent", 0], ("normal", "urgent"), "c"]
    s.same(client.messages, left, f"expected the messages {left} to stay, got {render(client.messages)}", "M3")

    s.step("Without an urgent one it takes the oldest message, and no time passes.")
    for message in left:
        await takes(s, client, message)

    s.step("If there is no message, it waits for the next, of either kind.")
    for message in ("d", URGENT, None):
        call = client.call("take")
        await call.waits()
        await s.advance(30)
        await call.waits()
        await send_all(s, client, message)
        await call.returns(message, at=30)

    s.step("Among several urgent messages the oldest comes first.")
    await send_all(s, client, "e", ("urgent", 1), "f", ("urgent", 2, "more"), ("urgent",), None)
    await takes(s, client, ("urgent", 1))
    left = ["e", "f", ("urgent", 2, "more"), ("urgent",), None]
    s.same(client.messages, left, f"expected the messages {left} to stay in this order, got {render(client.messages)}")
    for message in (("urgent", 2, "more"), ("urgent",), "e", "f", None):
        await takes(s, client, message)


async def takes(s: Scenario, client: Caller, message: Any) -> None:
    """Raise `Wrong` unless `take` returns this message at once."""
    oldest = client.messages[0]
    got = await client.call("take").returns(late="P10")
    say = f"expected take() to return {render(message)}, got {render(got)}"
    if type(got) is list and message is URGENT:
        say += ": a list is no tuple, and not urgent"
    s.same(got, message, say, "M2" if got is oldest else None)


async def send_all(s: Scenario, to: Caller, *messages: Any) -> None:
    """Send messages to a process, and let them arrive."""
    for message in messages:
        otp.send(to.pid, message)
    await s.settle()


@exercise("s04.rate_limiter")
async def rate_limiter(s: Scenario) -> None:
    """At most n within any second."""
    s.step('The first n requests within a second are answered with "ok", the others with "rate_limited", all at once.')
    three = s.process("rate_limiter", 3)
    await allows(s, three, 9, 3)
    other = s.inbox("another client")
    ref = other.asks(three.pid, "ask")
    say = "one client has had all 3 of this second: expected the answer 'rate_limited' to another client"
    await other.has([(ref, "rate_limited")], say)
    got = await s.process("rate_limiter", 1, called="second limiter").ask("ask").answered()
    s.expect(got != "rate_limited", "the first limiter has allowed its 3, and then a second one allowed none", "M6")

    s.step("A second later n more are allowed, and none before.")
    await at(s, 0.999)
    await allows(s, three, 9, 0)
    await at(s, 1.001)
    await allows(s, three, 9, 3)

    s.step("The second slides: there are never more than n within one.")
    four = s.process("rate_limiter", 4)
    for when, asked, allowed in ((2.9, 3, 3), (3.5, 6, 1), (3.91, 6, 3), (4.49, 4, 0), (4.51, 6, 1)):
        await at(s, when)
        await allows(s, four, asked, allowed)
    recent: list[float] = []
    random = s.process("rate_limiter", 4)
    for _ in range(60):
        await s.advance(s.random.uniform(0.01, 0.5))
        recent = [each for each in recent if each > otp.monotonic() - 1]
        allowed = min(2, 4 - len(recent))
        recent += [otp.monotonic()] * allowed
        await allows(s, random, 2, allowed)

    s.step("It takes a message of another form, and goes on.")
    await three.ignores(("ask",), "ask")
    await allows(s, three, 4, 3)

    s.step('It ends after "stop".')
    for each in (three, four, random):
        await each.stops()


async def at(s: Scenario, seconds: float) -> None:
    """Wait until this time since the beginning."""
    await s.advance(seconds - otp.monotonic())


async def allows(s: Scenario, limiter: ByHand, asked: int, allowed: int) -> None:
    """Ask several times at once, and count what is allowed."""
    answers = [await each.answered() for each in [limiter.ask("ask") for _ in range(asked)]]
    for answer in answers:
        known = type(answer) is str and answer in ("ok", "rate_limited")
        s.expect(known, f"expected the answer 'ok' or 'rate_limited', got {render(answer)}")
    got = answers.count("ok")
    say = f"{asked} requests at {otp.monotonic():.3f} s: expected {allowed} of them to be allowed, got {got}"
    s.expect(got <= allowed, say, "P6" if otp.monotonic() > 1 else None)
    s.expect(got == allowed, say)


@exercise("s04.buffer")
async def buffer(s: Scenario) -> None:
    """Items go in batches: when there are enough, or after a time."""
    owner = s.inbox("owner")

    def fresh(size: int = 3, seconds: float = 10) -> ByHand:
        return s.process("message_buffer", owner.pid, size, seconds)

    s.step("With the last item of its size a batch goes at once.")
    one = fresh()
    for batch in ((1, 2, 3), (None, ("add", 4), "")):
        for item in batch[:-1]:
            one.send(("add", item))
        await owner.has([], "a batch of 3 is not full after 2 items: expected nothing")
        one.send(("add", batch[-1]))
        await owner.has([("batch", batch)], f"expected ('batch', {batch}) at once", deaf(one))
    for item in "abcdef":
        one.send(("add", item))
    await owner.has([("batch", tuple("abc")), ("batch", tuple("def"))], "expected two batches of three at once")

    s.step("A batch that is not full goes `seconds` after its first item.")
    two = fresh()
    two.send(("add", "first"))
    await s.advance(6)
    two.send(("add", "second"))
    await s.advance(3.98)
    await owner.has([], "6 s and 4 s after its items a batch of 3 within 10 s is not due before 10 s: expected nothing")
    await s.advance(0.04)
    due, got = ("batch", ("first", "second")), await owner.news()
    if got != [due]:
        await s.advance(6)
        late = not got and await owner.news() == [due]
        say = "expected the batch 10 s after its first item, got it 10 s after the last one"
        shown = f"expected {due} after 10 s, got {render(got[0]) if got else 'nothing'}"
        raise Wrong(say if late else shown, "P2" if late else deaf(two))

    s.step("There is never an empty batch.")
    await s.advance(60)
    await owner.has([], "expected no batch without items")

    s.step("A batch that went early leaves no timer that cuts the next one.")
    three = fresh()
    for item in (1, 2, 3):
        three.send(("add", item))
    await owner.has([("batch", (1, 2, 3))], "expected the batch of three at once", deaf(three))
    await s.advance(5)
    three.send(("add", 4))
    await s.advance(9.98)
    await owner.has([], "the next batch began 5 s after the one before: expected nothing before 15 s", "P8")
    await s.advance(0.04)
    await owner.has([("batch", (4,))], "expected ('batch', (4,)) 10 s after its item")

    s.step('"flush" sends what is there, and is answered with the number of items.')
    four = fresh()
    await four.answers("flush", 0)
    await owner.has([], "expected no batch without items")
    four.send(("add", "x"))
    four.send(("add", "y"))
    await four.answers("flush", 2)
    await owner.has([("batch", ("x", "y"))], "expected ('batch', ('x', 'y')) with the flush")
    await four.answers("flush", 0)
    await s.advance(5)
    four.send(("add", "z"))
    await s.advance(9.98)
    await owner.has([], "a flush ends a batch: expected nothing before 10 s after the next item", "P8")
    await s.advance(0.04)
    await owner.has([("batch", ("z",))], "expected ('batch', ('z',)) 10 s after its item")

    s.step("It takes a message of another form, and goes on.")
    await four.ignores(("add",), ("flush",), "flush")
    await four.answers("flush", 0)
    await owner.has([], "expected no batch after messages of another form")

    s.step('After "stop" it sends what is left, and ends.')
    four.send(("add", "last"))
    await four.stops()
    await owner.has([("batch", ("last",))], "expected ('batch', ('last',)) after \"stop\"")
    for each in (one, two, three):
        await each.stops()


def deaf(process: ByHand) -> str | None:
    """Return the misconception of a process that sleeps while it should take messages."""
    return "P1" if process.waits()[0] else None


@exercise("s04.store")
async def store(s: Scenario) -> None:
    """Functions that hide a process and its messages."""
    client = s.caller()

    async def start(called: str = "store") -> otp.Pid:
        pid = await client.call("start", awaited=False).returns()
        s.expect(isinstance(pid, otp.Pid), f"expected start() to return the pid of a process, got {render(pid)}")
        return s.adopt(pid, called)

    async def put(to: otp.Pid, key: Any, value: Any) -> None:
        await client.call("put", to, key, value, awaited=False).returns(raised=None if otp.is_alive(to) else "M4")

    async def get(
        to: otp.Pid, key: Any, value: Any, m: str | None = None, raised: str | None = None, **options: Any
    ) -> None:
        await client.call("get", to, key, **options).returns(value, m=m, late="M31", never="M31", raised=raised)

    s.step("`get` returns what was put last under a key; for a missing key the default.")
    one = await start()
    await get(one, "a", None)
    await get(one, "a", 7, default=7)
    await client.call("get", one, "a", 7).returns(7, late="M31", never="M31")
    for value in VALUES:
        await put(one, "a", value)
        await get(one, "a", value, None if value else "V2", default=7)
    await put(one, ("b", 1), "b")
    await put(one, "1", "a text")
    await put(one, 1, "a number")
    await get(one, "1", "a text")
    await get(one, "a", [3])

    s.step("Two stores share nothing.", "M6")
    two = await start("second store")
    s.expect(two != one, "expected start() to start a new process, got the first store again", "M6")
    await get(two, "a", None, "M6")
    await put(two, "a", "mine")
    await get(one, "a", [3], "M6")

    s.step("Messages of others in the mailbox of the caller are neither taken nor lost.")
    others = ["hello", 42, ("note", "a")]
    await send_all(s, client, *others)
    await get(one, "a", [3], "M2", "M2")
    say = f"expected the messages {others} of others to stay in the mailbox, got {render(client.messages)}"
    s.same(client.messages, others, say, "M2")

    s.step("Without an answer within `timeout` seconds `get` raises otp.ReceiveTimeout.")
    silent = s.inbox("silent store")
    for seconds in (1, 0.5):
        await client.call("get", silent.pid, "a", timeout=seconds).raises(otp.ReceiveTimeout, at=seconds)

    s.step("A late answer is not taken for the next one.", "M5")
    for request in await silent.news():
        otp.send(one, request)  # it answers now, after the client has given up
    await s.settle()
    await put(one, "a", "new")
    await get(one, "a", "new", "M5")
    await get(one, "c", "none", "M5", default="none")

    s.step("After `stop` nothing is left; `put` then does nothing, and `get` raises otp.ReceiveTimeout.")
    for each in (one, two):
        await client.call("stop", each, awaited=False).returns()
        await s.settle()
        left = s.started_by(each)
        s.expect(not otp.is_alive(each) and not left, "expected nothing to be left after stop(store)")
    await put(one, "a", 1)
    await client.call("get", one, "a", timeout=2).raises(otp.ReceiveTimeout, at=2, late="M4", early=True)


@exercise("s04.job_queue")
async def job_queue(s: Scenario) -> None:
    """Jobs wait for workers, and workers wait for jobs."""
    s.step('"next" is answered with the oldest job of the highest priority.')
    queue = s.process("job_queue")
    for priority, job in (("low", 1), ("normal", 2), ("high", 3), ("normal", 4), ("high", 5), ("low", 6)):
        queue.send(("add", priority, job))
    queue.send(("add", "urgent", "never"))
    for job in (3, 5, 2, 4, 1, 6):
        got = await queue.answers("next")
        # jobs with numbers of this priority: a younger one shows that their order is lost
        younger = any(job in jobs and same(got, ("job", each)) for jobs in ((3, 5), (2, 4), (1, 6)) for each in jobs)
        s.same(
            got,
            ("job", job),
            f"expected the answer {('job', job)} to 'next', got {render(got)}",
            "V6" if younger else None,
        )

    s.step('"count" is answered with the number of jobs that wait. Any value may be a job.')
    await queue.answers("count", 0)
    for number, job in enumerate((None, 0, ("add", "high", 1)), 1):
        queue.send(("add", "normal", job))
        await queue.answers("count", number, m="V2")
    for job in (None, 0, ("add", "high", 1)):
        await queue.answers("next", ("job", job), m="V2", silent="V2")
    for _ in range(2):
        queue.send(("add", "low", "sweep"))
    got = await queue.answers("count")
    s.same(got, 2, f"the same job was added twice: expected the answer 2 to 'count', got {render(got)}")
    for _ in range(2):
        await queue.answers("next", ("job", "sweep"))

    s.step('If no job is there, the answer to "next" comes with the next job, in the order of the requests.')
    workers = [s.inbox(f"worker {number}") for number in range(1, 8)]
    refs = [worker.asks(queue.pid, "next") for worker in workers]
    for worker in workers:
        if early := await worker.news():
            say = f"there is no job, and {worker.called} was answered at once, with {render(early[0])}"
            raise Wrong(s.worded(f"{say}: expected the answer with the next job"))
    await queue.answers("count", 0)
    for number, job in enumerate(("a", None, "b")):
        queue.send(("add", "low", job))
        await gets(s, workers, number, refs[number], job, "M31" if job else "V2")
        await queue.answers("count", 0)

    s.step("A worker that has ended gets no job: the job goes to the next that waits, or stays.")
    await s.kill(workers[3].pid)
    queue.send(("add", "high", "c"))
    await gets(s, workers, 4, refs[4], "c", "M4")
    for worker in workers[5:]:
        await s.kill(worker.pid)
    queue.send(("add", "low", "d"))
    await queue.answers("count", 1, m="M4")
    await queue.answers("next", ("job", "d"), m="M4")

    s.step("A worker that has asked twice gets two jobs.")
    busy = s.inbox("busy worker")
    refs = [busy.asks(queue.pid, "next") for _ in range(2)]
    for job in ("e", "f"):
        queue.send(("add", "normal", job))
    await busy.has([(refs[0], ("job", "e")), (refs[1], ("job", "f"))], "expected an answer to each of its requests")

    s.step("Of the workers that were served none is monitored any more.")
    for worker in (*workers[:3], workers[4]):
        watched = otp.process_info(worker.pid, "monitored_by")
        s.expect(watched == (), f"{worker.called} has its job, and is still monitored", "P5")
    say = "every waiting request was answered, and the queue still monitors a process"
    s.expect(not otp.process_info(queue.pid, "monitors"), say, "P5")

    s.step("It takes a message of another form, and goes on.")
    await queue.ignores(("add",), ("add", "high"), ("next",), "next", ("count",))
    await queue.answers("count", 0)

    s.step('It ends after "stop"; a worker that still waits gets no answer.')
    last = s.inbox("last worker")
    last.asks(queue.pid, "next")
    await s.settle()
    await queue.stops()
    await last.has([], 'expected no answer to a worker that waits when the queue gets "stop"')


async def gets(s: Scenario, workers: list[Inbox], number: int, ref: otp.Ref, job: Any, lost: str = "M31") -> None:
    """Raise `Wrong` unless one of the workers got this job, and no other anything."""
    got = [await worker.news() for worker in workers]
    others = [place for place, messages in enumerate(got) if messages and place != number]
    wanted = workers[number].called
    if others and got[number]:
        say = f"expected {wanted} alone to get the job {render(job)}, but {workers[others[0]].called} got a job as well"
        raise Wrong(say)
    if others:
        say = f"expected {wanted} to get the job {render(job)}, but {workers[others[0]].called} got it"
        raise Wrong(say, "V6" if others[0] > number else None)
    if not got[number]:
        raise Wrong(f"expected {wanted} to get the job {render(job)}, but it got nothing", lost)
    answer, expected = got[number][0], ("job", job)
    if type(answer) is not tuple or len(answer) != 2 or answer[0] is not ref:
        say = f"expected {wanted} to get (ref, {render(expected)}), got {render(answer)}"
        raise Wrong(s.worded(say), "M5")
    s.same(answer[1], expected, f"expected {wanted} to get {render(expected)}, got {render(answer[1])}", "V2")
    s.expect(len(got[number]) == 1, f"{wanted} asked for one job, and got several")
