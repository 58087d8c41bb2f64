"""A supervisor continues the history of the previous run of the program."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import otp
from otp import Children, GenServer, Ok, Supervisor, impl
from otp.testing import Scheduler, wait_all_idle
from superlearner.observing.analytics import Entry, Ledger, restore


class Till(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)


class Shop(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children([Till.child_spec(None, id="till", name="till")])


def entry(number: int, event_type: Any = "restarted", **fields: Any) -> Entry:
    known = {"supervisor": "shop", "supervisor_pid": "0.1.0", "child_id": "till", "old_pid": "0.2.0",
             "child_pid": "0.3.0", "reason": "killed", "crash": True, "recovery_s": 0.5}  # fmt: skip
    return Entry(number, 1.0 + number, event_type, **{**known, **fields})


def recalled(entries: list[Entry], test: Any) -> Any:
    async def main() -> Any:
        ledger = Ledger()
        ledger.watch(otp.node())
        began = ledger.wall() - 60
        restore(ledger.book, [replace(one, at=began + one.number) for one in entries])
        return await test(ledger)

    return Scheduler(seed=1).run(main)


def test_earlier_and_new_restarts_are_one_history() -> None:
    async def test(ledger: Ledger) -> None:
        before = [entry(3), entry(7, "gave_up", recovery_s=None)]
        assert (
            [entry.number for entry in ledger.find("shop").restart_history()]
            == [7, 3]
            == [one.number for one in reversed(before)]
        )
        await Shop.start_link(None, name="shop")
        otp.exit("till", "kill")
        await wait_all_idle()
        history = ledger.find("shop")
        assert (history.total_restarts, history.count("gave_up"), history.incarnations) == (2, 1, 2)
        assert dict(history.by_child) == {"till": 2}
        assert dict(history.by_reason) == {"killed": 2}
        assert ledger.book.total_restarts == 2
        assert [one.number > 7 for one in history.entries()] == [True] * 3 + [False] * 2
        assert ledger.is_alive(history)
        assert ledger.trend(history).longest_recovery_s == 0.5

    recalled([entry(3), entry(7, "gave_up", recovery_s=None)], test)


def test_pids_of_the_earlier_run_are_not_taken_for_processes_of_this_one() -> None:
    async def test(ledger: Ledger) -> None:
        me = str(otp.self()).strip("<>")
        restore(ledger.book, [replace(entry(9, supervisor="gone", supervisor_pid=me), at=ledger.wall())])
        assert otp.is_alive(otp.self())
        assert not ledger.is_alive(ledger.find("gone"))
        ledger.sample()
        assert ledger.find("gone").ended_at is not None

    recalled([], test)


def test_a_supervisor_without_a_name_is_not_recalled_but_its_entry_number_stays_used() -> None:
    async def test(ledger: Ledger) -> None:
        assert (ledger.book.number, ledger.book.histories) == (12, {})

    recalled([entry(12, supervisor="0.1.0")], test)
