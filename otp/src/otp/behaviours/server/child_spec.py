"""Descriptions of a supervisor's children: child specs, their accepted forms, and `Children`.

A child is given in one of four forms:

- a class: `Ledger` asks the class for its spec, `Ledger.child_spec(None)`;
- a class and its argument: `(Counter, 0)` is `Counter.child_spec(0)`;
- a `ChildSpec`, as returned by `child_spec`: `Counter.child_spec(0, restart="transient")`;
- OTP's map: `{"id": "c", "start": (Counter.start_link, 0)}`.

Sources: OTP's `supervisor`, "Child specification"; Elixir's `Supervisor`, "Child specification",
whose forms and whose defaults of `max_restarts` and `max_seconds` are used.
"""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, Never, TypeAlias, cast

from otp.kernel.values.results import unawaited

if TYPE_CHECKING:
    from otp.kernel.values.terms import Code, GivenName

__all__ = [
    "FIELDS",
    "AutoShutdown",
    "Child",
    "ChildSpec",
    "Children",
    "Restart",
    "Shutdown",
    "Start",
    "Startable",
    "Strategy",
    "child_spec_of",
    "wrong_keys",
]

Strategy: TypeAlias = Literal["one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one"]
Restart: TypeAlias = Literal["permanent", "transient", "temporary"]
Shutdown: TypeAlias = float | Literal["brutal_kill", "infinity"]
AutoShutdown: TypeAlias = Literal["never", "any_significant", "all_significant"]
Start: TypeAlias = tuple[Any, ...] | functools.partial[Any]

FIELDS: Final = ("id", "start", "restart", "shutdown", "type", "significant", "modules")
"""The fields of a `ChildSpec`, in order."""

_DEFAULTS: Final = ("permanent", None, "worker", False, None)
_FLAGS: Final = ("strategy", "max_restarts", "max_seconds", "auto_shutdown")


class _Fields:
    """The slots of a `ChildSpec`, writable while it is created: a third of the time of `object.__setattr__`."""

    __slots__ = FIELDS

    id: Hashable
    start: Start
    restart: Restart
    shutdown: Shutdown | None
    type: Literal["worker", "supervisor"]
    significant: bool
    modules: tuple[Code, ...] | Literal["dynamic"] | None


class ChildSpec(_Fields):
    """The instructions to start, restart and stop one child of a supervisor.

    Args:
        id: identifies the child among its siblings; any hashable value.
        start: `(function, *args)` or a `functools.partial`. The function runs in the supervisor's
            process, may be `async`, and returns the pid of a linked process, `(pid, extra)` or
            `Ignore()`. Mutable arguments are copied at each start (see `Shared`).
        restart: `"permanent"` (always), `"transient"` (after an abnormal end) or `"temporary"`
            (never; its spec is removed with it).
        shutdown: seconds the child may take to stop before it is killed, `"brutal_kill"` or
            `"infinity"`. None: 5 for a worker, `"infinity"` for a supervisor.
        type: `"worker"` or `"supervisor"`.
        significant: its end may stop the supervisor, see `auto_shutdown` of `Children`.
        modules: the code that the child runs, for upgrades; None: the class of `start`.

    A spec is immutable and is checked where it is used, so that the supervisor reports a wrong one:
    `StartError(("invalid_restart_type", "always"))`.

    Difference from OTP: `shutdown` is in seconds.

    >>> spec = ChildSpec("c1", start=(print, "hello"))
    >>> spec.replace(restart="temporary")
    ChildSpec('c1', start=(<built-in function print>, 'hello'), restart='temporary')
    """

    __slots__ = ()

    def __new__(
        cls,
        id: Hashable,
        start: Start,
        restart: Restart = "permanent",
        shutdown: Shutdown | None = None,
        type: Literal["worker", "supervisor"] = "worker",
        significant: bool = False,
        modules: tuple[Code, ...] | Literal["dynamic"] | None = None,
        **unknown: Never,
    ) -> ChildSpec:
        """Create a spec; see the class."""
        if unknown:
            raise TypeError(wrong_keys("ChildSpec(…)", unknown))
        made: Any = _Fields()
        made.id = id
        made.start = start
        made.restart = restart
        made.shutdown = shutdown
        made.type = type
        made.significant = significant
        made.modules = modules
        made.__class__ = ChildSpec
        return made

    def replace(self, **changes: Any) -> ChildSpec:
        """Return a copy with some fields changed: `spec.replace(restart="temporary")`.

        Raises `TypeError` with a suggestion for a field that does not exist.
        """
        unknown = changes.keys() - FIELDS
        if unknown:
            raise TypeError(wrong_keys("replace(…)", unknown))
        return ChildSpec(**(dict(zip(FIELDS, self.values(), strict=True)) | changes))

    def values(self) -> tuple[Any, ...]:
        """Return the fields in order: id, start, restart, shutdown, type, significant, modules."""
        return (self.id, self.start, self.restart, self.shutdown, self.type, self.significant, self.modules)

    def __setattr__(self, name: str, value: object) -> Never:
        raise AttributeError(f"a ChildSpec is immutable; try spec.replace({name}={value!r})")

    def __delattr__(self, name: str) -> Never:
        raise AttributeError("a ChildSpec is immutable; try spec.replace(…)")

    def __eq__(self, other: object) -> bool:
        return self.values() == other.values() if isinstance(other, ChildSpec) else NotImplemented

    def __hash__(self) -> int:
        return hash((ChildSpec, self.id))

    def __reduce__(self) -> tuple[type[ChildSpec], tuple[Any, ...]]:  # the default would use __setattr__
        return (ChildSpec, self.values())

    def __repr__(self) -> str:
        id, start, *rest = self.values()
        changed = [
            f"{name}={value!r}"
            for name, value, default in zip(FIELDS[2:], rest, _DEFAULTS, strict=True)
            if value != default
        ]
        return f"ChildSpec({', '.join([repr(id), f'start={start!r}', *changed])})"


