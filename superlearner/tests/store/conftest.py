"""Databases for the tests of the store: an SQLite file, and a PostgreSQL that is started for the session."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tools.postgres import NotInstalled, Postgres, postgres_server

import otp
from superlearner.store import Store, StoreService

FIRST_VERSION = """\
CREATE TABLE superlearner_schema (version_num VARCHAR(32) NOT NULL PRIMARY KEY);
INSERT INTO superlearner_schema VALUES ('0001');
CREATE TABLE restarts (
    id {id}, run TEXT NOT NULL, number BIGINT NOT NULL, at DOUBLE PRECISION NOT NULL, supervisor TEXT NOT NULL,
    child TEXT, event TEXT NOT NULL, old_pid TEXT, new_pid TEXT, reason TEXT,
    CONSTRAINT restarts_once UNIQUE (run, number)
);
CREATE INDEX restarts_by_supervisor ON restarts (supervisor, id);
CREATE TABLE audit (
    id {id}, run TEXT NOT NULL, number BIGINT NOT NULL, at DOUBLE PRECISION NOT NULL, "user" TEXT NOT NULL,
    door TEXT NOT NULL, operation TEXT NOT NULL, parameters TEXT NOT NULL, did TEXT, outcome TEXT NOT NULL,
    duration DOUBLE PRECISION NOT NULL,
    CONSTRAINT audit_once UNIQUE (run, number)
);
CREATE INDEX audit_by_operation ON audit (operation, id);
INSERT INTO restarts (run, number, at, supervisor, child, event, old_pid, new_pid, reason)
    VALUES ('earlier', 1, 1.5, 'shop', 'till', 'restarted', '0.9.0', '0.12.0', 'killed');
INSERT INTO audit (run, number, at, "user", door, operation, parameters, did, outcome, duration)
    VALUES ('earlier', 1, 1.5, 'ada', 'rest', 'process.kill', '{{"pid": "till"}}', NULL, 'ok', 0.25);
"""
SECOND_VERSION = """\
UPDATE superlearner_schema SET version_num = '0002';
CREATE TABLE setting_changes (
    id {id}, run TEXT NOT NULL, number BIGINT NOT NULL, at DOUBLE PRECISION NOT NULL, source TEXT NOT NULL,
    setting TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL,
    CONSTRAINT setting_changes_once UNIQUE (run, number)
);
CREATE INDEX setting_changes_by_setting ON setting_changes (setting, id);
CREATE TABLE recordings (
    id {id}, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, path TEXT NOT NULL, at DOUBLE PRECISION NOT NULL,
    events BIGINT, size BIGINT, about TEXT NOT NULL
);
CREATE TABLE users (
    id {id}, name TEXT NOT NULL UNIQUE, scopes TEXT NOT NULL, at DOUBLE PRECISION NOT NULL, revoked DOUBLE PRECISION
);
CREATE TABLE tokens (
    id {id}, name TEXT NOT NULL UNIQUE, "user" TEXT NOT NULL, scopes TEXT NOT NULL, hash TEXT NOT NULL UNIQUE,
    at DOUBLE PRECISION NOT NULL, revoked DOUBLE PRECISION
);
INSERT INTO setting_changes (run, number, at, source, setting, before, after)
    VALUES ('earlier', 1, 1.5, 'ada', 'allow_host', '[]', '["shop.example"]');
