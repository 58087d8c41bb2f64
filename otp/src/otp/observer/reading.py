"""Single facts about a process, read from its slots."""

# What a program awaits has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from itertools import islice
from types import CoroutineType, GeneratorType
from typing import Any, Final, cast

from otp._structure import name_of
from otp.bounded import text
from otp.kernel.ends.wording import keyed_name
from otp.kernel.values import messages as kernel_monitors
from otp.kernel.values.process import STATE_NAMES, Process, mailbox_len
from otp.observer.views import Kind, Place, ProcessSummary

__all__ = [
    "kind_of",
    "link_count",
    "links_of",
    "mailbox_len",
    "module_of",
    "monitor_count",
    "monitored_by",
    "monitored_by_count",
    "monitors_of",
    "name_text",
    "status_of",
    "summary_of",
    "suspension_of",
    "waiting_at",
    "what_of",
]


LONGEST_NAME: Final = 1000


def name_text(p: Process) -> str | None:
    """Return the name for readers: the registered one (a `str` up to 1,000 characters), else class and registry key."""
    name = p.registered_name
    if name is None:
        return keyed_name(p)
    if type(name) is not str:
        return text(name, length=80)
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def kind_of(p: Process) -> Kind:
    """Return whether it is a supervisor, another behaviour, or a coroutine."""
    if p.callbacks is None:
        return "coroutine"
    return "supervisor" if p.callbacks.supervisor else "worker"


def what_of(p: Process) -> str:
    """Return the class of a behaviour, or the function of a coroutine."""
    if p.callbacks is not None:
        return name_of(p.callbacks.cls)
    return p.runtime.describe(p)


def module_of(p: Process) -> str:
    """Return the module of that class or function; `""` if unknown."""
    if p.callbacks is not None:
        return _plain(type.__dict__["__dict__"].__get__(p.callbacks.cls).get("__module__"))
    frame = getattr(p.coroutine, "cr_frame", None)
    return "" if frame is None else _plain(frame.f_globals.get("__name__"))


def _plain(name: Any) -> str:
    return name if type(name) is str else ""


def status_of(p: Process) -> str:
    """Return the status: running, runnable, waiting, calling, awaiting, suspended, exiting or dead."""
    x = p.ext
    if x is not None and x.suspended:
        return "suspended"
    return STATE_NAMES[p.status]


def suspension_of(p: Process) -> tuple[float, Any] | None:
    """Return when it was suspended, by the node's clock in seconds, and by whom: a text, a pid or None for outside."""
    x = p.ext
    if x is None or not isinstance(x.suspended, tuple):
        return None
    at, by = x.suspended
    return at / 1e9, by


def links_of(p: Process, most: int | None = None) -> tuple[Process, ...]:
    """Return the linked processes, in order of linking, at most `most`."""
    links = p.links
    if links is None:
        return ()
    return tuple(islice(cast("dict[Process, Any]", links), most)) if isinstance(links, dict) else (links,)[:most]


def link_count(p: Process) -> int:
    """Return how many links it has."""
    links = p.links
    return 0 if links is None else len(cast("dict[Process, Any]", links)) if isinstance(links, dict) else 1


def monitors_of(p: Process, most: int | None = None) -> tuple[Any, ...]:
    """Return what it monitors: pids, or `(name, node)` for a monitor by name; names and nodes as text."""
    x = p.ext
    if x is None or not x.monitors:
        return ()
    return tuple(_item(ref.item) for ref in islice(x.monitors, most))


def _item(item: Any) -> Any:
    if not isinstance(item, tuple):
        return item
    name, node = cast("tuple[Any, Any]", item)
    return (name if type(name) is str else text(name, length=80), str(node))


def monitor_count(p: Process) -> int:
    """Return how many monitors it has created."""
    x = p.ext
    return 0 if x is None or not x.monitors else len(x.monitors)


def monitored_by(p: Process, most: int | None = None) -> tuple[Process, ...]:
    """Return the processes that monitor it, once per monitor; waits of the runtime are left out."""
    mons = p.monitored_by
    if isinstance(mons, dict):
        refs = cast("dict[kernel_monitors.Monitor, Any]", mons)
        return tuple(islice((ref.watcher for ref in refs if isinstance(ref.watcher, Process)), most))
    return kernel_monitors.watchers_of(p)[:most]


def monitored_by_count(p: Process) -> int:
    """Return how many monitors of other processes it has."""
    mons = p.monitored_by
    if isinstance(mons, dict):
        refs = cast("dict[kernel_monitors.Monitor, Any]", mons)
        return sum(1 for ref in refs if isinstance(ref.watcher, Process))
    return len(kernel_monitors.watchers_of(p))


def waiting_at(p: Process, most: int = 12) -> tuple[Place, ...]:
    """Return the lines at which the coroutine of a process waits, outermost first."""
    places: list[Place] = []
    at: Any = p.coroutine
    while len(places) < most:  # a program's own awaitables are not called
        frame, at = _frame_and_below(at)
        if frame is None:
            break
        code = frame.f_code
        places.append(Place(code.co_filename, frame.f_lineno, code.co_qualname))
    return tuple(places)


def _frame_and_below(at: Any) -> tuple[Any, Any]:
    if type(at) is CoroutineType:
        return at.cr_frame, at.cr_await
    return (at.gi_frame, at.gi_yieldfrom) if type(at) is GeneratorType else (None, None)


def summary_of(p: Process) -> ProcessSummary:
    """Return one line of the list of processes."""
    x = p.ext
    return ProcessSummary(
        pid=p,
        name=name_text(p),
        kind=kind_of(p),
        what=what_of(p),
        status=status_of(p),
        mailbox=mailbox_len(p),
        links=link_count(p),
        monitors=monitor_count(p),
        monitored_by=monitored_by_count(p),
        trap_exit=x is not None and x.trap_exit,
        parent=p.parent,
    )
