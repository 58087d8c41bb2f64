"""The cache: outcomes and the rate of each customer in Redis. Without Redis there is neither."""

from __future__ import annotations

import json
import logging
from uuid import UUID

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from otp import CallExit

from .ledger import Outcome
from .owner import using

A_DAY = 86_400
UNAVAILABLE = (RedisError, OSError, CallExit)
LIMIT, WINDOW = 50, 10  # orders of a customer, in seconds

log = logging.getLogger("orders")


def open_redis(url: str) -> Redis:
    """Return a client with a few connections; a caller that finds all in use waits for one."""
    options = {"decode_responses": True, "socket_timeout": 1, "socket_connect_timeout": 1}
    return Redis.from_pool(BlockingConnectionPool.from_url(url, max_connections=8, timeout=1, **options))


async def admit(customer: str) -> bool:
    """Count an order of a customer; return whether it is within the limit."""
    key = f"rate:{customer}"

    async def add_one(redis: Redis) -> int:
        async with redis.pipeline() as pipeline:
            pipeline.incr(key)
            pipeline.expire(key, WINDOW, nx=True)
            return (await pipeline.execute())[0]

    try:
        count = await using("redis", add_one)
    except UNAVAILABLE as error:
        log.warning("no rate limit: %s", error)
        return True
    return count <= LIMIT


async def find_outcome(id: UUID) -> Outcome | None:
    try:
        found = await using("redis", lambda redis: redis.get(f"outcome:{id}"))
    except UNAVAILABLE:
        return None
    return Outcome(*json.loads(found)) if found else None


async def store_outcome(id: UUID, outcome: Outcome) -> None:
    """Cache an outcome for a day; it is final."""
    try:
        await using("redis", lambda redis: redis.set(f"outcome:{id}", json.dumps(outcome), ex=A_DAY))
    except UNAVAILABLE as error:
        log.warning("not cached: %s", error)
