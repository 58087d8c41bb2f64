"""The agents as an application: registry, directory and supervisor start and stop together."""

from __future__ import annotations

from typing import Any

from otp import Application, Children, Pid, Registry, Supervisor, impl
from superlearner.agents.with_otp.agent_directory import DIRECTORY, AgentDirectory
from superlearner.agents.with_otp.agent_supervisor import REGISTRY, SUPERVISOR, AgentSupervisor

__all__ = ["AgentApplication"]


class AgentFrameworkSupervisor(Supervisor):
    """The top of the application.

    Its strategy is `rest_for_one`: agents are linked with the registry and end with it. Under `one_for_one`, which of
    them come back would depend on which supervisor acts first. So the supervisor of agents always starts empty, and
    names and processes agree.
    """

    @impl
    def init(self, arg: Any) -> Children:
        """Return the three parts, in the order in which they need each other."""
        return Children(
            [
                Registry.child_spec(keys="unique", name=REGISTRY),
                AgentDirectory.child_spec(name=DIRECTORY),
                AgentSupervisor.child_spec(name=SUPERVISOR),
            ],
            strategy="rest_for_one",
        )


class AgentApplication(Application):
    """The framework of agents as an application, `agent_framework`.

    >>> import otp
    >>> async def main():
    ...     started = await otp.Application.ensure_all_started(AgentApplication)
    ...     ann = await AgentSupervisor.start_agent("ann")
    ...     return started, AgentSupervisor.whereis("ann") == ann
    >>> otp.run(main)
    (['agent_framework'], True)
    """

    name = "agent_framework"

    @impl
    async def start(self, kind: Any, args: Any) -> Pid:
        """Start the supervisor of all parts."""
        return await AgentFrameworkSupervisor.start_link(args)
