"""The client of the payment provider."""

from __future__ import annotations

import httpx

from .breaker import Breaker
from .ledger import Order, Outcome
from .owner import using


def open_client(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, timeout=2, limits=httpx.Limits(max_connections=8))


async def charge(order: Order) -> Outcome | None:
    """Charge for an order; `None` means that it is unknown whether this worked.

    The provider charges once for each key, so an order can be charged again until there is an answer.
    """
    if not await Breaker.call("breaker", "is_allowed", timeout=5):
        return None
    body, key = {"customer": order.customer, "cents": order.cents}, {"Idempotency-Key": str(order.id)}
    try:
        answer: httpx.Response = await using("payments", lambda client: client.post("/charges", json=body, headers=key))
        answer.raise_for_status()
    except httpx.HTTPError:
        Breaker.cast("breaker", "failed")
        return None
    Breaker.cast("breaker", "worked")
    charged = answer.json()
    return Outcome(charged["status"], charged["payment"])
