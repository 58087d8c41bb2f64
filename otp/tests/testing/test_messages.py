"""`assert_receive`, `refute_receive`, `mailbox` and `flush`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp.testing import Scheduler, assert_receive, flush, mailbox, refute_receive, wait_all_idle


@pytest.fixture(params=[True, False, None], ids=["inline", "queued", "seeded"])
def run(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return Scheduler(seed=3, inline=request.param).run


def test_assert_receive_takes_the_oldest_match_and_leaves_the_others(run: Any) -> None:
    async def main() -> Any:
        for message in ("a", 1, "b", 2):
            otp.send(otp.self(), message)
        return await assert_receive(int), mailbox()

    assert run(main) == (1, ["a", "b", 2])


@pytest.mark.parametrize("value", ["plain", 7, ("done", [1]), {"k": 1}, None])
def test_assert_receive_takes_a_plain_value(run: Any, value: Any) -> None:
    async def main() -> Any:
        otp.send(otp.self(), value)
        return await assert_receive(value)

    assert run(main) == value


def test_assert_receive_lets_everything_run_first(run: Any) -> None:
    async def main() -> Any:
        me = otp.self()
        otp.spawn(lambda: otp.spawn(lambda: otp.send(me, "grandchild")))
        return await assert_receive("grandchild", timeout=0), otp.monotonic()

    assert run(main) == ("grandchild", 0.0)


def test_assert_receive_waits_for_its_timeout_in_virtual_time(run: Any) -> None:
    async def main() -> Any:
        otp.send_after(1, otp.self(), "just in time")
        return await assert_receive(str), otp.monotonic()

    assert run(main) == ("just in time", 1.0)


def test_assert_receive_lists_the_mailbox(run: Any) -> None:
    async def main() -> None:
        otp.send(otp.self(), ("other", 1))
        await assert_receive(otp.Tag("done"))

    with pytest.raises(AssertionError, match=r"matches Tag\('done'\) within 1.0 s, .* one message:\n  \('other', 1\)"):
        run(main)


def test_refute_receive_fails_with_the_message(run: Any) -> None:
    async def main() -> None:
        otp.send(otp.self(), "here")
        await refute_receive("here")

    with pytest.raises(AssertionError, match=r"expected no message that matches 'here' .* got 'here'"):
        run(main)


def test_refute_receive_waits_for_its_timeout(run: Any) -> None:
    async def main() -> Any:
        otp.send_after(2, otp.self(), "later")
        await refute_receive("later", timeout=1.5)
        return otp.monotonic(), await assert_receive("later")

    assert run(main) == (1.5, "later")


def test_flush_takes_what_matches(run: Any) -> None:
    async def main() -> Any:
        for message in (1, "a", 2, "b"):
            otp.send(otp.self(), message)
        await wait_all_idle()
        return flush(str), mailbox(), mailbox()

    assert run(main) == (["a", "b"], [1, 2], [])


@pytest.mark.parametrize("timeout", [-1, "infinity", None])
def test_a_time_that_does_not_end_is_refused(run: Any, timeout: Any) -> None:
    async def main() -> None:
        await assert_receive("x", timeout=timeout)

    with pytest.raises(otp.BadArgument, match="timeout"):
        run(main)
