"""A saved restart plays from the disk, without a platform and without a network."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, expect

from superlearner.operations.builtin.moment_files import portable
from superlearner.operations.engine.seams import MomentPage
from superlearner.web.moment_files import make_moment_file

RECORDED = Path(__file__).parents[1] / "js"
HOSTILE = "</script><img src=x onerror=document.title='owned'>"
AT = datetime(2026, 11, 26, 10, 7, 7, tzinfo=UTC)
COLOURS = "getComputedStyle(document.documentElement).backgroundColor"


@pytest.mark.parametrize(
    ("theme", "motion", "recorded"), [("light", "reduce", "rest"), ("dark", "no-preference", "gives-up")]
)
def test_a_saved_moment_plays_from_the_disk_without_a_network(
    browser: Browser,
    tmp_path: Path,
    theme: Literal["light", "dark"],
    motion: Literal["reduce", "no-preference"],
    recorded: str,
) -> None:
    text = (RECORDED / f"moment-{recorded}.json").read_text(encoding="utf-8")
    found = json.loads(text.replace('"name": "mailer"', f'"name": {json.dumps(HOSTILE)}'))
    assert HOSTILE in json.dumps(found)
    page_of = MomentPage(f"{HOSTILE} gave up", AT, f"shop{HOSTILE}", HOSTILE, portable(found))
    file = tmp_path / "moment.html"
    file.write_text(make_moment_file(page_of), encoding="utf-8", newline="")
    context = browser.new_context(color_scheme=theme, reduced_motion=motion, offline=True)
    try:
        page = context.new_page()
        asked: list[str] = []
        said: list[Any] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(error))
        page.goto(file.as_uri())
        stage = page.locator("restart-stage")
        expect(stage).to_have_attribute("data-stage", "6", timeout=20_000)
        page.keyboard.press("ArrowLeft")
        expect(stage).to_have_attribute("data-stage", "5")
        page.keyboard.press("ArrowRight")
        expect(stage).to_have_attribute("data-stage", "6")
        expect(page.locator(".steps")).to_contain_text(HOSTILE)
        expect(page.locator("#title")).to_have_text(f"{HOSTILE} gave up")
        expect(page.locator(".saved-at")).to_contain_text("26 November 2026")
        expect(page.locator(".saved-at")).to_contain_text(f"on the node shop{HOSTILE}")
        assert page.title().startswith(f"{HOSTILE} gave up · 26 November 2026")
        assert page.locator("img").count() == 0
        before = page.evaluate(COLOURS)
        page.locator("#theme").click()
        assert page.evaluate(COLOURS) != before
        assert (asked, said) == ([file.as_uri()], [])
    finally:
        context.close()
