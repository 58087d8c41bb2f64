"""Task: a process that does one thing, and its result for who asked for it.

Two slow things take as long as the slower one:

>>> import asyncio, otp
>>> from otp import Task
>>> async def slow(value):
...     await asyncio.sleep(0.01)
...     return value
>>> async def main():
...     first, second = Task.async_(slow, 20), Task.async_(slow, 22)
...     return await Task.await_(first) + await Task.await_(second)
>>> otp.run(main)
42

A task is an extension of its owner: the two are linked, so that what would have ended the owner
had it done the work itself still does. Who wants to outlive its tasks starts them with
`TaskSupervisor.async_nolink`; who has no use for the result, with `TaskSupervisor.start_child`.

Only the owner, the process that called `async_`, may await, yield to, shut down or ignore a task,
and it must do one of them. A server needs not: it finds a `TaskReply(ref, value)` in `handle_info`,
or the `Down` of the same ref if the task ended without one.

Nothing of an awaited task is left in the mailbox, and nothing comes later: the monitor by which the
owner learns of the task's end is also the address of the reply, and both go together.

Differences to Elixir: times are seconds; `async_` takes the arguments of the function; a stream
(`Task.async_stream`) is an iterator, good for one pass. Source: Elixir's `Task`.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterable, Awaitable, Callable, Hashable, Iterable
from typing import Any, Generic, Literal, NoReturn, ParamSpec, TypeAlias, TypeVar, cast, overload

from otp.behaviours._task_waiting import ignore, receive_result, shut_down, yield_many
from otp.behaviours._task_work import (
    TaskExit,
    TaskOk,
    TaskReply,
    callers_of,
    check_function,
    give_name,
    name_of,
    require_free,
    send_reply,
    spawn_work,
)
from otp.behaviours.child_spec import ChildSpec, Restart, Shutdown, Startable
from otp.behaviours.task_stream import TaskStream
from otp.kernel.errors import BadArgument, Exit
from otp.kernel.mailbox import deliver
from otp.kernel.names import node_here
from otp.kernel.pids import Pid, Ref
from otp.kernel.process import OWNER, Process
from otp.kernel.scheduler import current_process, thread_current
from otp.kernel.signals import link_processes, monitor_process

__all__ = ["Task", "TaskExit", "TaskOk", "TaskReply"]
