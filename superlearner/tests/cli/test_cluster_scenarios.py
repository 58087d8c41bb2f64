"""`superlearner cluster test scenario`: its exit codes are the truth."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

from superlearner.cli.entry import app

EXAMPLE = Path(__file__).parents[3] / "examples" / "scenarios" / "worker_moves.json"


def scenario(*words: str) -> Any:
    return CliRunner().invoke(app, ["cluster", "test", "scenario", *words])


def write(folder: Path, *steps: Any) -> str:
    file = folder / "it.json"
    file.write_text(json.dumps({"scenario": 1, "name": "it", "members": 2, "steps": steps}))
    return str(file)


def test_the_example_passes_with_each_seed() -> None:
    done = scenario(str(EXAMPLE), "--seeds", "3")
    assert (0, [f"pass  a worker moves, seed {seed}" for seed in (1, 2, 3)]) == (
        done.exit_code,
        done.output.splitlines(),
    )


def test_a_step_that_fails_is_shown_and_exits_with_1(tmp_path: Path) -> None:
    file = write(tmp_path, {"do": "kill", "member": "n2"}, {"expect": {"lost": []}, "on": "n1", "for": 2})
    done = scenario(file)
    assert 1 == done.exit_code
    assert ["FAIL  it, seed 1", "    expected {'lost': []}", "    got      {'lost': ['n2']}"] == [
        line for line in done.output.splitlines() if "step" not in line
    ]


def test_verdicts_and_events_are_written_as_json(tmp_path: Path) -> None:
    history = tmp_path / "events.jsonl"
    done = scenario(write(tmp_path, {"do": "converge"}), "--json", "--seeds", "2", "--history", str(history))
    assert [("it", "simulator", 1, "pass"), ("it", "simulator", 2, "pass")] == [
        (one["scenario"], one["on"], one["seed"], one["verdict"]) for one in json.loads(done.output)
    ]
    events = [json.loads(line) for line in history.read_text().splitlines()]
    assert {1, 2} == {event["seed"] for event in events}
    assert "converged" in {event["kind"] for event in events}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ('{"scenario": 1, "name": "it", "steps": [{"do": "kil"}]}', "step 1: unknown verb 'kil'; did you mean 'kill'?"),
        ("{", "expected JSON"),
        (
            '{"scenario": 1, "name": "it", "steps": [], "program": "it.py:children"}',
            "it.py cannot be imported: NameErr",
        ),
        ('{"scenario": 1, "name": "it", "steps": [], "program": "ok.py:childs"}', "ok.py has no function 'childs'"),
    ],
)
def test_a_bad_file_is_told_in_one_line_and_exits_with_2(tmp_path: Path, content: str, text: str) -> None:
    file = tmp_path / "it.json"
    file.write_text(content)
    (tmp_path / "it.py").write_text("undefined")
    (tmp_path / "ok.py").write_text("")
    done = scenario(str(file))
    assert 2 == done.exit_code
    assert text in done.output
    assert 1 == len(done.output.splitlines())


@pytest.mark.program
def test_the_examples_pass_on_the_simulator_and_on_real_members() -> None:
    files = [str(file) for file in sorted(EXAMPLE.parent.glob("*.json")) if "leased" not in file.name]
    done = scenario(*files, "--on", "both", "--seeds", "3", "--json")
    verdicts = [(one["on"], one["verdict"]) for one in json.loads(done.output)]
    assert (0, [*[("simulator", "pass")] * 3, ("real", "pass")] * len(files)) == (done.exit_code, verdicts)


@pytest.mark.program
def test_a_program_that_does_not_start_on_a_real_member_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "it.py").write_text("def children(member):\n    raise OSError('no disk')\n")
    file = tmp_path / "it.json"
    file.write_text('{"scenario": 1, "name": "it", "members": 1, "steps": [], "program": "it.py:children"}')
    for stage in ("real", "simulator"):
        done = scenario(str(file), "--on", stage)
        assert (2, ["superlearner: member n1 did not start: OSError: no disk"]) == (
            done.exit_code,
            done.output.splitlines(),
        )


@pytest.mark.program
def test_a_terminated_run_leaves_no_member_and_no_folder(tmp_path: Path) -> None:
    file = write(
        tmp_path, {"do": "stall", "member": "n2"}, {"expect": {"lost": []}, "on": "n1"}, {"do": "sleep", "seconds": 60}
    )
    command = [sys.executable, "-m", "superlearner", "cluster", "test", "scenario", file, "--on", "real"]
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with subprocess.Popen(command, env=os.environ | {"TMPDIR": str(temporary)}) as program:
        members = stopped_members(program)
        program.terminate()
        assert 143 == program.wait()
    assert [] == [member for member in members if member.is_running()]
    assert [] == list(temporary.iterdir())


def stopped_members(program: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Return the members of a run, once one of them is stalled."""
    while True:
        members = psutil.Process(program.pid).children()
        if any(member.status() == psutil.STATUS_STOPPED for member in members):
            return members
        assert program.poll() is None
