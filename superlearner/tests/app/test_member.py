"""The lines of a member of `superlearner node`, and the process ids in the status of its cluster."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from superlearner.app.member import ready_lines
from superlearner.cli.entry import app
from superlearner.cluster import background
from superlearner.cluster.ways import Way


def test_a_member_that_finds_no_other_says_where_it_looked_and_what_to_do(tmp_path: Path) -> None:
    """Regression: with another data directory than the platform's it said *ready, 1 member* and no more."""
    ready, alone = ready_lines("b@127.0.0.1", 1, Way(tmp_path))
    assert f"member b@127.0.0.1 ready, 1 member, process {os.getpid()}" == ready
    assert (
        f"  no other member in {tmp_path}; try `superlearner run --data-dir {tmp_path}`" == alone.partition(", or")[0]
    )
    assert alone.endswith(", or the --data-dir of the others")


def test_a_member_with_others_or_with_its_own_discovery_gets_no_such_hint(tmp_path: Path) -> None:
    assert 1 == len([*ready_lines("b@127.0.0.1", 2, Way(tmp_path))])
    assert 1 == len([*ready_lines("b@127.0.0.1", 1, Way(tmp_path, discovery="none"))])


def test_the_status_has_the_process_id_of_each_member(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def line(name: str, os_pid: int | None) -> dict[str, Any]:
        return {"name": name, "status": "up", "health": "healthy", "evidence": "it answers", "os_pid": os_pid}

    found = {"size": 2, "status": "healthy", "members": [line("a@1", 4242), line("bc@1", None)], "missing": []}
    monkeypatch.setattr(background, "wait_status", lambda *_arguments: found)
    done = CliRunner().invoke(app, ["--data-dir", str(tmp_path), "cluster", "status"])
    assert ["  a@1   up  healthy: it answers (process 4242)", "  bc@1  up  healthy: it answers"] == (
        done.output.splitlines()[1:]
    )
