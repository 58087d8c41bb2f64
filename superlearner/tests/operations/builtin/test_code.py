"""New code reaches running servers completely or not at all."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from otp import GenServer
from superlearner.app.running import Tree

Inside = Callable[..., Any]
AT = "/api/v1/code/modules"
OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}
FIRST = """
from otp import GenServer, Ok, Reply, Supervisor, Children, impl

class Counter(GenServer):
    vsn = 1
    @impl
    def init(self, arg):
        return Ok(arg)
    @impl
    def handle_call(self, request, caller, state):
        return Reply(("first", state), state)

class Top(Supervisor):
    @impl
    def init(self, arg):
        return Children([Counter.child_spec(n, id=n, name=f"counted_{n}") for n in range(2)])
"""
SECOND = FIRST.replace("vsn = 1", "vsn = 2").replace('"first"', '"second"')
REFUSES = SECOND.replace(
    "class Top", "    def code_change(self, old_vsn, state, extra):\n        raise ValueError('not today')\n\nclass Top"
)


@pytest.fixture
def counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, Tree]]:
    """Return a user module and its tree."""
    monkeypatch.syspath_prepend(str(tmp_path))
    path = tmp_path / "counted.py"
    path.write_text(FIRST, encoding="utf-8")
    importlib.invalidate_caches()
    module: Any = importlib.import_module("counted")
    yield path, Tree("counted", lambda: module.Top.start_link(None, name="counted"))
    sys.modules.pop("counted", None)


def failure(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def ask(platform: Any, method: str, path: str, body: Any = None) -> Any:
    answer = await platform.client.request(method, f"{AT}{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


@pytest.mark.operation("code.modules", "code.module", "code.reload", "code.compatibility")
def test_servers_keep_their_state_with_new_code(inside: Inside, counted: tuple[Path, Tree]) -> None:
    path, tree = counted

    async def test(platform: Any) -> None:
        platform.client.headers.update(OWNER)
        pid = platform.node.whereis("counted_1")

        async def call_server() -> Any:
            return await GenServer.call(pid, "who")

        listed = {one["module"]: one for one in await ask(platform, "GET", "?per_page=1000")}
        assert (listed["counted"]["servers"], listed["counted"]["platform"]) == (3, False)
        assert listed["superlearner.app.keeping"]["platform"] is True
        path.write_text(SECOND, encoding="utf-8")
        tried = await ask(platform, "POST", "/counted/compatibility")
        assert (tried["done"], tried["servers_count"]) == (False, 3)
        assert ("Counter", "1", "2") in [(one["what"], one["old_vsn"], one["new_vsn"]) for one in tried["servers"]]
        assert await call_server() == ("first", 1)

        done = await ask(platform, "POST", "/counted/reload")
        assert (done["done"], done["servers_count"]) == (True, 3)
        assert await call_server() == ("second", 1)
        shown = await ask(platform, "GET", "/counted")
        assert shown["file"] == str(path)
        assert [(one["vsn"], one["count"]) for one in shown["running"] if one["what"] == "Counter"] == [("2", 2)]
        assert failure(await platform.client.get(f"{AT}/nowhere")) == (404, "module_not_found")

    inside(test, tree, auth="all")


MESSAGES = """
class Add:
    pass
"""
HOLDER = """
from counted_messages import Add
from otp import GenServer, Ok, impl
class Keeper(GenServer):
    @impl
    def init(self, arg):
        return Ok(Add())
