"""The web half: FastAPI in front, the tree behind, in one loop.

    uvicorn --app-dir examples orders.service:app

SIGTERM ends it in order: uvicorn answers the requests in flight, then the tree stops, and each worker finishes its
order.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import UUID

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

import otp

from . import cache, ledger
from .ledger import Order, Outcome
from .settings import Settings
from .tree import Tree


class NewOrder(BaseModel):
    customer: Annotated[str, Field(min_length=1, max_length=80)]
    cents: Annotated[int, Field(gt=0, le=1_000_000_00)]


class OrderStatus(BaseModel):
    status: str
    payment: str | None = None


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings = Settings.from_environment()
    permissions = ("read", "operate") if settings.operable else ("read",)
    async with otp.Node("orders") as node, otp.observe(node, permissions=permissions):
        tree = await node.start(Tree, settings, name="tree")
        ending = asyncio.create_task(end_with(tree))
        try:
            yield
        finally:
            ending.cancel()


async def end_with(tree: otp.Pid) -> None:
    """End the program when the tree gives up, so that the service manager restarts it."""
    await otp.wait_down(tree)
    signal.raise_signal(signal.SIGTERM)


app = FastAPI(title="Orders", lifespan=lifespan)


@app.put("/orders/{id}", status_code=202)
async def accept(id: UUID, new: NewOrder) -> OrderStatus:
    """Accept an order; it is safe to send it again if there was no answer."""
    if not await cache.admit(new.customer):
        raise HTTPException(429, f"{new.customer} sends too many orders", headers={"Retry-After": str(cache.WINDOW)})
    await ledger.accept(Order(id, new.customer, new.cents))
    return OrderStatus(status="accepted")


@app.get("/orders/{id}")
async def show(id: UUID) -> OrderStatus:
    outcome = await cache.find_outcome(id)
    if outcome is None:
        found = await ledger.find(id)
        if found is None:
            raise HTTPException(404, f"there is no order {id}")
        _, outcome = found
    return OrderStatus(status="accepted") if outcome is None else shown(outcome)


def shown(outcome: Outcome) -> OrderStatus:
    return OrderStatus(status=outcome.status, payment=outcome.payment)


@app.get("/health/live")
async def live() -> bool:
    return otp.whereis("tree") is not None


@app.get("/health/ready")
async def ready() -> bool:
    await ledger.query(lambda connection: connection.execute("SELECT 1"))
    return True


async def unavailable(request: Request, failure: Exception) -> JSONResponse:
    return JSONResponse({"detail": f"try again: {type(failure).__name__}"}, 503, headers={"Retry-After": "1"})


for failure in ledger.UNAVAILABLE:
    app.add_exception_handler(failure, unavailable)
