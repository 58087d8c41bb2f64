"""A token bucket a client, in one server, that forgets clients who have been away."""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp import GenServer, NoReply, Ok, Reply, Request, impl
from otp.testing import advance, start_supervised, wait_all_idle


class Take(Request[bool]):
    client: str
    tokens: int = 1


class Clients(Request[list[str]]):
    pass


Buckets = dict[str, tuple[float, float]]
"""(tokens, when they were counted) of each client."""


class RateLimiter(GenServer[tuple[float, float, Buckets]]):
    """`rate` tokens a second, at most `burst` of them."""

    @impl
    def init(self, arg: tuple[float, float]) -> Any:
        rate, burst = arg
        otp.send_after(60, otp.self(), "forget")
        return Ok((rate, burst, {}))

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        rate, burst, buckets = state
        match request:
            case Take(client, wanted):
                left = self.level(buckets.get(client), rate, burst)
                granted = left >= wanted
                bucket = (left - wanted if granted else left, otp.monotonic())
                return Reply(granted, (rate, burst, {**buckets, client: bucket}))
            case Clients():
                return Reply(sorted(buckets), state)

    @impl
    def handle_info(self, message: Any, state: Any) -> Any:
        rate, burst, buckets = state
        match message:
            case "forget":
                otp.send_after(60, otp.self(), "forget")
                used = {c: bucket for c, bucket in buckets.items() if self.level(bucket, rate, burst) < burst}
                return NoReply((rate, burst, used))

    def level(self, bucket: tuple[float, float] | None, rate: float, burst: float) -> float:
        if bucket is None:
            return burst
        tokens, then = bucket
        return min(burst, tokens + (otp.monotonic() - then) * rate)


async def take(client: str, tokens: int = 1) -> bool:
    return await GenServer.call("limiter", Take(client, tokens))


@pytest.fixture
def limiter() -> Any:
    return RateLimiter.child_spec((2, 5), name="limiter")


@pytest.mark.otp
async def test_a_burst_is_granted_and_then_the_rate(limiter: Any) -> None:
    await start_supervised(limiter)
    assert [await take("ann") for _ in range(6)] == [True] * 5 + [False]
    await advance(0.5)
    assert [await take("ann"), await take("ann")] == [True, False]
    assert await take("bob", 5)


@pytest.mark.otp
async def test_a_bucket_is_never_fuller_than_its_burst(limiter: Any) -> None:
    await start_supervised(limiter)
    await take("ann", 5)
    await advance(3600)
    assert not await take("ann", 6)
    assert await take("ann", 5)


@pytest.mark.otp
async def test_who_has_been_away_is_forgotten(limiter: Any) -> None:
    await start_supervised(limiter)
    await take("ann")
    await advance(58)
    await take("bob", 5)
    await advance(2)
    assert await GenServer.call("limiter", Clients()) == ["bob"]
    await advance(60)
    assert await GenServer.call("limiter", Clients()) == []


@pytest.mark.otp
async def test_after_a_crash_every_bucket_is_full_again(limiter: Any) -> None:
    pid = await start_supervised(limiter)
    await take("ann", 5)
    otp.exit(pid, "kill")
    await otp.wait_down(pid)
    await wait_all_idle()
    assert await take("ann", 5)
