"""The floor of Python: the workloads as plain functions and coroutines.

What remains is what CPython needs for this interface: a coroutine for a call, an object for each callback result, a
context for each process, and setting asyncio's current task. There are no searchable mailboxes, monitors, links,
timeouts, budgets, exits or traces; an error ends the program.
"""

from __future__ import annotations

import gc
import sys
import time
import types
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, copy_context
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.protocol import CALLERS, PAIRS, RING, Reporter, clock, operations, wanted

report = Reporter("bare Python")
CAST = "cast"


class NoReply:
    """A callback result with the options of the real one, which are unused."""

    __slots__ = ("hibernate", "state", "then", "timeout")

    def __init__(self, state: Any, timeout: Any = None, hibernate: bool = False, then: Any = None) -> None:
        self.state = state
        if timeout is not None or hibernate or then is not None:
            self.timeout, self.hibernate, self.then = timeout, hibernate, then


class Reply(NoReply):
    """A callback result with a reply."""

    __slots__ = ("value",)

    def __init__(self, value: Any, state: Any, timeout: Any = None, hibernate: bool = False, then: Any = None) -> None:
        self.value = value
        self.state = state
        if timeout is not None or hibernate or then is not None:
            self.timeout, self.hibernate, self.then = timeout, hibernate, then


class Counter:
    """The callbacks of `servers.Counter`."""

    def handle_call(self, _request: Any, _caller: Any, state: int) -> Any:
        return Reply(state + 1, state + 1)

    def handle_cast(self, _request: Any, state: int) -> Any:
        return NoReply(state + 1)


class Caller:
    """A waiting caller and the reference of its request."""

    __slots__ = ("request", "waiter")
    request: Any
    waiter: Process


class Process:
    """A coroutine, its context and its next value."""

    __slots__ = ("context", "step", "value")

    def __init__(self, coro: Coroutine[Any, Any, Any]) -> None:
        self.context = Context()
        self.step = coro.send
        self.value: Any = None


ready: deque[Process] = deque()
current: dict[str, Process] = {}


def run() -> None:
    """Resume processes until none is ready."""
    while ready:
        p = ready.popleft()
        current["loop"] = p
        try:
            p.context.run(p.step, p.value)
        except StopIteration:
            pass


def send(p: Process, message: Any) -> None:
    p.value = message
    ready.append(p)


@types.coroutine
def receive() -> Generator[None, Any, Any]:
    return (yield)


_blank = object.__new__


def new_caller(request: Any) -> Caller:
    caller = _blank(Caller)
    caller.request = request
    caller.waiter = current["loop"]
    return caller


def calls() -> None:
    n = operations("call")
    context, handle, state = Context(), Counter().handle_call, 0

    async def call(request: Any) -> Any:
        nonlocal state
        result = context.run(handle, request, new_caller(request), state)
        if type(result) is Reply:
            state = result.state
        return result.value

    async def main() -> None:
        for _ in range(n):
            await call("increment")

    timed("call", n, [main()])


def queued_calls() -> None:
    each = operations("call_queued") // CALLERS or 1
    handle, state = Counter().handle_call, 0
    mailbox: list[Caller] = []

    async def call(request: Any) -> Any:
        mailbox.append(new_caller(request))
        return await receive()

    async def caller() -> None:
        for _ in range(each):
            await call("increment")

    begun = clock()
    ready.extend(Process(caller()) for _ in range(CALLERS))
    run()
    while mailbox:
        batch, mailbox = mailbox, []
        for message in batch:
            result = handle(message.request, message, state)
            if type(result) is Reply:
                state = result.state
                send(message.waiter, result.value)
        run()
    report("call_queued", each * CALLERS, clock() - begun)


def casts() -> None:
    n = operations("cast")
    handle, state = Counter().handle_cast, 0
    mailbox: list[tuple[str, Any]] = []

    def cast(request: Any) -> str:
        mailbox.append((CAST, request))
        return "ok"

    begun = clock()
    for _ in range(n):
        cast("increment")
    for message in mailbox:
        if message[0] is CAST:
            result = handle(message[1], state)
            if type(result) is NoReply:
                state = result.state
    report("cast", n, clock() - begun)


def ring() -> None:
    n = operations("ring")

    async def member() -> None:
        following = await receive()
        while True:
            hops = await receive()
            if hops:
                send(following, hops - 1)

    members = [Process(member()) for _ in range(RING)]
    ready.extend(members)
    run()
    for p, following in zip(members, members[1:] + members[:1], strict=True):
        send(p, following)
    run()
    begun = clock()
    send(members[0], n)
    run()
    report("ring", n, clock() - begun)


