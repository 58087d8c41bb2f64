"""Forks of an operating system process that runs a node: the node stays in the parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")

COMMON = """
import asyncio, multiprocessing, os, sys, threading
import otp
from otp import GenServer, NoReply, Ok, Reply, impl

class Counter(GenServer[int]):
    @impl
    def init(self, arg):
        return Ok(0)

    @impl
    def handle_call(self, request, caller, state):
        return Reply(state + 1, state + 1)

    @impl
    def handle_cast(self, request, state):
        return NoReply(state)

def attempt(what, fn):
    try:
        result = fn()
    except BaseException as error:
        is_named = "of the operating system" in str(error) or "none runs in this fork" in str(error)
        result = f"{type(error).__name__} {is_named}"
    print(what, result, flush=True)

async def count(cls=Counter):
    return await GenServer.call(await cls.start(None), "next")
"""

INSIDE_A_PROCESS = """
async def main():
    node = otp.node()
    counter = await Counter.start(None, name="counter")
    idle = otp.spawn(otp.receive)
    waiting = otp.spawn(otp.receive)
    ready = otp.spawn(print, "ran once", flush=True)
    await GenServer.call(counter, "next")
    child = os.fork()
    if child == 0:
        attempt("spawn", lambda: otp.spawn(print))
        attempt("node.spawn", lambda: node.spawn(print))
        attempt("send", lambda: otp.send(idle, 1))
        attempt("cast", lambda: GenServer.cast(counter, 1))
        attempt("cast by name", lambda: GenServer.cast("counter", 1))
        attempt("call", lambda: asyncio.run(GenServer.call(counter, "next")))
        attempt("start", lambda: asyncio.run(Counter.start(None)))
        attempt("node.start", lambda: asyncio.run(node.start(Counter)))
        attempt("self", otp.self)
        attempt("is_alive", lambda: otp.is_alive(counter))
        attempt("process_info", lambda: otp.process_info(counter))
        attempt("exit", lambda: otp.exit(waiting, "kill"))
        attempt("send_after", lambda: otp.send_after(1, waiting, 1))
        attempt("call_from_thread", lambda: node.call_from_thread(GenServer.call(counter, "next")))
        attempt("otp.run", lambda: otp.run(count))
        attempt("after otp.run", lambda: node.spawn(print))
        os._exit(0)
    os.waitpid(child, 0)
    living = [otp.self(), counter, idle, waiting, ready]
    print("parent", await GenServer.call(counter, "next"), node.processes() == living)

otp.run(main)
"""

REFUSED = "BadArgument True"


def printed_by(program: str) -> list[str]:
    # From Python 3.12 on, a fork in a process with threads is a warning; these programs fork on purpose.
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", COMMON + program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (0, "") == (done.returncode, done.stderr)
    return done.stdout.splitlines()


def test_what_uses_the_node_of_the_parent_raises_in_a_fork_and_the_parent_goes_on() -> None:
    """Regression: `spawn` returned a pid that never ran, and a copy of the server answered calls."""
    refused = (
        *("spawn", "node.spawn", "send", "cast", "cast by name", "call", "start", "node.start"),
        *("self", "is_alive", "process_info", "exit", "send_after", "call_from_thread"),
    )
    expected = [f"{what} {REFUSED}" for what in refused]
    assert [*expected, "otp.run 1", f"after otp.run {REFUSED}", "parent 2 True", "ran once"] == printed_by(
        INSIDE_A_PROCESS
    )


def test_a_fork_that_another_thread_makes_is_refused_as_well() -> None:
    program = """
async def main():
    counter = await Counter.start(None)

    def fork():
        child = os.fork()
        if child == 0:
            attempt("spawn", lambda: otp.node().spawn(print))
            attempt("cast", lambda: GenServer.cast(counter, 1))
            attempt("call", lambda: asyncio.run(GenServer.call(counter, "next")))
            attempt("otp.run", lambda: otp.run(count))
            os._exit(0)
        os.waitpid(child, 0)

    await asyncio.to_thread(fork)
    print("parent", await GenServer.call(counter, "next"))

