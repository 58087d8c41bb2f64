"""An agent as a value: each change returns another one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

from superlearner.agents.by_hand.message import Message

__all__ = ["Agent"]


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent without a process: a name, what it remembers, and the messages that wait.

    >>> agent = Agent.new("ann").receive_message(Message.task(1, "search"))
    >>> kind, agent, message = agent.process_next()
    >>> kind, message.id, agent.processed_count, agent.recall("last_action")
    ('processed', 1, 1, 'search')
    """

    name: Any
    state: Literal["idle", "busy", "waiting"] = "idle"
    inbox: tuple[Message, ...] = ()
    memory: Mapping[Any, Any] = field(default_factory=lambda: MappingProxyType({}))
    processed_count: int = 0

    @classmethod
    def new(cls, name: Any) -> Agent:
        """Return an idle agent that knows nothing."""
        return cls(name)

    # Its state

    def set_idle(self) -> Agent:
        """Return the agent, idle."""
        return replace(self, state="idle")

    def set_busy(self) -> Agent:
        """Return the agent, busy."""
        return replace(self, state="busy")

    def set_waiting(self) -> Agent:
        """Return the agent, waiting."""
        return replace(self, state="waiting")

    def is_idle(self) -> bool:
        """Return whether it is idle."""
        return self.state == "idle"

    def is_busy(self) -> bool:
        """Return whether it is busy."""
        return self.state == "busy"

    # Its inbox

    def receive_message(self, message: Message) -> Agent:
        """Return the agent with a message at the end of its inbox."""
        return replace(self, inbox=(*self.inbox, message))

    def peek_message(self) -> Message | None:
        """Return the oldest message and leave it in the inbox; None if the inbox is empty."""
        return self.inbox[0] if self.inbox else None

    def pop_message(self) -> tuple[Message | None, Agent]:
        """Return the oldest message, and the agent without it."""
        return self.peek_message(), replace(self, inbox=self.inbox[1:])

    def inbox_count(self) -> int:
        """Return the number of messages."""
        return len(self.inbox)

    # Its memory

    def remember(self, key: Any, value: Any) -> Agent:
        """Return the agent with one more fact."""
        return replace(self, memory=MappingProxyType({**self.memory, key: value}))

    def recall(self, key: Any, default: Any = None) -> Any:
        """Return what it remembers under a key."""
        return self.memory.get(key, default)

    def forget_all(self) -> Agent:
        """Return the agent without memory."""
        return replace(self, memory=MappingProxyType({}))

    # Its work

    def process_next(self) -> tuple[Literal["empty"], Agent] | tuple[Literal["processed"], Agent, Message]:
        """Handle the oldest message: remember what it was, and count it."""
        message, rest = self.pop_message()
        if message is None:
            return "empty", self
        done = replace(rest, processed_count=rest.processed_count + 1).set_idle()
        match message.type:
            case "task":
                done = done.remember("last_action", message.payload["action"])
            case "response":
                done = done.remember("last_response", message.payload)
            case "error":
                done = done.remember("last_error", message.payload)
            case _:
                pass
        return "processed", done, message
