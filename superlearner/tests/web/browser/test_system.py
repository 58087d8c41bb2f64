"""The system page on a real platform: metrics, anomalies with evidence, message matrix, log, thresholds, export."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from axe import broken_rules
from page_variants import VARIANTS
from page_width import SIDEWAYS

TROUBLE = """
import itertools
import logging

import otp
from otp import Children, GenServer, NoReply, Ok, Supervisor, impl

life = itertools.count(1)


class Pulse(GenServer):
    # It crashes in its first lives; its output must not fill the unread pipe.
    @impl
    def init(self, arg):
        otp.send_after(0.1, self.pid, 1)
        return Ok(next(life))

    @impl
    def handle_info(self, beat, life):
        if life < 6:
            raise ValueError("<b>negative</b> amount")
        otp.send("sink", beat)
        if beat % 5 == 0:
            logging.getLogger("shop").info("beat %d", beat)
        otp.send_after(0.2, self.pid, beat + 1)
        return NoReply(life)


class Sink(GenServer):
    @impl
    def init(self, arg):
        return Ok(arg)

    @impl
    def handle_info(self, message, state):
        return NoReply(state)


class Trouble(Supervisor):
    @impl
    def init(self, arg):
        children = [Sink.child_spec(None, id="sink", name="sink"), Pulse.child_spec(None, id="pulse", name="pulse")]
        return Children(children, max_restarts=100000, max_seconds=1)
