"""Starting and stopping a supervisor: order, failures, forms of start functions, shutdown times."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import pytest

import otp
from otp import (
    AlreadyStarted,
    Children,
    ChildSpec,
    Crash,
    Error,
    Exit,
    GenServer,
    Ignore,
    NoReply,
    Ok,
    Reply,
    Shared,
    StartError,
    Stop,
    Supervisor,
    Throw,
    impl,
    process_flag,
)
from otp.behaviours.spec_check import InvalidChildSpec
from otp.testing import advance, wait_all_idle

which, count = Supervisor.which_children, Supervisor.count_children


class Worker(GenServer[Any]):
    """Writes down its life: arg is (name, log) or (name, log, what `init` does or how long `terminate` takes)."""

    @impl
    async def init(self, arg: Any) -> Any:
        name, log, *more = arg
        how = more[0] if more else None
        process_flag("trap_exit", True)
        if how == "slow":
            await asyncio.sleep(1)
        log.append(f"+{name}")
        match how:
            case Ignore() | Stop():
                return how
            case Exception():
                raise how
            case _:
                return Ok(arg)

    @impl
    async def terminate(self, reason: Any, state: Any) -> None:
        name, log, *more = state
        log.append(f"-{name} {reason}")
        if more and isinstance(more[0], int | float):
            await asyncio.sleep(more[0])
            log.append(f"{name} took its time")


class Tree(Supervisor):
    @impl
    def init(self, arg: Any) -> Any:
        return arg


def worker(name: str, log: list[str], *more: Any, **options: Any) -> ChildSpec:
    return Worker.child_spec((name, Shared(log), *more), id=name, **options)


def test_children_start_in_order_and_stop_in_reverse_with_shutdown(run: Any) -> None:
    log: list[str] = []

    async def main() -> None:
        tree = await Supervisor.start_link_children([worker(name, log) for name in "abc"])
        assert [info.id for info in await which(tree)] == ["c", "b", "a"]
        await Supervisor.stop(tree)

    run(main)
    assert log == ["+a", "+b", "+c", "-c shutdown", "-b shutdown", "-a shutdown"]


def test_the_supervisor_ends_with_the_reason_it_was_stopped_with_its_children_with_shutdown(run: Any) -> None:
    log: list[str] = []

    async def main() -> Any:
        process_flag("trap_exit", True)
        tree = await Supervisor.start_link_children([worker("a", log)])
        await Supervisor.stop(tree, "boom")
        return (await otp.receive()).reason

    assert run(main) == "boom"
    assert log[-1] == "-a shutdown"


def test_the_exit_of_the_parent_stops_the_supervisor_with_its_reason_even_normal(run: Any) -> None:
    log: list[str] = []

    async def parent(me: otp.Pid) -> None:
        otp.send(me, await Supervisor.start_link_children([worker("a", log)]))
        await otp.receive()

    async def main() -> Any:
        pid = otp.spawn(parent, otp.self())
        tree = await otp.receive()
        ref = otp.monitor(tree)
        otp.send(pid, "end")
        return (await otp.receive(ref)).reason

    assert run(main) == "normal"
    assert log == ["+a", "-a shutdown"]


def test_a_child_that_fails_stops_those_before_it_and_fails_the_start(run: Any) -> None:
    log: list[str] = []

    async def main() -> None:
        process_flag("trap_exit", True)
        with pytest.raises(StartError) as failure:
            await Supervisor.start_link_children(
                [worker("a", log), worker("b", log), worker("c", log, Stop("no")), worker("d", log)]
            )
        assert failure.value.reason == ("shutdown", ("failed_to_start_child", "c", "no"))
        assert type(failure.value) is StartError

    run(main)
    assert log == ["+a", "+b", "+c", "-b shutdown", "-a shutdown"]


def test_failures_nest_as_deep_as_the_tree(run: Any) -> None:
    async def main() -> None:
        process_flag("trap_exit", True)
        inner = Tree.child_spec(Children([worker("leaf", [], Stop("no"))]), id="inner")
        with pytest.raises(StartError) as failure:
            await Tree.start_link(Children([inner]))
        failed = ("shutdown", ("failed_to_start_child", "leaf", "no"))
        assert failure.value.reason == ("shutdown", ("failed_to_start_child", "inner", failed))

    run(main)


def test_ignored_children_stay_without_a_process_temporary_ones_vanish(run: Any) -> None:
    async def main() -> None:
        tree = await Supervisor.start_link_children(
            [worker("a", [], Ignore()), worker("b", [], Ignore(), restart="temporary"), worker("c", [])]
        )
        assert [(info.id, info.pid is None) for info in await which(tree)] == [("c", False), ("a", True)]
        assert await count(tree) == (2, 1, 0, 2)

    run(main)


def test_a_supervisor_without_children_and_one_that_ignores(run: Any) -> None:
    async def main() -> None:
        assert await which(await Tree.start_link(Children())) == []
        assert await Tree.start_link(Ignore()) == Ignore()

    run(main)


def test_the_init_of_a_supervisor_may_wait(run: Any) -> None:
    class Slow(Supervisor):
        @impl
        async def init(self, arg: Any) -> Children:
            await asyncio.sleep(2)
            return Children([worker("a", [])])

    async def main() -> float:
        await Slow.start_link()
        return otp.monotonic()

    assert run(main) == 2.0


def test_while_a_child_starts_the_mailbox_of_the_supervisor_keeps(run: Any) -> None:
    log: list[str] = []

    async def main() -> None:
        tree = await Supervisor.start_link_children([])
        otp.spawn(Supervisor.start_child, tree, worker("a", log, "slow"))
        await wait_all_idle()
        assert otp.process_info(tree, "message_queue_len") == 0
        await Supervisor.start_child(tree, worker("b", log))
        assert otp.monotonic() == 1.0
        assert [info.id for info in await which(tree)] == ["b", "a"]

    run(main)


def test_what_init_returns_must_be_children(run: Any) -> None:
    async def main() -> None:
        process_flag("trap_exit", True)
        with pytest.raises(
            InvalidChildSpec, match=r"Tree\.init: expected Children.*got None.*forget to return"
        ) as failure:
            await Tree.start_link(None)
        assert failure.value.reason == ("bad_return", (Tree, "init", None))

    run(main)


@pytest.mark.parametrize(
    ("more", "flags", "reason", "words"),
    [
        (
            [],
            {"strategy": "one_for_al"},
            ("supervisor_data", ("invalid_strategy", "one_for_al")),
            "did you mean 'one_for_all'",
        ),
        ([42], {}, ("start_spec", ("invalid_child_spec", 42)), r"got 42; try a class \(Counter\), \(class, argument\)"),
    ],
)
def test_wrong_specs_and_flags_fail_before_any_child_starts_and_say_what_to_write(
    run: Any, more: list[Any], flags: Any, reason: Any, words: str
) -> None:
    log: list[str] = []

    async def main() -> None:
        process_flag("trap_exit", True)
        with pytest.raises(InvalidChildSpec, match=words) as failure:
            await Supervisor.start_link_children([worker("a", log), *more], **flags)
        assert failure.value.reason == reason

    run(main)
    assert log == []


def test_a_taken_name_is_already_started(run: Any) -> None:
    async def main() -> None:
        first = await Supervisor.start_link_children([], name="tree")
        with pytest.raises(AlreadyStarted) as failure:
            await Supervisor.start_link_children([], name="tree")
        assert failure.value.pid is first
        assert otp.whereis("tree") is first

    run(main)


# Start functions


@pytest.mark.parametrize(
    ("fails", "reason"),
    [
        (StartError("no"), "no"),
        (Exit("no"), ("EXIT", "no")),
        (Error("no"), ("EXIT", Crash("no"))),
        (Throw("no"), "no"),
        ("garbage", "garbage"),
        (None, None),
        (("ok", "not a pid"), ("ok", "not a pid")),
    ],
)
def test_what_a_start_function_returns_or_raises(run: Any, fails: Any, reason: Any) -> None:
    def start() -> Any:
        if isinstance(fails, Exception):
            raise fails
        return fails

    async def start_async() -> Any:
        await asyncio.sleep(0)
        return start()

    async def main() -> None:
        process_flag("trap_exit", True)
        for function in (start, start_async):
            with pytest.raises(StartError) as failure:
                await Supervisor.start_link_children([ChildSpec("a", (function,))])
            assert failure.value.reason == ("shutdown", ("failed_to_start_child", "a", reason))

    run(main)


def test_a_start_function_that_raises_a_foreign_error_fails_with_its_description(run: Any) -> None:
    def start() -> Any:
        raise ValueError("no room")

    async def main() -> Any:
        process_flag("trap_exit", True)
        with pytest.raises(StartError) as failure:
            await Supervisor.start_link_children([ChildSpec("a", (start,))])
        tag, crash = failure.value.reason[1][2]
        return tag, crash.term.type_name, crash.term.text

    assert run(main) == ("EXIT", "ValueError", "no room")


def test_sync_and_async_functions_partials_and_extra_information_start_children(run: Any) -> None:
    async def loop() -> None:
        await otp.receive()

    async def with_extra(arg: Any, *, name: Any) -> Any:
        return (await Worker.start_link((arg, []), name=name), "extra")

    async def main() -> None:
        tree = await Supervisor.start_link_children(
            [
                ChildSpec("plain", (otp.spawn_link, loop)),
                ChildSpec("partial", functools.partial(with_extra, "x", name="named")),
                ChildSpec("inner partial", (functools.partial(with_extra, name="other"), "y")),
            ]
        )
        assert (await count(tree)).active == 3
        assert (await which(tree))[1].pid is otp.whereis("named")
        pid, extra = await Supervisor.start_child(
            tree, ChildSpec("more", functools.partial(with_extra, "z", name="third"))
        )
        assert (pid, extra) == (otp.whereis("third"), "extra")

    run(main)


def test_the_start_of_a_server_has_its_argument_no_argument_or_is_a_failed_start(run: Any) -> None:
    class Keeps(GenServer[Any]):
        @impl
        def init(self, arg: Any) -> Any:
            return Ok(arg)

    async def main() -> Any:
        tree = await Supervisor.start_link_children(
            [ChildSpec("none", (Keeps.start_link,)), ChildSpec("one", (Keeps.start_link, 1))]
        )
        with pytest.raises(StartError, match="takes from 1 to 2 positional arguments but 3 were given"):
            await Supervisor.start_child(tree, ChildSpec("two", (Keeps.start_link, 1, 2)))
        return [(child.id, await otp.sys.get_state(child.pid)) for child in await which(tree)]

    assert run(main) == [("one", 1), ("none", None)]


def test_the_start_of_a_server_may_have_a_time_limit(run: Any) -> None:
    class Late(GenServer[Any]):
        @impl
        async def init(self, arg: Any) -> Any:
            await asyncio.sleep(arg)
            return Ok(arg)

    async def main() -> Any:
        tree = await Supervisor.start_link_children([])
        with pytest.raises(StartError) as failure:
            await Supervisor.start_child(tree, ChildSpec("a", functools.partial(Late.start_link, 1, timeout=0.5)))
        return failure.value.reason[0], otp.monotonic()

    assert run(main) == ("timeout", 0.5)


def test_start_functions_may_use_asyncio(run: Any) -> None:
    async def start() -> Any:
        async with asyncio.timeout(5):
            await asyncio.sleep(1)
        return await Worker.start_link(("a", []))

    async def main() -> float:
        await Supervisor.start_link_children([ChildSpec("a", (start,)), ChildSpec("b", (start,))])
        return otp.monotonic()

    assert run(main) == 2.0


def test_mutable_arguments_are_fresh_at_each_start_and_shared_ones_the_same(run: Any) -> None:
    class Basket(GenServer[Any]):
        @impl
        def init(self, arg: Any) -> Any:
            own, common = arg
            own.append("x")
            common.append("x")
            return Ok(arg)

        @impl
        def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
            return Reply((len(state[0]), len(state[1])), state)

    async def main() -> list[Any]:
        seen: list[Any] = []
        own: list[str] = []
        common: list[str] = []
        tree = await Supervisor.start_link_children([Basket.child_spec((own, Shared(common)), name="basket")])
        for _ in range(2):
            seen.append(await GenServer.call("basket", "sizes"))
            otp.exit(otp.whereis("basket"), "kill")
            await which(tree)
        assert own == []
        return [*seen, len(common)]

    assert run(main) == [(1, 1), (1, 2), 3]


# Shutdown times


def test_a_child_that_takes_too_long_to_stop_is_killed(run: Any) -> None:
    log: list[str] = []

    async def main() -> float:
        tree = await Supervisor.start_link_children([worker("a", log), worker("b", log, 60, shutdown=2)])
        pid = (await which(tree))[0].pid
        ref = otp.monitor(pid)
        await Supervisor.stop(tree)
        assert (await otp.receive(ref)).reason == "killed"
        return otp.monotonic()

    assert run(main) == 2.0
    assert log == ["+a", "+b", "-b shutdown", "-a shutdown"]


def test_infinity_waits_and_brutal_kill_does_not_ask(run: Any) -> None:
    log: list[str] = []

    async def main() -> float:
        tree = await Supervisor.start_link_children(
            [worker("a", log, 60, shutdown="infinity"), worker("b", log, shutdown="brutal_kill")]
        )
        await Supervisor.stop(tree)
        return otp.monotonic()

    assert run(main) == 60.0
    assert log == ["+a", "+b", "-a shutdown", "a took its time"]


def test_the_cleanup_of_a_coroutine_child_may_take_its_shutdown_time(run: Any) -> None:
    log: list[str] = []

    async def loop(seconds: float) -> None:
        try:
            await otp.receive()
        finally:
            await asyncio.sleep(seconds)
            log.append(f"cleaned in {seconds}")

    async def main() -> float:
        tree = await Supervisor.start_link_children(
            [
                ChildSpec("long", (otp.spawn_link, loop, 7), shutdown=10),
                ChildSpec("endless", (otp.spawn_link, loop, 1000), shutdown="infinity"),
                ChildSpec("cut", (otp.spawn_link, loop, 3), shutdown=1),
            ]
        )
        await asyncio.sleep(0.5)
        await Supervisor.stop(tree)
        return otp.monotonic()

    assert run(main) == 1008.5
    assert log == ["cleaned in 1000", "cleaned in 7"]


def test_a_child_that_unlinked_is_stopped_all_the_same(run: Any) -> None:
    log: list[str] = []

    class Loner(Worker):
        @impl
        def handle_cast(self, request: Any, state: Any) -> Any:
            otp.unlink(request)
            return NoReply(state)

    async def main() -> None:
        tree = await Supervisor.start_link_children([Loner.child_spec(("a", Shared(log)), name="loner")])
        GenServer.cast("loner", tree)
        await Supervisor.stop(tree)
        assert otp.whereis("loner") is None

    run(main)
    assert log == ["+a", "-a shutdown"]


def test_the_exits_of_strangers_mean_nothing_to_a_supervisor(run: Any) -> None:
    async def main() -> None:
        tree = await Supervisor.start_link_children([worker("a", [])])
        stranger = otp.spawn(otp.exit, tree, "shutdown")
        await otp.wait_down(stranger)
        otp.send(tree, "hello")
        assert (await count(tree)).active == 1

    run(main)


@pytest.mark.parametrize("ask", [GenServer.call, GenServer.cast])
def test_an_unknown_request_crashes_the_supervisor_after_it_stopped_its_children(run: Any, ask: Any) -> None:
    log: list[str] = []

    async def main() -> Any:
        process_flag("trap_exit", True)
        tree = await Supervisor.start_link_children([worker("a", log)])
        try:
            result = ask(tree, "nonsense")
            if result != "ok":
                await result
        except Exit:
            pass
        return (await otp.receive()).reason

    assert run(main) == Crash("function_clause")
    assert log[-1] == "-a shutdown"


def test_a_killed_supervisor_stops_nobody_its_children_die_by_the_link(run: Any) -> None:
    log: list[str] = []

    async def main() -> None:
        process_flag("trap_exit", True)
        tree = await Supervisor.start_link_children([worker("a", log)])
        child = (await which(tree))[0].pid
        ref = otp.monitor(child)
        otp.exit(tree, "kill")
        assert (await otp.receive(ref)).reason == "killed"

    run(main)
    assert log == ["+a", "-a killed"]


def test_a_node_owns_a_supervisor_started_on_it() -> None:
    log: list[str] = []

    async def main() -> None:
        async with otp.Node("shop") as node:
            tree = await node.start(Tree, Children([worker("a", log)]), name="tree")
            assert [info.id for info in await which(tree)] == ["a"]
            assert (await count(("tree", node))).active == 1

    asyncio.run(main())
    assert log == ["+a", "-a shutdown"]


def test_a_cancellation_inside_a_start_function_is_its_failure_not_the_supervisors(run: Any) -> None:
    async def start() -> Any:
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    async def main() -> None:
        tree = await Supervisor.start_link_children([])
        with pytest.raises(StartError) as failure:
            await Supervisor.start_child(tree, ChildSpec("a", (start,)))
        (tag, crash), spec = failure.value.reason
        assert (tag, crash.term.type_name, spec.id) == ("EXIT", "CancelledError", "a")
        assert otp.is_alive(tree)

    run(main)


def test_a_supervisor_that_is_killed_while_a_child_starts_takes_the_child_along(run: Any) -> None:
    log: list[str] = []

    async def main() -> Any:
        process_flag("trap_exit", True)
        tree = await Supervisor.start_link_children([])
        otp.spawn(Supervisor.start_child, tree, worker("a", log, "slow"))
        await wait_all_idle()
        otp.exit(tree, "kill")
        await advance(1)
        return (await otp.receive()).reason, otp.processes() == [otp.self()]

    assert run(main) == ("killed", True)
    assert log == ["+a", "-a killed"]


def test_the_cleanup_of_a_child_that_ends_by_itself_may_take_its_shutdown_time_too(run: Any) -> None:
    async def loop() -> None:
        try:
            await otp.receive()
        finally:
            await asyncio.sleep(7)

    async def main() -> float:
        tree = await Supervisor.start_link_children(
            [ChildSpec("long", (otp.spawn_link, loop), shutdown=10, restart="temporary")]
        )
        pid = (await which(tree))[0].pid
        await wait_all_idle()
        otp.exit(pid, "boom")
        assert await otp.wait_down(pid) == "boom"
        return otp.monotonic()

    assert run(main) == 7.0


def test_reports_go_to_the_log_of_supervisors(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "otp.supervisor")

    async def main() -> None:
        process_flag("trap_exit", True)
        tree = await Supervisor.start_link_children([worker("a", [], 60, shutdown=1)], max_restarts=0, name="tree")
        otp.exit((await which(tree))[0].pid, "kill")
        await otp.receive()
        await Supervisor.stop(await Supervisor.start_link_children([worker("b", [], 60, shutdown=1)]))

    run(main)
    reports = [(r.levelname, r.getMessage()) for r in caplog.records if r.name == "otp.supervisor"]
    assert [level for level, _ in reports] == ["INFO", "ERROR", "WARNING"]
    assert "child 'a'" in reports[0][1]
    assert "gave up: 1 restarts within 5 s, allowed are 0" in reports[1][1]
    assert "stopped, but with 'killed'" in reports[2][1]


@pytest.mark.parametrize("flags", [{"strategy": "one_for_al"}, {"max_restarts": -1}, {"twice": True}])
def test_a_wrong_answer_of_init_names_the_place_of_that_init(run: Any, flags: Any) -> None:
    class Wrong(Supervisor):
        @impl
        def init(self, arg: Any) -> Any:
            log: list[str] = []
            children = [worker("a", log), worker("a", log)] if "twice" in flags else []
            return Children(children, **{name: value for name, value in flags.items() if name != "twice"})

    async def main() -> list[str]:
        process_flag("trap_exit", True)
        with pytest.raises(InvalidChildSpec) as failure:
            await Wrong.start_link(None)
        return failure.value.__notes__

    (note,) = run(main)
    assert f"<locals>.Wrong.init returned, {__file__}:" in note
