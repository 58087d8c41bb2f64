"""Badly written programs: each harms itself at most."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import ExitSignal, GenServer, NoReply, Ok, Reply, impl
from otp.kernel.steps import drain
from otp.testing import Scheduler, wait_all_idle


@pytest.fixture(params=[True, False, None], ids=["inline", "queued", "seeded"])
def run(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return Scheduler(seed=7, inline=request.param).run


class Does(GenServer[Any]):
    """Calls what it is sent."""

    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: otp.From, state: Any) -> Any:
        return request(caller, state)

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        return request(state)


async def waits() -> None:
    await otp.receive()


class Proxy:
    """Like an unbound LocalProxy: every access raises."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("unbound proxy")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("unbound proxy")

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        raise RuntimeError("unbound proxy")


@pytest.mark.parametrize("where", ["message", "cast", "call", "result", "answer", "reason"])
def test_an_object_that_raises_on_everything_harms_nobody_else(where: str, run: Any) -> None:
    async def main() -> Any:
        proxy = Proxy()
        bystander, server = await Does.start(1), await Does.start(2)
        ref = otp.monitor(server)
        match where:
            case "message":
                otp.send(server, proxy)
                otp.send(otp.self(), proxy)
                assert await otp.receive() is proxy
            case "cast":
                GenServer.cast(server, lambda state: NoReply(proxy))
            case "call" | "answer":
                got = await GenServer.call(server, lambda caller, state: Reply(proxy, state))
                assert got is proxy
            case "result":
                GenServer.cast(server, lambda state: proxy)
            case "reason":
                otp.spawn(lambda: otp.exit(proxy))
        await wait_all_idle()
        otp.demonitor(ref, flush=True)
        return await GenServer.call(bystander, lambda caller, state: Reply(state, state))

    assert run(main) == 1


def test_a_server_that_is_taken_along_by_a_link_while_it_handles_a_call(run: Any) -> None:
    """The victim is on its caller's stack when the signal comes: it ends there, and the caller sees it."""

    async def main() -> Any:
        linked = otp.spawn(waits)
        server = await Does.start(None)

        def link_and_kill(caller: otp.From, state: Any) -> Any:
            otp.link(linked)
            otp.exit(linked, "boom")
            return NoReply(state)

        with pytest.raises(otp.ServerDown) as error:
            await GenServer.call(server, link_and_kill)
        return error.value.cause_reason, otp.is_alive(server), otp.is_alive(linked)

    assert run(main) == ("boom", False, False)


def test_caller_and_server_that_kill_each_other(run: Any) -> None:
    async def main() -> Any:
        server = await Does.start(None)

        def both(caller: otp.From, state: Any) -> Any:
            otp.link(caller.pid)
            otp.exit(caller.pid, "kill")
            otp.exit(otp.self(), "kill")
            raise AssertionError("not reached")

        async def caller() -> None:
            await GenServer.call(server, both)

        _, ref = otp.spawn_monitor(caller)
        return (await otp.receive(ref)).reason, otp.is_alive(server)

    assert run(main) == ("killed", False)


def test_a_callback_that_stops_its_own_supervising_parent(run: Any) -> None:
    async def main() -> Any:
        async def parent() -> None:
            otp.send(me, await Does.start_link(otp.self()))
            await otp.receive()

        def kill_parent(caller: otp.From, state: Any) -> Any:
            otp.exit(state, "kill")
            return Reply("done", state)

        me = otp.self()
        otp.spawn(parent)
        server = await otp.receive()
        ref = otp.monitor(server)
        try:
            answer = await GenServer.call(server, kill_parent)
        except otp.ServerDown as error:
            answer = error.cause_reason
        return answer in ("done", "killed"), (await otp.receive(ref)).reason

    assert run(main) == (True, "killed")


def test_a_process_that_exits_in_finally_of_every_level(run: Any) -> None:
    async def main() -> Any:
        async def nested(depth: int) -> None:
            try:
                if depth:
                    await nested(depth - 1)
                else:
                    await otp.receive()
            finally:
                otp.exit(("level", depth))

        pid, ref = otp.spawn_monitor(nested, 50)
        await wait_all_idle()
        otp.exit(pid, "boom")
        return (await otp.receive(ref)).reason

    assert run(main) == "boom"


