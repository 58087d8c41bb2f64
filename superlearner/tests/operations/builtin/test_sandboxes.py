"""Sandboxes over the API: real programs with the isolation of this machine."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import otp
from asked_sandboxes import NODE, OWNER, SOURCE, ask, cast, create, state, until
from superlearner.operations.builtin import sandboxes

Inside = Callable[..., Any]


@pytest.mark.operation("sandbox.create", "sandbox.info", "sandbox.list", "sandbox.pid", "sandbox.output", "node.list")
def test_a_typed_supervisor_runs_in_a_separate_program_that_operations_reach(inside: Inside) -> None:
    async def look(platform: Any) -> None:
        made = await create(platform, custom_config={"start": 40}, max_restarts=7, strategy="one_for_all")
        assert {
            "id", "owner", "node", "os_pid", "supervisor_pid", "status", "created_at", "restart_count", "configuration",
            "walls",
        } == set(made)  # fmt: skip
        assert ("a", "owner", NODE, "running", 0) == (
            made["id"], made["owner"], made["node"], made["status"], made["restart_count"],
        )  # fmt: skip
        assert os.getpid() != made["os_pid"]
        os.kill(made["os_pid"], 0)  # the process exists
        known, [listed] = await ask(platform, "GET", "/sandboxes/a"), await ask(platform, "GET", "/sandboxes")
        assert all(10_000_000 < one.pop("memory_bytes") < 512_000_000 for one in (known, listed))
        assert (made, made) == (known, listed)
        where = await ask(platform, "GET", "/sandboxes/a/pid")
        assert (made["os_pid"], made["supervisor_pid"]) == (where["os_pid"], where["supervisor_pid"])
        assert [NODE] == [one["name"] for one in await ask(platform, "GET", "/nodes") if not one["own"]]
        (top,) = await ask(platform, "GET", f"/supervisors?node={NODE}")
        assert ("Main", "one_for_all", 7) == (top["name"], top["strategy"], top["max_restarts"])
        await cast(platform, "tick")
        assert "41" == await state(platform)
        assert "loaded\n" == (await ask(platform, "GET", "/sandboxes/a/output"))["text"]
        shown = (await ask(platform, "GET", "/system/anomalies"))["anomalies"]
        alone = [one["evidence"]["what"] for one in shown if one["type"] == "unsupervised_process"]
        assert alone == []  # what serves sandboxes is the platform's own, and so is what ran before the platform

    inside(look, anomaly_unsupervised_after=0.0)


def test_its_id_names_its_node(inside: Inside) -> None:
    async def look(platform: Any) -> None:
        await create(platform, custom_config={"start": 40})
        assert "40" == (await ask(platform, "GET", "/processes/counter/state?node=a"))["state"]
        await ask(platform, "DELETE", "/processes/Main?node=a&force=true")
        await until(platform, "ended")
        gone = await ask(platform, "GET", "/processes/counter/state?node=a", status=404)
        assert ("node_not_found", True) == (gone["code"], gone["message"].startswith("the sandbox a has ended: "))
        await ask(platform, "GET", "/processes/counter/state?node=b", status=404)

    inside(look)


@pytest.mark.operation("sandbox.info")
def test_children_and_statistics_of_a_sandbox_are_shown_on_request(inside: Inside) -> None:
    async def look(platform: Any) -> None:
        await create(platform, strategy="one_for_all")
        (child,) = (await ask(platform, "GET", "/sandboxes/a?include_children=true"))["children"]
        counter = (await ask(platform, "GET", "/processes/counter/info?node=a"))["pid"]
        assert ("counter", counter, True) == (child["id"], child["pid"], child["alive"])
        full = await ask(platform, "GET", "/sandboxes/a?include_stats=true")
        assert {"uptime_seconds", "memory_usage", "health_stats"} == set(full) & {
            "children", "uptime_seconds", "memory_usage", "health_stats",
        }  # fmt: skip
        assert 0 <= full["uptime_seconds"] < 60
        assert full["memory_bytes"] == full["memory_usage"]["total_memory_bytes"]
        healthy = {
            "total_children": 1,
            "alive_children": 1,
            "dead_children": 0,
            "supervisor_strategy": "one_for_all",
            "supervisor_alive": True,
            "app_alive": True,
        }
        assert healthy == full["health_stats"]
        await ask(platform, "POST", "/supervisors/Main/children/counter/terminate?node=a")
        less = await ask(platform, "GET", "/sandboxes/a?include_stats=true")
        assert {**healthy, "alive_children": 0, "dead_children": 1} == less["health_stats"]
        await ask(platform, "DELETE", "/processes/Main?node=a&force=true")
        await until(platform, "ended")
        ended = await ask(platform, "GET", "/sandboxes/a?include_stats=true&include_children=true")
        assert ([], None, None) == (
            ended["children"], ended["uptime_seconds"], ended["memory_usage"]["total_memory_bytes"],
        )  # fmt: skip
        assert (0, False, False) == tuple(
            ended["health_stats"][name] for name in ("total_children", "supervisor_alive", "app_alive")
        )

    inside(look)


@pytest.mark.operation("sandbox.list")
def test_the_list_is_filtered_by_status_before_it_is_paged(inside: Inside) -> None:
    async def listed(platform: Any, query: str) -> tuple[list[str], int]:
        answer = (await platform.client.get(f"/api/v1/sandboxes?{query}", headers=OWNER)).json()
        return [one["id"] for one in answer["data"]], answer["meta"]["total"]

    async def look(platform: Any) -> None:
        await create(platform)
        await create(platform, "b")
        await ask(platform, "DELETE", "/processes/Main?node=a&force=true")
        await until(platform, "ended")
        assert (["b"], 1) == await listed(platform, "status=running&per_page=1")
        assert (["a"], 1) == await listed(platform, "status=ended&per_page=1")
        assert (["a"], 1) == await listed(platform, "status=stopped")
        assert ([], 0) == await listed(platform, "status=starting")
        assert (["b", "a"], 2) == await listed(platform, "")
        wrong = await ask(platform, "GET", "/sandboxes?status=dead", status=422)
        assert ("validation_error", "status") == (wrong["code"], wrong["details"][0]["field"])

    inside(look)


@pytest.mark.operation("process.message")
def test_a_delivered_message_is_a_success_whatever_it_does_to_the_node(inside: Inside) -> None:
    """Regression: the node hung before its answer was sent, so the platform reported a time-out."""

    async def sent(platform: Any, message: str, kind: str = "cast") -> Any:
        body = {"message": message, "message_type": kind}
        return await ask(platform, "POST", "/processes/counter/message?node=a", body)

    async def look(platform: Any) -> None:
        await create(platform, limits={"held_s": 60})
        for number in range(1, 20):  # the next request sees what the one before did
            assert "warning" not in await sent(platform, "tick")
            assert number == (await sent(platform, "get", "call"))["reply"]
        hung = await sent(platform, "spin")
        assert (True, f"the message was delivered; then {NODE} has not answered for 1 s") == (
            hung["message_sent"], hung["warning"],
        )  # fmt: skip
        await ask(platform, "DELETE", "/sandboxes/a?force=true")
        await create(platform)
        gone = await sent(platform, "exit")
        assert gone["warning"].startswith(f"the message was delivered; then the node {NODE} is gone: ")

    inside(look)


@pytest.mark.operation("sandbox.hot_reload", "sandbox.versions", "sandbox.source")
def test_a_hot_reload_keeps_and_reports_the_state_and_is_undone_if_it_fails(inside: Inside) -> None:
    ten = SOURCE.replace("n + 1", "n + 10")
    refuses = ten.replace(
        "    def handle_call", "    def code_change(self, old, n, extra): raise KeyError('old')\n    def handle_call"
    )

    async def look(platform: Any) -> None:
        await create(platform)
        await cast(platform, "tick")
        report = await ask(platform, "POST", "/sandboxes/a/hot-reload", {"source": ten})
        assert ("hot_swapped", True) == (report["status"], report["changed"])
        shown = {one["name"]: (one["before"], one["after"]) for one in report["servers"]}
        assert {"counter": ("1", "1"), "Main": (None, None)} == shown
        await cast(platform, "tick")
        assert "11" == await state(platform)
        refused = await ask(platform, "POST", "/sandboxes/a/hot-reload", {"source": refuses}, status=409)
        assert "upgrade_refused" == refused["code"]
        assert "nothing has changed: counter cannot run the new source" in refused["message"]
        await cast(platform, "tick")
        assert "21" == await state(platform)
        back = await ask(platform, "POST", "/sandboxes/a/hot-reload", {"version": 1})
        assert (1, True) == (back["version"], back["changed"])
        same = await ask(platform, "POST", "/sandboxes/a/hot-reload", {"source": SOURCE})
        assert ("no_change", False) == (same["status"], same["changed"])
        await cast(platform, "tick")
        assert "22" == await state(platform)
        leaves = SOURCE + "import os; os._exit(7)\n"
        gone = await ask(platform, "POST", "/sandboxes/a/hot-reload", {"source": leaves}, status=409)
        assert gone["message"].endswith(": ended the interpreter with os._exit(7)")
        versions = await ask(platform, "GET", "/sandboxes/a/versions")
        assert [(2, False), (1, True)] == [(one["version"], one["current"]) for one in versions]
        assert ten == (await ask(platform, "GET", "/sandboxes/a/source?version=2"))["source"]

    inside(look)


@pytest.mark.operation("sandbox.hot_reload")
def test_a_reload_that_takes_too_long_names_the_busy_sandbox(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: the message on the page of a learner named an operation and an address of the API."""
    monkeypatch.setattr(sandboxes, "RELOAD_S", 0.0)

    async def look(platform: Any) -> None:
        await create(platform)
        given = {"source": SOURCE.replace("n + 1", "n + 2")}
        late = await ask(platform, "POST", "/sandboxes/a/hot-reload", given, status=409)
        said = "a is busy: it did not load the new code within 0 s, but may still do so"
        assert ("sandbox_busy", said) == (late["code"], late["message"])

    inside(look)


