"""Programs whose standard streams are closed, full, or without a reader."""

from __future__ import annotations

import errno
import io
import logging
import os
import subprocess
import sys
from typing import Any

import pytest

import otp
from otp import GenServer, Ok, impl
from otp.standard_streams import write_line

SERVICE = """
import logging, os, signal, sys
import otp
from otp import Children, GenServer, Ok, OsProcess, Supervisor, impl, process_flag

class Till(GenServer):
    @impl
    def init(self, arg):
        process_flag("trap_exit", True)
        return Ok(arg)
    @impl
    def handle_cast(self, request, state):
        raise ValueError(request)
    @impl
    def terminate(self, reason, state):
        os.write(9, b"closed\\n")

class Top(Supervisor):
    @impl
    def init(self, arg):
        return Children([Till.child_spec(0, name="till")])

async def main(number):
    await Top.start_link(None)
    GenServer.cast("till", "a report of this crash goes to standard error")
    program = await OsProcess.start_link([sys.executable, "-S", "-c", "print(1)"], owner=otp.self())
    while not isinstance(await otp.receive(), otp.Output):
        pass
    os.write(9, b"output\\n")
    os.kill(os.getpid(), number)
    await otp.receive(otp.Is("nothing"))
"""


def run(program: str, *, streams: str = "", **env: str) -> tuple[int, str]:
    """Run a program with redirections of a shell; return its exit status, and what it wrote on descriptor 9."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -c "$1" 9>&1 {streams}', sys.executable, program],
        capture_output=True, text=True, env={**kept, **env}, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


@pytest.mark.parametrize("streams", [">&- 2>&- <&-", ">/dev/null 2>/dev/full", "2>&-"])
def test_a_service_works_and_stops_in_order_without_output(streams: str) -> None:
    story = "closed\noutput\nclosed\n"
    assert (0, story) == run(f"{SERVICE}\notp.run(main, signal.SIGTERM)", streams=streams)


def test_a_terminal_that_closes_stops_a_service_in_order_but_for_nohup() -> None:
    stops = f"{SERVICE}\notp.run(main, signal.SIGHUP)"
    assert (0, "closed\noutput\nclosed\n") == run(stops)
    ignores = """
import os, signal
import otp
signal.signal(signal.SIGHUP, signal.SIG_IGN)
async def main():
    os.kill(os.getpid(), signal.SIGHUP)
    return "goes on"
os.write(9, otp.run(main).encode())
assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
"""
    assert (0, "goes on") == run(ignores)


def test_a_program_whose_result_is_not_written_fails_as_any_other() -> None:
    """Only reports are worth no exit status; 120 is Python's for output that it cannot write."""
    program = "import otp\nasync def main(): print('result')\notp.run(main)"
    assert (0, 120) == (run(program)[0], run(program, streams="> /dev/full")[0])


def test_a_peer_of_a_program_that_closed_its_streams_has_its_connections() -> None:
    program = """
import asyncio, os
import otp
from otp.peer import start
async def main():
    async with otp.Node("a"):
        os.closerange(0, 3)
        peer = await start("b@127.0.0.1", "boot:boot", files={"boot.py": "def boot(here): print(1)"})
        os.write(9, peer.name.encode())
        await peer.stop()
asyncio.run(main())
"""
    assert (0, "b@127.0.0.1") == run(program)


FORGIVING = "import sys, os\nfrom otp.standard_streams import *\nforgive_lost_output()\n"


@pytest.mark.parametrize(
    ("program", "streams", "env"),
    [
        pytest.param("print('x' * 99999)\nprint('y', file=sys.stderr)", "> /dev/full 2>&1", {}, id="full"),
        pytest.param("print('x')\nprint('y', file=sys.stderr)\nsys.stdin.read()", "<&- >&- 2>&-", {}, id="closed"),
        pytest.param("print('x' * 99999, flush=True)", "> /dev/full", {"PYTHONUNBUFFERED": "1"}, id="unbuffered"),
        pytest.param("print('\u00e9\\ud800')", "> /dev/null", {"PYTHONIOENCODING": "ascii"}, id="ascii"),
        pytest.param("print('\\ud800')", "> /dev/null", {"LC_ALL": "C"}, id="the C locale"),
        pytest.param("print('x' * 99999)\nprint('y', flush=True)", "", {}, id="no reader"),
    ],
)  # fmt: skip
def test_lines_that_cannot_be_printed_are_dropped(program: str, streams: str, env: dict[str, str]) -> None:
    leave = "" if streams else "r, w = os.pipe(); os.close(r); os.dup2(w, 1)\n"
    assert (0, "lasts") == run(f"{FORGIVING}{leave}{program}\nos.write(9, b'lasts')", streams=streams, **env)


def test_a_pipe_that_another_program_made_non_blocking_gets_all() -> None:
    program = f"""
import os, threading
r, w = os.pipe()
os.set_blocking(w, False)
os.dup2(w, 1); os.close(w)
got = []
def read():
    while part := os.read(r, 9999): got.append(part)
reader = threading.Thread(target=read)
{FORGIVING}
timer = threading.Thread(target=lambda: (os.read(r, 1), reader.start()))
timer.start()
print("x" * 300_000, flush=True)
os.close(1)
timer.join(); reader.join()
os.write(9, str(sum(map(len, got))).encode())
os.dup2(2, 1)
"""
    assert (0, "300000") == run(program)


class Full(io.StringIO):
    """A stream on a full disk."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("stream", [Full(), None], ids=["full", "none"])
def test_lines_of_ours_need_no_stream(stream: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trace of a debugger and the report of a broken log handler once ended whatever printed them."""

    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError("a handler that raises")

    class Till(GenServer[int]):
        @impl
        def init(self, arg: int) -> Any:
            return Ok(arg)

        @impl
        def handle_call(self, request: Any, from_: Any, state: int) -> Any:
            return otp.Reply(state, state + 1)

    async def main() -> list[int]:
        till = await Till.start(1)
        await otp.sys.trace(till, True)
        otp.exit(otp.spawn(otp.receive), "a reason that is logged")
        return [await GenServer.call(till, "next") for _ in range(2)]

    monkeypatch.setattr(logging.getLogger("otp"), "handlers", [Broken(logging.DEBUG)])
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", stream)
    assert [1, 2] == otp.run(main)


def test_a_line_that_cannot_be_encoded_is_dropped() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), "ascii")
    write_line(stream, "é")
    write_line(None, "é")
