"""The animations of restarts: the one at the head of the README, and those of the documentation.

python -m tools.animation [FOLDER]
"""

from __future__ import annotations

import argparse
import io
import itertools
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tools.chromium import ARGUMENTS, chromium
from tools.files import ROOT
from tools.screenshots import THEMES, book
from tools.serving import serving

SIZE = {"width": 1240, "height": 660}
READING = {"width": 1240, "height": 900}


class Pace(NamedTuple):
    """The time between two frames, the time for which each is shown, and the quality of the pictures.

    They are shown for longer than on the page, for readers who see them for the first time.
    """

    step_ms: int
    shown_ms: int
    quality: int


HEAD = Pace(40, 55, 82)
RECORDED = Pace(80, 110, 70)
FIRST_MS, LAST_MS = 900, 3200
PLAYED = {
    "/docs/behaviours/supervisor": ("rest_for_one", "one_for_all", "gives_up"),
    "/docs/behaviours/gen_server": ("one_for_one",),
    "/docs/links": ("linked",),
    "/docs/behaviours/agent": ("agent",),
    "/docs/behaviours/task": ("task",),
    "/docs/behaviours/registry": ("registry",),
    "/docs/behaviours/application": ("application",),
}
"""The pages with recordings, in the order of the page."""


def animate(browser: Browser, address: str, file: Path, theme: str) -> None:
    """Save the restart after a crash of the ledger as an animation that repeats.

    Args:
        browser: a started browser.
        address: that of a platform with the demo.
        file: a WebP file to write.
        theme: light or dark.
    """
    for amount in (120, 80, -5):  # a state to lose, then a crash
        book(address, amount)
    page = browser.new_page(viewport=SIZE, color_scheme=theme, reduced_motion="no-preference")  # pyright: ignore[reportArgumentType]
    page.goto(f"{address}/timeline")
    page.get_by_role("link", name=re.compile("^Why: ledger")).first.click()
    stage = page.locator("restart-stage")
    expect(stage).to_contain_text("new state")
    page.evaluate("document.fonts.ready.then(() => true)")
    _save(page, stage, page.locator("restart-dock .tell"), file, HEAD)
    page.close()


def _save(page: Page, stage: Locator, caption: Locator, file: Path, pace: Pace) -> None:
    """Save what a stage plays, with the sentence below it."""
    end = stage.evaluate("(one) => { one.pause(); return one.score.end; }")
    clip = _clip(stage, caption)
    frames: list[Image.Image] = []
    for time in [*range(0, int(end), pace.step_ms), end]:
        stage.evaluate("(one, time) => one.seek(time)", time)
        frames.append(Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB"))  # pyright: ignore[reportArgumentType]
    durations = [FIRST_MS, *itertools.repeat(pace.shown_ms, len(frames) - 2), LAST_MS]
    frames[0].save(
        file, save_all=True, append_images=frames[1:], duration=durations, loop=0, quality=pace.quality, method=6
    )


def animate_recorded(browser: Browser, address: str, folder: Path) -> None:
    """Save the recorded restarts of the documentation, as its pages play them.

    Args:
        browser: a started browser.
        address: that of a platform.
        folder: contains the recordings; each animation gets the name of its recording.
    """
    for path, names in PLAYED.items():
        page = browser.new_page(viewport=READING, color_scheme="light", reduced_motion="no-preference")  # pyright: ignore[reportArgumentType]
        page.goto(f"{address}{path}")
        clips = page.locator("restart-clip")
        expect(clips).to_have_count(len(names))
        for place, name in enumerate(names):
            clip = clips.nth(place)
            clip.scroll_into_view_if_needed()
            _save(page, clip.locator("restart-stage"), clip.locator(".tell"), folder / f"{name}.webp", RECORDED)
        page.close()


def _clip(stage: Locator, caption: Locator) -> dict[str, float]:
    """Return the place of a stage and of the sentence below it."""
    above, below = stage.bounding_box(), caption.bounding_box()
    if above is None or below is None:
        raise SystemExit(f"{stage.page.url}: expected a restart with a sentence")
    height = below["y"] + below["height"] - above["y"]
    return {"x": above["x"], "y": above["y"], "width": above["width"], "height": height}


def main(folder: Path) -> None:
    """Save the animation in both themes, each from a freshly started platform."""
    superlearner = Path(sys.executable).with_name("superlearner")
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        for theme in THEMES:
            with tempfile.TemporaryDirectory() as data:
                environment = {**os.environ, "HOME": data}
                with serving(superlearner, Path(data), environment, "--data-dir", data) as (address, _):
                    animate(browser, address, folder / f"restart-{theme}.webp", theme)
                    if theme == "light":
                        animate_recorded(browser, address, folder / "restarts")
        browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tools.animation", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "docs" / "pictures")
    main(parser.parse_args().folder)
