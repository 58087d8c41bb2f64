"""Problems of an attached service are found in its process, and shown by the platform."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from attached_service import killed
from live_frames import until
from observed_service import service
from superlearner.operations.rights.users import OWNER
from superlearner.web.live import source_of

pytestmark = [pytest.mark.program, pytest.mark.usefixtures("own_sockets")]

Run = Callable[..., Any]
HEADERS = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}
NODE = "shop@127.0.0.1"


async def post(platform: Any, path: str, **content: Any) -> Any:
    answer = await platform.client.post(f"/api/v1/{path}", params={"node": NODE}, json=content, headers=HEADERS)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def test_a_mailbox_that_stood_and_grows_again_is_a_problem(inside: Run, tmp_path: Path) -> None:
    """Regression: after a pause, detection took as long as the pause; a growing backlog was not reported."""

    async def test(platform: Any) -> None:
        async with service(tmp_path, permissions=("read", "operate")):
            await platform.client.post("/api/v1/nodes/attached", json={"address": NODE}, headers=HEADERS)
            await post(platform, "processes/till/suspend")
            for number in range(5):
                await post(platform, "processes/till/message", message=number, message_type="cast")
            source = await source_of(platform.platform, "system", platform.platform.nodes.find(NODE), {}, OWNER)
            viewer = source.attach()
            deepest = json.loads(await viewer.next())["columns"].index("mailbox_deepest")
            for _ in range(30):  # it stands for longer than it grows
                await until(viewer, lambda frame: frame["k"] == "d")
            for length in range(6, 18):
                await post(platform, "processes/till/message", message=length, message_type="cast")
                await until(
                    viewer, lambda frame, length=length: frame["k"] == "d" and frame["point"][deepest] == length
                )
            found = await platform.get("/api/v1/system/anomalies", params={"node": NODE, "ended": "true"})
            [growth] = [one for one in found["data"]["anomalies"] if one["type"] == "mailbox_growth"]
            assert ("till", "high") == (growth["name"], growth["severity"])
            # On a busy machine, it is sampled again, and so has not grown for a moment.
            assert re.match(r"the mailbox of till (has grown|grew) from 5 to 1\d messages", growth["description"])
            source.detach(viewer)

    inside(test, scan_interval=0.05, anomaly_mailbox=5, anomaly_mailbox_growth=0.1)  # a busy machine may be slow


def test_what_was_found_on_a_service_stays_listed_after_a_kill_and_a_restart(inside: Run, tmp_path: Path) -> None:
    """Regression: a killed service took its findings with their evidence along, and its past ones."""
    limits = {"scan_interval": 0.05, "anomaly_mailbox": 5, "anomaly_mailbox_growth": 0.1}
    asked = {"node": NODE, "ended": "true"}
    found: list[Any] = []

    async def before(platform: Any) -> None:
        async with service(tmp_path, permissions=("read", "operate")) as shop:
            await platform.client.post("/api/v1/nodes/attached", json={"address": NODE}, headers=HEADERS)
            await post(platform, "processes/till/suspend")
            source = await source_of(platform.platform, "system", platform.platform.nodes.find(NODE), {}, OWNER)
            viewer = source.attach()
            deepest = json.loads(await viewer.next())["columns"].index("mailbox_deepest")
            for length in range(1, 16):
                await post(platform, "processes/till/message", message=length, message_type="cast")
                await until(
                    viewer, lambda frame, length=length: frame["k"] == "d" and frame["point"][deepest] == length
                )
            source.detach(viewer)
            await platform.platform.anomaly_history.read()
            gone = asyncio.Event()
            platform.platform.nodes.listen(lambda nodes: nodes.find(NODE) or gone.set())
            shop.process.kill()
            await gone.wait()
            found.extend((await platform.get("/api/v1/system/anomalies", params={"node": NODE}))["data"]["anomalies"])
            [growth] = found
            told = f"; then {NODE} was no longer observed: {killed(shop.os_pid)}"
            assert growth["description"].startswith("the mailbox of till grew from 1 to 1")
            assert growth["description"].endswith(told)
            assert (growth["type"], growth["active"]) == ("mailbox_growth", False)
            assert growth["evidence"]["samples"]
            assert growth["until"] > growth["since"]

    async def after(platform: Any) -> None:
        shown = (await platform.get("/api/v1/system/anomalies", params=asked))["data"]
        assert (shown["anomalies"], shown["summary"], shown["processes_looked_at"]) == (found, None, None)
        assert shown["unreachable"].startswith(f"{NODE} has not been reachable since ")
        page = (await platform.client.get("/system", params={"node": NODE})).text
        assert page.count(found[0]["past"]) == 1
        since, until = (f"{datetime.fromisoformat(found[0][one]).astimezone():%H:%M:%S}" for one in ("since", "until"))
        past = page.partition("Its last restarts and anomalies")[2]
        assert re.search(f">{since}( to {until})?: {re.escape(found[0]['past'])}<", past)
        lines = (await platform.get("/api/v1/restarts", params={"node": NODE}))["data"]
        [line] = [one for one in lines if one["incident"] and not one["outage"]]
        assert line["line"] == found[0]["past"]
        answer = await platform.client.get(f"/api/v1/restarts/{line['ref']}", params={"node": NODE})
        kept = answer.json()["data"]
        assert (answer.status_code, kept["incident"], kept["events"]) == (200, True, [])
        assert kept["facts"]["what"].endswith(f": {found[0]['past']}")
        assert kept["facts"]["why"] == f"a problem, not a restart: mailbox growth, severity {found[0]['severity']}"
        assert kept["facts"]["values"].endswith("messages waited in the mailbox.")
        assert kept["facts"]["limit"] == "0.1 messages a second, the setting anomaly_mailbox_growth"
        assert (kept["facts"]["hint"], kept["anomaly"]) == (found[0]["hint"], found[0])
        answer = await platform.client.get(f"/api/v1/restarts/{line['ref']}/file", params={"node": NODE})
        assert answer.json()["error"]["message"] == f"{found[0]['past']}; it was not a restart, so it has no replay"

    inside(before, data_dir=tmp_path, **limits)
    inside(after, data_dir=tmp_path, **limits)
