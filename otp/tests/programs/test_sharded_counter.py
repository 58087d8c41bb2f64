"""Counters by key, divided among partitions; a burst of visits counted by tasks; the total by asking all."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

import otp
from otp import GenServer, NoReply, Ok, PartitionSupervisor, Reply, Supervisor, Task, impl
from otp.testing import start_supervised, wait_all_idle

PAGES = ["/", "/about", "/docs", "/docs/api", "/blog", "/blog/1"]


class Shard(GenServer[Counter[str]]):
    @impl
    def init(self, arg: Any) -> Any:
        return Ok(Counter())

    @impl
    def handle_cast(self, request: Any, counts: Counter[str]) -> Any:
        match request:
            case ("visit", page):
                return NoReply(counts + Counter([page]))

    @impl
    def handle_call(self, request: Any, caller: Any, counts: Counter[str]) -> Any:
        match request:
            case ("visits", page):
                return Reply(counts[page], counts)
            case "all":
                return Reply(counts, counts)


def visit(page: str) -> None:
    GenServer.cast(PartitionSupervisor.via("visits", page), ("visit", page))


async def visits(page: str) -> int:
    return await GenServer.call(PartitionSupervisor.via("visits", page), ("visits", page))


async def totals() -> Counter[str]:
    shards = [child.pid for child in await Supervisor.which_children("visits")]
    async with Task.async_stream(shards, GenServer.call, "all") as counts:
        return sum([outcome.value async for outcome in counts], Counter())


@pytest.mark.otp(seed=(0, 1, 2))
async def test_every_visit_is_counted_once_in_the_shard_of_its_page() -> None:
    await start_supervised(PartitionSupervisor.child_spec(Shard, name="visits", partitions=3))
    expected = Counter({page: otp.random.randrange(1, 20) for page in PAGES})
    for page in otp.random.sample(list(expected.elements()), expected.total()):
        visit(page)
    assert {page: await visits(page) for page in PAGES} == expected
    assert await totals() == expected


@pytest.mark.otp(seed=(0, 1, 2))
async def test_a_crash_costs_the_counts_of_one_shard_only() -> None:
    await start_supervised(PartitionSupervisor.child_spec(Shard, name="visits", partitions=3))
    for page in PAGES:
        visit(page)
    victim = otp.whereis(PartitionSupervisor.via("visits", "/"))
    lost = {page for page in PAGES if otp.whereis(PartitionSupervisor.via("visits", page)) == victim}
    assert 0 < len(lost) < len(PAGES)
    assert (await totals()).total() == len(PAGES)
    otp.exit(victim, "kill")
    await wait_all_idle()
    assert await totals() == Counter(page for page in PAGES if page not in lost)
