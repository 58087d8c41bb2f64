"""Ctrl-C in `otp.run`: each test starts a program, and sends it a signal after a certain line of output.

The first asks for an orderly stop, each later one raises `KeyboardInterrupt` in the running code, as `asyncio.Runner`.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")

HINT = "stopping; press Ctrl-C again to interrupt\n"
ENDED_BY_INTERRUPT = -signal.SIGINT

COMMON = """
import asyncio, logging, os, signal, sys, threading, time
import otp
from otp import GenServer, NoReply, Ok, Reply, impl

logging.getLogger("otp").setLevel(logging.CRITICAL + 1)

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

class Witness(GenServer[None]):
    @impl
    def init(self, arg):
        otp.process_flag("trap_exit", True)
        return Ok(None)

    @impl
    def terminate(self, reason, state):
        say("witness ended:", reason)

class Worker(GenServer[None]):
    @impl
    def init(self, arg):
        otp.process_flag("trap_exit", True)
        return Ok(None)

    @impl
    def handle_cast(self, request, state):
        say("computes")
        while True:
            pass

    @impl
    async def handle_call(self, request, caller, state):
        say("waits")
        await asyncio.Event().wait()

def run(main, *args, **options):
    before = signal.getsignal(signal.SIGINT)
    try:
        say("returned", otp.run(main, *args, **options))
    finally:
        say("restored", signal.getsignal(signal.SIGINT) is before)
"""


class Program:
    """A running program whose lines are read one by one."""

    def __init__(self, text: str) -> None:
        self.process: subprocess.Popen[str] = subprocess.Popen(
            [sys.executable, "-c", COMMON + text],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def says(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def complains(self) -> str:
        assert self.process.stderr is not None
        return self.process.stderr.readline()

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def rest(self) -> tuple[list[str], str, int]:
        """Return the remaining lines of output, the last line on standard error, and the exit status."""
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        said, errors = self.process.stdout.read(), self.process.stderr.read()
        return said.splitlines(), errors.splitlines()[-1] if errors else "", self.process.wait(30)


@pytest.fixture
def begin() -> Generator[Callable[[str], Program], None, None]:
    programs: list[Program] = []

    def begin_one(text: str) -> Program:
        programs.append(Program(text))
        return programs[-1]

    yield begin_one
    for program in programs:
        program.process.kill()
        program.process.communicate()


IDLE = """
async def main():
    await Witness.start_link(None)
    say("runs")
    await otp.receive()

run(main)
"""


def test_the_first_stops_an_idle_program_in_order(begin: Any) -> None:
    program = begin(IDLE)
    assert "runs" == program.says()
    program.interrupt()
    assert HINT == program.complains()
    ended = (["witness ended: shutdown", "restored True"], "KeyboardInterrupt", ENDED_BY_INTERRUPT)
    assert ended == program.rest()


COMPUTES = """
async def main():
    await Witness.start(None)
    worker = await Worker.start(None)
    GenServer.cast(worker, "compute")
    await otp.receive()

run(main, debug={debug})
"""


@pytest.mark.parametrize("debug", [False, True])
def test_the_second_interrupts_a_callback_that_computes_and_the_rest_stops_in_order(begin: Any, debug: bool) -> None:
    """Regression: Ctrl-C had no effect, because the loop that was to handle it did not turn."""
    program = begin(COMPUTES.format(debug=debug))
    assert "computes" == program.says()
    program.interrupt()
    assert HINT == program.complains()
    program.interrupt()
    ended = (["witness ended: shutdown", "restored True"], "KeyboardInterrupt", ENDED_BY_INTERRUPT)
    assert ended == program.rest()


@pytest.mark.parametrize(
    "where",
    [
        "otp.spawn(computes)",
        "await Computes.start(None)",
        "asyncio.get_running_loop().call_soon(computes)",
        "asyncio.create_task(computes_async())",
        "computes()",
        "await otp.receive(lambda message: computes())",
    ],
)
def test_the_second_interrupts_whatever_code_computes(begin: Any, where: str) -> None:
    program = begin(f"""
def computes():
    say("computes")
    while True:
        pass

async def computes_async():
    computes()

