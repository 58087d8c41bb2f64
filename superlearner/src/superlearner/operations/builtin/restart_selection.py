"""The selection of lines of a list of restarts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from superlearner.nodes.attaching import ON_REQUEST
from superlearner.operations.builtin.restart_incidents import is_failure
from superlearner.operations.builtin.restart_loops import BLOCKED, GAVE_UP, INCIDENT, PROGRAM
from superlearner.operations.results.restarts import RestartLine
from superlearner.store import MomentRow

__all__ = ["Selection", "select", "select_open"]

Selection = Literal["restarts", "give_ups"]
ANSWER_S: Final = 60.0
"""Seconds after a hold in which a silent node answers again."""


def select(rows: Sequence[MomentRow], only: Selection | None) -> list[MomentRow]:
    """Return the recorded restarts or give-ups, in the same order.

    The restarts include blocked event loops that made their node silent. They do not include services that were
    attached or detached on request.

    >>> hang = MomentRow("shop", "9f3a0c1b22d4", 2, 2, 100.0, 108.0, "till was in handle_call for 8 s")
    >>> fall = MomentRow("shop", "9f3a0c1b22d4", 7, 9, 90.0, 90.0, "shop_sup gave up")
    >>> crash = MomentRow("shop", "9f3a0c1b22d4", 4, 5, 80.0, 80.0, "till crashed and was restarted")
    >>> [[one.line for one in select([hang, fall, crash], only)] for only in ("restarts", "give_ups")]
    [['shop_sup gave up', 'till crashed and was restarted'], ['shop_sup gave up']]
    """
    if only is None:
        return list(rows)
    if only == "give_ups":
        return [one for one in rows if one.line.endswith(GAVE_UP)]
    programs = [one for one in rows if one.number == PROGRAM]
    return [one for one in rows if _is_restart(one, programs)]


def select_open(lines: Sequence[RestartLine], only: Selection | None) -> list[RestartLine]:
    """Return the same of restarts that are not recorded, none of which is an incident."""
    return [one for one in lines if only != "give_ups" or one.gave_up]


def _is_restart(row: MomentRow, programs: Sequence[MomentRow]) -> bool:
    if row.number == INCIDENT:
        return is_failure(row) or (row.cause == BLOCKED and any(_is_silence(one, row) for one in programs))
    return row.number != PROGRAM or ON_REQUEST not in row.line


def _is_silence(program: MomentRow, hold: MomentRow) -> bool:
    """Return whether a hold of the event loop may have made a program silent."""
    return program.node == hold.node and hold.at <= program.at <= hold.until + ANSWER_S
