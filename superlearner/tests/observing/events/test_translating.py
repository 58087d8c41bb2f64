"""Published events name the supervisor that acted."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import Any

import otp
from otp import Children, GenServer, Ok, Reply, Stop, Supervisor, impl
from superlearner.observing.events import EventFilter, EventLog, Reader


class Till(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)


class Shop(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children([Till.child_spec(id="till", name="till")], max_restarts=0)


class Street(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children([Shop.child_spec(id="shop")])


def test_a_supervisor_without_a_name_has_its_id_also_when_it_gives_up() -> None:
    async def main() -> None:
        events = EventLog("e1")
        async with otp.Node("shop@127.0.0.1") as node:
            events.follow(node)
            await node.start(Street, None, name="street")
            reader = Reader(events, EventFilter(types=frozenset({"gave_up"})))
            otp.exit(("till", node), "kill")
            found = await reader.more(1, 10)
        [gave_up] = found
        assert gave_up.text == "shop gave up: it allows no restarts (last: till was killed)"
        assert gave_up.supervisor == "shop"

    otp.run(main)


def test_a_dynamic_child_that_ended_has_the_name_of_its_function() -> None:
    """Regression: `child <0.4.0> crashed`, where the list of restarts and the log had the function."""

    def price(of: str) -> int:
        return {"tea": 3}[of]

    async def main() -> None:
        events = EventLog("e1")
        async with otp.Node("shop@127.0.0.1") as node:
            events.follow(node)
            tasks = await node.start(otp.TaskSupervisor)
            reader = Reader(events, EventFilter(types=frozenset({"child_terminated"})))
            await otp.TaskSupervisor.start_child(tasks, price, "wine")
            [crash] = await reader.more(1, 10)
        assert re.sub(r"0\.\d+\.0", "0.9.0", crash.text).endswith("price <0.9.0> crashed: KeyError('wine')")

    otp.run(main)


def test_a_blocked_loop_is_blamed_on_no_process() -> None:
    """Regression: it said that ledger held the loop, which only ran after the process that did."""

    async def main() -> None:
        events = EventLog("e1")
        async with otp.Node("shop@127.0.0.1") as node:
            events.follow(node)
            pid = await node.start(Till, name="till")
            reader = Reader(events, EventFilter(types=frozenset({"drain_too_long"})))
            node.tracer.emit("drain_too_long", pid, {"ms": 2000.0, "what": "Till"})
            node.tracer.emit("drain_too_long", None, {"ms": 1000.0, "what": ""})
            texts = [one.text for one in await reader.more(2, 10)]
        ran = f"the event loop was held for 2 s; till {pid} ran last"
        assert [ran, "the event loop was held for 1 s"] == texts

    otp.run(main)


def test_a_call_that_timed_out_is_a_sentence() -> None:
    class Slow(GenServer[None]):
        @impl
        def init(self, arg: Any) -> Ok[None]:
            return Ok(None)

        @impl
        async def handle_call(self, request: Any, caller: Any, state: None) -> Reply[None]:
            await otp.receive(otp.Is("never"))
            return Reply(None, state)

    async def main() -> None:
        events = EventLog("e1")
        async with otp.Node("shop@127.0.0.1") as node:
            events.follow(node)
            slow = await node.start(Slow, None, name="pricing")
            reader = Reader(events, EventFilter(types=frozenset({"call_timed_out"})))

            async def ask() -> None:
                otp.register("till", otp.self())
                with contextlib.suppress(otp.CallTimeout):
                    await GenServer.call(slow, ("price", "tea"), 0.01)

            node.spawn(ask)
            [found] = await reader.more(5, 10)
        pattern = (
            r"a call of till to pricing <0\.\d+\.0> timed out after 0\.01 s, at FILE:\d+: \('price', 'tea'\); "
            r"pricing was still in handle_call at FILE:\d+"
        )
        assert re.fullmatch(pattern.replace("FILE", r"test_translating\.py"), found.text), found.text
        assert (found.name, found.data["way"], found.data["timeout"]) == ("till", "call", 0.01)

    otp.run(main)


def test_an_end_by_a_link_does_not_read_as_a_crash_of_its_own() -> None:
    """Regression: its type was `exited`, and its sentence said that it had crashed."""

    async def fails() -> None:
        raise ValueError("no")

    async def linked() -> None:
        otp.spawn_link(fails)
        await otp.receive()

    async def main() -> None:
        events = EventLog("e1")
        async with otp.Node("shop@127.0.0.1") as node:
            events.follow(node)
            reader = Reader(events, EventFilter(types=frozenset({"exited", "crashed"})))
            await otp.wait_down(node.spawn(linked))
            crashed, exited = await reader.more(2, 10)
        assert (crashed.type, exited.type) == ("crashed", "exited")
        assert exited.text.endswith(f" ended: ValueError('no'), by a signal from process <{crashed.pid}>")

    otp.run(main)


def test_an_end_that_reads_crashed_is_found_by_that_type() -> None:
    """Regression: `events --types crashed` had no end by a reason that is no exception, such as a failed call."""

    class Stopping(Till):
        @impl
        def handle_info(self, message: Any, state: Any) -> Any:
            return Stop("no relay", state)

    async def main() -> None:
        events = EventLog("e1")
        async with otp.Node("shop@127.0.0.1") as node:
            events.follow(node)
            reader = Reader(events, EventFilter(types=frozenset({"crashed"})))
            otp.send(await node.start(Stopping, None), "stop")
            [ended] = await reader.more(1, 10)
        assert (ended.text.partition("crashed")[1], ended.data["reason"]) == ("crashed", "no relay")

    otp.run(main)


class RelayMailer(GenServer[Any]):
    @impl
    def init(self, arg: list[str]) -> Ok[Any] | Stop:
        return Stop("no relay") if arg else Ok(arg)


class Office(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children([RelayMailer.child_spec(arg, id="Mailer", name="mailer")], max_restarts=1)


def test_a_child_that_cannot_be_restarted_has_its_name_and_not_its_id() -> None:
    """Regression: a restart of `mailer` failed for `Mailer`, as if these were two children."""

    async def main() -> None:
        events, down = EventLog("e1"), list[str]()
        async with otp.Node("shop@127.0.0.1") as node:
            events.follow(node)
            office = await node.start(Office, down, name="office")
            reader = Reader(events, EventFilter(types=frozenset({"restart_failed", "gave_up"})))
            down.append("relay")
            otp.exit(("mailer", node), "kill")
            await otp.wait_down(office)
            found = await reader.more(2, 10)
        assert [one.text.partition(": ")[0] for one in found] == ["office could not restart mailer", "office gave up"]
        assert found[1].text.endswith("(last: it could not restart mailer: no relay (init returned Stop))")
        assert found[0].data["attempts"] == 1

    otp.run(main)


class Counter(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children(
            [Till.child_spec(id=name.title(), name=name) for name in ("till", "cart", "mailer")],
            strategy="rest_for_one",
        )


def test_children_that_are_restarted_with_another_one_have_their_names_and_not_their_ids() -> None:
    async def main() -> None:
        events = EventLog("e1")
        async with otp.Node("shop@127.0.0.1") as node:
            events.follow(node)
            await node.start(Counter, None, name="shop")
            reader = Reader(events, EventFilter(types=frozenset({"child_restarted"})))
            otp.exit(("till", node), "kill")
            [restarted] = await reader.more(1, 10)
        assert ", and with it cart and mailer; " in restarted.text
        assert restarted.data["group"] == ["Cart", "Mailer"]

    otp.run(main)


def test_a_log_begins_with_the_events_that_the_node_has_in_memory() -> None:
    """A service was attached after its supervisor had given up: the log said that it has no events before that."""

    async def main() -> None:
        async with otp.Node("shop@127.0.0.1") as node:
            await node.start(Street, None, name="street")
            given_up = node.subscribe(lambda _event: over.set(), kinds={"gave_up"})
            otp.exit(("till", node), "kill")
            await over.wait()
            given_up.close()
            events = EventLog("e1")
            events.follow(node)
            reader = Reader(events, EventFilter(types=frozenset({"child_started", "child_terminated", "gave_up"})))
            await reader.go_back(100)
            found = [(one.type, one.text.partition(" <")[0]) for one in reader.take(100)]
        assert found[:2] == [("child_started", "shop started till"), ("child_started", "street started shop")]
        assert ("gave_up", "shop gave up: it allows no restarts (last: till was killed)") in found

    over = asyncio.Event()
    otp.run(main)
