"""Runs of session 13: its predictions, and its pictures."""

# Messages and states have no type here.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
from typing import Any

import otp
from otp import GenServer, NoReply, Ok, Reply, Stop, Supervisor, Timeout, impl
from otp.testing import advance, mailbox, wait_all_idle
from superlearner.course.engine.exercise import picture, scenario
from superlearner.course.engine.scenario import Scenario


class Reporting(GenServer[otp.Pid]):
    """Sends the process of each callback to its owner."""

    @impl
    def init(self, owner: otp.Pid) -> Ok[otp.Pid]:
        otp.send(owner, ("init", otp.self()))
        return Ok(owner)

    @impl
    def handle_call(self, request: Any, caller: otp.From, owner: otp.Pid) -> Reply[otp.Pid]:
        otp.send(owner, ("handle_call", otp.self()))
        return Reply("done", owner)


@scenario("s13.p1")
async def places(s: Scenario) -> str:
    """Return which process runs `init`, and which one `handle_call`."""
    s.name(otp.self(), "client")
    server = s.name(await Reporting.start(otp.self()), "server")
    await GenServer.call(server, "where?")
    await wait_all_idle()
    ran = dict(mailbox())
    where = {name: "the server's process" if pid == server else "the caller's process" for name, pid in ran.items()}
    if len(set(where.values())) == 1:
        return f"both in {where['init']}"
    return f"`init` in {where['init']}, `handle_call` in {where['handle_call']}"


class Silent(GenServer[None]):
    """Never answers."""

    @impl
    def init(self, arg: None) -> Ok[None]:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: otp.From, state: None) -> NoReply[None]:
        return NoReply(state)


@scenario("s13.p2")
async def unanswered(s: Scenario) -> str:
    """A call that is never answered."""
    s.name(otp.self(), "client")
    server = s.name(await Silent.start(None), "server")
    begun = otp.monotonic()
    try:
        await GenServer.call(server, "question")
    except otp.CallExit as error:
        took, state = otp.monotonic() - begun, "lives" if otp.is_alive(server) else "has ended"
        s.happens(f"goes on with {type(error).__name__}")
        return f"{type(error).__name__} after {took:g} s, and the server {state}"
    return "an answer"


class Raises(GenServer[otp.Pid]):
    """Raises an exception in `handle_call`."""

    @impl
    def init(self, owner: otp.Pid) -> Ok[otp.Pid]:
        return Ok(owner)

    @impl
    def handle_call(self, request: Any, caller: otp.From, owner: otp.Pid) -> Reply[otp.Pid]:
        raise ValueError(request)

    @impl
    def terminate(self, reason: Any, owner: otp.Pid) -> None:
        otp.send(owner, "terminate")


@scenario("s13.p3")
async def raises(s: Scenario) -> str:
    """A callback that raises, and what its caller gets."""
    s.name(otp.self(), "client")
    server = s.name(await Raises.start(otp.self()), "server")
    begun = otp.monotonic()
    try:
        await GenServer.call(server, "an odd request")
    except otp.CallExit as error:
        took = otp.monotonic() - begun
        s.happens(f"goes on with {type(error).__name__}")
        await wait_all_idle()
        ran = "`terminate` runs" if "terminate" in mailbox() else "`terminate` does not run"
        named = " with the reason" if isinstance(error, otp.ServerDown) and "an odd" in repr(error.cause_reason) else ""
        return f"{type(error).__name__}{named} {f'after {took:g} s' if took else 'at once'}; {ran}"
    return "an answer"


class Closing(GenServer[Any]):
    """Tells its owner when `terminate` runs."""

    @impl
    def init(self, arg: tuple[otp.Pid, str, bool]) -> Ok[Any]:
        otp.process_flag("trap_exit", arg[2])
        return Ok(arg)

    @impl
    def handle_cast(self, request: Any, state: Any) -> Stop:
        if request == "raise":
            raise ValueError(request)
        return Stop("done", state)

    @impl
    def terminate(self, reason: Any, state: Any) -> None:
        otp.send(state[0], ("terminate", state[1]))


