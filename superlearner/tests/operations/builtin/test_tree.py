"""Trees and relations are up to date, and no name breaks a diagram."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest

import otp
from asked_sandboxes import OWNER
from otp import Children, ChildSpec, DynamicSupervisor, GenServer, Ok, Reply, Supervisor, impl
from superlearner.app.running import Tree

Inside = Callable[..., Any]
NASTY = 'a"]<b>\n\u202ex-->end'


class Asks(GenServer[Any]):
    """Server that calls another one before it replies."""

    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)

    @impl
    async def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        otp.send("watcher", "asked")
        return Reply(await GenServer.call(request, {"password": "hunter2"} if request == "left" else "left"), state)


class Busy(GenServer[asyncio.Event]):
    @impl
    def init(self, arg: asyncio.Event) -> Ok[asyncio.Event]:
        return Ok(arg)

    @impl
    async def handle_info(self, message: Any, state: asyncio.Event) -> Any:
        state.set()
        await asyncio.Event().wait()


class Pair(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children([Asks.child_spec(1, id="left", name="left"), Asks.child_spec(2, id="right", name="right")])


class Top(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children(
            [
                Pair.child_spec(None, id="pair", name="pair"),
                Asks.child_spec(3, id=NASTY),
                ChildSpec("gone", (ignored,)),
            ],
            strategy="rest_for_one",
        )


def ignored() -> Any:
    return otp.Ignore()


TREE = Tree("top", lambda: Top.start_link(None, name="top"))


async def get(platform: Any, path: str) -> Any:
    answer = await platform.client.get(f"/api/v1{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


@pytest.mark.operation("tree.show")
def test_the_tree_shows_every_supervisor_and_the_state_of_children(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await platform.client.request("DELETE", "/api/v1/processes/left", json={"reason": "boom"})
        await Supervisor.count_children(("pair", platform.node))
        found = await get(platform, "/system/process-tree?root=top")
        (top,) = found["roots"]
        assert (found["size"], found["partial"], top["strategy"]) == (6, False, "rest_for_one")
        pair, nasty, gone = top["children"]
        assert [(one["id"], one["restarts"], one["last_exit"]) for one in pair["children"]] == [
            ("left", 1, "'boom'"), ("right", 0, None),
        ]  # fmt: skip
        assert pair["restarts_used"] == 1
        assert (nasty["status"], gone["status"], gone["pid"]) == ("running", "stopped", None)

    inside(test, TREE)


@pytest.mark.operation("tree.show")
def test_the_trees_are_those_of_the_user_and_the_platforms_on_request(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        async def names(whose: str) -> tuple[dict[str, list[str]], int]:
            found = await get(platform, f"/system/process-tree?whose={whose}")
            below = {one["name"]: [child["name"] for child in one["children"]] for one in found["roots"]}
            assert found["size"] == sum(map(size, found["roots"]))
            listed = await platform.get(f"/api/v1/processes?whose={whose}")
            drawing = (await get(platform, f"/system/process-tree?whose={whose}&format=text"))["drawing"]
            assert (drawing["processes"], drawing["left_out"]) == (listed["meta"]["total"], whose == "yours")
            return below, found["size"]

        def size(one: Any) -> int:
            return 1 + sum(map(size, one.get("children") or []))

        yours, of_user = await names("yours")
        own, of_platform = await names("platform")
        every, of_all = await names("all")
        assert await get(platform, "/system/process-tree") == await get(platform, "/system/process-tree?whose=yours")
        assert yours == {"playground": ["top"]}
        assert list(own) == list(every) == ["superlearner"]
        assert {"services", "web", "playground"} < set(own["superlearner"])
        assert of_all == of_user + of_platform - 1  # the playground is in both
        text = (await get(platform, "/system/process-tree?whose=platform&format=text"))["drawing"]["text"]
        assert "playground" in text
        assert "pair" not in text
        few = await get(platform, "/system/process-tree?limit=2")
        assert (few["size"], few["partial"], few["why"]) == (2, True, ["limit"])
        assert (await get(platform, "/system/process-tree?root=services"))["roots"][0]["name"] == "services"

    inside(test, TREE)


@pytest.mark.operation("tree.show")
def test_omitted_rows_are_counted(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        shallow = await get(platform, "/system/process-tree?root=top&depth=1")
        assert (shallow["partial"], shallow["why"]) == (True, ["depth"])
        assert shallow["roots"][0]["children"][0]["more"] == 2
        few = await get(platform, "/system/process-tree?root=top&limit=3&format=text")
        assert "more" in few["drawing"]["text"]
        assert "(something is left off: limit)" in few["drawing"]["text"]
        for wrong in ("root=left", "root=nobody"):
            answer = await platform.client.get(f"/api/v1/system/process-tree?{wrong}")
            assert answer.status_code == 404
        assert (await platform.client.get("/api/v1/system/process-tree?format=gif")).status_code == 422

    inside(test, TREE)


@pytest.mark.everywhere
@pytest.mark.operation("tree.show")
def test_the_tree_is_drawn_with_any_names(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        async def drawn(form: str) -> str:
            return (await get(platform, f"/system/process-tree?root=top&format={form}"))["drawing"]["text"]

        text = (await drawn("text")).splitlines()
        assert text[0].startswith("top 0.")
        assert text[0].endswith(" rest_for_one (3 of 3 restarts left in 5 s)")
        assert [line[:11] for line in text[1:4]] == ["├── pair 0.", "│   ├── lef", "│   └── rig"]
        assert len(text) == 6
        dot = await drawn("dot")
        assert dot.splitlines()[3:7] == [
            '  n1 [label="top (rest_for_one)", shape=box];',
            '  n2 [label="pair (one_for_one)", shape=box];',
            "  n1 -> n2;",
            '  n3 [label="left", shape=ellipse];',
        ]
        assert dot.count("\n") == len([1, 2, 3]) + 6 + 5 + 1
        mermaid = await drawn("mermaid")
        assert mermaid.startswith('flowchart LR\n  n1["top (rest_for_one)"]\n  n2["pair (one_for_one)"]\n  n1 --> n2\n')
        assert "n1 -.-> n6" in mermaid
        for drawing in (dot, mermaid, "\n".join(text)):
            assert "\u202e" not in drawing
        assert "<b>" not in mermaid
        assert "-->end" not in mermaid

    inside(test, TREE)


@pytest.mark.operation("tree.show")
def test_a_child_without_name_and_id_is_drawn_by_its_pid(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        pid = await DynamicSupervisor.start_child(("pool", platform.node), Asks.child_spec(1))
        shown = (await get(platform, "/system/process-tree?root=pool&format=text"))["drawing"]["text"].splitlines()
        assert shown[1:] == [f"└── {str(pid).strip('<>')} Asks (permanent)"]
        otp.exit(pid, "kill")
        await DynamicSupervisor.count_children(("pool", platform.node))
        drawn = (await get(platform, "/system/process-tree?root=pool&format=text"))["drawing"]["text"]
        assert drawn.endswith(" Asks (permanent, 1 restart)\n")
        dot = (await get(platform, "/system/process-tree?root=pool&format=dot"))["drawing"]["text"]
        assert "None" not in dot

    inside(test, Tree("pool", lambda: DynamicSupervisor.start_link(name="pool")))


@pytest.mark.operation("tree.show")
def test_the_text_marks_processes_that_hang_and_long_mailboxes(inside: Inside) -> None:
    """Regressions: a process that had hung for minutes looked like the others, and one in a deadlock, too."""

    async def test(platform: Any) -> None:
        hangs = asyncio.Event()
        pid = await DynamicSupervisor.start_child(("pool", platform.node), Busy.child_spec(hangs, name="busy"))

        async def line() -> str:
            text = (await get(platform, "/system/process-tree?root=pool&format=text"))["drawing"]["text"]
            return text.splitlines()[1].partition(" Busy ")[2]

        otp.send(pid, "hang")
        await hangs.wait()
        assert await line() == "(permanent)"
        for _ in range(100):
            otp.send(pid, "more")
        assert await line() == "(permanent, 100 messages wait)"
        await platform.client.put("/api/v1/settings/anomaly_callback", json={"value": 1e-9}, headers=OWNER)
        hang = r"not answering since \d\d:\d\d:\d\d: handle_info at test_tree\.py:\d+"
        assert re.fullmatch(rf"\(permanent, {hang}, 100 messages wait\)", await line())
        otp.exit(pid, "kill")

    inside(test, Tree("pool", lambda: DynamicSupervisor.start_link(name="pool")))


@pytest.mark.operation("tree.ancestors", "tree.descendants")
def test_ancestors_and_descendants_are_listed(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        above = await get(platform, "/processes/left/ancestors")
        assert [one["name"] for one in above["ancestors"][:4]] == ["pair", "top", "playground", "superlearner"]
        below = await get(platform, "/processes/top/descendants")
        assert [(one["name"], one["distance"]) for one in below] == [
            ("pair", 1), (None, 1), ("left", 2), ("right", 2),
        ]  # fmt: skip
        page = await platform.get("/api/v1/processes/top/descendants?per_page=3&page=2")
        assert ([one["name"] for one in page["data"]], page["meta"]["total"]) == (["right"], 4)
        await platform.client.post("/api/v1/supervisors/pair/children/right/terminate")
        assert len(await get(platform, "/processes/top/descendants")) == 3

    inside(test, TREE)


@pytest.mark.operation("tree.relationships")
def test_relations_follow_links_and_monitors(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        async def waits() -> None:
            otp.link(platform.node.whereis("left"))
            otp.monitor(platform.node.whereis("right"))
            otp.register("watcher", otp.self())
            ready.set()
            await otp.receive(otp.Is("end"))

        ready = asyncio.Event()
        pid = platform.node.spawn(waits)
        await ready.wait()

        async def tied(kind: str) -> set[tuple[Any, Any]]:
            found = await get(platform, f"/system/relationships?kind={kind}&per_page=1000")
            return {(one["source"]["name"], one["target"]["name"]) for one in found}

        assert ("left", "watcher") in await tied("link")
        assert ("watcher", "right") in await tied("monitor")
        assert ("pair", "left") in await tied("supervises")
        named = {name for kind in ("supervises", "link", "monitor") for pair in await tied(kind) for name in pair}
        assert not {"superlearner", "services", "playground", "web"} & named
        every = await get(platform, "/system/relationships?whose=all&per_page=1000")
        assert ("superlearner", "services") in {(one["source"]["name"], one["target"]["name"]) for one in every}
        otp.send(pid, "end")
        await otp.wait_down(pid)
        assert ("left", "watcher") not in await tied("link")

    inside(test, TREE)


@pytest.mark.operation("tree.isolated")
def test_processes_without_links_and_monitors_are_found(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        async def lonely() -> None:
            otp.register("lonely", otp.self())
            ready.set()
            await otp.receive(otp.Is("end"))

        ready = asyncio.Event()
        assert "lonely" not in [one["name"] for one in await get(platform, "/system/processes/isolated")]
        pid = platform.node.spawn(lonely)
        await ready.wait()
        found = [one["name"] for one in await get(platform, "/system/processes/isolated?per_page=1000")]
        assert "lonely" in found
        assert not {"left", "top", "web"} & set(found)
        otp.exit(pid, "kill")

    inside(test, TREE)


@pytest.mark.operation("tree.cycles")
def test_two_processes_that_call_each_other_are_a_deadlock(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        assert (await get(platform, "/system/cycles"))["deadlocks"] == 0

        async def ask(first: str, request: Any) -> None:
            await GenServer.call(first, request, timeout=30)

        async def watch() -> None:
            otp.register("watcher", otp.self())
            ready.set()
            for _ in range(2):
                await otp.receive(otp.Is("asked"))
            both.set()

        ready, both = asyncio.Event(), asyncio.Event()
        platform.node.spawn(watch)
        await ready.wait()
        asking = [platform.node.spawn(ask, "left", "right"), platform.node.spawn(ask, "right", "left")]
        await both.wait()
        found = await get(platform, "/system/cycles")
        assert found["deadlocks"] == 1
        (around,) = found["circles"]
        assert [(one["source"]["name"], one["target"]["name"]) for one in around] == [
            ("left", "right"), ("right", "left"),
        ]  # fmt: skip
        assert around[1]["request"] == "{'password': ***}"
        assert found["waits_count"] == 4
        for pid in asking:
            otp.exit(pid, "kill")
        await platform.client.post("/api/v1/supervisors/pair/restart", json={"mode": "hard"})
        assert (await get(platform, "/system/cycles"))["deadlocks"] == 0

    inside(test, TREE)
