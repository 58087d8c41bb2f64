"""Applications: trees of processes that start and stop as a unit, in the order of their dependencies.

>>> import otp
>>> from otp import Application, Children, Supervisor, impl
>>> class Tree(Supervisor):
...     @impl
...     def init(self, arg):
...         return Children([])
>>> class Shop(Application):
...     name = "shop"
...     env = {"currency": "EUR"}
...
...     @impl
...     async def start(self, kind, args):
...         return await Tree.start_link(args)
>>> async def main():
...     started = await Application.ensure_all_started(Shop)
...     return started, Application.get_env(Shop, "currency")
>>> otp.run(main)
(['shop'], 'EUR')

Each running application has a master: a process that ran `start`, is linked to the top supervisor and ends with it. The
end of a `permanent` application stops the node; that of a `transient` one only for a reason other than `normal` (a
supervisor that gives up ends with `shutdown`, which counts); that of a `temporary` one never does.

Differences from OTP: what OTP reads from the `.app` file are class attributes, and dependencies are
classes. Source: Erlang's `application` and *Design Principles, Applications*.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast, get_args

from otp.behaviours.application._table import (
    AppInfo,
    Applications,
    AppSpec,
    Kind,
    applications_of,
    name_of,
    start_application,
    stop_application,
)
from otp.behaviours.server._metaclass import BehaviourType
from otp.behaviours.server.behaviour import Behaviour, callback, check_callbacks, optional_callback
from otp.behaviours.server.positional import positional
from otp.kernel.tables.scheduler import spend
from otp.kernel.values.errors import BadArgument, StartError

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node
    from otp.kernel.values.pids import Pid

__all__ = ["AppInfo", "AppSpec", "Application"]


class _Contract(Behaviour):
    """The callbacks, kept separate because `Application` has functions of the same names."""

    @positional
    @callback
    def start(self, kind: Literal["normal"], args: Any) -> Any: ...

    @positional
    @optional_callback
    def prep_stop(self, state: Any) -> Any:
        return state

    @positional
    @optional_callback
    def stop(self, state: Any) -> Any: ...


class _Functions(BehaviourType, type):
    """The functions `Application.start(…)` and others.

    They belong to the metaclass, so that a subclass can have callbacks of the same names: `Shop.start` is the callback,
    `Application.start` is the function.
    """

    async def start(cls, app: type[Application], type: Kind = "temporary", *, args: Any = ()) -> None:
        """Start an application whose dependencies are running.

        `args` is passed to its callback `start("normal", args)`.

        Raises:
            StartError: `("already_started", name)`; `("not_started", name)` for a dependency that is not running;
                `(R, (name, "start", [kind, args]))` if the callback raised `StartError(R)`;
                `("bad_return", ((name, "start", [kind, args]), what))` for a crash or a result that is not a pid.
        """
        await start_application(applications_of(), _checked(app), _checked_type(type), args)

    async def ensure_all_started(cls, app: type[Application], type: Kind = "temporary", *, args: Any = ()) -> list[str]:
        """Start the dependencies that are not running, depth first, then the application.

        Returns:
            the names of the applications started now, in order.

        Raises:
            StartError: `(name, reason)` of the one that failed; those started before it are stopped again.
        """
        await spend()
        return await _start_all(applications_of(), _checked(app), _checked_type(type), args)

    async def stop(cls, app: type[Application] | str) -> None:
        """Stop an application: `prep_stop(state)`, its tree from the leaves to the root, `stop(state)`.

        Applications that depend on it are not stopped. Raises `StartError(("not_started", name))`.
        """
        await stop_application(applications_of(), name_of(app))

    async def which_applications(cls, *, node: Node | None = None) -> list[AppInfo]:
        """Return the running applications of `node`, by default that of the calling process, the latest first."""
        running = applications_of(node).running.values()
        return [AppInfo(r.app.name, r.app.description, r.app.vsn) for r in reversed(running)]

    def get_env(cls, app: type[Application] | str, key: str, default: Any = None, *, node: Node | None = None) -> Any:
        """Return a value of an application's environment, or `default`.

        A value set by `put_env` on the node has precedence over the value of the class. Like the other functions of the
        environment this is a plain function, so a plain `init` can call it.

        Args:
            app: the class, or its name once the node has loaded it.
            key: the name of the value.
            default: the result for an unknown key.
            node: a node of this loop; by default that of the calling process.

        >>> import otp
        >>> class Shop(otp.Application):
        ...     env = {"port": 4001}
        ...
        ...     async def start(self, kind, args): ...
        >>> class Listener(otp.GenServer):
        ...     def init(self, arg):
        ...         return otp.Ok(otp.Application.get_env(Shop, "port"))
        >>> async def main():
        ...     return await otp.sys.get_state(await Listener.start_link(None))
        >>> otp.run(main)
        4001

        Source: Erlang's `application:get_env/3`.
        """
        return applications_of(node).get_env(app, key, default)

    def put_env(cls, app: type[Application] | str, key: str, value: Any, *, node: Node | None = None) -> None:
        """Set a value of an application's environment on this node or on `node`.

        It need not run yet.

        Source: Erlang's `application:set_env/3`.
        """
        applications_of(node).put_env(app, key, value)

    def get_all_env(cls, app: type[Application] | str, *, node: Node | None = None) -> dict[str, Any]:
        """Return an application's whole environment on this node or on `node`.

        Values set by `put_env` replace those of the class.

        >>> import otp
        >>> class Bank(otp.Application):
        ...     env = {"currency": "EUR", "interest": 2}
        ...
        ...     async def start(self, kind, args): ...
        >>> async def main():
        ...     otp.Application.put_env(Bank, "interest", 3)
        ...     return otp.Application.get_all_env("bank")
        >>> otp.run(main)
        {'currency': 'EUR', 'interest': 3}

        Source: Erlang's `application:get_all_env/1`.
        """
        return applications_of(node).get_all_env(app)

    def unset_env(cls, app: type[Application] | str, key: str, *, node: Node | None = None) -> None:
        """Remove a value set by `put_env`, so that the value of the class applies again.

        Difference from OTP: there the value of the `.app` file goes, too. Source: `application:unset_env/2`.
        """
        applications_of(node).unset_env(app, key)

    async def loaded_applications(cls, *, node: Node | None = None) -> list[AppSpec]:
        """Return the applications known to a node: started there, or given an environment by class.

        Args:
            node: of this loop; by default that of the calling process.

        Difference from OTP: a spec with class, type, master and top supervisor, where OTP has `AppInfo` only.
        """
        return applications_of(node).specs()


class Application(Behaviour, metaclass=_Functions):
    """An application: class attributes describe it, callbacks start and stop it.

    `start(self, kind, args)` starts the top supervisor, linked, and returns its pid, or `(pid, state)`; it is
    required. `prep_stop(self, state)` runs before the tree stops and returns the state for `stop(self, state)`,
    which runs after it, even if the tree ended by itself. Each may be `async def`.

    >>> import otp
    >>> from otp import Application, Supervisor, impl
    >>> class Database(Application):
    ...     @impl
    ...     async def start(self, kind, args):
    ...         return await Supervisor.start_link_children([])
    >>> class Web(Application):
    ...     applications = (Database,)
    ...
    ...     @impl
    ...     async def start(self, kind, args):
    ...         return await Supervisor.start_link_children([])
    >>> async def main():
    ...     return await Application.ensure_all_started(Web)
    >>> otp.run(main)
    ['database', 'web']
    """

    name: ClassVar[str]
    """The name of the application; the default is the class's name in lower case."""

    applications: ClassVar[tuple[type[Application], ...]] = ()
    """The applications that must run before this one starts."""

    env: ClassVar[dict[str, Any]] = {}
    """The environment with its defaults; see `get_env` and `put_env`."""

    description: ClassVar[str] = ""
    vsn: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in cls.__dict__:
            cls.name = cls.__name__.lower()

    @classmethod
    async def __otp_run__(cls, node: Node, *args: Any) -> Pid:
        """Start all as permanent for `otp.run(Shop)`; return the pid whose end is the program's."""
        apps = applications_of(node)
        await _start_all(apps, _checked(cls), "permanent", args)
        master = apps.running[cls.name].master
        assert master is not None
        return master


