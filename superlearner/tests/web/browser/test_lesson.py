"""A session of the course as a learner works through it: read, predict, reflect, write, fail, take hints, pass."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Request, Route, expect

from axe import broken_rules
from layout_shifts import layout_shift
from page_variants import VARIANTS
from page_width import SIDEWAYS
from superlearner.course.course import FOLDER, Course
from superlearner.store.learning import Learned

LESSONS = Path(__file__).parent / "lessons"
OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}
RIGHT = FOLDER / "solutions" / "s12_minimal.py"


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A course whose session 12 has every kind of block."""
    folder = tmp_path_factory.mktemp("course")
    for name in ("checks", "solutions", "wrong"):
        (folder / name).symlink_to(FOLDER / name)
    (folder / "lessons").symlink_to(LESSONS)
    return Course(folder)


@pytest.fixture
def served(stored_platform: Any, course: Course) -> Iterator[Any]:
    """A platform with that course, in which nothing was done yet."""
    before, stored_platform.platform.course = stored_platform.platform.course, course
    yield stored_platform
    stored_platform.platform.course = before
    for user in ("owner", "anonymous"):
        stored_platform.do(lambda user=user: stored_platform.platform.store.learning.forget(user))


@pytest.fixture
def lesson(open_page: Callable[..., Page], served: Any) -> Callable[..., Page]:
    """Opens the session: ``lesson()`` signed in, ``lesson(signed_in=False)``."""

    def open_one(*, signed_in: bool = True, **more: Any) -> Page:
        # Whoever signs in later changes the headers of the context, so it is of no use to another test
        who: dict[str, Any] = {"extra_http_headers": OWNER} if signed_in else {"fresh": True}
        page = open_page(f"{served.url}/learn/12", ready=False, **who, **more)
        expect(page.get_by_role("heading", name="Why OTP", exact=True)).to_be_attached()
        return page

    return open_one


def exercise(page: Page, id: str = "s12-minimal") -> Locator:
    return page.locator(f"#{id}")


def write(page: Page, text: str) -> None:
    """Replace the answer in the editor of the exercise."""
    code = exercise(page).locator("sl-code")
    code.hover()
    expect(code).to_have_attribute("data-ready", "editor")
    field = code.get_by_role("textbox")
    field.press("Control+a")
    field.press("Delete")
    page.keyboard.insert_text(text)


@pytest.mark.page("/learn/12")
def test_an_answer_is_checked_and_its_verdict_is_a_sentence(lesson: Callable[..., Page]) -> None:
    page = lesson()
    expect(page.get_by_role("heading", level=1)).to_have_text("What is OTP?")
    done = page.get_by_role("progressbar", name="Progress in this session")
    expect(done).to_have_attribute("aria-valuetext", "0 of 7 done")
    expect(page.get_by_role("link", name="Begin with “Why OTP”")).to_have_attribute("href", "#section-why-otp")
    one = exercise(page)
    expect(one.locator(".which")).to_have_text("Exercise · 8 min core")
    expect(one.get_by_role("link", name="Next:")).to_have_count(0)
    one.get_by_role("button", name="Check").click()
    expect(one.get_by_role("group", name="Verdict")).to_contain_text("Expected MinimalServer.get(…), got none")
    expect(one.get_by_role("status")).to_contain_text("Not passed: expected MinimalServer.get(…), got none")
    expect(one).to_contain_text("Not passed yet")
    write(page, RIGHT.read_text())
    expect(one.get_by_role("group", name="Verdict")).to_contain_text("before your last change")
    page.keyboard.press("Control+Enter")
    expect(one.get_by_role("group", name="Verdict")).to_contain_text("Passed: each step holds")
    steps = one.get_by_role("list", name="Steps").get_by_role("listitem")
    expect(steps.first).to_contain_text("A server starts with 0")
    assert all(step.get_attribute("data-ok") == "yes" for step in steps.all())
    one.get_by_role("link", name="Next: “Requirements and mechanisms”").click()
    expect(exercise(page, "s12-requirements")).to_be_focused()
    expect(done).to_have_attribute("aria-valuetext", "1 of 7 done")
    link = page.get_by_role("navigation", name="Sections").get_by_role("link", name="Write a server")
    expect(link).to_have_accessible_name("Write a server core , done")


