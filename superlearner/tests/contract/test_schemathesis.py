"""Every operation responds as its OpenAPI document describes, for any request."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from schemathesis_run import PHASES, Report, run

PLUG_IN = """\
from superlearner.operations.declaration import operation
from superlearner.operations.failures import Detail, OperationError

@operation("planted.crash", http=("GET", "/planted/crash/{number}"), scope="read")
async def crash(ctx, number: int) -> dict[str, int]:
    "Divide by what is 0 now and then."
    return {"quotient": 100 // (number - 1)}

@operation("planted.type", http=("GET", "/planted/type/{number}"), scope="read")
async def type_(ctx, number: int) -> dict[str, int]:
    "Answer a text where a number is promised."
    return {"number": str(number)}

@operation("planted.status", http=("GET", "/planted/status/{number}"), scope="read")
async def status(ctx, number: int) -> dict[str, int]:
    "Refuse with a code that is not declared."
    raise OperationError("request_timeout", "not now")

@operation("planted.limit", http=("POST", "/planted/limit"), scope="read", changes=True)
async def limit(ctx, number: int) -> dict[str, int]:
    "Refuse values that the schema allows."
    if number > 10:
        raise OperationError("validation_error", "number: too large", details=[Detail("number", "too large")])
    ctx.about_to("nothing")
    return {"number": number}
"""
PLANTED = {
    "planted_crash": "Server error",
    "planted_type": "Response violates schema",
    "planted_status": "Undocumented status code",
    "planted_limit": "Custom check failed: `no_field_is_refused`",
}


@pytest.fixture
def start(start: Callable[..., Any]) -> Callable[..., Any]:
    """Start a platform whose log lines fit into its pipe: a full one, which no test reads, would stop it."""

    def run(**extra: str) -> Any:
        program = start(**extra)
        fcntl.fcntl(program.process.stderr, fcntl.F_SETPIPE_SZ, 1 << 20)
        return program

    return run


def token_of(program: Any) -> str:
    return (program.data_dir / "token").read_text().strip()


SMALL = 10
"""Below so many examples, only the phases run that take a third of the time; some operations accept no request then."""


def phases_of(examples: int) -> tuple[str, ...]:
    return PHASES if examples >= SMALL else tuple(phase for phase in PHASES if phase != "coverage")


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_all_operations_respond_as_described(start: Callable[..., Any]) -> None:
    program = start()
    examples, seed = int(os.environ.get("EXAMPLES", "15")), int(os.environ.get("SEED", "1"))
    report = run(program.url, token_of(program), examples=examples, seed=seed, phases=phases_of(examples))
    assert [] == report.findings, report.explain()
    with program.client() as client:
        document = client.get("/api/v1/arsenal/docs").json()
        assert "ready" == client.get("/health/ready").json()["status"]
    described = {f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item}
    described -= {"GET /api/v1/arsenal/docs"}  # its description is needed to generate requests
    assert len(described) == report.figures["operations"]["tested"]
    if examples >= SMALL:
        assert described == set(report.accepted)
    refused = [name for name, times in report.accepted.items() if not times]
    assert len(refused) <= len(described) // 4, refused  # later requests do not find what earlier ones ended
    assert {"success"} == {report.figures["phases"][phase]["status"] for phase in phases_of(examples)}
    assert len(described) * examples < report.figures["test_cases"]["generated"]


ROLES = ("anonymous", "learner", "teacher", "owner")
SERVICES = ("analytics", "tracer", "live", "watchdog", "sandbox_manager", "counter_1")
ABOVE = ("superlearner", "services", "playground", "web")
"""Processes that keep all others; everyone but the owner aims at them, too."""


def pids_above(client: Any) -> list[str]:
    return [client.get(f"/api/v1/processes/{name}/info").json()["data"]["pid"] for name in ABOVE]


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_with_each_role_and_force_the_platform_lives_and_has_no_undeclared_failure(start: Callable[..., Any]) -> None:
    """All roles at once on one platform; half of the requests that have `force` order the end of a service."""
    program = start(SUPERLEARNER_QUOTA_REQUESTS_PER_SECOND="10000")
    examples, seed = int(os.environ.get("EXAMPLES", "15")), int(os.environ.get("SEED", "1"))
    tokens: dict[str, str | None] = {"anonymous": None, "owner": token_of(program)}
    with program.client() as client:

        def post(path: str, **body: Any) -> Any:
            answer = client.post(f"/api/v1{path}", json=body, headers=program.owner)
            assert answer.status_code == 200, answer.text
            return answer.json()["data"]

        for role in set(ROLES) - set(tokens):
            added = post("/users", name=f"a-{role}", role=role)
            tokens[role] = post("/tokens", name=f"a-{role}", user=f"a-{role}", scopes=added["scopes"])["secret"]
        before = pids_above(client)

    def requests_of(role: str) -> Report:
        forced_at = SERVICES if role == "owner" else SERVICES + ABOVE
        return run(
            program.url, tokens[role], examples=examples, seed=seed, forced_at=forced_at, phases=phases_of(examples)
        )

    with ThreadPoolExecutor(len(ROLES)) as at_once:
        reports = dict(zip(ROLES, at_once.map(requests_of, ROLES), strict=True))
    found = [f"{role}: {one}" for role, report in reports.items() for one in report.findings]
    assert [] == found, "\n".join(report.explain() for report in reports.values() if report.findings)
    with program.client() as client:
        assert "ready" == client.get("/health/ready").json()["status"]
        assert before == pids_above(client)
    assert 0 == program.end()[0]


@pytest.mark.slow
def test_a_planted_fault_is_found(start: Callable[..., Any], tmp_path: Path) -> None:
    info = tmp_path / "packages" / "planted-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: planted\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[superlearner.operations]\nplanted = planted_plug_in\n")
    (info.parent / "planted_plug_in.py").write_text(PLUG_IN)
    program = start(PYTHONPATH=str(info.parent))
    report = run(program.url, token_of(program), only=tuple(PLANTED))
    found = {(one["title"], place) for one in report.figures["failures"] for place in one["operations"]}
    assert set() == {
        (title, name)
        for name, title in PLANTED.items()
        if not any(title == seen and name.rpartition("_")[2] in place for seen, place in found)
    }, report.text
