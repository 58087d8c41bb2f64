"""Cases of OTP's gen_statem_SUITE on what debuggers and reports see; each test names its cases."""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp import (
    Crash,
    GenStateMachine,
    Registry,
    ServerDown,
    Stop,
    Throw,
    sys,
)
from otp.testing import advance, mailbox
from told_machines import OneFunction

call, cast = GenStateMachine.call, GenStateMachine.cast
NAMES = ["none", "local", "tuple", "via"]


async def start(kind: str, data: Any) -> Any:
    """A destination of this kind for a new machine."""
    await Registry.start_link(keys="unique", name="names")
    via = Registry.via("names", ("name", "term"))
    name = {"none": None, "local": "gstm", "tuple": ("a", "name", "of", "parts"), "via": via}[kind]
    pid = await OneFunction.start(data, name=name)
    return pid if name is None else name


def test_a_suspended_machine_answers_nobody_until_it_is_resumed(run: Any) -> None:
    """sys1."""

    async def main() -> Any:
        pid = await OneFunction.start("data")
        me = otp.self()

        async def asks() -> None:
            otp.send(me, await call(pid, "hello"))

        await sys.suspend(pid)
        otp.spawn(asks)
        await advance(3)
        before = mailbox(), (await sys.get_status(pid)).status
        await sys.resume(pid)
        return before, await otp.receive()

    assert run(main) == (([], "suspended"), ("hello", "data"))


@pytest.mark.parametrize("kind", NAMES)
def test_get_status_shows_the_formatted_state_under_every_kind_of_name(kind: str, run: Any) -> None:
    """call_format_status."""

    async def main() -> Any:
        return (await sys.get_status(await start(kind, "data"))).state

    assert run(main) == ("formatted", "idle", "data")


def reports(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "otp"]


def test_the_report_of_a_wrong_result_shows_the_formatted_state(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    """error_format_status."""

    async def main() -> Any:
        pid = await OneFunction.start("data")
        with pytest.raises(ServerDown) as error:
            await call(pid, lambda caller: "badreturn")
        return error.value.cause_reason

    assert run(main) == Crash(("bad_return_from_state_function", "badreturn"))
    (report,) = reports(caplog)
    assert "state ('formatted', 'idle', 'data')" in report


def test_the_report_of_a_crash_in_terminate_shows_the_formatted_state(
    run: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """terminate_crash_format."""

    async def main() -> Any:
        pid, ref = await OneFunction.start_monitor("crash in terminate")
        cast(pid, lambda: Stop("normal"))
        return (await otp.receive(ref)).reason

    assert run(main) == ("crash", "terminate")
    (report,) = reports(caplog)
    assert "state ('formatted', 'idle', 'crash in terminate')" in report


@pytest.mark.parametrize("kind", NAMES)
def test_get_state_answers_by_every_kind_of_name_and_of_a_suspended_machine(kind: str, run: Any) -> None:
    """get_state."""

    async def main() -> Any:
        dest = await start(kind, "data")
        found = [await sys.get_state(dest), await sys.get_state(dest, timeout=5)]
        await sys.suspend(dest)
        found.append(await sys.get_state(dest))
        await sys.resume(dest)
        return found

    assert run(main) == [("idle", "data")] * 3


@pytest.mark.parametrize("kind", NAMES)
def test_replace_state_changes_both_by_every_kind_of_name_and_not_if_the_function_fails(kind: str, run: Any) -> None:
    """replace_state; a state that is called `error` is a state."""

    async def main() -> Any:
        dest = await start(kind, "data")
        assert await sys.replace_state(dest, lambda both: (both[0], "replaced")) == ("idle", "replaced")
        assert await sys.replace_state(dest, lambda both: ("s0", "again"), timeout=5) == ("s0", "again")

        def fails(both: Any) -> Any:
            raise Throw("fail")

        with pytest.raises(Throw):
            await sys.replace_state(dest, fails)
        assert await sys.get_state(dest) == ("s0", "again")
        await sys.suspend(dest)
        await sys.replace_state(dest, lambda both: ("error", both[1] + " and again"))
        await sys.resume(dest)
        return await sys.get_state(dest), await call(dest, "ping")

    assert run(main) == (("error", "again and again"), ("ping", "again and again"))
