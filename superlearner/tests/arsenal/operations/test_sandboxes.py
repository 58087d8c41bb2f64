"""Sandboxes over the API: real programs behind the walls of this machine, and who may do what with them."""

from __future__ import annotations

import asyncio
import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import otp
from otp.peer import Peer
from superlearner.sandbox import SandboxManager
from superlearner.sandbox.happenings import Destroy
from superlearner.sandbox.turns import Turns

Inside = Callable[..., Any]
OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}
SOURCE = """\
from otp import Children, GenServer, NoReply, Ok, Reply, Supervisor

print("loaded")

class Counter(GenServer):
    def init(self, start):
        return Ok(start)
    def handle_call(self, request, caller, n):
        return Reply(n, n)
    def handle_cast(self, request, n):
        if request == "spin":
            while True:
                pass
        if request == "exit":
            import os
            os._exit(3)
        return NoReply(n + 1)

class Main(Supervisor):
    def init(self, config):
        start = config["start"] if config else 0
        return Children([Counter.child_spec(start, id="counter", name="counter")])
"""
NODE = "sandbox-a@127.0.0.1"


async def ask(platform: Any, method: str, path: str, body: Any = None, status: int = 200, **options: Any) -> Any:
    answer = await platform.client.request(method, f"/api/v1{path}", json=body, headers=OWNER, **options)
    assert answer.status_code == status, answer.text
    return answer.json()["data"] if status == 200 else answer.json()["error"]


async def create(platform: Any, id: str = "a", **more: Any) -> Any:
    return await ask(platform, "POST", "/sandboxes", {"sandbox_id": id, "source": SOURCE, **more})


async def cast(platform: Any, message: Any) -> None:
    body = {"message": message, "message_type": "cast"}
    await ask(platform, "POST", f"/processes/counter/message?node={NODE}", body)


async def state(platform: Any) -> str:
    return (await ask(platform, "GET", f"/processes/counter/state?node={NODE}"))["state"]


async def until(platform: Any, status: str, id: str = "a") -> Any:
    """The record, once it has this status: the node list tells of every change."""
    viewer = platform.platform.node_list.attach()
    try:
        while True:
            record = await ask(platform, "GET", f"/sandboxes/{id}")
            if record["status"] == status:
                return record
            await viewer.next()
    finally:
        platform.platform.node_list.detach(viewer)


@pytest.mark.operation("sandbox.create", "sandbox.info", "sandbox.list", "sandbox.pid", "sandbox.output", "node.list")
def test_a_typed_supervisor_runs_in_a_program_of_its_own_and_every_question_reaches_it(inside: Inside) -> None:
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
        os.kill(made["os_pid"], 0)  # it is there
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
        told = (await ask(platform, "GET", "/system/anomalies"))["anomalies"]
        alone = [one["evidence"]["what"] for one in told if one["type"] == "unsupervised_process"]
        assert ["first"] == alone  # of this test: all that serves a sandbox is looked after

    inside(look, anomaly_unsupervised_after=0.0)


def test_its_id_stands_for_its_node(inside: Inside) -> None:
    async def look(platform: Any) -> None:
        await create(platform, custom_config={"start": 40})
        assert "40" == (await ask(platform, "GET", "/processes/counter/state?node=a"))["state"]
        await ask(platform, "DELETE", "/processes/Main?node=a&force=true")
        await until(platform, "ended")
        gone = await ask(platform, "GET", "/processes/counter/state?node=a", status=404)
        assert ("node_not_found", True) == (gone["code"], gone["message"].startswith("the sandbox a has ended: "))
        await ask(platform, "GET", "/processes/counter/state?node=b", status=404)

    inside(look)


