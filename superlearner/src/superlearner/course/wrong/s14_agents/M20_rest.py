from otp import Children, Supervisor, impl
from superlearner.agents.with_otp import AgentServer


class AgentSupervisor(Supervisor):
    @impl
    def init(self, agents):
        children = [AgentServer.child_spec((name, {"memory": memory}), name=name) for name, memory in agents]
        return Children(children, strategy="rest_for_one")
