"""Registries in lease mode: a store decides who owns a key, and an owner without a lease ends."""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp.behaviours.registry.registry import AlreadyRegistered
from otp.cluster import DistributedRegistry, LeaseUnavailable, MemoryLeases, NotOwner, SessionEnded, epoch
from otp.cluster.claims import plain
from otp.cluster.simulation import SimulatedCluster
from otp.distribution import TEACHING, Settings
from otp.kernel.values.errors import BadArgument, StartError
from otp.testing import Scheduler, advance

TTL = 10.0
JOBS = DistributedRegistry.child_spec(name="jobs", consistency="lease")
LOST = ("lease_lost", ("jobs", "x"))


def run(main: Any, seed: int = 1) -> Any:
    return Scheduler(seed=seed).run(main)


def simulate(members: int = 3, **options: Any) -> SimulatedCluster:
    return SimulatedCluster(members, children=[JOBS], leases=True, **options)


async def own(sim: SimulatedCluster, key: Any = "x") -> None:
    await DistributedRegistry.register("jobs", key)
    me = otp.self()
    while True:
        message = await otp.receive()
        if DistributedRegistry.keys("jobs", me):
            sim.note("handling", table=("registry", "jobs"), key=key, pid=plain(me))
        match message:
            case "end":
                return
            case "unregister":
                await DistributedRegistry.unregister("jobs", key)
            case ("epoch", asker):
                otp.send(asker, epoch(("jobs", key)))
            case _:
                pass


async def start_owner(sim: SimulatedCluster, name: str, key: Any = "x") -> Any:
    pid = sim.spawn(name, own, sim, key)
    await advance(0.2)
    assert name == owner(sim, name, key)
    return pid


def owner(sim: SimulatedCluster, at: str, key: Any = "x") -> Any:
    """Return the name of the member of an owner as one member sees it."""
    pid = sim.view(at).registries["jobs"].get(key)
    return pid.node if isinstance(pid, otp.Pid) else None


async def end_of(pid: Any) -> Any:
    """Return the reason with which a process ends."""
    otp.monitor(pid)
    return (await otp.receive()).reason


async def ask_epoch(pid: Any) -> int:
    otp.send(pid, ("epoch", otp.self()))
    return await otp.receive(timeout=1)


def epochs(sim: SimulatedCluster, key: Any = "x") -> list[tuple[str, int]]:
    """Return the owners of a key so far, with their epochs."""
    found = [event.data for event in sim.history if event.kind == "lease_acquired" and event.data["key"] == key]
    return [(data["pid"][0], data["epoch"]) for data in found]


def when(sim: SimulatedCluster, kind: str, key: Any = "x") -> list[float]:
    return [event.at for event in sim.history if event.kind == kind and event.data.get("key") == key]


def test_the_store_grants_a_key_once_and_its_epoch_grows() -> None:
    async def main() -> None:
        async with simulate() as sim:
            first = await start_owner(sim, "n1")
            with pytest.raises(AlreadyRegistered) as caught:
                await sim.on("n2", DistributedRegistry.register, "jobs", "x")
            assert first.number == caught.value.pid.number
            assert 1 == await sim.on("n1", ask_epoch, first)
            otp.send(first, "end")
            await advance(0.2)
            second = await start_owner(sim, "n2")
            assert 2 == await sim.on("n3", ask_epoch, second)
            assert ["n2"] * 3 == [owner(sim, name) for name in sim.alive]
            assert [("n1", 1), ("n2", 2)] == epochs(sim)

    run(main)


def test_a_key_that_is_unregistered_is_free_in_the_store() -> None:
    async def main() -> None:
        async with simulate(2) as sim:
            first = await start_owner(sim, "n1")
            otp.send(first, "unregister")
            await advance(0.2)
            await start_owner(sim, "n2")
            otp.send(first, "end")
            await advance(0.2)
            assert "n2" == owner(sim, "n1")

    run(main)


def test_registrations_of_one_key_at_once_have_one_winner() -> None:
    async def main() -> None:
        async with simulate() as sim:
            for name in sim.alive:
                sim.spawn(name, own, sim)
            await advance(1)
            assert 1 == len(epochs(sim))
            assert 1 == len({owner(sim, name) for name in sim.alive})

    run(main)


