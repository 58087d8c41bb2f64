"""Registered names. Source: Erlang/OTP, `erlang:register/2`; pitfalls 17, 23–27."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from otp.testing import Scheduler, wait_all_idle


async def waits() -> None:
    await otp.receive()


def test_a_name_leads_to_its_process_until_it_is_unregistered(run: Any) -> None:
    async def main() -> Any:
        pid = otp.spawn(waits)
        answers = [otp.register("n", pid), otp.whereis("n") is pid, otp.registered(), otp.unregister("n")]
        return answers, otp.whereis("n"), otp.registered()

    assert run(main) == ([True, True, ["n"], True], None, [])


def test_a_class_that_is_a_name_may_have_attributes_of_a_process(run: Any) -> None:
    class Film:
        status = runtime = 90

    async def main() -> Any:
        otp.register(Film, otp.self())
        otp.send(Film, "hello")
        otp.GenServer.cast(Film, "go")
        return await otp.receive(), await otp.receive()

    assert run(main) == ("hello", ("$gen_cast", "go"))


def test_a_taken_name_a_dead_pid_and_a_second_name_are_refused(run: Any) -> None:
    """Pitfall 24."""

    async def main() -> None:
        one, two = otp.spawn(waits), otp.spawn(waits)
        otp.register("n", one)
        with pytest.raises(otp.BadArgument, match="the name 'n' is taken by <0"):
            otp.register("n", two)
        with pytest.raises(otp.BadArgument, match="taken"):
            otp.register("n", one)
        with pytest.raises(otp.BadArgument, match="already has the name 'n'; unregister it first"):
            otp.register("m", one)
        otp.exit(two, "kill")
        with pytest.raises(otp.BadArgument, match="is dead"):
            otp.register("m", two)
        with pytest.raises(otp.BadArgument, match="no process has the name 'm'"):
            otp.unregister("m")

    run(main)


def test_swapped_arguments_are_recognised(run: Any) -> None:
    async def main() -> None:
        with pytest.raises(otp.BadArgument, match=r"the arguments are swapped; try register\('n', <0"):
            otp.register(otp.self(), "n")

    run(main)


def test_a_pid_can_be_no_name(run: Any) -> None:
    async def main() -> None:
        with pytest.raises(otp.BadArgument, match="expected"):
            otp.register(otp.self(), otp.self())

    run(main)


@pytest.mark.parametrize("name", [None, True, 3, 1.5, "undefined", [], {}])
def test_what_can_be_no_name_is_refused(name: Any, run: Any) -> None:
    async def main() -> None:
        with pytest.raises(otp.BadArgument):
            otp.register(name, otp.self())
        with pytest.raises(otp.BadArgument):
            otp.whereis(name)

    run(main)


@pytest.mark.parametrize("name", ["text", "", ("pair", "of", "three"), ("room", "lobby"), frozenset({1}), len])
def test_anything_hashable_else_can_be_a_name(name: Any, run: Any) -> None:
    async def main() -> Any:
        otp.register(name, otp.self())
        return otp.whereis(name) is otp.self()

    assert run(main)


@pytest.mark.parametrize("name", [("room", "lobby"), ("room", 7), ("room", None), ("a", "b", "c")])
def test_a_tuple_that_is_a_name_is_a_destination_everywhere(name: Any, run: Any) -> None:
    """A pair used to be taken for (name, node) by some functions and for a name by others."""

    async def main() -> Any:
        pid = otp.spawn(waits)
        otp.register(name, pid)
        ref = otp.monitor(name)
        otp.send_after(1, name, "stop")
        down = await otp.receive(ref)
        return down.reason, otp.monotonic()

    assert run(main) == ("normal", 1.0)


def test_a_pair_that_reads_as_a_name_on_a_node_can_be_no_name(run: Any) -> None:
    async def main() -> None:
        node = otp.self().node
        with pytest.raises(otp.BadArgument, match=r"reads as the name 'room' on node .*; try Registry\.via"):
            otp.register(("room", node), otp.self())
        with pytest.raises(otp.BadArgument, match="no node 'lobby' here, and no process has the name"):
            otp.send(("room", "lobby"), "hello")

    run(main)


def test_any_process_may_register_and_unregister_any_other(run: Any) -> None:
    async def main() -> Any:
        pid = otp.spawn(waits)
        otp.spawn(lambda: otp.register("n", pid))
        await wait_all_idle()
        found = otp.whereis("n") is pid
        otp.spawn(lambda: otp.unregister("n"))
        await wait_all_idle()
        return found, otp.whereis("n"), otp.is_alive(pid)

    assert run(main) == (True, None, True)


def test_the_name_of_an_ended_process_is_free_when_its_down_is_seen(run: Any) -> None:
    """Pitfall 23."""

    async def main() -> Any:
        free = []
        for _ in range(50):
            pid, ref = otp.spawn_monitor(waits)
            otp.register("n", pid)
            otp.send(pid, "end")
            await otp.receive(ref)
            free.append(otp.whereis("n"))
        return free

    assert run(main) == [None] * 50


def test_the_second_half_of_a_pair_is_a_node_or_its_name(run: Any) -> None:
    async def main() -> Any:
        otp.register("n", otp.self())
        node = otp.trace.node_of(otp.self())
        with pytest.raises(otp.BadArgument, match="no node 'other' here"):
            otp.whereis(("n", "other"))
        return otp.whereis(("n", "test")) is otp.self(), otp.whereis(("n", node)) is otp.self()

    assert run(main) == (True, True)


def test_outside_a_process_a_bare_name_needs_exactly_one_node_in_the_loop() -> None:
    async def main() -> Any:
        with pytest.raises(otp.BadArgument, match="no node runs in this event loop"):
            otp.whereis("n")
        async with otp.Node("one") as one:
            pid = one.spawn(waits)
            otp.register("n", pid)
            alone = otp.whereis("n") is pid
            async with otp.Node("two"), otp.Node("two") as twin:
                with pytest.raises(otp.BadArgument, match=r"several nodes .*'one', 'two', 'two'.*\(name, node\)"):
                    otp.whereis("n")
                with pytest.raises(otp.BadArgument, match="2 nodes of this loop have the name 'two'"):
                    otp.whereis(("n", "two"))
                return alone, otp.whereis(("n", "one")) is pid, otp.whereis(("n", twin))

    assert asyncio.run(main()) == (True, True, None)


def test_a_name_can_be_waited_for() -> None:
    async def main() -> Any:
        node = otp.trace.node_of(otp.self())

        async def later() -> None:
            await asyncio.sleep(2)
            otp.register("late", otp.self())
            await otp.receive()

        pid = otp.spawn(later)
        with pytest.raises(TimeoutError, match="no process took the name 'late' within 1 s"):
            await node.wait_registered("late", timeout=1)
        first = await node.wait_registered("late") is pid
        return first, await node.wait_registered("late", timeout=1) is pid, otp.monotonic(), node.watched_life  # type: ignore[attr-defined]

    assert Scheduler().run(main) == (True, True, 2.0, False)


def test_names_of_two_nodes_do_not_meet() -> None:
    async def main() -> Any:
        async with otp.Node("one") as one, otp.Node("two") as two:
            a, b = one.spawn(waits), two.spawn(waits)
            otp.register("n", a)
            otp.register("n", b)
            return one.whereis("n") is a, two.whereis("n") is b

    assert asyncio.run(main()) == (True, True)
