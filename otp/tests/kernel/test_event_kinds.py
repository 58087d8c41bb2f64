"""Every kind of event: provoked, with the fields that the page on events promises, and its cause."""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import otp
from otp import Children, Continue, GenServer, NoReply, Ok, Reply, Stop, Supervisor, impl, trace
from otp.kernel.steps import drain
from otp.kernel.tables.tracing import DETAIL_KINDS, LIFECYCLE, MESSAGE_KINDS, STATE_KINDS
from otp.testing import Scheduler, wait_all_idle

KINDS = LIFECYCLE | MESSAGE_KINDS | DETAIL_KINDS | STATE_KINDS
PAGE = Path(__file__).parents[3] / "docs" / "tracing.md"
ROW = re.compile(r"^\| `(\w+)` \|[^|]+\|([^|]*)\|[^|]*\|$", re.MULTILINE)


def promised() -> dict[str, set[str]]:
    """The fields of each kind, as the page has them."""
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))
    return {kind: set(re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", fields))) for kind, fields in rows}


class Events(list[trace.Event]):
    """All events of a node from now on."""

    def __init__(self, node: otp.Node | None = None) -> None:
        trace.subscribe(trace.node_of(otp.self()) if node is None else node, self.append, kinds=KINDS)

    def of(self, kind: str, pid: Any = None) -> list[trace.Event]:
        return [event for event in self if event.kind == kind and (pid is None or event.pid is pid)]

    def one(self, kind: str, pid: Any = None) -> trace.Event:
        (event,) = self.of(kind, pid)
        return checked(event)

    def last(self, kind: str, pid: Any = None) -> trace.Event:
        return checked(self.of(kind, pid)[-1])

    def cause(self, event: trace.Event) -> trace.Event | None:
        return next((other for other in self if other.seq == event.cause), None)

    def kinds_from(self, event: trace.Event | None) -> list[str]:
        """The kinds from an event back along the causes."""
        found: list[str] = []
        while event is not None:
            found.append(event.kind)
            event = self.cause(event)
        return found


def checked(event: trace.Event) -> trace.Event:
    answers = {"from"} if event.kind == "received" and event.data["way"] == "reply" else set[str]()
    assert promised()[event.kind] | answers == set(event.data)
    assert event.cause < event.seq
    return event


class Server(GenServer[Any]):
    """A server that follows instructions."""

    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        return request(caller, state) if callable(request) else Reply(request, state)

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        return request(state) if callable(request) else NoReply(request)

    @impl
    def handle_info(self, message: Any, state: Any) -> Any:
        return NoReply(state)

    @impl
    def handle_continue(self, term: Any, state: Any) -> Any:
        return NoReply(term)


def test_the_page_has_every_kind_and_no_other() -> None:
    assert set(KINDS) == set(promised())


def test_spawned_says_by_whom_and_because_of_which_message(run: Any) -> None:
    async def main() -> None:
        seen = Events()
        server = await Server.start(None)
        born = seen.one("spawned", server)
        assert (None, None, "Server") == (born.data["parent"], born.data["name"], born.data["what"])
        made: list[Any] = []

        def start_another(state: Any) -> Any:
            made.append(otp.spawn(otp.receive))
            return NoReply(state)

        GenServer.cast(server, start_another)
        await wait_all_idle()
        child = seen.one("spawned", made[0])
        assert server is child.data["parent"]
        assert ["spawned", "callback_begun", "received", "sent"] == seen.kinds_from(child)[:4]

    run(main)


def test_exited_carries_the_message_being_handled(run: Any) -> None:
    async def main() -> None:
        server = await Server.start(None)
        seen = Events()
        GenServer.cast(server, lambda state: 1 // 0)
        await otp.wait_down(server)
        end = seen.one("exited", server)
        assert "handle_cast" == end.data["callback"]
        assert "lambda" in end.data["message"]
        assert ["exited", "callback_begun", "received", "sent"] == seen.kinds_from(end)[:4]

    run(main)


def test_exited_names_the_sender_of_the_signal_and_what_made_it_send(run: Any) -> None:
    async def main() -> None:
        seen = Events()
        victim, killer = await Server.start(None), await Server.start(None)

        def kill(state: Any) -> Any:
            otp.exit(victim, "boom")
            return NoReply(state)

        GenServer.cast(killer, kill)
        await otp.wait_down(victim)
        end = seen.one("exited", victim)
        assert ("boom", killer) == (end.data["reason"], end.data["sender"])
        assert ["exited", "callback_begun", "received", "sent"] == seen.kinds_from(end)[:4]

    run(main)


def test_a_process_that_crashes_over_a_message_ends_because_of_it(run: Any) -> None:
    async def main() -> None:
        async def fragile() -> None:
            raise ValueError(await otp.receive())

        seen = Events()
        pid = otp.spawn(fragile)
        await wait_all_idle()
        otp.send(pid, "too much")
        await otp.wait_down(pid)
        assert "'too much'" == seen.one("exited", pid).data["message"]
        received = seen.cause(seen.one("exited", pid))
        assert received is not None
        assert ("received", "'too much'") == (received.kind, received.data["message"])

    run(main)


def test_down_and_exit_messages_come_from_the_end_that_caused_them(run: Any) -> None:
    async def main() -> None:
        otp.process_flag("trap_exit", True)
        seen = Events()
        pid = otp.spawn_link(otp.receive)
        otp.monitor(pid)
        otp.exit(pid, "boom")
        await wait_all_idle()
        await otp.receive()
        await otp.receive()
        end = seen.one("exited", pid)
        assert [end.seq, end.seq] == [event.cause for event in seen.of("sent", pid)]
        assert [["received", "sent", "exited"]] * 2 == [seen.kinds_from(e)[:3] for e in seen.of("received", otp.self())]

    run(main)


def test_names_links_and_monitors_are_told(run: Any) -> None:
    async def main() -> None:
        seen = Events()
        pid = otp.spawn(otp.receive)
        otp.link(pid)
        otp.unlink(pid)
        ref = otp.monitor(pid)
        otp.demonitor(ref)
        otp.register("here", pid)
        otp.unregister("here")
        assert [pid, pid] == [seen.one(kind, otp.self()).data["other"] for kind in ("linked", "unlinked")]
        assert (ref, pid) == tuple(seen.one("monitored").data[key] for key in ("ref", "item"))
        assert ref is seen.one("demonitored").data["ref"]
        assert ["here", "here"] == [seen.one(kind, pid).data["name"] for kind in ("registered", "unregistered")]

    run(main)


def test_a_call_its_handler_and_its_answer_are_one_chain(run: Any) -> None:
    async def main() -> None:
        server = await Server.start(None)
        seen = Events()
        assert "hello" == await GenServer.call(server, "hello")
        answer = seen.one("received", otp.self())
        assert ["received", "sent", "callback_begun", "received", "sent"] == seen.kinds_from(answer)[:5]
        ways = {event.data["way"]: event.data["ref"] for event in seen if event.kind in ("sent", "received")}
        assert {"call", "reply"} == set(ways)
        assert ways["call"] is ways["reply"]
        begun, ended = seen.one("callback_begun", server), seen.one("callback_ended", server)
        assert ("handle_call", begun.seq) == (ended.data["callback"], ended.cause)

    run(main)


def test_an_async_callback_ends_when_it_returns_not_when_it_waits(run: Any) -> None:
    async def main() -> None:
        async def slow(caller: Any, state: Any) -> Any:
            await wait_all_idle()
            otp.send(caller.pid, "meanwhile")
            return Reply("done", state)

        server = await Server.start(None)
        seen = Events()
        await GenServer.call(server, slow)
        ended = seen.one("callback_ended", server)
        (said,) = (event for event in seen.of("sent", server) if event.data["way"] == "info")
        assert said.seq < ended.seq
        assert seen.one("callback_begun", server).seq == said.cause == ended.cause

    run(main)


def test_every_callback_begins_and_ends(run: Any) -> None:
    class All(Server):
        @impl
        def init(self, arg: Any) -> Any:
            return Ok(arg, then="first")

        @impl
        def handle_cast(self, request: Any, state: Any) -> Any:
            return NoReply(state, timeout=1)

        @impl
        def handle_info(self, message: Any, state: Any) -> Any:
            return Stop("normal", state)

        @impl
        def terminate(self, reason: Any, state: Any) -> None:
            pass

    async def main() -> None:
        seen = Events()
        server = await All.start(None)
        GenServer.cast(server, "wait a second")
        await otp.wait_down(server)
        assert ["callback_begun", "spawned"] == seen.kinds_from(seen.of("callback_begun", server)[0])[:2]
        names = ["init", "handle_continue", "handle_cast", "handle_info", "terminate"]
        assert names == [checked(event).data["callback"] for event in seen.of("callback_begun", server)]
        assert names == [checked(event).data["callback"] for event in seen.of("callback_ended", server)]

    run(main)


def test_what_nobody_can_receive_is_dropped(run: Any) -> None:
    async def main() -> None:
        pid = otp.spawn(lambda: None)
        await otp.wait_down(pid)
        seen = Events()
        otp.send(pid, "hello?")
        lost = seen.one("dropped", otp.self())
        assert (pid, "info", "hello?") == (lost.data["to"], lost.data["way"], lost.data["term"])

    run(main)


def test_an_answer_that_comes_too_late_is_dropped(run: Any) -> None:
    async def main() -> None:
        kept: list[Any] = []

        def keep(caller: Any, state: Any) -> Any:
            kept.append(caller)
            return NoReply(state)

        server = await Server.start(None)
        seen = Events()
        with pytest.raises(otp.CallTimeout):
            await GenServer.call(server, keep, timeout=1)
        GenServer.reply(kept[0], "late")
        late = seen.one("dropped")
        assert ("reply", "late", otp.self()) == (late.data["way"], late.data["term"], late.data["to"])

    run(main)


def test_timers_lead_from_being_set_to_their_message(run: Any) -> None:
    async def main() -> None:
        seen = Events()
        otp.cancel_timer(otp.send_after(5, otp.self(), "never"))
        otp.send_after(1, otp.self(), "tick")
        await otp.receive()
        chain = ["received", "sent", "timer_fired", "timer_set"]
        assert chain == seen.kinds_from(seen.one("received", otp.self()))[:4]
        assert 1 == seen.last("timer_set").data["seconds"]
        assert seen.of("timer_set")[0].data["ref"] is seen.one("timer_cancelled").data["ref"]
        checked(seen.last("timer_fired"))

    run(main)


def test_state_changed_is_told_once_for_each_new_state(run: Any) -> None:
    async def main() -> None:
        seen = Events()
        server = await Server.start(1)
        for state in (1, 2, 2):
            GenServer.cast(server, state)
        await wait_all_idle()
        assert ["1", "2"] == [checked(event).data["state"] for event in seen.of("state_changed", server)]
        assert ["state_changed", "callback_begun", "received"] == seen.kinds_from(seen.last("state_changed"))[:3]

    run(main)


def test_a_sensitive_process_shows_neither_messages_nor_state(run: Any) -> None:
    class Vault(Server):
        @impl
        def init(self, arg: Any) -> Any:
            otp.process_flag("sensitive", True)
            return Ok(arg)

    async def main() -> None:
        seen = Events()
        vault = await Vault.start("geheim")
        GenServer.cast(vault, "geheim 2")
        await GenServer.call(vault, "geheim 3")
        otp.exit(vault, "kill")
        await wait_all_idle()
        about = [event for event in seen if event.pid is vault or event.data.get("to") is vault]
        assert {"sent", "received", "state_changed", "exited"} <= {event.kind for event in about}
        assert "geheim'" not in repr(about)
        assert "geheim 2" not in repr([event.data for event in about])

    run(main)


class Shop(Supervisor):
    """Restart a child, described by the argument, once."""

    @impl
    def init(self, arg: Any) -> Any:
        return Children([Server.child_spec("x", id="x", name="x")], max_restarts=arg(), max_seconds=9)


def test_supervisors_tell_of_their_children(run: Any) -> None:
    async def main() -> None:
        otp.process_flag("trap_exit", True)
        seen = Events()
        shop = await Shop.start_link(lambda: 1)
        first = otp.whereis("x")
        started = seen.one("child_started", shop)
        assert ("x", first, "permanent") == tuple(started.data[key] for key in ("id", "child", "restart"))
        otp.exit(first, "kill")
        await wait_all_idle()
        ended = seen.one("exited", first)
        gone, again = seen.one("child_terminated", shop), seen.one("child_restarted", shop)
        assert ("killed", "exit", ended.seq) == (gone.data["reason"], gone.data["by"], gone.cause)
        assert (1, 1, 9, ended.seq) == (*(again.data[key] for key in ("used", "allowed", "window")), again.cause)
        second = otp.whereis("x")
        assert (first, second) == (again.data["old"], again.data["child"])
        otp.exit(second, "kill")
        await otp.wait_down(shop)
        gave_up = seen.one("gave_up", shop)
        assert (2, 1, 9, "x") == tuple(gave_up.data[key] for key in ("used", "allowed", "window", "id"))
        assert seen.one("exited", second).seq == gave_up.cause
        assert [] == [event for event in seen.of("exited", shop) if not event.cause]

    run(main)


def test_a_restart_that_fails_is_told(run: Any) -> None:
    class Moody(Server):
        starts = 0

        @impl
        def init(self, arg: Any) -> Any:
            Moody.starts += 1
            return Stop("no mood") if Moody.starts == 2 else Ok(arg)

    class Calm(Supervisor):
        @impl
        def init(self, arg: Any) -> Any:
            return Children([Moody.child_spec(None, name="moody")], max_restarts=5)

    async def main() -> None:
        Moody.starts = 0
        await Calm.start_link(None)
        seen = Events()
        victim = otp.whereis("moody")
        otp.exit(victim, "kill")
        await wait_all_idle()
        failed = seen.one("restart_failed")
        assert ("no mood", seen.one("exited", victim).seq) == (failed.data["reason"], failed.cause)

    run(main)


def test_new_flags_of_a_supervisor_are_told(run: Any) -> None:
    async def main() -> None:
        allowed = [1]
        shop = await Shop.start_link(lambda: allowed[0])
        seen = Events()
        allowed[0] = 7
        await otp.sys.suspend(shop)
        await otp.sys.change_code(shop, Shop, None)
        await otp.sys.resume(shop)
        changed = seen.one("strategy_changed", shop)
        assert (1, 7) == (changed.data["before"]["max_restarts"], changed.data["max_restarts"])

    run(main)


def test_suspend_and_resume_tell_who_requested_them(run: Any) -> None:
    async def main() -> None:
        server = await Server.start(None)
        seen = Events()
        await otp.sys.suspend(server)
        await otp.sys.suspend(server, by="again")
        assert otp.self() is seen.one("suspended", server).data["by"]
        await otp.sys.resume(server, by="ada")
        await otp.sys.resume(server)
        assert seen.one("resumed", server).data["by"] == "ada"

    run(main)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], Any]]:
    """`module(version)`: a module with a server, written and imported."""
    text = "from otp import GenServer, Ok, impl\nclass S(GenServer):\n    vsn = {}\n"
    text += "    @impl\n    def init(self, arg):\n        return Ok(arg)\n"
    path = tmp_path / "told_of_new_code.py"
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(version: int) -> Any:
        path.write_text(text.format(version), encoding="utf-8")
        return importlib.import_module(path.stem) if version == 1 else None

    yield write
    sys.modules.pop(path.stem, None)


