"""A peer's description of its own end may be anything."""

from __future__ import annotations

from typing import Any

import pytest

from otp.peer import Limits
from otp.peer.ended import tell_end

TOLD = {"status": 1, "cause": None, "cpu_s": 0.1, "peak_kb": 1024}


def test_a_status_that_an_interpreter_ends_with_by_itself_is_no_call_of_exit() -> None:
    """Regression: a program that had removed all builtins was reported as calling `os._exit(1)`."""
    wrote = "sold 3\nTraceback (most recent call last):\n  File …\nNameError: name 'len' is not defined\n"
    expected = "ended the interpreter with exit status 1"
    assert expected == tell_end(TOLD, Limits(), ours=None, last_word=None, output="sold 3\n").reason
    ended = tell_end(TOLD, Limits(), ours=None, last_word=None, output=wrote + "Exception ignored in: <…>\n")
    assert f"{expected}, the last it wrote: NameError: name 'len' is not defined" == ended.reason


def test_an_exception_that_could_not_be_reported_is_a_failure() -> None:
    """Regression: after a storm of signals, which interrupts the report, the peer had called `os._exit(70)`."""
    ended = tell_end(TOLD | {"status": 70}, Limits(), ours=None, last_word=None)
    assert "ended with exit status 70, probably after an exception that it could not report" == ended.reason
    assert "failed" == ended.kind


TOLD_OF = "Traceback (most recent call last):\n  File …\n    ^^^\nNameError: end\n"
UNDONE = "Exception ignored in: <…>\nTraceback (most recent call last):\n  File …\nKeyError: other\n"


@pytest.mark.parametrize(
    ("wrote", "last"),
    [
        (TOLD_OF.replace("end", "handled") + "serving 12\n" + UNDONE + TOLD_OF, "NameError: end"),
        (UNDONE + TOLD_OF, "NameError: end"),
        (TOLD_OF + UNDONE.replace("in: <…>", "while it ended:"), "NameError: end"),
        (TOLD_OF + "serving 12\n", None),
        (UNDONE, None),
        ("Traceback (most recent call last):\n", None),
    ],
    ids=["logged before", "ignored before", "ignored after", "went on", "only ignored", "cut"],
)
def test_the_last_words_are_those_of_the_end_and_no_exception_that_was_got_over(wrote: str, last: str | None) -> None:
    expected = "ended the interpreter with exit status 1" + (f", the last it wrote: {last}" if last else "")
    assert expected == tell_end(TOLD, Limits(), ours=None, last_word=None, output=wrote).reason


@pytest.mark.parametrize("place", [{"file": "a.py"}, {"file": ["a.py"], "line": 1}, {"file": "a.py", "line": None}])
def test_half_a_place_is_none(place: dict[str, Any]) -> None:
    word = {"what": "failed", "type": "E", "why": "w", **place}
    assert "could not start: E: w" == tell_end(TOLD, Limits(), ours=None, last_word=word).reason


def test_a_reason_is_of_a_length_to_read() -> None:
    word = {"what": "failed", "type": "E" * 30_000, "why": "w" * 30_000}
    assert 3000 > len(tell_end(TOLD, Limits(), ours=None, last_word=word).reason)


def test_one_that_had_started_did_not_fail_to_start() -> None:
    word = {"what": "failed", "type": "E", "why": "w"}
    assert "ended by an exception: E: w" == tell_end(TOLD, Limits(), ours=None, last_word=word, ready=True).reason


def test_a_reason_steers_no_terminal_also_if_the_guard_could_not_tell() -> None:
    assert "\ufffd[2J" == tell_end(None, Limits(), ours=("killed", "\x1b[2J"), last_word=None).reason


@pytest.mark.parametrize(
    ("walled", "reason"), [(True, "used more than 256 MiB of memory"), (False, "could not start: MemoryError: no room")]
)
def test_only_walls_limit_memory(walled: bool, reason: str) -> None:
    word = {"what": "failed", "type": "MemoryError", "why": "no room"}
    assert reason == tell_end(TOLD, Limits(), ours=None, last_word=word, walled=walled).reason


@pytest.mark.parametrize(
    ("walled", "reason"), [(True, "killed by SIGKILL: out of CPU time (600 s)"), (False, "killed by SIGKILL")]
)
def test_only_walls_limit_processor_time(walled: bool, reason: str) -> None:
    told = {**TOLD, "status": -9, "cpu_s": 3600.0}
    assert reason == tell_end(told, Limits(), ours=None, last_word=None, walled=walled).reason
