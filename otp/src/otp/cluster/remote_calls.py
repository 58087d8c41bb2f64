"""`rpc` and `multicall`: functions called on other members.

Source: kernel, `erpc:call/5` and `erpc:multicall/5`.
"""

# Results and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from inspect import isawaitable
from typing import Any, NamedTuple

from otp.cluster.allowed import allowed_names
from otp.cluster.cluster import Cluster
from otp.distribution.serving import function_named
from otp.kernel.steps.calls import failure
from otp.kernel.steps.signals import wait_down
from otp.kernel.tables.scheduler import nanoseconds
from otp.kernel.values.errors import CallExit
from otp.kernel.values.terms import Limit

__all__ = ["MultiResult", "multicall", "rpc"]


class MultiResult(NamedTuple):
    """The result of `multicall`: dicts by member. Each member that was called is in one of them.

    `failed[node]` is `"timeout"`, `"noconnection"`, or the reason of the failure.

    >>> MultiResult({"a": 1}, {"b": "timeout"}).failed
    {'b': 'timeout'}
    """

    answers: dict[str, Any]
    failed: dict[str, Any]


async def rpc(node: str, target: Any, *args: Any, timeout: Limit = 5, cluster: Cluster | None = None) -> Any:
    """Call a function in a process of a member, and return its result.

    Args:
        node: the name of the member; of this one, too.
        target: a function at the top of a module, or `"module:name"`. Other members have to allow it.
        args: terms.
        timeout: seconds.
        cluster: the cluster of a member, by default that of the calling process's node.

    Raises `CallExit`; its `cause_reason` is `("nodedown", node)`, `("not_spawnable", "module:name")`, `"timeout"`, or
    the exit reason of the function.

    >>> import base64
    >>> from otp.testing import Scheduler, SimulatedCluster
    >>> async def main():
    ...     async with SimulatedCluster(2, allow=[base64.b64encode]) as sim:
    ...         return await sim.on("n1", rpc, "n2", base64.b64encode, b"otp")
    >>> Scheduler().run(main)
    b'b3Rw'
    """
    (name,) = allowed_names([target])
    found = cluster or Cluster.here()
    if node == found.node.name:
        return await _call_here(found, name, args, timeout)
    return await found.distribution.rpc(node, name, *args, timeout=timeout)


async def _call_here(cluster: Cluster, target: str, args: tuple[Any, ...], timeout: Limit) -> Any:
    limit = nanoseconds(timeout, "rpc(timeout=…)", infinite=True)
    function = function_named(target)
    results: list[Any] = []

    async def run() -> None:
        result = function(*args)
        results.append(await result if isawaitable(result) else result)

    try:
        async with asyncio.timeout(None if limit is None else limit / 1e9):
            reason = await wait_down(cluster.node.spawn(run))
    except TimeoutError:
        reason = "timeout"
    if results:
        return results[0]
    name = cluster.node.name
    found = failure(reason, name, (target, *args))
    found.reason = (reason, ("rpc", "call", [name, target, list(args)]))
    try:
        raise found
    finally:
        del found  # else frame, error and traceback form a cycle


async def multicall(
    target: Any, *args: Any, nodes: Iterable[str] | None = None, timeout: Limit = 5, cluster: Cluster | None = None
) -> MultiResult:
    """Call a function on several members at once, and return by the deadline.

    Args:
        target: a function at the top of a module, or `"module:name"`.
        args: terms.
        nodes: the names of the members, by default all that are connected, this one first.
        timeout: seconds for all of them.
        cluster: the cluster of a member, by default that of the calling process's node.

    >>> import base64
    >>> from otp.testing import Scheduler, SimulatedCluster
    >>> async def main():
    ...     async with SimulatedCluster(2, allow=[base64.b64encode]) as sim:
    ...         return await sim.on("n1", lambda: multicall(base64.b64encode, b"otp", nodes=["n1", "n2", "n3"]))
    >>> Scheduler().run(main)
    MultiResult(answers={'n1': b'b3Rw', 'n2': b'b3Rw'}, failed={'n3': 'noconnection'})
    """
    found = cluster or Cluster.here()
    limit = nanoseconds(timeout, "multicall(timeout=…)", infinite=True)
    asked = [member.name for member in found.members()] if nodes is None else list(dict.fromkeys(nodes))
    calls = {node: asyncio.ensure_future(rpc(node, target, *args, timeout="infinity", cluster=found)) for node in asked}
    try:
        if calls:
            await asyncio.wait(calls.values(), timeout=None if limit is None else limit / 1e9)
        answers: dict[str, Any] = {}
        failed: dict[str, Any] = {}
        for node, call in calls.items():
            if not call.done():
                failed[node] = "timeout"
            elif isinstance(error := call.exception(), CallExit):
                reason = error.cause_reason
                failed[node] = "noconnection" if reason == ("nodedown", node) else reason
            else:
                answers[node] = call.result()  # raises what cannot travel, and a target that does not exist
        return MultiResult(answers, failed)
    finally:
        for call in calls.values():
            call.cancel()
        await asyncio.gather(*calls.values(), return_exceptions=True)
