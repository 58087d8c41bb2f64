"""Screenshots for the documentation: each page in both themes and widths.

python -m tools.screenshots [FOLDER] [--only NAME]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from superlearner.access.credentials import TOKEN_FILE
from tools.chromium import ARGUMENTS, chromium
from tools.files import ROOT
from tools.serving import serving

SIZES = {1440: 900, 390: 844}
THEMES = ("light", "dark")
READ = {
    "docs": "/docs/behaviours/supervisor",
    "api": "/api/docs/supervisor",
    "settings": "/settings#configuration",
    "learn": "/learn",
    "lesson": "/learn/12#section-supervisors",
}
SHOP = "superlearner/playground/shop"
DEMO = "superlearner/playground/demo_one_for_one"


def shoot(browser: Browser, address: str, folder: Path, theme: str, width: int) -> None:
    """Take a picture with some history and a child that was just killed.

    Raises:
        SystemExit: the page scrolls sideways.
    """
    phone = width < 600
    page = open_page(browser, theme, width)
    page.goto(f"{address}/supervisors")
    expect(line(page, f"{DEMO}/counter_1")).to_be_visible()
    expect(page.locator(f'[role=treeitem][data-key^="{SHOP}/orders/"]').nth(1)).to_be_attached()
    cast(address, "counter_1", ["add", 41])
    cast(address, "counter_2", "crash")
    kill(address, "robot")
    expect(line(page, f"{DEMO}/counter_2")).to_have_attribute("data-restarts", "1")
    expect(line(page, f"{SHOP}/warehouse_sup/robot")).to_have_attribute("data-restarts", "1")
    expect(page.locator(".tree [data-look=crashed], .tree [data-look=restarting]")).to_have_count(0)
    if not phone:
        kill(address, "ledger")
        expect(line(page, f"{SHOP}/checkout_sup/ledger")).to_have_attribute("data-restarts", "1")
        expect(line(page, f"{SHOP}/checkout_sup/ledger")).to_have_attribute("data-look", "running")
        select(page, line(page, f"{SHOP}/checkout_sup/ledger"))
    book(address, 130)
    book(address, -5)
    expect(page.locator("#events li p").first).to_contain_text(re.compile("ledger crashed: .* restart [0-9]+ of "))
    if not phone:
        pid = line(page, f"{SHOP}/checkout_sup/ledger").get_attribute("data-pid") or ""
        expect(page.locator("#process")).to_have_attribute("data-loaded", pid)
        expect(page.locator("restart-live restart-stage")).to_have_attribute("data-stage", "6")
    if phone:
        line(page, f"{SHOP}/checkout_sup/cart").evaluate("(one) => one.scrollIntoView({block: 'center'})")
    take(page, folder / f"supervisors-{theme}-{width}.png", width)


def shoot_prediction(browser: Browser, address: str, folder: Path, theme: str, width: int) -> None:
    """Take pictures of a wrong prediction and of its chain of causes.

    Raises:
        SystemExit: the page scrolls sideways.
    """
    page = open_page(browser, theme, width)
    page.goto(f"{address}/supervisors?tab=predict")
    select(page, line(page, f"{SHOP}/checkout_sup/ledger"), loaded=False)
    asked = page.get_by_role("region", name="Predict a restart")
    for name in ("ledger", "cart"):
        asked.locator(f'.pick[data-id$="/{name}"]').click()
    asked.get_by_role("button", name="Lock in and kill").click()
    expect(asked.get_by_role("group", name="Result")).to_contain_text("2 of 3 found")
    take(page, folder / f"predict-{theme}-{width}.png", width)
    book(address, -5)
    page = open_page(browser, theme, width)
    page.goto(f"{address}/supervisors?tab=why")
    select(page, line(page, f"{SHOP}/checkout_sup/mailer"), loaded=False)
    expect(page.locator(".why-chain > li")).to_have_count(3)
    take(page, folder / f"why-{theme}-{width}.png", width)


def shoot_game(browser: Browser, address: str, folder: Path, theme: str, width: int) -> None:
    """Take a picture of the game Predict: on a phone before the answer, else after a wrong one.

    Raises:
        SystemExit: the page scrolls sideways.
    """
    page = open_page(browser, theme, width)
    page.goto(f"{address}/predict?level=9&seed=2")
    for name in ("printer", "mailer", "cart"):
        page.get_by_role("button", name=f"{name}, worker").click()
    if width > 600:
        page.get_by_role("button", name="Lock in").click()
        expect(page.get_by_role("group", name="Result")).to_be_visible()
    page.mouse.move(0, 0)
    page.evaluate("document.fonts.ready.then(() => true)")
    take(page, folder / f"game-{theme}-{width}.png", width)


def shoot_start(browser: Browser, address: str, folder: Path, theme: str, width: int) -> None:
    """Take a picture of the start page just after its first kill."""
    page = open_page(browser, theme, width)
    page.goto(f"{address}/")
    page.get_by_role("button", name="Kill ledger").last.click()
    expect(page.locator("#answer-who")).to_contain_text("ledger, cart and mailer")
    expect(page.get_by_role("group", name="The newest restart")).to_contain_text("new state")
    page.locator(".start").evaluate("(one) => one.scrollTo(0, 0)")
    take(page, folder / f"start-{theme}-{width}.png", width)


def shoot_pages(browser: Browser, address: str, folder: Path, theme: str, width: int) -> None:
    """Take pictures of the reading pages.

    Raises:
        SystemExit: a page scrolls sideways.
    """
    for name, path in READ.items():
        page = open_page(browser, theme, width)
        page.goto(f"{address}{path}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        if name == "settings":
            expect(page.get_by_text(re.compile(r"^\d+ settings$"))).to_be_visible()
        page.evaluate("document.fonts.ready.then(() => true)")
        take(page, folder / f"{name}-{theme}-{width}.png", width)


def shoot_sandboxes(browser: Browser, address: str, data: Path, folder: Path, theme: str, width: int) -> None:
    """Take pictures of the Playground with a template, and with the crash of a running sandbox.

    Raises:
        SystemExit: a page scrolls sideways.
    """
    owner = {"authorization": f"Bearer {(data / TOKEN_FILE).read_text().strip()}"}
    page = open_page(browser, theme, width, extra_http_headers=owner)
    page.goto(f"{address}/sandboxes?new")
    expect(page.get_by_label("Start from")).to_have_value("counter")
    page.locator("#sandbox-id").evaluate(
        "(field) => { field.value = 'my_first'; field.dispatchEvent(new Event('input')); }"
    )
    page.evaluate("document.fonts.ready.then(() => true)")
    take(page, folder / f"sandboxes-new-{theme}-{width}.png", width, last=False)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#one-status")).to_have_text("running")
    editor_of(page, "#source")
    crash = {"message": "crash", "message_type": "cast"}
    page.request.post(
        f"{address}/api/v1/processes/counter/message?node=sandbox-my_first@127.0.0.1", headers=owner, data=crash
    )
    expect(page.locator("#crashed")).to_contain_text("counter crashed at line ")
    if width < 600:
        page.get_by_role("button", name="Tree", exact=True).click()
    take(page, folder / f"sandboxes-{theme}-{width}.png", width)


def editor_of(page: Page, place: str) -> None:
    """Wait for the editor, which loads when the pointer is over the text."""
    page.locator(place).hover()
    expect(page.locator(place)).to_have_attribute("data-ready", "editor")
    page.mouse.move(0, 0)
    page.locator("#sandboxes").evaluate(
        "(one) => { for (let up = one; up; up = up.parentElement) up.scrollTop = 0; window.scrollTo(0, 0); }"
    )


def shoot_system(browser: Browser, address: str, folder: Path, theme: str, width: int) -> None:
    """Take pictures of the system page before a give-up, and of the diagram.

    Raises:
        SystemExit: a page scrolls sideways.
    """
    page = open_page(browser, theme, width)
    page.goto(f"{address}/system?view=talk")
    expect(page.get_by_role("button", name=re.compile("^ledger: sent"))).to_be_visible(timeout=60_000)
    take(page, folder / f"system-talk-{theme}-{width}.png", width)
    page = open_page(browser, theme, width)
    page.goto(f"{address}/system")
    for _ in range(3):
        with contextlib.suppress(urllib.error.HTTPError):  # it is being restarted
            cast(address, "counter_2", "crash")
    expect(page.locator("#anomalies > ul > li").first).to_be_visible(timeout=20_000)
    if width > 600:
        page.locator("#anomalies > ul > li summary").first.click()
        page.mouse.move(0, 0)
    take(page, folder / f"system-{theme}-{width}.png", width)


def shoot_processes(browser: Browser, address: str, folder: Path, theme: str, width: int) -> None:
    """Take a picture of the process list, sorted by activity, with a pinned process.

    Raises:
        SystemExit: it scrolls sideways.
    """
    page = open_page(browser, theme, width)
    page.goto(f"{address}/supervisors?view=table&search=ledger")
    page.locator(".grid-body .id").first.click()
    page.keyboard.press("p")
    expect(page.locator(".grid-pins .grid-row")).to_contain_text("ledger")
    page.goto(f"{address}/supervisors?view=table&sort=-messages")
    expect(page.locator(".grid-pins .grid-row")).to_contain_text("ledger")
    expect(page.locator(".grid-body [data-column=messages]").first).not_to_have_text("")
    page.evaluate("document.fonts.ready.then(() => true)")
    take(page, folder / f"processes-{theme}-{width}.png", width)


def open_page(browser: Browser, theme: str, width: int, **more: Any) -> Page:
    """Open an empty page in a theme, as wide as a laptop or a phone."""
    phone = width < 600
    return browser.new_page(
        viewport={"width": width, "height": SIZES[width]},
        color_scheme=theme,
        reduced_motion="reduce",
        is_mobile=phone,
        has_touch=phone,
        **more,
    )


def take(page: Page, file: Path, width: int, *, last: bool = True) -> None:
    """Save a picture; close the page after the last; refuse sideways scrolling."""
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if overflow > 0:
        raise SystemExit(f"{page.url}: expected no sideways scroll at {width} px, got {overflow} px too many")
    page.screenshot(path=file)
    if last:
        page.close()


def shoot_traces(browser: Browser, address: str, folder: Path, theme: str, width: int) -> None:
    """Take pictures of a trace of a kill, and of the replay of its recording.

    Raises:
        SystemExit: a page scrolls sideways.
    """
    page = open_page(browser, theme, width)
    page.goto(f"{address}/timeline?view=messages")
    page.get_by_role("button", name="Trace it and kill the ledger").click()
    expect(page.get_by_role("heading", name="checkout_sup and all below it")).to_be_visible()
    messages = page.get_by_role("listbox")
    expect(messages.get_by_role("option", name=re.compile("mailer was started"))).to_be_attached()
    messages.focus()
    page.keyboard.press("Home")
    expect(page.locator("sl-sequence .said")).to_be_visible()
    take(page, folder / f"traces-{theme}-{width}.png", width)
    page = open_page(browser, theme, width)
    page.goto(f"{address}/timeline?view=replay")
    page.get_by_role("button", name="Record it and play it").click()
    expect(page.locator("#replay")).to_have_attribute("data-ready", "yes")
    tools = page.get_by_role("button", name="Tools")
    if tools.is_visible():  # on a phone
        tools.click()
    page.get_by_label("Lanes", exact=True).select_option(label="Below checkout_sup")
    if tools.is_visible():
        tools.click()
    page.get_by_role("group", name="Crashes").get_by_role("button").first.click()
    for _ in range(12):
        page.keyboard.press("ArrowRight")
    page.mouse.move(0, 0)
    take(page, folder / f"replay-{theme}-{width}.png", width)


def line(page: Page, key: str) -> Locator:
    """Return a line of the tree."""
    return page.locator(f'[role=treeitem][data-key="{key}"]')


def select(page: Page, one: Locator, *, loaded: bool = True) -> None:
    """Select a process and move the pointer away; `loaded`: wait for its overview."""
    one.locator(".id").click()
    page.mouse.move(0, 0)
    if loaded:
        expect(page.locator("#process")).to_have_attribute("data-loaded", one.get_attribute("data-pid") or "")


def kill(address: str, name: str) -> None:
    """Kill a process by its name, as the page does."""
    ask(f"{address}/api/v1/processes/{name}", "DELETE", {"reason": "kill"})


def book(address: str, amount: int) -> None:
    """Call the ledger; a negative amount crashes it."""
    message = {"message": ["book", 1, amount], "message_type": "call"}
    with contextlib.suppress(urllib.error.HTTPError):
        ask(f"{address}/api/v1/processes/ledger/message", "POST", message)


def cast(address: str, name: str, message: object) -> None:
    """Send a cast to a process by its name."""
    ask(f"{address}/api/v1/processes/{name}/message", "POST", {"message": message, "message_type": "cast"})


def shoot_arsenal(browser: Browser, address: str, folder: Path, theme: str, width: int) -> None:
    """Take a picture of an operation found by a search, after its dry run.

    Raises:
        SystemExit: the page scrolls sideways.
    """
    page = open_page(browser, theme, width)
    page.goto(f"{address}/arsenal")
    expect(page.locator("#arsenal")).to_have_attribute("data-ready", "operations")
    page.get_by_role("searchbox").fill("kill a process")
    page.get_by_role("searchbox").press("Enter")
    page.get_by_role("combobox", name="Process").fill("ledger")
    page.get_by_role("heading", name="Kill a process").click()
    page.get_by_role("button", name="Dry run").click()
    expect(page.locator(".operation .would")).to_contain_text("ledger")
    take(page, folder / f"arsenal-{theme}-{width}.png", width)


def shoot_cluster(browser: Browser, address: str, data: Path, folder: Path, theme: str, width: int) -> None:
    """Take pictures of a cluster of three: its trees, and its members, one of which is lost with its counters.

    Raises:
        SystemExit: the page scrolls sideways.
    """
    superlearner = Path(sys.executable).with_name("superlearner")
    members: list[subprocess.Popen[bytes]] = []
    try:
        for name in ("b", "c"):
            command = [str(superlearner), "node", name, "--data-dir", str(data)]
            members.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        page = open_page(browser, theme, width)
        page.goto(f"{address}/cluster")
        shown = page.get_by_role("list", name="Members").get_by_role("listitem")
        expect(shown).to_have_count(3)
        counters = page.locator("placed-children tr[data-child]")
        expect(counters.and_(page.locator('[data-member="c@127.0.0.1"]'))).to_have_count(3)
        page.get_by_role("tab", name="Trees").click()
        for name in ("b", "c"):
            tree = page.get_by_role("region", name=f"Tree of {name}@127.0.0.1")
            expect(tree.get_by_role("link", name=re.compile(r"^c\d"))).to_have_count(3)
        page.evaluate("document.fonts.ready.then(() => true)")
        take(page, folder / f"cluster-trees-{theme}-{width}.png", width, last=False)
        page.get_by_role("tab", name="Members").click()
        members[1].kill()
        expect(page.get_by_text("c@127.0.0.1 was lost")).to_be_visible()
        expect(page.locator("placed-children .said")).to_have_text(re.compile(r"counters starts c\d on b"))
        if width < 600:
            page.locator("placed-children .ground").evaluate("(one) => one.scrollIntoView({block: 'center'})")
        page.mouse.move(0, 0)
        take(page, folder / f"cluster-{theme}-{width}.png", width)
    finally:
        for member in members:
            member.kill()
            member.wait()


def ask(url: str, method: str, body: object) -> None:
    """Send a request; raise if it is refused."""
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method=method)
    urllib.request.urlopen(request, timeout=10).close()


WITH_DATA = {shoot_sandboxes, shoot_cluster}
SHOTS: list[tuple[dict[str, Callable[..., None]], dict[str, str]]] = [
    ({"traces": shoot_traces}, {}),
    (
        {
            "supervisors": shoot, "arsenal": shoot_arsenal, "processes": shoot_processes, "pages": shoot_pages,
            "prediction": shoot_prediction, "game": shoot_game, "start": shoot_start, "system": shoot_system,
            "sandboxes": shoot_sandboxes, "cluster": shoot_cluster,
        },
        {"SUPERLEARNER_SCAN_INTERVAL": "0.25"},
    ),
]  # fmt: skip


def main(folder: Path, only: str | None = None) -> None:
    """Take all pictures, or those of one function, each on a freshly started platform."""
    superlearner = Path(sys.executable).with_name("superlearner")
    folder.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=60_000)  # no deadline: the machine may be busy
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        for shots, variables in SHOTS:  # separate platforms: no restarts are used up
            chosen = [shot for name, shot in shots.items() if only in (None, name)]
            for theme, width in product(THEMES, SIZES) if chosen else ():
                with tempfile.TemporaryDirectory() as data:
                    environment = {**os.environ, "HOME": data, **variables}
                    with serving(superlearner, Path(data), environment, "--data-dir", data) as (address, _):
                        for shot in chosen:
                            more = (Path(data),) if shot in WITH_DATA else ()
                            shot(browser, address, *more, folder, theme, width)
        browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tools.screenshots", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "docs" / "pictures")
    names = [name for shots, _ in SHOTS for name in shots]
    parser.add_argument("--only", choices=names, help="take the pictures of these pages alone")
    main(**vars(parser.parse_args()))
