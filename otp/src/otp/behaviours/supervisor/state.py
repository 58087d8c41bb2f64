"""The state and the decisions of a supervisor: pure bookkeeping without processes.

The supervisor's process starts and stops children and reports the results here; this module decides what follows. It
never sends, waits, reads a clock or uses a process, so a pid may be any hashable value and the time any integer:

>>> from otp.behaviours.server.child_spec import Children, ChildSpec
>>> from otp.behaviours.supervisor.spec_check import check_all
>>> flags = Children([], strategy="rest_for_one", max_restarts=1, max_seconds=5)
>>> state = SupervisorState(flags)
>>> for spec in check_all([ChildSpec(name, (print,)) for name in "abc"]):
...     state.started(state.add(spec), f"pid of {spec.id}")
>>> record = state.exited("pid of b", "killed", now=0)
>>> state.decide(record, "killed", now=0)
'restart'
>>> [r.id for r in state.group(record)]
['b', 'c']

Source: OTP's `supervisor.erl`, function by function.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, ValuesView
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from otp.behaviours.server.child_spec import AutoShutdown, Children, ChildSpec, Strategy
from otp.behaviours.server.newest import newest
from otp.behaviours.supervisor.spec_check import without_arguments
from otp.kernel.values.bounded import LONGEST, bound_reason
from otp.kernel.values.reasons import is_clean

__all__ = ["ChildRecord", "RestartWindow", "SupervisorState", "Verdict", "continue_counts", "should_restart"]

NS: Final = 1_000_000_000
MOST_FAILED: Final = 1_000
KEPT: Final = 1_000  # restarts remembered where any number is allowed

Verdict: TypeAlias = Literal["restart", "give_up", "shutdown", "gone"]
"""The consequence of a child's end: restart it (and its group), give up after too many restarts, shut down after the
end of a significant child, or nothing."""


def should_restart(spec: ChildSpec, reason: Any) -> bool:
    """Return whether a child that ended by itself with `reason` is to be restarted.

    `error("shutdown")` gives the reason `Crash("shutdown", stack)`, which matches `("shutdown", _)`:
    a clean end, as in Erlang.
    """
    restart = spec.restart
    return restart == "permanent" or (restart == "transient" and not is_clean(reason))


class RestartWindow:
    """Restart intensity: the number of restarts within the window.

    A restart at t counts while `now - t <= max_seconds`, on the unrounded clock. `restarts` holds the times of the
    newest ones, no more than the decision needs: one above `max_restarts`, or 1,000 where any number is allowed.

    Difference from OTP: OTP counts whole seconds.
    """

    __slots__ = (
        "_failed",
        "_forgotten",
        "_limit",
        "_most",
        "_window",
        "counted",
        "max_restarts",
        "max_seconds",
        "restarts",
    )

    def __init__(self, max_restarts: int | Literal["infinity"], max_seconds: float | Literal["infinity"]) -> None:
        self.restarts: deque[int] = deque()
        self.counted: int = 0
        """Restarts within the window at the last one; at most 1,000 if any number is allowed in a finite window."""
        self._forgotten = 0
        self._failed: dict[int, int] = {}  # failed attempts by the event of the newest one
        self.set_limits(max_restarts, max_seconds)

    def set_limits(self, max_restarts: int | Literal["infinity"], max_seconds: float | Literal["infinity"]) -> None:
        """Change the limits; restarts so far stay counted."""
        self.max_restarts: int | Literal["infinity"] = max_restarts
        self.max_seconds: float | Literal["infinity"] = max_seconds
        self._limit: float = float("inf") if max_restarts == "infinity" else max_restarts
        self._most = KEPT if max_restarts == "infinity" else max_restarts + 1
        self._window: float = float("inf") if max_seconds == "infinity" else round(max_seconds * NS)
        self.counted = len(self.restarts) + self._ever_forgotten

    def count(self, now: int) -> bool:
        """Count a restart at `now` (ns); return False if it exceeds the limit."""
        restarts = self.restarts
        restarts.append(now)
        oldest = now - self._window
        while restarts[0] < oldest:
            restarts.popleft()
        used = len(restarts)
        while used > self._most:
            restarts.popleft()
            self._forgotten += 1
            used -= 1
        self.counted = used + self._ever_forgotten if self._forgotten else used
        return used <= self._limit

    def attempts(self, cause: int) -> int:
        """Return how many attempts to restart a child failed; `cause` is the event of the last one, or of its end."""
        return self._failed.get(cause, 0)

    def note_attempt(self, cause: int, event: int) -> None:
        """Record that one more attempt failed, after the event `cause`."""
        self._failed[event] = self._failed.pop(cause, 0) + 1
        if len(self._failed) > MOST_FAILED:
            del self._failed[next(iter(self._failed))]

    def used(self, now: int) -> int:
        """Return the number of restarts within the window at `now` (ns)."""
        oldest = now - self._window
        return sum(1 for at in self.restarts if at >= oldest) + self._ever_forgotten

    @property
    def _ever_forgotten(self) -> int:
        """Forgotten restarts that still count: all if the window is infinite and any number is allowed, else 0."""
        return self._forgotten if self._window == self._limit == float("inf") else 0


class Restarts(NamedTuple):
    """The restart counts of a child and, if it is a supervisor, of its own children."""

    own: int
    along: int
    below: Below


Below: TypeAlias = "dict[Hashable, Restarts] | None"
"""Restarts of a supervisor's children by their ids; children without restarts are left out."""


