"""`DynamicSupervisor`: the results of Elixir's, restarts, stopping all children at once, and many children."""

from __future__ import annotations

import asyncio
import functools
import gc
import weakref
from typing import Any

import pytest

import otp
import supervised
from otp import (
    AlreadyStarted,
    ChildInfo,
    ChildSpec,
    Counts,
    DynamicSupervisor,
    GenServer,
    Ignore,
    NotFound,
    Ok,
    Shared,
    StartError,
    Stop,
    Supervisor,
    impl,
    process_flag,
    trace,
)
from otp.behaviours.supervisor.spec_check import InvalidChildSpec
from otp.testing import advance, wait_all_idle

start_child, which, count = (
    DynamicSupervisor.start_child,
    DynamicSupervisor.which_children,
    DynamicSupervisor.count_children,
)


class Worker(supervised.Worker):
    """A worker whose argument may be a list, which all its incarnations share: each takes its own argument from it."""

    @impl
    def init(self, arg: Any) -> Any:
        if isinstance(arg, list):
            arg = arg.pop(0) if arg else None
        return super().init(arg)


class Slow(GenServer[Any]):
    """A server that takes `arg` seconds to stop."""

    @impl
    def init(self, arg: Any) -> Any:
        process_flag("trap_exit", True)
        return Ok(arg)

    @impl
    async def terminate(self, reason: Any, state: Any) -> None:
        await asyncio.sleep(state)


async def end(pid: Any, reason: Any = "boom") -> None:
    GenServer.cast(pid, reason)
    await wait_all_idle()


def test_it_starts_empty_and_takes_all_forms_of_a_child(run: Any) -> None:
    async def main() -> None:
        sup = await DynamicSupervisor.start_link(name="sup")
        assert await which("sup") == []
        pids = [
            await start_child(sup, (Worker, 1)),
            await start_child(sup, Worker),
            await start_child(sup, Worker.child_spec(2, restart="temporary")),
            await start_child(sup, {"id": "x", "start": (Worker.start_link, 3)}),
        ]
        assert [await GenServer.call(pid, "state") for pid in pids] == [1, None, 2, 3]
        assert await which(sup) == [ChildInfo(None, pid, "worker", (Worker,)) for pid in pids]
        assert await count(sup) == Counts(4, 4, 0, 4)

    run(main)


def test_ids_do_not_matter(run: Any) -> None:
    async def main() -> None:
        sup = await DynamicSupervisor.start_link()
        for _ in range(3):
            await start_child(sup, Worker.child_spec(0, id="same"))
        assert (await count(sup)).active == 3

    run(main)


def test_terminate_child_stops_it_for_good_and_knows_children_only(run: Any) -> None:
    async def main() -> None:
        sup = await DynamicSupervisor.start_link()
        pid = await start_child(sup, Worker)
        assert await DynamicSupervisor.terminate_child(sup, pid) is None
        assert not otp.is_alive(pid)
        (end,) = (e for e in trace.history(otp.node()) if e.kind == "child_terminated")
        assert (end.data["id"], end.data["child"]) == (None, pid)
        for wrong in (pid, otp.self(), "x"):
            with pytest.raises(NotFound):
                await DynamicSupervisor.terminate_child(sup, wrong)
        assert await count(sup) == Counts(0, 0, 0, 0)

    run(main)


def test_a_failed_start_is_the_bare_reason_and_ignore_keeps_nothing(run: Any) -> None:
    async def main() -> None:
        sup = await DynamicSupervisor.start_link()
        with pytest.raises(StartError) as failure:
            await start_child(sup, (Worker, Stop("no")))
        assert failure.value.reason == "no"
        assert await start_child(sup, (Worker, Ignore())) == Ignore()
        assert await which(sup) == []

    run(main)


