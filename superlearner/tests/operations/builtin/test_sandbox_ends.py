"""Ends of sandboxes, and their reasons."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

import otp
from asked_sandboxes import NODE, SOURCE, ask, cast, create, state, until
from otp.peer import Peer
from stopped_programs import continue_all, pass_time, stop_all
from superlearner.sandbox import peers
from superlearner.sandbox.turns import Turns

Inside = Callable[..., Any]


@pytest.mark.operation("sandbox.notices")
def test_an_endless_loop_is_stopped_and_ends_of_the_program_are_explained(
    inside: Inside, caplog: pytest.LogCaptureFixture
) -> None:
    async def look(platform: Any) -> None:
        await create(platform, limits={"held_s": 0.5})
        await cast(platform, "tick")
        await cast(platform, "spin")
        assert "0" == await state(platform)  # restarted
        (newest, *_) = await ask(platform, "GET", "/sandboxes/a/notices")
        assert newest["text"].startswith("counter held the loop for 0.5 s: main.py, line 1")
        body = {"message": "exit", "message_type": "cast"}
        lost = await platform.client.post(f"/api/v1/processes/counter/message?node={NODE}", json=body)
        if lost.status_code != 200:  # the answer may precede the end
            why = lost.json()["error"]["message"]
            assert "the node sandbox-a@127.0.0.1 is gone: ended the interpreter with os._exit(3)" == why
        ended = await until(platform, "ended")
        assert "ended the interpreter with os._exit(3)" == ended["reason"]
        assert ended["created_at"] < ended["ended_at"]
        logged = [one.message for one in caplog.records if one.name == "superlearner.web.platform"]
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
def test_a_tree_that_gave_up_is_described_in_a_sentence(inside: Inside) -> None:
    async def look(platform: Any) -> None:
        await create(platform, max_restarts=0)
        runner = platform.platform.sandboxes.runners["a"]
        await platform.client.delete(f"/api/v1/processes/counter?node={NODE}")
        await otp.wait_down(runner)
        said = "Main gave up: it allows no restarts (last: counter was killed)"
        assert (await until(platform, "ended"))["reason"] == said
        assert said in (await ask(platform, "GET", "/sandboxes/a/output"))["text"]

    inside(look)


@pytest.mark.operation("sandbox.info", "sandbox.notices")
def test_sys_exit_in_a_callback_is_the_reason_even_right_after_other_news(inside: Inside) -> None:
    """Regression: the services that report it ended with the node, before the platform asked for more news."""
    leaves = SOURCE.replace("import os\n            os._exit(3)", "import sys\n            sys.exit()")
    line = 1 + leaves.splitlines().index("            sys.exit()")

    async def look(platform: Any) -> None:
        await create(platform, source=leaves, limits={"held_s": 0.5})
        await cast(platform, "spin")
        assert "0" == await state(platform)  # restarted, and reported: the platform pauses before it asks again
        await cast(platform, "exit")
        ended = await until(platform, "ended")
        remedy = "to end one process, return Stop(reason, state)"
        said = (
            f"SystemExit() was raised in one of its processes, which ends the whole program; {remedy}: main.py:{line}"
        )
        assert said == ended["reason"]
        notices = [one["text"] for one in await ask(platform, "GET", "/sandboxes/a/notices")]
        assert not any("may be missing" in text for text in notices)

    inside(look)


@pytest.mark.operation("sandbox.destroy", "sandbox.notices")
def test_restarts_right_before_the_end_of_a_sandbox_are_recorded(inside: Inside) -> None:
    """Regression: those of the last third of a second were lost."""

    async def look(platform: Any) -> None:
        lines: list[str] = []
        platform.platform.moments.on_moment = lambda row: lines.append(row.line)
        recorded = "counter was killed and restarted"
        for end in ("/sandboxes/a", "/sandboxes/a?force=true", f"/processes/Main?node={NODE}&force=true"):
            await create(platform)
            runner = platform.platform.sandboxes.runners["a"]
            await ask(platform, "DELETE", f"/processes/counter?node={NODE}")
            await ask(platform, "DELETE", end)
            await otp.wait_down(runner)
            assert (end, [recorded]) == (end, lines)
            lines.clear()
        await until(platform, "ended")
        notices = [one["text"] for one in await ask(platform, "GET", "/sandboxes/a/notices")]
        assert not any("may be missing" in text for text in notices)
        made = await ask(platform, "POST", "/sandboxes/a/restart", {})
        os.kill(made["os_pid"], signal.SIGKILL)
        await until(platform, "ended")
        notices = [one["text"] for one in await ask(platform, "GET", "/sandboxes/a/notices")]
        assert "it ended before it could report; restarts in its last second may be missing" in notices

    inside(look)


@pytest.mark.operation("sandbox.create")
def test_a_sandbox_that_ends_right_after_its_start_has_its_own_reason(inside: Inside) -> None:
    """Regression: a race decided which reason was shown."""
    leaves = "import os\nfrom superlearner.sandbox import inside\ninside.source_of = lambda module: os._exit(3)\n"

    async def look(platform: Any) -> None:
        wrong = await ask(platform, "POST", "/sandboxes", {"sandbox_id": "x", "source": leaves + SOURCE}, status=409)
        assert ("start_failed", "ended the interpreter with os._exit(3)") == (wrong["code"], wrong["message"])

    inside(look)


@pytest.mark.operation("sandbox.restart")
def test_a_failed_start_is_a_sentence_and_no_crash_of_the_platform(inside: Inside) -> None:
    """Regression: the feed of the platform showed the raw reason of the process that runs the sandbox."""
    wrong = SOURCE.replace("class Main", "class Main:\n    pass\n\nclass Other")

    async def look(platform: Any) -> None:
        await create(platform)
        failed = await ask(platform, "POST", "/sandboxes/a/restart", {"source": wrong}, status=409)
        told = (await ask(platform, "GET", "/sandboxes/a/notices"))[0]["text"]
        assert f"sandbox a does not start: {failed['message']}" == told
        assert "Runner" not in [one["what"] for one in await ask(platform, "GET", "/errors")]

    inside(look)


def test_the_service_and_its_runners_can_be_killed(inside: Inside) -> None:
    async def look(platform: Any) -> None:
        made = await create(platform)
        service = platform.node.whereis("sandbox_manager")
        await ask(platform, "DELETE", "/processes/sandbox_manager?force=true")
        await platform.node.wait_registered("sandbox_manager")
        assert service is not platform.node.whereis("sandbox_manager")
        assert made.items() <= (await ask(platform, "GET", "/sandboxes/a")).items()
        await cast(platform, "tick")
        assert "1" == await state(platform)
        await ask(platform, "DELETE", "/processes/sandboxes?force=true")
        ended = await until(platform, "ended")
        assert ended["reason"].startswith("its process in the platform ended")
        await asyncio.sleep(0)
        again = await ask(platform, "POST", "/sandboxes/a/restart")
        assert "running" == again["status"]

    inside(look)


def test_a_restart_waits_for_the_previous_program_which_may_outlive_its_runner(
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
        await ask(platform, "DELETE", "/processes/sandboxes?force=true")
        try:
            await until(platform, "ended")
            monkeypatch.setattr(Turns, "begin", at_once)
            again = asyncio.ensure_future(ask(platform, "POST", "/sandboxes/a/restart"))
            await until(platform, "starting")
            assert not asked.is_set()
        finally:
            release.set()  # the platform waits for it when it ends
        assert "running" == (await again)["status"]
        assert "0" == await state(platform)

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
        "the process that answers for its tree has ended",
    ),
    "backend": (
        "for node in gc.get_objects():\n"
        "                if isinstance(node, otp.Node) and node.name.startswith('backend.'):\n"
        "                    for pid in node.processes(): otp.exit(pid, 'kill')",
        "the process that answers for its pages has ended",
    ),
    "loop": (
        "word = json.dumps({'what': 'beat'}).encode()\n"
        "            def beats():\n"
        "                while True: os.write(3, len(word).to_bytes(4, 'big') + word); time.sleep(0.1)\n"
        "            signal.signal(signal.SIGVTALRM, signal.SIG_IGN)\n"
        "            threading.Thread(target=beats, daemon=True).start()\n"
        "            while True: time.sleep(0.1)",
        "it has not answered for 2 s",
    ),
}


@pytest.mark.operation("sandbox.info")
def test_a_sandbox_that_blocks_its_observation_is_stopped_and_others_continue(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: such a sandbox stayed in state running without a connection."""
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


@pytest.mark.operation("sandbox.info")
def test_a_sandbox_that_stood_still_with_the_platform_keeps_its_state(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: a platform that was suspended with its sandboxes ended them, for lack of messages from them."""
    monkeypatch.setattr(peers, "AFTER_HELD_S", 0.5)

    async def look(platform: Any) -> None:
        created = await create(platform, limits={"held_s": 0.5})
        await cast(platform, "tick")
        before = await state(platform)
        stop_all([created["os_pid"]])
        pass_time(1.5)
        await ask(platform, "GET", "/sandboxes/a")
        continue_all([created["os_pid"]])
        assert before == await state(platform)
        assert "running" == (await ask(platform, "GET", "/sandboxes/a"))["status"]

    inside(look)
