"""`otp` stands on the standard library alone, and on less of it than an operating system offers."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

SOURCES = Path(__file__).parents[1] / "src"

ONLY_STANDARD_LIBRARY = """
import importlib.abc
import sys

class Nothing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top != "otp" and top not in sys.stdlib_module_names:
            raise ImportError(f"{name} is not in the standard library")
        return None

sys.meta_path.insert(0, Nothing())
"""

# What a page in a browser has not got. asyncio itself is imported before the doors close, as it is there.
AS_IN_A_BROWSER = """
import asyncio, os, signal, socket, subprocess, threading

def closed(name):
    def refuse(*_, **__):
        raise OSError(f"there is no {name} in a browser")
    return refuse

threading.Thread.start = closed("thread")
socket.socket.__init__ = closed("socket")
socket.socketpair = closed("socket pair")
subprocess.Popen.__init__ = closed("subprocess")
for name in ("signal", "set_wakeup_fd", "setitimer", "pthread_kill", "raise_signal"):
    setattr(signal, name, closed(f"signal.{name}"))
for name in ("fork", "forkpty", "posix_spawn", "pipe", "kill", "getpgid", "setsid"):
    if hasattr(os, name):
        setattr(os, name, closed(f"os.{name}"))
for name in ("fcntl", "resource", "termios", "pty", "multiprocessing", "select", "mmap"):
    sys.modules[name] = None

class Page(asyncio.BaseEventLoop):
    'A loop without a selector: it has nothing to wait for but its timers, and time passes when it waits.'

    def __init__(self):
        super().__init__()
        self._selector, self._passed = self, 0.0

    def time(self):
        return self._passed

    def select(self, timeout):
        assert timeout is not None, "nobody can wake this loop any more"
        self._passed += timeout
        return []

    def _process_events(self, events): pass
    def _write_to_self(self): pass
"""

A_TREE_THAT_HEALS = """
import otp
from otp import Children, GenServer, NoReply, Ok, Reply, Supervisor, impl

class Counter(GenServer[int]):
    @impl
    def init(self, start):
        return Ok(start)

    @impl
    def handle_call(self, request, caller, state):
        return Reply(state, state)

    @impl
    def handle_cast(self, request, state):
        return NoReply(state + 1)

class Tally(Supervisor):
    @impl
    def init(self, arg):
        return Children([Counter.child_spec(arg, name="counter")], strategy="one_for_one")

async def a_killed_counter_comes_back():
    await Tally.start_link(7, name="tally")
    GenServer.cast("counter", "increment")
    first = otp.whereis("counter")
    assert 8 == await GenServer.call("counter", "value")
    down = otp.monitor(first)
    otp.exit(first, "kill")
    assert "killed" == (await otp.receive(down)).reason
    await Supervisor.count_children("tally")
    assert 7 == await GenServer.call("counter", "value")
    assert first != otp.whereis("counter")
    return "healed"
"""

AS_A_PROGRAM = """
seen = []
async def main():
    seen.append(await a_killed_counter_comes_back())
otp.run(main)
print(*seen)
"""

IN_VIRTUAL_TIME = """
from otp.testing import Scheduler
print(Scheduler(seed=1).run(a_killed_counter_comes_back))
"""

ON_THE_LOOP_OF_A_PAGE = """
async def page():
    async with otp.Node("page") as node:
        asked = asyncio.get_running_loop().create_future()

        async def visit():
            asked.set_result(await a_killed_counter_comes_back())

        node.spawn(visit)
        return await asked

loop = Page()
print(loop.run_until_complete(page()))
loop.close()
"""


def output_of(*parts: str) -> str:
    """Run the parts as one program that sees nothing but the standard library and the sources of otp."""
    program = f"import sys\nsys.path.insert(0, {str(SOURCES)!r})\n" + "".join(map(textwrap.dedent, parts))
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-X", "dev", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (0, "") == (done.returncode, done.stderr), done.stderr
    return done.stdout.strip()


def test_a_tree_heals_with_every_module_but_the_standard_library_blocked() -> None:
    assert "healed" == output_of(ONLY_STANDARD_LIBRARY, A_TREE_THAT_HEALS, AS_A_PROGRAM)


def test_a_tree_heals_without_threads_sockets_processes_and_signals() -> None:
    assert "healed" == output_of(AS_IN_A_BROWSER, A_TREE_THAT_HEALS, ON_THE_LOOP_OF_A_PAGE)


def test_a_tree_heals_in_virtual_time_without_threads_sockets_processes_and_signals() -> None:
    assert "healed" == output_of(AS_IN_A_BROWSER, A_TREE_THAT_HEALS, IN_VIRTUAL_TIME)


def test_importing_the_library_loads_no_heavy_module() -> None:
    """A program pays at its start only for what it uses."""
    heavy = {"multiprocessing", "sqlite3", "http", "email", "xml", "unittest", "pydoc", "doctest", "ctypes", "ssl"}
    baseline = output_of("import asyncio; print(*sys.modules)").split()
    loaded = output_of("import asyncio, otp; print(*sys.modules)").split()
    assert set() == heavy & (set(loaded) - set(baseline))


def test_what_only_checkers_read_is_not_loaded() -> None:
    faces = "otp, otp.code, otp.observer, otp.sys, otp.testing, otp.trace"
    loaded = output_of(f"import {faces}; [getattr(otp, name) for name in otp.__all__]; print(*sys.modules)").split()
    assert "otp.kernel.ends.timers" in loaded
    assert "otp.kernel.values.terms" not in loaded
