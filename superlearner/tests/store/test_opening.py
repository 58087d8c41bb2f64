"""Before the first row: an older schema is brought to ours, and what is not ours or not sound is not touched."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import sqlite3
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, event, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine

from other_user import NOBODY, needs_root
from superlearner.store import MomentRow, Restart, StoreUnavailable, Token, database_info, engines, migrate, opening
from superlearner.store.database import Database
from superlearner.store.migrating import MIGRATIONS, upgrade
from superlearner.store.tables import METADATA, SCHEMAS, VERSION_TABLE, create_version_table

WithStore = Callable[..., Any]
Earlier = Callable[[str, str], str]


async def do(url: str, script: str) -> None:
    """Run statements as another program would."""
    database = Database(url)
    async with database.connections.engine.begin() as connection:
        for statement in script.split(";\n"):
            if statement.strip():
                await connection.execute(text(statement.replace(":", r"\:")))
    await database.close()


@pytest.mark.parametrize("version", SCHEMAS[:-1])
def test_a_database_of_an_earlier_version_is_upgraded_and_keeps_its_rows(
    url: str, version: str, earlier: Earlier, with_store: WithStore
) -> None:
    asyncio.run(do(url, earlier(version, url)))
    before = database_info(url)
    assert (before.revision, before.up_to_date) == (version, False)
    assert set(before.rows.values()) == {1}

    async def test(running: Any) -> None:
        store = running.store
        store.append_restarts([Restart(2.0, "shop", "till", "restarted")])
        await store.sync()
        new, old = await store.restarts()
        assert old == Restart(1.5, "shop", "till", "restarted", "0.9.0", "0.12.0", "killed", "earlier", 1, old.id)
        assert new.id > old.id
        assert [(row.parameters, row.node) for row in await store.audit()] == [({"pid": "till"}, None)]
        if version > "0001":
            assert [row.after for row in await store.setting_changes()] == [["shop.example"]]
            assert [row.about for row in await store.records.recordings()] == [{"node": "n"}]
            assert [row.scopes for row in await store.records.users()] == [("read", "code")]
            assert [(row.hash, row.revoked) for row in await store.records.tokens()] == [("hash of it", None)]
        if version > "0007":
            assert len(await store.learning.of("ada")) == 1
        for number, at, kind in ((7, 2.0, None), (17, 1.0, "service"), (27, 3.0, "sandbox")):
            name = "shop@127.0.0.1" if kind is None else "other"
            store.append_moment(
                MomentRow(name, "9f3a0c1b22d4", number, number + 2, at, at, "killed", data=b"packed", kind=kind)
            )
        await store.sync()
        listed = [row.number for row in await store.moments(of=(["shop@127.0.0.1"], ["service"]))]
        assert listed == ([7, 3, 17] if version > "0008" else [7, 17])
        assert [(row.number, row.data) for row in await store.moments_about(8)] == [(7, b"packed")]
        await store.records.add_token(Token("another", "ada", ("read",), "hash", 3.0))

    with_store(url, test)
    assert database_info(url).up_to_date
    assert database_info(url).rows["tokens"] == (1 if version == "0001" else 2)


def test_every_token_of_an_earlier_version_gets_a_user_who_may_as_much(
    url: str, earlier: Earlier, with_store: WithStore
) -> None:
    granted = [
        ("a", "bob", "read"),
        ("b", "BOB", "own"),
        ("c", "eve", "own"),
        ("d", "eve", "own"),
        ("e", "kim", "read"),
    ]
    more = "".join(
        f"""INSERT INTO tokens (name, "user", scopes, hash, at) VALUES ('{one}', '{user}', '{scopes}', '{one}', 2);\n"""
        for one, user, scopes in granted
    )
    more += """INSERT INTO tokens (name, "user", scopes, hash, at, revoked) VALUES ('f', 'old', 'code', 'f', 2, 3);\n"""
    asyncio.run(do(url, earlier("0004", url) + more))

    async def test(running: Any) -> None:
        await running.store.sync()
        users = await running.store.records.users()
        assert {user.name: (user.role, user.scopes, user.implied) for user in users} == {
            "ada": ("teacher", ("read", "code"), True),
            "bob": ("teacher", ("read", "own"), True),
            "eve": ("learner", ("own",), True),
            "kim": ("viewer", ("read",), True),
        }
        tokens = {token.name: (token.user, token.scopes) for token in await running.store.records.tokens()}
        assert (tokens["a"], tokens["b"], tokens["f"]) == (("bob", ("read",)), ("bob", ("own",)), ("old", ("code",)))

    with_store(url, test)


def make_by_steps(url: str) -> None:
    """Make a database by all migrations, as if each version of SuperLearner had opened it."""

    async def run() -> None:
        database = Database(url)
        async with database.connections.engine.begin() as connection:
            await connection.run_sync(upgrade)
        await database.close()

    asyncio.run(run())


def described(connection: Connection) -> dict[str, Any]:
    """Columns, keys and indexes of each table, without the order of columns."""
    found = inspect(connection)
    return {
        table: (
            {one["name"]: (str(one["type"]), one["nullable"], one["default"]) for one in found.get_columns(table)},
            found.get_pk_constraint(table),
            sorted((one["name"], one["column_names"]) for one in found.get_unique_constraints(table)),
            sorted((one["name"], one["column_names"], one["unique"]) for one in found.get_indexes(table)),
        )
        for table in found.get_table_names()
    }


@pytest.mark.parametrize("make", [migrate, make_by_steps])
def test_a_new_database_and_one_after_all_migrations_have_the_described_tables(url: str, make: Any) -> None:
    make(url)

    def look(connection: Connection) -> Any:
        options = {"version_table": VERSION_TABLE, "compare_type": True}
        differences = compare_metadata(MigrationContext.configure(connection, opts=options), METADATA)
        tables = described(connection)
        for table in tables:
            connection.execute(text(f'DROP TABLE "{table}"'))
        METADATA.create_all(connection)
        create_version_table(connection)
        return differences, tables, described(connection)

    async def compare() -> Any:
        database = Database(url)
        async with database.connections.engine.begin() as connection:
            found = await connection.run_sync(look)
        await database.close()
        return found

    differences, tables, expected = asyncio.run(compare())
    assert differences == []
    assert tables == expected
    assert database_info(url).up_to_date


def test_the_steps_that_are_known_are_those_that_are_there() -> None:
    steps = ScriptDirectory(str(MIGRATIONS)).walk_revisions()
    assert [step.revision for step in steps] == list(reversed(SCHEMAS))


def test_migrating_again_changes_nothing(url: str) -> None:
    assert migrate(url) == migrate(url) == database_info(url).head


def test_two_programs_that_migrate_at_once_both_succeed(url: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(migrate, [url] * 4))) == 1


@pytest.mark.parametrize("version", [None, "0004"])
def test_a_step_that_fails_leaves_the_database_as_it_was(url: str, version: str | None, earlier: Earlier) -> None:
    """In the middle of the steps, as when the program is killed there."""
    if version is not None:
        asyncio.run(do(url, earlier(version, url)))

    def fails(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if re.match(r"\s*CREATE TABLE \W?moments\b", statement):
            raise OSError("no space left on device")

    event.listen(Engine, "before_cursor_execute", fails)
    try:
        with pytest.raises(StoreUnavailable):
            migrate(url)
    finally:
        event.remove(Engine, "before_cursor_execute", fails)
    if not url.startswith("sqlite") or version is not None:
        assert database_info(url).revision == version
    migrate(url)
    assert database_info(url).up_to_date


def test_a_newer_schema_is_refused_and_not_touched(url: str) -> None:
    migrate(url)
    asyncio.run(do(url, f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    for ask in (migrate, database_info):
        with pytest.raises(StoreUnavailable, match=r"newer SuperLearner \(schema 9999\).*--data-dir") as refused:
            ask(url)
        assert "not touched" in refused.value.hint


def test_tables_of_another_program_are_refused_and_not_touched(url: str) -> None:
    asyncio.run(do(url, "CREATE TABLE users (id INTEGER)"))
    with pytest.raises(StoreUnavailable, match="belongs to another program"):
        migrate(url)


def damage(file: Path) -> None:
    """Overwrite the middle of the file, as a broken disk does."""
    with open(file, "r+b") as opened:
        opened.seek(4096)
        opened.write(os.urandom(8192))


def cut(file: Path) -> None:
    os.truncate(file, 5000)


def scribble(file: Path) -> None:
    file.write_bytes(b"To be or not to be\n" * 500)


@pytest.mark.parametrize("spoil", [damage, cut, scribble])
def test_a_damaged_file_is_refused_and_not_touched(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    file = tmp_path / "store.db"
    migrate(f"sqlite:///{file}")
    spoil(file)
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    for ask in (migrate, database_info):
        with pytest.raises(StoreUnavailable, match="damaged") as refused:
            ask(f"sqlite:///{file}")
        assert "mv " in refused.value.hint
        assert str(file) in refused.value.hint
        assert str(tmp_path) not in refused.value.why
    assert hashlib.sha256(file.read_bytes()).hexdigest() == before


def test_a_file_that_another_program_holds_is_refused(
    tmp_path: Path, earlier: Earlier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("superlearner.store.engines.BUSY_S", 0.05)
    file = tmp_path / "store.db"
    asyncio.run(do(f"sqlite:///{file}", earlier("0001", "sqlite")))
    holder = sqlite3.connect(file)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreUnavailable, match="locked by another program"):
        migrate(f"sqlite:///{file}")
    holder.close()
    migrate(f"sqlite:///{file}")


def test_a_program_waits_its_turn_to_migrate_and_reports_it(
    tmp_path: Path, earlier: Earlier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a loaded machine another program takes longer than the time that SQLite waits for a lock."""
    monkeypatch.setattr("superlearner.store.engines.BUSY_S", 0.05)
    file = tmp_path / "store.db"
    asyncio.run(do(f"sqlite:///{file}", earlier("0001", "sqlite")))
    holder = sqlite3.connect(file)
    holder.execute("BEGIN EXCLUSIVE")
    told: list[str] = []

    def tell(text: str) -> None:
        told.append(text)
        holder.close()  # the other program has finished

    assert SCHEMAS[-1] == migrate(f"sqlite:///{file}", tell=tell)
    (line,) = told
    assert line.startswith("the database file store.db is locked by another program; waiting for its turn, for up to ")


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="cannot be"):
        migrate(f"sqlite:///{tmp_path}")
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        migrate(f"sqlite:///{tmp_path}/no/such/folder/store.db")


