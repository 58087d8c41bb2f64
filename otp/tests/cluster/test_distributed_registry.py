"""Distributed registries: one table on all members that start it, one owner of a unique key."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest

import otp
from otp import AlreadyStarted, GenServer, Ok, Reply, StartError, impl
from otp.behaviours.registry.registry import AlreadyRegistered
from otp.cluster import CannotTravel, DistributedRegistry, NotMember
from otp.cluster.simulation import SimulatedCluster
from otp.distribution import TEACHING
from otp.kernel.values.errors import BadArgument
from otp.testing import Scheduler, advance

ROOMS = DistributedRegistry.child_spec(name="rooms")
TOPICS = DistributedRegistry.child_spec(name="topics", keys="duplicate")


class Room(GenServer[str]):
    @impl
    def init(self, arg: str) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: str) -> Any:
        return Reply((state, request), state)


def run(main: Any, seed: int = 1) -> Any:
    return Scheduler(seed=seed).run(main)


async def own(key: Any, value: Any = None, registry: str = "rooms") -> None:
    with suppress(AlreadyRegistered):
        await DistributedRegistry.register(registry, key, value)
        while True:
            match await otp.receive():
                case "end":
                    return
                case "unregister":
                    await DistributedRegistry.unregister(registry, key)
                case order:
                    await order()


def owners(sim: SimulatedCluster, key: Any = "x", registry: str = "rooms") -> list[Any]:
    """Return the name of the owner's member as each member sees it, for a duplicate registry those of all owners."""
    found: list[Any] = []
    for at in sim.alive:
        pids = sim.view(at).registries[registry].get(key)
        found.append(sorted(pid.node for pid in pids) if isinstance(pids, list) else pids and pids.node)
    return found


def test_all_members_see_an_owner_until_it_ends() -> None:
    async def main() -> None:
        async with SimulatedCluster(3, children=[ROOMS]) as sim:
            first = sim.spawn("n1", own, "x", {"seats": 3})
            await advance(0.1)
            assert ["n1"] * 3 == owners(sim)
            ((entry),) = await sim.on("n3", DistributedRegistry.lookup, "rooms", "x")
            assert (first.number, {"seats": 3}) == (entry.pid.number, entry.value)
            otp.send(first, lambda: DistributedRegistry.update_value("rooms", "x", lambda v: v | {"seats": 4}))
            await advance(0.1)
            assert [4] == [e.value["seats"] for e in await sim.on("n2", DistributedRegistry.match, "rooms", "x", {})]
            otp.send(first, "unregister")
            await advance(0.1)
            assert [None] * 3 == owners(sim)
            second = sim.spawn("n2", own, "x")
            await advance(0.1)
            assert ["n2"] * 3 == owners(sim)
            otp.send(second, "end")
            await advance(0.1)
            assert [None] * 3 == owners(sim)
            sim.spawn("n3", own, "x")
            await advance(0.1)
            sim.kill("n3")
            await sim.converge()
            assert [None] * 2 == owners(sim)

    run(main)


def test_a_race_has_one_winner_and_ends_nobody() -> None:
    async def attempt(key: str) -> str:
        try:
            await DistributedRegistry.register("rooms", key)
        except AlreadyRegistered as error:
            return error.pid.node
        await advance(1)
        return "owner"

    async def main() -> None:
        async with SimulatedCluster(3, children=[ROOMS]) as sim:
            for number in range(20):
                found = await asyncio.gather(*(sim.on(at, attempt, f"x{number}") for at in sim.alive))
                assert 1 == found.count("owner"), found
                assert {sim.alive[found.index("owner")]} == set(found) - {"owner"}
            assert [] == [event for event in sim.history if event.kind == "conflict"]

    run(main)


