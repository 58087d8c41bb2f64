"""An attached service that does not answer: something holds its event loop, or a signal stopped it."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from attached_service import ATTACHED, NODE, OWNER, TELLS_ENDS, attach, wait_for_nodes
from observed_service import service
from otp.distribution import Settings
from otp.doors import visit
from stopped_programs import continue_all, stop_all
from superlearner.nodes.attaching import ServiceChange, attachment
from superlearner.nodes.attaching.os_processes import EndOf, is_stopped, process_exists
from superlearner.operations.builtin.restart_loops import INCIDENT
from superlearner.operations.builtin.restarts import BY_SIGNAL, LATER, NOT_HELD, NOT_RESTARTED
from superlearner.store import MomentRow

pytestmark = [pytest.mark.program, pytest.mark.usefixtures("own_sockets")]

Run = Callable[..., Any]


def test_a_service_whose_loop_is_held_is_busy_and_not_ended(
    inside: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: it was reported as ended while its process ran; and a stopped one as busy."""
    monkeypatch.setattr(visit, "SETTINGS", Settings(heartbeat=1.0, dead=3.0))
    tells = is_stopped
    monkeypatch.setattr(attachment, "is_stopped", lambda _os_pid: False)  # as if its loop were held

    async def test(platform: Any) -> None:
        async with service(tmp_path) as shop:
            await attach(platform)
            stop_all([shop.os_pid])
            await asyncio.sleep(0)  # the loop reads what the service has sent
            await asyncio.sleep(0)
            stopped = time.time()
            try:
                waiting = asyncio.ensure_future(platform.client.get("/api/v1/processes", params={"node": NODE}))
                await wait_for_nodes(platform, lambda names: NODE not in names)
                # Regression: it began with the heartbeat after the stop
                [begun] = [one.gone_at for one in platform.platform.attachments]
                assert begun is not None and begun < stopped + 0.05
                [line] = (await platform.get(ATTACHED))["data"]
                why = rf"it has been busy for [3-6] s: its process {shop.os_pid} runs and does not answer"
                assert "looked_for" == line["state"]
                assert re.fullmatch(why, line["why"])
                asked = (await platform.client.get("/api/v1/processes", params={"node": NODE})).json()["error"]
                said = f"{NODE} has not been reachable since [0-9:]{{8}}, and .*: it has been busy for [0-9]+ s: .*"
                assert re.fullmatch(said, asked["message"])
                # Regression: it was not found and gone, while its program ran
                assert "node_unavailable" == asked["code"]
                shown = {one["name"]: one["status"] for one in (await platform.get("/api/v1/nodes"))["data"]}
                assert "silent" == shown[NODE]
                words = (await waiting).json()["error"]["message"]  # was that it has ended
                assert "has ended" not in words
                assert re.search("it has been busy for [0-9]+ s: its process [0-9]+ runs", words)
                [one] = platform.platform.attachments
                one._silent_since -= 6
                [line] = (await platform.get(ATTACHED))["data"]
                assert re.match("it has been busy for (9|1[0-3]) s: ", line["why"])  # not 3 s for a while
                if Path("/proc/self/stat").exists():
                    monkeypatch.setattr(attachment, "is_stopped", tells)
                    [line] = (await platform.get(ATTACHED))["data"]
                    words = (
                        f"its process {shop.os_pid} has been stopped by a signal and has not answered for [0-9]+ s; "
                    )
                    assert re.fullmatch(f"{words}continue it with `kill -CONT {shop.os_pid}`", line["why"])
            finally:
                continue_all([shop.os_pid])

    inside(test)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system does not tell that a process is stopped")
