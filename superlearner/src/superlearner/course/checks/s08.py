"""Checks of session 8: a registry of names, which are taken once and go with their processes."""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

from typing import Any, Final

import otp
from superlearner.course.engine.by_hand import ByHand
from superlearner.course.engine.callers import Caller
from superlearner.course.engine.exercise import exercise
from superlearner.course.engine.reports import unreported
from superlearner.course.engine.scenario import Scenario
from superlearner.course.engine.values import apart, render, same
from superlearner.course.engine.verdict import Wrong

REFUSED: Final = ("error", "already_registered")
MISSING: Final = ("error", "not_found")
MANY: Final = 50
MONITORS: Final = "no name is left, and the registry still monitors a process"


class Names:
    """A registry of the answer, used by a client of the check.

    Args:
        s: the scenario.
        client: the process that calls its functions.
        pid: that of the registry.
    """

    def __init__(self, s: Scenario, client: Caller, pid: otp.Pid) -> None:
        self.s = s
        self.client = client
        self.pid = pid

    @classmethod
    async def start(cls, s: Scenario, client: Caller, called: str = "registry") -> Names:
        """Start a registry."""
        pid = await client.call("start", awaited=False).returns()
        s.expect(isinstance(pid, otp.Pid), f"expected start() to return the pid of a process, got {render(pid)}")
        return cls(s, client, s.adopt(pid, called))

    async def register(
        self, name: str, pid: otp.Pid | None = None, meta: Any = None, value: Any = "ok", m: str | None = None
    ) -> None:
        """Register a name, by default for the client, and expect this result."""
        args = (name,) if pid is None and meta is None else (name, pid, meta)
        await self.gives("register", args, value, m)

    async def unregister(self, name: str) -> None:
        """Free a name."""
        await self.gives("unregister", (name,), "ok")

    async def lookup(self, name: str, pid: otp.Pid | None, meta: Any = None, m: str | None = None) -> None:
        """Raise `Wrong` unless a name leads to this process, or to none."""
        await self.gives("lookup", (name,), None if pid is None else (pid, meta), m)

    async def has(self, *names: str, m: str | None = None) -> None:
        """Raise `Wrong` unless these are the names, in order, and their number."""
        await self.gives("count", (), len(names), m)
        await self.gives("names", (), list(names), m)

    async def free(self, name: str, *others: str) -> None:
        """Raise `Wrong` unless a name whose process has ended is gone, and the others are there."""
        ended, begun = self.s.trace.place_of_end(), self.s.mark()
        count, counted = await self.call("count"), self.s.mark()
        found, looked = await self.call("lookup", name), self.s.mark()
        right = same(count, len(others))
        if found is not None or not right:
            say = f"the process of {name!r} has ended: expected "
            if found is not None:
                say += f"lookup(registry, {name!r}) to return None, got {render(found)}"
            else:
                say += f"count(registry) to return {len(others)}, got {render(count)}"
            m = None
            if found is not None or type(count) is not int or count > len(others):
                await self.s.advance(60)
                m = "P4" if same(await self.call("count"), len(others)) else "M26"
            self.s.show(*((counted, looked) if found is not None else (begun, counted)), of=ended)
            raise Wrong(self.s.worded(say), m)
        await self.has(*others, m="P4")

    async def stop(self) -> None:
        """Stop the registry; raise `Wrong` unless nothing of it is left."""
        await self.client.call("stop", self.pid, awaited=False).returns()
        await self.s.settle()
        nothing = not otp.is_alive(self.pid) and not self.s.started_by(self.pid)
        self.s.expect(nothing, "expected no process of the registry to be left after stop(registry)")

    def monitors(self) -> bool:
        """Return whether a process of the registry monitors another one."""
        return any(otp.process_info(pid, "monitors") for pid in (self.pid, *self.s.started_by(self.pid)))

    async def call(self, function: str, *args: Any, raised: str | None = None) -> Any:
        """Call a function of the registry, and return the value.

        Args:
            function: its name.
            args: its arguments, after the registry.
            raised: the misconception of a call that raises an exception.
        """
        since, registry = self.s.mark(), ByHand(self.s, self.pid, "the registry")
        call = self.client.call(function, self.pid, *args)
        await self.s.settle()
        if not otp.is_alive(self.pid):
            raise registry.ended(f"{call.said}: ")
        if not call.done and otp.process_info(self.client.pid, "status") != "awaiting":
            waits, line = registry.waits()
            say = f"{line if waits else ''}{call.said} did not return at once: it waits for an answer of the registry"
            if others := self.s.trace.sent(self.client.pid, since):
                raise Wrong(self.s.worded(f"{say}, which has sent {render(others[0].data['term'])}"))
            raise Wrong(say, "P1" if waits else "M31")
        return await call.returns(late="M31", never="M31", raised=raised)

    async def gives(self, function: str, args: tuple[Any, ...], value: Any, m: str | None = None) -> None:
        """Raise `Wrong` unless a function of the registry returns this value."""
        got = await self.call(function, *args)
        if same(got, value):
            return
        shown = ", ".join(map(self.s.describe, (self.pid, *args)))
        wanted, instead = apart(value, got)
        say = f"expected {function}({shown}) to return {wanted}, got {instead}"
        self.s.same(got, value, self.s.worded(say), m)


