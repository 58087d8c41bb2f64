"""A recording of a killed platform is available at the next start."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any


def test_a_recording_survives_the_platform(start: Callable[..., Any]) -> None:
    program = start()
    with program.client() as client:
        at = "/api/v1/recordings"
        assert client.post(at, json={"name": "storm"}).status_code == 200
        for _ in range(3):
            client.request("DELETE", "/api/v1/processes/counter_1", json={})
        written = client.get(f"{at}/storm").json()["data"]  # reading writes everything to disk
        assert (written["recording"], "no end" in written["problem"]) == (True, True)
    program.end(signal.SIGKILL)

    with start().client() as client:
        (row,) = client.get(at).json()["data"]
        assert (row["name"], row["recording"], row["events"]) == ("storm", False, None)
        found = client.get(f"{at}/storm").json()["data"]
        assert found["read_events"] >= written["read_events"] > 10
        assert (found["complete"], "no end" in found["problem"]) == (False, True)
        restarts = client.get(f"{at}/storm/events", params={"kind": "child_restarted"}).json()["data"]
        assert {one["data"]["id"] for one in restarts} == {"counter_1"}
        assert client.get(at).json()["data"][0]["events"] == found["read_events"]
        assert client.delete(f"{at}/storm").status_code == 200
