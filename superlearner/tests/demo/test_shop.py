"""The strategies of the demo: which processes restart together, and why that is right."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

import otp
from otp import DynamicSupervisor, GenServer, Supervisor, testing
from superlearner.demo import DemoOneForOne, Shop
from superlearner.demo.home import Playground

WORKERS = ("ledger", "cart", "mailer", "shelves", "robot", "customers")


def run(test: Callable[[], Awaitable[None]]) -> None:
    """Run a test beside a shop, under virtual time."""

    async def main() -> None:
        await Shop.start_link(None, name="shop")
        await test()

    testing.Scheduler(seed=0).run(main)


async def kill(name: str) -> None:
    pid = otp.whereis(name)
    assert pid is not None
    otp.exit(pid, "kill")
    await otp.wait_down(pid)
    await testing.wait_all_idle()


@pytest.mark.parametrize(
    ("killed", "restarted"),
    [
        ("ledger", ["ledger", "cart", "mailer"]),
        ("cart", ["cart", "mailer"]),
        ("mailer", ["mailer"]),
        ("shelves", ["shelves", "robot"]),
        ("robot", ["shelves", "robot"]),
        ("customers", ["customers"]),
    ],
)
def test_a_kill_restarts_the_children_that_depend_on_the_killed_one(killed: str, restarted: list[str]) -> None:
    async def test() -> None:
        before = {name: otp.whereis(name) for name in WORKERS}
        await kill(killed)
        after = {name: otp.whereis(name) for name in WORKERS}
        assert None not in after.values()
        assert [name for name in WORKERS if before[name] != after[name]] == restarted

    run(test)


@pytest.mark.parametrize("seed", range(6))
def test_a_killed_shop_restarts_at_the_first_attempt(seed: int, caplog: pytest.LogCaptureFixture) -> None:
    """Its departments still stop when it restarts, and hold their names until then."""

    async def main() -> None:
        await Playground.start_link(None, name="playground")
        before = {name: otp.whereis(name) for name in ("shop", *WORKERS)}
        await kill("shop")
        assert all(otp.whereis(name) not in (None, pid) for name, pid in before.items())

    testing.Scheduler(seed=seed).run(main)
    assert [record.getMessage() for record in caplog.records if record.name == "otp.supervisor"] == []


def test_the_books_are_right_after_the_ledger_was_lost() -> None:
    """A cart that kept its account would book into nothing."""

    async def test() -> None:
        await kill("ledger")
        assert await GenServer.call("cart", ("sell", 10)) == 10
        assert await GenServer.call("ledger", "balance") == 10

    run(test)


def test_no_goods_are_lost_or_doubled_when_half_of_the_warehouse_is_lost() -> None:
    async def test() -> None:
        assert await GenServer.call("robot", ("fetch", 7)) == 7
        await kill("robot")
        assert await GenServer.call("shelves", "count") == 100

    run(test)


def test_orders_come_go_and_survive_a_kill() -> None:
    async def test() -> None:
        await testing.advance(4)
        orders = [child.pid for child in await DynamicSupervisor.which_children("orders")]
        assert len(orders) == 2
        otp.exit(orders[0], "kill")
        await testing.wait_all_idle()
        assert len(await DynamicSupervisor.which_children("orders")) == 2
        await testing.advance(120)
        counts = await DynamicSupervisor.count_children("orders")
        assert 1 <= counts.active <= 8
        assert await GenServer.call("ledger", "balance") > 0

    run(test)


def test_a_day_goes_by_without_a_restart() -> None:
    async def test() -> None:
        before = {name: otp.whereis(name) for name in WORKERS}
        await testing.advance(600)
        assert {name: otp.whereis(name) for name in WORKERS} == before

    run(test)


def test_the_stocktaking_ends_by_itself_and_a_killed_one_is_not_started_again() -> None:
    async def test() -> None:
        assert otp.whereis("stocktaking") is not None
        await kill("stocktaking")
        assert otp.whereis("stocktaking") is None
        assert "stocktaking" not in [child.id for child in await Supervisor.which_children("shop")]

    run(test)

    async def another() -> None:
        await testing.advance(21)
        assert otp.whereis("stocktaking") is None

    run(another)


def test_the_demo_supervisor_is_as_documented() -> None:
    async def main() -> None:
        await DemoOneForOne.start_link(None, name="demo_one_for_one")
        for request, value in (("increment", 1), ("decrement", 0), (("add", 5), 5), ("reset", 0)):
            GenServer.cast("counter_1", request)
            assert await GenServer.call("counter_1", "get_value") == value
        assert await GenServer.call("counter_2", "get_value") == 100
        GenServer.cast("printer_1", ("print", "hello"))
        assert await GenServer.call("printer_1", "get_print_count") == 1
        GenServer.cast("counter_1", ("add", 3))
        GenServer.cast("counter_1", "crash")
        await testing.wait_all_idle()
        assert await GenServer.call("counter_1", "get_value") == 0
        assert [child.id for child in await Supervisor.which_children("demo_one_for_one")] == [
            "printer_1", "counter_2", "counter_1",
        ]  # fmt: skip

    testing.Scheduler(seed=0).run(main)
