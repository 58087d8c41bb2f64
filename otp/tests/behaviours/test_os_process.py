"""External programs as processes. Real ones: a test waits for messages, and for the ends of pipes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import otp
from otp import BadArgument, Children, Error, OsProcess, Output, StartError, Supervisor
from otp.sys import get_state
from otp.testing import RealIONotSimulated, Scheduler

MODES: dict[str, dict[str, Any]] = {"inline": {"inline": True}, "queued": {"inline": False}, "seed 1": {"seed": 1}}

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs process groups")


@pytest.fixture(params=list(MODES))
def run(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Runs an async function as the first process of a node, in real time."""

    def run_here(fn: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        return Scheduler(io="real", **MODES[request.param]).run(fn, *args)

    return run_here


class Lifeline:
    """A named pipe that programs hold open by `exec 9>"$LIFELINE"`: reading it ends when all of them have ended."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = str(path)
        self.fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        os.set_blocking(self.fd, True)

    def is_released(self) -> bool:
        """Return whether no process holds it at present."""
        os.set_blocking(self.fd, False)
        try:
            return os.read(self.fd, 1) == b""
        except BlockingIOError:
            return False

    def wait_released(self) -> None:
        """Wait until all have ended, limited by pytest's own time-out."""
        os.set_blocking(self.fd, True)
        while os.read(self.fd, 100):
            pass


@pytest.fixture
def lifeline(tmp_path: Path) -> Iterator[Lifeline]:
    made = Lifeline(tmp_path / "lifeline")
    yield made
    os.close(made.fd)


def sh(script: str) -> list[str]:
    return ["sh", "-c", script]


def holding(lifeline: Lifeline, script: str) -> list[str]:
    """A shell that holds the lifeline, as do all its children."""
    return sh(f"exec 9>'{lifeline.path}'; {script}")


async def start(argv: list[str], **options: Any) -> otp.Pid:
    """Start a program whose end is reported by its link, however soon it comes."""
    otp.process_flag("trap_exit", True)
    return await OsProcess.start_link(argv, **options)


async def lines_until_the_end(pid: otp.Pid) -> tuple[list[tuple[str, Any]], Any]:
    """Return the output of a program of `start` and its exit reason; nothing may follow."""
    seen: list[tuple[str, Any]] = []
    while True:
        match await otp.receive(otp.AnyOf(Output, otp.Is(otp.ExitSignal, pid=pid))):
            case Output(writer, stream, data, False):
                assert pid == writer
                seen.append((stream, data))
            case otp.ExitSignal(_, reason):
                assert 0 == otp.process_info(otp.self(), "message_queue_len")
                return seen, reason


# Output


def test_all_output_comes_in_whole_lines_before_the_end(run: Any) -> None:
    async def program() -> None:
        pid = await start(sh("printf 'one\\ntw'; printf 'o\\r\\n\\n'; echo oops >&2; printf last"))
        seen, reason = await lines_until_the_end(pid)
        assert ["one", "two", "", "last"] == [data for stream, data in seen if stream == "stdout"]
        assert ["oops"] == [data for stream, data in seen if stream == "stderr"]
        assert "normal" == reason

    run(program)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 0", "normal"),
        ("exit 3", ("exit_status", 3)),
        ("kill -KILL $$", ("exit_signal", "SIGKILL")),
        ("kill -SEGV $$", ("exit_signal", "SIGSEGV")),
    ],
)
def test_the_reason_says_how_the_program_ended(script: str, reason: Any) -> None:
    async def program() -> None:
        otp.process_flag("trap_exit", True)
        pid = await OsProcess.start_link(sh(script))
        assert otp.ExitSignal(pid, reason) == await otp.receive()
        assert OsProcess.os_pid(pid) is None

    Scheduler(io="real").run(program)