def _start_link_of(cls: Any) -> Any:
    """Return the bound `start_link` of a class, one object shared by all its specs."""
    now, known = cls.start_link, cls.__dict__.get("__otp_start_link__")
    if known == now:
        return known
    type.__setattr__(cls, "__otp_start_link__", now)
    return now


class Startable:
    """A class that can be listed as a child: it has `child_spec`.

    All behaviours inherit it; a class of your own that does needs an awaitable classmethod `start_link(arg, *,
    name=None)`.
    """

    __slots__ = ()

    _child_type: ClassVar[Literal["worker", "supervisor"]] = "worker"
    _id_from_name: ClassVar[bool] = False
    _takes_argument: ClassVar[bool] = True

    @classmethod
    def child_spec(
        cls,
        arg: Any = None,
        *,
        name: GivenName = None,
        id: Hashable | None = None,
        restart: Restart = "permanent",
        shutdown: Shutdown | None = None,
        type: Literal["worker", "supervisor"] | None = None,
        significant: bool = False,
        **options: Any,
    ) -> ChildSpec:
        """Return the spec of a child that runs this class.

        Takes start options and child options.

        Args:
            arg: the argument of `start_link`, passed to `init`.
            name: the name the process is registered under.
            id: default the class; for `Registry`, `DynamicSupervisor`, `TaskSupervisor` and
                `PartitionSupervisor` the name, if there is one.
            restart: as in `ChildSpec`.
            shutdown: as in `ChildSpec`.
            type: as in `ChildSpec`; by default that of the class.
            significant: as in `ChildSpec`.
            options: further options of this class's `start_link`.

        Raises `TypeError` with a suggestion for an option that does not exist.
        """
        arguments: tuple[Any, ...] = (arg,)
        if not cls._takes_argument:
            arguments = ()
            if isinstance(arg, Mapping):
                options = {**cast("Mapping[str, Any]", arg), **options}
                name = options.pop("name", name)
        start_link: Any = _start_link_of(cls)
        if options:
            _check_options(cls, start_link, options)
        if name is not None:
            options["name"] = name
        start: Start = functools.partial(start_link, *arguments, **options) if options else (start_link, *arguments)
        if id is None:
            id = name if cls._id_from_name and name is not None else cls
        return ChildSpec(id, start, restart, shutdown, type or cls._child_type, significant)


Child: TypeAlias = ChildSpec | type[Startable] | tuple[type[Startable], Any] | Mapping[str, Any]
"""Any accepted form of a child."""


