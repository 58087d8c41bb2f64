"""Pages and static files: what a browser gets first."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

import otp
from superlearner.cluster.members import ClusterEvent
from superlearner.nodes.kinds import SERVICE
from superlearner.operations.builtin.restart_loops import ANOMALY
from superlearner.store import MomentRow
from superlearner.web.pages import PAGES, find_similar

Inside = Callable[..., Any]
OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}


def test_the_front_page_is_a_page_of_its_own(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        page = await platform.client.get("/")
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "default-src 'self'" in page.headers["content-security-policy"]
        assert "First steps" in page.text
        assert "needs JavaScript" in page.text
        assert (await platform.client.head("/")).status_code == 200
        assert (await platform.client.head("/supervisors")).status_code == 200

    inside(test)


def test_the_front_page_of_a_platform_without_a_tree_has_no_first_steps_from_the_start(inside: Inside) -> None:
    """Regression: they were shown for a second, until the first message said that there is no tree."""

    async def test(platform: Any) -> None:
        shown = []
        for runs_no_tree in (False, True):
            platform.platform.nodes.runs_no_tree = runs_no_tree
            shown.append(re.findall(r'id="start" data-ready="(\w+)"', (await platform.client.get("/")).text))
        assert shown == [["loading"], ["none"]]  # the style sheet hides them in the second one

    inside(test)


def test_a_page_names_the_address_at_which_others_open_it(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        text = (await platform.client.get("/")).text
        assert ("data-shared-at" in text) is (platform.platform.addresses.note is None)
        if platform.platform.addresses.note is None:
            assert 'data-shared-at="http://shop.example:' in text

    inside(test)
    inside(test, allow_host=("shop.example",))


def test_a_page_says_whether_its_visitor_may_change_the_platform_itself(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        for headers, lacks in ((None, True), (OWNER, False)):
            page = await platform.client.get("/supervisors", headers=headers)
            assert ("data-no-admin" in page.text) is lacks

    inside(test)


def test_the_playground_says_at_once_that_code_of_ones_own_takes_a_sign_in(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        for headers, says in ((None, True), (OWNER, False)):
            page = await platform.client.get("/sandboxes", headers=headers)
            assert ("Built-in templates and demos start without signing in. To run code" in page.text) is says

    inside(test)


def test_a_visit_before_the_platform_is_ready_gets_a_page_that_says_so(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        platform.running.ready = False
        page = await platform.client.get("/supervisors")
        platform.running.ready = True
        assert page.status_code == 503
        assert "SuperLearner is starting" in page.text

    inside(test)


def test_every_page_with_things_to_look_at_is_in_the_main_navigation(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        page = await platform.client.get("/timeline?view=replay")
        navigation = page.text.partition('aria-label="Main"')[2].partition("</nav>")[0]
        names = [page.label for page in PAGES if page.is_place]
        assert names == ["Tree", "Timeline", "Playground", "Learn", "System"]
        assert re.findall(r"<a href=[^>]*>(\w+)</a>", navigation) == names
        assert '<a href="/timeline" data-page="timeline" data-letter="i" aria-current="true">' in navigation
        menu = page.text.partition('aria-label="More pages"')[2].partition("</nav>")[0]
        others = [page.label for page in PAGES if not (page.is_place or page.below or page.id == "start")]
        assert re.findall(r"<a href=[^>]*>([^<]+)</a>", menu) == others
        assert '<a href="/timeline?view=replay" data-page="replay" data-letter="r" aria-current="page">' in menu
        views = page.text.partition('aria-label="Views of Timeline"')[2].partition("</nav>")[0]
        assert re.findall(r"<a href=[^>]*>(\w+)</a>", views) == ["Events", "Messages", "Replay"]

    inside(test)


def test_the_addresses_that_pages_had_lead_to_the_views_that_they_are_now(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        for old, new in (
            ("/processes?search=a&sort=-pid", "/supervisors?view=table&search=a&sort=-pid"),
            ("/traces", "/timeline?view=messages"),
            ("/tree", "/supervisors"),
            ("/replay?recording=r&at=1.5", "/timeline?view=replay&recording=r&at=1.5"),
        ):
            answer = await platform.client.get(old, follow_redirects=False)
            assert (answer.status_code, answer.headers["location"]) == (301, new)
        table = await platform.client.get("/supervisors?view=table")
        assert "<h1>Processes</h1>" in table.text
        assert "<h1>Supervision tree</h1>" in (await platform.client.get("/supervisors?view=unknown")).text

    inside(test)


def test_a_page_that_is_not_there_names_those_near_it(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        page = await platform.client.get("/supervisor/ledger")
        assert 'Did you mean <a href="/supervisors">Tree</a>?' in page.text
        assert [one.id for one in find_similar("/seting")] == ["settings"]
        assert find_similar("/<script>") == []
        gone = await platform.client.get("/supervisors?node=nobody")
        assert gone.status_code == 404
        assert "superlearner@127.0.0.1" in gone.text
        assert "<h1>There is no such node</h1>" in gone.text

    inside(test)


def test_the_page_of_a_lost_member_says_why_and_leads_to_its_restarts(inside: Inside) -> None:
    """Regression: it was a plain 404, as if there had never been such a node."""

    async def test(platform: Any) -> None:
        members, moments = platform.platform.members, platform.platform.moments
        lost = ClusterEvent(0.0, "b@127.0.0.1", 1, "lost", "its connection was lost")
        members.ended["b@127.0.0.1"] = lost
        row = MomentRow("b@127.0.0.1", "9f3a0c1b22d4", 7, 9, 1.0, 1.0, "till crashed", kind="member")
        asked: list[str] = []

        async def page(
            nodes: list[str], *_: Any, number: int | None = None, **_more: Any
        ) -> tuple[list[MomentRow], int]:
            asked.extend(nodes)
            return ([row], 1) if number is None else ([], 0)

        moments.page = page
        for path in ("supervisors", "timeline"):
            gone = await platform.client.get(f"/{path}?node=b@127.0.0.1")
            assert gone.status_code == 404
            assert "<h1>b@127.0.0.1 is not connected</h1>" in gone.text
            assert "<p>b@127.0.0.1 has been lost since " in gone.text
            assert ": its connection was lost</p>" in gone.text
            line = r'<a href="/why/9f3a0c1b22d4\.7\?node=b%40127\.0\.0\.1">\S+ on 1 January 1970: till crashed<'
            assert re.search(line, gone.text)
            assert "no longer observes it" not in gone.text
            assert 'class="status"' not in gone.text
        assert asked == ["b@127.0.0.1"] * 4  # restarts and anomalies, for each page

    inside(test)


def test_the_page_of_a_service_that_is_away_has_one_line_for_a_loop_and_links_a_hang(
    inside: Inside,
) -> None:
    """Regression: it listed the same crash twenty times; a hang had no link to its evidence."""

    async def test(platform: Any) -> None:
        run, node, moments = "9f3a0c1b22d4", "pay@127.0.0.1", platform.platform.moments
        times = [100.0 + 2 * number for number in range(25)]
        for number, at in enumerate(times, 7):
            moments._add(MomentRow(node, run, number, number, at, at, "rates crashed", 1, f"{number}", kind="service"))
        moments._add(
            MomentRow(node, run, 99, 999, 150.0, 158.0, "rates crashed 900 times more", 900, "", kind="service")
        )
        hang = "labels was in handle_cast for 56 s"
        moments._add(MomentRow(node, "0123456789ab", 2, 2, 160.0, 216.0, hang, 1, "2", kind="service"))
        page = (await platform.client.get(f"/timeline?node={node}")).text
        lines = re.findall("<li>(.*?)</li>", page.partition("<h2>Its last restarts</h2>")[2].partition("</ul>")[0])
        assert lines[0].startswith('<a href="/why/0123456789ab.2?node=pay%40127.0.0.1">')
        assert lines[0].endswith(f": {hang}</a>")
        assert re.match(
            f'<a href="/why/{run}.31.*>[0-9:]{{8}} to [0-9:]{{8}} on 1 January 1970: rates crashed 925 times', lines[1]
        )

    inside(test)


def test_the_page_of_a_node_that_is_away_lists_each_problem_once(inside: Inside) -> None:
    """Regression: the restarts and the anomalies below them told the same give-up and the same blocked loop."""

    async def test(platform: Any) -> None:
        node, moments = "pay@127.0.0.1", platform.platform.moments

        def add(number: int, at: float, until: float, line: str) -> None:
            run = f"{len(moments._rows):012}"
            moments._add(MomentRow(node, run, number, number, at, until, line, 1, f"{number}", kind="service"))

        add(7, 100.0, 101.0, "rates, core and root gave up")
        add(ANOMALY, 100.0, 160.0, "rates gave up: pricer was killed; core and root gave up after it")
        add(2, 200.0, 202.0, "till held the event loop for 2 s")
        add(ANOMALY, 200.0, 260.0, "till held the event loop twice in the last 60 s, for up to 2 s")
        add(ANOMALY, 300.0, 360.0, "rates gave up: pricer was killed")  # another time
        add(2, 400.0, 402.0, "till held the event loop for 9 s")  # no monitor saw this one
        add(ANOMALY, 90.0, 91.0, "a deadlock: till waited for cart")
        add(ANOMALY, 90.0, 91.5, "a deadlock: stock waited for price")  # regression: one line for both
        add(ANOMALY, 90.0, 92.0, "a deadlock: stock waited for price")
        page = (await platform.client.get(f"/timeline?node={node}")).text
        listed = page.partition("<h2>Its last restarts and anomalies</h2>")[2].partition("</ul>")[0]
        lines = re.findall(r"<li>(?:<a[^>]*>)?\S+(?: to \S+)? on 1 January 1970: (.*?)<", listed)
        assert lines == [
            "till held the event loop for 9 s", "rates gave up: pricer was killed",
            "till held the event loop twice in the last 60 s, for up to 2 s", "rates, core and root gave up",
            "a deadlock: stock waited for price", "a deadlock: till waited for cart",
        ]  # fmt: skip

    inside(test)


def test_the_page_of_a_member_that_left_in_order_says_so(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        platform.platform.members.history.append(ClusterEvent(0.0, "b@127.0.0.1", 1, "left", "it left the cluster"))
        gone = await platform.client.get("/timeline?node=b@127.0.0.1")
        assert "<h1>b@127.0.0.1 is not connected</h1>" in gone.text
        assert "<p>b@127.0.0.1 left the cluster at " in gone.text

    inside(test)


def test_a_node_that_only_the_store_knows_has_a_page_with_its_restarts(inside: Inside) -> None:
    """Regression: after a restart of the platform, links of Start led to a plain 404."""

    async def test(platform: Any) -> None:
        started = f"{datetime.fromtimestamp(platform.platform.started_at):%H:%M:%S}"
        for kind, node in (("member", "b@127.0.0.1"), ("service", "pay@127.0.0.1"), ("sandbox", "sandbox-a@127.0.0.1")):
            line = f"{kind} crashed"
            platform.platform.moments._add(MomentRow(node, "9f3a0c1b22d4", 7, 9, 1.0, 1.0, line, kind=kind))
            for path in ("supervisors", "timeline"):
                gone = await platform.client.get(f"/{path}?node={node}&at=1.000000")
                assert f"<h1>{node} is not connected</h1>" in gone.text
                assert f"<p>It has not connected since the platform started at {started}</p>" in gone.text
                assert f" on 1 January 1970: {line}<" in gone.text
                assert 'class="status"' not in gone.text
        assert "<h1>There is no such node</h1>" in (await platform.client.get("/timeline?node=c@127.0.0.1")).text

    inside(test)


def test_the_log_of_a_service_is_said_to_stay_in_its_program(inside: Inside) -> None:
    """Regression: only the lines of the platform were there, without a word about those of the service."""

    async def test(platform: Any) -> None:
        async with otp.Node("pay@127.0.0.1") as node:
            platform.platform.nodes.attach(node, kind=SERVICE)
            service, own = [(await platform.client.get(f"/system{query}")).text for query in (f"?node={node.name}", "")]
            platform.platform.nodes.detach(node.name)
        assert '<sl-log id="log" data-apart="pay@127.0.0.1"></sl-log>' in service
        assert '<sl-log id="log"></sl-log>' in own

    inside(test)


def test_start_shows_the_problems_of_a_service_first_and_no_first_steps(inside: Inside) -> None:
    """Regression: it led with the button that kills a process of a service in production."""

    async def test(platform: Any) -> None:
        async with otp.Node("pay@127.0.0.1") as node:
            platform.platform.nodes.attach(node, kind=SERVICE)
            service, own = [(await platform.client.get(path)).text for path in ("/?node=pay@127.0.0.1", "/")]
            platform.platform.nodes.detach(node.name)
        steps = '<section class="steps" aria-labelledby="steps-title"'
        assert service.index('id="wrong-title"') < service.index('id="family"')
        assert f"{steps} hidden>" in service
        assert "data-beside" in service
        assert own.index('id="family"') < own.index('id="wrong-title"')
        assert f"{steps}>" in own
        assert "data-beside" not in own

    inside(test)


def test_a_service_without_a_tree_is_not_told_to_start_the_demo(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        async with otp.Node("pay@127.0.0.1") as node:
            platform.platform.nodes.attach(node, kind=SERVICE)
            for path, words in (
                ("/", "otp.observe(node)"),
                ("/supervisors", "otp.observe(node)"),
                ("/timeline", "No supervisor ran here at this moment."),
            ):
                service, own = [(await platform.client.get(path + query)).text for query in ("?node=pay@127.0.0.1", "")]
                assert words in service
                assert words not in own
            platform.platform.nodes.detach(node.name)

    inside(test)


def test_a_page_about_the_platform_is_there_when_the_node_looked_at_is_gone(inside: Inside) -> None:
    """A page about an ended sandbox's reason is reached from a page that showed its node."""

    async def test(platform: Any) -> None:
        for path in ("/sandboxes?sandbox=shelves&node=sandbox-shelves@127.0.0.1", "/settings?node=nobody"):
            assert (await platform.client.get(path)).status_code == 200

    inside(test)


