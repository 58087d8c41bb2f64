"""Anomalies of a node that does not answer: those of the last run of its program, by severity."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from superlearner.control.clock import timestamp
from superlearner.nodes.attaching import ServiceChange
from superlearner.nodes.nodes import Absence
from superlearner.operations.builtin.restart_loops import ANOMALY
from superlearner.operations.results.system import AnomalyLine
from superlearner.store import MomentRow

Inside = Callable[..., Any]
GONE = "shop@127.0.0.1"


def change(at: float, text: str, os_pid: int, reason: str | None = None) -> ServiceChange:
    return ServiceChange(GONE, at, f"{GONE} {text}", reason, os_pid)


def anomaly(at: float, name: str, severity: str) -> MomentRow:
    line = AnomalyLine.model_validate(
        {
            "number": 1, "type": "long_callback", "severity": severity, "active": False, "pid": "0.3.0", "name": name,
            "description": f"{name} was slow", "past": f"{name} was slow", "since": timestamp(at), "last": None,
            "until": timestamp(at + 5), "over": timestamp(at + 5), "lost": False, "lasted_s": 5.0, "count": 1,
            "evidence": {}, "threshold": 5.0, "setting": "anomaly_callback", "unit": "s", "hint": "wait",
            "past_hint": "",
        }
    )  # fmt: skip
    data = zlib.compress(json.dumps(line.model_dump()).encode())
    return MomentRow(GONE, "9f3a0c1b22d0", ANOMALY, ANOMALY, at, at + 5, line.past, data=data)


@pytest.mark.operation("system.anomalies")
def test_a_node_that_is_gone_has_the_anomalies_of_its_last_run_by_severity(inside: Inside) -> None:
    """Regression: they were unsorted, and those of earlier runs, which need `ended`, were among them."""

    async def test(platform: Any) -> None:
        moments = platform.platform.moments
        for one in (
            change(100, "is attached", 7), anomaly(110, "old", "critical"), change(200, "is gone", 7, "it ended"),
            anomaly(205, "low_one", "low"), change(210, "is attached again", 8), anomaly(230, "high_one", "high"),
            anomaly(240, "medium_one", "medium"), change(300, "is gone", 8, "it ended"),
        ):  # fmt: skip
            (moments._add if isinstance(one, MomentRow) else moments.add_service_change)(one)
        platform.platform.nodes.explainers = [lambda name: Absence(f"{GONE} is gone", "wait", is_awaited=True)]
        names: list[list[str]] = []
        for ended in (False, True):
            answer = await platform.get("/api/v1/system/anomalies", params={"node": GONE, "ended": str(ended).lower()})
            names.append([one["name"] for one in answer["data"]["anomalies"]])
            assert ended or answer["data"]["past"].endswith(f"--ended --node {GONE}` lists past anomalies")
        assert names == [["high_one", "medium_one", "low_one"], ["old", "high_one", "medium_one", "low_one"]]

    inside(test)