def test_what_is_no_utf_8_is_replaced_and_bytes_come_as_they_are(run: Any) -> None:
    async def program() -> None:
        script = sh("printf 'caf\\303\\251 \\377\\n'")
        assert [("stdout", "café \N{REPLACEMENT CHARACTER}")] == (await lines_until_the_end(await start(script)))[0]
        raw = await start(script, lines=False)
        assert b"caf\xc3\xa9 \xff\n" == b"".join(data for _, data in (await lines_until_the_end(raw))[0])

    run(program)


def test_what_a_debugger_lets_interpreters_print_is_no_output(monkeypatch: pytest.MonkeyPatch) -> None:
    """A debugger (debugpy) puts itself into each Python that is started, so into the guard, and prints warnings."""
    popen = subprocess.Popen
    noise = "import sys; print('noise'); print('noise', file=sys.stderr, flush=True); sys.argv = sys.argv[1:]"
    under_a_debugger = f"{noise}; exec(compile(open(sys.argv[0]).read(), sys.argv[0], 'exec'))"

    def start(command: list[str], **options: Any) -> Any:
        return popen([*command[:3], "-c", under_a_debugger, *command[3:]], **options)

    monkeypatch.setattr(subprocess, "Popen", start)

    async def main() -> list[tuple[str, Any]]:
        await OsProcess.start(["sh", "-c", "echo out; read line; echo $line >&2"], owner=otp.self(), name="sh")
        first = await otp.receive(Output)
        await OsProcess.write("sh", "err\n")
        second = await otp.receive(Output)
        return [(one.stream, one.data) for one in (first, second)]

    assert [("stdout", "out"), ("stderr", "err")] == Scheduler(io="real").run(main)


def test_a_line_that_is_too_long_comes_in_parts() -> None:
    async def program() -> None:
        await OsProcess.start_link([sys.executable, "-c", "print('é' * 100_000); print('next')"])
        parts: list[Output] = []
        while not parts or parts[-1].partial:
            parts.append(await otp.receive(Output))
        assert "é" * 100_000 == "".join(str(part.data) for part in parts)
        assert all(len(str(part.data).encode()) <= 65_536 for part in parts)
        assert ("next", False) == (await otp.receive(Output))[2:]

    Scheduler(io="real").run(program)


def test_a_slow_owner_slows_the_program_down(run: Any) -> None:
    """The mailbox stays small however much the program has to say, and nothing is lost."""

    async def program() -> None:
        count = 20_000
        pid = await start(["seq", str(count)])
        ref = otp.monitor(pid)
        longest = 0
        for number in range(1, count + 1):
            assert str(number) == (await otp.receive(Output)).data
            longest = max(longest, otp.process_info(otp.self(), "message_queue_len"))
        assert "normal" == (await otp.receive(ref)).reason
        assert longest <= 2 * 256  # with what the seed has under way

    run(program)


def test_an_owner_that_only_waits_for_the_end_finds_all_output_then(run: Any) -> None:
    async def program() -> None:
        pid = await start(["seq", "1000"])
        await otp.receive(otp.Is(otp.ExitSignal, pid=pid, reason="normal"))
        assert [str(n) for n in range(1, 1001)] == [(await otp.receive(timeout=0)).data for _ in range(1000)]

    run(program)


def test_a_program_that_closes_its_output_lives_on(run: Any) -> None:
    async def program() -> None:
        pid = await start(sh("echo bye; exec >&- 2>&-; read word; exit 7"))
        assert "bye" == (await otp.receive(Output)).data
        await OsProcess.write(pid, "go\n")
        assert ([], ("exit_status", 7)) == await lines_until_the_end(pid)

    run(program)


def test_output_goes_to_whoever_bears_the_name_of_the_owner_now(run: Any) -> None:
    async def program() -> None:
        pid = await start(["cat"], owner="reader")
        await OsProcess.write(pid, "nobody hears this\n")
        otp.register("reader", otp.self())
        await OsProcess.write(pid, "this\n")
        heard = (await otp.receive(Output)).data
        if heard != "this":  # it was quicker than what it copied
            heard = (await otp.receive(Output)).data
        assert "this" == heard
        await OsProcess.stop(pid)

    run(program)


