"""The restarts that the documentation plays are those that happen."""

from __future__ import annotations

import json

import pytest
from tools.animation import PLAYED
from tools.files import ROOT
from tools.recorded_restarts import FOLDER, TREES, recorded


@pytest.mark.parametrize("name", TREES)
def test_a_recording_is_what_happens_now(name: str) -> None:
    stored = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    assert recorded(name) == stored, "try python -m tools.recorded_restarts, then make screenshots"


def test_each_recording_has_a_picture_on_one_page() -> None:
    assert sorted(name for names in PLAYED.values() for name in names) == sorted(TREES)
    for path, names in PLAYED.items():
        page = (ROOT / f"{path.removeprefix('/')}.md").read_text(encoding="utf-8")
        places = [page.index(f"pictures/restarts/{name}.webp)") for name in names]
        assert places == sorted(places)
        for name in names:
            assert (FOLDER / f"{name}.webp").is_file()
