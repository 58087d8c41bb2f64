"""Results of `doctor` and `config` for a machine."""

from __future__ import annotations

import json
import re
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.program

Run = Callable[..., subprocess.CompletedProcess[str]]


def verdicts(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Return each check with its verdict."""
    return {line[6:20].strip(): line[:4].strip() for line in done.stdout.splitlines()}


def test_a_running_platform_passes(look: Run) -> None:
    done = look("doctor")
    lines = done.stdout.splitlines()
    widest = max(len(line[6:].split("  ")[0]) for line in lines)
    assert all(line[6 + widest : 8 + widest] == "  " != line[8 + widest :][:1] for line in lines)  # one column
    wanted = ("Python", "data directory", "token", "platform", "database", "[console]", "[mcp]", "[postgres]")
    assert (0, dict.fromkeys(wanted, "ok")) == (done.returncode, {about: verdicts(done)[about] for about in wanted})


def test_problems_of_a_running_platform_are_named_with_the_command_that_lists_them(
    start: Callable[..., Any], superlearner: Run
) -> None:
    """Regression: `doctor` said that all is well while a supervisor was down, and named no command that says so."""
    start()
    assert "none now; `superlearner" in superlearner("doctor").stdout
    superlearner("supervisor", "set-flags", "checkout_sup", "--max-restarts", "0")
    superlearner("process", "kill", "ledger")
    done = superlearner("doctor")
    assert (0, "warn") == (done.returncode, verdicts(done)["problems"])  # `note` stands beside what is not installed
    [line] = [line for line in done.stdout.splitlines() if line.startswith("warn")]
    assert re.search(r"  critical: [^ ]+: checkout_sup gave up: .* \(began 2[-0-9]+ [:0-9]+ UTC\); ", line)
    assert " system anomalies` lists them" in done.stdout


def test_a_settings_file_refused_by_a_running_platform_is_reported(
    start: Callable[..., Any], superlearner: Run, tmp_path: Path
) -> None:
    start()
    assert "ok" == verdicts(superlearner("doctor"))["settings"]
    (tmp_path / "superlearner.toml").write_text("kill_wiat = 2\n")
    assert superlearner("settings", "reload").returncode == 1
    done = superlearner("doctor")
    assert (1, "bad") == (done.returncode, verdicts(done)["settings"])
    assert "line 1: kill_wiat: " in done.stdout
    assert "did you mean kill_wait?" in done.stdout


def test_without_a_platform_the_port_is_checked(superlearner: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        busy = superlearner("doctor", SUPERLEARNER_PORT=port)
    assert (1, "bad", "note") == (busy.returncode, verdicts(busy)["port"], verdicts(busy)["platform"])
    assert port in busy.stdout
    free = superlearner("doctor", SUPERLEARNER_PORT="0")
    assert (0, "ok") == (free.returncode, verdicts(free)["port"])


def test_obstacles_to_a_start_are_reported(superlearner: Run, tmp_path: Path) -> None:
    wrong = superlearner("doctor", SUPERLEARNER_PORT="many")
    assert (1, "bad") == (wrong.returncode, verdicts(wrong)["settings"])
    (tmp_path / "file").write_text("")
    nowhere = superlearner("doctor", SUPERLEARNER_DATA_DIR=str(tmp_path / "file" / "below"))
    assert (1, "bad") == (nowhere.returncode, verdicts(nowhere)["data directory"])
    assert "--data-dir" in nowhere.stdout
    too_long = superlearner("doctor", SUPERLEARNER_DATA_DIR=str(tmp_path / ("x" * 300)))
    assert (verdicts(too_long)["token"], too_long.stderr) == ("bad", "")  # regression: a traceback
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data" / "token").write_text("t" * 43)
    (tmp_path / "data" / "token").chmod(0o644)
    assert verdicts(superlearner("doctor"))["token"] == "bad"


def test_a_misspelt_variable_is_a_warning(superlearner: Run) -> None:
    done = superlearner("doctor", SUPERLEARNER_PORT="0", SUPERLEARNER_MAXBODY="5")
    assert (0, "note") == (done.returncode, verdicts(done)["environment"])
    assert "did you mean SUPERLEARNER_MAX_BODY?" in done.stdout


def test_settings_show_their_source(superlearner: Run, tmp_path: Path) -> None:
    (tmp_path / "superlearner.toml").write_text('port = 4001\ndatabase = "postgresql://me:secret@here/db"\n')
    done = superlearner("config", "show", "--json", SUPERLEARNER_PORT="4002", SUPERLEARNER_MAX_BODY="5")
    reported = {one["setting"]: (one["value"], one["from"]) for one in json.loads(done.stdout)}
    assert reported["port"] == (4002, "SUPERLEARNER_PORT")
    assert reported["max_body"] == (5, "SUPERLEARNER_MAX_BODY")
    assert reported["database"] == ("postgresql://me:***@here/db", "superlearner.toml, line 2")
    assert reported["host"] == ("127.0.0.1", "default")
    named = superlearner("--data-dir", str(tmp_path), "config", "show", "--json")
    (folder,) = [one for one in json.loads(named.stdout) if one["setting"] == "data_dir"]
    assert (folder["value"], folder["from"]) == (str(tmp_path), "--data-dir")
    collector = superlearner("config", "show", SUPERLEARNER_OTEL_ENDPOINT="https://me:hunter2@here/x?token=hunter2")
    assert ("hunter2" in collector.stdout, "https://me:***@here/x?token=***" in collector.stdout) == (False, True)
    assert superlearner("config", "path").stdout == f"{tmp_path / 'superlearner.toml'}\n"
    assert superlearner("config", "show", SUPERLEARNER_PORT="many").returncode == 2


def test_the_database_is_checked_before_a_start(superlearner: Run, tmp_path: Path) -> None:
    there = {"SUPERLEARNER_PORT": "0"}
    assert "ok" == verdicts(superlearner("doctor", **there))["database"]
    refused = superlearner("doctor", SUPERLEARNER_DATABASE="postgresql://ada:secret@127.0.0.1:1/shop", **there)
    assert (1, "bad") == (refused.returncode, verdicts(refused)["database"])
    assert "secret" not in refused.stdout
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "superlearner.db").write_text("dear diary")
    reported = json.loads(superlearner("doctor", "--json", **there).stdout)
    (database,) = [one for one in reported if one["about"] == "database"]
    assert ("bad", True) == (database["verdict"], "not an SQLite database" in database["words"])
