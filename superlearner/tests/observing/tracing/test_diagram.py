"""Sequence diagrams: calls and replies, marks, folded lanes, hostile names."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from superlearner.observing.tracing import (
    Captured,
    Mark,
    Person,
    as_mermaid,
    as_svg,
    chatter_of,
    diagram_of,
    latencies_of,
    patterns_of,
    unanswered_of,
)

PEOPLE = {
    "0.3.0": Person("0.3.0", "till", "Till", "shop", True),
    "0.4.0": Person("0.4.0", "stock", "Stock", "shop", True),
    "0.9.0": Person("0.9.0", None, "visitor", None, False),
}


def message(seq: int, way: str, sender: str | None, receiver: str, text: str = "'x'", **more: object) -> Captured:
    return Captured(seq, 100 + seq / 1000, way, sender, receiver, text.strip("'"), text, text, **more)  # type: ignore[arg-type]


MESSAGES = [
    message(1, "call", "0.9.0", "0.3.0", "'buy'", answer=4),
    message(2, "call", "0.3.0", "0.4.0", "'take'", answer=3, cause=1),
    message(3, "reply", "0.4.0", "0.3.0", "'ok'", answers=2, cause=2),
    message(4, "reply", "0.3.0", "0.9.0", "'ok'", answers=1, cause=1),
    message(5, "cast", None, "0.3.0", "'close'"),
    message(7, "call", "0.9.0", "0.3.0", "'buy'"),
]
MARKS = [Mark(6, 100.006, "crashed", "0.3.0", "ValueError('no')", 5)]


def test_steps_are_in_order_and_calls_refer_to_their_replies() -> None:
    found = diagram_of(MESSAGES, MARKS, PEOPLE)
    assert [lane.label for lane in found.lanes] == ["visitor 0.9.0", "till", "stock", "timers, outside"]
    assert [(step.kind, step.lane, step.to, step.partner) for step in found.steps] == [
        ("call", 0, 1, 4), ("call", 1, 2, 3), ("reply", 2, 1, 2), ("reply", 1, 0, 1), ("cast", 3, 1, None),
        ("crashed", 1, None, None), ("call", 0, 1, None),
    ]  # fmt: skip
    assert [step.unanswered for step in found.steps] == [False] * 6 + [True]


def test_children_of_a_supervisor_share_a_lane_and_their_messages_are_counted() -> None:
    found = diagram_of(MESSAGES, MARKS, PEOPLE, fold=True, limit=3)
    assert [(lane.label, lane.pids) for lane in found.lanes] == [
        ("visitor 0.9.0", ("0.9.0",)), ("below shop", ("0.3.0", "0.4.0")), ("timers, outside", ()),
    ]  # fmt: skip
    assert (len(found.steps), found.more, found.hidden) == (3, 2, 2)


def test_more_processes_than_lanes_share_the_last_one() -> None:
    many = [message(n, "cast", None, f"0.{n + 10}.0") for n in range(1, 60)]
    found = diagram_of(many, [], {})
    assert (len(found.lanes), found.lanes[-1].label, found.others) == (21, "others", 40)


def test_messages_and_names_cannot_break_a_diagram() -> None:
    bad = '</text><script>alert(1)</script>\n;end"\u202e#59;\x00\ud800 %%{init}%%'
    people = {"0.3.0": Person("0.3.0", bad, bad, bad, True)}
    found = diagram_of(
        [message(1, "call", "0.3.0", "0.3.0", bad)], [Mark(2, 1.0, "crashed", "0.3.0", bad, None)], people, note=bad
    )
    svg = as_svg(found)
    assert "<script" not in svg
    assert {one.tag.rpartition("}")[2] for one in ET.fromstring(svg).iter()} <= {
        "svg", "style", "rect", "line", "path", "text", "title",
    }  # fmt: skip
    mermaid = as_mermaid(found)
    assert len(mermaid.splitlines()) == 5
    assert not any(sign in line.partition(": ")[2] for line in mermaid.splitlines()[2:] for sign in '<>"%{}')


def test_figures_of_a_trace() -> None:
    found = patterns_of(MESSAGES)
    assert (found.calls, found.answered, found.unanswered, found.casts, found.replies) == (3, 2, 1, 1, 2)
    assert (found.latency.count, found.latency.p50_ms, found.latency.max_ms) == (2, 1.0, 3.0)
    assert (found.call_frequency, found.average_interval_ms) == (500.0, 1.2)
    assert [one.seq for one in unanswered_of(MESSAGES)] == [7]
    assert [(row.receiver, row.tag, row.calls, row.unanswered) for row in latencies_of(MESSAGES)] == [
        ("0.3.0", "buy", 2, 1), ("0.4.0", "take", 1, 0),
    ]  # fmt: skip
    first = chatter_of(MESSAGES)[0]
    assert (first.sender, first.receiver, first.calls, first.latency.count) == ("0.9.0", "0.3.0", 2, 1)
    assert patterns_of([]).average_interval_ms is None