def test_a_wrong_prediction_is_explained_by_the_run_and_stays_after_a_reload(lesson: Callable[..., Page]) -> None:
    page = lesson()
    one = exercise(page, "s12-p2")
    lock = one.get_by_role("button", name="Lock in")
    expect(lock).to_be_disabled()
    one.get_by_role("radio", name="The caller waits 5 seconds").check()
    lock.click()
    result = one.get_by_role("group", name="Result")
    expect(result).to_contain_text("Nobody waits here: the monitor of the call tells the caller at once")
    expect(result).to_contain_text("The run: the server ends, and the caller gets ServerDown at once")
    expect(result).to_contain_text("its supervisor would start it again")
    expect(result.get_by_role("img")).to_have_accessible_name(re.compile("0 s: check sends 'hello' to server"))
    expect(one.get_by_role("status")).to_contain_text("Not what happens. The run: the server ends")
    expect(result).to_be_focused()
    expect(result.get_by_role("link", name="Next: “MinimalServer”")).to_be_visible()
    page.reload()
    expect(one.get_by_role("radio", name="The caller waits 5 seconds")).to_be_checked()
    expect(one.get_by_role("radio", name="The caller waits 5 seconds")).to_be_disabled()
    expect(one.locator("label", has_text="The server ends")).to_contain_text("what happens")
    expect(result).to_contain_text("Nobody waits here")
    one.get_by_role("button", name="Run it again").click()
    expect(result).to_contain_text("The run: the server ends, and the caller gets ServerDown at once")


def test_a_reflection_is_compared_once_it_is_long_enough_and_can_be_changed(lesson: Callable[..., Page]) -> None:
    page = lesson()
    one = exercise(page, "s12-r1")
    field = one.get_by_role("textbox", name="How many lines of your own AgentMonitor")
    compare = one.get_by_role("button", name="Compare with a model answer")
    field.fill("The loop.")
    expect(one).to_contain_text("31 more characters, then you can compare.")
    expect(compare).to_be_disabled()
    field.fill("The loop, the monitors, and the restarts would be.")
    compare.click()
    expect(one.get_by_role("group", name="A model answer")).to_contain_text("Nearly all of them")
    page.reload()
    expect(field).to_have_value("The loop, the monitors, and the restarts would be.")
    expect(one.get_by_role("group", name="A model answer")).to_contain_text("Nearly all of them")
    field.fill("The loop, the monitors, and the restarts would be. And more.")
    one.get_by_role("button", name="Keep the change").click()
    expect(one).to_contain_text("Your words are kept, and private.")


def test_choices_are_made_in_lists_and_boxes_and_come_back_after_a_reload(lesson: Callable[..., Page]) -> None:
    page = lesson()
    pairs = exercise(page, "s12-requirements")
    pairs.get_by_label("high availability").select_option("catching every exception")
    pairs.get_by_label("fault tolerance").select_option("isolated processes, links and monitors")
    pairs.get_by_label("new code while it runs").select_option("code_change while the server is suspended")
    pairs.get_by_role("button", name="Check").click()
    expect(pairs.get_by_role("group", name="Verdict")).to_contain_text("'concurrent connections' has none")
    pairs.get_by_label("concurrent connections").select_option("one cheap process each")
    pairs.get_by_role("button", name="Check").click()
    expect(pairs.get_by_role("group", name="Verdict")).to_contain_text("Look at this:")
    page.reload()
    expect(pairs.get_by_label("fault tolerance")).to_have_value("isolated processes, links and monitors")
    pairs.get_by_label("high availability").select_option("supervision and restarts")
    pairs.get_by_label("high availability").press("Control+Enter")
    expect(pairs.get_by_role("group", name="Verdict")).to_contain_text("Passed:")
    boxes = exercise(page, "s12-remember")
    for name in ("confirmation", "back-pressure", "other reader"):
        boxes.get_by_role("checkbox", name=name).check()
    boxes.get_by_role("button", name="Check").click()
    expect(boxes.get_by_role("group", name="Verdict")).to_contain_text("Passed:")
    page.reload()
    expect(boxes.get_by_role("checkbox", name="other reader")).to_be_checked()
    expect(boxes.get_by_role("checkbox", name="faster")).not_to_be_checked()
    expect(boxes).to_contain_text("Your answer has passed.")


