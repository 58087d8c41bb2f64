"""Names that must be granted: `async grant(pid)` of a name, between the creation of a process and its `init`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

import otp
from granted_names import World
from otp import AlreadyStarted, Down, ExitSignal, GenServer, Ignore, Ok, Registry, Reply, StartError, Stop, Throw, impl
from otp.kernel.steps import grants
from otp.testing import Scheduler, advance

MODES: dict[str, Any] = {"inline": True, "queued": False, "seeded": None}


@pytest.fixture(params=[*MODES, "production"])
def run(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Any:
    """`run(fn)`: the value of a first process, in virtual time in each order, and in a real loop."""
    real = request.param == "production"
    yield otp.run if real else Scheduler(seed=11, inline=MODES[request.param]).run
    assert [] == [record.getMessage() for record in caplog.get_records("call") if "bug of otp" in record.getMessage()]


class Server(GenServer[Any]):
    """arg: what `init` returns; a function is called, and an awaitable result is awaited."""

    @impl
    def init(self, arg: Any) -> Any:
        return arg() if callable(arg) else Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        return Reply(state, state)


Outcome = tuple[otp.Pid, list[Any]]


def starter(start: Callable[[], Any]) -> Outcome:
    """A process that traps exits, and the outcome of its start followed by its mailbox afterwards."""
    got: list[Any] = []

    async def work() -> None:
        otp.process_flag("trap_exit", True)
        try:
            got.append(await start())
        except StartError as error:
            got.append(error)
        got.extend([await otp.receive() for _ in range(otp.process_info(otp.self()).message_queue_len)])

    return otp.spawn(work), got


async def ended(pid: otp.Pid) -> Any:
    return await otp.wait_down(pid)


async def is_gone(world: World, pid: otp.Pid) -> bool:
    """Return true if a process that did not get its name has left nothing, and the name is free at once."""
    if otp.is_alive(pid) or pid in otp.processes() or world.owners or world.log[-1] != "unregister":
        return False
    again = await Server.start(0, name=world.name().answer(True))
    otp.exit(again, "kill")
    return True


# Granted


def test_init_runs_after_the_grant_and_the_starter_waits_for_both(run: Any) -> None:
    async def main() -> None:
        world = World()
        name = world.name()
        pid, got = starter(lambda: Server.start_link(lambda: world.log.append("init") or Ok(7), name=name))
        asked = await name.asked
        assert (["register", "grant"], []) == (world.log, got)
        name.answer(True)
        await ended(pid)
        assert [asked] == got
        assert ["register", "grant", "init"] == world.log

    run(main)


def test_the_grant_runs_in_the_new_process_which_its_starter_is_linked_with(run: Any) -> None:
    async def main() -> Any:
        world = World()
        name = world.name().answer(True)
        seen: list[Any] = []
        grant = name.grant

        async def look(pid: otp.Pid) -> Any:
            seen.extend([otp.self() == pid, otp.process_info(pid).links])
            return await grant(pid)

        name.grant = look  # type: ignore[method-assign]
        pid = await Server.start_link(7, name=name)
        return seen, await GenServer.call(name, "state"), world.owners == {"it": pid}, otp.self()

    seen, state, is_owner, me = run(main)
    assert ([True, (me,)], 7, True) == (seen, state, is_owner)


@pytest.mark.parametrize("way", ["start", "start_link", "start_monitor"])
def test_each_way_to_start_a_server_waits_for_the_grant(run: Any, way: str) -> None:
    async def main() -> Any:
        name = World().name().answer(True)
        started = await getattr(Server, way)(7, name=name)
        pid = started[0] if way == "start_monitor" else started
        return await name.asked == pid, await GenServer.call(pid, "state")

    assert (True, 7) == run(main)


async def _later() -> Any:
    await asyncio.sleep(0)
    return Ok("later")


def test_after_the_grant_init_may_wait_throw_refuse_or_ignore(run: Any) -> None:
    def throws() -> Any:
        raise Throw(Ok("thrown"))

    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        states = [
            await GenServer.call(await Server.start(init, name=World().name().answer(True)), "state")
            for init in (_later, throws)
        ]
        ignored = await Server.start(Ignore, name=World().name().answer(True))
        with pytest.raises(StartError) as failed:
            await Server.start(lambda: Stop("no"), name=World().name().answer(True))
        return states, ignored, failed.value.reason

    assert (["later", "thrown"], Ignore(), "no") == run(main)


def test_a_name_once_granted_is_left_to_its_object(run: Any) -> None:
    async def main() -> Any:
        world = World()
        with pytest.raises(StartError):
            await Server.start(lambda: Stop("no"), name=world.name("a").answer(True))
        pid = await Server.start(0, name=world.name("b").answer(True))
        otp.exit(pid, "kill")
        await ended(pid)
        return "unregister" in world.log

    assert run(main) is False


# Refused


@pytest.mark.parametrize("way", ["start", "start_link", "start_monitor"])
def test_a_refused_name_fails_like_a_taken_one_and_leaves_no_message(run: Any, way: str) -> None:
    async def main() -> None:
        world = World()
        holder = world.owners["other"] = otp.self()
        name = world.name()
        pid, got = starter(lambda: getattr(Server, way)(lambda: world.log.append("init"), name=name))
        asked = await name.asked
        name.key = "other"
        name.answer(False)
        await ended(pid)
        assert [AlreadyStarted] == list(map(type, got))
        assert (("already_started", holder), holder, name) == (got[0].reason, got[0].pid, got[0].name)
        del world.owners["other"]
        assert await is_gone(world, asked)
        assert "init" not in world.log

    run(main)


def test_a_refusal_does_not_end_a_starter_that_traps_no_exits(run: Any) -> None:
    async def main() -> str:
        with pytest.raises(AlreadyStarted, match="another process, which cannot be found from here"):
            await Server.start_link(0, name=World().name().answer(False))
        return "alive"

    assert "alive" == run(main)


def test_a_start_error_of_the_grant_is_that_of_the_start(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    class NoQuorum(StartError):
        pass

    async def main() -> bool:
        world = World()
        name = world.name()
        refusal = NoQuorum(("no_quorum", 1, 2))
        pid, got = starter(lambda: Server.start_link(0, name=name))
        asked = await name.asked
        name.answer(refusal)
        await ended(pid)
        assert [refusal] == got
        return await is_gone(world, asked)

    assert run(main)
    assert [] == [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


def test_a_grant_that_raises_is_a_crash_of_the_process(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> Any:
        world = World()
        name = world.name()
        pid, got = starter(lambda: Server.start_link(0, name=name))
        asked = await name.asked
        name.answer(ValueError("no such table"))
        await ended(pid)
        error, signal = got
        return error.reason[0], signal == ExitSignal(asked, error.reason), await is_gone(world, asked)

    reason, linked, gone = run(main)
    assert ("ValueError", ("no such table",)) == reason[:2]
    assert (True, True) == (linked, gone)
    assert any("no such table" in record.getMessage() for record in caplog.records)


def test_an_exit_of_the_grant_gives_the_reason_of_the_failed_start(run: Any) -> None:
    async def main() -> Any:
        with pytest.raises(StartError) as failed:
            await Server.start(0, name=World().name().answer(otp.Exit("nodown")))
        return failed.value.reason

    assert "nodown" == run(main)


def test_what_is_no_answer_is_refused_with_an_explanation(run: Any) -> None:
    async def main() -> Any:
        world = World()
        name = world.name()
        pid, got = starter(lambda: Server.start(0, name=name))
        asked = await name.asked
        name.answer(None)
        await ended(pid)
        return str(got[0]), await is_gone(world, asked)

    text, gone = run(main)
    assert "expected True or False from grant(pid)" in text
    assert gone


def test_a_name_without_a_way_to_take_it_back_is_refused(run: Any) -> None:
    class Half:
        def whereis(self) -> None: ...

        def register(self, pid: otp.Pid) -> bool:
            return True

        async def grant(self, pid: otp.Pid) -> bool:
            return True

    async def main() -> int:
        with pytest.raises(otp.BadArgument, match=r"expected unregister\(pid\) beside grant\(pid\)"):
            await Server.start(0, name=Half())
        return len(otp.processes())

    assert 1 == run(main)


def test_a_name_that_is_taken_here_is_not_asked_for(run: Any) -> None:
    async def main() -> Any:
        world = World()
        name = world.name()
        name.register = lambda pid: False  # type: ignore[method-assign]
        with pytest.raises(AlreadyStarted):
            await Server.start(0, name=name)
        return world.log, len(otp.processes())

    assert ([], 1) == run(main)


# Time


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A grant is given up after 5 ms, so that a real loop need not wait long."""
    monkeypatch.setattr(grants, "LIMIT", 5_000_000)