def test_a_supervisor_as_a_child_starts_fails_at_once_or_fails_later(run: Any) -> None:
    async def main() -> Any:
        sup = await DynamicSupervisor.start_link()
        inner = await start_child(sup, ChildSpec("inner", (DynamicSupervisor.start_link,)))
        assert [child.pid for child in await which(sup)] == [inner]
        assert await count(inner) == Counts(0, 0, 0, 0)
        reasons: list[Any] = []
        for spec in (
            ChildSpec("wrong", functools.partial(DynamicSupervisor.start_link, max_children=-1)),
            Supervisor.child_spec(otp.Children([Worker.child_spec(Stop("no"), id="w")]), id="later"),
        ):
            with pytest.raises(StartError) as failure:
                await start_child(sup, spec)
            reasons.append(failure.value.reason)
        return reasons, (await count(sup)).active

    assert run(main) == (
        [
            ("supervisor_data", ("invalid_max_children", -1)),
            ("shutdown", ("failed_to_start_child", "w", "no")),
        ],
        1,
    )


@pytest.mark.parametrize("kind", [DynamicSupervisor, Supervisor])
def test_a_new_child_that_fails_is_an_event_and_a_refusal_is_none(run: Any, kind: Any) -> None:
    async def main() -> None:
        options = {"max_children": 2} if kind is DynamicSupervisor else {}
        sup = await (kind.start_link(**options) if options else kind.start_link_children([]))
        spec = Worker.child_spec(Stop("no_disk"))
        with pytest.raises(StartError, match="no_disk"):
            await kind.start_child(sup, spec)
        await kind.start_child(sup, Worker.child_spec(None, name="till"))
        with pytest.raises((AlreadyStarted, StartError), match="already"):
            await kind.start_child(sup, Worker.child_spec(None, id="other", name="till"))
        if options:
            await kind.start_child(sup, Worker)
            with pytest.raises(StartError, match="max_children"):
                await kind.start_child(sup, Worker)
        (failed,) = (event for event in trace.history(otp.self().runtime) if event.kind == "start_failed")
        assert (failed.pid, failed.data) == (sup, {"id": spec.id, "reason": "no_disk", "restart": "permanent"})

    run(main)


def test_a_name_clash_is_already_started(run: Any) -> None:
    async def main() -> None:
        sup = await DynamicSupervisor.start_link()
        pid = await start_child(sup, Worker.child_spec(0, name="w"))
        with pytest.raises(AlreadyStarted) as failure:
            await start_child(sup, Worker.child_spec(0, name="w"))
        assert failure.value.pid is pid

    run(main)


def test_wrong_specs_and_significant_children_are_refused(run: Any) -> None:
    async def main() -> None:
        sup = await DynamicSupervisor.start_link()
        with pytest.raises(InvalidChildSpec, match="did you mean 'permanent'"):
            await start_child(sup, Worker.child_spec(0, restart="permanant"))  # type: ignore[arg-type]
        with pytest.raises(InvalidChildSpec) as failure:
            await start_child(sup, Worker.child_spec(0, significant=True, restart="transient"))
        assert failure.value.reason == ("invalid_significant", True)
        for wrong in 42, None:
            with pytest.raises(InvalidChildSpec, match=f"got {wrong}"):
                await start_child(sup, wrong)  # type: ignore[arg-type]
        assert await GenServer.call(sup, ("start_child", None)) == ("error", ("invalid_child_spec", None))

    run(main)


def test_a_message_that_is_none_for_it_is_logged_and_passed_over(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        sup = await DynamicSupervisor.start_link()
        otp.send(sup, "what?")
        assert await count(sup) == Counts(0, 0, 0, 0)

    run(main)
    assert "unexpected message 'what?'" in caplog.text


@pytest.mark.parametrize("operation", [Supervisor.get_childspec, Supervisor.restart_child, Supervisor.delete_child])
def test_it_has_no_operations_on_ids(run: Any, operation: Any) -> None:
    async def main() -> Any:
        process_flag("trap_exit", True)
        sup = await DynamicSupervisor.start_link()
        with pytest.raises(otp.CallExit):
            await operation(sup, "w")
        return (await otp.receive()).reason

    assert run(main) == otp.Crash("function_clause")


def test_max_children_is_a_limit_of_those_there_at_a_time(run: Any) -> None:
    async def main() -> None:
        sup = await DynamicSupervisor.start_link(max_children=1)
        pid = await start_child(sup, Worker)
        with pytest.raises(StartError) as failure:
            await start_child(sup, Worker)
        assert failure.value.reason == "max_children"
        await DynamicSupervisor.terminate_child(sup, pid)
        await start_child(sup, Worker)

    run(main)


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ({"max_children": -1}, ("invalid_max_children", -1)),
        ({"max_restarts": "x"}, ("invalid_intensity", "x")),
        ({"max_seconds": 0}, ("invalid_period", 0)),
        ({"extra_arguments": 5}, ("invalid_extra_arguments", 5)),
    ],
)
def test_wrong_options_fail_the_start(run: Any, option: Any, reason: Any) -> None:
    async def main() -> None:
        process_flag("trap_exit", True)
        with pytest.raises(InvalidChildSpec) as failure:
            await DynamicSupervisor.start_link(**option)
        assert failure.value.reason == ("supervisor_data", reason)

    run(main)


