"""Install commands name no package of this project; none is on an index."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from tools.files import ROOT, written_files

from superlearner.base.extras import EXTRAS, install

OURS = re.compile(r"""pip3? install (?:-\S+ )*["']?(?:otp|superlearner(?:-otp)?)(?:\[|["'\s`]|$|==)""")
SHOWN = {".md", ".py", ".html", ".js", ".json", ".txt", ".sh", ".toml"}
TOLD_BEFORE = {"CHANGELOG.md"}


def project(folder: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_no_text_recommends_installing_our_names_from_an_index() -> None:
    """Regression: docs and errors named packages that anyone may register."""
    found = [
        f"{path}: {line.strip()}"
        for path in written_files()
        if path.suffix in SHOWN and str(path) not in TOLD_BEFORE and path != Path("tools/tests/test_releasing.py")
        for line in (ROOT / path).read_text(encoding="utf-8").splitlines()
        if OURS.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        ('pip install "otp[remote]"', True),
        ("pip install 'superlearner[mcp]'", True),
        ("`pip install otp`", True),
        ("pip install --upgrade superlearner-otp", True),
        ("pip install ./otp ./superlearner", False),
        ("pip install superlearner_otp-0.1.0-py3-none-any.whl", False),
        ("pip install msgspec", False),
    ],
)
def test_such_a_line_is_recognized(line: str, refused: bool) -> None:
    assert (OURS.search(line) is not None) is refused


def test_the_names_match_the_docs_and_the_platform_requires_the_library() -> None:
    library, platform = project("otp"), project("superlearner")
    assert (library["name"], platform["name"]) == ("superlearner-otp", "superlearner")
    assert platform["dependencies"][0] == f"superlearner-otp=={library['version']}"
    assert library["version"] == platform["version"]


def test_the_printed_command_for_an_extra_matches_its_requirements() -> None:
    extras = project("superlearner")["optional-dependencies"]
    assert {name: sorted(one.requirements) for name, one in EXTRAS.items()} == {
        name: sorted(needs) for name, needs in extras.items()
    }
    page = (ROOT / "docs" / "releasing.md").read_text(encoding="utf-8")
    assert [name for name in EXTRAS if f"| `superlearner[{name}]` | `{install(name)}` |" not in page] == []
