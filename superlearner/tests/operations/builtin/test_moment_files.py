"""Restarts and answers of the game as files."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from otp import GenServer, Supervisor

Inside = Callable[..., Any]
AT = "/api/v1/restarts"


def moment_in(content: str) -> dict[str, Any]:
    (data,) = re.findall(r'<script type="application/json" id="moment">(.*?)</script>', content, re.DOTALL)
    return json.loads(data)


@pytest.mark.everywhere
@pytest.mark.operation("restart.export")
def test_a_restart_is_a_file_with_its_moment(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        GenServer.cast(("counter_1", platform.node), "crash")
        await Supervisor.count_children(("demo_one_for_one", platform.node))
        await platform.call("counter_1", "get_value")
        (line,) = (await platform.get(AT))["data"]
        found = (await platform.get(f"{AT}/{line['event']}/file"))["data"]
        assert re.fullmatch(r"counter_1-restarted-\d{4}-\d\d-\d\d-\d{6}\.html", found["filename"])
        assert (found["media_type"], found["size"]) == ("text/html", len(found["content"].encode()))
        assert found["size"] <= 250_000
        moment = moment_in(found["content"])["moment"]
        shown = (await platform.get(f"{AT}/{line['event']}"))["data"]
        assert [one["kind"] for one in moment["events"]] == [one["kind"] for one in shown["events"]]
        assert moment["line"]["source"] == shown["line"]["source"]
        assert f"<code>{platform.node.name}</code>" in found["content"]

    inside(test)


@pytest.mark.operation("restart.export")
def test_an_unknown_restart_is_no_file(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        answer = await platform.client.get(f"{AT}/999999999/file")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "restart_not_found")

    inside(test)


@pytest.mark.operation("game.export")
def test_an_answer_of_the_game_is_a_file_with_the_prediction(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        answer = (await platform.get("/api/v1/game/levels/3/answer?seed=7&picked="))["data"]
        first = answer["restarted"][0]
        found = (await platform.get(f"/api/v1/game/levels/3/file?seed=7&picked={first}"))["data"]
        saved = moment_in(found["content"])
        assert saved["notes"][0].startswith(f"Predicted: {first}. Restarted: {first}")
        assert saved["moment"]["events"][0]["reason"] == "killed"
        refused = await platform.client.get("/api/v1/game/levels/3/file?seed=7&picked=nobody")
        assert refused.json()["error"]["code"] == "validation_error"

    inside(test)
