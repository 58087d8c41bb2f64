"""The line of the program in a chain of causes."""

from __future__ import annotations

import pytest

import otp
from otp.kernel.values.exception_reasons import reason_of
from superlearner.restarts.cause_steps import find_line


def test_a_line_is_that_of_the_program_and_never_one_of_the_runtime() -> None:
    """Regression: an `init` with a wrong signature was reported as a failure of a function of the runtime."""
    term = otp.ExceptionTerm("TypeError", (), "Score.init() takes 1 positional argument but 2 were given")
    inside = otp.__file__.replace("__init__.py", "kernel/steps/starting.py"), 170, "begin_server"
    own = "main.py", 7, "Score.init"
    assert find_line(otp.Crash(term, (inside,))) is None
    found = find_line(otp.Crash(term, (own, inside)))
    assert found is not None
    assert (found.file, found.line, found.function) == ("main.py", 7, "init")


def test_a_line_has_the_lines_around_it_and_the_callers_of_the_program() -> None:
    def per_unit(count: int) -> float:
        boxes = 12
        share = boxes / count
        return share

    def priced(count: int) -> float:
        return per_unit(count)

    with pytest.raises(ZeroDivisionError) as caught:
        priced(0)
    line = find_line(reason_of(caught.value))
    assert line is not None
    begin = per_unit.__code__.co_firstlineno
    assert [(one.line - begin, one.code) for one in line.around] == [
        (0, "def per_unit(count: int) -> float:"),
        (1, "    boxes = 12"),
        (2, "    share = boxes / count"),
        (3, "    return share"),
        (4, ""),
    ]
    assert line.callers[0] == f"test_cause_lines.py:{priced.__code__.co_firstlineno + 1} in priced"
