"""A connection whose event loop closes while SQLite is busy: its thread ends without a traceback and frees the file.

pytest reports an exception in a thread as a failure of the test.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from superlearner.store.engines import make_engine, read_url
from superlearner.store.sqlite_connection import SQLiteConnection


def end_threads_of(main: Callable[[], Awaitable[Any]], proceed: threading.Event) -> None:
    """Run `main`, and let SQLite proceed when the loop is closed."""
    before = set(threading.enumerate())
    asyncio.run(main())  # pyright: ignore[reportArgumentType]
    threads = set(threading.enumerate()) - before
    assert threads
    proceed.set()
    for thread in threads:
        thread.join()


def is_open(file: Path) -> bool:
    opened = (os.path.join("/proc/self/fd", name) for name in os.listdir("/proc/self/fd"))
    return str(file) in [os.readlink(one) for one in opened if os.path.lexists(one)]


def test_a_loop_closes_during_a_statement(tmp_path: Path) -> None:
    file, proceed = tmp_path / "a.db", threading.Event()

    async def main() -> None:
        connection = await SQLiteConnection(str(file))
        await connection.create_function("wait", 0, proceed.wait)
        statement = asyncio.ensure_future(connection.execute("SELECT wait()"))
        await asyncio.sleep(0)
        assert is_open(file)
        connection.stop()
        statement.cancel()

    end_threads_of(main, proceed)
    assert not is_open(file)


def test_a_loop_closes_while_the_file_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, proceed, connect = tmp_path / "a.db", threading.Event(), sqlite3.connect

    def connect_late(*arguments: Any, **options: Any) -> sqlite3.Connection:
        proceed.wait()
        return connect(*arguments, **options)

    monkeypatch.setattr("sqlite3.connect", connect_late)

    async def main() -> None:
        connecting = asyncio.ensure_future(make_engine(read_url(file)).raw_connection())
        await asyncio.sleep(0)
        connecting.cancel()

    end_threads_of(main, proceed)
    assert file.exists()
    assert not is_open(file)
