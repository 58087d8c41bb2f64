"""The framework of agents by hand: `spawn`, `send`, `receive`, `monitor` and `link`, and no behaviour.

Agents keep facts and handle tasks; a registry finds them by name, a monitor starts them again, and a coordinator
divides work among workers. It is the reference for sessions 2 and 6 to 11 of the course.

>>> import otp
>>> from superlearner.agents.by_hand import ProcessAgent
>>> async def main():
...     ann = await ProcessAgent.start("ann", memory={"colour": "blue"})
...     ProcessAgent.send_task(ann, "search", {"query": "otp"})
...     _, task, result = await ProcessAgent.process_next(ann)
...     return task.id, result, await ProcessAgent.recall(ann, "colour")
>>> otp.run(main)
(1, ('ok', 'Search results for: otp'), 'blue')
"""

from superlearner.agents.by_hand.agent import Agent
from superlearner.agents.by_hand.agent_monitor import AgentMonitor
from superlearner.agents.by_hand.agent_registry import AgentRegistry
from superlearner.agents.by_hand.coordinator import Coordinator
from superlearner.agents.by_hand.message import Message
from superlearner.agents.by_hand.process_agent import ProcessAgent

__all__ = ["Agent", "AgentMonitor", "AgentRegistry", "Coordinator", "Message", "ProcessAgent"]