def test_new_code_is_told(module: Callable[[int], Any]) -> None:
    async def main() -> None:
        fresh = module(1)
        server = await fresh.S.start(None)
        seen = Events()
        module(2)
        await otp.code.reload(fresh)
        changed = seen.one("code_changed", server)
        assert not seen.of("suspended") and not seen.of("resumed")
        assert ("told_of_new_code", "S", 1, 2) == tuple(changed.data[key] for key in ("module", "what", "old", "new"))

    Scheduler().run(main)


def test_a_node_tells_of_its_beginning_and_its_end() -> None:
    async def main() -> None:
        async with otp.Node("inner") as node:
            seen = Events(node)
        checked(trace.history(node)[0])
        assert ["node_up", "node_down"] == [trace.history(node)[0].kind, seen.one("node_down").kind]

    Scheduler().run(main)


def test_a_drain_that_takes_long_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain, "LONG_DRAIN_NS", 1_000_000)

    def block(caller: Any, state: Any) -> Any:
        hashlib.pbkdf2_hmac("sha256", b"blocks", b"the loop", 20_000)
        return Reply(None, state)

    async def main() -> trace.Event:
        seen = Events()
        server = await Server.start(None)
        told: Any = asyncio.get_running_loop().create_future()
        trace.subscribe(trace.node_of(server), told.set_result, kinds={"drain_too_long"}, limit=1)
        await GenServer.call(server, block)
        del seen
        return await told

    event = otp.run(main)
    assert {"ms", "what"} == promised()[event.kind] == set(event.data)
    assert event.data["ms"] >= 1


