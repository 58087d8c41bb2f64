"""Crashes in the Playground: the line of the process that made the mistake, and a correction that runs at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from playground_page import OWNER, TYPED, accessible, beside, cast, made, opened, typed

COUNTER = """\
from otp import Children, GenServer, NoReply, Ok, Reply, Supervisor, impl

class Counter(GenServer):
    @impl
    def init(self, start):
        return Ok(start)
    @impl
    def handle_call(self, request, caller, n):
        return Reply(n, n)
    @impl
    def handle_cast(self, request, n):
        return NoReply(n + 1)

class Asker(GenServer):
    @impl
    def init(self, start):
        return Ok(start)
    @impl
    async def handle_cast(self, request, n):
        GenServer.cast("counter", "increment")
        value = await GenServer.call("counter", "value")
        return NoReply(n + value)

class Main(Supervisor):
    @impl
    def init(self, arg):
        return Children([Counter.child_spec(0, name="counter"), Asker.child_spec(0, name="asker")], max_restarts=0)
"""
METHOD = COUNTER[COUNTER.index("    @impl\n    def handle_cast") : COUNTER.index("\nclass Asker")]


@pytest.mark.parametrize(
    ("old", "new", "says", "line"),
    [
        (METHOD, METHOD.replace("    @impl\n    def", "@impl\ndef"), "stands outside of the class: indent it", 11),
        ("NoReply(n + 1)", "Reply(n, n + 1)", "returned Reply(0, 1)", 12),
        ("NoReply(n + 1)", "self.n", "AttributeError: ", 12),
    ],
    ids=["outside", "result", "exception"],
)
def test_a_crash_is_at_the_line_of_the_server_and_not_of_its_caller(
    open_page: Callable[..., Page], at_work: Any, old: str, new: str, says: str, line: int
) -> None:
    """Regression: a line of the runtime was marked, beyond the end of the code, or the correct call of the caller."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    name = f"blames{line}{len(new)}"
    made(page, name, COUNTER.replace(old, new))
    cast(page, at_work, name, "asker", "go")
    expect(page.locator("#one-status")).to_have_text("ended")
    for _ in range(2):  # live, and from what is kept
        expect(page.locator("#crashed")).to_contain_text(f"ounter crashed at line {line}: ")
        expect(page.locator("#crashed")).to_contain_text(says)
        expect(page.locator("#next-step")).to_contain_text(f"Next: line {line}, where ")
        page.reload()