@exercise("s08.names")
async def names(s: Scenario) -> None:
    """Names that only one process can take."""
    client, other = s.caller(), s.inbox("other")
    s.step('`register` returns "ok"; for a name that is taken ("error", "already_registered"), and nothing changes.')
    one = await Names.start(s, client)
    await one.register("ann")
    await one.lookup("ann", client.pid)
    for pid, meta in ((other.pid, "new"), (client.pid, "new")):
        await one.register("ann", pid, meta, REFUSED)
    await one.lookup("ann", client.pid)

    s.step("`lookup` returns (pid, meta), or None for a name that no process has.")
    await one.lookup("nobody", None)
    for number, meta in enumerate(("writer", 0, {"skills": ["search"]}, None, "")):
        await one.register(f"other {number}", other.pid, meta)
        await one.lookup(f"other {number}", other.pid, meta)

    s.step('`unregister` returns "ok", even for a name that no process has; then the name is free.')
    for number in range(5):
        await one.unregister(f"other {number}")
        await one.lookup(f"other {number}", None)
    await one.unregister("nobody")
    await one.unregister("ann")
    await one.register("ann", other.pid, 1)
    await one.lookup("ann", other.pid, 1)

    s.step("`names` is a sorted list, and `count` is how many there are. One process may have several names.")
    await one.has("ann")
    for name in ("dan", "bob", "eve", "carl"):
        await one.register(name)
    await one.has("ann", "bob", "carl", "dan", "eve")
    await one.unregister("dan")
    await one.has("ann", "bob", "carl", "eve")
    await one.lookup("bob", client.pid)
    await one.lookup("eve", client.pid)

    s.step("Two registries share nothing.")
    two = await Names.start(s, client, "second registry")
    s.expect(two.pid != one.pid, "expected start() to start a new process, got the first registry again", "M6")
    for function, args, value in (("count", (), 0), ("names", (), []), ("lookup", ("ann",), None)):
        shared = same(await two.call(function, *args), await one.call(function, *args))
        await two.gives(function, args, value, "M6" if shared else None)
    await two.register("ann", client.pid, "mine", m="M6")
    await one.lookup("ann", other.pid, 1, m="M6")
    await one.has("ann", "bob", "carl", "eve", m="M6")

    s.step(f"Of {MANY} processes that register one name at once, one has it.")
    racers = [s.caller(f"racer {number}") for number in range(1, MANY + 1)]
    for name in ("first", "second"):
        calls = [racer.call("register", two.pid, name) for racer in racers]
        results = [await call.returns(late="M31", never="M31") for call in calls]
        winners = [racer for racer, result in zip(racers, results, strict=True) if same(result, "ok")]
        say = f'{MANY} processes registered {name!r} at once: expected one "ok", got {len(winners)}'
        s.expect(len(winners) == 1, say, "P3" if winners else None)
        refused = [result for result in results if not same(result, "ok")]
        for result in refused:
            s.same(result, REFUSED)
        await two.lookup(name, winners[0].pid, m="P3")

    s.step("After `stop` nothing is left.")
    await one.stop()
    await two.stop()


async def ends() -> None:
    """Wait for a message, and return."""
    await otp.receive(otp.Is("end"))


