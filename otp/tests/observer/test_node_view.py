"""The contract of every `NodeView`, local and through a `ViewServer`: one suite for both."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any

import pytest

import otp
from otp import (
    AlreadyPresent,
    AlreadyStarted,
    BadArgument,
    CallTimeout,
    Children,
    ChildSpec,
    DynamicSupervisor,
    GenServer,
    NoProcess,
    NoReply,
    NotFound,
    Ok,
    Reply,
    StartError,
    Supervisor,
    impl,
    observer,
    testing,
)
from otp.observer import ChildCounts, ChildStart, NodeView


class Counter(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)

    @impl
    async def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        match request:
            case "value":
                return Reply(state, state)
            case ("echo", term):
                return Reply(term, state)
            case "object":
                return Reply(Unreadable(), state)
            case "wait":
                await otp.receive(otp.Tag("go"))
                return Reply("gone", state)
            case _:
                raise otp.Error(request)

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        return NoReply(request)

    @impl
    def handle_info(self, message: Any, state: Any) -> Any:
        return NoReply(message)


class Unreadable:
    def __repr__(self) -> str:
        raise AssertionError("no code of a program may run")

    __str__ = __hash__ = __eq__ = __reduce__ = __repr__  # type: ignore[assignment]

    def __getattr__(self, name: str) -> Any:
        raise AssertionError("no code of a program may run")


class Shop(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children(
            [Counter.child_spec(1, name="one"), Counter.child_spec(2, id="two", name="two")],
            max_restarts=2,
            max_seconds=9,
        )


class Rooms(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children([ChildSpec("room", (Counter.start_link,))], strategy="simple_one_for_one")


class Deep(Supervisor):
    @impl
    def init(self, depth: int) -> Children:
        return Children([Deep.child_spec(depth - 1)] if depth else [])


# Looking


def test_info_and_metrics_are_figures_of_the_node(on_both: Any) -> None:
    async def test(view: NodeView) -> None:
        shop = await Shop.start_link(None, name="shop")
        info, figures = await view.info(), await view.metrics()
        assert (view.name, "open", sys.platform) == (info.name, info.life, info.system)
        assert info.creation == otp.trace.node_of(shop).creation
        assert info.processes == figures.processes == figures.scanned == len(otp.processes())
        assert (0, 0) == (figures.restarts, figures.give_ups)
        otp.exit(otp.whereis("one"), "kill")
        await testing.wait_all_idle()
        after = await view.metrics()
        assert (1, 0) == (after.restarts, after.give_ups)
        assert after.spawned > figures.spawned
        assert after.switches > figures.switches
        assert after.memory is None or after.memory > 1_000_000
        for _ in range(2):
            otp.exit(otp.whereis("one"), "kill")
            await testing.wait_all_idle()
        assert (2, 1) == ((await view.metrics()).restarts, (await view.metrics()).give_ups)

    async def trapping(view: NodeView) -> None:
        otp.process_flag("trap_exit", True)
        await test(view)

    on_both(trapping)


def test_metrics_know_the_deepest_mailbox(on_both: Any) -> None:
    async def test(view: NodeView) -> None:
        counters = [await Counter.start_link(n) for n in range(3)]
        for counter, length in zip(counters, (2, 5, 1), strict=True):
            await otp.sys.suspend(counter)
            for n in range(length):
                GenServer.cast(counter, n)
        await testing.wait_all_idle()
        figures = await view.metrics()
        assert (8, 5, counters[1]) == (figures.mailbox_total, figures.mailbox_deepest, figures.mailbox_deepest_pid)

    on_both(test)


def test_processes_are_filtered_sorted_and_paged(on_both: Any) -> None:
    async def test(view: NodeView) -> None:
        await Shop.start_link(None, name="shop")
        found = await view.processes(kind="worker", search="counter", sort="name", descending=True)
        assert (["two", "one"], 2, False) == ([p.name for p in found.processes], found.total, found.partial)
        assert (await view.processes(search="counter", limit=1, offset=1)).processes == found.processes[:1]
        assert (await view.processes(search="counter", deadline=0)).partial

    on_both(test)


def test_a_process_is_shown_by_pid_name_and_text(on_both: Any) -> None:
    async def test(view: NodeView) -> None:
        await Shop.start_link(None, name="shop")
        one = otp.whereis("one")
        shown = await view.process("one")
        assert shown is not None
        assert (one, "Counter", "1", otp.whereis("shop")) == (shown.pid, shown.what, shown.state, shown.parent)
        assert shown == await view.process(one) == await view.process(str(one))
        otp.exit(one, "kill")
        await testing.wait_all_idle()
        assert await view.process(one) is None
        for unknown in ("nobody", "<0.99999.0>", ("a", "b"), None, 7):
            with pytest.raises(BadArgument, match="expected a pid or a registered name"):
                await view.process(unknown)

    on_both(test)


def test_states_are_bounded_and_without_secrets(on_both: Any) -> None:
    async def test(view: NodeView) -> None:
        endless: list[Any] = [Unreadable(), {"password": "hunter2"}]
        endless.append(endless)
        counter = await Counter.start_link(endless)
        assert await view.state(counter) == "[<Unreadable>, {'password': ***}, <cycle>]"
        GenServer.cast(counter, Unreadable())  # handled: the state is now the object
        await testing.wait_all_idle()
        assert await view.state(counter) == "<Unreadable>"
        await view.replace_state(counter, {"password": "hunter2"})
        assert await view.state(counter, redact=False) == "{'password': 'hunter2'}"
        assert len(await view.state(counter, length=5) or "") == 5
        assert await view.state(otp.self()) is None

    on_both(test)


def test_what_is_related_is_counted_whole_and_named_in_part(on_both: Any) -> None:
    async def test(view: NodeView) -> None:
        pids = [otp.spawn_link(otp.receive) for _ in range(1100)]
        for pid in pids:
            otp.monitor(pid)
        shown = await view.process(otp.self())
        assert shown is not None
        assert shown.link_count >= 1100
        assert shown.monitor_count == 1100
        assert (1000, 1000, 1000) == (len(shown.links), len(shown.monitors), len(shown.children))
        graph = await view.graph()
        assert len([edge for edge in graph.edges if edge.kind == "monitor"]) == 1100

    on_both(test)


def test_a_tree_says_what_was_left_off_and_why(on_both: Any) -> None:
    async def test(view: NodeView) -> None:
        top = await Deep.start_link(3, name="top")
        whole = await view.supervision_tree("top")
        assert ((), 4, False) == (whole.why, whole.size, whole.partial)
        flat = await view.supervision_tree("top", 1)
        below = flat.roots[0].children[0].supervisor
        assert (("depth",), True) == (flat.why, flat.partial)
        assert below is not None
        assert ("depth", 1) == (below.cut, below.more)
        short = await view.supervision_tree(top, limit=2)
        assert (("limit",), 2) == (short.why, short.size)
        assert (await view.supervision_tree(top, deadline=0)).why == ("deadline",)
        with pytest.raises(BadArgument, match="depth"):
            await view.supervision_tree(top, depth=33)
        with pytest.raises(BadArgument, match="expected a living supervisor"):
            await view.supervision_tree(otp.self())

    on_both(test)


async def begin_one(settings: Any) -> otp.Pid:
    return await Counter.start_link(settings["first"])


class Started(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children([ChildSpec("kept", (begin_one, {"first": 1, "many": ["more"] * 20}), modules="dynamic")])


def test_what_does_not_run_is_shown_by_what_starts_it_and_not_by_its_arguments(on_both: Any) -> None:
    async def test(view: NodeView) -> None:
        await Started.start_link(None, name="started")
        await view.terminate_child("started", "kept")
        (child,) = (await view.supervision_tree("started")).roots[0].children
        assert ("stopped", "begin_one") == (child.state, child.what)

    on_both(test)


def test_children_are_read_while_their_supervisor_is_busy(on_both: Any) -> None:
    async def test(view: NodeView) -> None:
        shop = await Shop.start_link(None)
        await otp.sys.suspend(shop)
        page = await view.which_children(shop)
        assert (["Counter", "'two'"], 2) == ([child.id for child in page.children], page.total)
        assert (await view.which_children(shop, limit=1)).children == page.children[:1]
        assert ChildCounts(2, 2, 0, 2) == await view.count_children(shop)
        rooms = await DynamicSupervisor.start_link()
        await DynamicSupervisor.start_child(rooms, (Counter, 1))
        assert ChildCounts(1, 1, 0, 1) == await view.count_children(rooms)
        for no_supervisor in ("two", otp.self()):
            with pytest.raises(BadArgument, match="expected a running supervisor"):
                await view.which_children(no_supervisor)

    on_both(test)


def test_every_answer_is_a_frozen_value(on_both: Any) -> None:
    async def test(view: NodeView) -> None:
        shop = await Shop.start_link(None)
        for value in (
            await view.info(),
            await view.metrics(),
            await view.processes(),
            await view.process(shop),
            await view.supervision_tree(),
            await view.graph(),
            await view.which_children(shop),
        ):
            assert dataclasses.is_dataclass(value)
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(value, dataclasses.fields(value)[0].name, None)

    on_both(test)


def test_arguments_that_make_no_sense_are_refused_in_words(on_both: Any) -> None:
    async def test(view: Any) -> None:
        for wrong in (
            view.processes(limit=-1),
            view.processes(limit=10**9),
            view.processes(search=7),
            view.processes(sort="memory"),
            view.processes(deadline="soon"),
            view.state(otp.self(), length=0),
            view.graph(limit="many"),
            view.process(otp.self(), redact="no"),
            view.which_children(otp.self(), limit=True),
            view.change_strategy(otp.self(), "one_for_all"),
            view.start_child(otp.self(), Counter),
            view.replace_state(otp.self(), 1),
            view.reload("no_such_module"),
        ):
            with pytest.raises(BadArgument, match="expected"):
                await wrong

    on_both(test)


# Steering


def test_messages_casts_and_calls_reach_their_process(on_both: Any) -> None:
    async def test(view: NodeView) -> None:
        await Counter.start_link(0, name="counter")
        await view.send("counter", ("info", 1))
        assert await view.call("counter", "value") == ("info", 1)
        await view.cast("counter", "cast")
        assert await view.call("counter", "value") == "cast"
        for term in (None, True, 2**70, -1.5, "ü\ud800", b"\0", (), [1, (2,)], {"a": {1: 2}}, {1, 2}, otp.self()):
            assert await view.call("counter", ("echo", term)) == term
            assert type(await view.call("counter", ("echo", term))) is type(term)
        assert await view.call("counter", ("echo", ("$pid", 1))) == ("$pid", 1)

    on_both(test)


def test_a_call_fails_as_a_call_does(on_both: Any) -> None:
    async def test(view: NodeView) -> None:
        otp.process_flag("trap_exit", True)
        counter = await Counter.start_link(0, name="counter")
        with pytest.raises(CallTimeout) as late:
            await view.call("counter", "wait", timeout=0.5)
        assert late.value.cause_reason == "timeout"
        otp.send(counter, ("go",))
        await view.exit(counter)
        assert (await otp.receive(otp.ExitSignal)).reason == "killed"
        with pytest.raises(NoProcess) as gone:
            await view.call(counter, "value")
        assert gone.value.cause_reason == "noproc"
        other = await Counter.start_link(0)
        with pytest.raises(otp.ServerDown) as crashed:
            await view.call(other, "boom")
        assert crashed.value.cause_reason == otp.Crash("boom")

    on_both(test)


def test_a_server_is_suspended_and_resumed(on_both: Any) -> None:
    async def test(view: NodeView) -> None:
        counter = await Counter.start_link(0)
        await view.suspend(counter)
        await view.cast(counter, 1)
        shown = await view.process(counter)
        assert shown is not None
        assert ("suspended", 1, "0") == (shown.status, shown.mailbox, shown.state)
        await view.resume(counter)
        assert await view.call(counter, "value") == 1

    on_both(test)


def test_children_are_stopped_started_and_forgotten_by_the_id_that_is_shown(on_both: Any) -> None:
    async def test(view: NodeView) -> None:
        await Shop.start_link(None, name="shop")
        await view.terminate_child("shop", "'two'")
        assert otp.whereis("two") is None
        again = await view.restart_child("shop", "two")
        assert otp.whereis("two") == again
        with pytest.raises(StartError) as refused:
            await view.delete_child("shop", "two")
        assert refused.value.reason == "running"
        await view.terminate_child("shop", again)
        await view.delete_child("shop", "two")
        assert (await view.count_children("shop")).specs == 1
        await view.terminate_child("shop", "Counter")
        with pytest.raises(NotFound):
            await view.restart_child("shop", "two")

    on_both(test)


def test_a_child_is_started_by_the_name_of_its_class(on_both: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(view: NodeView) -> None:
        shop = await Shop.start_link(None, name="shop")
        start = f"{__name__}:Counter"
        pid = await view.start_child("shop", ChildStart(start, {"n": 3}, id="three", name="three"))
        assert pid == otp.whereis("three")
        assert await view.call("three", "value") == {"n": 3}
        with pytest.raises(AlreadyStarted) as there:
            await view.start_child(shop, ChildStart(start, id="three"))
        assert there.value.pid == pid
        await view.terminate_child(shop, "three")
        with pytest.raises(AlreadyPresent):
            await view.start_child(shop, ChildStart(start, id="three"))
        for nonsense in (f"{__name__}:Unreadable", "os:system", "antigravity:X", "Counter", f"{__name__}:", "", 7):
            with pytest.raises(BadArgument, match="expected 'module:Class'"):
                await view.start_child(shop, ChildStart(nonsense))  # type: ignore[arg-type]
        assert "antigravity" not in sys.modules
        monkeypatch.setattr(sys.modules["__main__"], "__file__", "ferry.py", raising=False)
        with pytest.raises(BadArgument, match="got 'ferry:Kiosk'; did you mean '__main__:Kiosk'"):
            await view.start_child(shop, ChildStart("ferry:Kiosk"))
        rooms = await DynamicSupervisor.start_link()
        assert (await view.start_child(rooms, (Counter, 5))) is not None

    on_both(test)


def test_children_of_dynamic_supervisors_are_named_by_pid(on_both: Any) -> None:
    async def test(view: NodeView) -> None:
        rooms = await Rooms.start_link(None)
        pid = await view.start_child(rooms, ["tea"])
        assert await view.call(pid, "value") == "tea"
        pool = await DynamicSupervisor.start_link()
        other = await view.start_child(pool, (Counter, 1))
        for supervisor, child in ((rooms, pid), (pool, other)):
            with pytest.raises(BadArgument, match="the pid of a child"):
                await view.terminate_child(supervisor, "room")
            await view.terminate_child(supervisor, child)
            assert (await view.count_children(supervisor)).active == 0
        with pytest.raises(BadArgument, match="does not keep stopped children"):
            await view.restart_child(pool, other)
        with pytest.raises(BadArgument, match="does not keep stopped children"):
            await view.delete_child(pool, other)
        assert otp.is_alive(pool)

    on_both(test)


def test_the_strategy_of_a_running_supervisor_changes(on_both: Any) -> None:
    async def test(view: NodeView) -> None:
        shop = await Shop.start_link(None)
        one, two = otp.whereis("one"), otp.whereis("two")
        await view.change_strategy(shop, "one_for_all", max_restarts=7)
        (root,) = (await view.supervision_tree(shop)).roots
        assert ("one_for_all", 7, 9) == (root.strategy, root.budget.max_restarts, root.budget.max_seconds)
        assert (one, two) == (otp.whereis("one"), otp.whereis("two"))
        otp.exit(two, "kill")
        await testing.wait_all_idle()
        assert one != otp.whereis("one")
        with pytest.raises(otp.StartError):
            await view.change_strategy(shop, "one_for_none")  # type: ignore[arg-type]

    on_both(test)


def test_a_module_is_reloaded(on_both: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = (
        "from otp import GenServer, Ok, Reply, impl\n"
        "class Greeter(GenServer):\n"
        "    vsn = {vsn}\n"
        "    @impl\n"
        "    def init(self, arg): return Ok(arg)\n"
        "    @impl\n"
        "    def handle_call(self, request, caller, state): return Reply('{word}', state)\n"
    )
    file = tmp_path / "greeter_for_views.py"
    file.write_text(source.format(vsn=1, word="hello"))
    monkeypatch.syspath_prepend(tmp_path)

    async def test(view: NodeView) -> None:
        import greeter_for_views  # type: ignore[import-not-found]

        greeter = await greeter_for_views.Greeter.start_link()
        assert await view.call(greeter, "?") == "hello"
        file.write_text(source.format(vsn=2, word="good morning"))
        done = await view.reload("greeter_for_views")
        assert done == observer.Reloaded(
            "greeter_for_views", (observer.ReloadedServer(greeter, "Greeter", "1", "2"),), ()
        )
        assert await view.call(greeter, "?") == "good morning"
        file.write_text("this is no Python")
        with pytest.raises(otp.code.UpgradeRefused) as refused:
            await view.reload("greeter_for_views")
        assert refused.value.server is None

    try:
        on_both(test)
    finally:
        sys.modules.pop("greeter_for_views", None)
