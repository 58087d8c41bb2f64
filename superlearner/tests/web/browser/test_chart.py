"""Charts that are read together: one cursor, one range and a table for all of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

NOON = 1_800_000_000
# A change of size is seen in one frame and drawn in the next one.
SETTLED = """async () => {
    for (let drawn = -1; drawn !== window.draws;) {
        drawn = window.draws;
        for (let frame = 0; frame < 3; frame += 1) await new Promise(requestAnimationFrame);
    }
}"""


@pytest.fixture
def charts(open_page: Callable[..., Page], platform: Any) -> Page:
    """A page with the modules, and two charts of one group of which the second has a gap."""
    page = open_page(f"{platform.url}/docs", ready=False)
    page.evaluate(
        """async (noon) => {
            const modules = ["components/chart-group", "components/chart"];
            const [{ ChartGroup }] = await Promise.all(modules.map((one) => import(`/static/${one}.js`)));
            const sheet = {rel: "stylesheet", href: "/static/components/chart.css"};
            const link = Object.assign(document.createElement("link"), sheet);
            const loaded = new Promise((resolve) => link.addEventListener("load", resolve));
            document.head.append(link);
            await loaded;  // else the charts get another size later, and are drawn again
            const main = document.createElement("main");
            for (const one of document.querySelectorAll("body > :not(header)")) one.remove();
            document.body.append(main);
            main.style.display = "grid";
            window.group = new ChartGroup();
            const times = { at: [], gap: [] };
            for (let one = 0; one < 60; one += 1) { times.at.push(noon + one); times.gap.push(one === 30); }
            window.draws = 0;
            const clear = CanvasRenderingContext2D.prototype.clearRect;
            CanvasRenderingContext2D.prototype.clearRect = function (...box) {
                window.draws += 1;
                clear.apply(this, box);
            };
            const known = (number, one) => (one === 31 && number ? null : one * (number + 1));
            window.pictures = ["Loop lag", "Mailbox"].map((title, number) => ({
                title, unit: number ? "count" : "ms", times, percentiles: true,
                series: [{ name: title, values: times.at.map((_, one) => known(number, one)), area: true }],
                marks: [{ at: noon + 19.5, text: "ledger restarted", colour: "crash" }],
            }));
            window.made = window.pictures.map((picture) => {
                const chart = document.createElement("sl-chart");
                chart.group = window.group;
                main.append(chart);
                chart.show(picture);
                return chart;
            });
            window.group.show(noon, noon + 59);
        }""",
        NOON,
    )
    expect(page.locator(".chart-now").first).to_have_text("59 ms")
    page.evaluate(SETTLED)
    return page


def test_one_cursor_for_all_charts_moves_with_the_arrow_keys_and_stays_where_it_is_held(charts: Page) -> None:
    plots, now = charts.get_by_role("slider"), charts.locator(".chart-now")
    plots.first.focus()
    plots.first.press("Home")
    for _ in range(2):
        plots.first.press("Shift+ArrowRight")
    expect(now).to_have_text(["20 ms", "40"])
    expect(plots.nth(1)).to_have_attribute("aria-valuetext", re.compile(r"^.*\d\d:\d\d:\d\d, 40, ledger restarted$"))
    plots.first.press("Enter")
    assert charts.evaluate("window.group.held") == NOON + 20
    plots.first.blur()
    expect(now).to_have_text(["20 ms", "40"])
    plots.first.focus()
    plots.first.press("Escape")
    expect(now).to_have_text(["59 ms", "118"])


def test_a_drag_or_two_moments_choose_a_stretch_of_time_and_a_click_holds_a_moment(charts: Page) -> None:
    charts.evaluate("group.addEventListener('sl-span', (event) => window.span = event.detail)")
    box = charts.get_by_role("slider").first.bounding_box()
    assert box is not None
    inner, y = box["width"] - 80, box["y"] + 40
    charts.mouse.move(box["x"] + 70 + inner / 4, y)
    charts.mouse.down()
    charts.mouse.move(box["x"] + 70 + inner / 2, y)
    charts.mouse.up()
    span = charts.evaluate("window.span")
    assert (round(span["from"] - NOON), round(span["to"] - NOON)) == (15, 30)
    charts.mouse.click(box["x"] + 70 + inner / 2, y)
    assert charts.evaluate("window.group.held") - NOON in (29, 30)
    charts.evaluate(f"group.hold({NOON + 10})")
    charts.get_by_role("slider").first.focus()
    charts.keyboard.press("Home")
    charts.keyboard.press("Shift+Enter")
    assert charts.evaluate("[span.from, span.to]") == [NOON, NOON + 10]


def test_the_table_has_the_numbers_of_the_lines_and_says_what_happened(charts: Page) -> None:
    charts.get_by_role("button", name="Show Mailbox as table").click()
    rows = charts.get_by_role("region", name="Mailbox as table").locator("tbody tr")
    expect(rows).to_have_count(60)
    expect(rows.first.locator(".num")).to_have_text("118")
    expect(rows.nth(59 - 31).locator(".num")).to_have_text("–")
    expect(rows.nth(59 - 20)).to_contain_text("ledger restarted")
    expect(charts.get_by_role("slider")).to_have_count(1)
    charts.evaluate(f"group.show({NOON}, {NOON + 9})")
    expect(rows).to_have_count(10)
    charts.get_by_role("button", name="Show Mailbox as lines").click()
    expect(charts.get_by_role("slider")).to_have_count(2)


def test_nothing_is_drawn_while_only_the_cursor_moves_and_all_of_it_when_the_theme_changes(charts: Page) -> None:
    before = charts.evaluate("window.draws")
    charts.evaluate(f"group.point({NOON + 5})")
    expect(charts.locator(".chart-now").first).to_have_text("5 ms")
    assert charts.evaluate("window.draws") == before
    dark = "() => [...document.querySelector('sl-chart canvas').getContext('2d').getImageData(70, 30, 1, 1).data]"
    charts.evaluate("document.documentElement.dataset.theme = 'dark'")
    charts.wait_for_function("(before) => window.draws === before + 2", arg=before)
    assert len(charts.evaluate(dark)) == 4
