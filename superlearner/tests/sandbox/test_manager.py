"""The service with real nodes: requests are carried out, and it can be killed at any moment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import otp
from otp import Agent, DynamicSupervisor, GenServer
from superlearner.observing.logs import TerminalLog
from superlearner.sandbox.happenings import Create, Destroy, FleetRefused, Reload, Restart
from superlearner.sandbox.ledger import SandboxLedger
from superlearner.sandbox.manager import MANAGER, RUNNERS, SandboxManager
from superlearner.sandbox.record import Configuration, Sandbox
from superlearner.sandbox.sandboxes import Sandboxes
from superlearner.sandbox.source import Source
from superlearner.settings.settings import Settings

COUNTER = """\
from otp import Children, GenServer, NoReply, Ok, Reply, Supervisor

class Counter(GenServer):
    def init(self, start):
        return Ok(start)
    def handle_call(self, request, caller, n):
        return Reply(n, n)
    def handle_cast(self, request, n):
        return NoReply(n + 1)

class Main(Supervisor):
    def init(self, config):
        return Children([Counter.child_spec(0, id="a", name="a")])
"""
ONE = Source(COUNTER, "Main")
TEN = Source(COUNTER.replace("n + 1", "n + 10"), "Main")
Work = Callable[[Sandboxes, Any], Awaitable[Any]]


@pytest.fixture
def managed(nodes_here: Any) -> Callable[[Work], Any]:
    """Runs work beside a service: `managed(work)`, where `work(sandboxes, launcher)`."""

    def run(work: Work) -> Any:
        async def main() -> Any:
            launcher = nodes_here()
            sandboxes = Sandboxes(launcher)
            said.clear()
            sandboxes.tell = lambda level, text, sandbox: said.append(text)
            await DynamicSupervisor.start_link(max_restarts=1000, name=RUNNERS)
            await SandboxManager.start_link(sandboxes, name=MANAGER)
            return await work(sandboxes, launcher)

        return otp.run(main)

    return run


said: list[str] = []


async def create(id: str = "a", source: Source | None = ONE, **configuration: Any) -> Any:
    wanted = Configuration("source", **configuration)
    return await SandboxManager.ask(Create(None, id, "ada", f"sandbox-{id}@127.0.0.1", wanted, source))


def test_a_sandbox_is_created_and_its_node_runs(managed: Any) -> None:
    async def work(sandboxes: Sandboxes, launcher: Any) -> Any:
        made = await create()
        return made, launcher.programs[0].node.whereis("a") is not None, sandboxes.find("a")

    made, runs, known = managed(work)
    assert isinstance(made, Sandbox)
    assert ("running", 4711, True) == (made.status, made.os_pid, runs)
    assert known == made


def test_the_next_run_can_restart_sandboxes_that_ran_but_not_those_that_had_ended(managed: Any, tmp_path: Path) -> None:
    def next_run(launcher: Any) -> tuple[Sandboxes, list[str]]:
        told: list[str] = []
        run = Sandboxes(launcher, ledger=SandboxLedger(tmp_path))
        run.tell = lambda level, text, sandbox: told.append(text)
        run.take_over()
        return run, told

    async def work(sandboxes: Sandboxes, launcher: Any) -> Any:
        sandboxes.ledger = SandboxLedger(tmp_path)
        for id in ("gone", "ended", "a"):
            await create(id, max_restarts=9)
        await SandboxManager.ask(Destroy(None, "gone"))
        runner = sandboxes.runners["ended"]
        await launcher.programs[1].close("used too much")
        await otp.wait_down(runner)
        await SandboxManager.ask(Reload(None, "a", "ada", TEN))  # by now it has received the end
        known, told = next_run(launcher)
        (found,) = known.all()
        sandboxes.fleet = known.fleet
        sandboxes.runners.clear()
        await launcher.programs[2].close("killed")
        return found, told, await SandboxManager.ask(Restart(None, "a", "ada"))

    found, told, again = managed(work)
    assert ("a", "ended", TEN, 9) == (found.id, found.status, found.source, found.configuration.max_restarts)
    assert told == ["sandbox a ended: the platform ended"]
    assert ("running", 1, TEN) == (again.status, again.restart_count, again.source)


def test_a_disk_that_refuses_does_not_keep_a_sandbox_from_running(
    managed: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()

    async def work(sandboxes: Sandboxes, launcher: Any) -> Any:
        sandboxes.ledger = SandboxLedger(tmp_path / "file")
        return await create()

    assert managed(work).status == "running"
    assert "cannot record some sandboxes" in caplog.text


def test_a_source_that_does_not_start_is_refused_and_nothing_is_left(managed: Any) -> None:
    async def work(sandboxes: Sandboxes, launcher: Any) -> Any:
        return await create(source=Source("nonsense", "Main")), sandboxes.all(), sandboxes.runners

    refused, left, runners = managed(work)
    assert isinstance(refused, FleetRefused)
    assert ("start_failed", [], {}) == (refused.code, left, runners)
    assert "nonsense" in refused.message


def test_a_refused_start_shows_no_internals_of_the_call(managed: Any) -> None:
    async def work(sandboxes: Sandboxes, launcher: Any) -> Any:
        otp.unregister(RUNNERS)
        return await create(), sandboxes.all()

    why = "the supervisor sandboxes could not start its runner: noproc"
    assert (FleetRefused("service_unavailable", why), []) == managed(work)


def test_a_restart_keeps_the_configuration_and_the_old_tree_is_gone(managed: Any) -> None:
    async def work(sandboxes: Sandboxes, launcher: Any) -> Any:
        await create(max_restarts=9)
        again = await SandboxManager.ask(Restart(None, "a", "ada"))
        old, new = launcher.programs
        return again, old.node.processes(), new.node.whereis("a") is not None

    again, old, new = managed(work)
    assert (1, 9, "running") == (again.restart_count, again.configuration.max_restarts, again.status)
    assert ([], True) == (old, new)


def test_a_reload_keeps_the_state_of_what_runs(managed: Any) -> None:
    async def work(sandboxes: Sandboxes, launcher: Any) -> Any:
        await create()
        counter = launcher.programs[0].node.whereis("a")
        GenServer.cast(counter, "tick")
        report = await SandboxManager.ask(Reload(None, "a", "ada", TEN))
        GenServer.cast(counter, "tick")
        return report, await GenServer.call(counter, "get"), sandboxes.find("a")

    report, count, sandbox = managed(work)
    assert {"a", "Main"} == {one.name for one in report.servers}
    assert 11 == count
    assert (2, [1, 2]) == (sandbox.current, [one.number for one in sandbox.versions])


def test_destroy_leaves_nothing(managed: Any) -> None:
    async def work(sandboxes: Sandboxes, launcher: Any) -> Any:
        await create()
        gone = await SandboxManager.ask(Destroy(None, "a"))
        return (gone.id, gone.reason), sandboxes.all(), launcher.programs[0].node.processes(), sandboxes.programs

    assert (("a", "it was destroyed"), [], [], {}) == managed(work)


def test_a_sandbox_that_does_not_stop_is_busy_until_it_is_killed(managed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("superlearner.sandbox.runner.STOP_S", 0.01)

    async def work(sandboxes: Sandboxes, launcher: Any) -> Any:
        launcher.stubborn = True
        await create()
        busy = await SandboxManager.ask(Destroy(None, "a"))
        gone = await SandboxManager.ask(Destroy(None, "a", force=True))
        return busy.code, gone.id, sandboxes.all()

    assert ("sandbox_busy", "a", []) == managed(work)


def test_a_sandbox_that_ends_by_itself_keeps_its_reason(managed: Any) -> None:
    async def work(sandboxes: Sandboxes, launcher: Any) -> Any:
        await create()
        runner = sandboxes.runners["a"]
        await launcher.programs[0].close("used more than 512 MiB of memory")
        await otp.wait_down(runner)
        await SandboxManager.ask(Destroy(None, "nobody"))  # by now it has received the end
        return sandboxes.find("a")

    ended = managed(work)
    assert ("ended", "used more than 512 MiB of memory") == (ended.status, ended.reason)
    assert "sandbox a ended: used more than 512 MiB of memory" in said


def test_a_new_service_takes_over_what_runs_and_ends_what_was_half_done(managed: Any) -> None:
    async def work(sandboxes: Sandboxes, launcher: Any) -> Any:
        await create("a")
        launcher.gate.clear()
        me = otp.self()

        async def ask() -> None:
            otp.send(me, "asks")
            await create("b")

        otp.spawn(ask)
        await otp.receive()
        await SandboxManager.ask(Destroy(None, "nobody"))  # answered after what was asked before it
        half = sandboxes.runners["b"]
        service = otp.whereis(MANAGER)
        assert service is not None
        otp.unlink(service)
        otp.exit(service, "kill")
        await otp.wait_down(service)
        await SandboxManager.start_link(sandboxes, name=MANAGER)
        await otp.wait_down(half)
        await SandboxManager.ask(Destroy(None, "nobody"))
        assert launcher.programs[0].node.whereis("a") is not None
        return sandboxes.find("a"), sandboxes.find("b")

    kept, lost = managed(work)
    assert ("running", 0) == (kept.status, kept.restart_count)
    assert ("ended", "the sandbox service ended while it was starting") == (lost.status, lost.reason)
    assert "the sandbox service restarted; it took over a" in said


def test_a_kill_of_its_runner_ends_a_sandbox_and_says_so(managed: Any) -> None:
    async def work(sandboxes: Sandboxes, launcher: Any) -> Any:
        await create()
        runner = sandboxes.runners["a"]
        otp.exit(runner, "kill")
        await otp.wait_down(runner)
        await SandboxManager.ask(Destroy(None, "nobody"))
        return sandboxes.find("a")

    assert managed(work).reason.startswith("its process in the platform ended: killed")


def test_the_log_names_the_sandbox_that_ended_rather_than_its_runner(
    managed: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    async def work(sandboxes: Sandboxes, launcher: Any) -> Any:
        await create()
        other = await DynamicSupervisor.start_child(RUNNERS, Agent.child_spec(dict))
        for pid in (sandboxes.runners["a"], other):
            otp.exit(pid, "kill")
            await otp.wait_down(pid)
        await SandboxManager.ask(Destroy(None, "nobody"))
        return said

    log = TerminalLog(lambda: Settings(browser=False), of_platform=True)
    log.open()
    try:
        told = managed(work)
    finally:
        log.close()
    assert told[-1].startswith("sandbox a ended: its process in the platform ended: killed")
    (line,) = capsys.readouterr().err.splitlines()
    assert ") restarted " in line


def test_a_program_that_was_killed_for_a_reason_has_it_on_its_record(managed: Any) -> None:
    async def work(sandboxes: Sandboxes, launcher: Any) -> Any:
        await create()
        runner = sandboxes.runners["a"]
        otp.exit(runner, ("shutdown", ("peer", "killed", "its tree gave up")))  # as by the link with its peer
        await otp.wait_down(runner)
        await SandboxManager.ask(Destroy(None, "nobody"))
        return sandboxes.find("a")

    assert "its tree gave up" == managed(work).reason
