"""The process dictionary. Source: Erlang/OTP, `erlang:put/2`, `get/0,1`, `erase/0,1`, `get_keys/0`."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from otp import GenServer, NotAProcess, Ok, Reply, impl


def test_put_get_and_erase_answer_as_erlang_does(run: Any) -> None:
    """The same in erl: undefined, 1, 2, undefined, [{a,2}], [a], 2, undefined, [], []."""

    async def main() -> Any:
        return [
            otp.put("a", 1),
            otp.put("a", 2),
            otp.get("a"),
            otp.get("zz"),
            otp.get(),
            otp.get_keys(),
            otp.erase("a"),
            otp.erase("a"),
            otp.erase(),
            otp.get(),
        ]

    assert [None, 1, 2, None, {"a": 2}, ["a"], 2, None, {}, {}] == run(main)


def test_each_process_has_its_own_and_it_goes_with_the_process(run: Any) -> None:
    async def other(owner: otp.Pid) -> None:
        otp.put("mine", otp.get("mine"))
        otp.send(owner, otp.get())
        await otp.receive()

    async def main() -> Any:
        otp.put("mine", 1)
        pid = otp.spawn(other, otp.self())
        theirs = await otp.receive()
        shown = otp.process_info(pid, "dictionary")
        otp.exit(pid, "kill")
        return theirs, shown, otp.get(), otp.process_info(pid, "dictionary")

    assert run(main) == ({"mine": None}, {"mine": None}, {"mine": 1}, None)


def test_what_is_handed_out_is_a_copy(run: Any) -> None:
    async def main() -> Any:
        otp.put("a", 1)
        otp.get()["a"] = 2
        otp.process_info(otp.self(), "dictionary")["a"] = 3
        return otp.get("a")

    assert run(main) == 1


def test_a_callback_has_that_of_its_server_whoever_calls(run: Any) -> None:
    class Keeper(GenServer[None]):
        @impl
        def init(self, arg: Any) -> Any:
            otp.put("from", "init")
            return Ok(None)

        @impl
        def handle_call(self, request: Any, caller: Any, state: None) -> Any:
            return Reply(otp.put("from", request), state)

    async def main() -> Any:
        otp.put("from", "main")
        keeper = await Keeper.start_link()
        first = await GenServer.call(keeper, "first")
        return first, await GenServer.call(keeper, "second"), otp.get("from")

    assert run(main) == ("init", "first", "main")


def test_child_tasks_use_that_of_their_process(run: Any) -> None:
    async def child() -> Any:
        return otp.put("a", 2)

    async def main() -> Any:
        otp.put("a", 1)
        return await asyncio.create_task(child()), otp.get("a")

    assert run(main) == (1, 2)


def test_a_sensitive_process_does_not_show_it(run: Any) -> None:
    async def main() -> Any:
        otp.put("password", "hunter2")
        otp.process_flag("sensitive", True)
        return otp.process_info(otp.self(), "dictionary"), otp.get("password")

    assert run(main) == ({}, "hunter2")


@pytest.mark.parametrize("function", [lambda: otp.put(1, 2), lambda: otp.get(1), otp.erase, otp.get_keys])
def test_outside_a_process_there_is_none(function: Any) -> None:
    with pytest.raises(NotAProcess):
        function()