def test_hints_open_one_by_one_and_the_solution_after_the_last(lesson: Callable[..., Page], served: Any) -> None:
    page = lesson()
    one = exercise(page)
    one.get_by_role("button", name="Hint 1 of 4").click()
    expect(one.get_by_role("listitem").filter(has_text="Hint 1")).to_contain_text("What does get have to wait for?")
    one.get_by_role("button", name="Hint 2 of 4").click()
    expect(one.locator(".helps").get_by_role("alert")).to_contain_text(
        "The next hint opens after another answer, or in"
    )
    one.get_by_role("button", name="Check").click()
    expect(one.get_by_role("group", name="Verdict")).to_be_visible()
    one.get_by_role("button", name="Hint 2 of 4").click()
    expect(one.get_by_role("listitem").filter(has_text="Hint 2")).to_contain_text("set is a cast.")
    expect(one.get_by_role("alert")).to_have_count(0)
    for at, level in enumerate((3, 4)):
        done = Learned("hint", "s12.minimal", 1.0 + at, {"level": level})
        served.do(lambda done=done: served.platform.store.learning.add("owner", done))
    page.reload()
    expect(one.locator(".hints > li")).to_have_count(4)
    one.get_by_role("button", name="Show the solution").click()
    expect(one.get_by_text("def handle_cast")).to_be_visible()
    write(page, RIGHT.read_text())
    page.keyboard.press("Control+Enter")
    expect(one).to_contain_text("Passed with help")


def test_a_line_of_the_answer_is_marked(lesson: Callable[..., Page]) -> None:
    page = lesson()
    write(page, "from otp import GenServer\n\nclass MinimalServer(GenServer)\n    pass\n")
    page.keyboard.press("Control+Enter")
    one = exercise(page)
    expect(one.get_by_role("group", name="Verdict")).to_contain_text("Line 3: expected ':'")
    expect(one).to_contain_text("Line 3 is marked in your answer.")
    expect(one.locator("sl-code .cm-lintRange-error, sl-code .cm-lint-marker-error").first).to_be_attached()


def test_nothing_that_was_typed_is_lost_when_the_server_does_not_answer(lesson: Callable[..., Page]) -> None:
    page = lesson()
    one, asked = exercise(page), "**/api/v1/course/exercises/s12.minimal/check"
    page.route(asked, lambda route: route.abort())
    write(page, "answer = 'mine'\n")
    page.keyboard.press("Control+Enter")
    expect(one.get_by_role("alert")).to_have_text(
        "The server does not answer. Your answer is kept. Try again when the server is back."
    )
    page.reload()
    expect(one.get_by_role("textbox")).to_have_value("answer = 'mine'\n")
    exercise(page, "s12-p2").get_by_role("radio", name="It answers").check()
    page.route("**/api/v1/course/predictions/*", lambda route: route.abort())
    exercise(page, "s12-p2").get_by_role("button", name="Lock in").click()
    expect(exercise(page, "s12-p2").get_by_role("alert")).to_contain_text("Your prediction is kept.")
    page.unroute(asked)
    one.get_by_role("button", name="Check").click()
    expect(one.get_by_role("group", name="Verdict")).to_contain_text("MinimalServer")
    one.get_by_role("button", name="Start over").click()
    expect(one.get_by_role("textbox")).to_have_value(re.compile("class MinimalServer"))
    one.get_by_role("button", name="Undo").click()
    expect(one.get_by_role("textbox")).to_have_value("answer = 'mine'\n")


