"""The start page: from nothing to "I killed a process and saw why it came back", with real events."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from axe import broken_rules
from layout_shifts import layout_shift
from page_variants import VARIANTS, first_of
from page_width import SIDEWAYS

OWN = """
from otp import Children, GenServer, NoReply, Ok, Reply, Supervisor, impl


class Counter(GenServer[int]):
    @impl
    def init(self, start): return Ok(start)


class Tally(Supervisor):
    @impl
    def init(self, arg):
        children = [Counter.child_spec(0, id=one, name=one) for one in ("left", "right")]
        return Children(children, strategy="one_for_all", max_restarts=2, max_seconds=3600)
"""
MOVING = (
    """[...document.querySelectorAll("*")].filter((one) => getComputedStyle(one).transitionDuration !== "0s").length"""
)


def done(page: Page, *names: str) -> None:
    expect(page.locator("#steps [data-done]")).to_have_count(len(names))
    for name in names:
        expect(page.locator(f"#steps [data-step={name}]")).to_have_attribute("data-done", "")


@pytest.mark.page("/")
def test_from_the_start_to_the_reason_and_the_restarted_children_in_eight_actions(
    open_page: Callable[..., Page], two_nodes: Any
) -> None:
    page = open_page(f"{two_nodes.url}/", ready=False)  # 1: open the page
    page.get_by_role("region", name="First steps").get_by_role("button", name="Kill ledger").click()  # 2
    answers = page.get_by_role("region", name="First steps")
    expect(answers).to_contain_text("Why did it end?")
    expect(answers).to_contain_text("ledger was killed: its reason is “killed”")
    expect(answers).to_contain_text("Who was started again, and why?")
    expect(answers).to_contain_text("ledger, cart and mailer. checkout_sup is rest_for_one")
    page.get_by_role("link", name="See it in the whole tree").click()  # 3
    details = page.get_by_role("region", name="Process details")
    expect(details.get_by_role("heading", name="ledger")).to_be_visible()
    expect(page.get_by_role("treeitem", name=re.compile("^ledger, .*, 1 restart$"))).to_be_visible()
    expect(page.get_by_role("region", name="Events")).to_contain_text(
        "ledger was killed; checkout_sup (rest_for_one) restarted ledger, and with it cart and mailer"
    )


TOLD = """() => {
  const answers = document.getElementById("answers"), stage = document.querySelector("restart-stage");
  window.told = new Promise((done) => new MutationObserver(() => answers.hidden || done(stage.dataset.stage))
    .observe(answers, { attributes: true }));
  return performance.now();
}"""


AT_REST = "checkout_sup and its children"


def test_a_kill_is_played_in_the_picture_and_told_after_it(open_page: Callable[..., Page], two_nodes: Any) -> None:
    page = open_page(f"{two_nodes.url}/", ready=False, reduced_motion="no-preference")
    button = page.get_by_role("region", name="First steps").get_by_role("button", name="Kill ledger")
    expect(button).to_be_enabled()
    since = page.evaluate(TOLD)
    button.click()
    played = page.get_by_role("group", name="The newest restart")
    expect(played).to_contain_text("new state")
    assert page.evaluate("told") == "6"
    assert layout_shift(page, since)[0] < 0.02
    expect(page.locator("#answer-who")).to_contain_text("ledger, cart and mailer")
    expect(page.get_by_role("link", name="Watch it again")).to_have_attribute(
        "href", re.compile(r"^/why/[0-9a-f]{12}\.[0-9]+")
    )
    expect(page.locator("#fam-said")).to_contain_text("then started ledger, cart and mailer")
    expect(page.get_by_role("list", name="Children").get_by_role("button", name="Kill ledger")).to_be_visible()
    expect(page.get_by_role("group", name=AT_REST)).to_be_visible()
    expect(played).to_have_count(0)
    moved, what = layout_shift(page, since)
    assert moved < 0.02, what


PLACES = """() => Object.fromEntries(
  [...document.querySelectorAll("restart-stage .actor")].map((one) => [one.dataset.id, one.style.transform]),
)"""


def test_processes_stay_in_their_places_when_a_restart_is_played(
    open_page: Callable[..., Page], two_nodes: Any
) -> None:
    page = open_page(f"{two_nodes.url}/", ready=False)
    expect(page.get_by_role("group", name=AT_REST)).to_be_visible()
    before = page.evaluate(PLACES)
    page.get_by_role("list", name="Children").get_by_role("button", name="Kill mailer").click()
    expect(page.get_by_role("group", name="The newest restart")).to_be_visible()
    assert page.evaluate(PLACES) == before


def test_the_focus_stays_on_the_button_that_killed(open_page: Callable[..., Page], two_nodes: Any) -> None:
    """On a phone, the button was hidden while the restart played."""
    page = open_page(f"{two_nodes.url}/", ready=False, width=390)
    kill = page.get_by_role("list", name="Children").get_by_role("button", name="Kill mailer")
    kill.press("Enter")
    expect(page.get_by_role("group", name="The newest restart")).to_be_visible()
    expect(kill).to_be_focused()


def test_the_first_play_can_be_slower_says_so_and_disables_no_button(
    open_page: Callable[..., Page], start_for_all: Callable[..., Any]
) -> None:
    program = start_for_all("tally.py:Tally", "--in-process", files={"tally.py": OWN})
    page = open_page(f"{program.url}/", ready=False, reduced_motion="no-preference")
    expect(page.get_by_role("group", name="Tally and its children")).to_be_visible()
    page.get_by_role("group", name="Speed").get_by_role("button", name="Quarter speed").click()
    kill = page.get_by_role("list", name="Children").get_by_role("button", name="Kill left")
    kill.click()
    expect(page.get_by_role("group", name="The newest restart")).to_be_visible()
    expect(page.locator("sl-family .pace")).to_contain_text(re.compile("slow-motion replay of [0-9.]+\u00a0ms"))
    assert page.locator("restart-stage").evaluate("(stage) => stage.duration") > 4000
    for button in (kill, page.locator("#kill-it")):
        assert (True, None) == (button.is_enabled(), button.get_attribute("aria-disabled"))


def test_a_click_on_a_restart_that_plays_shows_the_picture(open_page: Callable[..., Page], two_nodes: Any) -> None:
    page = open_page(f"{two_nodes.url}/", ready=False, reduced_motion="no-preference")
    page.get_by_role("list", name="Children").get_by_role("button", name="Kill mailer").click()
    page.get_by_role("group", name="The newest restart").click(position={"x": 20, "y": 20})
    expect(page.get_by_role("group", name=AT_REST)).to_be_visible()
    expect(page.locator("#answer-who")).to_contain_text("mailer. checkout_sup")


def test_steps_tick_by_events_of_any_origin_and_stay_after_a_reload(
    open_page: Callable[..., Page], platform: Any, two_nodes: Any
) -> None:
    page = open_page(f"{two_nodes.url}/?node=shop@127.0.0.1", ready=False)
    done(page, "look")
    two_nodes.do(lambda: two_nodes.node.whereis("cart").send("this is no message of a cart"))
    two_nodes.do(lambda: kill_on(two_nodes, "cart"))
    done(page, "look", "kill", "read")
    expect(page.locator("#answer-who")).to_contain_text("cart and mailer. checkout_sup is rest_for_one")
    expect(page.locator("#last")).to_contain_text("cart was killed")
    page.reload()
    done(page, "look", "kill", "read")


async def kill_on(two_nodes: Any, name: str) -> None:
    from superlearner.control.steer import kill, resolve

    await kill(resolve(two_nodes.node, name))


@pytest.mark.parametrize("where", ["", pytest.param("--in-process", marks=pytest.mark.slow)])
def test_a_tree_of_ones_own_is_shown_with_its_own_words(
    start_for_all: Callable[..., Any], open_page: Callable[..., Page], where: str
) -> None:
    program = start_for_all("tally.py:Tally", *filter(None, [where]), files={"tally.py": OWN})
    page = open_page(f"{program.url}/", ready=False)
    expect(page.locator("#look-text")).to_contain_text("It started left and right")
    page.get_by_role("list", name="Children").get_by_role("button", name="Kill right").hover()
    expect(page.locator("#fam-said")).to_contain_text("If right ends,")
    expect(page.locator("#fam-said")).to_contain_text("will restart left and right")
    steps = page.get_by_role("region", name="First steps")
    for count in (1, 0):
        steps.get_by_role("button", name=re.compile("Kill left")).click()
        expect(page.locator("#answer-left")).to_contain_text(
            f"had {count} of 2 restarts left; each comes back after 3600 s"
        )
    steps.get_by_role("button", name="Kill left again").click()
    if where:
        expect(page.locator("#answer-why")).to_contain_text("gave up: max_restarts=2 allows 2 restarts")
    else:  # its program restarts, and answers start over
        wrong = page.get_by_role("region", name="Problems")
        expect(wrong).to_contain_text("Tally gave up: left was killed")


MANY = (
    OWN.replace('("left", "right")', "range(12)")
    .replace("name=one)", 'name=f"c{one}", restart="temporary")')
    .replace("return Children(children,", 'return Children([*children, Counter.child_spec(0, id="last", name="last")],')
)


def test_the_child_that_the_page_offers_to_kill_is_drawn_among_many(
    open_page: Callable[..., Page], start_for_all: Callable[..., Any]
) -> None:
    program = start_for_all("many.py:Tally", "--in-process", files={"many.py": MANY})
    page = open_page(f"{program.url}/", ready=False)
    expect(page.get_by_role("region", name="First steps").get_by_role("button", name="Kill last")).to_be_visible()
    expect(page.locator("sl-family .label b", has_text="last")).to_be_visible()
    expect(page.get_by_role("list", name="Children").get_by_role("link", name="last")).to_be_visible()
    expect(page.locator("sl-family")).to_contain_text("and 5 more")


def monitored(page: Page) -> Callable[[list[dict[str, Any]]], None]:
    """The monitor says what the test tells it to: the function that is answered says what it finds from now on."""
    told: list[list[dict[str, Any]]] = [[]]
    open_ones: list[WebSocketRoute] = []

    def frame(**more: Any) -> str:
        return json.dumps({"seq": len(told), "interval": 3600, "anomalies": told[-1], "ended": []} | more)

    def opened(socket: WebSocketRoute) -> None:
        open_ones.append(socket)
        points = [[time.time() - 9000], [time.time() - 8000]]
        socket.send(frame(k="s", epoch="e", columns=["at"], points=points, gaps=[]))

    def finds(anomalies: list[dict[str, Any]]) -> None:
        told.append(anomalies)
        for socket in open_ones:  # later viewers have it in the snapshot
            socket.send(frame(k="d", point=[time.time() - 7200], gap=False))

    page.route_web_socket(re.compile("/live/system"), opened)
    return finds


def test_problems_appear_when_they_begin_and_disappear_when_they_end(
    open_page: Callable[..., Page], two_nodes: Any
) -> None:
    page = open_page(f"{two_nodes.url}/docs", ready=False)
    finds = monitored(page)
    page.goto(f"{two_nodes.url}/")
    wrong = page.locator("#wrong")
    expect(wrong).to_have_text("Nothing is wrong.")
    found: dict[str, Any] = {"number": 1, "type": "crash_loop", "severity": "critical", "name": "<b>till"}
    found["evidence"] = {"give_ups": 1}
    found["since"] = "2026-11-26T10:07:07Z"
    finds([found | {"description": "<b>till gave up: killed"}])
    link = wrong.get_by_role("link", name="crash loop, critical")
    expect(link).to_have_attribute("href", re.compile("/system$"))
    expect(wrong).to_have_text(
        re.compile(r"^crash loop, critical: <b>till gave up: killed · began 26 Nov, \d\d:07:07$")
    )
    circle = [{"pid": "0.3.0", "name": "w1"}, {"pid": "0.4.0", "name": None}]
    locked = found | {"type": "call_cycle", "evidence": {"circle": circle}, "description": "a deadlock"}
    finds([locked])
    expect(wrong).to_have_text(
        re.compile(r"^call cycle, critical: a deadlock · began 26 Nov, \d\d:07:07 · w1 · 0\.4\.0$")
    )
    expect(wrong.get_by_role("link", name="w1")).to_have_attribute("href", "/supervisors?process=0.3.0")
    finds([])
    expect(wrong).to_have_text("Nothing is wrong.")
    page.locator("#kill-it").click()
    repaired = "Nothing is wrong now. Supervisors made 1 restart in the last 10 minutes. Show them"
    expect(wrong).to_have_text(repaired)
    expect(wrong.get_by_role("link", name="Show them")).to_have_attribute("href", "/timeline")
    away: dict[str, Any] = {
        "anomalies": [],
        "missing": [{"node": "b@127.0.0.1", "reason": "its connection was lost"}],
        "nodes_queried": ["a@127.0.0.1", "b@127.0.0.1"],
    }
    page.route("**/api/v1/cluster/anomalies", lambda route: route.fulfill(json={"data": away}))
    page.reload()
    expect(wrong).to_have_text("b@127.0.0.1: its connection was lost")
    expect(wrong.get_by_role("link", name="b@127.0.0.1")).to_have_attribute("href", "/?node=b%40127.0.0.1")
    gone = "b@127.0.0.1 was not found again: it does not run; `superlearner attach b` attaches it"
    away["missing"] = [{"node": "b@127.0.0.1", "reason": gone}]
    finds([])
    expect(wrong).to_have_text(gone.replace("`", ""))  # Regression: its name came twice, and the backticks were shown
    away["missing"] = []
    finds([])
    expect(wrong).to_contain_text("Nothing is wrong")
    away["anomalies"] = [
        {
            "node": "b@127.0.0.1",
            "severity": "medium",
            "description": f"worker_{number} has been in handle_cast for 9 s",
            "since": "2026-11-26T10:07:07Z",
            "pid": f"0.{number}.0",
            "name": f"worker_{number}",
            "evidence": {},
        }
        for number in range(7)
    ]
    for _ in range(5):  # a process that hangs sends no event: the nodes are asked again
        finds([])
    expect(wrong.get_by_role("listitem")).to_have_text(
        [
            *(
                re.compile(
                    rf"^b@127.0.0.1: worker_{number} has been .* for 9 s · began 26 Nov, \d\d:07:07 · worker_{number}$"
                )
                for number in range(5)
            ),
            "and 2 more",
        ]
    )
    expect(wrong.get_by_role("listitem").first).to_have_attribute("data-look", "restarting")  # medium
    process = "/supervisors?process=0.1.0&node=b%40127.0.0.1"
    expect(wrong.get_by_role("link", name="worker_1")).to_have_attribute("href", process)
    expect(wrong.get_by_role("link", name="and 2 more")).to_have_attribute("href", "/system?node=b%40127.0.0.1")


def test_a_problem_has_its_hint_and_a_give_up_of_another_node_its_replay(
    open_page: Callable[..., Page], two_nodes: Any
) -> None:
    """Regression: the list said what was wrong, but not what to do; a give-up linked nothing but its node."""
    page = open_page(f"{two_nodes.url}/docs", ready=False)
    finds = monitored(page)
    fell: dict[str, Any] = {"type": "crash_loop", "severity": "critical", "pid": "0.9.0", "name": "core"}
    fell |= {"since": "2026-11-26T10:07:07Z", "evidence": {"give_ups": 1}, "description": "core gave up: killed"}
    fell |= {"node": "b@127.0.0.1", "hint": "fix that line first; `superlearner restart list` lists its restarts"}
    away = {"anomalies": [fell], "missing": [], "nodes_queried": ["a@127.0.0.1", "b@127.0.0.1"]}
    page.route("**/api/v1/cluster/anomalies", lambda route: route.fulfill(json={"data": away}))
    stored = {
        "ref": "9f3a0c1b22d4.7",
        "node": "b@127.0.0.1",
        "at": 1.0,
        "until": 1.0,
        "count": 1,
        "line": "core gave up",
    }
    stored |= {"gave_up": True, "fallen": ["core"], "kept": True, "reason": "killed", "name": "till"}
    page.route("**/api/v1/restarts?*", lambda route: route.fulfill(json={"data": [stored]}))
    page.goto(f"{two_nodes.url}/")
    finds([])
    problem = page.locator("#wrong").get_by_role("listitem").first
    expect(problem).to_have_text(
        re.compile(
            r"^b@127\.0\.0\.1: core gave up: killed · began 26 Nov, \d\d:07:07 · Why\?"
            r"Try: fix that line first; superlearner restart list lists its restarts$"
        )
    )
    expect(problem.get_by_role("link", name="Why?")).to_have_attribute("href", "/why/9f3a0c1b22d4.7?node=b%40127.0.0.1")


def test_problems_do_not_move_under_the_pointer(open_page: Callable[..., Page], two_nodes: Any) -> None:
    page = open_page(f"{two_nodes.url}/docs", ready=False)
    finds = monitored(page)
    page.goto(f"{two_nodes.url}/")
    wrong = page.locator("#wrong")
    found = {
        "type": "crash_loop",
        "name": "till",
        "description": "till",
        "evidence": {},
        "since": "2026-11-26T10:07:07Z",
    }
    finds([found | {"number": 1, "severity": "low"}])
    wrong.get_by_role("link", name="crash loop, low").hover()
    finds([found | {"number": 2, "severity": "critical"}, found | {"number": 1, "severity": "low"}])
    expect(page.locator("#wrong-held")).to_have_text("1 new, held while you read")
    expect(wrong.get_by_role("link")).to_have_text(["crash loop, low"])
    page.mouse.move(0, 0)
    expect(wrong.get_by_role("link")).to_have_text(["crash loop, critical", "crash loop, low"])
    expect(page.locator("#wrong-held")).to_be_empty()


def test_a_give_up_is_shown_at_once_although_the_supervisor_runs_again(
    open_page: Callable[..., Page], two_nodes: Any
) -> None:
    page = open_page(f"{two_nodes.url}/docs", ready=False)
    monitored(page)
    page.goto(f"{two_nodes.url}/?node=shop@127.0.0.1")
    done(page, "look")

    async def too_often() -> None:
        for _ in range(4):
            await two_nodes.node.wait_registered("ledger")
            await kill_on(two_nodes, "ledger")

    two_nodes.do(too_often)
    line = page.locator("#wrong li").filter(has_text=re.compile("^checkout_sup gave up at "))
    expect(line.get_by_role("link")).to_have_attribute("href", re.compile(r"/why/[^?]+\?node=shop"))


@pytest.mark.parametrize("width", first_of([390, 1440, 1024]))
def test_a_supervisor_that_gives_up_falls_in_the_picture(
    open_page: Callable[..., Page], two_nodes: Any, width: int
) -> None:
    """Only the words in step 3 said it, while the picture showed a healthy supervisor; and the page jumped."""
    page = open_page(f"{two_nodes.url}/?node=shop@127.0.0.1", ready=False, width=width)
    done(page, "look")
    below = page.get_by_role("heading", name="First steps")
    place = below.bounding_box()

    async def too_often() -> None:
        for _ in range(4):
            await two_nodes.node.wait_registered("ledger")
            await kill_on(two_nodes, "ledger")

    two_nodes.do(too_often)
    top = page.locator("sl-family .actor").filter(has_text="checkout_sup")
    expect(
        page.locator("sl-family .actor[data-state=crashed]", has_text="checkout_sup").get_by_text("gave up")
    ).to_be_visible()
    expect(page.locator("#fam-said")).to_contain_text("checkout_sup")
    assert below.bounding_box() == place
    expect(page.get_by_role("group", name=AT_REST)).to_be_visible()
    assert below.bounding_box() == place
    expect(top).to_have_attribute("data-state", "running")


@pytest.mark.parametrize(("theme", "width"), VARIANTS)
def test_no_rule_of_axe_is_broken_and_nothing_scrolls_sideways(
    open_page: Callable[..., Page], two_nodes: Any, theme: str, width: int
) -> None:
    page = open_page(f"{two_nodes.url}/", ready=False, theme=theme, width=width)
    done(page, "look")
    expect(page.locator(".fam-kids > li")).to_have_count(3)
    assert broken_rules(page) == []
    assert page.evaluate(MOVING) == 0
    assert page.evaluate(SIDEWAYS) == 0


@pytest.mark.parametrize(("width", "height"), [(853, 480), (700, 700)])
def test_a_step_that_kills_has_the_picture_in_view(
    open_page: Callable[..., Page], two_nodes: Any, width: int, height: int
) -> None:
    """Regression: in a narrow window the button was below the picture, which stayed out of sight."""
    page = open_page(f"{two_nodes.url}/", ready=False)
    expect(page.locator(".fam-kids > li")).to_have_count(3)
    page.set_viewport_size({"width": width, "height": height})
    page.get_by_role("region", name="First steps").get_by_role("button", name="Kill ledger").click()
    expect(page.locator("sl-family")).to_have_attribute("data-plays", "")
    expect(page.locator(".fam-field")).to_be_in_viewport(ratio=0.9)
    expect(page.locator(".fam-said")).to_be_in_viewport(ratio=0.99)
    if height < 600:
        expect(page.get_by_role("button", name=re.compile("^Kill ledger( again)?$")).last).to_be_in_viewport(ratio=1)


def test_with_large_text_on_a_projector_all_places_and_the_sentence_below_the_picture_are_seen(
    open_page: Callable[..., Page], two_nodes: Any
) -> None:
    page = open_page(f"{two_nodes.url}/", ready=False)
    expect(page.locator(".fam-kids > li")).to_have_count(3)
    for width, height in ((960, 540), (853, 480), (1280, 720)):
        page.set_viewport_size({"width": width, "height": height})
        expect(page.locator("select.node")).to_be_visible()
        expect(page.locator("#nav")).not_to_have_attribute("data-more", re.compile(".*"))
        for what in (page.locator(".fam-said"), *page.locator(".fam-kids .btn").all()):
            expect(what).to_be_in_viewport(ratio=0.99)
        below = page.locator(".fam-kids .fam-name").last.bounding_box()
        said = page.locator(".fam-said").bounding_box()
        assert below is not None
        assert said is not None
        assert below["y"] + below["height"] <= said["y"]


def test_on_a_projector_the_children_can_be_killed_during_a_replay_and_all_are_seen_after_a_give_up(
    open_page: Callable[..., Page], two_nodes: Any
) -> None:
    """Regression: the buttons were invisible while a kill was played, and the last child was below the sentence."""
    page = open_page(f"{two_nodes.url}/", ready=False)
    page.set_viewport_size({"width": 853, "height": 480})
    expect(page.locator(".fam-kids > li")).to_have_count(3)
    kill = page.get_by_role("list", name="Children").get_by_role("button", name="Kill ledger")
    page.get_by_role("region", name="First steps").get_by_role("button", name="Kill ledger").click()
    expect(page.locator("sl-family")).to_have_attribute("data-plays", "")
    expect(kill).to_have_css("opacity", "1")
    expect(kill).to_have_css("pointer-events", "auto")
    said = page.locator(".fam-said")
    for _ in range(8):
        if "gave up" in page.locator("#announce").inner_text():
            break
        expect(kill).not_to_have_attribute("aria-disabled", "true")
        kill.click()
    expect(said).to_contain_text("gave up", timeout=60_000)
    mailer = page.get_by_role("list", name="Children").get_by_role("link", name="mailer")
    expect(mailer).to_be_in_viewport(ratio=0.99)
    page.wait_for_function(
        "() => { const end = (one) => document.querySelector(one).getBoundingClientRect();"
        " return end('.fam-kids li:last-child .btn').bottom <= end('.fam-said').top; }"
    )
