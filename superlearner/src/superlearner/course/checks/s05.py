"""Checks of session 5: the end of processes, and those who react to it."""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import asyncio
from typing import Any, Final

import otp
from superlearner.course.engine.by_hand import ANYTHING, ByHand
from superlearner.course.engine.exercise import exercise
from superlearner.course.engine.reports import unreported
from superlearner.course.engine.scenario import Scenario
from superlearner.course.engine.values import render
from superlearner.course.engine.verdict import Wrong


def divide(one: float, other: float) -> float:
    """Return a quotient; a division by 0 crashes."""
    return one / other


async def later(seconds: float, value: Any) -> Any:
    """Return a value after a time."""
    await asyncio.sleep(seconds)
    return value


def ends(reason: Any) -> None:
    """End with a reason."""
    otp.exit(reason)


def killed() -> None:
    """End as if by a kill."""
    otp.exit(otp.self(), "kill")


@exercise("s05.attempt")
@unreported
async def attempt(s: Scenario) -> None:
    """Try a function in a process of its own."""
    client = s.caller()
    s.step('A function that returns gives ("ok", value), whatever the value.')
    await client.call("attempt", divide, 6, 3).returns(("ok", 2.0))
    await client.call("attempt", later, 0, ["a"]).returns(("ok", ["a"]))
    await client.call("attempt", later, 0.5, 1).returns(("ok", 1), at=0.5)
    for value in (None, 0, "", ("exit", "no")):
        await client.call("attempt", later, 0, value).returns(("ok", value), m="V2" if not value else None)

    s.step('A function that ends its process gives ("exit", reason); the caller lives on.')
    for reason in ("boom", "normal", ("shutdown", 1)):
        await client.call("attempt", ends, reason).returns(("exit", reason))
    await client.call("attempt", killed).returns(("exit", "killed"))
    got = await client.call("attempt", divide, 1, 0).returns()
    crash = type(got) is tuple and len(got) == 2 and got[0] == "exit" and isinstance(got[1], otp.Crash)
    name = getattr(got[1].term, "type_name", None) if crash else None
    s.expect(
        name == "ZeroDivisionError",
        f'expected attempt(divide, 1, 0) to return ("exit", reason), with the reason of the crash, got {render(got)}',
    )

    s.step('After `timeout` seconds it gives ("timeout", None), and the process has ended.')
    pids: list[otp.Pid] = []
    late: list[str] = []

    async def work() -> None:
        pids.append(otp.self())
        await asyncio.sleep(30)
        late.append("done")

    await client.call("attempt", work).returns(("timeout", None), at=1)
    await s.settle()
    s.expect(bool(pids) and client.pid not in pids, "expected the function to run in another process than its caller")
    s.expect(not otp.is_alive(pids[0]), "the time is up, and the process goes on working", "M17")
    await client.call("attempt", later, 3, 1, timeout=4).returns(("ok", 1), at=3)
    await client.call("attempt", later, 3, 1, timeout=2).returns(("timeout", None), at=2)

    async def traps() -> None:
        otp.process_flag("trap_exit", True)
        await work()

    await client.call("attempt", traps).returns(("timeout", None), at=1)
    await s.settle()
    s.expect(not otp.is_alive(pids[-1]), "the time is up, and a process that traps exits goes on: nothing traps a kill")
    await s.advance(40)
    s.expect(not late, "the time is up, and the work was done all the same", "M17")

    s.step("Two attempts at the same time share nothing.", "M6")
    other = s.caller("second client")
    calls = [each.call("attempt", later, seconds, seconds, timeout=4) for each, seconds in ((client, 1), (other, 2))]
    for seconds, call in enumerate(calls, 1):
        await call.returns(("ok", seconds), at=seconds)

    s.step("Afterwards the caller has what it had before: no message, monitor, link or process more.")
    others = ["a letter", otp.Down(otp.make_ref(), otp.self(), "over")]
    for message in others:
        otp.send(client.pid, message)
    await s.settle()
    await client.call("attempt", divide, 1, 0).returns()
    await client.call("attempt", later, 9, 1).returns(at=1)
    await client.call("attempt", later, 0, 1).returns()
    await s.advance(60)
    more = [message for message in client.messages if not any(message is each for each in others)]
    kept = len(client.messages) - len(more) == len(others)
    s.expect(kept, "a message of others in the mailbox of the caller is gone", "M2")
    shown = s.worded(render(more[0])) if more else ""
    s.expect(not more, f"expected no message more in the mailbox of the caller, got {len(more)}, such as {shown}", "P5")
    s.expect(otp.process_info(client.pid, "monitors") == (), "the caller still monitors a process", "P5")
    s.expect(otp.process_info(client.pid, "links") == (), "the caller is still linked to a process")
    s.expect(otp.process_info(client.pid, "trap_exit") is False, "the caller traps exits now, and did not before")
    s.expect(not s.started_by(client.pid), "a process that the attempt started lives on", "M17")


