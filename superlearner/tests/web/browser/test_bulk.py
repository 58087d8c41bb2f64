"""Bulk actions: announced before, visible while they run, summed up afterwards."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from page_tree import line

SHOP = "app/shop_sup"
LEDGER = f"{SHOP}/ledger"


def step(child: str, strategy: str, started: int, used: int, outcome: str = "restarts") -> dict[str, Any]:
    return {
        "supervisor": "0.1.0", "child": child, "strategy": strategy, "outcome": outcome, "started_count": started,
        "stopped_count": started - 1, "restarts_used": used, "max_restarts": 3, "max_seconds": 5.0,
        "words": f"{child} is not started again",
    }  # fmt: skip


def choose(page: Page, *keys: str) -> None:
    line(page, keys[0]).locator(".id").click()
    for key in keys[1:]:
        line(page, key).locator(".id").click(modifiers=["Control"])


def test_the_question_says_what_will_happen_supervisor_by_supervisor(page: Page, platform: Any) -> None:
    platform.delta(p=[[SHOP, {"children": 3}]])
    platform.predictions = {
        "ledger": step("ledger", "rest_for_one", 2, 2),
        "0.81.0": step("order 81", "dynamic", 1, 1, "gone"),
    }
    choose(page, LEDGER, "app/pool/0.81.0")
    page.get_by_role("button", name="Kill 2 selected").click()
    told = page.get_by_role("dialog").locator("#bulk-list li")
    expect(told).to_have_text(
        [
            "shop_sup (rest_for_one): ledger and the 1 after it will restart; "
            "2 of 3 restarts left in 5 s, this takes one.",
            "pool (dynamic): order 81 is not started again.",
        ]
    )
    assert platform.asked == []
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    platform.predictions["ledger"] = step("ledger", "one_for_all", 3, 3)
    line(page, f"{SHOP}/cart").locator(".id").click()
    line(page, LEDGER).locator(".id").click(modifiers=["Control"])
    page.get_by_role("button", name="Kill 2 selected").click()
    expect(told).to_have_text(
        "shop_sup (rest_for_one): all 3 children will restart; "
        "1 of 3 restarts left in 5 s, this takes up to 2: it would give up."
    )
    expect(told).to_have_attribute("data-level", "bad")


def test_skipped_processes_are_listed_and_an_empty_result_is_reported(page: Page, platform: Any) -> None:
    platform.delta(p=[[LEDGER, {"state": "stopped", "pid": None}]])
    choose(page, LEDGER, "app/web", f"{SHOP}/cart")
    page.get_by_role("button", name="Kill 3 selected").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Left out: ledger (it does not run), web (the platform needs it).")
    dialog.get_by_role("button", name="Kill 1 process").click()
    expect(page.locator(".toast")).to_contain_text("Killed 1 process.")
    assert [path for _, path, _ in platform.asked] == [f"/api/v1/processes/{pid_of(page, f'{SHOP}/cart')}"]
    choose(page, LEDGER, "app/web")
    page.get_by_role("button", name="Kill 2 selected").click()
    expect(page.locator(".toast").last).to_contain_text("Nothing to kill.")


def pid_of(page: Page, key: str) -> str | None:
    return line(page, key).get_attribute("data-pid")


@pytest.mark.parametrize("action", ["restart", "terminate"])
def test_children_of_a_supervisor_are_restarted_or_stopped_with_one_request(
    page: Page, platform: Any, action: str
) -> None:
    shop = pid_of(page, SHOP)
    choose(page, f"{SHOP}/mailer", LEDGER)
    page.get_by_role("button", name=f"{action.title()} 2 selected").click()
    page.get_by_role("dialog").get_by_role("button", name=f"{action.title()} 2 processes").click()
    expect(page.locator(".toast")).to_contain_text(f"{action.title()}ed 2 processes.".replace("eed", "ed"))
    body = {"action": action, "children": ["ledger", "mailer"]}
    assert platform.asked == [("POST", f"/api/v1/supervisors/{shop}/children/bulk", body)]


def test_failures_are_listed_and_the_rest_is_done(page: Page, platform: Any, failure: Callable[..., Any]) -> None:
    cart = pid_of(page, f"{SHOP}/cart")
    evil = "<b>no</b>"
    platform.on_command = lambda _m, path, _b: failure("forbidden", evil, 403) if path.endswith(str(cart)) else None
    choose(page, LEDGER, f"{SHOP}/cart")
    page.get_by_role("button", name="Kill 2 selected").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Kill 2 processes").click()
    expect(dialog.get_by_role("list", name="What failed").get_by_role("listitem")).to_have_text(f"cart {evil}")
    expect(dialog).to_contain_text("Killed 1 process, 1 failed.")
    dialog.get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_long_action_shows_its_progress_and_can_be_stopped(
    page: Page, platform: Any, row: Callable[..., Any]
) -> None:
    go = threading.Event()

    def wait(*_: Any) -> None:
        go.wait(20)

    platform.delta(n=[row(f"{SHOP}/w{number}", after=None) for number in range(40)])
    expect(line(page, f"{SHOP}/w39")).to_be_visible()
    platform.on_command = wait
    page.locator("#find").fill("w")
    page.get_by_role("button", name="Filters").click()
    page.get_by_role("button", name="Kind").click()
    page.get_by_role("group", name="Kind").get_by_label("worker").check()
    page.keyboard.press("Escape")
    page.locator("#find").fill("w1")
    page.get_by_role("button", name="Select all 11").click()
    page.get_by_role("button", name="Kill 11 selected").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Kill 11 processes").click()
    expect(dialog.get_by_role("progressbar")).to_be_visible()
    dialog.get_by_role("button", name="Stop").click()
    go.set()
    expect(page.locator(".toast")).to_contain_text("Killed 6 processes, stopped before 5 more.")
    assert len(platform.asked) == 6
