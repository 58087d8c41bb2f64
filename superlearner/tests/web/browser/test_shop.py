"""The page on the real platform: the shop's strategies, a give-up, a dynamic child, a user's own tree."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
from playwright.sync_api import Page, expect
from tools.serving import serving

from page_tree import line

OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}
SUPERLEARNER = Path(sys.executable).with_name("superlearner")
PLAYGROUND = "superlearner/playground"
DEMO = f"{PLAYGROUND}/demo_one_for_one"
CHECKOUT = f"{PLAYGROUND}/shop/checkout_sup"
WAREHOUSE = f"{PLAYGROUND}/shop/warehouse_sup"
ORDERS = f"{PLAYGROUND}/shop/orders"


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., tuple[str, subprocess.Popen[str]]]]:
    """Starts a platform of the test's own: ``address, process = run("shop.py:Shop")``."""
    with ExitStack() as stack:

        def start(*arguments: str) -> tuple[str, subprocess.Popen[str]]:
            data = str(tmp_path / "data")
            environment = {**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
            return stack.enter_context(serving(SUPERLEARNER, tmp_path, environment, "--data-dir", data, *arguments))

        yield start


@pytest.fixture
def shop(real_platform: Any, open_page: Callable[..., Page]) -> Page:
    """The page of a platform that has just begun."""
    return open_page(f"{real_platform.url}/supervisors")


def pids(page: Page, supervisor: str) -> dict[str, str | None]:
    """Child → pid, in order."""
    lines = page.locator(f'[role=treeitem][data-key^="{supervisor}/"]:not([data-gone])')
    return {
        (one.get_attribute("data-key") or "").rpartition("/")[2]: one.get_attribute("data-pid") for one in lines.all()
    }


@pytest.mark.parametrize(
    ("supervisor", "child", "restarted", "words"),
    [
        (DEMO, "counter_1", ["counter_1"], "demo_one_for_one (one_for_one) restarted counter_1"),
        (CHECKOUT, "ledger", ["ledger", "cart", "mailer"],
         "checkout_sup (rest_for_one) restarted ledger, and with it cart and mailer"),
        (CHECKOUT, "cart", ["cart", "mailer"], "checkout_sup (rest_for_one) restarted cart, and with it mailer"),
        (CHECKOUT, "mailer", ["mailer"], "checkout_sup (rest_for_one) restarted mailer"),
        (WAREHOUSE, "robot", ["shelves", "robot"], "warehouse_sup (one_for_all) restarted robot, and with it shelves"),
    ],
)  # fmt: skip
def test_a_killed_child_comes_back_with_those_its_strategy_names(
    shop: Page, looks: Callable[..., Any], supervisor: str, child: str, restarted: list[str], words: str
) -> None:
    before = pids(shop, supervisor)
    seen = {name: looks(shop, f"{supervisor}/{name}") for name in before}
    line(shop, f"{supervisor}/{child}").locator(".kill").click()
    for name, pid in before.items():
        one = line(shop, f"{supervisor}/{name}")
        if name in restarted:
            expect(one).not_to_have_attribute("data-pid", pid or "")
            expect(one).to_have_attribute("data-restarts", "1" if name == child else "0")
            expect(one).to_have_attribute("data-look", "running")
            assert seen[name]()[0] in (("crashed",) if name == child else ("restarting", "exiting"))
        else:
            expect(one).to_have_attribute("data-pid", pid or "")
            expect(one).to_have_attribute("data-restarts", "0")
            assert seen[name]() == []
    expect(line(shop, f"{supervisor}/{child}")).not_to_have_attribute("data-pending", "")
    assert list(pids(shop, supervisor)) == list(before)
    expect(shop.locator("#events li", has_text="was killed").first).to_contain_text(
        f"{child} was killed; {words}; 2 of 3 restarts left in 5 s"
    )


@pytest.mark.page("/supervisors")
def test_a_crash_is_shown_with_its_reason(shop: Page) -> None:
    line(shop, f"{DEMO}/counter_2").click()
    shop.get_by_label("Message as JSON").fill("crash")
    shop.get_by_label("Message as JSON").press("Enter")
    expect(shop.locator("#events li", has_text="crashed").first).to_contain_text(
        re.compile(r"^counter_2 crashed: RuntimeError\('crashed on request'\); demo_one_for_one")
    )
    expect(line(shop, f"{DEMO}/counter_2").locator(".why")).to_have_text("after RuntimeError('crashed on request')")
    shop.get_by_role("tab", name="Why").click()
    exits = shop.locator("#process .lives-table")
    expect(exits).to_contain_text("RuntimeError('crashed on request')")
    expect(shop.locator("sl-history")).to_contain_text("crash")


def test_a_message_changes_the_state_in_the_pane(shop: Page) -> None:
    line(shop, f"{DEMO}/counter_2").click()
    expect(shop.locator("#process pre")).to_have_text("100")
    shop.get_by_label("Message as JSON").fill('["add", 11]')
    shop.get_by_label("Message as JSON").press("Enter")
    expect(shop.locator("#process pre")).to_have_text("111")
    shop.get_by_label("Kind of message").select_option("call")
    shop.get_by_label("Message as JSON").fill("get_value")
    shop.get_by_role("button", name="Send", exact=True).click()
    expect(shop.locator(".answer")).to_have_text("Answer: 111")


SAID = """() => {
  [window.said, window.states] = [[], []];
  new MutationObserver(() => {
    window.said.push(document.querySelector('#events [data-kind="gave_up"] p')?.textContent ?? "");
    window.states.push(document.querySelector('[role=treeitem][data-state="gave_up"] .st')?.textContent ?? "");
  }).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
}"""


def test_a_fourth_kill_within_the_window_makes_the_supervisor_give_up_and_it_starts_again(
    shop: Page, looks: Callable[..., Any], real_platform: Any
) -> None:
    flags = f"{real_platform.url}/api/v1/supervisors/demo_one_for_one/flags"
    longer = httpx.put(flags, json={"max_seconds": 100}, headers=OWNER, timeout=90)  # a slow page takes more than 5 s
    assert longer.is_success, longer.text
    counter, supervisor = line(shop, f"{DEMO}/counter_1"), line(shop, DEMO)
    first = supervisor.get_attribute("data-pid") or ""
    seen = looks(shop, DEMO)
    for left in (2, 1, 0):
        pid = counter.get_attribute("data-pid") or ""
        counter.locator(".kill").click()
        expect(counter).not_to_have_attribute("data-pid", pid)
        expect(supervisor.locator(".bu")).to_have_text(f"{left} of 3 restarts left in 100 s")
    shop.evaluate(SAID)  # a page under load may be late for what is true for a second
    counter.locator(".kill").click()
    told = shop.locator('#events [data-kind="gave_up"] p')
    gave_up = (
        "demo_one_for_one gave up: max_restarts=3 allows 3 restarts in 100 s, "
        "and a 4th was needed (last: counter_1 was killed); "
    )
    expect(told).to_contain_text(f"{gave_up}playground")
    expect(told).to_contain_text("restarted it")
    said = shop.evaluate("window.said")
    assert any(re.match(re.escape(gave_up) + "playground.* restarts it in 1 s", text) for text in said), said
    assert any("gave up" in text for text in shop.evaluate("window.states"))
    expect(supervisor).to_have_attribute("data-state", "running")
    expect(supervisor).not_to_have_attribute("data-pid", first)
    expect(supervisor.locator(".bu")).to_have_text("3 of 3 restarts left in 5 s")
    expect(counter).to_have_attribute("data-state", "running")
    assert "gave_up" in seen()


def test_a_killed_order_starts_again_as_a_new_row(shop: Page) -> None:
    first = shop.locator(f'[role=treeitem][data-key^="{ORDERS}/"]:not([data-gone])').first
    first.wait_for()
    key, pid = first.get_attribute("data-key") or "", first.get_attribute("data-pid") or ""
    line(shop, key).locator(".id").click()
    shop.locator("#process").get_by_role("button", name=re.compile("^Kill")).click()
    expect(line(shop, key)).to_have_count(0)
    expect(shop.locator("#process .tag")).to_have_text("gone")
    told = shop.locator("#events li p", has_text=f"{pid} was killed; orders (dynamic) restarted it as")
    expect(told).to_have_count(1)
    told.get_by_role("button").first.click()
    expect(shop.locator("#process .tag")).to_have_text("running")


def test_the_owner_can_kill_the_server_itself_and_the_page_comes_back(shop: Page) -> None:
    shop.goto(urljoin(shop.url, "/sign-in?next=%2Fsupervisors"))
    shop.get_by_label("Token").fill("a-token-of-the-tests-that-is-long-enough")
    shop.keyboard.press("Enter")
    expect(shop.locator("#supervisors")).to_have_attribute("data-ready", "tree")
    shop.get_by_role("treeitem", name=re.compile("^superlearner, ")).focus()
    shop.keyboard.press("ArrowRight")
    live = line(shop, "superlearner/services/live")
    pid = live.get_attribute("data-pid") or ""
    live.locator(".kill").click()
    shop.get_by_role("dialog").get_by_role("button", name="Kill live").click()
    expect(line(shop, "superlearner/services/live")).not_to_have_attribute("data-pid", pid)
    expect(shop.locator("#live")).to_have_attribute("data-status", "live")


def test_the_readers_trees_come_first_and_the_platforms_is_closed_until_it_is_opened(shop: Page) -> None:
    trees = shop.get_by_role("treeitem").and_(shop.locator("[aria-level='1']"))
    expect(trees.first).to_have_accessible_name(re.compile("^demo_one_for_one, "))
    platform = shop.get_by_role("treeitem", name=re.compile("^superlearner, "))
    expect(platform).to_have_attribute("aria-expanded", "false")
    expect(platform).to_contain_text("the platform")
    shop.get_by_role("searchbox", name="Find a process").fill("guardian")
    expect(shop.get_by_role("treeitem", name=re.compile("^guardian, "))).to_be_visible()
    shop.get_by_role("searchbox", name="Find a process").fill("")
    platform.focus()
    shop.keyboard.press("ArrowRight")
    expect(shop.get_by_role("treeitem", name=re.compile("^guardian, "))).to_be_visible()
    expect(shop).to_have_url(re.compile("platform=open"))
    shop.reload()
    expect(shop.get_by_role("treeitem", name=re.compile("^guardian, "))).to_be_visible()
    line(shop, f"{CHECKOUT}/ledger").locator(".id").click()
    expect(shop.get_by_role("region", name="Process details").get_by_role("heading", name="ledger")).to_be_visible()


def test_the_page_finds_a_platform_that_was_started_again(
    run: Callable[..., Any], open_page: Callable[..., Page]
) -> None:
    address, process = run()
    page = open_page(f"{address}/supervisors")
    process.terminate()
    expect(page.locator("#live")).to_have_attribute("data-status", "lost")
    expect(page.locator("#lost-text")).to_contain_text("The connection is lost")
    assert process.wait(10) == 0
    run("--port", address.rpartition(":")[2])
    expect(page.locator("#live")).to_have_attribute("data-status", "live")
    expect(page.locator("#lost")).to_be_hidden()
    expect(line(page, f"{DEMO}/counter_1")).to_have_attribute("data-state", "running")


OWN = """
import asyncio
import time

from otp import Children, GenServer, NoReply, Ok, Supervisor


class Sleeper(GenServer[int]):
    def init(self, arg):
        return Ok(0)

    async def handle_cast(self, request, state):
        if request == "wait":
            await asyncio.Event().wait()
        end = time.monotonic() + 5.5
        while time.monotonic() < end:
            pass
        return NoReply(state)


class Own(Supervisor):
    def init(self, arg):
        sleeper = Sleeper.child_spec(None, id="<b>bold</b>", name="<img src=x onerror=alert(1)>")
        return Children([sleeper], strategy="one_for_one")
"""


def test_a_tree_of_ones_own_with_html_for_names(
    run: Callable[..., Any], open_page: Callable[..., Page], tmp_path: Path
) -> None:
    (tmp_path / "own.py").write_text(OWN)
    address, _ = run("own.py:Own")
    page = open_page(f"{address}/supervisors")
    child = page.locator("[role=treeitem]", has_text="<img src=x onerror=alert(1)>")
    expect(child).to_have_count(1)
    child.locator(".id").click()
    expect(page.locator("#process dd", has_text="<b>bold</b>")).to_be_visible()
    pid = child.get_attribute("data-pid") or ""
    child.locator(".kill").click()
    expect(child).not_to_have_attribute("data-pid", pid)
    expect(page.locator("#events li", has_text="was killed").first).to_contain_text("was killed")
    assert page.locator("main img, aside img, main b b").count() == 0


def test_a_callback_that_does_not_return_is_said_on_the_page_while_it_holds_everybody_up(
    run: Callable[..., Any], open_page: Callable[..., Page], tmp_path: Path
) -> None:
    (tmp_path / "own.py").write_text(OWN)
    address, _ = run("own.py:Own")
    page = open_page(f"{address}/supervisors")
    page.locator("[role=treeitem]", has_text="<img src=x onerror=alert(1)>").locator(".id").click()
    page.get_by_label("Message as JSON").fill("sleep")
    page.get_by_label("Message as JSON").press("Enter")
    expect(page.locator("#live")).to_have_attribute("data-status", "silent")
    expect(page.locator("#lost-text")).to_contain_text("The server is not answering since")
    expect(page.locator("#live")).to_have_attribute("data-status", "live")
    expect(page.locator("#lost")).to_be_hidden()


def test_one_process_that_does_not_return_is_marked_and_can_be_killed(
    run: Callable[..., Any], open_page: Callable[..., Page], tmp_path: Path
) -> None:
    (tmp_path / "own.py").write_text(OWN)
    address, _ = run("own.py:Own")
    page = open_page(f"{address}/supervisors")
    one = page.locator("[role=treeitem]", has_text="<img src=x onerror=alert(1)>")
    one.locator(".id").click()
    page.get_by_label("Message as JSON").fill("wait")
    page.get_by_label("Message as JSON").press("Enter")
    expect(one).to_have_attribute("data-state", "stuck")
    expect(one.locator(".st")).to_have_text("not answering")
    expect(one.locator(".why")).to_contain_text("handle_cast")
    expect(page.locator("#process .plain")).to_contain_text("has not returned")
    expect(page.locator("#live")).to_have_attribute("data-status", "live")
    page.locator("#process").get_by_role("button", name="Kill").click()
    expect(one).to_have_attribute("data-state", "running")
    expect(one).to_have_attribute("data-restarts", "1")


def test_the_keyboard_alone_is_enough(shop: Page) -> None:
    shop.keyboard.press("/")
    shop.keyboard.type("robot")
    shop.keyboard.press("Enter")
    expect(shop.locator(":focus")).to_have_attribute("data-key", f"{WAREHOUSE}/robot")
    pid = shop.locator(":focus").get_attribute("data-pid") or ""
    shop.keyboard.press("Delete")
    expect(line(shop, f"{WAREHOUSE}/robot")).not_to_have_attribute("data-pid", pid)
    expect(shop.locator(":focus")).to_have_attribute("data-key", f"{WAREHOUSE}/robot")


def test_an_unknown_page_says_so_in_the_same_house(untouched: Any, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{untouched.url}/nowhere", ready=False)
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
    page.get_by_role("link", name="Go to the supervision tree").click()
    expect(page.locator("#supervisors")).to_have_attribute("data-ready", "tree")
