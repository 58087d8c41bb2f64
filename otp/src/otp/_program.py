"""`otp.run`: a whole program as one node, with signal handlers, garbage collector settings and an ordered end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import os
import signal
import sys
from asyncio import _get_running_loop as running_loop  # pyright: ignore[reportPrivateUsage]
from collections.abc import Awaitable, Callable, Generator
from typing import TYPE_CHECKING, Any, Final, TypeVar, overload

from otp.kernel.ends.wording import error_text, exit_words
from otp.kernel.steps.forks import watch_forks
from otp.kernel.steps.interrupts import Interrupts, interrupts
from otp.kernel.steps.node import Node
from otp.kernel.steps.starting import spawn_on
from otp.kernel.tables.from_thread import IMPORTING
from otp.kernel.tables.owners import own_tasks_and_callbacks
from otp.kernel.values.bounded import text
from otp.kernel.values.coroutines import check_function
from otp.kernel.values.exception_reasons import place_of_error, stack_of
from otp.kernel.values.messages import watch
from otp.kernel.values.reasons import Crash, StackEntry, is_clean
from otp.kernel.values.tracebacks import cut_our_frames, note_places, own_stack
from otp.standard_streams import keep_exit_status, open_descriptors

if TYPE_CHECKING:
    from typing import TypeVarTuple

    from otp.behaviours.application.application import Application

    Ts = TypeVarTuple("Ts")

__all__ = ["run"]

T = TypeVar("T")

MOST_STOPS: Final = 100
"""Stops of the event loop by code of asyncio after which a node is left as it is, although it still closes."""

GC_THRESHOLDS: Final = (200_000, 50, 100)  # the defaults scan 100,000 living processes repeatedly


@overload
def run(main: type[Application], *args: Any, node: str = "nonode", debug: bool = False) -> None: ...
@overload
def run(main: Callable[[*Ts], Awaitable[T]], *args: *Ts, node: str = "nonode", debug: bool = False) -> T: ...
@overload
def run(main: Callable[[*Ts], T], *args: *Ts, node: str = "nonode", debug: bool = False) -> T: ...
def run(main: Any, *args: Any, node: str = "nonode", debug: bool = False) -> Any:
    """Run `main(*args)` as the first process of a node and return its result.

    `main` is an async function, or an `Application` class, which then runs until it ends or the program is asked to
    stop. SIGTERM, SIGHUP and Ctrl-C shut down from the leaves to the root; a second Ctrl-C raises `KeyboardInterrupt`
    in the running code, also in a callback that computes. Closed standard streams are opened on the null device. The
    garbage collector's thresholds are raised during the run; they and the signal handlers are restored. `debug` is that
    of asyncio, and starts `otp.watchdog`, which reports what holds the loop for a second. Raises what `main` raises,
    with a traceback of your own lines (of all with `debug`); `SystemExit` inside a process ends the program with its
    status.

    >>> import otp
    >>> async def main(x):
    ...     return x + 1
    >>> otp.run(main, 41)
    42
    """
    if running_loop() is not None:
        raise RuntimeError("otp.run: this thread already runs an event loop; in it use `async with otp.Node(name)`")
    if IMPORTING.get():
        raise RuntimeError(
            "otp.run: a running program imports this module; try if __name__ == '__main__': otp.run(main)"
        )
    check_function(main, "otp.run")
    open_descriptors()
    with (
        keep_exit_status(),
        _collector(),
        interrupts() as interrupted,
        asyncio.Runner(debug=debug) as runner,
        watch_forks().parents_loop(runner.get_loop()),
    ):
        value, error = _run_to_end(runner, main, args, node, debug, interrupted)
    if error is None:
        return value
    if not debug:
        cut_our_frames(error)
    raise error


@contextlib.contextmanager
def _collector() -> Generator[None, None, None]:
    before = gc.get_threshold()
    if before == GC_THRESHOLDS:  # another thread runs a program: the first one restores them
        yield
        return
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _run_to_end(
    runner: asyncio.Runner, main: Any, args: tuple[Any, ...], name: str, debug: bool, interrupted: Interrupts
) -> tuple[Any, Exception | None]:
    """Run the program; if a task or callback of asyncio ends it, close the node first, as for its other ends."""
    nodes: list[Node] = []
    with _note_stops(runner.get_loop()) as stops:
        try:
            return runner.run(_outcome(main, args, name, debug, interrupted, nodes))
        except (SystemExit, RuntimeError) as ended:  # the latter for `loop.stop()`
            for node in nodes:
                if node.scheduler.os_pid != os.getpid():
                    continue
                if node.life == "open":
                    node.stopped_by = _describe_end(ended, stops)
                for _ in range(MOST_STOPS):  # other tasks may stop the loop, too, while the node closes
                    with contextlib.suppress(SystemExit, RuntimeError):
                        runner.run(node.close())
                        break
            raise


@contextlib.contextmanager
def _note_stops(loop: Any) -> Generator[list[StackEntry], None, None]:
    """Note the lines that call `loop.stop()` during the block, without those of the loop itself."""
    stops: list[StackEntry] = []
    before = loop.stop

    def stop() -> None:
        frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
        code = frame.f_code
        if str(frame.f_globals.get("__name__")).partition(".")[0] not in ("asyncio", "uvloop"):
            stops.append((code.co_filename, frame.f_lineno, code.co_qualname))
        before()

    try:
        loop.stop = stop
    except AttributeError:  # a loop whose attributes cannot be set: nothing is noted
        yield stops
        return
    try:
        yield stops
    finally:
        if loop.__dict__.get("stop") is stop:
            del loop.stop


def _describe_end(error: BaseException, stops: list[StackEntry]) -> str:
    """Return which call in a task or callback of asyncio stopped the event loop."""
    if isinstance(error, SystemExit):
        place = place_of_error(error)
        return exit_words(error, "its program" if place is None else place[2].rpartition("<locals>.")[2])
    if not stops:
        return "its program called loop.stop()"
    file, line, function = stops[-1]
    return f"{function.rpartition('<locals>.')[2]} called loop.stop() at {os.path.basename(file)}:{line}"


async def _outcome(
    main: Any, args: tuple[Any, ...], name: str, debug: bool, interrupted: Interrupts, nodes: list[Node]
) -> tuple[Any, Exception | None]:
    """Return the program's result or error as a value, so that it is not raised through each frame here."""
    try:
        nodes.append(node := Node(name))
        return await _main(main, args, node, debug, interrupted), None
    except Exception as error:
        return None, error


