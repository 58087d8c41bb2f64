"""A sandbox on a member of the cluster, chosen on the page, and lost with its member."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from playground_page import accessible

M1 = "m1@127.0.0.1"


def test_a_member_is_chosen_for_a_new_sandbox_which_is_lost_with_it(
    start: Callable[..., Any], superlearner: Callable[..., Any], open_page: Callable[..., Page]
) -> None:
    program = start()
    page = open_page(program.link, ready=False)
    page.goto(f"{program.url}/sandboxes?new")
    expect(page.locator("#sandboxes")).to_have_attribute("data-ready", "yes")
    place = page.get_by_label("Runs on")
    expect(place).to_be_hidden()
    assert 0 == superlearner("cluster", "start", "1", "--teaching").returncode
    try:
        expect(place).to_be_visible()
        expect(place.get_by_role("option")).to_have_text(["this platform", M1])
        place.select_option(M1)
        accessible(page)
        page.get_by_label("Name", exact=True).fill("demo")
        page.get_by_role("button", name="Run", exact=True).click()
        expect(page.locator("#one-status")).to_have_text("running")
        expect(page.locator("#one-counts")).to_contain_text(f"on {M1}")
        row = page.locator("sl-tree").get_by_text("counter", exact=True)
        expect(row.first).to_be_visible()
        page.get_by_role("link", name="All sandboxes").click()
        expect(page.get_by_role("columnheader", name="Runs on")).to_be_visible()
        expect(page.get_by_role("row", name=re.compile(f"^demo running .*{M1}"))).to_be_visible()
        accessible(page)
        page.set_viewport_size({"width": 390, "height": 844})
        accessible(page)
        page.set_viewport_size({"width": 1280, "height": 900})
        page.get_by_role("link", name="demo", exact=True).click()
        os.kill(json.loads((program.data_dir / "members" / "begun.json").read_text())["m1"][0], signal.SIGKILL)
        expect(page.locator("#one-reason")).to_contain_text(f"{M1} was lost, and demo with it")
        page.get_by_role("button", name="Run", exact=True).click()
        expect(page.locator("#said")).to_contain_text(f"{M1} has been lost since")
        page.goto(f"{program.url}/sandboxes?new")
        expect(page.locator("#sandboxes")).to_have_attribute("data-ready", "yes")
        expect(place).to_be_hidden()
    finally:
        superlearner("cluster", "stop")