@pytest.mark.operation("sandbox.hot_reload", "sandbox.versions", "sandbox.source")
def test_a_hot_reload_keeps_the_state_says_what_became_of_it_and_goes_back_when_it_fails(inside: Inside) -> None:
    ten = SOURCE.replace("n + 1", "n + 10")
    refuses = ten.replace(
        "    def handle_call", "    def code_change(self, old, n, extra): raise KeyError('old')\n    def handle_call"
    )

    async def look(platform: Any) -> None:
        await create(platform)
        await cast(platform, "tick")
        report = await ask(platform, "POST", "/sandboxes/a/hot-reload", {"source": ten})
        told = {one["name"]: (one["before"], one["after"]) for one in report["servers"]}
        assert {"counter": ("1", "1"), "Main": (None, None)} == told
        await cast(platform, "tick")
        assert "11" == await state(platform)
        refused = await ask(platform, "POST", "/sandboxes/a/hot-reload", {"source": refuses}, status=409)
        assert "upgrade_refused" == refused["code"]
        assert "nothing has changed: counter refused" in refused["message"]
        await cast(platform, "tick")
        assert "21" == await state(platform)
        back = await ask(platform, "POST", "/sandboxes/a/hot-reload", {"version": 1})
        assert (1, True) == (back["version"], back["changed"])
        assert not (await ask(platform, "POST", "/sandboxes/a/hot-reload", {"source": SOURCE}))["changed"]
        await cast(platform, "tick")
        assert "22" == await state(platform)
        leaves = SOURCE + "import os; os._exit(7)\n"
        gone = await ask(platform, "POST", "/sandboxes/a/hot-reload", {"source": leaves}, status=409)
        assert gone["message"].endswith(": ended the interpreter with os._exit(7)")
        versions = await ask(platform, "GET", "/sandboxes/a/versions")
        assert [(2, False), (1, True)] == [(one["version"], one["current"]) for one in versions]
        assert ten == (await ask(platform, "GET", "/sandboxes/a/source?version=2"))["source"]

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
        await ask(platform, "DELETE", "/sandboxes/a")
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


@pytest.mark.operation("sandbox.notices")
def test_an_endless_loop_is_ended_and_what_ends_the_program_is_told_in_words(
    inside: Inside, caplog: pytest.LogCaptureFixture
) -> None:
    async def look(platform: Any) -> None:
        await create(platform, limits={"held_s": 0.5})
        await cast(platform, "tick")
        await cast(platform, "spin")
        assert "0" == await state(platform)  # started again
        (newest, *_) = await ask(platform, "GET", "/sandboxes/a/notices")
        assert newest["text"].startswith("counter held the loop for 0.5 s: main.py, line 1")
        body = {"message": "exit", "message_type": "cast"}
        lost = await platform.client.post(f"/api/v1/processes/counter/message?node={NODE}", json=body)
        if lost.status_code != 200:  # the answer may have come before the end
            why = lost.json()["error"]["message"]
            assert "the node sandbox-a@127.0.0.1 is gone: ended the interpreter with os._exit(3)" == why
        ended = await until(platform, "ended")
        assert "ended the interpreter with os._exit(3)" == ended["reason"]
        assert ended["created_at"] < ended["ended_at"]
        logged = [one.message for one in caplog.records if one.name == "superlearner.running"]
        assert ["sandbox a ended: ended the interpreter with os._exit(3)"] == logged
        gone = await ask(platform, "GET", f"/processes?node={NODE}", status=404)
        assert "the sandbox a has ended: ended the interpreter with os._exit(3)" == gone["message"]
        assert (await ask(platform, "GET", "/sandboxes/a/output"))["total"] > 0
        fixed = await ask(
            platform, "POST", "/sandboxes/a/restart", {"source": SOURCE.replace("while True", "while False")}
        )
        assert ("running", False) == (fixed["status"], "reason" in fixed)
        printed = await ask(platform, "GET", "/sandboxes/a/output")
        assert 2 == printed["text"].count("loaded\n")  # by both programs

    inside(look)


@pytest.mark.operation("sandbox.info")
def test_a_tree_that_gave_up_is_said_in_a_sentence(inside: Inside) -> None:
    async def look(platform: Any) -> None:
        await create(platform, max_restarts=0)
        runner = platform.platform.sandboxes.runners["a"]
        await platform.client.delete(f"/api/v1/processes/counter?node={NODE}")
        await otp.wait_down(runner)
        assert "its tree gave up: it restarted more often than it may" == (await until(platform, "ended"))["reason"]

    inside(look)


