"""Answers about a node without supervisors say which one gave up."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import otp
from otp import Children, GenServer, Ok, Supervisor, impl
from superlearner.nodes.attaching import ServiceChange
from superlearner.nodes.kinds import SERVICE
from superlearner.operations.builtin.supervisors import list_all
from superlearner.operations.declaration import Answer, declared
from superlearner.operations.engine.give_up_notes import add_give_up, describe_empty
from superlearner.operations.failures import OperationError

Inside = Callable[..., Any]
KIOSK = "kiosk@127.0.0.1"
CUPS = ["cup"]
TEXT = {"format": "text"}


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

            async def get(path: str, **more: str) -> Any:
                return (await platform.client.get(f"/api/v1/{path}", params={"node": KIOSK, **more})).json()

            assert "note" not in (await get("supervisors"))["meta"]
            kiosk = await node.start(KioskTree, None, name="kiosk")
            hub = platform.platform.hubs.of(platform.platform.nodes.find(KIOSK))
            GenServer.cast(("till", node), "tea")
            await otp.wait_down(kiosk)
            # regression: "kiosk ended: shutdown; it has no supervisor that restarts it" came after its give-up
            assert [(one.kind, one.parts["who"]) for one in hub.feed.entries()][-1] == ("gave_up", "kiosk")
            assert not hub.model.rows
            place = f"at {Path(__file__).name}:"
            give_up = f"kiosk gave up: it allows no restarts (last: till crashed: KeyError('tea'), {place}"
            for path, more in (("supervisors", {}), ("system/process-tree", {}), ("system/process-tree", TEXT)):
                note = (await get(path, **more))["meta"]["note"]
                assert re.match(rf"no supervisors are running; at [\d:]+, {re.escape(give_up)}", note)
            for path in ("supervisors/kiosk/children", "processes/kiosk/info", "processes/till/info"):
                error = (await get(path))["error"]
                assert note.removeprefix("no supervisors are running; ") in error["message"]
                assert error["details"][0]["hint"].endswith(f"/errors/why?node={KIOSK} explains it")
            error = (await get("processes/other/info"))["error"]
            assert "gave up" not in error["message"]

    inside(test)


class KioskCup(GenServer):
    """A server that takes the only cup."""

    @impl
    def init(self, arg):
        return Ok(CUPS.pop())

    @impl
    def handle_cast(self, request, state):
        raise ValueError(request)


class KioskCounter(Supervisor):
    """Restarts all children, but the last one cannot start again."""

    @impl
    def init(self, arg):
        tray = KioskTill.child_spec({}, id="tray", name="tray")
        cup = KioskCup.child_spec(None, id="cup", name="cup")
        return Children([tray, cup], strategy="one_for_all", max_restarts=2)


class KioskHall(Supervisor):
    """Restarts the tree below it."""

    @impl
    def init(self, arg):
        return Children([KioskTree.child_spec(None, id="kiosk", name="kiosk")])


async def clear_home(platform: Any) -> None:
    """Stop the trees of the platform's own node."""
    for child in await Supervisor.which_children(("playground", platform.node)):
        await Supervisor.terminate_child(("playground", platform.node), child.id)


async def let_give_up(node: otp.Node, tree: Any, child: str) -> None:
    """Start a tree named `kiosk`, and crash a child until the tree gives up."""
    top = await node.start(tree, None, name="kiosk")
    GenServer.cast((child, node), "tea")
    await otp.wait_down(top)


async def let_recover(node: otp.Node) -> otp.Pid:
    """Let a supervisor give up that its own supervisor restarts; return that one."""
    hall = await node.start(KioskHall, None, name="hall")
    [kiosk] = await Supervisor.which_children(hall)
    GenServer.cast(("till", node), "tea")
    await otp.wait_down(kiosk.pid)
    [again] = await Supervisor.which_children(hall)
    assert again.pid != kiosk.pid
    return hall


@pytest.mark.operation("supervisor.list", "process.info")
def test_the_give_up_of_another_node_explains_nothing(inside: Inside) -> None:
    """Regression: a request without a node told the give-up of a service, or missed that of its own node."""

    async def test(platform: Any) -> None:
        await clear_home(platform)
        async with otp.Node(KIOSK) as node:
            platform.platform.nodes.attach(node, kind=SERVICE)
            await let_give_up(node, KioskTree, "till")
            assert "note" not in (await platform.get("/api/v1/supervisors"))["meta"]
            assert "gave up" not in (await platform.get("/api/v1/processes/till/info"))["error"]["message"]
            await let_give_up(platform.node, KioskTree, "till")
            await let_recover(node)
            assert "kiosk gave up" in (await platform.get("/api/v1/supervisors"))["meta"]["note"]

    inside(test)


