"""The commands that test a cluster: `cluster test scenario FILE…` plays scenario files."""

from __future__ import annotations

import json
import logging
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from superlearner.cli.ends import USAGE, fail

if TYPE_CHECKING:
    from otp.cluster.scenarios import Scenario, Verdict

__all__ = ["testing"]

FAILED = 1

testing = typer.Typer(help="Test what runs on a cluster.", no_args_is_help=True)


@testing.callback()
def _commands() -> None:
    """Keep the name of the command, although it is the only one."""


@testing.command()
def scenario(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Scenario file (JSON).")],
    seeds: Annotated[int, typer.Option(min=1, max=10_000, help="Number of runs of each file, with seeds from 1.")] = 1,
    history: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Where to write the events of all runs, a JSON line each.", show_default=False
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write the verdicts as JSON.")] = False,
) -> None:
    """Play scenario files on a simulated cluster, in virtual time.

    A file names members, a program with their children, and steps: faults, operations and what is expected. The program
    beside the file runs in this command. Exits with 1 if a run fails, 2 for a file that cannot be run.
    """
    from otp.cluster.scenarios import ScenarioError, read_scenario

    try:
        scenarios = [read_scenario(file) for file in files]
        with _silence():
            runs = [(one, seed, _play(one, seed)) for one in scenarios for seed in range(1, seeds + 1)]
    except ScenarioError as error:
        fail(str(error), USAGE)
    if history is not None:
        try:
            history.write_text("".join(_lines(one, seed, verdict) for one, seed, verdict in runs), encoding="utf-8")
        except OSError as error:
            fail(f"{history} cannot be written: {error.strerror}", USAGE)
    if as_json:
        typer.echo(json.dumps([_document(*run) for run in runs], default=repr))
    else:
        for run in runs:
            typer.echo("\n".join(_words(*run)))
    raise typer.Exit(0 if all(verdict.passed for _, _, verdict in runs) else FAILED)


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


def _play(scenario: Scenario, seed: int) -> Verdict:
    from otp.cluster.scenarios import play
    from otp.testing import Scheduler

    return Scheduler(seed=seed).run(lambda: play(scenario))


def _document(scenario: Scenario, seed: int, verdict: Verdict) -> dict[str, Any]:
    return {
        "scenario": scenario.name,
        "on": "simulator",
        "seed": seed,
        "verdict": "pass" if verdict.passed else "fail",
        "failed": [{"step": one.step, "expected": one.expected, "got": one.got} for one in verdict.failed],
        "violations": [one._asdict() for one in verdict.violations],
    }


def _words(scenario: Scenario, seed: int, verdict: Verdict) -> list[str]:
    """Return the lines about a run."""
    lines = [f"{'pass' if verdict.passed else 'FAIL'}  {scenario.name}, seed {seed}"]
    for one in verdict.failed:
        step = json.dumps(scenario.steps[one.step - 1], ensure_ascii=False)
        lines += [f"  step {one.step}: {step}", f"    expected {one.expected}", f"    got      {one.got}"]
    return lines + [f"  {one.rule} at {one.at:.2f} s, {one.key}: {one.text}" for one in verdict.violations]


def _lines(scenario: Scenario, seed: int, verdict: Verdict) -> str:
    events = ({"scenario": scenario.name, "seed": seed, **event._asdict()} for event in verdict.history)
    return "".join(json.dumps(one, default=repr) + "\n" for one in events)
