"""A process that gets exit signals while it is on the stack ends when it leaves the stack, with the right reason."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import GenServer, NoReply, Ok, Reply, impl
from otp.testing import Scheduler, wait_all_idle


class Does(GenServer[None]):
    """A server that calls each function it is sent."""

    @impl
    def init(self, arg: Any) -> Any:
        return Ok(None)

    @impl
    def handle_call(self, request: Callable[[otp.From], Any], caller: otp.From, state: None) -> Any:
        return Reply(request(caller), state)

    @impl
    def handle_info(self, message: Callable[[], Any], state: None) -> Any:
        message()
        return NoReply(state)


class Linked:
    """A process that waits in a call, a process linked to it, and the server, which sends signals to both."""

    def __init__(self, server: otp.Pid) -> None:
        self.server = server
        self.other = otp.spawn(otp.receive)
        self.victim, self.ref = otp.spawn_monitor(self.calls)
        self.signals: list[str] = []

    async def calls(self) -> None:
        otp.link(self.other)
        try:
            await otp.receive()
            await GenServer.call(self.server, self.signal)
        finally:
            await asyncio.sleep(1)  # in virtual time; a kill does not wait for it

    def signal(self, caller: otp.From) -> None:
        for name in self.signals:
            otp.exit(
                *{"link": (self.other, "over the link"), "kill": (caller.pid, "kill")}.get(name, (caller.pid, name))
            )


@pytest.mark.parametrize(
    ("signals", "reason", "sender", "seconds"),
    [
        ("first second", "first", "server", 1),
        ("link second", "over the link", "other", 1),
        ("first link", "first", "server", 1),
        ("link kill", "killed", "server", 0),
        ("kill link", "killed", "server", 0),
        ("kill second", "killed", "server", 0),
        ("link", "over the link", "other", 1),
    ],
)
def test_the_first_signal_to_who_stands_in_a_call_decides_and_a_kill_outranks_it(
    run: Any, signals: str, reason: str, sender: str, seconds: int
) -> None:
    async def main() -> Any:
        exits: dict[Any, otp.trace.Event] = {}
        linked = Linked(await Does.start())
        linked.signals = signals.split()
        otp.trace.subscribe(otp.node(), lambda event: exits.__setitem__(event.pid, event), kinds={"exited"})
        await wait_all_idle()
        otp.send(linked.victim, "go")
        down = await otp.receive(linked.ref)
        end = exits[linked.victim]
        assert end.data["sender"] is {"server": linked.server, "other": linked.other}[sender]
        assert sender != "other" or end.cause == exits[linked.other].seq
        return down.reason, otp.monotonic()

    assert run(main) == (reason, seconds)


@pytest.mark.parametrize(
    ("first", "later", "reason", "sender"),
    [
        ("first", "later", "first", "itself"),
        ("first", "kill", "killed", "other"),
        ("kill", "later", "killed", "itself"),
        ("kill", "kill", "killed", "itself"),
    ],
)
def test_a_server_that_signalled_itself_in_a_call_ends_with_that_whoever_comes_before_its_end(
    first: str, later: str, reason: str, sender: str
) -> None:
    """The callback runs on the stack of the caller, and processes that are already ready run before the server."""

    async def main() -> Any:
        exits: list[otp.trace.Event] = []
        server, other = await Does.start(), await Does.start()
        otp.trace.subscribe(otp.node(), exits.append, kinds={"exited"}, pids=[server])
        otp.send(other, lambda: otp.exit(server, later))
        with pytest.raises(otp.CallExit):
            await GenServer.call(server, lambda caller: otp.exit(server, first))
        (end,) = exits
        return end.data["reason"], {server: "itself", other: "other"}[end.data["sender"]]

    assert Scheduler(inline=True).run(main) == (reason, sender)


@pytest.mark.parametrize("how", ["boom", "kill"])
def test_a_server_that_is_linked_to_who_it_ends_ends_after_its_callback(run: Any, how: str) -> None:
    """The exit signal of the other process comes back over the link while the callback runs."""
    done: list[str] = []

    async def main() -> Any:
        server = await Does.start()
        other, ref = otp.spawn(otp.receive), otp.monitor(server)
        await GenServer.call(server, lambda caller: otp.link(other))

        def ends() -> None:
            otp.exit(other, how)
            done.append("goes on")

        otp.send(server, ends)
        return (await otp.receive(ref)).reason

    assert run(main) == {"boom": "boom", "kill": "killed"}[how]
    assert done == ["goes on"]


def test_a_signal_counts_more_than_a_cancellation_of_the_same_step(run: Any) -> None:
    async def main() -> Any:
        async def cancels_and_signals(signal_first: bool) -> None:
            me: Any = asyncio.current_task()
            for step in [lambda: otp.exit(me, "boom"), me.cancel][:: 1 if signal_first else -1]:
                step()
            await otp.receive()

        reasons: list[Any] = []
        for signal_first in (True, False):
            _, ref = otp.spawn_monitor(cancels_and_signals, signal_first)
            reasons.append((await otp.receive(ref)).reason)
        return reasons

    assert run(main) == ["boom", "boom"]
