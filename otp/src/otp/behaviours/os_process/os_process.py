r"""OsProcess: an external program as a process that a supervisor can start, monitor and stop.

>>> import otp
>>> from otp import OsProcess, Output
>>> async def main():
...     pid = await OsProcess.start_link(["sh", "-c", "read name; echo hello $name"])
...     await OsProcess.write(pid, "world\n")
...     output = await otp.receive(Output)
...     return output.stream, output.data
>>> otp.run(main)
('stdout', 'hello world')

The output goes to the *owner* as `Output` messages, line by line, all of them before the process ends. The exit status
is the process's exit reason: 0 is `"normal"`, n is `("exit_status", n)`, and a signal is `("exit_signal", "SIGSEGV")`.

The program leads its own process group. When the process stops, the group gets `stop_signal`, and SIGKILL after the
child spec's `shutdown` time. A `Down` or `ExitSignal` guarantees that the whole group is gone, even if the process was
killed. That also holds for a program that ends by itself: what it left in its group is stopped with it. A daemon in a
separate group or session is no longer included.

**No orphans.** A guard runs between otp and the program: a small Python process (some 10 ms to start, 8 MB) that waits
for the end of a socket. If the Python program is killed with SIGKILL, the guard kills the group; if the guard is
killed, the kernel kills the program (Linux; elsewhere otp does, if it can). `preexec_fn` and threads are not used.

**Slow owners.** With 256 messages in the owner's mailbox, reading pauses, and the program waits until the owner has
taken some. If the output is not needed, let a process that drops it be the owner; an owner that waits for the end with
a selective `receive` while a program keeps writing waits forever. When the program has ended, what is left in its
pipes (64 KiB each) is delivered in any case.

Linux and macOS; elsewhere, and in a browser, a start fails with `("enotsup", program)`. Under virtual time it raises
`RealIONotSimulated`.

Sources: Erlang's ports (`erlang:open_port/2`, `spawn_executable`) and `erlexec`.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, cast

from otp.behaviours.os_process._output import Note, Output
from otp.behaviours.os_process._program import Order, Program, reason_of_status
from otp.behaviours.server.behaviour import impl
from otp.behaviours.server.child_spec import ChildSpec, Restart, Shutdown, Startable
from otp.behaviours.server.gen_server import GenServer, stop
from otp.kernel.ends.mailbox import receive
from otp.kernel.steps.calling import call
from otp.kernel.steps.node import Node
from otp.kernel.steps.signals import process_flag
from otp.kernel.steps.starting import start_server
from otp.kernel.tables.callers import From
from otp.kernel.tables.names import check_name, node_here, resolve
from otp.kernel.tables.scheduler import current_process, nanoseconds, thread_current
from otp.kernel.values.errors import BadArgument, Error, ReceiveTimeout, StartError
from otp.kernel.values.messages import ExitSignal
from otp.kernel.values.pids import Pid
from otp.kernel.values.process import Process, is_supervisor, on_exit
from otp.kernel.values.results import NoReply, Ok, Stop

if TYPE_CHECKING:
    from otp.kernel.values.terms import Dest, GivenName, Limit

__all__ = ["OsProcess", "Output"]

Text: TypeAlias = str | bytes
PathLike: TypeAlias = "str | bytes | os.PathLike[str] | os.PathLike[bytes]"

START_AS: Final = "outside a process use node.start(OsProcess, argv, owner=…)"


class OsProcess(Startable):
    """An external program, supervised.

    Its output goes to its owner as `Output`, line by line.

    >>> import otp
    >>> async def main():
    ...     pid = await OsProcess.start_link(["echo", "hello"])
    ...     ref = otp.monitor(pid)
    ...     return (await otp.receive(Output)).data, (await otp.receive(ref)).reason
    >>> otp.run(main)
    ('hello', 'normal')

    As a child: `OsProcess.child_spec(["redis-server"], owner="cache", restart="transient")`.
    """

    __slots__ = ()

    @classmethod
    async def start_link(
        cls,
        argv: Sequence[PathLike],
        *,
        owner: Dest | None = None,
        env: Mapping[Text, Text] | None = None,
        cwd: PathLike | None = None,
        lines: bool = True,
        stop_signal: str | int = "SIGTERM",
        shutdown: float | Literal["infinity"] = 5,
        name: GivenName = None,
    ) -> Pid:
        """Start a program, linked with the calling process, and wait until it runs.

        A failed start ends the caller through the link, even if it catches the error: see `GenServer.start_link`.

        Args:
            argv: the program and its arguments; no shell is involved. A program without a `/` is looked up in the PATH
                of its environment.
            owner: the receiver of the output: a pid, or a name, whose present holder gets it, if any. By default the
                calling process, unless that is a supervisor, which cannot handle output.
            env: its whole environment; None: that of this program.
            cwd: its working directory; None: that of this program.
            lines: text in whole lines, with U+FFFD for what is not UTF-8; False: bytes as they come.
            stop_signal: the signal that asks its group to stop.
            shutdown: seconds between that and SIGKILL, or `"infinity"`; a child uses that of the child spec.
            name: a name to register, or `Registry.via(…)`.

        Raises:
            StartError: `("enoent", path)`: the program or `cwd` does not exist; `("eacces", path)`: it cannot be
                executed. Other errors of the operating system are reported in the same way.
            AlreadyStarted: the name is taken.
            BadArgument: an argument is wrong, or a supervisor starts it without `owner=`.
        """
        me = current_process("OsProcess.start_link", START_AS)
        order = _order(argv, owner, me, env, cwd, lines, stop_signal, shutdown)
        return await _start(cls, order, name=name, link=True)

    @classmethod
    async def start(
        cls,
        argv: Sequence[PathLike],
        *,
        owner: Dest | None = None,
        env: Mapping[Text, Text] | None = None,
        cwd: PathLike | None = None,
        lines: bool = True,
        stop_signal: str | int = "SIGTERM",
        shutdown: float | Literal["infinity"] = 5,
        name: GivenName = None,
    ) -> Pid:
        """Start a program without a link; otherwise like `start_link`. Outside a process `owner` is required."""
        order = _order(argv, owner, thread_current(), env, cwd, lines, stop_signal, shutdown)
        return await _start(cls, order, name=name)

    @classmethod
    async def __otp_start_on__(
        cls,
        node: Node,
        arg: Any = None,
        *,
        name: GivenName = None,
        owner: Dest | None = None,
        env: Mapping[Text, Text] | None = None,
        cwd: PathLike | None = None,
        lines: bool = True,
        stop_signal: str | int = "SIGTERM",
        shutdown: float | Literal["infinity"] = 5,
    ) -> Pid:
        """Start a program that a node owns."""
        order = _order(arg, owner, None, env, cwd, lines, stop_signal, shutdown)
        return await _start(cls, order, name=name, node=node)

    @classmethod
    def child_spec(
        cls,
        arg: Any = None,
        *,
        name: GivenName = None,
        id: Hashable | None = None,
        restart: Restart = "permanent",
        shutdown: Shutdown | None = None,
        type: Literal["worker", "supervisor"] | None = None,
        significant: bool = False,
        owner: Dest | None = None,
        **options: Any,
    ) -> ChildSpec:
        """Return the spec of a child that runs the program `arg`.

        Takes start options and child options. `owner` is required; the rest is as for `Startable.child_spec` and
        `start_link`.
        """
        if owner is None:
            raise BadArgument(_without_owner("OsProcess.child_spec(argv)"))
        spec = super().child_spec(
            arg,
            name=name,
            id=id,
            restart=restart,
            shutdown=shutdown,
            type=type,
            significant=significant,
            owner=owner,
            **options,
        )
        if shutdown is None or shutdown == "brutal_kill":
            return spec
        start = cast("functools.partial[Any]", spec.start)
        return spec.replace(start=functools.partial(start, shutdown=shutdown))

    @staticmethod
    async def write(pid: Dest, data: Text, timeout: Limit = "infinity") -> None:
        """Write to the program's standard input, and wait until its pipe has taken all.

        Args:
            pid: the process, or its name.
            data: text, written as UTF-8, or bytes. No line end is added.
            timeout: seconds to wait for a program that does not read; the data is written anyway.

        Raises:
            Error: `"epipe"`: the program has closed its input; `"closed"`: `close_stdin` has.
            CallExit: like `GenServer.call`.
        """
        if not isinstance(data, str | bytes | bytearray | memoryview):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise BadArgument(f"OsProcess.write(pid, data): expected text or bytes, got {data!r:.200}")
        answer = await call(pid, ("write", data.encode() if isinstance(data, str) else bytes(data)), timeout)
        if answer != "ok":
            raise Error(answer)

    @staticmethod
    async def close_stdin(pid: Dest, timeout: Limit = "infinity") -> None:
        r"""Close the program's standard input after all previous writes.

        Repeating it is not an error.

        >>> import otp
        >>> async def main():
        ...     pid = await OsProcess.start_link(["sort"])
        ...     await OsProcess.write(pid, "b\na\n")
        ...     await OsProcess.close_stdin(pid)
        ...     return [(await otp.receive(Output)).data for _ in range(2)]
        >>> otp.run(main)
        ['a', 'b']
        """
        await call(pid, "close_stdin", timeout)

    @staticmethod
    def os_pid(pid: Dest) -> int | None:
        """Return the process id of the program, also that of its group.

        Returns None if it has ended. It reads a table and sends no message.
        """
        process = resolve(pid, "OsProcess.os_pid(pid)")
        state: Any = None if process is None else process.state
        return state.os_pid if isinstance(state, Program) else None

    @staticmethod
    async def stop(pid: Dest, reason: Any = "normal", timeout: Limit = "infinity") -> None:
        """Stop the program and wait until it and its group have ended; raises like `GenServer.stop`."""
        await stop(pid, reason, timeout)


class _OsProcessServer(GenServer[Program]):
    """The process of a program. It traps exits, since it has to stop the program first."""

    __slots__ = ()

    @impl
    async def init(self, arg: Order) -> Any:
        process_flag("trap_exit", True)
        me = current_process("init")
        program = Program(arg, me)
        on_exit(me, OsProcess, program.destroy)
        try:
            await program.begin()
        except OSError as error:
            return Stop((_code(error), error.filename or os.fsdecode(arg.argv[0])))
        first = await receive(_is_guards)
        reason = program.started(str(first.about))
        return Ok(program) if reason is None else Stop(reason)

    @impl
    def handle_call(self, request: Any, caller: From, state: Program) -> Any:
        match request:
            case ("write", data):
                state.write(data, caller)
            case "close_stdin":
                state.write(None, caller)
            case _:
                return super().handle_call(request, caller, state)
        return NoReply(state)

    @impl
    def handle_info(self, message: Any, state: Program) -> Any:
        match message:
            case Note():
                state.take(message)
                return NoReply(state) if state.status is None else Stop(reason_of_status(state.status), state)
            case ExitSignal(_, reason):  # as if it did not trap them
                return NoReply(state) if reason == "normal" else Stop(reason, state)
            case _:
                return super().handle_info(message, state)

    @impl
    async def terminate(self, reason: Any, state: Program) -> None:
        """Stop the group, cleanly at first; then hand over its output."""
        s = current_process("terminate").runtime.scheduler
        limit = nanoseconds(state.order.shutdown, "shutdown=", infinite=True)
        deadline = None if limit is None else s.now_ns() + limit
        if not state.gone:
            state.signal(state.order.stop_signal)
            state.signal(signal.SIGCONT)  # a halted one could not handle it
        while not state.gone:
            try:
                state.take(await receive(Note, "infinity" if deadline is None else _left(deadline, s.now_ns())))
            except ReceiveTimeout:
                deadline = None
                state.signal(signal.SIGKILL)
        while state.finish():  # an owner that reads gets it at its pace, any other all at once
            state.take(await receive(Note))
        state.finish_now()

    @impl
    def format_status(self, state: Program) -> Any:
        return {"argv": [os.fsdecode(part) for part in state.order.argv], "os_pid": state.os_pid}


def _left(deadline: int, now: int) -> float:
    return max(0, deadline - now) / 1e9


def _is_guards(message: Any) -> bool:
    return isinstance(message, Note) and message.what == "guard"


def _code(error: OSError) -> str:
    import errno

    return errno.errorcode.get(error.errno or 0, "eio").lower()


async def _start(cls: type[OsProcess], order: Order, *, node: Node | None = None, **options: Any) -> Pid:
    s = (node or node_here("OsProcess.start")).scheduler
    if s.virtual:  # the loop refuses, with an error that says what to use
        refused: Any = s.loop.subprocess_exec
        refused()
    if not hasattr(os, "fork") or sys.platform in ("emscripten", "wasi") or getattr(sys, "frozen", False):
        raise StartError(("enotsup", os.fsdecode(order.argv[0])))
    return await start_server(cls, order, handler=_OsProcessServer(), node=node, **options)


def _split(line: str) -> str:
    """Return a command line as the list it should be; if long or unclosed, as the call that creates it."""
    import shlex

    try:
        shown = repr(shlex.split(line))
    except ValueError:
        shown = ""
    return shown if 2 < len(shown) <= 200 else "a list of the program and its arguments, as shlex.split makes it"


def _order(
    argv: Any, owner: Any, starter: Process | None, env: Any, cwd: Any, lines: bool, stop_signal: Any, shutdown: Any
) -> Order:
    """Return the validated arguments of a start."""
    if isinstance(argv, str | bytes) or not isinstance(argv, Sequence) or not argv:
        hint = f"try {_split(argv)}" if isinstance(argv, str) else 'try ["ls", "-l"]'
        raise BadArgument(f"OsProcess: expected a program and its arguments, got {argv!r:.200}; {hint}")
    nanoseconds(shutdown, "OsProcess: shutdown=", infinite=True)
    if owner is None:
        if starter is None or is_supervisor(starter):
            raise BadArgument(_without_owner("OsProcess.start_link(argv)"))
        owner = starter
    elif not isinstance(owner, Process | tuple) and not hasattr(owner, "whereis"):
        check_name(owner, "OsProcess: owner=")
    return Order(
        [_encoded(part, "argv") for part in cast("Sequence[Any]", argv)],
        owner,
        {_encoded(k, "env"): _encoded(v, "env") for k, v in (os.environ if env is None else env).items()},
        None if cwd is None else _encoded(cwd, "cwd"),
        lines,
        _signal_number(stop_signal),
        shutdown,
    )


def _encoded(text: Any, what: str) -> bytes:
    try:
        encoded = os.fsencode(text)
    except TypeError:
        raise BadArgument(f"OsProcess: expected str, bytes or path in {what}, got {text!r:.200}") from None
    if b"\0" in encoded:
        raise BadArgument(f"OsProcess: a zero byte in {what}: {text!r:.200}; the operating system does not allow it")
    return encoded


def _signal_number(given: Any) -> int:
    try:
        return int(signal.Signals[given] if isinstance(given, str) else signal.Signals(given))
    except (KeyError, ValueError):
        raise BadArgument(f'OsProcess: stop_signal= expected a name such as "SIGTERM", got {given!r}') from None


def _without_owner(what: str) -> str:
    return (
        f"{what}: expected owner= a pid or a name, got none: no process here could read the output; "
        'try owner="name of a process of yours"'
    )
