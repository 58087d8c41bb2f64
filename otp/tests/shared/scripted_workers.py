"""Workers of OTP's supervisor_SUITE that start as their script says, and helpers to end and list them."""

from __future__ import annotations

from typing import Any

import otp
import supervised
from otp import ChildSpec, ExitSignal, GenServer, Ignore, Ok, Shared, Stop, Supervisor, impl
from otp.testing import wait_all_idle


class Worker(supervised.Worker):
    """A worker whose argument is a list of what `init` answers at each start, in order."""

    @impl
    def init(self, arg: Any) -> Any:
        answer = arg.pop(0) if isinstance(arg, list) and arg else None
        return answer if isinstance(answer, Stop | Ignore) else Ok(arg)


def worker(id: str, *script: Any, **options: Any) -> ChildSpec:
    return Worker.child_spec(Shared(list(script)), id=id, **options)


def template(cls: Any = Worker, **options: Any) -> Any:
    flags = {key: options.pop(key) for key in ("max_restarts",) if key in options}
    return Supervisor.start_link_children(
        [ChildSpec("t", (cls.start_link,), **options)], strategy="simple_one_for_one", **flags
    )


async def end(pid: Any, reason: Any = "abnormal") -> None:
    """A child ends, by itself or killed, and everything that follows from it happens."""
    if reason == "kill":
        otp.exit(pid, "kill")
    else:
        GenServer.cast(pid, reason)
    await wait_all_idle()


async def pids(tree: Any) -> dict[Any, Any]:
    return {info.id: info.pid for info in reversed(await Supervisor.which_children(tree))}


async def ended(tree: Any) -> Any:
    """The reason with which the linked supervisor ended."""
    return (await otp.receive(otp.Is(ExitSignal, pid=tree))).reason
