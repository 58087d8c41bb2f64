"""Measure the workloads, each in a process of its own, programs interleaved.

python -m benchmarks.run [--repeats 5] [--scale 1] [--cpu N] [--only otp,Erlang] [--workloads call,cast] [--no-shared]

Writes `benchmarks/results/workloads.json`: all results, and a profile of the workload farthest from its promise.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.load import Meter
from benchmarks.machine import machine
from benchmarks.peers import ERLANG, ROOT, WORKLOADS, Column, columns, environments_folder, main_python, pinned
from benchmarks.promises import PROMISES

RESULTS = Path(__file__).parent / "results"
LONGEST = 120  # limit in seconds for one workload of one program


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    RESULTS.mkdir(exist_ok=True)
    at = machine(main_python())
    wanted = [name.lower() for name in options.only.split(",") if name]
    chosen = [
        column
        for column in columns(
            RESULTS,
            every_python=not options.one_python,
            shared=Path("none") if options.no_shared else options.shared,
            environments=environments_folder(),
        )
        if not wanted or any(column.name.lower().startswith(name) for name in wanted)
    ]
    workloads = options.workloads.split(",") if options.workloads else list(WORKLOADS)
    rows: list[dict[str, Any]] = []
    begun = time.monotonic()
    meter = Meter()
    for repeat in range(options.repeats):
        for workload in workloads:
            for column in chosen:
                if workload in column.workloads:
                    for line in measured(column, workload, options.scale, options.cpu):
                        rows.append(line | {"peer": column.name, "repeat": repeat})
        took = time.monotonic() - begun
        print(f"repeat {repeat + 1} of {options.repeats}: {took:.0f} s", file=sys.stderr, flush=True)
        at["others"] = meter.read().as_json()
        save(rows, options, at)
    save(rows, options, at, profile_of_slowest(rows))
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="size of the workloads")
    parser.add_argument("--cpu", type=int, default=(os.cpu_count() or 1) - 1, help="the core everything runs on")
    parser.add_argument("--only", default="", help="columns whose names begin so, with commas between")
    parser.add_argument("--workloads", default="", help="workloads, with commas between")
    parser.add_argument("--one-python", action="store_true", help="leave the other Pythons out")
    parser.add_argument("--no-shared", action="store_true", help="leave the other libraries out")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared" / "bench", help="the other libraries")
    return parser.parse_args(arguments)


def measured(column: Column, workload: str, scale: float, cpu: int) -> list[dict[str, Any]]:
    """Return the results of one workload of one program; print an error if it fails."""
    environment = os.environ | column.environment | {"OTP_BENCH_ONLY": workload, "OTP_BENCH_SCALE": str(scale)}
    try:
        ran = subprocess.run(
            pinned(column.command, cpu), env=environment, capture_output=True, text=True, timeout=LONGEST
        )
    except subprocess.TimeoutExpired:
        print(f"{column.name}, {workload}: not done in {LONGEST} s", file=sys.stderr)
        return []
    lines = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
    if not lines or ran.returncode:
        print(f"{column.name}, {workload}: exit {ran.returncode}, {ran.stderr.strip()[-300:]}", file=sys.stderr)
    if workload == "idle" and not any(line["workload"] == "server_start" for line in lines):
        lines += [line | {"workload": "server_start"} for line in lines if line["workload"] == "idle_server"]
    return lines


def save(rows: list[dict[str, Any]], options: argparse.Namespace, at: Any, profile: Any = None) -> None:
    result = {
        "machine": at,
        "repeats": options.repeats,
        "scale": options.scale,
        "rows": rows,
        "profile": profile,
    }
    (RESULTS / "workloads.json").write_text(json.dumps(result, indent=0))


def profile_of_slowest(rows: list[dict[str, Any]]) -> Any:
    """Return the profile of the workload farthest from its promise."""
    ours = next((row["peer"] for row in rows if row["peer"].startswith("otp")), None)
    distances: list[tuple[float, str]] = []
    for promise in PROMISES:
        medians = [
            statistics.median(found)
            for peer in (ours, ERLANG)
            if (found := [r["ns_per_op"] for r in rows if r["peer"] == peer and r["workload"] == promise.workload])
        ]
        if len(medians) == 2 and not promise.memory:
            distances.append((medians[0] / medians[1] / promise.at_most, promise.workload))
    if not distances:
        return None
    workload = max(distances)[1]
    program = {"server_start": "idle", "selective_memo": "selective"}.get(workload, workload)
    command = (main_python(), str(Path(__file__).parent / "own_time.py"), program)
    environment = os.environ | {"PYTHONPATH": str(ROOT / "otp" / "src"), "OTP_BENCH_SCALE": "0.3"}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True)
    return {"workload": workload, "rows": json.loads(ran.stdout)} if ran.returncode == 0 else None


if __name__ == "__main__":
    sys.exit(main())