class ChildRecord:
    """A child of a supervisor: its spec and its state.

    `pid` is None while it is not running; `restarting` is true if a restart is due. `old` is its previous pid;
    `last_reason` and `last_at` (ns) belong to its last end; `ended` is true if it ended by itself and was not
    started since. `start` is the prepared call of the start function; `unstarted` is the time (ns) and the reason of
    its last start if that was requested and failed.

    `restarts` counts the starts after it ended by itself, `restarted_along` those that the strategy added to the
    restart of a sibling. Both survive the end of the supervisor. If the child is a supervisor, `below` is its table
    while it runs, else the saved counts of its children.
    """

    __slots__ = (
        "below",
        "ended",
        "id",
        "last_at",
        "last_reason",
        "old",
        "pid",
        "restarted_along",
        "restarting",
        "restarts",
        "spec",
        "start",
        "unstarted",
    )

    def __init__(self, spec: ChildSpec, pid: Any = None) -> None:
        self.id: Hashable = spec.id
        self.spec: ChildSpec = spec
        self.pid: Any = pid
        self.old: Any = None
        self.restarting: bool = False
        self.restarts: int = 0
        self.restarted_along: int = 0
        self.last_reason: Any = None
        self.last_at: int = 0
        self.ended: bool = False
        self.start: Any = None
        self.unstarted: tuple[int, Any] | None = None
        self.below: SupervisorState | Below = None

    def __repr__(self) -> str:
        return f"<child {self.id!r} {'restarting' if self.restarting else self.pid}>"

    def restart_counts(self) -> Restarts | None:
        """Return the counts for its next supervisor; None if all of them are zero."""
        counts = Restarts(self.restarts, self.restarted_along, _saved_counts(self.below))
        return counts if any(counts) else None


