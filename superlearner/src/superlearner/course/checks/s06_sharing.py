"""Checks of session 6: a balancer, and news for subscribers."""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import asyncio
from typing import Any, Final

import otp
from superlearner.course.engine.by_hand import Asked, ByHand
from superlearner.course.engine.callers import Inbox
from superlearner.course.engine.exercise import exercise
from superlearner.course.engine.reports import unreported
from superlearner.course.engine.scenario import Scenario
from superlearner.course.engine.values import render, same
from superlearner.course.engine.verdict import Wrong


class Crew:
    """The workers of the check, and the requests that each of them has."""

    def __init__(self, s: Scenario, *names: str) -> None:
        self.s = s
        self.got: list[tuple[str, str]] = []
        self.pids: dict[str, otp.Pid] = {name: s.name(otp.spawn(self.run, name), name) for name in names}

    async def run(self, name: str) -> None:
        """Answer `("work", (task, seconds), from_, ref)` with `(ref, TASK)`: the process of a worker."""
        while True:
            match await otp.receive():
                case ("work", (task, seconds), from_, ref):
                    await asyncio.sleep(seconds)
                    otp.send(from_, (ref, task.upper()))
                case _:
                    pass

    def with_whom(self, task: str, since: int) -> str:
        """Return the name of the worker that a task was sent to since a mark; "" without one."""
        for name, pid in self.pids.items():
            for event in self.s.trace.events(since):
                if event.kind not in ("sent", "dropped") or event.data.get("to") != pid:
                    continue
                match event.data.get("term"):
                    case ("work", (found, _), _, _) if found == task:
                        return name
                    case _:
                        pass
        return ""


async def outlives(one: ByHand, say: str) -> None:
    """Raise `Wrong` if the end of another process, by a kill, has ended this one."""
    await one.s.settle()
    await one.lives(say, "M8" if one.s.reason_of(one.pid) == "killed" else None)


@exercise("s06.balancer", reads_messages=True)
@unreported
async def balancer(s: Scenario) -> None:
    """Each request goes to the worker with the fewest."""

    async def give(task: str, seconds: float, to: str) -> Asked:
        since, asked = s.mark(), one.ask("request", (task, seconds))
        await one.lives("the balancer should live")
        got = crew.with_whom(task, since)
        if not got and otp.process_info(one.pid, "message_queue_len"):
            raise Wrong(f"{task!r} waits in the mailbox of the balancer, which waits for an earlier result", "P1")
        if got and not otp.is_alive(crew.pids[got]):
            raise Wrong(f"{task!r} was sent to {got}, which has ended", "M4")
        say = f"expected {task!r} to be sent to {to}, the earliest with the fewest unanswered requests"
        s.expect(got == to, f"{say}, got {got or 'no worker'}")
        return asked

    s.step("A request goes to the worker with the fewest unanswered ones, among equals to the earliest.")
    crew = Crew(s, "ann", "bob", "cid")
    one = s.process("balancer", list(crew.pids.values()))
    asks = [await give(*each) for each in (("a", 4, "ann"), ("b", 1, "bob"), ("c", 2, "cid"), ("d", 1, "ann"))]
    await s.advance(1.5)
    await asks[1].answered(("ok", "B"))
    asks.append(await give("e", 3, "bob"))
    asks.append(await give("f", 1, "bob"))
    asks.append(await give("g", 1, "cid"))

    s.step('The result comes as ("ok", result), to the client that asked for it.')
    await s.advance(10)
    for asked, task in zip(asks[:1] + asks[2:], "acdefg", strict=True):
        await asked.answered(("ok", task.upper()))
    other = s.inbox("other client")
    slow = await give("slow", 3, "ann")
    ref = other.asks(one.pid, "request", ("quick", 1))
    await s.advance(1.5)
    await other.has([(ref, ("ok", "QUICK"))], "expected the result of 'quick' to come to the one who asked", "M5")
    await slow.answered(("ok", "SLOW"), at=3)

    s.step("A slow request holds up no other.")
    slow = await give("long", 10, "ann")
    for task in ("h", "i", "j"):
        await (await give(task, 1, "bob")).answered(("ok", task.upper()), at=1)
    await slow.answered(("ok", "LONG"), at=10)

    s.step('A worker ends: its requests are answered with ("error", "worker_down"), and it gets no more.')
    lost = [await give(*each) for each in (("k", 5, "ann"), ("l", 5, "bob"), ("m", 5, "cid"), ("n", 5, "ann"))]
    kept = [lost.pop(1), lost.pop(1)]
    await s.kill(crew.pids["ann"])
    await outlives(one, "a worker ended, and the balancer, too")
    for asked in lost:
        await asked.answered(("error", "worker_down"))
    more = [await give("o", 1, "bob"), await give("p", 1, "cid")]
    await s.advance(7)
    for asked, task in zip(kept + more, "lmop", strict=True):
        await asked.answered(("ok", task.upper()))
    await s.kill(crew.pids["bob"])  # it has no request
    await outlives(one, "a worker ended, and the balancer, too")
    await (await give("q", 1, "cid")).answered(("ok", "Q"), at=1)

    s.step('Without a worker a request is answered with ("error", "no_workers").')
    last = await give("r", 5, "cid")
    await s.kill(crew.pids["cid"])
    await last.answered(("error", "worker_down"))
    await one.answers(("request", ("s", 1)), ("error", "no_workers"))
    alone = s.process("balancer", [], called="balancer without workers")
    await alone.answers(("request", ("t", 1)), ("error", "no_workers"))

    s.step('It takes a message of another form, and goes on; after "stop" it ends, and its workers live.')
    crew = Crew(s, "dan", "eve")
    one = s.process("balancer", list(crew.pids.values()), called="second balancer")
    got = await alone.answers(("request", ("u", 0)))
    say = "a balancer without workers has sent a request to a worker of another balancer: expected each to have its own"
    s.expect(got != ("ok", "U"), say, "M6")
    await one.ignores(("request",), ("request", 1, otp.self()))
    await (await give("u", 1, "dan")).answered(("ok", "U"), at=1)
    for process in (one, alone):
        await process.stops()
    gone = [name for name, pid in crew.pids.items() if not otp.is_alive(pid)]
    s.expect(not gone, "the balancer has stopped, and has ended workers that it did not start")
    with s.unseen():
        for pid in crew.pids.values():
            otp.exit(pid, "kill")
        await s.settle()


