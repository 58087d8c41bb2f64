"""Distributed supervisors in lease mode: no child runs on two members, whatever the network and the store do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

import otp
from otp import GenServer, NoReply, Ok, Reply, impl
from otp.cluster import DistributedSupervisor, LeaseUnavailable, NotOwner, Singleton, epoch, supervisor_server
from otp.cluster.claims import plain
from otp.cluster.simulation import SimulatedCluster
from otp.kernel.values.errors import AlreadyStarted, StartError
from otp.testing import Scheduler, advance

TTL = 10.0
NOTE: list[Callable[..., None]] = []


class Job(GenServer[int]):
    """Counts calls, notes each message that it begins to handle, and hands its count over."""

    @impl
    def init(self, arg: Any) -> Any:
        number = epoch(("jobs", "j"))
        if arg == "refuse" and number > 1:
            return otp.Stop("refused")
        return Ok(0)

    @impl
    def handle_call(self, request: Any, caller: Any, state: int) -> Any:
        self.note()
        if request == "epoch":
            return Reply(epoch(("jobs", "j")), state)
        if request == "crash":
            raise ValueError("crash")
        return Reply(state + 1, state + 1)

    @impl
    def handle_info(self, message: Any, state: int) -> Any:
        self.note()
        return NoReply(state + 1)

    def note(self) -> None:
        holder = plain(otp.whereis("jobs"))  # the supervisor on this member has the lease
        for note in NOTE:
            note("handling", table=("supervisor", "jobs"), key="j", pid=holder)

    @impl
    def handoff(self, state: int) -> Any:
        return state

    @impl
    def take_over(self, arg: Any, term: Any) -> Any:
        return Ok(term)


class Asking(GenServer[None]):
    """Asks for the epochs of the children, in its `init` after some seconds, and in calls; it ends by a cast."""

    asked: list[Any] = []

    @impl
    async def init(self, arg: Any) -> Any:
        await advance(arg)
        self.asked.append(known_epochs())
        return Ok(None)

    @impl
    def handle_call(self, request: Any, caller: Any, state: None) -> Any:
        return Reply(known_epochs(), state)

    @impl
    def handle_cast(self, request: Any, state: None) -> Any:
        return otp.Stop(request, state)


def known_epochs() -> str:
    """Return the ids whose epochs the calling process gets."""
    known = ""
    for id in "jkl":
        with suppress(NotOwner):
            known += id * epoch(("jobs", id))
    return known


async def start_slowly(before: float, after: float) -> Any:
    """Start an agent, and wait before and after that."""
    await advance(before)
    pid = await otp.Agent.start_link(lambda: 0)
    STARTED.append(pid)
    await advance(after)
    return pid


STARTED: list[Any] = []
JOBS = DistributedSupervisor.child_spec(name="jobs", consistency="lease")


def run(test: Callable[[SimulatedCluster], Any], members: int = 3, seed: int = 1, children: Any = (JOBS,)) -> Any:
    async def main() -> Any:
        async with SimulatedCluster(
            members, children=list(children), leases=True, allow=[Asking, Job, start_slowly]
        ) as sim:
            NOTE[:] = [sim.note]
            return await test(sim)

    return Scheduler(seed=seed).run(main)


async def start(sim: SimulatedCluster, on: str = "n1", prefer: str | None = None, arg: Any = 0) -> Any:
    def ask() -> Any:
        return DistributedSupervisor.start_child("jobs", Job.child_spec(arg, id="j"), on=prefer)

    return await sim.on(on, ask)


def place(sim: SimulatedCluster, seen_by: str) -> str | None:
    """Return the member on which the child runs, as one member sees it."""
    pid = sim.view(seen_by).supervisors["jobs"].get("j")
    return None if pid is None else pid.node


async def call(sim: SimulatedCluster, on: str, request: Any = "count") -> Any:
    return await sim.on(on, GenServer.call, sim.view(on).supervisors["jobs"]["j"], request)


async def reason_of(pid: Any) -> Any:
    otp.monitor(pid)
    return (await otp.receive()).reason


def acquired(sim: SimulatedCluster) -> list[tuple[str, int]]:
    """Return the members that had the lease so far, with their epochs."""
    found = [event.data for event in sim.history if event.kind == "lease_acquired"]
    return [(data["pid"][0], data["epoch"]) for data in found]


def test_a_child_knows_its_epoch_from_init_on_and_keeps_it_when_it_is_restarted() -> None:
    async def test(sim: SimulatedCluster) -> None:
        pid = await start(sim, prefer="n2")
        assert ("n2", 1) == (pid.node, await call(sim, "n1", "epoch"))
        with pytest.raises(otp.CallExit):
            await call(sim, "n1", "crash")
        await sim.converge()
        assert ("n2", 1) == (place(sim, "n1"), await call(sim, "n1", "epoch"))
        with pytest.raises(NotOwner):
            await sim.on("n2", epoch, ("jobs", "j"))
        assert [("n2", 1)] == acquired(sim)

    run(test)


def test_a_child_gets_no_epoch_of_a_sibling_while_one_of_them_starts_or_restarts() -> None:
    async def begin(sim: SimulatedCluster, id: str, seconds: float) -> Any:
        child = Asking.child_spec(seconds, id=id)
        return await sim.on("n1", lambda: DistributedSupervisor.start_child("jobs", child, on="n1"))

    async def test(sim: SimulatedCluster) -> None:
        first = await begin(sim, "j", 0)
        slow = asyncio.ensure_future(asyncio.gather(begin(sim, "k", 1), begin(sim, "l", 1)))
        await advance(0.5)
        assert "j" == await sim.on("n1", GenServer.call, first, "epochs")
        await slow
        assert ["j", "k", "l"] == sorted(Asking.asked)
        for id in "jkl":  # all have ended before the first one is restarted
            otp.exit(sim.view("n1").supervisors["jobs"][id], "kill")
        await sim.on("n1", advance, 3)
        assert ["j", "k", "l"] == sorted(Asking.asked[3:])

    Asking.asked.clear()
    run(test)


def test_a_second_start_is_refused_on_each_side_of_a_cut() -> None:
    async def test(sim: SimulatedCluster) -> None:
        pid = await start(sim, prefer="n1")
        with pytest.raises(AlreadyStarted) as caught:
            await start(sim, "n2")
        assert plain(pid) == plain(caught.value.pid)
        sim.partition(["n1"], ["n2", "n3"])
        await sim.converge()
        with pytest.raises(AlreadyStarted):
            await start(sim, "n2")
        sim.heal()
        await sim.converge()
        assert {"n1"} == {place(sim, name) for name in sim.alive}

    run(test)


def test_a_child_of_a_killed_member_starts_elsewhere_once_the_lease_has_expired() -> None:
    async def test(sim: SimulatedCluster) -> None:
        await start(sim, prefer="n3")
        began = sim.now
        sim.kill("n3")
        await sim.converge()
        assert place(sim, "n1") in ("n1", "n2")
        assert TTL / 2 < sim.now - began < TTL + sim.settings.dead + sim.settle + 1
        assert 2 == await call(sim, "n1", "epoch")

    run(test)


def test_a_cut_keeps_the_child_where_it_is_while_its_member_reaches_the_store() -> None:
    async def test(sim: SimulatedCluster) -> None:
        await start(sim, prefer="n1")
        sim.partition(["n1"], ["n2", "n3"])
        await advance(3 * TTL)
        assert ("n1", None) == (place(sim, "n1"), place(sim, "n2"))
        assert [("n1", 1)] == acquired(sim)
        sim.heal()
        await sim.converge()
        assert 1 == await call(sim, "n2")

    run(test)


def test_a_child_ends_at_the_deadline_of_a_member_that_lost_the_store_and_starts_elsewhere() -> None:
    async def test(sim: SimulatedCluster) -> None:
        pid = await start(sim, prefer="n1")
        began = sim.now
        sim.cut("n1", "leases")
        assert ("lease_lost", ("jobs", "j")) == await sim.on("n2", reason_of, pid)
        assert sim.now - began <= TTL
        await advance(TTL)
        assert place(sim, "n1") in ("n2", "n3")
        assert 2 == await call(sim, "n1", "epoch")
        assert 1 == (await sim.on("n1", DistributedSupervisor.count_children, "jobs")).active
        sim.heal()
        await advance(TTL)
        assert [name for name, _ in acquired(sim)] == ["n1", place(sim, "n1")]

    run(test)


def test_a_lost_lease_counts_in_no_restart_intensity() -> None:
    async def test(sim: SimulatedCluster) -> None:
        await start(sim, prefer="n1")
        supervisor = sim["n1"].node.whereis("jobs")
        for _ in range(4):
            sim.cut("n1", "leases")
            await advance(2 * TTL)
            sim.heal()
            await advance(TTL)
            sim.partition(["n1"], ["n2", "n3"])
            await advance(2)
            sim.heal()
            await sim.converge()
            await sim.on("n2", DistributedSupervisor.terminate_child, "jobs", "j")
            await start(sim, prefer="n1")
        assert supervisor == sim["n1"].node.whereis("jobs")
        assert "n1" == place(sim, "n2")

    run(test)


def test_without_the_store_no_child_starts_and_the_error_says_so() -> None:
    async def test(sim: SimulatedCluster) -> None:
        sim.stall("leases")
        began = sim.now
        with pytest.raises(LeaseUnavailable):
            await start(sim)
        assert sim.now - began <= 6
        sim.resume("leases")
        await advance(TTL)
        await start(sim)
        assert await call(sim, "n2") == 1

    run(test)


def test_a_start_goes_to_a_member_that_reaches_the_store_if_the_chosen_one_does_not() -> None:
    async def main(sim: SimulatedCluster) -> None:
        sim.cut("n1", "leases")
        pid = await start(sim, prefer="n1")
        assert pid.node != "n1"
        assert sim.now < 5
        await sim.on("n1", DistributedSupervisor.terminate_child, "jobs", "j")
        sim.cut("n2", "leases")
        sim.cut("n3", "leases")
        began = sim.now
        with pytest.raises(LeaseUnavailable):
            child = Job.child_spec(0, id="x")
            await sim.on("n1", lambda: DistributedSupervisor.start_child("jobs", child, timeout=1))
        assert sim.now - began <= 1.5

    run(main)


def test_a_singleton_starts_on_a_member_that_reaches_the_store() -> None:
    async def main() -> None:
        solo = Singleton.child_spec(otp.DynamicSupervisor, name="solo", consistency="lease")
        names = ["n1", "n2", "n3"]

        def children(name: str) -> list[Any]:
            return [solo] if name in names else []

        for reaches in names:  # the hash chooses one that does not, in two of three
            async with SimulatedCluster(["n0"], children=children, leases=True, allow=[otp.DynamicSupervisor]) as sim:
                for name in names:
                    if name != reaches:
                        sim.cut(name, "leases")
                    await sim.start(name)
                await advance(20)
                assert [reaches] == [pid.node for pid in sim.view("n1").supervisors["solo"].values()]

    Scheduler(seed=1).run(main)


def test_a_start_that_waits_too_long_for_the_store_frees_the_lease() -> None:
    async def main(sim: SimulatedCluster) -> None:
        for name in sim.alive:
            sim.delay(name, "leases", 2)  # the answer comes after the start has failed
        with pytest.raises(LeaseUnavailable):
            await start(sim, prefer="n1")
        sim.heal()
        await advance(5)
        assert "n2" == (await start(sim, on="n2", prefer="n2")).node

    run(main, members=2)


def test_a_planned_leave_hands_state_and_lease_over_at_once() -> None:
    async def test(sim: SimulatedCluster) -> None:
        await start(sim, prefer="n3")
        assert 1 == await call(sim, "n1")
        began = sim.now
        await sim.stop("n3")
        assert sim.now - began < 2
        assert 2 == await call(sim, "n1")
        assert [1, 2] == [number for _, number in acquired(sim)]

    run(test)


def test_rebalance_moves_a_child_with_its_lease() -> None:
    async def test(sim: SimulatedCluster) -> None:
        await start(sim, prefer="n3")
        await sim.stop("n3")
        await sim.start("n3")
        await sim.on("n1", DistributedSupervisor.rebalance, "jobs")
        await sim.converge()
        assert 1 == await call(sim, "n1")
        assert 1 == (await sim.on("n1", DistributedSupervisor.count_children, "jobs")).active

    run(test)


def test_a_terminated_child_frees_its_lease_and_starts_again_with_the_next_epoch() -> None:
    async def test(sim: SimulatedCluster) -> None:
        await start(sim, prefer="n1")
        await sim.on("n2", DistributedSupervisor.terminate_child, "jobs", "j")
        await start(sim, "n2", prefer="n2")
        assert [("n1", 1), ("n2", 2)] == acquired(sim)

    run(test)


@pytest.mark.parametrize("waits", [(2 * TTL, 0), (0, 2 * TTL)])
def test_a_child_whose_lease_ends_during_its_start_does_not_run_and_its_supervisor_runs_on(waits: Any) -> None:
    async def test(sim: SimulatedCluster) -> None:
        supervisor = sim["n1"].node.whereis("jobs")
        slow = otp.ChildSpec("j", (start_slowly, *waits))
        starting = sim.on("n1", lambda: DistributedSupervisor.start_child("jobs", slow, on="n1"))
        task = asyncio.ensure_future(starting)
        await advance(1)
        sim.cut("n1", "leases")
        with pytest.raises(LeaseUnavailable):
            await task
        assert "noproc" == await sim.on("n1", reason_of, STARTED.pop())
        sim.heal()
        await advance(TTL)
        await start(sim, prefer="n1")
        assert supervisor == sim["n1"].node.whereis("jobs")
        assert 1 == (await sim.on("n2", DistributedSupervisor.count_children, "jobs")).active

    run(test)


def test_a_start_that_fails_frees_the_lease() -> None:
    async def test(sim: SimulatedCluster) -> None:
        await start(sim, prefer="n1", arg="refuse")
        await sim.on("n1", DistributedSupervisor.terminate_child, "jobs", "j")
        with pytest.raises(StartError, match="refused"):
            await start(sim, prefer="n1", arg="refuse")
        await sim.converge()
        await start(sim, "n2", prefer="n2")
        assert "n2" == place(sim, "n1")

    run(test)


def test_the_supervisor_of_a_member_that_ends_gives_its_children_to_others() -> None:
    async def test(sim: SimulatedCluster) -> None:
        await start(sim, prefer="n1")
        otp.exit(sim["n1"].node.whereis("jobs"), "kill")
        await advance(4)
        assert place(sim, "n2") is not None
        assert 1 == await call(sim, "n2")

    run(test)


def test_a_member_that_resumes_after_its_deadline_ends_its_children_before_they_handle_a_message() -> None:
    async def test(sim: SimulatedCluster) -> None:
        pid = await start(sim, prefer="n1")
        sim.cut("n1", "leases")
        sim.partition(["n1"], ["n2", "n3"])
        await advance(TTL * 0.8)
        sim.spawn("n1", otp.send_after, 3.0, pid, "late")
        await advance(2 * TTL)
        assert place(sim, "n2") in ("n2", "n3")
        sim.heal()
        await sim.converge()
        assert 1 == (await sim.on("n2", DistributedSupervisor.count_children, "jobs")).active

    run(test)


def test_a_singleton_runs_once_however_long_a_cut_lasts() -> None:
    singleton = Singleton.child_spec(otp.DynamicSupervisor, name="one", consistency="lease")

    async def main() -> None:
        async with SimulatedCluster(3, children=[singleton], leases=True, allow=[otp.DynamicSupervisor]) as sim:
            (first,) = {view.node for name in sim.alive if (view := sim.view(name).supervisors["one"]["one"])}
            others = [name for name in sim.alive if name != first]
            sim.partition([first], others)
            await advance(3 * TTL)
            assert [None, None] == [sim.view(name).supervisors["one"].get("one") for name in others]
            sim.kill(first)
            sim.heal()
            await advance(2 * TTL)
            assert 1 == len({sim.view(name).supervisors["one"]["one"].node for name in sim.alive})

    Scheduler(seed=3).run(main)


def test_a_singleton_of_a_member_never_seen_starts_once_its_lease_has_expired() -> None:
    singleton = Singleton.child_spec(otp.DynamicSupervisor, name="one", consistency="lease")

    async def main() -> None:
        async with SimulatedCluster(1, children=[singleton], leases=True, allow=[otp.DynamicSupervisor]) as sim:
            sim.cut("n1", "n2")
            await sim.start("n2")
            await advance(TTL)
            assert sim.view("n2").supervisors["one"].get("one") is None
            sim.kill("n1")
            await advance(2 * TTL)
            assert "n2" == sim.view("n2").supervisors["one"]["one"].node

    Scheduler(seed=1).run(main)


def test_a_move_that_is_refused_leaves_the_lease_to_another_member(monkeypatch: pytest.MonkeyPatch) -> None:
    real: Any = supervisor_server._spec

    def refuse(state: Any, id: Any, term: Any, node: Any = None) -> Any:
        here = state.shared.membership.me.name
        return ("not_spawnable", "it") if here == "n2" and node != here else real(state, id, term, node)

    monkeypatch.setattr(supervisor_server, "_spec", refuse)

    async def test(sim: SimulatedCluster) -> None:
        await start(sim, prefer="n1")
        supervisor = sim["n1"].node.whereis("jobs")
        await sim.on("n1", lambda: otp.GenServer.call(supervisor, ("move", [("j", "n2")]), 30))
        await advance(TTL)
        assert place(sim, "n1") in ("n1", "n3")
        assert 1 == (await sim.on("n3", DistributedSupervisor.count_children, "jobs")).active

    run(test)


def test_other_options_elsewhere_are_refused_with_what_to_use() -> None:
    async def begin() -> str | None:
        otp.process_flag("trap_exit", True)
        with pytest.raises(StartError) as caught:
            await DistributedSupervisor.start_link(name="jobs")
        return caught.value.hint

    async def test(sim: SimulatedCluster) -> None:
        expected = "another member has the supervisor 'jobs' with consistency='lease'; use the same here"
        await sim.start("n3")
        assert expected == await sim.on("n3", begin)

    async def main() -> None:
        async with SimulatedCluster(2, children=lambda name: [JOBS] if name != "n3" else [], leases=True) as sim:
            await test(sim)

    Scheduler(seed=1).run(main)
