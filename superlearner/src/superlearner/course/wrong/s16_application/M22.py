from otp import Application, Children, DynamicSupervisor, Registry, Supervisor, impl
from superlearner.agents.with_otp import AgentDirectory


class AgentFrameworkSupervisor(Supervisor):
    @impl
    def init(self, arg):
        children = [
            Registry.child_spec(keys="unique", name="AgentRegistry"),
            AgentDirectory.child_spec(name="AgentDirectory"),
            DynamicSupervisor.child_spec(name="AgentSupervisor", max_restarts=100, max_seconds=60),
        ]
        return Children(children, strategy="rest_for_one")


class AgentApplication(Application):
    name = "agent_framework"

    @impl
    async def start(self, kind, args):
        return await AgentFrameworkSupervisor.start_link(args)
