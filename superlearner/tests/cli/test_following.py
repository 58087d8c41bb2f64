"""The stream of events at the terminal: an end of the node, and its return."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from superlearner.cli import ends, following
from superlearner.cli.asking import RequestRefused

GONE = "rides has not been reachable since 15:49:35, and is being looked for: its process 7 no longer exists"
WAITS = f"{GONE}; the stream goes on when it returns"
AWAITED = RequestRefused("node_unavailable", GONE)
BEGIN = 1000.0

Connection = list[dict[str, Any]] | RequestRefused
Follow = Callable[..., tuple[list[str], list[str]]]


def event(text: str, at: float, type: str = "exited") -> dict[str, Any]:
    return {"type": type, "at": at, "text": text}


@pytest.fixture
def follow(monkeypatch: pytest.MonkeyPatch) -> Follow:
    """Return a function that follows connections, one after the other, until Ctrl-C.

    It returns the texts of the printed events, and the lines on standard error.
    """

    def run(*connections: Connection, **values: Any) -> tuple[list[str], list[str]]:
        printed, said, left = list[str](), list[str](), iter(connections)

        def connect(_platform: Any, _target: str, place: following.FollowPosition) -> Iterator[str]:
            found = next(left, None)
            if found is None:
                raise KeyboardInterrupt
            if isinstance(found, RequestRefused):
                raise found
            place.id, place.tried = "e-0", 0
            place.note_answer()
            yield from map(json.dumps, found)

        monkeypatch.setattr(following, "_events", connect)
        monkeypatch.setattr(following, "print_line", lambda line: printed.append(json.loads(line)["text"]))
        for module in (following, ends):
            monkeypatch.setattr(module, "complain", said.append)
        monkeypatch.setattr(following.time, "time", lambda: BEGIN)
        monkeypatch.setattr(following.time, "sleep", lambda _seconds: None)
        platform: Any = SimpleNamespace(url="http://127.0.0.1:9", begin="superlearner")
        entry = {"path": "/events", "parameters": []}
        try:
            following.follow(platform, entry, values, node="rides", as_json=True)
        except typer.Exit:
            pass
        return printed, said

    return run


@pytest.mark.parametrize("refusals", [1, 3, 9])
def test_it_says_once_that_the_node_is_gone_and_goes_on_with_its_next_run(follow: Follow, refusals: int) -> None:
    """Regression: the command ended with `node_unavailable` although the service was attached again later."""
    first, second = event("first", BEGIN + 1), event("second", BEGIN + 2)
    assert (["first", "second"], [WAITS]) == follow([first], *[AWAITED] * refusals, [second])


def test_each_end_is_said(follow: Follow) -> None:
    gone = [AWAITED] * 3
    assert [WAITS] * 2 == follow([], *gone, [], *gone)[1]


def test_the_reason_is_the_one_that_is_known_after_a_second(follow: Follow) -> None:
    early = RequestRefused("node_unavailable", "rides is not reachable")
    assert [WAITS] == follow([], early, early, AWAITED)[1]


def test_a_service_that_does_not_answer_is_waited_for(follow: Follow) -> None:
    silent = RequestRefused("timeout", "rides has not answered for 30 s")
    said = "rides has not answered for 30 s; the stream goes on when it returns"
    assert (["second"], [said]) == follow([], silent, [event("second", BEGIN + 2)])


def test_events_before_the_loss_of_a_service_that_ran_on_are_not_printed_again(follow: Follow) -> None:
    before, first, again = event("before", BEGIN - 5), event("first", BEGIN + 1), event("first", BEGIN + 1.000002)
    gap, missed = event("gap", BEGIN, "gap"), event("missed", BEGIN + 2)
    assert ["first", "gap", "missed"] == follow([first], AWAITED, [gap, before, again, missed])[0]


def test_past_events_are_printed_on_request(follow: Follow) -> None:
    assert ["before"] == follow([event("before", BEGIN - 5)], last=1)[0]


def test_a_node_that_was_never_there_or_was_detached_ends_it_with_the_error(follow: Follow) -> None:
    detached = RequestRefused("node_not_found", "rides was detached")
    assert ([], ["node_not_found: rides was detached"]) == follow([], detached, [event("late", BEGIN + 1)])
    assert ([], [f"node_unavailable: {GONE}"]) == follow(AWAITED, [event("late", BEGIN + 1)])