def test_who_is_not_signed_in_reads_and_predicts_and_is_told_what_a_check_takes(lesson: Callable[..., Page]) -> None:
    page = lesson(signed_in=False)
    check = exercise(page).get_by_role("button", name="Check")
    expect(check).to_be_disabled()
    expect(check).to_have_accessible_description(re.compile("Checking an answer runs your code, so it takes a sign-in"))
    expect(exercise(page).get_by_role("link", name="Sign in")).to_have_attribute("href", "/sign-in?next=%2Flearn%2F12")
    asked: list[str] = []

    def note(request: Request) -> None:
        if request.url.endswith("/check"):
            asked.append(request.url)

    page.on("request", note)
    write(page, "answer = 'before the sign-in'\n")
    page.keyboard.press("Control+Enter")
    exercise(page, "s12-p2").get_by_role("radio", name="The server ends").check()
    exercise(page, "s12-p2").get_by_role("button", name="Lock in").click()
    expect(exercise(page, "s12-p2").get_by_role("group", name="Result")).to_contain_text("Right, that is what happens")
    assert asked == []
    page.context.set_extra_http_headers(OWNER)
    page.reload()
    expect(exercise(page).get_by_role("textbox")).to_have_value("answer = 'before the sign-in'\n")
    expect(exercise(page).get_by_role("button", name="Check")).to_be_enabled()


def test_keys_go_from_section_to_section_and_a_reload_goes_on_where_one_was(lesson: Callable[..., Page]) -> None:
    page = lesson()
    sections = page.get_by_role("navigation", name="Sections")
    expect(sections.locator("[aria-current]")).to_contain_text("Why OTP")
    page.keyboard.press("]")
    expect(page.get_by_role("heading", name="Write a server")).to_be_focused()
    expect(sections.locator("[aria-current]")).to_contain_text("Write a server")
    page.keyboard.press("]")
    expect(sections.locator("[aria-current]")).to_contain_text("Choose")
    page.keyboard.press("[")
    expect(sections.locator("[aria-current]")).to_contain_text("Write a server")
    top = exercise(page).evaluate("(one) => one.getBoundingClientRect().top")
    page.reload()
    expect(sections.locator("[aria-current]")).to_contain_text("Write a server")
    assert abs(exercise(page).evaluate("(one) => one.getBoundingClientRect().top") - top) <= 2
    sections.get_by_role("link", name="Choose").click()
    expect(page.get_by_role("heading", name="Choose", exact=True)).to_be_focused()
    assert page.url.endswith("#section-choose")


def test_a_recorded_restart_is_played_in_the_place_of_its_picture(lesson: Callable[..., Page]) -> None:
    page = lesson()
    figure = page.locator("#s12-w2")
    clip = figure.locator("restart-clip")
    expect(clip.get_by_role("button", name="Play")).to_be_attached()
    figure.scroll_into_view_if_needed()
    expect(figure).to_contain_text("cart crashes, mailer is stopped, and both start again.")
    clip.get_by_role("button", name="Step forward").click()
    expect(clip.locator("restart-stage")).not_to_have_attribute("data-stage", "0")
    assert broken_rules(page) == []


def test_the_messages_of_a_run_are_stepped_through(lesson: Callable[..., Page]) -> None:
    page = lesson()
    picture = exercise(page, "s12-w1")
    picture.scroll_into_view_if_needed()
    said, rows = picture.locator(".say"), picture.locator(".row")
    expect(said).to_have_text("0 s: client sends 'sweep' to server.")
    expect(picture.get_by_role("button", name="Step back")).to_be_disabled()
    picture.get_by_role("button", name="Step forward").click()
    expect(said).to_have_text("1 s: server sends 'sweep, done' to client.")
    expect(rows.nth(1)).to_have_attribute("data-when", "now")
    expect(rows.nth(2)).to_have_attribute("data-when", "later")
    step = picture.get_by_role("slider", name="Step")
    step.press("End")
    expect(step).to_have_attribute("aria-valuetext", "Step 8 of 8")
    expect(said).to_contain_text("too late: it is dropped")
    rows.nth(3).click()
    expect(said).to_have_text("1 s: client sends 'wash up' to server.")
    picture.get_by_text("All steps as text").click()
    expect(picture.get_by_role("listitem")).to_have_count(8)
    expect(picture.get_by_role("listitem").nth(6)).to_contain_text("client goes on with CallTimeout after 0.5 s")
    picture.get_by_role("button", name="Play").click()
    expect(picture.get_by_role("button", name="Pause")).to_be_visible()
    step.press("Home")
    expect(picture.get_by_role("button", name="Play")).to_be_visible()
    assert broken_rules(page) == []


