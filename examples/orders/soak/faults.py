"""The faults: which one comes next is chosen by a seed."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, Literal

import httpx

from otp.observer import NodeView

from .stage import Stage, wait_ready

PROCESSES = ("database", "redis", "payments", "breaker", "dispatcher", "listener", "worker", "workers")
REASONS = ("kill", "crash", "shutdown")
PAUSE = (3.0, 6.0)  # seconds between two faults

Fault = tuple[str, Callable[[], Awaitable[object]]]


class Faults:
    def __init__(self, stage: Stage, seed: int, say: Callable[[str], None]) -> None:
        self.stage = stage
        self.random = random.Random(seed)
        self.say = say
        self.made = Counter[str]()
        self.stops: list[float] = []  # seconds from SIGTERM to the end of the service
        self.problems: list[str] = []

    async def run(self, seconds: float) -> None:
        """Make faults; the service is stopped in the first half only, so that its last run is a long one."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for number, (label, fault) in enumerate(self.deck(), 1):
            await asyncio.sleep(self.random.uniform(*PAUSE))
            passed = loop.time() - begun
            if passed > seconds:
                return
            if number % 5 == 0 and passed < seconds / 2:
                label, fault = "SIGTERM", self.restart_service
            self.say(f"{passed:7.1f} s  {label}")
            self.made[label] += 1
            await fault()
            if self.stage.service.has_ended():
                self.problems.append(f"expected the service to run on, got its end after the fault {label!r}")
                return

    def deck(self) -> Iterator[Fault]:
        """Yield all kinds of faults, each as often as it should happen, in an order of the seed."""
        while True:
            deck: list[Fault] = [self.exit_of_a_process() for _ in range(14)]
            deck += [(f"postgres {mode}", partial(self.restart_postgres, mode)) for mode in ("fast", "immediate")]
            deck += [(f"provider {mode}", partial(self.break_provider, mode)) for mode in ("error", "hang", "close")]
            deck += [("redis restart", self.restart_redis), ("SIGSTOP", self.pause)]
            self.random.shuffle(deck)
            yield from deck

    def exit_of_a_process(self) -> Fault:
        name = self.random.choice(PROCESSES)
        # A supervisor traps exit signals, and ignores those of other processes, as in Erlang.
        reason = "kill" if name == "workers" else self.random.choice(REASONS)
        return f"{reason} {name}", partial(self.exit, name, reason)

    async def exit(self, name: str, reason: str) -> None:
        async with self.stage.visit() as visitor:
            who = await self.a_worker(visitor.view) if name == "worker" else name
            if who is not None:
                await visitor.view.exit(who, reason)

    async def a_worker(self, view: NodeView) -> Any:
        children = (await view.which_children("workers")).children
        return children[0].pid if children else None

    async def restart_postgres(self, mode: Literal["fast", "immediate"]) -> None:
        await asyncio.to_thread(self.stage.postgres.restart, mode)

    async def restart_redis(self) -> None:
        await self.stage.redis.stop()
        self.stage.redis.start()

    async def break_provider(self, mode: str) -> None:
        async with httpx.AsyncClient(base_url=self.stage.provider_url, trust_env=False) as client:
            await client.put(f"/mode/{mode}")
            await asyncio.sleep(self.random.uniform(*PAUSE))
            await client.put("/mode/ok")

    async def pause(self) -> None:
        self.stage.service.signal(signal.SIGSTOP)
        await asyncio.sleep(1)
        self.stage.service.signal(signal.SIGCONT)

    async def restart_service(self) -> None:
        self.stops.append(await self.stage.service.stop())
        self.stage.service.start()
        await wait_ready(f"{self.stage.service_url}/health/live")
        async with self.stage.visit():
            pass  # the first visit imports the platform: not later, when memory is compared