INSERT INTO recordings (name, kind, path, at, about) VALUES ('monday', 'trace', 'monday.jsonl', 1.5, '{{"node": "n"}}');
INSERT INTO users (name, scopes, at) VALUES ('ada', 'read code', 1.5);
INSERT INTO tokens (name, "user", scopes, hash, at) VALUES ('laptop', 'ada', 'read', 'hash of it', 1.5);
"""
THIRD_VERSION = """\
UPDATE superlearner_schema SET version_num = '0003';
ALTER TABLE tokens ADD COLUMN expires DOUBLE PRECISION;
ALTER TABLE tokens ADD COLUMN used DOUBLE PRECISION;
"""
FOURTH_VERSION = """\
UPDATE superlearner_schema SET version_num = '0004';
ALTER TABLE audit ADD COLUMN node TEXT;
"""
FIFTH_VERSION = """\
UPDATE superlearner_schema SET version_num = '0005';
ALTER TABLE audit ADD COLUMN claims TEXT;
ALTER TABLE users ADD COLUMN key TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'viewer';
ALTER TABLE users ADD COLUMN seen DOUBLE PRECISION;
ALTER TABLE users ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN implied INTEGER NOT NULL DEFAULT 0;
UPDATE users SET key = 'ada', role = 'teacher', implied = 1;
CREATE UNIQUE INDEX users_by_key ON users (key);
CREATE TABLE sign_in_links (
    id {id}, hash TEXT NOT NULL UNIQUE, "user" BIGINT NOT NULL, at DOUBLE PRECISION NOT NULL,
    expires DOUBLE PRECISION NOT NULL, used DOUBLE PRECISION
);
INSERT INTO sign_in_links (hash, "user", at, expires) VALUES ('hash of a code', 1, 1.5, 9.5);
"""
SIXTH_VERSION = """\
UPDATE superlearner_schema SET version_num = '0006';
ALTER TABLE recordings ADD COLUMN owner TEXT;
UPDATE recordings SET owner = 'ada';
"""
SEVENTH_VERSION = """\
UPDATE superlearner_schema SET version_num = '0007';
ALTER TABLE users ADD COLUMN quota TEXT NOT NULL DEFAULT '{{}}';
"""
EIGHTH_VERSION = """\
UPDATE superlearner_schema SET version_num = '0008';
CREATE TABLE learning (
    id {id}, learner TEXT NOT NULL, kind TEXT NOT NULL, item TEXT NOT NULL, at DOUBLE PRECISION NOT NULL,
    data TEXT NOT NULL
);
CREATE INDEX learning_by_learner ON learning (learner, id);
INSERT INTO learning (learner, kind, item, at, data) VALUES ('ada', 'attempt', 's12.predict', 1.5, '{{}}');
"""
NINTH_VERSION = """\
UPDATE superlearner_schema SET version_num = '0009';
CREATE TABLE moments (
    id {id}, node TEXT NOT NULL, run TEXT NOT NULL, number BIGINT NOT NULL, last BIGINT NOT NULL,
    at DOUBLE PRECISION NOT NULL, until DOUBLE PRECISION NOT NULL, line TEXT NOT NULL, count BIGINT NOT NULL,
    events TEXT NOT NULL, owner TEXT, data {bytes}, CONSTRAINT moments_once UNIQUE (node, run, number)
);
CREATE INDEX moments_by_run ON moments (run, number);
CREATE INDEX moments_by_number ON moments (node, number);
INSERT INTO moments (node, run, number, last, at, until, line, count, events)
    VALUES ('shop@127.0.0.1', '00000000000a', 3, 5, 1.5, 1.5, 'till crashed', 1, '3-5');
"""
TENTH_VERSION = """\
UPDATE superlearner_schema SET version_num = '0010';
ALTER TABLE moments ADD COLUMN kind TEXT;
CREATE INDEX moments_by_time ON moments (at, id);
"""
ELEVENTH_VERSION = """\
UPDATE superlearner_schema SET version_num = '0011';
ALTER TABLE users ADD COLUMN shown TEXT NOT NULL DEFAULT '';
"""
VERSIONS = (
    FIRST_VERSION, SECOND_VERSION, THIRD_VERSION, FOURTH_VERSION, FIFTH_VERSION, SIXTH_VERSION, SEVENTH_VERSION,
    EIGHTH_VERSION, NINTH_VERSION, TENTH_VERSION, ELEVENTH_VERSION,
)  # fmt: skip
EARLIER = {f"{number:04}": "".join(VERSIONS[:number]) for number in range(1, len(VERSIONS) + 1)}
"""Rows that platforms of earlier schemas left; `id` is written differently in each database."""


@pytest.fixture
def earlier() -> Callable[[str, str], str]:
    """`earlier(version, url)`: statements that make the database of an earlier version, with a row in each table."""

    def script(version: str, url: str) -> str:
        kind = "INTEGER PRIMARY KEY" if url.startswith("sqlite") else "BIGSERIAL PRIMARY KEY"
        return EARLIER[version].format(id=kind, bytes="BLOB" if url.startswith("sqlite") else "BYTEA")

    return script


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(postgres_server())
        except NotInstalled as missing:
            pytest.skip(str(missing))
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    return request.getfixturevalue("postgres").new_database()


class Running:
    """A store with its service under a supervisor of the test's own."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.telling: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self.usable_again = asyncio.Event()
        store.tell = self._tell

    def _tell(self, level: str, text: str) -> None:
        self.telling.put_nowait((level, text))
        if level == "info":
            self.usable_again.set()

    async def start(self) -> otp.Pid:
        return await StoreService.start(self.store, name="store")

    async def stop(self) -> None:
        """Stop the service in order, if it runs."""
        if otp.whereis("store") is not None:
            await otp.GenServer.stop("store")

    async def kill(self) -> None:
        """Kill the service and start it again, as its supervisor does."""
        pid = otp.whereis("store")
        assert pid is not None
        otp.exit(pid, "kill")
        await otp.wait_down(pid)
        await self.start()


@pytest.fixture
def with_store() -> Callable[..., Any]:
    """`with_store(url, test, **options)` runs `await test(running)` in a process beside the service of a store."""

    def run(url: str, test: Callable[[Running], Any], **options: Any) -> Any:
        async def main() -> Any:
            running = Running(Store(url, **options))
            await running.start()
            try:
                return await test(running)
            finally:
                await running.stop()
                await running.store.close()

        return otp.run(main)

    return run