class Children:
    """The children that an answer starts of a function of the check."""

    def __init__(self, s: Scenario, word: str) -> None:
        self.s = s
        self.word = word
        self.started: list[otp.Pid] = []

    async def run(self) -> None:
        """Wait for an order to end: the process of a child."""
        self.started.append(otp.self())
        self.s.name(otp.self(), f"{self.word} {len(self.started)}")
        while True:
            match await otp.receive():
                case "crash":
                    raise ValueError("a bug")
                case ("exit", reason):
                    otp.exit(reason)
                case _:
                    pass

    @property
    def living(self) -> list[otp.Pid]:
        """Return those that live, oldest first."""
        return [pid for pid in self.started if otp.is_alive(pid)]

    async def end(self, pid: otp.Pid, how: Any) -> None:
        """End one of them: "crash", "kill", or a reason; and let the others react."""
        if how == "kill":
            otp.exit(pid, "kill")
        else:
            otp.send(pid, "crash" if how == "crash" else ("exit", how))
        await self.s.settle()


BAD: Final = ("crash", "kill", "boom", ("shutdown", 1), "crash")
DONE: Final = "A child that ended normally has done its work, and one that was asked to end should stay away."
NO_CHILD: Final = "The pid of a process that has ended leads to no process, now and later."


@exercise("s05.supervisor")
@unreported
async def supervisor(s: Scenario) -> None:
    """A supervisor by hand, of one child."""

    def start(called: str, *limit: int) -> tuple[ByHand, Children]:
        children = Children(s, f"child of {called}" if called != "supervisor" else "child")

        async def child() -> None:
            await children.run()

        return s.process("supervise", child, *limit, called=called), children

    async def expect_child(of: ByHand, children: Children, restarts: int) -> None:
        await of.lives("the supervisor should live")
        living = children.living
        pid = await of.answers("child")
        s.expect(len(living) == 1, f"expected one living child, got {len(living)}")
        same_pid = isinstance(pid, otp.Pid) and pid == living[0]
        old = isinstance(pid, otp.Pid) and pid in children.started
        say = f"expected the answer {s.called(living[0])} to 'child', got {s.describe(pid)}"
        s.expect(same_pid, say, "M13" if old else None)
        await of.answers("restarts", restarts)

    s.step('It starts a child; "child" is answered with its pid, and "restarts" with 0.')
    one, children = start("supervisor")
    await expect_child(one, children, 0)

    s.step("When the child crashes, is killed or ends with another bad reason, there is a new one at once.")
    for number, how in enumerate(BAD, 1):
        await children.end(children.living[0], how)
        if s.reason_of(one.pid) == "too_many_restarts":
            raise Wrong(f"expected 5 restarts with the limit of 5, got {number - 1}", "M23")
        await one.lives(f"the child ended ({how}), and the supervisor ended, too", "M8")
        s.expect(len(children.started) == 1 + number, f"the child ended ({how}): expected a new one at once")
        await expect_child(one, children, number)

    s.step('After "normal" and "shutdown" there is no new child, and the supervisor lives.')
    idle: list[ByHand] = []
    for reason, place in (("normal", "second"), ("shutdown", "third")):
        other, own = start(f"{place} supervisor")
        idle.append(other)
        await other.answers("restarts", 0)
        await own.end(own.living[0], reason)
        await other.lives(f"the child ended with {reason!r}, and the supervisor ended, too", "M8")
        if len(own.started) > 1:
            raise Wrong(f"the child ended with {reason!r}, and was started again", "M24", DONE)
        got = await other.answers("child")
        if got is not None:
            raise Wrong(f"expected the answer None to 'child', got {s.describe(got)}", "M13", NO_CHILD)
        await other.answers("restarts", 0)

    s.step('When the child ends after `limit` restarts, the supervisor ends with "too_many_restarts".')
    await children.end(children.living[0], "crash")
    counted = f"expected 6 children with a limit of 5 restarts, got {len(children.started)}"
    s.expect(len(children.started) == 6 and not children.living, counted, "M23")
    await one.ends("too_many_restarts")
    two, own = start("fourth supervisor", 2)
    await two.answers("restarts", 0)
    for place in (1, 2, 3):
        s.expect(len(own.started) == place, f"expected child {place} with a limit of 2, got {len(own.started)}", "M23")
        await own.end(own.living[0], "kill")
    s.expect(len(own.started) == 3, f"expected 3 children with a limit of 2, got {len(own.started)}", "M23")
    await two.ends("too_many_restarts")

    s.step("It takes a message of another form, and goes on.")
    three, own = start("fifth supervisor")
    await three.answers("restarts", 0)
    await three.ignores(("child",), "restarts")
    await expect_child(three, own, 0)

    s.step('After "stop" the child ends with "shutdown", then the supervisor with "normal".')
    (last,) = own.living
    await three.stops(m="M23")
    s.expect(not otp.is_alive(last), "the supervisor has stopped, and its child lives on", "M23")
    reason = s.reason_of(last)
    s.expect(reason == "shutdown", f"expected the child to end with 'shutdown', got {render(reason)}")
    s.expect(len(own.started) == 1, 'after "stop" the child was started again', "M24")
    for each in idle:
        await each.stops(m="M23")

    s.step("When the supervisor is killed, its child ends, too.")
    four, own = start("sixth supervisor")
    await four.answers("restarts", 0)
    await s.kill(four.pid)
    s.expect(not own.living, "the supervisor was killed, and its child lives on: it is not linked", "M8")


