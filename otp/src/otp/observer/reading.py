"""Single facts about a process, read from its slots."""

from __future__ import annotations

from typing import Any, cast

from otp.bounded import text
from otp.kernel import monitors as kernel_monitors
from otp.kernel.process import Process
from otp.kernel.states import STATE_NAMES
from otp.observer.views import Kind, Place, ProcessSummary

__all__ = [
    "kind_of",
    "links_of",
    "mailbox_len",
    "module_of",
    "monitored_by",
    "monitors_of",
    "name_text",
    "status_of",
    "summary_of",
    "waiting_at",
    "what_of",
]


def name_text(p: Process) -> str | None:
    """The registered name as text: a `str` as it is, another value bounded."""
    name = p._name
    return name if name is None or isinstance(name, str) else text(name, length=80)


def kind_of(p: Process) -> Kind:
    """Whether it is a supervisor, another behaviour, or a coroutine."""
    if p._vt is None:
        return "coroutine"
    return "supervisor" if p._vt.supervisor else "worker"


def what_of(p: Process) -> str:
    """The class of a behaviour, the function of a coroutine."""
    if p._vt is not None:
        return str(p._vt.cls.__qualname__)
    return str(p._node.describe(p))


def module_of(p: Process) -> str:
    """The module in which that class or function stands; `""` if unknown."""
    if p._vt is not None:
        return str(p._vt.cls.__module__)
    frame = getattr(p._coro, "cr_frame", None)
    return "" if frame is None else str(frame.f_globals.get("__name__", ""))


def mailbox_len(p: Process) -> int:
    """How many messages wait, without reading them; a batch that a server is busy with counts its rest."""
    waiting = len(p._mbox) if p._mbox else 0
    x = p._x
    return waiting if x is None or x.it is None else waiting + int(x.it.__length_hint__())


def status_of(p: Process) -> str:
    """running, runnable, waiting, calling, awaiting, suspended, exiting, dead."""
    x = p._x
    if x is not None and x.suspended:
        return "suspended"
    return STATE_NAMES[p._st]


def links_of(p: Process) -> tuple[Process, ...]:
    """The linked processes, in order of linking."""
    links = p._links
    if links is None:
        return ()
    return tuple(cast("dict[Process, Any]", links)) if isinstance(links, dict) else (links,)


def monitors_of(p: Process) -> tuple[Any, ...]:
    """Whom it monitors: pids, or `(name, node)` for a monitor by name."""
    return kernel_monitors.monitors_of(p)


def monitored_by(p: Process) -> tuple[Process, ...]:
    """Who monitors it, once for each monitor; waits of the runtime itself are left out."""
    return kernel_monitors.watchers_of(p)


def waiting_at(p: Process, most: int = 12) -> tuple[Place, ...]:
    """The lines at which the coroutine of a process stands, outermost first."""
    places: list[Place] = []
    at: Any = p._coro
    while at is not None and len(places) < most:
        frame = getattr(at, "cr_frame", None) or getattr(at, "gi_frame", None)
        if frame is None:
            break
        code = frame.f_code
        places.append(Place(code.co_filename, frame.f_lineno, code.co_qualname))
        at = getattr(at, "cr_await", None) or getattr(at, "gi_yieldfrom", None)
    return tuple(places)


def summary_of(p: Process) -> ProcessSummary:
    """One line of the list of processes."""
    x = p._x
    return ProcessSummary(
        pid=p,
        name=name_text(p),
        kind=kind_of(p),
        what=what_of(p),
        status=status_of(p),
        mailbox=mailbox_len(p),
        links=len(links_of(p)),
        monitors=0 if x is None or not x.mrefs else len(x.mrefs),
        monitored_by=len(monitored_by(p)),
        trap_exit=x is not None and x.trap,
        parent=p._parent,
    )
