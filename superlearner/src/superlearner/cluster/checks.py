"""A check of a cluster or of its machine: what was measured and, if it failed, the problem with three solutions."""

from __future__ import annotations

from dataclasses import dataclass

from superlearner.base.shortage import cause_text

__all__ = ["Check", "failed", "passed", "unexpected"]


@dataclass(frozen=True, slots=True)
class Check:
    """The result of a check.

    Attributes:
        name: one word.
        ok: whether it passed.
        evidence: what was measured, and against which limit.
        problem: what is wrong; None if it passed.
        solutions: three things to try; none if it passed.
    """

    name: str
    ok: bool
    evidence: str
    problem: str | None = None
    solutions: tuple[str, ...] = ()


def passed(name: str, evidence: str) -> Check:
    """Return a check that passed."""
    return Check(name, True, evidence)


def failed(name: str, evidence: str, problem: str, *solutions: str) -> Check:
    """Return a check that failed."""
    return Check(name, False, evidence, problem, solutions)


def unexpected(name: str, error: BaseException, *solutions: str) -> Check:
    """Return a check that failed with an error."""
    return failed(name, "", cause_text(error), *solutions)
