"""The tabs of the detail pane on a real platform: what they show of servers that are ordinary, full, and hostile."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from axe import broken_rules
from page_variants import VARIANTS

APP = '''
"""Servers for the detail pane."""

import otp
from otp import Application, Children, GenServer, NoReply, Ok, Reply, Supervisor, impl


class Counter(GenServer):
    @impl
    def init(self, arg):
        return Ok(arg)

    @impl
    def handle_call(self, request, caller, state):
        return Reply(state, state)

    @impl
    def handle_cast(self, request, state):
        match request:
            case ("divide", by):
                return NoReply(state // by)  # fails when by is 0
            case _:
                return NoReply(state + 1)


class Hostile:
    def __init__(self):
        self.inner = "<b>in</b>"

    def __repr__(self):
        raise RuntimeError("looked at")


class Session(GenServer):
    @impl
    def init(self, arg):
        return Ok({
            "user": "ada", "password": "hunter2", "cart": [{"price": 12.5}], "seen": ("add", 3),
            "octets": b"x" * 10_000_000, "many": list(range(100_000)), "<i>key</i>": Hostile(),
        })

    @impl
    def handle_cast(self, request, state):
        return NoReply({**state, "last": request})


class Slow(GenServer):
    @impl
    def init(self, arg):
        return Ok(arg)

    @impl
    async def handle_info(self, message, state):
        if message == "wait":
            await otp.receive(otp.Is("go"))
        return NoReply(state)


class Asks(GenServer):
    @impl
    def init(self, arg):
        otp.monitor(otp.whereis("session"))
        otp.link(otp.whereis("slow"))
        return Ok(arg)

    @impl
    async def handle_info(self, message, state):
        if message == "go":
            await GenServer.call("slow", "how are you?", timeout=100_000)
        return NoReply(state)


class Top(Supervisor):
    @impl
    def init(self, arg):
        children = [
            Counter.child_spec(5, id="counter", name="counter"),
            Counter.child_spec(5, id="divider", name="divider"),
            Counter.child_spec(5, id="talker", name="talker"),
            Session.child_spec(None, id="session", name="session"),
            Slow.child_spec(None, id="slow", name="slow"),
            Asks.child_spec(None, id="asks", name="asks", restart="temporary"),
            Counter.child_spec(1, id="<b>bold</b>", name="<b>bold</b>"),
            Counter.child_spec(1, id="brief", name="brief", restart="temporary"),
        ]
        return Children(children, max_restarts=50, max_seconds=600)


class Desk(Application):
    @impl
    async def start(self, type, args):
        return await Top.start_link(None, name="desk")
'''


class Desk:
    """The running program, and its owner's way to its operations."""

    def __init__(self, program: Any, open_page: Callable[..., Page]) -> None:
        self.url = program.url
        self.headers = {"authorization": f"Bearer {Path(program.data_dir, 'token').read_text().strip()}"}
        self._open = open_page

    def open(self, who: str, tab: str = "", *, owner: bool = True, **how: Any) -> Locator:
        """The pane with a process in it."""
        if owner:
            how["extra_http_headers"] = self.headers
        page = self._open(f"{self.url}/supervisors{f'?tab={tab}' if tab else ''}", **how)
        page.get_by_role("treeitem").filter(has=page.get_by_text(who, exact=True)).last.click()
        return page.locator("#process")

    def ask(self, method: str, path: str, **body: Any) -> Any:
        data = json.dumps(body).encode() if body else None
        headers = {**self.headers, "content-type": "application/json"}
        asked = urllib.request.Request(f"{self.url}/api/v1{path}", method=method, data=data, headers=headers)
        with urllib.request.urlopen(asked) as answer:
            return json.load(answer)["data"]

    def send(self, who: str, message: Any, kind: str = "cast") -> None:
        self.ask("POST", f"/processes/{who}/message", message=message, message_type=kind)


