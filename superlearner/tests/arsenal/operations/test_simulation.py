"""Failures on purpose happen, are bounded, and can be called off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import Children, GenServer, NoReply, Ok, Reply, Supervisor, impl
from superlearner.running import Tree

Inside = Callable[..., Any]
AT = "/api/v1"


class Counts(GenServer[int]):
    """Counts what it gets."""

    @impl
    def init(self, arg: Any) -> Ok[int]:
        return Ok(0)

    @impl
    def handle_info(self, message: Any, state: int) -> NoReply[int]:
        return NoReply(state + 1)

    @impl
    def handle_call(self, request: Any, caller: Any, state: int) -> Reply[int]:
        return Reply(state, state)


class Pair(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        children = [Counts.child_spec(None, id=name, name=name) for name in ("left", "right")]
        return Children(children, max_restarts=1000, max_seconds=1)


TREE = Tree("pair", lambda: Pair.start_link(None, name="pair"))


def failure(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def ask(platform: Any, method: str, path: str, body: Any = None) -> Any:
    answer = await platform.client.request(method, f"{AT}{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def over(platform: Any, simulation: Any) -> None:
    """Wait until a simulation has ended."""
    await otp.wait_down(platform.node.parse_pid(simulation["id"]), timeout=10)


@pytest.mark.operation("simulation.crash", "simulation.list", "simulation.cancel")
def test_a_crash_comes_at_once_or_later_or_not_at_all(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        left = platform.node.whereis("left")
        now = await ask(platform, "POST", "/processes/left/simulate/crash", {"reason": "simulated"})
        assert (now["done"], now["running"], otp.is_alive(left)) == (1, False, False)
        await Supervisor.count_children(("pair", platform.node))
        children = await ask(platform, "GET", "/supervisors/pair/children")
        assert children[0]["last_exit"]["reason"] == "simulated"

        left = platform.node.whereis("left")
        await ask(platform, "POST", "/processes/left/simulate/crash", {"delay_ms": 20})
        await otp.wait_down(left, timeout=10)

        right = platform.node.whereis("right")
        later = await ask(platform, "POST", "/processes/right/simulate/crash", {"delay_ms": 600_000})
        (listed,) = [one for one in await ask(platform, "GET", "/simulations") if one["name"] == "right"]
        assert (listed["id"], listed["kind"], listed["running"]) == (later["id"], "crash", True)
        ended = await ask(platform, "DELETE", f"/simulations/{later['id']}")
        assert ended["running"] is False
        assert await ask(platform, "GET", "/simulations") == []
        assert otp.is_alive(right)
        assert failure(await platform.client.delete(f"{AT}/simulations/{later['id']}")) == (404, "process_not_found")
        answer = await platform.client.post(f"{AT}/processes/superlearner/simulate/crash", json={"delay_ms": 1})
        assert failure(answer) == (403, "critical_process_protection")

    inside(test, TREE)


@pytest.mark.operation("simulation.slow", "simulation.cancel")
def test_a_server_that_is_held_answers_nobody_until_it_is_over_or_cancelled(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        call = {"message": "count", "message_type": "call", "timeout_ms": 30}
        held = await ask(platform, "POST", "/processes/left/simulate/slow", {"duration_ms": 60_000})
        assert failure(await platform.client.post(f"{AT}/processes/left/message", json=call)) == (504, "timeout")
        again = await platform.client.post(f"{AT}/processes/left/simulate/slow", json={})
        assert failure(again) == (409, "conflict")
        await ask(platform, "DELETE", f"/simulations/{held['id']}")
        assert (await ask(platform, "POST", "/processes/left/message", call))["reply"] == 0
        short = await ask(platform, "POST", "/processes/left/simulate/slow", {"duration_ms": 10})
        await over(platform, short)
        assert (await ask(platform, "GET", "/processes/left/info"))["status"] == "waiting"

    inside(test, TREE)


@pytest.mark.operation("simulation.slow")
def test_only_a_server_can_be_held(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        async def waits() -> None:
            await otp.receive(otp.Is("end"))

        pid = platform.node.spawn(waits)
        answer = await platform.client.post(f"{AT}/processes/{str(pid).strip('<>')}/simulate/slow", json={})
        assert failure(answer) == (409, "conflict")
        otp.exit(pid, "kill")

    inside(test, TREE)


@pytest.mark.everywhere
@pytest.mark.operation("simulation.flood")
def test_a_flood_arrives_whole_and_ends(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        body = {"message": ["add", 1], "count": 250, "per_second": 10_000}
        flood = await ask(platform, "POST", "/processes/left/simulate/flood", body)
        await over(platform, flood)
        call = {"message": "count", "message_type": "call"}
        assert (await ask(platform, "POST", "/processes/left/message", call))["reply"] == 250
        for wrong in ({"count": 10_001}, {"per_second": 0}):
            answer = await platform.client.post(f"{AT}/processes/left/simulate/flood", json=wrong)
            assert failure(answer) == (422, "validation_error")

    inside(test, TREE)


@pytest.mark.everywhere
@pytest.mark.operation("simulation.chaos")
def test_chaos_ends_workers_below_a_supervisor_and_then_stops(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        pair = platform.node.whereis("pair")
        body = {"kills_per_second": 20, "duration_ms": 180}
        chaos = await ask(platform, "POST", "/supervisors/pair/simulate/chaos", body)
        await over(platform, chaos)
        await Supervisor.count_children(("pair", platform.node))
        restarts = [one["restarts"] for one in await ask(platform, "GET", "/supervisors/pair/children")]
        assert 1 <= sum(restarts) <= 4
        assert otp.is_alive(pair)

    inside(test, TREE)


@pytest.mark.operation("simulation.chaos", "simulation.list")
def test_more_than_twenty_at_once_are_refused(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        body = {"delay_ms": 600_000}
        for _ in range(20):
            await ask(platform, "POST", "/processes/left/simulate/crash", body)
        answer = await platform.client.post(f"{AT}/processes/left/simulate/crash", json=body)
        assert failure(answer) == (409, "conflict")
        assert len(await ask(platform, "GET", "/simulations")) == 20

    inside(test, TREE)