@scenario("s13.p4")
async def ends(s: Scenario) -> str:
    """Five ends of a server, and whether `terminate` runs before each."""
    s.name(otp.self(), "owner")
    owner = otp.self()
    found: list[str] = []
    for name, traps in (("stopped", False), ("stopped and trapping", True), ("killed", True)):
        spec = Closing.child_spec((owner, name, traps), restart="temporary")
        supervisor = await s.supervise(spec)
        (child,) = (await s.children(supervisor)).values()
        s.name(child, name)
        if name == "killed":
            await s.kill(child)
        await Supervisor.stop(supervisor)
        found.append(name)
    for name in ("raise", "stop"):
        server = s.name(await Closing.start((owner, name, False)), name)
        GenServer.cast(server, name)
        await otp.wait_down(server)
        found.append(name)
    await wait_all_idle()
    ran = {name for _, name in mailbox()}
    return ", ".join("yes" if name in ran else "no" for name in found)


class Waiting(GenServer[otp.Pid]):
    """Its results have a timeout of 5 s."""

    @impl
    def init(self, owner: otp.Pid) -> Ok[otp.Pid]:
        return Ok(owner, timeout=5)

    @impl
    def handle_call(self, request: Any, caller: otp.From, owner: otp.Pid) -> Reply[otp.Pid]:
        return Reply("done", owner, timeout=5)

    @impl
    def handle_info(self, message: Any, owner: otp.Pid) -> NoReply[otp.Pid]:
        if message == Timeout():
            otp.send(owner, otp.monotonic())
        return NoReply(owner)


@scenario("s13.p5")
async def silences(s: Scenario) -> str:
    """The times at which a server gets `Timeout()`."""
    s.name(otp.self(), "client")
    begun = otp.monotonic()
    server = s.name(await Waiting.start(otp.self()), "server")
    await advance(4)
    await GenServer.call(server, "something")
    await advance(20)
    times = [f"{at - begun:g} s" for at in mailbox()]
    return f"{'once' if len(times) == 1 else 'twice'}, at {' and '.join(times)}"


class Library(GenServer[dict[str, Any]]):
    """Answers a question when it has the answer."""

    @impl
    def init(self, arg: Any) -> Ok[dict[str, Any]]:
        return Ok({"shelf": {}, "asked": {}})

    @impl
    def handle_call(self, book: str, caller: otp.From, state: dict[str, Any]) -> Reply[Any] | NoReply[Any]:
        if book in state["shelf"]:
            return Reply(state["shelf"][book], state)
        otp.send_after(3, otp.self(), (book, "chapter 1"))  # in place of a search
        return NoReply(state | {"asked": state["asked"] | {book: caller}})

    @impl
    def handle_info(self, message: Any, state: dict[str, Any]) -> NoReply[dict[str, Any]]:
        book, text = message
        GenServer.reply(state["asked"][book], text)
        return NoReply({"shelf": state["shelf"] | {book: text}, "asked": {}})


@picture("s13.w1")
async def later(s: Scenario) -> str:
    """The callbacks of a server that answers later."""
    s.name(otp.self(), "client")
    server = s.name(await s.watched(Library).start(None), "library")
    first = await GenServer.call(server, "Emma")
    second = await GenServer.call(server, "Emma")
    return f"the first answer, {first!r}, comes after 3 s, and the second, {second!r}, at once"


async def helper(mill: otp.Pid, grain: str, seconds: float, caller: otp.From) -> None:
    """Grind, and pass the result on."""
    await asyncio.sleep(seconds)
    otp.send(mill, ("ground", caller, f"{grain} flour"))


class Mill(GenServer[int]):
    """Grinds each order in a process of its own."""

    @impl
    def init(self, arg: Any) -> Ok[int]:
        return Ok(0)

    @impl
    def handle_call(self, request: Any, caller: otp.From, count: int) -> NoReply[int]:
        grain, seconds = request
        otp.spawn(helper, otp.self(), grain, seconds, caller)
        return NoReply(count + 1)

    @impl
    def handle_info(self, message: Any, count: int) -> NoReply[int]:
        _, caller, flour = message
        GenServer.reply(caller, flour)
        return NoReply(count - 1)


@picture("s13.w2")
async def helpers(s: Scenario) -> str:
    """Two clients of a server that gives its work to helpers; the second is answered first."""
    server = s.name(await Mill.start(None), "mill")
    got: list[str] = []

    async def client(grain: str, seconds: float) -> None:
        got.append(await GenServer.call(server, (grain, seconds), 60))

    for name, grain, seconds in (("ann", "rye", 10), ("bob", "oat", 1)):
        s.name(otp.spawn(client, grain, seconds), name)
    await advance(20)
    return f"{got[0]} is ready first"