def pairs() -> None:
    each = operations("pairs") // PAIRS or 1

    async def echo() -> None:
        while True:
            send(await receive(), 1)

    async def ping(partner: Process) -> None:
        me = current["loop"]
        for _ in range(each):
            send(partner, me)
            await receive()

    partners = [Process(echo()) for _ in range(PAIRS)]
    ready.extend(partners)
    run()
    timed("pairs", each * PAIRS, [ping(partner) for partner in partners])


class Server:
    """A callback process with the fields of a real pid."""

    __slots__ = (
        *("__weakref__", "context", "coroutine", "links", "mailbox", "monitors", "name", "node", "number"),
        *("parent", "signal", "state", "status", "value", "waits"),
    )


class Ok:
    """The result of `init`."""

    __slots__ = ("state",)

    def __init__(self, state: Any) -> None:
        self.state = state


table: dict[int, Server] = {}
names: dict[str, Server] = {}


def new_server(number: int, parent: Any) -> Server:
    """Create the process and its context, and run its `init`."""
    p = _blank(Server)
    p.node = table
    p.number = number
    p.status = "ready"
    p.value = p.mailbox = p.monitors = p.coroutine = p.state = p.links = p.signal = p.name = p.waits = None
    p.parent = parent
    table[number] = p
    p.context = copy_context()
    result = p.context.run(initial, 0)
    if type(result) is Ok:
        p.state = result.state
        p.status = "idle"
    return p


def initial(arg: Any) -> Any:
    return Ok(arg)


def starts() -> None:
    n = operations("idle")

    async def start(number: int) -> Server:
        return new_server(number, None)

    async def main() -> None:
        kept = [await start(number) for number in range(n)]
        assert len(kept) == n

    timed("server_start", n, [main()])
    table.clear()


def restarts() -> None:
    """Time a signal, the tables, three events, the decision and a start."""
    n = operations("restart")
    now = time.monotonic_ns
    ends: deque[int] = deque(maxlen=1_000)
    events: deque[Any] = deque(maxlen=4_096)
    mailbox: list[Any] = []
    seq = 0

    def kill(p: Server) -> None:
        nonlocal seq
        p.status = "dead"
        del table[p.number]
        del names[p.name]
        seq += 1
        events.append((seq, now(), "exited", p, 0, ("killed", None, None, None, "Counter", p.name)))
        p.value, p.links, p.state, p.context = seq, None, None, None
        mailbox.append(("EXIT", p, "killed"))
        ready.append(supervisor)

    def handle_info(message: Any, child: Server | None) -> Any:
        nonlocal seq
        old, reason = message[1], message[2]
        if old is not child:
            return NoReply(child)
        at = now()
        seq += 1
        events.append((seq, at, "child_terminated", supervisor, old.value, ("kid", old, reason, "exit")))
        ends.append(at)
        while ends[0] < at - 5_000_000_000:
            ends.popleft()
        child = new_server(old.number + 1, supervisor)
        child.name = "kid"
        names["kid"] = child
        child.links = supervisor
        seq += 1
        data = ("kid", child, old, reason, "one_for_one", len(ends), 1_000_000_000, 5, ())
        events.append((seq, now(), "child_restarted", supervisor, old.value, data))
        return NoReply(child)

    async def supervise() -> None:
        child = names["kid"] = new_server(1, None)
        child.name = "kid"
        context = Context()
        while True:
            await receive()
            result = context.run(handle_info, mailbox.pop(), child)
            if type(result) is NoReply:
                child = result.state

    async def main() -> None:
        me = current["loop"]
        for _ in range(n):
            victim = names["kid"]
            kill(victim)
            while names.get("kid") in (None, victim):
                send(me, None)
                await receive()

    supervisor = Process(supervise())
    ready.append(supervisor)
    run()
    timed("restart", n, [main()])


def timed(workload: str, n: int, programs: list[Coroutine[Any, Any, None]]) -> None:
    begun = clock()
    ready.extend(map(Process, programs))
    run()
    report(workload, n, clock() - begun)


WORKLOADS: dict[str, Callable[[], None]] = {
    "call": calls,
    "call_queued": queued_calls,
    "cast": casts,
    "ring": ring,
    "pairs": pairs,
    "idle": starts,
    "restart": restarts,
}


if __name__ == "__main__":
    gc.set_threshold(200_000, 50, 100)  # as under `otp.run`
    for name, program in WORKLOADS.items():
        if wanted(name):
            program()
