"""Cases of OTP's receive_SUITE in Python; each test names its cases."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

import otp
from otp.testing import Scheduler, flush, mailbox


def echo_loop(me: Any) -> Any:
    async def loop() -> None:
        while True:
            tag, request = await otp.receive()
            otp.send(me, (tag, request))

    return loop


def test_waiting_for_a_new_reference_is_as_fast_with_a_full_mailbox() -> None:
    """call_with_huge_message_queue: a pattern is not shown again what it has seen."""

    async def main() -> Any:
        pid = otp.spawn_link(echo_loop(otp.self()))

        async def calls() -> float:
            begun = time.process_time()
            for n in range(300):
                otp.send(pid, ("answer", n))
                await otp.receive(otp.Tag("answer"))
            return time.process_time() - begun

        await calls()
        empty = min([await calls() for _ in range(3)])
        for n in range(50_000):
            otp.send(otp.self(), ("noise", n))
        await calls()
        full = min([await calls() for _ in range(3)])
        return full / empty

    assert Scheduler(inline=False).run(main) < 10


def test_a_receive_in_between_does_not_disturb_the_wait_for_an_answer(run: Any) -> None:
    """receive_in_between."""

    async def main() -> Any:
        pid = otp.spawn_link(echo_loop(otp.self()))
        for n in range(500):
            otp.send(otp.self(), "dummy")
            otp.send(pid, ("tag", n))
            await otp.receive(otp.Is("dummy"))
            assert await otp.receive(otp.Tag("tag")) == ("tag", n)
        return mailbox()

    assert run(main) == []


@pytest.mark.parametrize("ends", ["raises", "returns"])
def test_a_wait_inside_a_wait_does_not_hide_the_message_of_the_outer_one(ends: str, run: Any) -> None:
    """receive_opt_exception, receive_opt_recursion."""

    async def main() -> Any:
        async def wait_for(ref: Any, disturb: Any) -> Any:
            otp.send(otp.self(), ("ref", ref))
            await disturb()
            return await otp.receive(otp.Is(("ref", ref)), timeout=0)

        async def inner() -> None:
            async def stops() -> None:
                if ends == "raises":
                    raise KeyError("aborted")

            try:
                await wait_for(otp.make_ref(), stops)
            except KeyError:
                pass

        first = otp.make_ref()
        found = await wait_for(first, inner) == ("ref", first)
        await asyncio.sleep(0)
        return found, len(flush())

    assert run(main) == (True, 1 if ends == "raises" else 0)
