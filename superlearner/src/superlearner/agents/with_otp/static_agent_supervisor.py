"""The supervisor of agents that are known beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from otp import Children, Supervisor, impl
from superlearner.agents.with_otp.agent_server import AgentServer

__all__ = ["StaticAgentSupervisor"]


class StaticAgentSupervisor(Supervisor):
    """A supervisor with one permanent agent for each `(name, memory)`, restarted alone.

    >>> import otp
    >>> async def main():
    ...     await StaticAgentSupervisor.start_link([("ann", {"colour": "blue"}), ("bob", None)])
    ...     return await AgentServer.recall("ann", "colour")
    >>> otp.run(main)
    'blue'
    """

    @impl
    def init(self, arg: Sequence[tuple[str, Mapping[Any, Any] | None]]) -> Children:
        """Return the agents; each is registered under its name, which is its id as well."""
        return Children([
            AgentServer.child_spec((name, {"memory": memory}), id=name, name=name) for name, memory in arg
        ])  # fmt: skip
