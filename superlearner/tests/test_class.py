"""A class over the network: thirty learners, one of whom attacks all others and the platform."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from benchmarks.classroom import Attempt, Client, attempts, play, seat

pytestmark = [pytest.mark.program, pytest.mark.timeout(300)]

AT_ONCE = 3  # as many recordings as run at once
REFUSED = {(403, "missing_scope"), (403, "critical_process_protection"), (404, "recording_not_found")}
FIRST, PAGE = 30, 1000
"""Refusals of a user in a minute that are all in the audit log; then those whose number is a power of two."""


def teacher_of(program: Any) -> Client:
    owner = Client(program.url, "owner", **program.owner)
    owner.data("POST", "/users", {"name": "tina", "role": "teacher"})
    made = owner.data("POST", "/tokens", {"name": "tina", "user": "tina", "scopes": ["read", "operate", "code", "own"]})
    return Client(program.url, "tina", authorization=f"Bearer {made['secret']}")


@contextmanager
def asking_for_health(url: str) -> Iterator[Counter[int]]:
    """Count the statuses of `/health/ready` meanwhile."""
    answers: Counter[int] = Counter()
    enough = threading.Event()

    def ask() -> None:
        visitor = Client(url, "health")
        while not enough.is_set():
            answers[visitor.ask("GET", "//health/ready").status] += 1

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield answers
    finally:
        enough.set()
        thread.join()


def read_inventory(teacher: Client) -> list[Any]:
    """Return what no attack may change: services, users, sandboxes with their processes, recordings."""
    services = [(one["id"], one["pid"]) for one in teacher.data("GET", "/supervisors/services")["children"]]
    sandboxes = teacher.data("GET", f"/sandboxes?per_page={PAGE}")
    pids = {one["id"]: (one["status"], one["os_pid"], one["owner"]) for one in sandboxes}
    trees = [[(child["id"], child["pid"]) for child in children_of(teacher, one)] for one in sandboxes]
    recordings = [(one["name"], one["size"]) for one in teacher.data("GET", f"/recordings?per_page={PAGE}")]
    users = [(one["name"], one["role"], one["state"]) for one in teacher.data("GET", f"/users?per_page={PAGE}")]
    return [services, pids, trees, sorted(recordings), sorted(users)]


def children_of(teacher: Client, sandbox: Any) -> Any:
    return teacher.data("GET", f"/supervisors/{sandbox['supervisor_pid']}?node={sandbox['node']}")["children"]


@pytest.mark.parametrize("size", [3, pytest.param(30, marks=pytest.mark.slow)])
def test_a_learner_who_tries_everything_gets_nothing_and_the_class_goes_on(
    start: Callable[..., Any], size: int
) -> None:
    program = start("--auth", "all", SUPERLEARNER_QUOTA_REQUESTS_PER_SECOND="10000")
    teacher = teacher_of(program)
    names = [f"pupil-{number}" for number in range(size)]
    with ThreadPoolExecutor(AT_ONCE) as at_once, asking_for_health(program.url) as health:
        learners = list(at_once.map(lambda name: seat(teacher, program.url, name), names))
        list(at_once.map(play, learners))
        *_, victim, attacker = learners
        before = read_inventory(teacher)
        home = teacher.data("GET", "/nodes")[0]["name"]
        refused: list[Attempt] = []
        wrong: list[str] = []
        for attempt in attempts(victim, home):
            answer = attacker.ask(attempt.method, attempt.path, attempt.body)
            if (answer.status, answer.code) in REFUSED:
                refused.append(attempt)
            else:
                wrong.append(f"{attempt}: {answer.status} {answer.code}")
        assert not wrong, "\n".join(wrong)
        assert len(refused) > 300
        assert read_inventory(teacher) == before
    assert set(health) == {200}
    owner = Client(program.url, "owner", **program.owner)
    lines = owner.data("GET", f"/audit?user={attacker.name}&per_page={PAGE}")
    counts = [line["parameters"].get("refused_in_this_minute", 1) for line in lines if line["outcome"] != "ok"]
    assert len(counts) >= FIRST
    assert 4 * max(counts) >= sum(one.operation.changes for one in refused)  # in two minutes, and a power of two
    assert program.end()[0] == 0
