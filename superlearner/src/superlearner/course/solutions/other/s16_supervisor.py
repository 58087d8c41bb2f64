import otp
from otp import AlreadyStarted, DynamicSupervisor, Pid, Registry
from superlearner.agents.with_otp import AgentServer

NAME, REGISTRY = "AgentSupervisor", "AgentRegistry"


def address(name):
    return Registry.via(REGISTRY, name)


class AgentSupervisor:
    @staticmethod
    def start_link(*, name=NAME):
        return DynamicSupervisor.start_link(name=name, max_restarts=5, max_seconds=60)

    @staticmethod
    async def start_agent(name, *, memory=None, supervisor=NAME):
        options = {}
        if otp.whereis(REGISTRY) is not None:
            if (taken := otp.whereis(address(name))) is not None:
                raise AlreadyStarted(taken)
            options["name"] = address(name)
        child = otp.ChildSpec(id=name, start=(start, name, memory or {}, options), restart="permanent")
        return await DynamicSupervisor.start_child(supervisor, child)

    @staticmethod
    def stop_agent(pid, *, supervisor=NAME):
        return DynamicSupervisor.terminate_child(supervisor, pid)

    @staticmethod
    async def list_agents(*, supervisor=NAME):
        return [each.pid for each in await DynamicSupervisor.which_children(supervisor) if type(each.pid) is not str]

    @staticmethod
    def count_agents(*, supervisor=NAME):
        return DynamicSupervisor.count_children(supervisor)

    @staticmethod
    def whereis(name):
        return None if otp.whereis(REGISTRY) is None else otp.whereis(address(name))


async def start(name, memory, options) -> Pid:
    return await AgentServer.start_link((name, {"memory": memory}), **options)
