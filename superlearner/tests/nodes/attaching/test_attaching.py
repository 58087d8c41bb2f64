"""A service in another process is attached, used, lost, and found again."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from attached_service import ATTACHED, NODE, OWNER, attach, killed, wait_for_nodes
from observed_service import service
from superlearner.app import sign_of_life
from superlearner.nodes.attaching import ServiceChange
from superlearner.nodes.remote import protocol as p
from superlearner.operations.builtin.restarts import NOT_RESTARTED, OBSERVED
from superlearner.operations.rights.users import SCOPES
from superlearner.store import MomentRow

pytestmark = [pytest.mark.program, pytest.mark.usefixtures("own_sockets")]

Run = Callable[..., Any]


@pytest.mark.operation("node.attach", "node.attached", "node.detach")
def test_a_service_is_attached_by_name_and_every_operation_works_on_it(inside: Run, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        async with service(tmp_path, permissions=("read", "operate")) as shop:
            answer = (await attach(platform)).json()["data"]
            assert (NODE, "attached", True, shop.os_pid) == tuple(
                answer[key] for key in ("name", "state", "pages", "os_pid")
            )
            tree = await platform.get("/api/v1/supervisors", params={"node": NODE})
            assert ["shop"] == [one["name"] for one in tree["data"]]
            sent = await platform.client.post(
                "/api/v1/processes/till/message",
                params={"node": NODE},
                json={"message": "coins", "message_type": "call"},
            )
            assert 7 == sent.json()["data"]["reply"]
            code = await platform.client.get("/api/v1/processes/till/source", params={"node": NODE}, headers=OWNER)
            error = code.json()["error"]
            assert (error["code"], error["message"].partition("; ")[2]) == (
                "missing_scope", "this service permits read, operate",
            )  # fmt: skip
            assert error["details"][0]["hint"].endswith('otp.observe(…, permissions=("read", "operate", "code"))')
            page = (await platform.client.get("/supervisors", params={"node": NODE}, headers=OWNER)).text
            assert " data-hides-code" in page and " data-only-reads" not in page
            assert " data-hides-code" not in (await platform.client.get("/supervisors", headers=OWNER)).text
            asked = (await platform.client.delete("/api/v1/processes/till", headers=OWNER)).json()["error"]
            assert asked["message"] == f"there is no process 'till' on {platform.node.name}; it is on {NODE}"
            assert asked["details"][0]["hint"] == f"--node {NODE} selects its node"
            await platform.client.post("/api/v1/processes/till/trace", params={"node": NODE}, json={})
            for path in ("traces/t1/unanswered", "traces/till"):  # regression: it did not say where the trace is
                asked = (await platform.client.get(f"/api/v1/{path}", headers=OWNER)).json()["error"]
                words = path.split("/")[1]
                assert asked["message"] == f"there is no trace {words!r} on {platform.node.name}; {NODE} has one"
                assert asked["details"][0]["hint"] == f"--node {NODE} selects its node"
            [line] = (await platform.get(ATTACHED))["data"]
            assert (["read", "operate"], 2, 1) == (line["permissions"], line["processes"], line["supervisors"])
            gone = await platform.client.request("DELETE", f"{ATTACHED}/{NODE}", headers=OWNER)
            assert gone.status_code == 200
            assert [] == (await platform.get(ATTACHED))["data"]
            assert [platform.node.name] == [one.name for one in platform.platform.nodes]

    inside(test)


def test_a_read_only_service_refuses_changes_even_from_a_lying_platform(inside: Run, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        async with service(tmp_path):
            assert (await attach(platform)).status_code == 200
            killed = await platform.client.request(
                "DELETE", "/api/v1/processes/till", params={"node": NODE}, headers=OWNER
            )
            assert (403, "missing_scope") == (killed.status_code, killed.json()["error"]["code"])
            assert "this service permits read" in killed.json()["error"]["message"]
            [detail] = killed.json()["error"]["details"]
            assert 'otp.observe(…, permissions=("read", "operate"))' in detail["hint"]
            lie = p.Execute(
                operation="process.kill",
                module="superlearner.operations.builtin.processes",
                parameters=json.dumps({"pid": "till"}).encode(),
                user="owner",
                scopes=list(SCOPES),
                local=True,
                door="rest",
                dry_run=False,
            )
            answer = await platform.platform.nodes.find(NODE).ask(lie, p.Executed, 30)
            assert isinstance(answer, p.Failed)
            assert "missing_scope" == answer.code

    inside(test)


def test_the_end_of_a_service_is_shown_and_after_a_restart_it_is_attached_again(inside: Run, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        async with service(tmp_path) as first:
            await attach(platform)
            first.process.kill()
            await wait_for_nodes(platform, lambda names: NODE not in names)
            [line] = (await platform.get(ATTACHED))["data"]
            why = killed(first.os_pid)
            assert ("looked_for", why) == (line["state"], line["why"])
            assert [why] == [one.known.closed for one in platform.platform.attachments if one.known]  # and stored
            asked = (await platform.client.get("/api/v1/processes", params={"node": NODE})).json()["error"]
            said = re.escape(f", and is being looked for: {line['why']}")
            assert re.fullmatch(f"{NODE} has not been reachable since [0-9:]{{8}}{said}", asked["message"])
            assert "node_unavailable" == asked["code"]  # the platform looks for it
            [hint] = [one["hint"] for one in asked["details"]]
            assert f"restart list --node {NODE}` lists its stored restarts" in hint
            row = MomentRow(NODE, "9f3a0c1b22d4", 7, 9, 1.0, 1.0, "shop gave up", kind="service")
            platform.platform.moments._add(row)
            page = (await platform.client.get("/timeline", params={"node": NODE})).text
            assert f"<p>{asked['message']}</p>" in page
            assert " on 1 January 1970: shop gave up" in page
            assert f'href="/supervisors?node={quote(NODE)}"' in page  # not that of another node
            assert f"<option selected>{NODE}</option>" in page
            page = (await platform.client.get("/why/9f3a0c1b22d4.7", params={"node": NODE})).text
            assert f'data-node="{NODE}"' in page
        async with service(tmp_path) as second:
            await wait_for_nodes(platform, lambda names: NODE in names)
            [line] = (await platform.get(ATTACHED))["data"]
            assert ("attached", second.os_pid, None) == (line["state"], line["os_pid"], line["why"])
            again, gone = (await platform.get("/api/v1/restarts", params={"node": NODE}))["data"][:2]
            text = f"{NODE} is attached again, to process {second.os_pid}, after a gap of [0-9]+ s"
            assert re.fullmatch(text, again["line"])
            assert (gone["line"], gone["program"]) == (f"{NODE} is gone: {why}", True)
            for one in (again, gone):
                shown = (await platform.get(f"/api/v1/restarts/{one['ref']}", params={"node": NODE}))["data"]
                assert (shown["summary"], shown["program"]) == (one["line"], True)

    inside(test)


def test_an_attachment_survives_a_restart_of_the_platform_until_it_is_detached(
    inside: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: the service had to be attached again, and its restarts were not listed until then."""
    monkeypatch.setattr(sign_of_life, "LEAST_S", 0.0)  # this restart takes about as long as what is not reported
    data_dir, stored = tmp_path / "data", tmp_path / "data" / "attached.json"
    data_dir.mkdir(mode=0o700)

    async def attach_and_restart(platform: Any) -> None:
        async with service(tmp_path, permissions=("read", "operate")) as shop:
            await attach(platform, name="my_shop")
            recorded = asyncio.Event()
            platform.platform.moments.on_moment = lambda _row: recorded.set()
            killed = await platform.client.request(
                "DELETE", "/api/v1/processes/till", params={"node": "my_shop"}, headers=OWNER
            )
            assert killed.status_code == 200
            await recorded.wait()
            assert stored.stat().st_mode & 0o777 == 0o600
            assert shop.token not in stored.read_text()

    async def find_again(platform: Any) -> None:
        [line] = (await platform.get(ATTACHED))["data"]
        assert ("my_shop", NODE, "looked_for") == (line["name"], line["node"], line["state"])
        assert ["my_shop"] == json.loads(platform.platform.node_list.snapshot())["awaited"]
        page = await platform.client.get("/supervisors", params={"node": "my_shop"}, headers=OWNER)
        assert page.status_code == 404
        assert "<h1>Waiting for my_shop</h1>" in page.text
        assert 'data-awaited="my_shop"' in page.text  # opens when it is there
        assert "This page opens as soon as it is back.</p>" in page.text  # Regression: its log "says why it ended"
        assert 'class="status"' not in page.text  # waiting is not an error
        assert re.search(
            r"my_shop (is not reachable, and |has not been reachable since [\d:]+, and )?is being looked for", page.text
        )  # before the first look, too
        outage, gone, earlier, _first = (await platform.get("/api/v1/restarts", params={"node": "my_shop"}))["data"]
        assert re.fullmatch(r"the platform did not run from [\d:]+ to [\d:]+", outage["line"])
        assert (outage["incident"], outage["outage"], "outage" in gone) == (True, True, False)
        everything = (await platform.get("/api/v1/restarts"))["data"]
        assert 1 == sum(one.get("outage", False) for one in everything)  # it is stored for each node
        assert gone["at"] <= outage["at"] < outage["until"]
        assert gone["line"].startswith("my_shop is gone: ")
        [*_, listed] = (await platform.get("/api/v1/restarts", params={"since": earlier["at"]}))["data"]
        assert ("my_shop", earlier["ref"]) == (listed["node"], listed["ref"])  # was missing while it was away
        async with service(tmp_path) as again:
            await wait_for_nodes(platform, lambda names: "my_shop" in names)
            [line] = (await platform.get(ATTACHED))["data"]
            assert ("attached", again.os_pid, None) == (line["state"], line["os_pid"], line["why"])
            assert [] == json.loads(platform.platform.node_list.snapshot())["awaited"]
            tree = await platform.get("/api/v1/supervisors", params={"node": "my_shop"})
            assert ["shop"] == [one["name"] for one in tree["data"]]
            shown = await platform.get(f"/api/v1/restarts/{earlier['ref']}", params={"node": "my_shop"})
            assert "till <0.3.0> was killed" in shown["data"]["summary"]
            [back, *_] = (await platform.get("/api/v1/restarts", params={"node": "my_shop"}))["data"]
            text = rf"my_shop is attached again, to process {again.os_pid}, after a gap of \d+ s"
            assert re.fullmatch(text, back["line"])  # was missing after a restart of the platform
            shown = await platform.get(f"/api/v1/restarts/{back['ref']}", params={"node": "my_shop"})
            assert re.fullmatch(r"\d+ s, since [\d:]+", shown["data"]["facts"]["away"])
            none = await platform.client.get("/api/v1/restarts/99999", params={"node": "my_shop"})
            assert "restart list --node my_shop`" in none.json()["error"]["details"][0]["hint"]
            gone = await platform.client.request("DELETE", f"{ATTACHED}/my_shop", headers=OWNER)
            assert gone.status_code == 200

    async def find_nothing(platform: Any) -> None:
        assert [] == (await platform.get(ATTACHED))["data"]
        assert "my_shop" in [line["node"] for line in (await platform.get("/api/v1/restarts"))["data"]]

    for test in (attach_and_restart, find_again, find_nothing):
        inside(test, data_dir=data_dir)