otp.run(main)
"""
    assert [
        "spawn BadArgument False",  # this thread runs no node
        f"cast {REFUSED}",
        f"call {REFUSED}",
        "otp.run 1",
        "parent 1",
    ] == printed_by(program)


def test_a_child_of_multiprocessing_runs_a_node_of_its_own() -> None:
    program = """
def work(results):
    attempt("spawn", lambda: otp.spawn(print))
    results.put(otp.run(count))

async def main():
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    child = context.Process(target=work, args=(results,))
    child.start()
    print("child", await asyncio.to_thread(results.get))
    child.join()
    print("parent", await count())

otp.run(main)
"""
    assert [f"spawn {REFUSED}", "child 1", "parent 1"] == printed_by(program)


def test_importing_otp_registers_nothing_for_forks() -> None:
    """The first program registers them. `os` has no list of them, so a replaced `register_at_fork` prints them."""
    program = """
def registered(**functions):
    if "otp" in functions["after_in_child"].__module__:
        print(sorted(functions), flush=True)

os.register_at_fork = registered
print("imported")
otp.run(count)
otp.run(count)
"""
    assert ["imported", "['after_in_child', 'after_in_parent', 'before']"] == printed_by(program)


FORKED = """
import signal, time
context = multiprocessing.get_context("fork")

def end(child):
    child.join(20)
    ended = child.exitcode
    child.kill()
    return ended

def block():
    time.sleep(30)  # no test waits for it: a signal ends the child here, or `end` kills it

def square(x):
    return x * x
"""


def test_a_forked_child_that_is_terminated_ends_and_the_parent_goes_on() -> None:
    """Regression: its SIGTERM stopped the loop of the parent; from Python 3.12 on, it had no effect."""
    program = """
def work(ready):
    ready.put("works")
    block()

async def main():
    ready = context.SimpleQueue()
    child = context.Process(target=work, args=(ready,))
    child.start()
    print(ready.get())
    child.terminate()
    print(await asyncio.to_thread(end, child))
    print("parent", await count())

otp.run(main)
"""
    assert ["works", f"{-signal.SIGTERM}", "parent 1"] == printed_by(FORKED + program)


@pytest.mark.parametrize("fork", ["asyncio.to_thread(child.start)", "asyncio.sleep(0, child.start())"])
def test_a_signal_that_arrives_before_python_runs_in_the_fork_ends_it(fork: str) -> None:
    """Reproduce `start(); terminate()`: a fork hook that runs before those of `otp` sends the signal."""
    program = f"""
os.register_at_fork(after_in_child=lambda: os.kill(os.getpid(), signal.SIGTERM))

async def main():
    child = context.Process(target=block)
    await {fork}
    print(await asyncio.to_thread(end, child))
    print("held back", signal.pthread_sigmask(signal.SIG_BLOCK, ()))
    print("parent", await count())

otp.run(main)
"""
    assert [f"{-signal.SIGTERM}", "held back set()", "parent 1"] == printed_by(FORKED + program)


def test_a_pool_of_forked_processes_maps_and_closes() -> None:
    """Leaving the pool terminates its workers and waits for them."""
    program = """
async def main():
    with context.Pool(2) as pool:
        print(pool.map(square, range(5)))
    print("parent", await count())

otp.run(main)
"""
    assert ["[0, 1, 4, 9, 16]", "parent 1"] == printed_by(FORKED + program)


def test_ctrl_c_in_a_forked_child_is_not_handled_as_one_of_the_parent() -> None:
    """Regression: the child logged that it stops, and went on."""
    program = """
def work():
    try:
        os.kill(os.getpid(), signal.SIGINT)
        block()
    except KeyboardInterrupt:
        print("interrupted", flush=True)

async def main():
    child = context.Process(target=work)
    child.start()
    print(await asyncio.to_thread(end, child))
    print("parent", await count())

otp.run(main)
"""
    assert ["interrupted", "0", "parent 1"] == printed_by(FORKED + program)


def test_a_fork_gets_the_handlers_of_before_and_keeps_those_that_the_program_has_chosen() -> None:
    program = """
def mine(number, frame):
    print("mine", flush=True)

def theirs(number, frame):
    print("theirs", flush=True)

def raise_both():
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGINT)

