"""Operations on the system: each kind of anomaly is provoked for real."""

from __future__ import annotations

import asyncio
import csv
import io
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import Children, GenServer, NoReply, Ok, Reply, Supervisor, impl
from superlearner.app.running import Tree
from superlearner.control.listing import count_processes

Inside = Callable[..., Any]
API = "/api/v1"
OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}
QUICK = {"scan_interval": 0.02}


class Worker(GenServer[Any]):
    """Server that follows instructions to misbehave."""

    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok([])

    @impl
    async def handle_call(self, request: Any, caller: otp.From, state: Any) -> Reply[Any]:
        return Reply(await GenServer.call(request, "you"), state)

    @impl
    async def handle_cast(self, request: Any, state: Any) -> NoReply[Any]:
        match request:
            case ("hold", seconds, there):
                threading.Event().wait(seconds)
                there.set_result(None)
            case ("wait", there):
                there.set_result(None)
                await otp.receive(otp.Is("go on"))
            case ("monitor", target, times, there):
                for _ in range(times):
                    otp.monitor(target)
                there.set_result(None)
            case ("unlink", target, there):
                otp.unlink(target)
                there.set_result(None)
            case ("keep", size):
                state.append(bytearray(b"x" * size))
            case _:
                pass
        return NoReply(state)

    @impl
    def handle_info(self, message: Any, state: Any) -> NoReply[Any]:
        return NoReply(state)


