"""A callback that receives a call itself gets Erlang's message, and its end fails the callers it received."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from otp import GenServer, NoReply, Ok, Reply, impl
from otp.testing import wait_all_idle
from slow_calls import failing


class Reader(GenServer[Any]):
    """Takes a request out of its mailbox by itself."""

    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg)

    @impl
    async def handle_cast(self, what: Any, state: Any) -> Any:
        tag, caller, request = await otp.receive(*what)
        if request != "die":
            GenServer.reply(caller, (tag, request))
            return NoReply(state)
        await asyncio.sleep(60)
        return NoReply(state)

    @impl
    def handle_call(self, request: Any, caller: otp.From, state: Any) -> Any:
        return Reply("by the server", state)


@pytest.mark.parametrize(
    "what",
    [(), (otp.Tag("$gen_call"),), (None, 60), (lambda message: message[2] == "hello",)],
    ids=["everything", "tag", "timeout", "predicate"],
)
@pytest.mark.parametrize("waits_first", [True, False])
def test_an_async_callback_receives_a_call_as_erlangs_message(what: Any, waits_first: bool, run: Any) -> None:
    async def main() -> Any:
        server = await Reader.start(None)
        GenServer.cast(server, what)
        if waits_first:
            await wait_all_idle()
        first = await GenServer.call(server, "hello")
        return first, await GenServer.call(server, "again")

    assert run(main) == (("$gen_call", "hello"), "by the server")


@pytest.mark.parametrize("waits_first", [True, False])
def test_the_end_of_a_server_fails_the_caller_whose_request_it_received_itself(waits_first: bool, run: Any) -> None:
    async def main() -> Any:
        server = await Reader.start(None)
        GenServer.cast(server, ())
        if waits_first:
            await wait_all_idle()
        call = asyncio.ensure_future(failing(GenServer.call(server, "die", timeout=30)))
        await wait_all_idle()
        otp.exit(server, "kill")
        return await call, otp.monotonic()

    assert run(main) == ((otp.ServerDown, "killed"), 0.0)


def test_the_end_of_a_server_fails_the_caller_whose_request_is_in_its_hands(run: Any) -> None:
    async def main() -> Any:
        server = await Reader.start(None)
        GenServer.cast(server, ())
        await wait_all_idle()

        async def kills() -> None:
            otp.exit(server, "kill")

        otp.spawn(kills)
        return await failing(GenServer.call(server, "die", timeout=30)), otp.monotonic()

    (kind, reason), at = run(main)
    assert (kind, at) == (otp.ServerDown, 0.0)
    assert reason in ("killed", "noproc")
