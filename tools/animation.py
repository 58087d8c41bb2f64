"""The animation at the head of the README: a crash and its restart, as the page of that restart plays it.

python -m tools.animation [FOLDER]
"""

from __future__ import annotations

import argparse
import io
import itertools
import os
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tools.chromium import ARGUMENTS, chromium
from tools.files import ROOT
from tools.screenshots import THEMES, book
from tools.serving import serving

SIZE = {"width": 1240, "height": 660}
STEP_MS = 40
SHOWN_MS = 55
"""Time of a frame: slower than the page, for readers who see it for the first time."""
REST_MS = (900, 3200)
"""The times of the first and the last frame."""


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
    page.goto(f"{address}/why")
    page.get_by_role("row", name="ledger").first.get_by_role("link").click()
    stage = page.locator("restart-stage")
    expect(stage).to_contain_text("new state")
    page.evaluate("document.fonts.ready.then(() => true)")
    end = stage.evaluate("(one) => { one.pause(); return one.score.end; }")
    times = [*range(0, int(end), STEP_MS), end]
    clip = _clip(page)
    frames: list[Image.Image] = []
    for time in times:
        stage.evaluate("(one, time) => one.seek(time)", time)
        frames.append(Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB"))  # pyright: ignore[reportArgumentType]
    first, last = REST_MS
    durations = [first, *itertools.repeat(SHOWN_MS, len(frames) - 2), last]
    frames[0].save(file, save_all=True, append_images=frames[1:], duration=durations, loop=0, quality=82, method=6)
    page.close()


def _clip(page: Page) -> dict[str, float]:
    """Return the place of the stage and of the sentence below it."""
    stage, told = page.locator("restart-stage").bounding_box(), page.locator("restart-dock .tell").bounding_box()
    if stage is None or told is None:
        raise SystemExit(f"{page.url}: expected a restart with a sentence")
    height = told["y"] + told["height"] - stage["y"]
    return {"x": stage["x"], "y": stage["y"], "width": stage["width"], "height": height}


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
        browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tools.animation", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "docs" / "pictures")
    main(parser.parse_args().folder)
