"""The six checks of a running cluster: connectivity, formation, code, operations, latency, memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from superlearner.base.commands import command
from superlearner.cluster.checks import Check, failed, passed
from superlearner.cluster.control import ControlError, ask, records
from superlearner.cluster.member_report import REPORT_S

__all__ = ["LATENCY_MS", "MEMORY_MB", "checks_of", "collect_reports"]

LATENCY_MS: Final = 100.0
MEMORY_MB: Final = 500
MB: Final = 1_000_000
SOON_S: Final = 2.5
"""Seconds in which a member answers unless it is stopped or held."""
SHOWN: Final = 3

Reports = Mapping[str, Mapping[str, Any]]


def collect_reports(folder: Path) -> dict[str, Any] | None:
    """Return the reports of all members, from the first one on this machine that answers; None if none runs here."""
    here = records(folder)
    if not here:
        return None
    failures: dict[str, str] = {}
    for record in here:
        try:
            ask(record, {"ask": "status", "size": None, "timeout": 1.0}, SOON_S)
            return ask(record, {"ask": "reports"}, REPORT_S + SOON_S)
        except ControlError as error:
            failures[record.name] = str(error)
    return {"reports": {}, "failed": failures, "lost": []}


def checks_of(found: Mapping[str, Any], size: int) -> list[Check]:
    """Return the six checks.

    Args:
        found: the reports, as `collect_reports` returns them.
        size: how many members there should be.
    """
    reports: Reports = found["reports"]
    if not reports:
        rest = [_unmeasured(name) for name in ("formation", "code", "operations", "latency", "memory")]
        return [_connectivity(found), *rest]
    return [
        _connectivity(found), _formation(reports, size), _code(reports), _operations(reports), _latency(reports),
        _memory(reports),
    ]  # fmt: skip


def _unmeasured(name: str) -> Check:
    return failed(
        name, "no member reported", "no member reported, so it is unknown", _logs(), _restart(),
        f"check the machine: `{command('cluster test preflight')}`",
    )  # fmt: skip


def _connectivity(found: Mapping[str, Any]) -> Check:
    missing = {**dict.fromkeys(found["lost"], "it is lost"), **found["failed"]}
    count = len(found["reports"])
    evidence = f"{count} of {count + len(missing)} members report within {REPORT_S:g} s"
    if not missing:
        return passed("connectivity", evidence)
    words = "; ".join(f"{name}: {why}" for name, why in missing.items())
    return failed(
        "connectivity", evidence, words, _logs(next(iter(missing))), _restart(),
        f"see whether its process is stopped or busy: `{command('cluster test status')}`",
    )  # fmt: skip


def _formation(reports: Reports, size: int) -> Check:
    everybody = {name for report in reports.values() for name in report["members"]} | set(reports)
    apart = [
        f"{name} does not see {', '.join(sorted(unseen))}"
        for name, report in reports.items()
        if (unseen := everybody - set(report["members"]))
    ]
    evidence = f"{len(reports)} members report, {size} expected"
    if len(reports) < size:
        apart.append(f"expected {size} members, got {len(reports)}")
    if not apart:
        return passed("formation", f"{evidence}; each sees all others")
    return failed(
        "formation", evidence, "; ".join(apart),
        f"start the missing ones: `{command('cluster test start', size=size)}`", _restart(),
        f"wait for it, after a partition: `{command('cluster test status', wait=size)}`",
    )  # fmt: skip


def _code(reports: Reports) -> Check:
    codes = {name: report["code"] for name, report in reports.items()}
    counts = [len(code["packages"]) for code in codes.values()]
    evidence = f"hashes of {max(counts)} packages on {', '.join(codes)}"
    differences = [*_differences(codes), *_outdated(codes)]
    if not differences:
        return passed("code", f"{evidence}: all the same")
    more = f"; and {len(differences) - SHOWN} more" if len(differences) > SHOWN else ""
    return failed(
        "code", evidence, "; ".join(differences[:SHOWN]) + more, _restart(),
        "install the same versions everywhere: pip install -r with a list of hashes",
        "run all members with the same Python: that of one virtual environment or image",
    )  # fmt: skip


def _differences(codes: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield who differs from most, and in what."""
    values = {name: {"Python": code["python"], **code["packages"]} for name, code in codes.items()}
    for what in sorted({key for one in values.values() for key in one}):
        has = {name: one.get(what, "none") for name, one in values.items()}
        usual = Counter(has.values()).most_common(1)[0][0]
        if differing := {name: value for name, value in has.items() if value != usual}:
            others = ", ".join(f"{name} has {value}" for name, value in differing.items())
            yield f"{what}: {others}; the rest {usual}"


