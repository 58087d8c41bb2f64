"""The runtime does what Erlang/OTP did: a sample of the corpus in every mode, and the runner itself.

`make conformance` replays all of it.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
CATALOGUE = sorted(str(path) for path in (HERE / "corpus" / "catalogue").glob("*.json"))
RANDOM = str(HERE / "corpus" / "random" / "seeds_00000_00999.jsonl.gz")
MODES = ("inline", "queued", "seeded", "shared-scheduler")


def replay(*arguments: str) -> tuple[int, list[str]]:
    """Run the command line; gives the exit status and the lines printed."""
    done = subprocess.run(
        [sys.executable, str(HERE / "run.py"), *arguments], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize("mode", MODES)
def test_every_tenth_scenario_goes_as_on_erlang(mode: str) -> None:
    status, lines = replay("--mode", mode, "--every", "10", *CATALOGUE, RANDOM)
    passed, failed = (int(word) for word in lines[-1].replace(",", "").split() if word.isdigit())
    assert (status, failed, "\n".join(lines[:-2])) == (0, 0, "")
    assert passed > 150


def test_every_fifth_scenario_of_the_catalogue_goes_as_on_erlang_in_a_loop_of_asyncio() -> None:
    """Nothing is replaced there: the scheduler, the drain and the clock are those of production."""
    status, lines = replay("--mode", "plain", "--every", "5", *CATALOGUE)
    assert (status, lines[-1]) == (0, "110 passed, 0 failed"), "\n".join(lines)


def test_a_seed_chooses_another_order_and_nothing_else() -> None:
    status, lines = replay("--mode", "seeded", "--seed", "99", "--every", "20", RANDOM)
    assert (status, lines[-1]) == (0, "50 passed, 0 failed")


# The runner fails when it should


def links() -> list[dict[str, Any]]:
    return json.loads((HERE / "corpus" / "catalogue" / "links.json").read_text())


def write(folder: Path, records: list[dict[str, Any]]) -> str:
    path = folder / "records.json"
    path.write_text(json.dumps(records))
    return str(path)


def test_a_wrong_expectation_fails_and_shows_both_sides(tmp_path: Path) -> None:
    records = links()
    trace = next(step for step in records[0]["expected"] if "procs" in step)
    trace["procs"]["main"][0] = ["ret", "spawn", ":tampered"]
    status, lines = replay(write(tmp_path, records))
    text = "\n".join(lines)
    assert status == 1
    assert lines[-1] == f"{len(records) - 1} passed, 1 failed"
    assert records[0]["scenario"]["id"] in text
    assert 'expected ["ret","spawn",":tampered"]' in text
    assert "\n    got      " in text


def test_a_missing_exit_fails(tmp_path: Path) -> None:
    records = [record for record in links() if any("exits" in step for step in record["expected"])][:1]
    for step in records[0]["expected"]:
        step.pop("exits", None)
    status, lines = replay(write(tmp_path, records))
    assert (status, lines[-1]) == (1, "0 passed, 1 failed")
    assert any("expected nothing more" in line for line in lines)


def test_a_wrong_final_state_fails(tmp_path: Path) -> None:
    records = links()[:1]
    records[0]["final"]["alive"].append("nobody")
    status, lines = replay(write(tmp_path, records))
    assert (status, lines[-1]) == (1, "0 passed, 1 failed")
    assert "final state" in lines


def test_an_operation_nobody_knows_fails(tmp_path: Path) -> None:
    records = links()[:1]
    records[0]["scenario"]["steps"][0] = {"op": "teleport"}
    status, lines = replay(write(tmp_path, records))
    assert (status, lines[-1]) == (1, "0 passed, 1 failed")


def test_no_scenario_at_all_is_a_failure() -> None:
    status, lines = replay("--only", "no such topic", CATALOGUE[0])
    assert (status, lines[-1]) == (1, "0 passed, 0 failed")


def test_quirks_are_left_out_and_counted(tmp_path: Path) -> None:
    records = links()[:2]
    records[0]["scenario"]["otp_quirk"] = "name_race"
    status, lines = replay(write(tmp_path, records))
    assert (status, lines[-1]) == (0, "1 passed, 0 failed")
    assert "1 quirks of one OTP release left out" in lines[-2]


def test_only_and_limit_choose_scenarios() -> None:
    assert replay("--only", "links", "--limit", "3", *CATALOGUE)[1][-1] == "3 passed, 0 failed"
    name = links()[0]["scenario"]["id"]
    assert replay("--only", name, *CATALOGUE)[1][-1] == "1 passed, 0 failed"


def test_replayed_traces_are_written_in_the_shape_of_records(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    status, _lines = replay("--limit", "5", "--emit", str(out), RANDOM)
    with gzip.open(RANDOM, "rt") as recorded:
        records = [json.loads(line) for line in recorded][:5]
    emitted = [json.loads(line) for line in out.read_text().splitlines()]
    assert status == 0
    assert [row["scenario"] for row in emitted] == [record["scenario"] for record in records]
    assert [len(row["expected"]) for row in emitted] == [len(record["expected"]) for record in records]
    assert [row["final"] for row in emitted] == [record["final"] for record in records]
