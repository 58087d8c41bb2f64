"""Database commands without a platform."""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from superlearner.cli.db import backup
from superlearner.store import migrate
from superlearner.store.tables import HEAD, SCHEMAS

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_an_upgrade_creates_the_tables_once(superlearner: Run) -> None:
    none = superlearner("db", "status")
    assert (1, True) == (none.returncode, "there is no database file" in none.stderr)
    made = superlearner("db", "upgrade")
    assert (0, f"schema none → {HEAD}\n") == (made.returncode, made.stdout)
    assert f"schema {HEAD}, as before\n" == superlearner("db", "upgrade").stdout
    told = json.loads(superlearner("db", "status", "--json").stdout)
    assert (HEAD, True, "sqlite") == (told["revision"], told["up_to_date"], told["kind"])


def test_the_database_of_a_running_platform_is_read_and_copied_but_not_upgraded(
    start: Callable[..., Any], superlearner: Run, tmp_path: Path
) -> None:
    program = start()
    refused = superlearner("db", "upgrade")
    assert (1, "") == (refused.returncode, refused.stdout)
    assert str(program.process.pid) in refused.stderr
    superlearner("process", "kill", "counter_1")
    assert "up_to_date  yes" in superlearner("db", "status").stdout
    copied = superlearner("db", "backup", "copy.db")
    assert (0, "") == (copied.returncode, copied.stderr)
    copy = tmp_path / "copy.db"
    assert 0o600 == stat.S_IMODE(copy.stat().st_mode)
    with sqlite3.connect(copy) as read:
        assert [(HEAD,)] == read.execute("SELECT version_num FROM superlearner_schema").fetchall()
    read.close()
    again = superlearner("db", "backup", "copy.db")
    assert (1, True) == (again.returncode, "already" in again.stderr)
    program.end()
    assert 0 == superlearner("db", "upgrade").returncode


def test_other_files_are_not_changed(superlearner: Run, tmp_path: Path) -> None:
    assert HEAD in SCHEMAS
    file = tmp_path / "data" / "superlearner.db"
    file.parent.mkdir()
    file.write_text("dear diary")
    for verb in (("upgrade",), ("status",), ("backup", "copy.db")):
        done = superlearner("db", *verb)
        assert (1, True) == (done.returncode, "not an SQLite database" in done.stderr)
        assert "Traceback" not in done.stderr
    assert ("dear diary", False) == (file.read_text(), (tmp_path / "copy.db").exists())
    wrong = superlearner("db", "status", SUPERLEARNER_DATABASE="mysql://a/b")
    assert (2, True) == (wrong.returncode, "SUPERLEARNER_DATABASE" in wrong.stderr), wrong.stderr


def test_a_copy_of_a_database_that_is_replaced_meanwhile_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, copy, connect = tmp_path / "superlearner.db", tmp_path / "copy.db", sqlite3.connect
    migrate(file)

    def replace_and_connect(database: str | Path, **options: Any) -> sqlite3.Connection:
        if copy.exists() and "mode=ro" in str(database):  # the checks before it open the file, too
            shutil.copy(file, tmp_path / "other.db")
            (tmp_path / "other.db").replace(file)
        return connect(database, **options)

    monkeypatch.setattr("sqlite3.connect", replace_and_connect)
    with pytest.raises(typer.Exit):
        backup(copy, tmp_path)
    assert "superlearner.db was replaced while it was opened" in capsys.readouterr().err
    assert not copy.exists()