def test_callbacks_and_a_mailbox_are_stepped_through_with_the_arrow_keys(lesson: Callable[..., Page]) -> None:
    page = lesson()
    state = exercise(page, "s12-w3")
    state.scroll_into_view_if_needed()
    stage = state.get_by_role("group", name="Callbacks of a run")
    expect(stage).to_contain_text("none yet")
    stage.press("ArrowRight")
    expect(stage).to_contain_text("('remember', 'colour', 'blue')")
    expect(stage.locator("mark")).to_have_text(["'memory': {'colour': 'blue'},"])
    stage.press("End")
    expect(state.locator(".say")).to_contain_text("The server stops: terminate runs. The state stays.")
    mailbox = exercise(page, "s12-w4")
    queue = mailbox.get_by_role("group", name="A mailbox during a run")
    queue.press("End")
    expect(queue.get_by_role("listitem")).to_have_text(
        [re.compile("ref 1, 'blue'.*no match, stays"), re.compile("ref 2, 'Ann'.*matches, taken")]
    )
    queue.press("ArrowLeft")
    expect(mailbox.locator(".say")).to_contain_text("1.1 s: (ref 2, 'Ann') arrives")
    assert broken_rules(page) == []


def test_a_picture_whose_run_is_not_there_says_so_and_has_its_text(lesson: Callable[..., Page]) -> None:
    page = lesson()
    page.route("**/api/v1/course/pictures/*", lambda route: route.abort())
    page.reload()
    picture = exercise(page, "s12-w1")
    picture.scroll_into_view_if_needed()
    expect(picture.get_by_role("alert")).to_contain_text("The run could not be loaded")
    expect(picture).to_contain_text("A call waits, a cast does not.")
    page.unroute("**/api/v1/course/pictures/*")
    picture.get_by_role("button", name="Try again").click()
    expect(picture.locator(".say")).to_contain_text("client sends 'sweep'")


def test_little_moves_while_pictures_come_during_the_reading(lesson: Callable[..., Page]) -> None:
    page = lesson()
    for id in ("s12-w1", "s12-w3", "s12-w4"):
        exercise(page, id).scroll_into_view_if_needed()
        expect(exercise(page, id).get_by_role("button", name="Play")).to_be_enabled()
    moved, what = layout_shift(page)
    assert moved < 0.02, what


def test_crash_times_are_moved_on_an_axis_or_typed(lesson: Callable[..., Page]) -> None:
    page = lesson()
    one = exercise(page, "s12-limits")
    form, code = one.locator(".times-form"), one.locator("sl-code")
    typed = code.get_by_role("textbox")
    code.hover()
    expect(code).to_have_attribute("data-ready", "editor")
    for _ in range(4):
        form.get_by_role("button", name="Add a crash").click()
    expect(typed).to_have_text("times = [0, 1, 2, 3]")
    expect(form).to_contain_text("4 crashes in the 5 s up to 3 s; 3 restarts are allowed.")
    last = form.get_by_role("slider", name="Crash 4")
    last.press("PageUp")
    last.press("PageUp")
    last.press("ArrowRight")
    expect(last).to_have_attribute("aria-valuetext", "5.1 s, 3 crashes in the 5 s up to it")
    expect(typed).to_have_text("times = [0, 1, 2, 5.1]")
    assert broken_rules(page) == []
    one.get_by_role("button", name="Check").click()
    expect(one.get_by_role("group", name="Verdict")).to_contain_text("Passed:")
    mark = last.locator(".mark").bounding_box()
    assert mark is not None
    page.mouse.move(mark["x"] + mark["width"] / 2, mark["y"] + mark["height"] / 2)
    page.mouse.down()
    page.mouse.move(mark["x"] + 160, mark["y"], steps=4)
    page.mouse.up()
    expect(form).to_contain_text("1 crash in the 5 s up to")
    last.press("Delete")
    expect(typed).to_have_text("times = [0, 1, 2]")
    expect(form.get_by_role("slider", name="Crash 3")).to_be_focused()
    page.reload()
    expect(form.get_by_role("slider")).to_have_count(3)
    code.hover()
    expect(code).to_have_attribute("data-ready", "editor")
    typed.fill("times = [0.5, 2]")
    expect(form.get_by_role("slider", name="Crash 1")).to_have_attribute("aria-valuenow", "0.5")
    typed.fill("times = soon")
    expect(form).to_contain_text("What is typed below is no list of times, so it is not drawn.")


