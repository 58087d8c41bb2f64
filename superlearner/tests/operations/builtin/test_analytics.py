"""Operations on analytics: figures follow from what other operations caused."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import otp
from otp import Children, GenServer, Ok, Supervisor, impl
from superlearner.app.running import Tree

Inside = Callable[..., Any]
API = "/api/v1"
OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}


class Worker(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)


class Patient(Supervisor):
    """Supervisor that allows as many restarts as a test needs."""

    @impl
    def init(self, name: str) -> Children:
        specs = [Worker.child_spec(None, id=f"{name}_{n}", name=f"{name}_{n}") for n in range(2)]
        return Children(specs, max_restarts=1_000, max_seconds=5)


def patient(name: str) -> Tree:
    return Tree(name, lambda: Patient.start_link(name, name=name))


async def end(platform: Any, name: str, reason: str = "kill") -> None:
    body, headers = {"reason": reason, "force": name == "analytics"}, OWNER if name == "analytics" else None
    answer = await platform.client.request("DELETE", f"{API}/processes/{name}", json=body, headers=headers)
    assert answer.json()["data"]["terminated"] is True


async def kill(platform: Any, name: str, reason: str = "kill") -> None:
    """End a process and return when it has been restarted."""
    await end(platform, name, reason)
    await platform.node.wait_registered(name)


async def data(platform: Any, path: str) -> Any:
    answer = await platform.client.get(f"{API}{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


@pytest.mark.operation("analytics.supervisor", "process.kill")
def test_200_kills_in_a_burst_are_200_restarts_in_order_with_their_reasons(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        before = str(platform.node.whereis("till_0")).strip("<>")
        for n in range(200):
            await kill(platform, "till_0", f"reason {n}")
        shown = await data(platform, "/supervisors/till/analytics?sync=true")
        assert shown["total_restarts"] == 200
        assert shown["failure_rate"]["window_ms"] == 60_000
        assert shown["failure_rate"]["restarts"] == 200
        history = shown["restart_history"][::-1]
        assert [one["reason"] for one in history] == [f"reason {n}" for n in range(200)]
        assert {(one["event_type"], one["child_id"], one["supervisor_name"]) for one in history} == {
            ("restarted", "till_0", "till")
        }
        assert [one["old_pid"] for one in history] == [before, *(one["child_pid"] for one in history[:-1])]
        assert [one["timestamp"] for one in history] == sorted(one["timestamp"] for one in history)
        assert shown["restarts_by_child"] == {"till_0": 200}
        assert shown["performance_metrics"] == {
            "memory": None, "message_queue_len": 0, "reductions": None, "child_count": 2,
        }  # fmt: skip

    inside(test, patient("till"))


@pytest.mark.operation("analytics.supervisor")
def test_the_restart_that_a_kill_leads_to_is_counted_in_the_next_answer(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await end(platform, "till_0")
        shown = await data(platform, "/supervisors/till/analytics")
        assert shown["total_restarts"] == 1
        await end(platform, "till_0")
        assert (await data(platform, "/analytics/supervisors"))["total_restarts"] == 2

    inside(test, patient("till"))


@pytest.mark.operation("analytics.supervisor")
def test_a_busy_supervisor_is_waited_for_only_on_request(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await otp.sys.suspend(("till", platform.node))
        await end(platform, "till_0")
        assert (await data(platform, "/supervisors/till/analytics"))["total_restarts"] == 0
        asked = asyncio.ensure_future(data(platform, "/supervisors/till/analytics?sync=true"))
        await asyncio.wait([asked], timeout=0)
        await otp.sys.resume(("till", platform.node))
        assert (await asked)["total_restarts"] == 1

    inside(test, patient("till"))


@pytest.mark.operation("analytics.supervisor")
def test_two_simultaneous_storms_are_counted_completely_while_the_service_is_killed(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        async def storm(tree: str) -> None:
            for n in range(50):
                await kill(platform, f"{tree}_{n % 2}", f"{tree} {n}")

        async def strike() -> None:
            for _ in range(10):
                await kill(platform, "analytics")

        await asyncio.gather(storm("till"), storm("shelf"), strike())
        for tree in ("till", "shelf"):
            shown = await data(platform, f"/supervisors/{tree}/analytics?sync=true")
            assert [one["reason"] for one in shown["restart_history"]] == [f"{tree} {n}" for n in range(49, -1, -1)]
        own = await data(platform, "/supervisors/services/analytics?sync=true")
        assert own["restarts_by_child"]["analytics"] == 10

    inside(test, patient("till"), patient("shelf"))


@pytest.mark.operation("analytics.supervisor", "analytics.history", "supervisor.terminate_child")
def test_the_demo_that_gives_up_is_recorded_to_the_end_and_kept_during_its_pause(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        for n in range(3):
            await kill(platform, "counter_1", f"reason {n}")
        await end(platform, "counter_1", "reason 3")
        await otp.wait_down(platform.node.whereis("demo_one_for_one"))
        assert platform.node.whereis("demo_one_for_one") is None
        shown = await data(platform, "/supervisors/demo_one_for_one/analytics")
        assert (shown["alive"], shown["total_restarts"], shown["give_ups"]) == (False, 3, 1)
        kinds = [(one["event_type"], one["reason"]) for one in shown["restart_history"]]
        assert kinds == [("gave_up", "reason 3"), *(("restarted", f"reason {n}") for n in (2, 1, 0))]
        trends = await data(platform, "/supervisors/demo_one_for_one/trends")
        assert trends["outlook"] == "ended"
        stopping = await platform.client.post(f"{API}/supervisors/shop/children/customers/terminate", json={})
        assert stopping.status_code == 200
        (stopped,) = await data(platform, "/supervisors/shop/history?event_type=stopped")
        assert (stopped["child_id"], stopped["crash"]) == ("customers", False)

    inside(test, playground_restart_after=60)


@pytest.mark.operation("analytics.history")
def test_the_history_is_paged_and_filtered(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        for n in range(5):
            await kill(platform, f"till_{n % 2}", f"reason {n}")
        answer = await platform.get(f"{API}/supervisors/till/history?event_type=restarted&per_page=2&page=2")
        assert answer["meta"] == {"total": 5, "page": 2, "per_page": 2, "total_pages": 3}
        assert [one["reason"] for one in answer["data"]] == ["reason 2", "reason 1"]
        since = answer["data"][0]["at"]
        found = await data(platform, f"/supervisors/till/history?event_type=restarted&since={since}&child=till_0")
        assert [one["reason"] for one in found] == ["reason 4", "reason 2"]
        found = await data(platform, f"/supervisors/till/history?event_type=restarted&until={since}")
        assert [one["reason"] for one in found] == ["reason 1", "reason 0"]
        everything = await data(platform, "/supervisors/till/history?per_page=1000")
        assert [one["event_type"] for one in everything[:2]] == ["restarted", "terminated"]
        assert await data(platform, "/supervisors/till/history?page=9999") == []

    inside(test, patient("till"))


@pytest.mark.operation("analytics.trends")
def test_the_trend_says_when_the_demo_gives_up_at_this_pace(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        quiet = await data(platform, "/supervisors/demo_one_for_one/trends")
        assert (quiet["outlook"], quiet["max_restarts"], quiet["max_seconds"]) == ("quiet", 3, 5.0)
        for _ in range(3):
            await kill(platform, "counter_1")
        trend = await data(platform, "/supervisors/demo_one_for_one/trends")
        assert (trend["outlook"], trend["direction"], trend["failure_rate"]["restarts"]) == ("gives_up", "rising", 3)
        assert trend["enough_data"] is False
        assert 0 <= trend["seconds_to_give_up"] < 5
        assert 0 <= trend["mean_time_to_recovery_ms"] <= trend["longest_recovery_ms"]

    inside(test)


@pytest.mark.operation("analytics.trends")
def test_samples_come_at_the_interval_of_the_settings(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await kill(platform, "till_0")
        otp.send("analytics", otp.TimerFired(platform.platform.analytics.due, "sample"))
        await platform.call("analytics", ("sync",))
        trend = await data(platform, "/supervisors/till/trends")
        assert trend["scan_interval_ms"] == 300_000
        assert [(one["children"], one["restarts"]) for one in trend["samples"]] == [(2, 1)]

    inside(test, patient("till"), scan_interval=300)


@pytest.mark.operation("analytics.supervisors")
def test_all_supervisors_are_compared_most_restarts_first(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        for n in range(3):
            await kill(platform, f"till_{n % 2}")
        await kill(platform, "shelf_0")
        shown = await data(platform, "/analytics/supervisors?limit=2")
        assert [(one["supervisor_name"], one["total_restarts"]) for one in shown["supervisor_stats"]] == [
            ("till", 3), ("shelf", 1),
        ]  # fmt: skip
        assert shown["supervisor_stats"][0]["recent_restarts"] == 3
        assert shown["supervisor_stats"][0]["last_restart"] > shown["supervisor_stats"][0]["last_restart"][:10]
        assert (shown["total_restarts"], shown["missed_events"]) == (4, 0)
        for whose in ("yours", "platform", "all"):  # includes idle supervisors
            there = await platform.get(f"{API}/supervisors?whose={whose}")
            found = await data(platform, f"/analytics/supervisors?whose={whose}")
            assert found["total_supervisors"] == there["meta"]["total"]
            assert {one["supervisor_name"] for one in found["supervisor_stats"]} == {
                one["name"] for one in there["data"]
            }
        yours = await data(platform, "/analytics/supervisors")
        assert {one["supervisor_name"] for one in yours["supervisor_stats"]} == {"till", "shelf"}

    inside(test, patient("till"), patient("shelf"))


@pytest.mark.everywhere
@pytest.mark.operation("analytics.baseline", "analytics.supervisor")
def test_restarts_are_counted_from_a_baseline_and_a_dry_run_sets_none(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await kill(platform, "till_0")
        path = f"{API}/supervisors/till/analytics/baseline"
        dry = await platform.client.post(f"{path}?dry_run=true")
        assert dry.json()["data"]["would"] == "count the restarts of till from now on"
        assert (await data(platform, "/supervisors/till/analytics"))["since_baseline"] is None
        begun = (await platform.client.post(path)).json()["data"]
        assert (begun["supervisor_name"], begun["total_restarts"]) == ("till", 1)
        for _ in range(2):
            await kill(platform, "till_0")
        shown = await data(platform, "/supervisors/till/analytics?sync=true")
        assert (shown["total_restarts"], shown["since_baseline"]["restarts"]) == (3, 2)

    inside(test, patient("till"))


@pytest.mark.operation("analytics.stored")
def test_the_stored_history_is_that_of_all_runs(inside: Inside, tmp_path: Path) -> None:
    runs: list[str] = []

    async def first(platform: Any) -> None:
        await kill(platform, "till_0", "the first run")
        runs.append((await data(platform, "/analytics/history?supervisor=till"))["run"])

    async def second(platform: Any) -> None:
        for n in range(3):
            await kill(platform, "till_1", f"reason {n}")
        path = "/analytics/history?supervisor=till&event_type=restarted"
        found = await data(platform, path)
        assert [one["reason"] for one in found["events"]] == ["reason 2", "reason 1", "reason 0", "the first run"]
        assert (found["events"][-1]["run"], found["next_before"]) == (runs[0], None)
        assert found["run"] == found["events"][0]["run"] != runs[0]
        counted = await data(platform, "/analytics/supervisors"), await data(platform, "/supervisors/till/analytics")
        oldest, last = found["events"][2], found["events"][-1]
        assert [one["total_restarts"] for one in counted] == [3, 3]  # and they say since when
        assert all(last["timestamp"] < one["since"] < oldest["timestamp"] for one in counted)
        page = await data(platform, f"{path}&limit=2")
        older = await data(platform, f"{path}&limit=2&before={page['next_before']}")
        assert [one["reason"] for one in older["events"]] == ["reason 0", "the first run"]

    inside(first, patient("till"), data_dir=tmp_path)
    inside(second, patient("till"), data_dir=tmp_path)


@pytest.mark.operation("analytics.stored")
def test_without_a_database_only_the_stored_history_is_unavailable(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await kill(platform, "till_0")
        answer = await platform.client.get(f"{API}/analytics/history")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "store_unavailable")
        assert (await data(platform, "/supervisors/till/analytics?sync=true"))["total_restarts"] == 1

    inside(test, patient("till"))


WRONG = [
    ("/supervisors/nobody/analytics", 404, "supervisor_not_found"),
    ("/supervisors/counter_1/analytics", 404, "supervisor_not_found"),
    ("/supervisors/0.x.0/trends", 400, "malformed_pid"),
    ("/supervisors/shop/analytics?window_ms=0", 422, "validation_error"),
    ("/supervisors/shop/analytics?window_ms=3600001", 422, "validation_error"),
    ("/supervisors/shop/history?event_type=exploded", 422, "validation_error"),
    ("/supervisors/shop/history?page=0", 422, "validation_error"),
    ("/supervisors/shop/history?since=nan", 422, "validation_error"),
    ("/analytics/supervisors?limit=-1", 422, "validation_error"),
]


def test_invalid_requests_are_refused(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        for path, status, code in WRONG:
            answer = await platform.client.get(f"{API}{path}")
            assert (path, answer.status_code, answer.json()["error"]["code"]) == (path, status, code)

    inside(test)


def test_the_service_restarts_without_loss(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await kill(platform, "till_0")
        for _ in range(20):
            await kill(platform, "analytics")
            assert (await data(platform, "/supervisors/till/analytics"))["total_restarts"] == 1

    inside(test, patient("till"))


def test_the_loop_answers_while_200_processes_a_second_are_killed(inside: Inside) -> None:
    """The median of the timers' delays, which other load hardly affects."""

    async def test(platform: Any) -> None:
        def strike() -> Any:
            late: list[float] = []

            async def run() -> None:
                for n in range(200):
                    due = otp.monotonic() + 0.005
                    otp.send_after(0.005, otp.self(), "go")
                    await otp.receive(otp.Is("go"))
                    late.append(otp.monotonic() - due)
                    otp.exit("till_0", f"reason {n}")
                ended.set_result(late)

            return run

        ended: asyncio.Future[list[float]] = asyncio.get_running_loop().create_future()
        platform.node.spawn(strike())
        late = await ended
        shown = await data(platform, "/supervisors/till/analytics?sync=true")
        assert [one["reason"] for one in shown["restart_history"]] == [f"reason {n}" for n in range(199, -1, -1)]
        assert statistics.median(late) < 0.02

    inside(test, patient("till"))
