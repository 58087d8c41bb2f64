"""The load: clients that send orders at a bounded rate, and repeat them until they are accepted."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from dataclasses import dataclass, field
from itertools import count
from uuid import UUID

import httpx

AT_ONCE = 40
PATIENCE = 60.0


@dataclass
class Results:
    accepted: dict[UUID, int] = field(default_factory=dict[UUID, int])  # and their cents
    unanswered: set[UUID] = field(default_factory=set[UUID])
    answers: Counter[int] = field(default_factory=Counter[int])
    lost: dict[int, str] = field(default_factory=dict[int, str])  # requests whose connection broke, by number
    seconds: list[float] = field(default_factory=list[float])  # each request that was accepted


class Load:
    """Orders at `rate` a second. Each connection carries one request, so none is closed while it is idle."""

    def __init__(self, url: str, rate: float, seed: int) -> None:
        self.rate = rate
        self.random = random.Random(seed)
        self.results = Results()
        limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=0)
        self.client = httpx.AsyncClient(base_url=url, timeout=PATIENCE, limits=limits, trust_env=False)
        self.numbers = count(1)
        self.recent = deque[UUID](maxlen=100)
        self.clients: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Send until cancelled; a client that waits holds back no other, up to `AT_ONCE`."""
        while True:
            await asyncio.sleep(self.random.expovariate(self.rate))
            if len(self.clients) < AT_ONCE:
                client = asyncio.create_task(self.order())
                self.clients.add(client)
                client.add_done_callback(self.clients.discard)

    async def close(self) -> None:
        """Wait for the clients that still wait for an answer, but not forever."""
        if self.clients:
            _, late = await asyncio.wait(self.clients, timeout=1.5 * PATIENCE)
            for client in late:
                client.cancel()
        await self.client.aclose()

    async def order(self) -> None:
        id = UUID(int=self.random.getrandbits(128), version=4)
        cents = self.random.randint(1, 10_000)
        self.results.unanswered.add(id)
        body = {"customer": f"customer {self.random.randrange(100)}", "cents": cents}
        for attempt in range(30):
            status = await self.send("PUT", id, body)
            if status == 202:
                self.results.accepted[id] = cents
                self.results.unanswered.discard(id)
                self.recent.append(id)
                await self.send("GET", self.random.choice(self.recent))
                return
            await asyncio.sleep(min(0.2 * 2**attempt, 2))

    async def send(self, method: str, id: UUID, body: dict[str, object] | None = None) -> int | None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        number = next(self.numbers)
        headers = {"X-Request-ID": str(number)}
        try:
            answer = await self.client.request(method, f"/orders/{id}", json=body, headers=headers)
        except httpx.TransportError as error:
            self.results.lost[number] = f"{method} after {loop.time() - begun:.1f} s: {type(error).__name__} {error}"
            return None
        self.results.answers[answer.status_code] += 1
        if answer.status_code == 202:
            self.results.seconds.append(loop.time() - begun)
        return answer.status_code