@needs_root
def test_a_link_that_another_user_has_planted_is_not_followed(tmp_path: Path) -> None:
    """It would let root change a database of another program, or of another data directory."""
    theirs = tmp_path / "theirs.db"
    migrate(theirs)
    before = theirs.read_bytes()
    link = tmp_path / "superlearner.db"
    link.symlink_to(theirs)
    assert database_info(link).up_to_date, "a link of this user, such as to another disk"
    os.chown(link, NOBODY, NOBODY, follow_symlinks=False)
    for use in (migrate, database_info):
        with pytest.raises(StoreUnavailable, match=f"is a link of user {NOBODY}"):
            use(link)
    theirs.unlink()
    with pytest.raises(StoreUnavailable, match=f"is a link of user {NOBODY}"):
        migrate(link)
    assert before
    assert not theirs.exists()


@needs_root
@pytest.mark.parametrize("ending", ["", "-wal", "-shm", "-journal"])
def test_a_file_that_another_user_has_planted_is_not_opened(tmp_path: Path, ending: str) -> None:
    """It could hold users and tokens of their choice, also in a log that SQLite reads into our database."""
    file = tmp_path / "superlearner.db"
    migrate(file)
    planted = tmp_path / f"superlearner.db{ending}"
    planted.touch()
    os.chown(planted, NOBODY, NOBODY)
    before = planted.read_bytes()
    for use in (migrate, database_info):
        with pytest.raises(StoreUnavailable, match=f"{planted.name} belongs to user {NOBODY}"):
            use(file)
    assert planted.read_bytes() == before
    os.chown(tmp_path, NOBODY, NOBODY)
    assert database_info(file).up_to_date, "root looks at the data directory of another user"


