"""Each restart and each process is counted once: every view shows the same number, and lists as many."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

import otp
from live_frames import frame
from otp import Children, ChildSpec, GenServer, Ok, Supervisor, impl, trace
from superlearner.app.running import Tree
from superlearner.live.topics import TOPICS

Inside = Callable[..., Any]
API = "/api/v1"
DEMO = "superlearner/playground/demo_one_for_one"


async def data(platform: Any, path: str) -> Any:
    answer = await platform.client.get(f"{API}{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def kill(platform: Any, name: str) -> None:
    answer = await platform.client.request("DELETE", f"{API}/processes/{name}")
    assert answer.json()["data"]["terminated"] is True


def names_taken(platform: Any, *names: str) -> asyncio.Future[None]:
    """Return a future that is done once each of these names has been registered after this call."""
    done, missing = asyncio.get_running_loop().create_future(), set(names)

    def on_event(event: trace.Event) -> None:
        missing.discard(event.data["name"])
        if not missing and not done.done():
            done.set_result(None)

    trace.subscribe(platform.node, on_event, kinds={"registered"})
    return done


def happened(platform: Any, kind: str, *pids: otp.Pid) -> asyncio.Future[None]:
    """Return a future that is done after the next event of a kind, of these processes or of any."""
    done = asyncio.get_running_loop().create_future()
    trace.subscribe(platform.node, lambda _: done.set_result(None), kinds={kind}, pids=pids or None, limit=1)
    return done


async def four_fast_kills(platform: Any) -> float:
    """Kill `counter_1` until its supervisor gives up; return the wall-clock time of that, once all run again."""
    for _ in range(3):
        await kill(platform, "counter_1")
        await platform.node.wait_registered("counter_1")
    again = names_taken(platform, "demo_one_for_one", "counter_1")
    await kill(platform, "counter_1")
    gave_up_at = time.time()
    await again
    return gave_up_at


@pytest.mark.operation("analytics.supervisor", "process.kill", "process.list")
def test_four_fast_kills_are_three_restarts_of_the_child_and_one_of_its_supervisor_everywhere(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        assert platform.hub.viewers == set()
        gave_up_at = await four_fast_kills(platform)

        own = await data(platform, "/supervisors/demo_one_for_one/children")
        above = await data(platform, "/supervisors/playground/children")
        assert {one["id"]: one["restarts"] for one in own} == {"counter_1": 3, "counter_2": 0, "printer_1": 0}
        assert {one["id"]: one["restarts"] for one in above} == {"demo_one_for_one": 1, "shop": 0}
        process = await data(platform, "/processes/counter_1/info")
        assert process["child"]["restarts"] == 3
        listed = await data(platform, "/processes?sort=-restarts&per_page=5")
        assert {one["name"]: one["restarts"] for one in listed if one["restarts"]} == {
            "counter_1": 3, "demo_one_for_one": 1,
        }  # fmt: skip
        of_demo = await data(platform, "/supervisors/demo_one_for_one/analytics")
        of_playground = await data(platform, "/supervisors/playground/analytics")
        assert (of_demo["total_restarts"], of_demo["give_ups"], of_demo["restarts_by_child"]) == (
            3, 1, {"counter_1": 3},
        )  # fmt: skip
        assert (of_playground["total_restarts"], of_playground["give_ups"]) == (1, 0)
        assert (await data(platform, "/analytics/supervisors"))["total_restarts"] == 4
        assert (await data(platform, "/system/health"))["metrics"]["restarts"] == 4
        assert (await data(platform, "/system/metrics"))["totals"]["restarts"] == 4
        figures = (await platform.client.get("/metrics")).text
        assert "\nsuperlearner_restarts_total 4.0\n" in figures
        assert '\nsuperlearner_supervisor_restarts_total{supervisor="demo_one_for_one"} 3.0\n' in figures
        assert '\nsuperlearner_supervisor_restarts_total{supervisor="playground"} 1.0\n' in figures

        page = await frame(platform.hub.attach())
        rows = {row["key"]: row["restarts"] for row in page["nodes"]}
        assert (rows[f"{DEMO}/counter_1"], rows[DEMO], rows[f"{DEMO}/counter_2"]) == (3, 1, 0)
        assert page["r"] == page["health"]["restarts"] == 4
        (told,) = [entry for entry in page["feed"] if entry["kind"] == "gave_up"]
        assert abs(told["at"] - gave_up_at) < 0.5
        assert "restarted it" in told["text"]

    inside(test)


def test_children_that_end_with_their_supervisor_have_that_end_in_their_history(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        counter = platform.node.whereis("counter_2")
        again = names_taken(platform, "counter_2")
        await kill(platform, "demo_one_for_one")
        await again
        (end,) = platform.hub.exits.of(f"{DEMO}/counter_2")
        assert (end.pid, end.reason, end.crash) == (str(counter).strip("<>"), "killed", True)

    inside(test)


@pytest.mark.parametrize("handled", [False, True])
def test_an_end_just_before_that_of_the_supervisor_is_in_the_history_once(inside: Inside, handled: bool) -> None:
    async def test(platform: Any) -> None:
        supervisor, counter = map(platform.node.whereis, ("demo_one_for_one", "counter_2"))
        again = names_taken(platform, "demo_one_for_one", "counter_2")
        otp.exit(counter, "boom")
        if handled:
            await platform.node.wait_registered("counter_2")
        otp.exit(supervisor, "kill")
        await again
        ends = [(end.pid, end.reason) for end in platform.hub.exits.of(f"{DEMO}/counter_2")][::-1]
        assert ends[0] == (str(counter).strip("<>"), "boom")
        assert [reason for _, reason in ends[1:]] == (["killed"] if handled else [])

    inside(test)


class Slow(GenServer[None]):
    """A worker that is still cleaning up when its supervisor runs again."""

    @impl
    def init(self, arg: Any) -> Ok[None]:
        otp.process_flag("trap_exit", True)
        return Ok(None)

    @impl
    async def terminate(self, reason: Any, state: None) -> None:
        await otp.receive(otp.Is("go on"))


class Plain(GenServer[None]):
    @impl
    def init(self, arg: Any) -> Ok[None]:
        return Ok(None)


class Pool(Supervisor):
    @impl
    def init(self, worker: type[Any]) -> Children:
        id = "slow" if worker is Slow else "worker"
        return Children([worker.child_spec(None, id=id, shutdown="brutal_kill")])


class Trees(Supervisor):
    """A supervisor of supervisors without names: each restart changes only their pids."""

    @impl
    def init(self, worker: type[Any]) -> Children:
        return Children([ChildSpec("pool", (Pool.start_link, worker), type="supervisor")], max_restarts=100)


class Line(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        workers = [Plain.child_spec(None, id=name, name=name) for name in ("first", "second", "third")]
        return Children(workers, strategy="rest_for_one", max_restarts=100)


def test_siblings_that_crash_together_and_a_child_started_anew_have_one_number_everywhere(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        line = platform.node.whereis("line")
        again = names_taken(platform, "third")
        otp.exit("third", "kill")
        await again
        await Supervisor.terminate_child(line, "third")
        await Supervisor.delete_child(line, "third")
        await Supervisor.start_child(line, Plain.child_spec(None, id="third", name="third"))
        again = names_taken(platform, "first", "second", "third")
        otp.exit("first", "boom")
        otp.exit("second", "boom")
        await again

        children = await data(platform, "/supervisors/line/children")
        counted = {"first": (1, 0), "second": (1, 0), "third": (0, 1)}
        assert {one["id"]: (one["restarts"], one["restarted_along"]) for one in children} == counted
        listed = await data(platform, "/processes?sort=-restarts&per_page=5")
        assert {one["name"] for one in listed if one["restarts"]} == {"first", "second"}
        shown = await data(platform, "/supervisors/line/analytics")
        assert shown["restarts_by_child"] == {"first": 1, "second": 1}
        assert (shown["total_restarts"], shown["restarted_along"]) == (3, 1)
        assert (await data(platform, "/analytics/supervisors"))["total_restarts"] == 3
        assert (await data(platform, "/system/health"))["metrics"]["restarts"] == 3
        figures = (await platform.client.get("/metrics")).text
        assert '\nsuperlearner_supervisor_restarts_total{supervisor="line"} 3.0\n' in figures
        page = await frame(platform.hub.attach())
        rows = {row["id"]: (row["restarts"], row["restarted_along"]) for row in page["nodes"] if row["id"] in counted}
        assert (rows, page["r"]) == (counted, 3)

    inside(test, Tree("line", lambda: Line.start_link(None, name="line")))


def test_an_end_that_comes_later_than_that_of_the_supervisor_is_in_the_history_too(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        (pool,) = await Supervisor.which_children(platform.node.whereis("trees"))
        (slow,) = await Supervisor.which_children(pool.pid)
        again = happened(platform, "child_restarted")
        otp.exit(pool.pid, "kill")
        await again
        assert platform.hub.exits.of("superlearner/playground/trees/pool/slow") == []
        gone = happened(platform, "exited", slow.pid)
        otp.send(slow.pid, "go on")
        await gone
        (end,) = platform.hub.exits.of("superlearner/playground/trees/pool/slow")
        assert (end.pid, end.reason) == (str(slow.pid).strip("<>"), "killed")

    inside(test, Tree("trees", lambda: Trees.start_link(Slow, name="trees")))


def test_a_supervisor_without_a_name_goes_on_in_its_place(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        (first,) = await Supervisor.which_children(platform.node.whereis("trees"))
        (worker,) = await Supervisor.which_children(first.pid)
        for pid in (worker.pid, first.pid):
            again = happened(platform, "child_restarted")
            otp.exit(pid, "kill")
            await again
        (second,) = await Supervisor.which_children(platform.node.whereis("trees"))
        assert second.pid != first.pid
        shown = await data(platform, f"/supervisors/{str(second.pid).strip('<>')}/analytics")
        assert (shown["total_restarts"], shown["restarts_by_child"]) == (1, {"worker": 1})
        (child,) = await data(platform, f"/supervisors/{str(second.pid).strip('<>')}/children")
        assert child["restarts"] == 1

    inside(test, Tree("trees", lambda: Trees.start_link(Plain, name="trees")))


class Starts(GenServer[Any]):
    """A server of the user that starts processes whose names are those of the platform's."""

    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(otp.spawn(beat))