def test_lines_of_a_listing_are_marked_with_clicks_and_keys(lesson: Callable[..., Page]) -> None:
    page = lesson()
    one = exercise(page, "s12-generic")
    first = one.get_by_role("button", name="Line 1: while True:")
    expect(first).to_have_accessible_name(re.compile("not marked"))
    first.click()
    expect(first).to_have_accessible_name(re.compile("generic$"))
    second = one.get_by_role("button", name="Line 2: agent.memory")
    second.press("Space")
    second.press("Space")
    expect(second).to_have_accessible_name(re.compile("specific$"))
    assert broken_rules(page) == []
    page.reload()
    expect(second).to_have_accessible_name(re.compile("specific$"))


def test_a_measurement_runs_and_shows_figures_and_messages(lesson: Callable[..., Page]) -> None:
    page = lesson()
    one = exercise(page, "s12-m1")
    expect(one).to_contain_text("The same crashes show differences.")
    one.get_by_role("button", name="Measure it").click()
    expect(one.get_by_role("group", name="Result")).to_contain_text("The run: Of seven crashes, one a minute")
    row = one.get_by_role("row", name=re.compile("^Pause before a restart"))
    expect(row.get_by_role("cell")).to_have_text(["0.1 s", "0 s"])
    expect(one.get_by_role("img")).to_have_accessible_name(re.compile("ann ends with 'boom'"))
    expect(one.get_by_role("status")).to_contain_text("Measured: of seven crashes")
    expect(one.get_by_role("button", name="Measure again")).to_be_focused()
    assert broken_rules(page) == []
    page.route("**/api/v1/course/measures/*", lambda route: route.abort())
    one.get_by_role("button", name="Measure again").click()
    expect(one.get_by_role("alert")).to_contain_text("The server does not answer.")


def run_cell(page: Page, source: str) -> Locator:
    """Run code in the cell, and return its output."""
    cell = exercise(page, "s12-c1")
    code = cell.locator("sl-code")
    code.hover()
    expect(code).to_have_attribute("data-ready", "editor")
    field = code.get_by_role("textbox")
    field.press("Control+a")
    field.press("Delete")
    field.fill(source)
    field.press("Control+Enter")
    return cell.get_by_role("group", name="Output")


def test_cells_run_one_after_the_other_with_the_same_names_and_processes(
    lesson: Callable[..., Page], served: Any
) -> None:
    page = lesson()
    cell = exercise(page, "s12-c1")
    cell.get_by_role("button", name="Run", exact=False).click()
    output = cell.get_by_role("group", name="Output")
    expect(output).to_contain_text("6")
    run_cell(page, "import otp\nkept = await otp.Agent.start_link(dict, name='kept')\nprint('made')")
    expect(output).to_contain_text("made")
    run_cell(page, "otp.whereis('kept') is kept")
    expect(output).to_contain_text("True")
    run_cell(page, "print('so far')\nraise ValueError('no')")
    expect(output).to_contain_text("so far")
    expect(output).to_contain_text("line 2: ValueError: no")
    expect(cell.locator(".cm-lintRange-error")).to_be_visible()
    run_cell(page, "1 +")
    expect(output).to_contain_text("line 1, column 4: invalid syntax")
    run_cell(page, "print('long' * 2000)")
    expect(output).to_contain_text("The output is cut after 4,000 characters.")
    run_cell(page, "while True: pass")
    expect(output).to_contain_text("Stopped: line 1 ran for 2 s without waiting.")
    run_cell(page, "await otp.receive()")
    expect(output).to_be_hidden()
    cell.get_by_role("button", name="Interrupt").click()
    expect(output).to_contain_text("Interrupted. Names that were made are kept.")
    tree = cell.get_by_role("link", name="See its tree")
    expect(tree).to_have_attribute("href", re.compile("node=sandbox-workbench-12"))
    assert broken_rules(page) == []
    page.reload()
    run_cell(page, "print('kept', kept is not None)")
    expect(output).to_contain_text("kept True")
    cell.get_by_role("button", name="Forget all names").click()
    expect(output).to_be_hidden()
    run_cell(page, "kept")
    expect(output).to_contain_text("NameError")
    cell.get_by_role("button", name="Start over").click()
    expect(cell.locator("sl-code").get_by_role("textbox")).to_contain_text("print(sum(range(4)))")


