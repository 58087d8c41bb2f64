"""The page of the operations on a real platform: search, forms, dry runs, results, and missing scopes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from axe import broken_rules
from page_variants import VARIANTS
from page_width import SIDEWAYS


@pytest.fixture(scope="module")
def running(start_for_all: Callable[..., Any]) -> Any:
    """A platform that these tests kill processes of."""
    return start_for_all()


@pytest.fixture
def arsenal(open_page: Callable[..., Page], running: Any) -> Callable[..., Page]:
    """Opens the page: ``arsenal("?operation=process.kill", width=390)``."""

    def show(address: str = "", **how: Any) -> Page:
        page = open_page(f"{running.url}/arsenal{address}", ready=False, **how)
        expect(page.locator("#arsenal")).to_have_attribute("data-ready", "operations", timeout=20_000)
        return page

    return show


def field(page: Page, name: str) -> Locator:
    return page.locator(f"[data-field={name}]")


def looks(page: Page, look: str) -> Locator:
    result = page.locator("sl-result")
    expect(result).to_have_attribute("data-look", look, timeout=20_000)
    return result


def pid_of(running: Any, name: str) -> str:
    with running.client() as client:
        return client.get(f"/api/v1/processes/{name}/info").json()["data"]["pid"]


@pytest.mark.page("/arsenal")
def test_a_newcomer_kills_a_process_and_sees_the_same_for_every_interface(arsenal: Callable[..., Page]) -> None:
    page = arsenal()
    expect(page.get_by_role("link", name="Kill a process and see who restarts it")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("kill a process")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Kill a process")).to_be_visible()
    process = page.get_by_role("combobox", name="Process")
    expect(process).to_be_focused()
    page.keyboard.type("counter_1")
    option = page.locator("sl-picker").get_by_role("option")
    expect(option).to_have_count(1)
    before = option.locator("span").inner_text()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(process).to_have_value("counter_1")
    page.get_by_role("button", name="Dry run").click()
    expect(looks(page, "dry")).to_contain_text("nothing was changed")
    expect(page.locator(".operation .would")).to_contain_text("send the exit signal kill to counter_1")
    expect(page.locator(".operation .would")).to_contain_text("demo_one_for_one")
    page.keyboard.press("Control+Enter")
    result = looks(page, "ok")
    expect(result.get_by_role("treeitem", name=re.compile("terminated true"))).to_be_visible()
    assert before.startswith(result.get_by_role("link").first.inner_text())
    same = page.locator("#same")
    expect(same).to_contain_text("process kill counter_1")
    expect(same).to_contain_text('process.kill("counter_1")')
    expect(same).to_contain_text(re.compile(r"curl -s -X DELETE http://[\d.:]+/api/v1/processes/counter_1"))


def test_the_address_fills_the_form_and_never_runs_it(arsenal: Callable[..., Page], running: Any) -> None:
    before = pid_of(running, "counter_2")
    page = arsenal("?operation=process.kill&pid=counter_2&reason=%3Cb%3Ebye&force=true")
    expect(field(page, "pid").locator("input")).to_have_value("counter_2")
    expect(field(page, "reason").locator("input")).to_have_value("<b>bye")
    expect(field(page, "force").locator("input")).to_be_checked()
    expect(page.locator("#same")).to_contain_text("'<b>bye'")
    looks(page, "none")
    assert pid_of(running, "counter_2") == before
    page.goto(f"{running.url}/arsenal?operation=%3Cimg%3E")
    expect(page.get_by_role("heading", name="There is no such operation")).to_be_visible()


def test_a_destructive_operation_needs_a_dry_run_first_and_again_after_a_change(
    arsenal: Callable[..., Page], running: Any
) -> None:
    page = arsenal("?operation=supervisor.terminate_child&name=demo_one_for_one&child=printer_1")
    run = page.get_by_role("button", name="Stop a child")
    dry = page.get_by_role("button", name="Dry run")
    expect(dry).to_be_visible()
    expect(run).to_have_count(0)
    page.keyboard.press("Control+Enter")
    expect(page.locator(".operation .would")).to_contain_text("printer_1")
    expect(page.locator(".operation .acts button.danger")).to_be_focused()
    field(page, "child").locator("input").fill("counter_2")
    expect(page.locator(".operation .acts button.danger")).to_have_count(0)
    dry.click()
    page.locator(".operation .acts button.danger").click()
    looks(page, "ok")
    with running.client() as client:
        back = "/api/v1/supervisors/demo_one_for_one/children/counter_2/restart"
        assert client.post(back).json()["success"]


def test_a_refusal_stands_beside_its_field_and_in_words(arsenal: Callable[..., Page]) -> None:
    page = arsenal("?operation=process.message&pid=counter_1")
    send = page.get_by_role("button", name="Send a message")
    send.click()
    expect(field(page, "message").locator(".wrong")).to_have_text("This is needed.")
    expect(field(page, "message").locator("textarea")).to_be_focused()
    field(page, "message").locator("textarea").fill('["add", 41')
    send.click()
    expect(field(page, "message").locator(".wrong")).to_contain_text("Expected JSON")
    page.goto(page.url.partition("?")[0] + "?operation=process.info&pid=nobody")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(looks(page, "bad").locator(".refused")).to_contain_text("process_not_found")
    expect(page.locator("sl-result .facts")).to_contain_text("404")


def test_the_server_refuses_a_field_and_it_is_marked(arsenal: Callable[..., Page]) -> None:
    page = arsenal("?operation=audit.list&since=5")
    page.goto(page.url.partition("?")[0] + "?operation=events.stream&types=spawnt")
    field(page, "limit").locator("input").fill("1")
    told = {"error": {"code": "validation_error", "message": "types: no", "status": 422,
                      "details": [{"field": "query.types.0", "problem": "no <b>type</b>", "hint": "spawned?"}]},
            "success": False}  # fmt: skip
    answer: Callable[[Route], None] = lambda route: route.fulfill(status=200, json=told)
    page.route("**/api/v1/events?*", answer)
    page.get_by_role("button", name="Open the stream").click()
    expect(field(page, "types").locator(".wrong")).to_have_text("0: no <b>type</b>; spawned?")
    expect(field(page, "types").locator("textarea")).to_have_attribute("aria-invalid", "true")


def test_missing_values_are_listed_apart_from_the_lines(arsenal: Callable[..., Page]) -> None:
    page = arsenal("?operation=process.kill")
    missing = page.locator("#same").get_by_text("Still to fill in:")
    expect(missing).to_be_visible()
    below = page.locator("#same .door").first.evaluate("(one) => one.getBoundingClientRect().top")
    assert below - missing.evaluate("(one) => one.getBoundingClientRect().bottom") >= 8


def test_a_stream_comes_as_it_happens_until_it_is_stopped(arsenal: Callable[..., Page], running: Any) -> None:
    page = arsenal("?operation=events.stream&types=operation_done")
    page.get_by_role("button", name="Open the stream").click()
    result = looks(page, "streaming")
    expect(result).to_contain_text("It is open")
    with running.client() as client:
        client.post("/api/v1/processes/counter_1/message", json={"message": "<i>x"})
    expect(result.get_by_role("listitem")).to_contain_text(["anonymous did process.message"])
    result.get_by_role("button", name="Stop").click()
    expect(result.locator(".result-status")).to_contain_text("Stopped · 1 event")


def test_a_list_is_a_table_that_is_sorted_and_a_tree_whose_paths_are_copied(arsenal: Callable[..., Page]) -> None:
    page = arsenal("?operation=process.list")
    page.keyboard.press("Control+Enter")
    result = looks(page, "ok")
    names = result.locator("tbody tr td:nth-child(2)")
    head = result.get_by_role("columnheader", name=re.compile(r"^name\b"))
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    shown = [one for one in names.all_inner_texts() if one != "–"]
    assert shown == sorted(shown, key=str.lower)
    assert (result.get_by_role("link").first.get_attribute("href") or "").startswith("/supervisors?process=0.")
    result.get_by_role("button", name="Tree").click()
    result.get_by_role("treeitem").first.focus()
    for key in ("ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    expect(result.locator(".result-path code")).to_have_text("data[0].pid")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(result.locator(".result-path code")).to_have_text("data[0]")


def test_the_history_of_the_tab_is_run_again_and_keeps_no_secret(arsenal: Callable[..., Page]) -> None:
    page = arsenal("?operation=process.memory&pid=counter_1")
    page.keyboard.press("Control+Enter")
    looks(page, "ok")
    page.reload()
    page.get_by_role("tab", name="History 1").click()
    page.get_by_role("button", name="Run Estimate the memory of a process again").click()
    looks(page, "ok")
    expect(page.locator("#runs li")).to_have_count(2)
    expect(page.locator("#runs li").first).to_contain_text("pid=counter_1")
    kept = page.evaluate(
        """async () => (await import("/static/arsenal/run-history.js")).withoutSecrets(
            {name: "auth_token", value: "s3cret", more: {password: "s3cret"}, other: 1}, [])"""
    )
    assert kept == {"values": {"name": "auth_token", "other": 1}, "hidden": ["value", "more"]}


def test_without_the_scope_the_page_says_what_is_required(arsenal: Callable[..., Page]) -> None:
    page = arsenal("?operation=code.reload&module=shop")
    expect(page.locator(".operation .note")).to_contain_text("You are anonymous and have read, operate")
    expect(page.get_by_role("link", name="sign in")).to_have_attribute("href", re.compile("next=%2Farsenal"))
    expect(page.locator(".operation .acts button").first).to_be_disabled()
    expect(page.locator("#same")).to_contain_text(re.compile(r"\$\(superlearner --data-dir \S+ token\)"))
    page.get_by_role("tab", name="Audit log").click()
    expect(page.locator("#audit")).to_contain_text("needs the scope code")


def test_the_audit_log_is_filtered_and_goes_on_by_itself(
    open_page: Callable[..., Page], running: Any, arsenal: Callable[..., Page]
) -> None:
    token = (running.data_dir / "token").read_text().strip()
    with running.client() as client:
        client.post("/api/v1/processes/counter_1/message", json={"message": "a"})
        page = arsenal(extra_http_headers={"authorization": f"Bearer {token}"})
        expect(page.locator("#asker")).to_contain_text("owner · read, operate, code, admin")
        page.get_by_role("tab", name="Audit log").click()
        rows = page.locator("#audit tbody tr")
        expect(rows.first).to_contain_text("process.message")
        page.get_by_role("textbox", name="Operation").fill("process.gc")
        expect(page.locator("#audit")).to_contain_text("Nothing matches these filters")
        expect(page.locator("#audit")).to_contain_text("Live")
        client.post("/api/v1/processes/gc", json={})
    expect(rows).to_have_count(1)
    rows.first.get_by_role("button", name="process.gc").click()
    expect(page.get_by_role("heading", name="Collect garbage")).to_be_visible()


def test_a_new_entry_of_the_audit_log_leaves_alone_what_a_person_reads(
    running: Any, arsenal: Callable[..., Page]
) -> None:
    """Regression: each new entry rebuilt all rows, which lost the focus and the older entries."""
    token = (running.data_dir / "token").read_text().strip()
    with running.client() as client:
        for number in range(110):
            client.post("/api/v1/processes/counter_1/message", json={"message": f"n{number}"})
        page = arsenal("?view=audit", extra_http_headers={"authorization": f"Bearer {token}"})
        rows = page.locator("#audit tbody tr")
        expect(rows).to_have_count(100)
        page.get_by_role("button", name="Show older ones").click()
        expect(rows.nth(109)).to_be_attached()
        shown = rows.count()
        read = rows.nth(60)
        read.get_by_role("button").focus()
        page.evaluate("() => { window.read = document.activeElement.closest('tr'); }")
        place = """() => [window.read.getBoundingClientRect().top, window.read.textContent,
            document.activeElement.closest("tr") === window.read]"""
        before = page.evaluate(place)
        assert "send 'n" in before[1]
        assert before[2]
        client.post("/api/v1/processes/gc", json={})
        expect(rows.first).to_contain_text("process.gc")
        expect(rows).to_have_count(shown + 1)
        assert page.evaluate(place) == before


def test_a_revoked_credential_is_reported_with_a_way_to_sign_in(arsenal: Callable[..., Page], running: Any) -> None:
    page = arsenal("?operation=process.list")
    told = {"error": {"code": "unauthorized", "message": "no", "status": 401, "details": []}, "success": False}
    page.route("**/api/v1/processes**", lambda route: route.fulfill(status=200, json=told))
    page.keyboard.press("Control+Enter")
    looks(page, "bad")
    expect(page.get_by_role("alert")).to_contain_text("has ended or was revoked")
    expect(page.get_by_role("alert").get_by_role("link")).to_have_attribute("href", re.compile("^/sign-in"))


def test_on_another_node_the_other_one_feels_it(open_page: Callable[..., Page], two_nodes: Any) -> None:
    address = "/arsenal?operation=process.kill&pid=ledger&node=shop@127.0.0.1"
    page = open_page(f"{two_nodes.url}{address}", ready=False)
    expect(page.locator("#arsenal")).to_have_attribute("data-ready", "operations", timeout=20_000)
    expect(page.locator(".operation .facts")).to_contain_text("Asks the node shop@127.0.0.1")
    expect(page.locator("#same")).to_contain_text("process kill ledger --node shop@127.0.0.1")
    pids = two_nodes.do(lambda: [one.whereis("ledger") for one in (two_nodes.platform.node, two_nodes.node)])
    page.get_by_role("button", name="Dry run").click()
    page.get_by_role("button", name="Kill a process").click()
    looks(page, "ok")
    two_nodes.do(lambda: two_nodes.node.wait_registered("ledger"))
    now = two_nodes.do(lambda: [one.whereis("ledger") for one in (two_nodes.platform.node, two_nodes.node)])
    assert now[0] == pids[0]
    assert now[1] != pids[1]


def test_an_answer_of_any_kind_and_length_is_shown_as_text(arsenal: Callable[..., Page]) -> None:
    page = arsenal("?operation=system.health")
    evil = {"<img src=x onerror=alert(1)>": "<script>alert(1)</script>", "long": "x" * 10_000, "rtl": "\u202eabc",
            "many": list(range(1000)), "deep": json.loads("[" * 70 + "]" * 70), "version": "0.1.0",
            "pid": "0.17.0"}  # fmt: skip
    page.route("**/api/v1/health**", lambda route: route.fulfill(json={"data": evil, "success": True}))
    page.route("**/api/v1/system/health**", lambda route: route.fulfill(json={"data": evil, "success": True}))
    page.keyboard.press("Control+Enter")
    result = looks(page, "ok")
    expect(result.get_by_role("link")).to_have_text(["0.17.0"])
    assert result.locator("img, script").count() == 0
    result.get_by_role("button", name="all 10,000 characters").click()
    expect(result.get_by_text("x" * 10_000)).to_be_visible()
    result.get_by_role("treeitem", name="many").click()
    result.get_by_role("button", name="show 500 more of 900").click()
    expect(result.get_by_role("treeitem", name="599", exact=False).first).to_be_attached()
    assert page.evaluate(SIDEWAYS) == 0


@pytest.mark.parametrize(("theme", "width"), VARIANTS)
def test_no_rule_of_axe_is_broken_and_a_phone_goes_step_by_step(
    arsenal: Callable[..., Page], theme: str, width: int
) -> None:
    page = arsenal(theme=theme, width=width)
    page.get_by_role("link", name=re.compile("Show a process")).click()
    field(page, "pid").locator("input").fill("counter_1")
    page.get_by_role("heading", name="Show a process").click()
    if width < 600:
        assert broken_rules(page) == []
    page.get_by_role("button", name="Run", exact=True).click()
    looks(page, "ok")
    assert broken_rules(page) == []
    assert page.evaluate(SIDEWAYS) == 0
    if width < 600:
        expect(page.locator(".work")).to_be_hidden()
        page.get_by_role("button", name="Back to the form").click()
        expect(field(page, "pid").locator("input")).to_have_value("counter_1")
        page.get_by_role("button", name="All operations").click()
        expect(page.get_by_role("searchbox")).to_be_visible()
    page.get_by_role("tab", name="Audit log").click()
    expect(page.locator("#audit")).to_contain_text("needs the scope code")
    assert broken_rules(page) == []
    assert page.evaluate(SIDEWAYS) == 0
