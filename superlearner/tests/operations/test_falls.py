"""Answers about a node without its tree say that it gave up."""

from __future__ import annotations

import re
from collections.abc import Callable
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
    """Regression: there was no supervisor of that name, and the list of supervisors was empty without a word."""

    async def test(platform: Any) -> None:
        async with otp.Node(KIOSK) as node:
            platform.platform.nodes.attach(node, kind=SERVICE)

            async def get(path: str) -> Any:
                return (await platform.client.get(f"/api/v1/{path}", params={"node": KIOSK})).json()

            assert "note" not in (await get("supervisors"))["meta"]
            kiosk = await node.start(KioskTree, None, name="kiosk")
            GenServer.cast(("till", node), "tea")
            await otp.wait_down(kiosk)
            fall = "kiosk gave up: it allows no restarts (last: till crashed: KeyError('tea'), at test_falls.py:"
            for path in ("supervisors", "system/process-tree"):
                note = (await get(path))["meta"]["note"]
                assert re.match(rf"no supervisor runs; at [\d:]+ {re.escape(fall)}", note)
            for path in ("supervisors/kiosk/children", "processes/kiosk/info", "processes/till/info"):
                error = (await get(path))["error"]
                assert note.removeprefix("no supervisor runs; ") in error["message"]
                assert error["details"][0]["hint"].endswith(f"/errors/why?node={KIOSK} explains it")
            error = (await get("processes/other/info"))["error"]
            assert "gave up" not in error["message"]

    inside(test)