async def _main(main: Any, args: tuple[Any, ...], node: Node, debug: bool, interrupted: Interrupts) -> Any:
    loop = asyncio.get_running_loop()
    result: asyncio.Future[Any] = loop.create_future()

    def ask_to_stop(error: BaseException, signal_name: str | None = None) -> None:
        if not result.done():
            node.stopped_by = None if signal_name is None else f"its program received {signal_name}"
            result.set_exception(_Stopped(error))

    def interrupt() -> None:
        loop.call_soon_threadsafe(ask_to_stop, KeyboardInterrupt(), "Ctrl-C (SIGINT)")

    def shut_down(error: BaseException) -> None:
        ask_to_stop(error)
        node.begin_close()  # now: no supervisor restarts the process that asked for it

    node.on_shutdown = shut_down
    try:
        with _signals(loop, ask_to_stop):  # also while the node closes, which a signal must not interrupt
            async with node:
                own_tasks_and_callbacks(node.scheduler)
                interrupted.stop = interrupt
                with _watchdog(loop, node, debug):
                    if inspect.isclass(main):
                        await _start_application(node, main, args, result)
                    else:
                        _start_function(node, main, args, result)
                    try:
                        value, cause = await result, None
                    except _Stopped as stopped:
                        value, cause = None, stopped.error
    finally:
        interrupted.stop = None
    if interrupted.asked and not isinstance(cause, KeyboardInterrupt):  # while the node closed
        raise KeyboardInterrupt
    if cause is None:
        return value
    if isinstance(cause, SystemExit) and cause.code in (None, 0):
        return None
    raise cause