"""
SETTINGS = "scan_interval = 0.5\nanomaly_restarts = 3\nanomaly_window = 3600\n"
METRICS = (
    "Deliveries", "Restarts", "Loop lag", "Callback time", "Mailbox depth", "Run queue", "Processes",
    "Started processes", "Memory", "CPU", "Garbage collection", "I/O",
)  # fmt: skip
PLENTY = 30_000


@pytest.fixture(scope="module")
def troubled(start_for_all: Callable[..., Any]) -> Any:
    """A platform on which a child has crashed again and again."""
    return start_for_all("trouble.py:Trouble", files={"trouble.py": TROUBLE, "superlearner.toml": SETTINGS})


@pytest.fixture
def system(open_page: Callable[..., Page], troubled: Any) -> Callable[..., Page]:
    """Opens a view of the page, and waits for the anomaly."""

    def open_view(view: str = "figures", **how: Any) -> Page:
        page = open_page(f"{troubled.url.rstrip('/')}/system?view={view}", ready=False, **how)
        expect(page.locator("#system")).to_have_attribute("data-ready", "points", timeout=PLENTY)
        expect(anomaly(page)).to_be_visible(timeout=PLENTY)
        return page

    return open_view


def anomaly(page: Page) -> Any:
    return page.locator("#anomalies > ul > li").filter(has_text="restart storm")


@pytest.mark.page("/system")
def test_figures_come_with_each_point_and_an_anomaly_has_its_evidence_and_its_moment(system: Any) -> None:
    page = system()
    expect(page.locator("#figure-restarts")).to_have_text("0", timeout=PLENTY)
    expect(page.locator("#charts h2")).to_have_text(METRICS)
    expect(anomaly(page).get_by_text("Try: ")).to_be_visible()
    anomaly(page).get_by_text("Evidence").click()
    expect(anomaly(page)).to_contain_text("setting anomaly_restarts")
    expect(anomaly(page)).to_contain_text("pulse: ")
    expect(anomaly(page)).to_contain_text("<b>negative</b> amount")
    whom = anomaly(page).get_by_role("link", name="Open ")
    expect(whom).to_have_attribute("href", re.compile(r"/supervisors\?process=0\.\d+\.0$"))
    page.goto(anomaly(page).get_by_role("link", name="Show this moment").evaluate("(one) => one.href"))
    expect(page.locator("#moment-title")).to_have_text(re.compile(r"^Moment \d\d:\d\d:\d\d$"))
    expect(page.locator(".chart-line[data-held]")).to_have_count(12)
    page.get_by_role("button", name="Let go").click()
    expect(page).not_to_have_url(re.compile(r"[?&]at="))
    anomaly(page).get_by_role("link", name="Show this moment").click()
    expect(page).to_have_url(re.compile(r"[?&]at=\d{4}-\d\d-\d\dT"))
    page.get_by_role("button", name="Log of this time").click()
    expect(page.get_by_role("tab", name="Log")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#log")).to_contain_text("Only what was logged from")
    expect(page.locator(".log-line").first).to_be_visible(timeout=PLENTY)


def test_anomalies_do_not_move_under_the_pointer(open_page: Callable[..., Page], platform: Any) -> None:
    page = open_page(f"{platform.url}/docs", ready=False)
    page.evaluate(
        """async () => {
            await import("/static/system/anomalies.js");
            const list = document.createElement("sl-anomalies");
            document.body.replaceChildren(list);
            const since = "2026-01-01T00:00:00Z";
            const one = (number, severity) => ({ number, severity, since, type: "crash_loop", description: severity,
                active: true, count: 1, evidence: {}, hint: "", threshold: 1, setting: "one" });
            window.finds = (...ranks) => list.show(ranks.map((rank, place) => one(place, rank)), []);
            window.finds("low");
        }"""
    )
    kept = page.locator("sl-anomalies")
    kept.get_by_text("Evidence").hover()
    page.evaluate("window.finds('low', 'critical')")
    expect(kept.locator(".held")).to_have_text("1 new, held while you read")
    expect(kept.locator(".says")).to_have_text(["low"])
    page.mouse.move(0, 0)
    expect(kept.locator(".says")).to_have_text(["critical", "low"])
    page.evaluate("window.finds('medium', 'high')")
    expect(kept.locator(".says")).to_have_text(["high", "medium"])
    signs = kept.locator(".kind use").evaluate_all("(all) => all.map((one) => one.getAttribute('href'))")
    assert signs == ["#i-crashed", "#i-stuck"]  # a medium one had the red triangle


def test_the_page_continues_after_a_lost_feed_and_shows_a_new_anomaly(system: Any) -> None:
    page = system()
    page.context.set_offline(True)
    page.evaluate("window.dispatchEvent(new Event('pagehide'))")  # closes the feed as a lost connection does
    page.context.set_offline(False)
    page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(page.locator("#live-word")).to_have_text("Live", timeout=PLENTY)
    expect(page.get_by_role("slider")).to_have_count(12)


def test_a_range_changes_all_charts_and_what_is_exported_is_what_is_shown(system: Any) -> None:
    page = system()
    page.get_by_text("1 min", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text())))
    assert {"timestamp", "loop_lag_ms", "restarts"} <= set(rows[0])
    with page.expect_download() as download:
        page.get_by_role("button", name="JSON").click()
    told = json.loads(download.value.path().read_text())
    assert told["what"] == "figures"
    assert "restart_storm" in [one["type"] for one in told["anomalies"]]
    assert len(told["rows"]) >= len(rows)


def test_the_range_is_in_the_address_and_outlives_a_reload(system: Any) -> None:
    page = system()
    hour = page.get_by_role("radio", name="1 h")
    page.get_by_text("1 h", exact=True).click()
    expect(page).to_have_url(re.compile(r"[?&]range=1h"))
    page.get_by_role("tab", name="Log").click()
    expect(page).to_have_url(re.compile(r"\?view=log&range=1h$|\?range=1h&view=log$"))
    page.reload()
    expect(hour).to_be_checked()
    page.get_by_role("tab", name="Figures").click()
    page.get_by_text("10 min", exact=True).click()
    expect(page).to_have_url(re.compile(r"/system$"))


def test_message_flows_as_graph_matrix_and_table(system: Any) -> None:
    page = system("talk")
    talk = page.locator("#talk")
    spot = talk.get_by_role("button", name=re.compile("^sink: sent"))
    expect(spot).to_be_visible(timeout=PLENTY)
    spot.press("Enter")
    expect(talk.locator(".talk-pick")).to_contain_text("gets from pulse")
    expect(talk).to_contain_text("What looking costs:")
    talk.get_by_role("button", name="Matrix").click()
    expect(talk.get_by_role("columnheader", name="sink")).to_be_visible()
    talk.get_by_role("button", name="Table").click()
    expect(talk.get_by_role("row").filter(has=page.get_by_role("link", name="sink")).first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    targets = {row["target"] for row in csv.DictReader(io.StringIO(download.value.path().read_text()))}
    assert "sink" in targets


def test_a_threshold_is_changed_in_place_refused_beside_its_field_and_reset(system: Any, troubled: Any) -> None:
    page = system("thresholds")
    expect(page.get_by_text("Changing them takes the scope code")).to_be_visible()  # shown before anything is typed
    expect(page.locator("[data-setting=anomaly_monitors]").get_by_role("spinbutton")).not_to_be_editable()
    sign_in = page.get_by_role("link", name="Sign in with it")
    expect(sign_in).to_have_attribute("href", re.compile(re.escape("/sign-in?next=%2Fsystem%3Fview%3Dthresholds")))
    token = (troubled.data_dir / "token").read_text().strip()
    page = system("thresholds", extra_http_headers={"authorization": f"Bearer {token}"})
    form = page.locator("[data-setting=anomaly_monitors]")
    field = form.get_by_role("spinbutton")
    expect(field).to_have_value("20")
    field.fill("1")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("alert")).to_have_text("Expected at least 2, got 1.")
    expect(field).to_have_attribute("aria-invalid", "true")
    field.fill("30")
    field.press("Enter")
    expect(form).to_contain_text("default 20; set by the API")
    expect(form.locator(".wrong")).to_be_empty()
    form.get_by_role("button", name="Reset").click()
    expect(field).to_have_value("20")
    expect(form).to_contain_text("the default")


def test_the_log_is_live_filtered_paused_and_leads_to_the_process(system: Any) -> None:
    page = system("log")
    lines = page.locator(".log-line")
    expect(lines.filter(has_text="negative").last).to_be_visible(timeout=PLENTY)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#log .log-bar [role=status]")).to_contain_text("new", timeout=PLENTY)
    page.get_by_label("Least level").select_option("error")
    expect(page.locator(".log-line[data-level=info]")).to_have_count(0)
    page.get_by_label("Search the log").fill("NEGATIVE")
    lines.last.click()
    detail = page.get_by_label("The chosen line")
    expect(detail).to_contain_text("ValueError: <b>negative</b> amount")
    expect(detail.get_by_role("link", name="Open pulse")).to_be_visible()
    page.get_by_label("Search the log").fill("no such words")
    expect(page.locator("#log")).to_contain_text("No line matches.")
    page.get_by_label("Search the log").fill("")
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("Only of this process").fill("nobody")
    expect(lines).to_have_count(0)


@pytest.mark.parametrize(("theme", "width"), VARIANTS)
def test_no_rule_of_axe_is_broken_and_a_phone_scrolls_only_up_and_down(system: Any, theme: str, width: int) -> None:
    page = system(theme=theme, width=width)
    for view, there in (
        ("figures", "sl-chart"),
        ("talk", ".graph-spots g"),
        ("log", ".log-line"),
        ("thresholds", "form"),
    ):
        page.locator(f"#tab-{view}").click()
        expect(page.locator(f"#view-{view} {there}").first).to_be_visible(timeout=PLENTY)
        assert page.evaluate(SIDEWAYS) == 0, view
        assert broken_rules(page) == [], view
