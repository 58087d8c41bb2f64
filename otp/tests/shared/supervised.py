"""A server as a child of a supervisor, a supervisor with a template, and the order of the children."""

from __future__ import annotations

from typing import Any

from otp import ChildSpec, GenServer, Ignore, Ok, Reply, Stop, Supervisor, impl

__all__ = ["Worker", "order", "template", "which", "worker"]

which = Supervisor.which_children


class Worker(GenServer[Any]):
    """A server that answers calls with its state, and stops with the reason that is cast to it.

    An argument that is a `Stop` or `Ignore` is the result of `init`.
    """

    @impl
    def init(self, arg: Any) -> Any:
        return arg if isinstance(arg, Stop | Ignore) else Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        return Reply(state, state)

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        return Stop(request, state)


def worker(id: str, arg: Any = None, **options: Any) -> ChildSpec:
    return Worker.child_spec(arg, id=id, **options)


async def order(tree: Any) -> list[Any]:
    return [info.id for info in await which(tree)]


def template(**options: Any) -> Any:
    flags = {key: options.pop(key) for key in ("max_restarts", "auto_shutdown") if key in options}
    return Supervisor.start_link_children(
        [Worker.child_spec(id="t", **options).replace(start=(Worker.start_link,))],
        strategy="simple_one_for_one",
        **flags,
    )