@pytest.fixture(scope="module")
def program(start_for_all: Callable[..., Any]) -> Any:
    return start_for_all("app.py:Desk", files={"app.py": APP})


@pytest.fixture
def desk(program: Any, open_page: Callable[..., Page]) -> Desk:
    return Desk(program, open_page)


def test_tabs_are_moved_by_keys_kept_for_the_next_process_and_in_the_address(desk: Desk) -> None:
    pane = desk.open("session")
    tabs = pane.get_by_role("tab")
    expect(tabs).to_have_text(["Now", "Why", "Relations", "Code"])
    pane.get_by_role("tab", name="Relations").click()
    pane.page.keyboard.press("ArrowLeft")
    expect(pane.get_by_role("tab", name="Why")).to_be_focused()
    expect(pane.get_by_role("tab", name="Why")).to_have_attribute("aria-selected", "true")
    expect(pane.page).to_have_url(re.compile(r"[?&]tab=why\b"))
    choose(pane, "counter")
    expect(pane.get_by_role("tabpanel")).to_contain_text("It has not ended since its start at")
    expect(pane.get_by_role("tab", name="Why")).to_have_attribute("aria-selected", "true")
    pane.get_by_role("tab", name="Why").press("End")
    expect(pane.get_by_role("tab", name="Code")).to_be_focused()


def test_what_is_one_click_deeper_is_kept_for_the_next_process_and_leads_back(desk: Desk) -> None:
    pane = desk.open("session")
    opener = pane.get_by_role("button", name="Open state")
    opener.click()
    expect(pane.get_by_role("heading", name="State", exact=True)).to_be_focused()
    expect(pane.page).to_have_url(re.compile(r"[?&]tab=state\b"))
    pane.get_by_role("tabpanel").get_by_role("button", name="Now").click()
    expect(opener).to_be_focused()
    expect(pane.page).not_to_have_url(re.compile(r"[?&]tab="))
    opener.click()
    choose(pane, "counter")
    expect(pane.locator(".terms-tree")).to_contain_text("int 5")
    choose(pane, "desk")
    expect(pane.locator(".terms-tree")).to_be_hidden()
    expect(pane.get_by_role("tab", name="Now")).to_have_attribute("aria-selected", "true")


OLD = {
    "overview": ("Now", "Send a message"), "state": ("Now", "Keep a copy"), "mailbox": ("Now", "Nothing waits."),
    "messages": ("Now", "It is traced while this tab is open"), "links": ("Relations", "Predict a restart"),
    "predict": ("Relations", "counter is killed."), "why": ("Why", "It has not been restarted. How it was started:"),
    "history": ("Why", "It has not ended since its start at"), "source": ("Code", "of app.py."),
}  # fmt: skip


