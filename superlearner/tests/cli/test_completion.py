"""Shell completion of a partly typed word."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.program

PROGRAM = Path(sys.executable).with_name("superlearner")


def offered(data_dir: Path, typed: str) -> list[str]:
    """Return bash's completions for `typed`; standard error must be empty."""
    completing = {"COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" ")), "_SUPERLEARNER_COMPLETE": "complete_bash"}
    environment = {**os.environ, **completing, "SUPERLEARNER_DATA_DIR": str(data_dir)}
    done = subprocess.run([PROGRAM], cwd=data_dir.parent, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


def test_commands_options_and_choices_are_completed_without_a_platform(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    assert {"run", "process", "supervisor", "tree"} <= set(offered(data_dir, "superlearner "))
    assert offered(data_dir, "superlearner process kil") == ["kill"]
    assert offered(data_dir, "superlearner process kill counter_1 --rea") == ["--reason"]
    assert offered(data_dir, "superlearner process list --type g") == ["genserver"]
    assert offered(data_dir, "superlearner process kill cou") == []


def test_names_come_from_the_running_platform(untouched: Any) -> None:
    data_dir = untouched.data_dir
    assert offered(data_dir, "superlearner process kill cou") == ["counter_1", "counter_2"]
    assert offered(data_dir, "superlearner supervisor info demo") == ["demo_one_for_one"]
    assert offered(data_dir, "superlearner application info super") == ["superlearner"]
    assert "kill_wait" in offered(data_dir, "superlearner settings get kill")
    assert offered(data_dir, "superlearner code module superlearner.demo.on") == ["superlearner.demo.one_for_one"]
    for command in ("process list", "tree", "top", "console"):
        assert offered(data_dir, f"superlearner {command} --node superlearner@") == ["superlearner@127.0.0.1"]


def test_completion_uses_the_platform_named_in_the_command(untouched: Any, tmp_path: Path) -> None:
    elsewhere = tmp_path / "data"
    for where in (f"--data-dir {untouched.data_dir}", f"--url {untouched.url}"):
        assert offered(elsewhere, f"superlearner {where} process kill cou") == ["counter_1", "counter_2"]
        assert offered(elsewhere, f"superlearner process kill {where} cou") == ["counter_1", "counter_2"]
