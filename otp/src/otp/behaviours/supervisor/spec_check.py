"""Checks of child specs and flags: OTP's error terms, and explanations.

A supervisor refuses a wrong spec before it starts anything. The reason is OTP's term, `("invalid_restart_type",
"always")`; the text of the exception shows how to write it.

Source: OTP's `supervisor.erl`, `check_childspec` and `check_flags`, order of checks included.
"""

from __future__ import annotations

import difflib
import functools
import re
import sys
from collections.abc import Hashable, Iterable, Mapping
from types import CoroutineType, FunctionType, MethodType, ModuleType
from typing import Any, Final, Literal, cast

from otp.behaviours.server.child_spec import (
    FIELDS,
    Children,
    ChildSpec,
    Shutdown,
    Startable,
    child_spec_of,
    wrong_keys,
)
from otp.kernel.values.bounded import bounded_text
from otp.kernel.values.errors import StartError
from otp.kernel.values.pids import Pid
from otp.kernel.values.reasons import Crash
from otp.kernel.values.results import Ok, unawaited

__all__ = [
    "InvalidChildSpec",
    "SpecError",
    "another_id",
    "check_all",
    "check_fields",
    "check_flags",
    "check_limits",
    "check_spec",
    "complete",
    "explain",
    "is_count",
    "modules_of",
    "show_id",
    "shutdown_of",
    "without_arguments",
]

STRATEGIES: Final = ("one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one")
RESTARTS: Final = ("permanent", "transient", "temporary")
TYPES: Final = ("worker", "supervisor")
AUTO_SHUTDOWNS: Final = ("never", "any_significant", "all_significant")
WORKER_SHUTDOWN: Final = 5
"""Seconds that a worker has to stop, unless its spec says otherwise."""


class SpecError(Exception):
    """A wrong spec or flag, inside the supervisors; `reason` is OTP's error term."""

    def __init__(self, reason: Any) -> None:
        super().__init__(reason)
        self.reason = reason


class InvalidChildSpec(StartError, ValueError):
    """A wrong child spec or supervisor flag; `.reason` is OTP's term, the text shows how to write it."""

    def __str__(self) -> str:
        return f"{explain(self.reason)} (reason {self.reason!r:.300})"


def check_spec(child: Any, auto_shutdown: Any = None) -> ChildSpec:
    """Return the complete spec of a child: defaults filled in, everything checked in OTP's order.

    `auto_shutdown=None` accepts any `significant`. Raises `SpecError`.
    """
    return complete(check_fields(child, auto_shutdown))


def check_fields(child: Any, auto_shutdown: Any = None) -> ChildSpec:
    """Check a spec like `check_spec`, without filling in defaults; return the spec itself."""
    spec: Any = child if type(child) is ChildSpec else _from_map(child)
    try:
        hash(spec.id)
    except TypeError:
        raise SpecError(("invalid_id", spec.id)) from None
    start: Any = spec.start
    if not (callable(start[0]) if start.__class__ is tuple and start else isinstance(start, functools.partial)):
        raise SpecError(("invalid_mfa", start))
    if spec.restart not in RESTARTS:
        raise SpecError(("invalid_restart_type", spec.restart))
    if spec.significant is not False:
        _check_significant(spec.significant, spec.restart, auto_shutdown)
    if spec.type not in TYPES:
        raise SpecError(("invalid_child_type", spec.type))
    shutdown = spec.shutdown
    if not (shutdown is None or shutdown == "infinity" or shutdown == "brutal_kill" or _is_seconds(shutdown)):
        raise SpecError(("invalid_shutdown", shutdown))
    if spec.modules is not None:
        _check_modules(spec.modules)
    return spec


def complete(spec: ChildSpec) -> ChildSpec:
    """Return the spec with its defaults filled in; the spec itself if none is missing."""
    if spec.shutdown is not None and spec.modules is not None:
        return spec
    return ChildSpec(
        spec.id, spec.start, spec.restart, shutdown_of(spec), spec.type, spec.significant, modules_of(spec)
    )


def shutdown_of(spec: ChildSpec) -> Shutdown:
    """Return how the child is stopped, by its spec or by default."""
    if spec.shutdown is not None:
        return spec.shutdown
    return WORKER_SHUTDOWN if spec.type == "worker" else "infinity"


def modules_of(spec: ChildSpec) -> tuple[Any, ...] | Literal["dynamic"]:
    """Return the code of the child: by default the class or module of its start function."""
    return (_module_of(spec.start),) if spec.modules is None else spec.modules


