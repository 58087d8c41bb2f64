"""Scenario files: what they do, what they expect, and how a mistake in one is told."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from otp.cluster.scenarios import ScenarioError, Verdict, play, play_real, read_scenario
from otp.cluster.scenarios.scenario import Program
from otp.testing import Scheduler

PROGRAM = """\
from otp import GenServer, Ok, Reply, impl
from otp.cluster import DistributedRegistry, DistributedSupervisor


class Worker(GenServer):
    @impl
    def init(self, arg):
        return Ok(arg)

    @impl
    def handle_call(self, request, caller, state):
        return Reply(state, state + request)

    @impl
    def handoff(self, state):
        return state

    @impl
    def take_over(self, arg, term):
        return Ok(term)


def children(name):
    return [DistributedRegistry.child_spec(name="rooms"), DistributedSupervisor.child_spec(name="workers")]
"""
START = {
    "do": "start_child", "on": "n1", "supervisor": "workers", "start": "moving_program.py:Worker", "arg": 0,
    "id": "w1", "prefer": "n3",
}  # fmt: skip


def write(folder: Path, steps: list[Any], **more: Any) -> Path:
    (folder / "moving_program.py").write_text(PROGRAM)
    file = folder / "it.json"
    given = {"scenario": 1, "name": "it", "program": "moving_program.py:children", "steps": steps} | more
    file.write_text(json.dumps(given))
    return file


Run = Callable[..., Verdict]


@pytest.fixture(params=["simulator", pytest.param("real members", marks=pytest.mark.program)])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    """Return a function that plays steps on a stage."""

    def play_steps(*steps: Any) -> Verdict:
        scenario = read_scenario(write(tmp_path, list(steps)))
        if request.param == "simulator":
            return Scheduler(seed=1).run(lambda: play(scenario))
        return asyncio.run(play_real(scenario))

    return play_steps


def test_a_child_of_a_killed_member_moves(run: Run) -> None:
    verdict = run(
        START,
        {"expect": {"child": "w1", "of": "workers", "runs": 1, "at": "n3"}, "on": "n1"},
        {"do": "kill", "member": "n3"},
        {"expect": {"lost": ["n3"]}, "on": "n1", "within": 3},
        {"expect": {"child": "w1", "of": "workers", "runs": 1}, "on": "n1", "within": 4},
        {"do": "converge"},
        {"expect": {"members": ["n1", "n2"]}, "on": "n2", "for": 2},
    )
    assert verdict.passed, verdict


def test_a_stopped_member_hands_its_state_over_and_calls_are_compared(run: Run) -> None:
    call = {"do": "call", "on": "n1", "supervisor": "workers", "child": "w1", "request": 5, "save": "count"}
    verdict = run(START, call, {"do": "stop", "member": "n3"}, call, {"expect": {"reply": "count", "equals": 5}})
    assert verdict.passed, verdict


def test_a_partition_has_two_owners_and_the_older_one_survives(run: Run) -> None:
    room = {"registry": "rooms", "key": ["room", 1]}
    verdict = run(
        {"do": "register", "on": "n1", "as": "ann", **room},
        {"do": "register", "on": "n3", "as": "bob", **room, "raises": "AlreadyRegistered"},
        {"do": "partition", "sides": [["n1", "n2"], ["n3"]]},
        {"do": "converge"},
        {"do": "register", "on": "n3", "as": "bob", **room},
        {"expect": {"owner": "n3", **room}, "on": "n3"},
        {"expect": {"owner": "n1", **room}, "on": "n2"},
        {"do": "heal"},
        {"do": "converge", "within": 10},
        {"expect": {"owner": "n1", **room}, "on": "n3"},
        {"expect": {"ended": "bob", "reason": "name_conflict"}},
    )
    assert verdict.passed, verdict


def test_names_groups_and_ends(run: Run) -> None:
    verdict = run(
        {"do": "register", "on": "n1", "as": "ann", "name": "boss"},
        {"do": "join", "on": "n1", "as": "ann", "group": "staff"},
        {"do": "sleep", "seconds": 0.5},
        {"expect": {"owner": "n1", "name": "boss"}, "on": "n2"},
        {"expect": {"group": "staff", "size": 1}, "on": "n3"},
        {"do": "end", "as": "ann"},
        {"do": "sleep", "seconds": 0.5},
        {"expect": {"ended": "ann", "reason": "normal"}},
        {"expect": {"owner": None, "name": "boss"}, "on": "n2"},
        {"do": "join", "on": "n1", "as": "ann", "group": "staff", "raises": "Ended"},
    )
    assert verdict.passed, verdict


def test_a_stalled_member_is_lost_and_comes_back(run: Run) -> None:
    verdict = run(
        {"do": "stall", "member": "n3"},
        {"expect": {"lost": ["n3"]}, "on": "n1", "within": 4},
        {"do": "resume", "member": "n3"},
        {"do": "converge", "within": 10},
        {"expect": {"members": ["n1", "n2", "n3"]}, "on": "n3"},
    )
    assert verdict.passed, verdict


def test_a_member_that_starts_during_a_cut_is_cut_off_too(run: Run) -> None:
    verdict = run(
        {"do": "kill", "member": "n3"},
        {"do": "cut", "from": "n1", "to": "n3", "one_way": True},
        {"do": "start", "member": "n3"},
        {"expect": {"members": ["n2", "n3"]}, "on": "n3", "within": 4},
        {"expect": {"members": ["n2", "n3"]}, "on": "n3", "for": 2},
        {"do": "heal"},
        {"do": "converge", "within": 10},
        {"expect": {"members": ["n1", "n2", "n3"]}, "on": "n3"},
    )
    assert verdict.passed, verdict


def test_answers_are_late_on_a_slow_line_and_not_lost_by_losses_elsewhere(run: Run) -> None:
    call = {"do": "call", "on": "n1", "supervisor": "workers", "child": "w1", "request": 1, "save": "count"}
    verdict = run(
        START,
        {"do": "drop", "from": "n2", "to": "n3", "share": 0.3},
        {"do": "delay", "from": "n1", "to": "n3", "seconds": 0.05},
        {"do": "skew", "member": "n2", "seconds": -3600},
        *[call] * 10,
        {"expect": {"reply": "count", "equals": 9}},
        {"do": "heal"},
        {"do": "converge", "within": 10},
    )
    assert verdict.passed, verdict


def test_a_run_goes_on_after_a_step_that_failed_and_tells_what_it_found(run: Run) -> None:
    verdict = run(
        {"expect": {"members": ["n1"]}, "on": "n1"},
        {"do": "kill", "member": "n9"},
        {"do": "heal", "raises": "BadArgument"},
        {"expect": {"members": ["n1", "n2", "n3"]}, "on": "n1"},
        {"expect": {"owner": "n1", "name": "boss"}, "on": "n1", "within": 1},
        {"expect": {"ended": "ann"}},
    )
    assert not verdict.passed
    found = {one.step: one.got for one in verdict.failed}
    assert {"members": ["n1", "n2", "n3"]} == found.pop(1)
    assert "no member 'n9' runs here" in found.pop(2)
    assert "no error" == found.pop(3)
    assert {5: {"owner": None}, 6: {"ended": "ann has not begun"}} == found


@pytest.mark.parametrize(
    ("step", "text"),
    [
        ({"do": "kil", "member": "n1"}, "step 2: unknown verb 'kil'; did you mean 'kill'?"),
        ({"do": "kill", "membre": "n1"}, "step 2: unknown key 'membre'; did you mean 'member'?"),
        ({"do": "kill"}, "step 2: 'member' is missing"),
        ({"do": "sleep", "seconds": "long"}, "step 2: expected seconds as a number, got 'long'"),
        ({"do": "kill", "expect": {}}, "step 2: expected an object with 'do' or 'expect'"),
        ({"expect": {"member": []}}, "step 2: expected one of members, lost, owner"),
        ({"expect": {"group": "g", "sise": 1}}, "step 2: unknown key 'sise'; did you mean 'size'?"),
        (7, "step 2: expected an object with 'do' or 'expect', got 7"),
    ],
)
def test_a_wrong_step_is_named(tmp_path: Path, step: Any, text: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        read_scenario(write(tmp_path, [{"do": "heal"}, step]))
    assert f"it.json, {text}" in str(caught.value)


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"members": 0}, "expected members from 1 to 12, or a list of names, got 0"),
        ({"scenario": 2}, "expected scenario 1, got 2"),
        ({"settings": {"dead": 0.1}}, "settings: Settings: expected at least two heartbeats"),
        ({"settings": {"deed": 1}}, "unknown key 'deed'; did you mean 'dead'?"),
        ({"program": "none.py:children"}, "there is no program"),
        ({"leases": 3}, "expected leases as true or false, got 3"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, more: dict[str, Any], text: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        read_scenario(write(tmp_path, [], **more))
    assert text in str(caught.value)
    (tmp_path / "no.json").write_text("{")
    with pytest.raises(ScenarioError, match=r"no\.json: expected JSON"):
        read_scenario(tmp_path / "no.json")


@pytest.mark.parametrize("name", ["json", "turtle", "otp", "pytest", "__main__"])
def test_a_program_with_the_name_of_a_module_is_refused(tmp_path: Path, name: str) -> None:
    """Regression: it replaced the module, for all that imported it later."""
    before = sys.modules.get(name)
    (tmp_path / f"{name}.py").write_text("def children(member):\n    return []\n")
    scenario = read_scenario(write(tmp_path, [], program=f"{name}.py:children"))
    with pytest.raises(ScenarioError, match=rf"a name of its own, got {name}\.py; try my_{name}\.py"):
        Program(scenario)
    assert sys.modules.get(name) is before


def test_a_member_cut_off_from_its_store_ends_the_owners_of_its_leases(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        [
            {"do": "register", "on": "n1", "registry": "rooms", "key": "lobby", "as": "a"},
            {"do": "cut", "from": "n1", "to": "leases"},
            {"expect": {"ended": "a", "reason": "lease_lost"}, "within": 12},
            {"do": "register", "on": "n2", "registry": "rooms", "key": "hall", "as": "b"},
            {"do": "stall", "member": "leases"},
            {"do": "register", "on": "n3", "registry": "rooms", "key": "attic", "as": "c",
             "raises": "lease_unavailable"},
        ],
        leases=True,
    )  # fmt: skip
    program = tmp_path / "moving_program.py"
    program.write_text(PROGRAM.replace('name="rooms"', 'name="rooms", consistency="lease"'))
    verdict = Scheduler(seed=1).run(lambda: play(read_scenario(file)))
    assert verdict.passed, verdict