class Computes(Witness):
    @impl
    def init(self, arg):
        computes()

async def main():
    await Witness.start(None)
    otp.send(otp.self(), "message")
    {where}
    await otp.receive(otp.Tag("never"))

run(main)
""")
    assert "computes" == program.says()
    program.interrupt()
    assert HINT == program.complains()
    program.interrupt()
    ended = (["witness ended: shutdown", "restored True"], "KeyboardInterrupt", ENDED_BY_INTERRUPT)
    assert ended == program.rest()


def test_code_that_swallows_the_second_is_interrupted_by_the_third(begin: Any) -> None:
    program = begin("""
async def main():
    try:
        say("computes")
        while True:
            pass
    except KeyboardInterrupt:
        say("computes on")
        while True:
            pass

run(main)
""")
    assert "computes" == program.says()
    program.interrupt()
    assert HINT == program.complains()
    program.interrupt()
    assert "computes on" == program.says()
    program.interrupt()
    assert (["restored True"], "KeyboardInterrupt", ENDED_BY_INTERRUPT) == program.rest()


def test_the_second_interrupts_a_cleanup_that_computes_and_the_third_the_next_one(begin: Any) -> None:
    program = begin("""
class Stubborn(Witness):
    @impl
    def terminate(self, reason, state):
        say("cleans up")
        while True:
            pass

async def main():
    await Witness.start(None)
    await Stubborn.start(None)
    await Stubborn.start(None)
    say("runs")
    await otp.receive()

run(main)
""")
    assert "runs" == program.says()
    program.interrupt()
    assert HINT == program.complains()
    for _ in range(2):
        assert "cleans up" == program.says()
        program.interrupt()
    ended = (["witness ended: shutdown", "restored True"], "KeyboardInterrupt", ENDED_BY_INTERRUPT)
    assert ended == program.rest()


def test_the_second_leaves_a_cleanup_that_waits_for_ever(begin: Any) -> None:
    program = begin("""
class Stubborn(Witness):
    @impl
    async def terminate(self, reason, state):
        say("cleans up")
        await asyncio.Event().wait()

async def main():
    await Stubborn.start(None)
    say("runs")
    await otp.receive()

run(main)
""")
    assert "runs" == program.says()
    program.interrupt()
    assert HINT == program.complains()
    assert "cleans up" == program.says()
    program.interrupt()
    assert (["restored True"], "KeyboardInterrupt", ENDED_BY_INTERRUPT) == program.rest()


def test_one_that_comes_while_a_finished_program_closes_is_not_lost(begin: Any) -> None:
    program = begin("""
class Slow(Witness):
    @impl
    async def terminate(self, reason, state):
        say("cleans up")
        await asyncio.to_thread(os.read, 0, 1)
        say("cleaned up")

async def main():
    await Slow.start(None)
    return "result"

run(main)
""")
    assert "cleans up" == program.says()
    program.interrupt()
    assert HINT == program.complains()
    assert program.process.stdin is not None
    program.process.stdin.write("x")
    program.process.stdin.flush()
    assert (["cleaned up", "restored True"], "KeyboardInterrupt", ENDED_BY_INTERRUPT) == program.rest()


def test_one_that_comes_while_sigterm_stops_the_program_raises_keyboard_interrupt(begin: Any) -> None:
    """Regression: the program returned as if nobody had pressed Ctrl-C."""
    program = begin("""
class Slow(Witness):
    @impl
    async def terminate(self, reason, state):
        say("cleans up")
        await asyncio.to_thread(sys.stdin.readline)
        say("cleaned up")

async def main():
    await Slow.start(None)
    say("runs")
    await otp.receive()

run(main)
""")
    assert "runs" == program.says()
    program.process.send_signal(signal.SIGTERM)
    assert "cleans up" == program.says()
    program.interrupt()
    assert HINT == program.complains()
    program.process.stdin.write("go on\n")
    program.process.stdin.flush()
    assert (["cleaned up", "restored True"], "KeyboardInterrupt", ENDED_BY_INTERRUPT) == program.rest()


def test_each_run_counts_for_itself_and_a_handler_of_the_program_is_restored(begin: Any) -> None:
    program = begin("""
