"""Children of a test: started under the test's supervisor, stopped in reverse order at its end.

```python
>>> import otp
>>> from otp import GenServer, Ok, Reply, impl
>>> class Counter(GenServer[int]):
...     @impl
...     def init(self, start):
...         return Ok(start)
...
...     @impl
...     def handle_call(self, request, caller, count):
...         return Reply(count, count + 1)
>>> async def test():
...     counter = await start_supervised((Counter, 5))
...     return await GenServer.call(counter, "next")
>>> from otp.testing import Scheduler
>>> Scheduler().run(test)
5

```

Source: Elixir's `ExUnit.Callbacks`, `start_supervised/2`, `stop_supervised/1`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from typing import Any

from otp.behaviours.server.child_spec import Child, Children
from otp.behaviours.supervisor.supervisor import Supervisor
from otp.kernel.steps.node import Node
from otp.kernel.tables.names import node_here
from otp.kernel.values.errors import NotFound
from otp.kernel.values.pids import Pid
from otp.testing.kernel import testing_kernel

__all__ = ["start_supervised", "stop_supervised", "stop_supervisor_of"]


class SupervisorOfTest(Supervisor):
    """The supervisor of a test's children: it restarts as each spec says, without a limit."""

    __slots__ = ()


async def start_supervised(child: Child) -> Pid:
    """Start a child of the test's own supervisor and return its pid.

    The supervisor is not linked to the test and has no limit of restarts; the restart type of the spec applies. At the
    end of the test its children stop one after the other, in reverse order of their start.

    Args:
        child: a class, `(class, argument)`, a `ChildSpec` or a map, as in `Children([...])`.

    Returns the pid (or `Ignore()`). Raises the `StartError` of the start; `AlreadyStarted` if a child with this id
    runs; `InvalidChildSpec`; `RuntimeError` outside a testing scheduler.

    >>> import otp
    >>> from otp.testing import Scheduler
    >>> async def test():
    ...     registry = await start_supervised(otp.Registry.child_spec(keys="unique", name="rooms"))
    ...     return otp.whereis("rooms") == registry
    >>> Scheduler().run(test)
    True
    """
    supervisor = await _supervisor("start_supervised")
    started: Any = await Supervisor.start_child(supervisor, child)
    return _pid(started)


def _pid(started: Any) -> Pid:
    return started[0] if type(started) is tuple else started  # pyright: ignore[reportUnknownVariableType]


async def stop_supervised(child: Hashable) -> None:
    """Stop a child of `start_supervised`, by its pid or id, and remove it.

    Returns when it is gone.

    Raises `NotFound` if the test's supervisor has no such child.

    >>> from otp import Registry
    >>> from otp.testing import Scheduler
    >>> async def test():
    ...     await start_supervised(Registry.child_spec(keys="unique", name="cache"))
    ...     await stop_supervised("cache")
    >>> Scheduler().run(test)
    """
    supervisor = await _supervisor("stop_supervised")
    id: Hashable = child
    if isinstance(child, Pid):
        ids = [info.id for info in await Supervisor.which_children(supervisor) if info.pid is child]
        if not ids:
            raise NotFound
        id = ids[0]
    await Supervisor.terminate_child(supervisor, id)
    try:
        await Supervisor.delete_child(supervisor, id)
    except NotFound:  # a temporary child: its spec is removed with it
        pass


async def stop_supervisor_of(node: Node) -> None:
    """Stop the children of `start_supervised` on `node`, in reverse order."""
    supervisor = testing_kernel("stop").supervisors.pop(node, None)
    if supervisor is not None and supervisor.done():
        pid = supervisor.result()
        if pid in node.processes():
            await Supervisor.stop(pid, "shutdown")


async def _supervisor(what: str) -> Pid:
    node = node_here(what)
    supervisors = testing_kernel(what).supervisors
    found = supervisors.get(node)
    if found is None:
        found = supervisors[node] = asyncio.get_running_loop().create_future()
        found.set_result(await node.start(SupervisorOfTest, Children([], max_restarts="infinity", max_seconds=1)))
    return await found
