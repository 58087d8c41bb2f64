import otp
from otp import DynamicSupervisor, Registry
from superlearner.agents.with_otp import AgentServer


class AgentSupervisor(DynamicSupervisor):
    @classmethod
    async def start_link(cls, *, name="AgentSupervisor"):
        return await super().start_link(name=name, max_restarts=1000, max_seconds=60)

    async def start_agent(name, *, memory=None, supervisor="AgentSupervisor"):
        via = Registry.via("AgentRegistry", name) if otp.whereis("AgentRegistry") else None
        spec = AgentServer.child_spec((name, {"memory": memory}), name=via)
        return await DynamicSupervisor.start_child(supervisor, spec)

    async def stop_agent(pid, *, supervisor="AgentSupervisor"):
        await DynamicSupervisor.terminate_child(supervisor, pid)

    async def list_agents(*, supervisor="AgentSupervisor"):
        children = await DynamicSupervisor.which_children(supervisor)
        return [child.pid for child in children if isinstance(child.pid, otp.Pid)]

    async def count_agents(*, supervisor="AgentSupervisor"):
        return await DynamicSupervisor.count_children(supervisor)

    def whereis(name):
        if otp.whereis("AgentRegistry"):
            return otp.whereis(Registry.via("AgentRegistry", name))
        return None
