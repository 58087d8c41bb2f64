"""Supervisors that never give up because of restarts, and those whose restarts count for as long as they run."""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp import Children, Supervisor, impl, observer, sentences
from superlearner.control.clock import Clock
from superlearner.control.drawing import as_text
from superlearner.control.tree import TreeReader


class Shop(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children([], **arg)


@pytest.mark.parametrize(
    ("flags", "words", "budget"),
    [
        ({"max_restarts": "infinity"}, "unlimited restarts", None),
        ({"max_restarts": 1_000_000}, "1,000,000 restarts allowed in 5 s", (1_000_000, 5.0)),
        ({"max_restarts": 3, "max_seconds": "infinity"}, "3 of 3 restarts left", (3, 1e9)),
    ],
)
def test_a_budget_without_a_limit_is_called_so_and_one_without_a_window_has_a_number(
    flags: dict[str, Any], words: str, budget: tuple[int, float] | None
) -> None:
    async def main() -> None:
        pid = await Shop.start_link(flags)
        node: Any = otp.trace.node_of(pid)
        text = as_text(observer.supervision_tree(node))
        assert f"one_for_one ({words})" in text
        found = TreeReader(Clock()).root(pid).budget
        assert (None if found is None else (found.max, found.window_s)) == budget

    otp.run(main)


def test_a_change_to_unlimited_restarts_says_so() -> None:
    flags = {"strategy": "one_for_one", "max_restarts": "infinity", "max_seconds": 60}
    assert sentences.flags_changed("shop", flags, "one_for_one") == "shop now allows unlimited restarts"
    forever = flags | {"max_restarts": 3, "max_seconds": "infinity"}
    assert sentences.flags_changed("shop", forever, "one_for_one") == "shop now allows 3 restarts"