class Children:
    """The result of `Supervisor.init`: the children in start order and the supervisor's flags.

    Args:
        children: any of the forms of a child, in the order they start; they stop in reverse.
        strategy: which children are restarted when one ends: `"one_for_one"` only that one, `"one_for_all"` all,
            `"rest_for_one"` that one and those after it; `"simple_one_for_one"` takes exactly one spec, the template of
            children that are started later.
        max_restarts: how many restarts are allowed within `max_seconds`; the one that exceeds it
            makes the supervisor give up. An int >= 0 or `"infinity"`.
        max_seconds: the length of the window in seconds, > 0 or `"infinity"`.
        auto_shutdown: `"never"`, or stop the supervisor when a significant child has ended by itself:
            `"any_significant"`, or the last of them: `"all_significant"`.

    The supervisor reports wrong values, as in OTP:
    `StartError(("supervisor_data", ("invalid_strategy", …)))`.

    Difference from OTP: the defaults are Elixir's, 3 restarts in 5 seconds (OTP: 1 in 5), and the
    names too (OTP: intensity, period). Sources: `supervisor`, "Supervisor flags"; `Supervisor.init/2`.
    """

    __slots__ = ("children", *_FLAGS)

    children: list[Any]
    strategy: Strategy
    max_restarts: int | Literal["infinity"]
    max_seconds: float | Literal["infinity"]
    auto_shutdown: AutoShutdown

    def __init__(
        self,
        children: Iterable[Child] = (),
        *misplaced: Never,
        strategy: Strategy = "one_for_one",
        max_restarts: int | Literal["infinity"] = 3,
        max_seconds: float | Literal["infinity"] = 5,
        auto_shutdown: AutoShutdown = "never",
        **unknown: Never,
    ) -> None:
        if unknown:
            raise TypeError(wrong_keys("Children(…)", unknown, _FLAGS))
        if misplaced:
            raise TypeError(_misplaced(misplaced))
        if isinstance(children, str | type | Mapping | ChildSpec) or not isinstance(children, Iterable):
            shown = unawaited(children) or f"got {_short(children)}"
            raise TypeError(f"Children(…): expected a list of children, {shown}; try Children([…])")
        self.children = [child_spec_of(child) for child in children]
        self.strategy = strategy
        self.max_restarts = max_restarts
        self.max_seconds = max_seconds
        self.auto_shutdown = auto_shutdown

    def __repr__(self) -> str:
        flags = ", ".join(f"{name}={getattr(self, name)!r}" for name in _FLAGS)
        return f"Children({self.children!r}, {flags})"


def child_spec_of(child: Any) -> Any:
    """Turn a form of a child into its `ChildSpec`.

    Other values are returned unchanged. The supervisor reports errors, so that a wrong child has the same reason
    wherever it is given.
    """
    kind = child.__class__
    if kind is ChildSpec:
        return child
    cls, arg = child if kind is tuple and len(child) == 2 else (child, None)
    child_spec: Any = getattr(cls, "child_spec", None) if isinstance(cls, type) else None
    return child if child_spec is None else child_spec(arg)


def _short(value: Any) -> str:
    """Return a value as text; a child spec is named by its id, for its start function is long."""
    id = value.id if isinstance(value, ChildSpec) else None
    return f"{value!r:.200}" if id is None else f"the child spec of {id.__name__ if isinstance(id, type) else repr(id)}"


def wrong_keys(where: str, unknown: Iterable[Any], known: Iterable[str] = FIELDS) -> str:
    """Return the error text for unknown keys: expected, got, did you mean."""
    known = tuple(dict.fromkeys(known))
    wrong = sorted(map(str, unknown))
    close = difflib.get_close_matches(wrong[0], known, n=1, cutoff=0.5)
    if close:
        return f"{where}: did you mean {close[0]!r} where you wrote {wrong[0]!r}?"
    return f"{where}: expected some of the keys {', '.join(known)}, got {', '.join(map(repr, wrong))}; remove it"


def _misplaced(values: tuple[object, ...]) -> str:
    """Return the error text for flags of `Children` given by position."""
    if any(isinstance(value, ChildSpec | type | Mapping) for value in values):
        return "Children(…): expected the children in one list, got several arguments; try Children([…, …])"
    flags = [f"{name}={value!r:.100}" for name, value in zip(_FLAGS, values, strict=False)]
    got = ", ".join(f"{value!r:.100}" for value in values)
    return f"Children(…): expected the flags by name, got {got}; try Children([…], {', '.join(flags)})"


def _check_options(cls: type, start_link: Any, options: Mapping[str, Any]) -> None:
    parameters = inspect.signature(start_link).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return
    known = [p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)]
    unknown = options.keys() - known
    if unknown:
        known += [name for name in FIELDS if name not in ("start", "modules")]
        raise TypeError(wrong_keys(f"{cls.__name__}.child_spec(…)", unknown, known))