# Input


def test_input_is_written_until_it_is_closed(run: Any, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "end")
    end = os.open(tmp_path / "end", os.O_RDWR)

    async def program() -> None:
        pid = await start(["sh", "-c", 'cat; read -r line < "$0"', str(tmp_path / "end")])
        await OsProcess.write(pid, "tëxt\n")
        await OsProcess.write(pid, b"bytes")
        await OsProcess.close_stdin(pid)
        with pytest.raises(Error) as closed:
            await OsProcess.write(pid, "more")
        assert "closed" == closed.value.reason
        os.write(end, b"\n")
        assert ([("stdout", "tëxt"), ("stdout", "bytes")], "normal") == await lines_until_the_end(pid)

    run(program)
    os.close(end)


def test_a_write_ends_when_the_pipe_has_taken_all_of_it() -> None:
    async def program() -> None:
        pid = await start(["cat"], lines=False)
        data = bytes(range(256)) * 4096  # more than two pipes hold
        otp.spawn(OsProcess.write, pid, data)
        seen = b""
        while len(seen) < len(data):
            seen += (await otp.receive(Output)).data
        assert data == seen
        await OsProcess.stop(pid)

    Scheduler(io="real").run(program)


def test_a_write_to_a_program_that_has_closed_its_input_fails() -> None:
    async def program() -> None:
        pid = await start(sh("exec <&-; echo closed; exec sleep 1000"))
        await otp.receive(Output)
        with pytest.raises(Error) as failed:
            await OsProcess.write(pid, "anything")
        assert "epipe" == failed.value.reason
        await OsProcess.stop(pid)

    Scheduler(io="real").run(program)


def test_the_environment_and_the_directory_are_those_given(tmp_path: Path) -> None:
    async def program() -> None:
        pid = await start(sh("echo $GREETING $HOME; pwd -P"), env={"GREETING": "hi"}, cwd=tmp_path)
        assert [("stdout", "hi"), ("stdout", str(tmp_path.resolve()))] == (await lines_until_the_end(pid))[0]

    Scheduler(io="real").run(program)


# Starts that fail