async def main():
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, print, "never")  # removed with the loop
    for number in (None, signal.SIGTERM):
        if number:
            signal.signal(number, theirs)
        child = context.Process(target=raise_both)
        child.start()
        print(await asyncio.to_thread(end, child))
    asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)

signal.signal(signal.SIGTERM, mine)
signal.signal(signal.SIGINT, mine)
otp.run(main)
raise_both()
"""
    assert ["mine", "mine", "0", "theirs", "mine", "0", "mine", "mine"] == printed_by(FORKED + program)


def test_a_program_in_a_fork_handles_signals_of_its_own() -> None:
    program = """
async def waits(ready):
    ready.put("works")
    await otp.receive()

def work(ready):
    otp.run(waits, ready)
    print("stopped in order", flush=True)

async def main():
    ready = context.SimpleQueue()
    child = context.Process(target=work, args=(ready,))
    child.start()
    print(await asyncio.to_thread(ready.get))
    child.terminate()
    print(await asyncio.to_thread(end, child))
    print("parent", await count())

otp.run(main)
"""
    assert ["works", "stopped in order", "0", "parent 1"] == printed_by(FORKED + program)


LEAVES = """
async def leave():
    child = os.fork()
    if child == 0:
        {how}
        return None
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

async def wait(status):
    status.set_result(await leave())

class Forks(Counter):
    @impl
    def handle_call(self, request, caller, state):
        leaving = leave()
        try:
            leaving.send(None)
        except StopIteration as left:
            return Reply(left.value, state)

    @impl
    async def handle_cast(self, status, state):
        await wait(status)
        return NoReply(state)

async def cleans_up():
    try:
        await otp.receive()
    finally:
        print("cleaned up", flush=True)

async def in_main():
    return await leave()

async def in_a_callback():
    return await GenServer.call(await Forks.start_link(None), "fork")

async def in_an_async_callback():
    status = asyncio.get_running_loop().create_future()
    GenServer.cast(await Forks.start_link(None), status)
    return await status

async def in_a_task():
    return await asyncio.create_task(leave())

async def in_a_callback_of_the_loop():
    status = asyncio.get_running_loop().create_future()

    def forks():
        try:
            leave().send(None)
        except StopIteration as left:
            status.set_result(left.value)

    asyncio.get_running_loop().call_soon(forks)
    return await status

async def main():
    otp.spawn_link(cleans_up)
    print(await {where}())
    print("parent", await asyncio.to_thread(asyncio.run, asyncio.sleep(0, "hears")))  # its loop is woken

otp.run(main)
"""

PLACES = ("in_main", "in_a_callback", "in_an_async_callback", "in_a_task", "in_a_callback_of_the_loop")


def left(where: str, how: str) -> tuple[list[str], str, int]:
    """Return the output of a program whose fork leaves, the last line on standard error, and the exit status."""
    program = LEAVES.replace("{where}", where).replace("{how}", how)
    command = [sys.executable, "-W", "ignore", "-c", COMMON + program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert "otp.kernel" not in done.stderr
    return done.stdout.splitlines(), (done.stderr.splitlines() or [""])[-1], done.returncode


@pytest.mark.parametrize("where", PLACES)
def test_a_fork_that_calls_sys_exit_ends_with_its_status_and_the_parent_hears_its_loop(where: str) -> None:
    """Regression: it wrote two errors of ours, ended with 1, and closed the loop that it shared with the parent."""
    assert (["5", "parent hears", "cleaned up"], "", 0) == left(where, "sys.exit(5)")


@pytest.mark.parametrize("where", PLACES[:3])
def test_a_fork_that_raises_ends_with_its_traceback(where: str) -> None:
    assert (["1", "parent hears", "cleaned up"], "ValueError: mine", 0) == left(where, "raise ValueError('mine')")


@pytest.mark.parametrize(
    ("where", "how"),
    [
        *((where, "await asyncio.sleep(0)") for where in ("in_main", "in_an_async_callback", "in_a_task")),
        *((where, "return 0") for where in PLACES[1:]),
    ],
)
def test_a_fork_that_returns_or_waits_is_ended(where: str, how: str) -> None:
    said = "a fork came back into the event loop of its parent and was ended; end it with os._exit() or exec"
    assert (["1", "parent hears", "cleaned up"], said, 0) == left(where, how)
