"""Processes that tests of errors and restarts end: of the demo and the shop, and of their own."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import otp
from otp import CallExit, Children, GenServer, NoReply, Ok, Supervisor, impl
from superlearner.control.terms import plain_pid

__all__ = ["AT", "Depot", "Pricer", "ReturnsItsState", "crash", "crash_vans", "kill",
           "let_warehouse_give_up", "pid_of"]  # fmt: skip

AT = "/api/v1/processes/counter_1"


async def crash(platform: Any) -> None:
    """Crash counter_1, and wait until it runs again."""
    GenServer.cast(("counter_1", platform.node), "crash")
    await Supervisor.count_children(("demo_one_for_one", platform.node))
    await platform.call("counter_1", "get_value")


async def kill(platform: Any) -> None:
    """Kill counter_1, and wait until it runs again."""
    await platform.client.delete(AT)
    await Supervisor.count_children(("demo_one_for_one", platform.node))


async def let_warehouse_give_up(platform: Any) -> None:
    """Kill the shop's robot from the page until its supervisor gives up, and wait until the shop has restarted that."""
    for _ in range(4):
        await platform.client.delete("/api/v1/processes/robot", headers={"x-door": "page"})
        for name in ("warehouse_sup", "shop"):
            with suppress(CallExit):
                await Supervisor.count_children((name, platform.node))


def pid_of(platform: Any, name: str = "counter_1") -> str:
    """Return the pid of a name, without its angle brackets."""
    return str(platform.node.whereis(name)).strip("<>")


class ReturnsItsState(GenServer[int]):
    """A server whose callbacks return values that are no results; no other loaded class may have its name."""

    @impl
    def init(self, arg: Any) -> Ok[int]:
        return Ok(0)

    @impl
    def handle_cast(self, request: Any, state: int) -> Any:
        if request == "number":
            return state
        if request == "forgets":
            NoReply(state)
        else:
            return NoReply(state)


class Pricer(GenServer):
    @impl
    def init(self, arg):
        return Ok(arg)

    @impl
    def handle_cast(self, request, state):
        return state[request]


class Fleet(Supervisor):
    @impl
    def init(self, arg):
        return Children([Pricer.child_spec({}, id="van", name="van")], max_restarts=1, max_seconds=600)


class Depot(Supervisor):
    @impl
    def init(self, arg):
        return Children([Fleet.child_spec(None, id="fleet", name="fleet")], max_restarts=5, max_seconds=600)


async def crash_vans(node: otp.Node, count: int) -> list[str]:
    """End a van this often; at every second end the fleet gives up and is restarted."""
    pids: list[str] = []
    for number in range(1, count + 1):
        van, fleet = node.whereis("van"), node.whereis("fleet")
        assert van is not None
        assert fleet is not None
        pids.append(plain_pid(van))
        GenServer.cast(van, "bogus")
        await otp.wait_down(van)
        if number % 2 == 0:
            await otp.wait_down(fleet)
            await Supervisor.count_children(("depot", node))
        await Supervisor.count_children(("fleet", node))
    return pids