def test_a_start_that_fails_says_what_the_operating_system_said(run: Any, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("no program")
    missing = str(tmp_path / "missing")

    async def program() -> None:
        for argv, options, reason in [
            (["no-such-program"], {}, ("enoent", "no-such-program")),
            ([missing], {}, ("enoent", missing)),
            ([str(plain)], {}, ("eacces", str(plain))),
            (["true"], {"cwd": missing}, ("enoent", missing)),
        ]:
            with pytest.raises(StartError) as failed:
                await start(argv, **options)
            assert reason == failed.value.reason
        assert [otp.self()] == otp.processes()

    run(program)


def test_a_supervisor_needs_to_be_told_who_gets_the_output() -> None:
    async def program() -> None:
        with pytest.raises(BadArgument, match="owner="):
            OsProcess.child_spec(["true"])
        otp.process_flag("trap_exit", True)
        with pytest.raises(StartError) as failed:
            await Supervisor.start_link_children([otp.ChildSpec("p", start=(OsProcess.start_link, ["true"]))])
        assert "owner=" in str(failed.value)

    Scheduler(io="real").run(program)


@pytest.mark.parametrize(
    ("argv", "options"),
    [
        ("ls -l", {}),
        ([], {}),
        ([1], {}),
        (["a\0b"], {}),
        (["ls"], {"stop_signal": "SIGNOTHING"}),
        (["ls"], {"shutdown": -1}),
        (["ls"], {"owner": 17}),
    ],
)
def test_wrong_arguments_are_refused_before_anything_starts(argv: Any, options: Any) -> None:
    async def program() -> None:
        with pytest.raises(BadArgument):
            await OsProcess.start_link(argv, **options)

    Scheduler(io="real").run(program)


def test_virtual_time_has_no_programs() -> None:
    async def program() -> None:
        await OsProcess.start_link(["true"])

    with pytest.raises(RealIONotSimulated, match="subprocess_exec"):
        Scheduler().run(program)


# The end


def test_the_whole_group_has_ended_when_the_end_is_told(run: Any, lifeline: Lifeline) -> None:
    async def program() -> None:
        pid = await start(holding(lifeline, "sleep 1000 & sleep 1000 & echo ready; wait"))
        await otp.receive(Output)
        group = OsProcess.os_pid(pid)
        assert group is not None and group == os.getpgid(group) != os.getpgid(0)
        assert not lifeline.is_released()
        await OsProcess.stop(pid, "shutdown")
        assert lifeline.is_released()
        with pytest.raises(ProcessLookupError):
            os.killpg(group, 0)

    run(program)


def test_a_killed_process_takes_its_group_along(run: Any, lifeline: Lifeline) -> None:
    async def program() -> None:
        pid = await start(holding(lifeline, "trap '' TERM; sleep 1000 & echo ready; wait"))
        ref = otp.monitor(pid)
        await otp.receive(Output)
        otp.exit(pid, "kill")
        assert "killed" == (await otp.receive(ref)).reason
        assert lifeline.is_released()

    run(program)


def test_what_a_program_leaves_in_its_group_is_stopped_with_it(run: Any, lifeline: Lifeline) -> None:
    async def program() -> None:
        pid = await start(holding(lifeline, "sleep 1000 & exit 4"))
        assert ([], ("exit_status", 4)) == await lines_until_the_end(pid)
        assert lifeline.is_released()

    run(program)


def test_who_ignores_the_stop_signal_is_killed_after_the_shutdown_time(run: Any, lifeline: Lifeline) -> None:
    async def program() -> None:
        argv = holding(lifeline, "trap 'echo no' TERM; echo ready; while :; do sleep 1000 <&- & wait; done")
        pid = await start(argv, shutdown=0.2)
        assert "ready" == (await otp.receive(Output)).data
        ref = otp.monitor(pid)
        otp.exit(pid, "shutdown")
        assert "no" == (await otp.receive(Output)).data
        assert "shutdown" == (await otp.receive(ref)).reason
        assert lifeline.is_released()

    run(program)


LAST_WORDS = """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
print("ready", flush=True)
signal.sigwait([signal.SIGUSR1])
print("last words")
"""


def test_the_stop_signal_is_the_one_asked_for_and_the_last_words_are_heard(run: Any) -> None:
    async def program() -> None:
        pid = await start([sys.executable, "-c", LAST_WORDS], stop_signal="SIGUSR1")
        assert "ready" == (await otp.receive(Output)).data
        otp.exit(pid, "shutdown")
        assert ([("stdout", "last words")], "shutdown") == await lines_until_the_end(pid)

    run(program)


def test_a_program_that_was_halted_is_stopped_in_order(lifeline: Lifeline) -> None:
    async def program() -> None:
        pid = await start(holding(lifeline, "echo up; exec sleep 1000"), shutdown="infinity")
        await otp.receive(Output)
        os.kill(OsProcess.os_pid(pid) or 0, signal.SIGSTOP)
        await OsProcess.stop(pid)
        assert lifeline.is_released()

    Scheduler(io="real").run(program)


def test_without_a_file_the_guard_is_run_from_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an archive."""

    async def program() -> None:
        monkeypatch.setattr(Path, "is_file", lambda self: False)
        pid = await start(["echo", "here"])
        assert ([("stdout", "here")], "normal") == await lines_until_the_end(pid)

    Scheduler(io="real").run(program)


def test_the_program_ends_with_the_process_that_it_is_linked_to(lifeline: Lifeline) -> None:
    async def program() -> None:
        me = otp.self()

        async def starter() -> None:
            otp.send(me, await OsProcess.start_link(holding(lifeline, "exec sleep 1000")))
            await otp.receive()

        linked = otp.spawn(starter)
        ref = otp.monitor(await otp.receive())
        otp.send(linked, "end")
        assert "normal" == (await otp.receive(ref)).reason
        assert lifeline.is_released()

    Scheduler(io="real").run(program)


def test_a_supervisor_restarts_a_program_and_stops_it(run: Any, lifeline: Lifeline) -> None:
    class Tree(Supervisor):
        @otp.impl
        def init(self, arg: Any) -> Children:
            argv = holding(lifeline, "echo up; exec sleep 1000")
            return Children([OsProcess.child_spec(argv, owner=arg, name="program", shutdown=10)])

    async def program() -> None:
        tree = await Tree.start_link(otp.self())
        first = await otp.receive(Output)
        os.kill(OsProcess.os_pid("program") or 0, signal.SIGTERM)
        second = await otp.receive(Output)
        assert ("up", "up") == (first.data, second.data)
        assert first.pid != second.pid
        await Supervisor.stop(tree)
        assert lifeline.is_released()

    run(program)


def test_nothing_of_a_program_is_left_in_ours() -> None:
    async def program() -> None:
        async def one(argv: list[str], stop: bool) -> None:
            pid = await start(argv)
            if stop:
                otp.exit(pid, "kill")
            await otp.wait_down(pid)

        async def all_ways() -> None:
            await one(["true"], False)
            await one(["sleep", "1000"], True)
            with pytest.raises(StartError):
                await one(["no-such-program"], False)

        await all_ways()
        before = os.listdir("/dev/fd")
        await all_ways()
        assert before == os.listdir("/dev/fd")
        with pytest.raises(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)

    Scheduler(io="real").run(program)


DAEMON = """
import os, sys
ready, tell = os.pipe()
if os.fork():
    os.read(ready, 1)
    os._exit(0)
os.setsid()
held = os.open(sys.argv[1], os.O_WRONLY)
os.write(tell, b"x")
os.read(os.open(sys.argv[2], os.O_RDONLY), 1)
"""


def test_a_daemon_in_a_session_of_its_own_is_not_ours_and_holds_up_nobody(lifeline: Lifeline) -> None:
    """It has inherited our pipes, which therefore never come to their end."""
    order = f"{lifeline.path}.end"
    os.mkfifo(order)

    async def program() -> None:
        pid = await start([sys.executable, "-c", DAEMON, lifeline.path, order])
        assert ([], "normal") == await lines_until_the_end(pid)
        assert not lifeline.is_released()

    Scheduler(io="real").run(program)
    Path(order).write_text("end")
    lifeline.wait_released()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is best effort")
def test_the_program_does_not_outlive_its_guard(lifeline: Lifeline) -> None:
    async def program() -> None:
        pid = await start(holding(lifeline, "echo up; exec sleep 1000"))
        await otp.receive(Output)
        state = await get_state(pid)
        os.kill(state._guard.pid, signal.SIGKILL)
        assert ([], ("exit_signal", "SIGKILL")) == await lines_until_the_end(pid)

    Scheduler(io="real").run(program)
    lifeline.wait_released()


def test_no_orphan_is_left_when_we_are_killed(lifeline: Lifeline) -> None:
    """Killed with SIGKILL, our program has no chance to stop anything: the guard has."""
    ours = textwrap.dedent(
        """
        import sys
        import otp
        from otp import OsProcess, Output

        async def main():
            await OsProcess.start_link(["sh", "-c", sys.argv[1]])
            print((await otp.receive(Output)).data, flush=True)
            await otp.receive()

        otp.run(main)
        """
    )
    script = holding(lifeline, "trap '' TERM HUP INT; sleep 1000 & echo up; wait")[-1]
    with subprocess.Popen([sys.executable, "-c", ours, script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert b"up\n" == parent.stdout.readline()
        assert not lifeline.is_released()
        parent.kill()
    lifeline.wait_released()
