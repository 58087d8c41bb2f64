"""Waits between processes, read from the tables: open calls, and starts that have not finished."""

from __future__ import annotations

from typing import Any

import otp
from otp import Children, GenServer, NoReply, Ok, Reply, Supervisor, impl, observer, testing


class Passes(GenServer[Any]):
    """Passes a call on, or never answers."""

    @impl
    async def init(self, arg: Any) -> Ok[Any]:
        if arg == "asks its supervisor":
            await Supervisor.count_children("sup")
        return Ok(arg)

    @impl
    async def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        match request:
            case ("pass", (first, *rest)):
                return Reply(await GenServer.call(first, ("pass", tuple(rest)) if rest else "wait"), state)
            case _:
                return NoReply(state)


def seen() -> list[tuple[str, Any, Any, Any]]:
    node = otp.trace.node_of(otp.self())

    def name(pid: Any) -> Any:
        return otp.process_info(pid, "registered_name")

    return [(wait.kind, name(wait.source), name(wait.target), wait.request) for wait in observer.waits(node)]


def test_a_chain_of_calls_is_seen_link_by_link() -> None:
    async def test() -> None:
        for name in ("a", "b", "c"):
            await Passes.start_link(None, name=name)
        otp.spawn(GenServer.call, "a", ("pass", ("b", "c")))
        await testing.wait_all_idle()
        assert seen() == [
            ("call", "a", "b", "('pass', ('c',))"),
            ("call", "b", "c", "'wait'"),
            ("call", None, "a", "('pass', ('b', 'c'))"),
        ]

    testing.Scheduler(seed=0).run(test)


def test_a_call_that_was_answered_is_gone() -> None:
    async def test() -> None:
        await Passes.start_link(None, name="a")
        asking = otp.spawn(GenServer.call, "a", "wait")
        await testing.wait_all_idle()
        assert len(seen()) == 1
        otp.exit(asking, "kill")
        await otp.wait_down(asking)
        assert seen() == []

    testing.Scheduler(seed=0).run(test)


def test_an_init_that_asks_its_own_supervisor_is_a_circle() -> None:
    class Knot(Supervisor):
        @impl
        def init(self, arg: Any) -> Children:
            return Children([Passes.child_spec("asks its supervisor", name="child")])

    async def test() -> None:
        async def start() -> None:
            await Knot.start_link(None, name="sup")

        otp.spawn(start)
        await testing.wait_all_idle()
        assert ("start", "sup", "child", None) in seen()
        assert ("call", "child", "sup", "'count_children'") in seen()

    testing.Scheduler(seed=0).run(test)


def test_secrets_and_sensitive_processes_are_not_shown() -> None:
    async def test() -> None:
        await Passes.start_link(None, name="a")
        otp.spawn(GenServer.call, "a", {"password": "hunter2"})
        await testing.wait_all_idle()
        assert seen() == [("call", None, "a", "{'password': ***}")]

    testing.Scheduler(seed=0).run(test)