@pytest.mark.operation("sandbox.restart", "sandbox.destroy")
def test_a_restart_keeps_the_configuration_and_destroy_leaves_no_process(inside: Inside) -> None:
    async def look(platform: Any) -> None:
        made = await create(platform, custom_config={"start": 5})
        again = await ask(platform, "POST", "/sandboxes/a/restart")
        assert (1, made["configuration"]) == (again["restart_count"], again["configuration"])
        assert made["os_pid"] != again["os_pid"]
        assert "5" == await state(platform)
        other = await ask(
            platform, "POST", "/sandboxes/a/restart", {"source": SOURCE.replace("start = config", "start = 2 * config")}
        )
        assert 2 == other["restart_count"]
        assert "10" == await state(platform)
        ended = await ask(platform, "DELETE", "/sandboxes/a")
        assert ("a", True, "ended") == (ended["sandbox_id"], ended["destroyed"], ended["status"])
        assert "sandbox_not_found" == (await ask(platform, "GET", "/sandboxes/a", status=404))["code"]
        await create(platform, "my_first")
        misspelt = await ask(platform, "GET", "/sandboxes/my_frist", status=404)
        assert "there is no sandbox 'my_frist'; did you mean my_first?" == misspelt["message"]
        misspelt = await ask(platform, "GET", "/processes?node=sandbox-my_frist@127.0.0.1", status=404)
        assert (
            "there is no node 'sandbox-my_frist@127.0.0.1'; did you mean sandbox-my_first@127.0.0.1?"
            == (misspelt["message"])
        )
        for one in (made, again, other):
            with pytest.raises(ProcessLookupError):
                os.kill(one["os_pid"], 0)
        assert "node_not_found" == (await ask(platform, "GET", f"/supervisors?node={NODE}", status=404))["code"]

    inside(look)


