"""The game Predict: questions that are picked, locked in, played and explained; with answers of the real runtime."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from axe import broken_rules
from page_variants import VARIANTS
from page_width import SIDEWAYS

ANSWER = "**/api/v1/game/levels/*/answer*"
INSIDE = """(one) => {
    const box = one.getBoundingClientRect();
    const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    return box.height > 0 && top !== null && one.contains(top);
}"""
"""Whether the middle of an element is on the screen and nothing covers it."""


@pytest.fixture
def game(open_page: Callable[..., Page], untouched: Any) -> Callable[..., Page]:
    """Opens a question: ``game(2, 2)``, or another address: ``game(query="?level=77")``."""

    def open_one(level: int = 2, seed: int = 2, *, query: str | None = None, **more: Any) -> Page:
        asked = f"?level={level}&seed={seed}" if query is None else query
        page = open_page(f"{untouched.url.rstrip('/')}/predict{asked}", ready=False, **more)
        expect(page.locator("predict-game")).to_have_attribute("data-phase", re.compile("asking|unknown"))
        return page

    return open_one


def process(page: Page, name: str) -> Locator:
    return page.get_by_role("group", name="Processes of").locator(f'[data-id="{name}"]')


def pick(page: Page, *names: str) -> None:
    for name in names:
        process(page, name).click()


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def find_result(page: Page) -> Locator:
    return page.get_by_role("group", name="Result")


def level(page: Page, number: int) -> Locator:
    return page.get_by_role("group", name="Levels").get_by_role("button").nth(number - 1)


@pytest.mark.page("/predict")
def test_a_right_prediction_is_confirmed_and_leads_to_the_next_level(game: Callable[..., Page]) -> None:
    page = game(2, 2)
    expect(page.get_by_role("heading", level=2)).to_have_text("cart is killed. Which processes get a new pid?")
    expect(process(page, "chat_sup")).to_have_accessible_name(
        "chat_sup, supervisor, rest_for_one, 3 of 3 restarts left in 5 s"
    )
    expect(process(page, "cart")).to_have_accessible_name("cart, worker, child 2 of 3 of chat_sup, will be killed")
    pick(page, "cart", "parser", "ledger", "ledger")
    expect(process(page, "ledger")).to_have_attribute("aria-pressed", "false")
    button(page, "Lock in").click()
    expect(find_result(page)).to_contain_text("Right: cart and parser")
    expect(process(page, "parser")).to_have_accessible_name("parser, worker, child 3 of 3 of chat_sup, right")
    expect(level(page, 2)).to_have_accessible_name("Level 2, rest_for_one, passed")
    button(page, "Next level").click()
    expect(page.get_by_text("Level 3 of 10 · Order matters")).to_be_visible()
    assert "level=3&seed=" in page.url
    page.go_back()
    expect(page.get_by_text("Level 2 of 10 · rest_for_one")).to_be_visible()
    assert page.url.endswith("?level=2&seed=2")


def test_a_wrong_prediction_is_judged_process_by_process_and_explained(game: Callable[..., Page]) -> None:
    page = game(2, 2)
    pick(page, "ledger", "cart")
    button(page, "Lock in").click()
    expect(find_result(page)).to_contain_text("1 of 2 found, 1 too many")
    expect(find_result(page).get_by_role("listitem")).to_have_text(
        [
            "Missed: parser started after cart, so chat_sup stopped it and started it again.",
            "Wrong: ledger started before cart, so rest_for_one left it running.",
        ]
    )
    expect(find_result(page)).to_contain_text("rest_for_one restarts the child that ended and those started after it.")
    for name, words in (("ledger", "wrong"), ("cart", "right"), ("parser", "missed")):
        expect(process(page, name)).to_contain_text(words)
    expect(level(page, 2)).to_have_accessible_name("Level 2, rest_for_one, not passed yet")
    button(page, "Try again").click()
    expect(process(page, "cart")).to_have_attribute("aria-pressed", "false")
    assert page.url.endswith("?level=2&seed=2")
    pick(page, "cart")
    button(page, "Lock in").click()
    expect(find_result(page)).to_contain_text("1 of 2 found")
    button(page, "Another one like this").click()
    expect(page.get_by_text("Level 2 of 10 · rest_for_one")).to_be_visible()
    expect(button(page, "Lock in")).to_be_disabled()
    assert not page.url.endswith("seed=2")


def test_no_restart_is_a_prediction_of_its_own(game: Callable[..., Page]) -> None:
    page = game(5, 1)
    expect(process(page, "writer")).to_contain_text("temporary")
    expect(button(page, "Lock in")).to_be_disabled()
    expect(page.get_by_text("Nothing picked yet. If you expect no restart, choose None of them.")).to_be_visible()
    pick(page, "writer")
    button(page, "None of them").click()
    expect(process(page, "writer")).to_have_attribute("aria-pressed", "false")
    button(page, "Lock in").click()
    expect(find_result(page)).to_contain_text("Right: no process is restarted")
    expect(find_result(page)).to_contain_text("It is temporary, so intake_sup did not start it again.")


def test_the_keyboard_is_enough(game: Callable[..., Page]) -> None:
    page = game(2, 2)
    for key in ("ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    expect(process(page, "cart")).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    expect(process(page, "parser")).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(find_result(page)).to_contain_text("Right: cart and parser")
    expect(button(page, "Next level")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Level 3 of 10 · Order matters")).to_be_visible()
    expect(page.locator(".pick").first).to_be_focused()
    page.keyboard.press("0")
    expect(page.get_by_text("Level 10 of 10 · No restarts left")).to_be_visible()


def test_the_streak_counts_first_answers_and_survives_a_reload(game: Callable[..., Page]) -> None:
    page = game(2, 2)
    streak = page.locator(".streak")
    for reload in (False, True):
        if reload:
            page.reload()
        pick(page, "cart", "parser")
        button(page, "Lock in").click()
        expect(find_result(page)).to_contain_text("Right")
        expect(streak).to_have_text("1 in a row1 of 10 levels")
    page.goto(page.url.replace("seed=2", "seed=1"))
    pick(page, "ledger")
    button(page, "Lock in").click()
    expect(find_result(page)).to_contain_text("1 of 3 found")
    expect(streak).to_have_text("0 in a rowbest 11 of 10 levels")
    page.reload()
    expect(streak).to_have_text("0 in a rowbest 11 of 10 levels")
    expect(level(page, 2)).to_have_accessible_name("Level 2, rest_for_one, passed")


def test_a_second_try_says_that_it_does_not_count(game: Callable[..., Page]) -> None:
    """The streak and the level stayed as they were, and nothing said why."""
    page = game(2, 2)
    rule = "You have answered this question before, so it does not count towards the streak or the level."
    expect(page.get_by_role("region", name="Your prediction")).not_to_contain_text("does not count")
    pick(page, "ledger")
    button(page, "Lock in").click()
    expect(find_result(page)).to_contain_text("0 of 2 found, 1 too many")
    expect(find_result(page)).not_to_contain_text("does not count")
    button(page, "Try again").click()
    expect(page.get_by_role("region", name="Your prediction")).to_contain_text(rule)
    pick(page, "cart", "parser")
    button(page, "Lock in").click()
    expect(find_result(page)).to_contain_text("Right: cart and parser")
    expect(find_result(page)).to_contain_text(rule)
    expect(page.get_by_role("status").filter(has_text=rule)).to_have_count(1)
    expect(page.locator(".streak")).to_have_text("0 in a row0 of 10 levels")


def test_on_a_phone_the_explanation_of_every_mistake_is_below_the_tree(game: Callable[..., Page]) -> None:
    """It lay over the lower half of the tree, and showed the first mistakes only."""
    page = game(10, 1, width=390)
    pick(page, "shelves", "chat_sup")
    button(page, "Lock in").click()
    expect(find_result(page).get_by_role("heading")).to_be_in_viewport()
    mistakes = ("office_sup", "rooms", "history", "cart", "parser", "chat_sup")
    expect(find_result(page).get_by_role("listitem")).to_have_count(len(mistakes))
    for name, said in zip(mistakes, find_result(page).get_by_role("listitem").all(), strict=True):
        expect(said).to_contain_text(name)
        said.evaluate("(one) => one.scrollIntoView({block: 'center'})")
        assert said.evaluate(INSIDE), name
    below = "(one) => one.getBoundingClientRect().top"
    lowest = max(one.evaluate("(one) => one.getBoundingClientRect().bottom") for one in page.locator(".pick").all())
    assert find_result(page).evaluate(below) >= lowest


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?level=77&seed=2", "There is no level 77."),
        ("?level=2&seed=two", "There is no question with the seed two."),
    ],
)
def test_an_address_without_a_question_says_so(game: Callable[..., Page], query: str, sentence: str) -> None:
    page = game(query=query)
    expect(page.get_by_role("heading", level=2)).to_have_text(sentence)
    expect(button(page, "Lock in")).to_have_count(0)
    button(page, "Go to level 1").click()
    expect(page.get_by_text("Level 1 of 10 · one_for_one")).to_be_visible()
    expect(page).to_have_title("Level 1 · Predict · SuperLearner")


def test_the_result_is_announced_at_once_and_drawn_start_by_start(game: Callable[..., Page]) -> None:
    page = game(2, 2, reduced_motion="no-preference")
    page.clock.install(time=0)
    page.clock.pause_at(60_000)
    pick(page, "ledger", "cart")
    button(page, "Lock in").click()
    expect(page.get_by_role("status").filter(has_text="1 of 2 found, 1 too many. Missed: parser")).to_have_count(1)
    expect(find_result(page)).to_have_count(0)
    expect(page.locator(".streak")).to_have_text("0 in a row0 of 10 levels")
    seen: list[tuple[str | None, ...]] = []
    while not find_result(page).count():
        marks = tuple(process(page, name).get_attribute("data-mark") for name in ("ledger", "cart", "parser"))
        if marks not in seen:
            seen.append(marks)
        page.clock.run_for(32)
    assert seen == [(None, None, None), (None, "right", None), (None, "right", "missed")]
    expect(process(page, "ledger")).to_contain_text("wrong")


def test_without_motion_the_result_is_there_at_once(game: Callable[..., Page]) -> None:
    page = game(2, 2)
    page.clock.install(time=0)
    page.clock.pause_at(60_000)
    pick(page, "ledger")
    button(page, "Lock in").click()
    expect(find_result(page)).to_contain_text("0 of 2 found, 1 too many")
    expect(process(page, "parser")).to_contain_text("missed")
    button(page, "Watch again").click()
    for stage in range(1, 7):
        expect(page.locator("restart-stage")).to_have_attribute("data-stage", str(stage))
        page.clock.run_for(934)
    expect(find_result(page)).to_contain_text("0 of 2 found, 1 too many")


def test_a_page_that_embeds_the_game_learns_the_answer(game: Callable[..., Page]) -> None:
    page = game(2, 2)
    page.evaluate(
        """() => {
            const game = document.createElement("predict-game");
            game.setAttribute("level", "5");
            game.setAttribute("seed", "1");
            window.told = [];
            document.addEventListener("predict-answered", ({ detail }) => window.told.push(detail));
            document.querySelector("main").replaceChildren(game);
        }"""
    )
    expect(page.get_by_role("heading", level=2)).to_have_text("writer is killed. Which processes get a new pid?")
    pick(page, "writer", "history")
    button(page, "Lock in").click()
    expect(find_result(page)).to_contain_text("No process is restarted, and you picked 2")
    answer = {"level": 5, "seed": 1, "right": False, "picked": ["writer", "history"]}
    assert page.evaluate("window.told") == [answer]


def test_the_prediction_is_kept_while_the_server_is_gone(game: Callable[..., Page]) -> None:
    page = game(2, 2)
    page.route(ANSWER, lambda route: route.abort())
    pick(page, "cart", "parser")
    button(page, "Lock in").click()
    expect(page.get_by_role("alert").filter(has_text="The server does not answer.")).to_have_text(
        "The server does not answer. Your prediction is kept. Lock it in again when the server is back."
    )
    expect(process(page, "parser")).to_have_attribute("aria-pressed", "true")
    page.route("**/api/v1/game/levels/3?*", lambda route: route.abort())
    page.unroute(ANSWER)
    button(page, "Lock in").click()
    expect(find_result(page)).to_contain_text("Right")
    button(page, "Next level").click()
    expect(page.get_by_role("heading", level=2)).to_have_text("The server does not answer.")
    page.unroute("**/api/v1/game/levels/3?*")
    button(page, "Try again").click()
    expect(page.get_by_text("Level 3 of 10 · Order matters")).to_be_visible()


def test_nothing_is_locked_in_while_another_level_loads(game: Callable[..., Page]) -> None:
    page = game(2, 2)
    held: list[Route] = []
    answers: list[str] = []
    page.on("request", lambda request: answers.append(request.url) if "/answer" in request.url else None)
    page.route("**/api/v1/game/levels/1?*", lambda route: held.append(route))
    pick(page, "cart")
    level(page, 1).click()
    expect(page.get_by_role("heading", level=2)).to_have_text("Loading the question")
    expect(button(page, "Lock in")).to_be_disabled()
    process(page, "parser").press("Enter")
    process(page, "parser").click(force=True)
    expect(process(page, "parser")).not_to_have_attribute("aria-pressed", "true")
    assert len(held) == 1
    held[0].continue_()
    expect(page.get_by_text("Level 1 of 10 · one_for_one")).to_be_visible()
    expect(button(page, "Lock in")).to_be_disabled()
    assert answers == []
    page.locator('.pick[data-kind="worker"]').first.click()
    button(page, "Lock in").click()
    expect(find_result(page)).to_be_visible()
    assert len(answers) == 1
    assert "/levels/1/answer" in answers[0]


def test_an_answer_that_comes_after_another_question_is_not_shown(game: Callable[..., Page]) -> None:
    page = game(2, 2)
    held: list[Route] = []
    page.route(ANSWER, lambda route: held.append(route))
    pick(page, "cart")
    button(page, "Lock in").click()
    expect(button(page, "Lock in")).to_be_disabled()
    level(page, 5).click()
    expect(page.get_by_text("Level 5 of 10 · A temporary child")).to_be_visible()
    expect(button(page, "None of them")).to_be_enabled()
    held[0].fulfill(response=page.request.get(held[0].request.url))
    page.evaluate("() => fetch('/static/icon.svg').then(() => true)")
    page.locator(".pick").last.click()
    expect(find_result(page)).to_have_count(0)
    expect(page.locator('.pick[aria-pressed="true"]')).to_have_count(1)
    expect(level(page, 2)).to_have_accessible_name("Level 2, rest_for_one")


@pytest.mark.parametrize(("theme", "width"), VARIANTS)
def test_question_and_result_fit_every_screen(game: Callable[..., Page], theme: str, width: int) -> None:
    page = game(10, 1, theme=theme, width=width)
    pick(page, "shelves", "chat_sup")
    for what in (page.get_by_role("heading", level=2), button(page, "Lock in"), *page.locator(".pick").all()):
        assert what.evaluate(INSIDE), what
    assert (page.evaluate(SIDEWAYS), broken_rules(page)) == (0, [])
    button(page, "Lock in").click()
    expect(find_result(page)).to_contain_text("1 of 6 found, 1 too many")
    process(page, "parser").scroll_into_view_if_needed()
    for what in (process(page, "parser"), button(page, "Another one like this")):
        assert what.evaluate(INSIDE), what
    assert (page.evaluate(SIDEWAYS), broken_rules(page)) == (0, [])


def test_with_large_text_on_a_projector_the_question_is_beside_all_processes(game: Callable[..., Page]) -> None:
    page = game(9, 3)
    for width, height in ((960, 540), (853, 480)):
        page.set_viewport_size({"width": width, "height": height})
        for what in (page.get_by_role("heading", level=2), button(page, "Lock in"), *page.locator(".pick").all()):
            expect(what).to_be_in_viewport(ratio=1)
            assert what.evaluate(INSIDE), (what, width)
        assert page.evaluate(SIDEWAYS) == 0


def test_the_learning_path_leads_to_the_game(open_page: Callable[..., Page], untouched: Any) -> None:
    page = open_page(f"{untouched.url.rstrip('/')}/learn", ready=False)
    page.get_by_role("link", name="Play Predict").click()
    expect(page.get_by_text("Level 1 of 10 · one_for_one")).to_be_visible()
    assert "/predict?level=1&seed=" in page.url
