"""Candidates for one name: its holder leads, and the holder's end starts the next election."""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp import Children, ChildSpec, Down, GenServer, NoReply, Ok, Reply, Supervisor, impl
from otp.testing import start_supervised, wait_all_idle


class Candidate(GenServer[str]):
    """Its state is `"leader"` or `"follower"`."""

    @impl
    def init(self, arg: Any) -> Any:
        return Ok(self.stand())

    def stand(self) -> str:
        """Take the name, or monitor its holder. Both are one step: nothing comes in between."""
        try:
            otp.register("leader", otp.self())
        except otp.BadArgument:
            otp.monitor("leader")
            return "follower"
        return "leader"

    @impl
    def handle_call(self, request: Any, caller: Any, role: str) -> Any:
        return Reply(role, role)

    @impl
    def handle_info(self, message: Any, role: str) -> Any:
        match message:
            case Down(item=("leader", _)):
                return NoReply(self.stand())


class Cluster(Supervisor):
    @impl
    def init(self, size: int) -> Any:
        return Children([ChildSpec(n, start=(Candidate.start_link, None)) for n in range(size)], max_restarts=100)


async def roles(cluster: otp.Pid) -> list[str]:
    await wait_all_idle()
    return sorted([await GenServer.call(child.pid, "role") for child in await Supervisor.which_children(cluster)])


@pytest.mark.otp(seed=range(8))
async def test_there_is_one_leader_and_after_its_end_another() -> None:
    cluster = await start_supervised((Cluster, 3))
    leaders = []
    for _ in range(4):
        assert await roles(cluster) == ["follower", "follower", "leader"]
        leaders.append(otp.whereis("leader"))
        otp.exit(leaders[-1], "kill")
        await otp.wait_down(leaders[-1])
    assert len(set(leaders)) == 4


@pytest.mark.otp(seed=range(8))
async def test_a_leader_that_steps_down_is_followed_by_another() -> None:
    cluster = await start_supervised((Cluster, 3))
    await wait_all_idle()
    await GenServer.stop("leader")
    assert await roles(cluster) == ["follower", "follower", "leader"]