def test_a_grant_may_take_five_seconds() -> None:
    async def main() -> Any:
        world = World()
        name = world.name()
        pid, got = starter(lambda: Server.start_link(0, name=name))
        asked = await name.asked
        await advance(4.999)
        before = list(got)
        await advance(0.001)
        await ended(pid)
        return before, repr(got), otp.monotonic(), world.log, await is_gone(world, asked)

    log = ["register", "grant", "cancelled", "unregister"]
    before, got, at, seen, gone = Scheduler().run(main)
    assert ([], "[StartError('timeout')]", 5.0, log, True) == (before, got, at, seen[:4], gone)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("stubborn", [False, True])
@pytest.mark.parametrize("way", ["start", "start_link", "start_monitor"])
def test_a_late_grant_leaves_no_name_behind(run: Any, way: str, stubborn: bool) -> None:
    async def main() -> None:
        world = World()
        name = world.name(stubborn=stubborn)
        with pytest.raises(StartError) as failed:
            await getattr(Server, way)(lambda: world.log.append("init"), name=name)
        assert "timeout" == failed.value.reason
        name.answer(True)
        assert ["register", "grant", "cancelled", "unregister"] == world.log
        assert await is_gone(world, await name.asked)
        assert 0 == otp.process_info(otp.self()).message_queue_len

    run(main)


