"""A small framework of agents, twice, for the course: `by_hand` with processes and messages alone, and `with_otp`.

`AgentFramework` has the functions of both.
"""

from superlearner.agents.framework import AgentFramework

__all__ = ["AgentFramework"]
