"""Reports are made for handlers that take them, and no handler disturbs who is reported.

Source: design part 1 §2, §7; `docs/logging.md`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

import otp
from logged_servers import Server, Waiting, ended, start_and_cast
from otp import Supervisor, impl
from otp.testing import Scheduler


def test_nothing_is_made_for_nobody(monkeypatch: pytest.MonkeyPatch, handler: Any) -> None:
    """Reports are made only if a handler takes them: a crash must not cost a picture of the state."""
    asked: list[str] = []

    class Asked(Server):
        @impl
        def format_status(self, state: Any) -> Any:
            asked.append("asked")
            return state

    async def main() -> None:
        pid = await Asked.start(1)
        Server.cast(pid, "go")
        await ended(pid)

    log = logging.getLogger("otp")
    monkeypatch.setattr(log, "propagate", False)
    monkeypatch.setattr(log, "handlers", [logging.NullHandler()])
    Scheduler().run(main)
    assert [] == asked
    taken = handler
    taken.setLevel(logging.CRITICAL)
    monkeypatch.setattr(log, "handlers", [taken])
    Scheduler().run(main)
    assert ([], []) == (asked, taken.records)
    taken.setLevel(logging.ERROR)
    Scheduler().run(main)
    assert ["asked"] == asked


def test_without_any_handler_the_last_resort_of_logging_gets_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        await ended(await start_and_cast(Waiting))

    log = logging.getLogger("otp")
    monkeypatch.setattr(log, "propagate", False)
    monkeypatch.setattr(log, "handlers", [])
    Scheduler().run(main)
    assert ", in handle_cast('go')" in capsys.readouterr().err


def test_a_handler_that_raises_disturbs_nobody(seen: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(record: logging.LogRecord) -> bool:
        raise RuntimeError("a filter's own mistake")

    async def main() -> Any:
        sup = await Supervisor.start_link_children([Server.child_spec(1, name="till")])
        till = otp.whereis("till")
        Server.cast(till, "go")
        await ended(till)
        return (await Supervisor.count_children(sup)).active

    seen.addFilter(refuse)
    assert Scheduler().run(main) == 1
    assert "a filter's own mistake" in capsys.readouterr().err


def test_what_is_logged_can_be_pickled_into_a_queue(seen: Any) -> None:
    """Behave like `QueueHandler`: another thread or process writes the record."""
    import pickle
    from logging.handlers import QueueHandler

    async def main() -> None:
        await ended(await start_and_cast(Waiting))

    Scheduler().run(main)
    prepare: Callable[[logging.LogRecord], Any] = QueueHandler(None).prepare  # type: ignore[arg-type]
    copied = pickle.loads(pickle.dumps(prepare(seen.records[0])))
    assert "ValueError: async no" in copied.getMessage()
    assert copied.otp_what == "Waiting"
