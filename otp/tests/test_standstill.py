"""Limits on others leave out the time in which this program stood still."""

from __future__ import annotations

import asyncio

import pytest

from otp import standstill
from otp.standstill import SilenceLimit
from stopped_programs import pass_time


def test_a_limit_begins_again_after_a_standstill() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        expired: asyncio.Future[float] = loop.create_future()
        SilenceLimit(loop, 0.2, lambda: expired.set_result(loop.time()))
        pass_time(0.3)
        continued = loop.time()
        return await expired - continued

    assert asyncio.run(main()) >= 0.19


def test_a_sign_of_life_renews_a_limit_and_a_cancelled_one_does_not_expire() -> None:
    async def main() -> tuple[float, int]:
        loop = asyncio.get_running_loop()
        expired: asyncio.Future[float] = loop.create_future()
        late: list[int] = []
        cancelled = SilenceLimit(loop, 0.05, lambda: late.append(1))
        began = loop.time()
        renewed = SilenceLimit(loop, 0.1, lambda: expired.set_result(loop.time() - began))
        loop.call_later(0.04, cancelled.cancel)
        loop.call_later(0.08, renewed.renew)
        return await expired, len(late)

    took, late = asyncio.run(main())
    assert took >= 0.17
    assert 0 == late


def test_a_wait_for_others_goes_on_after_a_standstill_and_ends_without_one() -> None:
    async def main() -> str:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[str] = loop.create_future()
        async with standstill.timeout(0.1):
            pass_time(0.3)
            loop.call_later(0.02, answer.set_result, "it answered")
            await answer
        with pytest.raises(TimeoutError):
            async with standstill.timeout(0.05):
                await loop.create_future()
        return answer.result()

    assert "it answered" == asyncio.run(main())