class Pair(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        specs = [Worker.child_spec(None, id=name, name=name) for name in ("ada", "bob")]
        return Children(specs, max_restarts=1_000, max_seconds=5)


PAIR = Tree("pair", lambda: Pair.start_link(None, name="pair"))


async def data(platform: Any, path: str) -> Any:
    answer = await platform.client.get(f"{API}{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def wait_in(platform: Any, name: str) -> None:
    """Let a server wait in its callback; return when it does."""
    there: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    GenServer.cast(platform.node.whereis(name), ("wait", there))
    await there


async def kill(platform: Any, name: str) -> None:
    own = name == "monitoring"
    answer = await platform.client.request(
        "DELETE", f"{API}/processes/{name}", json={"force": own}, headers=OWNER if own else None
    )
    assert answer.json()["data"]["terminated"] is True
    await platform.node.wait_registered(name)


async def only(platform: Any, type: str, what: str | None = None) -> Any:
    """Return the single active anomaly of a type."""
    shown = await data(platform, "/system/anomalies")
    found = [one for one in shown["anomalies"] if one["type"] == type]
    assert shown["summary"]["by_type"][type] == len(found)
    (found,) = [one for one in found if what is None or one["evidence"]["what"] == what]
    assert found["setting"] in type_settings(platform)
    return found


async def none(platform: Any, type: str) -> None:
    shown = await data(platform, "/system/anomalies")
    assert type not in shown["summary"]["by_type"]


def type_settings(platform: Any) -> set[str]:
    return set(type(platform.platform.settings).model_fields)


def raised(platform: Any, kind: str) -> asyncio.Future[Any]:
    """Return a future that is done when the service detects an anomaly of this kind."""
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def on(event: str, measurements: Any, metadata: Any) -> None:
        if event == "anomaly.raised" and metadata["type"] == kind and not future.done():
            future.set_result(metadata)

    platform.platform.telemetry.attach(on)
    return future


@pytest.mark.operation("system.anomalies", "process.kill")
def test_twelve_kills_are_a_restart_storm(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        for _ in range(9):
            await kill(platform, "ada")
        await none(platform, "restart_storm")
        for _ in range(3):
            await kill(platform, "bob")
        storm = await only(platform, "restart_storm")
        assert (storm["name"], storm["severity"], storm["active"]) == ("pair", "high", True)
        assert storm["evidence"]["restarts"] == 12
        assert storm["evidence"]["by_child"] == {"ada": 9, "bob": 3}
        assert (await data(platform, "/system/health"))["metrics"]["supervision_health"] < 100

    # At this rate `pair` could give up within seconds, which would make the storm a crash loop.
    inside(test, PAIR, anomaly_give_up_within=0.1)


@pytest.mark.operation("system.anomalies")
def test_the_demo_before_its_last_restart_and_after_its_give_up_is_a_crash_loop(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await kill(platform, "counter_1")
        await none(platform, "crash_loop")
        await kill(platform, "counter_1")
        await kill(platform, "counter_1")
        loop = await only(platform, "crash_loop")
        assert (loop["name"], loop["evidence"]["restarts_used"], loop["evidence"]["max_restarts"]) == (
            "demo_one_for_one", 3, 3,
        )  # fmt: skip
        old = platform.node.whereis("demo_one_for_one")
        await platform.client.request("DELETE", f"{API}/processes/counter_1", json={})
        await otp.wait_down(old)
        loop = await only(platform, "crash_loop")
        assert (loop["severity"], loop["evidence"]["give_ups"]) == ("critical", 1)
        assert re.search(r"gave up.*: counter_1 was killed 4 times in \d", loop["description"])

    inside(test)


@pytest.mark.operation("system.anomalies", "system.bottlenecks")
def test_a_server_that_is_sent_more_than_it_handles_has_a_growing_mailbox(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("superlearner.operations.builtin.system_shape.BRIEF_S", 60.0)

    async def test(platform: Any) -> None:
        await wait_in(platform, "ada")
        for _ in range(8):
            for number in range(50):
                GenServer.cast(platform.node.whereis("ada"), number)
            await platform.platform.monitor.sample()
        growth = await only(platform, "mailbox_growth")
        assert growth["name"] == "ada"
        assert growth["evidence"]["message_queue_len"] == 400
        assert [one["value"] for one in growth["evidence"]["samples"]][:2] == [50, 100]
        queues = await data(platform, "/system/bottlenecks")
        assert [(one["type"], one["name"], one["evidence"]["message_queue_len"]) for one in queues["bottlenecks"]] == [
            ("large_message_queue", "ada", 400)
        ]
        assert queues["analysis"]["large_queue_count"] == 1
        otp.send(platform.node.whereis("ada"), "go on")
        await otp.sys.get_state(("ada", platform.node))  # all earlier messages are handled
        await platform.platform.monitor.sample()
        shown = await data(platform, "/system/anomalies?ended=true")
        assert [(one["type"], one["active"]) for one in shown["anomalies"]] == [("mailbox_growth", False)]
        assert shown["summary"]["risk_level"] == "none"

    # The callback lasts as long as the test, and a busy machine may block the loop for unrelated reasons.
    inside(test, PAIR, scan_interval=60.0, anomaly_callback=60.0, anomaly_window=0.001)


@pytest.mark.operation("system.anomalies")
def test_memory_that_is_never_freed_is_memory_growth(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        kept = 0

        def keep(event: str, measurements: Any, metadata: Any) -> None:
            nonlocal kept
            if event == "monitoring.sample" and kept < 60:
                kept += 1
                GenServer.cast(platform.node.whereis("ada"), ("keep", 3_000_000))

        found = raised(platform, "memory_growth")
        platform.platform.telemetry.attach(keep)
        await found
        shown = (await data(platform, "/system/anomalies?ended=true"))["anomalies"]
        growth = next(one for one in shown if one["type"] == "memory_growth")
        assert growth["evidence"]["mb_per_minute"] > 100
        assert "MB" in growth["description"]

    inside(test, PAIR, scan_interval=0.03, anomaly_memory_window=0.8, anomaly_memory_growth=100.0)


@pytest.mark.operation("system.anomalies", "system.bottlenecks")
def test_a_callback_that_does_not_return_is_a_long_callback(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        seen = raised(platform, "long_callback")
        await wait_in(platform, "ada")
        assert (await seen)["name"] == "ada"
        GenServer.cast(platform.node.whereis("ada"), "next")
        long = await only(platform, "long_callback")
        assert long["evidence"]["callback"] == "handle_cast"
        assert long["evidence"]["place"].startswith("test_system.py:")
        assert (long["severity"], long["evidence"]["message_queue_len"]) == ("high", 1)
        # On a busy machine, a blocked loop may be listed, too.
        found = (await data(platform, "/system/bottlenecks"))["bottlenecks"]
        assert ["ada"] == [one["name"] for one in found if one["type"] == "long_callback"]

    inside(test, PAIR, **QUICK, anomaly_callback=0.1)


@pytest.mark.operation("system.anomalies", "system.bottlenecks", "system.metrics")
def test_the_process_that_blocks_the_loop_is_named(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        there: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        GenServer.cast(platform.node.whereis("ada"), ("hold", 0.3, there))
        GenServer.cast(platform.node.whereis("bob"), "run after it, in the same turn")
        await there
        blocked = await only(platform, "blocked_loop")
        assert blocked["name"] == "ada"
        assert blocked["evidence"]["worst_s"] >= 0.3
        assert blocked["evidence"]["place"].startswith("test_system.py:")
        (bottleneck,) = (await data(platform, "/system/bottlenecks"))["bottlenecks"]
        assert (bottleneck["type"], bottleneck["name"]) == ("blocked_loop", "ada")
        assert (await data(platform, "/system/metrics"))["now"]["longest_callback_ms"] >= 300

    inside(test, PAIR, anomaly_loop_held=0.2, scan_interval=60.0)


@pytest.mark.operation("system.anomalies", "tree.cycles")
def test_two_servers_that_call_each_other_are_a_deadlock(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        found = raised(platform, "call_cycle")
        ada, bob = platform.node.whereis("ada"), platform.node.whereis("bob")
        asked = asyncio.ensure_future(GenServer.call(ada, bob))
        asked_too = asyncio.ensure_future(GenServer.call(bob, ada))
        await found
        cycle = await only(platform, "call_cycle")
        assert {one["name"] for one in cycle["evidence"]["circle"]} == {"ada", "bob"}
        assert cycle["description"].startswith("a deadlock: ")
        for future in (asked, asked_too):
            future.cancel()
        await asyncio.wait([asked, asked_too])

    inside(test, PAIR, **QUICK)


@pytest.mark.operation("system.anomalies")
def test_a_call_that_timed_out_is_listed_with_its_caller_and_its_line(inside: Inside) -> None:
    """Regression: nothing showed a call that timed out and whose error was caught."""

    async def test(platform: Any) -> None:
        found = raised(platform, "call_timeouts")
        ada, there = platform.node.whereis("ada"), asyncio.get_running_loop().create_future()
        GenServer.cast(ada, ("wait", there))
        await there
        asked = asyncio.get_running_loop().create_future()

        async def ask() -> None:
            with pytest.raises(otp.CallTimeout):
                await GenServer.call(ada, ("price", "tea"), 0.01)
            asked.set_result(None)

        otp.spawn(ask)
        await asked
        await found
        listed = await only(platform, "call_timeouts")
        assert (listed["name"], listed["count"], listed["severity"]) == ("ada", 1, "medium")
        assert listed["description"].startswith("a call to ada timed out after 0.01 s in the last 60 s, from ")
        assert ": ('price', 'tea'); ada was still in handle_cast at test_system.py:" in listed["description"]
        assert listed["evidence"]["place"].startswith("test_system.py:")

    inside(test, PAIR, **QUICK, anomaly_callback=60.0)


@pytest.mark.operation("system.anomalies", "tree.isolated")
def test_unsupervised_processes_are_reported_together(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        async def fetch() -> None:
            await otp.receive(otp.Is("stop"))

        pids = [platform.node.spawn(fetch) for _ in range(12)]
        alone = await only(platform, "unsupervised_process", "fetch")
        assert alone["evidence"]["pids"] == [str(pid).strip("<>") for pid in pids]
        assert alone["severity"] == "low"
        otp.exit(pids[0], "kill")
        otp.exit(pids[1], "kill")
        await otp.wait_down(pids[1])
        assert (await only(platform, "unsupervised_process", "fetch"))["evidence"]["count"] == 10

    inside(test, PAIR, anomaly_unsupervised_after=0.0, scan_interval=60.0)


@pytest.mark.operation("system.anomalies")
def test_accumulating_monitors_and_an_unread_down_message_are_orphans(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        ada, bob = platform.node.whereis("ada"), platform.node.whereis("bob")
        there: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        GenServer.cast(ada, ("monitor", bob, 20, there))
        await there
        many = await only(platform, "orphan_monitor")
        assert (many["name"], many["evidence"]["monitors"], many["setting"]) == ("ada", 20, "anomaly_monitors")
        there = asyncio.get_running_loop().create_future()
        GenServer.cast(bob, ("monitor", "ada", 20, there))  # by name
        await there
        by_name = [one for one in (await data(platform, "/system/anomalies"))["anomalies"] if one["name"] == "bob"]
        assert [one["evidence"]["target"] for one in by_name] == ["ada"]
        await wait_in(platform, "ada")
        await kill(platform, "bob")
        unread = await only(platform, "orphan_monitor")
        assert (unread["evidence"]["unread"], unread["setting"]) == (1, "anomaly_down_unread")

    inside(test, PAIR, anomaly_down_unread=0.0, scan_interval=60.0)


@pytest.mark.operation("system.anomalies", "system.metrics")
def test_the_idle_and_the_busy_demo_raise_no_alarm(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        monitor = platform.platform.monitor
        await data(platform, "/system/anomalies")
        await platform.call("counter_1", "get_value")
        await monitor.sample()
        monitor.holds.clear()  # the first answer of a test run creates the document that answers are compared with
        for _ in range(20):
            await monitor.sample()
        for number in range(20):
            for _ in range(100):
                GenServer.cast(platform.node.whereis("counter_1"), "increment")
                GenServer.cast(platform.node.whereis("printer_1"), ("print", "hello"))
            for _ in range(20):
                await platform.call("counter_2", "get_value")
            if number == 10:
                await kill(platform, "counter_2")
            await monitor.sample()
        shown = await data(platform, "/system/anomalies?ended=true")
        assert shown["anomalies"] == []
        assert shown["summary"]["risk_level"] == "none"
        assert shown["processes_looked_at"] == len(platform.node.processes())
        assert sum(one["restarts"] for one in (await data(platform, "/system/metrics"))["history"]) == 1

    inside(test, scan_interval=60.0)


@pytest.mark.operation("system.metrics", "system.health")
def test_figures_follow_what_happens_and_outlive_a_crash_of_the_service(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        before = await data(platform, "/system/metrics")
        await wait_in(platform, "ada")
        for number in range(7):
            GenServer.cast(platform.node.whereis("ada"), number)
        for number in range(5_000):
            GenServer.cast(platform.node.whereis("bob"), number)
        await wait_in(platform, "bob")
        now = await data(platform, "/system/metrics")
        assert now["totals"]["messages"] >= before["totals"]["messages"] + 5_000
        assert now["now"]["message_queue_lengths"] == 7
        assert now["now"]["mailbox_deepest"] == 7
        assert (await data(platform, "/system/health"))["metrics"]["message_queue_lengths"] == 7
        points = list(platform.platform.monitor.history.fine)
        for _ in range(20):
            await kill(platform, "monitoring")
        await Supervisor.change_flags(platform.node.whereis("pair"), strategy="one_for_all")
        await kill(platform, "ada")
        after = await data(platform, "/system/metrics?window_s=60&resolution_s=0.01")
        assert (await data(platform, "/system/health"))["metrics"]["restarts"] == after["totals"]["restarts"]
        assert after["totals"]["restarts"] == before["totals"]["restarts"] + 21
        assert len(after["history"]) >= len(points) > 0
        handled = sum(point["messages_per_s"] * point["seconds"] for point in after["history"])
        assert handled > 4_000  # seconds and rates are rounded
        assert list(platform.platform.monitor.history.fine)[: len(points)] == points

    inside(test, PAIR)


@pytest.mark.operation("system.metrics")
def test_a_changed_limit_applies_to_the_next_sample(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await kill(platform, "ada")
        await none(platform, "restart_storm")
        answer = await platform.client.put(f"{API}/settings/anomaly_restarts", json={"value": 1}, headers=OWNER)
        assert answer.status_code == 200, answer.text
        assert (await only(platform, "restart_storm"))["threshold"] == 1
        answer = await platform.client.get(f"{API}/system/metrics?window_s=0")
        assert answer.status_code == 422

    inside(test, PAIR)


@pytest.mark.operation("system.graph")
def test_the_graph_shows_links_monitors_supervision_and_messages(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        ada, bob, pair = (str(platform.node.whereis(name)).strip("<>") for name in ("ada", "bob", "pair"))
        before = await data(platform, "/system/graph")
        assert {"pid": pair, "children": [ada, bob]} in before["supervises"]
        links = {one["pid"]: one["links"] for one in before["links"]}
        assert set(links[pair]) == {ada, bob}  # not the playground, a process of the platform
        assert links[ada] == links[bob] == [pair]
        assert all(pid in links[other] for pid, others in links.items() for other in others)
        assert before["talks"] is None
        assert ada not in [one["pid"] for one in before["monitors"]]
        there: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        GenServer.cast(platform.node.whereis("ada"), ("monitor", platform.node.whereis("bob"), 1, there))
        await there
        asked = asyncio.ensure_future(data(platform, "/system/graph?measure_ms=50"))
        for number in range(5):
            asyncio.get_running_loop().call_later(0.01, GenServer.cast, platform.node.whereis("bob"), number)
        after = await asked
        assert {"pid": ada, "monitors": [bob]} in after["monitors"]
        assert [one["messages"] for one in after["talks"] if one["target"] == bob] == [5]
        assert {one["type"] for one in after["processes"] if one["name"] in ("ada", "pair")} == {
            "genserver",
            "supervisor",
        }
        assert {one["name"] for one in after["processes"]} == {"pair", "ada", "bob"}
        shown = {one["pid"] for one in after["processes"]}
        assert {pid for one in after["talks"] for pid in (one["source"], one["target"])} <= {None, *shown}
        every = await data(platform, "/system/graph?whose=all")
        assert {"superlearner", "web", "ada"} < {one["name"] for one in every["processes"]}
        assert (await data(platform, "/system/graph?limit=2"))["partial"] is True

    inside(test, PAIR)


@pytest.mark.operation("system.graph")
def test_a_child_that_unlinks_its_supervisor_stays_its_child_in_the_graph(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        ada, bob, pair = (str(platform.node.whereis(name)).strip("<>") for name in ("ada", "bob", "pair"))
        there: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        GenServer.cast(platform.node.whereis("ada"), ("unlink", platform.node.whereis("pair"), there))
        await there
        graph = await data(platform, "/system/graph")
        assert {"pid": pair, "children": [ada, bob]} in graph["supervises"]
        links = {one["pid"]: one["links"] for one in graph["links"]}
        assert ada not in links
        assert (ada in links[pair], bob in links[pair], links[bob]) == (False, True, [pair])

    inside(test, PAIR)


@pytest.mark.operation("system.topology")
def test_message_traffic_is_a_diagram_from_the_first_request_on(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        ada, bob = platform.node.whereis("ada"), platform.node.whereis("bob")
        there: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        GenServer.cast(ada, ("wait", there))
        await there
        first = await data(platform, "/system/topology?watch_ms=0")
        assert (first["spots"], first["share"], first["watched"]) == ([], 1.0, first["processes"])
        GenServer.cast(bob, 1)
        GenServer.cast(bob, 2)
        found = await data(platform, "/system/topology")
        spots = {spot["name"]: spot for spot in found["spots"]}
        line = next(one for one in found["lines"] if one["target"] == spots["bob"]["key"])
        assert (line["messages"], spots["bob"]["received"], spots["bob"]["group"]) == (
            2,
            2,
            str(platform.node.whereis("pair")).strip("<>"),
        )
        assert found["folded"] is False
        otp.send(ada, "go on")

    inside(test, PAIR)


@pytest.mark.operation("system.bottlenecks")
def test_the_busiest_processes_are_measured_on_request(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        asked = asyncio.ensure_future(data(platform, "/system/bottlenecks?measure_ms=100"))
        for number in range(30):
            asyncio.get_running_loop().call_later(0.02, GenServer.cast, platform.node.whereis("bob"), number)
        found = await asked
        (bob,) = [one for one in found["measured"]["processes"] if one["name"] == "bob"]
        assert (bob["messages"], bob["callbacks"]) == (30, 30)
        assert bob["callback_time_ms"] >= bob["longest_callback_ms"] > 0
        assert found["measured"]["complete"] is True
        assert ("most_messages", "bob") in [(one["type"], one["name"]) for one in found["bottlenecks"]]

    inside(test, PAIR, scan_interval=60.0)


@pytest.mark.operation("process.list", "system.anomalies")
def test_a_very_long_list_of_processes_is_correct_and_does_not_block_the_loop(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        turns = 0

        def turn() -> None:
            nonlocal turns
            turns += 1
            asyncio.get_running_loop().call_soon(turn)

        async def idle() -> None:
            await otp.receive(otp.Is("stop"))

        pids = [platform.node.spawn(idle) for _ in range(5_000)]
        texts = [str(pid).strip("<>") for pid in pids]
        turn()
        pages = [
            (await platform.client.get(f"{API}/processes?search=idle&sort=-pid&per_page=1000&page={page}")).json()
            for page in range(1, 7)
        ]
        assert turns > 6
        assert {page["meta"]["total"] for page in pages} == {5_000}
        assert [line["pid"] for page in pages for line in page["data"]] == texts[::-1]
        assert (await data(platform, "/system/anomalies"))["processes_looked_at"] == len(platform.node.processes())
        for pid in pids[:100]:
            otp.exit(pid, "kill")
        await otp.wait_down(pids[99])
        left = (await platform.client.get(f"{API}/processes?search=idle&per_page=1")).json()
        assert (left["meta"]["total"], left["data"][0]["pid"]) == (4_900, texts[100])

    inside(test, PAIR)


class Named(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)


@pytest.mark.operation("system.export")
def test_tables_are_exported_completely_and_safe_for_spreadsheets(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await platform.node.start(Named, None, name="=HYPERLINK(1)")
        await platform.node.start(Named, None, name='say "hi", twice')
        await platform.node.start(Named, None, name="\uff1d1+1")
        for _ in range(3):
            await kill(platform, "ada")
        await platform.platform.monitor.sample()
        answer = await platform.client.get(f"{API}/system/export?format=csv")
        assert answer.headers["content-type"].startswith("text/csv")
        assert 'filename="superlearner-processes-' in answer.headers["content-disposition"]
        lines = list(csv.DictReader(io.StringIO(answer.text)))
        names = [line["name"] for line in lines]
        assert {"'=HYPERLINK(1)", "'\uff1d1+1"} < set(names)
        assert 'say "hi", twice' in names
        assert len(lines) == count_processes(platform.node).yours
        shown = await data(platform, "/system/export?what=processes&limit=5")
        assert (len(shown["rows"]), shown["truncated"], shown["total"]) == (5, True, len(lines))
        assert shown["rows"][0]["pid"] == lines[0]["pid"]
        restarts = await data(platform, "/system/export?what=restarts")
        assert [row["event_type"] for row in restarts["rows"] if row["supervisor"] == "pair"].count("restarted") == 3
        metrics = await data(platform, "/system/export?what=metrics")
        assert sum(row["restarts"] for row in metrics["rows"]) == 3
        anomalies = await data(platform, "/system/export?what=anomalies")
        assert "restart_storm" not in {row["type"] for row in anomalies["rows"]}
        assert (await platform.client.get(f"{API}/system/export?format=xml")).status_code == 422

    inside(test, PAIR, scan_interval=60.0)
