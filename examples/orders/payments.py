"""The client of the payment provider."""

from __future__ import annotations

import httpx

from otp import GenServer

from .breaker import Breaker
from .ledger import Order, Outcome


def open_client(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, timeout=2, limits=httpx.Limits(max_connections=8))


async def charge(order: Order) -> Outcome | None:
    """Charge for an order; `None` means that it is unknown whether this worked.

    The provider charges once for each key, so an order can be charged again until there is an answer.
    """
    if not await Breaker.call("breaker", "may I?", timeout=5):
        return None
    client: httpx.AsyncClient = await GenServer.call("payments", "client")
    try:
        answer = await client.post(
            "/charges",
            json={"customer": order.customer, "cents": order.cents},
            headers={"Idempotency-Key": str(order.id)},
        )
        answer.raise_for_status()
    except httpx.HTTPError:
        Breaker.cast("breaker", "failed")
        return None
    Breaker.cast("breaker", "worked")
    charged = answer.json()
    return Outcome(charged["status"], charged["payment"])
