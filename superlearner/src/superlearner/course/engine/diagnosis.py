"""Diagnoses of programs that are wrong in one place: the faults that an answer can name, and what each one shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from superlearner.course.engine.values import render
from superlearner.course.engine.verdict import Wrong

if TYPE_CHECKING:
    from superlearner.course.engine.scenario import Scenario

__all__ = ["SIGNS", "diagnosed"]

SIGNS: Final = {
    "M1": "the process would end with 'normal' after its first request",
    "M5": "an answer to one question would be taken for the answer to another one",
    "M6": "a value would change in one process because of another one, without a message",
    "M11": "an exception would be caught, and a failure would become a result",
    "M12": "a new process would begin without the arguments of the old one",
    "M24": "a process would be started again after a good end",
    "M26": "a name would lead to a process that has ended",
    "M31": "a request would get no answer, and the process would answer the next one",
    "P1": "requests would wait until a sleep is over",
    "P3": "two processes would both get what only one can have",
    "P5": "`Down` messages would be left in a mailbox",
    "P12": "one end would be followed by two restarts",
}
"""Signs of the faults: how a run under each of them would look."""


def diagnosed(s: Scenario, right: str) -> None:
    """Raise `Wrong` unless `DIAGNOSIS` in the answer is the id of the fault."""
    s.step("DIAGNOSIS is the id of the fault.")
    got = s.need("DIAGNOSIS")
    if type(got) is not str or got not in SIGNS:
        what = "is empty" if got == "" else f"is {render(got)}"
        raise Wrong(f"DIAGNOSIS {what}: expected an id of the table, such as 'M1'")
    s.expect(got == right, f"the fault is not {got}: with it, {SIGNS[got]}")