def test_a_service_that_a_signal_stopped_is_described_in_the_past(
    inside: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: the stored lines said `kill -CONT`, with the seconds until it was noticed, for ever."""
    monkeypatch.setattr(visit, "SETTINGS", Settings(heartbeat=1.0, dead=3.0))

    async def test(platform: Any) -> None:
        async with service(tmp_path) as shop:
            await attach(platform)
            stop_all([shop.os_pid])
            try:
                await wait_for_nodes(platform, lambda names: NODE not in names)
                [line] = (await platform.get(ATTACHED))["data"]
                assert f"continue it with `kill -CONT {shop.os_pid}`" in line["why"]
                page = (await platform.client.get("/timeline", params={"node": NODE}, headers=OWNER)).text
                assert f"continue it with <code>kill -CONT {shop.os_pid}</code>" in page
            finally:
                continue_all([shop.os_pid])
            moments = platform.platform.moments

            def lines() -> list[str]:
                return [row.line for row in moments._rows.values() if row.node == NODE and row.number != INCIDENT]

            while " again after " not in lines()[-1]:
                await moments.wait_for_news(moments._place, 5)
            *_, silent, back = lines()
            assert f"{NODE} is silent: its process {shop.os_pid} was stopped by a signal" == silent
            ran_on = rf"its program \(process {shop.os_pid}\) had been stopped by a signal and is running again"
            assert re.fullmatch(f"{NODE} answers again after a gap of [0-9]+ s: {ran_on}", back)

    inside(test)


def test_the_stop_of_a_service_explains_its_silence_and_has_a_page(inside: Run) -> None:
    """Regression: it was silent because of a signal, but nothing that held its event loop was known."""

    async def test(platform: Any) -> None:
        moments, stop = platform.platform.moments, f"{NODE} (process 7) was stopped for 26.7 s: none of its code ran"
        why = "its process 7 was stopped by a signal"

        async def facts() -> list[dict[str, Any]]:
            lines = (await platform.get("/api/v1/restarts", params={"node": NODE}))["data"]
            shown = [await platform.get(f"/api/v1/restarts/{one['ref']}", params={"node": NODE}) for one in lines]
            return [one["data"]["facts"] for one in shown]

        moments.add_service_change(ServiceChange(NODE, 1000.0, f"{NODE} is silent: {why}", why, 7, ran_on=True))
        assert [(why, BY_SIGNAL)] == [(one["why"], one["supervisor"]) for one in await facts()]
        moments._add(MomentRow(NODE, "0123456789ab", INCIDENT, INCIDENT, 1000.1, 1026.8, stop, 1, f"{INCIDENT}"))
        why = "its program (process 7) had been stopped by a signal and is running again"
        back = f"{NODE} answers again after a gap of 27 s: {why}"
        moments.add_service_change(ServiceChange(NODE, 1027.0, back, None, 7, ran_on=True))
        again, stopped, silent = await facts()
        said = f"Its program did not end. The reason: {stop}."
        assert [(stop, said)] * 2 == [(one["why"], one["supervisor"]) for one in (again, silent)]
        assert "not kept" not in stopped["why"] and "SIGSTOP" in stopped["why"]
        assert "No process of it caused this" in stopped["values"] and "`kill -STOP`" in stopped["hint"]

    inside(test)


def test_a_silent_service_with_a_process_id_that_no_system_has_is_not_busy() -> None:
    assert (True, False) == (process_exists(os.getpid()), process_exists(2**70))


def test_a_process_that_was_killed_does_not_exist_although_nobody_has_waited_for_it() -> None:
    with subprocess.Popen(["sleep", "600"]) as program:
        assert process_exists(program.pid)
        program.kill()
        os.waitid(os.P_PID, program.pid, os.WEXITED | os.WNOWAIT)
        assert not process_exists(program.pid)


@pytest.mark.parametrize(
    ("ends", "told"),
    [
        ("kill -KILL $$", ": SIGKILL ended it"),
        ("kill -USR1 $$", ": SIGUSR1 ended it"),
        ("exit 7", ": it exited with status 7"),
    ],
)
@pytest.mark.parametrize("reaped", [False, True])
def test_the_end_of_a_process_is_told_by_its_status(ends: str, told: str, reaped: bool) -> None:
    """Regression: a kill and `os._exit` read the same."""
    with subprocess.Popen(["sh", "-c", f"read line; {ends}"], stdin=subprocess.PIPE) as program:
        end = EndOf(program.pid)
        assert program.stdin is not None
        program.stdin.write(b"now\n")
        program.stdin.flush()
        os.waitid(os.P_PID, program.pid, os.WEXITED | (0 if reaped else os.WNOWAIT))
        gone = f"its process {program.pid} no longer exists"
        assert end.describe() == f"{gone}{told if TELLS_ENDS or not reaped else ''}"


def test_a_silence_of_a_service_that_ran_on_says_what_held_its_loop(inside: Run) -> None:
    """Regression: the log of a program that had not ended was to say why it had."""

    async def test(platform: Any) -> None:
        moments, held = platform.platform.moments, "report held the event loop for 20 s"
        busy = "it has been busy for 15 s: its process 7 runs and does not answer"

        async def facts() -> list[tuple[str, str]]:
            lines = (await platform.get("/api/v1/restarts", params={"node": NODE}))["data"]
            refs = [one["ref"] for one in lines if not one["incident"]]
            shown = [await platform.get(f"/api/v1/restarts/{ref}", params={"node": NODE}) for ref in refs]
            return [(one["data"]["facts"]["why"], one["data"]["facts"]["supervisor"]) for one in shown]

        moments.add_service_change(ServiceChange(NODE, 1000.0, f"{NODE} is silent: {busy}", busy, 7, ran_on=True))
        assert [(busy, f"Its program did not end. {LATER}")] == await facts()
        back = f"{NODE} answers again after a gap of 19 s: its process 7 has run on"
        moments.add_service_change(ServiceChange(NODE, 1004.0, back, None, 7, ran_on=True))
        said = f"Its program did not end. {NOT_HELD}"
        assert [("its program did not end", said), (busy, said)] == await facts()
        row = MomentRow(NODE, "0123456789ab", INCIDENT, INCIDENT, 984.0, 1004.0, held, 1, f"{INCIDENT}")
        moments._add(replace(row, cause="blocked_loop"))
        assert [(held, f"Its program did not end. The reason: {held}.")] * 2 == await facts()
        moments.add_service_change(ServiceChange(NODE, 1100.0, f"{NODE} is silent: {busy}", busy, 7, ran_on=True))
        moments.add_service_change(
            ServiceChange(NODE, 1190.0, f"{NODE} is attached again, to process 8, after a gap of 90 s", None, 8)
        )
        assert [NOT_RESTARTED] * 2 == [said for _, said in (await facts())[:2]]  # it was killed while it was silent
        back = f"{NODE} is attached again after a gap of 60 s: its process 8 has run on"
        moments.add_service_change(ServiceChange(NODE, 2000.0, back, None, 8, ran_on=True))
        said = "Its program did not end: the platform did not run."
        assert ("its program did not end", said) == (await facts())[0]

    inside(test)
