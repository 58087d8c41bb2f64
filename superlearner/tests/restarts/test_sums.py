"""Sums of restarts that are only counted."""

from __future__ import annotations

from typing import Any

from superlearner.restarts.sums import MOST_KINDS, MOST_SUMS, Kind, Sums


class NothingRuns:
    """A node on which no process is alive any more."""

    def alive(self, pid: Any) -> bool:
        return False


def kind(number: int) -> Kind:
    return Kind(number, f"w{number}", "crashed")


def counted(kinds: int) -> Sums:
    sums = Sums()
    for number in range(kinds):
        sums.add(kind(number), number + 1, 0, restarted=False)
    return sums


def lines(sums: Sums) -> list[str]:
    now: Any = NothingRuns()
    return [line for line, _ in sums.lines(now)]


def test_restarts_of_children_that_share_a_sum_are_counted_in_it() -> None:
    sums = counted(MOST_KINDS + 3)
    assert sums.knows(kind(MOST_KINDS + 2))
    assert "another child ended 3 times more" == lines(sums)[0]
    for number in range(3):
        sums.add_restart(kind(MOST_KINDS + number))
    assert "another child ended and was restarted 3 times more" == lines(sums)[0]
    sums.take_back(kind(MOST_KINDS), MOST_KINDS + 1, restarted=True)
    assert "another child ended and was restarted twice more" == lines(sums)[0]


def test_a_child_that_was_not_counted_has_no_sum() -> None:
    sums = counted(MOST_SUMS)
    assert not sums.knows(kind(MOST_SUMS))
    sums.add_restart(kind(MOST_SUMS))
    sums.take_back(kind(MOST_SUMS), MOST_SUMS, restarted=True)
    assert [f"w{number} crashed once more" for number in range(MOST_SUMS)] == lines(sums)
