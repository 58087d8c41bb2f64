"""Calls in a sandbox that nothing awaited are noted with the line that made them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

import otp
from inside_sandbox import COUNTER, at, within
from otp import GenServer


def test_a_call_that_is_never_awaited_is_noted_with_its_line(tmp_path: Path) -> None:
    async def look(node: otp.Node, service: otp.Pid) -> Any:
        GenServer.cast(at(node, "a"), "x")
        return (await GenServer.call(service, ("next",)))["notices"]

    text = COUNTER.replace('while request == "spin":\n            pass', 'GenServer.call("b", "get")')
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        (said,) = within(tmp_path, text, look)
    assert (
        "main.py, line 9: `await` is missing before the call of GenServer.call, which does nothing without it" == said
    )


def test_a_call_in_a_loop_is_noted_once_until_the_source_changes(tmp_path: Path) -> None:
    """Regression: each of its coroutines was a notice, and those of other mistakes were dropped for them."""

    async def look(node: otp.Node, service: otp.Pid) -> Any:
        GenServer.cast(at(node, "a"), "x")
        await GenServer.call(at(node, "a"), "get")
        first = (await GenServer.call(service, ("next",)))["notices"]
        await GenServer.call(service, ("reload", text + "\n"))
        GenServer.cast(at(node, "a"), "x")
        await GenServer.call(at(node, "a"), "get")
        return first, (await GenServer.call(service, ("next",)))["notices"]

    text = COUNTER.replace(
        'while request == "spin":\n            pass', 'for each in "ab" * 9:\n            GenServer.call(each, 1)'
    )
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        first, second = within(tmp_path, text, look)
    assert [1, 1] == [len(first), len(second)]


def test_a_coroutine_that_was_a_reply_is_noted_with_the_line_that_made_it(
    tmp_path: Path,
) -> None:
    """Regression: the line was that of the platform's code that dropped the reply."""

    async def look(node: otp.Node, service: otp.Pid) -> Any:
        await GenServer.call(at(node, "a"), "get")
        return (await GenServer.call(service, ("next",)))["notices"]

    text = COUNTER.replace("return Reply(n, n)", 'return Reply(GenServer.call("b", "get"), n)')
    with pytest.warns(RuntimeWarning, match="coroutine 'call' was never awaited") as warned:
        (said,) = within(tmp_path, text, look)
    assert [(str(tmp_path / "main.py"), 7)] == [(one.filename, one.lineno) for one in warned]
    assert said.startswith("main.py, line 7: `await` is missing before the call of GenServer.call, which does nothing")