def test_a_token_is_stored_only_if_it_cannot_be_found_again(
    inside: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_dir, secret = tmp_path / "data", tmp_path / "secret"
    data_dir.mkdir(mode=0o700)

    async def test(platform: Any) -> None:
        attachments = platform.platform.attachments
        async with service(tmp_path, address="127.0.0.1:0", token="the-first-token-of-the-shop") as shop:
            await attach(platform, shop.address, token=shop.token, name="from_record")
            secret.write_text(shop.token)
            monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))  # its record is not found any more
            for name, path in (("from_file", secret), ("given", tmp_path / "absent"), ("other", Path(__file__))):
                found = await attach(platform, shop.address, token=shop.token, token_file=str(path), name=name)
                assert found.status_code == 200, found.text
            where = {one.name: (one.where.token, one.where.token_file) for one in attachments.stored.read()}
            assert {
                "from_record": (None, None),
                "from_file": (None, str(secret)),
                "given": (shop.token, None),
                "other": (shop.token, None),
            } == where

    inside(test, data_dir=data_dir)


def test_a_program_that_ran_beside_an_ended_service_does_not_take_its_place(inside: Run, tmp_path: Path) -> None:
    """Regression: requests to the ended service then acted on the other program of the same name."""

    async def test(platform: Any) -> None:
        async with service(tmp_path), service(tmp_path) as first:
            several = (await attach(platform)).json()["error"]
            assert re.match(
                f"several open services are called {NODE}: {NODE}-[0-9]+, {NODE}-[0-9]+; ", several["message"]
            )
            [detail] = several["details"]
            assert re.fullmatch(
                f"`superlearner attach {NODE}-[0-9]+ --name shop_2`; --node shop_2 then selects its node",
                detail["hint"],
            )
            attached = await attach(platform, f"{NODE}-{first.os_pid}")
            assert attached.status_code == 200
            first.process.kill()
            await wait_for_nodes(platform, lambda names: NODE not in names)
            async with service(tmp_path) as restarted:
                await wait_for_nodes(platform, lambda names: NODE in names)
                [line] = (await platform.get(ATTACHED))["data"]
                assert restarted.os_pid == line["os_pid"]

    inside(test)


