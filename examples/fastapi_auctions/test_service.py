"""The service under virtual time: an hour's auction ends at once."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from auctions import House
from service import app, lifespan

import otp
from otp import Registry
from otp.testing import advance, start_supervised, wait_all_idle

pytestmark = pytest.mark.otp(seed=(1, 2, 3))


@asynccontextmanager
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """A client without a socket, with the tree behind the service as part of the test."""
    await start_supervised(House)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://auctions") as browser:
        yield browser


async def opened(browser: httpx.AsyncClient, item: str, seconds: float = 3600) -> None:
    answer = await browser.post("/auctions", json={"item": item, "seconds": seconds})
    assert answer.status_code == 201


async def offered(browser: httpx.AsyncClient, item: str, bidder: str, price: int) -> int:
    answer = await browser.post(f"/auctions/{item}/bids", json={"bidder": bidder, "price": price})
    return answer.status_code


def auction_of(item: str) -> otp.Pid:
    (entry,) = Registry.lookup("lots", item)
    return entry.pid


async def test_the_highest_bid_wins_when_the_hour_is_over():
    async with client() as browser:
        await opened(browser, "lamp")
        assert await offered(browser, "lamp", "ada", 10) == 200
        assert await offered(browser, "lamp", "grace", 10) == 409
        assert await offered(browser, "lamp", "grace", 12) == 200
        await advance(3599)
        assert (await browser.get("/auctions/lamp")).json()["running"]
        await advance(1)
        assert (await browser.get("/auctions/lamp")).json() == {
            "item": "lamp",
            "price": 12,
            "bidder": "grace",
            "running": False,
        }
        assert await offered(browser, "lamp", "ada", 99) == 404


async def test_a_crashed_auction_keeps_its_bids_and_its_time():
    async with client() as browser:
        await opened(browser, "clock")
        await offered(browser, "clock", "ada", 10)
        await advance(1800)
        otp.exit(auction_of("clock"), "kill")
        await wait_all_idle()
        found = (await browser.get("/auctions/clock")).json()
        assert (found["price"], found["bidder"], found["running"]) == (10, "ada", True)
        await advance(1800)  # not 3600: it ends when it would have ended
        assert not (await browser.get("/auctions/clock")).json()["running"]


async def test_of_two_equal_bids_at_one_time_one_wins():
    async with client() as browser:
        await opened(browser, "chair")
        both = await asyncio.gather(offered(browser, "chair", "ada", 10), offered(browser, "chair", "grace", 10))
        assert sorted(both) == [200, 409]


async def test_one_item_is_auctioned_once_at_a_time():
    async with client() as browser:
        await opened(browser, "vase", seconds=5)
        again = await browser.post("/auctions", json={"item": "vase", "seconds": 5})
        assert (again.status_code, again.json()["detail"]) == (409, "vase is being auctioned")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/auctions/nothing", None, 404),
        ("POST", "/auctions/nothing/bids", {"bidder": "ada", "price": 1}, 404),
        ("POST", "/auctions", {"item": "", "seconds": 1}, 422),
        ("POST", "/auctions", {"item": "lamp", "seconds": -1}, 422),
        ("POST", "/auctions/lamp/bids", {"bidder": "ada", "price": "many"}, 422),
    ],
)
async def test_bad_requests_get_the_right_status(method: str, path: str, body: Any, status: int):
    async with client() as browser:
        assert (await browser.request(method, path, json=body)).status_code == status


def settings_of_the_host() -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    return {
        "signals": {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)},
        "collector": (gc.get_threshold(), gc.isenabled(), list(gc.callbacks)),
        "loop": (loop.get_task_factory(), loop.get_exception_handler(), loop.get_debug()),
        "logging": (logging.root.level, list(logging.root.handlers), logging.getLogger("otp").handlers),
    }


@pytest.mark.otp(seed=0, io="real")
async def test_the_lifespan_starts_and_stops_the_tree_and_changes_nothing_else():
    def in_a_loop_of_its_own() -> None:
        async def host() -> None:
            before, tasks = settings_of_the_host(), asyncio.all_tasks()
            async with lifespan(app):
                assert settings_of_the_host() == before
                assert otp.whereis("house") is not None
            assert settings_of_the_host() == before
            assert asyncio.all_tasks() == tasks

        asyncio.run(host())

    await asyncio.to_thread(in_a_loop_of_its_own)
