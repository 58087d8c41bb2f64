"""Names and values of other people, at every route that shows them: text, bounded, and never a bug of ours."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from otp import Children, GenServer, NoReply, Ok, Supervisor, impl
from superlearner.app.running import Tree
from superlearner.observing.logs.format import PlainFormatter

Run = Callable[..., Any]
OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}
NAMES = [
    "<img src=x onerror=alert(1)>",
    "a\"b'c`d&e",
    "two\nlines\r\0",
    "\u202egnol",
    "\x1b[2J\x1b]0;x\x07",
    "\udce9",
    "n" * 10_240,
]


class Liar:
    """A value whose methods all fail."""

    def __repr__(self) -> str:
        raise RuntimeError("no")

    __str__ = __repr__

    def __hash__(self) -> int:
        return 1

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no")

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


def value() -> Any:
    cycle: list[Any] = []
    cycle.append(cycle)
    deep: Any = ()
    for _ in range(5000):
        deep = (deep,)
    return {
        "set": {1, "two", b"three"},
        "bytes": b"\xff\0" * 100_000,
        "cycle": cycle,
        "error": ValueError("<b>bold</b>", cycle),
        "group": ExceptionGroup("many", [OSError(1, "one")]),
        "digits": 10**6000,
        "float": [float("nan"), float("inf"), -0.0, 1e308],
        "text": "x" * 1_000_000,
        "lone": "\ud800",
        "deep": deep,
        "liar": Liar(),
        ("a", 1): "a key",
        Liar: object(),
        "many": list(range(100_000)),
    }


class Holder(GenServer[Any]):
    """Keeps all messages, and crashes with the one it gets."""

    @impl
    def init(self, state: Any) -> Ok[Any]:
        return Ok(state)

    @impl
    def handle_call(self, request: Any, sender: Any, state: Any) -> NoReply[Any]:
        raise ValueError(request, state)


class Top(Supervisor):
    """The supervisor of holders with hostile names."""

    @impl
    def init(self, arg: Any) -> Children:
        return Children([Holder.child_spec(value(), id=name, name=name) for name in NAMES], max_restarts=1000)


TREE = Tree("top", lambda: Top.start_link(None, name="top"))


def test_hostile_names_and_values_are_shown_as_text_at_every_route(inside: Run, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        client = platform.client
        addresses = ways(platform)
        for operation in platform.platform.arsenal:
            if operation.method != "GET" or operation.path.count("{") > 1:
                continue
            for name in addresses if "{" in operation.path else [""]:
                at = operation.path.partition("{")
                path = f"/api/v1{at[0]}{quote(name, safe='')}{at[2].partition('}')[2]}"
                answer = await client.get(path + ("?timeout_ms=1" if operation.streams else ""), headers=OWNER)
                told = (operation.name, name[:20], answer.status_code, answer.text[:300])
                assert answer.status_code != 500, told
                if operation.name in ("process.info", "process.state"):
                    assert answer.status_code == 200, told
                assert len(answer.content) < 3_000_000, told
                assert answer.headers["x-content-type-options"] == "nosniff"
                kind = answer.headers["content-type"].partition(";")[0]
                assert kind in ("application/json", "text/csv", "text/plain", "text/event-stream"), told
                if kind == "application/json":
                    json.loads(answer.content.decode("utf-8"), parse_constant=refuse)

    inside(test, TREE, data_dir=tmp_path)


@pytest.mark.operation("process.message", "analytics.supervisor")
def test_a_crash_caused_by_such_a_value_is_counted_and_reported(inside: Run) -> None:
    async def test(platform: Any) -> None:
        for name in ways(platform):
            path = f"/api/v1/processes/{quote(name, safe='')}/message"
            sent = await platform.client.post(path, json={"message": "x", "message_type": "call"}, headers=OWNER)
            assert (sent.status_code, sent.json()["error"]["code"]) == (422, "call_failed"), sent.text[:300]
        answer = await platform.client.get("/api/v1/supervisors/top/analytics?sync=true", headers=OWNER)
        assert answer.status_code == 200
        assert len(answer.content) < 1_000_000
        told = json.loads(answer.content, parse_constant=refuse)["data"]
        assert told["total_restarts"] == len(NAMES)

    inside(test, TREE)


def ways(platform: Any) -> list[str]:
    """The names, and the pid of a process whose name no address can hold."""
    found = [platform.node.whereis(name) for name in NAMES]
    return [str(pid) if name == "\udce9" else name for name, pid in zip(NAMES, found, strict=True)]


def test_log_lines_contain_no_control_characters() -> None:
    record = logging.LogRecord("otp", logging.ERROR, "x.py", 1, "%s ended", ("\x1b[2J\u202e\x9b1m\r<b>",), None)
    try:
        raise ValueError("\x1b]0;title\x07")
    except ValueError as error:
        record.exc_info = (type(error), error, error.__traceback__)
    first, *rest = PlainFormatter("%(levelname)s %(message)s").format(record).split("\n")
    assert first == r"ERROR \x1b[2J\u202e\x9b1m\r<b> ended"
    assert rest[-1] == r"ValueError: \x1b]0;title\x07"
    assert all(line.isprintable() for line in (first, *rest))


def refuse(word: str) -> Any:
    raise AssertionError(f"{word} is no JSON")
