"""Supervisors: processes that start other processes and restart them when they end.

A counter under a supervisor is killed and restarted with its first value:

>>> import otp
>>> from otp import Children, GenServer, Ok, Reply, Supervisor, impl
>>> class Counter(GenServer[int]):
...     @impl
...     def init(self, start):
...         return Ok(start)
...
...     @impl
...     def handle_call(self, request, caller, count):
...         return Reply(count, count + 1)
>>> class Shop(Supervisor):
...     @impl
...     def init(self, arg):
...         return Children([Counter.child_spec(0, name="counter")], strategy="one_for_one")
>>> async def main():
...     await Shop.start_link()
...     seen = [await GenServer.call("counter", "next"), await GenServer.call("counter", "next")]
...     counter = otp.whereis("counter")
...     otp.exit(counter, "kill")
...     await otp.wait_down(counter)
...     await Supervisor.which_children(otp.process_info(otp.self(), "links")[0])
...     return [*seen, await GenServer.call("counter", "next")]
>>> otp.run(main)
[0, 1, 0]

With `strategy="rest_for_one"` the children started after the counter would be restarted too, with `"one_for_all"` all
of them. The fourth restart within five seconds is one too many: the supervisor gives up, stops its remaining children
in reverse order and ends with `"shutdown"`, and *its* supervisor decides what follows.

Sources: OTP's `supervisor`; Elixir's `Supervisor`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, NoReturn, overload

from otp.behaviours.server.behaviour import Behaviour, optional_callback
from otp.behaviours.server.child_spec import (
    AutoShutdown,
    Child,
    Children,
    ChildSpec,
    Startable,
    Strategy,
    child_spec_of,
)
from otp.behaviours.server.gen_server import stop
from otp.behaviours.server.positional import positional
from otp.behaviours.supervisor.records import ChildInfo, Counts
from otp.behaviours.supervisor.server import SupervisorServer
from otp.behaviours.supervisor.spec_check import InvalidChildSpec, SpecError, another_id, check_all, explain, show_id
from otp.kernel.steps.calling import call
from otp.kernel.steps.starting import start_server
from otp.kernel.values.errors import AlreadyPresent, AlreadyStarted, NotFound, StartError
from otp.kernel.values.pids import Pid
from otp.kernel.values.reasons import is_ours

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from otp.kernel.values.results import Ignore
    from otp.kernel.values.terms import Dest, GivenName, Limit

__all__ = ["ChildInfo", "Counts", "Supervisor", "ask", "granted", "start_supervisor"]


class Supervisor(Behaviour, Startable):
    """A process that starts children in order, restarts them by a strategy, and stops them in reverse.

    Subclass it and return `Children` from `init`, or start one without a class with `start_link_children`. All
    operations are awaitable and wait as long as the supervisor needs.

    >>> import otp
    >>> from otp import Agent, Children, Supervisor, impl
    >>> class Shop(Supervisor):
    ...     @impl
    ...     def init(self, arg):
    ...         carts = Agent.child_spec(dict, id="carts", name="carts")
    ...         stock = Agent.child_spec(lambda: arg, id="stock", name="stock", restart="transient")
    ...         return Children([carts, stock], strategy="rest_for_one", max_restarts=5)
    >>> async def main():
    ...     shop = await Shop.start_link({"tea": 3})
    ...     otp.exit("carts", "kill")
    ...     children = await Supervisor.which_children(shop)  # answered after the restart
    ...     return [child.id for child in children], await Agent.get("stock", len)
    >>> otp.run(main)
    (['stock', 'carts'], 1)
    """

    __slots__ = ()

    _child_type: ClassVar[Literal["worker", "supervisor"]] = "supervisor"

    @positional
    @optional_callback
    def init(self, arg: Any) -> Children | Ignore | Awaitable[Children | Ignore]:
        """Return `Children([...], strategy=…)` or `Ignore()`; may be `async def`.

        Runs in the new process at its start, and again in an upgrade. The default returns `arg`, a `Children`.
        """
        return arg

    # Starting and stopping

    @classmethod
    async def start_link(cls, arg: Any = None, *, name: GivenName = None) -> Pid:
        """Start the supervisor with its children, linked with the calling process.

        A failed start ends the caller through the link, even if it catches the error: to handle a `StartError`, use
        `node.start`, or trap exits and receive the `ExitSignal`.

        Args:
            arg: the argument of `init`.
            name: a name to register, or `Registry.via(…)`.

        Returns:
            The pid, when all children have started, or `Ignore()`.

        Raises:
            StartError: `.reason` is `("shutdown", ("failed_to_start_child", id, reason))` after
                those children that had started were stopped in reverse order.
            InvalidChildSpec: a spec or flag is wrong; nothing was started.
            AlreadyStarted: the name is taken.

        Source: OTP's `supervisor:start_link/3`.
        """
        return await start_supervisor(cls, arg, SupervisorServer(cls), name=name, link=True)

    @classmethod
    async def start_link_children(
        cls,
        children: Iterable[Child],
        *,
        strategy: Strategy = "one_for_one",
        max_restarts: int | Literal["infinity"] = 3,
        max_seconds: float | Literal["infinity"] = 5,
        auto_shutdown: AutoShutdown = "never",
        name: GivenName = None,
    ) -> Pid:
        """Start a supervisor of these children without a class.

        Otherwise like `start_link`.

        Source: Elixir's `Supervisor.start_link/2`.
        """
        flags = Children(
            children,
            strategy=strategy,
            max_restarts=max_restarts,
            max_seconds=max_seconds,
            auto_shutdown=auto_shutdown,
        )
        return await start_supervisor(Supervisor, flags, SupervisorServer(Supervisor), name=name, link=True)

    @classmethod
    async def __otp_start_on__(cls, node: Any, arg: Any = None, *, name: GivenName = None) -> Any:
        """Start a supervisor that a node owns."""
        return await start_supervisor(cls, arg, SupervisorServer(cls), name=name, node=node)

    @staticmethod
    async def stop(supervisor: Dest, reason: Any = "normal", timeout: Limit = "infinity") -> None:
        """Stop the children in reverse order, then the supervisor with `reason`.

        Raises `Exit` with the bare reason if it ended with another one, does not exist (`"noproc"`) or takes longer
        than `timeout` seconds (`"timeout"`). Source: Elixir's `Supervisor.stop/3`.
        """
        await stop(supervisor, reason, timeout)

    # Queries

    @staticmethod
    async def which_children(supervisor: Dest) -> list[ChildInfo]:
        """Return all children, newest first. Source: OTP's `supervisor:which_children/1`."""
        return await call(supervisor, "which_children", "infinity")

    @staticmethod
    async def count_children(supervisor: Dest) -> Counts:
        """Return how many children there are, by kind. Source: OTP's `supervisor:count_children/1`."""
        return await call(supervisor, "count_children", "infinity")

    @staticmethod
    async def get_childspec(supervisor: Dest, id: Hashable) -> ChildSpec:
        """Return the complete spec of a child, by its id, or for dynamic children by pid.

        Raises `NotFound`. Source: OTP's `supervisor:get_childspec/2`.
        """
        return await ask(supervisor, ("get_childspec", id))

    # Changes

    @overload
    @staticmethod
    async def start_child(supervisor: Dest, child: type[Startable] | tuple[type[Startable], Any]) -> Pid: ...
    @overload
    @staticmethod
    async def start_child(supervisor: Dest, child: Child | list[Any]) -> Pid | Any: ...
    @staticmethod
    async def start_child(supervisor: Dest, child: Child | list[Any]) -> Any:
        """Start another child after all others.

        Under simple_one_for_one, starts one from the template.

        Args:
            supervisor: a pid or name.
            child: any form of a child; for simple_one_for_one a list, the arguments that follow
                those of the template.

        Returns:
            The pid, `(pid, extra)` or `Ignore()`, as the start function returned.

        Raises:
            AlreadyStarted: a child with this id is running.
            AlreadyPresent: a child with this id exists but is not running.
            InvalidChildSpec: the spec is wrong.
            StartError: the start failed and the spec was not kept; `.reason` is `(reason, spec)`,
                for simple_one_for_one the bare reason.

        Source: OTP's `supervisor:start_child/2`.
        """
        spec = child if isinstance(child, list) else child_spec_of(child)
        return await ask(supervisor, ("start_child", spec))

    @staticmethod
    async def restart_child(supervisor: Dest, id: Hashable) -> Pid | Any:
        """Start a stopped child, from its spec.

        Returns what `start_child` returns.

        Raises `NotFound`, or `StartError` with `"running"`, `"restarting"`, `"simple_one_for_one"` or the reason why
        the start failed. Source: OTP's `supervisor:restart_child/2`.
        """
        return await ask(supervisor, ("restart_child", id))

    @staticmethod
    async def terminate_child(supervisor: Dest, id: Hashable) -> None:
        """Stop a child, by its id, or for dynamic children by pid, without a restart.

        The spec is kept, unless the child is temporary. A stopped child is not an error.
        Raises `NotFound`, or `StartError("simple_one_for_one")` for an id where a pid is needed.
        Source: OTP's `supervisor:terminate_child/2`.
        """
        await ask(supervisor, ("terminate_child", id))

    @staticmethod
    async def delete_child(supervisor: Dest, id: Hashable) -> None:
        """Remove a stopped child.

        Raises `NotFound`, or `StartError` with `"running"`, `"restarting"`, `"simple_one_for_one"`.
        Source: OTP's `supervisor:delete_child/2`.
        """
        await ask(supervisor, ("delete_child", id))

    @staticmethod
    async def change_flags(
        supervisor: Dest,
        *,
        strategy: Strategy | None = None,
        max_restarts: int | Literal["infinity"] | None = None,
        max_seconds: float | Literal["infinity"] | None = None,
        auto_shutdown: AutoShutdown | None = None,
    ) -> None:
        """Change the strategy or the limits of a running supervisor.

        Its children are not affected. Restarts counted so far are kept. Raises `InvalidChildSpec`; a supervisor cannot
        become simple_one_for_one, nor stop being one.

        Difference from OTP: there this requires an upgrade of the class, `code_change`, which works too.
        """
        given = {
            "strategy": strategy,
            "max_restarts": max_restarts,
            "max_seconds": max_seconds,
            "auto_shutdown": auto_shutdown,
        }
        changes = {name: value for name, value in given.items() if value is not None}
        await ask(supervisor, ("change_flags", changes))

    @staticmethod
    def check_childspecs(children: Iterable[Child], auto_shutdown: AutoShutdown | None = None) -> None:
        """Raise `InvalidChildSpec` if one of these is not a valid child; needs no process.

        Without `auto_shutdown`, any `significant` is accepted.
        Source: OTP's `supervisor:check_childspecs/2`.
        """
        if isinstance(children, str) or not isinstance(children, Iterable):
            raise InvalidChildSpec(("badarg", children))
        if auto_shutdown not in (None, "never", "any_significant", "all_significant"):
            raise InvalidChildSpec(("badarg", auto_shutdown))
        try:
            check_all(children, auto_shutdown)
        except SpecError as error:
            raise InvalidChildSpec(error.reason) from None


