"""The log over HTTP: by level, process, supervisor, words and time, in pages."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import otp

Inside = Callable[..., Any]


@pytest.mark.operation("log.list")
def test_the_log_is_read_by_level_process_supervisor_and_words(
    inside: Inside, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(platform: Any) -> None:
        async def ask(query: str = "") -> list[Any]:
            return (await platform.get(f"/api/v1/log?{query}"))["data"]

        caplog.set_level(logging.INFO)
        begun = platform.platform.log.written
        for name in ("counter_1", "counter_2"):
            before = platform.node.whereis(name)
            message = {"message": "crash", "message_type": "cast"}
            await platform.client.post(f"/api/v1/processes/{name}/message", json=message)
            await otp.wait_down(before)
            await platform.node.wait_registered(name)
        (crash,) = await ask(f"level=error&process=counter_1&after={begun}")
        assert (crash["report"], crash["name"], crash["supervisor"]) == ("crash", "counter_1", "demo_one_for_one")
        assert crash["fields"]["otp_callback"] == "handle_cast"
        assert "RuntimeError" in crash["traceback"]
        of_supervisor = await ask(f"supervisor=demo_one_for_one&after={begun}")
        assert [line["report"] for line in of_supervisor] == ["supervisor", "crash"] * 2
        assert [line["level"] for line in of_supervisor] == ["info", "error"] * 2
        (restart,) = await ask(f"search=RESTARTED%20counter_2&after={begun}")
        assert restart["fields"]["otp_decision"] == "restarted"
        number = restart["number"]
        assert await ask(f"after={number - 1}&before={number + 1}") == [restart]
        assert await ask(f"level=error&until={crash['at']}&after={begun}") == [crash]
        assert await ask(f"logger=otp.supervisor&level=warning&after={begun}") == []
        assert await ask(f"since={of_supervisor[0]['at'] + 1}") == []
        page = await platform.get(f"/api/v1/log?supervisor=demo_one_for_one&after={begun}&per_page=3&page=2")
        assert (page["meta"]["total"], len(page["data"])) == (4, 1)

    inside(test)


@pytest.mark.operation("log.list")
def test_the_log_of_one_node_is_read(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        async def read(node: str) -> list[str]:
            return [line["text"] for line in (await platform.get(f"/api/v1/log?search=apples&node={node}"))["data"]]

        logging.getLogger("shop").warning("no apples")
        line = platform.platform.log.lines()[-1][1]
        for node in ("shop@127.0.0.1", "kiosk@127.0.0.1"):  # services that have ended
            platform.platform.log.take(node, replace(line, text=f"no apples at {node}"))
        assert await read("shop@127.0.0.1") == ["no apples at shop@127.0.0.1"]
        assert await read(platform.node.name) == ["no apples"]
        answer = await platform.client.get("/api/v1/log?node=stop@127.0.0.1")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "node_not_found")

    inside(test)


@pytest.mark.everywhere
@pytest.mark.operation("log.list")
def test_the_log_of_an_attached_service_is_not_said_to_be_empty(inside: Inside, place: str) -> None:
    async def test(platform: Any) -> None:
        answer = await platform.client.get(f"/api/v1/log?node={platform.node.name}")
        assert answer.status_code == (409 if place == "remote" else 200)
        if place == "remote":
            error = answer.json()["error"]
            assert error["message"] == f"the log of {platform.node.name} stays in its program, which writes it"
            assert "superlearner error list --node" in error["details"][0]["hint"]

    inside(test)


def test_a_warning_is_an_event_with_the_process_that_wrote_it(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        def complain() -> None:
            logging.getLogger("shop").warning("no apples; password=hunter2")

        pid = platform.node.spawn(complain)
        await otp.wait_down(pid)
        answer = await platform.client.get(
            "/api/v1/events?types=logged&last=1&limit=1", headers={"accept": "application/json"}
        )
        (event,) = answer.json()["data"]["items"]
        assert event["text"] == "WARNING shop: no apples; password=***"
        assert event["pid"] == str(pid).strip("<>")

    inside(test)
