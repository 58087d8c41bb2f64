"""Moves of children between members as rows: at most a hundred a minute are drawn, and only members may send them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

import otp
from otp import Agent, DynamicSupervisor
from otp.testing import Scheduler, advance
from superlearner.live.moments import Moments
from superlearner.live.moves import MOST_A_MINUTE, Moves
from superlearner.nodes.kinds import MEMBER, MOVE, SERVICE, NodeKind
from superlearner.operations.builtin.restart_loops import INCIDENT
from superlearner.store import MomentRow


def emit(node: otp.Node, number: int, to_member: str = "m1@127.0.0.1", **more: Any) -> None:
    """Report a move as a distributed supervisor does."""
    data = {
        "supervisor": "counters", "id": f"c{number}", "child": otp.self(), "from_member": "m2@127.0.0.1",
        "to_member": to_member, "reason": "timeout", "down": 0.5, **more,
    }  # fmt: skip
    cast(Any, node).tracer.emit("placement_changed", otp.self(), data)


def watched(node: otp.Node) -> Any:
    return cast(Any, SimpleNamespace(node=node, name=node.name, owner=None))


def test_of_many_moves_a_hundred_a_minute_are_drawn_and_the_others_counted() -> None:
    async def main() -> None:
        node, rows = otp.node(), list[MomentRow]()
        moves = Moves(watched(node), rows.append)
        for number in range(MOST_A_MINUTE + 40):
            emit(node, number)
        assert MOST_A_MINUTE == len(rows) == sum(row.data is not None for row in rows)
        assert "c0 moved from m2 to m1: m2 was lost (silent for too long); down for 0.5 s" == rows[0].line
        await advance(1)
        assert "40 more children moved from m2 to m1: m2 was lost (silent for too long)" == rows[-1].line
        assert (40, "", MOVE) == (rows[-1].count, rows[-1].events, rows[-1].kind)
        await advance(60)
        emit(node, 0)
        assert rows[-1].data is not None
        moves.close()

    Scheduler().run(main)


def test_a_move_has_the_loss_after_which_its_child_no_longer_ran() -> None:
    """Regression: after a cut, its new member reported the cut as the reason, and the time since then as downtime."""

    async def main() -> None:
        node, rows, ends = otp.node(), list[MomentRow](), dict[str, float]()
        moves = Moves(watched(node), rows.append, ended=ends.get)
        await advance(10)
        ends["m2@127.0.0.1"] = otp.monotonic() - 1  # before that, it ran for 7 s on the other side of a cut
        emit(node, 1, down=8.0)
        emit(node, 2, down=0.9)
        assert "c1 moved from m2 to m1: m2 was lost (connection closed); down for 1 s" == rows[0].line
        assert "c2 moved from m2 to m1: m2 was lost (silent for too long); down for 0.9 s" == rows[1].line
        assert 1.0 == pytest.approx(rows[0].until - rows[0].at)
        assert b'"took":1.0' in (rows[0].data or b"")
        moves.close()

    Scheduler().run(main)


def test_moves_before_the_node_was_followed_are_recorded_if_asked_for() -> None:
    async def main() -> None:
        node = otp.node()
        emit(node, 7)
        for earlier, count in ((False, 0), (True, 1)):
            rows = list[MomentRow]()
            Moves(watched(node), rows.append, earlier=earlier).close()
            assert count == len(rows)

    Scheduler().run(main)


def test_a_move_is_an_entry_of_the_feed_that_can_be_played(inside: Any) -> None:
    async def test(platform: Any) -> None:
        shop = platform.node.whereis("shop")
        child = await DynamicSupervisor.start_child(platform.node.whereis("orders"), Agent.child_spec(dict))
        data = {
            "supervisor": "orders", "id": "c3", "child": child, "from_member": "m2@127.0.0.1",
            "to_member": "m1@127.0.0.1", "reason": "timeout", "down": 0.5,
        }  # fmt: skip
        number = platform.node.tracer.emit("placement_changed", platform.node.whereis("orders"), data)
        platform.hub.flush()
        entry = platform.hub.feed.entries()[-1]
        assert "c3 moved from m2 to m1: m2 was lost (silent for too long); down for 0.5 s" == entry.text
        assert ("moved", "warn", number) == (entry.kind, entry.level, entry.event)
        assert entry.key in platform.hub.model.rows
        shown = (await platform.client.get(f"/api/v1/restarts/{number}")).json()["data"]
        assert (entry.text, entry.ref) == (shown["summary"], shown["ref"])
        assert otp.is_alive(shop)

    inside(test)


def test_incidents_that_begin_at_the_same_time_are_each_kept_once() -> None:
    """Regression: of two deadlocks that one scan found on a service, the second was dropped."""

    async def main() -> list[MomentRow]:
        moments = Moments(cast(Any, None))
        service = cast(Any, SimpleNamespace(name="b@127.0.0.1", owner=None, kind=SERVICE))
        lines = [
            "a deadlock: till waited for cart", "a deadlock: stock waited for price",
            "the mailbox of till grew from 1 to 1,500 messages in 9 s",
            "the mailbox of till grew from 1 to 1,900 messages in 12 s",  # as it was at its end
        ]  # fmt: skip
        for number, line in enumerate(lines):
            run = f"9f3a0c1b22d{number}"
            moments.take(service, MomentRow("", run, INCIDENT, INCIDENT, 100.0, 101.0, line, 1, f"{INCIDENT}"))
        return (await moments.page(["b@127.0.0.1"], [], None, None, None, 0, 5))[0]

    assert ["mailbox", "stock", "till"] == [row.line.split()[1 if "mailbox" in row.line else 2]
                                            for row in Scheduler().run(main)]  # fmt: skip


@pytest.mark.parametrize(("kind", "kept"), [(MEMBER, "move"), (SERVICE, "service")], ids=["member", "service"])
def test_only_a_member_sends_moves_of_the_cluster(kind: NodeKind, kept: str) -> None:
    async def main() -> list[MomentRow]:
        moments = Moments(cast(Any, None))
        row = MomentRow("", "9f3a0c1b22d4", 7, 7, 100.0, 101.0, "c1 moved from a to b", 1, "7", kind=MOVE)
        moments.take(cast(Any, SimpleNamespace(name="b@127.0.0.1", owner=None, kind=kind)), row)
        return (await moments.page(["b@127.0.0.1"], [], None, None, None, 0, 5))[0]

    (row,) = Scheduler().run(main)
    assert kept == row.kind