def test_equal_keys_are_granted_by_one_member() -> None:
    async def take(at: str, key: Any, ended: list[Any]) -> None:
        try:
            await own(key)
        finally:
            ended.append((at, key))

    async def main() -> None:
        async with SimulatedCluster(5, children=[ROOMS]) as sim:
            pid = sim.spawn("n1", own, "a process")
            await advance(0.1)
            there = (await sim.on("n3", DistributedRegistry.lookup, "rooms", "a process"))[0].pid
            pairs: list[tuple[Any, Any]] = [
                (1, True), (2, 2.0), (0.0, -0.0), ((3,), (3.0,)), (frozenset([0, 8]), frozenset([8, 0])), (pid, there),
            ]  # fmt: skip
            ended: list[Any] = []
            for first, second in pairs:
                sim.spawn("n1", take, "n1", first, ended)
                sim.spawn("n3", take, "n3", second, ended)
            await advance(5)
            assert [] == [event for event in sim.history if event.kind == "conflict"]
            assert len(pairs) == len(ended)

    run(main)


def test_register_many_says_for_each_key_who_has_it() -> None:
    async def main() -> None:
        async with SimulatedCluster(3, children=[ROOMS]) as sim:
            sim.spawn("n1", own, 7)
            await advance(0.1)

            async def many() -> Any:
                found = await DistributedRegistry.register_many("rooms", [(key, -key) for key in range(3_000)])
                await advance(0.2)
                return found

            taken = {key: why for key, why in (await sim.on("n2", many)).items() if why is not None}
            assert ["n1"] == [why.pid.node for why in taken.values()]
            assert [7] == list(taken)

    run(main)


def test_many_keys_cost_one_round_trip() -> None:
    async def main() -> None:
        async with SimulatedCluster(3, children=[ROOMS]) as sim:
            for one, other in (("n1", "n2"), ("n1", "n3"), ("n2", "n3")):
                sim.delay(one, other, 0.05)

            async def many() -> float:
                began = sim.now
                await DistributedRegistry.register_many("rooms", [(key, None) for key in range(3_000)])
                return sim.now - began

            assert await sim.on("n1", many) < 0.2

    run(main)


def test_processes_of_several_members_share_a_key_of_a_duplicate_registry() -> None:
    async def main() -> None:
        async with SimulatedCluster(3, children=[TOPICS]) as sim:
            pids = [sim.spawn(at, own, "news", at, "topics") for at in ("n1", "n2", "n2")]
            await advance(0.1)
            assert [["n1", "n2", "n2"]] * 3 == owners(sim, "news", "topics")
            assert 3 == await sim.on("n3", DistributedRegistry.count, "topics")

            async def leave() -> None:
                await DistributedRegistry.register("topics", "news", "again")
                await DistributedRegistry.unregister_match("topics", "news", "n2")

            otp.send(pids[1], leave)
            await advance(0.1)
            entries = await sim.on("n3", DistributedRegistry.lookup, "topics", "news")
            assert ["again", "n1", "n2"] == sorted(entry.value for entry in entries)
            sim.cut("n2", "n3")
            await sim.converge()
            sim.heal()
            await sim.converge()
            assert [["n1", "n2", "n2"]] * 3 == owners(sim, "news", "topics")

    run(main)


def test_a_process_registers_several_values_under_a_key_of_a_duplicate_registry_at_once() -> None:
    async def both() -> None:
        assert {"news": None} == await DistributedRegistry.register_many("topics", [("news", "de"), ("news", "en")])
        await otp.receive()

    async def main() -> None:
        async with SimulatedCluster(2, children=[TOPICS]) as sim:
            sim.spawn("n1", both)
            await advance(0.1)
            for at in sim.alive:
                entries = await sim.on(at, DistributedRegistry.lookup, "topics", "news")
                assert ["de", "en"] == [entry.value for entry in entries]

    run(main)


def test_after_a_partition_the_older_claim_stays_and_the_reason_names_the_winner() -> None:
    async def main() -> None:
        async with SimulatedCluster(3, children=[ROOMS]) as sim:
            sim.partition("n1", ["n2", "n3"])
            await sim.converge()
            one, other = sim.spawn("n1", own, "x"), sim.spawn("n3", own, "x")
            await advance(0.1)
            assert ["n1", "n3", "n3"] == owners(sim)
            ended = asyncio.ensure_future(otp.wait_down(other))
            sim.heal()
            await sim.converge()
            assert ["n1"] * 3 == owners(sim)
            kind, key, winner = await ended
            assert ("name_conflict", ("rooms", "x"), one.number) == (kind, key, winner.number)

    run(main)


