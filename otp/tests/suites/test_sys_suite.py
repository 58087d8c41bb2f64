"""Cases of OTP's sys_SUITE and proc_lib_SUITE in Python; each test names its case."""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp import CallTimeout, Crash, Error, Exit, ExitSignal, GenServer, Ok, Reply, StartError, Stop, Throw, impl, sys
from otp.testing import Scheduler, advance, mailbox, wait_all_idle


class Server(GenServer[int]):
    @impl
    def init(self, arg: int) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: int) -> Any:
        return Stop("normal", state, reply="ok") if request == "stop" else Reply(("ok", -request), state + 1)


async def ask(request: Any, timeout: float = 1) -> Any:
    return await GenServer.call("server", request, timeout=timeout)


# sys_SUITE


def test_the_log_is_printed_and_ends_with_its_switch(capsys: pytest.CaptureFixture[str]) -> None:
    """log."""

    async def main() -> Any:
        await Server.start_link(0, name="server")
        await sys.log("server", True)
        assert await ask(44) == ("ok", -44)
        found = await sys.log("server", "get")
        await sys.log("server", "print")
        await sys.log("server", False)
        printed = capsys.readouterr().out
        await sys.log("server", "print")
        return [event[0] for event in found], len(printed.splitlines()), capsys.readouterr().out

    assert Scheduler(seed=0).run(main) == (["in", "out"], 2, "")


def test_statistics_count_the_call_and_its_answer_until_they_are_switched_off(run: Any) -> None:
    """stats."""

    async def main() -> Any:
        await Server.start_link(0, name="server")
        await sys.statistics("server", True)
        assert await ask(44) == ("ok", -44)
        found: Any = await sys.statistics("server", "get")
        await sys.statistics("server", False)
        status = await sys.get_status("server")
        off = await sys.statistics("server", "get")
        return found.messages_in, found.messages_out, status.parent is otp.self(), off

    assert run(main) == (1, 1, True, "no_statistics")


def test_suspending_and_resuming_twice_is_no_error(run: Any) -> None:
    """suspend."""

    async def main() -> Any:
        await Server.start_link(0, name="server")
        for _ in range(2):
            await sys.suspend("server", timeout=1)
            with pytest.raises(CallTimeout):
                await ask(48)
            assert (await sys.get_status("server")).status == "suspended"
        answers = []
        for _ in range(2):
            await sys.resume("server")
            assert (await sys.get_status("server")).status != "suspended"
            answers.append(await ask(48))
        return answers

    assert run(main) == [("ok", -48)] * 2


def test_a_function_is_installed_once_under_its_id_and_removed_alone_or_with_all(run: Any) -> None:
    """install."""

    async def main() -> Any:
        await Server.start_link(0, name="server")
        seen: list[Any] = []

        def spy(state: Any, event: Any, name: Any) -> Any:
            match event:
                case ("in", ("$gen_call", _, request)):
                    seen.append((request, name))
            return state

        async def seen_of(*requests: int) -> list[Any]:
            seen.clear()
            for request in requests:
                assert await ask(request) == ("ok", -request)
            return list(seen)

        await sys.install("server", (spy, "state"))
        assert await seen_of(1) == [(1, "server")]
        await sys.no_debug("server")
        assert await seen_of(2) == []
        await sys.install("server", (spy, "state"))
        await sys.install("server", (spy, "state"))
        assert await seen_of(3, 4) == [(3, "server"), (4, "server")]
        await sys.remove("server", spy)
        assert await seen_of(5) == []
        for name in ("id1", "id1", "id2"):
            await sys.install("server", (name, spy, "state"))
        assert await seen_of(1) == [(1, "server")] * 2
        await sys.remove("server", "id1")
        assert await seen_of(1) == [(1, "server")]
        await sys.no_debug("server")
        return await seen_of(1)

    assert run(main) == []


# proc_lib_SUITE


def crash(*_: Any) -> Any:
    raise Error("bad_init")


