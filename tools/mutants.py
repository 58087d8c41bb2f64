"""Mutation test of the suite: which small faults in the engine it notices.

    python -m tools.mutants [-n 400] [--seed 1] [--only drain] [--table] [--list]

Draws mutants by a seed from the modules that run processes and supervise them, and runs the tests that can notice them:
those of the module first, then recorded scenarios, then those of kernel and supervisors. The sources are mutated in a
copy in a temporary folder. The exit status is 1 when less than 85 % are killed;
tools/mutant_survivors.md explains survivors.
"""

from __future__ import annotations

import argparse
import functools
import os
import random
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.files import ROOT
from tools.mutant_operators import Mutant, candidates
from tools.mutant_runs import Judge, Stage, Verdict

ENOUGH = 0.85
SOURCES = Path("otp/src")
_KERNEL = "otp/src/otp/kernel"
_BEHAVIOURS = "otp/src/otp/behaviours"
_MODULES = (
    "steps/drain", "steps/callbacks", "steps/outcomes", "steps/calls", "steps/calling", "steps/signals",
    "ends/mailbox", "ends/death", "tables/child_tasks",
)  # fmt: skip
_FIRST = {
    "drain": (
        "kernel/test_drain.py",
        "kernel/test_cascades.py",
        "kernel/test_scheduler.py",
        "kernel/test_eager.py",
        "kernel/test_kill.py",
        "kernel/test_foreign_values.py",
    ),
    "callbacks": (
        "kernel/test_callbacks.py",
        "kernel/test_async_callbacks.py",
        "kernel/test_received_calls.py",
        "kernel/test_hibernate.py",
    ),
    "outcomes": ("kernel/test_outcomes.py", "kernel/test_callbacks.py", "kernel/test_async_callbacks.py"),
    "calls": (
        "kernel/test_calls.py",
        "kernel/test_calling.py",
        "kernel/test_call_limits.py",
        "kernel/test_outcomes.py",
        "kernel/test_eager.py",
        "kernel/test_foreign_values.py",
    ),
    "calling": ("kernel/test_calling.py", "kernel/test_calls.py", "kernel/test_call_limits.py"),
    "mailbox": (
        "kernel/test_mailbox.py",
        "kernel/test_patterns.py",
        "kernel/test_calls.py",
        "kernel/test_received_calls.py",
        "kernel/test_outcomes.py",
    ),
    "death": (
        "kernel/test_death.py",
        "kernel/test_kill.py",
        "kernel/test_signals.py",
        "kernel/test_signals_on_stack.py",
        "kernel/test_cascades.py",
        "kernel/test_death_with_tasks.py",
        "kernel/test_child_tasks.py",
    ),
    "signals": (
        "kernel/test_signals.py",
        "kernel/test_kill.py",
        "distribution/test_distribution.py",
        "asyncio_interop/test_exit_in_tasks.py",
    ),
    "child_tasks": (
        "kernel/test_child_tasks.py",
        "kernel/test_death_with_tasks.py",
        "asyncio_interop/test_killed_processes.py",
        "asyncio_interop/test_abandoned_cleanup.py",
        "kernel/test_kill.py",
        "freed/test_freed_processes.py",
    ),
    "supervisor": (
        "behaviours/test_supervisor_start.py",
        "behaviours/test_supervisor_start_functions.py",
        "behaviours/test_supervisor_stop.py",
        "behaviours/test_supervisor_restart.py",
    ),
    "operations": ("behaviours/test_supervisor_operations.py", "behaviours/test_supervisor_flags.py"),
    "state": ("behaviours/test_supervisor_state.py",),
    "dynamic": ("behaviours/test_dynamic_supervisor.py",),
    "child_stop": (
        "behaviours/test_dynamic_supervisor.py",
        "behaviours/test_supervisor_stop.py",
        "asyncio_interop/test_cleanup_of_child_tasks.py",
    ),
}
"""Tests that notice most faults of a module, by its name or a prefix of it."""

_PYTEST = (
    "pytest", "-x", "-q", "--tb=no", "--no-header", "-m", "not slow", "--hypothesis-seed=0",
    "--disable-plugin-autoload", "-p", "_hypothesis_pytestplugin", "-p", "otp.testing.pytest_plugin",
    "-p", "pytest_timeout", "-o", "timeout=0",  # a timer of the system is cheaper, see Judge
    "-p", "no:cacheprovider", "-p", "no:faulthandler", "-W", "ignore::pytest.PytestAssertRewriteWarning",
)  # fmt: skip
_KERNEL_LAST = (
    "kernel/test_*.py", "asyncio_interop/test_*.py", "freed/test_*.py",
    "suites/test_gen_server_suite.py", "suites/test_[lmpr]*.py", "programs/test_*.py",
    "behaviours/test_supervisor_restart.py", "behaviours/test_task_a*.py",
    "behaviours/test_task_yield.py", "logging/test_*.py", "observer/test_metrics.py",
)  # fmt: skip
_SUPERVISOR_LAST = (
    "behaviours/test_supervisor*.py", "behaviours/test_dynamic*.py", "suites/*supervisor*.py",
    "kernel/test_starting.py", "kernel/test_error_texts.py", "kernel/test_eager.py", "logging/test_*.py",
    "code/test_supervisors.py", "observer/test_node_view.py", "behaviours/test_restart_counts.py",
    "asyncio_interop/test_cleanup_*.py",
)  # fmt: skip
"""Tests that run last, on mutants that have survived the others."""


