"""The scenarios of `make fuzz`, and how the results of Erlang are recorded. The comparison itself needs Erlang/OTP."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import fuzz
from fuzzing import recording
from fuzzing.scenarios import scenario
from replay import operations
from replay.modes import MODES, replay_alone

HERE = Path(__file__).parent
DONE: dict[str, Any] = {"expected": [{}], "final": {"alive": ["main"], "registered": {}}}


def records(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *plays: dict[str, Any]) -> tuple[list[Any], list[str]]:
    """Record a scenario of one step, where each run on Erlang returns the next of `plays`."""
    answers = iter(plays * len(recording.RUNS))
    monkeypatch.setattr(recording, "_play", lambda *_arguments: [json.loads(json.dumps(next(answers)))])
    monkeypatch.setattr(recording.subprocess, "run", lambda *_arguments, **_options: None)
    return recording.record([{"id": "x", "steps": [{"op": "nop"}]}], tmp_path)


def test_a_scenario_depends_on_its_seed_alone() -> None:
    assert scenario(7) == scenario(7)
    assert scenario(7) != scenario(8)


def test_every_operation_that_is_made_can_be_replayed() -> None:
    made = {step["op"] for seed in range(300) for step in scenario(seed)["steps"]}
    assert made <= {*operations.TABLE, "exit_self"}
    assert {"spawn", "link", "call", "start_sup", "start_child", "sys_suspend"} <= made


def test_an_order_that_changes_from_run_to_run_is_no_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    here = DONE | {"expected": [{"life": [["init", "a#1", "ok"], ["init", "b#1", "ok"]]}]}
    there = DONE | {"expected": [{"life": [["init", "b#1", "ok"], ["init", "a#1", "ok"]]}]}
    (record,), left_out = records(monkeypatch, tmp_path, here, there)
    assert (record["expected"][0]["unordered"], left_out) == (["life"], [])


def test_an_order_that_all_runs_show_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    play = DONE | {"expected": [{"life": [["init", "a#1", "ok"], ["init", "b#1", "ok"]]}]}
    (record,), _left_out = records(monkeypatch, tmp_path, play)
    assert "unordered" not in record["expected"][0]


def test_a_scenario_that_ends_differently_from_run_to_run_is_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = DONE | {"final": {"alive": [], "registered": {}}}
    made, left_out = records(monkeypatch, tmp_path, DONE, other)
    assert (made, left_out) == ([], ["x: the state at the end differs"])


def test_the_order_of_two_messages_of_the_runtime_is_open(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    downs = [["msg", {"t": [":DOWN", {"ref": name}, ":process", {"pid": "p"}, ":normal"]}] for name in ("m1", "m2")]
    (record,), _left_out = records(monkeypatch, tmp_path, DONE | {"expected": [{"procs": {"main": downs}}]})
    assert record["expected"][0]["unordered"] == ["procs.main"]


def test_a_failure_is_shown_without_the_steps_it_can_do_without(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The fake Erlang answers `is_alive` with false, so a scenario of that one step is a finding."""
    steps = [{"op": "self"}, {"op": "is_alive", "to": "main"}, {"op": "self"}, {"op": "trap", "on": True}]

    def play(given: list[Any], *_arguments: object) -> tuple[list[Any], list[str]]:
        answers = {"is_alive": ":false", "self": {"pid": "main"}, "trap": ":true"}
        made = [
            DONE
            | {
                "scenario": each,
                "expected": [{"procs": {"main": [["ret", step["op"], answers[step["op"]]]]}} for step in each["steps"]],
            }
            for each in given
        ]
        return made, []

    monkeypatch.setattr(recording, "record", play)
    (record,), _left_out = play([{"id": "x", "steps": steps}])
    failing = replay_alone(record, "inline", 0)
    assert not failing.passed()
    assert fuzz.smallest(failing, "inline", tmp_path).record["scenario"]["steps"] == [steps[1]]


def test_each_scenario_is_played_in_every_mode(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded = json.loads((HERE / "corpus" / "catalogue" / "links.json").read_text())[:2]
    monkeypatch.setattr(recording, "erlang", lambda: "erl")
    monkeypatch.setattr(recording, "record", lambda scenarios, folder: (recorded, []))
    monkeypatch.setattr(logging.getLogger("otp"), "setLevel", lambda level: None)  # or other tests keep the level
    assert fuzz.main(["-n", "2"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"{2 * len(MODES)} passed, 0 failed ({', '.join(MODES)})"


def test_without_erlang_it_says_what_to_install() -> None:
    done = subprocess.run(
        [sys.executable, str(HERE / "fuzz.py"), "-n", "1"],
        capture_output=True,
        text=True,
        check=False,
        env={key: value for key, value in os.environ.items() if key != "PATH"} | {"PATH": ""},
    )
    assert done.returncode == 2
    assert "apt install erlang-base" in done.stdout
