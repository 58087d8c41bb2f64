"""Sending and receiving. Source: Erlang reference manual, "Receive"."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest

import otp
from otp import Down, Is, ReceiveTimeout, Tag
from otp.testing import wait_all_idle


class Grumpy:
    def __eq__(self, other: object) -> bool:
        raise RuntimeError("do not compare me")

    __hash__ = object.__hash__


def test_messages_arrive_in_the_order_of_one_sender(run: Any) -> None:
    async def main() -> Any:
        for n in range(100):
            otp.send(otp.self(), n)
        return [await otp.receive() for _ in range(100)]

    assert run(main) == list(range(100))


def test_send_returns_the_message_and_a_dead_pid_drops_it(run: Any) -> None:
    async def main() -> Any:
        pid = otp.spawn(lambda: None)
        await otp.wait_down(pid)
        return otp.send(pid, "lost"), otp.send(otp.self(), "kept"), await otp.receive()

    assert run(main) == ("lost", "kept", "kept")


def test_a_send_to_a_name_nobody_has_is_an_error(run: Any) -> None:
    """Pitfall 25."""

    async def main() -> None:
        with pytest.raises(otp.BadArgument, match="no process has the name 'ghost'"):
            otp.send("ghost", 1)

    run(main)


def test_a_selective_receive_takes_the_oldest_match_and_leaves_the_others_in_order(run: Any) -> None:
    async def main() -> Any:
        for message in (1, ("a", 1), 2, ("a", 2), 3):
            otp.send(otp.self(), message)
        first, second = await otp.receive(Tag("a")), await otp.receive(Tag("a"))
        return first, second, [await otp.receive() for _ in range(3)]

    assert run(main) == (("a", 1), ("a", 2), [1, 2, 3])


def test_a_waiting_selective_receive_is_woken_by_its_message_only(run: Any) -> None:
    async def main() -> Any:
        me = otp.self()

        async def sender() -> None:
            for message in (1, 2, ("wanted",), 3):
                otp.send(me, message)

        otp.spawn(sender)
        wanted = await otp.receive(Tag("wanted"))
        await wait_all_idle()
        return wanted, [await otp.receive() for _ in range(3)]

    assert run(main) == (("wanted",), [1, 2, 3])


def test_a_predicate_that_raises_on_a_message_does_not_match_it(run: Any) -> None:
    async def main() -> Any:
        otp.send(otp.self(), None)
        otp.send(otp.self(), {"kind": "x"})
        me = otp.self()
        otp.spawn(lambda: [otp.send(me, 7), otp.send(me, {"kind": "y"})])
        return await otp.receive(lambda m: m["kind"] == "x"), await otp.receive(lambda m: m["kind"] == "y")

    assert run(main) == ({"kind": "x"}, {"kind": "y"})


def test_messages_that_refuse_comparison_do_not_stop_anybody(run: Any) -> None:
    async def main() -> Any:
        grumpy = Grumpy()
        for message in (grumpy, (grumpy, 1), ("t", grumpy), "end"):
            otp.send(otp.self(), message)
        end = await otp.receive(Is("end"))
        tagged = await otp.receive(Tag("t"))
        with pytest.raises(ReceiveTimeout):
            await otp.receive(Tag("t", 1), timeout=0)
        return end, tagged[1] is grumpy, await otp.receive() is grumpy

    assert run(main) == ("end", True, True)


def test_time_out_0_looks_once_and_does_not_wait(run: Any) -> None:
    async def main() -> Any:
        with pytest.raises(ReceiveTimeout):
            await otp.receive(timeout=0)
        otp.send(otp.self(), "there")
        with pytest.raises(ReceiveTimeout):
            await otp.receive(Tag("x"), timeout=0)
        return await otp.receive(timeout=0), otp.monotonic()

    assert run(main) == ("there", 0.0)


def test_a_time_out_is_exact_and_also_a_TimeoutError(run: Any) -> None:
    async def main() -> Any:
        with pytest.raises(TimeoutError):
            await otp.receive(timeout=1.5)
        otp.send(otp.self(), 1)
        with pytest.raises(ReceiveTimeout):
            await otp.receive(Tag("x"), timeout=2)
        return otp.monotonic(), await otp.receive()

    assert run(main) == (3.5, 1)


def test_a_message_that_arrives_in_time_cancels_the_time_out(run: Any) -> None:
    async def main() -> Any:
        otp.send_after(1, otp.self(), "in time")
        got = await otp.receive(timeout=2)
        otp.send_after(3, otp.self(), "later")
        return got, await otp.receive(), otp.monotonic()

    assert run(main) == ("in time", "later", 4.0)


@pytest.mark.parametrize("timeout", [-1, float("nan"), True, "soon", float("inf")])
def test_a_time_out_that_is_no_time_is_refused(timeout: Any, run: Any) -> None:
    async def main() -> None:
        with pytest.raises(otp.BadArgument, match=r"receive\(timeout=…\): expected a time in seconds"):
            await otp.receive(timeout=timeout)

    run(main)


@pytest.mark.parametrize("timeout", ["infinity", None])
def test_infinity_and_None_are_no_limit(timeout: Any, run: Any) -> None:
    async def main() -> Any:
        otp.send_after(1e6, otp.self(), "at last")
        return await otp.receive(timeout=timeout)

    assert run(main) == "at last"


def test_a_remembered_pattern_finds_what_came_later(run: Any) -> None:
    """The mailbox remembers how far a pattern has searched, and never skips a later message."""

    async def main() -> Any:
        got = []
        for n in range(5):
            for k in range(10):
                otp.send(otp.self(), ("noise", n, k))
            with pytest.raises(ReceiveTimeout):
                await otp.receive(Tag("x"), timeout=0)
            otp.send(otp.self(), ("x", n))
            got.append(await otp.receive(Tag("x")))
        return got

    assert run(main) == [("x", n) for n in range(5)]


def test_a_plain_receive_in_between_does_not_shift_the_memory(run: Any) -> None:
    async def main() -> Any:
        for n in range(4):
            otp.send(otp.self(), n)
        with pytest.raises(ReceiveTimeout):
            await otp.receive(Tag("x"), timeout=0)
        await otp.receive()
        await otp.receive()
        otp.send(otp.self(), ("x",))
        return await otp.receive(Tag("x"), timeout=0)

    assert run(main) == ("x",)


def test_patterns_in_turn_do_not_use_each_others_memory(run: Any) -> None:
    async def main() -> Any:
        otp.send(otp.self(), ("a",))
        otp.send(otp.self(), ("b",))
        with pytest.raises(ReceiveTimeout):
            await otp.receive(Tag("c"), timeout=0)
        b = await otp.receive(Tag("b"), timeout=0)
        with pytest.raises(ReceiveTimeout):
            await otp.receive(Tag("c"), timeout=0)
        return b, await otp.receive(Tag("a"), timeout=0)

    assert run(main) == (("b",), ("a",))


def test_flushing_a_down_does_not_shift_the_memory(run: Any) -> None:
    async def main() -> Any:
        pid = otp.spawn(lambda: None)
        await otp.wait_down(pid)
        ref = otp.monitor(pid)
        otp.send(otp.self(), 1)
        with pytest.raises(ReceiveTimeout):
            await otp.receive(Tag("x"), timeout=0)
        otp.demonitor(ref, flush=True)
        otp.send(otp.self(), ("x",))
        return await otp.receive(Tag("x"), timeout=0)

    assert run(main) == ("x",)


def test_outside_a_process_receive_names_what_to_use(run: Any) -> None:
    async def outside() -> None:
        with pytest.raises(otp.NotAProcess, match=r"outside use GenServer\.call or otp\.wait_down"):
            await otp.receive()

    asyncio.run(outside())


def test_receive_belongs_to_the_main_coroutine(run: Any) -> None:
    async def main() -> None:
        async def child() -> None:
            await otp.receive()

        with pytest.raises(otp.NotProcessMain, match="main coroutine"):
            await asyncio.create_task(child())

    run(main)


def test_a_process_that_fills_its_own_mailbox_lets_the_others_run() -> None:
    """A coroutine that never has to wait yields to others after the budget of a drain."""

    async def main() -> Any:
        async def busy() -> None:
            while True:
                otp.send(otp.self(), "again")
                await otp.receive()

        async def picky() -> None:
            otp.send(otp.self(), "ahead")
            while True:
                otp.send(otp.self(), ("again",))
                await otp.receive(Tag("again"))

        pids = [otp.spawn(busy), otp.spawn(picky)]
        await asyncio.sleep(0.01)
        alive = [otp.is_alive(pid) for pid in pids]
        for pid in pids:
            otp.exit(pid, "kill")
        return alive

    assert otp.run(main) == [True, True]


def test_the_messages_of_a_full_mailbox_keep_their_order_across_turns() -> None:
    async def main() -> Any:
        for n in range(5000):
            otp.send(otp.self(), n)
        return [await otp.receive() for _ in range(5000)] == list(range(5000))

    assert otp.run(main)


def test_an_exiting_process_receives_nothing_more(run: Any) -> None:
    """`receive` raises, because the exit reason is final. Source: design part 1 §3, "Dying"."""
    seen: list[Any] = []

    async def main() -> Any:
        async def victim() -> None:
            try:
                await otp.receive(Tag("never"))
            finally:
                try:
                    await otp.receive()
                except otp.Exit as error:
                    seen.append(error.reason)

        pid, ref = otp.spawn_monitor(victim)
        await wait_all_idle()
        otp.send(pid, "a message")
        otp.exit(pid, "boom")
        return (await otp.receive(ref)).reason

    assert run(main) == "boom"
    assert seen == ["boom"]


def test_a_message_and_a_down_keep_the_order_of_their_sender(run: Any) -> None:
    """Signals between one pair keep their order."""

    async def main() -> Any:
        me = otp.self()
        _, ref = otp.spawn_monitor(lambda: [otp.send(me, 1), otp.send(me, 2)])
        got = [await otp.receive() for _ in range(3)]
        return got[:2], isinstance(got[2], Down) and got[2].ref is ref

    assert run(main) == ([1, 2], True)


def test_sending_by_name_and_by_name_and_node(run: Any) -> None:
    async def main() -> Any:
        otp.register("me", otp.self())
        node = otp.trace.node_of(otp.self())
        otp.send("me", 1)
        otp.send(("me", "test"), 2)
        otp.send(("me", node), 3)
        return [await otp.receive() for _ in range(3)]

    assert run(main) == [1, 2, 3]


def test_an_unknown_node_is_named(run: Any) -> None:
    async def main() -> None:
        with pytest.raises(otp.BadArgument, match="no node 'mars' here"):
            otp.send(("me", "mars"), 1)

    run(main)


@pytest.mark.parametrize("dest", [None, 3, 1.5, True, [], "undefined"])
def test_what_can_be_no_destination_is_named(dest: Any, run: Any) -> None:
    async def main() -> None:
        with pytest.raises(otp.BadArgument, match="expected a pid, a name"):
            otp.send(dest, 1)

    run(main)


def test_a_receive_that_nobody_awaits_is_a_warning_with_its_name() -> None:
    """Regression: `receive` was an awaitable generator, for which Python does not warn."""

    async def main() -> str:
        return repr(otp.receive())

    with pytest.warns(RuntimeWarning, match="coroutine 'receive' was never awaited"):
        shown = otp.run(main)

    assert shown.startswith("<coroutine object receive at ")
    assert inspect.iscoroutinefunction(otp.receive)
    assert inspect.signature(otp.receive).parameters.keys() == {"matching", "timeout"}


@pytest.mark.parametrize("timeout", [0, 1])
@pytest.mark.parametrize("matching", [None, otp.Is("that")], ids=["any", "pattern"])
def test_the_error_of_a_time_out_says_what_there_was_none_of(run: Any, matching: Any, timeout: int) -> None:
    async def main() -> Any:
        if matching is not None:
            otp.send(otp.self(), "this")
        with pytest.raises(otp.ReceiveTimeout) as failure:
            await otp.receive(matching, timeout=timeout)
        return "match" in str(failure.value)

    assert run(main) is (matching is not None)
