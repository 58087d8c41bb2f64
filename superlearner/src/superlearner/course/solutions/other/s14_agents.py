from otp import Children, ChildSpec, Supervisor, impl
from superlearner.agents.with_otp import AgentServer


async def start_agent(name, memory):
    return await AgentServer.start_link((name, {"memory": memory}), name=name)


class AgentSupervisor(Supervisor):
    @impl
    def init(self, agents):
        return Children([ChildSpec(name, start=(start_agent, name, memory)) for name, memory in agents])
