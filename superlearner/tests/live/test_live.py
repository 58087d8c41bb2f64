"""The live feed: a snapshot first, then deltas; slow viewers, killed clock."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

import otp
from live_frames import frame, until
from otp import Agent, Children, DynamicSupervisor, GenServer, Ok, Registry, Supervisor, impl
from superlearner.app.running import Tree
from superlearner.control.listing import count_processes
from superlearner.control.protection import protection_of
from superlearner.control.steer import kill, resolve, resolve_supervisor
from superlearner.control.terms import plain_pid
from superlearner.live.alone import GROUP, MOST
from superlearner.live.frames import encode
from superlearner.live.hub import Tick
from superlearner.web.live import serve_viewer

Inside = Callable[..., Any]
COUNTER = "superlearner/playground/demo_one_for_one/counter_1"


class Nothing(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)


class Many(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children([Nothing.child_spec(None, id=f"w{number}") for number in range(arg)], max_restarts=1000)


def changed(found: dict[str, Any], key: str) -> dict[str, Any]:
    return next((fields for one, fields in found.get("p", ()) if one == key), {})


def test_the_first_frame_is_a_snapshot_and_a_kill_is_in_one_of_the_next(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        viewer = platform.hub.attach()
        first = await frame(viewer)
        assert (first["k"], first["node"], first["epoch"]) == ("s", platform.node.name, platform.platform.epoch)
        assert {row["key"] for row in first["nodes"]} >= {"superlearner", COUNTER}
        await kill(resolve(platform.node, "counter_1"))
        shown = await until(viewer, lambda found: bool(changed(found, COUNTER)))
        fields = changed(shown, COUNTER)
        assert (fields["restarts"], fields["last"]["reason"]) == (1, "killed")
        assert "state" not in fields  # it is restarted before the frame is due: the counter shows it, not the state
        assert shown["e"][0]["text"].startswith(
            "counter_1 was killed; demo_one_for_one (one_for_one) restarted counter_1"
        )
        assert shown["t"] <= platform.hub.clock.now()

    inside(test)


def test_all_viewers_get_the_same_bytes_and_numbers_without_gaps(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        viewers = [platform.hub.attach() for _ in range(3)]
        firsts = [await viewer.next() for viewer in viewers]
        assert len({id(first) for first in firsts}) == 1
        seen: list[list[bytes]] = [[], [], []]
        for _ in range(3):
            await kill(resolve(platform.node, "counter_2"))
            await Supervisor.count_children(("demo_one_for_one", platform.node))
            platform.hub.flush()
        for number, viewer in enumerate(viewers):
            while len(seen[number]) < 3:
                seen[number].append(await viewer.next())
        assert seen[0] == seen[1] == seen[2]
        numbers = [json.loads(one)["seq"] for one in (firsts[0], *seen[0])]
        assert numbers == list(range(numbers[0], numbers[0] + 4))

    inside(test)


def test_actions_on_a_page_are_shown_at_once(inside: Inside) -> None:
    async def test(running: Any) -> None:
        hour = 3600.0
        limits = {"viewer_queue": 50, "frame_rows": 400, "loop_held": 0.5, "callback": 2.0}
        running.hub.adopt(frame_interval=hour, heartbeat_interval=hour, **limits)
        viewer = running.hub.attach()
        await frame(viewer)
        await otp.sys.get_state(("live", running.platform.node))  # the first heartbeat is over
        running.hub.flush()  # the next heartbeat is an hour away, and so is the next frame
        await running.client.delete("/api/v1/processes/counter_1", headers={"x-door": "page"})
        shown = await until(viewer, lambda found: "restarts" in changed(found, COUNTER))
        assert changed(shown, COUNTER)["restarts"] == 1

    inside(test)


def test_a_slow_viewer_gets_a_snapshot_instead_of_what_it_missed(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        slow = platform.hub.attach()
        await frame(slow)
        for number in range(5):
            platform.hub.note("info", f"note {number}")
            platform.hub.flush()
        found = await frame(slow)
        assert found["k"] == "s"
        told = [entry["text"] for entry in found["feed"]]
        assert [text for text in told if "held the event loop" not in text] == [f"note {n}" for n in range(5)]

    inside(test, viewer_queue=3)


def test_more_rows_than_a_frame_may_have_are_sent_as_a_snapshot(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        viewer = platform.hub.attach()
        await frame(viewer)
        await kill(resolve(platform.node, "many"))
        await Supervisor.count_children(("playground", platform.node))
        platform.hub.flush()
        assert (await until(viewer, lambda found: "h" not in found))["k"] == "s"

    inside(test, Tree("many", lambda: Many.start_link(30, name="many")), frame_rows=20)


def test_a_viewer_gets_a_snapshot_on_request(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        viewer = platform.hub.attach()
        await frame(viewer)
        viewer.want_snapshot()
        assert (await frame(viewer))["k"] == "s"

    inside(test)


def test_nothing_is_sent_and_no_timer_runs_without_viewers(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        live = platform.node.whereis("live")
        seen: list[str] = []
        reading = platform.node.subscribe(lambda event: seen.append(event.kind), kinds={"timer_set"}, pids={live})
        await kill(resolve(platform.node, "counter_1"))
        await Supervisor.count_children(("demo_one_for_one", platform.node))
        reading.close()
        assert seen == []
        assert otp.process_info(live, "message_queue_len") == 0

    inside(test)


def test_heartbeats_contain_health_while_viewers_are_connected(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        viewer = platform.hub.attach()
        await frame(viewer)
        health = (await until(viewer, lambda found: "h" in found))["h"]
        assert health["processes"] == count_processes(platform.node).yours
        assert health["viewers"] == 1

    inside(test, heartbeat_interval=0.02)


def test_events_of_the_last_minute_are_counted_also_from_before_the_first_viewer(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        before = platform.node.trace_seq
        await kill(resolve(platform.node, "counter_1"))
        await Supervisor.count_children(("demo_one_for_one", platform.node))
        happened = platform.node.trace_seq - before
        viewer = platform.hub.attach()
        health = (await until(viewer, lambda found: "h" in found))["h"]
        assert health["events_per_min"] >= happened > 0
        platform.hub.clock.offset += 61
        await until(viewer, lambda found: found.get("h", health)["events_per_min"] == 0)

    inside(test, heartbeat_interval=0.02)


def test_the_clock_can_be_killed_and_viewers_do_not_notice(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        viewer = platform.hub.attach()
        await frame(viewer)
        await kill(resolve(platform.node, "live"))
        await Supervisor.count_children(("services", platform.node))
        await kill(resolve(platform.node, "counter_1"))
        assert await until(viewer, lambda found: bool(changed(found, COUNTER)))

    inside(test)


def test_a_bug_in_the_page_does_not_reach_the_runtime_and_is_repaired(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        viewer = platform.hub.attach()
        await frame(viewer)
        feed = platform.hub.feed
        whole, feed.take = feed.take, None
        await kill(resolve(platform.node, "counter_1"))
        await Supervisor.count_children(("demo_one_for_one", platform.node))
        feed.take = whole
        platform.hub.flush()
        pid = str(platform.node.whereis("counter_1")).strip("<>")
        assert platform.hub.model.rows[COUNTER].pid == pid

    inside(test)


def test_a_process_that_is_long_in_a_callback_is_shown_as_stuck(inside: Inside) -> None:
    class Slow(GenServer[Any]):
        @impl
        def init(self, arg: Any) -> Ok[Any]:
            return Ok(arg)

        @impl
        async def handle_cast(self, request: Any, state: Any) -> Any:
            await otp.receive(otp.Is("go on"))
            return otp.NoReply(state)

    class Top(Supervisor):
        @impl
        def init(self, arg: Any) -> Children:
            return Children([Slow.child_spec(None, id="slow", name="slow")])

    async def test(platform: Any) -> None:
        viewer = platform.hub.attach()
        await frame(viewer)
        GenServer.cast(("slow", platform.node), "wait")
        key = "superlearner/playground/top/slow"
        stuck = await until(viewer, lambda found: changed(found, key).get("state") == "stuck")
        assert changed(stuck, key)["doing"].startswith("handle_cast")
        slow, hubs = resolve(platform.node, "slow"), platform.platform.hubs
        assert hubs.born(platform.platform.nodes.find(None), slow) < changed(stuck, key)["since"]
        otp.send(("slow", platform.node), "go on")
        runs = await until(viewer, lambda found: changed(found, key).get("state") == "running")
        assert changed(runs, key)["since"] == hubs.born(platform.platform.nodes.find(None), slow)

    inside(test, Tree("top", lambda: Top.start_link(None)), heartbeat_interval=0.05)


def test_a_supervisor_that_waits_for_a_child_says_for_which(inside: Inside) -> None:
    """Regression: "not answering: handle_info", which is code of the library."""
    stopped: list[Any] = []

    class Slow(GenServer[Any]):
        @impl
        async def init(self, arg: Any) -> Ok[Any]:
            otp.process_flag("trap_exit", True)
            if stopped:
                await otp.receive(otp.Is("go on"))
            return Ok(arg)

        @impl
        async def terminate(self, reason: Any, state: Any) -> None:
            stopped.append(reason)
            await otp.receive(otp.Is("go on"))

    class Top(Supervisor):
        @impl
        def init(self, arg: Any) -> Children:
            quick = Agent.child_spec(lambda: 0, id="quick", name="quick")
            return Children([Slow.child_spec(None, id="slow", name="slow"), quick], strategy="one_for_all")

    async def test(platform: Any) -> None:
        viewer = platform.hub.attach()
        await frame(viewer)
        await kill(resolve(platform.node, "quick"))
        key = "superlearner/playground/top"
        for doing in ("waiting for slow to stop", "waiting for a child to start"):
            await until(viewer, lambda found, doing=doing: changed(found, key).get("doing") == doing)
            assert platform.hub.model.rows[f"{key}/quick"].state == "restarting"
            otp.send(("slow", platform.node), "go on")
        assert await until(viewer, lambda found: changed(found, key).get("state") == "running")

    inside(test, Tree("top", lambda: Top.start_link(None)), heartbeat_interval=0.05)


def test_a_deleted_child_leaves_the_page(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        viewer = platform.hub.attach()
        await frame(viewer)
        above = resolve_supervisor(platform.node, "demo_one_for_one")
        await Supervisor.terminate_child(above, "counter_1")
        assert await until(viewer, lambda found: changed(found, COUNTER).get("state") == "stopped")
        await Supervisor.delete_child(above, "counter_1")
        assert await until(viewer, lambda found: COUNTER in found.get("x", ()))

    inside(test, heartbeat_interval=0.05)


def test_dynamic_children_come_and_go_with_rows_of_their_own(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        viewer = platform.hub.attach()
        await frame(viewer)
        pid = await DynamicSupervisor.start_child(
            ("orders", platform.node), Nothing.child_spec(None, restart="temporary")
        )
        key = f"superlearner/playground/shop/orders/{str(pid).strip('<>')}"
        new = await until(viewer, lambda found: any(row["key"] == key for row in found.get("n", ())))
        assert next(row for row in new["n"] if row["key"] == key)["what"] == "Nothing"
        await kill(pid)
        assert await until(viewer, lambda found: key in found.get("x", ()))

    inside(test)


def test_nothing_accumulates_without_viewers(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        hub, orders = platform.hub, ("orders", platform.node)
        for _ in range(300):
            await kill(await DynamicSupervisor.start_child(orders, Nothing.child_spec(None, restart="temporary")))
            await DynamicSupervisor.count_children(orders)
        assert (hub._dirty, hub.model.removed) == (set(), set())
        for number in range(500):
            hub.note("info", f"note {number}")
            hub.rests("playground", "shop", "gave up", 1.0)
        assert len(hub._resting) <= 200
        assert len(hub.feed.drain()) <= 200

    inside(test)


def test_a_late_viewer_gets_a_full_snapshot_and_then_changes(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        early = platform.hub.attach()
        await frame(early)
        platform.hub.detach(early)
        orders = ("orders", platform.node)
        pid = await DynamicSupervisor.start_child(orders, Nothing.child_spec(None, restart="temporary"))
        viewer = platform.hub.attach()
        rows = {row["key"] for row in (await frame(viewer))["nodes"]}
        key = f"superlearner/playground/shop/orders/{str(pid).strip('<>')}"
        assert key in rows
        assert rows == set(platform.hub.frames.sent)
        await kill(pid)
        assert await until(viewer, lambda found: key in found.get("x", ()))

    inside(test)


def test_only_the_timer_of_the_clock_causes_heartbeats(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        beats: list[None] = []
        beat = platform.hub._beat
        platform.hub._beat = lambda: (beats.append(None), beat())
        live = platform.node.whereis("live")
        viewer = platform.hub.attach()
        await frame(viewer)
        beat_of, again = Tick(platform.hub, "beat"), Tick(platform.hub, "watched")
        for forged in ("beat", beat_of, again, otp.TimerFired(otp.make_ref(), beat_of), otp.TimerFired(None, beat_of)):
            otp.send(live, forged)
        await otp.sys.get_state(live)
        assert len(beats) == 1

    inside(test, heartbeat_interval=3600)


def test_a_frame_that_fails_is_dropped_and_a_snapshot_follows(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        live = platform.node.whereis("live")
        viewer = platform.hub.attach()
        await frame(viewer)
        delta, platform.hub.frames.delta = platform.hub.frames.delta, None
        platform.hub.note("info", "lost")
        otp.send(live, Tick(platform.hub, "frame"))
        await otp.sys.get_state(live)
        platform.hub.frames.delta = delta
        found = await until(viewer, lambda found: found["k"] == "s")
        assert found["feed"][-1]["text"] == "lost"
        assert platform.node.whereis("live") is live

    inside(test, heartbeat_interval=3600)


def test_a_frame_escapes_text_that_cannot_be_encoded() -> None:
    assert json.loads(encode({"e": ["\ud800", {"\udce9": object}]})) == {"e": [r"\ud800", {r"\udce9": "object"}]}


class Socket:
    """A tab that sends these messages and disconnects."""

    def __init__(self, *said: dict[str, Any]) -> None:
        self.said = list(said)
        self.got: list[str] = []
        self.snapshot = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        await self.snapshot.wait()
        return self.said.pop(0) if self.said else {"type": "websocket.disconnect", "code": 1001}

    async def send_text(self, text: str) -> None:
        self.got.append(text)
        self.snapshot.set()


def test_a_tab_that_sends_invalid_messages_leaves_nothing_behind(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        before = asyncio.all_tasks()
        socket: Any = Socket(
            {"type": "websocket.receive", "bytes": b"\x00"}, {"type": "websocket.receive", "text": "nonsense"}
        )
        await serve_viewer(socket, platform.hub, platform.hub.attach())
        assert json.loads(socket.got[0])["k"] == "s"
        assert (socket.said, platform.hub.viewers) == ([], set())
        assert asyncio.all_tasks() <= before

    inside(test, heartbeat_interval=3600)


async def sits() -> None:
    await otp.receive(lambda message: message == "go")


async def fails() -> None:
    await sits()
    raise ValueError("no supervisor")


class Service(GenServer[otp.Pid]):
    """A service with a process of its own, and that with one more."""

    @impl
    def init(self, arg: Any) -> Ok[otp.Pid]:
        return Ok(otp.spawn(starts_another))


async def starts_another() -> None:
    otp.register("another", otp.spawn(sits))
    await sits()


async def waits_for_a_member() -> None:
    await sits()


def test_processes_that_services_and_requests_start_are_not_listed_as_unsupervised(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        viewer = platform.hub.attach()
        await frame(viewer)
        await Supervisor.start_child(platform.node.whereis("services"), Service.child_spec(None, id="made"))
        await platform.node.wait_registered("another")
        protection_of(platform.node).spawn(waits_for_a_member)
        otp.spawn(fails)
        came = await until(viewer, lambda found: any(row["id"].startswith("fails") for row in found.get("n", ())))
        listed = [row["id"].split()[0] for row in came["n"] if row["parent"] == GROUP]
        assert "fails" in listed
        own = "sits", "starts_another", "waits_for_a_member"
        assert not {*own} & {*listed}
        assert not any(row.id.startswith(own) for row in platform.hub.model.rows.values())

    inside(test)


def test_processes_without_a_supervisor_have_their_own_group(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        first = otp.spawn(sits)
        viewer = platform.hub.attach()
        shown = {row["key"]: row for row in (await frame(viewer))["nodes"]}
        assert shown[GROUP]["kind"] == "group"
        assert shown[f"{GROUP}/{plain_pid(first)}"]["id"] == f"sits {plain_pid(first)}"
        assert "superlearner" in shown
        second = otp.spawn(fails)
        came = await until(viewer, lambda found: any(row["id"].startswith("fails") for row in found.get("n", ())))
        assert [row["parent"] for row in came["n"]] == [GROUP]
        otp.send(second, "go")
        gone = await until(viewer, lambda found: f"{GROUP}/{plain_pid(second)}" in found.get("x", ()))
        assert gone["e"][0]["text"].endswith(
            "crashed: ValueError('no supervisor'); it has no supervisor that restarts it"
        )
        otp.send(first, "go")
        await until(viewer, lambda found: f"{GROUP}/{plain_pid(first)}" in found.get("x", ()))
        platform.hub.detach(viewer)
        assert platform.hub.alone._subscription is None

    inside(test)


def test_crashes_without_a_supervisor_are_in_the_feed_of_a_page_that_is_opened_later(inside: Inside) -> None:
    """Regression: they were in the feed only if a page was open; else the page said that nothing had happened."""

    async def test(platform: Any) -> None:
        pids = [otp.spawn(fails) for _ in range(300)]
        for pid in pids:
            otp.send(pid, "go")
        for pid in pids:
            await otp.wait_down(pid)
        feed = [one for one in (await frame(platform.hub.attach()))["feed"] if "no supervisor" in one["text"]]
        folded = feed[-1]
        assert sum(one.get("parts", {}).get("times", 1) for one in feed) == 300
        assert len(feed) <= 6
        assert folded["text"].startswith("fails crashed 29")
        assert folded["text"].endswith(": ValueError('no supervisor'); it has no supervisor that restarts it")
        assert (folded["kind"], folded["level"], folded["key"]) == ("crashed", "bad", f"{GROUP}/{plain_pid(pids[-1])}")

    inside(test)


def test_a_crash_with_a_supervisor_is_not_reported_twice(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: the children of a killed supervisor were stored as crashes without a supervisor."""

    async def test(platform: Any) -> None:
        otp.exit(platform.node.whereis("counter_1"), ValueError("broken"))
        otp.exit(platform.node.whereis("demo_one_for_one"), "kill")
        await Supervisor.count_children(("playground", platform.node))
        texts = [one["text"] for one in (await frame(platform.hub.attach()))["feed"]]
        assert not [text for text in texts if "no supervisor" in text]
        monitor, stored = platform.platform.monitor, list[str]()
        monitor.on_incident = lambda incident: stored.append(incident.text)
        monitor.look()
        assert not [text for text in stored if "no supervisor" in text]

    monkeypatch.setattr("superlearner.observing.monitoring.crashes.SETTLE_S", 0.0)
    inside(test)