@pytest.mark.operation("sandbox.create")
def test_syntax_errors_are_reported_with_their_place_and_nothing_is_started(inside: Inside) -> None:
    async def look(platform: Any) -> None:
        error = await ask(
            platform, "POST", "/sandboxes", {"sandbox_id": "a", "source": "x = 1\nclass Main(:"}, status=422
        )
        assert ("validation_error", "source") == (error["code"], error["details"][0]["field"])
        assert "line 2, column 12: invalid syntax" == error["details"][0]["problem"]
        late = await ask(
            platform, "POST", "/sandboxes", {"sandbox_id": "a", "source": "class Main: ...\nnope"}, status=409
        )
        assert ("start_failed", True) == (late["code"], "main.py:2: NameError" in late["message"])
        assert [] == await ask(platform, "GET", "/sandboxes")
        none = await ask(platform, "POST", "/sandboxes", {"sandbox_id": "a"}, status=422)
        assert "expected exactly one of source, supervisor_module, demo, template and file, got none" in none["message"]
        dry = await ask(platform, "POST", "/sandboxes?dry_run=true", {"sandbox_id": "a", "source": SOURCE})
        assert "start the sandbox a with the class Main of the source" == dry["would"]

    inside(look)


@pytest.mark.operation("sandbox.create")
def test_modules_demos_and_files_start_as_well(inside: Inside, tmp_path: Path) -> None:
    file = tmp_path / "shop.py"
    file.write_text(SOURCE.replace("Main", "Till"))

    async def look(platform: Any) -> None:
        module = await create(platform, "m", source=None, supervisor_module="superlearner.demo.shop:Shop")
        demo = await create(platform, "d", source=None, demo="demo_one_for_one")
        read = await create(platform, "f", source=None, file=str(file))
        assert ["module", "demo", "file"] == [one["configuration"]["origin"] for one in (module, demo, read)]
        assert "Till" == (await ask(platform, "GET", "/sandboxes/f/source"))["starts"]
        wrong = await ask(
            platform, "POST", "/sandboxes", {"sandbox_id": "x", "file": str(tmp_path / "none.py")}, status=422
        )
        assert "cannot be read" in wrong["message"]

    inside(look)