def test_a_path_prefix_is_in_every_address(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        page = await platform.client.get("/tools/sl/supervisors")
        assert 'data-root="/tools/sl"' in page.text
        assert (await platform.client.get("/tools/sl/health/ready")).status_code == 200

    inside(test, root_path="/tools/sl")


def test_a_missing_page_is_answered_with_a_page(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        page = await platform.client.get("/<script>alert(1)</script>")
        assert page.status_code == 404
        assert page.headers["content-type"].startswith("text/html")
        assert "<script>alert" not in page.text
        assert "Nothing is at /&lt;script&gt;alert(1)&lt;/script&gt;" in page.text

    inside(test)


def test_text_is_compressed_for_clients_that_accept_it(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        async def get(encoding: str, **more: str) -> Any:
            headers = {"accept-encoding": encoding, **more}
            return await platform.client.get("/static/tree/supervisors.js", headers=headers)

        plain, packed = await get("identity"), await get("gzip, br")
        lines = [plain.text.split("\n"), packed.text.split("\n")]
        left_out = [one for one, sent in zip(*lines, strict=True) if one != sent]
        assert left_out and [one for one in left_out if not one.lstrip().startswith(("/**", "*"))] == []
        assert "content-encoding" not in plain.headers
        assert packed.headers["content-encoding"] == "gzip"
        assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 2
        assert {plain.headers["vary"], packed.headers["vary"]} == {"accept-encoding"}
        assert packed.headers["content-type"].startswith("text/javascript")
        assert (await get("gzip", **{"if-none-match": packed.headers["etag"]})).status_code == 304
        font = await platform.client.get("/static/fonts/inter-latin.woff2", headers={"accept-encoding": "gzip"})
        assert "content-encoding" not in font.headers

    inside(test)


def test_static_files_have_their_types_and_are_asked_for_again(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        script = await platform.client.get("/static/tree/supervisors.js")
        assert script.headers["content-type"].startswith("text/javascript")
        assert script.headers["cache-control"] == "no-cache"
        again = await platform.client.get(
            "/static/tree/supervisors.js", headers={"if-none-match": script.headers["etag"]}
        )
        assert again.status_code == 304
        assert (await platform.client.get("/static/nothing.js")).status_code == 404
        assert (await platform.client.get("/static/../app.py")).status_code == 404

    inside(test)


def test_commands_on_pages_and_in_errors_name_the_data_directory(inside: Inside, tmp_path: Path) -> None:
    """Regression: `superlearner token`, as printed, read the token of the default data directory."""

    async def printed(platform: Any) -> str:
        pages = "".join([(await platform.client.get(path)).text for path in ("/settings", "/sign-in", "/")])
        missing = await platform.client.post("/api/v1/tokens", json={})
        return html.unescape(pages) + missing.text

    beside, alone = f"superlearner --data-dir {tmp_path} ", "superlearner token"
    said = inside(printed, data_dir=tmp_path)
    assert said.count(f"{beside}token") >= 2
    assert f"`{beside}token`" in said
    assert alone not in said
    said = inside(printed)
    assert ("--data-dir" in said, alone in said) == (False, True)


def test_visitors_from_elsewhere_are_not_told_the_data_directory(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        transport = httpx.ASGITransport(app=platform.client._transport.app, client=("192.0.2.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url=platform.client.base_url) as away:
            for path in ("/sign-in", "/api/v1/processes"):
                answer = await away.get(path)
                assert ("superlearner token" in answer.text, str(tmp_path) in answer.text) == (True, False)
            for path in ("/docs", "/settings"):
                page = await away.get(path, headers=OWNER)
                assert 'data-cli="superlearner --url http://' in page.text
                assert str(tmp_path) not in page.text
            assert "<code>superlearner token</code>" in page.text

    inside(test, data_dir=tmp_path, auth="all")
