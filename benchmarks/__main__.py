"""`make bench`: run all benchmarks and write docs/performance.md.

python -m benchmarks [--quick] [--only workloads,soak,web] [--anyway] [options of benchmarks.run]

If the machine is busy with other work before or during the run, no page is written; `--anyway` measures all the same
and prints the library's page without writing it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks import report, run
from benchmarks.load import Meter, begin
from benchmarks.peers import ROOT, main_python, pinned

PARTS = ("million", "fairness", "ring", "trace")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two minutes: smaller, fewer repeats, one Python")
    parser.add_argument("--only", default="workloads,soak,web", help="parts, with commas between")
    parser.add_argument("--anyway", action="store_true", help="measure on a loaded machine, and print the page only")
    options, further = parser.parse_known_args()
    parts = options.only.split(",")
    if not begin(anyway=options.anyway):
        return 1
    run.RESULTS.mkdir(exist_ok=True)
    if "workloads" in parts:
        run.main(["--repeats", "3", "--scale", "0.3", "--one-python", *further] if options.quick else further)
    if "soak" in parts:
        soak(["--seconds", "5", "--servers", "200000"] if options.quick else ["--seconds", "60"])
    failed = web(["--quick"] if options.quick else [], write=not options.anyway) if "web" in parts else 0
    shown = ["--anyway"] if options.anyway else []
    return failed if parts == ["web"] else report.main(shown) or failed


def web(arguments: list[str], *, write: bool = True) -> int:
    """Measure the pages; write `docs/web-performance.md` if nothing failed."""
    for part, given in (
        ("web", arguments),
        ("web_crowd", arguments),
        ("web_budget", arguments),
        *([("web_report", [])] if write else []),
    ):
        ran = subprocess.run([sys.executable, "-m", f"benchmarks.{part}", *given], cwd=ROOT)
        if ran.returncode:
            return ran.returncode
    return 0


def soak(arguments: list[str]) -> None:
    """Run each part in a process of its own on one core; report and skip failed parts."""
    result: dict[str, Any] = {}
    environment = os.environ | {"PYTHONPATH": str(ROOT / "otp" / "src")}
    program = str(Path(__file__).parent / "soak.py")
    meter = Meter()
    for part in PARTS:
        command = pinned((main_python(), program, part, *arguments), (os.cpu_count() or 1) - 1)
        ran = subprocess.run(command, env=environment, capture_output=True, text=True)
        if ran.returncode:
            print(f"soak, {part}: {ran.stderr.strip()[-300:]}", file=sys.stderr)
            continue
        result |= json.loads(ran.stdout)
        print(f"soak, {part}: done", file=sys.stderr)
    result["others"] = meter.read().as_json()
    (run.RESULTS / "soak.json").write_text(json.dumps(result, indent=0))


if __name__ == "__main__":
    sys.exit(main())
