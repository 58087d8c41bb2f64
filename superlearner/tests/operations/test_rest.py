"""The REST interface: common behaviour of all operations."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable
from itertools import cycle, product
from typing import Any
from urllib.parse import quote, unquote

import pytest
from starlette.routing import Match

import otp
from superlearner.control.terms import plain_pid
from superlearner.demo.one_for_one import Counter
from superlearner.nodes.kinds import SERVICE
from superlearner.operations import PREFIX
from superlearner.operations.engine.registry import all_operations
from superlearner.operations.targets import feels
from superlearner.web.rest import FOUND, OperationRoute, routes_of

Inside = Callable[..., Any]
TOKEN = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}


def test_a_dry_run_over_http_lists_affected_processes_and_ends_none(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        before = platform.node.whereis("counter_1")
        answer = await platform.client.request("DELETE", "/api/v1/processes/counter_1?dry_run=true")
        data = answer.json()["data"]
        assert (answer.status_code, data["dry_run"]) == (200, True)
        assert data["would"].startswith("send the exit signal kill to counter_1 (0.")
        assert [one.partition(" ")[0] for one in data["affects"]] == ["counter_1", "demo_one_for_one"]
        assert otp.is_alive(before)
        assert platform.platform.audit.entries() == []

    inside(test)


def test_an_exit_lists_no_more_processes_than_a_person_reads() -> None:
    """Regression: of a dynamic supervisor it listed all children, while the loop waited."""

    async def main() -> int:
        pool = await otp.DynamicSupervisor.start_link()
        for _ in range(200):
            await otp.DynamicSupervisor.start_child(pool, otp.Agent.child_spec(lambda: 0))
        return len(feels(pool, "shutdown"))

    assert otp.run(main) <= 101


def test_a_dry_run_names_the_siblings_restarted_along(inside: Inside) -> None:
    async def affected(platform: Any, method: str, path: str, body: Any = None) -> set[str]:
        answer = await platform.client.request(method, f"/api/v1/{path}", json=body)
        return {one.partition(" ")[0] for one in answer.json()["data"]["affects"]}

    async def test(platform: Any) -> None:
        kill = "DELETE", "processes/counter_1?dry_run=true"
        assert await affected(platform, *kill) == {"counter_1", "demo_one_for_one"}
        whole = await affected(platform, "DELETE", "processes/shop?dry_run=true&force=true")
        assert {"shop", "checkout_sup", "cart"} <= whole  # those below its children end, too
        await otp.Supervisor.change_flags("demo_one_for_one", strategy="one_for_all")
        all = {"counter_1", "demo_one_for_one", "counter_2", "printer_1"}
        assert await affected(platform, *kill) == all
        crash = "POST", "supervisors/demo_one_for_one/simulate-failure?dry_run=true"
        assert await affected(platform, *crash, {"failure_type": "child_crash", "target": "counter_1"}) == all

    inside(test)


def test_a_dry_run_says_that_force_is_required(inside: Inside) -> None:
    """Regression: it was refused without force, so it could not be checked first."""

    async def test(platform: Any) -> None:
        for forced, words in (
            ("", "; it needs force and the scope admin: live (…) keeps the platform alive"),
            ("&force=true", ""),
        ):
            path = f"/api/v1/processes/live?dry_run=true{forced}"
            answer = await platform.client.request("DELETE", path, headers=TOKEN if forced else None)
            would = answer.json()["data"]["would"]
            pid = plain_pid(platform.node.whereis("live"))
            assert would == f"send the exit signal kill to live ({pid}){words.replace('…', pid)}"
        answer = await platform.client.request("DELETE", "/api/v1/processes/live")
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "critical_process_protection")

    inside(test)


def test_a_dry_run_of_an_impossible_change_is_refused_like_the_real_one(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        answer = await platform.client.request("PUT", "/api/v1/processes/live/debug/log?dry_run=true", json={})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "critical_process_protection")

    inside(test)


def test_a_slash_in_a_name_does_not_divide_the_path(inside: Inside) -> None:
    """Regression: `%2F` added a segment, so such a process was unreachable."""

    async def test(platform: Any) -> None:
        for name in ("a/b", "<b>bold</b>", "../x", "x/info", "%2F", "a%2Fb"):
            spec = Counter.child_spec(7, id=name, name=name, restart="temporary")
            pid = await otp.Supervisor.start_child(("playground", platform.node), spec)
            path = f"/api/v1/processes/{quote(name, safe='')}"
            info = (await platform.client.get(f"{path}/info")).json()["data"]
            assert (info["pid"], info["registered_name"]) == (plain_pid(pid), name)
            call = {"message": "get_value", "message_type": "call"}
            assert (await platform.client.post(f"{path}/message", json=call)).json()["data"]["reply"] == 7
            ended = (await platform.client.delete(path)).json()["data"]
            assert (ended["pid"], ended["terminated"]) == (plain_pid(pid), True)
            gone = (await platform.client.get(path.replace("%2F", "%2f") + "/info")).json()["error"]
            assert repr(name) in gone["message"]
        wrong = await platform.client.get("/api/v1/processes/a/b/info")
        assert wrong.json()["error"]["code"] == "operation_not_found"

    inside(test)


@pytest.mark.parametrize(
    ("method", "path", "body", "hint"),
    [
        ("POST", "processes/counter_1/message", {"messag": 1, "kind": "cast"}, "did you mean message?"),
        ("DELETE", "processes/counter_1", {"raeson": "kill"}, "did you mean reason?"),
        ("DELETE", "processes/counter_1", {"why_so": "kill"}, "expected one of reason, force"),
        ("DELETE", "processes/counter_1", {"dry_run": True}, "send it in the query"),
        ("DELETE", "processes/counter_1", {"pid": "x"}, "send it in the path"),
        ("POST", "recordings/none/stop", {"force": True}, "leave it out"),
    ],
    ids=["near", "of a DELETE", "far", "of the query", "of the path", "without a body"],
)
def test_unknown_fields_of_a_body_are_refused_with_the_nearest(
    inside: Inside, method: str, path: str, body: Any, hint: str
) -> None:
    """Regression: the hint was the value, and an operation without a body ignored what it was sent."""

    async def test(platform: Any) -> None:
        before = platform.node.whereis("counter_1")
        answer = await platform.client.request(method, f"/api/v1/{path}", json=body)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (422, "validation_error")
        name = next(iter(body))
        detail = {"field": name, "problem": "there is no such field", "hint": hint}
        assert detail in error["details"]
        assert platform.node.whereis("counter_1") == before

    inside(test)


def test_unknown_query_parameters_are_refused(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        before = platform.node.whereis("counter_1")
        for method, path, field, hint in (
            ("DELETE", "/processes/counter_1?dryrun=true", "dryrun", "did you mean dry_run?"),
            ("DELETE", "/processes/counter_1?reasn=x&dry_run=true", "reasn", "did you mean reason?"),
            ("DELETE", "/processes/counter_1?dryRun=true", "dryRun", "did you mean dry_run?"),
            ("POST", "/processes/counter_1/suspend?dry=1", "dry", "did you mean dry_run?"),
            ("GET", "/processes?serach=counter", "serach", "did you mean search?"),
            ("GET", "/processes?perPage=5", "perPage", "did you mean per_page?"),
            ("GET", "/events?limt=2", "limt", "did you mean limit?"),
            ("GET", "/system/metrics?nocache=1", "nocache", "expected one of window_s, resolution_s, node"),
            ("POST", "/processes/counter_1/message?message=increment", "message", "send it in the body"),
        ):
            answer = await platform.client.request(method, f"/api/v1{path}")
            (detail,) = answer.json()["error"]["details"]
            assert (answer.status_code, detail["field"], detail["hint"]) == (422, field, hint)
        assert platform.node.whereis("counter_1") == before
        assert otp.is_alive(before)
        other = "/api/v1/supervisors/demo_one_for_one/children/counter_3/predict?reason=killed&strategy=one_for_one"
        assert (await platform.client.delete(other)).status_code == 404
        for words in ("node=superlearner@127.0.0.1", "dry_run=false"):  # common parameters
            assert (await platform.client.get(f"/api/v1/processes?{words}")).status_code == 200

    inside(test)


def test_the_error_for_a_misspelt_choice_suggests_the_right_one(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        body = {"message": "x", "message_type": "kast"}
        for answer, hint in (
            (
                await platform.client.post("/api/v1/processes/counter_1/message", json=body),
                "got 'kast'; did you mean cast?",
            ),
            (await platform.client.get("/api/v1/processes?type=servre"), "got 'servre'; did you mean genserver?"),
            (await platform.client.get("/api/v1/processes?type=xyzzy"), "got 'xyzzy'"),
        ):
            assert (422, [hint]) == (answer.status_code, [one["hint"] for one in answer.json()["error"]["details"]])

    inside(test)


def test_a_number_out_of_range_is_refused_in_one_plain_sentence(inside: Inside) -> None:
    """Regression: `Input should be greater than or equal to 1`, and of `nan`, less than or equal to 86400."""

    async def test(platform: Any) -> None:
        for path, said in (
            ("processes?per_page=0", "per_page: expected at least 1, got 0"),
            ("processes?per_page=2000", "per_page: expected at most 1000, got 2000"),
            ("processes?per_page=1.5", "per_page: expected a whole number, got 1.5"),
            ("system/metrics?window_s=nan", "window_s: expected a finite number, got nan"),
            ("system/metrics?window_s=-inf", "window_s: expected a finite number, got -inf"),
            ("system/metrics?window_s=x", "window_s: expected a number, got 'x'"),
            ("system/anomalies?ended=perhaps", "ended: expected true or false"),
        ):
            answer = await platform.client.get(f"/api/v1/{path}")
            assert (answer.status_code, answer.json()["error"]["message"]) == (422, said)

    inside(test)


def test_a_refused_value_names_its_field_and_what_to_write(inside: Inside) -> None:
    """Regression: fields were `max_restarts.constrained-int`, hints to write `without quotes` were about addresses."""

    async def test(platform: Any) -> None:
        strategy, crash = "supervisors/demo_one_for_one/strategy", {"strategy": "one_for_one"}
        for method, path, body, message, hint in (
            ("GET", "processes?page=1e3", None, "page: expected a whole number, got 1e3", "write it in digits: 1000"),
            ("GET", "processes?page=1.5", None, "page: expected a whole number, got 1.5", None),
            ("GET", "processes?page=1e400", None, "page: expected a whole number, got 1e400", None),
            ("GET", "processes?page=x", None, "page: expected a whole number, got 'x'", None),
            ("GET", "events?types=crshed", None, "types: there is no type 'crshed'", "did you mean crashed?"),
            ("GET", "events?types=exited,crshed", None, "types: there is no type 'crshed'", "did you mean crashed?"),
            ("PUT", strategy, {**crash, "max_restarts": "NaN"},
             "max_restarts: expected a whole number or 'infinity', got 'NaN'", None),
            ("PUT", strategy, {**crash, "max_restarts": -1},
             "max_restarts: expected at least 0 or 'infinity', got -1", "try 0"),
            ("PUT", strategy, {**crash, "max_seconds": "infinty"},
             "max_seconds: expected a number or 'infinity', got 'infinty'", "did you mean infinity?"),
            ("POST", "supervisors/shop/children", {"start": "no.such:Thing", "id": None},
             "start: expected 'module:Class', a behaviour of a module that is imported, got 'no.such:Thing'", None),
            ("POST", "processes/counter_1/message", {"message": 1, "timeout_ms": None},
             "timeout_ms: expected a whole number, got null", None),
            ("GET", "restarts?beside=x", None,
             "beside: expected the id of a restart, such as 9f3a0c1b22d4.1204; "
             "`superlearner restart list --process x` lists ids", "got 'x'"),
            ("PUT", "settings/port", {"value": "x"},
             "port: expected a whole number, got 'x'", "no setting was changed"),
            ("PUT", strategy, {}, "strategy: a value is missing", "this parameter is required"),
            ("DELETE", "processes/counter_1", {"reason": ""}, "reason: expected at least 1 character, got none",
             "write a text, or leave it out if it is optional"),
            ("DELETE", "processes/counter_1", {"reason": "x" * 201},
             "reason: expected at most 200 characters, got 201", None),
            ("DELETE", "processes/counter_1", {"dry-run": True}, "dry-run: there is no such field",
             "send it in the query as dry_run"),
        ):  # fmt: skip
            answer = await platform.client.request(method, f"/api/v1/{path}", json=body, headers=TOKEN)
            error = answer.json()["error"]
            assert (answer.status_code, error["message"]) == (422, message)
            [detail] = error["details"]
            assert message.endswith(f"{detail['field']}: {detail['problem']}")
            assert hint == detail["hint"]

    inside(test)


def test_a_verb_in_a_path_is_answered_with_the_operation_of_this_name(inside: Inside) -> None:
    """Regression: it was answered that there is no such path, without what to send instead."""

    async def test(platform: Any) -> None:
        for method, path, status, said in (
            ("POST", "processes/x/kill", 404, "did you mean DELETE /api/v1/processes/x?"),
            ("GET", "processes/x/kil", 404, "did you mean DELETE /api/v1/processes/x?"),
            ("POST", "supervisors/shop/stop", 404, "did you mean DELETE /api/v1/supervisors/shop?"),
            ("POST", "processes/x/messages", 405, "did you mean POST /api/v1/processes/x/message?"),
            ("POST", "xyzzy/kill", 404, "see /api/v1/arsenal/docs"),
            ("GET", "registries/xyzzy/entries", 404, "see GET /api/v1/registries"),
        ):
            answer = await platform.client.request(method, f"/api/v1/{path}", json={})
            [detail] = answer.json()["error"]["details"]
            assert (answer.status_code, said in f"{detail['problem']} {detail['hint']}") == (status, True)

    inside(test)


def test_a_period_that_ends_before_it_begins_is_refused(inside: Inside) -> None:
    """Regression: the list was empty."""

    async def test(platform: Any) -> None:
        for path in ("restarts", "analytics/history", "supervisors/demo_one_for_one/history"):
            query = {"since": "2026-11-27 19:00", "until": "2026-11-27 18:00"}
            answer = await platform.client.get(f"/api/v1/{path}", params=query)
            error = answer.json()["error"]
            said = "since: expected a time before until (2026-11-27 18:00:00), got 2026-11-27 19:00:00"
            assert (answer.status_code, error["message"]) == (422, said)
            assert error["details"][0]["hint"] == "exchange since and until"

    inside(test)


def test_an_empty_list_of_restarts_says_whether_there_is_such_a_process(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        for name, note in (
            ("countr_1", "no restart of 'countr_1' is listed, and there is no process 'countr_1'; "
             "did you mean counter_1?"),
            ("counter_1", "no restart of 'counter_1' is listed"),
            ("counter_1&since=1h", "no restart of 'counter_1' is listed with these filters"),
            ("0.17.0", "restarts are listed by the name of the process, got the pid 0.17.0"),
        ):  # fmt: skip
            answer = await platform.get(f"/api/v1/restarts?process={name}")
            assert ([], note) == (answer["data"], answer["meta"]["note"])
        async with otp.Node("shop@127.0.0.1") as shop:
            platform.platform.nodes.attach(shop, kind=SERVICE)
            note = (await platform.get("/api/v1/restarts?process=till"))["meta"]["note"]
            home = platform.platform.nodes.names()[0]  # regression: there may be such a process on the other node
            assert note.startswith(f"no restart of 'till' is listed, and on {home} there is no process 'till'")

    inside(test)


def test_parameters_of_a_delete_come_in_the_query_as_well_as_in_the_body(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        answer = await platform.client.request("DELETE", "/api/v1/processes/counter_1?reason=shutdown")
        assert answer.json()["data"]["reason"] == "shutdown"
        answer = await platform.client.request("DELETE", "/api/v1/processes/counter_2", json={"reason": "boom"})
        assert answer.json()["data"]["reason"] == "boom"
        needed = "/api/v1/registries/rooms/entries"  # whose parameters are required
        for query, expected in (("?key=lobby&pid=printer_1", "registry_not_found"), ("?key=lobby", "validation_error")):
            answer = await platform.client.request("DELETE", needed + query)
            assert answer.json()["error"]["code"] == expected
        answer = await platform.client.request("DELETE", "/api/v1/processes/counter_1?force=perhaps")
        assert (answer.status_code, answer.json()["error"]["details"][0]["field"]) == (422, "force")

    inside(test)


def test_changes_are_in_the_audit_log_with_user_and_interface(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await platform.client.request("DELETE", "/api/v1/processes/counter_1", headers={"x-door": "page"})
        await platform.client.request("DELETE", "/api/v1/processes/superlearner")
        entries = platform.platform.audit.entries()
        assert [(one.user, one.door, one.claims, one.operation, one.outcome) for one in entries] == [
            ("anonymous", "loopback", "page", "process.kill", "ok"),
            ("anonymous", "loopback", "rest", "process.kill", "critical_process_protection"),
        ]

    inside(test)


def test_requests_with_the_token_are_those_of_the_owner(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await platform.client.request("DELETE", "/api/v1/processes/counter_1", headers=TOKEN)
        (entry,) = platform.platform.audit.entries()
        assert entry.user == "owner"

    inside(test, auth="all")


@pytest.mark.operation("arsenal.operations", "arsenal.docs")
def test_all_operations_are_listed_with_the_schema_of_their_form(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        listed = (await platform.get("/api/v1/arsenal/operations"))["data"]
        assert len(listed) == len(platform.platform.arsenal)
        kill = next(one for one in listed if one["name"] == "process.kill")
        assert (kill["method"], kill["path"], kill["scope"]) == ("DELETE", "/api/v1/processes/{pid}", "operate")
        assert kill["parameters"]["properties"]["pid"]["x-picker"] == "process"
        document = await platform.get("/api/v1/arsenal/docs")
        routes = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
        assert {(one["method"], one["path"]) for one in listed} == routes

    inside(test)


def test_the_document_is_created_once_without_blocking_other_requests(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await platform.get("/api/v1/system/health")  # the check of the answers has its own document now
        real, may = platform.platform.openapi, threading.Event()
        platform.platform.openapi = lambda: may.wait(30) and real()
        asked = [asyncio.ensure_future(platform.client.get("/api/v1/arsenal/docs")) for _ in range(2)]
        assert (await platform.client.get("/api/v1/system/health")).status_code == 200
        assert [one.done() for one in asked] == [False, False]
        may.set()
        first, second = await asyncio.gather(*asked)
        assert first.content == second.content
        assert real() is real()

    inside(test)


def test_platforms_share_their_routes_but_not_their_requests(inside: Inside) -> None:
    """Regression: they were created again for each platform."""
    assert routes_of(tuple(all_operations())) is routes_of(tuple(all_operations()))

    async def test(platform: Any) -> None:
        await platform.client.request("DELETE", "/api/v1/processes/counter_1")
        assert len(platform.platform.audit.entries()) == 1

    inside(test)
    inside(test)


NAMES = ("counter_1", "a%2Fb", "x/y", "count", "spec", "", "%0A", "%25")
ENDS = ("", "/", "/spec", "%2F", "%0A", "/x/y/z", "")  # one fewer than there are names, so the pairs change
ROOTS = ("", "/tools", PREFIX)


def test_the_index_of_routes_finds_what_trying_them_in_order_finds() -> None:
    operations = tuple(all_operations())
    routes = routes_of(operations)
    in_order = [OperationRoute(one) for one in sorted(operations, key=lambda one: _kinds(one.path))]
    for operation, name, end in zip(operations, cycle(NAMES), cycle(ENDS), strict=False):
        below = PREFIX + re.sub(r"\{.*?\}", name, operation.path) + end
        for method, root in product(("GET", "POST", "HEAD"), ROOTS):
            sent = root + below
            path = "\udc2f".join(map(unquote, sent.split("%2F")))
            scope = {"type": "http", "method": method, "path": unquote(sent), "raw_path": sent.encode()}
            scope["root_path"] = root
            tried = [(one.matches(scope | {"path": path})[0], one.name) for one in in_order]
            due = max(tried, key=lambda one: one[0].value)
            match, found = routes.matches(scope)
            assert match is due[0], sent
            assert match is Match.NONE or found[FOUND].name == due[1], sent


def _kinds(path: str) -> list[bool]:
    return ["{" in part for part in path.split("/")]


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        ("shop@127.0.0.1", ""),
        ("superlerner@127.0.0.1", "; did you mean superlearner@127.0.0.1?"),
        ("superlernr", "; did"),
    ],
)
def test_a_node_is_suggested_for_its_name_and_not_for_its_host(inside: Inside, named: str, meant: str) -> None:
    async def test(platform: Any) -> None:
        answer = await platform.client.get("/api/v1/processes", params={"node": named})
        assert answer.json()["error"]["message"].startswith(f"there is no node '{named}'{meant}")
        assert meant or answer.json()["error"]["message"].endswith("'")

    inside(test)
