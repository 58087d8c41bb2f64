"""The ordered shutdown of a node: applications, owned behaviours, then all other processes from the leaves up."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from otp.kernel.callers import new_call
from otp.kernel.calls import send_system
from otp.kernel.child_tasks import end_found_tasks
from otp.kernel.death import exit_signal
from otp.kernel.from_thread import end_calls
from otp.kernel.log import say
from otp.kernel.process import Process
from otp.kernel.signals import wait_down
from otp.kernel.states import DEAD

if TYPE_CHECKING:
    from otp.kernel.node import Node

__all__ = ["shut_down"]

CLOSE_ROUNDS: Final = 1_000  # depth of the deepest tree; ends processes that keep starting successors


async def shut_down(node: Node, timeout: float) -> None:
    """Stop all processes of `node` and remove it from its scheduler; may be cancelled and called again."""
    if node._applications is not None:
        await node._applications.stop_all(timeout)
    for p in reversed(node._owned):
        await _stop(node, [p], timeout)
    rounds = 0
    while node._procs:
        roots = [p for p in node._procs.values() if p._parent is None or p._parent._st == DEAD]
        await _stop(node, roots or list(node._procs.values()), timeout)
        rounds += 1
        if rounds == CLOSE_ROUNDS:
            say(logging.ERROR, "node %s closes, but its processes keep starting others: killed", node.name)
        if rounds >= CLOSE_ROUNDS:
            for p in list(node._procs.values()):
                exit_signal(p, node._outside, "kill", False)
    await _tasks_end(node, timeout)
    if node._distribution is not None:
        await node._distribution.stop()
    node._life = "closed"
    node._trace.emit("node_down", None, {})
    node._trace.finish()
    s = node._s
    same_name = s.nodes.get(node.name, [])
    if node in same_name:
        same_name.remove(node)
        if not same_name:
            del s.nodes[node.name]
    if node._thread_calls:
        await end_calls(node, timeout)
    if not s.nodes and node._given is None:
        s.close()


async def _tasks_end(node: Node, timeout: float) -> None:
    """Wait for the cleanup of child tasks whose processes have ended, and until what these have opened is closed."""
    end_found_tasks(node._s)
    left = [left.ended() for p, left in node._s.leftover.items() if p._node is node]
    if left:
        await asyncio.wait(left, timeout=timeout)


async def _stop(node: Node, processes: list[Process], timeout: float) -> None:
    """Ask processes to stop, wait for all of them, and kill the rest; behaviours are asked as by `stop`."""
    waiting: list[Process] = []
    for p in reversed(processes):
        if p._st != DEAD:
            waiting.append(p)
            busy = p._step is not None and (p._x is None or not p._x.trap)
            if p._vt is None or busy:  # a busy process that traps nothing might not read the request for minutes
                exit_signal(p, node._outside, "shutdown", False)
            else:
                send_system(p, new_call(node._outside, ("terminate", "shutdown"), p))
    deadline = node._s.now_ns() + round(timeout * 1e9)
    for p in waiting:
        try:
            await wait_down(p, timeout=max(0, deadline - node._s.now_ns()) / 1e9)
        except TimeoutError:
            say(logging.WARNING, "%s did not stop in %s s and is killed", node.label(p), timeout)
            exit_signal(p, node._outside, "kill", False)
    await _tasks_end(node, max(0, deadline - node._s.now_ns()) / 1e9)  # before the next ones are asked
