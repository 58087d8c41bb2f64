"""The results of a stream of tasks, the expected ones, and the kinds of streams."""

from __future__ import annotations

from typing import Any

import pytest

from otp import TaskSupervisor

ROOMS = pytest.mark.parametrize("room", [2, 4, 8], ids=["less room", "room for all", "more room"])
SUPERVISED = pytest.mark.parametrize(
    "stream", [TaskSupervisor.async_stream, TaskSupervisor.async_stream_nolink], ids=["linked", "not linked"]
)


async def all_of(stream: Any) -> list[Any]:
    async with stream as results:
        return [result async for result in results]


async def first_of(stream: Any, count: int) -> list[Any]:
    """The first results; the rest is not waited for."""
    found: list[Any] = []
    async with stream as results:
        async for result in results:
            found.append(result)
            if len(found) == count:
                break
    return found


def oks(*values: Any) -> list[Any]:
    return [("ok", value) for value in values]


def exits(*reasons: Any) -> list[Any]:
    return [("exit", reason) for reason in reasons]
