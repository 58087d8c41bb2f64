"""The last events of an attached service, just before its end, are stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from attached_service import NODE, OWNER, attach, wait_for_nodes
from observed_service import service
from superlearner.store import MomentRow

pytestmark = [pytest.mark.program, pytest.mark.usefixtures("own_sockets")]

Run = Callable[..., Any]
REQUEST = "a request over HTTP (process.kill)"


async def cast(platform: Any, message: Any) -> None:
    """Send the till of the service a cast."""
    path, sent = "/api/v1/processes/till/message", {"message": message, "message_type": "cast"}
    answer = await platform.client.post(path, params={"node": NODE}, json=sent, headers=OWNER)
    assert 200 == answer.status_code, answer.text


async def rows_until_gone(platform: Any) -> list[MomentRow]:
    """Wait for the end of the service, and return what is stored about it, without its attachment."""
    stored = platform.platform.moments._rows
    await wait_for_nodes(platform, lambda _names: any(" is gone: " in one.line for one in stored.values()))
    return [one for one in stored.values() if one.node == NODE][1:]


def test_a_service_that_ends_with_its_root_leaves_the_cause_and_the_request(inside: Run, tmp_path: Path) -> None:
    """Regression: all that was stored is that the service had ended otp.observe()."""

    async def test(platform: Any) -> None:
        async with service(tmp_path, linked=True, permissions=("read", "operate")) as shop:
            await attach(platform)
            killed = await platform.client.request(
                "DELETE", "/api/v1/processes/till", params={"node": NODE}, headers=OWNER
            )
            assert 200 == killed.status_code, killed.text
            rows = await rows_until_gone(platform)
            assert 2 == len(rows), [one.line for one in rows]
            fall, gone = rows
            why = "main was linked to shop and ended with it: shop gave up, because till was killed"
            assert f"{NODE} is gone: {why} (process {shop.os_pid})" == gone.line
            assert "shop gave up" == fall.line
            assert fall.at <= gone.at
            ref = f"{fall.run}.{fall.number}"
            shown = (await platform.get(f"/api/v1/restarts/{ref}", params={"node": NODE}))["data"]
            assert REQUEST in shown["summary"]
            error = (await platform.get("/api/v1/processes/till/errors/why", params={"node": NODE}))["data"]
            assert REQUEST in error["summary"]

    inside(test)


def test_a_crash_without_a_supervisor_is_stored_although_the_service_ends_at_once(inside: Run, tmp_path: Path) -> None:
    """Regression: such a crash was stored after three seconds only, and a restart after 0.3 s."""

    async def test(platform: Any) -> None:
        async with service(tmp_path, permissions=("read", "operate")) as shop:
            await attach(platform)
            await cast(platform, "hire")
            await cast(platform, ["bad"])
            shop.process.stdin.close()  # it leaves otp.observe
            lines = [one.line for one in await rows_until_gone(platform)]
            assert any("ValueError('no job')" in one for one in lines), lines
            assert any("till crashed and was restarted" in one for one in lines), lines

    inside(test)