def test_an_end_with_shutdown_is_not_reported_and_any_other_is(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    """crash."""

    def ends(reason: Any) -> Any:
        def body() -> Any:
            raise Exit(reason)

        return body

    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        found = []
        for reason in ("shutdown", ("shutdown", ("a", "b", "c")), "die"):
            pid = otp.spawn_link(ends(reason))
            found.append(await otp.receive() == ExitSignal(pid, reason))
        return found

    assert run(main) == [True] * 3
    reports = [record.getMessage() for record in caplog.records if record.name == "otp"]
    assert len(reports) == 1
    assert "crashed: die" in reports[0]


def test_errors_exits_and_throws_of_a_process_are_reasons_of_their_own_shape(run: Any) -> None:
    """stacktrace."""

    def raises(error: BaseException) -> Any:
        def body() -> Any:
            raise error

        return body

    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        reasons = []
        for error in (Error(("badmatch", 2)), Exit("bye"), Throw("ball")):
            otp.spawn_link(raises(error))
            reasons.append((await otp.receive()).reason)
        assert reasons[0].stack and reasons[2].stack
        return reasons

    assert run(main) == [Crash(("badmatch", 2)), "bye", Crash(("nocatch", "ball"))]


@pytest.mark.parametrize("how", ["start", "start_link"])
def test_a_start_is_over_when_init_is(how: str, run: Any) -> None:
    """sync_start_nolink, sync_start_link."""

    class Waits(Server):
        @impl
        async def init(self, tester: Any) -> Any:
            otp.send(tester, ("init", otp.self()))
            await otp.receive(otp.Is("go on"))
            return Ok(0)

    async def main() -> Any:
        tester = otp.self()

        async def starter() -> None:
            pid = await getattr(Waits, how)(tester)
            otp.send(tester, ("started", pid))
            await otp.receive()

        otp.spawn_link(starter)
        _, pid = await otp.receive()
        await advance(1)
        before = mailbox()
        otp.send(pid, "go on")
        return before, await otp.receive() == ("started", pid)

    assert run(main) == ([], True)


def test_a_process_shows_the_function_it_was_started_with(run: Any) -> None:
    """spawn_opt: the part that asks for the initial call."""

    async def loops() -> None:
        await otp.receive(otp.Is("die"))

    async def main() -> Any:
        pid = otp.spawn(loops)
        await wait_all_idle()
        return otp.process_info(pid, "initial_call").rpartition(".")[2]

    assert run(main) == "loops"


@pytest.mark.parametrize("how", ["start", "start_link", "start_monitor"])
def test_a_start_whose_init_fails_does_not_hang_and_has_the_same_reason(how: str, run: Any) -> None:
    """init_dont_hang."""

    class Fails(Server):
        init = impl(crash)

    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        for options in ({}, {"timeout": 1}):
            with pytest.raises(StartError) as error:
                await getattr(Fails, how)(0, **options)
            assert error.value.reason == Crash("bad_init")
        return otp.monotonic()

    assert run(main) == 0.0


def test_stop_ends_in_order_or_tells_what_happened_instead(run: Any) -> None:
    """stop."""

    class Ends(Server):
        @impl
        async def terminate(self, reason: Any, state: Any) -> None:
            match reason:
                case "crash":
                    raise Error(("badmatch", 2))
                case "hang":
                    await otp.receive(otp.Is("never"))

    async def main() -> Any:
        async def reason_of(dest: Any, *args: Any, **options: Any) -> Any:
            try:
                return await GenServer.stop(dest, *args, **options)
            except Exit as error:
                return error.reason

        found = []
        pid = await Ends.start(0)
        found += [await reason_of(pid), otp.is_alive(pid), await reason_of(pid)]
        found.append(await reason_of(await Ends.start(0), "hang", timeout=1))
        pid = await Ends.start(0)
        found += [await reason_of(pid, "other reason"), otp.is_alive(pid)]
        pid = await Ends.start(0)
        found += [await reason_of(pid, "crash"), otp.is_alive(pid)]
        pid = await Ends.start(0, name="to stop")
        found += [await reason_of("to stop"), otp.whereis("to stop"), await reason_of("to stop")]
        return found

    assert [None, False, "noproc", "timeout", None, False, Crash(("badmatch", 2)), False, None, None, "noproc"] == run(
        main
    )