@pytest.mark.operation("sandbox.create")
def test_names_of_the_originals_demo_start_the_demo(inside: Inside) -> None:
    async def look(platform: Any) -> None:
        for name in ("TestDemoSupervisor", "DemoSupervisor"):
            body = {"sandbox_id": name, "supervisor_module": name}
            made = await platform.client.post("/api/v1/sandboxes", json=body)  # a demo takes no credential
            assert "demo" == made.json()["data"]["configuration"]["origin"]
            assert "100" == (await ask(platform, "GET", f"/processes/counter_2/state?node={name}"))["state"]
        module = "superlearner.demo:TestDemoSupervisor"
        third = await create(platform, "third", source=None, supervisor_module=module)
        assert ("module", "running") == (third["configuration"]["origin"], third["status"])

    inside(look)


@pytest.mark.operation("sandbox.create")
def test_a_wrong_supervisor_module_is_a_mistake_in_the_request(inside: Inside) -> None:
    async def refused(platform: Any, module: str, status: int = 422) -> Any:
        body = {"sandbox_id": "a", "supervisor_module": module}
        return await ask(platform, "POST", "/sandboxes", body, status=status)

    async def look(platform: Any) -> None:
        missing = await refused(platform, "no.such.module:Main")
        assert "validation_error" == missing["code"]
        assert missing["message"].startswith("supervisor_module: expected an installed module, got 'no.such.module'")
        assert "supervisor_module" == missing["details"][0]["field"]
        below = await refused(platform, "superlearner.demo.shops:Shop")
        assert "supervisor_module: expected an installed module, got 'superlearner.demo.shops'" in below["message"]
        name = await refused(platform, "superlearner.demo.shop:Shopp")
        assert name["message"].endswith("which does not exist; try superlearner.demo.shop:Shop")
        other = await refused(platform, "superlearner.demo:Counter")
        assert "supervisor_module: expected a Supervisor or an Application" in other["message"]
        broken = await refused(platform, "this:Main")  # it exists, and has no such class
        assert "validation_error" == broken["code"]
        malformed = await refused(platform, "ProductionSupervisor")
        assert "validation_error" == malformed["code"]
        assert [] == await ask(platform, "GET", "/sandboxes")

    inside(look)


