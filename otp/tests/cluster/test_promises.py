"""What members see while everything goes wrong, and that they agree afterwards; each seed is a history."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack
from typing import Any

import pytest

from many_seeds import share_of
from otp.cluster import Cluster, JoinRefused
from otp.distribution.faults import Cut, Drop, Hold
from otp.testing import Scheduler
from simulated_clusters import SETTINGS, Clusters, MembershipLog, me, settle

FAULTS_END = 10.0
CONVERGED_WITHIN = SETTINGS.dead + 2.0
"""Seconds after the last fault in which the views agree (part 43: within `dead` + 2)."""
REASONS = {"left", "timeout", "connection_lost", "disconnected"}


class World:
    """Some members and their misfortunes, all drawn from one seed."""

    def __init__(self, c: Clusters, seed: int) -> None:
        self.c = c
        self.random = random.Random(seed)
        self.alive: dict[str, Cluster] = {}
        self.asleep: set[Cluster] = set()
        self.busy: set[str] = set()
        self.tasks: list[asyncio.Task[Any]] = []
        self.diaries: list[tuple[Cluster, MembershipLog]] = []

    async def start(self, name: str) -> None:
        address = [f"sim/{other}" for other in self.alive if other != name]
        self.random.shuffle(address)
        try:
            cluster = await self.c.join(name, connect=() if self.c.hints else address[:2], timeout=30)
        except JoinRefused:
            return  # nobody was reachable
        self.alive[name] = cluster
        self.diaries.append((cluster, MembershipLog(cluster)))

    async def run(self) -> None:
        names = "abcde"[: self.random.choice([2, 3, 3, 4, 5])]
        for name in names:
            await self.start(name)
        if not self.c.hints:
            assert len(self.alive) == len(names)
        for _ in range(10):
            await settle(self.random.uniform(0.0, 2 * FAULTS_END / 10))
            self.go_wrong()
        self.heal()
        await asyncio.gather(*self.tasks)
        self.heal()
        if not self.c.hints:
            await self.meet()
        await settle(CONVERGED_WITHIN)
        self.check()

    async def meet(self) -> None:
        """Without discovery, those that know nobody any more are connected again, as a person would."""
        first, *others = (cluster for cluster in self.alive.values() if cluster.members())
        for other in others:
            await first.connect(f"sim/{me(other).name}")

    def go_wrong(self) -> None:
        draw = self.random
        free = [name for name in self.alive if name not in self.busy]
        if len(free) < 2:
            return
        one, other = draw.sample(free, 2)
        cluster, network, seconds = self.alive[one], self.c.network, draw.choice([0.1, 0.4, 0.9, 1.5, 3.0])
        match draw.choice(
            ["cut", "cut", "one way", "drop", "hold", "stall", "kill", "leave", "heal", "twin", "disconnect"]
        ):
            case "cut":
                network.cut(one, other)
            case "one way":
                network.fault(one, other, Cut(other))
            case "drop":
                network.fault(one, other, Drop(other, draw.uniform(0.05, 0.5)))
            case "hold":
                network.fault(one, other, Hold(other))
            case "stall" if cluster not in self.asleep:
                self.c.stall(cluster)
                self.asleep.add(cluster)
                self.tasks.append(asyncio.ensure_future(self.wake(cluster, seconds)))
            case "kill":
                self.again(one, cluster, self.c.kill(cluster), seconds)
            case "leave" if cluster not in self.asleep:
                self.again(one, cluster, cluster.leave(), seconds)
            case "heal":
                network.heal()
            case "twin":
                self.tasks.append(asyncio.ensure_future(self.twin(one)))
            case "disconnect":
                if cluster.disconnect(other):
                    self.tasks.append(asyncio.ensure_future(self.reconnect(cluster, other, seconds)))

    def again(self, name: str, cluster: Cluster, ending: Any, seconds: float) -> None:
        """End a member and start it again some time later."""
        self.busy.add(name)

        async def restart() -> None:
            await ending
            await settle(seconds)
            await self.start_again(name, cluster)
            self.busy.discard(name)

        self.tasks.append(asyncio.ensure_future(restart()))

    async def start_again(self, name: str, before: Cluster) -> None:
        self.asleep.discard(before)
        if self.alive[name] is before:
            del self.alive[name]
        while name not in self.alive:
            await self.start(name)
            if name not in self.alive:
                self.c.network.heal()

    async def twin(self, name: str) -> None:
        """A second member with a name that is in use."""
        try:
            cluster = await self.c.join(name, connect=() if self.c.hints else f"sim/{name}")
        except JoinRefused:
            return
        self.alive[name] = max([self.alive.get(name, cluster), cluster], key=me)
        self.diaries.append((cluster, MembershipLog(cluster)))

    async def wake(self, cluster: Cluster, seconds: float) -> None:
        await settle(seconds)
        self.asleep.discard(cluster)
        self.c.resume(cluster)

    async def reconnect(self, cluster: Cluster, other: str, seconds: float) -> None:
        await settle(seconds)
        self.c.network.heal()
        there = self.alive.get(other)
        if cluster.members() and there is not None and there.members():
            try:
                await cluster.connect(f"sim/{other}")
            except JoinRefused:
                pass

    def heal(self) -> None:
        self.c.network.heal()
        for cluster in list(self.asleep):
            self.asleep.discard(cluster)
            self.c.resume(cluster)

    def check(self) -> None:
        running = [cluster for cluster, _ in self.diaries if cluster.members()]
        views = {str(cluster.members()[0]): {str(member) for member in cluster.members()} for cluster in running}
        everybody = set(views)
        assert len(everybody) == len(running)
        assert all(view == everybody for view in views.values()), f"views differ: {views}"
        names = [text.partition("#")[0] for text in everybody]
        assert len(set(names)) == len(names), f"a name is there twice: {everybody}"
        for cluster, diary in self.diaries:
            self.check_log(cluster, diary)

    def check_log(self, cluster: Cluster, diary: MembershipLog) -> None:
        up: dict[str, str] = {}
        leaving: set[str] = set()
        for kind, member, *rest in diary.events:
            name = member.partition("#")[0]
            assert int(member.partition("#")[2]) <= self.c.incarnation, f"a member that never was: {member}"
            match kind:
                case "up":
                    assert name not in up, f"{member} came up twice"
                    up[name] = member
                case "leaving":
                    assert up[name] == member
                    leaving.add(member)
                case _:
                    assert up.pop(name) == member, f"{member} went down and was not up"
                    assert rest[0] in REASONS
                    assert rest[0] != "left" or member in leaving or member == diary.events[0][1]
        seen = {str(member) for member in cluster.members()}
        assert set(up.values()) == seen, f"the messages give {up}, members() {seen}"


def check(seed: int) -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            c = Clusters(stack, seed=seed, hints=seed % 3 > 0, most=random.Random(seed).choice([0.002, 0.02, 0.1]))
            await World(c, seed).run()

    try:
        Scheduler(inline=True).run(main)
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {error}") from error


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_members_agree_whatever_went_wrong(first: int) -> None:
    for seed in range(first, first + 20):
        check(seed)


@pytest.mark.slow
@pytest.mark.parametrize("first", share_of(range(100, 2_100, 100)))
def test_members_agree_in_two_thousand_histories(first: int) -> None:
    for seed in range(first, first + 100):
        check(seed)
