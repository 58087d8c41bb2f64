"""Blocking calls in threads, and items that threads have for the loop."""

from __future__ import annotations

import asyncio
import threading

import pytest

from otp.distribution.carriers.background import AT_ONCE, Inbox, in_background


def test_a_call_that_takes_too_long_is_given_up_and_its_late_result_undone() -> None:
    async def main() -> None:
        go, undone = threading.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def slow() -> str:
            go.wait()
            return "late"

        def undo(result: str) -> None:
            assert "late" == result
            loop.call_soon_threadsafe(undone.set)

        with pytest.raises(TimeoutError):
            await in_background(slow, 0.01, undo)
        go.set()
        await asyncio.wait_for(undone.wait(), 10)
        with pytest.raises(ZeroDivisionError):
            await in_background(lambda: 1 // 0, 10)

    asyncio.run(main())


def test_items_keep_their_order_are_bounded_and_leave_the_loop_time_for_others() -> None:
    async def main() -> None:
        got: list[int] = []
        done = asyncio.Event()
        inbox = Inbox[int](asyncio.get_running_loop(), got.append, limit=3 * AT_ONCE)

        def flood() -> None:
            for number in range(100 * AT_ONCE):
                inbox.put(number, size=1)
            inbox.put(-1)  # without a size: never dropped

        thread = threading.Thread(target=flood)
        thread.start()
        thread.join()  # the loop handled nothing meanwhile
        asyncio.get_running_loop().call_soon(lambda: asyncio.get_running_loop().call_soon(seen.append, len(got)))
        seen: list[int] = []
        inbox._handle = lambda item: done.set() if item == -1 else got.append(item)
        await done.wait()
        assert list(range(3 * AT_ONCE)) == got
        assert seen and seen[0] <= 2 * AT_ONCE
        inbox.close()
        inbox.put(1)
        await asyncio.sleep(0)
        assert 3 * AT_ONCE == len(got)

    asyncio.run(main())


def test_an_item_for_a_closed_loop_is_dropped() -> None:
    loop = asyncio.new_event_loop()
    inbox = Inbox[int](loop, print, 10)
    loop.close()
    inbox.put(1, 1)
    inbox.put(1, 1)
