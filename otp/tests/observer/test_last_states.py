"""The last state of a child is kept as a text, and nothing else of it."""

from __future__ import annotations

import gc
import logging
import weakref
from typing import Any

import pytest

import otp
from otp import Children, DynamicSupervisor, GenServer, NoReply, Ok, Reply, Supervisor, impl, observer
from otp.testing import Scheduler, advance, wait_all_idle


class Box:
    def __init__(self, value: Any) -> None:
        self.value = value


class Till(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Ok[Any]:
        if arg == "secret":
            otp.process_flag("sensitive", True)
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Reply[Any]:
        return Reply(state, state)

    @impl
    def handle_cast(self, request: Any, state: Any) -> NoReply[Any]:
        if request == "crash":
            raise ValueError("no change")
        return NoReply(request)


class Shop(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        children = [Till.child_spec(each, id=name, name=name) for name, each in zip("abc", arg, strict=False)]
        return Children(children, max_restarts=99)


async def ended(name: str, reason: str = "kill") -> otp.Pid:
    """End the child of this name, and return its pid when its supervisor has started another one."""
    pid = otp.whereis(name)
    assert pid is not None
    otp.exit(pid, reason)
    await otp.wait_down(pid)
    await wait_all_idle()
    assert otp.whereis(name) not in (None, pid)
    return pid


def test_the_state_before_a_kill_or_before_the_callback_that_raised_is_kept() -> None:
    async def main() -> list[str | None]:
        last = observer.keep_last_states(otp.node())
        await Shop.start_link([{"cash": 1}, {"password": "hunter2"}, "secret"])
        GenServer.cast("a", {"cash": 2})
        await GenServer.call("a", "read")
        first = await ended("a")
        crashed = otp.whereis("a")
        assert crashed is not None
        GenServer.cast("a", "crash")
        await otp.wait_down(crashed)
        living = otp.whereis("b")
        assert living is not None
        assert last.of(living) is None
        return [last.of(one) for one in (first, crashed, await ended("b"), await ended("c"))]

    assert Scheduler().run(main) == ["{'cash': 2}", "{'cash': 1}", "{'password': ***}", None]


def test_only_the_newest_texts_are_kept_and_not_the_state() -> None:
    async def main() -> tuple[list[str | None], bool]:
        last = observer.keep_last_states(otp.node(), show=lambda state: f"{state.value}", most=2)
        boxes = [Box(1), Box(2), Box(3)]
        freed = weakref.ref(boxes[0])
        tree = await Shop.start_link(boxes)
        boxes.clear()
        pids = [await ended(place) for place in "abc"]
        kept = [last.of(one) for one in pids]
        await Supervisor.stop(tree)
        gc.collect()
        return kept, freed() is None

    assert Scheduler().run(main) == ([None, "2", "3"], True)


def test_children_that_come_and_go_displace_no_restart() -> None:
    async def main() -> list[str | None]:
        last = observer.keep_last_states(otp.node(), most=2)
        await Shop.start_link([1])
        crashed = await ended("a")
        successor = otp.whereis("a")
        assert successor is not None
        orders = await DynamicSupervisor.start_link()
        order = crashed
        for number in range(5):
            order = await DynamicSupervisor.start_child(orders, Till.child_spec(number, restart="temporary"))
            await GenServer.stop(order)
        return [last.of(crashed), last.first_of(successor), last.of(order), last.first_of(order)]

    assert Scheduler().run(main) == ["1", "1", "4", "4"]


def test_more_ends_in_a_second_than_the_rate_are_not_looked_at() -> None:
    async def main() -> list[str | None]:
        last = observer.keep_last_states(otp.node(), rate=2)
        await Shop.start_link([1])
        pids = [await ended("a") for _ in range(3)]
        await advance(1)
        return [last.of(one) for one in [*pids, await ended("a")]]

    assert Scheduler().run(main) == ["1", "1", None, "1"]


def test_a_failing_text_is_logged_and_the_child_restarts(caplog: pytest.LogCaptureFixture) -> None:
    def fail(state: Any) -> str:
        raise RuntimeError("no text")

    async def main() -> str | None:
        last = observer.keep_last_states(otp.node(), show=fail)
        await Shop.start_link([1])
        return last.of(await ended("a"))

    with caplog.at_level(logging.ERROR):
        assert Scheduler().run(main) is None
    assert "no text" in caplog.text


def test_after_a_close_nothing_is_kept_and_another_reader_goes_on() -> None:
    async def main() -> list[str | None]:
        first = observer.keep_last_states(otp.node())
        second = observer.keep_last_states(otp.node())
        first.close()
        await Shop.start_link([1])
        pid = await ended("a")
        kept = [first.of(pid), second.of(pid)]
        second.close()
        return [*kept, second.of(pid), second.of(await ended("a"))]

    assert Scheduler().run(main) == [None, "1", None, None]


def test_what_is_left_is_taken_over_once() -> None:
    async def main() -> list[str | None]:
        first = observer.keep_last_states(otp.node())
        await Shop.start_link([1])
        pid = await ended("a")
        first.close(forget=False)
        second = observer.keep_last_states(otp.node())
        kept = second.of(pid)
        second.close()
        return [kept, observer.keep_last_states(otp.node()).of(pid)]

    assert Scheduler().run(main) == ["1", None]


@pytest.mark.parametrize("bad", [{"most": 0}, {"rate": 0}])
def test_a_number_below_one_is_refused(bad: dict[str, int]) -> None:
    async def main() -> None:
        observer.keep_last_states(otp.node(), **bad)

    with pytest.raises(otp.BadArgument, match="expected a number of at least 1, got 0"):
        Scheduler().run(main)


def test_the_state_in_which_a_child_began_is_kept_although_it_works_at_once() -> None:
    async def main() -> list[str | None]:
        last = observer.keep_last_states(otp.node())
        await Shop.start_link([{"cash": 1}, {"password": "hunter2"}])
        GenServer.cast("a", {"cash": 2})
        old = otp.whereis("a")
        new = await ended("a")
        GenServer.cast("a", {"cash": 3})
        assert await GenServer.call("a", "read") == {"cash": 3}
        return [last.first_of(one) for one in (old, new, otp.whereis("b")) if one is not None]

    assert Scheduler().run(main) == ["{'cash': 1}", "{'cash': 1}", "{'password': ***}"]


def test_the_caller_and_the_messages_that_are_lost_with_a_child_are_kept_without_secrets() -> None:
    class Slow(GenServer[Any]):
        @impl
        def init(self, arg: Any) -> Ok[Any]:
            if arg == "secret":
                otp.process_flag("sensitive", True)
            return Ok(arg)

        @impl
        async def handle_call(self, request: Any, caller: Any, state: Any) -> Reply[Any]:
            await otp.receive(lambda message: message == "never")
            return Reply(None, state)

    class Slows(Supervisor):
        @impl
        def init(self, arg: Any) -> Children:
            children = [Slow.child_spec(name, id=name, name=name) for name in ("open", "secret")]
            return Children(children, max_restarts=99)

    async def main() -> list[Any]:
        last = observer.keep_last_states(otp.node())
        await Slows.start_link(None)
        found: list[Any] = []
        for name in ("open", "secret"):

            async def call(name: str = name) -> None:
                await GenServer.call(name, "wait")

            client = otp.spawn(call)
            otp.register(f"client of {name}", client)
            await wait_all_idle()
            GenServer.cast(name, {"password": "hunter2"})
            for number in range(4):
                otp.send(name, ("order", number))
            await wait_all_idle()
            kept = last.messages_of(await ended(name))
            assert kept is not None
            found.append((kept.caller is client, kept.caller_name, kept.lost, kept.first))
        idle = await ended("open")
        return [*found, last.messages_of(idle)]

    assert Scheduler().run(main) == [
        (True, "client of open", 5, ("{'password': ***}", "('order', 0)", "('order', 1)")),
        (True, "client of secret", 5, ()), None,
    ]  # fmt: skip


def test_a_caller_that_ended_first_keeps_its_name() -> None:
    """Regression: a process that ended after its caller, as in a deadlock, handled a call "from process <0.8.0>"."""

    class Desk(GenServer[str]):
        @impl
        def init(self, arg: str) -> Ok[str]:
            return Ok(arg)

        @impl
        async def handle_call(self, request: Any, caller: Any, state: str) -> Reply[None]:
            await otp.receive(lambda message: message == "never")
            return Reply(None, state)

        @impl
        async def handle_cast(self, request: Any, state: str) -> NoReply[str]:
            await GenServer.call(request, "wait", timeout="infinity")
            return NoReply(state)

    class Desks(Supervisor):
        @impl
        def init(self, arg: Any) -> Children:
            return Children([Desk.child_spec(name, id=name, name=name) for name in ("front", "back")])

    async def main() -> Any:
        last = observer.keep_last_states(otp.node())
        await Desks.start_link(None)
        GenServer.cast("front", "back")
        await wait_all_idle()
        front = await ended("front")
        kept = last.messages_of(await ended("back"))
        return kept is not None and (kept.caller is front, kept.caller_name)

    assert Scheduler().run(main) == (True, "front")


def test_the_flags_of_a_supervisor_that_has_ended_are_kept() -> None:
    async def main() -> list[Any]:
        last = observer.keep_last_states(otp.node())
        shop = await Shop.start_link([1, 2, 3])
        before = last.flags_of(shop)
        otp.unlink(shop)
        otp.exit(shop, "kill")
        await otp.wait_down(shop)
        return [before, last.flags_of(shop), last.of(shop)]

    before, flags, state = Scheduler().run(main)
    assert before is None
    assert (flags.strategy, flags.max_restarts, flags.auto_shutdown) == ("one_for_one", 99, "never")
    assert state is None