@exercise("s05.pool")
@unreported
async def pool(s: Scenario) -> None:
    """A pool of workers that is always full."""
    workers = Children(s, "worker")
    size = 3

    async def worker() -> None:
        await workers.run()

    async def full() -> None:
        await s.settle()
        await one.lives("the pool should outlive its workers", "M8")
        got = len(workers.living)
        s.expect(got == size, f"expected {size} living workers, got {got}")

    async def take() -> otp.Pid:
        got = await one.answers("get_available")
        s.expect(isinstance(got, otp.Pid), f"expected the pid of a worker that is not out, got {s.describe(got)}")
        s.expect(got in workers.started, f"expected the pid of a worker, got {s.describe(got)}")
        s.expect(otp.is_alive(got), f"{s.called(got)} was handed out, and it is dead", "M13")
        s.expect(got not in out, f"{s.called(got)} was handed out twice")
        out.add(got)
        return got

    async def none_left() -> None:
        got = await one.answers("get_available")
        dead = got in workers.started and not otp.is_alive(got)
        say = (
            f"{s.describe(got)} was handed out, and it is dead"
            if dead
            else f"all are out: expected None, got {s.describe(got)}"
        )
        s.expect(got is None, say, "M13" if dead else None)

    out: set[otp.Pid] = set()
    s.step('There are n workers. "get_available" hands out one that is not out, or None.')
    one = s.process("pool", worker, size)
    await full()
    first, second, third = [await take() for _ in range(size)]
    await none_left()

    s.step('After "give_back" a worker is available again.')
    one.send(("give_back", second))
    out.discard(second)
    s.expect(await take() == second, "expected the worker that was given back")
    await none_left()
    one.send(("give_back", third))
    out.discard(third)
    for stranger in (third, otp.self(), one.pid):
        one.send(("give_back", stranger))
    s.expect(await take() == third, "expected the worker that was given back")
    await none_left()

    s.step("A worker that ends is replaced at once, also one that is out; the new one is available.")
    for how in ("crash", "normal", "kill", "shutdown"):
        gone = first
        out.discard(gone)
        await workers.end(gone, how)
        await full()
        one.send(("give_back", gone))
        first = await take()
        await none_left()
    one.send(("give_back", second))
    one.send(("give_back", third))
    out -= {second, third}
    await full()
    for how in ("kill", "normal"):
        idle = next(pid for pid in workers.living if pid not in out)
        await workers.end(idle, how)
        await full()
    await take()
    await take()
    await none_left()

    s.step("There are never more than n.")
    for pid in workers.living:
        otp.exit(pid, "kill")
    await full()
    out.clear()
    await take()

    s.step('After "stop" the pool ends, and all workers end.')
    await one.stops(m="M23", reason=ANYTHING)
    s.expect(not workers.living, f"the pool has stopped, and {len(workers.living)} workers live on", "M23")
    other = s.process("pool", worker, 1, called="second pool")
    await s.settle()
    await other.stops(m="M23", reason=ANYTHING)
    s.expect(not workers.living, "the second pool has stopped, and its worker lives on", "M23")


@exercise("s05.shutdown")
@unreported
async def shutdown(s: Scenario) -> None:
    """No new tasks, but the accepted ones are finished."""
    s.step('Each task is answered with "done" after its seconds; tasks run at the same time.')
    one = s.process("service")
    for asked, at in [(one.ask("task", seconds), seconds) for seconds in (1, 2, 2)]:
        await asked.answered("done", at=at)

    s.step('After "stop" each new task is refused at once.')
    running = [(one.ask("task", seconds), seconds) for seconds in (4, 2, 5)]
    await s.advance(1)
    one.send("stop")
    await s.settle()
    if not otp.is_alive(one.pid):
        raise Wrong('after "stop" the service ended at once, with three accepted tasks', "P9")
    for _ in range(3):
        await one.answers(("task", 1), ("error", "stopping"))

    s.step("The accepted tasks are finished and answered.")
    for number, (asked, at) in enumerate(sorted(running, key=lambda each: each[1]), 1):
        await asked.answered("done", at=at, silent="P9")
        if number < len(running):
            await s.settle()
            s.expect(otp.is_alive(one.pid), "an accepted task still runs, and the service has ended", "P9")
            await one.answers(("task", 1), ("error", "stopping"))

    s.step('Then it ends with "normal"; with no task running, at once.')
    await one.ends("normal")
    two = s.process("service", called="second service")
    await two.answers(("task", 1), "done", at=1)
    await two.stops()
    await s.process("service", called="third service").stops()