def without_arguments(spec: ChildSpec) -> ChildSpec:
    """Return the spec of a running temporary child without its arguments: it is never restarted.

    Difference from OTP: the start function is kept, where `get_childspec` shows `undefined` arguments in OTP.
    """
    function: Any = spec.start[0] if isinstance(spec.start, tuple) else spec.start.func
    return spec.replace(start=(function,))


def check_all(children: Iterable[Any], auto_shutdown: Any = None) -> list[ChildSpec]:
    """Return the complete specs of all children; raises `SpecError`, also for a duplicate id."""
    specs: dict[Hashable, ChildSpec] = {}
    for child in children:
        spec = check_spec(child_spec_of(child), auto_shutdown)
        if spec.id in specs:
            raise SpecError(("duplicate_child_name", spec.id))
        specs[spec.id] = spec
    return list(specs.values())


def check_flags(children: Children) -> None:
    """Raise `SpecError` for a wrong flag."""
    if children.strategy not in STRATEGIES:
        raise SpecError(("invalid_strategy", children.strategy))
    check_limits(children.max_restarts, children.max_seconds)
    if children.auto_shutdown not in AUTO_SHUTDOWNS:
        raise SpecError(("invalid_auto_shutdown", children.auto_shutdown))


def check_limits(max_restarts: Any, max_seconds: Any) -> None:
    """Raise `SpecError` for a wrong restart intensity or period."""
    if max_restarts != "infinity" and not is_count(max_restarts):
        raise SpecError(("invalid_intensity", max_restarts))
    if max_seconds != "infinity" and not (_is_seconds(max_seconds) and max_seconds > 0):
        raise SpecError(("invalid_period", max_seconds))