def test_a_service_that_is_attached_under_another_name_does_not_take_the_place_of_one_that_ended(
    inside: Run, tmp_path: Path
) -> None:
    """Regression: after the end of the first, its name led to the second, which had started later."""

    async def test(platform: Any) -> None:
        platform.platform.attachments.pauses = (0.0, 0.0)
        async with service(tmp_path) as first:
            await attach(platform)
            async with service(tmp_path) as second:
                several = (await attach(platform)).json()["error"]["details"][0]["hint"]
                assert f"attach {NODE}-{second.os_pid} --name shop_2" in several  # not the one that is attached
                assert (await attach(platform, f"{NODE}-{second.os_pid}", name="shop_2")).status_code == 200
                first.process.kill()
                [one, _] = platform.platform.attachments
                await one.over.wait()
                states = {line["name"]: line["state"] for line in (await platform.get(ATTACHED))["data"]}
                assert {NODE: "given_up", "shop_2": "attached"} == states
                asked = await platform.client.get("/api/v1/processes", params={"node": NODE})
                gone = killed(first.os_pid)
                assert f"not found again: {gone}" in asked.text  # regression: "no open service"

    inside(test)


@pytest.mark.parametrize("topic", ["supervisors", "processes", "traces", "system"])
def test_live_pages_show_a_node_that_is_attached_under_another_name(topic: str, inside: Run, tmp_path: Path) -> None:
    """Regression: the feeds ended, since their frames had the name that the node has in its own program."""

    async def test(platform: Any) -> None:
        async with service(tmp_path):
            assert (await attach(platform, name="mine")).status_code == 200
            relay = platform.platform.relays.of(platform.platform.nodes.find("mine"), topic, {})
            viewer = relay.attach()
            snapshot = json.loads(await viewer.next())
            assert ("s", "mine") == (snapshot["k"], snapshot["node"])
            relay.detach(viewer)

    inside(test)