@pytest.mark.operation("supervisor.list", "tree.show", "process.info", "restart.list")
def test_a_give_up_is_told_only_if_it_left_the_node_without_supervisors(inside: Inside) -> None:
    """Regression: it was told for a page behind the last one, for `whose=platform`, and if the tree ran again."""

    async def test(platform: Any) -> None:
        async with otp.Node(KIOSK) as node:
            platform.platform.nodes.attach(node, kind=SERVICE)

            async def get(path: str, **asked: Any) -> Any:
                return (await platform.client.get(f"/api/v1/{path}", params={"node": KIOSK, **asked})).json()

            async def note(path: str, **asked: Any) -> str | None:
                return (await get(path, **asked)).get("meta", {}).get("note")

            hall = await let_recover(node)
            [line] = (await get("restarts"))["data"]
            assert (line["gave_up"], line["restarted"], line["fallen"]) == (True, True, ["kiosk"])
            assert await note("supervisors", page=2) is None
            await Supervisor.stop(hall)
            assert [await note(one) for one in ("supervisors", "system/process-tree")] == [None, None]
            assert "gave up" not in (await get("processes/till/info"))["error"]["message"]

            await let_give_up(node, KioskCounter, "cup")
            line = (await get("restarts"))["data"][0]
            assert (line["gave_up"], line["restarted"]) == (True, False)
            assert line["started"] > 0  # those that were stopped again, since the last one could not start
            assert "kiosk gave up" in (await note("supervisors") or "")
            asked = {"whose": "platform"}
            assert [await note(one, **asked) for one in ("supervisors", "system/process-tree")] == [None, None]

    inside(test)


@pytest.mark.operation("supervisor.list", "process.info", "restart.list")
def test_a_give_up_of_an_earlier_program_of_the_node_is_not_told(inside: Inside) -> None:
    """Regression: after the program had been started again and its tree had been stopped, the old give-up was told."""

    async def test(platform: Any) -> None:
        moments = platform.platform.moments
        async with otp.Node(KIOSK) as node:
            platform.platform.nodes.attach(node, kind=SERVICE)
            await let_give_up(node, KioskTree, "till")

            async def notes() -> list[bool]:
                asked = {"node": KIOSK}
                listed = (await platform.client.get("/api/v1/supervisors", params=asked)).json()
                missed = (await platform.client.get("/api/v1/processes/till/info", params=asked)).json()
                return ["kiosk gave up" in one for one in (str(listed["meta"]), missed["error"]["message"])]

            at = time.time() + 1
            back = f"{KIOSK} answers again after a gap of 27 s"
            moments.add_service_change(ServiceChange(KIOSK, at, back, None, 7, ran_on=True))
            assert [True, True] == await notes()
            moments.add_service_change(ServiceChange(KIOSK, at + 1, f"{KIOSK} is attached again", None, 8))
            assert [False, False] == await notes()

    inside(test)


def test_a_give_up_is_found_behind_any_number_of_problems_until_something_was_restarted() -> None:
    """Regression: it was looked for in the newest 20 lines."""
    fall = {"ref": "9f3a0c1b22d4.70", "at": 100.0, "gave_up": True, "fallen": ["kiosk"], "story": "kiosk gave up: …"}
    hangs = [{"ref": f"9f3a0c1b22d4.2:{at}", "at": at, "incident": True} for at in range(900, 100, -10)]
    missed = OperationError("process_not_found", "no process kiosk")

    async def describes(*lines: dict[str, Any]) -> tuple[bool, bool]:
        async def ask(_operation: str, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
            found = [
                one for one in lines if "process" not in asked or asked["process"] in one.get("fallen", ("kiosk",))
            ]
            if asked["only"] == "give_ups":
                found = [one for one in found if "gave_up" in one]
            return [one for one in found if one["at"] >= asked.get("since", 0.0)][: asked["per_page"]]

        listing = declared(list_all)
        assert listing is not None
        note = await describe_empty(listing, {"search": ""}, Answer([], {"total": 0}), ask)
        return note is not None, await add_give_up({"pid": "kiosk"}, missed, ask)

    async def main() -> None:
        assert await describes(*hangs, fall) == (True, True)
        assert await describes(*hangs, {**fall, "restarted": True}) == (False, False)
        assert await describes(*hangs) == (False, False)
        later = {"ref": "9f3a0c1b22d4.90", "at": 950.0, "fallen": ["oven"]}
        assert await describes(later, *hangs, fall) == (False, True)
        assert await describes({**later, "fallen": ["kiosk"]}, *hangs, fall) == (False, False)
        assert await describes({**later, "program": True}, *hangs, fall) == (False, False)
        assert await describes({**later, "program": True, "ran_on": True}, *hangs, fall) == (True, True)

    asyncio.run(main())


@pytest.mark.operation("process.info", "cluster.trees")
def test_give_ups_are_looked_for_only_in_answers_that_may_tell_them(inside: Inside) -> None:
    """Regression: each other node was asked for its restarts, too, and the hint with the right node was lost."""

    async def test(platform: Any) -> None:
        asked: list[str] = []
        async with otp.Node(KIOSK) as node, otp.Node("van@127.0.0.1") as van:
            platform.platform.nodes.attach(node, kind=SERVICE)
            platform.platform.nodes.attach(van, kind=SERVICE)
            await let_give_up(platform.node, KioskTree, "till")
            await let_recover(node)
            seen = platform.platform.telemetry.attach
            seen(lambda _event, _sizes, data: asked.append(data["operation"]), "operation.stop")
            error = (await platform.get("/api/v1/processes/till/info"))["error"]
            assert error["message"].endswith(f"; it is on {KIOSK}")
            assert error["details"][0]["hint"] == f"--node {KIOSK} selects its node"
            await platform.get("/api/v1/cluster/supervision-trees")
            assert "restart.list" not in asked
            await platform.get("/api/v1/processes/other/info")
            assert asked.count("restart.list") == 1

    inside(test)
