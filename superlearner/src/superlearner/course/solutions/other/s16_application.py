from otp import Application, DynamicSupervisor, Registry, Supervisor
from superlearner.agents.with_otp import AgentDirectory

AGENTS = {"name": "AgentSupervisor", "max_restarts": 5, "max_seconds": 60}


class AgentApplication(Application):
    name = "agent_framework"

    async def start(self, kind, args):
        return await Supervisor.start_link_children(
            [
                Registry.child_spec(keys="unique", name="AgentRegistry"),
                AgentDirectory.child_spec(name="AgentDirectory"),
                DynamicSupervisor.child_spec(**AGENTS),
            ],
            strategy="rest_for_one",
        )
