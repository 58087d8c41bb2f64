"""The names of children that have ended, as reports about them say them."""

from __future__ import annotations

from types import SimpleNamespace as Event

from superlearner.control.exits import EndTimes


def test_a_child_that_ended_without_a_name_does_not_have_that_of_an_earlier_one() -> None:
    times = EndTimes()
    restarted = Event(kind="child_restarted", pid="top", cause=1, data={"id": "b", "group": ("a",)})
    for seq, name, names in ((2, "till", {"a": "till"}), (4, None, {}), (6, "cart", {"a": "cart"})):
        times.note(Event(kind="exited", seq=seq, at=seq, data={"name": name}))
        times.note(Event(kind="child_terminated", pid="top", cause=seq, data={"id": "a"}))
        assert times.names_with(restarted) == names
