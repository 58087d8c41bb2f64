"""Cases of OTP's gen_server_SUITE in Python; each test names its cases. docs/conformance.md lists all of them."""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp import (
    BadArgument,
    Continue,
    Crash,
    Exit,
    ExitSignal,
    GenServer,
    Ignore,
    NoProcess,
    Ok,
    Registry,
    ServerDown,
    StartError,
    Stop,
    impl,
)
from otp.testing import flush, mailbox, wait_all_idle
from told_servers import Server


class Bare(GenServer[Any]):
    """Has no callback but `init`."""

    @impl
    def init(self, arg: Any) -> Any:
        return arg() if callable(arg) else Ok(arg)


STARTS = ["start", "start_link", "start_monitor"]
NAMES = ["none", "local", "via"]


async def named(kind: str) -> Any:
    """A name of this kind: none at all, a registered one, or one of a registry."""
    if kind == "via" and otp.whereis("names") is None:
        await Registry.start_link(keys="unique", name="names")
    return {"none": None, "local": "the server", "via": Registry.via("names", "the server")}[kind]


async def begin(how: str, arg: Any = "state", cls: type[GenServer[Any]] = Server, **options: Any) -> Any:
    started = await getattr(cls, how)(arg, **options)
    return started[0] if how == "start_monitor" else started


# Starts


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("how", STARTS)
def test_a_server_starts_answers_and_ends_under_every_kind_of_name(how: str, kind: str, run: Any) -> None:
    """start."""

    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        name = await named(kind)
        pid = await begin(how, name=name)
        dest = name or pid
        assert await GenServer.call(dest, "ping") == ("ping", "state")
        if name is not None:
            with pytest.raises(otp.AlreadyStarted) as taken:
                await begin(how, name=name)
            assert taken.value.pid is pid
        assert await GenServer.call(dest, lambda caller, state: Stop("stopped", state, reply="ok")) == "ok"
        await wait_all_idle()
        with pytest.raises(NoProcess):
            await GenServer.call(dest, "ping", timeout=1)
        return [(type(message), message.reason) for message in mailbox()]

    told = {"start": [], "start_link": [(ExitSignal, "stopped")], "start_monitor": [(otp.Down, "stopped")]}
    assert run(main) == told[how]


@pytest.mark.parametrize("how", STARTS)
def test_a_start_that_fails_leaves_nothing_however_often(how: str, run: Any) -> None:
    """loop_start_fail."""

    async def sleeps() -> Any:
        await otp.receive(otp.Is("never"))

    class Slow(Server):
        @impl
        async def init(self, arg: Any) -> Any:
            await sleeps()

    def raises(error: Exception) -> Any:
        def init() -> Any:
            raise error

        return init

    async def reason(arg: Any, cls: Any = Server, **options: Any) -> Any:
        try:
            return await begin(how, arg, cls, name="the server", **options)
        except StartError as error:
            return error.reason

    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        before = otp.processes()
        for _ in range(5):
            assert await reason(lambda: Stop("failed to start")) == "failed to start"
            assert await reason(lambda: 4711) == ("bad_return_value", 4711)
            assert await reason(raises(otp.Error("bailout"))) == Crash("bailout")
            assert await reason(raises(Exit("bailout"))) == "bailout"
            assert await reason(None, Slow, timeout=0.2) == "timeout"
        await wait_all_idle()
        assert {"start_link": 20}.get(how, 0) == len(flush())  # one signal for each that ended by itself
        return otp.processes() == before

    assert run(main)


@pytest.mark.parametrize("kind", ["local", "via"])
@pytest.mark.parametrize("how", ["start", "start_link"])
def test_the_name_is_free_when_a_failed_start_returns(how: str, kind: str, run: Any) -> None:
    """otp_7669, and the part of loop_start_fail that ignores."""

    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        name = await named(kind)
        for _ in range(20):
            assert isinstance(await begin(how, Ignore, name=name), Ignore)
            with pytest.raises(NoProcess):
                await GenServer.call(name, "ping")
            with pytest.raises(StartError) as error:
                await begin(how, lambda: Stop("stopped"), name=name)
            assert error.value.reason == "stopped"
            with pytest.raises(NoProcess):
                await GenServer.call(name, "ping")

    run(main)


# Stops


@pytest.mark.parametrize("kind", ["pid", "local", "pair", "via"])
def test_stop_ends_the_server_and_nobody_there_is_noproc(kind: str, run: Any) -> None:
    """stop1, stop2, stop4, stop5, stop7."""

    async def main() -> Any:
        name = await named("via" if kind == "via" else "local")
        for reason in ("normal", "other reason"):
            pid = await Server.start("state", name=name)
            dest = {"pid": pid, "pair": (name, otp.self().node)}.get(kind, name)
            ref = otp.monitor(pid)
            await GenServer.stop(dest, reason)
            assert not otp.is_alive(pid)
            assert (await otp.receive(ref)).reason == reason
            with pytest.raises(Exit) as error:
                await GenServer.stop(dest)
            assert error.value.reason == "noproc"

    run(main)