@exercise("s08.cleanup")
@unreported
async def cleanup(s: Scenario) -> None:
    """Names that are free as soon as their process has ended."""
    client = s.caller()
    with s.under("A name is still taken once, found and freed."):
        await names(s)

    s.step("A process that ends loses all its names at once, for whatever reason it ends.")
    one = await Names.start(s, client)
    await one.register("stays")
    for number, how in enumerate(("kill", "boom", "shutdown", "normal")):
        owner = s.name(otp.spawn(ends), f"owner {number}")
        for name in ("a", "b"):
            await one.register(name, owner, number)
        await one.has("a", "b", "stays")
        otp.send(owner, "end") if how == "normal" else otp.exit(owner, how)
        await s.settle()
        await one.free("a", "stays")
        await one.lookup("b", None)
        await one.lookup("stays", client.pid)
    owner = s.inbox("owner of two names")
    for name in ("a", "b"):
        await one.register(name, owner.pid)
    await one.unregister("b")
    await s.kill(owner.pid)
    await one.free("a", "stays")
    await one.register("a")
    await one.lookup("a", client.pid)
    await one.has("a", "stays")

    s.step("When a name has gone from one process to another, the end of the first changes nothing.")
    first, second = s.inbox("first owner"), s.inbox("second owner")
    await one.register("moves", first.pid, 1)
    await one.unregister("moves")
    await one.register("moves", second.pid, 2)
    await s.kill(first.pid)
    await one.lookup("moves", second.pid, 2, m="P5")
    await one.has("a", "moves", "stays", m="P5")

    s.step('A dead process can be registered: "ok", and the name is free at once.')
    await one.register("ghost", first.pid, 1)
    await s.settle()
    await one.free("ghost", "a", "moves", "stays")

    s.step("When all names are gone, by `unregister` or by an end, the registry monitors no process.")
    for _ in range(3):
        await one.unregister("moves")
        await one.register("moves", second.pid)
        await one.register("a", second.pid, None, REFUSED)
    await s.kill(second.pid)
    await one.free("moves", "a", "stays")
    for _ in range(3):
        await one.unregister("a")
        await one.register("a")
    await one.register("a", s.inbox("refused").pid, None, REFUSED)
    await one.unregister("a")
    await one.unregister("stays")
    await one.has()
    s.expect(not one.monitors(), MONITORS, "P5")

    s.step("After `stop` nothing is left.")
    await one.register("a")
    await one.stop()
    s.expect(not otp.process_info(client.pid, "monitored_by"), "the registry has stopped, and still monitors", "P5")


@exercise("s08.send")
@unreported
async def send(s: Scenario) -> None:
    """Messages to a name, and to all who have one."""
    client = s.caller()
    with s.under("Names are still taken once, and go with their processes."):
        await cleanup(s)

    async def sends(name: str, message: Any, value: Any = "ok") -> None:
        missing = "M26" if value == MISSING else None
        got = await one.call("send", name, message, raised=missing)
        if same(got, value):
            return
        say = f"expected send(registry, {name!r}, {render(message)}) to return {render(value)}, got {render(got)}"
        s.same(got, value, say, missing if same(got, "ok") else None)

    async def broadcasts(message: Any, reached: int) -> None:
        got = await one.call("broadcast", message)
        if same(got, reached):
            return
        twice = type(got) is int and got > reached
        say = f"expected broadcast(registry, {render(message)}) to return {reached}, got {render(got)}"
        s.same(got, reached, say, "P13" if twice else None)

    s.step('`send` brings a message to the process that has the name, and returns "ok".')
    one = await Names.start(s, client)
    ann, bob = s.inbox("ann"), s.inbox("bob")
    for inbox in (ann, bob):
        await one.register(inbox.called, inbox.pid)
    for message in ("hello", None, ("send", "bob", 1)):
        await sends("ann", message)
        await ann.has([message], f"expected ann to get {render(message)}")
    await bob.has([], "expected bob to get nothing that was sent to ann")

    s.step("It reaches the process that has the name now, and not the one that had it before.")
    await s.kill(ann.pid)
    new = s.inbox("new ann")
    await one.register("ann", new.pid)
    await sends("ann", "again")
    await new.has(["again"], "ann has ended, and a new process has its name: expected it to get 'again'", "M13")
    await one.unregister("ann")
    await one.register("ann", bob.pid)
    await sends("ann", "moved")
    await bob.has(["moved"], "the name ann has gone to bob: expected bob to get 'moved'", "M13")
    await new.has([], "the name ann has gone to bob: expected its old process to get nothing", "M13")

    s.step('If no process has the name, it returns ("error", "not_found").')
    await sends("nobody", "hello", MISSING)
    await one.unregister("ann")
    await sends("ann", "hello", MISSING)
    gone = s.inbox("gone")
    await one.register("gone", gone.pid)
    await s.kill(gone.pid)
    await sends("gone", "hello", MISSING)

    s.step("`broadcast` reaches each registered process once, and returns how many they are.")
    for name in ("bobby", "robert"):
        await one.register(name, bob.pid)
    await one.register("new", new.pid)
    await broadcasts("news", 2)
    await new.has(["news"], "expected each registered process to get 'news' once")
    await bob.has(["news"], "bob has three names: expected it to get 'news' once", "P13")
    await s.kill(new.pid)
    await broadcasts(None, 1)
    await bob.has([None], "expected bob to get None once")
    await one.register("client", client.pid)
    await broadcasts("to all", 2)
    s.expect(client.messages == ["to all"], "the caller has a name, too: expected it to get 'to all'")
    await sends("client", "note")
    s.expect(client.messages == ["to all", "note"], "the caller has sent 'note' to its own name: expected it to get it")
    await one.unregister("client")
    await s.kill(bob.pid)
    await broadcasts("last", 0)

    s.step("After `stop` nothing is left.")
    await one.stop()
