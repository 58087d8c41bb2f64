"""Questions between processes: one form for all parts of the framework.

A question is `(tag, …, from_, ref)`, its answer `(ref, value)`, sent once to `from_`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import otp
from otp import Down, Exit, Pid, Ref

__all__ = ["REGISTRY", "Via", "answer", "ask", "tell"]

REGISTRY: Final = "AgentRegistry"
"""The name of the registry, which is a process."""


@dataclass(frozen=True, slots=True)
class Via:
    """A name that stands for the process that has it at the moment of use; `AgentRegistry.via` returns it."""

    name: Any


def tell(agent: Pid | Via, message: Any) -> None:
    """Send a message without an answer; for a name, by way of the registry, so that the order is kept."""
    if isinstance(agent, Pid):
        otp.send(agent, message)
    elif (registry := otp.whereis(REGISTRY)) is not None:
        otp.send(registry, ("relay", agent.name, message))


async def ask(agent: Pid | Via, *question: Any, timeout: float = 5) -> Any:
    """Send a question, and wait for its answer.

    Raises:
        otp.Exit: `("agent_down", reason)`: there is no such process, or it ended before it answered.
        TimeoutError: there is no answer in time; a late one stays in the mailbox, and answers no other question.
    """
    ref = otp.make_ref()
    message = (*question, otp.self(), ref)
    if isinstance(agent, Pid):
        return await _answered(agent, lambda: otp.send(agent, message), ref, timeout)
    registry = otp.whereis(REGISTRY)
    if registry is None:
        raise Exit(("agent_down", "noproc"))
    found = otp.make_ref()
    relay = ("relay", agent.name, message, otp.self(), found)
    pid = await _answered(registry, lambda: otp.send(registry, relay), found, timeout)
    if pid is None:
        raise Exit(("agent_down", "noproc"))
    return await _answered(pid, lambda: None, ref, timeout)


async def _answered(pid: Pid, send: Callable[[], Any], ref: Ref, timeout: float) -> Any:
    """Send something to a process, and wait for the answer or for its end."""
    monitor = otp.monitor(pid)
    send()
    try:
        answered = await otp.receive(lambda message: _is_about(message, ref, monitor), timeout=timeout)
        if isinstance(answered, Down):
            raise Exit(("agent_down", answered.reason))
        return answered[1]
    finally:
        otp.demonitor(monitor, flush=True)


def _is_about(message: Any, ref: Ref, monitor: Ref) -> bool:
    match message:
        case Down(ref=of):
            return of == monitor
        case (of, _):
            return of == ref
        case _:
            return False


def answer(from_: Pid, ref: Ref, value: Any) -> None:
    """Answer a question."""
    otp.send(from_, (ref, value))