def test_an_owner_across_a_cut_keeps_its_key_until_the_loss_is_detected() -> None:
    async def attempt() -> str:
        try:
            await DistributedRegistry.register("rooms", "x", timeout=30)
        except AlreadyRegistered:
            return "taken"
        await advance(0.5)
        return "granted"

    async def main() -> None:
        async with SimulatedCluster(2, children=[ROOMS]) as sim:
            sim.spawn("n1", own, "x")
            await advance(0.1)
            sim.cut("n1", "n2")
            assert "taken" == await sim.on("n2", attempt)
            await sim.converge()
            assert "granted" == await sim.on("n2", attempt)

    run(main)


def test_a_registration_waits_for_a_silent_member_that_grants_the_key() -> None:
    async def main() -> None:
        async with SimulatedCluster(2, children=[ROOMS]) as sim:
            sim.cut("n1", "n2")

            async def try_all() -> list[str]:
                found: list[str] = []
                for key in range(8):
                    try:
                        await DistributedRegistry.register("rooms", key, timeout=0.05)
                        found.append("granted")
                    except TimeoutError as error:
                        found.append(str(error).partition("the outcome is ")[2])
                return found

            assert {"granted", "unknown"} == set(await sim.on("n1", try_all))  # some are granted by n1 itself

    run(main)


def test_a_key_is_free_once_the_down_of_its_owner_has_arrived() -> None:
    """Regression: the member that grants it may have yet to detect the loss; it refused the key."""

    async def take_over(key: int, owner: Any) -> str:
        ref = otp.monitor(owner)
        await otp.receive(ref)
        await DistributedRegistry.register("rooms", key)
        return "registered"

    async def main() -> None:
        async with SimulatedCluster(4, children=[ROOMS]) as sim:
            for key in range(12):
                sim.spawn("n1", own, key)
            await advance(0.1)
            pids = dict(sim.view("n2").registries["rooms"])
            waiting = [asyncio.ensure_future(sim.on("n2", take_over, key, pid)) for key, pid in pids.items()]
            await advance(0.1)
            sim.cut("n1", "n2")  # n3 and n4 see the owners on, as those of a member that is connected
            await advance(TEACHING.dead)
            sim.kill("n1")
            assert ["registered"] * 12 == await asyncio.gather(*waiting)

    run(main)


def test_a_key_that_was_granted_by_a_member_that_is_gone_is_registered() -> None:
    """Regression: it asked for the key again and again, without a pause."""

    async def main() -> None:
        async with SimulatedCluster(1, children=[ROOMS]) as sim:
            registry: Any = sim["n1"].node.whereis("rooms")

            async def register() -> None:
                registry.state.entries.read(None, ("granted", "x", otp.self()))
                await DistributedRegistry.register("rooms", "x")
                with pytest.raises(AlreadyRegistered):
                    await DistributedRegistry.register("rooms", "x")
                await advance(0.1)

            await sim.on("n1", register)

    run(main)


def test_names_for_starts_and_destinations() -> None:
    async def main() -> None:
        async with SimulatedCluster(2, children=[ROOMS]) as sim:
            name = DistributedRegistry.via("rooms", ("lobby", 1))
            await sim.on("n1", lambda: Room.start("first", name=name))
            await advance(0.1)
            assert ("first", "hi") == await sim.on("n2", GenServer.call, name, "hi")
            with pytest.raises(AlreadyStarted):
                await sim.on("n2", lambda: Room.start("second", name=name))
            assert "DistributedRegistry.via('rooms', ('lobby', 1))" == repr(name)

    run(main)


def test_a_member_that_starts_the_registry_later_has_the_entries_when_it_has_started() -> None:
    async def main() -> None:
        async with SimulatedCluster(2, children=lambda name: [ROOMS] if name == "n1" else []) as sim:
            sim.spawn("n1", own, "x")
            await advance(0.1)

            async def start() -> Any:
                await DistributedRegistry.start_link(name="rooms")
                found = DistributedRegistry.lookup("rooms", "x")
                with pytest.raises(AlreadyRegistered):
                    await DistributedRegistry.register("rooms", "x")
                return [entry.pid.node for entry in found]

            assert ["n1"] == await sim.on("n2", start)
            await advance(1)
            assert ["n1"] == await sim.on("n1", lambda: [e.pid.node for e in DistributedRegistry.lookup("rooms", "x")])

    run(main)


