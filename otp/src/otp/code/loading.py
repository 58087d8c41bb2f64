"""Reading a module's file again, and telling versions apart."""

from __future__ import annotations

import hashlib
import importlib.util
import linecache
import sys
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Final, TypeVar, cast

from otp.behaviours.newest import found_in, shown_version
from otp.code.reports import UpgradeRefused
from otp.kernel.errors import BadArgument, Error
from otp.kernel.reasons import reason_of

__all__ = ["latest", "load", "vsn"]

F = TypeVar("F", bound=Callable[..., Any])

_NO_SOURCE: Final = frozenset({"__module__", "__doc__", "__firstlineno__"})
_PLAIN: Final = (str, bytes, int, float, bool, type(None))


def latest(fn: F) -> F:
    """The newest version of a function or a class, found by module and qualified name: a fully qualified call.

    `await latest(loop)(state)` runs the new code after an upgrade, where `await loop(state)` in a function that runs
    already goes on with the old, as a local call in Erlang does. Raises `BadArgument` for what has no such name
    (lambdas, functions made inside others), `Error(("undef", (module, name)))` if the new module has no such name.

    >>> from otp import code
    >>> code.latest(code.latest) is code.latest
    True

    Source: Erlang reference manual, *Code Replacement*.
    """
    owner: Any = getattr(fn, "__self__", None)
    if type(fn) is MethodType and isinstance(owner, type):
        return getattr(latest(cast("F", owner)), fn.__name__)
    module = sys.modules.get(getattr(fn, "__module__", None) or "")
    name: Any = getattr(fn, "__qualname__", None)
    if module is None or not isinstance(name, str) or "<" in name:
        raise BadArgument(
            f"code.latest(fn): expected a function that its module has under a name, got {fn!r}; "
            "try a def at the top of a module"
        )
    found = found_in(module, name)
    if found is None:
        raise Error(("undef", (module.__name__, name)))
    return found


def load(module: ModuleType) -> ModuleType:
    """A further version of a module, run from its file; the module itself stays what it is.

    The bytecode cache is not asked: it takes two versions of one second and length for the same.
    """
    name = module.__name__
    spec = shown_version(module).__spec__
    path = None if spec is None else spec.origin
    loader: Any = None if spec is None else spec.loader
    if spec is None or path is None or not hasattr(loader, "get_data"):
        raise UpgradeRefused(
            None, BadArgument(f"reload: expected a module with a file of its own, got {module!r}").reason
        )
    known = sys.modules[name]
    try:
        linecache.checkcache(path)
        code = compile(loader.get_data(path), path, "exec", dont_inherit=True)
        fresh = importlib.util.module_from_spec(spec)
        sys.modules[name] = fresh  # dataclasses and whoever imports it from within look here
        exec(code, vars(fresh))
    except KeyboardInterrupt:  # of the person at the terminal, and not of the module
        raise
    except BaseException as error:  # also one that ends an endless loop: it is the module that fails, and nobody else
        raise UpgradeRefused(None, reason_of(error)) from error
    finally:
        sys.modules[name] = known
    return fresh


# Versions


def vsn(cls: type) -> Any:
    """The version of a class: its attribute `vsn`, or else a hash of its module's source, as it was compiled.

    Comments, formatting and line numbers do not count.

    >>> from otp import GenServer, code
    >>> class Counter(GenServer[int]):
    ...     vsn = 2
    >>> code.vsn(Counter)
    2
    """
    found: Any = getattr(cls, "vsn", None)
    if found is not None:
        return found
    digest = hashlib.sha256()
    for part in _parts_of_module(cls):
        digest.update(part.encode("utf-8", "backslashreplace"))
        digest.update(b"\0")
    return digest.hexdigest()[:16]


def _parts_of_module(cls: type) -> Iterator[str]:
    own = next((member for member in vars(cls).values() if isinstance(member, FunctionType)), None)
    if own is None:
        yield from _parts("", cls, cls.__module__)
        return
    namespace = own.__globals__  # of this version, whatever the module shows now
    for name in sorted(namespace):
        yield from _parts(name, namespace[name], cls.__module__)


def _parts(name: str, value: Any, module: str) -> Iterator[str]:
    if name.startswith("__"):
        return
    if isinstance(value, staticmethod | classmethod):
        value = cast("Any", value).__func__
    if isinstance(value, _PLAIN):
        yield f"{name}={value!r}"
    elif isinstance(value, FunctionType):
        if value.__module__ == module:
            yield from _code_parts(value.__code__)
            yield f"{value.__defaults__!r}" if _all_plain(value.__defaults__) else ""
    elif isinstance(value, type) and value.__module__ == module:
        yield f"class {value.__qualname__}({', '.join(base.__qualname__ for base in value.__bases__)})"
        for member, inside in vars(value).items():
            if member not in _NO_SOURCE:
                yield from _parts(member.lstrip("_") or member, inside, module)


def _all_plain(values: Any) -> bool:
    return isinstance(values, tuple) and all(isinstance(value, _PLAIN) for value in cast("tuple[Any, ...]", values))


def _code_parts(code: CodeType) -> Iterator[str]:
    yield f"{code.co_qualname} {code.co_code.hex()} {code.co_names} {code.co_varnames}"
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code_parts(constant)
        elif isinstance(constant, frozenset):
            yield repr(sorted(map(repr, cast("frozenset[Any]", constant))))
        else:
            yield repr(constant)
