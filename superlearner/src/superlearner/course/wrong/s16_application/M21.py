from otp import Application, Children, Registry, Supervisor, impl
from superlearner.agents.with_otp import AgentDirectory, AgentSupervisor


class AgentFrameworkSupervisor(Supervisor):
    @impl
    def init(self, arg):
        children = [
            Registry.child_spec(keys="unique", name="AgentRegistry"),
            AgentDirectory.child_spec(name="AgentDirectory"),
            AgentSupervisor.child_spec(name="AgentSupervisor"),
        ]
        return Children(children, strategy="one_for_one")


class AgentApplication(Application):
    name = "agent_framework"

    @impl
    async def start(self, kind, args):
        return await AgentFrameworkSupervisor.start_link(args)
