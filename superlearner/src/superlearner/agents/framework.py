"""`AgentFramework`: one place from which all layers of the agents are reached."""

from __future__ import annotations

from superlearner.agents.by_hand import Agent, AgentMonitor, AgentRegistry, Message, ProcessAgent
from superlearner.agents.with_otp import AgentServer, AgentSupervisor

__all__ = ["AgentFramework"]


class AgentFramework:
    """The functions of three layers: agents as values, as processes by hand, and with OTP.

    Each name stands for one function of its layer, with the same arguments, answers and errors.

    >>> agent = AgentFramework.send_message(AgentFramework.new_agent("ann"), AgentFramework.task(1, "search"))
    >>> AgentFramework.has_messages(agent), AgentFramework.process(agent)[0]
    (True, 'processed')
    """

    # Agents as values
    new_agent = Agent.new
    task = Message.task
    response = Message.response
    send_message = staticmethod(Agent.receive_message)
    process = staticmethod(Agent.process_next)

    @staticmethod
    def has_messages(agent: Agent) -> bool:
        """Return whether messages wait in its inbox."""
        return agent.inbox_count() > 0

    # Agents as processes
    start_registry = AgentRegistry.start_link
    start_monitor = AgentMonitor.start_link
    start_agent = AgentMonitor.start_agent
    start_process_agent = ProcessAgent.start
    stop_agent = ProcessAgent.stop
    get_agent_state = ProcessAgent.get_state
    send_process_task = ProcessAgent.send_task
    process_next_task = ProcessAgent.process_next
    remember = ProcessAgent.remember
    recall = ProcessAgent.recall
    list_monitored_agents = AgentMonitor.list_agents
    lookup_agent = AgentRegistry.lookup

    # Agents with OTP
    start_otp_agent = AgentSupervisor.start_agent
    stop_otp_agent = AgentSupervisor.stop_agent
    list_otp_agents = AgentSupervisor.list_agents
    count_otp_agents = AgentSupervisor.count_agents
    otp_get_state = AgentServer.get_state
    otp_remember = AgentServer.remember
    otp_recall = AgentServer.recall
    otp_send_task = AgentServer.send_task
    otp_process_next = AgentServer.process_next
    otp_inbox_count = AgentServer.inbox_count
