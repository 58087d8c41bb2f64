"""Ends beyond a single signal: an orderly shutdown, and a whole subtree."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import otp
from otp import Node, Pid
from superlearner.control.relations import descendants_of

__all__ = ["TreeEnd", "end_tree", "shut_down"]


async def shut_down(pid: Pid, reason: str, timeout: float) -> tuple[bool, bool]:
    """Ask a process to shut down and kill it after `timeout` seconds.

    Returns (whether it has ended, whether it was killed).

    Source: the shutdown protocol of Erlang's `supervisor`.
    """
    otp.exit(pid, reason)
    if await _wait_for_end(pid, timeout):
        return True, False
    otp.exit(pid, "kill")
    return await _wait_for_end(pid, timeout), True


@dataclass(frozen=True, slots=True)
class TreeEnd:
    """The processes that ended and those that survived, of the subtree at the start."""

    ended: tuple[Pid, ...]
    survived: tuple[Pid, ...]


async def end_tree(node: Node, pid: Pid, timeout: float) -> TreeEnd:
    """End a process and all its descendants; kill those left after `timeout` seconds.

    The process is asked first, so a supervisor shuts its children down; descendants without a link to it are asked
    next. The supervisor of the process may restart it.
    """
    family = [pid, *(other for other, _ in descendants_of(node, pid))]
    await shut_down(pid, "shutdown", timeout)
    left = [other for other in family if otp.is_alive(other)]
    await asyncio.gather(*(shut_down(other, "shutdown", timeout) for other in left))
    survived = tuple(other for other in family if otp.is_alive(other))
    return TreeEnd(tuple(other for other in family if other not in set(survived)), survived)


async def _wait_for_end(pid: Pid, timeout: float) -> bool:
    try:
        await otp.wait_down(pid, timeout=timeout)
    except TimeoutError:
        return False
    return True
