"""The six checks of a cluster: each has its evidence and, if it fails, a problem with three things to try."""

from __future__ import annotations

import json
import sys
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path
from typing import Any

import pytest

from superlearner.cluster import installed_code as module
from superlearner.cluster.checks import Check
from superlearner.cluster.health_checks import checks_of, collect_reports
from superlearner.cluster.installed_code import changed_modules, installed_code

CHECKS = ["connectivity", "formation", "code", "operations", "latency", "memory"]


def report(other: str, **changes: Any) -> dict[str, Any]:
    code: dict[str, Any] = {
        "python": "3.12.1",
        "packages": {"httpx": "0.28.0 ab12", "typer": "0.20.0 cd34"},
        "changed": [],
    }
    usual: dict[str, Any] = {
        "os_pid": 7, "members": ["a", "b"], "round_trips": {other: 1.5}, "operation": [other, None],
        "operation_ms": 3.0, "memory": 65_000_000, "code": code,
    }  # fmt: skip
    return {**usual, **changes}


def found(of_b: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    reports = {"a": report("b"), "b": report("a", **(of_b or {}))}
    return json.loads(json.dumps({"reports": reports, "failed": {}, "lost": [], **changes}))


def failures(given: dict[str, Any], size: int = 2) -> dict[str, Check]:
    checks = checks_of(given, size)
    assert CHECKS == [one.name for one in checks]
    assert [] == [one for one in checks if not one.evidence or one.ok != (one.problem is None)]
    assert {3} >= {len(set(one.solutions)) for one in checks if not one.ok}
    return {one.name: one for one in checks if not one.ok}


def test_a_healthy_cluster_passes_each_check_and_shows_what_was_measured() -> None:
    assert {} == failures(found())
    expected = [
        "2 of 2 members report within 8 s",
        "2 members report, 2 expected; each sees all others",
        "hashes of 2 packages on a, b: all the same",
        "2 of 2 members answered a request of another one, in 3 ms at most",
        "1.5 ms at most (b to a), below 100 ms",
        "65 MB at most (a), below 500 MB",
    ]
    assert expected == [one.evidence for one in checks_of(found(), 2)]


def test_a_member_alone_passes_if_no_other_is_expected() -> None:
    alone = {"a": report("b", members=["a"], round_trips={}, operation=None)}
    assert {} == failures({"reports": alone, "failed": {}, "lost": []}, 1)
    assert "expected 2 members, got 1" == failures({"reports": alone, "failed": {}, "lost": []})["formation"].problem


@pytest.mark.parametrize(
    ("of_b", "check", "problem"),
    [
        ({"members": ["b"]}, "formation", "b does not see a"),
        ({"operation": ["a", "nodedown"]}, "operations", "a: nodedown"),
        ({"round_trips": {"a": 100.0}}, "latency", "b to a: 100 ms"),
        ({"round_trips": {"a": None}}, "latency", "b to a: no answer"),
        ({"memory": 500_000_000}, "memory", "b uses 500 MB"),
    ],
)
def test_a_check_that_fails_names_the_member(of_b: dict[str, Any], check: str, problem: str) -> None:
    failed = failures(found(of_b))
    assert [(check, problem)] == [(name, one.problem) for name, one in failed.items()]


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        (
            {"python": "3.12.1", "packages": {"httpx": "0.27.0 ee11", "typer": "0.20.0 cd34"}, "changed": []},
            "httpx: b has 0.27.0 ee11; the rest 0.28.0 ab12",
        ),
        (
            {"python": "3.11.9", "packages": {"httpx": "0.28.0 ab12"}, "changed": ["shop", "otp"]},
            "Python: b has 3.11.9; the rest 3.12.1; typer: b has none; the rest 0.20.0 cd34; "
            "b started before these modules changed: shop, otp",
        ),
    ],
)
def test_members_with_other_code_are_told_in_what_they_differ(code: dict[str, Any], problem: str) -> None:
    failed = failures(found({"code": code}))
    assert [("code", problem)] == [(name, one.problem) for name, one in failed.items()]


def test_members_that_do_not_report_or_are_lost_fail() -> None:
    failed = failures(found(failed={"c": "timeout"}, lost=["d"]))
    assert [("connectivity", "d: it is lost; c: timeout")] == [(name, one.problem) for name, one in failed.items()]
    assert CHECKS == list(failures({"reports": {}, "failed": {"a": "a did not answer"}, "lost": []}))


def test_there_is_nothing_to_check_without_members(tmp_path: Path) -> None:
    assert collect_reports(tmp_path) is None


def package(folder: Path, record: str, *files: tuple[str, str]) -> Distribution:
    info = folder / "shop-1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: The_Shop\nVersion: 1.0\n")
    (info / "RECORD").write_text(record)
    for name, text in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return PathDistribution(info)


def packages(monkeypatch: pytest.MonkeyPatch, *found: Distribution) -> dict[str, str]:
    monkeypatch.setattr(module, "distributions", lambda: found)
    return installed_code()["packages"]


def test_a_hash_differs_with_the_files_of_a_package_and_not_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = "shop/__init__.py,sha256=aa,1\n"
    one = packages(monkeypatch, package(tmp_path / "a", usual))
    assert ["the-shop"] == list(one)
    assert one["the-shop"].startswith("1.0 ")
    placed = (
        usual + "../../bin/shop,sha256=xx,9\nshop/__pycache__/__init__.cpython-311.pyc,,\nshop-1.0.dist-info/RECORD,,\n"
    )
    assert one == packages(monkeypatch, package(tmp_path / "b", placed))
    assert one != packages(monkeypatch, package(tmp_path / "c", "shop/__init__.py,sha256=bb,1\n"))


def test_an_editable_package_is_hashed_by_its_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def installed(place: str, source: str) -> dict[str, str]:
        folder = tmp_path / place
        pth = ("_shop.pth", f"{folder / 'src'}\nimport nothing\n")
        hidden = [(f"src/{outside}/x.py", source) for outside in (".git", "__pycache__")]
        one = package(folder, f"_shop.pth,sha256={place},1\n", pth, ("src/shop/a.py", "same"), *hidden)
        return packages(monkeypatch, one)

    first = installed("a", "x")
    assert first == installed("b", "y")
    (tmp_path / "b/src/shop/a.py").write_text("other")
    assert first != packages(monkeypatch, PathDistribution(tmp_path / "b/shop-1.0.dist-info"))


def test_loaded_modules_that_have_changed_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "changed_shop.py"
    file.write_text("")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    __import__("changed_shop")
    written = file.stat().st_mtime
    assert "changed_shop" in changed_modules(written - 1)
    assert "changed_shop" not in changed_modules(written)
    monkeypatch.delitem(sys.modules, "changed_shop")
