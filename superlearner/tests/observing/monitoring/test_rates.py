"""Message rates are the mean over windows that traced a process."""

from __future__ import annotations

from typing import Any

import otp
from otp import GenServer, NoReply, Ok, impl
from superlearner.observing.monitoring.rates import ENOUGH, Rates


class Taker(GenServer[int]):
    @impl
    def init(self, arg: Any) -> Ok[int]:
        return Ok(0)

    @impl
    def handle_cast(self, message: Any, state: int) -> NoReply[int]:
        return NoReply(state + 1)

    @impl
    def handle_call(self, request: Any, caller: Any, state: int) -> otp.Reply[int]:
        return otp.Reply(state, state)


class Hand:
    """A clock that is advanced manually."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


async def give(pid: Any, count: int) -> None:
    for _ in range(count):
        GenServer.cast(pid, "take")
    await GenServer.call(pid, "all?")


def test_only_traced_processes_are_counted_from_their_first_window_on() -> None:
    async def main() -> None:
        one, other = await Taker.start_link(None), await Taker.start_link(None)
        clock = Hand()
        rates = Rates(otp.node(), clock)
        rates.turn([one])
        await give(one, 9)
        await give(other, 9)
        clock.at = 1.0
        rates.turn([one, other])
        assert (rates.of(one)[0], rates.of(other)[0]) == (10.0, 0.0)
        await give(other, 3)
        clock.at = 2.0
        rates.turn([])
        assert (rates.of(one)[0], rates.of(other)[0]) == (5.0, 4.0)
        assert not rates.watches
        rates.end()
        assert rates.of(one) == (0.0, 0.0)

    otp.run(main)


def test_a_busy_process_that_cuts_the_windows_short_does_not_make_another_idle() -> None:
    """Regression: six windows of a hundredth of a second said that it handled none."""

    async def main() -> None:
        busy, slow = await Taker.start_link(None), await Taker.start_link(None)
        clock = Hand()
        rates = Rates(otp.node(), clock)
        rates.turn([busy, slow])
        for _ in range(9):
            clock.at += 0.01
            await give(busy, ENOUGH)
            rates.turn([busy, slow])
        assert rates.handled(busy)
        assert rates.handled(slow) is None
        for _ in range(3):
            clock.at += 1.0
            rates.turn([busy, slow])
        assert rates.handled(slow) == 0.0

    otp.run(main)


def test_all_processes_can_be_counted_and_a_full_window_ends() -> None:
    async def main() -> None:
        taker = await Taker.start_link(None)
        clock = Hand()
        rates = Rates(otp.node(), clock)
        rates.turn(None)
        await give(taker, ENOUGH)
        clock.at = 100.0
        await give(taker, 5)
        rates.turn(None)
        messages, _ = rates.of(taker)
        assert rates.seconds == 0.0  # no time has passed in the window, so there is no rate
        assert messages == 0.0
        await give(taker, 4)
        clock.at = 102.0
        rates.turn(None)
        assert rates.of(taker)[0] == 2.5
        assert taker in rates.busy()

    otp.run(main)
