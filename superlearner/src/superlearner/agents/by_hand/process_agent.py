"""An agent that is a process: a loop that takes messages, and client functions that send them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import otp
from otp import AlreadyRegistered, Pid
from superlearner.agents.by_hand.agent_registry import AgentRegistry
from superlearner.agents.by_hand.asking import Via, answer, ask, tell
from superlearner.agents.by_hand.message import Message

__all__ = ["ProcessAgent"]

SILENCE_S: Final = 60
SUMMARY: Final = 50


async def serve(name: Any, memory: dict[Any, Any], starter: Pid | None) -> None:
    """Run an agent until it is stopped; with a `starter`, register it first, and tell the starter."""
    if starter is not None:
        try:
            await AgentRegistry.register(name)
        except AlreadyRegistered as taken:
            otp.send(starter, (otp.self(), taken.pid))
            return
        otp.send(starter, (otp.self(), None))
    state: dict[str, Any] = {"name": name, "status": "idle", "memory": memory, "inbox": [], "processed_count": 0}
    while True:
        try:
            message = await otp.receive(timeout=SILENCE_S)
        except TimeoutError:
            continue
        if message == "stop":
            return
        handle(state, message)


def handle(state: dict[str, Any], message: Any) -> None:
    """Handle one message; unknown ones change nothing."""
    memory, inbox = state["memory"], state["inbox"]
    match message:
        case ("get_state", from_, ref):
            answer(from_, ref, state | {"memory": dict(memory), "inbox": list(inbox)})
        case ("get_status", from_, ref):
            answer(from_, ref, state["status"])
        case ("remember", key, value):
            memory[key] = value
        case "forget_all":
            memory.clear()
        case ("recall", key, from_, ref):
            answer(from_, ref, memory.get(key))
        case ("receive_task", task):
            inbox.append(task)
        case ("inbox_count", from_, ref):
            answer(from_, ref, len(inbox))
        case ("peek_task", from_, ref):
            answer(from_, ref, inbox[0] if inbox else None)
        case ("process_next", from_, ref):
            answer(from_, ref, process_next(state))
        case ("delegate", target, action, params, from_, ref):
            otp.spawn(delegate, target, Message.task(next_id(), action, params), from_, ref)
        case ("crash", reason):
            otp.exit(reason)
        case _:
            pass


def process_next(state: dict[str, Any]) -> Any:
    """Handle the oldest task of the inbox."""
    if not state["inbox"]:
        return "empty", None
    task = state["inbox"].pop(0)
    result = state["memory"]["last_result"] = result_of(task)
    state["processed_count"] += 1
    return "processed", task, result


def result_of(message: Any) -> Any:
    """Return the result of a task, or what was received otherwise."""
    match message:
        case Message(type="task", payload={"action": "search", "params": params}):
            return "ok", f"Search results for: {params.get('query')}"
        case Message(type="task", payload={"action": "analyze", "params": params}):
            return "ok", f"Analysis of: {params.get('data')}"
        case Message(type="task", payload={"action": "summarize", "params": params}):
            return "ok", str(params.get("text", ""))[:SUMMARY]
        case Message(type="task", payload={"action": action}):
            return "error", ("unknown_action", action)
        case Message(type="response", payload=payload):
            return "received_response", payload
        case Message(type="error", payload=payload):
            return "received_error", payload
        case _:
            return "error", ("invalid_message", message)


async def delegate(target: Any, task: Message, from_: Pid, ref: otp.Ref) -> None:
    """Send a task to the agent that has a name, and answer who asked; a process of its own, since it asks as well."""
    pid = await AgentRegistry.lookup(target) if AgentRegistry.running() else None
    if pid is None:
        answer(from_, ref, ("error", ("agent_not_found", target)))
    else:
        otp.send(pid, ("receive_task", task))
        answer(from_, ref, ("delegated", target, task.id))


def next_id() -> int:
    """Return the next id of a task of the calling process."""
    number = otp.get("last task", 0) + 1
    otp.put("last task", number)
    return number


class ProcessAgent:
    """The client functions of an agent; `agent` is a pid, or `AgentRegistry.via(name)`.

    Questions are awaited: they raise `otp.Exit(("agent_down", reason))` if the agent has ended or ends before it
    answers, and `TimeoutError` if it does not answer in time. The source has no reference in its messages, so a late
    answer is taken there for the answer to the next question.

    >>> import otp
    >>> async def main():
    ...     ann = await ProcessAgent.start("ann")
    ...     ProcessAgent.remember(ann, "colour", "blue")
    ...     return await ProcessAgent.recall(ann, "colour")
    >>> otp.run(main)
    'blue'
    """

    @staticmethod
    async def start(name: Any, *, memory: Mapping[Any, Any] | None = None, register: bool = False) -> Pid:
        """Start an agent; with `register` it is in the registry before this returns.

        Raises `otp.AlreadyRegistered` if the name is taken.
        """
        return await _begun(otp.spawn, name, memory, register)

    @staticmethod
    async def start_link(name: Any, *, memory: Mapping[Any, Any] | None = None, register: bool = False) -> Pid:
        """Start an agent as `start` does, linked to the caller."""
        return await _begun(otp.spawn_link, name, memory, register)

    @staticmethod
    def stop(agent: Pid | Via) -> None:
        """End it with the reason `normal`."""
        tell(agent, "stop")

    @staticmethod
    def crash(agent: Pid | Via, reason: Any) -> None:
        """End it with a reason of your choice."""
        tell(agent, ("crash", reason))

    @staticmethod
    async def get_state(agent: Pid | Via, timeout: float = 5) -> dict[str, Any]:
        """Return a copy of its state."""
        return await ask(agent, "get_state", timeout=timeout)

    @staticmethod
    async def get_status(agent: Pid | Via) -> str:
        """Return `idle`, `busy` or `waiting`."""
        return await ask(agent, "get_status")

    @staticmethod
    def remember(agent: Pid | Via, key: Any, value: Any) -> None:
        """Have it remember a fact; no answer comes."""
        tell(agent, ("remember", key, value))

    @staticmethod
    def forget_all(agent: Pid | Via) -> None:
        """Have it forget all facts; no answer comes."""
        tell(agent, "forget_all")

    @staticmethod
    async def recall(agent: Pid | Via, key: Any) -> Any:
        """Return what it remembers under a key, or None."""
        return await ask(agent, "recall", key)

    @staticmethod
    def send_task(agent: Pid | Via, action: str, params: dict[str, Any] | None = None) -> None:
        """Put a task at the end of its inbox; no answer comes."""
        tell(agent, ("receive_task", Message.task(next_id(), action, params)))

    @staticmethod
    def send_message(agent: Pid | Via, message: Any) -> None:
        """Put a message at the end of its inbox; no answer comes."""
        tell(agent, ("receive_task", message))

    @staticmethod
    async def inbox_count(agent: Pid | Via) -> int:
        """Return the number of messages in its inbox."""
        return await ask(agent, "inbox_count")

    @staticmethod
    async def peek_task(agent: Pid | Via) -> Any:
        """Return the oldest message of its inbox, which stays there, or None."""
        return await ask(agent, "peek_task")

    @staticmethod
    async def process_next(agent: Pid | Via) -> Any:
        """Have it handle the oldest message; return `("processed", message, result)` or `("empty", None)`."""
        return await ask(agent, "process_next")

    @staticmethod
    async def delegate(agent: Pid | Via, target: Any, action: str, params: dict[str, Any] | None = None) -> Any:
        """Have it send a task to the agent with the name `target`.

        Returns `("delegated", target, task_id)` or `("error", ("agent_not_found", target))`.
        """
        return await ask(agent, "delegate", target, action, params)


async def _begun(spawn: Any, name: Any, memory: Mapping[Any, Any] | None, register: bool) -> Pid:
    if register and not AgentRegistry.running():
        raise otp.Exit(("agent_down", "noproc"))
    pid: Pid = spawn(serve, name, dict(memory or {}), otp.self() if register else None)
    if register:
        monitor = otp.monitor(pid)
        try:
            match await otp.receive(lambda message: _is_begin(message, pid, monitor)):
                case (_, None):
                    pass
                case (_, other):
                    raise AlreadyRegistered(other)
                case down:
                    raise otp.Exit(("agent_down", down.reason))
        finally:
            otp.demonitor(monitor, flush=True)
    return pid


def _is_begin(message: Any, pid: Pid, monitor: otp.Ref) -> bool:
    match message:
        case otp.Down(ref=ref):
            return ref == monitor
        case otp.ExitSignal():  # a pair as well, for a starter that traps exits
            return False
        case (from_, _):
            return from_ is pid
        case _:
            return False
