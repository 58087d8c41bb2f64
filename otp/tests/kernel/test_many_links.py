"""The end of a process with very many links or monitors does not block the loop.

The process and its name end in one step; its links and monitors are notified in slices, in order.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from echo_server import Echo
from otp import ChildSpec, Supervisor
from otp.kernel.ends import death
from otp.kernel.tables.scheduler import BUDGET
from otp.testing import Scheduler, wait_all_idle
from task_functions import never

MANY = 8_000
LOOPS = {"otp.run": otp.run, "inline": Scheduler(inline=True).run, "seeded": Scheduler(seed=4).run}


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Any:
    return LOOPS[request.param]


class Turns:
    """A count of the processes that end between two turns of the loop."""

    def __init__(self) -> None:
        self.node = otp.node()
        self.loop = asyncio.get_running_loop()
        self.before = self.before_all = len(self.node.processes())
        self.most = 0
        self.handle = self.loop.call_soon(self.turn)

    def turn(self) -> None:
        now = len(self.node.processes())
        self.most = max(self.most, self.before - now)
        self.before = now
        self.handle = self.loop.call_soon(self.turn)

    def stop(self) -> int:
        self.handle.cancel()
        return self.most


async def star(n: int) -> None:
    for _ in range(n):
        otp.spawn_link(never)
    await never()


async def chain(n: int, last: otp.Pid) -> None:
    if n:
        otp.spawn_link(chain, n - 1, last)
    else:
        otp.send(last, "ready")
    await never()


def test_linked_processes_end_in_slices() -> None:
    async def main() -> Any:
        hub = otp.spawn(star, MANY)
        await wait_all_idle()
        otp.register("hub", hub)
        turns = Turns()
        otp.exit(hub, "boom")
        at_once = otp.is_alive(hub), otp.whereis("hub"), len(otp.processes())
        await wait_all_idle()
        return at_once, turns.stop(), otp.processes() == [otp.self()]

    (alive, holder, left), most, gone = otp.run(main)
    assert (alive, holder, gone) == (False, None, True)
    assert left > MANY - BUDGET
    assert most <= 2 * BUDGET


def test_a_chain_of_links_ends_in_slices() -> None:
    async def main() -> Any:
        first = otp.spawn(chain, 40_000, otp.self())
        await otp.receive()
        await wait_all_idle()
        otp.exit(first, "boom")
        turns = Turns()
        await wait_all_idle()
        return turns.before_all, turns.stop(), len(otp.processes())

    after_one_step, most, left = otp.run(main)
    assert 10_000 < after_one_step < 20_000
    assert left == 1
    assert most <= 2 * BUDGET


def test_monitors_are_notified_in_the_order_in_which_they_were_made(run: Any) -> None:
    async def main() -> Any:
        pid = otp.spawn(never)
        refs = [otp.monitor(pid) for _ in range(MANY)]
        otp.exit(pid, "boom")
        at_once = otp.process_info(otp.self(), "message_queue_len")
        downs = [await otp.receive() for _ in refs]
        return at_once, [down.ref for down in downs] == refs, {down.reason for down in downs}

    at_once, in_order, reasons = run(main)
    assert at_once < BUDGET
    assert (in_order, reasons) == (True, {"boom"})


def test_links_are_notified_in_the_order_in_which_they_were_made(run: Any) -> None:
    async def main() -> Any:
        order: list[int] = []
        hub = otp.spawn(never)

        async def linked(n: int) -> None:
            otp.process_flag("trap_exit", True)
            otp.link(hub)
            order.append(-n)
            await otp.receive()
            order.append(n)

        pids = []
        for n in range(6_000):
            pids.append(otp.spawn(linked, n))
            await wait_all_idle()
        del order[:]
        otp.exit(hub, "boom")
        await wait_all_idle()
        return order, any(map(otp.is_alive, pids))

    order, alive = run(main)
    assert not alive
    assert sorted(order) == list(range(6_000))
    if run is not LOOPS["seeded"]:
        assert order == sorted(order)


def test_unlink_and_demonitor_take_back_a_notice_that_waits(run: Any) -> None:
    async def main() -> Any:
        hub = otp.spawn(never)
        others = [otp.spawn(star_of, hub) for _ in range(6_000)]
        await wait_all_idle()
        otp.process_flag("trap_exit", True)
        otp.link(hub)
        ref = otp.monitor(hub)
        otp.exit(hub, "boom")
        otp.unlink(hub)
        otp.demonitor(ref)
        await wait_all_idle()
        return otp.process_info(otp.self(), "message_queue_len"), any(map(otp.is_alive, others))

    assert run(main) == (0, False)


async def star_of(hub: otp.Pid) -> None:
    otp.link(hub)
    await never()


def test_a_supervisor_with_many_children_that_is_killed_takes_them_along(run: Any) -> None:
    async def main() -> Any:
        specs = [ChildSpec(n, start=(otp.Task.start_link, never), restart="temporary") for n in range(6_000)]
        sup = await Supervisor.start_link_children(specs)
        otp.process_flag("trap_exit", True)
        otp.exit(sup, "kill")
        await wait_all_idle()
        return len(otp.processes())

    assert run(main) == 1


@pytest.mark.parametrize("resting", [True, False], ids=["servers", "coroutines"])
def test_ends_one_after_the_other_are_no_cascade(run: Any, resting: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each end is notified in its own step, even if many came before it."""
    monkeypatch.setattr(death, "IN_ONE_STEP", 20)

    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        pids = [await Echo.start_link(None) if resting else otp.spawn_link(never) for _ in range(30)]
        await wait_all_idle()
        linked: list[int] = []
        for pid in pids:
            otp.exit(pid, "boom")
            linked.append(len(otp.process_info(otp.self(), "links") or ()))
        return linked

    assert run(main) == list(reversed(range(30)))


def test_who_hears_of_an_end_in_a_slice_has_its_link_no_more(run: Any) -> None:
    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        hub = otp.spawn_link(star, MANY)
        await wait_all_idle()
        otp.exit(hub, "boom")
        return (await otp.receive()).pid is hub, otp.process_info(otp.self(), "links")

    assert run(main) == (True, ())