@needs_root
@pytest.mark.parametrize("ending", ["", "-wal"])
def test_a_file_that_is_planted_after_the_check_is_not_opened_by_a_later_connection(
    tmp_path: Path, ending: str
) -> None:
    file = tmp_path / "superlearner.db"
    migrate(file)
    planted = tmp_path / f"superlearner.db{ending}"
    planted.touch()
    before = planted.read_bytes()
    os.chown(planted, NOBODY, NOBODY)

    async def use() -> None:
        database = Database(file)
        try:
            with pytest.raises(StoreUnavailable, match=f"{planted.name} belongs to user {NOBODY}"):
                await database.count("restarts", {})
        finally:
            await database.close()

    asyncio.run(use())
    assert planted.read_bytes() == before


@needs_root
def test_a_log_that_is_a_link_of_another_user_is_refused(tmp_path: Path) -> None:
    file, log = tmp_path / "superlearner.db", tmp_path / "superlearner.db-wal"
    migrate(file)
    log.symlink_to(tmp_path / "elsewhere")
    os.chown(log, NOBODY, NOBODY, follow_symlinks=False)
    with pytest.raises(StoreUnavailable, match=f"{log.name} is a link of user {NOBODY}"):
        migrate(file)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("when", ["before it is read", "before it is changed"])