def test_extra_arguments_go_before_those_of_every_child(run: Any) -> None:
    async def start(first: Any, second: Any) -> Any:
        return await Worker.start_link((first, second))

    async def main() -> Any:
        sup = await DynamicSupervisor.start_link(extra_arguments=["common"])
        return await GenServer.call(await start_child(sup, ChildSpec("x", (start, "own"))), "state")

    assert run(main) == ("common", "own")


# Restarts


@pytest.mark.parametrize(
    ("restart", "reason", "back"),
    [
        ("permanent", "normal", True),
        ("transient", "normal", False),
        ("transient", ("shutdown", 1), False),
        ("transient", "boom", True),
        ("temporary", "boom", False),
    ],
)
def test_who_comes_back_after_which_end(run: Any, restart: Any, reason: Any, back: bool) -> None:
    async def main() -> None:
        sup = await DynamicSupervisor.start_link()
        pid = await start_child(sup, Worker.child_spec(7, restart=restart))
        await end(pid, reason)
        pids = [info.pid for info in await which(sup)]
        assert pid not in pids
        assert [await GenServer.call(other, "state") for other in pids] == ([7] if back else [])

    run(main)


def test_too_many_restarts_give_up_and_stop_the_others(run: Any) -> None:
    async def main() -> Any:
        process_flag("trap_exit", True)
        sup = await DynamicSupervisor.start_link(max_restarts=1, max_seconds=5)
        other = await start_child(sup, Worker)
        for _ in range(2):
            pid = await start_child(sup, Worker)
            await end(pid)
        return (await otp.receive()).reason, otp.is_alive(other)

    assert run(main) == ("shutdown", False)


def test_a_restart_that_fails_is_retried_and_each_attempt_counts(run: Any) -> None:
    async def main() -> None:
        sup = await DynamicSupervisor.start_link(max_restarts=3)
        pid = await start_child(sup, (Worker, Shared([None, Stop("no"), Stop("no")])))
        await end(pid)
        assert (await count(sup)) == Counts(1, 1, 0, 1)
        history = trace.history(otp.self().runtime)
        assert [e.data["used"] for e in history if e.kind in ("restart_failed", "child_restarted")] == [1, 2, 3]
        assert [e.data["old"] for e in history if e.kind == "child_restarted"] == [pid]

    run(main)


def test_while_a_restart_is_tried_again_the_child_is_restarting_and_can_be_taken_back(run: Any) -> None:
    switch: list[Any] = []

    class Switch(Worker):
        @impl
        def init(self, arg: Any) -> Any:
            return Stop("off") if switch else Ok(arg)

    async def main() -> None:
        sup = await DynamicSupervisor.start_link(max_restarts="infinity")
        pid = await start_child(sup, Switch)
        switch.append("off")

        async def ask() -> None:
            while [info.pid for info in await which(sup)] != ["restarting"]:
                pass
            assert await count(sup) == Counts(1, 0, 0, 1)
            await DynamicSupervisor.terminate_child(sup, pid)
            assert await count(sup) == Counts(0, 0, 0, 0)

        GenServer.cast(pid, "boom")
        assert await otp.wait_down(otp.spawn(ask)) == "normal"
        await wait_all_idle()
        switch.clear()

    run(main)


