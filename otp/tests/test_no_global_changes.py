"""A `Node` embedded in another program leaves the interpreter unchanged."""

from __future__ import annotations

import subprocess
import sys

SNAPSHOT = """
import asyncio, atexit, builtins, copyreg, decimal, faulthandler, gc, locale, logging, os, random, signal, sys
import threading, tracemalloc, warnings
import otp
from otp import Children, GenServer, Ok, Supervisor, impl

def loggers():
    named = {name: logging.getLogger(name) for name in list(logging.root.manager.loggerDict)}
    return {
        name: (logger.level, list(logger.handlers), list(logger.filters), logger.propagate, logger.disabled)
        for name, logger in {**named, "": logging.root}.items()
        if logger.handlers or logger.filters or logger.level or not logger.propagate or logger.disabled or not name
    }

def snapshot():
    loop = asyncio.get_running_loop()
    return {
        "signal handlers": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "signals blocked": signal.pthread_sigmask(signal.SIG_BLOCK, []),
        "wakeup": loop._csock.fileno() if hasattr(loop, "_csock") else None,
        "collector": (gc.isenabled(), gc.get_threshold(), gc.get_debug(), gc.get_freeze_count(), list(gc.callbacks)),
        "hooks": (sys.excepthook, sys.unraisablehook, sys.displayhook, sys.breakpointhook, threading.excepthook),
        "tracing": (sys.gettrace(), sys.getprofile(), tracemalloc.is_tracing(), faulthandler.is_enabled()),
        "async generators": (sys.get_asyncgen_hooks().firstiter, sys.get_asyncgen_hooks().finalizer),
        "limits": (sys.getrecursionlimit(), sys.getswitchinterval()),
        "imports": (list(sys.path), list(sys.meta_path), list(sys.path_hooks)),
        "logging": (loggers(), logging.raiseExceptions, logging.getLoggerClass(), logging.getLogRecordFactory(),
                    logging.root.manager.disable),
        "warnings": list(warnings.filters),
        "loop": (type(loop), loop.get_debug(), loop.get_exception_handler(), loop.get_task_factory(),
                 loop.slow_callback_duration),
        "random": random.getstate(),
        "environment": (dict(os.environ), os.getcwd(), locale.setlocale(locale.LC_ALL)),
        "at exit": atexit._ncallbacks(),
        "builtins": sorted(vars(builtins)),
        "pickling": dict(copyreg.dispatch_table),
        "decimals": repr(decimal.getcontext()),
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "standard streams": (sys.stdin, sys.stdout, sys.stderr),
    }

def changed(before, after):
    return {what: (before[what], after[what]) for what in before if before[what] != after[what]}

class Worker(GenServer[None]):
    @impl
    def init(self, arg):
        return Ok(None)

class Tree(Supervisor):
    @impl
    def init(self, arg):
        return Children([Worker.child_spec(name="worker")], strategy="one_for_one")

async def program():
    before = snapshot()
    async with otp.Node("guest") as node:
        await node.start(Tree, None, name="tree")
        first = node.whereis("worker")
        otp.exit(first, "kill")
        await otp.wait_down(first)
        assert {} == changed(before, snapshot()), changed(before, snapshot())
    assert {} == changed(before, snapshot()), changed(before, snapshot())
    assert 1 == len(asyncio.all_tasks()), asyncio.all_tasks()
"""


def run(program: str) -> None:
    done = subprocess.run([sys.executable, "-c", SNAPSHOT + program], capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stderr), done.stderr


def test_an_embedded_node_changes_nothing_global() -> None:
    run("asyncio.run(program())")


def test_an_embedded_node_changes_nothing_that_its_host_has_set() -> None:
    run(
        "signal.signal(signal.SIGTERM, lambda *_: None)\n"
        "gc.set_threshold(123, 4, 5)\n"
        "sys.setrecursionlimit(1234)\n"
        "logging.basicConfig(level=logging.ERROR)\n"
        "asyncio.run(program())\n"
    )


def test_importing_the_library_changes_nothing_global() -> None:
    program = SNAPSHOT.replace("import otp\nfrom otp import Children, GenServer, Ok, Supervisor, impl\n", "")
    program = program.partition("class Worker")[0] + (
        "async def program():\n"
        "    before = snapshot()\n"
        "    import otp, otp.testing, otp.trace\n"
        "    assert {} == changed(before, snapshot()), changed(before, snapshot())\n"
        "asyncio.run(program())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stderr), done.stderr
