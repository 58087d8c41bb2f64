"""Moves of children between members as rows: at most a hundred a minute are drawn, and only members may send them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

import otp
from otp.testing import Scheduler, advance
from superlearner.live.moments import Moments
from superlearner.live.moves import MOST_A_MINUTE, Moves
from superlearner.nodes.kinds import MEMBER, MOVE, SERVICE, NodeKind
from superlearner.store import MomentRow


def test_of_many_moves_a_hundred_a_minute_are_drawn_and_the_others_counted() -> None:
    async def main() -> None:
        node, rows = otp.node(), list[MomentRow]()
        moves = Moves(cast(Any, SimpleNamespace(node=node, name=node.name, owner=None)), rows.append)

        def move(number: int) -> None:
            data = {
                "supervisor": "counters", "id": f"c{number}", "child": otp.self(), "from_member": "m2@127.0.0.1",
                "to_member": node.name, "reason": "timeout", "down": 0.5,
            }  # fmt: skip
            cast(Any, node).tracer.emit("placement_changed", otp.self(), data)

        for number in range(MOST_A_MINUTE + 40):
            move(number)
        assert MOST_A_MINUTE == len(rows) == sum(row.data is not None for row in rows)
        assert f"c0 moved from m2 to {node.name}: m2 was lost (silent for too long); down for 0.5 s" == rows[0].line
        await advance(1)
        assert f"40 more children moved from m2 to {node.name}: m2 was lost (silent for too long)" == rows[-1].line
        assert (40, "", MOVE) == (rows[-1].count, rows[-1].events, rows[-1].kind)
        await advance(60)
        move(0)
        assert rows[-1].data is not None
        moves.close()

    Scheduler().run(main)


@pytest.mark.parametrize(("kind", "kept"), [(MEMBER, "move"), (SERVICE, "service")], ids=["member", "service"])
def test_only_a_member_sends_moves_of_the_cluster(kind: NodeKind, kept: str) -> None:
    async def main() -> list[MomentRow]:
        moments = Moments(cast(Any, None))
        row = MomentRow("", "9f3a0c1b22d4", 7, 7, 100.0, 101.0, "c1 moved from a to b", 1, "7", kind=MOVE)
        moments.take(cast(Any, SimpleNamespace(name="b@127.0.0.1", owner=None, kind=kind)), row)
        return (await moments.page(["b@127.0.0.1"], [], None, None, None, 0, 5))[0]

    (row,) = Scheduler().run(main)
    assert kept == row.kind
