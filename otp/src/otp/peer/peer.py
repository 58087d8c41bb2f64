"""A peer: a node in its own OS process, supervised by a local process."""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import socket
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

from otp.behaviours.server.behaviour import impl
from otp.behaviours.server.child_spec import ChildSpec, Restart, Shutdown, Startable
from otp.behaviours.server.gen_server import GenServer
from otp.kernel.ends.mailbox import receive, reply
from otp.kernel.steps.calling import call
from otp.kernel.steps.node import Node
from otp.kernel.steps.signals import process_flag
from otp.kernel.steps.starting import start_server
from otp.kernel.tables.callers import From
from otp.kernel.tables.names import node_here, resolve
from otp.kernel.tables.scheduler import current_process
from otp.kernel.values.errors import BadArgument, CallExit, StartError
from otp.kernel.values.messages import AnyOf, ExitSignal
from otp.kernel.values.pids import Pid
from otp.kernel.values.process import on_exit
from otp.kernel.values.results import NoReply, Ok, Stop
from otp.peer.ended import Ended
from otp.peer.launch import REAP_S, Launched, launch
from otp.peer.limits import Limits
from otp.peer.running import Note, Running, no_room
from otp.peer.spares import Spares
from otp.peer.spec import PeerSpec
from otp.peer.walls.plan import Part, Wall, WallMissing, Walls

if TYPE_CHECKING:
    from otp.distribution import Distribution
    from otp.kernel.values.terms import Dest, GivenName, Limit

__all__ = ["Peer", "start"]