def test_the_key_of_a_killed_member_is_free_after_ttl() -> None:
    async def main() -> None:
        async with simulate() as sim:
            await start_owner(sim, "n1")
            sim.kill("n1")
            killed = sim.now
            await sim.converge()
            assert owner(sim, "n2") is None
            with pytest.raises(AlreadyRegistered) as caught:  # its owner may still run
                await sim.on("n2", DistributedRegistry.register, "jobs", "x")
            assert "n1" == caught.value.pid.node
            await advance(killed + TTL - sim.now)
            await start_owner(sim, "n2")
            assert [("n1", 1), ("n2", 2)] == epochs(sim)

    run(main)


def test_an_owner_ends_at_its_deadline_if_its_member_does_not_reach_the_store() -> None:
    async def main() -> None:
        async with simulate() as sim:
            first = await start_owner(sim, "n1")
            sim.cut("n1", "leases")
            cut = sim.now
            assert LOST == await sim.on("n2", end_of, first)
            (ended,) = when(sim, "lease_ended")
            assert TTL * 0.9 - TTL / 3 <= ended - cut <= TTL * 0.9
            await advance(cut + TTL - sim.now)
            await start_owner(sim, "n2")
            assert ["n2"] * 3 == [owner(sim, name) for name in sim.alive]

    run(main)


def test_without_the_store_a_registration_is_refused_until_it_is_back() -> None:
    async def main() -> None:
        async with simulate(2) as sim:
            sim.cut("n1", "leases")
            with pytest.raises(LeaseUnavailable) as caught:
                await sim.on("n1", DistributedRegistry.register, "jobs", "x")
            assert ("lease_unavailable", "timeout") == caught.value.reason
            answers = await sim.on("n1", DistributedRegistry.register_many, "jobs", [("y", 1)])
            assert isinstance(answers["y"], LeaseUnavailable)
            await start_owner(sim, "n2")
            sim.heal()
            await advance(TTL)
            await start_owner(sim, "n1", "y")
            with pytest.raises(AlreadyRegistered):
                await sim.on("n1", DistributedRegistry.register, "jobs", "x")

    run(main)


def test_under_a_partition_only_the_side_with_the_store_takes_a_key_over() -> None:
    async def main() -> None:
        async with simulate() as sim:
            first = await start_owner(sim, "n1")
            sim.partition("n1", ["n2", "n3", "leases"])
            cut = sim.now
            with pytest.raises(AlreadyRegistered):
                await sim.on("n2", DistributedRegistry.register, "jobs", "x")
            await sim.converge()  # the loss is detected
            assert owner(sim, "n2") is None
            assert "n1" == owner(sim, "n1")
            with pytest.raises(AlreadyRegistered):
                await sim.on("n2", DistributedRegistry.register, "jobs", "x")
            await advance(cut + TTL - sim.now)
            assert not otp.is_alive(first)
            await start_owner(sim, "n2")
            sim.heal()
            await sim.converge()
            assert ["n2"] * 3 == [owner(sim, name) for name in sim.alive]
            assert [("n1", 1), ("n2", 2)] == epochs(sim)

    run(main)


def test_under_a_partition_both_sides_keep_what_they_own_if_both_reach_the_store() -> None:
    async def main() -> None:
        async with simulate() as sim:
            await start_owner(sim, "n1")
            sim.partition("n1", ["n2", "n3"])
            await advance(3 * TTL)
            assert "n1" == owner(sim, "n1")
            with pytest.raises(AlreadyRegistered):
                await sim.on("n2", DistributedRegistry.register, "jobs", "x")
            sim.heal()
            await sim.converge()
            assert ["n1"] * 3 == [owner(sim, name) for name in sim.alive]
            assert [] == when(sim, "lease_ended")

    run(main)


def test_an_owner_past_its_deadline_ends_before_it_handles_a_message() -> None:
    async def main() -> None:
        async with simulate(2) as sim:
            first = await start_owner(sim, "n1")
            before = len(when(sim, "handling"))
            leases: Any = sim["n1"].membership.shared.leases

            def stand_still() -> None:
                otp.send(first, "a message that is due before the timer")
                leases._deadline = 0.0  # as after a stall: time has passed, and no timer has fired yet

            await sim.on("n1", stand_still)
            await advance(0.1)
            assert not otp.is_alive(first)
            assert before == len(when(sim, "handling"))
            for name in sim.alive:
                await sim.stop(name)
            assert not hasattr(leases._membership.node.scheduler.drain, "checks")  # nothing is checked any more

    run(main)


