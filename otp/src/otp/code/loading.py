"""Loading a module's file again, and comparing versions."""

from __future__ import annotations

import hashlib
import importlib.util
import linecache
import sys
from collections.abc import Callable, Iterator
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Final, TypeVar, cast

from otp._structure import bases_of, members_of, module_of, name_of
from otp.behaviours.server.newest import find_current_version, found_in
from otp.code.reports import UpgradeRefused
from otp.kernel.tables.from_thread import run_import
from otp.kernel.values.errors import BadArgument, Error
from otp.kernel.values.exception_reasons import reason_of
from otp.kernel.values.reasons import same

__all__ = ["Versions", "latest", "load", "vsn"]

F = TypeVar("F", bound=Callable[..., Any])

_NO_SOURCE: Final = frozenset({"__module__", "__doc__", "__firstlineno__"})
_PLAIN: Final[tuple[type, ...]] = (str, bytes, bool, int, float, type(None))


def latest(fn: F) -> F:
    """Return the newest version of a function or class, by module and qualified name.

    It is the counterpart of Erlang's fully qualified call: `await latest(loop)(state)` runs the new code after an
    upgrade, where `await loop(state)` in a running function continues with the old, like a local call in Erlang. Raises
    `BadArgument` for a function without such a name (lambdas, nested functions), and `Error(("undef", (module, name)))`
    if the new module does not have the name.

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
            f"code.latest(fn): expected a function that its module defines by name, got {fn!r}; "
            "try a def at the top of a module"
        )
    found = found_in(module, name)
    if found is None:
        raise Error(("undef", (module.__name__, name)))
    return found


def load(module: ModuleType) -> ModuleType:
    """Return another version of a module, run from its file.

    The module itself is unchanged. The bytecode cache is skipped: it cannot distinguish two versions of the same second
    and length.
    """
    name = module.__name__
    spec = find_current_version(module).__spec__
    path = None if spec is None else spec.origin
    loader: Any = None if spec is None else spec.loader
    if spec is None or path is None or not hasattr(loader, "get_data"):
        raise UpgradeRefused(
            None, BadArgument(f"reload: expected a module with a file of its own, got {module!r}").reason
        )
    modules = sys.modules
    before = modules.copy()
    try:
        linecache.checkcache(path)
        code = compile(loader.get_data(path), path, "exec", dont_inherit=True)
        fresh = importlib.util.module_from_spec(spec)
        modules[name] = fresh  # dataclasses and imports of the module itself look here
        run_import(partial(exec, code, vars(fresh)))
    except KeyboardInterrupt:  # Ctrl-C, not from the module
        raise
    except BaseException as error:  # including errors that end an endless loop: they count as the module's
        raise UpgradeRefused(None, reason_of(error)) from error
    finally:
        if sys.modules is not modules or "sys" not in modules:  # it was emptied, and no import would work any more
            sys.modules = modules
            modules.update(before)
        modules[name] = before[name]
    return fresh


# Versions


def vsn(cls: type) -> Any:
    """Return the version of a class: its `vsn` attribute, else a hash of its module's compiled source.

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


class Versions:
    """The versions of classes, each determined once: it may be a hash of a module that many servers share."""

    def __init__(self) -> None:
        # By id, as a metaclass may override the hash of a class; with the class, so that its id is not reused.
        self._known: dict[int, tuple[type, Any]] = {}

    def of(self, cls: type) -> Any:
        """Return the version of a class, like `vsn`."""
        if id(cls) not in self._known:
            self._known[id(cls)] = (cls, vsn(cls))
        return self._known[id(cls)][1]


def _parts_of_module(cls: type) -> Iterator[str]:
    own = next((member for member in members_of(cls).values() if type(member) is FunctionType), None)
    if own is None:
        yield from _parts("", cls, module_of(cls))
        return
    namespace = own.__globals__  # of this version, whatever the module shows now
    for name in sorted(name for name in namespace if type(name) is str):
        yield from _parts(name, namespace[name], module_of(cls))


def _parts(name: str, value: Any, module: Any) -> Iterator[str]:
    """Yield the parts of a value that count as its version, without running its own code."""
    if name.startswith("__"):
        return
    if type(value) is staticmethod or type(value) is classmethod:
        value = cast("Any", value).__func__
    kind = cast("type[Any]", type(value))
    plain = _plain_text(value)
    if plain is not None:
        yield f"{name}={plain}"
    elif kind is FunctionType:
        if same(value.__module__, module):
            yield from _code_parts(value.__code__)
            defaults = [_plain_text(default) for default in value.__defaults__ or ()]
            yield "" if None in defaults else f"{defaults}"
    elif issubclass(kind, type) and same(module_of(value), module):
        yield f"class {name_of(value)}({', '.join(map(name_of, bases_of(value)))})"
        for member, inside in members_of(value).items():
            if type(member) is str and member not in _NO_SOURCE:
                yield from _parts(member.lstrip("_") or member, inside, module)


def _plain_text(value: Any) -> str | None:
    """Return a string that distinguishes a value, or None; a subclass counts as its built-in base."""
    kind = cast("type[Any]", type(value))
    base = next((base for base in _PLAIN if issubclass(kind, base)), None)
    return None if base is None else base.__repr__(value)


def _code_parts(code: CodeType) -> Iterator[str]:
    yield f"{code.co_qualname} {code.co_code.hex()} {code.co_names} {code.co_varnames}"
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code_parts(constant)
        elif isinstance(constant, frozenset):
            yield repr(sorted(map(repr, cast("frozenset[Any]", constant))))
        else:
            yield repr(constant)