def _outdated(codes: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield who runs older code than there is on its disk."""
    for name, code in codes.items():
        if code["changed"]:
            yield f"{name} started before these modules changed: {', '.join(code['changed'])}"


def _operations(reports: Reports) -> Check:
    asked = [tuple(report["operation"]) for report in reports.values() if report["operation"] is not None]
    problems = {name: why for name, why in asked if why is not None}
    if not asked:
        return passed("operations", "there is no other member to ask")
    evidence = f"{len(asked) - len(problems)} of {len(asked)} members answered a request of another one"
    if not problems:
        slowest = max(report["operation_ms"] for report in reports.values())
        return passed("operations", f"{evidence}, in {slowest:.0f} ms at most")
    return failed(
        "operations", evidence, "; ".join(f"{name}: {why}" for name, why in problems.items()),
        _logs(next(iter(problems))), _restart(), f"check the machine: `{command('cluster test preflight')}`",
    )  # fmt: skip


def _latency(reports: Reports) -> Check:
    trips = {
        (name, other): took for name, report in reports.items() for other, took in report["round_trips"].items()
    }  # fmt: skip
    silent = [f"{name} to {other}" for (name, other), took in trips.items() if took is None]
    measured = [(took, f"{name} to {other}") for (name, other), took in trips.items() if took is not None]
    if not trips:
        return passed("latency", "there is no other member to ask")
    slowest = max(measured, default=(0.0, "none answered"))
    evidence = f"{slowest[0]:.1f} ms at most ({slowest[1]}), below {LATENCY_MS:g} ms"
    if slowest[0] < LATENCY_MS and not silent:
        return passed("latency", evidence)
    slow = [f"{who}: {took:.0f} ms" for took, who in measured if took >= LATENCY_MS]
    problems = [*(f"{who}: no answer" for who in silent), *slow]
    return failed(
        "latency", evidence.replace("below", "expected below"), "; ".join(problems),
        "measure again when the machine is less busy", f"see which program is busy: top -p {_os_pids(reports)}",
        "start fewer members: --size 2",
    )  # fmt: skip


def _memory(reports: Reports) -> Check:
    used = {name: report["memory"] / MB for name, report in reports.items() if report["memory"] is not None}
    if not used:
        return passed("memory", "this system does not say")
    largest = max(used, key=lambda name: used[name])
    evidence = f"{used[largest]:.0f} MB at most ({largest}), below {MEMORY_MB} MB"
    large = [f"{name} uses {size:.0f} MB" for name, size in used.items() if size >= MEMORY_MB]
    if not large:
        return passed("memory", evidence)
    return failed(
        "memory", evidence.replace("below", "expected below"), "; ".join(large),
        _logs(largest), _restart(),
        "start the members without a tree, to compare: --empty",
    )  # fmt: skip


def _os_pids(reports: Reports) -> str:
    return ",".join(str(report["os_pid"]) for report in reports.values())


def _restart() -> str:
    return f"restart the members: `{command('cluster test restart')}`"


def _logs(name: str | None = None) -> str:
    arguments: Sequence[str] = [] if name is None else [name]
    return f"read what it printed: `{command('cluster test logs', *arguments)}`"