@pytest.mark.parametrize(("seconds", "ends"), [(3.0, False), (2 * TTL, True)])
def test_a_stall_of_the_store_ends_owners_only_after_their_deadline(seconds: float, ends: bool) -> None:
    async def main() -> None:
        async with simulate(2) as sim:
            first = await start_owner(sim, "n1")
            sim.stall("leases")
            await advance(seconds)
            sim.resume("leases")
            await advance(TTL)
            assert ends is not otp.is_alive(first)

    run(main)


def test_a_slow_store_keeps_owners() -> None:
    async def main() -> None:
        async with simulate(2) as sim:
            sim.delay("n1", "leases", 1)
            sim.spawn("n1", own, sim)
            await advance(5 * TTL)
            assert ["n1"] * 2 == [owner(sim, name) for name in sim.alive]
            assert [] == when(sim, "lease_ended")

    run(main)


def test_a_member_that_leaves_ends_its_owners_and_frees_their_keys_at_once() -> None:
    async def main() -> None:
        async with simulate() as sim:
            first = await start_owner(sim, "n1")
            await sim.stop("n1")
            await advance(0.2)
            assert not otp.is_alive(first)
            await start_owner(sim, "n2")

    run(main)


def test_many_keys_are_registered_by_one_request() -> None:
    async def main() -> None:
        async with simulate(2) as sim:
            sim.delay("n1", "leases", 1)  # for each request and each answer
            entries = [(number, None) for number in range(1000)]

            async def own_many() -> None:
                sim.note("answers", answers=await DistributedRegistry.register_many("jobs", entries))
                await otp.receive()

            began = sim.now
            sim.spawn("n1", own_many)
            await advance(2.5)
            (event,) = [event for event in sim.history if event.kind == "answers"]
            assert dict.fromkeys(range(1000)) == event.data["answers"]
            assert 2 <= event.at - began < 2.5

    run(main)


def test_many_keys_cost_one_renewal() -> None:
    class Counted(MemoryLeases):
        renewals = 0

        async def renew(self, session: Any) -> None:
            self.renewals += 1
            await super().renew(session)

    async def main() -> int:
        async with simulate(1) as sim:
            store = sim._leases = Counted()  # pyright: ignore[reportPrivateUsage]
            await sim.start("n2")

            async def own_many() -> None:
                await DistributedRegistry.register_many("jobs", [(number, None) for number in range(1000)])
                await otp.receive()

            sim.spawn("n2", own_many)
            await advance(1)
            assert 1000 == len(sim.view("n1").registries["jobs"])
            before = store.renewals
            await advance(10 * TTL)
            return store.renewals - before

    assert 30 == run(main)


def test_who_does_not_own_a_key_has_no_epoch() -> None:
    async def main() -> None:
        async with simulate(2) as sim:
            await start_owner(sim, "n1")
            for name in sim.alive:
                with pytest.raises(NotOwner):
                    await sim.on(name, epoch, ("jobs", "x"))

    run(main)


def test_bad_arguments_of_lease_mode() -> None:
    async def main() -> None:
        async with SimulatedCluster(1) as sim:
            with pytest.raises(BadArgument, match="with a store of leases, got none; try"):
                await sim.on("n1", lambda: DistributedRegistry.start_link(name="r", consistency="lease"))
        async with simulate(2) as sim:
            with pytest.raises(BadArgument, match="expected keys='unique'"):
                await sim.on(
                    "n1", lambda: DistributedRegistry.start_link(name="r", keys="duplicate", consistency="lease")
                )
        with pytest.raises(BadArgument, match="lease_ttl above 0, got 0"):
            Settings(lease_ttl=0)
        both = {"n1": JOBS, "n2": DistributedRegistry.child_spec(name="jobs")}
        with pytest.raises(StartError, match="incompatible"):
            async with SimulatedCluster(2, children=lambda name: [both[name]], leases=True):
                pass

    run(main)


def test_a_session_of_memory_leases_that_has_ended_is_refused() -> None:
    async def main() -> None:
        leases = MemoryLeases()
        session = await leases.open("a", 1)
        await advance(1)
        for request in (leases.renew(session), leases.acquire(session, "x", ("a", 1, 1))):
            with pytest.raises(SessionEnded):
                await request

    run(main)


def test_the_default_ttl() -> None:
    assert TTL == TEACHING.lease_ttl
