"""The record that one run of the platform leaves of its sandboxes, and the next run reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from superlearner.sandbox import ledger
from superlearner.sandbox.ledger import ENDED_WITH_US, SandboxLedger
from superlearner.sandbox.record import Configuration, Limits, Sandbox, Version
from superlearner.sandbox.source import Source

WANTED = Configuration("source", strategy="one_for_all", custom_config={"start": [1, 2]}, limits=Limits(memory_mb=64))
VERSIONS = (Version(1, Source("first", "Main"), 5.0, "ada"), Version(2, Source("x = 'ü'", "Main"), 6.0, "bob"))
SANDBOX = Sandbox(
    "a", "ada", "sandbox-a@127.0.0.1", WANTED, 5.0, status="running", restart_count=3, os_pid=4711, started_at=5.5,
    versions=VERSIONS, current=2,
)  # fmt: skip


def test_a_sandbox_that_ran_has_ended_and_can_be_restarted_as_it_was(tmp_path: Path) -> None:
    SandboxLedger(tmp_path / "its").write(SANDBOX)
    found = SandboxLedger(tmp_path / "its").take_over(9.0)
    (one,) = found.sandboxes
    assert ("ended", ENDED_WITH_US, None, 9.0, 3) == (
        one.status, one.reason, one.os_pid, one.ended_at, one.restart_count,
    )  # fmt: skip
    assert (WANTED, VERSIONS[1].source) == (one.configuration, one.source)
    assert found.said == [(one, "sandbox a ended: the platform ended")]


def test_a_sandbox_is_restarted_on_its_member_and_entries_of_earlier_versions_name_none(tmp_path: Path) -> None:
    kept = SandboxLedger(tmp_path)
    kept.write(replace(SANDBOX, configuration=replace(WANTED, member="m2@127.0.0.1")))
    assert ["m2@127.0.0.1"] == [one.configuration.member for one in kept.take_over(9.0).sandboxes]
    path = tmp_path / "a.json"
    path.write_text(path.read_text().replace(',"member":"m2@127.0.0.1"', ""))
    assert [WANTED] == [one.configuration for one in kept.take_over(9.0).sandboxes]


def test_a_second_start_has_them_too_and_does_not_say_it_again(tmp_path: Path) -> None:
    kept = SandboxLedger(tmp_path)
    kept.write(SANDBOX)
    first, second = kept.take_over(9.0), kept.take_over(20.0)
    assert (first.sandboxes, []) == (second.sandboxes, second.said)


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    SandboxLedger(tmp_path / "its").write(SANDBOX)
    assert [0o700, 0o600] == [path.stat().st_mode & 0o777 for path in (tmp_path / "its", tmp_path / "its" / "a.json")]


def test_a_deleted_entry_is_gone(tmp_path: Path) -> None:
    kept = SandboxLedger(tmp_path / "its")
    assert kept.take_over(9.0).sandboxes == []
    kept.write(SANDBOX)
    kept.forget("a")
    kept.forget("a")
    assert kept.take_over(9.0).sandboxes == []


def test_only_the_newest_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "MOST_ENDED", 2)
    kept = SandboxLedger(tmp_path)
    for number in range(4):
        kept.write(replace(SANDBOX, id=f"s{number}", created_at=float(number)))
    assert ["s3", "s2"] == [one.id for one in kept.take_over(9.0).sandboxes]
    assert ["s2.json", "s3.json"] == sorted(path.name for path in tmp_path.iterdir())


def test_an_invalid_file_is_named_and_stays(tmp_path: Path) -> None:
    kept = SandboxLedger(tmp_path)
    kept.write(SANDBOX)
    (tmp_path / "half.json").write_bytes((tmp_path / "a.json").read_bytes()[:40])
    (tmp_path / "other.json").write_bytes((tmp_path / "a.json").read_bytes())
    (tmp_path / "never.part").write_text("{")
    found = kept.take_over(9.0)
    assert (["a"], {"half.json", "other.json"}) == ([one.id for one in found.sandboxes], set(found.unreadable))
    assert not (tmp_path / "never.part").exists()
