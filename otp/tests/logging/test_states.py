"""Whatever state a process has, its report is short, whole, and without secrets.

Source: design part 1 §2, §7; `docs/logging.md`.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

import otp
from logged_servers import Machine, Server, ended
from otp import Error, GenServer, impl
from otp.testing import Scheduler


class Hostile:
    """The possible states."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    def __str__(self) -> str:
        raise RuntimeError("no str")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no eq")

    __hash__ = None  # type: ignore[assignment]


def recursive() -> Any:
    found: list[Any] = []
    found.append({"self": found})
    return found


@pytest.mark.parametrize(
    "state",
    [Hostile(), [Hostile()], "x" * 10_000_000, list(range(1_000_000)), recursive(), {"a": {"b": [Hostile()] * 1000}}],
    ids=["hostile", "hostile within", "long", "wide", "recursive", "nested"],
)
def test_no_state_breaks_the_report_or_makes_it_long(state: Any, seen: Any) -> None:
    async def main() -> Any:
        pid = await Server.start(None)
        await otp.sys.replace_state(pid, lambda _: state)
        Server.cast(pid, Error(state))
        return await ended(pid)

    Scheduler().run(main)
    assert len(seen.records) == 1
    fields = seen.fields()
    assert len(json.dumps(fields)) < 6_000
    assert len(seen.records[0].getMessage()) < 3_000
    assert fields["otp_state"] and fields["otp_reason"]


def test_an_exception_that_refuses_to_be_shown_is_reported_all_the_same(seen: Any) -> None:
    class Silent(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    async def main() -> None:
        pid = await Server.start(1)
        Server.cast(pid, Silent("x" * 10_000_000))
        await ended(pid)
        pid = await Server.start(1)
        Server.cast(pid, ValueError("y" * 10_000_000))
        await ended(pid)

    Scheduler().run(main)
    assert ["Silent", "ValueError"] == [vars(record)["otp_exception"] for record in seen.records]
    assert all(len(seen.text(number)) < 4_000 for number in (0, 1))  # was 12,000: the exception's own text, uncut
    assert "ValueError: yyy" in seen.text(1)


def test_secrets_are_hidden_in_message_state_reason_and_traceback(seen: Any) -> None:
    async def main() -> None:
        pid = await Server.start({"password": "hunter2", "n": 1})
        Server.cast(pid, Error({"token": "hunter2"}))
        await ended(pid)
        pid = await Server.start(("api_key", "hunter2"))
        Server.cast(pid, ValueError("connect failed: password=hunter2"))
        await ended(pid)
        pid = await Machine.start(1)
        Machine.cast(pid, {"password": "hunter2"})
        await ended(pid)

    Scheduler().run(main)
    assert len(seen.records) == 3
    for number in range(3):
        assert "hunter2" not in seen.text(number)
        assert "hunter2" not in json.dumps(seen.fields(number))


def test_a_sensitive_process_shows_neither_message_nor_state(seen: Any) -> None:
    def hide() -> None:
        otp.process_flag("sensitive", True)

    class Hidden(Machine):
        @impl
        def handle_event(self, event: Any, content: Any, state: str, data: Any) -> Any:
            hide()
            raise ValueError("machine no")

    async def main() -> None:
        pid = await Server.start("swordfish")
        await GenServer.call(pid, hide)
        Server.cast(pid, "swordfish")
        await ended(pid)
        pid = await Hidden.start("swordfish")
        Hidden.cast(pid, "swordfish")
        await ended(pid)

    Scheduler().run(main)
    assert len(seen.records) == 2
    for number in range(2):
        assert "'<sensitive>'" == seen.fields(number)["otp_state"]
        assert "swordfish" not in seen.text(number) + json.dumps(seen.fields(number))


@pytest.mark.parametrize("raised", [ValueError("swordfish"), asyncio.CancelledError("swordfish")])
def test_a_format_status_that_fails_hides_the_state(raised: BaseException, seen: Any) -> None:
    class Careless(Server):
        @impl
        def format_status(self, state: Any) -> Any:
            raise raised

    async def main() -> None:
        pid = await Careless.start("swordfish")
        Server.cast(pid, "go")
        await ended(pid)

    Scheduler().run(main)
    assert len(seen.records) == 1
    assert type(raised).__name__ in seen.fields()["otp_state"]
