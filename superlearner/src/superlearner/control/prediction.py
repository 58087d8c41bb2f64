"""Prediction of a supervisor's reaction to a child's end, as a pure function.

Source: OTP's `supervisor.erl`, `restart/2`, `do_restart` and `add_restart`, as `otp` has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["CLEAN", "Flags", "Outcome", "Prediction", "Sibling", "predict"]

CLEAN: Final = frozenset({"normal", "shutdown"})
"""Reasons that are not failures: a transient child is not restarted after one."""

Outcome = Literal["restarts", "stays_down", "gone", "gives_up", "stops"]
"""The predicted result of a child's end.

In order: the child is restarted; its slot stays, empty; its slot is removed; the supervisor reached its restart
limit; the end of a significant child ends the supervisor."""

Amount = float | Literal["infinity"]


@dataclass(frozen=True, slots=True)
class Sibling:
    """The fields of a child on which its supervisor's decision depends."""

    id: str
    restart: Literal["permanent", "transient", "temporary"]
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


def predict(flags: Flags, siblings: Sequence[Sibling], child: str, reason: str) -> Prediction:
    """Return what a supervisor would do if `child` ended by itself with `reason`.

    >>> three = [Sibling("ledger", "permanent"), Sibling("cart", "permanent"), Sibling("mailer", "temporary")]
    >>> found = predict(Flags("rest_for_one", 3, 5), three, "cart", "killed")
    >>> found.outcome, found.stopped, found.started, found.gone, found.untouched
    ('restarts', ('mailer',), ('cart',), ('mailer',), ('ledger',))
    >>> predict(Flags("rest_for_one", 3, 5, used=3), three, "cart", "killed").outcome
    'gives_up'
    """
    position = next(at for at, one in enumerate(siblings) if one.id == child)
    me = siblings[position]
    others = [one for one in siblings if one is not me]
    if me.restart == "permanent" or (me.restart == "transient" and reason not in CLEAN):
        used = flags.used + 1
        if flags.max_restarts != "infinity" and used > flags.max_restarts:
            return Prediction("gives_up", stopped=_running(others), used=used)
        return _restart(flags.strategy, siblings, position, used)
    if _ends_all(flags.auto_shutdown, me, others):
        return Prediction("stops", stopped=_running(others), used=flags.used)
    rest = tuple(one.id for one in others)
    if me.restart == "temporary":
        return Prediction("gone", gone=(me.id,), untouched=rest, used=flags.used)
    return Prediction("stays_down", untouched=rest, used=flags.used)


def _restart(strategy: str, siblings: Sequence[Sibling], position: int, used: int) -> Prediction:
    group = list(siblings) if strategy == "one_for_all" else [siblings[position]]
    if strategy == "rest_for_one":
        group = list(siblings[position:])
    me, ids = siblings[position], {one.id for one in group}
    return Prediction(
        "restarts",
        stopped=_running([one for one in group if one is not me]),
        started=tuple(one.id for one in group if one.restart != "temporary"),
        gone=tuple(one.id for one in group if one.restart == "temporary"),
        untouched=tuple(one.id for one in siblings if one.id not in ids),
        used=used,
    )


def _running(siblings: Sequence[Sibling]) -> tuple[str, ...]:
    """Return the running children in the order of stopping: the newest first."""
    return tuple(one.id for one in reversed(siblings) if one.running)


def _ends_all(auto_shutdown: str, me: Sibling, others: Sequence[Sibling]) -> bool:
    if auto_shutdown == "never" or not me.significant:
        return False
    return auto_shutdown == "any_significant" or not any(one.significant and one.running for one in others)
