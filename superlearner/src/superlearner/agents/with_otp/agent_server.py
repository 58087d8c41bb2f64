"""An agent that is a server: the loop, the references and the time limits of `ProcessAgent` are OTP's here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import otp
from otp import GenServer, NoReply, Ok, Reply, impl
from superlearner.agents.by_hand import Message
from superlearner.agents.by_hand.process_agent import next_id, result_of

__all__ = ["Address", "AgentServer"]

Address: TypeAlias = Any
"""A pid, a registered name, or `otp.Registry.via(…)`."""

AgentState: TypeAlias = dict[str, Any]
"""Name, status, memory, inbox and processed_count. Each change makes another one, so a caller can keep what it got."""

Given: TypeAlias = "str | tuple[Any, Mapping[str, Any]]"
"""The argument of an agent: a name, or a name and options, such as `("ann", {"memory": {"colour": "blue"}})`."""


class AgentServer(GenServer[AgentState]):
    """An agent with facts and tasks.

    Questions are calls: they raise what `otp.GenServer.call` raises. The source never registers its agents, keeps its
    task ids in the caller, and prints; here an agent is registered under the `name` of its start, numbers its tasks
    itself, and is quiet.

    >>> import otp
    >>> async def main():
    ...     ann = await AgentServer.start_link("ann")
    ...     AgentServer.remember(ann, "colour", "blue")
    ...     return await AgentServer.recall(ann, "colour")
    >>> otp.run(main)
    'blue'
    """

    @classmethod
    def child_spec(cls, arg: Any = None, **options: Any) -> otp.ChildSpec:
        """Return the spec of an agent: permanent, with 5 s to end, and the id `(AgentServer, name)`."""
        usual: dict[str, Any] = {"id": (cls, _name_of(arg)), "shutdown": 5}
        return super().child_spec(arg, **(usual | options))

    # The server

    @impl
    def init(self, arg: Given) -> Ok[AgentState]:
        """Begin idle, with the memory that was given."""
        memory = arg[1].get("memory") if isinstance(arg, tuple) else None
        return Ok(
            {"name": _name_of(arg), "status": "idle", "memory": dict(memory or {}), "inbox": [], "processed_count": 0}
        )

    @impl
    def handle_call(self, request: Any, from_: otp.From, state: AgentState) -> Reply[AgentState]:
        """Answer a question."""
        match request:
            case "get_state":
                return Reply(state | {"memory": dict(state["memory"]), "inbox": list(state["inbox"])}, state)
            case "get_status":
                return Reply(state["status"], state)
            case ("recall", key):
                return Reply(state["memory"].get(key), state)
            case "inbox_count":
                return Reply(len(state["inbox"]), state)
            case "process_next" if state["inbox"]:
                return _processed(state)
            case "process_next":
                return Reply(("empty", None), state)
            case _:
                return Reply(("error", ("unknown_request", request)), state)

    @impl
    def handle_cast(self, request: Any, state: AgentState) -> NoReply[AgentState]:
        """Take a fact or a task; unknown requests change nothing."""
        match request:
            case ("remember", key, value):
                return NoReply(state | {"memory": state["memory"] | {key: value}})
            case "forget_all":
                return NoReply(state | {"memory": {}})
            case ("send_task", action, params):
                return NoReply(state | {"inbox": [*state["inbox"], Message.task(next_id(), action, params)]})
            case ("receive_message", message):
                return NoReply(state | {"inbox": [*state["inbox"], message]})
            case _:
                return NoReply(state)

    @impl
    def handle_info(self, message: Any, state: AgentState) -> NoReply[AgentState]:
        """Ignore what is sent to it."""
        return NoReply(state)

    # The clients

    @staticmethod
    async def get_state(agent: Address, timeout: float = 5) -> AgentState:
        """Return a copy of its state."""
        return await GenServer.call(agent, "get_state", timeout)

    @staticmethod
    async def get_status(agent: Address) -> str:
        """Return `idle`, `busy` or `waiting`."""
        return await GenServer.call(agent, "get_status")

    @staticmethod
    def remember(agent: Address, key: Any, value: Any) -> None:
        """Have it remember a fact; no answer comes."""
        GenServer.cast(agent, ("remember", key, value))

    @staticmethod
    def forget_all(agent: Address) -> None:
        """Have it forget all facts; no answer comes."""
        GenServer.cast(agent, "forget_all")

    @staticmethod
    async def recall(agent: Address, key: Any) -> Any:
        """Return what it remembers under a key, or None."""
        return await GenServer.call(agent, ("recall", key))

    @staticmethod
    def send_task(agent: Address, action: str, params: Mapping[str, Any] | None = None) -> None:
        """Put a task at the end of its inbox; no answer comes."""
        GenServer.cast(agent, ("send_task", action, dict(params or {})))

    @staticmethod
    def send_message(agent: Address, message: Any) -> None:
        """Put a message at the end of its inbox; no answer comes."""
        GenServer.cast(agent, ("receive_message", message))

    @staticmethod
    async def inbox_count(agent: Address) -> int:
        """Return the number of messages in its inbox."""
        return await GenServer.call(agent, "inbox_count")

    @staticmethod
    async def process_next(agent: Address) -> Any:
        """Have it handle the oldest message; return `("processed", message, result)` or `("empty", None)`."""
        return await GenServer.call(agent, "process_next")


def _name_of(arg: Given) -> Any:
    return arg[0] if isinstance(arg, tuple) else arg


def _processed(state: AgentState) -> Reply[AgentState]:
    task, *rest = state["inbox"]
    result = result_of(task)
    memory = state["memory"] | {"last_result": result}
    after = state | {"memory": memory, "inbox": rest, "processed_count": state["processed_count"] + 1}
    return Reply(("processed", task, result), after)