def _explain_child(reason: Any, depth: int = 10) -> str:
    """Return which child did not start because of an invalid spec or flag, and why; "" for other reasons."""
    match reason:
        case ("shutdown", ("failed_to_start_child", id, why)) if depth:
            said = explain(why) or _explain_child(why, depth - 1)
            return f"its child {show_id(id)} does not start: {said}" if said else ""
        case _:
            return ""


async def start_supervisor(cls: type[Behaviour], arg: Any, handler: Any, **options: Any) -> Any:
    """Start the process of a supervisor; a wrong spec or flag raises an explanation."""
    try:
        return await start_server(cls, arg, handler=handler, **options)
    except StartError as error:
        if said := _explain_child(error.reason):
            error.hint = said
        if type(error) is StartError and explain(error.reason) is not None:
            wrong = InvalidChildSpec(error.reason)
            code = getattr(getattr(cls, "init", None), "__code__", None)
            if code is not None and not is_ours(code.co_filename):
                wrong.add_note(f"in what {code.co_qualname} returned, {code.co_filename}:{code.co_firstlineno}")
            try:
                raise wrong from None
            finally:
                del wrong
        raise


async def ask(supervisor: Dest, request: Any) -> Any:
    """Request an operation that may be refused."""
    return granted(await call(supervisor, request, "infinity"), request)