TREE = """import otp
from otp import Agent, Children, Supervisor, impl


class Top(Supervisor):
    @impl
    def init(self, arg):
        return Children([Agent.child_spec(dict, name=one, id=one) for one in ("left", "right")], strategy="one_for_all")


top = await Top.start_link(None, name="top")
"""


def test_the_living_tree_stands_beside_the_cell_that_ran_last(lesson: Callable[..., Page], served: Any) -> None:
    page = lesson()
    run_cell(page, TREE)
    runs = exercise(page, "s12-c1").get_by_role("group", name="What runs in the workbench")
    expect(runs.get_by_role("treeitem", name=re.compile("^top, supervisor"))).to_be_visible()
    runs.get_by_role("button", name="Kill left").click()
    expect(runs.get_by_role("treeitem", name=re.compile("^left, .*, 1 restart$"))).to_be_visible()
    assert broken_rules(page) == []
    other = exercise(page, "s12-c2")
    other.get_by_role("button", name="Run", exact=False).click()
    beside = other.get_by_role("group", name="What runs in the workbench")
    expect(beside.get_by_role("treeitem", name=re.compile("^left, "))).to_be_visible()
    expect(runs.get_by_role("treeitem")).to_have_count(0)
    other.get_by_role("button", name="Forget all names").click()
    expect(beside.get_by_role("treeitem", name=re.compile("^top, "))).to_have_count(0)


def test_a_cell_starts_its_workbench_again_if_it_was_destroyed(lesson: Callable[..., Page], served: Any) -> None:
    page = lesson()
    run_cell(page, "kept = 1\nprint('made')")
    output = exercise(page, "s12-c1").get_by_role("group", name="Output")
    expect(output).to_contain_text("made")
    destroyed = page.request.delete(f"{served.url}/api/v1/sandboxes/workbench-12-owner", headers=OWNER)
    assert destroyed.ok, destroyed.text()
    run_cell(page, "'kept' in globals()")
    expect(output).to_contain_text("False")


def test_cells_of_a_visitor_without_the_scope_code_cannot_be_run(lesson: Callable[..., Page]) -> None:
    page = lesson(signed_in=False)
    cell = exercise(page, "s12-c1")
    expect(cell.get_by_role("button", name="Run", exact=False)).to_be_disabled()
    expect(cell.get_by_role("link", name="Sign in")).to_be_visible()


def test_the_page_waits_for_a_database_that_is_being_opened(lesson: Callable[..., Page]) -> None:
    page = lesson()
    answers: list[Route] = []
    error = {"code": "store_unavailable", "message": "the store is just being opened", "status": 503}

    def once(route: Route) -> None:
        answers.append(route)
        if len(answers) == 1:
            route.fulfill(json={"success": False, "error": error})
        else:
            route.continue_()

    page.route("**/api/v1/course/sessions/12", once)
    page.reload()
    expect(page.get_by_role("alert").filter(has_text="could not be loaded")).to_contain_text("just being opened")
    expect(page.get_by_role("heading", name="Why OTP", exact=True)).to_be_visible()
    assert len(answers) == 2


def test_without_a_database_the_page_says_that_an_answer_is_forgotten(
    open_page: Callable[..., Page], real_platform: Any, course: Course
) -> None:
    real_platform.platform.course = course
    page = open_page(f"{real_platform.url}/learn/12", ready=False)
    one = exercise(page, "s12-p2")
    one.get_by_role("radio", name="The server ends").check()
    one.get_by_role("button", name="Lock in").click()
    expect(one).to_contain_text("This platform has no database, so it forgets this when the page is closed.")


