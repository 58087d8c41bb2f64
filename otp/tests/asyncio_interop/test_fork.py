"""Forks of a process of the operating system that runs a node: the node stays with the parent."""

from __future__ import annotations

import os
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
    # Python 3.12 warns of a fork beside threads, which is what the program is about.
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", COMMON + program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (0, "") == (done.returncode, done.stderr)
    return done.stdout.splitlines()


def test_what_uses_the_node_of_the_parent_raises_in_a_fork_and_the_parent_goes_on() -> None:
    """`spawn` returned a pid that never ran, and a call was answered by a copy of the server."""
    refused = (
        *("spawn", "node.spawn", "send", "cast", "cast by name", "call", "start", "node.start", "exit", "send_after"),
        "call_from_thread",
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
        "spawn BadArgument False",  # no node runs in this thread
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
    """The first scheduler does; `os` has no list of what is registered, so its function says it."""
    program = """
def registered(**functions):
    if "otp" in functions["after_in_child"].__module__:
        print(sorted(functions), flush=True)

os.register_at_fork = registered
print("imported")
otp.run(count)
otp.run(count)
"""
    assert ["imported", "['after_in_child']"] == printed_by(program)
