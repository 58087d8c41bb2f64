"""The tree of exercise 3 of session 12: a store, three workers that last, and agents that come and go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import otp
from otp import Children, DynamicSupervisor, GenServer, NoReply, Ok, Pid, Reply, Supervisor, impl
from superlearner.agents.with_otp.agent_server import AgentServer
from superlearner.agents.with_otp.static_agent_supervisor import StaticAgentSupervisor

__all__ = ["AgentTree"]

STORE: Final = "state_store"
WORKERS: Final = "workers"
POOL: Final = "pool"


class StateStore(GenServer[dict[Any, Any]]):
    """A store that the agents share. All of them need it, so it starts first."""

    @impl
    def init(self, arg: Any) -> Ok[dict[Any, Any]]:
        """Begin empty."""
        return Ok({})

    @impl
    def handle_call(self, request: Any, from_: otp.From, kept: dict[Any, Any]) -> Reply[dict[Any, Any]]:
        """Return what is kept under a key."""
        match request:
            case ("get", key):
                return Reply(kept.get(key), kept)
            case _:
                return Reply(("error", ("unknown_request", request)), kept)

    @impl
    def handle_cast(self, request: Any, kept: dict[Any, Any]) -> NoReply[dict[Any, Any]]:
        """Keep something under a key; unknown requests change nothing."""
        match request:
            case ("put", key, value):
                return NoReply(kept | {key: value})
            case _:
                return NoReply(kept)


class AgentTree(Supervisor):
    """A supervisor `rest_for_one` of `state_store`, `workers` and `pool`, which are registered under these names.

    Two temporary agents running, the kill of a worker or of a temporary agent disturbs 1 process, that of the pool 3,
    that of the store 8. Temporary agents do not come back, nor does what the store kept.

    >>> import otp
    >>> async def main():
    ...     await AgentTree.start_link()
    ...     AgentTree.put("colour", "blue")
    ...     return await AgentTree.get("colour"), await AgentServer.get_status("worker_2")
    >>> otp.run(main)
    ('blue', 'idle')
    """

    @classmethod
    async def start_link(cls, arg: Any = None, *, name: Any = "agent_tree", **options: Any) -> Pid:
        """Start the tree, linked with the calling process."""
        return await super().start_link(arg, name=name, **options)

    @impl
    def init(self, arg: Any) -> Children:
        """Return the three parts, in the order in which they need each other."""
        workers = [(f"worker_{number}", None) for number in (1, 2, 3)]
        return Children(
            [
                StateStore.child_spec(id=STORE, name=STORE),
                StaticAgentSupervisor.child_spec(workers, id=WORKERS, name=WORKERS),
                DynamicSupervisor.child_spec(id=POOL, name=POOL),
            ],
            strategy="rest_for_one",
        )

    @staticmethod
    async def start_temporary(agent_name: Any, *, memory: Mapping[Any, Any] | None = None) -> Pid:
        """Start an agent in the pool; it is not started again."""
        spec = AgentServer.child_spec((agent_name, {"memory": memory}), restart="temporary")
        pid: Pid = await DynamicSupervisor.start_child(POOL, spec)
        return pid

    @staticmethod
    def put(key: Any, value: Any) -> None:
        """Keep something in the store; no answer comes."""
        GenServer.cast(STORE, ("put", key, value))

    @staticmethod
    async def get(key: Any) -> Any:
        """Return what the store keeps under a key, or None."""
        return await GenServer.call(STORE, ("get", key))
