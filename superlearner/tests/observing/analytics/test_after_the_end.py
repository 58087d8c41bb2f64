"""History of a program killed with SIGKILL, queried from the next run."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

API = "/api/v1"


def storm(client: Any, reasons: list[str], owner: dict[str, str]) -> None:
    """Kill the counting service itself, once per reason."""
    for reason in reasons:
        answer = client.request(
            "DELETE", f"{API}/processes/analytics", json={"reason": reason, "force": True}, headers=owner
        )
        assert answer.json()["data"]["terminated"] is True


def restarts(client: Any, **options: Any) -> Any:
    asked = {"supervisor": "services", "event_type": "restarted", "limit": 1000, **options}
    return client.get(f"{API}/analytics/history", params=asked).json()["data"]


def test_the_history_of_a_crash_storm_is_there_after_a_sigkill_without_a_gap(start: Callable[..., Any]) -> None:
    certain = [f"certain {n}" for n in range(30)]
    perhaps = [f"perhaps {n}" for n in range(30)]
    first = start()
    with first.client() as client:
        storm(client, certain, first.owner)
        found = restarts(client)
        assert [one["reason"] for one in found["events"]] == certain[::-1]
        storm(client, perhaps, first.owner)
        first.end(signal.SIGKILL)
    second = start()
    with second.client() as client:
        later = restarts(client, run=found["run"])
        assert later["run"] != found["run"]
        reasons = [one["reason"] for one in later["events"]][::-1]
        assert reasons == [*certain, *perhaps][: len(reasons)]
        assert len(reasons) >= len(certain)
        assert restarts(client, run=later["run"])["events"] == []
    second.end()
