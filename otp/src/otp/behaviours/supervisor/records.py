"""The records that a supervisor's queries return."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from otp.kernel.values.pids import Pid
    from otp.kernel.values.terms import Code

__all__ = ["ChildInfo", "Counts"]


class ChildInfo(NamedTuple):
    """A child in the result of `which_children`.

    `id` is None for a dynamic child; `pid` is a pid, None if it is not running, `"restarting"` if an attempt to restart
    it failed and the next one is pending.
    """

    id: Hashable
    pid: Pid | Literal["restarting"] | None
    type: Literal["worker", "supervisor"]
    modules: tuple[Code, ...] | Literal["dynamic"] | None


class Counts(NamedTuple):
    """The result of `count_children`: how many specs, living processes, supervisors and workers."""

    specs: int
    active: int
    supervisors: int
    workers: int