def test_a_file_that_is_exchanged_while_it_is_opened_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Another user who can write to the folder would let us check one database, and change another."""
    file, other = tmp_path / "superlearner.db", tmp_path / "other.db"
    file.touch(mode=0o600)
    with contextlib.closing(sqlite3.connect(other)) as made:
        made.execute("CREATE TABLE theirs (a)")

    def exchange() -> None:
        with contextlib.suppress(FileNotFoundError):
            other.replace(file)

    if when == "before it is read":
        migrate(file)
        connect = sqlite3.connect

        def connect_later(*args: Any, **more: Any) -> sqlite3.Connection:
            exchange()
            return connect(*args, **more)

        monkeypatch.setattr("superlearner.store.opening.sqlite3.connect", connect_later)
    else:
        make_engine = engines.make_engine

        def make_later(*args: Any, **more: Any) -> AsyncEngine:
            exchange()
            return make_engine(*args, **more)

        monkeypatch.setattr(opening, "make_engine", make_later)
    with pytest.raises(StoreUnavailable, match="was replaced while it was opened"):
        migrate(file)
    monkeypatch.undo()
    with contextlib.closing(sqlite3.connect(file)) as read:
        assert read.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]


def test_a_pipe_in_the_place_of_the_file_does_not_hold_the_start(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "store.db")
    with pytest.raises(StoreUnavailable, match="it is a pipe"):
        migrate(tmp_path / "store.db")


def test_looking_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="no database file"):
        database_info(f"sqlite:///{tmp_path}/store.db")
    assert list(tmp_path.iterdir()) == []


def test_nobody_else_can_read_the_file(tmp_path: Path) -> None:
    migrate(f"sqlite:///{tmp_path}/store.db")
    assert stat.S_IMODE((tmp_path / "store.db").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["a b.db", "ä?#%41.db", "per%cent.db"])
def test_a_file_may_have_any_name(tmp_path: Path, name: str) -> None:
    migrate(tmp_path / name)
    assert migrate(tmp_path / name) == database_info(tmp_path / name).revision
    assert {path.name for path in tmp_path.iterdir()} == {name}


@pytest.mark.parametrize("url", ["mysql://ada@db/shop", "sqlite://", "sqlite:///:memory:", "store.db"])
def test_text_that_is_not_a_database_url_is_refused(url: str) -> None:
    with pytest.raises(StoreUnavailable, match="expected sqlite:///FILE or postgresql://"):
        migrate(url)


def test_a_password_is_shown_nowhere(postgres: Any) -> None:
    url = postgres.new_database()
    migrate(url)
    assert "secret" not in database_info(url).database
    nowhere = url.replace(f":{postgres.port}", ":1")
    with pytest.raises(StoreUnavailable, match="cannot be used") as refused:
        migrate(nowhere)
    assert "secret" not in str(refused.value)
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        migrate(f"{url}_that_is_not_there")
