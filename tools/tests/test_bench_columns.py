"""`docs/performance.md` has a column for each processor, and a run replaces that of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from benchmarks import columns, report
from benchmarks.columns import column_of, read_columns
from benchmarks.load import Load
from benchmarks.machine import processor_in
from tools.files import ROOT

OLD, NEW = "Xeon, family 6 model 85", "EPYC, family 25 model 17"


def results(processor: str, *, ring: float, others: Load | None = None) -> dict[str, Any]:
    """Return the results of a run in which one hop of the ring took `ring` times as long as in Erlang."""
    rows = [
        {"peer": peer, "version": version, "workload": workload, "ns_per_op": ns, "bytes_per_proc": None}
        for workload in ("ring", "call")
        for peer, version, ns in (("Erlang/OTP", "OTP 25 jit", 100.0), ("otp 3.13", "py3.13.0", 100.0 * ring))
        for _ in range(3)
    ]
    machine = {
        "processor": processor, "cores": 2, "memory_gib": 24, "virtual": True, "python": "3.13.0", "optimised": True,
    }  # fmt: skip
    counted = {} if others is None else {"others": others.as_json()}
    return {"machine": machine | counted, "repeats": 3, "scale": 1.0, "rows": rows, "profile": None}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder for page, results and columns."""
    monkeypatch.setattr(report, "PAGE", tmp_path / "performance.md")
    monkeypatch.setattr(report, "ROOT", tmp_path)
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    monkeypatch.setattr(columns, "PROCESSORS", tmp_path / "processors")
    return tmp_path


def ran(folder: Path, *arguments: str, **run: Any) -> list[str]:
    """Write the results of a run and report them; return the cells of the promise of the ring."""
    (folder / "workloads.json").write_text(json.dumps(results(**run)))
    assert report.main(list(arguments)) in (0, 1)
    page = folder / "performance.md"
    return ring_of(page.read_text()) if page.exists() else []


def ring_of(page: str) -> list[str]:
    """Return the ratio of each column, and its spread."""
    [line] = [line for line in page.splitlines() if line.startswith("| ring hop of coroutine processes |")]
    return [cell.strip() for cell in line.split("|")[4:-1]]


def test_each_processor_has_a_column_and_a_run_replaces_that_of_its_own(folder: Path) -> None:
    assert ["1.20", "0 %"] == ran(folder, processor=OLD, ring=1.2)
    assert ["1.20", "0 %", "**2.80**", "0 %"] == ran(folder, processor=NEW, ring=2.8)
    assert ["1.20", "0 %", "1.40", "0 %"] == ran(folder, processor=NEW, ring=1.4)
    page = (folder / "performance.md").read_text()
    assert f"| work | promise | stretch | {OLD} | spread | {NEW} | spread |" in page
    assert f"| one operation | {OLD}, otp 3.13 | {NEW}, otp 3.13 |" in page
    assert f"All programs on {NEW}: ratio to Erlang/OTP" in page
    assert [OLD, NEW] == [one.processor for one in read_columns(columns.PROCESSORS)]


def test_a_processor_that_is_measured_again_is_the_newest(folder: Path) -> None:
    ran(folder, processor=OLD, ring=1.2)
    ran(folder, processor=NEW, ring=2.8)
    assert ["**2.80**", "0 %", "1.30", "0 %"] == ran(folder, processor=OLD, ring=1.3)


def test_a_loaded_machine_and_anyway_replace_no_column(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran(folder, processor=OLD, ring=1.2)
    busy = Load(others=0.9, stolen=0.0, average=1.0)
    assert ["1.20", "0 %"] == ran(folder, processor=OLD, ring=2.8, others=busy)
    capsys.readouterr()
    assert ["1.20", "0 %"] == ran(folder, "--anyway", processor=OLD, ring=2.8, others=busy)
    assert ["**2.80**", "0 %"] == ring_of(capsys.readouterr().out)
    assert [1.2] == [one.ratio("ring") for one in read_columns(columns.PROCESSORS)]


def test_a_machine_without_erlang_has_no_column_of_promises(folder: Path) -> None:
    ran(folder, processor=OLD, ring=1.2)
    alone = results(NEW, ring=2.8)
    alone["rows"] = [row for row in alone["rows"] if row["peer"] != "Erlang/OTP"]
    text = report.page_text([*read_columns(columns.PROCESSORS), column_of(alone, None, "2026-01-01")])
    assert ["1.20", "0 %"] == ring_of(text)


def test_the_page_is_the_one_of_the_stored_figures() -> None:
    assert report.page_text(read_columns()) == (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("processor\t: 0\ncpu family\t: 25\nmodel\t\t: 17\nmodel name\t: AMD EPYC\n", "AMD EPYC, family 25 model 17"),
        ("processor\t: 0\nmodel name\t: Cortex-A72\n", "Cortex-A72"),
        ("processor\t: 0\n", None),
    ],
    ids=["a virtual machine hides the model", "without numbers", "without a name"],
)
def test_a_processor_is_named_by_its_model(text: str, expected: str | None) -> None:
    assert expected == processor_in(text)
