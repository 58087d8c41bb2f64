"""History of a node in another program: entries arrive once, in order, and only if they are plausible."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import otp
from superlearner.app.hearing import Hearing, NodeHistory
from superlearner.nodes.remote import RemoteNode
from superlearner.nodes.remote.protocol import Done, Hear, Heard, Recall, read_request, written
from superlearner.observing.analytics import Entry
from superlearner.observing.logs import LogLine

NAME = "shop@127.0.0.1"


class ScriptedLink:
    """A line whose other end has these answers to `Hear`, then none until it is cut."""

    def __init__(self, *answers: Heard) -> None:
        self.answers = list(answers)
        self.asked: list[Any] = []
        self.all_asked = asyncio.Event()

    async def ask(self, request: bytes) -> object:
        read = read_request(request)
        self.asked.append(read)
        if isinstance(read, Recall):
            return written(Done())
        if not self.answers:
            self.all_asked.set()
            await asyncio.Event().wait()
        return written(self.answers.pop(0))

    def cast(self, request: bytes) -> None:
        self.asked.append(read_request(request))


def entry(number: int, **fields: Any) -> Entry:
    right = Entry(number, 1.0, "restarted", "shop", "0.1.0", "till", "0.2.0", "0.3.0", "killed", True, 0.1)
    return replace(right, **fields)


def receive_history(*answers: Heard, remembered: NodeHistory | None = None, wait: bool = True) -> Any:
    """Return the entries, the log lines and the connection, after the answers."""
    entries: list[Entry] = []
    lines: list[tuple[str, LogLine]] = []
    known = remembered or NodeHistory(entries.append, lambda node, line: lines.append((node, line)))

    async def main() -> ScriptedLink:
        told = ScriptedLink(*answers)
        remote = RemoteNode(NAME, told)
        hearing = Hearing(remote, known)
        await hearing.begin(5)
        listening = otp.spawn(hearing.live)
        if wait:
            await told.all_asked.wait()
            remote.down("it has ended")
        assert await otp.wait_down(listening, 5) in ("normal", "noproc")
        return told

    return entries, lines, otp.run(main)


def test_each_entry_and_line_is_handed_on_once_and_acknowledged_with_the_next_question() -> None:
    line = LogLine(1.0, "warning", "shop", "sold 3")
    entries, lines, told = receive_history(
        Heard([(1, entry(3)), (2, entry(5))], [(1, line)]), Heard([(2, entry(5)), (3, entry(6))], [(1, line)])
    )
    assert [one.number for one in entries] == [3, 5, 6]
    assert lines == [(NAME, line)]
    asked = [one for one in told.asked if isinstance(one, Hear)]
    assert [(one.entries, one.lines) for one in asked] == [(0, 0), (2, 1), (3, 1)]


def test_lost_entries_are_counted_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        receive_history(Heard([(8, entry(9))], [(4, LogLine(1.0, "info", "shop", "x"))]))
    said = [one.getMessage() for one in caplog.records if one.name == "superlearner.app.hearing"]
    assert [text.split(" are lost")[0] for text in said] == [
        f"7 entries of the history of {NAME}",
        f"3 lines of the log of {NAME}",
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: entry(2),
        lambda: entry(4, at=float("nan")),
        lambda: entry(4, at=-1.0),
        lambda: entry(4, recovery_s=float("inf")),
        lambda: entry(4, event_type="started"),
    ],
    ids=["number", "no time", "before time", "for ever", "not stored"],
)
def test_implausible_entries_end_the_history_and_are_reported(
    wrong: Callable[[], Entry], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        entries, _, _ = receive_history(Heard([(1, entry(3)), (2, wrong())], []), wait=False)
    assert [one.number for one in entries] == [3]
    assert "stops here" in caplog.text


def test_the_next_program_gets_the_earlier_history_cut_to_a_length() -> None:
    remembered = NodeHistory(lambda _entry: None, lambda _node, _line: None)
    receive_history(Heard([(1, entry(3, reason="r" * 5_000))], []), remembered=remembered)
    _, _, told = receive_history(Heard([(1, entry(4))], []), remembered=remembered)
    assert [(one.number, len(one.reason or "")) for one in told.asked[0].entries] == [(3, 1_000)]
    assert [one.number for one in remembered.entries] == [3, 4]
