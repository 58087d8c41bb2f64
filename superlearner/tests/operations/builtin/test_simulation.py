"""Simulated failures happen, are counted and bounded, and can be cancelled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import Children, GenServer, NoReply, Ok, Reply, Supervisor, impl
from superlearner.app.running import Tree

Inside = Callable[..., Any]
AT = "/api/v1"
OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}


class Counts(GenServer[int]):
    """Server that counts its messages."""

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
    everyone = (node for same in platform.node.scheduler.nodes.values() for node in same)
    (home,) = (node for node in everyone if node.whereis("simulations") is not None)
    await otp.wait_down(home.parse_pid(f"<0.{simulation['id'].removeprefix('sim-')}.0>"), timeout=10)


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
        not_a_process = await platform.client.get(f"{AT}/processes/{later['id']}/errors/last")
        assert failure(not_a_process) == (404, "process_not_found")
        ended = await ask(platform, "DELETE", f"/simulations/{later['id']}")
        assert ended["running"] is False
        assert await ask(platform, "GET", "/simulations") == []
        assert otp.is_alive(right)
        assert failure(await platform.client.delete(f"{AT}/simulations/{later['id']}")) == (404, "process_not_found")
        answer = await platform.client.post(f"{AT}/processes/superlearner/simulate/crash", json={"delay_ms": 1})
        assert failure(answer) == (403, "critical_process_protection")

    inside(test, TREE)


@pytest.mark.operation("simulation.slow", "simulation.cancel")
def test_a_blocked_server_does_not_answer_until_the_end_or_a_cancel(inside: Inside) -> None:
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
def test_only_a_server_can_be_blocked(inside: Inside) -> None:
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
def test_a_flood_arrives_completely_and_ends(inside: Inside) -> None:
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
def test_more_than_twenty_simultaneous_ones_are_refused(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        body = {"delay_ms": 600_000}
        for _ in range(20):
            await ask(platform, "POST", "/processes/left/simulate/crash", body)
        answer = await platform.client.post(f"{AT}/processes/left/simulate/crash", json=body)
        assert failure(answer) == (409, "conflict")
        body = {"duration_ms": 1, "force": True}
        answer = await platform.client.post(f"{AT}/simulations/hang", json=body, headers=OWNER)
        assert failure(answer) == (409, "conflict")
        assert len(await ask(platform, "GET", "/simulations")) == 20

    inside(test, TREE)


async def send(platform: Any, name: str, message: Any) -> None:
    await ask(platform, "POST", f"/processes/{name}/message", {"message": message})


async def counted(platform: Any, name: str) -> int:
    body = {"message": "count", "message_type": "call"}
    return (await ask(platform, "POST", f"/processes/{name}/message", body))["reply"]


@pytest.mark.everywhere
@pytest.mark.operation("simulation.crash_next")
def test_a_process_crashes_at_its_next_matching_message(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        left = platform.node.whereis("left")
        begun = await ask(platform, "POST", "/processes/left/simulate/crash-next", {"reason": "boom", "tag": "go"})
        expected = f"crash left ({begun['target']}) with boom at its next message with the first word 'go'"
        assert begun["words"] == expected
        await send(platform, "left", "stay")
        assert await counted(platform, "left") == 1
        await send(platform, "left", ["go", 1])
        await otp.wait_down(left, timeout=10)
        await Supervisor.count_children(("pair", platform.node))
        children = await ask(platform, "GET", "/supervisors/pair/children")
        assert children[0]["last_exit"]["reason"] == "boom"
        await over(platform, begun)
        assert await ask(platform, "GET", "/simulations") == []

    inside(test, TREE)


@pytest.mark.everywhere
@pytest.mark.operation("simulation.drop", "simulation.delay")
def test_messages_are_lost_or_late_and_the_list_counts_them(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        lost = await ask(platform, "POST", "/processes/left/simulate/drop", {"times": 2, "text": "x"})
        assert lost["words"] == f"drop the next 2 messages containing 'x' to left ({lost['target']}) for at most 10 s"
        late = await ask(platform, "POST", "/processes/right/simulate/delay", {"delay_ms": 60_000})
        for message in ("x", "y", "x", "x"):
            await send(platform, "left", message)
        await send(platform, "right", "z")
        assert (await counted(platform, "left")) == 2
        await over(platform, lost)
        (running,) = await ask(platform, "GET", "/simulations")
        assert (running["id"], running["kind"], running["done"]) == (late["id"], "delay", 1)
        await ask(platform, "DELETE", f"/simulations/{late['id']}")
        await send(platform, "right", "now")
        assert await counted(platform, "right") == 1

    inside(test, TREE)


def test_messages_of_the_runtime_are_refused_as_the_kind_of_a_fault(inside: Inside) -> None:
    """Regression: such a simulation ran for its time and affected nothing."""

    async def test(platform: Any) -> None:
        for path in ("simulate/crash-next", "simulate/drop", "simulate/delay", "mailbox/drop"):
            refused = await platform.client.post(f"{AT}/processes/left/{path}", json={"kind": "system"})
            assert refused.status_code == 422
            assert "'call', 'cast' or 'info'" in refused.text

    inside(test, TREE)


@pytest.mark.everywhere
@pytest.mark.operation("simulation.slow_callbacks")
def test_slow_callbacks_run_in_sequence_until_the_simulation_ends(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        begun = await ask(platform, "POST", "/processes/left/simulate/slow-callbacks", {"delay_ms": 60_000})
        await send(platform, "left", "a")
        await send(platform, "left", "b")
        assert await counted(platform, "right") == 0  # others continue
        info = await ask(platform, "GET", "/processes/left/info")
        assert (info["message_queue_len"], info["current_call"]) == (1, "handle_info")
        assert (await ask(platform, "GET", "/simulations"))[0]["done"] == 1
        await ask(platform, "DELETE", f"/simulations/{begun['id']}")
        answer = await platform.client.post(f"{AT}/processes/pair/simulate/slow-callbacks", json={})
        assert failure(answer) == (409, "conflict")

    inside(test, TREE)


@pytest.mark.operation("simulation.hang")
def test_the_loop_is_blocked_only_with_a_confirmation(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        platform.client.headers.update(OWNER)
        refused = await platform.client.post(f"{AT}/simulations/hang", json={"duration_ms": 50})
        assert failure(refused) == (403, "critical_process_protection")
        begun = otp.monotonic()
        hang = await ask(platform, "POST", "/simulations/hang", {"duration_ms": 50, "force": True})
        await over(platform, hang)
        assert otp.monotonic() - begun >= 0.05

    inside(test, TREE)


@pytest.mark.everywhere
@pytest.mark.operation("simulation.memory")
def test_memory_is_allocated_and_freed(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        platform.client.headers.update(OWNER)
        taken = await ask(platform, "POST", "/simulations/memory", {"megabytes": 40, "force": True})
        await ask(platform, "GET", "/simulations")
        (running,) = await ask(platform, "GET", "/simulations")
        assert (running["kind"], running["done"]) == ("memory", 40)
        assert (None, platform.node.name) == (running["target"], running["name"]), "the node, and no process of it"
        await ask(platform, "DELETE", f"/simulations/{taken['id']}")
        assert await ask(platform, "GET", "/simulations") == []

    inside(test, TREE)