@pytest.mark.parametrize("both", [False, True])
def test_other_options_elsewhere_are_refused(both: bool) -> None:
    async def start(keys: Any) -> Any:
        try:
            await DistributedRegistry.start_link(name="rooms", keys=keys)
        except StartError as error:
            return error
        await advance(3)
        return "started"

    def refused(error: Any) -> bool:
        assert ("incompatible", ("registry", "rooms")) == error.reason[:2]
        return "another member has the registry 'rooms' with keys=" in str(error)

    async def main() -> None:
        async with SimulatedCluster(2) as sim:
            trapping = [sim.on("n1", trap, "unique"), sim.on("n2", trap, "duplicate")]
            if both:
                one, other = await asyncio.gather(*trapping)
                assert "started" == one
                assert refused(other)
            else:
                first = asyncio.ensure_future(trapping[1])
                await advance(0.5)
                assert refused(await trapping[0])
                assert "started" == await first

    async def trap(keys: Any) -> Any:
        otp.process_flag("trap_exit", True)
        return await start(keys)

    run(main)


def test_a_member_without_the_registry_neither_grants_nor_sees_keys() -> None:
    async def main() -> None:
        async with SimulatedCluster(3, children=lambda name: [] if name == "n3" else [ROOMS]) as sim:
            for key in range(10):
                sim.spawn("n1", own, key)
            await advance(0.1)
            assert [10, 10] == [len(sim.view(at).registries["rooms"]) for at in ("n1", "n2")]
            assert {} == sim.view("n3").registries
            await sim.converge()

    run(main)


def test_owners_end_with_the_registry_of_their_member() -> None:
    async def main() -> None:
        async with SimulatedCluster(2, children=[ROOMS]) as sim:
            pid = sim.spawn("n1", own, "x")
            await advance(0.1)
            registry = sim["n1"].node.whereis("rooms")
            assert registry is not None
            otp.exit(registry, "kill")
            assert not otp.is_alive(pid)
            await advance(0.5)
            await sim.converge()
            assert [None, None] == owners(sim)

    run(main)


def test_a_member_that_has_left_refuses_registrations() -> None:
    async def main() -> None:
        async with SimulatedCluster(2, children=[ROOMS]) as sim:
            await sim["n2"].cluster.leave()
            with pytest.raises(NotMember):
                await sim.on("n2", DistributedRegistry.register, "rooms", "x")

    run(main)


def test_bad_arguments() -> None:
    async def main() -> None:
        async with SimulatedCluster(2, children=[ROOMS, TOPICS]) as sim:
            register = DistributedRegistry.register
            for wrong, text in (
                (lambda: register("halls", "x"), "expected the name of a running registry, got an unregistered name"),
                (lambda: DistributedRegistry.start_link(name="r", keys="some"), "expected 'unique' or 'duplicate'"),
                (lambda: DistributedRegistry.start_link(name="r", consistency="strong"), "expected 'available' or"),
                (lambda: DistributedRegistry.start_link(name=7), "expected a str"),
                (lambda: DistributedRegistry.via("topics", "x").whereis(), "with keys='unique', got keys='duplicate'"),
                (lambda: otp.Registry.register("rooms", "x"), "got a DistributedRegistry; try DistributedRegistry.reg"),
            ):
                with pytest.raises(BadArgument, match=text):
                    await sim.on("n1", wrong)
            with pytest.raises(CannotTravel, match=r"\[1\]\['file'\]") as caught:
                await sim.on("n1", register, "rooms", "x", {"file": object()})
            assert "[1]['file']" == caught.value.path
            assert [None, None] == owners(sim)
            with pytest.raises(NotMember):
                async with otp.Node("alone") as node:
                    await node.start(DistributedRegistry, name="rooms")

    run(main)
