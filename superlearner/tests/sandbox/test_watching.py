"""Monitoring of a hand-made sandbox: its answers and its silence end it with a reason; time is virtual."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import otp
from otp.testing import Scheduler, advance, wait_all_idle
from superlearner.nodes.remote import NodeBusy, NodeGone
from superlearner.sandbox.line import GONE, SANDBOX
from superlearner.sandbox.messages import Report, SandboxFacts, read
from superlearner.sandbox.watching import AtATime, Watched, beat, listen

HELD_S = 2.0


class Child:
    """A line and a program, both of one hand-made child: `answers` has what it answers by channel and question."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.killed: list[str] = []
        self.notices: list[str] = []
        self.gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def ask(self, channel: int, question: bytes) -> bytes:
        what = json.loads(question)[0] if channel == SANDBOX else "backend"
        self.asked.append(what)
        answer = self.answers.get(what, "silence")
        if callable(answer):
            answer = answer(len(self.asked))
        if isinstance(answer, Exception):
            raise answer
        if answer == "silence":
            return await asyncio.get_running_loop().create_future()
        return answer if isinstance(answer, bytes) else json.dumps(answer).encode()

    async def ended(self, timeout: float) -> object:
        try:
            async with asyncio.timeout(timeout):
                return await asyncio.shield(self.gone)
        except TimeoutError:
            raise otp.CallTimeout("timeout") from None

    async def kill(self, reason: str) -> object:
        self.killed.append(reason)
        return reason


def watched(
    hears: Callable[[Watched], Awaitable[None]], work: Callable[[Child, Watched], Awaitable[None]], **answers: Any
) -> Child:
    """Return the child, after `work` beside the process that monitors it."""
    children: list[Child] = []

    async def main() -> None:
        child = Child(**answers)
        children.append(child)
        one = Watched(child, child, child.notices.append, HELD_S)
        hearing = otp.spawn(hears, one)
        await wait_all_idle()
        await work(child, one)
        otp.exit(hearing, "kill")

    Scheduler().run(main)
    return children[0]


async def some_time(child: Child, one: Watched) -> None:
    await advance(120)


NEWS: dict[str, Any] = {
    "no JSON": b"<html>",
    "no object": [],
    "deep": b"[" * 100_000,
    "another tag": ["ended", "x"],
    "a number for words": {"notices": [1]},
    "a field more": {"notices": [], "supervisor_pid": "0.1.0"},
    "too many notices": {"notices": ["x"] * 51},
    "too long a notice": {"notices": ["x" * 1001]},
    "missed by 4,000 digits": b'{"notices": [], "missed": ' + b"9" * 4000 + b"}",
    "missed less than none": {"notices": [], "missed": -1},
    "no UTF-8": b'{"notices": ["\xff"]}',
    "half a character": b'{"notices": ["\\ud800"]}',
}


@pytest.mark.parametrize("news", NEWS)
def test_malformed_news_ends_it(news: str) -> None:
    child = watched(listen, some_time, next=NEWS[news])
    (why,) = child.killed
    assert why.startswith("it violates the protocol: its news is malformed: ")
    assert len(why) < 400
    assert [] == child.notices


def test_a_line_that_is_not_read_ends_it() -> None:
    child = watched(listen, some_time, next=NodeBusy("it has not read what it was asked before"))
    assert ["it does not read its requests"] == child.killed


def test_a_closed_line_ends_it() -> None:
    """Regression: it was still shown as running, although it could not be observed."""
    child = watched(listen, some_time, next=NodeGone("its end of the line is closed"))
    assert ["it has closed its line to the platform"] == child.killed


def test_a_sandbox_whose_service_has_ended_is_ended() -> None:
    child = watched(listen, some_time, next=GONE)
    assert ["the process that answers for its tree has ended"] == child.killed


def test_an_ending_sandbox_is_reported_with_its_own_reason() -> None:
    async def ends(child: Child, one: Watched) -> None:
        child.gone.set_result("ended the interpreter with os._exit(3)")
        await advance(10)

    assert [] == watched(listen, ends, next=NodeGone("its end of the line is closed")).killed


def test_a_stopping_sandbox_may_close_its_connection() -> None:
    async def stops(child: Child, one: Watched) -> None:
        one.stopping = True
        await advance(120)

    assert [] == watched(listen, stops, next=GONE).killed
    assert [] == watched(beat, stops).killed


def test_the_end_of_its_tree_is_reported_in_a_line_of_bounded_length() -> None:
    child = watched(listen, some_time, next={"notices": [], "ended": "\x1b[2J" + "x" * 900})
    (why,) = child.killed
    assert why.isprintable()
    assert 300 == len(why)


