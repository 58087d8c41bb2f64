"""The health of members: scores and words by the original's limits, with issues and advice."""

from __future__ import annotations

from typing import Any

import pytest

from superlearner.cluster.health import GIB, NodeStatus, health_of, overall_of

NAME = "b@127.0.0.1"


@pytest.mark.parametrize(
    ("measured", "score", "words"),
    [
        ({}, 100, ("normal", "normal")),
        ({"memory": GIB, "cpu": 50.0, "processes": 5_000}, 100, ("normal", "normal")),
        ({"memory": GIB + 1}, 90, ("elevated", "normal")),
        ({"memory": 4 * GIB + 1}, 70, ("critical", "normal")),
        ({"cpu": 50.1}, 95, ("normal", "elevated")),
        ({"cpu": 70.1}, 80, ("normal", "high")),
        ({"cpu": 90.1}, 60, ("normal", "critical")),
        ({"processes": 5_001}, 95, ("normal", "normal")),
        ({"processes": 10_001}, 85, ("normal", "normal")),
        ({"memory": 5 * GIB, "cpu": 100.0, "processes": 20_000}, 15, ("critical", "critical")),
    ],
)
def test_the_score_is_that_of_the_original(measured: dict[str, Any], score: int, words: tuple[str, str]) -> None:
    found = health_of(NAME, "up", **{"memory": 1, **measured})
    assert (score, words) == (found.health_score, (found.memory_status, found.cpu_status))
    assert 100 - score == sum(one.cost for one in found.evidence)


def test_each_exceeded_limit_is_an_issue_with_advice() -> None:
    found = health_of(NAME, "up", memory=5 * GIB, cpu=75.0, processes=6_000)
    expected = ["5.0 GiB of memory, more than 4", "75 % of a core, more than 70", "6,000 processes, more than 5,000"]
    assert [True] * 3 == [words in issue for words, issue in zip(expected, found.issues, strict=True)]
    assert [True] * 3 == [NAME in advice and "`superlearner " in advice for advice in found.advice]


@pytest.mark.parametrize(
    ("status", "score", "verb"), [("down", 0, "cluster forget"), ("unreachable", 10, "cluster ping")]
)
def test_a_member_that_is_not_up_has_the_score_of_the_original_and_advice(
    status: NodeStatus, score: int, verb: str
) -> None:
    found = health_of(NAME, status, why="it was silent for too long")
    assert (score, ["it was silent for too long"], []) == (found.health_score, found.issues, found.evidence)
    assert [True] == [f"`superlearner {verb} {NAME}`" in advice for advice in found.advice]


@pytest.mark.parametrize(
    ("up", "down", "word"),
    [
        (5, 0, "healthy"),
        (0, 0, "healthy"),
        (4, 1, "warning"),
        (3, 2, "degraded"),
        (1, 1, "degraded"),
        (1, 2, "critical"),
    ],
)
def test_the_whole_is_judged_by_the_share_of_members_that_are_up(up: int, down: int, word: str) -> None:
    statuses: list[NodeStatus] = [*["up"] * up, *["down"] * down]
    assert word == overall_of(statuses, "healthy")
    expected = "critical" if word == "critical" else "degraded"
    assert expected == overall_of(statuses, "partial_partition")
