"""The ledger: orders and their outcomes in PostgreSQL.

An order is accepted once it is committed. A worker claims it by a lease: if the worker dies, the lease expires and
another one claims the order. So an order may be processed twice, but it has one outcome: the first that is stored.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import asyncpg

from otp import CallExit

from .owner import using

T = TypeVar("T")

LEASE = timedelta(seconds=15)  # longer than any worker takes
CHANNEL = "orders"
UNAVAILABLE = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, CallExit)
"""Errors of a query while the database, or the process that owns its connections, restarts."""

ACCEPT = """
WITH accepted AS (INSERT INTO orders (id, customer, cents) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING)
SELECT pg_notify($4, '')
"""
FIND = "SELECT customer, cents, attempts, status, payment FROM orders LEFT JOIN outcomes USING (id) WHERE id = $1"
CLAIM = """
UPDATE orders SET due = now() + $2, attempts = attempts + 1 WHERE id IN (
    SELECT id FROM orders WHERE NOT done AND due <= now() ORDER BY due LIMIT $1 FOR UPDATE SKIP LOCKED
) RETURNING id, customer, cents, attempts
"""
POSTPONE = "UPDATE orders SET due = now() + $2 WHERE id = $1 AND NOT done"
FINISH = """
WITH outcome AS (INSERT INTO outcomes (id, status, payment) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING)
UPDATE orders SET done = true WHERE id = $1
"""


class Order(NamedTuple):
    id: UUID
    customer: str
    cents: int
    attempts: int = 0


class Outcome(NamedTuple):
    status: str
    payment: str


def open_pool(database: str) -> asyncpg.Pool:
    """Return a pool that connects when it is used, so that the service starts before its database."""
    return asyncpg.create_pool(
        database, min_size=0, max_size=8, timeout=3, command_timeout=5, max_inactive_connection_lifetime=30
    )


async def query(work: Callable[[Any], Awaitable[T]]) -> T:
    """Do some work with a connection; raises `TimeoutError` if all are in use for too long."""

    async def borrow(pool: asyncpg.Pool) -> T:
        async with pool.acquire(timeout=5) as connection:
            return await work(connection)

    return await using("database", borrow)


async def accept(order: Order) -> None:
    """Store an order; storing it again does nothing."""
    await query(lambda connection: connection.execute(ACCEPT, order.id, order.customer, order.cents, CHANNEL))


async def find(id: UUID) -> tuple[Order, Outcome | None] | None:
    row = await query(lambda connection: connection.fetchrow(FIND, id))
    if row is None:
        return None
    order = Order(id, row["customer"], row["cents"], row["attempts"])
    return order, None if row["status"] is None else Outcome(row["status"], row["payment"])


async def claim(count: int) -> list[Order]:
    """Return up to `count` orders that are due; no one else gets them until the lease expires."""
    rows = await query(lambda connection: connection.fetch(CLAIM, count, LEASE))
    return [Order(*row) for row in rows]


async def postpone(order: Order, seconds: float) -> None:
    """Let an order be claimed again in some seconds."""
    await query(lambda connection: connection.execute(POSTPONE, order.id, timedelta(seconds=seconds)))


async def finish(order: Order, outcome: Outcome) -> None:
    """Store the outcome of an order, unless it has one."""
    await query(lambda connection: connection.execute(FINISH, order.id, outcome.status, outcome.payment))
