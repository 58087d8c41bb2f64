"""Incidents and anomalies in place of a restart: they have no replay, but evidence."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import takewhile
from typing import Any, Final, cast

from otp import sentences
from superlearner.base.commands import command
from superlearner.control.terms import clip
from superlearner.nodes.nodes import full_names
from superlearner.operations.builtin.restart_loops import OUTAGE
from superlearner.operations.failures import OperationError
from superlearner.operations.results.restarts import Moment, MomentFacts
from superlearner.operations.results.system import AnomalyLine
from superlearner.restarts.drawing import MomentNode
from superlearner.restarts.ids import Ref
from superlearner.sandbox.record import node_of_sandbox
from superlearner.store import MomentRow

__all__ = ["describe_incident", "find_anomaly", "possible_names", "read_anomaly", "refuse_incident"]

NEAR_S: Final = 5.0
"""Seconds by which the times of an incident and of its anomaly may differ."""
LONGEST: Final = 500
PLACE: Final = re.compile(r"\bat ([^\s:,]+:\d+)")


def describe_incident(row: MomentRow, line: str, anomaly: AnomalyLine | None) -> Moment:
    """Return an incident without a tree and without events; `line` describes it with its times."""
    facts = MomentFacts(what=line, why=_describe_kind(row, anomaly))
    facts.where = ", ".join(dict.fromkeys(PLACE.findall(row.line))) or None
    if anomaly is not None:
        facts.values = clip("; ".join(_describe_values(anomaly.evidence)), LONGEST)
        facts.limit = f"{anomaly.threshold:g}, the setting {anomaly.setting}"
        facts.hint = (not anomaly.active and anomaly.past_hint) or anomaly.hint
    top = MomentNode(
        id=row.node, name=row.node, kind="supervisor", pid=None, strategy=None, limit=None, used=0, restart=None,
        state=None, children=[], more=0,
    )  # fmt: skip
    return Moment(
        id=row.number, ref=str(Ref(row.run, row.number)), node=row.node, at=row.at, took=max(0.0, row.until - row.at),
        complete=True, going_on=False, summary=row.line, facts=facts, line=None, root=top, events=[], ghosts={},
        storm=0, incident=True, anomaly=anomaly,
    )  # fmt: skip


def _describe_kind(row: MomentRow, anomaly: AnomalyLine | None) -> str:
    if anomaly is not None:
        return f"an anomaly, not a restart: {anomaly.type} ({anomaly.severity})"
    if row.line.startswith(OUTAGE):
        return "the platform was away, so nothing was observed"
    if row.line.endswith(sentences.not_restarted(None)):
        return "no supervisor restarts it, so only this line is kept"
    return "not a restart; the evidence of its anomaly is not kept"


def _describe_values(evidence: Mapping[str, Any]) -> Iterator[str]:
    """Yield the values of the evidence; lists of objects, such as samples, are counted."""
    for name, value in evidence.items():
        words = name.replace("_", " ")
        if isinstance(value, dict):
            counts = cast("dict[str, Any]", value)
            value = [f"{key}: {one}" for key, one in counts.items()]
        if isinstance(value, list):
            many = cast("list[Any]", value)
            if any(isinstance(one, dict | list) for one in many):
                yield f"{words}: {len(many)}"
                continue
            value = ", ".join(map(str, many))
        if value not in (None, ""):
            yield f"{words} {value}"


def find_anomaly(row: MomentRow, anomalies: Iterable[AnomalyLine]) -> AnomalyLine | None:
    """Return the anomaly of an incident: one at the same time whose sentence begins in the same way."""

    def alike(one: AnomalyLine) -> int:
        pairs = zip(row.line, one.past or one.description, strict=False)
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

    def belongs(one: AnomalyLine) -> bool:
        since, until = (_seconds(at) for at in (one.since, one.until))
        around = since - NEAR_S <= row.at <= (float("inf") if one.active or not one.until else until) + NEAR_S
        return around and _begin(row.line) == _begin(one.past or one.description)

    return max(filter(belongs, anomalies), key=alike, default=None)


def _begin(line: str) -> list[str]:
    return re.split("[ ,]+", line, maxsplit=2)[:2]


def _seconds(at: str | None) -> float:
    return 0.0 if at is None else datetime.fromisoformat(at).timestamp()


def read_anomaly(row: MomentRow) -> AnomalyLine | None:
    """Return a stored anomaly; None if only its line is left, or this version cannot read it.

    Its hint names no process that may be gone.
    """
    try:
        found = None if row.data is None else AnomalyLine.model_validate_json(zlib.decompress(row.data))
    except (ValueError, zlib.error):
        return None
    if found is not None:
        found.hint = found.past_hint or found.hint
    return found


def refuse_incident(moment: Moment) -> None:
    """Raise `OperationError` for an incident, which has no replay."""
    if moment.incident:
        told = f"{moment.summary}; it was not a restart, so it has no replay"
        shows = command("restart.show", moment.ref, node=None)  # its id is unique on all nodes
        raise OperationError("restart_not_kept", told, hint=f"`{shows}` shows its evidence")


def possible_names(node: str) -> list[str]:
    """Return the names under which restarts of a node that is gone may be stored, as `node` may be its short name.

    >>> possible_names("counter")
    ['counter', 'counter@127.0.0.1', 'counter@simulated', 'sandbox-counter@127.0.0.1']
    """
    return [node] if "@" in node else [*full_names(node), node_of_sandbox(node)]