def test_cleanup_that_was_abandoned_is_told(run: Any) -> None:
    async def stubborn() -> None:
        try:
            await otp.receive()
        finally:
            await wait_all_idle()

    async def main() -> None:
        seen = Events()
        pid = otp.spawn(stubborn)
        await wait_all_idle()
        otp.exit(pid, "kill")
        assert Path(__file__).name in seen.one("abandoned_cleanup", pid).data["where"]

    run(main)


def test_a_call_that_timed_out_is_reported_with_the_message_that_its_caller_handled(run: Any) -> None:
    async def main() -> None:
        seen = Events()
        silent, server = await Server.start(None), await Server.start(None)

        async def ask(_caller: Any, state: Any) -> Any:
            with pytest.raises(otp.CallTimeout):
                await GenServer.call(silent, lambda caller, state: NoReply(state), 1)
            return Reply(None, state)

        await GenServer.call(server, ask)
        event = seen.one("call_timed_out", server)
        assert ["call_timed_out", "callback_begun", "received", "sent"] == seen.kinds_from(event)[:4]

    run(main)


def test_nothing_of_a_process_is_remembered_after_its_end(run: Any) -> None:
    async def main() -> None:
        seen = Events()
        for _ in range(5):
            server = await Server.start(Continue("x"))
            GenServer.cast(server, "y")
            otp.send(server, "z")
            otp.exit(server, "kill")
            await wait_all_idle()
        causes: Any = trace.node_of(otp.self()).tracer.causes  # type: ignore[attr-defined]
        mine = {otp.self()}
        tables = (causes._doing, causes._begun, causes._sent, causes._states, causes._taken)
        assert [] == [table for table in tables if set(table) - mine]
        assert 0 == causes.now
        del seen

    run(main)
