"""The commands that test a cluster: `cluster test scenario FILE…` plays scenario files."""

from __future__ import annotations

import json
import logging
import signal
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import typer

from superlearner.cli.ends import USAGE, fail

if TYPE_CHECKING:
    from otp.cluster.scenarios import Scenario, Verdict

__all__ = ["scenario"]

FAILED = 1
_TERMINATED = "terminated"


def scenario(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Scenario file (JSON).")],
    stage: Annotated[
        Literal["simulator", "real", "both"],
        typer.Option("--on", help="Simulated members in virtual time, or programs on this machine."),
    ] = "simulator",
    seeds: Annotated[
        int, typer.Option(min=1, max=10_000, help="Number of simulated runs of each file, with seeds from 1.")
    ] = 1,
    leases: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Store of leases of real members: postgresql://…, etcd:http://… or file:PATH [default: OTP_LEASES].",
            show_default=False,
        ),
    ] = None,
    history: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Where to write the events of all runs, a JSON line each.", show_default=False
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write the verdicts as JSON.")] = False,
) -> None:
    """Play scenario files on a simulated cluster or on real members.

    A file names members, a program with their children, and steps: faults, operations and what is expected. The program
    beside the file runs in this command, and in each real member. Exits with 1 if a run fails, 2 for a file that cannot
    be run.
    """
    from otp.cluster.scenarios import ScenarioError, read_scenario
    from superlearner.cluster.lease_store import lease_arguments_of
    from superlearner.cluster.ways import BadWay

    try:
        store = None if stage == "simulator" else lease_arguments_of(leases)
        scenarios = [read_scenario(file) for file in files]
        with _silence():
            runs = [run for one in scenarios for run in _play(one, stage, seeds, store)]
    except (ScenarioError, BadWay, ImportError) as error:
        fail(str(error), USAGE)
    if history is not None:
        try:
            history.write_text("".join(map(_lines, runs)), encoding="utf-8")
        except OSError as error:
            fail(f"{history} cannot be written: {error.strerror}", USAGE)
    if as_json:
        typer.echo(json.dumps(list(map(_document, runs)), default=repr))
    else:
        for run in runs:
            typer.echo("\n".join(_words(run)))
    raise typer.Exit(0 if all(run.verdict.passed for run in runs) else FAILED)


class _Played(NamedTuple):
    """A run of a scenario; real members have no seed."""

    scenario: Scenario
    seed: int | None
    verdict: Verdict


@contextmanager
def _silence() -> Generator[None]:
    """Drop the log of processes: a scenario kills on purpose."""
    log = logging.getLogger("otp")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)


def _play(scenario: Scenario, on: str, seeds: int, store: dict[str, Any] | None) -> Generator[_Played]:
    import asyncio

    from otp.cluster.scenarios import play, play_real
    from otp.testing import Scheduler

    if on != "real":
        for seed in range(1, seeds + 1):
            yield _Played(scenario, seed, Scheduler(seed=seed).run(lambda: play(scenario)))
    if on != "simulator":
        yield _Played(scenario, None, asyncio.run(_until_terminated(play_real(scenario, store))))


async def _until_terminated(playing: Coroutine[Any, Any, Verdict]) -> Verdict:
    """Cancel a run at SIGTERM, which ends its members; then exit."""
    import asyncio

    task = asyncio.ensure_future(playing)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel, _TERMINATED)
    try:
        return await task
    except asyncio.CancelledError as error:
        if _TERMINATED in error.args:
            raise typer.Exit(128 + signal.SIGTERM) from None
        raise


def _document(run: _Played) -> dict[str, Any]:
    return {
        "scenario": run.scenario.name,
        "on": "simulator" if run.seed else "real",
        "seed": run.seed,
        "verdict": "pass" if run.verdict.passed else "fail",
        "failed": [{"step": one.step, "expected": one.expected, "got": one.got} for one in run.verdict.failed],
        "violations": [one._asdict() for one in run.verdict.violations],
    }


def _words(run: _Played) -> list[str]:
    """Return the lines about a run."""
    scenario, verdict = run.scenario, run.verdict
    where = f"seed {run.seed}" if run.seed else "real members"
    lines = [f"{'pass' if verdict.passed else 'FAIL'}  {scenario.name}, {where}"]
    for one in verdict.failed:
        step = json.dumps(scenario.steps[one.step - 1], ensure_ascii=False)
        lines += [f"  step {one.step}: {step}", f"    expected {one.expected}", f"    got      {one.got}"]
    return lines + [f"  {one.rule} at {one.at:.2f} s, {one.key}: {one.text}" for one in verdict.violations]


def _lines(run: _Played) -> str:
    events = ({"scenario": run.scenario.name, "seed": run.seed, **event._asdict()} for event in run.verdict.history)
    return "".join(json.dumps(one, default=repr) + "\n" for one in events)