async def beat() -> None:
    """Start a server without a link, and a process from a task of asyncio."""
    await Plain.start(None, name="services_2")
    asyncio.get_running_loop().call_soon(otp.spawn, _wait)
    await otp.receive(otp.Is("end"))


async def _wait() -> None:
    await otp.receive(otp.Is("end"))


class Mine(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children([Starts.child_spec(None, id="starts", name="starts")])


YOURS = {None: 2, "mine": 1, "starts": 1, "services_2": 1}
"""The names of the user's processes, `None` for `beat` and `_wait`."""


@pytest.mark.operation(
    "process.list", "supervisor.list", "system.metrics", "system.health", "system.export", "tree.isolated", "node.list"
)
def test_the_processes_of_the_user_are_one_number_everywhere_and_the_platforms_another(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        names = Counter(one["name"] for one in await data(platform, "/processes?per_page=1000"))
        assert names == YOURS
        mine, supervisors = names.total(), 1
        assert {one["name"] for one in await data(platform, "/supervisors")} == {"mine"}

        own = await data(platform, "/processes?whose=platform&per_page=1000")
        everything = await data(platform, "/processes?whose=all&per_page=1000")
        assert [one["pid"] for one in everything][mine:] == [one["pid"] for one in own]
        assert len(everything) == mine + len(own) == len(platform.node.processes())
        assert {"superlearner", "services", "playground", "web", "live"} <= {one["name"] for one in own}
        assert all(one["critical"] for one in own)
        assert not any(one["critical"] for one in everything[:mine])

        health = (await data(platform, "/system/health"))["metrics"]
        assert (health["total_processes"], health["supervisors"]) == (mine, supervisors)
        metrics = await data(platform, "/system/metrics")
        assert (metrics["now"]["processes"], metrics["now"]["supervisors"]) == (mine, supervisors)
        assert health["platform_processes"] == metrics["platform_processes"] == len(own)
        figures = (await platform.client.get("/metrics")).text
        assert f"\nsuperlearner_processes {mine}.0\n" in figures
        assert f"\nsuperlearner_platform_processes {len(own)}.0\n" in figures
        (node,) = await data(platform, "/nodes")
        assert (node["processes"], node["supervisors"]) == (mine, supervisors)
        assert (await data(platform, "/system/export"))["total"] == mine
        assert {one["name"] for one in await data(platform, "/system/processes/isolated")} == {None, "services_2"}
        assert (await data(platform, "/system/topology?watch_ms=0"))["processes"] == mine

        watched = platform.platform.nodes.find(None)
        table = await frame((await TOPICS["processes"](platform.platform, watched, {})).attach())
        assert (table["total"], table["all"], table["platform"]) == (mine, mine, len(own))
        page = await frame(platform.hub.attach())
        rows = [row for row in page["nodes"] if row["kind"] != "group"]
        assert page["health"]["processes"] == mine
        assert Counter(row["name"] for row in rows if not row["critical"]) == YOURS
        (group,) = [row for row in page["nodes"] if row["kind"] == "group"]
        assert group["children"] == len([row for row in rows if row["parent"] == group["key"]]) == 3

    inside(test, Tree("mine", lambda: Mine.start_link(None, name="mine")))