def test_a_start_function_with_wrong_arguments_fails_its_start_only(run: Any) -> None:
    async def main() -> int:
        sup = await DynamicSupervisor.start_link()
        await start_child(sup, Worker)
        with pytest.raises(StartError, match="takes from 1 to 2 positional arguments but 3 were given"):
            await start_child(sup, ChildSpec("a", (Worker.start_link, 1, 2)))
        return (await count(sup)).active

    assert run(main) == 1


def test_an_ignored_restart_forgets_the_child(run: Any) -> None:
    async def main() -> None:
        sup = await DynamicSupervisor.start_link()
        pid = await start_child(sup, (Worker, Shared([None, Ignore()])))
        await end(pid)
        assert await count(sup) == Counts(0, 0, 0, 0)

    run(main)


def test_the_window_forgets(run: Any) -> None:
    async def main() -> None:
        sup = await DynamicSupervisor.start_link(max_restarts=1, max_seconds=1)
        await start_child(sup, Worker)
        for _ in range(3):
            ((_, pid, _, _),) = await which(sup)
            await end(pid)
            await advance(1.1)
        assert (await count(sup)).active == 1

    run(main)


# Stopping


def test_all_children_are_signalled_first_and_waited_for_together(run: Any) -> None:
    async def main() -> float:
        sup = await DynamicSupervisor.start_link()
        for _ in range(20):
            await start_child(sup, (Slow, 3))
        await DynamicSupervisor.stop(sup)
        return otp.monotonic()

    assert run(main) == 3.0


def test_each_shutdown_time_kills_those_it_belongs_to(run: Any) -> None:
    async def main() -> Any:
        sup = await DynamicSupervisor.start_link()
        pids = [
            await start_child(sup, Slow.child_spec(60, shutdown=shutdown))
            for shutdown in (1, 2, "infinity", "brutal_kill")
        ]
        refs = [otp.monitor(pid) for pid in pids]
        await DynamicSupervisor.stop(sup)
        return [(await otp.receive(ref)).reason for ref in refs], otp.monotonic()

    assert run(main) == (["killed", "killed", "shutdown", "killed"], 60.0)


def test_who_asks_a_stopping_supervisor_sees_its_end(run: Any) -> None:
    async def main() -> Any:
        process_flag("trap_exit", True)
        sup = await DynamicSupervisor.start_link()
        for _ in range(5):
            await start_child(sup, (Slow, 1))
        otp.spawn(DynamicSupervisor.stop, sup, "boom")
        await wait_all_idle()
        with pytest.raises(otp.ServerDown) as failure:
            await which(sup)
        return failure.value.cause_reason, otp.monotonic()

    assert run(main) == ("boom", 1.0)


def test_a_dead_child_that_was_not_noticed_yet_is_told_with_its_own_reason(run: Any) -> None:
    async def main() -> Any:
        sup = await DynamicSupervisor.start_link()
        pid = await start_child(sup, Worker.child_spec(0, restart="temporary"))
        otp.exit(pid, "boom")
        await DynamicSupervisor.stop(sup)
        return [e.data["reason"] for e in trace.history(otp.self().runtime) if e.kind == "child_terminated"]

    assert run(main) == ["boom"]


def test_while_it_stops_it_hears_of_other_ends_and_passes_over_what_does_not_concern_it(run: Any) -> None:
    """The reason comes from the exit signal: a monitor of a child that is already dead reports `noproc`."""

    async def main() -> Any:
        process_flag("trap_exit", True)
        sup = await DynamicSupervisor.start_link()
        names = {
            await start_child(sup, Worker.child_spec(0, restart="temporary")): "died before",
            await start_child(sup, Slow.child_spec(1)): "takes a second",
            (late := await start_child(sup, Slow.child_spec(9, shutdown=5))): "died meanwhile",
        }
        first = next(iter(names))
        otp.exit(sup, "shutdown")
        otp.exit(first, "boom")
        otp.send(sup, "noise")
        otp.send_after(2, sup, "more noise")
        otp.spawn(dies_later, late)
        await otp.wait_down(sup)
        events = [e for e in trace.history(otp.node()) if e.kind == "child_terminated"]
        return {names[e.data["child"]]: e.data["reason"] for e in events}, otp.monotonic()

    async def dies_later(pid: otp.Pid) -> None:
        await asyncio.sleep(3)
        otp.exit(pid, "kill")

    assert run(main) == ({"died before": "boom", "takes a second": "shutdown", "died meanwhile": "killed"}, 3.0)