APPLICATION = """
from otp import Application

class Main(Application):
    name = "till"
    vsn = "1.2"
    env = {"currency": "EUR", "pin": 1234, "token": "t0p-secret"}
    async def start(self, kind, args):
        return await Top.start_link(args, name="till_top")
"""


@pytest.mark.operation(
    "application.list", "application.info", "application.env", "application.get_env", "application.set_env",
    "application.unset_env",
)  # fmt: skip
def test_the_application_of_a_sandbox_is_shown_with_its_own_environment(
    inside: Inside,
) -> None:
    """Regression: all of these described the platform, whatever node was named."""

    async def look(platform: Any) -> None:
        await create(platform, source=SOURCE.replace("class Main", "class Top") + APPLICATION)
        (till,) = await ask(platform, "GET", "/applications?node=a")
        assert ("till", True, "1.2", "main:Main") == (till["name"], till["running"], till["vsn"], till["what"])
        assert till["top"] == (await ask(platform, "GET", "/processes/till_top/info?node=a"))["pid"]
        assert till == await ask(platform, "GET", "/applications/till?node=a")
        assert {"currency": "EUR", "pin": 1234, "token": "***"} == (
            await ask(platform, "GET", "/applications/till/env?node=a")
        )["values"]
        changed = await ask(platform, "PUT", "/applications/till/env/currency?node=a", {"value": "SEK"})
        assert (True, "SEK") == (changed["set"], changed["value"])
        assert "SEK" == (await ask(platform, "GET", "/applications/till/env/currency?node=a"))["value"]
        assert "EUR" == (await ask(platform, "DELETE", "/applications/till/env/currency?node=a"))["value"]
        assert "till" not in [one["name"] for one in await ask(platform, "GET", "/applications")]
        missing = await ask(platform, "GET", "/applications/superlearner?node=a", status=404)
        assert f"{NODE} has no application 'superlearner'" == missing["message"]

    inside(look)


@pytest.mark.operation("code.modules", "code.module", "code.reload", "code.compatibility")
def test_the_code_of_a_sandbox_is_listed_and_changed_by_its_own_operation(inside: Inside) -> None:
    """Regression: the running code was listed for the platform's node only."""

    async def look(platform: Any) -> None:
        await create(platform)
        (main,) = await ask(platform, "GET", "/code/modules?node=a")
        assert ("main", 2, ["Counter", "Main"]) == (main["module"], main["servers"], main["classes"])
        assert ["Counter", "Main"] == sorted(
            one["what"] for one in (await ask(platform, "GET", "/code/modules/main?node=a"))["running"]
        )
        for what in ("compatibility", "reload"):
            refused = await ask(platform, "POST", f"/code/modules/main/{what}?node=a", status=409)
            assert "/hot-reload changes its source" in refused["details"][0]["hint"]

    inside(look)


