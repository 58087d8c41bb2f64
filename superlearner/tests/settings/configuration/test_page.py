"""The page on settings matches the model."""

from __future__ import annotations

from pathlib import Path

import superlearner
from superlearner.settings.configuration import described
from superlearner.settings.configuration.page import page

PAGE = Path(superlearner.__file__).parents[3] / "docs" / "settings.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "python -m superlearner.settings.configuration.page > docs/settings.md"
    )


def test_every_setting_has_a_description() -> None:
    assert [one.name for one in described().values() if not one.description] == []