class _Stopped(Exception):
    def __init__(self, error: BaseException) -> None:
        super().__init__(error)
        self.error = error


def _start_function(node: Node, main: Callable[..., Any], args: tuple[Any, ...], result: asyncio.Future[Any]) -> None:
    where: list[Any] = []

    async def first() -> None:
        try:
            value = main(*args)
            if inspect.isawaitable(value):
                value = await value
        except (KeyboardInterrupt, SystemExit, asyncio.CancelledError, GeneratorExit) as unwound:
            where[:] = own_stack(stack_of(unwound.__traceback__))
            raise
        except BaseException as error:
            if os.getpid() != node.scheduler.os_pid:
                raise  # of a fork, whose error nobody else prints
            if not result.done():
                node.stopped_by = f"{first.__qualname__} raised {error_text(error)}"
                result.set_exception(error)
        else:
            if not result.done():
                node.stopped_by = f"{first.__qualname__} returned"
                result.set_result(value)

    first.__qualname__ = first.__name__ = getattr(main, "__qualname__", "main")
    p = spawn_on(node, None, first, (), {})

    def ended(reason: Any) -> None:
        if not result.done():
            result.set_exception(_ended_by_signal(first.__qualname__, reason, where))

    watch(p, ended)


def _ended_by_signal(main: str, reason: Any, where: list[Any]) -> RuntimeError:
    ended = RuntimeError(
        f"{main} was ended by an exit signal with reason {text(reason, length=500)}: a linked process ended "
        "with it (linked by start_link or spawn_link; see the log), or some code called otp.exit(pid, reason); "
        'try start or spawn, a supervisor, or otp.process_flag("trap_exit", True)'
    )
    note_places(ended, where)
    return ended


async def _start_application(node: Node, cls: Any, args: tuple[Any, ...], result: asyncio.Future[Any]) -> None:
    pid = await cls.__otp_run__(node, *args)

    def ended(reason: Any) -> None:
        if not result.done():
            clean = is_clean(reason) and not isinstance(reason, Crash)
            result.set_exception(_Stopped(SystemExit(0 if clean else 1)))

    watch(pid, ended)


@contextlib.contextmanager
def _watchdog(loop: asyncio.AbstractEventLoop, node: Node, debug: bool) -> Generator[None, None, None]:
    """Run a watchdog during the block with `debug`; without it there is no extra thread."""
    if not debug:
        yield
        return
    from otp.watchdog import Watchdog  # most programs run without it

    watchdog = Watchdog(loop, node)
    watchdog.start()
    try:
        yield
    finally:
        watchdog.stop()


@contextlib.contextmanager
def _signals(
    loop: asyncio.AbstractEventLoop, stop: Callable[[BaseException, str], None]
) -> Generator[None, None, None]:
    """Let SIGTERM, and the end of the terminal, request the ordered shutdown.

    If the loop does not support signals, Python's default stays. SIGHUP under `nohup`, or with a handler, stays as is.
    A handler that the program installs later takes the place of this one: uvicorn, for example, first finishes its
    requests, then restores this handler and raises the signal again.
    """

    def handle_signal(number: int, installed: Any) -> None:
        if signal.getsignal(number) == installed[0]:  # the loop also reports signals that another handler takes
            stop(SystemExit(0), signal.Signals(number).name)

    numbers = [signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        numbers.append(signal.SIGHUP)
    with contextlib.ExitStack() as restoring:
        for number in numbers:
            before = signal.getsignal(number)
            if before is None:  # a handler that is not Python's could not be restored
                continue
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                installed: list[Any] = []
                loop.add_signal_handler(number, handle_signal, number, installed)
                installed.append(signal.getsignal(number))
                restoring.callback(_restore, loop, number, before)
                restoring.enter_context(watch_forks().parents_signal(number, before))
        yield


def _restore(loop: asyncio.AbstractEventLoop, number: signal.Signals, before: Any) -> None:
    loop.remove_signal_handler(number)
    signal.signal(number, before)
