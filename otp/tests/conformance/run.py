"""Replay recorded scenarios of Erlang/OTP on `otp`, and report the differences.

    python run.py FILE... [--mode MODE] [--seed N] [--only TEXT] [--limit N] [--threads N] [--emit OUT.jsonl]

`FILE` is a `*.json` (a list of records) or a `*.jsonl.gz` (a record a line).  Each divergence is printed as expected
and got; the last line is `N passed, N failed`.  The exit status is 0 only if nothing failed and something passed.
Scenarios marked `otp_quirk` show an accident of one OTP release: they are left out and counted as such.

`--emit` writes one JSON object per scenario: `{"scenario": ..., "expected": [trace of each step], "final": ...}`, the
shape of a record, so `corpus_tools.diff_record(record, emitted["expected"], emitted["final"])` compares the two.  A
scenario whose replay broke off has an `"error"` in it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import logging
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from replay import compare
from replay.interpreter import Record
from replay.modes import MODES, Outcome, replay_all


def main(arguments: list[str] | None = None) -> int:
    """Run the command line, and return the exit status."""
    options = parse(arguments)
    logging.getLogger("otp").setLevel(logging.CRITICAL + 1)  # the scenarios crash on purpose
    records, quirks = select(options)
    began = time.perf_counter()
    emitted = open(options.emit, "w", encoding="utf-8") if options.emit else None
    failed = 0
    try:
        for outcome in replay_all(records, options.mode, options.seed, options.threads):
            if emitted is not None:
                emitted.write(json.dumps(emission(outcome), ensure_ascii=False) + "\n")
            if not outcome.passed():
                failed += 1
                print(report(outcome))
    finally:
        if emitted is not None:
            emitted.close()
    print(
        f"{options.mode}, seed {options.seed}: {len(records)} scenarios in {time.perf_counter() - began:.1f} s, "
        f"{quirks} quirks of one OTP release left out"
    )
    print(f"{len(records) - failed} passed, {failed} failed")
    return 1 if failed or not records else 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Parse the options of the command line."""
    parser = argparse.ArgumentParser(prog="run.py", description="Replay recorded scenarios of Erlang/OTP on otp.")
    parser.add_argument("files", nargs="+", metavar="FILE", help="*.json or *.jsonl.gz with records")
    parser.add_argument("--mode", choices=MODES, default="inline", help="how they run (default: inline)")
    parser.add_argument("--seed", type=int, default=0, help="what chooses the order where a mode lets it (default: 0)")
    parser.add_argument("--only", metavar="TEXT", help="a topic, or a part of the scenario's id")
    parser.add_argument("--limit", type=int, metavar="N", help="at most N scenarios")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every N-th scenario")
    parser.add_argument("--threads", type=int, default=2, help="schedulers of mode shared-scheduler (default: 2)")
    parser.add_argument("--emit", metavar="OUT.jsonl", help="write the replayed traces")
    return parser.parse_args(arguments)


def load(path: str) -> Iterator[Record]:
    """Return the records of a file."""
    if path.endswith(".gz"):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)
    else:
        yield from json.loads(Path(path).read_text(encoding="utf-8"))


def select(options: argparse.Namespace) -> tuple[list[Record], int]:
    """Return the records to replay, and how many quirks are left out."""
    found = [record for path in options.files for record in load(path) if wanted(record["scenario"], options.only)]
    records = [record for record in found if not record["scenario"].get("otp_quirk")]
    return records[:: options.every][: options.limit], len(found) - len(records)


def wanted(scenario: dict[str, object], only: str | None) -> bool:
    """Return whether `--only` selects this scenario, by its topic or a part of its id."""
    return only is None or scenario.get("topic") == only or only in str(scenario["id"])


def emission(outcome: Outcome) -> dict[str, object]:
    """Return what `--emit` writes for a scenario."""
    emitted: dict[str, object] = {
        "scenario": outcome.record["scenario"],
        "expected": outcome.steps,
        "final": outcome.final,
    }
    return emitted if outcome.error is None else {**emitted, "error": outcome.error}


def report(outcome: Outcome) -> str:
    """Return a readable report of the differences."""
    scenario = outcome.record["scenario"]
    lines = [f"--- {scenario['id']}: {scenario.get('doc', '')}"]
    if outcome.error is not None:
        lines.append(f"the replay broke off: {outcome.error}")
    return "\n".join(lines + compare.report(outcome.differences(), scenario["steps"]))


if __name__ == "__main__":
    sys.exit(main())
