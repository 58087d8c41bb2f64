"""Reading the process table. Source: Erlang/OTP, `erlang:process_info/1,2`; pitfall 28."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from otp import GenServer, NoReply, Ok, impl
from otp.testing import wait_all_idle


class Server(GenServer[None]):
    @impl
    def init(self, arg: Any) -> Any:
        return Ok(None)

    @impl
    async def handle_cast(self, request: Any, state: None) -> Any:
        await asyncio.sleep(request)
        return NoReply(state)


async def waits() -> None:
    await otp.receive(otp.Tag("end"))


def test_all_items_of_a_waiting_process(run: Any) -> None:
    async def main() -> Any:
        me = otp.self()
        pid = otp.spawn_link(waits)
        otp.register("n", pid)
        otp.send(pid, 1)
        otp.send(pid, 2)
        ref = otp.monitor(pid)
        await wait_all_idle()
        info = otp.process_info(pid)
        assert info is not None
        assert ref is not None
        return (
            info.pid is pid,
            info.registered_name,
            info.status,
            info.links == (me,),
            info.monitors,
            info.monitored_by == (me,),
            info.trap_exit,
            info.message_queue_len,
            info.messages,
            info.dictionary,
            info.initial_call,
            info.current_function.split(":")[0] if info.current_function else None,
            info.parent is me,
            info.ancestors == (me,),
        )

    assert run(main) == (
        True, "n", "waiting", True, (), True, False, 2, (1, 2), {}, "waits", "waits", True, True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("item", "value"),
    [("registered_name", None), ("links", ()), ("message_queue_len", 0), ("trap_exit", True), ("monitors", ())],
)
def test_a_single_item_is_the_bare_value(item: str, value: Any, run: Any) -> None:
    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        return otp.process_info(otp.self(), item)

    assert run(main) == value


def test_monitors_are_pids_or_name_and_node_in_order_of_making(run: Any) -> None:
    async def main() -> Any:
        one, two = otp.spawn(waits), otp.spawn(waits)
        otp.register("two", two)
        otp.monitor(one)
        otp.monitor("two")
        return otp.process_info(otp.self(), "monitors") == (one, ("two", "test"))

    assert run(main)


def test_a_dead_process_has_no_information(run: Any) -> None:
    async def main() -> Any:
        pid = otp.spawn(lambda: None)
        await otp.wait_down(pid)
        return otp.process_info(pid), otp.process_info(pid, "registered_name"), otp.is_alive(pid)

    assert run(main) == (None, None, False)


def test_an_unknown_item_is_refused_with_the_list(run: Any) -> None:
    async def main() -> None:
        with pytest.raises(otp.BadArgument, match="unknown item 'heap_size'; items are registered_name, status, links"):
            otp.process_info(otp.self(), "heap_size")

    run(main)


@pytest.mark.parametrize("function", [otp.process_info, otp.is_alive])
def test_what_is_no_pid_is_refused_with_the_way_to_one(function: Any, run: Any) -> None:
    async def main() -> None:
        with pytest.raises(otp.BadArgument, match=r"expected a pid, got 'n'; try otp\.whereis\('n'\)"):
            function("n")

    run(main)


def test_states_in_words(run: Any) -> None:
    async def main() -> Any:
        server = await Server.start()

        async def calls() -> None:
            await GenServer.call(server, 1)

        async def sleeps() -> None:
            await asyncio.sleep(60)

        GenServer.cast(server, 60)
        idle = await Server.start()
        pids = [otp.spawn(calls), otp.spawn(sleeps), otp.spawn(waits), server, idle]
        await wait_all_idle()
        new = otp.spawn(waits)
        return [otp.process_info(pid, "status") for pid in (*pids, new, otp.self())]

    assert run(main) == ["calling", "awaiting", "waiting", "awaiting", "waiting", "runnable", "running"]


def test_processes_lists_the_living_oldest_first(run: Any) -> None:
    async def main() -> Any:
        pids = [otp.spawn(waits) for _ in range(5)]
        otp.exit(pids[2], "kill")
        return otp.processes() == [otp.self(), *pids[:2], *pids[3:]]

    assert run(main)


def test_a_process_about_to_end_by_a_signal_is_not_alive(run: Any) -> None:
    """Erlang's is_process_alive/1 awaits the signals the asker has sent."""

    class Asks(Server):
        @impl
        def handle_call(self, request: Any, caller: otp.From, state: None) -> Any:
            otp.exit(caller.pid, "kill")
            seen.append(otp.is_alive(caller.pid))
            return otp.Reply(None, state)

    seen: list[bool] = []

    async def main() -> None:
        server = await Asks.start()

        async def victim() -> None:
            await GenServer.call(server, 1)

        await otp.wait_down(otp.spawn(victim))

    run(main)
    assert seen == [False]


def test_looking_does_not_change_what_is_looked_at(run: Any) -> None:
    async def main() -> Any:
        server = await Server.start()
        for n in range(3):
            otp.send(server, n)
        looks = [otp.process_info(server, "messages") for _ in range(3)]
        otp.send(otp.self(), "mine")
        mine = [otp.process_info(otp.self(), "messages") for _ in range(2)]
        return looks, mine, await otp.receive()

    assert run(main) == ([(0, 1, 2)] * 3, [("mine",)] * 2, "mine")


def test_a_call_that_was_answered_is_no_message_of_its_caller(run: Any) -> None:
    class Answers(Server):
        @impl
        def handle_call(self, request: Any, caller: otp.From, state: None) -> Any:
            return otp.Reply(request, state)

    async def main() -> Any:
        server = await Answers.start()

        async def caller() -> None:
            await otp.GenServer.call(server, "request")
            looks = otp.spawn_monitor(look, otp.self())[1]
            await asyncio.sleep(0)  # it is ready to run when it is looked at
            await otp.receive(looks)

        async def look(at: otp.Pid) -> None:
            found.append(otp.process_info(at, "messages"))

        found: list[Any] = []
        await otp.wait_down(otp.spawn(caller))
        return found

    assert run(main) == [()]


def test_the_messages_behind_the_one_that_is_handled_are_shown(run: Any) -> None:
    class Looks(Server):
        @impl
        def init(self, arg: Any) -> Any:
            otp.process_flag("trap_exit", True)
            return otp.Ok(None)

        @impl
        def handle_info(self, message: Any, state: None) -> Any:
            seen.append((message, otp.process_info(otp.self(), "messages")))
            return otp.NoReply(state)

    seen: list[Any] = []

    async def main() -> Any:
        server = await Looks.start()
        for n in range(3):
            otp.send(server, n)
        await wait_all_idle()
        return seen

    assert run(main) == [(0, (1, 2)), (1, (2,)), (2, ())]