# As a child, as a class, many


def test_as_a_child_its_id_is_its_name_and_its_type_supervisor(run: Any) -> None:
    async def main() -> None:
        tree = await Supervisor.start_link_children(
            [DynamicSupervisor.child_spec(name="rooms", max_children=2), (DynamicSupervisor, {"name": "halls"})]
        )
        halls, rooms = await which(tree)
        assert (rooms.id, rooms.type, halls.id) == ("rooms", "supervisor", "halls")
        assert rooms.pid is otp.whereis("rooms")
        await start_child("rooms", Worker)
        otp.exit(rooms.pid, "kill")
        await wait_all_idle()
        assert await count("rooms") == Counts(0, 0, 0, 0)

    run(main)


def test_a_subclass_is_a_name_for_one(run: Any) -> None:
    class Rooms(DynamicSupervisor):
        pass

    async def main() -> None:
        tree = await Supervisor.start_link_children([Rooms])
        ((id, pid, type, modules),) = await which(tree)
        assert (id, type, modules) == (Rooms, "supervisor", (Rooms,))
        await start_child(pid, Worker)

    run(main)


def test_a_node_owns_one_started_on_it() -> None:
    async def main() -> None:
        async with otp.Node("shop") as node:
            await node.start(DynamicSupervisor, {"max_children": 1}, name="rooms")
            await start_child(("rooms", node), Worker)
            with pytest.raises(StartError):
                await start_child(("rooms", node), Worker)

    asyncio.run(main())


def test_temporary_children_share_one_spec_without_arguments(run: Any) -> None:
    async def main() -> None:
        sup: Any = await DynamicSupervisor.start_link()
        for n in range(3):
            await start_child(sup, Worker.child_spec(n, restart="temporary"))
        specs = {id(spec) for spec in sup.state.running.values()}
        assert len(specs) == 1

    run(main)


@pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])
def test_children_of_one_spec_get_arguments_of_their_own(run: Any, restart: Any) -> None:
    async def main() -> None:
        pool = await DynamicSupervisor.start_link()
        spec = ChildSpec("w", (Worker.start_link, ["first", ["basket"]]), restart=restart)
        await start_child(pool, spec)
        second = await start_child(pool, spec)
        third = await start_child(pool, spec.replace(start=(Worker.start_link, "other")))
        assert ["first", "other"] == [await GenServer.call(pid, "get") for pid in (second, third)]

    run(main)


def test_the_arguments_of_children_that_are_gone_are_not_kept(run: Any) -> None:
    class Payload:
        pass

    async def start(pool: Any, restart: Any) -> Any:
        payload = Payload()
        pid = await start_child(pool, ChildSpec("w", (Worker.start_link, payload), restart=restart))
        return pid, weakref.ref(payload)

    async def main() -> None:
        pool = await DynamicSupervisor.start_link()
        for restart in ("permanent", "transient", "temporary"):
            pid, kept = await start(pool, restart)
            await DynamicSupervisor.terminate_child(pool, pid)
            await wait_all_idle()
            gc.collect()
            assert kept() is None, restart

    run(main)


def test_ten_thousand_children_start_restart_and_stop() -> None:
    async def main() -> None:
        sup: Any = await DynamicSupervisor.start_link(max_restarts="infinity")
        for n in range(10_000):
            await start_child(sup, (Worker, n))
        for info in (await which(sup))[:100]:
            otp.exit(info.pid, "kill")
        assert await count(sup) == Counts(10_000, 10_000, 0, 10_000)
        assert sorted(record.restarts for record in sup.state.children)[-101:] == [0] + [1] * 100
        await DynamicSupervisor.stop(sup)
        assert otp.processes() == [otp.self()]

    otp.run(main)
