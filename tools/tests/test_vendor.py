"""The vendored file is the one that was made, with the licences of all that is in it, and the check of it can fail."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tools import vendor


def test_the_vendored_files_are_those_that_were_made() -> None:
    assert vendor.changed() == []


def test_a_file_that_was_edited_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (vendor.BUNDLE, vendor.LICENCES, vendor.RECORD):
        (tmp_path / name).write_bytes((vendor.FOLDER / name).read_bytes())
    monkeypatch.setattr(vendor, "FOLDER", tmp_path)
    assert vendor.changed() == []
    with (tmp_path / vendor.BUNDLE).open("a") as file:
        file.write("\n")
    assert vendor.changed() == [vendor.BUNDLE]


def test_it_is_made_of_what_the_lock_names_and_every_part_has_its_licence() -> None:
    record = json.loads((vendor.FOLDER / vendor.RECORD).read_text(encoding="utf-8"))
    lock = json.loads((vendor.RECIPE / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    licences = (vendor.FOLDER / vendor.LICENCES).read_text(encoding="utf-8")
    for name, version in record["made_of"].items():
        assert version == lock[f"node_modules/{name}"]["version"]
        assert lock[f"node_modules/{name}"]["integrity"].startswith("sha512-")
        assert name in licences
