"""The framework of agents with OTP's behaviours: the same agents as in `by_hand`, in a third of its lines.

A server takes the place of the agent's loop, a dynamic supervisor that of the monitor, `otp.Registry` that of the
registry, and an application starts them all. It is the reference for sessions 13 to 16 of the course.

>>> import otp
>>> from superlearner.agents.with_otp import AgentServer, AgentSupervisor
>>> async def main():
...     await AgentSupervisor.start_link()
...     ann = await AgentSupervisor.start_agent("ann", memory={"colour": "blue"})
...     AgentServer.send_task(ann, "search", {"query": "otp"})
...     _, task, result = await AgentServer.process_next(ann)
...     return task.id, result, await AgentServer.recall(ann, "colour")
>>> otp.run(main)
(1, ('ok', 'Search results for: otp'), 'blue')
"""

from superlearner.agents.with_otp.agent_application import AgentApplication
from superlearner.agents.with_otp.agent_directory import AgentDirectory
from superlearner.agents.with_otp.agent_server import AgentServer
from superlearner.agents.with_otp.agent_supervisor import AgentSupervisor
from superlearner.agents.with_otp.agent_tree import AgentTree
from superlearner.agents.with_otp.static_agent_supervisor import StaticAgentSupervisor

__all__ = [
    "AgentApplication",
    "AgentDirectory",
    "AgentServer",
    "AgentSupervisor",
    "AgentTree",
    "StaticAgentSupervisor",
]
