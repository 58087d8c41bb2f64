"""The pictures of the documentation: the real page, right after a crash, in both themes, wide and narrow.

python -m tools.screenshots [FOLDER]
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import urllib.request
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tools.files import ROOT
from tools.serving import serving

SIZES = {1440: 900, 390: 844}
THEMES = ("light", "dark")
KILLED = ("counter_2", "counter_1")


def shoot(browser: Browser, address: str, folder: Path, theme: str, width: int) -> None:
    """One picture; refuses a page that scrolls sideways."""
    page = browser.new_page(
        viewport={"width": width, "height": SIZES[width]}, color_scheme=theme, reduced_motion="reduce"
    )
    page.goto(f"{address}/supervisors")
    page.get_by_text(KILLED[-1]).first.wait_for()
    for name in KILLED:
        kill(address, name)
    page.get_by_text("restarted").first.wait_for()
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if overflow > 0:
        raise SystemExit(f"expected no sideways scroll at {width} px, got {overflow} px too many")
    page.screenshot(path=folder / f"supervisors-{theme}-{width}.png")
    page.close()


def kill(address: str, name: str) -> None:
    """Kill a process by its name, as the page does."""
    request = urllib.request.Request(f"{address}/api/v1/processes/{name}", method="DELETE")
    urllib.request.urlopen(request, timeout=10).close()


def main(folder: Path) -> None:
    """All pictures, each of a platform that has just started."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
    superlearner = Path(sys.executable).with_name("superlearner")
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for theme in THEMES:
            for width in SIZES:
                with tempfile.TemporaryDirectory() as data:
                    environment = {**os.environ, "HOME": data}
                    with serving(superlearner, Path(data), environment, "--data-dir", data) as (address, _):
                        shoot(browser, address, folder, theme, width)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "pictures")
