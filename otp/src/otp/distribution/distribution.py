"""`Distribution`: connects a node with others, so that processes reach remote ones like local ones."""

# Messages and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from otp.distribution import serving
from otp.distribution.arriving import arrived
from otp.distribution.door import Door
from otp.distribution.node_id import NodeId
from otp.distribution.parts import Parts
from otp.distribution.remote_node import RemoteNode
from otp.distribution.remote_pid import RemoteProcess
from otp.distribution.transport import Transport
from otp.distribution.wire import Malformed, UnknownSignal
from otp.kernel.ends.mailbox import deliver
from otp.kernel.steps.calling import call
from otp.kernel.steps.calls import failure
from otp.kernel.steps.node import Node
from otp.kernel.tables.scheduler import current_process, nanoseconds
from otp.kernel.values.errors import BadArgument, CallExit, StartError
from otp.kernel.values.messages import Monitor, NodeDown, NodeUp
from otp.kernel.values.pids import Pid, Ref
from otp.kernel.values.process import Process, off_exit, on_exit
from otp.kernel.values.sentences import say

if TYPE_CHECKING:
    from otp.kernel.values.terms import Limit, Name

__all__ = ["Distribution"]


class Distribution:
    """A node's connections with others: remote pids, names, links and monitors work like local ones.

    `async with Distribution(node, transport) as distribution:` starts it; leaving, or the end of the node, ends all
    connections.

    Args:
        node: the running node. The transport uses its creation.
        transport: delivers signals to other nodes; its name is that of the node.
        spawnable: the functions that others may start here with `spawn` and `rpc`, each as `"module:function"`.
        services: names that others find here with precedence over those of the node, and their processes, which may
            belong to another node of this loop.
        confined: the others are not trusted. They reach the services, and processes whose pids they received in a
            message, a call or a reply, with messages, calls and monitors; their names, system messages, exit signals
            and links are refused. A process here that links itself with one of theirs still gets its exit signal.

    >>> import asyncio, otp
    >>> from otp.distribution import Distribution, NodeId, Session, SessionTransport
    >>> from otp.distribution.carriers.simulated import SimulatedNetwork
    >>> async def main():
    ...     network, ids = SimulatedNetwork(), [NodeId("a", 1), NodeId("b", 1)]
    ...     one, two = [SessionTransport(network.carrier(me), Session(me, b"cookie")) for me in ids]
    ...     async with otp.Node("a") as a, otp.Node("b") as b:
    ...         async with Distribution(a, one) as at_a, Distribution(b, two):
    ...             await b.start(otp.Agent, lambda: 42, name="answer")
    ...             await at_a.wait_connected("b")
    ...             return (await at_a.whereis("answer", "b")).node, at_a.nodes()
    >>> asyncio.run(main())
    ('b', ['b'])

    Source: Erlang Reference Manual, *Distributed Erlang*; kernel, `net_kernel`.
    """

    def __init__(
        self,
        node: Node,
        transport: Transport,
        *,
        spawnable: Iterable[str] = (),
        services: Mapping[Any, Pid] | None = None,
        confined: bool = False,
    ) -> None:
        self.node: Node = node
        self._doors: list[Door] = [Door(self, transport, spawnable, services, confined)]
        self._up: dict[str, RemoteNode] = {}
        self._known: WeakValueDictionary[NodeId, RemoteNode] = WeakValueDictionary()
        self._pids: WeakValueDictionary[int, Pid] = WeakValueDictionary()
        self._refs: WeakValueDictionary[int, Ref] = WeakValueDictionary()
        self._watchers: dict[Process, int] = {}
        self._waiting: dict[str, list[asyncio.Future[NodeId]]] = {}
        self._ignored: set[int] = set()
        """The kinds of signals of later versions that have arrived."""
        self.last_loss: str = ""
        """The reason of the latest loss of a connection; `"timeout"` if the other side was silent."""

    # Life

    async def start(self) -> None:
        """Start. Raises `BadArgument` for a node that is not running, or already has a distribution."""
        node = self.node
        node.check_life("Distribution.start()")
        if node.distribution is not None:
            raise BadArgument(f"Distribution.start(): node {node.name!r} is already part of a distribution")
        node.creation = self.transport.me.creation
        node.distribution = self
        await self.transport.start(self._doors[0])

    async def drain(self, timeout: float) -> None:
        """Move what other nodes can run to them, before the processes of this node stop; here there is nothing."""

    async def stop(self) -> None:
        """End all connections. Links, monitors and calls to other nodes end with `noconnection`."""
        for door in reversed(self._doors):
            await self._close(door)
        if self.node.distribution is self:
            self.node.distribution = None

    @property
    def transport(self) -> Transport:
        """The transport with which it started."""
        return self._doors[0].transport

    def allows(self, target: str) -> bool:
        """Return whether nodes connected by that transport may start a function, or a method of a class."""
        spawnable = self._doors[0].spawnable
        return target in spawnable or target.rpartition(".")[0] in spawnable

    @property
    def services(self) -> Mapping[Any, Pid]:
        """The services for nodes connected by that transport."""
        return self._doors[0].services

    async def attach(
        self,
        transport: Transport,
        *,
        spawnable: Iterable[str] = (),
        services: Mapping[Any, Pid] | None = None,
        confined: bool = False,
    ) -> None:
        """Accept other nodes over one more transport with its own rights.

        The arguments are those of the class.

        Raises `BadArgument` if `transport.me` is not this node with its creation.
        """
        door = Door(self, transport, spawnable, services, confined)
        if transport.me.creation != self.node.creation:
            raise BadArgument(
                f"attach(transport): expected a transport of creation {self.node.creation}, got {transport.me}; "
                "try NodeId(node.name, node.creation)"
            )
        self._doors.append(door)
        await transport.start(door)

    async def detach(self, transport: Transport) -> None:
        """End the connections of an attached transport; no effect for another one."""
        for door in self._doors[1:]:
            if door.transport is transport:
                await self._close(door)
                self._doors.remove(door)

    async def _close(self, door: Door) -> None:
        await door.transport.stop()
        for peer in list(self._up.values()):
            self.lose(door, peer.id)

    async def __aenter__(self) -> Distribution:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    # Nodes

    def nodes(self) -> list[str]:
        """Return the names of the connected nodes, the longest connected first. Source: `erlang:nodes/0`."""
        return list(self._up)

    async def connect(self, node: NodeId, timeout: Limit = 5.0) -> None:
        """Connect with an incarnation of a node, and return when that one is connected.

        Args:
            node: name and creation of the node.
            timeout: seconds to wait. Then `TimeoutError`, also if another incarnation is connected.
        """
        for door in self._doors:
            door.transport.connect(node)
        await self._wait(node.name, node.creation, timeout, "connect(timeout=…)")

    async def wait_connected(self, name: str, timeout: Limit = "infinity") -> NodeId:
        """Wait until a node with this name is connected by either side; return its name and creation."""
        return await self._wait(name, None, timeout, "wait_connected(timeout=…)")

    async def _wait(self, name: str, creation: int | None, timeout: Limit, what: str) -> NodeId:
        """Wait until a node is connected, with this creation unless it is None."""
        limit = nanoseconds(timeout, what, infinite=True)
        try:
            async with asyncio.timeout(None if limit is None else limit / 1e9):
                while (peer := self._up.get(name)) is None or creation not in (None, peer.creation):
                    future: asyncio.Future[NodeId] = self.node.scheduler.loop.create_future()
                    waiting = self._waiting.setdefault(name, [])
                    waiting.append(future)
                    try:
                        await future
                    finally:
                        if not future.done() or future.cancelled():
                            waiting.remove(future)
                return peer.id
        except TimeoutError:
            there = self._up.get(name)
            wanted = f"node {name!r}" if creation is None else f"node {name}#{creation}"
            but = "" if there is None else f"; {there.id} is"
            raise TimeoutError(f"{wanted} is not connected to {self.node.name!r} after {timeout} s{but}") from None

    def busy(self, name: str) -> bool:
        """Return whether more than `Settings.buffer` waits for a node, so that its senders are suspended."""
        peer = self._up.get(name)
        return peer is not None and peer.door is not None and peer.door.transport.busy(peer.id)

    async def drained(self, name: str, timeout: Limit = "infinity") -> None:
        """Wait while a node is busy; return at once if it is not, or is not connected.

        A process that sends too much is suspended at its next `receive`, call or end of a callback. One that sends in
        a loop without any of them, and code outside of processes, should call this between messages: beyond four times
        `Settings.buffer`, `send` and `cast` raise `Busy`.

        Args:
            name: of the node.
            timeout: seconds to wait. Then `TimeoutError`.

        Source: `erlang:send/2`. Difference: Erlang suspends a process that sends to a busy node at once.
        """
        limit = nanoseconds(timeout, "drained(timeout=…)", infinite=True)
        try:
            async with asyncio.timeout(None if limit is None else limit / 1e9):
                while (peer := self._up.get(name)) is not None and peer.door is not None and self.busy(name):
                    await peer.door.transport.drained(peer.id)
        except TimeoutError:
            raise TimeoutError(f"node {name!r} is still busy after {timeout} s") from None

    def disconnect(self, name: str) -> bool:
        """End the connection to a node; return whether there was one. Source: `erlang:disconnect_node/1`."""
        peer = self._up.get(name)
        if peer is None:
            return False
        if peer.door is not None:
            peer.door.transport.disconnect(peer.id)
        return True

    def monitor_nodes(self, flag: bool = True) -> None:
        """Send `NodeUp` and `NodeDown` to the calling process from now on, or stop doing so.

        They have the name and the incarnation of the node. Each request adds one copy, until it is undone. `NodeDown`
        comes after the effects of the loss on links, monitors and calls. Source: `net_kernel:monitor_nodes/1`.
        """
        me = current_process("monitor_nodes()")
        count = self._watchers.get(me, 0)
        if flag:
            self._watchers[me] = count + 1
            on_exit(me, self, self._forget)
        elif count > 1:
            self._watchers[me] = count - 1
        elif count:
            del self._watchers[me]
            off_exit(me, self)

    # Events of the transports

    def welcome(self, door: Door, node: NodeId) -> None:
        """Handle a new connection; refuse one with the name of another node or of this one."""
        before = self._up.get(node.name)
        if node.name == self.node.name or (before is not None and before.door is not door):
            say(logging.ERROR, "node %s is refused by %s: the name is taken", node, self.node.name)
            door.transport.disconnect(node)
            return
        if before is not None:  # an earlier incarnation, whose end was not reported
            self.lose(door, before.id)
        peer = self._up[node.name] = self._node(node)
        peer.door = door
        for future in self._waiting.pop(node.name, ()):
            if not future.done():
                future.set_result(node)
        self._tell(NodeUp(node.name, node.creation))

    def receive(self, door: Door, node: NodeId, data: bytes | Parts) -> None:
        """Handle a signal of a node; a malformed one ends the connection, one of a later version is ignored."""
        peer = self._up.get(node.name)
        if peer is None or peer.id != node or peer.door is not door:
            return
        try:
            arrived(peer, data)
        except UnknownSignal as error:
            if error.kind not in self._ignored:
                self._ignored.add(error.kind)
                say(logging.WARNING, "%s ignores a signal of node %s: %s", self.node.name, node, error)
        except Malformed as error:
            say(logging.ERROR, "node %s is disconnected from %s: %s", node, self.node.name, error)
            door.transport.disconnect(node)
            self.lose(door, node)  # at once: further signals of the same frame are waiting

    def lose(self, door: Door, node: NodeId) -> None:
        """Handle the end of a connection: notify links and monitors first, then `monitor_nodes`."""
        peer = self._up.get(node.name)
        if peer is None or peer.id != node or peer.door is not door:
            return
        del self._up[node.name]
        peer.lose()
        self._tell(NodeDown(node.name, node.creation))

    def _forget(self, p: Process) -> None:
        self._watchers.pop(p, None)

    def _tell(self, message: Any) -> None:
        for p, count in list(self._watchers.items()):
            for _ in range(count):
                deliver(p, message)

    # Remote processes

    async def spawn(self, node: str, target: str, *args: Any, timeout: Limit = 5.0) -> Pid:
        """Start a process on another node that runs `target(*args)`.

        Args:
            node: the name of the node.
            target: `"module:function"`, as the other node lists it as spawnable.
            args: terms.
            timeout: seconds to wait for the pid.

        Raises `StartError`: `("not_spawnable", target)`, `"noconnection"`, `"timeout"`.
        Source: `erlang:spawn/4`, which returns the pid of no process in such cases.
        """
        return await self._spawn(node, target, args, False, None, timeout)

    async def spawn_link(self, node: str, target: str, *args: Any, timeout: Limit = 5.0) -> Pid:
        """Start a process like `spawn`, linked with the calling process from its first moment."""
        current_process("spawn_link")
        return await self._spawn(node, target, args, True, None, timeout)

    async def spawn_monitor(self, node: str, target: str, *args: Any, timeout: Limit = 5.0) -> tuple[Pid, Ref]:
        """Start a process like `spawn`, monitored by the caller from its first moment; return (pid, ref)."""
        me = current_process("spawn_monitor")
        peer = self._up.get(node)
        if peer is None:
            raise StartError("noconnection")
        ref = Monitor(self.node, self.node.next_ref())
        ref.watcher, ref.target, ref.item = me, peer.process(0), None
        peer.monitors[ref.number] = ref
        try:
            pid = await self._spawn(node, target, args, False, ref.number, timeout)
        except BaseException:
            peer.demonitor(ref)
            raise
        if peer.monitors.get(ref.number) is ref:  # unless it has already ended
            ref.target = ref.item = pid
            x = me.ensure_ext()
            if x.monitors is None:
                x.monitors = {}
            x.monitors[ref] = None
        return pid, ref

    async def _spawn(self, node: str, target: str, args: Any, link: bool, watched: int | None, timeout: Limit) -> Any:
        try:
            return await self._ask(node, ("spawn", target, args, link, watched), timeout)
        except CallExit as failed:
            reason = failed.cause_reason
            down = type(reason) is tuple and reason[:1] == ("nodedown",)
            raise StartError("noconnection" if down else reason) from None

    async def rpc(self, node: str, target: str, *args: Any, timeout: Limit = 5.0) -> Any:
        """Call `target(*args)` in a process on another node, and return its result.

        Args:
            node: the name of the node.
            target: `"module:function"`, as the other node lists it as spawnable; it may be `async`.
            args: terms.
            timeout: seconds.

        Raises `CallExit` with the reason `(R, ("rpc", "call", [node, target, args]))`: R is the exit reason of the
        process, `("nodedown", node)`, `"timeout"`, or `("not_spawnable", target)`. Source: `erpc:call/5`.
        """
        try:
            return await self._ask(node, ("rpc", target, args), timeout)
        except CallExit as failed:
            found = failure(failed.cause_reason, node, (target, *args))
            found.reason = (failed.cause_reason, ("rpc", "call", [node, target, list(args)]))
            try:
                raise found from None
            finally:
                del found  # else frame, error and traceback form a cycle

    async def whereis(self, name: Name, node: str, timeout: Limit = 5.0) -> Pid | None:
        """Return the pid with a name on another node, or `None`. Raises `CallExit` like a call."""
        return await self._ask(node, ("whereis", name), timeout)

    async def _ask(self, node: str, request: Any, timeout: Limit) -> Any:
        peer = self._up.get(node) or self.absent(node)
        return await call(peer.process(0), request, timeout)

    # Requests of the kernel and the connections

    def find(self, name: str) -> Any:
        """Return the node with this name, this one or a connected one, else `None`."""
        return self.node if name == self.node.name else self._up.get(name)

    def absent(self, name: str) -> RemoteNode:
        """Return a stand-in for a node that is not connected: what is sent to it is lost."""
        return self._node(NodeId(name, 0))

    def _node(self, id: NodeId) -> RemoteNode:
        found = self._known.get(id)
        if found is None:
            found = self._known[id] = RemoteNode(self, id)
        return found

    def told(self, pid: Pid) -> None:
        """Keep a pid that is sent findable for when it returns."""
        if pid.runtime is self.node:
            self._pids[pid.number] = pid

    def told_ref(self, ref: Ref) -> None:
        """Keep a reference that is sent findable."""
        if ref.runtime is self.node:
            self._refs[ref.number] = ref

    def pid(self, node: str, creation: int, number: int) -> Pid:
        """Return the pid for a process referred to by another node."""
        if (node, creation) == (self.node.name, self.node.creation):
            return self._pids.get(number) or self.node.pid_numbered(number)
        return self._node(NodeId(node, creation)).process(number)

    def ref(self, node: str, creation: int, number: int) -> Ref:
        """Return the reference referred to by another node."""
        if (node, creation) == (self.node.name, self.node.creation):
            return self._refs.get(number) or Ref(self.node, number)
        return self._node(NodeId(node, creation)).reference(number)

    def asked(self, peer: RemoteNode, number: int, caller: RemoteProcess | None, request: Any) -> None:
        """Handle a request of another node to this node itself."""
        serving.answer(peer, number, caller, request)
