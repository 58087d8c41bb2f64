"""Supervision trees, read from the supervisors' tables: no message, no wait, no user code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import FrameType, FunctionType
from typing import TYPE_CHECKING, Any, cast

from otp._structure import name_of
from otp.behaviours.supervisor.dynamic_server import DynamicServer
from otp.behaviours.supervisor.dynamic_state import DynamicState
from otp.behaviours.supervisor.state import ChildRecord, SupervisorState
from otp.bounded import text
from otp.kernel.tables.callers import From
from otp.kernel.values.pids import Pid
from otp.kernel.values.process import DEAD, Process, is_supervisor
from otp.observer.reading import mailbox_len, name_text, status_of, what_of
from otp.observer.views import Budget, ChildView, Cut, SupervisorView, Tree

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node

__all__ = [
    "budget_of",
    "child_view",
    "find_requester",
    "is_child",
    "record_of",
    "supervisor_state",
    "top_supervisors",
    "tree",
]

_State = SupervisorState | DynamicState


def supervisor_state(p: Process) -> _State | None:
    """Return a supervisor's bookkeeping; `None` for other processes, during its start, or after its end."""
    state: Any = p.state
    return state if issubclass(type(state), SupervisorState | DynamicState) else None  # `__class__` is not called


def top_supervisors(node: Node) -> list[Process]:
    """Return the supervisors without a supervisor above, oldest first."""
    found: list[Process] = []
    for p in node.process_table.values():
        vt = p.callbacks
        if vt is not None and vt.supervisor and not is_child(p):
            found.append(p)
    return found


def is_child(p: Process) -> bool:
    """Return whether a living supervisor started this process."""
    parent = p.parent
    return parent is not None and parent.status != DEAD and is_supervisor(parent)


def find_requester(frames: Iterator[FrameType]) -> Pid | None:
    """Return the process for which a dynamic supervisor starts a child; `frames` are those of the start."""
    code = DynamicServer.handle_call.__code__
    handler = next((one for one in frames if one.f_code is code), None)
    if handler is None:
        return None
    caller: Any = handler.f_locals.get("caller")
    if type(caller) is not From:  # the supervisor was free: it answers within the call, whose frame is the next one
        caller = next(frames).f_locals.get("me")
        return caller if type(caller) is Process else None
    return caller.pid


def record_of(p: Process) -> ChildRecord | None:
    """Return the record of `p` in its supervisor's table."""
    parent = p.parent
    state = None if parent is None else supervisor_state(parent)
    if isinstance(state, SupervisorState):
        return next((record for record in state.children if record.pid is p), None)
    if isinstance(state, DynamicState) and p in state.running:
        record = ChildRecord(state.running[p], p)
        past = state.history.get(p)
        if past is not None:
            record.restarts, record.last_reason, record.last_at = past
        return record
    return None


def budget_of(p: Process, state: _State) -> Budget:
    """Return how many of its restarts a supervisor has used at present."""
    return Budget(state.max_restarts, state.max_seconds, state.used(p.runtime.scheduler.now_ns()))


def tree(node: Node, root: Process | None, depth: int, limit: int, in_time: Callable[[], bool]) -> Tree:
    """Return the trees below `root` or all top supervisors: `depth` levels, `limit` entries."""
    reader = _Reader(limit, in_time)
    roots: list[SupervisorView] = []
    for p in top_supervisors(node) if root is None else [root]:
        if reader.full():
            break
        view = reader.supervisor(p, depth)
        if view is not None:
            roots.append(view)
    return Tree(node.name, tuple(roots), bool(reader.why), reader.read, tuple(sorted(reader.why)))


def child_view(record: ChildRecord) -> ChildView:
    """Return a child without what is below it."""
    return _Reader(1, _in_time).child(record, None)


def _in_time() -> bool:
    return True


class _Reader:
    __slots__ = ("in_time", "limit", "read", "why")

    def __init__(self, limit: int, in_time: Callable[[], bool]) -> None:
        self.limit = limit
        self.in_time = in_time
        self.read = 0
        self.why: set[Cut] = set()

    def full(self) -> Cut | None:
        """Return why reading must stop, `None` if there is room and time."""
        cut: Cut | None = "limit" if self.read >= self.limit else None if self.in_time() else "deadline"
        if cut is not None:
            self.why.add(cut)
        return cut

    def supervisor(self, p: Process, depth: int) -> SupervisorView | None:
        state = supervisor_state(p)
        if state is None:
            self.why.add("starting")  # no state yet
            return None
        self.read += 1
        children: list[ChildView] = []
        cut: Cut | None = None
        if depth > 0:
            for record in cast("Iterable[ChildRecord]", state.children):
                cut = self.full()
                if cut is not None:
                    break
                children.append(self.child(record, depth - 1))
        elif len(state):
            cut = "depth"
            self.why.add(cut)
        return SupervisorView(
            pid=p,
            name=name_text(p),
            what=what_of(p),
            strategy=state.strategy,
            auto_shutdown=state.auto_shutdown,
            budget=budget_of(p, state),
            children=tuple(children),
            more=len(state) - len(children),
            cut=cut,
        )

    def child(self, record: ChildRecord, depth: int | None) -> ChildView:
        p: Process | None = record.pid
        alive = p is not None and p.status != DEAD
        ended_before = record.last_at != 0 or record.last_reason is not None
        below: SupervisorView | None = None
        if depth is not None and p is not None and alive and is_supervisor(p):
            below = self.supervisor(p, depth)
        else:
            self.read += 1
        return ChildView(
            id=text(record.id, length=80),
            pid=p if alive else None,
            name=name_text(p) if p is not None and alive else None,
            what=what_of(p) if p is not None and alive else _what_of_spec(record),
            type=record.spec.type,
            restart=record.spec.restart,
            state="running" if alive else "restarting" if record.restarting else "stopped",
            status=status_of(p) if p is not None and alive else None,
            mailbox=0 if p is None else mailbox_len(p),
            restarts=record.restarts,
            restarted_along=record.restarted_along,
            last_exit=text(record.last_reason) if ended_before else None,
            last_exit_at=record.last_at / 1e9 if ended_before else None,
            supervisor=below,
        )


def _what_of_spec(record: ChildRecord) -> str:
    modules = record.spec.modules
    if isinstance(modules, tuple) and modules and isinstance(modules[0], type):
        return name_of(modules[0])
    start: object = record.spec.start
    function = cast("tuple[object, ...]", start)[0] if isinstance(start, tuple) and start else start
    if isinstance(function, FunctionType):  # its arguments may be anything, and many
        return function.__qualname__
    return text(start, length=80)