@pytest.mark.operation("sandbox.create")
def test_what_python_cannot_read_is_told_with_its_place_and_nothing_is_started(inside: Inside) -> None:
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
        assert "expected one of source, supervisor_module, demo and file, got none" in none["message"]
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
def test_the_application_of_a_sandbox_is_seen_with_its_environment_and_that_of_the_platform_is_another(
    inside: Inside,
) -> None:
    """All of these were about the platform, whatever node was asked: nothing told of the application in a sandbox."""

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
        assert f"no application 'superlearner' is known to {NODE}" == missing["message"]

    inside(look)


@pytest.mark.operation("code.modules", "code.module", "code.reload", "code.compatibility")
def test_the_code_that_runs_in_a_sandbox_is_listed_and_changed_by_its_own_operation(inside: Inside) -> None:
    """Of no other node than the platform's was anything told of the code that runs."""

    async def look(platform: Any) -> None:
        await create(platform)
        (main,) = await ask(platform, "GET", "/code/modules?node=a")
        assert ("main", 2, ["Counter", "Main"]) == (main["module"], main["servers"], main["classes"])
        assert ["Counter", "Main"] == sorted(
            one["what"] for one in (await ask(platform, "GET", "/code/modules/main?node=a"))["running"]
        )
        for what in ("compatibility", "reload"):
            refused = await ask(platform, "POST", f"/code/modules/main/{what}?node=a", status=409)
            assert "sandbox.hot_reload" in refused["details"][0]["hint"]

    inside(look)


@pytest.mark.operation("sandbox.create")
def test_one_that_ends_as_soon_as_it_has_started_is_told_with_its_own_reason(inside: Inside) -> None:
    """What was told was the end of its line, in place of a limit or an `os._exit`: which of both came first decided."""
    leaves = "import os\nfrom superlearner.sandbox import inside\ninside.source_of = lambda module: os._exit(3)\n"

    async def look(platform: Any) -> None:
        wrong = await ask(platform, "POST", "/sandboxes", {"sandbox_id": "x", "source": leaves + SOURCE}, status=409)
        assert ("start_failed", "ended the interpreter with os._exit(3)") == (wrong["code"], wrong["message"])

    inside(look)


@pytest.mark.operation("sandbox.create")
def test_a_file_that_is_a_pipe_is_refused_and_not_waited_for(inside: Inside, tmp_path: Path) -> None:
    """It held up the answer for ever, and with it a thread that others wait for."""
    pipe = tmp_path / "shop.py"
    os.mkfifo(pipe)

    async def look(platform: Any) -> None:
        for file in (pipe, tmp_path):
            body = {"sandbox_id": "x", "file": str(file)}
            async with asyncio.timeout(30):
                wrong = await ask(platform, "POST", "/sandboxes", body, status=422)
            assert f"file: {file} cannot be read: it is no regular file" == wrong["message"]

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


@pytest.mark.operation("sandbox.create", "sandbox.source", "sandbox.destroy")
def test_typed_code_takes_the_scope_code_and_a_demo_does_not(inside: Inside) -> None:
    async def look(platform: Any) -> None:
        async def anonymous(method: str, path: str, body: Any = None) -> tuple[int, Any]:
            answer = await platform.client.request(method, f"/api/v1{path}", json=body)
            return answer.status_code, answer.json()

        status, refused = await anonymous("POST", "/sandboxes", {"sandbox_id": "a", "source": SOURCE})
        assert (403, "missing_scope") == (status, refused["error"]["code"])
        status, made = await anonymous("POST", "/sandboxes", {"sandbox_id": "a", "demo": "demo_one_for_one"})
        assert (200, "anonymous") == (status, made["data"]["owner"])
        assert 403 == (await anonymous("GET", "/sandboxes/a/source"))[0]
        assert 403 == (await anonymous("POST", "/sandboxes/a/hot-reload", {"source": SOURCE}))[0]
        assert 200 == (await anonymous("DELETE", "/sandboxes/a"))[0]

    inside(look)