class SupervisorState(RestartWindow):
    """The children of a supervisor in start order, its flags, and the decisions they imply.

    `arg` is the argument of the class's `init`, kept for an upgrade.
    """

    __slots__ = ("_by_id", "_by_pid", "arg", "auto_shutdown", "strategy")

    def __init__(self, flags: Children, arg: Any = None) -> None:
        super().__init__(flags.max_restarts, flags.max_seconds)
        self.arg: Any = arg
        self.strategy: Strategy = flags.strategy
        self.auto_shutdown: AutoShutdown = flags.auto_shutdown
        self._by_id: dict[Hashable, ChildRecord] = {}
        self._by_pid: dict[Any, ChildRecord] = {}

    def __repr__(self) -> str:
        return f"<SupervisorState {self.strategy} of {len(self)} children, {self.counted} restarts>"

    # Reading

    @property
    def children(self) -> ValuesView[ChildRecord]:
        """The records in start order; `which_children` reverses it."""
        return self._by_id.values()

    def find(self, id: Hashable) -> ChildRecord | None:
        """Return the record of a child id; None also for a value that cannot be an id.

        A class is identified by its name: a class of a reloaded module and its successor are the same child.
        """
        try:
            found = self._by_id.get(id)
        except TypeError:
            return None
        if found is None and isinstance(id, type):
            wanted = newest(id)
            for record in self._by_id.values():
                if newest(record.id) is wanted:
                    return record
        return found

    def shutdown_of(self, pid: Any) -> Any:
        """Return the `shutdown` of a running child; None if it is not a child."""
        record = self._by_pid.get(pid)
        return None if record is None else record.spec.shutdown

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[ChildRecord]:
        return iter(self._by_id.values())

    # Events

    def add(self, spec: ChildSpec) -> ChildRecord:
        """Add a child after all others."""
        record = self._by_id[spec.id] = ChildRecord(spec)
        return record

    def started(self, record: ChildRecord, pid: Any) -> None:
        """Record a successful start; `pid` is None if it was ignored. A temporary child's arguments are not kept."""
        record.restarting, record.unstarted = False, None
        record.pid = pid
        if pid is not None:
            record.ended = False
            self._by_pid[pid] = record
            if record.spec.restart == "temporary":
                record.spec, record.start = without_arguments(record.spec), None
        elif record.spec.restart == "temporary":
            del self._by_id[record.id]

    def left_down(self, unstarted: Iterable[ChildRecord]) -> None:
        """Mark the rest of a group as down until the failed restart is retried."""
        for record in unstarted:
            record.restarting = False

    def exited(self, pid: Any, reason: Any, now: int) -> ChildRecord | None:
        """Record the end of a process; return None if it is not a child or its end is already recorded."""
        record = self._by_pid.pop(pid, None)
        if record is not None:
            record.ended = True
            record.old, record.pid = record.pid, None  # like `_note_end`, without the call
            record.last_reason = reason if type(reason) is str and len(reason) <= LONGEST else bound_reason(reason)
            record.last_at = now
            if record.below is not None:
                record.below = _saved_counts(record.below)
        return record

    def stopped(self, record: ChildRecord, reason: Any, now: int, *, ended: bool = False) -> None:
        """Record that the supervisor stopped a child, which may have `ended` before, or cancelled its restart."""
        record.restarting = False
        if record.pid is not None:
            record.ended = ended
            self._by_pid.pop(record.pid, None)
            _note_end(record, reason, now)
        if record.spec.restart == "temporary":
            del self._by_id[record.id]

    def delete(self, record: ChildRecord) -> None:
        """Remove a stopped child."""
        del self._by_id[record.id]

    # Decisions

    def decide(self, record: ChildRecord, reason: Any, now: int) -> Verdict:
        """Decide what follows from the end of a child; called once for each end found by `exited`."""
        spec = record.spec
        if spec.restart == "permanent" or should_restart(spec, reason):
            if not self.count(now):
                return "give_up"
            record.restarting = True
            return "restart"
        if spec.restart == "temporary":
            del self._by_id[record.id]
        return "shutdown" if self._was_significant(record) else "gone"

    def retry(self, id: Hashable, now: int) -> tuple[Verdict, ChildRecord | None]:
        """Decide about a failed restart: each attempt counts. `gone` if it was cancelled."""
        record = self.find(id)
        if record is None or not record.restarting:
            return "gone", record
        if self.count(now):
            return "restart", record
        record.restarting = False
        return "give_up", record

    def group(self, record: ChildRecord) -> list[ChildRecord]:
        """Return the children that the strategy restarts with this one: stopped in reverse order, started in order."""
        if self.strategy == "one_for_one":
            return [record]
        everybody = list(self._by_id.values())
        if self.strategy == "one_for_all":
            return everybody
        return everybody[everybody.index(record) :]  # rest_for_one: it and the children started after it

    def restartable(self, group: list[ChildRecord]) -> list[ChildRecord]:
        """Return the members of a stopped group to start again: all but temporary ones, which are removed."""
        again = [record for record in group if record.spec.restart != "temporary"]
        for record in again:
            record.restarting = True
        return again

    def _was_significant(self, record: ChildRecord) -> bool:
        if self.auto_shutdown == "never" or not record.spec.significant:
            return False
        if self.auto_shutdown == "any_significant":
            return True
        return not any(
            other.spec.significant and (other.pid is not None or other.restarting) for other in self._by_id.values()
        )

    # Changing a running supervisor

    def change(self, flags: Children) -> None:
        """Apply other flags; children and the restarts counted so far stay."""
        self.set_limits(flags.max_restarts, flags.max_seconds)
        self.strategy = flags.strategy
        self.auto_shutdown = flags.auto_shutdown

    def restart_counts(self) -> dict[Hashable, Restarts]:
        """Return the restart counts of its children; those without restarts are left out."""
        return {record.id: found for record in self if (found := record.restart_counts()) is not None}

    def take_over(self, counts: Below) -> None:
        """Add the counts of the supervisor that this one replaces."""
        for id, before in (counts or {}).items():
            record = self.find(id)
            if record is not None:
                record.restarts += before.own
                record.restarted_along += before.along
                if record.below is not None and isinstance(record.below, SupervisorState):
                    record.below.take_over(before.below)
                else:
                    record.below = before.below

    def replace_specs(self, specs: Iterable[ChildSpec]) -> None:
        """Apply other specs, as an upgrade does: known ids keep their process, new ones are added without one.

        Children missing from `specs` come last. Nothing is started or stopped.
        """
        after: dict[Hashable, ChildRecord] = {}
        for spec in specs:
            record = after[spec.id] = self.find(spec.id) or ChildRecord(spec)
            record.id = spec.id
            record.spec = spec
            record.start = None
        for record in self._by_id.values():
            after.setdefault(record.id, record)
        self._by_id = after

    def renew_starts(self) -> None:
        """Prepare the start functions again at the next start: a module was reloaded."""
        for record in self._by_id.values():
            record.start = None

    def undo(self) -> Callable[[], None]:
        """Return a function that restores the present flags and specs; call `renew_starts` after it."""
        flags = (self.max_restarts, self.max_seconds, self.strategy, self.auto_shutdown)
        by_id = dict(self._by_id)
        records = [(record, record.id, record.spec) for record in by_id.values()]

        def bring_back() -> None:
            self.set_limits(flags[0], flags[1])
            self.strategy, self.auto_shutdown = flags[2], flags[3]
            self._by_id = by_id
            for record, id, spec in records:
                record.id, record.spec = id, spec

        return bring_back


def _note_end(record: ChildRecord, reason: Any, now: int) -> None:
    record.old = record.pid
    record.pid = None
    record.last_reason = bound_reason(reason)
    record.last_at = now
    record.below = _saved_counts(record.below)


def _saved_counts(below: SupervisorState | Below) -> Below:
    return below.restart_counts() if isinstance(below, SupervisorState) else below


def continue_counts(record: ChildRecord, state: SupervisorState) -> None:
    """Pass the saved counts to a supervisor that started as a child; `state` is its table."""
    state.take_over(record.below if isinstance(record.below, dict) else None)
    record.below = state