"""


@pytest.mark.operation("code.reload", "code.compatibility", "code.rollback")
def test_modules_with_old_classes_are_named_with_a_way_back(inside: Inside, counted: tuple[Path, Tree]) -> None:
    """Regression: names imported from the reloaded module no longer matched, silently."""
    path, tree = counted
    path.with_name("counted_messages.py").write_text(MESSAGES, encoding="utf-8")
    path.with_name("counted_holder.py").write_text(HOLDER, encoding="utf-8")
    importlib.invalidate_caches()
    holder: Any = importlib.import_module("counted_holder")

    async def test(platform: Any) -> None:
        platform.client.headers.update(OWNER)
        keeper = await platform.node.start(holder.Keeper, None, name="keeper")
        answer = await platform.client.post(f"{AT}/counted_messages/rollback")
        assert failure(answer) == (409, "upgrade_refused")
        assert "there is no version to go back to" in answer.json()["error"]["message"]
        for what, has in (("compatibility", "would have"), ("reload", "has")):
            report = await ask(platform, "POST", f"/counted_messages/{what}")
            assert report["old_references"] == [{"module": "counted_holder", "name": "Add", "what": "Add"}]
            assert report["old_objects"] == [{"pid": str(keeper).strip("<>"), "where": "state", "what": "Add"}]
            assert f"counted_holder {has} the old Add of counted_messages" in report["warnings"][0]
            assert "keeper" in report["warnings"][1]
        assert "superlearner code rollback counted_messages" in report["warnings"][0]
        back = await ask(platform, "POST", "/counted_messages/rollback")
        assert (back["done"], back["old_references"], back["warnings"]) == (True, [], [])
        assert sys.modules["counted_messages"].Add is holder.Add

        path.write_text(SECOND, encoding="utf-8")
        await ask(platform, "POST", "/counted/reload")
        back = await ask(platform, "POST", "/counted/rollback")
        assert ("Counter", "2", "1") in [(one["what"], one["old_vsn"], one["new_vsn"]) for one in back["servers"]]
        assert await GenServer.call(("counted_1", platform.node), "who") == ("first", 1)

    try:
        inside(test, tree, auth="all")
    finally:
        for name in ("counted_messages", "counted_holder"):
            sys.modules.pop(name, None)


@pytest.mark.parametrize("text", [REFUSES, "def broken(:\n", "class Other: pass\n"])
@pytest.mark.operation("code.reload", "code.compatibility")
def test_a_refusal_names_its_reason_and_changes_nothing(inside: Inside, counted: tuple[Path, Tree], text: str) -> None:
    path, tree = counted

    async def test(platform: Any) -> None:
        platform.client.headers.update(OWNER)
        path.write_text(text, encoding="utf-8")
        for what in ("compatibility", "reload"):
            answer = await platform.client.post(f"{AT}/counted/{what}")
            assert failure(answer) == (409, "upgrade_refused")
            assert answer.json()["error"]["message"].startswith("nothing has changed")
        assert await GenServer.call(("counted_1", platform.node), "who") == ("first", 1)
        assert (await ask(platform, "GET", "/counted"))["versions"] == 2  # Counter's 1, and the hash of Top

    inside(test, tree, auth="all")


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ("while True: pass", "a separate process, which did not answer for 0.5 s"),
        ("import os; os._exit(3)", "a separate process, which ended the interpreter with os._exit(3)"),
    ],
    ids=["loops", "leaves"],
)
@pytest.mark.operation("code.reload", "code.compatibility")
def test_a_file_that_never_ends_is_run_in_a_separate_program_only(
    inside: Inside, counted: tuple[Path, Tree], monkeypatch: pytest.MonkeyPatch, added: str, said: str
) -> None:
    """Regression: it blocked the loop of the platform for ever, or ended the platform."""
    path, tree = counted
    monkeypatch.setattr("superlearner.operations.builtin.code_trial.IMPORT_S", 0.5)

    async def test(platform: Any) -> None:
        platform.client.headers.update(OWNER)
        path.write_text(f"{SECOND}\n{added}\n", encoding="utf-8")
        for what in ("compatibility", "reload"):
            answer = await platform.client.post(f"{AT}/counted/{what}")
            assert failure(answer) == (409, "upgrade_refused")
            assert said in answer.json()["error"]["message"]
        assert await GenServer.call(("counted_1", platform.node), "who") == ("first", 1)
        assert "trial@" not in str((await platform.client.get("/api/v1/processes?per_page=1000")).json())

    inside(test, tree, auth="all")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("while True: pass", "cannot run the new source: EndlessLoop: the loop in line "),
        (
            "import asyncio; return asyncio.Event().wait()",
            "still runs the old code, and did not switch to the new one in time",
        ),
        ("import otp; otp.send(otp.self(), 1); return Ok(0)", "all went back to the old source: counted_0 "),
    ],
    ids=["loops", "waits", "crashes"],
)
@pytest.mark.operation("code.reload")
def test_any_failed_code_change_ends_with_the_old_code(
    inside: Inside, counted: tuple[Path, Tree], monkeypatch: pytest.MonkeyPatch, change: str, said: str
) -> None:
    path, tree = counted
    monkeypatch.setattr("superlearner.operations.builtin.code_trial.HELD_S", 0.2)
    monkeypatch.setattr("superlearner.operations.builtin.code.CHANGE_S", 0.2)
    bad = (
        f"    def code_change(self, old_vsn, state, extra):\n        {change}\n    def handle_info(self, message, n):\n"
    )

    async def test(platform: Any) -> None:
        platform.client.headers.update(OWNER)
        path.write_text(SECOND.replace("class Top", f"{bad}        raise ValueError\n\nclass Top"), encoding="utf-8")
        answer = await platform.client.post(f"{AT}/counted/reload")
        assert failure(answer) == (409, "upgrade_refused")
        assert said in answer.json()["error"]["message"]
        assert await GenServer.call(await platform.node.wait_registered("counted_1"), "who") == ("first", 1)

    inside(test, tree, auth="all")


@pytest.mark.operation("code.reload")
def test_protected_modules_are_not_reloaded(inside: Inside, counted: tuple[Path, Tree]) -> None:
    async def test(platform: Any) -> None:
        assert failure(await platform.client.post(f"{AT}/counted/reload")) == (401, "unauthorized")
        platform.client.headers.update(OWNER)
        for name in ("otp", "superlearner.app.keeping"):
            answer = await platform.client.post(f"{AT}/{name}/reload")
            assert failure(answer) == (403, "critical_process_protection")
        assert failure(await platform.client.post(f"{AT}/nowhere/reload")) == (404, "module_not_found")
        dry = await ask(platform, "POST", "/counted/reload?dry_run=true")
        assert dry["dry_run"] is True

    inside(test, counted[1], auth="all")
