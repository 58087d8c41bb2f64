"""The supervisor of agents that start and stop at any time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import otp
from otp import Counts, DynamicSupervisor, Pid, Registry
from superlearner.agents.with_otp.agent_server import Address, AgentServer

__all__ = ["REGISTRY", "SUPERVISOR", "AgentSupervisor"]

SUPERVISOR: Final = "AgentSupervisor"
REGISTRY: Final = "AgentRegistry"
LIMIT: Final[dict[str, Any]] = {"max_restarts": 5, "max_seconds": 60}


class AgentSupervisor(DynamicSupervisor):
    """A dynamic supervisor of agents, with five restarts in a minute.

    Agents are registered in the registry `AgentRegistry`, if it runs, and are found there again after a restart. The
    source looks for them in another registry than the one they are in, and finds none.
    """

    @classmethod
    async def start_link(cls, *, name: Any = SUPERVISOR, **options: Any) -> Pid:
        """Start the supervisor, linked with the calling process."""
        return await super().start_link(name=name, **(LIMIT | options))

    @staticmethod
    async def start_agent(
        name: Any, *, memory: Mapping[Any, Any] | None = None, supervisor: Address = SUPERVISOR
    ) -> Pid:
        """Start an agent; raises `otp.AlreadyStarted` if its name is taken in the registry."""
        via = None if otp.whereis(REGISTRY) is None else Registry.via(REGISTRY, name)
        spec = AgentServer.child_spec((name, {"memory": memory}), name=via)
        pid: Pid = await DynamicSupervisor.start_child(supervisor, spec)
        return pid

    @staticmethod
    async def stop_agent(pid: Pid, *, supervisor: Address = SUPERVISOR) -> None:
        """Stop an agent for good; raises `otp.NotFound` if it is not one of this supervisor."""
        await DynamicSupervisor.terminate_child(supervisor, pid)

    @staticmethod
    async def list_agents(*, supervisor: Address = SUPERVISOR) -> list[Pid]:
        """Return the pids of the agents that run."""
        children = await DynamicSupervisor.which_children(supervisor)
        return [child.pid for child in children if isinstance(child.pid, Pid)]

    @staticmethod
    async def count_agents(*, supervisor: Address = SUPERVISOR) -> Counts:
        """Return how many agents there are."""
        return await DynamicSupervisor.count_children(supervisor)

    @staticmethod
    def whereis(name: Any) -> Pid | None:
        """Return the agent with this name, or None."""
        return None if otp.whereis(REGISTRY) is None else otp.whereis(Registry.via(REGISTRY, name))