@pytest.mark.operation("sandbox.create")
def test_a_pipe_is_refused_as_a_file_without_waiting(inside: Inside, tmp_path: Path) -> None:
    """Regression: it blocked the answer, and a thread that others need."""
    pipe = tmp_path / "shop.py"
    os.mkfifo(pipe)

    async def look(platform: Any) -> None:
        for file in (pipe, tmp_path):
            body = {"sandbox_id": "x", "file": str(file)}
            async with asyncio.timeout(30):
                wrong = await ask(platform, "POST", "/sandboxes", body, status=422)
            assert f"file: {file} cannot be read: it is not a regular file" == wrong["message"]

    inside(look)


@pytest.mark.operation("sandbox.create")
def test_ids_are_taken_once_and_the_limit_holds(inside: Inside) -> None:
    async def look(platform: Any) -> None:
        await create(platform, source=None, demo="demo_one_for_one")
        taken = {"sandbox_id": "a", "demo": "shop"}
        assert "sandbox_already_exists" == (await ask(platform, "POST", "/sandboxes", taken, status=409))["code"]
        more = {"sandbox_id": "b", "demo": "shop"}
        assert "conflict" == (await ask(platform, "POST", "/sandboxes", more, status=409))["code"]
        for wrong in ("a b", "", "x" * 65, "../a"):
            error = await ask(platform, "POST", "/sandboxes", {"sandbox_id": wrong, "demo": "shop"}, status=422)
            assert error["message"] == "sandbox_id: expected letters, digits, _ and -, at most 64"
            assert error["details"][0]["hint"].startswith("got ")

    inside(look, sandboxes=1)


def test_a_password_in_the_configuration_is_never_shown(inside: Inside) -> None:
    async def look(platform: Any) -> None:
        made = await create(platform, custom_config={"password": "hunter2", "start": 1})
        assert {"password": "***", "start": 1} == made["configuration"]["custom_config"]

    inside(look)


@pytest.mark.operation("sandbox.create", "sandbox.hot_reload", "sandbox.output")
def test_no_text_contains_the_path_of_the_platform(inside: Inside) -> None:
    """Regression: an import error contained the path of `otp/__init__.py`."""
    fails = SOURCE.replace("return Reply(n, n)", "import json; return json.loads('{')")
    places = [
        *map(str, (Path(otp.__file__).parents[1], Path(asyncio.__file__).parents[1])),
        sys.prefix,
        sys.base_prefix,
    ]

    async def look(platform: Any) -> None:
        wrong = {"sandbox_id": "b", "source": SOURCE.replace("Children,", "Childrens,")}
        error = await ask(platform, "POST", "/sandboxes", wrong, status=409)
        assert "cannot import name 'Childrens' from 'otp'; did you mean 'Children'?" in error["message"]
        await create(platform, source=fails)
        refused = await ask(platform, "POST", "/sandboxes/a/hot-reload", {"source": wrong["source"]}, status=409)
        call = {"message": "get", "message_type": "call"}
        await platform.client.post(f"/api/v1/processes/counter/message?node={NODE}", json=call, headers=OWNER)
        printed = await ask(platform, "GET", "/sandboxes/a/output")
        assert 'File "json/decoder.py"' in printed["text"]
        assert "main.py" in printed["text"]
        for text in (error["message"], refused["message"], printed["text"]):
            assert [] == [place for place in places if place in text]

    inside(look)


@pytest.mark.operation("sandbox.create")
def test_an_empty_source_is_told_what_to_begin_with(inside: Inside) -> None:
    """Regression: the Playground said `String should have at least 1 character`."""

    async def look(platform: Any) -> None:
        given = {"sandbox_id": "a", "source": ""}
        answer = await platform.client.post("/api/v1/sandboxes?dry_run=true", json=given, headers=OWNER)
        error = answer.json()["error"]
        assert "source: line 1, column 1: this code defines no Supervisor and no Application" == error["message"]
        assert "add class Main(Supervisor), with an init that returns Children([...])" == error["details"][0]["hint"]

    inside(look)