def test_addresses_of_earlier_versions_lead_to_their_content(desk: Desk) -> None:
    pane = desk.open("counter")
    for old, (tab, text) in OLD.items():
        pane.page.goto(f"{desk.url}/supervisors?process=counter&tab={old}")
        expect(pane.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
        expect(pane.get_by_role("tabpanel")).to_contain_text(text)
    pane.page.goto(f"{desk.url}/supervisors?process=desk&tab=strategy")
    expect(pane.get_by_role("tabpanel")).to_contain_text("one_for_one")
    expect(pane.get_by_role("button", name="Read again")).to_have_count(0)


def test_the_effects_of_an_end_are_shown_on_request_only(desk: Desk) -> None:
    """Predict asks for them, and its button stood beside the answer."""
    pane = desk.open("counter", "relations")
    ties = pane.locator(".ties")
    expect(ties).to_contain_text("its supervisor")
    expect(ties.locator(".fate")).to_have_count(0)
    expect(pane.get_by_role("tabpanel")).not_to_contain_text("would")
    pane.get_by_role("button", name="Show the effects").click()
    expect(pane.get_by_role("tabpanel")).to_contain_text("would start it again")
    expect(ties.locator(".fate").first).to_be_visible()


def test_the_tab_code_shows_the_version_and_reloads_after_a_confirmation(desk: Desk) -> None:
    pane = desk.open("counter", "code")
    expect(pane.locator(".versions")).to_contain_text("Counter, 5 processes")
    before = desk.ask("GET", "/processes/counter/info")["pid"]
    pane.get_by_role("button", name="Reload code…").click()
    dialog = pane.page.get_by_role("dialog")
    expect(dialog).to_contain_text("This will reload app and upgrade its")
    dialog.get_by_role("button", name="Reload").click()
    expect(pane.page.locator(".toast")).to_contain_text("app was reloaded.")
    assert desk.ask("GET", "/processes/counter/info")["pid"] == before


COUNTS = """() => {
    const timer = window.setTimeout;
    window.counts = [];
    window.setTimeout = (run, time, ...rest) => (time === 200 ? window.counts.push(run) : timer(run, time, ...rest));
}"""
REPLACED = """async (panel) => {
    while (!window.counts.length) await new Promise(requestAnimationFrame);
    const held = [...panel.querySelectorAll("a, button, input, select, summary, textarea")];
    const due = window.counts.splice(0);
    for (const run of due) run();
    return held.filter((one) => !one.isConnected).map((one) => one.outerHTML);
}"""


def test_while_the_time_of_a_restart_runs_out_no_control_is_replaced_under_a_finger(desk: Desk) -> None:
    desk.ask("DELETE", "/processes/talker")
    pane = desk.open("desk")
    pane.page.evaluate(COUNTS)
    for tab in pane.get_by_role("tab").all():
        tab.click()
        panel = pane.get_by_role("tabpanel")
        expect(panel.get_by_text(re.compile("Loading|Reading")).locator("visible=true")).to_have_count(0)
        assert panel.evaluate(REPLACED) == [], tab.inner_text()


def test_a_state_unfolds_and_marks_what_has_changed(desk: Desk) -> None:
    pane = desk.open("session", "state")
    tree = pane.locator(".terms-tree")
    expect(tree).to_contain_text("<b>in</b>")
    expect(tree).not_to_contain_text("hunter2")
    expect(tree.locator(".term", has_text="'password'")).to_contain_text("str, hidden")
    many = tree.get_by_role("button", name=re.compile(r"^'many'"))
    many.click()
    expect(many).to_have_attribute("aria-expanded", "true")
    tree.get_by_role("button", name="Show 100 more of 99,950").click()
    expect(tree.get_by_role("button", name="Show 100 more of 99,850")).to_be_visible()
    octets = tree.locator("li", has_text="'octets'").last
    octets.get_by_role("button", name="Show more").click()
    expect(octets).to_contain_text("x" * 1000)
    desk.send("session", ["hello", 1])
    expect(pane.get_by_text(re.compile("^1 place changed at"))).to_be_visible()
    expect(tree.locator(".term", has_text="'last'").get_by_text("changed")).to_be_visible()


def test_a_state_is_edited_with_its_changes_said_first_and_undone(desk: Desk) -> None:
    pane = desk.open("session", "state")
    pane.get_by_role("button", name="Edit").click()
    field = pane.get_by_label("State as JSON")
    expect(field).to_be_focused()
    expect(pane.locator("#state-left")).to_contain_text("password stays as it is: a redacted secret.")
    before = field.input_value()
    field.fill("{'user'")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(re.compile("This is not JSON. .*Texts stand in double quotes"))
    expect(pane.get_by_role("button", name="Review")).to_be_disabled()
    field.fill(before.replace('"ada"', '"grace"'))
    expect(pane.locator(".changes")).to_contain_text('user "ada" → "grace"')
    pane.get_by_role("button", name="Review").click()
    expect(pane.get_by_text("It will change 'user' in the state of session")).to_be_visible()
    assert "'ada'" in desk.ask("GET", "/processes/session/state")["state"]
    pane.get_by_role("button", name="Apply").click()
    expect(pane.locator(".terms-tree")).to_contain_text("'grace'")
    assert desk.ask("GET", "/processes/session/state?redact=false")["state"].count("hunter2") == 1
    pane.get_by_role("button", name="Undo").click()
    expect(pane.get_by_text("The state before is back.")).to_be_visible()
    expect(pane.locator(".terms-tree")).to_contain_text("'ada'")
    expect(pane.get_by_role("heading", name=re.compile("Kept states"))).to_be_visible()


def test_without_the_scope_the_page_says_what_states_and_source_require(desk: Desk) -> None:
    pane = desk.open("counter", "state", owner=False)
    pane.get_by_role("button", name="Edit").click()
    pane.get_by_label("State as JSON").fill("41")
    pane.get_by_role("button", name="Review").click()
    expect(pane.get_by_role("alert")).to_contain_text("needs the scope code")
    pane.get_by_role("tab", name="Code").click()
    expect(pane.get_by_role("tabpanel")).to_contain_text(
        re.compile(r"and anonymous has operate, read\. Send a credential: superlearner --data-dir \S+ token")
    )
    link = pane.get_by_role("tabpanel").get_by_role("link", name="Sign in with it")
    expect(link).to_have_attribute("href", re.compile(r"/sign-in\?next=%2Fsupervisors%3F"))


def test_a_full_mailbox_says_what_floods_it_and_loses_nothing_unasked(desk: Desk) -> None:
    desk.send("slow", "wait", "send")
    desk.send("asks", "go", "send")
    for number in range(3):
        desk.send("slow", ["add", number])
    desk.send("slow", {"password": "hunter2"}, "send")
    pane = desk.open("slow", "mailbox")
    expect(pane).to_contain_text("5 messages wait.")
    expect(pane.locator(".waiting")).to_contain_text("from asks")
    expect(pane.locator(".waiting")).not_to_contain_text("hunter2")
    pane.get_by_role("button", name="Only cast add: 3 of 5").click()
    expect(pane.locator(".waiting li")).to_have_count(3)
    pane.get_by_role("button", name="Drop these…").click()
    dialog = pane.page.get_by_role("dialog")
    expect(dialog).to_contain_text("This will drop messages of kind 'cast' tag 'add' in the mailbox of slow")
    expect(dialog).to_contain_text("It cannot be undone.")
    dialog.get_by_role("button", name="Cancel").click()
    assert desk.ask("GET", "/processes/slow/mailbox/count")["count"] == 5
    pane.get_by_role("button", name="Drop these…").click()
    dialog.get_by_role("button", name="Drop them").click()
    expect(pane.page.locator(".toast")).to_contain_text("3 messages dropped.")
    expect(pane).to_contain_text("2 messages wait.")
    pane.get_by_role("tab", name="Relations").click()
    expect(pane.get_by_role("tabpanel")).to_contain_text("asks waits for its answer to 'how are you?'")
    pane.get_by_role("button", name="Show the effects").click()
    expect(pane.locator(".ties li", has_text="linked")).to_contain_text("dies with it, unless it ends normally")
    pane.locator(".ties").get_by_role("button", name="desk").click()
    expect(pane.locator("#process-title")).to_have_text("desk")


def choose(pane: Locator, who: str) -> None:
    """Another process in the same pane."""
    page = pane.page
    page.get_by_role("treeitem").filter(has=page.get_by_text(who, exact=True)).last.click()
    expect(pane.get_by_role("heading", level=2)).to_have_text(who)


def test_an_answer_about_another_process_opens_no_editor_and_asks_nothing(desk: Desk) -> None:
    pane = desk.open("session", "state")
    page = pane.page
    held: list[Any] = []
    page.route(re.compile("form=true|dry_run=true"), lambda route: held.append(route))
    edit = pane.get_by_role("button", name="Edit")
    with page.expect_request(re.compile("form=true")):
        edit.click()
    choose(pane, "counter")
    expect(edit).to_be_visible()
    with page.expect_response(re.compile("form=true")):
        held.pop().continue_()
    page.evaluate("fetch('/api/v1/arsenal/whoami').then(() => new Promise(requestAnimationFrame))")
    expect(pane.get_by_label("State as JSON")).to_be_hidden()

    desk.send("slow", "wait", "send")
    desk.send("slow", "something", "send")
    choose(pane, "slow")
    pane.get_by_role("tab", name="Now").click()
    pane.get_by_role("button", name="Open mailbox").click()
    with page.expect_request(re.compile("dry_run=true")):
        pane.get_by_role("button", name="Empty it").click()
    choose(pane, "counter")
    with page.expect_response(re.compile("dry_run=true")):
        held.pop().continue_()
    page.evaluate("fetch('/api/v1/arsenal/whoami').then(() => new Promise(requestAnimationFrame))")
    expect(page.get_by_role("dialog")).to_be_hidden()
    desk.send("slow", "go", "send")


def test_a_deleted_trace_is_reported_and_can_be_restarted(desk: Desk) -> None:
    pane = desk.open("talker", "messages")
    expect(pane.locator("sl-messages")).to_contain_text("It is traced while this tab is open")
    for trace in desk.ask("GET", "/traces"):
        desk.ask("DELETE", f"/traces/{trace['trace_id']}")
    expect(pane.locator("sl-messages")).to_contain_text("The trace is gone")
    pane.get_by_role("button", name="Trace again").click()
    expect(pane.locator("sl-messages")).to_contain_text("It is traced while this tab is open")


def test_messages_are_drawn_while_the_tab_is_open_and_the_trace_goes_with_it(desk: Desk) -> None:
    pane = desk.open("talker", "messages")
    expect(pane.get_by_role("tabpanel")).to_contain_text("It is traced while this tab is open: 0 messages so far.")
    desk.send("talker", "value", "call")
    expect(pane.get_by_role("option", name=re.compile("call.*value"))).to_be_attached()
    desk.ask("DELETE", "/processes/talker")
    desk.send("talker", ["add", 1])
    expect(pane.get_by_role("option", name=re.compile("cast.*add"))).to_be_attached()
    assert [one["tracing"] for one in desk.ask("GET", "/traces")] == [True]
    with pane.page.expect_response(lambda answer: answer.request.method == "DELETE"):
        pane.get_by_role("tab", name="Relations").click()
    assert desk.ask("GET", "/traces") == []


def test_a_restart_that_has_left_the_memory_is_read_from_the_store(desk: Desk) -> None:
    """Regression: the tab said that the process had not ended since its start, and suggested killing it."""
    words = "counter crashed and was restarted: ZeroDivisionError('by 0')"
    why = {
        "pid": "0.5.0", "name": "counter", "alive": True, "restarted": True, "known": False, "steps": [],
        "summary": f"{words} (at 20:14:09)", "stored": {"ref": "9f3a0c1b22d4.7", "at": 1.0, "line": words},
        "problems": [{"at": 1.0, "line": f"counter {been}", "ref": ref} for been, ref in (
            ("has been in handle_cast for 7 s; try `superlearner doctor`", None), ("was in init", "9f3a0c1b22d0.2"),
        )],
    }  # fmt: skip
    row = {"event": 7, "ref": "9f3a0c1b22d4.7", "at": 1.0, "line": "counter crashed and was restarted", "count": 1,
           "reason": "ZeroDivisionError('by 0')", "name": "counter"}  # fmt: skip
    pane = desk.open("counter")
    pane.page.route("**/errors/why*", lambda route: route.fulfill(json={"data": why}))
    pane.page.route(re.compile("/restarts.*[?&]process=counter"), lambda route: route.fulfill(json={"data": [row]}))
    pane.get_by_role("tab", name="Why").click()
    panel = pane.get_by_role("tabpanel")
    expect(panel).to_contain_text(f"{words} (at 20:14:09). The events around it are no longer in memory")
    for link in ("Watch this restart", "Why?"):
        expect(panel.get_by_role("link", name=link)).to_have_attribute("href", re.compile("^/why/9f3a0c1b22d4.7"))
    expect(panel.get_by_label("Problem now")).to_have_text(
        re.compile("^counter has been in handle_cast for 7 s; try super")
    )
    expect(panel.locator(".stored li")).to_contain_text(f"{words} Why?")
    expect(panel).not_to_contain_text("has not ended")
    expect(panel).not_to_contain_text("Kill it")
    assert broken_rules(pane.page) == []


def test_a_crash_stands_in_history_and_source_follows_the_successor(desk: Desk) -> None:
    pane = desk.open("divider", "history")
    expect(pane.get_by_role("tabpanel")).to_contain_text("It has not ended since its start at")
    desk.send("divider", ["divide", 0])
    expect(pane.get_by_role("tabpanel")).to_contain_text("2 processes in this place, 1 crash.")
    lives = pane.locator(".lives-table tbody tr")
    expect(lives).to_have_count(2)
    expect(lives.last).to_contain_text("ZeroDivisionError")
    expect(lives.last).to_contain_text("while handling ('divide', 0), app.py:")
    pane.get_by_role("tab", name="Code").click()
    expect(pane.get_by_role("tabpanel")).to_contain_text("It last crashed in handle_cast, at line")
    marked = pane.locator(".source .ln[data-here=crash]")
    expect(marked).to_contain_text("return NoReply(state // by)  # fails when by is 0")
    pane.get_by_label("Function").select_option("init")
    expect(pane.locator(".source")).to_contain_text("def init(self, arg):")


def test_the_function_that_is_shown_is_the_chosen_one(desk: Desk) -> None:
    """Regression: *its class* was chosen above one of its functions."""
    pane = desk.open("counter", "code")
    expect(pane.get_by_role("tabpanel")).to_contain_text(re.compile(r"handle_\w+ of app\.py\."))
    shown = pane.get_by_label("Function").evaluate("(pick) => pick.selectedOptions[0].textContent")
    expect(pane.get_by_role("tabpanel")).to_contain_text(f"{shown} of app.py.")


def test_a_name_that_is_html_and_a_process_that_goes(desk: Desk) -> None:
    pane = desk.open("<b>bold</b>", "state")
    expect(pane.locator("#process-title")).to_have_text("<b>bold</b>")
    expect(pane.locator(".terms-tree")).to_contain_text("int 1")
    desk.ask("POST", "/supervisors/desk/children/%3Cb%3Ebold%3C%2Fb%3E/terminate")
    expect(pane.locator(".tab-panels .read:visible")).to_contain_text("No process runs here at the moment.")
    pane.page.get_by_role("treeitem").filter(has=pane.page.get_by_text("brief", exact=True)).click()
    expect(pane.locator("sl-state")).to_have_attribute("data-read", re.compile(r"^\d"))
    desk.ask("DELETE", "/processes/brief")
    expect(pane.locator(".tab-panels .read:visible")).to_contain_text("this is what was known")


@pytest.mark.parametrize(("theme", "width"), VARIANTS)
def test_every_tab_can_be_used_by_everybody(desk: Desk, theme: str, width: int) -> None:
    """axe finds nothing, nothing scrolls sideways."""
    pane = desk.open("session", theme=theme, width=width)
    page = pane.page
    views = [
        ("Why", "", "sl-history"), ("Relations", "", "sl-links"), ("Code", "", "sl-source"), ("Now", "", "sl-overview"),
        ("Now", "Open mailbox", "sl-mailbox"), ("Now", "Open state", "sl-state"),
    ]  # fmt: skip
    for name, opener, element in views:
        pane.get_by_role("tab", name=name).click()
        if opener:
            pane.get_by_role("button", name=opener).click()
        expect(pane.locator(element)).to_have_attribute("data-read", re.compile(r"^\d"))
        assert broken_rules(page) == [], (name, opener)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