TOPICS: Final = ("news", "sport", "weather")


@exercise("s06.pubsub")
@unreported
async def pubsub(s: Scenario) -> None:
    """News for subscribers."""
    ann, bob, cid, dan = (s.inbox(name) for name in ("ann", "bob", "cid", "dan"))
    readers = (ann, bob, cid, dan)

    async def change(what: str, who: Inbox, *topics: str) -> None:
        for topic in topics:
            one.send((what, topic, who.pid))
        await one.lives(f"{what!r} should never end it")

    async def publish(topic: str, message: Any, *to: Inbox) -> None:
        await one.answers(("publish", topic, message), len(to))
        for who in readers:
            wanted = [("event", topic, message)] if who in to else []
            if otp.is_alive(who.pid):
                await who.has(wanted, f"published to {topic!r}: expected {who.called} to get {render(wanted)}")

    async def without(topic: str, *to: Inbox) -> None:
        """Publish after the end of a subscriber."""
        await outlives(one, "a subscriber ended, and it, too")
        got = await one.answers(("publish", topic, "again"))
        if type(got) is int and got > len(to):
            await s.advance(60)
            for other_topic in (topic, "another topic"):  # some look whenever anything changes
                one.send(("subscribe", other_topic, otp.self()))
                one.send(("unsubscribe", other_topic, otp.self()))
            later = await one.answers(("publish", topic, "and again"))
            say = f"expected the answer {len(to)} to 'publish' for {topic!r}, got {got}: a dead subscriber counts"
            raise Wrong(say, "P4" if later == len(to) else "M4")
        s.expect(got == len(to), f"expected the answer {len(to)} to 'publish' for {topic!r}, got {render(got)}")
        for who in to:
            await who.news()

    s.step('"subscribe" and "unsubscribe" have no answer; twice is as once, and what is not there is no error.')
    one = s.process("pubsub")
    await change("unsubscribe", ann, "news")
    await change("subscribe", ann, "news", "news", "sport")
    await change("subscribe", bob, "news")
    await publish("news", "rain", ann, bob)
    await change("unsubscribe", ann, "news")
    await publish("news", "more rain", bob)
    await change("unsubscribe", ann, "news", "weather")
    await change("subscribe", ann, "news")

    s.step('"publish" sends the event to each subscriber of the topic, and answers how many there are, also 0.')
    await publish("weather", "sun")
    await publish("news", None, ann, bob)
    await publish("sport", ("goal", 1), ann)
    ref = ann.asks(one.pid, "publish", "news", "her own")
    got = await ann.news()
    say = "ann published to 'news', which she has subscribed to herself: expected her to get the event"
    s.expect(any(same(each, ("event", "news", "her own")) for each in got), say)
    s.expect(any(same(each, (ref, 2)) for each in got), "ann published to 'news': expected her to get the answer 2")
    await bob.has([("event", "news", "her own")], "ann published to 'news': expected bob to get the event")
    other = s.process("pubsub", called="second pubsub")
    await other.answers(("publish", "news", "rain"), 0)

    s.step("A subscriber that has ended is not counted any more.")
    await change("subscribe", cid, *TOPICS)
    await change("subscribe", dan, *TOPICS)
    await change("unsubscribe", cid, "sport")
    await s.kill(dan.pid)
    await without("weather", cid)
    await publish("news", "dan is gone", ann, bob, cid)
    await s.kill(cid.pid)
    await without("news", ann, bob)
    await publish("weather", "fog")
    await change("subscribe", dan, *TOPICS)  # it has ended before
    await without("weather")
    await publish("sport", "cid is gone", ann)

    s.step("With no subscription left it monitors no process.")
    for who in (ann, bob):
        await change("unsubscribe", who, *TOPICS)
    for _ in range(3):
        await change("subscribe", ann, "news", "news", "sport")
        await change("unsubscribe", ann, "sport", "news")
    monitors = otp.process_info(one.pid, "monitors") or ()
    say = f"expected no monitor without subscriptions, got {len(monitors)}, such as of {s.called((*monitors, None)[0])}"
    s.expect(not monitors, say, "P5")
    await publish("news", "no reader is left")

    s.step('It takes a message of another form, and goes on; after "stop" it ends.')
    await change("subscribe", bob, "news")
    await one.ignores(("publish", "news", "no asker"), ("subscribe",))
    await publish("news", "still here", bob)
    for process in (one, other):
        await process.stops()
    s.expect(otp.is_alive(bob.pid), "it has stopped, and has ended a subscriber")