Application.__callbacks__ = MappingProxyType(
    {name: replace(spec, behaviour="Application") for name, spec in _Contract.__callbacks__.items()}
)


async def _start_all(apps: Applications, app: type[Application], kind: Kind, args: Any) -> list[str]:
    started: list[str] = []
    for needed in _in_order(app):
        if needed.name in apps.running:
            continue
        try:
            await start_application(apps, needed, kind, args if needed is app else ())
        except StartError as failure:
            for name in reversed(started):
                await stop_application(apps, name)
            raise StartError((needed.name, failure.reason)) from failure
        started.append(needed.name)
    return started


def _checked(app: Any) -> type[Application]:
    if isinstance(app, type) and issubclass(app, Application) and app is not Application:
        check_callbacks(app)
        return app
    raise BadArgument(f"expected a subclass of Application to start, got {app!r}")


def _checked_type(kind: Any) -> Kind:
    if kind in get_args(Kind):
        return cast("Kind", kind)
    raise BadArgument(f"Application type: expected 'temporary', 'transient' or 'permanent', got {kind!r}")


def _in_order(app: type[Application]) -> list[type[Application]]:
    """Return the application after all that it needs, each once."""
    found: dict[type[Application], None] = {}

    def visit(needed: type[Application], above: tuple[type[Application], ...]) -> None:
        if needed in above:
            circle = " needs ".join(a.name for a in (*above[above.index(needed) :], needed))
            raise BadArgument(f"expected applications that do not need each other, got {circle}")
        if needed not in found:
            for other in needed.applications:
                visit(_checked(other), (*above, needed))
            found[needed] = None

    visit(app, ())
    return list(found)
