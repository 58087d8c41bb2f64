"""Exits spread over links: to any number of processes, to each once, with their sender and cause.

Source: design part 1 §3, "Dying".
"""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest

import otp
from otp import ExitSignal
from otp.testing import wait_all_idle


async def waits() -> None:
    await otp.receive()


async def link_in_chain(n: int, to: otp.Pid) -> None:
    if n:
        otp.spawn_link(link_in_chain, n - 1, to)
    else:
        otp.send(to, "complete")
    if await otp.receive() == "crash":
        raise RuntimeError("crash")


def test_a_chain_of_20000_links_dies_without_a_deep_stack() -> None:
    async def main() -> Any:
        pid = otp.spawn(link_in_chain, 20_000, otp.self())
        await otp.receive()
        before = len(otp.processes())
        otp.exit(pid, "boom")
        return before, len(otp.processes())

    assert otp.run(main) == (20_002, 1)


@pytest.mark.parametrize("ends", ["crash", "normal"])
def test_a_chain_of_3000_links_dies_without_a_deep_stack_when_its_head_ends_by_itself(ends: str) -> None:
    async def main() -> Any:
        head = otp.spawn(link_in_chain, 3_000, otp.self())
        await otp.receive()
        otp.send(head, ends)
        await otp.wait_down(head)
        return len(otp.processes())

    assert otp.run(main) == (1 if ends == "crash" else 3_001)


def test_a_chain_of_servers_at_rest_dies_without_a_deep_stack() -> None:
    class Rests(otp.GenServer[None]):
        @otp.impl
        def init(self, arg: Any) -> Any:
            return otp.Ok(None)

        @otp.impl
        def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
            return otp.Reply(otp.link(request), state)

    async def main() -> Any:
        servers = [await Rests.start() for _ in range(3_000)]
        for server, other in pairwise(servers):
            await otp.GenServer.call(server, other)
        otp.exit(servers[0], "boom")
        return otp.processes() == [otp.self()]

    assert otp.run(main)


def test_a_ring_of_links_dies_once_each(run: Any) -> None:
    async def main() -> Any:
        otp.process_flag("trap_exit", True)

        async def member(others: list[otp.Pid]) -> None:
            for pid in others:
                otp.link(pid)
            await otp.receive()

        pids: list[otp.Pid] = []
        for _ in range(10):
            pids.append(otp.spawn(member, list(pids)))
        await wait_all_idle()
        refs = {otp.monitor(pid) for pid in pids}
        otp.exit(pids[4], "boom")
        downs = [await otp.receive() for _ in range(10)]
        with pytest.raises(otp.ReceiveTimeout):
            await otp.receive(timeout=1)
        return {down.ref for down in downs} == refs, {down.reason for down in downs}

    assert run(main) == (True, {"boom"})


def test_a_cascade_passes_through_cleanup_that_waits(run: Any) -> None:
    async def main() -> Any:
        async def first() -> None:
            try:
                await otp.receive()
            finally:
                await asyncio.sleep(1)

        async def second(to: otp.Pid) -> None:
            otp.link(to)
            await otp.receive()

        one = otp.spawn(first)
        _, ref = otp.spawn_monitor(second, one)
        await wait_all_idle()
        otp.exit(one, "boom")
        return (await otp.receive(ref)).reason, otp.monotonic()

    assert run(main) == ("boom", 1.0)


def test_who_traps_in_the_middle_of_a_cascade_lives(run: Any) -> None:
    async def main() -> Any:
        otp.process_flag("trap_exit", True)

        async def ends() -> None:
            raise otp.Exit("boom")

        async def middle() -> None:
            otp.spawn_link(ends)
            await otp.receive()

        pid = otp.spawn_link(middle)
        return await otp.receive() == ExitSignal(pid, "boom")

    assert run(main)


def test_a_process_that_is_killed_by_the_one_it_calls_ends_when_it_leaves_the_stack(run: Any) -> None:
    """The caller is on the stack while the callback runs inline, so it must not be closed there."""

    class Killer(otp.GenServer[None]):
        @otp.impl
        def init(self, arg: Any) -> Any:
            return otp.Ok(None)

        @otp.impl
        def handle_call(self, reason: Any, caller: otp.From, state: Any) -> Any:
            otp.exit(caller.pid, reason)
            return otp.Reply("too late", state)

    after: list[Any] = []

    async def main() -> Any:
        killer = await Killer.start()

        async def victim(reason: str) -> None:
            after.append(await otp.GenServer.call(killer, reason))

        reasons = []
        for reason in ("boom", "kill"):
            _, ref = otp.spawn_monitor(victim, reason)
            reasons.append((await otp.receive(ref)).reason)
        return reasons, otp.is_alive(killer)

    assert run(main) == (["boom", "killed"], True)
    assert after == []


def test_a_server_that_is_linked_to_its_caller_and_crashes_inline_takes_it_along(run: Any) -> None:
    """Pitfall 40: a caller that does not trap exits ends by the link, without an exception."""
    after: list[Any] = []

    class Crashes(otp.GenServer[None]):
        @otp.impl
        def init(self, arg: Any) -> Any:
            return otp.Ok(None)

        @otp.impl
        def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
            raise otp.Exit("boom")

    async def main() -> Any:
        async def victim() -> None:
            server = await Crashes.start_link()
            try:
                await otp.GenServer.call(server, 1)
            except otp.Exit as error:
                after.append(error)

        _, ref = otp.spawn_monitor(victim)
        return (await otp.receive(ref)).reason

    assert run(main) == "boom"
    assert after == []


def test_the_exit_event_names_sender_and_cause_of_a_cascade(run: Any) -> None:
    async def main() -> Any:
        node = otp.trace.node_of(otp.self())
        otp.trace.subscribe(node, lambda event: None)

        async def second(to: otp.Pid) -> None:
            otp.link(to)
            await otp.receive()

        async def third(to: otp.Pid) -> None:
            otp.link(to)
            try:
                await otp.receive()
            finally:
                await asyncio.sleep(0)

        one = otp.spawn(waits)
        two = otp.spawn(second, one)
        three = otp.spawn(third, two)
        await wait_all_idle()
        otp.exit(one, "boom")
        await wait_all_idle()
        exits = {event.pid: event for event in otp.trace.history(node) if event.kind == "exited"}
        return (
            [exits[pid].data["sender"] for pid in (one, two, three)] == [otp.self(), one, two],
            exits[three].cause == exits[two].seq,
            exits[two].cause == exits[one].seq,
            [exits[pid].data["what"].rpartition(".")[2] for pid in (one, two, three)],
        )

    assert run(main) == (True, True, True, ["waits", "second", "third"])
