"""Trees whose restarts a recorder records."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import otp
from restart_trees import end, run
from superlearner.restarts.recorder import Record, Recorder

draws: list[int] = []
"""The restarts that were drawn, in order."""


def record(
    test: Callable[[Recorder, list[Record], asyncio.Event], Any],
    *children: Any,
    most: int = 100,
    before: int | None = None,
    **options: Any,
) -> Any:
    """Run `await test(recorder, records, news)` with a recorder of a tree; `before` it, "b" ends so many times."""

    async def main(node: otp.Node) -> Any:
        records: list[Record] = []
        draws.clear()
        news = asyncio.Event()

        def keep(one: Record) -> None:
            records.append(one)
            news.set()

        def draw(_memory: Any, drawn: Any, _now: Any) -> bytes:
            draws.append(drawn.id)
            return f"replay of {drawn.id}".encode()

        for _ in range(before or 0):
            await end("b")
        recorder = Recorder(node, None, draw, keep, most, earlier=before is not None)
        try:
            return await test(recorder, records, news)
        finally:
            recorder.close()

    return run(main, *children, **options)


def fail_later(gate: asyncio.Event) -> Callable[[], Any]:
    """Return the init of a worker whose second start waits for the gate, and then fails as all later ones do."""
    starts: list[int] = []

    async def connect() -> None:
        starts.append(1)
        if len(starts) > 1:
            await gate.wait()
            raise ConnectionRefusedError

    return connect
