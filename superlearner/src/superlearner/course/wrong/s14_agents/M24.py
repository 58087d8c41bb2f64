from otp import Children, Supervisor, impl
from superlearner.agents.with_otp import AgentServer


class AgentSupervisor(Supervisor):
    @impl
    def init(self, agents):
        children = [
            AgentServer.child_spec((name, {"memory": memory}), name=name, restart="temporary")
            for name, memory in agents
        ]
        return Children(children, strategy="one_for_one")
