"""Make random scenarios, run them on Erlang/OTP and on `otp`, and show where the two differ.

    python fuzz.py [-n N] [--seed FIRST] [--modes MODE,...] [--keep OUT.jsonl.gz]

Every scenario has a seed of its own, so its number is enough to reproduce a finding. A scenario that fails is reduced
to the steps it needs before it is shown. The exit status is 0 if all agree, 1 if not, and 2 without Erlang/OTP.
"""

from __future__ import annotations

import argparse
import gzip
import json
import logging
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import run
from fuzzing import recording
from fuzzing.scenarios import Scenario, scenario
from replay.modes import MODES, Outcome, replay_all


def main(arguments: list[str] | None = None) -> int:
    """Run the command line, and return the exit status."""
    options = parse(arguments)
    if recording.erlang() is None:
        print("fuzz compares with Erlang/OTP: no erl and erlc were found, install it (Debian: apt install erlang-base)")
        return 2
    logging.getLogger("otp").setLevel(logging.CRITICAL + 1)  # the scenarios crash on purpose
    scenarios = [scenario(seed) for seed in range(options.seed, options.seed + options.n)]
    with tempfile.TemporaryDirectory() as folder:
        records, left_out = recording.record(scenarios, Path(folder))
        if options.keep:
            with gzip.open(options.keep, "wt", encoding="utf-8") as kept:
                kept.writelines(json.dumps(record) + "\n" for record in records)
        failed = 0
        for mode in options.modes:
            for outcome in replay_all(records, mode, 0):
                if not outcome.passed():
                    failed += 1
                    print(run.report(smallest(outcome, mode, Path(folder)) if failed <= options.shrink else outcome))
    print(f"{len(left_out)} left out, because Erlang itself answers now this and now that")
    print(f"{len(records) * len(options.modes) - failed} passed, {failed} failed ({', '.join(options.modes)})")
    return 1 if failed or not records else 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Parse the options of the command line."""
    parser = argparse.ArgumentParser(prog="fuzz.py", description="Compare otp with Erlang/OTP on random scenarios.")
    parser.add_argument("-n", type=int, default=300, metavar="N", help="how many scenarios (default: 300)")
    parser.add_argument("--seed", type=int, default=0, metavar="FIRST", help="the first one's seed (default: 0)")
    parser.add_argument("--modes", type=modes, default=list(MODES), metavar="MODE,...", help="default: all")
    parser.add_argument("--keep", metavar="OUT.jsonl.gz", help="write what Erlang did, for run.py")
    parser.add_argument("--shrink", type=int, default=3, metavar="N", help="cut down the first N findings (default: 3)")
    return parser.parse_args(arguments)


def modes(text: str) -> list[str]:
    """Parse a list of modes from the command line."""
    found = text.split(",")
    for mode in found:
        if mode not in MODES:
            raise argparse.ArgumentTypeError(f"expected some of {', '.join(MODES)}, got {mode!r}")
    return found


def smallest(failing: Outcome, mode: str, folder: Path) -> Outcome:
    """Reduce a failure to the steps that it needs: each round runs all scenarios that have one step less."""
    while True:
        given: Scenario = failing.record["scenario"]
        steps = given["steps"]
        shorter = [{**given, "steps": steps[:i] + steps[i + 1 :]} for i in range(len(steps))]
        records, _left_out = recording.record(shorter, folder)
        found = next((outcome for outcome in replay_all(records, mode, 0) if not outcome.passed()), None)
        if found is None:
            return failing
        failing = found


if __name__ == "__main__":
    sys.exit(main())
