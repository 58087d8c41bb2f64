"""Ends that take more than a signal: as a supervisor does it, and a process with all below it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import otp
from otp import Node, Pid
from superlearner.control.relations import descendants_of

__all__ = ["TreeEnd", "end_tree", "shut_down"]


async def shut_down(pid: Pid, reason: str, timeout: float) -> tuple[bool, bool]:
    """Ask a process to end, and kill it when `timeout` seconds are over; answers (it is gone, it was killed).

    Source: the shutdown protocol of Erlang's `supervisor`.
    """
    otp.exit(pid, reason)
    if await _gone(pid, timeout):
        return True, False
    otp.exit(pid, "kill")
    return await _gone(pid, timeout), True


@dataclass(frozen=True, slots=True)
class TreeEnd:
    """What became of a process and those below it, as they were when it began."""

    ended: tuple[Pid, ...]
    survived: tuple[Pid, ...]


async def end_tree(node: Node, pid: Pid, timeout: float) -> TreeEnd:
    """End a process and everything that it and its descendants started; what is left after `timeout` is killed.

    The process is asked first: a supervisor stops its children in order. Who is left, linked with nobody, is asked
    next. Whoever supervises the process may start it again.
    """
    family = [pid, *(other for other, _ in descendants_of(node, pid))]
    await shut_down(pid, "shutdown", timeout)
    left = [other for other in family if otp.is_alive(other)]
    await asyncio.gather(*(shut_down(other, "shutdown", timeout) for other in left))
    survived = tuple(other for other in family if otp.is_alive(other))
    return TreeEnd(tuple(other for other in family if other not in set(survived)), survived)


async def _gone(pid: Pid, timeout: float) -> bool:
    try:
        await otp.wait_down(pid, timeout=timeout)
    except TimeoutError:
        return False
    return True
