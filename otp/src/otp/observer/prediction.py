"""Predictions of a supervisor's reaction to a child's end: a copy of its state makes the decision.

`SupervisorState` alone decides which children restart; other modules use it through this one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Final, Literal, cast

from otp.behaviours.server.child_spec import Children, ChildSpec
from otp.behaviours.supervisor.state import ChildRecord, SupervisorState, should_restart
from otp.kernel.values.reasons import is_clean

__all__ = ["STATIC", "Flags", "Outcome", "Prediction", "Restart", "Sibling", "is_clean", "is_restarted", "predict"]

Restart = Literal["permanent", "transient", "temporary"]

Outcome = Literal["restarts", "stays_down", "gone", "gives_up", "stops"]
"""The predicted result of a child's end.

In order: the child is restarted; its slot stays, empty; its slot is removed; the supervisor reached its restart
limit; the end of a significant child ends the supervisor."""

Amount = float | Literal["infinity"]

STATIC: Final = ("one_for_one", "one_for_all", "rest_for_one")


@dataclass(frozen=True, slots=True)
class Sibling:
    """The fields of a child on which its supervisor's decision depends."""

    id: str
    restart: Restart
    running: bool = True
    significant: bool = False


@dataclass(frozen=True, slots=True)
class Flags:
    """A supervisor's flags, and how many restarts count at the moment."""

    strategy: str
    max_restarts: Amount
    max_seconds: Amount
    auto_shutdown: str = "never"
    used: int = 0


@dataclass(frozen=True, slots=True)
class Prediction:
    """A predicted outcome.

    `stopped` and `started` are in order; `untouched` children keep running.

    `started` includes the child itself; `gone` children are temporary, so not restarted. `used` counts this restart.
    """

    outcome: Outcome
    stopped: tuple[str, ...] = ()
    started: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    untouched: tuple[str, ...] = ()
    used: int = 0

    @property
    def ends_supervisor(self) -> bool:
        """Return whether the supervisor itself would end, with the reason `shutdown`."""
        return self.outcome in ("gives_up", "stops")


def is_restarted(restart: str | None, reason: Any) -> bool:
    """Return whether a supervisor restarts a child that ended by itself; not if its restart type is unknown.

    >>> is_restarted("transient", "normal"), is_restarted("transient", "killed"), is_restarted("temporary", "killed")
    (False, True, False)
    """
    return restart is not None and should_restart(ChildSpec(None, _START, restart=cast("Restart", restart)), reason)


def predict(flags: Flags, siblings: Sequence[Sibling], child: str, reason: Any) -> Prediction:
    """Return what a supervisor would do if `child` ended by itself with `reason`.

    >>> three = [Sibling("ledger", "permanent"), Sibling("cart", "permanent"), Sibling("mailer", "temporary")]
    >>> found = predict(Flags("rest_for_one", 3, 5), three, "cart", "killed")
    >>> found.outcome, found.stopped, found.started, found.gone, found.untouched
    ('restarts', ('mailer',), ('cart',), ('mailer',), ('ledger',))
    >>> predict(Flags("rest_for_one", 3, 5, used=3), three, "cart", "killed").outcome
    'gives_up'
    """
    position = next(at for at, one in enumerate(siblings) if one.id == child)
    state = _copy(flags, siblings, position)
    me = cast("ChildRecord", state.exited(position, reason, 0))
    verdict = state.decide(me, reason, 0)
    used = flags.used + (verdict in ("restart", "give_up"))

    def ids(records: Iterable[ChildRecord]) -> tuple[str, ...]:
        return tuple(siblings[cast("int", record.id)].id for record in records)

    rest = [record for record in state.children if record is not me]
    if verdict == "gone":
        if me.spec.restart == "temporary":
            return Prediction("gone", gone=(child,), untouched=ids(rest), used=used)
        return Prediction("stays_down", untouched=ids(rest), used=used)
    if verdict != "restart":
        return Prediction("gives_up" if verdict == "give_up" else "stops", stopped=ids(_stopping(rest)), used=used)
    group = state.group(me)
    again = state.restartable(group)
    return Prediction(
        "restarts",
        stopped=ids(_stopping(record for record in group if record is not me)),
        started=ids(again),
        gone=ids(record for record in group if record not in again),
        untouched=ids(record for record in rest if record not in group),
        used=used,
    )


_START: Final = (print,)


def _copy(flags: Flags, siblings: Sequence[Sibling], ending: int) -> SupervisorState:
    """Return the state of a supervisor with these children; their places serve as ids and as pids.

    A dynamic supervisor restarts the child that ended and no other, as one_for_one does.
    """
    strategy: Any = flags.strategy if flags.strategy in STATIC else "one_for_one"
    most: Any = flags.max_restarts
    seconds: Any = flags.max_seconds
    auto_shutdown: Any = flags.auto_shutdown
    copy = SupervisorState(
        Children([], strategy=strategy, max_restarts=most, max_seconds=seconds, auto_shutdown=auto_shutdown)
    )
    copy.restarts.extend(repeat(0, 0 if most == "infinity" else min(flags.used, most + 1)))
    for at, one in enumerate(siblings):
        record = copy.add(ChildSpec(at, _START, restart=one.restart, significant=one.significant))
        if one.running or at == ending:
            copy.started(record, at)
    return copy


def _stopping(records: Iterable[ChildRecord]) -> list[ChildRecord]:
    """Return the running children in the order of stopping: the newest first."""
    return [record for record in reversed(list(records)) if record.pid is not None]