def test_a_stop_with_a_wrong_time_out_is_refused_and_the_server_lives(run: Any) -> None:
    """stop3."""

    async def main() -> Any:
        pid = await Server.start("state")
        with pytest.raises(BadArgument):
            await GenServer.stop(pid, "other reason", timeout="soon")  # type: ignore[arg-type]
        assert await GenServer.call(pid, "ping") == ("ping", "state")
        await GenServer.stop(pid)
        return otp.is_alive(pid)

    assert run(main) is False


def exits(reason: Any) -> Any:
    def handle(*_: Any) -> Any:
        raise Exit(reason)

    return handle


@pytest.mark.parametrize(
    ("request_", "reason", "reports"),
    [
        (exits(("shutdown", "reason")), ("shutdown", "reason"), 0),
        (lambda caller, state: Stop(("shutdown", "stop_reason"), state), ("shutdown", "stop_reason"), 0),
        (exits("shutdown"), "shutdown", 0),
        (lambda caller, state: Stop("shutdown", state), "shutdown", 0),
        (exits("crashed"), "crashed", 1),
    ],
)
def test_the_caller_and_whoever_is_linked_see_the_reason_and_a_crash_alone_is_reported(
    request_: Any, reason: Any, reports: int, run: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """crash."""

    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        pid = await Server.start_link("state4")
        with pytest.raises(ServerDown) as error:
            await GenServer.call(pid, request_)
        assert error.value.cause_reason == reason
        assert await otp.receive() == ExitSignal(pid, reason)
        assert mailbox() == []

    run(main)
    found = [record.getMessage() for record in caplog.records if record.name == "otp"]
    assert len(found) == reports
    assert all("handle_call" in text and "crashed: crashed" in text and "state 'state4'" in text for text in found)


@pytest.mark.parametrize("trap", [True, False])
def test_a_server_whose_parent_has_a_name_runs_terminate(trap: bool, run: Any) -> None:
    """spec_init_local_registered_parent, for a server that was started as servers are."""
    seen: list[Any] = []

    class Tells(Server):
        @impl
        def init(self, arg: Any) -> Any:
            otp.process_flag("trap_exit", trap)
            return Ok(arg)

        @impl
        def terminate(self, reason: Any, state: Any) -> Any:
            seen.append((reason, state))

    async def main() -> Any:
        otp.register("parent", otp.self())
        otp.process_flag("trap_exit", True)
        pid = await Tells.start_link("state", name="my server")
        GenServer.cast("my server", lambda state: Stop("stopped", state))
        return await otp.receive() == ExitSignal(pid, "stopped")

    assert run(main)
    assert seen == [("stopped", "state")]


# What is not there


@pytest.mark.parametrize("reason", ["normal", ("error", "test")])
def test_without_terminate_a_server_stops_with_its_reason(reason: Any, run: Any) -> None:
    """undef_terminate1, undef_terminate2."""

    async def main() -> Any:
        pid, ref = await Bare.start_monitor("state")
        await GenServer.stop(pid, reason)
        return (await otp.receive(ref)).reason

    assert run(main) == reason


def test_without_handle_continue_a_server_that_goes_on_ends(run: Any) -> None:
    """undef_handle_continue."""

    async def main() -> Any:
        _pid, ref = await Bare.start_monitor(lambda: Ok("state", then=Continue("on")))
        return (await otp.receive(ref)).reason.term

    assert "has no handle_continue" in run(main)


@pytest.mark.parametrize("how", ["start", "start_link"])
def test_without_init_a_server_does_not_start_and_leaves_no_message(how: str, run: Any) -> None:
    """undef_init; the class says so before there is a process."""

    class Nothing(GenServer[Any]):
        pass

    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        with pytest.raises(TypeError, match="got none for init/1"):
            await begin(how, "state", Nothing)
        await wait_all_idle()
        return mailbox()

    assert run(main) == []


def test_a_missing_function_inside_a_callback_is_a_crash_like_any_other(run: Any) -> None:
    """undef_in_terminate, undef_in_handle_info: the default of a callback does not hide it."""

    class Broken(Server):
        @impl
        def handle_info(self, message: Any, state: Any) -> Any:
            return self.no_such_function(message)  # type: ignore[attr-defined]

        @impl
        def terminate(self, reason: Any, state: Any) -> Any:
            if reason == "normal":
                self.no_such_function(reason)  # type: ignore[attr-defined]

    async def main() -> Any:
        pid, ref = await Broken.start_monitor("state")
        with pytest.raises(Exit) as stopped:
            await GenServer.stop(pid)
        await otp.receive(ref)
        pid, ref = await Broken.start_monitor("state")
        otp.send(pid, "message")
        return stopped.value.reason.term.type_name, (await otp.receive(ref)).reason.term.type_name

    assert run(main) == ("AttributeError", "AttributeError")