def test_the_learning_path_leads_to_the_session_and_knows_how_far_it_is(
    lesson: Callable[..., Page], served: Any
) -> None:
    page = lesson()
    page.goto(f"{served.url}/learn")
    card = page.get_by_role("region", name="Course")
    expect(card).to_contain_text("35 min")
    expect(card).to_contain_text("5 exercises")
    card.get_by_role("link", name="Start: Session 12, What is OTP?").click()
    exercise(page, "s12-remember").get_by_role("checkbox", name="confirmation").check()
    for name in ("back-pressure", "other reader"):
        exercise(page, "s12-remember").get_by_role("checkbox", name=name).check()
    exercise(page, "s12-remember").get_by_role("button", name="Check").click()
    expect(exercise(page, "s12-remember").get_by_role("group", name="Verdict")).to_contain_text("Passed:")
    page.get_by_role("link", name="Learn", exact=True).last.click()
    expect(card).to_contain_text("1 of 5 exercises passed")
    expect(card.get_by_role("link", name="Go on: Session 12, What is OTP?")).to_be_visible()


@pytest.mark.parametrize(("theme", "width"), VARIANTS)
def test_no_rule_of_axe_is_broken_and_little_moves_while_it_loads(
    lesson: Callable[..., Page], theme: str, width: int
) -> None:
    page = lesson(theme=theme, width=width)
    moved, what = layout_shift(page)
    assert moved < 0.02, what
    exercise(page, "s12-p2").get_by_role("radio", name="It answers").check()
    exercise(page, "s12-p2").get_by_role("button", name="Lock in").click()
    expect(exercise(page, "s12-p2").get_by_role("group", name="Result")).to_be_visible()
    exercise(page).get_by_role("button", name="Check").click()
    expect(exercise(page).get_by_role("group", name="Verdict")).to_be_visible()
    exercise(page).get_by_role("button", name="Hint 1 of 4").click()
    expect(exercise(page).locator(".hints > li")).to_have_count(1)
    assert broken_rules(page) == []
    assert page.evaluate(SIDEWAYS) == 0
    lines = (
        "(one) => one.textContent.length / Math.round(one.clientHeight / parseFloat(getComputedStyle(one).lineHeight))"
    )
    assert page.locator(".lesson-section > .prose p").first.evaluate(lines) <= 74


def test_a_review_asks_once_more_and_leads_to_the_next_question(
    open_page: Callable[..., Page], stored_platform: Any
) -> None:
    learning = stored_platform.platform.store.learning
    right = (FOLDER / "solutions" / "s12_remember.py").read_text()
    for done in (
        Learned("prediction", "s12.p1", 1.0, {"choice": 1, "right": False}),
        Learned("hint", "s12.remember", 2.0, {"level": 1}),
        Learned("attempt", "s12.remember", 3.0, {"source": right, "ok": True}),
    ):
        stored_platform.do(lambda done=done: learning.add("owner", done))
    try:
        page = open_page(f"{stored_platform.url}/learn", ready=False, extra_http_headers=OWNER)
        card = page.locator("#review")
        expect(card).to_contain_text("2 questions due today")
        card.get_by_role("link", name="Start the review").click()
        predict = page.locator("#s12-p1")
        expect(predict).to_contain_text("Review · Predict")
        expect(predict.get_by_role("button", name="Lock in")).to_be_disabled()
        predict.get_by_text("one_for_one B; rest_for_one B C; one_for_all A B C").click()
        predict.get_by_role("button", name="Lock in").click()
        expect(predict).to_contain_text("Right, that is what happens.")
        assert [] == broken_rules(page)
        predict.get_by_role("link", name="Next in your review").click()
        asked = page.locator("#s12-remember")
        expect(asked).to_contain_text("It counts if it passes without a hint.")
        expect(asked.get_by_role("button", name="Hint 1 of 4")).to_be_visible()
        expect(asked.get_by_role("checkbox", checked=True)).to_have_count(0)
        for words in ("the sender has to know", "very many facts", "another process reads"):
            asked.get_by_role("checkbox", name=re.compile(words)).check()
        asked.get_by_role("button", name="Check").click()
        expect(asked).to_contain_text("Your review is done for now.")
        asked.get_by_role("link", name="Back to Learn").click()
        expect(card).to_contain_text("Nothing due. Next in")
    finally:
        stored_platform.do(lambda: learning.forget("owner"))
