"""The routes of `/api/v1`: envelope, codes, and what they really do."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

import otp
from envelopes import failure
from otp import Children, GenServer, NoReply, Ok, Reply, Stop, Supervisor, impl
from superlearner.app.application import trees_of
from superlearner.app.running import Tree
from superlearner.control.listing import count_processes

JSON = {"content-type": "application/json"}
Inside = Callable[..., Any]


class Odd(GenServer[Any]):
    """Answers, or never does."""

    @impl
    def init(self, arg: Any) -> Ok[Any]:
        otp.process_flag("trap_exit", True)
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        match request:
            case "never":
                return NoReply(state)
            case "crash":
                raise RuntimeError("no")
            case _:
                return Reply(request, request)

    @impl
    def handle_info(self, message: Any, state: Any) -> NoReply[Any]:
        return NoReply(message)


class Odds(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children([Odd.child_spec({"password": "hunter2"}, id="odd", name="odd")])


ODD = Tree("odds", lambda: Odds.start_link(None, name="odds"))


OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}


async def delete(platform: Any, pid: str, **body: Any) -> Any:
    return await platform.client.request("DELETE", f"/api/v1/processes/{pid}", json=body)


@pytest.mark.operation("supervisor.list")
def test_lists_have_an_envelope_with_pages(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        first = await platform.get("/api/v1/supervisors?whose=all&per_page=3")
        assert [one["name"] for one in first["data"]] == ["superlearner", "services", "sandboxes"]
        assert first["meta"] == {"total": 9, "page": 1, "per_page": 3, "total_pages": 3}
        assert first["success"] is True
        assert first["timestamp"].endswith("Z")
        past = await platform.get("/api/v1/supervisors?whose=all&per_page=3&page=99")
        assert past["data"] == []

    inside(test)


@pytest.mark.operation("process.list")
def test_processes_are_filtered_searched_and_sorted(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        async def names(query: str) -> list[Any]:
            return [one["name"] for one in (await platform.get(f"/api/v1/processes?{query}"))["data"]]

        assert await names("search=counter&sort=name") == ["counter_1", "counter_2"]
        assert await names("search=counter&sort=-name") == ["counter_2", "counter_1"]
        assert set(await names("type=supervisor")) >= {"shop", "orders"}
        assert "stocktaking" in await names("type=worker")
        for query in ("sort=colour", "type=fish", "page=0", "per_page=0", "per_page=1001", "per_page=many"):
            assert failure(await platform.client.get(f"/api/v1/processes?{query}")) == (422, "validation_error")

    inside(test)


@pytest.mark.parametrize("form", ["{0}", "%3C{0}%3E", "%23PID%3C{0}%3E", "counter_1"])
def test_a_process_is_found_in_every_spelling_of_its_pid(inside: Inside, form: str) -> None:
    async def test(platform: Any) -> None:
        pid = str(platform.node.whereis("counter_1")).strip("<>")
        found = await platform.get(f"/api/v1/processes/{form.format(pid)}/info")
        assert found["data"]["pid"] == pid

    inside(test)


@pytest.mark.parametrize(
    ("pid", "expected"),
    [
        ("0.99999.0", (404, "process_not_found")),
        ("nobody", (404, "process_not_found")),
        ("0.1", (400, "malformed_pid")),
        ("%3C0.x.0%3E", (400, "malformed_pid")),
        ("9" * 5000, (400, "malformed_pid")),
        ("%3Cscript%3E", (400, "malformed_pid")),
    ],
)
def test_an_unknown_pid_is_not_there_and_a_broken_one_is_malformed(
    inside: Inside, pid: str, expected: tuple[int, str]
) -> None:
    async def test(platform: Any) -> None:
        assert failure(await platform.client.get(f"/api/v1/processes/{pid}/info")) == expected
        assert failure(await delete(platform, pid)) == expected

    inside(test)


@pytest.mark.operation("process.info")
def test_info_shows_everything_but_secrets(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        data = (await platform.get("/api/v1/processes/odd/info"))["data"]
        assert data["registered_name"] == "odd"
        assert data["parent"]["name"] == "odds"
        assert [one["name"] for one in data["ancestors"][:3]] == ["odds", "playground", "superlearner"]
        assert data["key"] == "superlearner/playground/odds/odd"
        assert data["child"] == {
            "id": "odd",
            "restart": "permanent",
            "shutdown": "5 s",
            "type": "worker",
            "restarts": 0,
            "restarted_along": 0,
        }
        assert "hunter2" not in json.dumps(data)
        assert "***" in data["state"]

    inside(test, ODD)


@pytest.mark.operation("process.info")
def test_info_remembers_how_the_ones_before_it_ended(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        body = {"message": "crash", "message_type": "call"}
        crashed = await platform.client.post("/api/v1/processes/odd/message", json=body)
        assert failure(crashed) == (422, "call_failed")
        await Supervisor.count_children(("odds", platform.node))
        (end,) = (await platform.get("/api/v1/processes/odd/info"))["data"]["exits"]
        assert (end["reason"], end["crash"], end["message"]) == ("RuntimeError('no')", True, "'crash'")
        assert end["where"].startswith("test_api.py:")

    inside(test, ODD)


@pytest.mark.operation("process.kill")
def test_a_kill_answers_when_the_process_is_gone(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        pid = platform.node.whereis("counter_1")
        answer = await delete(platform, "counter_1")
        assert answer.json()["data"]["terminated"] is True
        assert not otp.is_alive(pid)
        await Supervisor.count_children(("demo_one_for_one", platform.node))
        again = platform.node.whereis("counter_1")
        assert again is not None
        assert again != pid

    inside(test)


@pytest.mark.operation("process.kill")
def test_a_process_that_traps_the_signal_lives_and_the_answer_says_so(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        pid = platform.node.whereis("odd")
        answer = await delete(platform, "odd", reason="please")
        assert (answer.status_code, answer.json()["data"]["terminated"]) == (200, False)
        assert platform.node.whereis("odd") == pid
        answer = await delete(platform, "odd", reason="kill")
        assert answer.json()["data"]["terminated"] is True

    inside(test, ODD)


def test_critical_processes_need_force(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        for name in ("superlearner", "services", "playground", "live"):
            assert failure(await delete(platform, name)) == (403, "critical_process_protection")
        before = platform.node.whereis("live")
        assert failure(await delete(platform, "live", force=True)) == (403, "missing_scope")
        platform.client.headers.update(OWNER)
        assert (await delete(platform, "live", force=True)).status_code == 200
        await Supervisor.count_children(("services", platform.node))
        assert platform.node.whereis("live") not in (None, before)

    inside(test)


def test_a_request_that_could_end_what_the_platform_needs_takes_force(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        for kind in ("cast", "call"):
            body = {"message": "nonsense", "message_type": kind}
            answer = await platform.client.post("/api/v1/processes/superlearner/message", json=body)
            assert failure(answer) == (403, "critical_process_protection")
        body = {"message": "which_children", "message_type": "call", "force": True}
        platform.client.headers.update(OWNER)
        assert (await platform.client.post("/api/v1/processes/superlearner/message", json=body)).status_code == 200

    inside(test)


@pytest.mark.operation("process.bulk")
def test_many_processes_are_ended_each_with_a_result_of_its_own(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        body = {"action": "kill", "pids": ["counter_1", "nobody", "services"]}
        answer = await platform.client.post("/api/v1/processes/bulk", json=body)
        results = answer.json()["data"]["results"]
        assert [(one["ok"], one.get("error", {}).get("code")) for one in results] == [
            (True, None), (False, "process_not_found"), (False, "critical_process_protection"),
        ]  # fmt: skip

    inside(test)


@pytest.mark.operation("process.bulk")
def test_a_dry_run_for_many_lists_all_affected_processes(inside: Inside) -> None:
    """Regression: it named those that were asked for, and not their siblings that restart along."""

    async def test(platform: Any) -> None:
        body = {"action": "kill", "pids": ["counter_1", "printer_1", "nobody"]}

        async def felt() -> list[str]:
            answer = await platform.client.post("/api/v1/processes/bulk?dry_run=true", json=body)
            return [one.split()[0] for one in answer.json()["data"]["affects"]]

        assert await felt() == ["counter_1", "demo_one_for_one", "printer_1", "nobody"]
        await otp.Supervisor.change_flags("demo_one_for_one", strategy="one_for_all")
        assert await felt() == ["counter_1", "demo_one_for_one", "printer_1", "counter_2", "nobody"]

    inside(test)


@pytest.mark.operation("process.message")
def test_lists_in_messages_arrive_as_tuples(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        async def say(**body: Any) -> Any:
            return (await platform.client.post("/api/v1/processes/counter_2/message", json=body)).json()

        await say(message=["add", 5], message_type="cast")
        await say(message="increment", message_type="cast")
        assert (await say(message="get_value", message_type="call"))["data"]["reply"] == 106
        assert (await say(message="hello"))["data"]["message_type"] == "send"

    inside(test)


def test_a_call_without_an_answer_is_a_timeout(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        body = {"message": "never", "message_type": "call", "timeout_ms": 20}
        assert failure(await platform.client.post("/api/v1/processes/odd/message", json=body)) == (504, "timeout")

    inside(test, ODD)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "message"),
        ({"message": 1, "message_type": "shout"}, "message_type"),
        ({"message": 1, "timeout_ms": 0}, "timeout_ms"),
        ({"message": 1, "timeout_ms": "10"}, "timeout_ms"),
        ({"message": 1, "colour": "red"}, "colour"),
    ],
)
def test_a_body_that_is_not_allowed_names_the_field(inside: Inside, body: dict[str, Any], field: str) -> None:
    async def test(platform: Any) -> None:
        answer = await platform.client.post("/api/v1/processes/odd/message", json=body)
        assert failure(answer) == (422, "validation_error")
        assert answer.json()["error"]["details"][0]["field"] == field
        assert answer.json()["error"]["details"][0]["hint"]

    inside(test, ODD)


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b'{"message": ' + b"[" * 100_000, b"nonsense"])
def test_a_body_that_is_not_json_is_malformed(inside: Inside, body: bytes) -> None:
    async def test(platform: Any) -> None:
        answer = await platform.client.post("/api/v1/processes/odd/message", content=body, headers=JSON)
        assert failure(answer) == (400, "malformed_json")

    inside(test, ODD)


@pytest.mark.operation("supervisor.info")
def test_supervisors_are_described_with_budget_and_children(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await delete(platform, "counter_1")
        await Supervisor.count_children(("demo_one_for_one", platform.node))
        data = (await platform.get("/api/v1/supervisors/demo_one_for_one"))["data"]
        assert (data["strategy"], data["max_restarts"], data["max_seconds"]) == ("one_for_one", 3, 5.0)
        assert (data["restarts_used"], data["child_count"]) == (1, 3)
        children = [(one["id"], one["type"], one["alive"], one["restarts"]) for one in data["children"]]
        assert children == [
            ("counter_1", "worker", True, 1), ("counter_2", "worker", True, 0), ("printer_1", "worker", True, 0),
        ]  # fmt: skip
        for name in ("counter_1", "nobody"):
            found = await platform.client.get(f"/api/v1/supervisors/{name}")
            assert failure(found) == (404, "supervisor_not_found")

    inside(test)


@pytest.mark.operation("supervisor.terminate_child", "supervisor.restart_child")
def test_a_child_is_stopped_and_started_by_its_supervisor(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        at = "/api/v1/supervisors/demo_one_for_one/children"
        assert (await platform.client.post(f"{at}/counter_1/terminate")).status_code == 200
        assert platform.node.whereis("counter_1") is None
        started = await platform.client.post(f"{at}/counter_1/restart")
        assert started.json()["data"]["pid"] == str(platform.node.whereis("counter_1")).strip("<>")
        nobody = await platform.client.post(f"{at}/counter_9/restart")
        assert failure(nobody) == (404, "child_not_found")
        assert nobody.json()["error"]["details"][0]["hint"] == f"see GET {at}"

    inside(test)


@pytest.mark.operation("supervisor.terminate_child")
def test_a_dynamic_child_is_stopped_by_its_pid(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        spec = Odd.child_spec(None, restart="temporary")
        pid = await otp.DynamicSupervisor.start_child(("orders", platform.node), spec)
        number = str(pid).strip("<>")
        answer = await platform.client.post(f"/api/v1/supervisors/orders/children/{number}/terminate")
        assert answer.status_code == 200, answer.text
        assert not otp.is_alive(pid)

    inside(test)


@pytest.mark.operation("system.health")
def test_health_is_reported(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        data = (await platform.get("/api/v1/system/health"))["data"]
        assert data["status"] == "healthy"
        assert data["metrics"]["total_processes"] == count_processes(platform.node).yours
        assert (await platform.client.get("/health/live")).status_code == 200
        assert (await platform.client.get("/health/ready")).json() == {"status": "ready"}

    inside(test)


@pytest.mark.operation("supervisor.terminate_child")
def test_the_platform_is_ready_only_while_the_users_tree_runs(inside: Inside) -> None:
    async def missing(platform: Any, tree: str) -> list[str]:
        stopped = await platform.client.post(f"/api/v1/supervisors/playground/children/{tree}/terminate")
        assert 200 == stopped.status_code
        return (await platform.client.get("/health/ready")).json().get("missing", [])

    async def test(platform: Any) -> None:
        assert [] == await missing(platform, "demo_one_for_one")  # the demo may be broken
        assert ["odds"] == await missing(platform, "odds")

    inside(test, *trees_of(None), dataclasses.replace(ODD, own=True))


def test_a_whole_number_with_a_point_is_an_integer_as_in_json_schema(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        path = "/api/v1/processes/odd/message"
        for timeout, expected in ((5000.0, 200), (5000.5, 422), (True, 422), ("5000", 422)):
            body = {"message": 2.0, "message_type": "call", "timeout_ms": timeout}
            answer = await platform.client.post(path, json=body)
            assert expected == answer.status_code
            if expected == 200:
                assert "2.0" == repr(answer.json()["data"]["reply"])

    inside(test, ODD)


def test_a_name_that_begins_like_a_pid_cannot_be_given(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        for name, expected in (("0.1", 422), ("<me", 422), ("#PID", 422), ("", 422), ("me", 404)):
            answer = await platform.client.post("/api/v1/registry/processes", json={"name": name, "pid": "nobody"})
            assert expected == answer.status_code

    inside(test)


def test_requests_at_once_do_not_wait_for_one_another(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        body = {"message": "never", "message_type": "call", "timeout_ms": 2000}
        waiting = asyncio.ensure_future(platform.client.post("/api/v1/processes/odd/message", json=body))
        assert (await platform.client.get("/health/ready")).status_code == 200
        assert not waiting.done()
        waiting.cancel()
        await asyncio.wait([waiting])

    inside(test, ODD)


def test_the_current_work_of_a_process_is_shown_with_the_deepest_line_of_its_file(inside: Callable[..., Any]) -> None:
    began: asyncio.Event
    never: asyncio.Future[None]

    async def inner() -> None:
        began.set()
        await never  # the line that is reported

    class Slow(GenServer[Any]):
        @impl
        def init(self, arg: Any) -> Ok[Any]:
            return Ok(arg)

        @impl
        async def handle_info(self, message: Any, state: Any) -> NoReply[Any]:
            await inner()
            return NoReply(state)

    async def test(platform: Any) -> None:
        nonlocal began, never
        began, never = asyncio.Event(), asyncio.get_running_loop().create_future()
        pid = await Slow.start(None, name="slow")
        otp.send(pid, "wait")
        await began.wait()
        told = (await platform.get("/api/v1/processes/slow/info"))["data"]["current_call"]
        line = inner.__code__.co_firstlineno + 2
        assert told == f"handle_info at test_api.py:{line}"
        otp.exit(pid, "kill")

    inside(test)


class Evasive:
    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


class Ending(GenServer[Any]):
    """Ends as requested."""

    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        return Stop(Evasive() if request == "evasive" else request, state)


class Endings(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children([Ending.child_spec(name="ending")], max_restarts=100)


ENDINGS = Tree("endings", lambda: Endings.start_link(None, name="endings"))


@pytest.mark.parametrize("reason", ["evasive", "cannot read caf\udce9.txt"])
def test_any_exit_reason_is_shown(inside: Inside, reason: str) -> None:
    async def test(platform: Any) -> None:
        live = platform.node.whereis("live")
        viewer = platform.hub.attach()
        await viewer.next()
        GenServer.cast(("ending", platform.node), reason)
        await Supervisor.count_children(("endings", platform.node))
        child = (await platform.get("/api/v1/supervisors/endings"))["data"]["children"][0]
        told = "<Evasive>" if reason == "evasive" else r"cannot read caf\udce9.txt"
        shown = f"{told} (handle_cast returned Stop)"
        assert child["last_exit"]["reason"] == shown
        for path in ("/api/v1/supervisors?include_children=true", "/api/v1/processes/ending/info"):
            assert (await platform.client.get(path)).status_code == 200
        platform.hub.flush()
        assert b"ending ended" in await viewer.next() or b"ending crashed" in platform.hub.snapshot()
        assert platform.node.whereis("live") is live

    inside(test, ENDINGS)


def test_text_that_is_not_utf8_is_escaped_in_answers(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        body = b'{"action": "kill", "pids": ["\\ud800"]}'
        answer = await platform.client.post("/api/v1/processes/bulk", content=body, headers=JSON)
        assert answer.status_code == 200
        assert answer.json()["data"]["results"][0]["pid"] == r"\ud800"

    inside(test)


def test_a_message_that_is_nested_too_deeply_is_refused(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        for depth, answer in ((900, (422, "validation_error")), (100_000, (400, "malformed_json"))):
            body = b'{"message": ' + b"[" * depth + b"]" * depth + b"}"
            got = await platform.client.post("/api/v1/processes/odd/message", content=body, headers=JSON)
            assert failure(got) == answer

    inside(test, ODD)


def test_nothing_is_sent_to_what_the_platform_needs_without_force(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        for how in ("send", "cast", "call"):
            body = {"message": "beat", "message_type": how}
            answer = await platform.client.post("/api/v1/processes/live/message", json=body)
            assert failure(answer) == (403, "critical_process_protection")
        forced = {"message": "beat", "force": True}
        platform.client.headers.update(OWNER)
        assert (await platform.client.post("/api/v1/processes/live/message", json=forced)).status_code == 200

    inside(test)


def test_many_links_are_counted_and_long_names_are_cut(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        async def wait() -> None:
            await otp.receive(otp.Is("end"))

        async def many() -> None:
            for _ in range(250):
                otp.spawn_link(wait)
            otp.register("n" * 10_000, otp.self())
            began.set()
            await wait()

        began = asyncio.Event()
        pid = platform.node.spawn(many)
        await began.wait()
        told = (await platform.get(f"/api/v1/processes/{str(pid).strip('<>')}/info"))["data"]
        assert (len(told["links"]), told["link_count"], len(told["name"])) == (200, 250, 120)
        otp.exit(pid, "kill")

    inside(test)
