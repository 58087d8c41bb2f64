"""Cases of OTP's gen_server_SUITE on requests, in Python; each test names its cases."""

from __future__ import annotations

import time
from typing import Any

import pytest

import otp
from otp import (
    CallTimeout,
    Continue,
    ExitSignal,
    GenServer,
    NoReply,
    Ok,
    Reply,
    ServerDown,
    Stop,
)
from otp.testing import Scheduler, advance, flush, wait_all_idle
from told_servers import Server


def later(caller: Any, seconds: float) -> Any:
    """Answer when nothing else has come for so long."""

    def answer() -> Any:
        GenServer.reply(caller, "delayed")
        return NoReply("answered")

    return NoReply((answer,), timeout=seconds)


def test_calls_are_answered_now_or_later_and_run_out_of_time(run: Any) -> None:
    """call."""

    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        pid = await Server.start_link("state", name="the server")
        assert await GenServer.call("the server", "ping") == ("ping", "state")
        assert await GenServer.call("the server", lambda caller, state: later(caller, 0.001)) == "delayed"

        def within(caller: Any, state: Any) -> Any:
            return Reply("ok", (lambda: NoReply("too late"),), timeout=1)

        def next_call(caller: Any, state: Any) -> Any:
            return Reply(state != "too late", "seen")

        for pause, in_time in ((0.5, True), (1.5, False)):
            assert await GenServer.call("the server", within) == "ok"
            await advance(pause)
            assert await GenServer.call("the server", next_call) is in_time
        assert await GenServer.call("the server", lambda caller, state: later(caller, 0.001), timeout=0.03) == "delayed"
        with pytest.raises(CallTimeout):
            await GenServer.call("the server", lambda caller, state: later(caller, 0.03), timeout=0.001)
        with pytest.raises(ServerDown) as error:
            await GenServer.call("the server", lambda caller, state: "badreturn")
        assert error.value.cause_reason == ("bad_return_value", "badreturn")
        return await otp.receive() == ExitSignal(pid, ("bad_return_value", "badreturn"))

    assert run(main)


@pytest.mark.parametrize("send", [GenServer.cast, otp.send], ids=["cast", "info"])
def test_casts_and_messages_are_handled_delayed_and_stop_the_server(send: Any, run: Any) -> None:
    """cast, info."""

    async def main() -> Any:
        me = otp.self()
        pid = await Server.start("state")
        ref = otp.monitor(pid)
        send(pid, lambda state: (otp.send(me, "handled"), NoReply("next"))[1])
        assert await otp.receive() == "handled"
        send(pid, lambda state: NoReply((lambda: (otp.send(me, "delayed"), NoReply(state))[1],), timeout=1))
        assert await otp.receive() == "delayed"
        assert otp.monotonic() == 1.0
        send(pid, lambda state: Stop(("stopped", state), state))
        return (await otp.receive(ref)).reason

    assert run(main) == ("stopped", "next")


def test_every_result_may_ask_to_go_on_before_the_next_message(run: Any) -> None:
    """continue."""

    async def main() -> Any:
        me = otp.self()

        def tell(what: str, then: Any = None) -> Any:
            return lambda state: (otp.send(me, what), NoReply(state, then=then and Continue(then)))[1]

        def first(make: Any) -> Any:
            """Sends itself a message, which has to wait until the server went on."""

            def handle(*args: Any) -> Any:
                otp.send(otp.self(), tell("after"))
                return make(*args)

            return handle

        async def read_messages() -> list[Any]:
            await wait_all_idle()
            return flush()

        going_on = Continue(tell("continue"))
        pid = await Server.start_link(first(lambda: Ok("state", then=going_on)))
        found = [await read_messages()]
        await GenServer.call(pid, first(lambda caller, state: Reply("ok", state, then=going_on)))
        found.append(await read_messages())
        GenServer.cast(pid, first(lambda state: NoReply(state, then=going_on)))
        found.append(await read_messages())
        otp.send(pid, first(lambda state: NoReply(state, then=going_on)))
        found.append(await read_messages())
        assert found == [["continue", "after"]] * 4
        otp.send(pid, first(lambda state: NoReply(state, then=Continue(tell("before", tell("continue"))))))
        assert await read_messages() == ["before", "continue", "after"]
        ref = otp.monitor(pid)
        otp.send(pid, lambda state: NoReply(state, then=Continue(lambda state: Stop("normal", state))))
        return (await otp.receive(ref)).reason

    assert run(main) == "normal"


def test_a_full_mailbox_does_not_slow_calls_down() -> None:
    """call_with_huge_message_queue: answers take no place in the mailbox, so no call looks through it."""

    async def main() -> Any:
        pid = await Server.start_link("state")

        async def calls() -> float:
            begun = time.process_time()
            for _ in range(1000):
                await GenServer.call(pid, "ping")
            return time.process_time() - begun

        await calls()
        empty = min([await calls() for _ in range(3)])
        for n in range(100_000):
            otp.send(otp.self(), n)
        full = min([await calls() for _ in range(3)])
        return full / empty

    assert Scheduler(inline=False).run(main) < 10
