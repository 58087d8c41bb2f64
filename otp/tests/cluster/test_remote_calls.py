"""`rpc` and `multicall`: results, and each way to fail."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from otp.cluster import multicall, rpc
from otp.kernel.values.errors import BadArgument, CallExit
from otp.testing import Scheduler, SimulatedCluster


def where(word: str) -> tuple[str, str]:
    return otp.node().name, word


async def wait_long() -> None:
    await otp.receive()


def give_up() -> None:
    raise otp.Exit("tired")


def secret() -> None:
    pass


ALLOWED = [where, wait_long, give_up]


def run(main: Any) -> Any:
    async def with_members() -> Any:
        async with SimulatedCluster(3, allow=ALLOWED) as sim:
            return await main(sim)

    return Scheduler(seed=1).run(with_members)


async def reason_of(sim: SimulatedCluster, node: str, target: Any, **options: Any) -> Any:
    async def call() -> Any:
        with pytest.raises(CallExit) as failed:
            await rpc(node, target, **options)
        return failed.value.cause_reason

    return await sim.on("n1", call)


def test_a_function_is_called_there_and_here() -> None:
    async def main(sim: SimulatedCluster) -> None:
        for name in ("n1", "n2"):
            assert (name, "hi") == await sim.on("n1", rpc, name, where, "hi")
            assert (name, "hi") == await sim.on("n1", rpc, name, f"{where.__module__}:where", "hi")

    run(main)


@pytest.mark.parametrize("node", ["n1", "n2"])
def test_failures_have_their_reason(node: str) -> None:
    async def main(sim: SimulatedCluster) -> None:
        assert "tired" == await reason_of(sim, node, give_up)
        began = sim.now
        assert "timeout" == await reason_of(sim, node, wait_long, timeout=2)
        assert 2 <= sim.now - began < 2.1

    run(main)


def test_what_is_not_allowed_or_not_there_fails() -> None:
    async def main(sim: SimulatedCluster) -> None:
        assert ("not_spawnable", f"{secret.__module__}:secret") == await reason_of(sim, "n2", secret)
        assert ("nodedown", "n9") == await reason_of(sim, "n9", where)
        waiting = asyncio.ensure_future(reason_of(sim, "n2", wait_long))
        await otp.testing.advance(0.1)
        sim.kill("n2")
        assert ("nodedown", "n2") == await waiting
        with pytest.raises(BadArgument):
            await sim.on("n1", rpc, "n3", lambda: None)

    run(main)


def test_all_members_answer_or_fail() -> None:
    async def main(sim: SimulatedCluster) -> None:
        answers = {name: (name, "hi") for name in ("n1", "n2", "n3")}
        assert (answers, {}) == await sim.on("n1", multicall, where, "hi")
        asked = await sim.on("n1", lambda: multicall(give_up, nodes=["n2", "n9"]))
        assert ({}, {"n2": "tired", "n9": "noconnection"}) == asked
        refused = await sim.on("n1", lambda: multicall(secret, nodes=["n3"]))
        assert ({}, {"n3": ("not_spawnable", f"{secret.__module__}:secret")}) == refused

    run(main)


def test_members_that_do_not_answer_by_the_deadline_have_failed() -> None:
    async def main(sim: SimulatedCluster) -> None:
        sim.stall("n3")
        began = sim.now
        found = await sim.on("n1", lambda: multicall(where, "hi", timeout=0.5))
        assert ({"n1", "n2"}, {"n3": "timeout"}) == (set(found.answers), found.failed)
        assert 0.5 <= sim.now - began < 0.6
        await otp.testing.advance(5)
        found = await sim.on("n1", lambda: multicall(where, "hi", nodes=["n1", "n3"]))
        assert {"n3": "noconnection"} == found.failed

    run(main)