def test_sentences_have_the_name_under_which_a_node_is_attached(inside: Run, tmp_path: Path) -> None:
    """Regression: `nonode (process 8166) was stopped for 17.4 s`, of a node that is called dispatch here."""

    async def test(platform: Any) -> None:
        async with service(tmp_path):
            await attach(platform, name="mine")
            asked = await platform.client.get("/api/v1/applications/till", params={"node": "mine"}, headers=OWNER)
            assert "mine has no application 'till'" == asked.json()["error"]["message"]

    inside(test)


def test_a_service_that_ends_in_order_reads_differently_from_one_that_is_killed(inside: Run, tmp_path: Path) -> None:
    """Regression: after both, its service had ended, or the connection to it was lost."""

    async def test(platform: Any) -> None:
        async with service(tmp_path) as shop:
            await attach(platform)
            shop.process.stdin.close()  # it leaves otp.observe
            stored = platform.platform.moments._rows
            await wait_for_nodes(platform, lambda _names: len(stored) == 2)
            _, gone = [row.line for row in stored.values() if row.node == NODE]
            assert gone == f"{NODE} is gone: its program left otp.observe() (process {shop.os_pid})"

    inside(test)


def test_a_service_says_that_a_process_ended_it_and_that_its_program_runs_on(inside: Run, tmp_path: Path) -> None:
    """Regression: it `closed its door`, and then `does not run, or runs without otp.observe()`, while it ran."""

    async def test(platform: Any) -> None:
        platform.platform.attachments.pauses = (0.0, 0.0)
        async with service(tmp_path, permissions=("read", "operate")) as shop:
            await attach(platform)
            [one] = platform.platform.attachments
            cast = {"message": "quit", "message_type": "cast"}
            path = "/api/v1/processes/till/message"
            await platform.client.post(path, params={"node": NODE}, json=cast, headers=OWNER)
            async with asyncio.timeout(30):
                await one.over.wait()
            _, line = [row.line for row in platform.platform.moments._rows.values() if row.node == NODE]
            why = rf"till called sys\.exit\(3\) at <string>:\d+ \(process {shop.os_pid}\)"
            assert re.fullmatch(f"{NODE} is gone: {why}", line)
            row, _ = (await platform.get("/api/v1/restarts", params={"node": NODE}))["data"]
            shown = (await platform.get(f"/api/v1/restarts/{row['ref']}"))["data"]["facts"]
            assert re.fullmatch(why, shown["why"])
            assert OBSERVED == shown["supervisor"]
            # a thread of it still reads its standard input
            assert re.fullmatch(f"{why}; its process {shop.os_pid} runs on without it; when .*", one.why)
            shop.process.stdin.close()
            assert 3 == await shop.process.wait()

    inside(test)


