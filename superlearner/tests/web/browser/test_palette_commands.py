"""Commands of the palette: they are confirmed after a prediction, and run as the reader may."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

import otp
from axe import broken_rules
from page_variants import VARIANTS
from page_width import SIDEWAYS

SECOND = "shop@127.0.0.1"


def typed(page: Page, question: str) -> Any:
    """The palette with this query."""
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Go to")
    expect(field).to_be_focused()
    field.fill(question)
    return field


def confirm(page: Page, title: str) -> None:
    expect(page.get_by_role("button", name=title)).to_be_focused()
    page.keyboard.press("Enter")


def pid_of(two_nodes: Any, name: str) -> Any:
    return two_nodes.do(lambda: two_nodes.node.whereis(name))


def test_a_kill_is_predicted_and_confirmed_with_the_keyboard(open_page: Callable[..., Page], two_nodes: Any) -> None:
    page = open_page(f"{two_nodes.url}/system?node={SECOND}", ready=False)
    before = pid_of(two_nodes, "ledger")
    page.get_by_role("combobox", name="Node").focus()
    field = typed(page, "kill led")
    option = page.get_by_role("option", name="Kill ledger", selected=True)
    expect(option).to_contain_text("checkout_sup, rest_for_one: it and those started after it are restarted")
    field.press("Enter")
    palette = page.get_by_role("dialog")
    expect(palette.get_by_role("heading", name="Kill ledger?")).to_be_visible()
    expect(
        palette.get_by_role("status").filter(has_text="checkout_sup (rest_for_one): ledger restarts")
    ).to_be_visible()
    expect(palette.get_by_role("button", name="Kill ledger")).to_be_focused()
    assert pid_of(two_nodes, "ledger") == before
    page.keyboard.press("Enter")
    expect(page.get_by_text("ledger was killed.")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("combobox", name="Node")).to_be_focused()
    assert pid_of(two_nodes, "ledger") != before


def test_escape_returns_to_the_query_and_nothing_is_done(open_page: Callable[..., Page], two_nodes: Any) -> None:
    page = open_page(f"{two_nodes.url}/system?node={SECOND}", ready=False)
    before = pid_of(two_nodes, "mailer")
    field = typed(page, "kill mailer")
    expect(page.get_by_role("option", name="Kill mailer", selected=True)).to_be_visible()
    for leave in ("Escape", "Cancel"):
        field.press("Enter")
        expect(page.get_by_role("button", name="Kill mailer")).to_be_focused()
        if leave == "Escape":
            page.keyboard.press("Escape")
        else:
            page.get_by_role("button", name="Cancel").click()
        expect(field).to_be_focused()
        expect(field).to_have_value("kill mailer")
        expect(page.get_by_role("option", name="Kill mailer", selected=True)).to_be_visible()
    field.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert pid_of(two_nodes, "mailer") == before


def test_strategy_and_budget_are_completed_and_set(open_page: Callable[..., Page], two_nodes: Any) -> None:
    page = open_page(f"{two_nodes.url}/system?node={SECOND}", ready=False)
    field = typed(page, "set checkout_sup ")
    acts = page.get_by_role("group", name="Commands").get_by_role("option")
    expect(acts.first).to_contain_text("Set checkout_sup one_for_one")
    expect(acts).to_have_count(4)
    field.press_sequentially("one_for_a")
    expect(acts).to_have_count(1)
    field.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("checkout_sup is rest_for_one now; it becomes one_for_all")
    confirm(page, "Set checkout_sup one_for_all")
    expect(page.get_by_text("checkout_sup is one_for_all now.")).to_be_visible()
    field = typed(page, "set checkout_sup max_r")
    expect(acts.first).to_contain_text("Set checkout_sup max_restarts …")
    field.press("Enter")
    expect(field).to_have_value("set checkout_sup max_restarts ")
    field.press_sequentially("7")
    expect(acts.first).to_contain_text("Set checkout_sup max_restarts 7")
    field.press("Enter")
    confirm(page, "Set checkout_sup max_restarts 7")
    expect(page.get_by_text("max_restarts of checkout_sup is 7 now.")).to_be_visible()
    flags = page.request.get(f"{two_nodes.url}/api/v1/supervisors/checkout_sup/flags?node={SECOND}").json()["data"]
    assert (flags["strategy"], flags["max_restarts"]) == ("one_for_all", 7)


def test_a_terminated_child_stays_down_until_it_is_restarted(open_page: Callable[..., Page], two_nodes: Any) -> None:
    page = open_page(f"{two_nodes.url}/system?node={SECOND}", ready=False)
    field = typed(page, "terminate mailer")
    expect(page.get_by_role("option", name="Terminate mailer", selected=True)).to_be_visible()
    field.press("Enter")
    confirm(page, "Terminate mailer")
    expect(page.get_by_text("mailer was terminated.")).to_be_visible()
    assert pid_of(two_nodes, "mailer") is None
    field = typed(page, "restart mailer")
    expect(page.get_by_role("option", name="Restart mailer", selected=True)).to_contain_text("stopped")
    field.press("Enter")
    confirm(page, "Restart mailer")
    expect(page.get_by_text("mailer was started.")).to_be_visible()
    assert pid_of(two_nodes, "mailer") is not None


def test_a_process_that_ends_while_the_question_is_open_is_reported(
    open_page: Callable[..., Page], two_nodes: Any
) -> None:
    page = open_page(f"{two_nodes.url}/system?node={SECOND}", ready=False)
    two_nodes.do(lambda: lonely(two_nodes))
    field = typed(page, "kill lonely")
    expect(page.get_by_role("option", name="Kill lonely", selected=True)).to_contain_text("it will not come back")
    field.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("lonely is not supervised: it will not come back.")
    two_nodes.do(lambda: gone(two_nodes))
    page.get_by_role("button", name="Kill lonely").click()
    expect(page.get_by_text("Kill lonely: there is no process")).to_be_visible()


async def lonely(two_nodes: Any) -> None:
    """A process without a supervisor."""

    async def life() -> None:
        otp.register("lonely", otp.self())
        await otp.receive(otp.Is("end"))

    two_nodes.node.spawn(life)
    await two_nodes.node.wait_registered("lonely")


async def gone(two_nodes: Any) -> None:
    """The end of that process."""
    pid = two_nodes.node.whereis("lonely")
    otp.send(pid, "end")
    await otp.wait_down(pid)


def test_an_unknown_name_is_reported_with_the_nearest(open_page: Callable[..., Page], two_nodes: Any) -> None:
    page = open_page(f"{two_nodes.url}/system?node={SECOND}", ready=False)
    typed(page, "kill lezger")
    told = "No process is called “lezger”; did you mean ledger?"
    expect(page.get_by_role("status").filter(has_text=told)).to_be_visible()
    expect(page.get_by_role("group", name="Commands").get_by_role("option")).to_contain_text("Kill ledger")


def test_a_reader_without_the_scope_is_told_so(open_page: Callable[..., Page], two_nodes: Any) -> None:
    page = open_page(f"{two_nodes.url}/system?node={SECOND}", ready=False)
    page.route(re.compile("/arsenal/whoami"), may_read)
    typed(page, "kill ledger")
    expect(page.locator("#palette .none")).to_contain_text("that needs the scope operate")
    expect(page.get_by_role("group", name="Commands")).to_have_count(0)


def may_read(route: Any) -> None:
    """The scopes of a reader who may look only."""
    answer = route.fetch()
    told = answer.json()
    told["data"]["may"] = ["read"]
    route.fulfill(response=answer, json=told)


def test_a_refusal_of_the_server_is_shown_before_the_action(open_page: Callable[..., Page], two_nodes: Any) -> None:
    page = open_page(f"{two_nodes.url}/system?node={SECOND}", ready=False)
    field = typed(page, "kill ledger")
    expect(page.get_by_role("option", name="Kill ledger", selected=True)).to_be_visible()
    error = {
        "success": False,
        "error": {"code": "missing_scope", "message": "the scope operate is needed", "status": 403},
    }
    page.route(re.compile("dry_run=true"), lambda route: route.fulfill(status=403, json=error))
    field.press("Enter")
    palette = page.get_by_role("dialog")
    expect(palette).to_contain_text("the scope operate is needed.")
    expect(palette.get_by_role("button", name="Kill ledger")).to_have_count(0)
    expect(palette.get_by_role("button", name="Cancel")).to_be_focused()


@pytest.mark.parametrize(
    ("word", "page_label"), [("traces", "Timeline"), ("replay", "Timeline"), ("processes", "Tree")]
)
def test_former_names_of_pages_find_them(
    open_page: Callable[..., Page], two_nodes: Any, word: str, page_label: str
) -> None:
    page = open_page(f"{two_nodes.url}/settings", ready=False)
    typed(page, word)
    options = page.get_by_role("group", name="Pages").get_by_role("option")
    expect(options.filter(has_text=page_label)).to_have_count(1)


@pytest.mark.parametrize(("theme", "width"), VARIANTS)
def test_no_rule_of_axe_is_broken_in_the_question(
    open_page: Callable[..., Page], two_nodes: Any, theme: str, width: int
) -> None:
    page = open_page(f"{two_nodes.url}/system?node={SECOND}", ready=False, theme=theme, width=width)
    field = typed(page, "kill lezger")
    expect(page.get_by_role("option", name="Kill ledger", selected=True)).to_be_visible()
    assert broken_rules(page) == []
    field.press("Enter")
    expect(page.get_by_role("button", name="Kill ledger")).to_be_focused()
    assert broken_rules(page) == []
    assert page.evaluate(SIDEWAYS) == 0
