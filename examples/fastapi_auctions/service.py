"""The web half: FastAPI in front, an `otp` tree behind, in one loop.

    uvicorn service:app

The node is started and stopped by the lifespan; handlers call its processes by name. While it runs,
`superlearner attach auction_house` shows its tree, and each auction as it opens and ends.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from auctions import House, bid, look, open_auction
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field

import otp


class NewAuction(BaseModel):
    item: Annotated[str, Field(min_length=1, max_length=80)]
    seconds: Annotated[float, Field(gt=0, le=86_400)]


class NewBid(BaseModel):
    bidder: Annotated[str, Field(min_length=1, max_length=80)]
    price: Annotated[int, Field(gt=0)]


class Shown(BaseModel):
    item: str
    price: int
    bidder: str | None
    running: bool


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with otp.Node("auction_house") as node:
        await node.start(House, None, name="house")
        async with otp.observe(node):
            yield


app = FastAPI(title="Auctions", lifespan=lifespan)


@app.post("/auctions", status_code=201)
async def create(new: NewAuction) -> Shown:
    try:
        lot = await open_auction(new.item, new.seconds)
    except otp.AlreadyStarted:
        raise HTTPException(409, f"{new.item} is being auctioned") from None
    except otp.StartError as full:
        raise HTTPException(503, f"no auction could be opened: {full.reason}") from full
    return Shown(item=lot.item, price=lot.price, bidder=lot.bidder, running=True)


@app.post("/auctions/{item}/bids")
async def offer(item: str, new: NewBid) -> Shown:
    try:
        accepted = await bid(item, new.bidder, new.price)
    except otp.NoProcess:
        raise HTTPException(404, f"{item} is not being auctioned") from None
    if not accepted:
        raise HTTPException(409, "another bid is as high")
    return await show(item)


@app.get("/auctions/{item}")
async def show(item: str) -> Shown:
    found = await look(item)
    if found is None:
        raise HTTPException(404, f"there is no auction of {item}")
    lot, running = found
    return Shown(item=lot.item, price=lot.price, bidder=lot.bidder, running=running)
