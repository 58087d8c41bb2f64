"""Cases of OTP's gen_server_SUITE on what debuggers and reports see; each test names its cases."""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp import Exit, GenServer, Ok, Registry, Reply, Throw, impl, sys


class Server(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        return Reply(state, state)

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        raise Exit("crashed")

    @impl
    def terminate(self, reason: Any, state: Any) -> Any:
        if state == "crash in terminate":
            raise Exit(("crash", "terminate"))

    @impl
    def format_status(self, state: Any) -> Any:
        if isinstance(state, BaseException):
            raise state
        return ("formatted", state)


NAMES = ["none", "local", "tuple", "via"]


async def start(kind: str, state: Any) -> Any:
    """A destination of this kind for a new server."""
    await Registry.start_link(keys="unique", name="names")
    via = Registry.via("names", ("name", "term"))
    name = {"none": None, "local": "server", "tuple": ("a", "name", "of", "parts"), "via": via}[kind]
    pid = await Server.start(state, name=name)
    return pid if name is None else name


@pytest.mark.parametrize("kind", NAMES)
def test_get_status_shows_the_formatted_state_under_every_kind_of_name(kind: str, run: Any) -> None:
    """call_format_status."""

    async def main() -> Any:
        dest = await start(kind, "state")
        status = await sys.get_status(dest)
        again = await sys.get_status(dest, timeout=5)
        assert status.status != "suspended"
        return status.state, again.state

    assert run(main) == (("formatted", "state"), ("formatted", "state"))


def reports(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "otp"]


def test_the_report_of_a_crash_shows_the_formatted_state(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    """error_format_status."""

    async def main() -> Any:
        pid, ref = await Server.start_monitor("state")
        GenServer.cast(pid, "crash")
        return (await otp.receive(ref)).reason

    assert run(main) == "crashed"
    (report,) = reports(caplog)
    assert "handle_cast" in report and "state ('formatted', 'state')" in report


def test_the_report_of_a_crash_in_terminate_shows_the_formatted_state(
    run: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """terminate_crash_format."""

    async def main() -> Any:
        pid, ref = await Server.start_monitor("crash in terminate")
        with pytest.raises(Exit):
            await GenServer.stop(pid)
        return (await otp.receive(ref)).reason

    assert run(main) == ("crash", "terminate")
    (report,) = reports(caplog)
    assert "terminate" in report and "state ('formatted', 'crash in terminate')" in report


@pytest.mark.parametrize("error", [ZeroDivisionError("the secret"), Exit("the secret"), Throw("the secret")])
def test_a_format_status_that_fails_shows_no_state_and_the_server_goes_on(
    error: Exception, run: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """crash_in_format_status, throw_in_format_status."""

    async def main() -> Any:
        pid, ref = await Server.start_monitor(error)
        status = await sys.get_status(pid)
        assert await GenServer.call(pid, "value") is error
        GenServer.cast(pid, "crash")
        return status.state[0], (await otp.receive(ref)).reason

    assert run(main) == (type(error).__name__, "crashed")
    (report,) = reports(caplog)
    assert type(error).__name__ in report


@pytest.mark.parametrize("kind", NAMES)
def test_get_state_answers_by_every_kind_of_name_and_of_a_suspended_server(kind: str, run: Any) -> None:
    """get_state."""

    async def main() -> Any:
        dest = await start(kind, "state")
        found = [await sys.get_state(dest), await sys.get_state(dest, timeout=5)]
        await sys.suspend(dest)
        found.append(await sys.get_state(dest))
        await sys.resume(dest)
        return found

    assert run(main) == ["state"] * 3


@pytest.mark.parametrize("kind", NAMES)
def test_replace_state_changes_it_by_every_kind_of_name_and_not_if_the_function_fails(kind: str, run: Any) -> None:
    """replace_state."""

    async def main() -> Any:
        dest = await start(kind, "state")
        assert await sys.replace_state(dest, lambda state: "replaced") == "replaced"
        assert await sys.replace_state(dest, lambda state: state + " again", timeout=5) == "replaced again"

        def fails(state: Any) -> Any:
            raise Throw("fail")

        with pytest.raises(Throw):
            await sys.replace_state(dest, fails)
        assert await sys.get_state(dest) == "replaced again"
        await sys.suspend(dest)
        await sys.replace_state(dest, lambda state: state + " and again")
        await sys.resume(dest)
        return await GenServer.call(dest, "value")

    assert run(main) == "replaced again and again"