def test_a_service_that_runs_again_is_found_during_a_long_pause(inside: Run, tmp_path: Path) -> None:
    """Regression: it took up to a minute, while the page said that it waits."""

    async def test(platform: Any) -> None:
        platform.platform.attachments.pauses = (0.0, 3600.0)
        async with service(tmp_path) as shop:
            await attach(platform)
            shop.process.kill()
            await wait_for_nodes(platform, lambda names: NODE not in names)
        async with service(tmp_path):
            await wait_for_nodes(platform, lambda names: NODE in names)

    inside(test)


def test_a_service_that_stays_away_is_detached(inside: Run, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        platform.platform.attachments.pauses = (0.0, 0.0)
        async with service(tmp_path) as shop:
            await attach(platform)
            [one] = platform.platform.attachments
            shop.process.kill()
            await one.over.wait()
        [line] = (await platform.get(ATTACHED))["data"]
        assert ("given_up", 2) == (line["state"], line["tries"])
        assert f"; when it runs again, `superlearner attach {NODE}` attaches it" in line["why"]
        asked = await platform.client.get("/api/v1/processes", params={"node": NODE})
        assert f"{NODE} was not found again: " in asked.json()["error"]["message"]
        # Regression: it was only in the list of attached services
        nodes = [(one["name"], one["status"]) for one in (await platform.get("/api/v1/nodes"))["data"]]
        assert (NODE, "gone") in nodes
        [missing] = (await platform.get("/api/v1/cluster/anomalies"))["data"]["missing"]
        assert missing == {"node": NODE, "reason": f"{NODE} was not found again: {line['why']}"}
        async with service(tmp_path):
            assert (await attach(platform)).status_code == 200
            assert [] == (await platform.get("/api/v1/cluster/anomalies"))["data"]["missing"]
            assert ["attached"] == [line["state"] for line in (await platform.get(ATTACHED))["data"]]

    inside(test)


def test_a_service_without_superlearner_is_attached_with_its_limits(inside: Run, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        async with service(tmp_path, bare=True):
            answer = (await attach(platform)).json()["data"]
            assert (False, 2, 1) == (answer["pages"], answer["processes"], answer["supervisors"])
            assert "no pages and no operations: superlearner cannot be imported in the service" in answer["can_do"]
            assert [platform.node.name] == [one.name for one in platform.platform.nodes]
            assert 409 == (await attach(platform)).status_code

    inside(test)


def test_detach_takes_what_attach_took(inside: Run, tmp_path: Path) -> None:
    """Regressions: only the full name of the node was found; neither was in the history."""

    async def test(platform: Any) -> None:
        async with service(tmp_path) as shop:
            for address, given in (("shop", "shop"), (NODE, "shop"), (shop.address, shop.address)):
                assert (await attach(platform, address)).status_code == 200
                target = f"{ATTACHED}/{quote(given, safe='')}"
                answer = await platform.client.request("DELETE", target, headers=OWNER)
                assert (200, NODE) == (answer.status_code, answer.json().get("data", {}).get("name")), answer.text
                for name in (NODE, NODE.partition("@")[0]):
                    asked = await platform.client.get("/api/v1/processes", params={"node": name})
                    error = asked.json()["error"]
                    assert f"{NODE} was detached, and its service may still be running" in error["message"]
                    assert error["details"][0]["hint"] == f"`superlearner attach {address}` attaches it again"
                again = f"it was detached; `superlearner attach {address}` attaches it again"
                assert platform.platform.nodes.left[NODE] == again
            assert [] == (await platform.get(ATTACHED))["data"]
            lines = (await platform.get("/api/v1/restarts", params={"node": NODE}))["data"]
            left = f"{NODE} is no longer observed: it was detached on request"
            back = f"{NODE} is attached again on request, to process {shop.os_pid}, after a gap of 0 s"
            first = f"{NODE} is attached on request, to process {shop.os_pid}"  # Regression: it had no line
            assert [one["line"] for one in lines] == [left, back, left, back, left, first]
            asked = [lines[0], lines[1], lines[-1]]
            shown = [(await platform.get(f"/api/v1/restarts/{one['ref']}"))["data"] for one in asked]
            assert [(one["facts"]["why"], one["facts"]["supervisor"]) for one in shown] == [
                ("it was detached on request", "The platform no longer observes it, which ends no program."),
                ("it was attached on request", "The platform observes it again."),
                ("it was attached on request", "The platform began to observe it."),
            ]

    inside(test)


def test_the_end_and_the_return_of_a_service_say_how_long_it_was_away(inside: Run) -> None:
    """Regression: they were shown as a crash of a supervisor that took 0 ms, and as a restart by itself."""

    async def test(platform: Any) -> None:
        moments = platform.platform.moments
        why = "its service has ended"
        moments.add_service_change(ServiceChange(NODE, 1000.0, f"{NODE} is gone: {why}", why, 7))
        back = f"{NODE} is attached again, to process 8, after a gap of 18 s"
        moments.add_service_change(ServiceChange(NODE, 1018.0, back, None, 8))
        lines = (await platform.get("/api/v1/restarts", params={"node": NODE}))["data"]
        shown = [(await platform.get(f"/api/v1/restarts/{one['ref']}", params={"node": NODE}))["data"] for one in lines]
        since, until = (f"{datetime.fromtimestamp(at):%H:%M:%S}" for at in (1000, 1018))
        assert {NOT_RESTARTED} == {one["facts"].pop("supervisor") for one in shown}
        assert [{name: fact for name, fact in one["facts"].items() if fact} for one in shown] == [
            {"what": back, "why": "its program runs again", "away": f"18 s, since {since}"},
            {"what": f"{NODE} is gone: {why}", "why": why, "away": f"18 s, until {until}"},
        ]

    inside(test)


def test_the_token_is_nowhere_in_the_audit_log(inside: Run, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        async with service(tmp_path) as shop:
            answer = await attach(platform, shop.address, token=shop.token)
            assert answer.status_code == 200
            assert shop.token not in answer.text
        entries = platform.platform.audit.entries()
        assert "node.attach" in [entry.operation for entry in entries]
        assert shop.token not in repr(entries)

    inside(test)


def test_two_platforms_attach_to_a_service_and_killing_one_leaves_the_other(inside: Run, tmp_path: Path) -> None:
    program = (
        "import asyncio\nfrom otp.doors import Visitor, find_doors\n"
        "async def main():\n"
        "    [door] = find_doors()\n"
        "    async with Visitor(door.address, door.token):\n"
        "        print('looks', flush=True)\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(main())"
    )

    async def test(platform: Any) -> None:
        async with service(tmp_path):
            await attach(platform)
            other = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=subprocess.PIPE)
            assert other.stdout is not None
            await other.stdout.readline()
            other.kill()
            await other.wait()
            tree = await platform.get("/api/v1/supervisors", params={"node": NODE})
            assert ["shop"] == [one["name"] for one in tree["data"]]

    inside(test)


def test_the_commands_attach_list_and_detach(start: Any, superlearner: Run, tmp_path: Path) -> None:
    async def main() -> None:
        start()
        async with service(tmp_path) as shop:
            # Doors are looked for in both; this user may have others.
            where = dict.fromkeys(("XDG_RUNTIME_DIR", "TMPDIR"), os.environ["XDG_RUNTIME_DIR"])

            async def run(*words: str) -> Any:
                return await asyncio.to_thread(superlearner, *words, **where)

            listed = await run("attach", "--list", "--json")
            assert [NODE] == [one["node"] for one in json.loads(listed.stdout)]
            secret = tmp_path / "secret"
            secret.write_text(shop.token)
            done = await run("attach", shop.address, "--token-file", str(secret), "--name", "till")
            assert (0, "") == (done.returncode, done.stderr)
            assert "till is attached: every page and operation, as far as its service permits (read)" in done.stdout
            assert shop.token not in listed.stdout + done.stdout
            tree = await run("supervisor", "list", "--node", "till", "--json")
            assert ["shop"] == [one["name"] for one in json.loads(tree.stdout)]
            done = await run("detach", "till")
            assert (0, "till is detached; it keeps running\n") == (done.returncode, done.stdout)
            assert 1 == (await run("detach", "till")).returncode

    asyncio.run(asyncio.wait_for(main(), 60))