def test_links_made_and_unmade_while_dying(run: Any) -> None:
    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        me = otp.self()

        async def victim() -> None:
            other = otp.spawn_link(waits)
            try:
                await otp.receive()
            finally:
                otp.unlink(other)
                otp.link(me)
                otp.monitor(other)
                otp.send(me, other)

        pid = otp.spawn(victim)
        await wait_all_idle()
        otp.exit(pid, "boom")
        other = await otp.receive()
        return (
            await otp.receive() == ExitSignal(pid, "boom"),
            otp.is_alive(other),
            otp.process_info(other, "monitored_by"),
        )

    assert run(main) == (True, True, ())


def test_monitors_that_answer_a_death_with_a_death(run: Any) -> None:
    """A thousand watchers in a row, each ends when the one before it does."""

    async def main() -> Any:
        async def watcher(to: otp.Pid) -> None:
            down = await otp.receive(otp.monitor(to))
            raise otp.Exit(down.reason)

        first = pid = otp.spawn(waits)
        for _ in range(1000):
            pid = otp.spawn(watcher, pid)
        ref = otp.monitor(pid)
        await wait_all_idle()
        otp.exit(first, "shutdown")
        return (await otp.receive(ref)).reason, len(otp.processes())

    assert run(main) == ("shutdown", 1)


def test_ten_thousand_processes_that_link_to_one_and_die_with_it(run: Any) -> None:
    async def main() -> Any:
        hub = otp.spawn(waits)

        async def spoke() -> None:
            otp.link(hub)
            await otp.receive()

        for _ in range(3000):
            otp.spawn(spoke)
        await wait_all_idle()
        otp.exit(hub, "boom")
        return len(otp.processes())

    assert run(main) == 1


def test_a_predicate_that_sends_and_kills_while_it_is_asked(run: Any) -> None:
    async def main() -> Any:
        other = otp.spawn(waits)

        def nosy(message: Any) -> bool:
            otp.exit(other, "kill")
            otp.send(other, "never arrives")
            return message == "yes"

        for message in ("no", "yes"):
            otp.send(otp.self(), message)
        return await otp.receive(nosy), await otp.receive(), otp.is_alive(other)

    assert run(main) == ("yes", "no", False)


def test_a_generator_that_swallows_its_close_in_a_killed_process(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)

    async def main() -> Any:
        async def stubborn() -> Any:
            while True:
                try:
                    yield await asyncio.get_running_loop().create_future()
                except GeneratorExit:
                    await asyncio.get_running_loop().create_future()

        async def victim() -> None:
            async for _ in stubborn():
                pass

        pid, ref = otp.spawn_monitor(victim)
        await wait_all_idle()
        otp.exit(pid, "kill")
        return (await otp.receive(ref)).reason

    assert run(main) == "killed"


def test_a_process_that_awaits_itself(run: Any) -> None:
    async def main() -> Any:
        async def selfish() -> None:
            await asyncio.wait_for(otp.wait_down(otp.self()), 1)

        _, ref = otp.spawn_monitor(selfish)
        return (await otp.receive(ref)).reason.term.type_name

    assert run(main) == "TimeoutError"


def test_a_deep_recursion_is_a_crash_like_any_other(run: Any) -> None:
    async def main() -> Any:
        def deep(n: int) -> int:
            return deep(n + 1)

        server = await Does.start(None)
        with pytest.raises(otp.ServerDown) as error:
            await GenServer.call(server, lambda caller, state: deep(0))
        return error.value.cause_reason.term.type_name

    assert run(main) == "RecursionError"


def test_a_blocking_callback_is_named_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel measures each drain; the process that held the loop is in the event stream."""
    monkeypatch.setattr(drain, "LONG_DRAIN_NS", 2_000_000)

    def block(state: Any) -> Any:
        hashlib.pbkdf2_hmac("sha256", b"blocks", b"the loop", 20_000)
        return NoReply(state)

    async def main() -> Any:
        server = await Does.start(None)
        told: asyncio.Future[otp.trace.Event] = asyncio.get_running_loop().create_future()
        otp.trace.subscribe(otp.trace.node_of(server), told.set_result, kinds={"drain_too_long"}, limit=1)
        GenServer.cast(server, block)
        event = await told
        return event.data["ms"] >= 2, event.pid is server

    assert otp.run(main) == (True, True)


def test_a_subclass_of_str_that_compares_as_it_likes_is_no_kill(run: Any) -> None:
    class Liar(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = str.__hash__

    async def main() -> Any:
        pid = otp.spawn(waits)
        ref = otp.monitor(pid)
        otp.exit(pid, "boom")
        return (await otp.receive(ref)).reason, bool(Liar("x") == "kill")

    assert run(main) == ("boom", True)
