"""The agents of session 12: a store, workers, a pool

Kill worker_2, then pool, then
state_store, and count which others
end. The top supervisor is
rest_for_one: it also restarts the
children after the one that ended.
The two guests of the pool are
temporary and do not come back.
"""

from typing import Any

from otp import Application, impl
from superlearner.agents.with_otp import AgentTree


class Main(Application):
    """The tree, with two agents in its pool."""

    @impl
    async def start(self, kind: str, args: Any) -> Any:
        tree = await AgentTree.start_link()
        for guest in ("guest_1", "guest_2"):
            await AgentTree.start_temporary(guest)
        return tree
