"""A setting that is changed while the platform runs takes effect: a test for each that says it does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

import otp
from otp import DynamicSupervisor
from otp.peer import Spares
from superlearner.app.hearing import NodeHistory
from superlearner.app.own_peer import OwnProgram
from superlearner.app.running import Tree
from superlearner.settings.configuration import Configuration, described
from superlearner.settings.sources import from_flags

Inside = Callable[..., Any]
Check = Callable[[Any], Any]
OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}
CHECKS: dict[str, Check] = {}

HELD_ELSEWHERE: dict[str, str] = {
    "log_level": "superlearner/tests/app/test_program.py",
    "log_format": "superlearner/tests/observing/logs/test_logs.py",
    **dict.fromkeys(
        ("max_bodies", "body_timeout", "max_connections", "head_timeout", "keep_alive", "send_timeout", "max_unsent"),
        "superlearner/tests/web/test_connections.py",  # read at each use, all in the same way
    ),
    "quota_*": "superlearner/tests/operations/test_quotas.py",  # read at each use, all in the same way
    "audit_*": "superlearner/tests/store/test_trouble.py",  # read after each write
    "moments_*": "superlearner/tests/store/test_trouble.py",  # read after each write
    "*link_expires": "superlearner/tests/operations/builtin/test_users.py",
    "anomaly_*": "superlearner/tests/observing/monitoring/test_detectors.py",  # read at each scan, all in the same way
}
"""Settings that take effect at once and are tested in another file; a star stands for several."""


def takes_effect(check: Check) -> Check:
    CHECKS[check.__name__] = check
    return check


async def change(platform: Any, **values: Any) -> None:
    answer = await platform.client.put("/api/v1/settings", json={"values": values}, headers=OWNER)
    assert answer.status_code == 200, answer.text


@takes_effect
async def sandboxes(platform: Any) -> None:
    """A lower limit refuses the next start, even if it was allowed a moment ago."""
    await change(platform, sandboxes=0)
    body = {"sandbox_id": "one", "demo": "shop"}
    answer = await platform.client.post("/api/v1/sandboxes", json=body, headers=OWNER)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")


@takes_effect
async def playground_restart_after(platform: Any) -> None:
    await change(platform, playground_restart_after=300)
    (kept,) = [kept for kept in platform.running.keeper.of("playground") if kept.id == "demo_one_for_one"]
    assert kept.pause() == 300


@takes_effect
async def playground_hold(platform: Any) -> None:
    nodes, spares = platform.platform.nodes, Spares(0)
    remembered = NodeHistory(lambda _: None, lambda _node, _line: None)
    program = OwnProgram("shop.py:Shop", (), spares, nodes, lambda: platform.platform.settings, remembered)
    assert program.limits.hold_s == 10
    await change(platform, playground_hold=0)
    assert program.limits.hold_s is None


@takes_effect
async def services_back_off_max(platform: Any) -> None:
    await change(platform, services_back_off_max=0.15)
    kept = platform.running.keeper.of("services")[0]
    assert [kept.pause(), kept.pause(), kept.pause()] == [0.1, 0.15, 0.15]


@takes_effect
async def frame_interval(platform: Any) -> None:
    await change(platform, frame_interval=0.2)
    assert platform.hub.frame_interval == 0.2


@takes_effect
async def heartbeat_interval(platform: Any) -> None:
    """The timer restarts: a beat that was an hour away comes now."""
    await change(platform, heartbeat_interval=3600)
    viewer = platform.hub.attach()
    await viewer.next()
    await change(platform, heartbeat_interval=0.01)
    frames = [await viewer.next() or b"" for _ in range(5)]  # the news of the change is one or two of them
    assert any(b'"loop_lag_ms"' in frame for frame in frames)
    platform.hub.detach(viewer)


@takes_effect
async def viewer_queue(platform: Any) -> None:
    """It also applies to current viewers."""
    viewer = platform.hub.attach()
    await viewer.next()
    await change(platform, viewer_queue=1)
    viewer.offer(b"one")
    assert not viewer.resync
    viewer.offer(b"two")
    assert viewer.resync
    platform.hub.detach(viewer)


@takes_effect
async def frame_rows(platform: Any) -> None:
    await change(platform, frame_rows=1)
    assert platform.hub.frame_rows == 1


@takes_effect
async def max_body(platform: Any) -> None:
    await change(platform, max_body=60)
    answer = await platform.client.put("/api/v1/settings", json={"values": {"kill_wait": 1.0}, "x": "y" * 99})
    assert answer.status_code == 413


class Stays(otp.GenServer[None]):
    @otp.impl
    def init(self, arg: None) -> otp.Ok[None]:
        otp.process_flag("trap_exit", True)
        return otp.Ok(None)

    @otp.impl
    def handle_info(self, message: Any, state: None) -> otp.NoReply[None]:
        return otp.NoReply(None)


@takes_effect
async def kill_wait(platform: Any) -> None:
    await change(platform, kill_wait=0.01)
    stays = Stays.child_spec(None, name="stays", restart="temporary")
    await otp.Supervisor.start_child(("playground", platform.node), stays)
    answer = await platform.client.request("DELETE", "/api/v1/processes/stays", json={"reason": "please"})
    assert answer.json()["data"]["terminated"] is False


@takes_effect
async def scan_interval(platform: Any) -> None:
    """A sample that would have been taken in an hour is taken now."""
    await change(platform, scan_interval=3600)
    ledger = platform.platform.analytics
    history = ledger.find("playground")
    taken = len(history.samples)
    fired = asyncio.Event()

    def at_the_end_of_a_timer(event: otp.trace.Event) -> None:
        if event.data["ref"] == ledger.due:  # a timer from before the change takes no sample
            fired.set()

    analytics = platform.node.whereis("analytics")
    reader = otp.trace.subscribe(platform.node, at_the_end_of_a_timer, kinds={"timer_fired"}, pids={analytics})
    await change(platform, scan_interval=0.01)
    await fired.wait()
    reader.close()
    await platform.call("analytics", ("sync",))
    assert len(history.samples) > taken


@takes_effect
async def max_events_per_supervisor(platform: Any) -> None:
    await change(platform, max_events_per_supervisor=2)
    for _ in range(3):
        await platform.client.request("DELETE", "/api/v1/processes/printer_1", json={})
        await platform.node.wait_registered("printer_1")
    answer = await platform.get("/api/v1/supervisors/demo_one_for_one/analytics?sync=true")
    assert (answer["data"]["total_restarts"], len(answer["data"]["restart_history"])) == (3, 2)


@takes_effect
async def enable_detailed_logging(platform: Any) -> None:
    await change(platform, enable_detailed_logging=True)
    assert platform.platform.analytics.detailed is True


@takes_effect
async def events_kept(platform: Any) -> None:
    await change(platform, events_kept=150)
    assert platform.platform.events.capacity == 150


@takes_effect
async def log_kept(platform: Any) -> None:
    await change(platform, log_kept=10)
    for number in range(30):
        logging.getLogger("shop").warning("%d", number)
    assert len(platform.platform.log.lines()) == 10


@takes_effect
async def access_log(platform: Any) -> None:
    heard: list[str] = []
    listener = logging.Handler()
    listener.emit = lambda record: heard.append(record.getMessage())  # type: ignore[method-assign]
    access = logging.getLogger("superlearner.access")
    access.addHandler(listener)
    access.setLevel(logging.INFO)
    await platform.client.get("/health/live?token=abc")
    await change(platform, access_log=True)
    await platform.client.get("/health/live?token=abc")
    access.removeHandler(listener)
    access.setLevel(logging.NOTSET)
    (line,) = [line for line in heard if "/health/live" in line]
    assert " GET /health/live 200 in " in line
    assert "abc" not in line


@takes_effect
async def keep_traces(platform: Any) -> None:
    await change(platform, keep_traces=77)
    assert platform.platform.traces.keep() == 77


@takes_effect
async def watchdog_after(platform: Any) -> None:
    """Turned off, it has no thread; turned on again, it has one with the new time."""
    before = platform.running.watchdog
    await change(platform, watchdog_after=0)
    await otp.sys.get_state(platform.node.whereis("watchdog"))
    assert platform.running.watchdog is None
    await change(platform, watchdog_after=7.5)
    await otp.sys.get_state(platform.node.whereis("watchdog"))
    assert platform.running.watchdog not in (None, before)
    assert platform.running.watchdog.after == 7.5


def test_a_setting_that_is_changed_takes_effect_without_a_restart(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        names = ("analytics", "watchdog", "live", "settings", "web", "store")
        before = {name: platform.node.whereis(name) for name in names}
        for name, check in CHECKS.items():
            await check(platform)
            answer = await platform.client.delete(f"/api/v1/settings/{name}", headers=OWNER)
            assert len(answer.json()["data"]["changed"]) == 1, name
        assert {name: platform.node.whereis(name) for name in names} == before

    inside(test)


def test_every_setting_that_takes_effect_at_once_has_a_test_of_that() -> None:
    hot = {one.name for one in described().values() if one.hot}
    held = [name for name in hot for pattern in (*CHECKS, *HELD_ELSEWHERE) if fnmatch(name, pattern)]
    assert hot - set(held) == set()


def test_a_change_is_announced_on_page_log_and_telemetry_and_stored(
    inside: Inside, tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    async def test(platform: Any) -> None:
        told: list[Any] = []
        platform.platform.telemetry.attach(lambda event, _, about: told.append((event, about.get("setting"))))
        with caplog.at_level(logging.INFO, "superlearner"):
            await change(platform, kill_wait=1.0)
        words = "kill_wait is 1.0 (was 5.0; the API (owner))"
        assert words in caplog.messages
        assert words in capsys.readouterr().out
        assert ("settings.changed", "kill_wait") in told
        assert words in [entry.text for entry in platform.hub.feed.entries()]
        (row,) = (await platform.get("/api/v1/settings/changes", headers=OWNER))["data"]
        assert (row["setting"], row["before"], row["after"], row["source"]) == (
            "kill_wait", 5.0, 1.0, "the API (owner)",
        )  # fmt: skip

    inside(test, Tree("empty", lambda: DynamicSupervisor.start_link(name="empty")), data_dir=tmp_path)


@pytest.mark.operation("events.stream", "log.list")
def test_a_password_in_a_changed_setting_leaves_the_process_nowhere(
    inside: Inside, tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once a new `database` was shown with its password to everybody with `read`."""
    file = tmp_path / "superlearner.toml"
    told: list[str] = []

    async def settle(platform: Any, text: str) -> None:
        file.write_text(text)
        for _ in range(2):
            await platform.call("settings", "look")

    async def test(platform: Any) -> None:
        node = platform.platform.node
        rows: list[Any] = []
        reader = otp.trace.subscribe(node, lambda event: rows.append(otp.trace.Row.of(event, node)))
        with caplog.at_level(logging.DEBUG):
            await settle(platform, 'database = "postgresql://ada:hunter2@db/shop"\n')
            await settle(platform, 'otel_endpoint = "https://ada:hunter2@collector/x?token=hunter2"\n')
            await settle(platform, 'database = "mysql://ada:hunter2@db/shop"\n')
            await settle(platform, "database = postgresql://ada:hunter2@db/shop\n")  # without quotes this is not TOML
            answer = await platform.client.put(
                "/api/v1/settings", json={"values": {"database": "postgresql://ada:hunter2@db/shop"}}, headers=OWNER
            )
            told.append(answer.text)
        reader.close()
        viewer = platform.hub.attach()
        told.append((await viewer.next() or b"").decode())
        platform.hub.detach(viewer)
        await platform.platform.store.sync()
        stream = "events?types=setting_changed,setting_refused&last=5&limit=5"
        for path in (stream, "log?level=debug", "settings", "settings/file", "settings/changes", "audit"):
            told.append((await platform.client.get(f"/api/v1/{path}", headers=OWNER)).text)
        told.extend((caplog.text, capsys.readouterr().out, str(rows)))

    inside(test, configuration=Configuration(file, flags=from_flags({"data_dir": tmp_path, "browser": False})))
    assert [one for one in told if "hunter2" in one] == []
    answer, frame, events, log, settings, settings_file, changes, audit, logged, printed, _ = told
    assert "database will be *** after a restart (was ***; superlearner.toml, line 1)" in frame
    for one in (events, log, logged):
        assert "database will be *** after a restart" in one
        assert "got 'mysql://ada:***@db/shop'" in one
    assert "restart_needed" in answer
    assert "postgresql://ada:***@db/shop" in changes
    assert "postgresql://ada:***@db/shop" in printed  # the owner's own terminal
    assert "https://ada:***@collector/x?token=***" in settings
    assert "invalid value in `database = postgresql://ada:***@db/shop`" in settings_file
    assert "settings.update" in audit
