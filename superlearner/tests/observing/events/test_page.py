"""The page on events lists every type."""

from __future__ import annotations

from pathlib import Path

import otp
import superlearner
from superlearner.observing.events import TYPES
from superlearner.observing.events.page import page

PAGE = Path(superlearner.__file__).parents[3] / "docs" / "events.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "python -m superlearner.observing.events.page > docs/events.md"


def test_every_lifecycle_event_of_a_node_has_a_type() -> None:
    assert otp.trace.LIFECYCLE - set(TYPES) == set()