def test_many_short_lived_processes_do_not_flood_frames(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        viewer = platform.hub.attach()
        await frame(viewer)
        for _ in range(20):
            pids = [otp.spawn(sits) for _ in range(100)]
            await until(viewer, lambda found: "h" in found) if _ == 10 else None
            for pid in pids:
                otp.exit(pid, "kill")
        rows = 0
        while True:
            shown = await frame(viewer)
            rows += len(shown.get("n", ())) + len(shown.get("x", ()))
            if "h" in shown:
                break
        assert rows <= 2 * MOST

    inside(test)


def test_a_child_with_a_registry_key_carries_it_in_its_row_and_in_the_feed(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await platform.node.start(Registry, keys="unique", name="books")
        viewer = platform.hub.attach()
        await frame(viewer)
        book = Nothing.child_spec(None, name=Registry.via(("books", platform.node), "ACME"))
        pid = await DynamicSupervisor.start_child(("orders", platform.node), book)
        new = await until(viewer, lambda found: any(row["name"] == "Nothing ACME" for row in found.get("n", ())))
        assert next(row for row in new["n"] if row["name"] == "Nothing ACME")["id"] == "Nothing ACME"
        await kill(pid)
        assert await until(viewer, lambda found: "Nothing ACME was killed" in json.dumps(found.get("e", "")))

    inside(test)
