"""The vendored files are unchanged and have all licences, and the check can fail."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tools import vendor


def test_the_vendored_files_are_unchanged() -> None:
    assert vendor.changed() == []


@pytest.mark.parametrize("name", vendor.BUNDLES)
def test_a_file_that_was_edited_is_found(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(vendor.FOLDER, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(vendor, "FOLDER", tmp_path)
    assert vendor.changed() == []
    for part in vendor.parts(name):
        with (tmp_path / part).open("a") as file:
            file.write("\n")
    assert vendor.changed() == list(vendor.parts(name))


@pytest.mark.parametrize("name", vendor.BUNDLES)
def test_a_bundle_contains_the_locked_packages_and_all_their_licences(name: str) -> None:
    record = json.loads(vendor.record_of(name).read_text(encoding="utf-8"))
    lock = json.loads((vendor.RECIPE / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    licences = (vendor.FOLDER / vendor.parts(name)[1]).read_text(encoding="utf-8")
    assert name in {package.partition("/")[0].lstrip("@") for package in record["made_of"]}
    for package, version in record["made_of"].items():
        assert version == lock[f"node_modules/{package}"]["version"]
        assert lock[f"node_modules/{package}"]["integrity"].startswith("sha512-")
        assert package in licences