class Peer(Startable):
    """A running peer. As a child of a supervisor: `Peer.child_spec(PeerSpec(…))`, then `Peer.of(pid)`.

    Its local process ends with it: with `"normal"` if it was shut down, else with `("peer", kind, reason)`,
    which is the second part of a `"shutdown"` tuple if we killed it.

    Source: Erlang's `peer`. Difference: walls and limits; and a peer here is never connected over a network.
    """

    __slots__ = ("_running", "pid")

    def __init__(self, pid: Pid, running: Running) -> None:
        self.pid: Pid = pid
        self._running = running

    def __repr__(self) -> str:
        return f"<Peer {self.name} {self.os_pid}>"

    @property
    def name(self) -> str:
        """The name of its node."""
        return self._running.spec.name

    @property
    def os_pid(self) -> int | None:
        """The process id of the peer, as seen by us."""
        return self._running.os_pid

    @property
    def limits(self) -> Limits:
        """Its limits."""
        return self._running.spec.limits

    @property
    def walls(self) -> Mapping[str, Wall]:
        """The walls and what implements them; empty for a peer without walls."""
        return self._running.walls

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts of its walls, and those not available, with the reason."""
        return self._running.parts

    @property
    def folder(self) -> str:
        """Its own folder, by its name inside."""
        return self._running.folder

    @property
    def folder_outside(self) -> str:
        """The same folder, by its name outside."""
        return self._running.folder_outside

    @property
    def link(self) -> socket.socket | None:
        """Our end of the connection of its node; not blocking; None when it has ended or is connected."""
        return self._running.link

    async def connect(
        self,
        node: Node | None = None,
        *,
        services: Mapping[Any, Pid] | None = None,
        spawnable: Iterable[str] = (),
        timeout: Limit = 5.0,
    ) -> Distribution:
        """Connect a local node with that of the peer, which calls `here.connect()`.

        Needs msgspec.

        Args:
            node: the node; None: that of the process that supervises the peer. A node takes part in one distribution,
                so several peers need one each; it may be a hidden one of the same loop.
            services: names that the peer finds here, as for `Distribution`.
            spawnable: what the peer may start here.
            timeout: seconds until both are connected.

        Raises `BadArgument` if it is connected or has ended; `TimeoutError`.
        """
        from otp.peer.linking import over

        link = self._running.take_link()
        if link is None:
            raise BadArgument(f"Peer.connect(): expected a running peer that is not connected, got {self!r}")
        here = cast("Any", self.pid).runtime if node is None else node
        distribution = await over(link, here, self.name, self._running.cookie, services=services, spawnable=spawnable)
        try:
            await distribution.wait_connected(self.name, timeout)
        except BaseException:
            await distribution.stop()
            raise
        return distribution

    def output(self) -> str:
        """Return the newest 64 KiB of its output; escape it before printing, it may control a terminal."""
        return self._running.output.text()

    async def ended(self, timeout: Limit = "infinity") -> Ended:
        """Wait for its end. Raises `CallTimeout` after `timeout` seconds."""
        return await self._ask("ended", timeout)

    async def stop(self, timeout: float | None = None) -> Ended:
        """Shut it down, leaves first, and wait; after `timeout` seconds (default its `shutdown`) it is killed."""
        seconds = self._running.spec.shutdown if timeout is None else timeout
        return await self._ask(("stop", float(seconds)), "infinity")

    async def kill(self, reason: str = "was killed") -> Ended:
        """Kill it and all that it started, and wait."""
        return await self._ask(("kill", reason), "infinity")

    async def _ask(self, request: Any, timeout: Limit) -> Ended:
        if self._running.ended is None:
            try:
                return await call(self.pid, request, timeout)
            except CallExit:
                if self._running.ended is None:  # a time-out
                    raise
        assert self._running.ended is not None
        return self._running.ended

    @staticmethod
    def of(pid: Dest) -> Peer | None:
        """Return the peer that a process supervises; None if there is none, or it has ended. Reads a table only."""
        process = resolve(pid, "Peer.of(pid)")
        state: Any = None if process is None else process.state
        return Peer(cast("Pid", process), state.running) if isinstance(state, _State) else None

    @classmethod
    async def start_link(cls, spec: PeerSpec, *, name: GivenName = None) -> Pid:
        """Start a peer, linked with the calling process, and wait until it is ready.

        Returns its local process.

        Raises:
            StartError: `("peer", kind, reason)`, or `("wall_missing", names)`.
        """
        current_process("Peer.start_link", "outside a process use otp.peer.start(…, node=node)")
        return await _start(spec, name=name, link=True)

    @classmethod
    async def __otp_start_on__(cls, node: Node, arg: Any = None, *, name: GivenName = None) -> Pid:
        """Start a peer that a node owns."""
        return await _start(arg, name=name, node=node)

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
        **options: Any,
    ) -> ChildSpec:
        """Return the spec of a child that is the peer `arg`, a `PeerSpec`; its name is the default id."""
        if not isinstance(arg, PeerSpec):
            raise BadArgument(f"Peer.child_spec(spec): expected a PeerSpec, got {arg!r:.200}")
        return super().child_spec(
            arg,
            name=name,
            id=arg.name if id is None else id,
            restart=restart,
            shutdown=arg.shutdown + REAP_S if shutdown is None else shutdown,
            type=type,
            significant=significant,
            **options,
        )


async def start(
    name: str,
    boot: str,
    args: Any = None,
    *,
    walls: Walls | None = None,
    limits: Limits | None = None,
    files: Mapping[str, str | bytes] | None = None,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    spares: Spares | None = None,
    shutdown: float = 5.0,
    on_output: Callable[[bytes], object] | None = None,
    ours: bool = False,
    node: Node | None = None,
    link: bool = False,
) -> Peer:
    r"""Start a peer and wait until it is ready.

    Args:
        name: the name of its node.
        boot: `"module:function"`, called there with a `Here`.
        args: plain terms for it: numbers, strings, bytes, tuples, lists, dicts.
        walls: `Walls()` for untrusted code; None for your own code.
        limits: its resource limits.
        files: name in its folder → text or bytes; `boot` can import modules among them.
        env: its environment, which is otherwise empty.
        cwd: working directory, for a peer without walls; None: its folder.
        spares: a reserve from which to take a warm one.
        shutdown: seconds that it may take to shut down.
        on_output: called in the loop with its output, as bytes arrive.
        ours: it writes to the standard output and standard error of this program; see `PeerSpec`.
        node: the node of the supervising process; by default the caller's.
        link: whether that process is linked with the calling one.

    Returns the `Peer`.

    Raises:
        WallMissing: a required wall is not available here.
        StartError: `("peer", kind, reason)`: it ended before it was ready; of the `"unavailable"` kind if this machine
            had no room for it (processes, descriptors, disk), so that a retry may succeed.

    >>> import otp
    >>> async def main():
    ...     peer = await start("shop@127.0.0.1", "shop:boot", files={"shop.py": "def boot(here): print(here.args)"})
    ...     return (await peer.stop()).reason, peer.output()
    >>> otp.run(main)
    ('shut down', 'None\n')
    """
    spec = PeerSpec(
        name,
        boot,
        args,
        walls=walls,
        limits=Limits() if limits is None else limits,
        files={} if files is None else files,
        env={} if env is None else env,
        cwd=cwd,
        spares=spares,
        shutdown=shutdown,
        on_output=on_output,
        ours=ours,
    )
    failed: list[WallMissing] = []
    try:
        pid = await _start(spec, node=node, link=link, failed=failed)
    except StartError:
        if failed:
            raise failed[0] from None
        raise
    peer = Peer.of(pid)
    if peer is None:
        raise StartError(("peer", "lost", "ended as soon as it was ready"))
    return peer


class _State:
    """The state of the local process: the peer, the callers waiting for its end, and whether it was asked to end."""

    __slots__ = ("running", "waiting")

    def __init__(self, running: Running) -> None:
        self.running = running
        self.waiting: list[From] = []


class _PeerServer(GenServer[_State]):
    """The local process of a peer. It traps exits, since it has to end the peer first."""

    __slots__ = ()

    @impl
    async def init(self, arg: tuple[PeerSpec, list[WallMissing]]) -> Any:
        process_flag("trap_exit", True)
        spec, failed = arg
        me = current_process("init")
        try:
            running = Running(spec, _guard_for(spec), me)
            on_exit(me, Peer, running.destroy)
            await running.begin()
        except OSError as error:
            return Stop(("peer", "unavailable", no_room(error)))
        unwanted: Any = None
        while not isinstance(message := await receive(AnyOf(Note, ExitSignal)), Note):
            if message.reason != "normal" and unwanted is None:  # the starter has ended, so the peer has no purpose
                unwanted = message.reason
                if running.os_pid is None:
                    running.kill("killed", "was stopped before it was ready")
                else:  # some of its servers may run
                    running.ask_to_stop(spec.shutdown)
        if unwanted is not None:
            while running.ended is None:
                await receive(Note)
            return Stop(unwanted)
        if running.ended is not None:
            if running.missing is not None:
                failed.append(running.missing)
                return Stop(running.missing.reason)
            return Stop(_exit_reason(running.ended))
        if spec.spares is not None:
            me.runtime.scheduler.loop.call_soon(spec.spares.refill)
        return Ok(_State(running))

    @impl
    def handle_call(self, request: Any, caller: From, state: _State) -> Any:
        match request:
            case "ended":
                pass
            case ("stop", float(seconds)):
                state.running.ask_to_stop(seconds)
            case ("kill", str(reason)):
                state.running.kill("killed", reason)
            case _:
                return super().handle_call(request, caller, state)
        state.waiting.append(caller)
        return NoReply(state)

    @impl
    def handle_info(self, message: Any, state: _State) -> Any:
        match message:
            case Note("ended"):
                ended = state.running.ended
                assert ended is not None
                for caller in state.waiting:
                    reply(caller, ended)
                return Stop(_exit_reason(ended), state)
            case ExitSignal(_, reason):  # as if it did not trap them
                return NoReply(state) if reason == "normal" else Stop(reason, state)
            case _:
                return super().handle_info(message, state)

    @impl
    async def terminate(self, reason: Any, state: _State) -> None:
        """Stop the peer, cleanly at first."""
        running = state.running
        if running.ended is None:
            running.ask_to_stop(running.spec.shutdown)
            await receive(Note)
        for caller in state.waiting:
            reply(caller, running.ended)

    @impl
    def format_status(self, state: _State) -> Any:
        return {"peer": state.running.spec.name, "os_pid": state.running.os_pid}


def _guard_for(spec: PeerSpec) -> Launched:
    """Return a warm guard, or one that imports in the background. Raises `OSError`."""
    warm, preload = (None, ()) if spec.spares is None else (spec.spares.take(), spec.spares.preload)
    return warm or launch(preload, ours=spec.ours)


def _exit_reason(ended: Ended) -> Any:
    match ended.kind:
        case "stopped":
            return "normal"
        case "killed":  # by us: no crash to report
            return ("shutdown", ("peer", ended.kind, ended.reason))
        case kind:
            return ("peer", kind, ended.reason)


async def _start(
    spec: PeerSpec, *, node: Node | None = None, failed: list[WallMissing] | None = None, **options: Any
) -> Pid:
    s = (node or node_here("otp.peer.start")).scheduler
    if s.virtual:  # the loop refuses, with an error that says what to use
        refused: Any = s.loop.subprocess_exec
        refused()
    argument = (spec, [] if failed is None else failed)
    return await start_server(Peer, argument, handler=_PeerServer(), node=node, **options)
