"""The cost of playing an hour: no memory stays in use."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from otp.trace import Row, pack

SUP, LEDGER, CART = "<0.2.0>", "<0.3.0>", "<0.4.0>"
PEOPLE: list[dict[str, str | None]] = [
    {"process": SUP, "parent": None, "name": "shop_sup", "what": "ShopSup"},
    {"process": LEDGER, "parent": SUP, "name": "ledger", "what": "Ledger"},
    {"process": CART, "parent": SUP, "name": "cart", "what": "Cart"},
]
RESTART = {"used": 1, "allowed": 3, "window": 5, "strategy": "one_for_one", "reason": "ValueError"}


def hour(events: int) -> bytes:
    """Twenty events a second; every thousandth second or so the ledger crashes and starts again."""
    rows: list[Row] = []
    ledger, number = LEDGER, 10
    while len(rows) < events:
        seq = len(rows) + 1
        at = seq * 50_000_000
        if seq % 1000 == 0:
            fresh = f"<0.{number}.0>"
            number += 1
            done = {"id": "ledger", "child": ledger, "reason": "ValueError", "by": "exit"}
            again = {"id": "ledger", "child": fresh, "old": ledger, **RESTART}
            rows += [
                Row(seq, at, "shop", "exited", ledger, 0, {"reason": "ValueError"}),
                Row(seq + 1, at, "shop", "child_terminated", SUP, seq, done),
                Row(seq + 2, at, "shop", "spawned", fresh, 0, {"parent": SUP, "name": "ledger", "what": "Ledger"}),
                Row(seq + 3, at, "shop", "child_restarted", SUP, seq, again),
            ]
            ledger = fresh
        elif seq % 2:
            rows.append(
                Row(seq, at, "shop", "sent", CART, 0, {"to": ledger, "way": "cast", "message": f"('n', {seq})"})
            )
        else:
            before = rows[-1]
            cause = before.seq if before.kind == "sent" else 0
            rows.append(
                Row(seq, at, "shop", "received", ledger, cause, {"way": "cast", "message": f"('n', {seq - 1})"})
            )
    return pack(rows[:events], node="shop", processes=PEOPLE, started=1000.0)


def play_until(page: Page, place: int) -> None:
    """Let the clock of the page run until so many events were played."""
    player = page.locator("#replay")
    for _ in range(1_000):
        if int(player.get_attribute("data-place") or 0) >= place:
            return
        page.clock.run_for(250)
    raise AssertionError(f"expected {place} events to be played, got {player.get_attribute('data-place')}")


@pytest.mark.slow
@pytest.mark.timeout(300)  # alone, it plays for a minute
def test_playing_an_hour_at_twenty_times_its_speed_adds_nothing_to_what_the_page_holds(
    open_page: Callable[..., Page], start: Callable[..., Any]
) -> None:
    program = start(SUPERLEARNER_MAX_BODY="50000000")
    with program.client() as client:
        body = {"name": "hour", "content": base64.b64encode(hour(72_000)).decode()}
        assert client.post("/api/v1/recordings/file", json=body).status_code == 200
    page = open_page("about:blank", ready=False)
    page.clock.install()
    page.goto(f"{program.url}/timeline?view=replay&recording=hour")
    expect(page.locator("#replay")).to_have_attribute("data-ready", "yes", timeout=120_000)
    page.get_by_label("Even steps").uncheck()
    page.get_by_label("Speed").select_option(label="20×")
    page.get_by_role("tab", name="Tree").click()
    probe = page.context.new_cdp_session(page)

    def heap() -> float:
        for _ in range(3):
            probe.send("HeapProfiler.collectGarbage")
        return probe.send("Runtime.getHeapUsage")["usedSize"]

    page.get_by_role("button", name="Play").click()
    play_until(page, 3_600)
    after_3600 = heap()
    play_until(page, 72_000)
    after_all = heap()
    assert after_all <= after_3600 * 1.05, (after_3600, after_all)
