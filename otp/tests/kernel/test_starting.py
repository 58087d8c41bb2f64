"""Starting processes and servers: what may be spawned, who waits, and what a failed start leaves behind (nothing)."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import pytest

import otp
from otp import Agent, Children, ExitSignal, GenServer, GenStateMachine, Ok, Reply, Stop, Supervisor, impl
from otp.testing import Scheduler, wait_all_idle


async def waits(*_: Any, **__: Any) -> None:
    await otp.receive()


# spawn


def test_any_callable_can_be_spawned_and_an_awaitable_result_is_awaited(run: Any) -> None:
    async def main() -> Any:
        me = otp.self()

        class Callable:
            def __call__(self) -> None:
                otp.send(me, "object")

            async def method(self) -> None:
                otp.send(me, "method")

        async def arguments(a: int, *, b: int) -> None:
            otp.send(me, (a, b))

        async def later() -> None:
            await asyncio.sleep(1)
            otp.send(me, "later")

        otp.spawn(lambda: otp.send(me, "lambda"))
        otp.spawn(Callable())
        otp.spawn(Callable().method)
        otp.spawn(arguments, 1, b=2)
        otp.spawn(functools.partial(arguments, 3), b=4)
        otp.spawn(lambda: later())
        got = [await otp.receive() for _ in range(6)]
        return sorted(map(str, got)), otp.monotonic()

    assert run(main) == (sorted(map(str, ["lambda", "object", "method", (1, 2), (3, 4), "later"])), 1.0)


def test_a_coroutine_object_is_refused_with_the_fix(run: Any) -> None:
    async def main() -> None:
        with pytest.raises(TypeError, match=r"try spawn\(waits, …\) instead of spawn\(waits\(…\)\)"):
            otp.spawn(waits())  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="expected a function, got 3"):
            otp.spawn(3)  # type: ignore[arg-type]

    run(main)


def test_wrong_arguments_are_seen_where_they_are_written(run: Any) -> None:
    async def without_parameters() -> None: ...

    async def main() -> Any:
        with pytest.raises(TypeError, match="without_parameters"):
            otp.spawn(without_parameters, 1)
        return len(otp.processes())

    assert run(main) == 1


def test_a_spawned_process_does_not_run_before_its_starter_waits(run: Any) -> None:
    async def main() -> Any:
        seen: list[str] = []
        otp.spawn(lambda: seen.append("ran"))
        before = list(seen)
        await wait_all_idle()
        return before, seen

    assert run(main) == ([], ["ran"])


def test_spawn_link_and_spawn_monitor_hold_from_the_first_moment(run: Any) -> None:
    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        linked = otp.spawn_link(waits)
        otp.exit(linked, "kill")
        watched, ref = otp.spawn_monitor(waits)
        otp.exit(watched, "kill")
        return await otp.receive() == ExitSignal(linked, "killed"), await otp.receive() == otp.Down(
            ref, watched, "killed"
        )

    assert run(main) == (True, True)


def test_people_see_the_function_a_process_runs(run: Any) -> None:
    def plain() -> Any:
        return waits()

    async def main() -> Any:
        pids = [otp.spawn(plain), otp.spawn(functools.partial(waits, 1)), otp.spawn(waits)]
        calls = [otp.process_info(pid, "initial_call") for pid in pids]
        return [call.rpartition(".")[2] for call in calls]

    assert run(main) == ["plain", "partial", "waits"]


# Servers


class Server(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return arg() if callable(arg) else Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        return Reply(state, state)


class Slow(Server):
    @impl
    async def init(self, seconds: float) -> Any:
        await asyncio.sleep(seconds)
        return Ok(seconds)


def raiser(error: BaseException) -> Any:
    def fn() -> Any:
        raise error

    return fn


def test_with_a_plain_init_the_starter_has_the_pid_before_anything_else_runs() -> None:
    async def main() -> Any:
        seen: list[str] = []
        otp.spawn(lambda: seen.append("another process"))
        await Server.start_link(1)
        return list(seen)

    assert Scheduler(inline=True).run(main) == []


def test_start_link_waits_for_init(run: Any) -> None:
    """Pitfall 29."""

    async def main() -> Any:
        server = await Slow.start_link(2)
        return (
            otp.monotonic(),
            await GenServer.call(server, "state"),
            otp.process_info(otp.self(), "links") == (server,),
        )

    assert run(main) == (2.0, 2, True)


@pytest.mark.parametrize("linked", [True, False], ids=["start_link", "start"])
@pytest.mark.parametrize("family", ["server", "machine", "agent", "supervisor"])
def test_a_caught_start_error_ends_the_starter_only_through_a_link(run: Any, family: str, linked: bool) -> None:
    """As in Erlang; the docs of `start_link` offer `start`, and `node.start` for supervisors."""

    class Refuses(GenServer[None]):
        @impl
        def init(self, arg: Any) -> Any:
            return Stop("refused")

    class Machine(GenStateMachine[str, None]):
        callback_mode = "handle_event_function"

        @impl
        def init(self, arg: Any) -> Any:
            return Stop("refused")

        @impl
        def handle_event(self, event: Any, content: Any, state: Any, data: Any) -> Any:
            raise AssertionError

    class Tree(Supervisor):
        @impl
        def init(self, arg: Any) -> Any:
            return Children([Refuses])

    def refuse() -> None:
        raise otp.Exit("refused")

    starts: dict[str, tuple[Any, Any]] = {
        "server": (Refuses.start_link, Refuses.start),
        "machine": (Machine.start_link, Machine.start),
        "agent": (lambda: Agent.start_link(refuse), lambda: Agent.start(refuse)),
        "supervisor": (Tree.start_link, lambda: otp.node().start(Tree)),
    }

    async def main() -> Any:
        async def starter() -> None:
            with pytest.raises(otp.StartError):
                await starts[family][0 if linked else 1]()
            await wait_all_idle()
            raise otp.Exit("survived")

        reason = await otp.wait_down(otp.spawn(starter))
        return reason[0] if isinstance(reason, tuple) else reason

    ended = "shutdown" if family == "supervisor" else "refused"
    assert run(main) == (ended if linked else "survived")


def test_a_failed_start_link_ends_a_starter_that_does_not_trap(run: Any) -> None:
    """Pitfall 30. Inline it has seen the error by then; queued, as on two cores, the signal may come first."""
    seen: list[Any] = []

    async def main() -> Any:
        async def starter() -> None:
            try:
                await Server.start_link(raiser(otp.Exit("no")))
            except otp.StartError as error:
                seen.append(error.reason)
            await otp.receive()

        _, ref = otp.spawn_monitor(starter)
        return (await otp.receive(ref)).reason

    assert run(main) == "no"
    assert Scheduler(inline=True).run(main) == "no"
    assert "no" in seen


@pytest.mark.parametrize(("init", "reason"), [(lambda: otp.Stop("no"), "no"), (lambda: otp.Ignore(), "normal")])
def test_a_trapping_starter_finds_the_exit_of_a_failed_start(init: Any, reason: Any, run: Any) -> None:
    """Pitfall 30."""

    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        try:
            await Server.start_link(init)
        except otp.StartError:
            pass
        return (await otp.receive()).reason

    assert run(main) == reason


def test_a_start_time_out_kills_the_new_process_and_leaves_no_message(run: Any) -> None:
    """Pitfall 31."""

    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        with pytest.raises(otp.StartError) as error:
            await Slow.start_link(60, timeout=1, name="slow")
        await wait_all_idle()
        return error.value.reason, otp.monotonic(), otp.process_info(otp.self(), "messages"), otp.whereis("slow")

    assert run(main) == ("timeout", 1.0, (), None)


def test_start_monitor_gives_a_reference_and_no_down_for_a_failed_start(run: Any) -> None:
    """Pitfall 32."""

    async def main() -> Any:
        server, ref = await Server.start_monitor(1)
        otp.exit(server, "kill")
        down = await otp.receive(ref)
        with pytest.raises(otp.StartError):
            await Server.start_monitor(raiser(otp.Exit("no")))
        with pytest.raises(otp.StartError):
            await Slow.start_monitor(60, timeout=1)
        await wait_all_idle()
        return down.reason, otp.process_info(otp.self(), "messages"), otp.process_info(otp.self(), "monitors")

    assert run(main) == ("killed", (), ())


def test_a_taken_name_is_already_started_and_init_is_not_called(run: Any) -> None:
    """Pitfall 26."""
    inits: list[Any] = []

    async def main() -> Any:
        first = await Server.start(1, name="n")
        with pytest.raises(otp.AlreadyStarted) as error:
            await Server.start_link(lambda: inits.append(1), name="n")
        return error.value.pid is first, error.value.reason == ("already_started", first), len(otp.processes())

    assert run(main) == (True, True, 2)
    assert inits == []


def test_the_name_is_there_in_init_and_free_again_after_a_failed_start(run: Any) -> None:
    """Pitfall 27."""
    seen: list[Any] = []

    def init() -> Any:
        seen.append(otp.whereis("n") is otp.self())
        raise otp.Exit("no")

    async def main() -> Any:
        with pytest.raises(otp.StartError):
            await Server.start(init, name="n")
        return otp.whereis("n")

    assert run(main) is None
    assert seen == [True]


@pytest.mark.parametrize("name", [True, 5, 1.5, set(), [], {}, "undefined"])
def test_a_name_that_is_none_is_refused_and_no_process_is_left(name: Any, run: Any) -> None:
    async def main() -> Any:
        with pytest.raises(otp.BadArgument, match="expected a name"):
            await Server.start(1, name=name)
        return len(otp.processes())

    assert run(main) == 1


def test_a_starter_that_dies_takes_the_server_it_is_starting_along(run: Any) -> None:
    async def main() -> Any:
        async def starter() -> None:
            await Slow.start_link(60, name="slow")

        pid = otp.spawn(starter)
        await wait_all_idle()
        before = otp.whereis("slow") is not None
        otp.exit(pid, "kill")
        await wait_all_idle()
        return before, otp.whereis("slow"), otp.monotonic()

    assert run(main) == (True, None, 0.0)


def test_a_server_that_is_killed_while_it_starts_fails_its_start(run: Any) -> None:
    async def main() -> Any:
        async def killer() -> None:
            await asyncio.sleep(1)
            otp.exit("slow", "kill")

        otp.spawn(killer)
        with pytest.raises(otp.StartError) as error:
            await Slow.start(60, name="slow")
        return error.value.reason, otp.monotonic()

    assert run(main) == ("killed", 1.0)


def test_parent_is_who_started_with_a_link_or_a_monitor(run: Any) -> None:
    """Pitfall 48."""

    async def main() -> Any:
        linked, free, (watched, _) = await Server.start_link(1), await Server.start(1), await Server.start_monitor(1)
        parents = [otp.process_info(pid, "parent") for pid in (linked, free, watched)]
        return [parent is otp.self() for parent in parents]

    assert run(main) == [True, False, True]


def test_servers_start_servers_in_init_to_any_depth() -> None:
    class Deep(Server):
        @impl
        async def init(self, depth: int) -> Any:
            return Ok([*(await GenServer.call(await Deep.start_link(depth - 1), "state") if depth else []), depth])

    async def main() -> Any:
        return await GenServer.call(await Deep.start_link(200), "state")

    assert Scheduler(inline=True).run(main) == list(range(201))


def test_outside_a_process_start_works_and_start_link_says_what_to_use() -> None:
    async def main() -> Any:
        async with otp.Node("n"):
            server = await Server.start(1)
            slow = await Slow.start(0, name="slow")
            with pytest.raises(otp.StartError):
                await Server.start(raiser(otp.Exit("no")))
            with pytest.raises(otp.NotAProcess, match=r"outside a process use node\.start\(Server"):
                await Server.start_link(1)
            return await GenServer.call(server, "state"), otp.whereis("slow") is slow

    assert asyncio.run(main()) == (1, True)


def test_without_a_node_the_error_says_how_to_start_one() -> None:
    async def main() -> None:
        with pytest.raises(otp.BadArgument, match=r"no node runs in this event loop; .*async with otp\.Node\(name\)"):
            await Server.start(1)
        with pytest.raises(otp.BadArgument, match="no node runs"):
            otp.spawn(waits)

    asyncio.run(main())


class Failing:
    """A registry that cannot be reached."""

    def whereis(self) -> None:
        return None

    def register(self, pid: Any) -> bool:
        raise ConnectionError("the store is down")


def test_a_registry_that_raises_leaves_no_process(run: Any) -> None:
    async def main() -> Any:
        with pytest.raises(ConnectionError):
            await Server.start(1, name=Failing())
        await wait_all_idle()
        return len(otp.processes())

    assert run(main) == 1


@pytest.mark.parametrize("how", ["start", "start_link", "start_monitor"])
def test_a_start_that_is_given_up_kills_the_new_process_and_leaves_no_message(how: str, run: Any) -> None:
    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await getattr(Slow, how)(60, name="slow")
        await wait_all_idle()
        return otp.whereis("slow"), len(otp.processes()), otp.process_info(otp.self(), "messages")

    assert run(main) == (None, 1, ())


def test_a_start_that_a_child_task_gives_up_kills_the_new_process(run: Any) -> None:
    async def main() -> Any:
        task = asyncio.ensure_future(Slow.start(60, name="slow"))
        await wait_all_idle()
        there = otp.whereis("slow") is not None
        task.cancel()
        await asyncio.wait([task])
        return there, otp.whereis("slow")

    assert run(main) == (True, None)


def test_where_no_process_is_self_and_start_link_name_the_ways_to_begin() -> None:
    async def main() -> None:
        with pytest.raises(
            otp.NotAProcess, match=r"otp\.self\(\) works inside a process only; begin the program with otp\.run"
        ):
            otp.self()
        with pytest.raises(otp.NotAProcess, match=r"async with otp\.Node\(name\) as node:`, or .* otp\.run\(main\)"):
            await Server.start_link(1)

    asyncio.run(main())