def is_count(value: Any) -> bool:
    """Return whether this is an int >= 0."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_seconds(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")


def _from_map(child: Any) -> ChildSpec:
    if not isinstance(child, Mapping) or child.keys() - FIELDS:  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType, reportUnknownArgumentType]
        raise SpecError(("invalid_child_spec", child))
    for key in ("id", "start"):
        if key not in child:
            raise SpecError(f"missing_{key}")
    return ChildSpec(**cast("Mapping[str, Any]", child))


def _check_significant(significant: Any, restart: str, auto_shutdown: Any) -> None:
    if significant is not True:
        raise SpecError(("invalid_significant", significant))
    if auto_shutdown == "never":
        raise SpecError(("bad_combination", [("auto_shutdown", "never"), ("significant", True)]))
    if restart == "permanent":
        raise SpecError(("bad_combination", [("restart", "permanent"), ("significant", True)]))


def _check_modules(modules: Any) -> None:
    if modules == "dynamic":
        return
    if not isinstance(modules, tuple | list):
        raise SpecError(("invalid_modules", modules))
    for module in cast("tuple[Any, ...]", modules):
        if not isinstance(module, type | ModuleType | str):
            raise SpecError(("invalid_module", module))


def _module_of(start: Any) -> Any:
    """Return the class whose classmethod starts the child, else the module of the function."""
    function: Any = cast("Any", start[0] if isinstance(start, tuple) else start)
    while type(function) is functools.partial:
        function = function.func
    owner = getattr(function, "__self__", None)
    if isinstance(owner, type):
        return cast("type[Any]", owner)
    name: Any = getattr(function, "__module__", None)
    return sys.modules.get(name, name)


_FORMS: Final = (
    'a class (Counter), (class, argument) as in (Counter, 0), Counter.child_spec(0, restart="transient"), '
    'ChildSpec("c1", start=(Counter.start_link, 0)) or {"id": "c1", "start": (Counter.start_link, 0)}'
)

_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "invalid_strategy": ("strategy", *STRATEGIES[:-1]),
    "invalid_restart_type": ("restart", *RESTARTS),
    "invalid_child_type": ("type", *TYPES),
    "invalid_shutdown": ("shutdown", "a number of seconds", "brutal_kill", "infinity"),
    "invalid_auto_shutdown": ("auto_shutdown", *AUTO_SHUTDOWNS),
}
"""The argument that a term is about, and its choices; the template strategy has `DynamicSupervisor` instead."""

_EXPECTED: Final[Mapping[str, str]] = {
    "invalid_id": "id: expected a hashable value",
    "invalid_mfa": "start: expected (function, *args) or a functools.partial",
    "invalid_restart_type": 'restart: expected "permanent", "transient" or "temporary"',
    "invalid_significant": "significant: expected True or False",
    "invalid_child_type": 'type: expected "worker" or "supervisor"',
    "invalid_shutdown": 'shutdown: expected seconds >= 0, "brutal_kill" or "infinity"',
    "invalid_modules": 'modules: expected a tuple of classes or "dynamic"',
    "invalid_module": "modules: expected classes, modules or names of them",
    "invalid_strategy": 'strategy: expected "one_for_one", "one_for_all", "rest_for_one" or "simple_one_for_one"',
    "invalid_intensity": 'max_restarts: expected an int >= 0 or "infinity"',
    "invalid_period": 'max_seconds: expected seconds > 0 or "infinity"',
    "invalid_auto_shutdown": 'auto_shutdown: expected "never", "any_significant" or "all_significant"',
    "invalid_max_children": 'max_children: expected an int >= 0 or "infinity"',
    "invalid_extra_arguments": "extra_arguments: expected a list or tuple",
}


def explain(reason: Any) -> str | None:
    """Explain OTP's error term of a wrong spec or flag: expected, got, try. None for other reasons."""
    match reason:
        case ("start_spec" | "supervisor_data", inner):
            return explain(inner)
        case "missing_id" | "missing_start":
            return f"a child spec needs {reason[8:]!r}; try {_FORMS}"
        case ("duplicate_child_name", id):
            todo = f"try {another_id(id)}, and its own name"
            return f"expected a different id for each child, got {show_id(id)} twice; {todo}"
        case ("bad_combination", [("auto_shutdown", "never"), _]):
            return (
                'expected no significant child, because auto_shutdown is "never"; '
                'try Children(…, auto_shutdown="any_significant")'
            )
        case ("bad_combination", _):
            return 'expected a significant child to be "transient" or "temporary": a permanent one never ends for good'
        case ("bad_start_spec", specs):
            return f"simple_one_for_one: expected exactly one child spec, the template, got {specs!r:.200}"
        case ("EXIT", Crash() as crash) if crash.term == "badarg" and not crash.stack:
            return "a simple_one_for_one supervisor: expected a list, the arguments after those of the template"
        case ("bad_return", (cls, "init", None)) if _lacks_init(cls):
            return f"{cls.__name__} has no init; write def init(self, arg): return Children([…])"
        case ("bad_return", (cls, "init", value)):
            return f"{cls.__name__}.init: expected Children([…]) or Ignore(), {_describe(value)}"
        case ("invalid_child_spec", child) if isinstance(child, Mapping):
            return wrong_keys("child spec", cast("Mapping[Any, Any]", child).keys() - FIELDS)
        case ("invalid_child_spec", type() as cls):
            name = cls.__name__
            return f"expected a child, got a class ({name} has no child_spec); try a class such as {name}(GenServer)"
        case ("invalid_child_spec", Startable() as child):
            name = type(child).__name__
            return f"expected a class, got an instance of {name}; try {name} or ({name}, argument), without the call"
        case ("invalid_child_spec", child) if cls := _started_class(child):
            itself = f"a supervisor starts its children itself, so do not start {cls} here"
            return f"expected a child, got a coroutine: {itself}; write {cls}.child_spec(…)"
        case ("invalid_child_spec", MethodType(__self__=type() as cls, __name__=name)):
            spec = f"{cls.__name__}.child_spec(0)"
            todo = f"call it: {spec}" if name == "child_spec" else f"write {spec}: a supervisor starts its children"
            return f"expected a child, got the method {cls.__name__}.{name}; {todo}"
        case ("invalid_child_spec", child) if spec := _spec_of(child):
            return f"expected a child, got {bounded_text(child, 200)}; write {spec}"
        case ("invalid_child_spec", child):
            return f"expected a child, {_child_hint(child)}; try {_FORMS}"
        case (str() as name, str() as got) if name in _CHOICES:
            field, *choices = _CHOICES[name]
            use = f": use {', '.join(choices[:-1])} or {choices[-1]}"
            return f'{field} "{got:.200}" is unknown{_suggestion(name, got) or use}'
        case ("invalid_mfa", got) if start := _start_of(got):
            return f"{_EXPECTED['invalid_mfa']}, got {start}; write start=({start},), or start=({start}, 0) to pass 0"
        case (str() as name, got) if name in _EXPECTED:
            return f"{_EXPECTED[name]}, {unawaited(got) or f'got {bounded_text(got, 200)}'}{_suggestion(name, got)}"
        case _:
            return None


