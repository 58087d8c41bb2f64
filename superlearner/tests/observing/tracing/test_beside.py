"""Tracing the platform during a recording leaves it responsive."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

SERVICES = ("tracer", "store", "analytics", "monitoring", "settings", "live", "web", "services", "superlearner")


def test_the_platform_traces_itself_beside_a_recording(inside: Callable[..., Any], tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        api = "/api/v1"

        async def post(path: str, body: Any = None) -> Any:
            answer = await platform.client.post(f"{api}{path}", json=body or {})
            assert answer.status_code == 200, answer.text
            return answer.json()["data"]

        async def ask() -> Any:
            return await post("/processes/counter_1/message", {"message": "get_value", "message_type": "call"})

        for name in (*SERVICES, "counter_1"):
            await post(f"/processes/{name}/trace")
        await ask()
        await post("/recordings", {"name": "beside"})
        await ask()
        await platform.client.delete(f"{api}/processes/tracer")
        await platform.client.delete(f"{api}/processes/counter_2")
        await platform.node.wait_registered("tracer")
        await post("/recordings/beside/stop")
        await ask()
        shown = (await platform.get(f"{api}/recordings/beside"))["data"]
        assert (shown["complete"], shown["problem"]) == (True, None)
        found = (await platform.get(f"{api}/processes/counter_1/messages"))["data"]
        assert (found["patterns"]["answered"], found["trace"]["tracing"]) == (3, True)
        for trace in (await platform.get(f"{api}/traces"))["data"]:
            if trace["tracing"]:
                await post(f"/traces/{trace['trace_id']}/stop")
        assert not platform.node.watched

    inside(test, data_dir=tmp_path)