@pytest.mark.operation("sandbox.create", "sandbox.destroy", "token.revoke")
def test_who_has_own_has_every_scope_on_what_they_own_and_it_ends_with_them(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        async def as_(user: str, method: str, path: str, body: Any = None) -> int:
            headers = {"authorization": f"Bearer {secrets[user]}"}
            answer = await platform.client.request(method, f"/api/v1{path}", json=body, headers=headers)
            return answer.status_code

        await platform.platform.store.sync()
        secrets: dict[str, str] = {}
        for user, scopes in (("ada", ["own"]), ("bob", ["read", "own"]), ("eve", ["own"])):
            made = await ask(platform, "POST", "/tokens", {"name": user, "scopes": scopes})
            secrets[user] = made["secret"]
        assert 200 == await as_("ada", "POST", "/sandboxes", {"sandbox_id": "a", "source": SOURCE})
        for look in ("", "/source", "/output", "/pid", "/versions", "/notices"):
            assert 200 == await as_("ada", "GET", f"/sandboxes/a{look}"), look
            assert 403 == await as_("eve", "GET", f"/sandboxes/a{look}"), look
        assert 200 == await as_("ada", "DELETE", f"/processes/counter?node={NODE}")
        assert 403 == await as_("bob", "GET", "/sandboxes/a/source")
        assert 403 == await as_("bob", "POST", "/sandboxes/a/restart")
        assert 403 == await as_("bob", "DELETE", "/sandboxes/a?force=true")
        assert 403 == await as_("bob", "DELETE", f"/processes/counter?node={NODE}")
        assert 200 == await as_("bob", "GET", "/sandboxes/a")
        assert 403 == await as_("ada", "POST", "/sandboxes", {"sandbox_id": "b", "file": "main.py"})
        runner = platform.platform.sandboxes.runners["a"]
        await ask(platform, "DELETE", "/tokens/ada")
        await otp.wait_down(runner)
        await SandboxManager.ask(Destroy(None, "nobody"), node=platform.node)  # it has heard of that by now
        assert [] == await ask(platform, "GET", "/sandboxes")

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("sandbox.walls", "sandbox.templates", "sandbox.create")
def test_where_a_wall_is_missing_nothing_runs_unless_its_only_user_said_so(
    inside: Inside, nodes_here: Any, tmp_path: Path
) -> None:
    async def look(platform: Any) -> None:
        launcher = nodes_here()
        launcher.walled = False
        platform.platform.sandboxes.launcher = launcher
        walls = await ask(platform, "GET", "/sandbox-walls")
        assert (0, 1, False, False) == (walls["up"], walls["of"], walls["untrusted"], walls["weak"])
        assert "no wall for files" in walls["says"]
        refused = await ask(platform, "POST", "/sandboxes", {"sandbox_id": "a", "source": SOURCE}, status=503)
        assert ("service_unavailable", "files (no landlock)") == (
            refused["code"],
            refused["message"].partition(": ")[2],
        )
        assert "--weak-walls" in refused["details"][0]["hint"]
        assert 4 == len(await ask(platform, "GET", "/sandbox-templates"))

    async def weak(platform: Any) -> None:
        launcher = nodes_here()
        launcher.walled = False
        platform.platform.sandboxes.launcher = launcher
        assert (await ask(platform, "GET", "/sandbox-walls"))["weak"]
        assert "running" == (await create(platform))["status"]
        await platform.platform.store.sync()
        await ask(platform, "POST", "/tokens", {"name": "bob", "scopes": ["read"]})
        refused = await ask(platform, "POST", "/sandboxes", {"sandbox_id": "b", "source": SOURCE}, status=503)
        assert "weak walls are for" in refused["message"]

    inside(look)
    inside(weak, weak_walls=True, data_dir=tmp_path)


def test_the_service_and_its_runners_can_be_killed(inside: Inside) -> None:
    async def look(platform: Any) -> None:
        made = await create(platform)
        service = platform.node.whereis("sandbox_manager")
        await ask(platform, "DELETE", "/processes/sandbox_manager")
        await platform.node.wait_registered("sandbox_manager")
        assert service is not platform.node.whereis("sandbox_manager")
        assert made.items() <= (await ask(platform, "GET", "/sandboxes/a")).items()
        await cast(platform, "tick")
        assert "1" == await state(platform)
        await ask(platform, "DELETE", "/processes/sandboxes")
        ended = await until(platform, "ended")
        assert ended["reason"].startswith("its process in the platform ended")
        await asyncio.sleep(0)
        again = await ask(platform, "POST", "/sandboxes/a/restart")
        assert "running" == again["status"]

    inside(look)


def test_a_restart_waits_for_the_program_before_it_which_may_outlive_its_runner(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, release = asyncio.Event(), asyncio.Event()
    ended, begin = Peer.ended, Turns.begin

    async def late(self: Peer) -> Any:
        reason = await ended(self)
        await release.wait()
        return reason

    async def at_once(self: Turns) -> Any:
        asked.set()
        return await begin(self)

    async def look(platform: Any) -> None:
        monkeypatch.setattr(Peer, "ended", late)
        await create(platform)
        await ask(platform, "DELETE", "/processes/sandboxes")
        await until(platform, "ended")
        monkeypatch.setattr(Turns, "begin", at_once)
        again = asyncio.ensure_future(ask(platform, "POST", "/sandboxes/a/restart"))
        await until(platform, "starting")
        assert not asked.is_set()
        release.set()
        assert "running" == (await again)["status"]
        assert "0" == await state(platform)

    inside(look)


def test_a_password_in_the_configuration_is_shown_to_nobody(inside: Inside) -> None:
    async def look(platform: Any) -> None:
        made = await create(platform, custom_config={"password": "hunter2", "start": 1})
        assert {"password": "***", "start": 1} == made["configuration"]["custom_config"]

    inside(look)


BLINDS: dict[str, tuple[str, str]] = {
    "line": (
        "for one in gc.get_objects():\n"
        "                if isinstance(one, socket.socket) and one.fileno() > 3: one.close()",
        "it has closed its line to the platform",
    ),
    "service": (
        "for node in gc.get_objects():\n"
        "                if isinstance(node, otp.Node) and node.name.startswith('sandbox.'):\n"
        "                    for pid in node.processes(): otp.exit(pid, 'kill')",
        "what answers in it for its tree has ended",
    ),
    "backend": (
        "for node in gc.get_objects():\n"
        "                if isinstance(node, otp.Node) and node.name.startswith('backend.'):\n"
        "                    for pid in node.processes(): otp.exit(pid, 'kill')",
        "what answers in it for its pages has ended",
    ),
    "loop": (
        "word = json.dumps({'what': 'beat'}).encode()\n"
        "            def beats():\n"
        "                while True: os.write(3, len(word).to_bytes(4, 'big') + word); time.sleep(0.1)\n"
        "            signal.signal(signal.SIGVTALRM, signal.SIG_IGN)\n"
        "            threading.Thread(target=beats, daemon=True).start()\n"
        "            while True: time.sleep(0.1)",
        "nobody in it has answered for 2 s",
    ),
}


@pytest.mark.operation("sandbox.info")
def test_one_that_blinds_the_platform_is_ended_with_words_and_its_neighbour_goes_on(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They went on as running: the line was closed, nobody answered over it, and the page had nothing to say."""
    monkeypatch.setattr("superlearner.sandbox.watching.BEAT_S", 0.5)
    monkeypatch.setattr("superlearner.sandbox.watching.MARGIN_S", 0.5)
    imports = "import gc, json, os, signal, socket, threading, time, otp\n"

    async def look(platform: Any) -> None:
        await create(platform)
        for id, (act, _) in BLINDS.items():
            source = imports + SOURCE.replace(
                'if request == "exit":\n            import os\n            os._exit(3)',
                f'if request == "blind":\n            {act}',
            )
            await create(platform, id, source=source, limits={"held_s": 0.5})
            body = {"message": "blind", "message_type": "cast"}
            path = f"/api/v1/processes/counter/message?node=sandbox-{id}@127.0.0.1"
            await platform.client.post(path, json=body)  # may lose its answer
        for id, (_, why) in BLINDS.items():
            assert why == (await until(platform, "ended", id))["reason"]
            assert f"sandbox {id} ended: {why}" == (await ask(platform, "GET", f"/sandboxes/{id}/notices"))[0]["text"]
        await cast(platform, "tick")
        assert "1" == await state(platform)

    inside(look)


@pytest.mark.operation("sandbox.create", "sandbox.hot_reload", "sandbox.output")
def test_no_text_says_where_the_platform_is_installed(inside: Inside) -> None:
    """`cannot import name 'Childrens' from 'otp' (/home/…/otp/__init__.py)`."""
    fails = SOURCE.replace("return Reply(n, n)", "import json; return json.loads('{')")
    places = [
        *map(str, (Path(otp.__file__).parents[1], Path(asyncio.__file__).parents[1])),
        sys.prefix,
        sys.base_prefix,
    ]

    async def look(platform: Any) -> None:
        wrong = {"sandbox_id": "b", "source": SOURCE.replace("Children,", "Childrens,")}
        error = await ask(platform, "POST", "/sandboxes", wrong, status=409)
        assert "cannot import name 'Childrens' from 'otp' (otp/__init__.py)" in error["message"]
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


@pytest.mark.parametrize("path", ["/sandboxes", "/sandboxes?dry_run=true", "/sandbox-walls"])
def test_a_machine_without_room_is_no_bug_of_ours_and_what_comes_later_is_answered(
    inside: Inside, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """`POST /sandboxes` answered 500 on a busy machine."""

    async def look(platform: Any) -> None:
        wanted = {"sandbox_id": "a", "demo": "demo_one_for_one"} if path != "/sandbox-walls" else None
        method = "GET" if wanted is None else "POST"
        with monkeypatch.context() as scarce:
            scarce.setattr("subprocess.Popen", refused_by_the_machine)
            assert [] == await ask(platform, "GET", "/sandboxes")
            error = await ask(platform, method, path, wanted, status=503)
            assert "service_unavailable" == error["code"]
            assert "not enough room for another process" in error["message"]
        await ask(platform, method, path, wanted)

    inside(look)


def test_a_sandbox_for_which_there_is_no_room_is_not_refused_for_what_it_is(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look(platform: Any) -> None:
        await ask(platform, "GET", "/sandbox-walls")
        with monkeypatch.context() as scarce:
            scarce.setattr("subprocess.Popen", refused_by_the_machine)
            error = await ask(
                platform, "POST", "/sandboxes", {"sandbox_id": "a", "demo": "demo_one_for_one"}, status=503
            )
        assert ("service_unavailable", True) == (error["code"], "there is no room for it" in error["message"])
        assert [] == await ask(platform, "GET", "/sandboxes")

    inside(look)


def test_a_platform_without_descriptors_says_so_and_starts_the_next_one(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answered 409 when the last descriptor was missing for the line to a program that had started."""

    async def look(platform: Any) -> None:
        with monkeypatch.context() as scarce:
            scarce.setattr("socket.socket.dup", no_descriptor)
            error = await ask(platform, "POST", "/sandboxes", {"sandbox_id": "a", "source": SOURCE}, status=503)
        assert "service_unavailable" == error["code"]
        assert "this machine has not enough files that the platform may have open" in error["message"]
        assert [] == await ask(platform, "GET", "/sandboxes")
        await create(platform)

    inside(look)


def no_descriptor(*given: Any) -> Any:
    raise OSError(errno.EMFILE, "Too many open files")


def test_the_walls_are_tried_once_however_many_ask(inside: Inside) -> None:
    """Thirty that asked at once tried them thirty times, each with a program of its own."""
    tried: list[int] = []

    async def look(platform: Any) -> None:
        sandboxes = platform.platform.sandboxes
        real = sandboxes.launcher.walls
        sandboxes.launcher.walls = lambda: (tried.append(1), real())[1]
        answers = await asyncio.gather(*(ask(platform, "GET", "/sandbox-walls") for _ in range(10)))
        assert all(answer == answers[0] for answer in answers)
        await ask(platform, "GET", "/sandbox-walls")
        assert [1] == tried

    inside(look)


def refused_by_the_machine(*given: Any, **named: Any) -> Any:
    raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
