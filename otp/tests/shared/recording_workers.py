"""Workers of a supervisor that record in a log how they start and stop; sleeps take virtual time."""

from __future__ import annotations

import asyncio
from typing import Any

from otp import ChildSpec, GenServer, Ignore, Ok, Shared, Stop, Supervisor, impl, process_flag

__all__ = ["Tree", "Worker", "count", "which", "worker"]

which, count = Supervisor.which_children, Supervisor.count_children


class Worker(GenServer[Any]):
    """A worker with the argument `(name, log)`, or `(name, log, how)`.

    `how` is what `init` returns or raises, "slow" for an `init` of one second, or the seconds that `terminate` takes.
    """

    @impl
    async def init(self, arg: Any) -> Any:
        name, log, *more = arg
        how = more[0] if more else None
        process_flag("trap_exit", True)
        if how == "slow":
            await asyncio.sleep(1)
        log.append(f"+{name}")
        match how:
            case Ignore() | Stop():
                return how
            case Exception():
                raise how
            case _:
                return Ok(arg)

    @impl
    async def terminate(self, reason: Any, state: Any) -> None:
        name, log, *more = state
        log.append(f"-{name} {reason}")
        if more and isinstance(more[0], int | float):
            await asyncio.sleep(more[0])
            log.append(f"{name} took its time")


class Tree(Supervisor):
    @impl
    def init(self, arg: Any) -> Any:
        return arg


def worker(name: str, log: list[str], *more: Any, **options: Any) -> ChildSpec:
    return Worker.child_spec((name, Shared(log), *more), id=name, **options)
