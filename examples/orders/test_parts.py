"""The parts of the service under virtual time, with a ledger in memory and a provider without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest

import otp
from otp import DynamicSupervisor
from otp.testing import advance, start_supervised, wait_all_idle

from . import ledger
from .breaker import FAILURES, PAUSE, Breaker
from .dispatcher import AT_ONCE, Dispatcher
from .ledger import Order, Outcome
from .owner import Owner, using

pytestmark = pytest.mark.otp(seed=(1, 2, 3))

PAID = {"status": "paid", "payment": "payment-1"}


class MemoryLedger:
    """The queries of the ledger, on a dict and the clock of the test."""

    def __init__(self) -> None:
        self.due: dict[Order, float] = {}
        self.outcomes: dict[UUID, Outcome] = {}
        self.is_up = True

    def accept(self, number: int) -> Order:
        order = Order(UUID(int=number), "ada", 100)
        self.due[order] = otp.monotonic()
        return order

    async def claim(self, count: int) -> list[Order]:
        if not self.is_up:
            raise ConnectionRefusedError
        claimed = [order for order, due in self.due.items() if due <= otp.monotonic()][:count]
        for order in claimed:
            self.due[order] += ledger.LEASE.total_seconds()
        return claimed

    async def postpone(self, order: Order, seconds: float) -> None:
        self.due[order] = otp.monotonic() + seconds

    async def finish(self, order: Order, outcome: Outcome) -> None:
        self.outcomes[order.id] = outcome
        self.due.pop(order, None)


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> MemoryLedger:
    memory = MemoryLedger()
    for name in ("claim", "postpone", "finish"):
        monkeypatch.setattr(ledger, name, getattr(memory, name))
    return memory


class NoRedis:
    """A client of a Redis that is down."""

    async def set(self, key: str, value: str, ex: int) -> None:
        raise ConnectionRefusedError

    async def __aenter__(self) -> NoRedis:
        return self

    async def __aexit__(self, *error: object) -> None:
        pass


async def start_tree(answer: Callable[[httpx.Request], Any]) -> None:
    """Start the processes that handle orders; `answer` is the provider."""
    transport = httpx.MockTransport(answer)

    def open_client() -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url="http://provider", transport=transport)

    await start_supervised(Owner.child_spec(NoRedis, id="redis", name="redis"))
    await start_supervised(Owner.child_spec(open_client, id="payments", name="payments"))
    await start_supervised(Breaker.child_spec(name="breaker"))
    await start_supervised(DynamicSupervisor.child_spec(name="workers", max_children=AT_ONCE))
    await start_supervised(Dispatcher.child_spec(name="dispatcher"))


async def test_an_accepted_order_is_charged_without_redis(memory: MemoryLedger):
    order = memory.accept(1)
    await start_tree(lambda request: httpx.Response(200, json=PAID))
    await wait_all_idle()
    assert memory.outcomes == {order.id: Outcome("paid", "payment-1")}


async def test_an_order_is_charged_again_with_the_same_key_after_a_failure(memory: MemoryLedger):
    keys: list[str] = []

    def fail_twice(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["Idempotency-Key"])
        return httpx.Response(500 if len(keys) < 3 else 200, json=PAID)

    order = memory.accept(1)
    await start_tree(fail_twice)
    await advance(10)
    assert [str(order.id)] * 3 == keys
    assert order.id in memory.outcomes


async def test_the_order_of_a_killed_worker_is_claimed_after_its_lease(memory: MemoryLedger):
    tries: list[str] = []

    async def hang_once(request: httpx.Request) -> httpx.Response:
        tries.append("try")
        if len(tries) == 1:
            await asyncio.Event().wait()
        return httpx.Response(200, json=PAID)

    order = memory.accept(1)
    await start_tree(hang_once)
    await wait_all_idle()
    [worker] = await DynamicSupervisor.which_children("workers")
    assert isinstance(worker.pid, otp.Pid)
    otp.exit(worker.pid, "kill")
    await advance(ledger.LEASE.total_seconds() - 1)
    assert memory.outcomes == {}
    await advance(2)
    assert order.id in memory.outcomes


async def test_a_few_orders_are_worked_on_at_a_time(memory: MemoryLedger):
    at_once: list[int] = []

    async def count(request: httpx.Request) -> httpx.Response:
        at_once.append((await DynamicSupervisor.count_children("workers")).active)
        return httpx.Response(200, json=PAID)

    orders = [memory.accept(number) for number in range(5 * AT_ONCE)]
    await start_tree(count)
    await wait_all_idle()
    assert {order.id for order in orders} == memory.outcomes.keys()
    assert max(at_once) <= AT_ONCE


async def test_the_dispatcher_waits_for_the_database_without_a_crash(memory: MemoryLedger):
    memory.is_up = False
    order = memory.accept(1)
    await start_tree(lambda request: httpx.Response(200, json=PAID))
    dispatcher = otp.whereis("dispatcher")
    await advance(3600)
    memory.is_up = True
    await advance(5)
    assert order.id in memory.outcomes
    assert otp.whereis("dispatcher") == dispatcher


async def test_the_breaker_lets_one_request_try_after_a_pause():
    await start_supervised(Breaker.child_spec(name="breaker"))
    for _ in range(FAILURES):
        assert await Breaker.call("breaker", "is_allowed")
        Breaker.cast("breaker", "failed")
    assert not await Breaker.call("breaker", "is_allowed")
    await advance(PAUSE)
    assert await Breaker.call("breaker", "is_allowed")
    assert not await Breaker.call("breaker", "is_allowed")
    Breaker.cast("breaker", "worked")
    assert await Breaker.call("breaker", "is_allowed")


@pytest.mark.parametrize("reason", ["shutdown", "a bug"])
async def test_a_client_is_closed_with_its_owner_and_replaced(reason: str):
    opened: list[str] = []

    @asynccontextmanager
    async def client() -> AsyncIterator[int]:
        opened.append("open")
        yield len(opened)
        opened.append("closed")

    async def itself(client: int) -> int:
        return client

    owner = await start_supervised(Owner.child_spec(client, name="database"))
    assert await using("database", itself) == 1
    otp.exit(owner, reason)
    await otp.wait_down(owner)
    await wait_all_idle()
    assert opened == ["open", "closed", "open"]
    assert await using("database", itself) == 3


async def test_an_owner_finishes_work_whose_caller_was_killed():
    done: list[str] = []
    proceed = asyncio.Event()

    @asynccontextmanager
    async def client() -> AsyncIterator[list[str]]:
        yield done

    async def work(client: list[str]) -> None:
        await proceed.wait()
        client.append("done")

    await start_supervised(Owner.child_spec(client, name="database"))
    caller = otp.spawn(using, "database", work)
    await wait_all_idle()
    otp.exit(caller, "kill")
    proceed.set()
    await wait_all_idle()
    assert done == ["done"]


async def test_an_error_in_the_work_is_raised_in_the_caller():
    @asynccontextmanager
    async def client() -> AsyncIterator[None]:
        yield

    async def fail(client: None) -> None:
        raise ConnectionRefusedError

    owner = await start_supervised(Owner.child_spec(client, name="database"))
    with pytest.raises(ConnectionRefusedError):
        await using("database", fail)
    assert otp.whereis("database") == owner