def show_id(id: Any) -> str:
    """Return the id of a child as text: the name of a class, else its bounded `repr`."""
    return id.__name__ if isinstance(id, type) else f"{id!r:.200}"


def another_id(id: Any) -> str:
    """Return how to give a second child its own id, if the first one has `id`.

    >>> another_id(type("EggTimer", (), {}))
    'EggTimer.child_spec(arg, id="egg_timer_2")'
    >>> another_id("clock")
    'Class.child_spec(arg, id="…")'
    """
    if not isinstance(id, type):
        return 'Class.child_spec(arg, id="…")'
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", id.__name__).lower()
    return f'{id.__name__}.child_spec(arg, id="{words}_2")'


def _describe(value: Any) -> str:
    if forgotten := unawaited(value):
        return forgotten
    if type(value) is Ok:
        return "got Ok(…); write return Children([…]), without Ok"
    if type(value) is list:
        return "got a list of children; try return Children([…])"
    if type(value) is tuple and any(isinstance(each, ChildSpec) for each in cast("tuple[Any, ...]", value)):
        return "got a tuple of children; try return Children([…])"
    if isinstance(value, ChildSpec):
        return "got a child spec; try return Children([…])"
    return f"got {value!r:.200}{'; did you forget to return it?' if value is None else ''}"


def _lacks_init(cls: Any) -> bool:
    return getattr(getattr(cls, "init", None), "__module__", "").startswith("otp.behaviours.")


def _spec_of(parts: Any) -> str:
    """Return the `child_spec` call that a tuple with a class seems to mean, as `("till", Till, 5)`; else ""."""
    if type(parts) is not tuple:
        return ""
    parts = cast("tuple[Any, ...]", parts)
    cls = next((each for each in parts if isinstance(each, type) and issubclass(each, Startable)), None)
    if cls is None or any(callable(each) for each in parts if each is not cls):
        return ""
    values = [each for each in parts if each is not cls]
    names = [each for each in values if isinstance(each, str)][:1]
    given = [bounded_text(each, 50) for each in values if each not in names] + [f'name="{each}"' for each in names]
    if len(given) > len(names) + 1:
        return ""  # a class takes one argument
    return f"{cls.__name__}.child_spec({', '.join(given)})"


def _started_class(child: Any) -> str:
    """Return the name of the class whose `start` or `start_link` returned a coroutine; "" for any other child."""
    if type(child) is not CoroutineType or (frame := child.cr_frame) is None:
        return ""
    made = frame.f_locals.get("cls")
    return made.__name__ if isinstance(made, type) and issubclass(made, Startable) else ""


def _start_of(function: Any) -> str:
    """Return how a source names a function or method, or the function that starts a class; "" for other values."""
    match function:
        case type():
            return f"{function.__name__}.start_link" if issubclass(function, Startable) else ""
        case MethodType(__self__=type() as cls, __name__=name):
            return f"{cls.__name__}.{name}"
        case FunctionType(__name__=name) if name.isidentifier():
            return name
        case _:
            return ""


def _child_hint(child: Any) -> str:
    forgotten = unawaited(child)
    if type(child) is CoroutineType:
        return f"{forgotten} A supervisor starts its children itself"
    if forgotten:
        return forgotten if isinstance(child, list | tuple) else f"{forgotten} To add several children, write *children"
    got = f"got {bounded_text(child, 200)}"
    if isinstance(child, list) and any(isinstance(each, ChildSpec) for each in cast("list[Any]", child)):
        return "got a list of children; leave out the inner brackets"
    if isinstance(child, list):
        return f"{got} (a list of extra arguments is for a simple_one_for_one supervisor)"
    if isinstance(child, Pid):
        return f"{got} (a supervisor starts its children itself)"
    return got


_ELSEWHERE: Final[Mapping[str, str]] = {
    "always": "permanent", "unless_stopped": "permanent", "on_failure": "transient", "never": "temporary",
    "no": "temporary",
}  # fmt: skip
"""The terms of other supervisors for the three kinds of restart."""


def _suggestion(name: str, got: Any) -> str:
    if name == "invalid_mfa" and (callable(got) or unawaited(got)):
        return "; try start=(function, *args)" if callable(got) else " Try start=(function, *args), without the call"
    if not isinstance(got, str):
        return ""
    if name == "invalid_restart_type" and (known := _ELSEWHERE.get(got.lower().replace("-", "_"))):
        return f"; did you mean {known!r}?"
    close = difflib.get_close_matches(got, _EXPECTED[name].split('"')[1::2], n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""
