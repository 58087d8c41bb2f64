"""Late and concurrent answers: for another process, out of order, before a socket is open."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect


@pytest.fixture
def whole(blank: Page, platform: Any) -> Page:
    """A page with the dialogs of every page, whose own requests are answered."""
    blank.goto(f"{platform.url}/supervisors")
    expect(blank.locator("sl-feed")).to_contain_text("Nothing has happened yet")
    return blank


def test_a_branch_that_was_opened_in_another_process_is_not_drawn_in_this_one(whole: Page) -> None:
    shown = whole.evaluate(
        """async () => {
            const { StateTree } = await import("/static/process/process-state-tree.js");
            const usual = {type: "list", size: 1, start: 0, members: [], cut: false, hidden: false};
            const term = (label, text, more = {}) => ({...usual, label, text, ...more});
            const tree = new StateTree();
            const answers = [];
            const fetched = window.fetch;
            window.fetch = () => new Promise((resolve) => answers.push(resolve));
            tree.show("0.1.0", term("", "[…]", {members: [term("0", "[of the first]")]}), []);
            tree.element.querySelectorAll("button.unfold")[1].click();
            tree.forget();
            tree.show("0.2.0", term("", "[…]", {members: [term("0", "[of the second]")]}), []);
            const late = term("0", "[late]", {members: [term("0", "a secret of the first", {size: null})]});
            for (const answer of answers) answer(Response.json({success: true, data: {term: late}}));
            window.fetch = fetched;
            await fetch("/static/icon.svg");
            return tree.element.textContent;
        }"""
    )
    assert "of the second" in shown
    assert "late" not in shown
    assert "of the first" not in shown


def test_changes_do_not_keep_a_slow_answer_from_being_shown(whole: Page) -> None:
    told = whole.evaluate(
        """async () => {
            const { Panel } = await import("/static/process/process-panel.js");
            const answers = [];
            class Slow extends Panel {
                pause = 1;
                read(pid, signal) {
                    return new Promise((resolve, reject) => {
                        signal.onabort = () => reject(new DOMException("", "AbortError"));
                        answers.push(resolve);
                    });
                }
            }
            customElements.define("sl-slow", Slow);
            const panel = new Slow();
            const until = async (is) => {
                for (let turn = 0; turn < 200 && !is(); turn += 1) await new Promise(requestAnimationFrame);
            };
            const about = {gone: false, skew: 0, find: () => undefined};
            const look = (mailbox) => panel.look({row: {key: "a", pid: "0.1.0", mailbox}, ...about});
            look(0);
            await until(() => answers.length === 1);
            look(1);
            await new Promise((resolve) => setTimeout(resolve, 60));
            answers[0]("first");
            await until(() => panel.known !== null || answers.length > 2);
            const first = panel.known;
            await until(() => answers.length === 2);
            answers[1]("second");
            await until(() => panel.known === "second");
            return first;
        }"""
    )
    assert told == "first"


def test_a_late_answer_about_an_earlier_run_is_not_listed(whole: Page) -> None:
    """Regression: stored entries of the earlier run replaced those of the run that is shown."""
    shown = whole.evaluate(
        """async () => {
            const answers = [], fetched = window.fetch;
            window.fetch = () => new Promise((resolve) => answers.push(resolve));
            const feed = document.createElement("sl-feed");
            document.body.append(feed);
            const told = (line) => Response.json({success: true, data: [{at: 1, line, kept: false}]});
            const settled = () => new Promise((resolve) => setTimeout(resolve));
            feed.show([], "first");
            await settled();
            feed.show([], "second");
            await settled();
            if (answers.length > 1) answers.pop()(told("newer crashed"));
            await settled();
            answers.shift()(told("older crashed"));
            while (!answers.length && !feed.textContent.includes("older")) await settled();
            answers.shift()?.(told("newer crashed"));
            while (!/older|newer/.test(feed.textContent)) await settled();
            window.fetch = fetched;
            return feed.textContent;
        }"""
    )
    assert "newer crashed" in shown
    assert "older crashed" not in shown


def test_the_tree_of_a_workbench_stands_where_it_was_asked_for_last(whole: Page) -> None:
    """Regression: calls that waited for the module went on in any order, so the tree moved back to an earlier cell."""
    where = whole.evaluate(
        """async () => {
            const own = document.querySelector("script[type=module]").src;
            const { showTree } = await import(new URL("../lesson/workbench.js", own));
            const places = Array.from({length: 20}, () => document.createElement("div"));
            await Promise.all(places.map((place) => showTree(place)));
            return places.map((place) => place.childElementCount);
        }"""
    )
    assert where == [0] * 19 + [1]


def test_a_question_waits_until_the_one_before_it_is_answered(whole: Page) -> None:
    told = whole.evaluate(
        """async () => {
            const { confirm } = await import("/static/base/confirm.js");
            const dialog = document.getElementById("confirm"), title = document.getElementById("confirm-title");
            const first = confirm("First?", "", "Do");
            const second = confirm("Second?", "", "Do");
            await new Promise(requestAnimationFrame);
            const titles = [title.textContent];
            dialog.close("do");
            const never = new Promise((resolve) => setTimeout(resolve, 500, "never"));
            const one = await Promise.race([first, never]);
            if (one === "never") return [titles, one];
            while (!dialog.open) await new Promise(requestAnimationFrame);
            titles.push(title.textContent);
            dialog.close("no");
            return [titles, one, await second];
        }"""
    )
    assert told == [["First?", "Second?"], True, False]


def test_a_kill_is_said_before_the_focus_moves(page: Page) -> None:
    order = page.evaluate(
        """async () => {
            const line = document.querySelector('[role=treeitem][data-key="app/shop_sup/cart"]');
            const act = line.querySelector(".kill");
            const seen = [];
            act.focus();  // as a click does
            line.addEventListener("focusin", () => seen.push("focus"));
            document.getElementById("tree").addEventListener("sl-kill", () => seen.push("kill"));
            const focused = new Promise((done) => line.addEventListener("focusin", done, { once: true }));
            act.click();
            await focused;
            return seen;
        }"""
    )
    assert order == ["kill", "focus"]
