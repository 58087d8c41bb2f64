"""`make bench` writes no page on a loaded machine, except with `--anyway`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from benchmarks import __main__ as bench
from benchmarks import columns, course, load, report, run
from benchmarks.course import Verdicts
from benchmarks.load import Load, Meter, parse

QUIET = Load(others=0.02, stolen=0.001, average=3.0)
BUSY = Load(others=0.83, stolen=0.001, average=1.2)
STOLEN = Load(others=0.02, stolen=0.06, average=0.1)
AT = {"processor": "A processor", "cores": 2, "python": "3.11", "load": 0.1}
TICKS = os.sysconf("SC_CLK_TCK")


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create the page of a run in a separate folder; its text is a single line."""
    written = tmp_path / "performance.md"
    monkeypatch.setattr(report, "PAGE", written)
    monkeypatch.setattr(report, "ROOT", tmp_path)
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    monkeypatch.setattr(run, "RESULTS", tmp_path)
    monkeypatch.setattr(columns, "PROCESSORS", tmp_path / "processors")
    monkeypatch.setattr(report, "page", lambda *_: iter(["# How fast it is"]))
    return written


def started(monkeypatch: pytest.MonkeyPatch, *, before: Load, during: Load, arguments: list[str]) -> tuple[int, bool]:
    """Return the exit status of `python -m benchmarks`, and whether it measured."""
    measured: list[Any] = []

    def measures(arguments: list[str]) -> int:
        measured.append(arguments)
        (run.RESULTS / "workloads.json").write_text(json.dumps({"machine": {"others": during.as_json()}}))
        return 0

    monkeypatch.setattr(load, "sample", lambda: before)
    monkeypatch.setattr(run, "main", measures)
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--only", "workloads", *arguments])
    return bench.main(), measured != []


def test_a_quiet_machine_gets_its_page(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (0, True) == started(monkeypatch, before=QUIET, during=QUIET, arguments=[])
    assert "# How fast it is\n" == page.read_text()


@pytest.mark.parametrize("before", [BUSY, STOLEN], ids=["busy", "stolen"])
def test_a_loaded_machine_measures_nothing_and_shows_what_to_do(
    before: Load, page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (1, False) == started(monkeypatch, before=before, during=QUIET, arguments=[])
    assert not page.exists()
    said = capsys.readouterr().err
    assert f"refused to write the page: before the run, {before}" in said
    assert "Try again when nothing else runs; --anyway measures and prints the page without writing it." in said


def test_load_during_the_run_leaves_the_page_unchanged(
    page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page.write_text("as it was")
    assert (1, True) == started(monkeypatch, before=QUIET, during=BUSY, arguments=[])
    assert "as it was" == page.read_text()
    assert "while workloads ran, other programs used 0.83 of" in capsys.readouterr().err


def test_load_during_the_second_part_counts_too(page: Path) -> None:
    (page.parent / "workloads.json").write_text(json.dumps({"machine": {"others": QUIET.as_json()}}))
    (page.parent / "soak.json").write_text(json.dumps({"others": STOLEN.as_json()}))
    assert 1 == report.main([])
    assert not page.exists()


def test_results_without_counted_load_are_written(page: Path) -> None:
    (page.parent / "workloads.json").write_text(json.dumps({"machine": {"load": 0.1}}))
    assert 0 == report.main([])
    assert page.exists()


@pytest.mark.parametrize("during", [QUIET, BUSY], ids=["quiet", "busy"])
def test_anyway_prints_the_page_and_writes_none(
    during: Load, page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (0, True) == started(monkeypatch, before=BUSY, during=during, arguments=["--anyway"])
    assert not page.exists()
    assert "# How fast it is\n" == capsys.readouterr().out


def test_counters_are_read_in_seconds() -> None:
    fields = [word * TICKS for word in (100, 10, 20, 5000, 70, 3, 4, 6, 50, 0)]
    text = f"cpu  {' '.join(map(str, fields))}\ncpu0 1 1 1 1 1 1 1 1 1 1\nintr 5\n"
    assert (137.0, 6.0) == parse(text)


def test_the_time_of_this_program_and_its_children_is_not_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counters = tmp_path / "stat"
    monkeypatch.setattr(load, "_COUNTERS", counters)
    clock = iter((100.0, 110.0))
    own = iter((os.times_result((1, 1, 1, 1, 0)), os.times_result((2, 2, 3, 3, 0))))
    monkeypatch.setattr(load.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(load.os, "times", lambda: next(own))
    monkeypatch.setattr(load.os, "cpu_count", lambda: 2)
    counters.write_text(f"cpu  {50 * TICKS} 0 0 0 0 0 0 {2 * TICKS} 0 0\n")
    meter = Meter()
    counters.write_text(f"cpu  {60 * TICKS} 0 0 0 0 0 0 {3 * TICKS} 0 0\n")
    read = meter.read()
    assert (0.4, 0.05) == (read.others, read.stolen)


def test_without_counters_the_load_average_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "_COUNTERS", tmp_path / "none")
    monkeypatch.setattr(load.os, "getloadavg", lambda: (7.5, 0.0, 0.0))
    monkeypatch.setattr(load.os, "cpu_count", lambda: 2)
    found = Meter().read()
    assert "a load average of 7.5" == str(found)
    assert not found.is_quiet()
    assert Load(None, None, 0.9).is_quiet()


def test_a_run_records_the_measured_load(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "machine", lambda _: {})
    monkeypatch.setattr(run, "columns", lambda *_, **__: iter(()))
    run.main(["--repeats", "1"])
    kept = json.loads((page.parent / "workloads.json").read_text())
    assert {"others", "stolen", "average"} == set(kept["machine"]["others"])


def test_a_busy_machine_gets_no_page_of_the_course(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "course.md"
    monkeypatch.setattr(course, "PAGE", page)
    monkeypatch.setattr(load, "sample", lambda: BUSY)
    monkeypatch.setattr(course, "verdicts", lambda _: ([Verdicts(3, "s03.order", [0.1])], [0.3]))
    monkeypatch.setattr(course, "workbenches", lambda: {key: 1.0 for _, key, _, _ in course.ROWS})
    monkeypatch.setattr(course, "shift", lambda: None)
    monkeypatch.setattr(sys, "argv", ["course"])
    assert course.main() == 1
    assert "other programs used 0.83" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["course", "--anyway"])
    assert course.main() == 0
    assert "| 3 | 1 | `s03.order` | 0.10 | 0.10 |" in capsys.readouterr().out
    assert not page.exists()


def test_the_page_of_the_course_names_exercises_that_take_longer_than_promised() -> None:
    every = [
        Verdicts(3, "s03.order", [0.1, 0.3, 0.1]),
        Verdicts(3, "s03.fast", [0.1]),
        Verdicts(11, "s11.big", [0.3, 0.6]),
    ]
    text = "\n".join(course.lines(AT, every, dict.fromkeys((key for _, key, _, _ in course.ROWS), 0.1)))
    assert "| 3 | 2 | `s03.order` | 0.10 | 0.30 |\n| 11 | 1 | `s11.big` | 0.60 | 0.60 |\n" in text
    assert "These take longer (p50, p95): `s11.big` (0.60, 0.60)." in text
    fine = "\n".join(course.lines(AT, every[:2], dict.fromkeys((key for _, key, _, _ in course.ROWS), 0.1)))
    assert fine.endswith("No exercise takes longer.")
