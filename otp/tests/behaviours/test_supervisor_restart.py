"""Restarts: strategies, the window, failing restarts, giving up, automatic shutdown, and their reports."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from otp import (
    Children,
    ChildSpec,
    GenServer,
    NoReply,
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
from otp.testing import advance, wait_all_idle

which, count = Supervisor.which_children, Supervisor.count_children


class Worker(GenServer[Any]):
    """arg: (name, log, what `init` answers the first, second, … time; the last repeats)."""

    @impl
    async def init(self, arg: Any) -> Any:
        name, log, script = arg
        log.append(f"+{name}")
        answer = script.pop(0) if script else None
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, int):
            await asyncio.sleep(answer)
        return Ok(arg) if answer is None or isinstance(answer, int) else answer

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        return Stop(request, state)

    @impl
    def handle_info(self, message: Any, state: Any) -> Any:
        return NoReply(state)


def worker(name: str, log: list[str], *script: Any, **options: Any) -> ChildSpec:
    """A child under its own name; `script` belongs to all its incarnations."""
    return Worker.child_spec((name, Shared(log), Shared(list(script))), name=name, id=name, **options)


async def end(name: str, reason: Any = "boom") -> None:
    """Let a child end by itself, and everything that follows from it happen."""
    GenServer.cast(name, reason)
    await wait_all_idle()


async def ids(tree: Any) -> dict[Any, Any]:
    """id -> "up", "restarting" or None, in start order."""
    return {info.id: "up" if isinstance(info.pid, otp.Pid) else info.pid for info in reversed(await which(tree))}


def events(kind: str) -> list[dict[str, Any]]:
    return [event.data for event in trace.history(otp.self().runtime) if event.kind == kind]


# Strategies


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("one_for_one", ["+b"]),
        ("rest_for_one", ["+b", "+c"]),
        ("one_for_all", ["+a", "+b", "+c"]),
    ],
)
def test_who_is_restarted_with_whom(run: Any, strategy: Any, expected: list[str]) -> None:
    log: list[str] = []

    async def main() -> None:
        tree = await Supervisor.start_link_children([worker(name, log) for name in "abc"], strategy=strategy)
        log.clear()
        before = {info.id: info.pid for info in await which(tree)}
        await end("b")
        after = {info.id: info.pid for info in await which(tree)}
        assert [f"+{id}" for id in after if after[id] is not before[id]] == expected[::-1]
        assert await ids(tree) == {"a": "up", "b": "up", "c": "up"}

    run(main)
    assert log == expected


@pytest.mark.parametrize(
    ("restart", "reason", "expected"),
    [
        ("permanent", "normal", "up"),
        ("transient", "normal", None),
        ("transient", ("shutdown", "moved"), None),
        ("transient", "boom", "up"),
        ("temporary", "boom", "gone"),
    ],
)
def test_who_comes_back_after_which_end(run: Any, restart: Any, reason: Any, expected: Any) -> None:
    async def main() -> None:
        tree = await Supervisor.start_link_children([worker("a", [], restart=restart)])
        await end("a", reason)
        assert (await ids(tree)).get("a", "gone") == expected

    run(main)


def test_an_error_shutdown_is_a_clean_end_for_a_supervisor(run: Any) -> None:
    """Its reason is {shutdown, Stack}, which matches {shutdown, _}."""

    class Fragile(Worker):
        @impl
        def handle_cast(self, request: Any, state: Any) -> Any:
            raise otp.Error(request)

    async def main() -> None:
        spec = Fragile.child_spec(("a", [], []), name="a", id="a", restart="transient")
        tree = await Supervisor.start_link_children([spec])
        await end("a", "normal")
        assert await ids(tree) == {"a": "up"}
        await end("a", "shutdown")
        assert await ids(tree) == {"a": None}

    run(main)


def test_a_group_restart_starts_stopped_siblings_and_drops_temporary_ones(run: Any) -> None:
    log: list[str] = []

    async def main() -> None:
        tree = await Supervisor.start_link_children(
            [worker("a", log), worker("b", log, restart="temporary"), worker("c", log), worker("d", log)],
            strategy="one_for_all",
        )
        await Supervisor.terminate_child(tree, "c")
        await end("d")
        assert await ids(tree) == {"a": "up", "c": "up", "d": "up"}

    run(main)


def test_two_children_dead_before_the_supervisor_looks_are_one_restart_of_all(run: Any) -> None:
    async def main() -> None:
        tree = await Supervisor.start_link_children(
            [worker("a", []), worker("b", [])], strategy="one_for_all", max_restarts=1
        )
        for name in ("a", "b"):
            otp.exit(otp.whereis(name), "kill")
        await wait_all_idle()
        assert await ids(tree) == {"a": "up", "b": "up"}
        assert [event["used"] for event in events("child_restarted")] == [1]

    run(main)


# The window


def test_the_restart_that_exceeds_the_limit_makes_the_supervisor_give_up(run: Any) -> None:
    log: list[str] = []

    async def main() -> Any:
        process_flag("trap_exit", True)
        await Supervisor.start_link_children([worker("a", log), worker("b", log)], max_restarts=2)
        for _ in range(3):
            await end("a")
        return (await otp.receive(otp.ExitSignal)).reason, otp.whereis("b")

    assert run(main) == ("shutdown", None)
    assert log == ["+a", "+b", "+a", "+a"]


def test_a_restart_counts_while_it_is_in_the_window(run: Any) -> None:
    async def main() -> None:
        process_flag("trap_exit", True)
        tree = await Supervisor.start_link_children([worker("a", [])], max_restarts=1, max_seconds=2)
        await end("a")
        await advance(2.000_000_001)
        await end("a")
        assert otp.is_alive(tree)
        await advance(2)
        await end("a")
        assert not otp.is_alive(tree)

    run(main)


def test_any_number_of_restarts_may_be_allowed(run: Any) -> None:
    async def main() -> None:
        tree = await Supervisor.start_link_children([worker("a", [])], max_restarts="infinity")
        for _ in range(50):
            await end("a")
        assert await ids(tree) == {"a": "up"}

    run(main)


def test_a_supervisor_that_gave_up_is_restarted_with_a_fresh_window(run: Any) -> None:
    class Inner(Supervisor):
        @impl
        def init(self, arg: Any) -> Children:
            return Children([worker("a", [])], max_restarts=1)

    async def main() -> None:
        outer = await Supervisor.start_link_children([Inner.child_spec(name="inner")])
        first = otp.whereis("inner")
        for _ in range(3):
            await end("a")
        assert otp.whereis("inner") not in (first, None)
        assert (await count(outer)) == (1, 1, 1, 0)
        assert otp.whereis("a") is not None
        await end("a")
        assert otp.whereis("inner") is not None

    run(main)


# Restarts that fail


def test_each_attempt_counts_and_the_last_allowed_one_may_succeed(run: Any) -> None:
    log: list[str] = []

    async def main() -> None:
        tree = await Supervisor.start_link_children([worker("a", log, None, Stop("no"), Stop("no"))], max_restarts=3)
        await end("a")
        assert await ids(tree) == {"a": "up"}
        assert [event["used"] for event in events("restart_failed")] == [1, 2]
        (restarted,) = events("child_restarted")
        assert (restarted["used"], restarted["reason"]) == (3, "boom")

    run(main)
    assert log == ["+a"] * 4


def test_failing_restarts_exhaust_the_window_without_a_delay(run: Any) -> None:
    log: list[str] = []

    async def main() -> Any:
        process_flag("trap_exit", True)
        script = [None, *[otp.Error("no")] * 9]
        await Supervisor.start_link_children([worker("a", log, *script)], max_restarts=3)
        GenServer.cast("a", "boom")
        return (await otp.receive(otp.ExitSignal)).reason, otp.monotonic()

    assert run(main) == ("shutdown", 0.0)
    assert log == ["+a"] * 4


def test_rest_for_one_retries_from_the_child_that_failed(run: Any) -> None:
    log: list[str] = []

    async def main() -> None:
        tree = await Supervisor.start_link_children(
            [worker("a", log), worker("b", log), worker("c", log, None, Stop("no")), worker("d", log)],
            strategy="rest_for_one",
        )
        log.clear()
        await end("b")
        assert set((await ids(tree)).values()) == {"up"}

    run(main)
    assert log == ["+b", "+c", "+c", "+d"]


def test_one_for_all_retries_with_all(run: Any) -> None:
    log: list[str] = []

    async def main() -> None:
        tree = await Supervisor.start_link_children(
            [worker("a", log), worker("b", log), worker("c", log, None, Stop("no"))], strategy="one_for_all"
        )
        log.clear()
        await end("b")
        assert set((await ids(tree)).values()) == {"up"}

    run(main)
    assert log == ["+a", "+b", "+c", "+a", "+b", "+c"]


class Switch(GenServer[Any]):
    """Fails to start while its shared list says "off", and asks the questions while its supervisor waits."""

    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg) if arg == ["on"] else Stop("off")

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        return Stop(request, state)


def request_while_restarting(operation: Any) -> Any:
    """Let the restart of "s" fail for ever, ask while it is tried again, and answer with what was said."""

    async def main() -> Any:
        switch = ["on"]
        tree = await Supervisor.start_link_children(
            [Switch.child_spec(Shared(switch), name="s", id="s"), worker("z", [])], max_restarts="infinity"
        )
        switch[0] = "off"
        seen: list[Any] = []

        async def ask() -> None:
            # The restart repeats without a pause; questions come between two attempts.
            while (await ids(tree))["s"] != "restarting":
                pass
            try:
                seen.append(await operation(tree))
            except StartError as error:
                seen.append(error.reason)
            switch[0] = "on"

        GenServer.cast("s", "boom")
        await otp.wait_down(otp.spawn(ask))
        await wait_all_idle()
        return seen[0], (await ids(tree))["s"]

    return main


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (lambda tree: Supervisor.restart_child(tree, "s"), ("restarting", "up")),
        (lambda tree: Supervisor.delete_child(tree, "s"), ("restarting", "up")),
        (lambda tree: Supervisor.start_child(tree, worker("s", [])), ("already_present", "up")),
        (lambda tree: Supervisor.terminate_child(tree, "s"), (None, None)),
        (Supervisor.count_children, ((2, 1, 0, 2), "up")),
    ],
)
def test_the_answers_while_a_child_is_restarting(run: Any, operation: Any, expected: Any) -> None:
    assert run(request_while_restarting(operation)) == expected


def test_a_restart_that_waits_keeps_the_mailbox(run: Any) -> None:
    async def main() -> float:
        tree = await Supervisor.start_link_children([worker("a", [], None, 3), worker("b", [])])
        GenServer.cast("a", "boom")
        await wait_all_idle()
        assert await ids(tree) == {"a": "up", "b": "up"}
        return otp.monotonic()

    assert run(main) == 3.0


def test_a_taken_name_is_a_failed_restart(run: Any) -> None:
    async def main() -> Any:
        process_flag("trap_exit", True)
        await Supervisor.start_link_children([worker("a", [])], max_restarts=2)
        old = otp.whereis("a")
        otp.unregister("a")
        otp.register("a", otp.self())
        otp.exit(old, "kill")
        reason = (await otp.receive(otp.ExitSignal)).reason
        return reason, [event["reason"] == ("already_started", otp.self()) for event in events("restart_failed")]

    assert run(main) == ("shutdown", [True, True])


# Automatic shutdown


def test_the_end_of_any_significant_child_stops_the_supervisor(run: Any) -> None:
    async def main() -> Any:
        process_flag("trap_exit", True)
        tree = await Supervisor.start_link_children(
            [worker("a", []), worker("s", [], restart="transient", significant=True)], auto_shutdown="any_significant"
        )
        await end("s", "boom")
        await Supervisor.terminate_child(tree, "s")
        await Supervisor.restart_child(tree, "s")
        assert otp.is_alive(tree)
        await end("s", "normal")
        return (await otp.receive(otp.ExitSignal)).reason, otp.whereis("a")

    assert run(main) == ("shutdown", None)


def test_the_end_of_the_last_significant_child_stops_the_supervisor(run: Any) -> None:
    async def main() -> Any:
        process_flag("trap_exit", True)
        tree = await Supervisor.start_link_children(
            [worker(name, [], restart="temporary", significant=True) for name in ("s", "t")],
            auto_shutdown="all_significant",
        )
        await end("s", "boom")
        assert otp.is_alive(tree)
        await end("t", "boom")
        return (await otp.receive(otp.ExitSignal)).reason

    assert run(main) == "shutdown"


# What is told


def test_a_restart_is_caused_by_the_exit_of_the_old_process(run: Any) -> None:
    async def main() -> None:
        tree = await Supervisor.start_link_children([worker("a", []), worker("b", [])], strategy="rest_for_one")
        old = otp.whereis("a")
        await end("a")
        told = [e for e in trace.history(otp.self().runtime) if e.pid is tree or e.pid is old]
        by_kind = {event.kind: event for event in told}
        exited, restarted = by_kind["exited"], by_kind["child_restarted"]
        assert restarted.cause == exited.seq
        assert restarted.data == {
            "id": "a",
            "child": otp.whereis("a"),
            "old": old,
            "reason": "boom",
            "strategy": "rest_for_one",
            "used": 1,
            "allowed": 3,
            "window": 5,
            "group": ["b"],
            "restarts": 1,
            "along": False,
        }
        lifecycle = [(e.kind, e.data.get("id"), e.data.get("by")) for e in told if e.kind.startswith("child")]
        assert lifecycle == [
            ("child_started", "a", None),
            ("child_started", "b", None),
            ("child_terminated", "a", "exit"),
            ("child_terminated", "b", "supervisor"),
            ("child_restarted", "a", None),
            ("child_started", "b", None),
        ]
        assert [e.cause for e in told if e.kind == "child_started"] == [0, 0, exited.seq]

    run(main)


def test_a_restart_after_failures_is_caused_by_the_last_of_them(run: Any) -> None:
    async def main() -> None:
        await Supervisor.start_link_children([worker("a", [], None, Stop("no"), Stop("no"))])
        await end("a")
        history = trace.history(otp.self().runtime)
        exited = next(e for e in history if e.kind == "exited" and e.data["reason"] == "boom")
        first, second = (e for e in history if e.kind == "restart_failed")
        (restarted,) = (e for e in history if e.kind == "child_restarted")
        assert (first.cause, second.cause, restarted.cause) == (exited.seq, first.seq, second.seq)
        assert first.data == {"id": "a", "reason": "no", "used": 1, "allowed": 3, "window": 5, "attempts": 1}
        assert second.data["attempts"] == 2

    run(main)


def test_giving_up_is_told_with_the_limit_and_its_cause(run: Any) -> None:
    async def main() -> None:
        process_flag("trap_exit", True)
        await Supervisor.start_link_children([worker("a", [])], max_restarts=0, max_seconds=2.5)
        await end("a")
        history = trace.history(otp.self().runtime)
        exited = next(e for e in history if e.kind == "exited" and e.data["reason"] == "boom")
        (gave_up,) = (e for e in history if e.kind == "gave_up")
        assert gave_up.data == {"id": "a", "reason": "boom", "used": 1, "allowed": 0, "window": 2.5}
        assert gave_up.cause == exited.seq

    run(main)


def test_the_state_can_be_read_without_a_message(run: Any) -> None:
    async def main() -> None:
        tree: Any = await Supervisor.start_link_children([worker("a", []), worker("b", [])], strategy="one_for_all")
        old = otp.whereis("a")
        await end("a")
        state = tree.state
        assert (state.strategy, state.max_restarts, state.max_seconds, state.auto_shutdown) == (
            "one_for_all",
            3,
            5,
            "never",
        )
        assert list(state.restarts) == [0]
        first, second = state.children
        assert (first.id, first.pid, first.old, first.restarts, first.last_reason) == (
            "a",
            otp.whereis("a"),
            old,
            1,
            "boom",
        )
        assert (second.id, second.restarts, second.restarted_along, second.last_reason) == ("b", 0, 1, "shutdown")

    run(main)


def test_a_child_that_was_terminated_twice_is_no_error_and_one_unknown_is_not_found(run: Any) -> None:
    async def main() -> None:
        tree = await Supervisor.start_link_children([worker("a", [])])
        assert await Supervisor.terminate_child(tree, "a") is None
        assert await Supervisor.terminate_child(tree, "a") is None
        with pytest.raises(NotFound):
            await Supervisor.terminate_child(tree, "x")

    run(main)
