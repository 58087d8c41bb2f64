"""Functions that one node starts on another: only listed ones, monitored from the start, with a result."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from otp import CallExit, Down, ExitSignal


async def waits_for(word: str) -> None:
    await otp.receive(lambda message: message == word)
    raise otp.Exit(("heard", word))


def adds(one: int, other: int) -> int:
    return one + other


def fails() -> None:
    raise KeyError("no")


HERE = __name__


def test_a_function_is_started_on_another_node_and_watched_from_the_first_moment(two: Any) -> None:
    async def test(both: Any) -> None:
        async def client() -> Any:
            otp.process_flag("trap_exit", True)
            pid = await both.at_a.spawn("b", f"{HERE}:waits_for", "go")
            linked = await both.at_a.spawn_link("b", f"{HERE}:waits_for", "go")
            watched, ref = await both.at_a.spawn_monitor("b", f"{HERE}:adds", 1, 2)
            down = await otp.receive(ref)
            otp.send(pid, "go")
            otp.send(linked, "go")
            exits = await otp.receive(ExitSignal)
            return pid.node, down == Down(ref, watched, "normal"), exits == ExitSignal(linked, ("heard", "go"))

        assert ("b", True, True) == await both.on(both.a, client)

    two(test, spawnable=[f"{HERE}:waits_for", f"{HERE}:adds"])


def test_a_start_that_the_loss_of_the_node_interrupts_leaves_no_message(two: Any) -> None:
    async def test(both: Any) -> None:
        async def client() -> Any:
            starting = asyncio.ensure_future(both.at_a.spawn_monitor("b", f"{HERE}:adds", 1, 2))
            asyncio.get_running_loop().call_soon(both.cut)
            with pytest.raises(otp.StartError) as failed:
                await starting
            await both.settle()
            return failed.value.reason, otp.process_info(otp.self(), "message_queue_len")

        assert ("noconnection", 0) == await both.on(both.a, client)

    two(test, spawnable=[f"{HERE}:adds"])


def test_what_is_not_listed_is_not_started(two: Any) -> None:
    async def test(both: Any) -> None:
        async def client() -> Any:
            with pytest.raises(otp.StartError) as refused:
                await both.at_a.spawn("b", "os:getpid")
            with pytest.raises(CallExit) as failed:
                await both.at_a.rpc("b", "os:getpid")
            with pytest.raises(otp.StartError) as gone:
                await both.at_a.spawn("c", "os:getpid")
            return refused.value.reason, failed.value.cause_reason, gone.value.reason

        refused = ("not_spawnable", "os:getpid")
        assert (refused, refused, "noconnection") == await both.on(both.a, client)

    two(test, spawnable=[f"{HERE}:adds"])


def test_rpc_answers_what_the_function_returns_and_fails_as_it_fails(two: Any) -> None:
    async def test(both: Any) -> None:
        async def client() -> Any:
            with pytest.raises(CallExit) as failed:
                await both.at_a.rpc("b", f"{HERE}:fails")
            reason, described = failed.value.reason
            return await both.at_a.rpc("b", f"{HERE}:adds", 1, 2), reason.term.type_name, described

        expected = (3, "KeyError", ("rpc", "call", ["b", f"{HERE}:fails", []]))
        assert expected == await both.on(both.a, client)

    two(test, spawnable=[f"{HERE}:adds", f"{HERE}:fails"])
