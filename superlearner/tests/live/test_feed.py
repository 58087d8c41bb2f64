"""Sentences of the feed, one entry per cause: real trees, real exits."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

import otp
from asked_sandboxes import OWNER
from feed_trees import Group, Worker, crash, texts, tree
from otp import Children, ChildSpec, GenServer, NoReply, Ok, Supervisor, impl
from superlearner.app.running import Tree
from superlearner.control.reasons import text_of_reason
from superlearner.control.steer import kill, resolve, restart_child, terminate_child
from superlearner.control.terms import plain_pid
from superlearner.control.tree import what_of


def test_a_crash_names_process_reason_consequences_and_remaining_restarts(inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> None:
        await crash(platform, "ledger")
        assert await texts(platform) == [
            "ledger crashed: ValueError('negative amount'); sup (rest_for_one) restarted ledger, and with it cart and "
            "mailer; 2 of 3 restarts left in 5 s"
        ]

    inside(test, tree("first", "ledger", "cart", "mailer", strategy="rest_for_one"))


def test_a_hold_of_the_loop_is_reported_once_with_its_whole_time(inside: Callable[..., Any]) -> None:
    """Regression: holds of a second or more were left to the watchdog."""

    async def test(platform: Any) -> None:
        pid = resolve(platform.node, "ledger")
        at = time.monotonic_ns()
        for ms in (700.4, 3200.9, 400.0, 1500.0):
            at += int(ms * 1_000_000)
            event = SimpleNamespace(kind="drain_too_long", pid=pid, at=at, data={"ms": ms, "what": "Worker"})
            platform.hub.feed.take(platform.hub.model, event)
        expected = [f"ledger held the event loop for {seconds} s" for seconds in ("0.7", "3.2", "1.5")]
        assert await texts(platform, holds=True) == expected
        now = platform.hub.clock.wall(at)
        platform.hub.feed.held(platform.hub.model, now, 1.5, "ledger held everything up", plain_pid(pid))
        assert await texts(platform, holds=True) == [*expected[:2], "ledger held everything up"]
        platform.hub.held(0.7, "something else did", None)
        assert (await texts(platform, holds=True))[3:] == ["something else did"]

    inside(test, tree("ledger"))


def test_holds_are_told_from_the_length_of_the_setting_on(inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> None:
        pid = resolve(platform.node, "ledger")
        event = SimpleNamespace(
            kind="drain_too_long", pid=pid, at=time.monotonic_ns(), data={"ms": 1500.0, "what": "Worker"}
        )
        for seconds, expected in ((2, []), (1, ["ledger held the event loop for 1.5 s"])):
            address = "/api/v1/settings/anomaly_loop_held"
            answer = await platform.client.put(address, json={"value": seconds}, headers=OWNER)
            assert answer.status_code == 200
            platform.hub.feed.take(platform.hub.model, event)
            assert [text for text in await texts(platform, holds=True) if "1.5 s" in text] == expected

    inside(test, tree("ledger"))


def test_a_hold_by_a_hidden_node_in_the_loop_leads_to_no_process(inside: Callable[..., Any]) -> None:
    """Regression: it showed and linked the pid of another process, of the user's node."""

    async def test(platform: Any) -> None:
        async with otp.Node("backend.shop", hidden=True) as hidden:

            async def holds() -> None:
                threading.Event().wait(0.6)
                otp.send(last, "wake up")  # the runtime names the process that runs last

            last = platform.node.spawn(otp.receive)
            hidden.spawn(holds)
            await otp.wait_down(last)
            await texts(platform)
        (held,) = [one for one in platform.hub.feed.entries() if "held the event loop for " in one.text]
        assert held.text.startswith("the platform's observer in your program held the event loop for ")
        assert (held.pid, held.key) == (None, None)

    inside(test, tree("ledger"))


def test_a_hold_is_reported_with_its_whole_time_although_an_observer_ran_last(inside: Callable[..., Any]) -> None:
    """Regression: only the observer's node knew of it; the lateness of a timer stood in, 5.3 s of 6."""

    async def test(platform: Any) -> None:
        async with otp.Node("backend.shop", hidden=True) as hidden:

            async def holds() -> None:
                threading.Event().wait(0.6)
                otp.send(last, "wake up")

            last = hidden.spawn(otp.receive)
            await otp.wait_down(platform.node.spawn(holds))
            await otp.wait_down(last)
            await texts(platform)
        (held,) = [one for one in platform.hub.feed.entries() if "held the event loop for " in one.text]
        assert held.text.endswith(" in holds")
        assert [hold.seconds >= 0.6 for hold in platform.platform.monitor.holds] == [True]

    inside(test, tree("ledger"))