def granted(answer: Any, request: Any) -> Any:
    """Return the result of an operation; raise if it was refused.

    Replies of processes that are not supervisors are returned unchanged, as in OTP.
    """
    if answer.__class__ is tuple and len(answer) == 2:
        if answer[0] == "ok":
            return answer[1]
        if answer[0] == "error":
            return _refuse(answer[1], *request)
    return answer


_WHY_REFUSED: Final = {
    "running": "the child runs; try Supervisor.terminate_child first",
    "restarting": "the child is being restarted; try Supervisor.terminate_child first",
    "simple_one_for_one": "its children have no ids; use terminate_child with the pid, which also removes the child",
}


def _refuse(reason: Any, operation: str, of: Any = None) -> NoReturn:
    """Raise the error of a refused operation; `of` is its subject: an id, or a spec for `start_child`."""
    id = of.id if isinstance(of, ChildSpec) else of
    if reason == "not_found":
        raise NotFound(id=id)
    taken: StartError | None = None
    if reason == "already_present":
        taken = AlreadyPresent(id=id)
    elif isinstance(reason, tuple) and len(reason) == 2 and reason[0] == "already_started":  # pyright: ignore[reportUnknownArgumentType]
        taken = AlreadyStarted(reason[1], id)  # pyright: ignore[reportUnknownArgumentType]
    if taken is not None:
        if isinstance(of, ChildSpec):
            taken.hint = f"give this one an id: {another_id(id)}"
        try:
            raise taken
        finally:
            del taken
    if isinstance(reason, str) and reason in _WHY_REFUSED:
        refused = StartError(reason)
        refused.hint = f"{operation}({id!r:.200}): {_WHY_REFUSED[reason]}"
        try:
            raise refused
        finally:
            del refused
    raise StartError(reason) if explain(reason) is None else InvalidChildSpec(reason)
