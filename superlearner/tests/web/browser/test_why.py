"""The page of one restart: six stages, played, stepped and shared; and what it says without them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from axe import broken_rules
from layout_shifts import layout_shift
from page_variants import VARIANTS, first_of
from page_width import SIDEWAYS

RECORDED = Path(__file__).parents[1] / "js"
LEDGER, CART, MAILER = (f"shop/checkout_sup/{name}" for name in ("ledger", "cart", "mailer"))
SUPERVISOR = "shop/checkout_sup"


def moment(name: str, **changes: Any) -> dict[str, Any]:
    """Return a recorded restart, as `restart.show` answers."""
    return json.loads((RECORDED / f"moment-{name}.json").read_text(encoding="utf-8")) | changes


@pytest.fixture
def why(open_page: Callable[..., Page], untouched: Any) -> Callable[..., Page]:
    """Opens the page of a recorded restart: ``why("rest", "?stage=4")``."""

    def open_one(name: str, query: str = "", *, asked: int | None = None, **more: Any) -> Page:
        changes = more.pop("changes", {})
        found = moment(name, **changes)
        page = open_page(f"{untouched.url.rstrip('/')}/why/999999999", ready=False, **more)
        page.route("**/api/v1/restarts/*", lambda route: route.fulfill(json={"data": found, "success": True}))
        page.goto(f"{untouched.url.rstrip('/')}/why/{asked or found['id']}{query}")
        expect(page.locator("#why")).to_have_attribute("data-ready", "moment")
        return page

    return open_one


def refuse(route: Route, code: str, message: str, status: int) -> None:
    """Answer with an error as a page gets it: in the body."""
    error = {"code": code, "message": message, "status": status, "details": []}
    route.fulfill(json={"error": error, "success": False})


def actor(page: Page, name: str) -> Locator:
    return page.locator(f'.actor[data-id="{name}"]')


def state(page: Page, name: str) -> str | None:
    return actor(page, name).get_attribute("data-state")


@pytest.mark.page("/why")
def test_the_arrow_keys_step_through_six_stages_and_the_sentence_comes_last(why: Callable[..., Page]) -> None:
    page = why("rest", "?stage=0")
    expect(page).to_have_title("Why ledger restarted · SuperLearner")
    expect(page.locator("#announce")).to_contain_text("2 of 3 restarts left")
    scrubber, said = page.get_by_role("slider", name="Stage of the restart"), page.locator("restart-dock .say")
    expect(scrubber).to_have_attribute("aria-valuetext", "Before the restart")
    seen: list[tuple[str | None, ...]] = []
    for stage in ("Crash", "Signal", "Decide", "Stop", "Start", "Explain"):
        page.keyboard.press("ArrowRight")
        expect(scrubber).to_have_attribute("aria-valuetext", f"Stage {len(seen) + 1} of 6: {stage}")
        seen.append(tuple(state(page, name) for name in (LEDGER, CART, MAILER)))
    assert seen == [
        ("crashed", "running", "running"),
        ("crashed", "running", "running"),
        ("crashed", "running", "running"),
        ("crashed", "stopped", "stopped"),
        ("running", "running", "running"),
        ("running", "running", "running"),
    ]
    expect(said).to_contain_text("stopped mailer and cart, then started ledger, cart and mailer")
    expect(page.get_by_label("The line that raised").first).to_have_text('44raise ValueError("negative amount")')
    page.keyboard.press("ArrowLeft")
    expect(said).to_have_text("checkout_sup starts ledger, cart and mailer, in order.")
    expect(actor(page, LEDGER)).to_contain_text("0.61.0")


@pytest.mark.parametrize("motion", first_of(["no-preference", "reduce"]))
def test_a_stage_of_the_address_is_a_still_picture(why: Callable[..., Page], motion: str) -> None:
    page = why("rest", "?stage=4", reduced_motion=motion)
    expect(page.locator("restart-stage")).to_have_attribute("data-stage", "4")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    assert [state(page, name) for name in (LEDGER, MAILER)] == ["crashed", "stopped"]
    expect(actor(page, SUPERVISOR)).to_contain_text("2 of 3 restarts left in 5 s")
    expect(page.locator(".steps [aria-current]")).to_contain_text("cart stopped by checkout_sup")


def test_it_plays_by_itself_within_the_time_and_moves_nothing_around_it(why: Callable[..., Page]) -> None:
    page = why("rest", "?stage=0", reduced_motion="no-preference")
    since = page.evaluate("performance.now()")
    page.keyboard.press(" ")
    expect(page.locator("restart-dock .say")).to_have_attribute("data-told", "yes")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    moved, what = layout_shift(page, since, after_input=True)
    assert moved < 0.02, what
    assert page.evaluate("document.querySelector('restart-stage').score.end") < 2000


def test_without_motion_six_still_pictures_follow_each_other(why: Callable[..., Page]) -> None:
    page = why("rest", "?stage=0")
    page.clock.install(time=0)
    page.clock.pause_at(60_000)
    stage = page.locator("restart-stage")
    page.get_by_role("button", name="Play", exact=True).click()
    for number in range(1, 7):
        expect(stage).to_have_attribute("data-stage", str(number))
        assert page.locator(".pulse[data-on]").count() == (1 if number == 2 else 0)
        page.clock.run_for(700)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press(" ")
    expect(stage).to_have_attribute("data-stage", "6")


def test_giving_up_is_shown_one_level_up(why: Callable[..., Page]) -> None:
    page = why("gives-up", "?stage=3")
    expect(page.get_by_role("heading", level=1)).to_have_text("Why checkout_sup gave up")
    expect(actor(page, SUPERVISOR)).to_contain_text("0 of ")
    page.keyboard.press("ArrowRight")
    assert state(page, SUPERVISOR) == "crashed"
    page.keyboard.press("ArrowRight")
    assert state(page, SUPERVISOR) == "running"
    expect(actor(page, "shop")).to_contain_text("2 of 3 restarts left in 5 s")
    expect(page.get_by_text("ledger was also restarted 3 times within the 20 s before this.")).to_be_visible()


def test_another_strategy_is_outlined_and_is_part_of_the_link(why: Callable[..., Page]) -> None:
    page = why("one", "?stage=0", permissions=["clipboard-read", "clipboard-write"], fresh=True)
    page.get_by_role("button", name="What if one_for_all?").click()
    expect(page.get_by_text("one_for_all would also restart ledger and mailer.")).to_be_visible()
    expect(page.locator("[data-ghost] .ghost-word")).to_have_text(["would restart too"] * 2)
    page.get_by_role("slider").press("ArrowLeft")
    page.get_by_role("button", name="Copy the link to this restart").click()
    expect(page.locator("#announce")).to_have_text("Copied")
    link = page.evaluate("navigator.clipboard.readText()")
    assert re.search(r"/why/1310\?at=\d+&stage=5&ghost=one_for_all$", link)
    page.goto(link)
    expect(page.locator("restart-stage")).to_have_attribute("data-stage", "5")
    expect(page.get_by_role("button", name="What if one_for_all?")).to_have_attribute("aria-pressed", "true")


def test_a_link_that_is_copied_during_playback_names_no_stage(why: Callable[..., Page]) -> None:
    page = why("rest", "?stage=3", permissions=["clipboard-read", "clipboard-write"], fresh=True)
    page.locator("restart-stage").evaluate("(stage) => { stage.speed = 0.01; stage.play(); }")
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    page.get_by_role("button", name="Copy the link to this restart").click()
    expect(page.locator("#announce")).to_have_text("Copied")
    assert "stage" not in page.evaluate("navigator.clipboard.readText()")


def test_a_link_of_this_computer_says_so_and_a_file_is_saved_instead(why: Callable[..., Page]) -> None:
    page = why("rest", permissions=["clipboard-read", "clipboard-write"], fresh=True)
    page.get_by_role("button", name="Copy the link").click()
    expect(page.locator("#toasts")).to_contain_text("Only this computer can open this link.")
    file = {"filename": "ledger-restarted.html", "media_type": "text/html", "size": 4, "content": "<!d>"}
    page.route("**/api/v1/restarts/*/file", lambda route: route.fulfill(json={"data": file, "success": True}))
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as a file").first.click()
    assert saved.value.suggested_filename == "ledger-restarted.html"
    assert Path(saved.value.path()).read_text(encoding="utf-8") == "<!d>"


def test_a_link_of_a_platform_that_others_reach_has_its_address_there(why: Callable[..., Page]) -> None:
    """Regression: a link that was copied on the machine of the platform opened only there."""
    page = why("rest", permissions=["clipboard-read", "clipboard-write"], fresh=True)
    page.evaluate("document.documentElement.dataset.sharedAt = 'http://192.0.2.7:4713'")
    page.get_by_role("button", name="Copy the link").click()
    expect(page.locator("#announce")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()").startswith("http://192.0.2.7:4713/why/")
    expect(page.locator("#toasts")).not_to_contain_text("can open this link")
    page.evaluate("document.documentElement.dataset.platform = 'app@127.0.0.1'")  # as for a learner
    page.get_by_role("button", name="Copy the link").click()
    expect(page.locator("#toasts")).to_contain_text("Only you and your teacher can open this link.")


def test_a_step_of_the_list_shows_its_picture_and_any_event_leads_to_the_first_cause(
    why: Callable[..., Page],
) -> None:
    page = why("rest", "?stage=0", asked=1207, changes={"current": True})
    assert page.url.endswith("/why/1204?stage=0&at=1763851227")
    page.get_by_role("button", name="cart stopped by checkout_sup").click()
    expect(actor(page, CART)).to_have_attribute("data-state", "stopped")
    expect(page.get_by_text("In reality this took 0.56 ms.")).to_be_visible()
    assert "process=0.61.0" in (page.get_by_role("link", name="Open ledger").first.get_attribute("href") or "")


def test_a_restart_of_an_earlier_program_names_no_process_that_does_not_run_now(why: Callable[..., Page]) -> None:
    renamed = json.loads(json.dumps(moment("rest")).replace("ledger", "nobody"))
    page = why("rest", "?stage=6", changes=renamed)
    expect(page.get_by_role("link", name="Show in the timeline").first).to_be_visible()
    expect(page.locator('a[href*="process="]')).to_have_count(0)


def test_a_restart_of_an_earlier_program_leads_to_the_process_that_has_the_name_now(
    why: Callable[..., Page], untouched: Any
) -> None:
    """Regression: after a restart of the platform, the page lost its button, although the process ran."""
    page = why("rest", "?stage=6")
    runs = page.request.get(f"{untouched.url.rstrip('/')}/api/v1/processes/ledger/info").json()["data"]["pid"]
    expect(page.get_by_role("link", name="Open ledger").first).to_have_attribute("href", re.compile(f"process={runs}"))


def test_a_restart_that_goes_on_is_read_again_and_one_that_is_partly_forgotten_says_so(
    why: Callable[..., Page],
) -> None:
    whole = moment("rest")
    part = {"going_on": True, "current": True, "complete": False, "events": whole["events"][:3]}
    page = why("rest", "?stage=6", changes=part)
    expect(page.get_by_text("Some of its events are no longer in memory.")).to_be_visible()
    expect(page.get_by_text("This restart has not ended yet.")).to_be_visible()

    def ended(route: Route) -> None:
        route.fulfill(json={"data": whole, "success": True})

    page.route("**/api/v1/restarts/*", ended)
    expect(page.get_by_text("This restart has not ended yet.")).to_have_count(0)
    expect(page.locator(".steps li")).to_have_count(len(whole["events"]))


def test_an_old_address_names_a_restart_by_its_number_and_its_time(why: Callable[..., Page]) -> None:
    page = why("rest", "?at=1763851229")

    def answer(route: Route) -> None:
        assert route.request.url.endswith("?at=1763850000")
        refuse(route, "restart_not_found", "no restart 1204 is known", 404)

    page.route("**/api/v1/restarts/*", answer)
    page.goto(page.url.replace("at=1763851227", "at=1763850000"))
    expect(page.get_by_role("heading", name="This restart is not known")).to_be_visible()


def test_an_address_with_a_mistake_says_that_the_restart_is_not_known(why: Callable[..., Page]) -> None:
    page, pattern = why("rest"), "event: String should match pattern"
    page.route("**/api/v1/restarts/*", lambda route: refuse(route, "validation_error", pattern, 422))
    page.goto(page.url.replace("/1204", "/deadbeef.5"))
    expect(page.get_by_role("heading", name="This restart is not known")).to_be_visible()
    expect(page.locator("#why-body")).to_contain_text("Nothing is kept about deadbeef.5")


def test_a_restart_that_is_too_old_has_one_line(open_page: Callable[..., Page], untouched: Any) -> None:
    line = "10:07:07: checkout_sup gave up"
    page = open_page(f"{untouched.url.rstrip('/')}/why/999999999", ready=False)
    page.route("**/api/v1/restarts/*", lambda route: refuse(route, "restart_not_kept", line, 410))
    page.goto(f"{untouched.url.rstrip('/')}/why/9f3a0c1b22d4.1204")
    expect(page.get_by_role("heading", level=1, name=line, exact=True)).to_be_visible()
    expect(page).to_have_title(f"{line} · SuperLearner")
    assert broken_rules(page) == []


def test_the_sum_of_a_crash_loop_has_its_reason_and_leads_to_the_kept_ones(
    open_page: Callable[..., Page], untouched: Any
) -> None:
    base, message = untouched.url.rstrip("/"), "10:07:07 to 10:07:50: till ended 722 times more"
    same: dict[str, Any] = {
            "at": 1763850000.5, "name": "till", "reason": "ValueError('502')", "where": "till.py:33 in handle_info",
            "supervisor": "shop", "strategy": "one_for_one", "started": 1, "gave_up": False, "fallen": []}  # fmt: skip
    minute: list[dict[str, Any]] = [
        same | {"ref": "9f3a0c1b22d4.300", "line": "till ended 722 times more", "count": 722, "kept": False},
        same | {"ref": "9f3a0c1b22d4.290", "line": "till crashed and was restarted", "count": 1, "kept": True},
    ]
    page = open_page(f"{base}/why/999999999", ready=False)
    page.route("**/api/v1/restarts/*", lambda route: refuse(route, "restart_not_kept", message, 410))
    page.route("**/api/v1/restarts?*beside=9f3a0c1b22d4.1204", lambda route: route.fulfill(json={"data": minute}))
    page.goto(f"{base}/why/9f3a0c1b22d4.1204")
    expect(page.locator("#why-body")).to_contain_text(
        "till ended with ValueError('502') at till.py:33 in handle_info, restarted by shop (one_for_one)."
    )
    kept = page.get_by_role("link", name="till crashed and was restarted")
    expect(kept).to_have_attribute("href", re.compile(r"/why/9f3a0c1b22d4\.290$"))
    expect(page.get_by_role("link", name="Show in the timeline")).to_have_attribute(
        "href", re.compile(r"at=1763850000\.5")
    )
    assert broken_rules(page) == []


LOOP = '''
import otp
from otp import Children, GenServer, NoReply, Ok, Stop, Supervisor, impl

left, asks = [0], []

class Victim(GenServer):
    @impl
    def init(self, arg):
        return Ok(arg)

class Gate(GenServer):
    """Answers when the other child has been restarted as often as asked."""

    @impl
    def init(self, arg):
        return Ok(arg)

    @impl
    def handle_call(self, request, caller, state):
        left[0] = request
        asks.append(caller)
        otp.send("looping", "again")
        return NoReply(state)

class Looping(GenServer):
    @impl
    def init(self, arg):
        if left[0]:
            left[0] -= 1
            otp.send(self.pid, "again")
        elif asks:
            GenServer.reply(asks.pop(), "done")
        return Ok(None)

    @impl
    def handle_info(self, message, state):
        return Stop("shutdown", state)

class Tree(Supervisor):
    @impl
    def init(self, arg):
        children = [kind.child_spec(41, id=kind.__name__.lower(), name=kind.__name__.lower())
                    for kind in (Victim, Gate, Looping)]
        return Children(children, max_restarts=10_000)
'''


def test_a_link_to_a_restart_opens_after_2000_others_and_a_restart_of_the_platform(
    open_page: Callable[..., Page], start: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "looping.py").write_text(LOOP, encoding="utf-8")

    def begin() -> Any:
        return start("looping.py:Tree")

    program = begin()
    with program.client() as client:
        assert client.delete("/api/v1/processes/victim").status_code == 200
        asked: dict[str, Any] = {"message": 0, "message_type": "call", "timeout_ms": 60_000}
        assert client.post("/api/v1/processes/gate/message", json=asked, timeout=70).status_code == 200
        (line,) = client.get("/api/v1/restarts?process=victim").json()["data"]  # the supervisor restarted it before
        page = open_page(f"{program.url.rstrip('/')}/why/{line['ref']}", ready=False)
        expect(page.locator("#why")).to_have_attribute("data-ready", "moment")
        address = page.evaluate("location.pathname")
        asked["message"] = 2000
        assert client.post("/api/v1/processes/gate/message", json=asked, timeout=70).status_code == 200
    page.goto("about:blank")
    program.end()
    program = begin()
    page = open_page(f"{program.url.rstrip('/')}{address}", ready=False)
    expect(page).to_have_title("Why victim restarted · SuperLearner")
    expect(page.get_by_role("slider", name="Stage of the restart")).to_have_attribute(
        "aria-valuetext", "Stage 6 of 6: Explain"
    )  # it has played to its end


def test_an_unknown_event_has_a_page_that_says_what_to_do(open_page: Callable[..., Page], untouched: Any) -> None:
    page = open_page(f"{untouched.url.rstrip('/')}/why/999999999", ready=False)
    expect(page.get_by_role("heading", name="This restart is not known")).to_be_visible()
    assert broken_rules(page) == []
    page.get_by_role("link", name="Open the timeline").click()
    expect(page.get_by_role("heading", level=1, name="Timeline")).to_be_visible()


def test_the_former_list_of_restarts_is_the_timeline(open_page: Callable[..., Page], untouched: Any) -> None:
    page = open_page(f"{untouched.url.rstrip('/')}/why?node=superlearner%40127.0.0.1", ready=False)
    expect(page.get_by_role("heading", level=1, name="Timeline")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/timeline\?node=superlearner%40127\.0\.0\.1$"))


@pytest.mark.parametrize("height", [844, 664])
def test_on_a_phone_the_dock_covers_nothing_that_it_explains(why: Callable[..., Page], height: int) -> None:
    """It covered half of a supervisor that gave up."""
    page = why("gives-up", "?stage=4", width=390, viewport={"width": 390, "height": height})
    dock = page.locator("restart-dock").bounding_box()
    assert dock is not None
    for name in (SUPERVISOR, LEDGER, CART, MAILER):
        box = actor(page, name).locator(".token").bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= dock["y"] + 12, name
    assert page.locator("restart-dock .player").evaluate("(one) => one.scrollWidth - one.clientWidth") <= 0


def test_with_large_text_on_a_projector_the_picture_is_whole_and_its_text_is_below(why: Callable[..., Page]) -> None:
    """Regression: at 150 % and 200 % of 1280x720 the sentence and the player left a strip of the picture."""
    page = why("gives-up", "?stage=4")
    for width, height in ((1280, 720), (853, 480), (640, 360)):
        page.set_viewport_size({"width": width, "height": height})
        for name in ("shop", SUPERVISOR, LEDGER, CART, MAILER):
            for part in (".token", ".label b"):
                expect(actor(page, name).locator(part)).to_be_in_viewport(ratio=0.99)
        ground, dock = (page.locator(part).bounding_box() for part in (".ground", "restart-dock"))
        assert ground is not None
        assert dock is not None
        assert dock["y"] >= ground["y"] + ground["height"] - 1  # it covers nothing
    page.get_by_role("button", name="Play", exact=True).click()  # the page scrolls
    page.locator(".steps button").last.scroll_into_view_if_needed()
    expect(page.locator(".steps button").last).to_be_in_viewport()
    assert page.evaluate(SIDEWAYS) == 0


@pytest.mark.parametrize(("theme", "width"), VARIANTS)
@pytest.mark.parametrize("stage", first_of([6, 2]))
def test_no_rule_of_axe_is_broken_at_a_stage(why: Callable[..., Page], theme: str, width: int, stage: int) -> None:
    page = why("gives-up", f"?stage={stage}&ghost=one_for_all", theme=theme, width=width)
    expect(page.locator("restart-stage")).to_have_attribute("data-stage", str(stage))
    assert page.evaluate(SIDEWAYS) == 0
    assert broken_rules(page) == []