def test_a_supervisor_that_restarts_a_child_does_not_answer_for_its_endless_loop(inside: Callable[..., Any]) -> None:
    """Regression: `sup held the event loop for 0.6 s`, because it ran last before the loop turned."""

    async def test(platform: Any) -> None:
        pid = resolve(platform.node, "ledger")
        GenServer.cast(pid, "loop")
        await otp.wait_down(pid, timeout=5)
        (held,) = [text for text in await texts(platform, holds=True) if "held the event loop for 0." in text]
        assert held.startswith("ledger held the event loop for 0.")
        assert " s, at " in held
        entry = next(one for one in platform.hub.feed.entries() if one.text == held)
        hold = platform.platform.monitor.holds[-1]  # the timeline has its beginning and its line, too
        assert (held.partition(" at ")[2], entry.at) == (hold.place, pytest.approx(hold.at - hold.seconds, abs=0.1))

    inside(test, tree("ledger"))


def test_a_change_of_strategy_names_old_and_new(inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> None:
        await Supervisor.change_flags("sup", strategy="one_for_all")
        await Supervisor.change_flags("sup", max_restarts=7)
        assert await texts(platform) == [
            "sup changed its strategy from rest_for_one to one_for_all",
            "sup now allows 7 restarts within 5 s",
        ]

    inside(test, tree("a", "b", strategy="rest_for_one"))


def test_one_for_all_restarts_the_others(inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> None:
        await kill(resolve(platform.node, "b"))
        assert await texts(platform) == [
            "b was killed; sup (one_for_all) restarted b, and with it a and c; 0 of 1 restart left in 9 s"
        ]

    inside(test, tree("a", "b", "c", strategy="one_for_all", max_restarts=1, max_seconds=9))


def test_a_give_up_names_the_number_of_restarts_and_who_restarts_the_supervisor(inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> None:
        sup = platform.node.whereis("sup")
        await kill(resolve(platform.node, "a"))
        await texts(platform)
        await kill(resolve(platform.node, "a"))
        await otp.wait_down(sup, timeout=5)
        entries = [(entry.kind, entry.text) for entry in platform.hub.feed.entries()]
        platform.hub.flush()
        last = platform.hub.feed.entries()[-1]
        assert entries[1] == ("killed", "a was killed; sup has no restart left")
        assert (last.kind, last.text) == (
            "gave_up",
            "sup gave up: max_restarts=1 allows 1 restart in 5 s, "
            "and a 2nd was needed (last: a was killed); playground restarts it in 30 s",
        )

    inside(test, tree("a", max_restarts=1), playground_restart_after=30)


def test_a_storm_is_one_entry_that_counts(inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> None:
        for _ in range(20):
            await kill(resolve(platform.node, "a"))
            await texts(platform)
        said = await texts(platform)
        assert len(said) < 10
        assert re.fullmatch(
            r"a was killed \w+ times in (0\.\d\d?|\d+(\.\d)?) s; each time sup \(one_for_one\) restarted it; "
            r"\d+ of 100 restarts left in 5 s",
            said[-1],
        )
        entries = platform.hub.feed.entries()
        parts = entries[-1].parts
        assert parts["times"] == sum(parts["per_second"]) == 20 - (len(entries) - 1)
        assert len(parts["per_second"]) == int(entries[-1].at) - int(parts["since"]) + 1
        assert entries[-2].at <= parts["since"]

    inside(test, tree("a", max_restarts=100))


def test_a_crash_in_a_storm_of_kills_is_not_counted_as_one_of_them(inside: Callable[..., Any]) -> None:
    """Regression: the storm counted it, too, and took its place while it was the last one."""

    async def test(platform: Any) -> None:
        for _ in range(12):
            await kill(resolve(platform.node, "a"))
            await texts(platform)
        await crash(platform, "a")
        await texts(platform)
        for _ in range(3):
            await kill(resolve(platform.node, "a"))
            await texts(platform)
        times = dict[str, int]()
        for entry in platform.hub.feed.entries():
            reason = entry.parts["reason"]
            times[reason] = times.get(reason, 0) + entry.parts.get("times", 1)
        assert times == {"killed": 15, "ValueError('negative amount')": 1}

    inside(test, tree("a", max_restarts=100))


def test_crashes_of_one_class_at_two_lines_are_two_entries(inside: Callable[..., Any]) -> None:
    """Regression: two bugs that raise the same exception were one entry with one count."""

    class TwoBugs(Worker):
        @impl
        def handle_cast(self, request: Any, state: Any) -> NoReply[Any]:
            if request % 2:
                raise ValueError(request)
            raise ValueError(request)

    class Above(Supervisor):
        @impl
        def init(self, arg: Any) -> Children:
            return Children([TwoBugs.child_spec(None, id="a", name="a")], max_restarts=100)

    async def test(platform: Any) -> None:
        for number in range(20):
            ended = resolve(platform.node, "a")
            GenServer.cast(ended, number)
            await otp.wait_down(ended, timeout=5)
            await texts(platform)
        times: dict[str, int] = {}
        for entry in platform.hub.feed.entries():
            where = entry.parts["where"].partition(" in ")[0].partition(":")[2]
            times[where] = times.get(where, 0) + entry.parts.get("times", 1)
        line = TwoBugs.handle_cast.__code__.co_firstlineno + 3
        assert times == {f"{line}": 10, f"{line + 1}": 10}
        assert len(platform.hub.feed.entries()) < 15

    inside(test, Tree("sup", lambda: Above.start_link(None, name="sup")))


def test_an_end_with_which_its_supervisor_gives_up_is_marked(inside: Callable[..., Any]) -> None:
    """Regression: the start page counted it among the crashes, and listed the give-up as well."""

    async def test(platform: Any) -> None:
        sup = platform.node.whereis("sup")
        for _ in range(2):
            await crash(platform, "a")
            await texts(platform)
        await otp.wait_down(sup, timeout=5)
        platform.hub.flush()
        entries = platform.hub.feed.entries()
        assert [one.parts.get("fatal") for one in entries if one.parts["who"] == "a"] == [None, 1]

    inside(test, tree("a", max_restarts=1), playground_restart_after=30)


def test_a_supervisor_that_gives_up_because_of_one_below_it_refers_to_that(inside: Callable[..., Any]) -> None:
    class Above(Supervisor):
        @impl
        def init(self, arg: Any) -> Children:
            upstream = Group.child_spec((["poller"], {"max_restarts": 0}), id="upstream", name="upstream")
            return Children([upstream], max_restarts=0)

    async def test(platform: Any) -> None:
        sup = platform.node.whereis("sup")
        await kill(resolve(platform.node, "poller"))
        await otp.wait_down(sup, timeout=5)
        await texts(platform)
        fell = [entry.text for entry in platform.hub.feed.entries() if entry.kind == "gave_up"]
        assert [one.partition("; ")[0] for one in fell] == [
            "upstream gave up: it allows no restarts (last: poller was killed)", "sup gave up after upstream",
        ]  # fmt: skip

    inside(test, Tree("sup", lambda: Above.start_link(None, name="sup")), playground_restart_after=30)


def test_a_loop_of_give_ups_is_one_entry_that_counts_from_its_beginning(inside: Callable[..., Any]) -> None:
    class Outer(Supervisor):
        @impl
        def init(self, arg: Any) -> Children:
            upstream = Group.child_spec((["poller"], {"max_restarts": 0}), id="upstream", name="upstream")
            return Children([upstream], max_restarts=100)

    async def test(platform: Any) -> None:
        for _ in range(20):
            upstream = resolve(platform.node, "upstream")
            await kill(resolve(platform.node, "poller"))
            await otp.wait_down(upstream, timeout=5)
            await texts(platform)
        fell = [entry for entry in platform.hub.feed.entries() if entry.kind == "gave_up"]
        assert len(fell) < 10
        assert re.fullmatch(
            r"upstream gave up: it allows no restarts \(last: poller was killed\); each time sup \(one_for_one\) "
            r"restarted it; 80 of 100 restarts left in 5 s",
            fell[-1].text,
        )
        assert sum(entry.parts.get("times", 1) for entry in fell) == 20

    inside(test, Tree("sup", lambda: Outer.start_link(None, name="sup")))


def test_a_requested_stop_is_one_entry_with_all_descendants(inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> None:
        await terminate_child(resolve(platform.node, "shop"), "checkout_sup")
        assert await texts(platform) == ["shop stopped checkout_sup"]

    inside(test)


def test_a_failed_restart_is_shown_with_its_reason(inside: Callable[..., Any]) -> None:
    starts: list[int] = []

    async def once() -> Any:
        starts.append(1)
        if len(starts) == 2:
            raise RuntimeError("the disk is full")
        return await Worker.start_link(None, name="w")

    class Sup(Supervisor):
        @impl
        def init(self, arg: Any) -> Children:
            return Children([ChildSpec("w", start=(once,))], max_restarts=5)

    async def test(platform: Any) -> None:
        await kill(resolve(platform.node, "w"))
        await texts(platform)
        (said,) = await texts(platform)
        assert said == "w was killed; sup (one_for_one) restarted w; 3 of 5 restarts left in 5 s"

    inside(test, Tree("sup", lambda: Sup.start_link(None, name="sup")))
    assert len(starts) == 3


def test_a_dynamic_child_is_named_by_its_class(inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> None:
        node = platform.node
        spec = Worker.child_spec(None, restart="transient")
        pid = await otp.DynamicSupervisor.start_child(("orders", node), spec)
        await kill(pid)
        said = await texts(platform)
        number = str(pid).strip("<>")
        fresh = next(str(one).strip("<>") for one in node.processes() if "Worker" in what_of(one))
        did = f"orders (dynamic) restarted it as {fresh}; 9 of 10 restarts left in 5 s"
        assert said == [f"Worker {number} was killed; {did}"]

    inside(test)


def test_a_dynamic_child_or_a_task_that_ended_is_not_said_to_lack_a_restart(inside: Callable[..., Any]) -> None:
    """Regression: the Playground offered Restart to start it again, which makes a tree without it."""

    class Room(Supervisor):
        @impl
        def init(self, arg: Any) -> Children:
            return Children([Worker.child_spec(None, id="in_room", name="in_room")], max_restarts=0)

    async def fail() -> None:
        raise ValueError("no answer")

    async def test(platform: Any) -> None:
        orders = ("orders", platform.node)
        await kill(await otp.DynamicSupervisor.start_child(orders, Worker.child_spec(None, restart="temporary")))
        tasks = await otp.DynamicSupervisor.start_child(orders, otp.TaskSupervisor.child_spec())
        await otp.wait_down(await otp.TaskSupervisor.start_child(tasks, fail), timeout=5)
        await otp.DynamicSupervisor.start_child(orders, Room.child_spec(None, restart="temporary"))
        await kill(resolve(platform.node, "in_room"))
        await otp.DynamicSupervisor.count_children(orders)
        await texts(platform)
        entries = [entry for entry in platform.hub.feed.entries() if entry.kind in ("killed", "crashed", "gave_up")]
        assert {"Worker", "Room"} <= {entry.parts["who"].split()[0] for entry in entries}
        for entry in entries:
            assert ("not restarted" in entry.text, "restart" in entry.parts) == (False, False), entry.text

    inside(test)


def test_names_are_text_and_never_html(inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> None:
        await kill(resolve(platform.node, "<b>x</b>"))
        (said,) = await texts(platform)
        assert said.startswith("<b>x</b> was killed; ")

    inside(test, tree("<b>x</b>"))


def test_one_for_one_names_only_the_child_whatever_its_id_is(inside: Callable[..., Any]) -> None:
    class Tally(Supervisor):
        @impl
        def init(self, arg: Any) -> Children:
            return Children([Worker.child_spec(None, name="counter"), Worker.child_spec(None, id="other")])

    async def test(platform: Any) -> None:
        await kill(resolve(platform.node, "counter"))
        assert await texts(platform) == [
            "counter was killed; sup (one_for_one) restarted counter; 2 of 3 restarts left in 5 s"
        ]

    inside(test, Tree("sup", lambda: Tally.start_link(None, name="sup")))


def test_children_named_otherwise_than_their_id_are_counted_once(inside: Callable[..., Any]) -> None:
    class Shop(Supervisor):
        @impl
        def init(self, arg: Any) -> Children:
            children = [Worker.child_spec(None, id=("w", number), name=f"name_{number}") for number in range(3)]
            return Children(children, strategy="rest_for_one")

    async def test(platform: Any) -> None:
        await kill(resolve(platform.node, "name_1"))
        (said,) = await texts(platform)
        assert said.startswith("name_1 was killed; sup (rest_for_one) restarted name_1, and with it name_2; ")

    inside(test, Tree("sup", lambda: Shop.start_link(None, name="sup")))


@pytest.mark.parametrize("kinds", [(), ("sent",)], ids=["unread", "while_messages_are_read"])
def test_a_repeated_stop_is_one_entry_and_the_start_is_another(inside: Callable[..., Any], kinds: Any) -> None:
    async def test(platform: Any) -> None:
        otp.trace.subscribe(platform.node, lambda _: None, kinds=kinds)
        sup = resolve(platform.node, "sup")
        await terminate_child(sup, "a")
        await terminate_child(sup, "a")
        assert await texts(platform) == ["sup stopped a"]
        await restart_child(sup, "a")
        assert await texts(platform) == ["sup stopped a", "sup started a"]

    inside(test, tree("a", "b"))


def test_restarts_that_fail_in_the_same_way_are_one_sentence(inside: Callable[..., Any]) -> None:
    starts: list[int] = []

    async def first() -> Any:
        starts.append(1)
        if len(starts) > 1:
            raise RuntimeError("the disk is full")
        return await Worker.start_link(None, name="w")

    async def test(platform: Any) -> None:
        sup = resolve(platform.node, "sup")
        await kill(resolve(platform.node, "w"))
        await otp.wait_down(sup, timeout=5)
        line = first.__code__.co_firstlineno + 3
        assert (await texts(platform))[0] == (
            "w was killed; sup tried 3 times to start w; each time first raised RuntimeError('the disk is full'), "
            f"at test_feed.py:{line}; sup has no restart left"
        )

    specs = [ChildSpec("w", start=(first,))]
    inside(test, Tree("sup", lambda: Supervisor.start_link_children(specs, name="sup")), playground_restart_after=30)


def test_a_tree_that_cannot_be_restarted_is_described_to_the_end(inside: Callable[..., Any]) -> None:
    starts: list[int] = []

    async def moody() -> Any:
        starts.append(1)
        if len(starts) == 2:
            raise otp.StartError(("shutdown", ("failed_to_start_child", "db", "no_disk")))
        return await Group.start_link((["a"], {}), name="sup")

    async def test(platform: Any) -> None:
        feed, viewer = platform.hub.feed, platform.hub.attach()
        await kill(resolve(platform.node, "sup"))
        async with asyncio.timeout(5):
            while not any(entry.kind == "started" for entry in feed.entries()):
                await viewer.next()
        told = [entry.text for entry in feed.entries() if "held the event loop" not in entry.text]
        assert told == [
            "sup was killed; it could not start again: its child db did not start: no_disk; playground restarted it "
            "after 0.02 s",
            "playground restarted sup",
        ]

    inside(test, Tree("sup", moody), playground_restart_after=0.02)


def test_reasons_of_the_runtime_are_shown_in_plain_words(inside: Callable[..., Any]) -> None:
    assert text_of_reason(("bad_return_value", None)).endswith("did no case match, or is a return missing?")
    said = "a callback returned 7, which is not a result such as Ok(…), Reply(…) or NoReply(…)"
    assert text_of_reason(("bad_return_value", 7)) == said
    said = "a callback returned Reply(1, 2), which is a result of other callbacks"
    assert text_of_reason(("bad_return_value", otp.Reply(1, 2))) == said

    async def test(platform: Any) -> None:
        node = platform.node
        taken = ("shutdown", ("failed_to_start_child", "a", ("already_started", node.whereis("a"))))
        pid = str(node.whereis("a")).strip("<>")
        assert text_of_reason(taken) == f"its child a did not start: the name a is taken by <{pid}>"
        gone = node.whereis("a")
        await terminate_child(resolve(node, "sup"), "a")
        taken = ("shutdown", ("failed_to_start_child", "a", ("already_started", gone)))
        assert text_of_reason(taken) == "its child a did not start: the old a had not finished stopping"
        otp.send(resolve(node, "sup"), ("$gen_call", "what?"))
        GenServer.cast(resolve(node, "sup"), "nonsense")
        await otp.wait_down(node.whereis("sup"), timeout=5)
        assert any("got a message it does not know" in text for text in await texts(platform))

    inside(test, tree("a"), playground_restart_after=30)


async def _fail_alone() -> None:
    raise LookupError("no such spot")


class LinkingWorker(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)

    @impl
    def handle_cast(self, request: Any, state: Any) -> NoReply[Any]:
        otp.spawn_link(_fail_alone)
        return NoReply(state)


class LinkingGroup(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children([LinkingWorker.child_spec(None, id="jingles", name="jingles")])


def test_a_child_that_ended_with_a_linked_process_is_not_said_to_have_crashed(inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> None:
        await crash(platform, "jingles")
        [text] = [re.sub(r"<[0-9.]+>", "<pid>", text) for text in await texts(platform) if "jingles" in text]
        assert text == (
            "jingles was linked to _fail_alone <pid> and ended with it: LookupError('no such spot'); sup (one_for_one) "
            "restarted jingles; 2 of 3 restarts left in 5 s"
        )

    inside(test, Tree("sup", lambda: LinkingGroup.start_link(None, name="sup")))
