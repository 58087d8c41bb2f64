"""The state of a supervisor of many similar children: `DynamicSupervisor` and simple_one_for_one.

It must hold a million children, so a child is one entry of a table, pid → spec, and specs are shared where possible.
Data that few children have (a history, a pending restart) is in separate tables. As in `state`, this
module never touches a process.

Sources: OTP's `supervisor.erl`, the `dyn_` functions; Elixir's `dynamic_supervisor.ex`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple, TypeAlias

from otp.behaviours.server.child_spec import AutoShutdown, Children, ChildSpec
from otp.behaviours.supervisor.spec_check import without_arguments
from otp.behaviours.supervisor.state import ChildRecord, RestartWindow, Verdict, should_restart
from otp.kernel.values.bounded import bound_reason

__all__ = ["DynamicChildren", "DynamicState", "History"]

DynamicStrategy: TypeAlias = Literal["simple_one_for_one", "dynamic"]


class History(NamedTuple):
    """The history of a restarted child: its restarts and its last end (ns)."""

    restarts: int = 0
    last_reason: Any = None
    last_at: int = 0


class DynamicState(RestartWindow):
    """The children of a dynamic supervisor and its flags.

    `template` is the spec of simple_one_for_one, None in a `DynamicSupervisor`. `call` starts a child like the one
    started last, whose spec is `spec_of_call`; it is kept while children of that spec run.
    """

    __slots__ = (
        "arg",
        "auto_shutdown",
        "call",
        "extra",
        "history",
        "max_children",
        "profiles",
        "restarting",
        "running",
        "spec_of_call",
        "strategy",
        "supervisors",
        "template",
    )

    def __init__(
        self,
        flags: Children,
        template: ChildSpec | None = None,
        *,
        arg: Any = None,
        max_children: int | Literal["infinity"] = "infinity",
        extra: tuple[Any, ...] = (),
    ) -> None:
        super().__init__(flags.max_restarts, flags.max_seconds)
        self.strategy: DynamicStrategy = "dynamic" if template is None else "simple_one_for_one"
        self.auto_shutdown: AutoShutdown = flags.auto_shutdown
        self.arg: Any = arg
        self.template: ChildSpec | None = template
        self.max_children: float = float("inf") if max_children == "infinity" else max_children
        self.extra: tuple[Any, ...] = extra
        self.running: dict[Any, ChildSpec] = {}
        self.restarting: dict[Any, ChildSpec] = {}  # by the pid it had
        self.history: dict[Any, History] = {}
        self.supervisors: int = 0  # supervisors in both tables
        self.profiles: dict[Any, ChildSpec] = {}  # specs shared by temporary children
        self.spec_of_call: ChildSpec | None = None
        self.call: Callable[[], Any] | None = None

    def __repr__(self) -> str:
        return f"<DynamicState {self.strategy} of {len(self)} children, {self.counted} restarts>"

    # Reading

    @property
    def children(self) -> DynamicChildren:
        """The children as records, oldest first, created while they are read."""
        return DynamicChildren(self)

    def __len__(self) -> int:
        return len(self.running) + len(self.restarting)

    def shutdown_of(self, pid: Any) -> Any:
        """Return the `shutdown` of a running child; None if it is not a child."""
        spec = self.running.get(pid)
        return None if spec is None else spec.shutdown

    def full(self) -> bool:
        """Return whether `max_children` is reached."""
        return len(self.running) + len(self.restarting) >= self.max_children

    # Events

    def started(self, pid: Any, spec: ChildSpec, call: Callable[[], Any] | None = None) -> None:
        """Record a new child and its call; a temporary child's arguments are not kept."""
        if spec.restart == "temporary":
            spec = self._profile(spec)
        elif spec is not self.spec_of_call:
            self.spec_of_call, self.call = spec, call
        self.running[pid] = spec
        if spec.type == "supervisor":
            self.supervisors += 1

    def _profile(self, spec: ChildSpec) -> ChildSpec:
        key = (spec.shutdown, spec.type, spec.significant, spec.modules)
        try:
            found = self.profiles.get(key)
        except TypeError:  # modules was given as a list
            return spec
        if found is None:
            found = self.profiles[key] = without_arguments(spec).replace(id=None)
        return found

    def exited(self, pid: Any) -> ChildSpec | None:
        """Return the spec of a child that ended; None if it is not a child, or its end is known."""
        return self.running.get(pid)

    def restarted(self, old: Any, pid: Any) -> int:
        """Record a successful restart and return the restart count; `pid` is None if it was ignored."""
        spec = self.running.pop(old, None) or self.restarting.pop(old)
        before = self.history.pop(old)
        if pid is None:
            self._drop_spec(spec)
            return before.restarts
        self.running[pid] = spec
        self.history[pid] = before._replace(restarts=before.restarts + 1)
        return before.restarts + 1

    def failed(self, old: Any) -> None:
        """Record a failed restart, which will be retried."""
        spec = self.running.pop(old, None)
        if spec is not None:
            self.restarting[old] = spec

    def forget(self, pid: Any) -> None:
        """Remove a child for good, or cancel the attempt to restart it."""
        spec = self.running.pop(pid, None) or self.restarting.pop(pid)
        self.history.pop(pid, None)
        self._drop_spec(spec)

    def _drop_spec(self, spec: ChildSpec) -> None:
        if spec.type == "supervisor":
            self.supervisors -= 1
        if spec is self.spec_of_call:  # perhaps the last child of this spec: its arguments are not kept either
            self.renew_starts()

    # Decisions

    def decide(self, pid: Any, spec: ChildSpec, reason: Any, now: int) -> Verdict:
        """Decide what follows from the end of a child; called once for each end found by `exited`."""
        if should_restart(spec, reason):
            if self.count(now):
                self.history[pid] = self.history.get(pid, _NO_PAST)._replace(
                    last_reason=bound_reason(reason), last_at=now
                )
                return "restart"
            self.forget(pid)
            return "give_up"
        self.forget(pid)
        if self.auto_shutdown == "never" or not spec.significant:
            return "gone"
        return "shutdown" if self.auto_shutdown == "any_significant" or not len(self) else "gone"

    def retry(self, old: Any, now: int) -> tuple[Verdict, ChildSpec | None]:
        """Decide about a failed restart: each attempt counts. `gone` if it was cancelled.

        Only children that `decide` restarts get here, so none of them is temporary.
        """
        spec = self.restarting.get(old)
        if spec is None:
            return "gone", None
        if self.count(now):
            return "restart", spec
        self.forget(old)
        return "give_up", spec

    def change(self, flags: Children) -> None:
        """Apply other limits; the strategy of dynamic children cannot change."""
        self.set_limits(flags.max_restarts, flags.max_seconds)
        self.auto_shutdown = flags.auto_shutdown

    def renew_starts(self) -> None:
        """Prepare the start function again at the next start: a module was reloaded."""
        self.spec_of_call = self.call = None

    def undo(self) -> Callable[[], None]:
        """Return a function that restores the present limits and template; call `renew_starts` after it."""
        limits = (self.max_restarts, self.max_seconds)
        auto_shutdown, template = self.auto_shutdown, self.template

        def bring_back() -> None:
            self.set_limits(*limits)
            self.auto_shutdown, self.template = auto_shutdown, template

        return bring_back


_NO_PAST = History()


class DynamicChildren:
    """The children of a `DynamicState` as `ChildRecord`s; a view, cheap to create and to count."""

    __slots__ = ("_state",)

    def __init__(self, state: DynamicState) -> None:
        self._state = state

    def __len__(self) -> int:
        return len(self._state)

    def __iter__(self) -> Iterator[ChildRecord]:
        history = self._state.history
        for pid, spec in self._state.running.items():
            yield _record(spec, pid, history.get(pid, _NO_PAST))
        for old, spec in self._state.restarting.items():
            record = _record(spec, None, history.get(old, _NO_PAST))
            record.old = old
            record.restarting = True
            yield record


def _record(spec: ChildSpec, pid: Any, past: History) -> ChildRecord:
    record = ChildRecord(spec, pid)
    record.id = None
    record.restarts, record.last_reason, record.last_at = past
    return record
