"""A payment provider for tests and demonstrations, which fails when asked to.

uvicorn --app-dir examples orders.provider:app --port 8001
curl -X PUT 127.0.0.1:8001/mode/hang      # or ok, error, close
"""

from __future__ import annotations

import asyncio
import random
from enum import StrEnum
from typing import Annotated, Any

from fastapi import FastAPI, Header, Request
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel


class Mode(StrEnum):
    OK = "ok"
    ERROR = "error"
    HANG = "hang"
    CLOSE = "close"


class NewCharge(BaseModel):
    customer: str
    cents: int


app = FastAPI(title="Payment provider")
app.state.mode = Mode.OK
app.state.charges = {}


@app.post("/charges")
async def charge(request: Request, new: NewCharge, idempotency_key: Annotated[str, Header()]) -> Any:
    """Charge once for each key. In a mode that fails, half of the charges are made before the answer is lost."""
    state = request.app.state
    if state.mode is Mode.OK or random.random() < 0.5:
        number = len(state.charges) + 1
        status = "declined" if new.cents % 100 == 13 else "paid"
        state.charges.setdefault(idempotency_key, {"payment": f"payment-{number}", "status": status})
    match state.mode:
        case Mode.OK:
            return state.charges[idempotency_key]
        case Mode.ERROR:
            return JSONResponse({"detail": "out of order"}, 500)
        case Mode.HANG:
            await asyncio.sleep(10)
            return JSONResponse({"detail": "too late"}, 504)
        case Mode.CLOSE:
            return StreamingResponse(cut(), headers={"Content-Length": "100"})


async def cut():
    yield b"{"
    raise ConnectionAbortedError("the provider closes the connection")


@app.put("/mode/{mode}")
async def set_mode(request: Request, mode: Mode) -> Mode:
    request.app.state.mode = mode
    return mode


@app.get("/charges")
async def charges(request: Request) -> dict[str, Any]:
    return request.app.state.charges
