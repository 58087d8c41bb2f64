from otp import Children, Supervisor, impl
from superlearner.agents.with_otp import AgentServer


class AgentSupervisor(Supervisor):
    @impl
    def init(self, agents):
        children = [AgentServer.child_spec((name, {"memory": {}}), name=name) for name, memory in agents]
        return Children(children, strategy="one_for_one")

    @classmethod
    async def start_link(cls, agents):
        supervisor = await super().start_link(agents)
        for name, memory in agents:
            for key, value in memory.items():
                AgentServer.remember(name, key, value)
        return supervisor