def test_a_flood_of_notices_is_read_at_our_pace_and_shown_in_part() -> None:
    """Regression: notices were shown as fast as they came and pushed other events off the page."""
    child = watched(listen, some_time, next={"notices": ["\x1b[2Jlook at me"] * 50})
    assert len(child.asked) <= 242
    assert len(child.notices) <= 20 + 120 / 5 + 1
    assert "\\x1b[2Jlook at me" == child.notices[0]
    assert any(words.endswith("notices were left out: there were too many") for words in child.notices)


def test_dropped_notices_are_counted_when_the_flood_is_over() -> None:
    def once(number: int) -> Any:
        return {"notices": ["x"] * 50, "missed": 1000} if number == 1 else "silence"

    async def main() -> Any:
        child = Child(next=once, alive={}, backend=b"x")
        one = Watched(child, child, child.notices.append, HELD_S)
        both = [otp.spawn(listen, one), otp.spawn(beat, one)]
        await advance(20)
        for pid in both:
            otp.exit(pid, "kill")
        return child.notices

    notices = Scheduler().run(main)
    assert ["x"] * 20 == notices[:20]
    assert ["1030 more notices were left out: there were too many"] == notices[20:]


@pytest.mark.parametrize("silent", ["alive", "backend"])
def test_a_sandbox_with_a_silent_half_is_ended(silent: str) -> None:
    answers: dict[str, Any] = {"alive": {}, "backend": b"x"}
    del answers[silent]
    assert ["it has not answered for 10 s"] == watched(beat, some_time, **answers).killed


@pytest.mark.parametrize(("gone", "what"), [("alive", "its tree"), ("backend", "its pages")])
def test_a_sandbox_with_an_ended_half_is_ended(gone: str, what: str) -> None:
    child = watched(beat, some_time, **({"alive": {}, "backend": b"x"} | {gone: GONE}))
    assert [f"the process that answers for {what} has ended"] == child.killed


def test_a_sandbox_that_answers_the_second_time_lives() -> None:
    """A platform whose loop was held finds the first answer too late."""
    child = watched(beat, some_time, alive=lambda number: "silence" if number == 1 else {}, backend=b"x")
    assert [] == child.killed


def test_a_sandbox_may_be_silent_during_a_reload() -> None:
    async def changes(child: Child, one: Watched) -> None:
        one.changing = True
        await advance(60)
        child.answers |= {"alive": {}, "backend": b"x"}
        one.changing = False
        await advance(60)

    assert [] == watched(beat, changes).killed


def test_it_is_asked_seldom() -> None:
    child = watched(beat, some_time, alive={}, backend=b"x")
    assert len(child.asked) <= 2 * 120 / 5


@pytest.mark.parametrize(
    "pid",
    ["0.1", "1.17.0", "0.17.0\n", "<0.17.0>", "0.17.0; rm", "0." + "9" * 4000 + ".0", "../../x", "", 17],
    ids=["short", "another node", "a line end", "brackets", "a command", "4,000 digits", "a path", "none", "a number"],
)
def test_its_top_supervisor_is_a_pid_of_its_own_node(pid: Any) -> None:
    with pytest.raises(ValueError, match="supervisor_pid"):
        read(SandboxFacts, json.dumps({"supervisor_pid": pid, "source": None}).encode())


SERVER = {"pid": "0.1.0", "name": "a", "what": "A", "old_vsn": "1", "new_vsn": "2", "before": "1", "after": None}


@pytest.mark.parametrize(
    "report",
    [
        b'{"servers_count": ' + b"9" * 4000 + b"}",
        b'{"servers_count": -1}',
        b'{"servers_count": true}',
        json.dumps({"servers": [SERVER] * 201}).encode(),
        json.dumps({"servers": [SERVER | {"after": "x" * 2001}]}).encode(),
        json.dumps({"servers": [SERVER | {"name": {"a": 1}}]}).encode(),
        json.dumps({"still_old": ["nobody"]}).encode(),
        json.dumps({"refused": ["no"]}).encode(),
        b"[" * 100_000,
    ],
    ids=["4,000 digits", "less than none", "no number", "servers", "state", "name", "pid", "refused", "deep"],
)
def test_a_report_has_bounds(report: bytes) -> None:
    """A count of 4,000 digits was taken as it came, and no client could read the answer."""
    with pytest.raises(ValueError, match=r"Expected|too deep|recursion"):
        read(Report, report)


def test_a_burst_of_notices_passes_and_then_one_at_a_time() -> None:
    gate = AtATime(0.0)
    told = [len(gate.passed(["x"] * 5, 0, now / 10)) for now in range(1000)]
    assert 20 + 99.9 / 5 == pytest.approx(sum(told), abs=1)