def engine() -> list[str]:
    """Return the modules that mutants are drawn from, as paths from the root."""
    others = ("partition_supervisor.py", "_stable_hash.py", "spec_check.py", "argument_copy.py", "__init__.py")
    found = [path for path in sorted((ROOT / _BEHAVIOURS / "supervisor").glob("*.py")) if path.name not in others]
    return [f"{_KERNEL}/{name}.py" for name in _MODULES] + [str(path.relative_to(ROOT)) for path in found]


def draw(paths: Sequence[str], number: int, seed: int, only: str = "") -> list[Mutant]:
    """Return this many mutants, in file order; `seed` selects them.

    `only` keeps mutants whose `path:line` contains it.
    """
    found = [mutant for path in paths for mutant in candidates((ROOT / path).read_text(encoding="utf-8"), path)]
    chosen = [mutant for mutant in found if only in f"{mutant.path}:{mutant.line}"]
    drawn = set(random.Random(seed).sample(chosen, min(number, len(chosen))))
    return [mutant for mutant in chosen if mutant in drawn]


@functools.cache  # new test files belong to the next run
def stages(path: str) -> tuple[Stage, ...]:
    """Return the stages for a mutant of this file."""
    name = Path(path).stem
    by = next((key for key in (name, name.split("_")[0]) if key in _FIRST), "supervisor")
    return (
        Stage(((*_PYTEST, *(f"otp/tests/{test}" for test in _FIRST[by])),)),
        Stage(tuple(_replay(mode) for mode in ("inline", "queued", "seeded"))),
        Stage(((*_PYTEST, *_tests(_KERNEL_LAST if path.startswith(_KERNEL) else _SUPERVISOR_LAST)),)),
    )


def _tests(patterns: tuple[str, ...]) -> Iterator[str]:
    for pattern in patterns:
        yield from (str(path.relative_to(ROOT)) for path in sorted((ROOT / "otp/tests").glob(pattern)))


def _replay(mode: str) -> tuple[str, ...]:
    corpus = "otp/tests/conformance/corpus"
    files = [str(path.relative_to(ROOT)) for path in sorted((ROOT / corpus / "catalogue").glob("*.json"))]
    return (
        "otp/tests/conformance/run.py",
        "--mode",
        mode,
        "--every",
        "5",
        *files,
        f"{corpus}/random/seeds_00000_00999.jsonl.gz",
    )


def report_of(verdict: Verdict) -> str:
    """Return the lines about one mutant."""
    mutant = verdict.mutant
    head = f"{'killed  ' if verdict.killed else 'SURVIVED'} {mutant.path}:{mutant.line}: {mutant.operator}"
    by = f" ({verdict.by})" if verdict.by else ""
    changed = mutant.diff((ROOT / mutant.path).read_text(encoding="utf-8"))
    return "\n".join([head + by, *(f"    {line}" for line in changed)])


def row(mutant: Mutant) -> str:
    """Return a survivor as a row for tools/mutant_survivors.md, with an empty last cell."""
    lines = mutant.diff((ROOT / mutant.path).read_text(encoding="utf-8"))
    old = " ".join(line[2:] for line in lines if line.startswith("- "))
    new = " ".join(line[2:] for line in lines if line.startswith("+ "))
    place = f"{mutant.path.removeprefix('otp/src/otp/')}:{mutant.line}"
    return f"| {place} | `{old}` → `{new}` | |"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    options = parse(arguments)
    mutants = draw(engine(), options.number, options.seed, options.only)
    if not mutants:
        print(f"expected a part of path:line, got {options.only!r}: there are no such mutants", file=sys.stderr)
        return 2
    if options.list:
        print("\n".join(report_of(Verdict(mutant, killed=False)).removeprefix("SURVIVED ") for mutant in mutants))
        return 0
    signal.signal(signal.SIGTERM, _end)
    begun = time.monotonic()
    verdicts: list[Verdict] = []
    with Judge(ROOT, SOURCES, options.jobs) as judge:
        failed = judge.check(stage for mutant in mutants for stage in stages(mutant.path))
        if failed is not None:
            print(f"{failed}\nexpected the tests to pass without a mutant; mend them first", file=sys.stderr)
            return 2
        print(f"the tests pass without a mutant ({time.monotonic() - begun:.0f} s)", flush=True)
        for verdict in judge.judge((mutant, stages(mutant.path)) for mutant in mutants):
            verdicts.append(verdict)
            print(report_of(verdict), flush=True)
    survived = sorted(verdict.mutant for verdict in verdicts if not verdict.killed)
    if options.table:
        print("\n".join(row(mutant) for mutant in survived))
    killed = len(verdicts) - len(survived)
    share = killed / len(verdicts)
    print(
        f"{len(verdicts)} mutants, seed {options.seed}: {killed} killed ({share:.1%}), {len(survived)} survived, "
        f"{(time.monotonic() - begun) / 60:.0f} min"
    )
    return 0 if share >= ENOUGH else 1


def _end(_number: int, _frame: object) -> None:
    """Exit through the judge, which ends its children and removes its folder."""
    sys.exit(1)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description="Judge the tests by mutants.")
    parser.add_argument("-n", "--number", type=int, default=400, help="how many mutants (default: 400)")
    parser.add_argument("--seed", type=int, default=1, help="what draws them (default: 1)")
    parser.add_argument("--only", default="", metavar="TEXT", help="a part of path:line, such as drain.py:118")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="mutants judged at a time")
    parser.add_argument("--table", action="store_true", help="print rows for tools/mutant_survivors.md as well")
    parser.add_argument("--list", action="store_true", help="print the mutants, and run nothing")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
