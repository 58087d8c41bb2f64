"""The service is killed in the middle of its work: nothing is lost, nothing is there twice, no lock stays behind."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

import otp
from superlearner.store import Recording, Restart, StoreService
from superlearner.store import writer as writing
from superlearner.store.database import Database

WithStore = Callable[..., Any]
KILLS = 20


def restarts(start: int, count: int) -> list[Restart]:
    return [Restart(float(place), "shop", "till", "restarted") for place in range(start, start + count)]


class Held:
    """A place in the store's work that a test can wait for, and release."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()

    async def stop(self) -> None:
        self.reached.set()
        await self.go_on.wait()

    def let_go(self) -> None:
        self.go_on.set()
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()


def hold(monkeypatch: pytest.MonkeyPatch, phase: str, held: Held) -> None:
    """Stop before the transaction begins, before a row is inserted, or when it is committed and not yet forgotten."""
    write, execute = Database.write, AsyncConnection.execute

    async def held_write(*arguments: Any) -> None:
        if phase == "begin":
            await held.stop()
        await write(*arguments)
        if phase == "commit":
            await held.stop()

    async def held_execute(*arguments: Any, **options: Any) -> Any:
        if phase == "insert":
            await held.stop()
        done = await execute(*arguments, **options)
        if phase == "inserted":
            await held.stop()
        return done

    monkeypatch.setattr(Database, "write", held_write)
    monkeypatch.setattr(AsyncConnection, "execute", held_execute)


@pytest.mark.parametrize("phase", ["begin", "insert", "inserted", "commit"])
def test_killing_the_service_loses_nothing_and_writes_nothing_twice(
    url: str, with_store: WithStore, phase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(running: Any) -> None:
        store, held = running.store, Held()
        await store.sync()
        with monkeypatch.context() as patched:
            hold(patched, phase, held)
            for number in range(KILLS):
                store.append_restarts(restarts(100 * number, 100))
                otp.send("store", "write")
                await held.reached.wait()
                await running.kill()
                held.let_go()
        await store.sync()
        rows = await store.restarts(limit=5000)
        assert [row.number for row in rows] == list(range(100 * KILLS, 0, -1))
        assert [row.at for row in rows] == list(range(100 * KILLS - 1, -1, -1))

    with_store(url, test)


@pytest.mark.parametrize("phase", ["begin", "insert", "inserted", "commit"])
def test_a_killed_service_leaves_no_lock_behind(
    tmp_path: Path, with_store: WithStore, phase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: an interrupted connection kept the file locked until garbage collection; an end took 10 s."""
    file = tmp_path / "store.db"

    async def test(running: Any) -> None:
        store, held = running.store, Held()
        await store.sync()
        with monkeypatch.context() as patched:
            hold(patched, phase, held)
            for number in range(KILLS):
                store.append_restarts(restarts(number, 1))
                otp.send("store", "write")
                await held.reached.wait()
                await running.kill()
                held.let_go()
                await store.sync()
                other = sqlite3.connect(file, timeout=0)
                other.execute("BEGIN IMMEDIATE")
                other.close()

    gc.disable()
    try:
        with_store(f"sqlite:///{file}", test)
    finally:
        gc.enable()


@pytest.fixture
def opening(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Openings that wait, in their thread, until `go_on` is set; `count` tells how many there were."""

    class Opening:
        count = 0
        reached = threading.Event()
        go_on = threading.Event()

    opened, seen = writing._open, Opening()

    def held(url: Any) -> Any:
        seen.count += 1
        seen.reached.set()
        assert seen.go_on.wait(30)
        return opened(url)

    monkeypatch.setattr(writing, "_open", held)
    yield seen
    seen.go_on.set()


def test_services_killed_while_the_database_is_opened_open_it_once(
    url: str, with_store: WithStore, opening: Any
) -> None:
    async def test(running: Any) -> None:
        store = running.store
        store.append_restarts(restarts(0, 10))
        await otp.Task.run_blocking(opening.reached.wait)
        for _ in range(KILLS):
            await running.kill()
        opening.go_on.set()
        await store.sync()
        assert opening.count == 1
        assert await store.count_restarts() == 10

    with_store(url, test)


def test_killing_a_reader_or_writer_of_a_record_leaves_transactions_whole(
    url: str, with_store: WithStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request of a client that is killed with the web server, say: what it had begun is done."""

    async def test(running: Any) -> None:
        store, held = running.store, Held()
        store.append_restarts(restarts(0, 1))
        await store.sync()

        async def add() -> None:
            await store.records.add_recording(Recording("monday", "trace", "monday.jsonl", 1.0))

        for ask in (store.restarts, add):
            with monkeypatch.context() as patched:
                hold(patched, "inserted", held)
                pid = otp.spawn(ask)
                await held.reached.wait()
                otp.exit(pid, "kill")
                await otp.wait_down(pid)
                held.let_go()
        await store.writer.opened().connections.settled()
        assert [one.name for one in await store.records.recordings()] == ["monday"]
        store.append_restarts(restarts(1, 1))
        await store.sync()

    with_store(url, test)


def test_without_a_service_a_barrier_writes_what_waits(url: str, with_store: WithStore) -> None:
    """Between a kill and the restart, a barrier need not wait for the next service."""

    async def test(running: Any) -> None:
        store = running.store
        await store.sync()
        await running.stop()
        store.append_restarts(restarts(0, 3))
        await store.sync()
        assert await store.count_restarts() == 3
        await StoreService.start(store, name="store")

    with_store(url, test)