def test_the_time_of_the_starter_may_be_shorter() -> None:
    async def main() -> Any:
        world = World()
        name = world.name()
        with pytest.raises(StartError) as failed:
            await Server.start_link(0, name=name, timeout=1)
        return failed.value.reason, otp.monotonic(), await is_gone(world, await name.asked)

    assert ("timeout", 1.0, True) == Scheduler().run(main)


def test_a_granted_start_leaves_no_timer() -> None:
    async def main() -> Any:
        pid = await Server.start(0, name=World().name().answer(True))
        await advance(6)
        return otp.is_alive(pid)

    assert Scheduler().run(main)


def test_a_name_that_cannot_be_taken_back_is_reported_and_the_start_fails(
    run: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(pid: otp.Pid) -> None:
        raise OSError("the table is gone")

    async def main() -> Any:
        name = World().name()
        name.unregister = breaks  # type: ignore[method-assign]
        pid, got = starter(lambda: Server.start(0, name=name))
        otp.exit(await name.asked, "boom")
        await ended(pid)
        return [error.reason for error in got]

    assert ["boom"] == run(main)
    assert any("failed at the end of a process" in record.getMessage() for record in caplog.records)


# The process or its starter ends


@pytest.mark.parametrize("stubborn", [False, True])
@pytest.mark.parametrize("reason", ["kill", "boom"])
def test_the_end_of_the_process_withdraws_its_claim(run: Any, reason: str, stubborn: bool) -> None:
    async def main() -> None:
        world = World()
        name = world.name(stubborn=stubborn)
        pid, got = starter(lambda: Server.start(lambda: world.log.append("init"), name=name))
        asked = await name.asked
        otp.exit(asked, reason)
        assert not otp.is_alive(asked)
        await ended(pid)
        assert ["killed" if reason == "kill" else reason] == [error.reason for error in got]
        assert "init" not in world.log
        assert await is_gone(world, asked)

    run(main)


@pytest.mark.parametrize("reason", ["kill", "boom"])
@pytest.mark.parametrize("way", ["start", "start_link", "start_monitor"])
def test_the_end_of_the_starter_withdraws_the_claim(run: Any, way: str, reason: str) -> None:
    async def main() -> bool:
        world = World()
        name = world.name()
        pid = otp.spawn(lambda: getattr(Server, way)(0, name=name))
        asked = await name.asked
        otp.exit(pid, reason)
        return not otp.is_alive(asked) and await is_gone(world, asked)

    assert run(main)


@pytest.mark.parametrize("way", ["start", "start_link", "start_monitor"])
def test_a_starter_that_is_cancelled_withdraws_the_claim_and_goes_on(run: Any, way: str) -> None:
    async def main() -> bool:
        world = World()
        name = world.name()
        got: list[Any] = []

        async def work() -> None:
            try:
                await getattr(Server, way)(0, name=name)
            except asyncio.CancelledError:
                got.append(otp.process_info(otp.self()).message_queue_len)

        pid: Any = otp.spawn(work)
        asked = await name.asked
        pid.cancel()
        await ended(pid)
        return [0] == got and await is_gone(world, asked)

    assert run(main)


def test_a_cancelled_task_outside_any_process_withdraws_the_claim() -> None:
    async def main() -> Any:
        async with otp.Node("n") as node:
            world = World()
            name = world.name()
            start = asyncio.create_task(node.start(Server, 0, name=name))
            asked = await name.asked
            start.cancel()
            await asyncio.wait([start])
            return start.cancelled(), otp.is_alive(asked), node.processes(), world.log[-1], world.owners

    assert (True, False, [], "unregister", {}) == asyncio.run(main())


def test_a_node_that_closes_ends_a_pending_grant() -> None:
    async def main() -> Any:
        world = World()
        async with otp.Node("n") as node:
            name = world.name()
            start = asyncio.create_task(node.start(Server, 0, name=name))
            await name.asked
        return type((await asyncio.gather(start, return_exceptions=True))[0]), world.log[-1], world.owners

    kind, last, owners = asyncio.run(main())
    assert issubclass(kind, StartError)
    assert ("unregister", {}) == (last, owners)


# Meanwhile


def test_a_system_message_waits_for_the_grant(run: Any) -> None:
    async def main() -> Any:
        world = World()
        name = world.name()
        _pid, got = starter(lambda: Server.start(7, name=name))
        asked = await name.asked
        me = otp.self()
        looker = otp.spawn(lambda: _tell(me, otp.sys.get_state(asked)))
        otp.send(me, "first")
        first = await otp.receive()
        name.answer(True)
        state = await otp.receive()
        return first, state, got == [asked], otp.is_alive(looker)

    assert ("first", 7, True, False) == run(main)


async def _tell(pid: otp.Pid, answer: Any) -> None:
    otp.send(pid, await answer)


def test_a_call_to_a_process_whose_name_is_refused_fails(run: Any) -> None:
    async def main() -> Any:
        world = World()
        name = world.name()
        starter(lambda: Server.start(7, name=name))
        asked = await name.asked
        looker, ref = otp.spawn_monitor(lambda: otp.sys.get_state(asked))
        name.answer(False)
        down = await otp.receive(Down)
        return down.ref is ref, down.item == looker, down.reason[0]

    assert (True, True, "normal") == run(main)


def test_a_name_without_grant_needs_no_switch() -> None:
    async def main() -> Any:
        await Registry.start_link(keys="unique", name="names")
        start = Server.start(7, name=Registry.via("names", "it"))
        with pytest.raises(StopIteration) as done:
            start.send(None)
        return Registry.lookup("names", "it")[0].pid == done.value.value

    assert Scheduler(inline=True).run(main)