def test_a_coroutine_used_as_an_answer_has_one_sentence_at_the_call(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    """Regression: the sentence was about a wrong type, at the line below."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    made(page, "coroutine", COUNTER.replace("await ", ""))
    cast(page, at_work, "coroutine", "asker", "go")
    expect(page.locator("#crashed")).to_have_text(
        "asker crashed because of line 21: `await` is missing before the call of GenServer.call, "
        "which does nothing without it"
    )
    expect(page.locator(".cm-lintRange-error")).to_have_text('value = GenServer.call("counter", "value")')


def test_a_crash_for_a_forgotten_start_argument_is_at_the_child(open_page: Callable[..., Page], at_work: Any) -> None:
    """Regression: a correct line was marked, and the message blamed a missing `return`."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    made(page, "argument", COUNTER.replace('0, name="counter"', 'name="counter"'))
    cast(page, at_work, "argument", "asker", "go")
    expect(page.locator("#crashed")).to_have_text(
        "counter crashed because of line 27: Counter gets no start argument, so start is None in its init: "
        "write Counter.child_spec(0, name='counter')"
    )
    expect(page.locator("#next-step")).to_contain_text("Next: line 27, for which ")


@pytest.mark.parametrize(
    ("restart", "ends", "normally"), [("temporary", "kill", ""), ("transient", "stop", "ended normally and ")]
)
def test_a_process_that_does_not_run_again_says_the_restart_of_its_child_spec(
    open_page: Callable[..., Page], at_work: Any, restart: str, ends: str, normally: str
) -> None:
    """Regression: the step said that its supervisor starts it again; only the feed had a reason, without the line."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    name = f"left_{ends}"
    spec = f'name="counter", restart="{restart}"'
    stops = 'return NoReply(n + 1) if request == "on" else Stop("normal", n)'
    source = COUNTER.replace("Reply, Supervisor", "Reply, Stop, Supervisor").replace("return NoReply(n + 1)", stops)
    made(page, name, source.replace('name="counter"', spec))
    if ends == "kill":
        beside(page)
        page.get_by_role("button", name="Kill counter").click()
    else:
        cast(page, at_work, name, "counter", "off")
    for _ in range(2):  # live, and after a reload
        expect(page.locator("#left")).to_have_text(
            f'counter {normally}was not restarted: its child spec has restart="{restart}" (line 27)'
        )
        expect(page.locator("#happened")).to_contain_text(f'its child spec has restart="{restart}"')
        expect(page.locator("#next-step")).to_contain_text("Next: press Restart to start counter again.")
        accessible(page)
        page.reload()


def test_a_process_that_was_restarted_along_with_a_sibling_is_no_longer_called_not_restarted(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    """Regression: the message stayed; and each event replaced it, so that its link lost the focus."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    source = COUNTER.replace("Reply, Supervisor", "Reply, Stop, Supervisor")
    source = source.replace("return NoReply(n + 1)", 'return Stop("normal", n)')
    source = source.replace('name="counter"', 'name="counter", restart="transient"')
    others = 'Asker.child_spec(0, id="b", name="b", restart="temporary")], max_restarts=9, strategy="one_for_all"'
    made(page, "along", source.replace("], max_restarts=0", f", {others}"))
    cast(page, at_work, "along", "counter", "off")
    place = page.locator("#left").get_by_role("button", name="line 27")
    place.focus()
    suspend = f"{at_work.url}/api/v1/processes/asker/%s?node=sandbox-along@127.0.0.1"
    for act in ("suspend", "resume"):
        assert page.request.post(suspend % act).ok
    expect(page.locator("#happened")).to_contain_text("asker was resumed")
    expect(place).to_be_focused()
    beside(page)
    page.get_by_role("button", name="Kill asker").click()
    expect(page.locator("#happened")).to_contain_text("asker was killed; Main (one_for_all) restarted asker")
    expect(page.locator("#left")).to_be_empty()
    expect(page.locator("#next-step")).not_to_contain_text("press Restart to start")


def test_a_tree_whose_child_is_being_restarted_is_not_called_bare(open_page: Callable[..., Page], at_work: Any) -> None:
    """Regression: the step was to add a child to the top supervisor while its only child was being restarted."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    once = "    starts = 0\n    @impl\n    async def init(self, start):\n        Counter.starts += 1\n"
    waits = "        if Counter.starts > 1:\n            await asyncio.Event().wait()\n"
    init = "    @impl\n    def init(self, start):\n"
    source = COUNTER.replace(init, once + waits, 1).replace(', Asker.child_spec(0, name="asker")', "")
    made(page, "restarting", f"import asyncio\n{source}".replace("max_restarts=0", "max_restarts=9"))
    beside(page)
    page.get_by_role("button", name="Kill counter").click()
    expect(page.locator("#happened")).to_contain_text("counter was killed")
    expect(page.locator('#tree [data-state="restarting"]').first).to_be_visible()
    expect(page.locator("#next-step")).to_contain_text("Next: kill a process in the tree")


def test_a_page_opened_after_a_kill_asks_for_earlier_crashes_once(open_page: Callable[..., Page], at_work: Any) -> None:
    """Regression: it asked again whenever the sandboxes were loaded, as a kill has no line."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    made(page, "asks")
    beside(page)
    page.get_by_role("button", name="Kill left").click()
    expect(page.locator("#happened")).to_contain_text("left was killed")
    # the pause between questions, in which several become one
    page.add_init_script(
        "const usual = setTimeout; window.setTimeout = (fn, ms, ...args) => usual(fn, ms === 300 ? 0 : ms, ...args)"
    )
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/errors?" in request.url else None)
    page.reload()
    expect(page.locator("#happened")).to_contain_text("left was killed")
    for _ in range(4):
        with page.expect_response("**/sandboxes/asks/notices"):
            page.evaluate("window.dispatchEvent(new Event('sl-sandboxes'))")
        page.evaluate("fetch('/static/icon.svg')")  # what the answer leads to has begun
    assert 2 >= len(asked), "one for the feed, and one since the start if its time came later"


def test_a_page_opened_after_a_crash_marks_its_line_and_offers_nothing_that_cannot_work(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    """Regression: no line was marked, and the step was to kill a process or make one crash, although none was left."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    tree = COUNTER.replace("n + 1", "n.x").replace("class Main", "class Room")
    top = 'Children([Room.child_spec(None, id="room", restart="temporary")])'
    made(page, "after", f"{tree}\nclass Main(Supervisor):\n    def init(self, arg):\n        return {top}\n")
    cast(page, at_work, "after", "counter", "go")
    for _ in range(2):  # live, and after a reload
        expect(page.locator("#crashed")).to_contain_text("counter crashed at line 12: ")
        expect(page.locator(".cm-lintRange-error")).to_have_text("return NoReply(n.x)")
        expect(page.locator("#left")).to_contain_text("room was not restarted: ")
        expect(page.locator("#next-step")).to_contain_text("Next: line 12, where counter crashed, is marked.")
        page.reload()


def test_a_tree_without_processes_is_not_offered_a_kill(open_page: Callable[..., Page], at_work: Any) -> None:
    """Regression: the step was to kill a process in the tree, which had none but its supervisor."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    made(page, "bare", COUNTER[: COUNTER.index("[Counter.child_spec")] + "[])\n")
    expect(page.locator("#next-step")).to_have_text(
        "Next: add a child to the top supervisor, which has none running, and press Restart."
    )


def test_a_crash_for_an_answer_that_came_too_late_is_where_the_server_waits(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    """Regression: the line of the caller was marked, which is right; only a sleep in the source showed the other."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    answer = "    def handle_call(self, request, caller, n):\n"
    waits = answer.replace("def", "async def") + "        await asyncio.Event().wait()\n"
    made(page, "late", f"import asyncio\n{COUNTER}".replace(answer, waits).replace('"value")', '"value", timeout=0.2)'))
    cast(page, at_work, "late", "asker", "go")
    expect(page.locator("#one-status")).to_have_text("ended")
    for _ in range(2):  # live, and from what is kept
        expect(page.locator("#crashed")).to_have_text(
            re.compile("^[Aa]sker crashed because of line 10: counter was still in handle_call there$")
        )
        expect(page.locator(".cm-lintRange-error")).to_have_text("await asyncio.Event().wait()")
        page.reload()


def test_the_cause_of_a_give_up_is_said_once_below_the_code(open_page: Callable[..., Page], at_work: Any) -> None:
    """Regression: the box repeated it, partly in other words than the message."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    made(page, "once", COUNTER.replace("NoReply(n + 1)", "Reply(n, n + 1)"))
    cast(page, at_work, "once", "asker", "go")
    for _ in range(2):  # live, and from what is kept
        expect(page.locator("#crashed")).to_contain_text("returned Reply(0, 1)")
        expect(page.locator("#one-reason p")).to_have_text(
            "It has ended: Main gave up: it allows no restarts. The message below the code says why. "
            "Run starts it again; its options stay."
        )
        page.reload()


def test_a_correction_runs_at_once_while_the_tree_gives_up(open_page: Callable[..., Page], at_work: Any) -> None:
    """Regression: Run said that the tree has ended, and to run it again in a moment."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    made(page, "quick", COUNTER.replace("n + 1", "n.x"))
    typed(page, COUNTER)
    cast(page, at_work, "quick", "counter", "go")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#said")).to_have_text("It runs again.")
    expect(page.locator("#one-status")).to_have_text("running")
    expect(page.locator("#crashed")).to_be_empty()


def test_a_correction_that_a_busy_process_does_not_take_is_run_by_restart(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    """Regression: the next step was to press Run, which had just failed, and no message said Restart."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    answer = "    def handle_call(self, request, caller, n):\n"
    waits = answer.replace("def", "async def") + "        await asyncio.Event().wait()\n"
    right = COUNTER.replace("max_restarts=0", "max_restarts=9")
    made(page, "busy", f"import asyncio\n{right}".replace(answer, waits))
    cast(page, at_work, "busy", "asker", "go")
    typed(page, right)
    page.get_by_role("button", name="Run", exact=True).click()
    said, step = page.locator("#said"), page.locator("#next-step")
    expect(said).to_contain_text("nothing has changed: counter still runs the old code", timeout=20_000)
    expect(said).to_contain_text("Press Restart: the tree starts with this code and new states.")
    expect(step).to_have_text("Next: press Restart: counter still runs the old code and is too busy to switch.")
    page.get_by_role("button", name="Restart", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).not_to_contain_text("use Run")
    dialog.get_by_role("button", name="Restart").click()
    expect(said).to_have_text("Restarted with this code: all states are new.")
    expect(step).to_contain_text("Next: the new code is running")


def test_a_run_during_a_run_is_done_afterwards(open_page: Callable[..., Page], at_work: Any) -> None:
    """Regression: nothing happened, and the tree ran the code before."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    made(page, "twice")
    held: list[Route] = []
    page.route("**/hot-reload", lambda route: held.append(route), times=1)
    run = page.get_by_role("button", name="Run", exact=True)
    typed(page, f"{TYPED}# second\n")
    with page.expect_request("**/hot-reload"):
        run.click()
    typed(page, f"{TYPED}# third\n")
    run.click()
    held[0].continue_()
    expect(page.locator("#said")).to_contain_text("Hot-reloaded: version 3 runs")


def test_no_answer_of_the_code_before_is_shown_after_a_correction(open_page: Callable[..., Page], at_work: Any) -> None:
    """Regression: the answer in red, and its advice, stayed below the corrected code."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    later = "    async def later(self):\n        return 7\n    @impl\n    async def handle_call"
    code = COUNTER.replace("    @impl\n    def handle_call", later).replace("(n, n)", "(self.later(), n)")
    made(page, "corrected", code)
    page.get_by_role("treeitem", name=re.compile("^counter, ")).click()
    panel = page.get_by_role("tabpanel", name="Process")
    panel.get_by_label("Kind of message").select_option("call")
    panel.get_by_label("Message as JSON").fill("value")
    panel.get_by_role("button", name="Send", exact=True).click()
    expect(panel.locator(".answer")).to_contain_text("write await before this call")
    typed(page, code.replace("self.later()", "await self.later()"))
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#said")).to_contain_text("Hot-reloaded: version 2 runs")
    expect(panel.locator(".answer")).to_be_empty()


def test_no_crash_of_the_program_before_is_shown_after_a_correction(
    open_page: Callable[..., Page], at_work: Any
) -> None:
    """Regression: an answer about the ended program came during the start, and its crash stayed."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    made(page, "late", COUNTER.replace("n + 1", "n.x"))
    held: list[Route] = []
    starts: list[Route] = []
    page.route("**/restarts?settled=*", lambda route: route.continue_() if starts else held.append(route))
    cast(page, at_work, "late", "counter", "go")
    with page.expect_request("**/restarts?settled=*"):
        expect(page.locator("#one-status")).to_have_text("ended")
    typed(page, COUNTER)
    page.route("**/restart", lambda route: starts.append(route), times=1)
    with page.expect_request("**/sandboxes/late/restart"):
        page.get_by_role("button", name="Run", exact=True).click()
    with page.expect_response("**/restarts?settled=*"):
        for route in held:
            route.continue_()
    starts[0].continue_()
    expect(page.locator("#said")).to_have_text("It runs again.")
    expect(page.locator("#one-status")).to_have_text("running")
    expect(page.locator("#crashed")).to_be_empty()


def test_an_old_crash_has_one_line_after_the_code_has_changed(open_page: Callable[..., Page], at_work: Any) -> None:
    """Regression: its sentence named the line in the earlier code, and the link beside it one in the new code."""
    page = opened(open_page, at_work, "/sandboxes?new=", **OWNER)
    wrong = TYPED.replace("return NoReply(n + 1)", "return 1")
    made(page, "moved", wrong)
    cast(page, at_work, "moved", "left", "add")
    expect(page.locator("#crashed")).to_contain_text("left crashed at line 9")
    typed(page, f"# one more line\n{wrong}")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#said")).to_contain_text("ersion 2 runs")
    cast(page, at_work, "moved", "right", "add")
    expect(page.locator("#crashed")).to_contain_text("right crashed at line 10")
    entries = page.locator("#happened > li").filter(has_text="left")  # that of right counts the restarts left
    expect(entries.get_by_role("button")).to_have_text(["line 10", "line 9"])
