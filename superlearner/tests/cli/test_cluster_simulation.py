"""The commands of the simulated cluster, on a platform that begins with two members."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.program

WORD = re.compile(r"[└├]── (\w+)")
"""The name of a process in a drawing of trees."""


def test_members_are_simulated_from_the_start_and_by_commands(
    start: Callable[..., Any], superlearner: Callable[..., Any], tmp_path: Path
) -> None:
    program = start(SUPERLEARNER_CLUSTER_SIMULATION="2")

    def run(*words: str, code: int = 0) -> Any:
        done = superlearner("cluster", *words, *([] if code else ["--json"]))
        assert code == done.returncode, done.stderr
        return done.stderr if code else json.loads(done.stdout)

    assert ["n1@simulated", "n2@simulated"] == [one["name"] for one in run("heal")["members"]]
    assert "2 simulated members run already; end that simulation first" in run("simulate", "3", code=1)
    assert (False, []) == ((ended := run("simulate", "0"))["enabled"], ended["members"])
    assert 7 == run("simulate", "3", "--seed", "7")["seed"]
    assert [True] == [one["one_way"] for one in run("cut", "n1", "n3", "--one-way")["faults"]]
    assert 2 == len(run("partition", "n1", "n2")["faults"])  # n3 is cut off from both
    assert ["n3@simulated"] == run("fail", "n3")["failed_nodes"]
    assert [] == run("restart", "n3")["failed_nodes"]
    assert "n3@simulated" in superlearner("cluster", "simulation").stdout
    file = tmp_path / "state.json"
    assert str(file) == run("export", "--to", str(file))["saved"]
    assert [7, "simulated"] == [
        (state := json.loads(file.read_text()))["simulation"]["seed"],
        state["topology"]["mode"],
    ]
    drawn = superlearner("cluster", "trees", "--filter-application", "Supervisor").stdout.split("\n\n")
    assert ["n1@simulated", "n2@simulated", "n3@simulated"] == [one.partition("\n")[0] for one in drawn[:3]]
    assert ["counter_starter"] * 3 == [name for one in drawn[:3] for name in WORD.findall(one) if "starter" in name]
    assert drawn[3:] == ["superlearner@127.0.0.1\nno supervisor is running there\n"]
    assert "expected at most 12, got 13" in run("simulate", "13", code=1)
    for words in (("cut", "n1"), ("partition",)):
        run(*words, code=2)
    code, errors = program.end(signal.SIGTERM)
    assert (0, False) == (code, "Traceback" in errors)


def test_the_helps_of_both_simulations_name_each_other(superlearner: Callable[..., Any]) -> None:
    assert "cluster simulate" in superlearner("simulation", "--help").stdout
    assert "simulation" in superlearner("cluster", "simulate", "--help").stdout.partition("inside one node")[2]