def mine(number, frame):
    say("mine")

async def main():
    say("runs")
    await otp.receive()

signal.signal(signal.SIGINT, mine)
for _ in range(2):
    try:
        run(main)
    except KeyboardInterrupt:
        say("interrupted")
os.kill(os.getpid(), signal.SIGINT)
""")
    for _ in range(2):
        assert "runs" == program.says()
        program.interrupt()
        assert HINT == program.complains()
        assert ["restored True", "interrupted"] == [program.says(), program.says()]
    assert (["mine"], "", 0) == program.rest()


def test_sigterm_does_not_change_what_ctrl_c_does_and_its_handler_is_restored(begin: Any) -> None:
    program = begin("""
def mine(number, frame):
    say("mine")

async def main():
    await Witness.start_link(None)
    say("runs")
    await otp.receive()

signal.signal(signal.SIGTERM, mine)
run(main)
os.kill(os.getpid(), signal.SIGTERM)
""")
    assert "runs" == program.says()
    program.process.send_signal(signal.SIGTERM)
    assert (["witness ended: shutdown", "returned None", "restored True", "mine"], "", 0) == program.rest()


@pytest.mark.parametrize("stopped_by", ["SIGTERM", "the end of main"])
def test_sigterm_does_not_cut_the_stop_short(begin: Any, stopped_by: str) -> None:
    """Regression: the handler was removed before the tree had stopped, and SIGTERM killed the program."""
    program = begin(f"""
class Saves(Witness):
    async def terminate(self, reason, state):
        await asyncio.to_thread(len, "")  # the loop turns meanwhile: `otp.run` knows that main has ended
        say("stops")
        await asyncio.to_thread(sys.stdin.readline)
        say("saved")

async def main():
    await otp.Supervisor.start_link_children([Saves.child_spec(None)], strategy="one_for_one")
    say("runs")
    if {stopped_by == "SIGTERM"}:
        await otp.receive()

run(main)
""")
    assert "runs" == program.says()
    if stopped_by == "SIGTERM":
        program.process.send_signal(signal.SIGTERM)
    assert "stops" == program.says()
    for _ in range(2):
        program.process.send_signal(signal.SIGTERM)
    program.process.stdin.write("go on\n")
    program.process.stdin.flush()
    assert (["saved", "returned None", "restored True"], "", 0) == program.rest()


def test_a_run_in_another_thread_leaves_ctrl_c_to_the_main_thread(begin: Any) -> None:
    program = begin("""
async def main():
    say("default", signal.getsignal(signal.SIGINT) is signal.default_int_handler)
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    await asyncio.to_thread(ended.wait)
    return "in order"

def work():
    run(main)
    finished.set()

ended, finished = threading.Event(), threading.Event()
try:
    threading.Thread(target=work).start()
    finished.wait()
except KeyboardInterrupt:
    say("interrupted")
    ended.set()
    finished.wait()
""")
    assert (["default True", "interrupted", "returned in order", "restored True"], "", 0) == program.rest()


def test_a_node_in_a_loop_of_somebody_else_leaves_its_handlers(begin: Any) -> None:
    program = begin("""
async def main():
    before = signal.getsignal(signal.SIGINT)
    try:
        async with otp.Node("guest") as node:
            await node.start(Witness)
            say("unchanged", signal.getsignal(signal.SIGINT) is before)
            await asyncio.Event().wait()
    finally:
        say("unchanged", signal.getsignal(signal.SIGINT) is before)

asyncio.run(main())
""")
    assert "unchanged True" == program.says()
    program.interrupt()
    ended = (["witness ended: shutdown", "unchanged True"], "KeyboardInterrupt", ENDED_BY_INTERRUPT)
    assert ended == program.rest()


def test_a_program_that_listens_to_ctrl_c_itself_keeps_its_handler(begin: Any) -> None:
    program = begin("""
async def main():
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, done.set)
    say("runs")
    await done.wait()
    loop.remove_signal_handler(signal.SIGINT)
    return "by itself"

run(main)
""")
    assert "runs" == program.says()
    program.interrupt()
    assert (["returned by itself", "restored True"], "", 0) == program.rest()
