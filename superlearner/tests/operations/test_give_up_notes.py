"""Answers about a node without supervisors say which one gave up."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import otp
from otp import Children, GenServer, Ok, Supervisor, impl
from superlearner.nodes.kinds import SERVICE

Inside = Callable[..., Any]
KIOSK = "kiosk@127.0.0.1"


class KioskTill(GenServer):
    @impl
    def init(self, arg):
        return Ok(arg)

    @impl
    def handle_cast(self, request, state):
        return state[request]


class KioskTree(Supervisor):
    @impl
    def init(self, arg):
        return Children([KioskTill.child_spec({}, id="till", name="till")], max_restarts=0)


@pytest.mark.operation("supervisor.list", "supervisor.children", "process.info", "tree.show")
def test_a_node_whose_tree_gave_up_says_so_in_place_of_its_processes(inside: Inside) -> None:
    """Regression: the supervisor was only not found, and the list of supervisors was empty without an explanation."""

    async def test(platform: Any) -> None:
        async with otp.Node(KIOSK) as node:
            platform.platform.nodes.attach(node, kind=SERVICE)

            async def get(path: str) -> Any:
                return (await platform.client.get(f"/api/v1/{path}", params={"node": KIOSK})).json()

            assert "note" not in (await get("supervisors"))["meta"]
            kiosk = await node.start(KioskTree, None, name="kiosk")
            GenServer.cast(("till", node), "tea")
            await otp.wait_down(kiosk)
            place = f"at {Path(__file__).name}:"
            give_up = f"kiosk gave up: it allows no restarts (last: till crashed: KeyError('tea'), {place}"
            for path in ("supervisors", "system/process-tree"):
                note = (await get(path))["meta"]["note"]
                assert re.match(rf"no supervisors are running; at [\d:]+, {re.escape(give_up)}", note)
            for path in ("supervisors/kiosk/children", "processes/kiosk/info", "processes/till/info"):
                error = (await get(path))["error"]
                assert note.removeprefix("no supervisors are running; ") in error["message"]
                assert error["details"][0]["hint"].endswith(f"/errors/why?node={KIOSK} explains it")
            error = (await get("processes/other/info"))["error"]
            assert "gave up" not in error["message"]

    inside(test)
