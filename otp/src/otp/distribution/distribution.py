"""`Distribution`: a node takes part in a distribution, and its processes reach those of other nodes as their own."""

# What lies behind a pid is the kernel's.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportPrivateUsage=false

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
from otp.distribution.remote_node import RemoteNode
from otp.distribution.remote_pid import RemoteProcess
from otp.distribution.transport import Transport
from otp.distribution.wire import Malformed
from otp.kernel.calling import call
from otp.kernel.calls import failure
from otp.kernel.errors import BadArgument, CallExit, StartError
from otp.kernel.log import say
from otp.kernel.mailbox import deliver
from otp.kernel.messages import NodeDown, NodeUp
from otp.kernel.monitors import Monitor
from otp.kernel.node import Node
from otp.kernel.pids import Pid, Ref
from otp.kernel.process import Process
from otp.kernel.scheduler import current_process, nanoseconds
from otp.kernel.signals import off_exit, on_exit

if TYPE_CHECKING:
    from otp.kernel.terms import Limit, Name

__all__ = ["Distribution"]


class Distribution:
    """Connects a node with others: their pids, names, links and monitors are used like those of the node itself.

    `async with Distribution(node, transport) as distribution:` begins it; leaving ends all connections. So does the
    end of the node.

    Args:
        node: the node, which runs. Its creation becomes that of the transport.
        transport: what brings signals to other nodes; its name is that of the node.
        spawnable: what others may start here with `spawn` and `rpc`, each as `"module:function"`. Nothing else.
        services: names that others find here before those of the node, and their processes, which may be of another
            node of this loop.
        confined: the others are not trusted. They reach the services, and processes of which they were told in a
            message, a call or an answer, with messages, calls and monitors; no name, no system message, no exit signal
            and no link of theirs gets through. Whoever links itself from here gets their end.

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

    # Life

    async def start(self) -> None:
        """Begin. Raises `BadArgument` for a node that does not run, or has a distribution already."""
        node = self.node
        node._check_life("Distribution.start()")
        if node._distribution is not None:
            raise BadArgument(f"Distribution.start(): node {node.name!r} takes part in a distribution already")
        node.creation = self.transport.me.creation
        node._distribution = self
        await self.transport.start(self._doors[0])

    async def stop(self) -> None:
        """End all connections. Links, monitors and calls to other nodes end with `noconnection`."""
        for door in reversed(self._doors):
            await self._close(door)
        if self.node._distribution is self:
            self.node._distribution = None

    @property
    def transport(self) -> Transport:
        """The transport with which it began."""
        return self._doors[0].transport

    @property
    def services(self) -> Mapping[Any, Pid]:
        """The services for those who come by that transport."""
        return self._doors[0].services

    async def attach(
        self,
        transport: Transport,
        *,
        spawnable: Iterable[str] = (),
        services: Mapping[Any, Pid] | None = None,
        confined: bool = False,
    ) -> None:
        """Let other nodes come by one more transport, with rights of their own; the arguments are those of the class.

        Raises `BadArgument` where `transport.me` is not this node with its creation.
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
        """End the connections of a transport that was attached. Nothing for another one."""
        for door in self._doors[1:]:
            if door.transport is transport:
                await self._close(door)
                self._doors.remove(door)

    async def _close(self, door: Door) -> None:
        await door.transport.stop()
        for peer in list(self._up.values()):
            self.went(door, peer.id)

    async def __aenter__(self) -> Distribution:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    # Nodes

    def nodes(self) -> list[str]:
        """The names of the nodes that are connected, the longest connected first. Source: `erlang:nodes/0`."""
        return list(self._up)

    async def connect(self, node: NodeId, timeout: Limit = 5.0) -> None:
        """Connect with a node, and return once that stands; at once where it does.

        Args:
            node: name and creation of the node.
            timeout: the most seconds to wait. Then `TimeoutError`.
        """
        for door in self._doors:
            door.transport.connect(node)
        await self.wait_connected(node.name, timeout)

    async def wait_connected(self, name: str, timeout: Limit = "infinity") -> NodeId:
        """Wait until a node of this name is connected, whoever connects, and return what run of it that is."""
        limit = nanoseconds(timeout, "wait_connected(timeout=…)", infinite=True)
        if name in self._up:
            return self._up[name].id
        future: asyncio.Future[NodeId] = self.node._s.loop.create_future()
        self._waiting.setdefault(name, []).append(future)
        try:
            async with asyncio.timeout(None if limit is None else limit / 1e9):
                return await future
        except TimeoutError:
            raise TimeoutError(f"node {name!r} is not connected with {self.node.name!r} after {timeout} s") from None
        finally:
            if not future.done() or future.cancelled():
                self._waiting[name].remove(future)

    def busy(self, name: str) -> bool:
        """Whether more waits for a node than `Settings.busy`, so that who sends much should wait; see `drained`."""
        peer = self._up.get(name)
        return peer is not None and peer.door is not None and peer.door.transport.busy(peer.id)

    async def drained(self, name: str, timeout: Limit = "infinity") -> None:
        """Wait as long as much waits for a node; at once for one that is not busy, or not connected (any more).

        A process that sends much asks this between its messages. What it sends without asking is kept up to
        `Settings.waiting` bytes; beyond, the connection ends.

        Args:
            name: of the node.
            timeout: the most seconds to wait. Then `TimeoutError`.

        Source: `erlang:send/2`. Difference: Erlang suspends who sends to a busy node; here `send` is no `await`, so
        that it always returns at once.
        """
        limit = nanoseconds(timeout, "drained(timeout=…)", infinite=True)
        try:
            async with asyncio.timeout(None if limit is None else limit / 1e9):
                while (peer := self._up.get(name)) is not None and peer.door is not None and self.busy(name):
                    await peer.door.transport.drained(peer.id)
        except TimeoutError:
            raise TimeoutError(f"node {name!r} is still busy after {timeout} s") from None

    def disconnect(self, name: str) -> bool:
        """End the connection to a node; whether there was one. Source: `erlang:disconnect_node/1`."""
        peer = self._up.get(name)
        if peer is None:
            return False
        if peer.door is not None:
            peer.door.transport.disconnect(peer.id)
        return True

    def monitor_nodes(self, flag: bool = True) -> None:
        """The calling process gets `NodeUp(name)` and `NodeDown(name)` from now on, or no more of them.

        Asked for twice they come twice, until that was taken back twice. `NodeDown` comes after all that the loss of
        the node does to links, monitors and calls. Source: `net_kernel:monitor_nodes/1`.
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

    # What the transports tell

    def came(self, door: Door, node: NodeId) -> None:
        """A connection stands. One that bears the name of another node, or of this one, is not for us."""
        before = self._up.get(node.name)
        if node.name == self.node.name or (before is not None and before.door is not door):
            say(logging.ERROR, "node %s is refused by %s: the name is taken", node, self.node.name)
            door.transport.disconnect(node)
            return
        if before is not None:  # another run of it, of which nobody said that it went
            self.went(door, before.id)
        peer = self._up[node.name] = self._node(node)
        peer.door = door
        for future in self._waiting.pop(node.name, ()):
            if not future.done():
                future.set_result(node)
        self._tell(NodeUp(node.name))

    def heard(self, door: Door, node: NodeId, data: bytes) -> None:
        """A node says something. What it cannot have meant ends the connection."""
        peer = self._up.get(node.name)
        if peer is None or peer.id != node or peer.door is not door:
            return
        try:
            arrived(peer, data)
        except Malformed as error:
            say(logging.ERROR, "node %s is disconnected from %s: %s", node, self.node.name, error)
            door.transport.disconnect(node)

    def went(self, door: Door, node: NodeId) -> None:
        """A connection ended: whoever is tied to a process there is told, then whoever watches nodes."""
        peer = self._up.get(node.name)
        if peer is None or peer.id != node or peer.door is not door:
            return
        del self._up[node.name]
        peer.lose()
        self._tell(NodeDown(node.name))

    def _forget(self, p: Process) -> None:
        self._watchers.pop(p, None)

    def _tell(self, message: Any) -> None:
        for p, count in list(self._watchers.items()):
            for _ in range(count):
                deliver(p, message)

    # Processes elsewhere

    async def spawn(self, node: str, target: str, *args: Any, timeout: Limit = 5.0) -> Pid:
        """Start a process on another node that runs `target(*args)`.

        Args:
            node: the name of the node.
            target: `"module:function"`, as the other node lists it as spawnable.
            args: terms.
            timeout: seconds to wait for the pid.

        Raises `StartError`: `("not_spawnable", target)`, `"noconnection"`, `"timeout"`.
        Source: `erlang:spawn/4`, which returns a pid of nobody in such cases.
        """
        return await self._spawn(node, target, args, False, None, timeout)

    async def spawn_link(self, node: str, target: str, *args: Any, timeout: Limit = 5.0) -> Pid:
        """As `spawn`, linked with the calling process from the first moment."""
        current_process("spawn_link")
        return await self._spawn(node, target, args, True, None, timeout)

    async def spawn_monitor(self, node: str, target: str, *args: Any, timeout: Limit = 5.0) -> tuple[Pid, Ref]:
        """As `spawn`, monitored by the calling process from the first moment; returns (pid, ref)."""
        me = current_process("spawn_monitor")
        peer = self._up.get(node)
        if peer is None:
            raise StartError("noconnection")
        ref = Monitor(self.node, self.node.next_ref())
        ref._watcher, ref._target, ref._item = me, peer.process(0), None
        peer.monitors[ref._id] = ref
        try:
            pid = await self._spawn(node, target, args, False, ref._id, timeout)
        except BaseException:
            peer.demonitor(ref)
            raise
        if peer.monitors.get(ref._id) is ref:  # it has not ended already
            ref._target = ref._item = pid
            x = me._ext()
            if x.mrefs is None:
                x.mrefs = {}
            x.mrefs[ref] = None
        return pid, ref

    async def _spawn(self, node: str, target: str, args: Any, link: bool, watched: int | None, timeout: Limit) -> Any:
        try:
            return await self._ask(node, ("spawn", target, args, link, watched), timeout)
        except CallExit as failed:
            reason = failed.cause_reason
            down = type(reason) is tuple and reason[:1] == ("nodedown",)
            raise StartError("noconnection" if down else reason) from None

    async def rpc(self, node: str, target: str, *args: Any, timeout: Limit = 5.0) -> Any:
        """Call `target(*args)` in a process on another node, and wait for what it returns.

        Args:
            node: the name of the node.
            target: `"module:function"`, as the other node lists it as spawnable; it may be `async`.
            args: terms.
            timeout: seconds.

        Raises `CallExit` with the reason `(R, ("rpc", "call", [node, target, args]))`: R is that of a process that
        ended so, `("nodedown", node)`, `"timeout"`, or `("not_spawnable", target)`. Source: `erpc:call/5`.
        """
        try:
            return await self._ask(node, ("rpc", target, args), timeout)
        except CallExit as failed:
            found = failure(failed.cause_reason, node, (target, *args))
            found.reason = (failed.cause_reason, ("rpc", "call", [node, target, list(args)]))
            try:
                raise found from None
            finally:
                del found  # else frame, error and traceback are a cycle

    async def whereis(self, name: Name, node: str, timeout: Limit = 5.0) -> Pid | None:
        """The pid that bears a name on another node, `None` if nobody does. Raises `CallExit` as a call."""
        return await self._ask(node, ("whereis", name), timeout)

    async def _ask(self, node: str, request: Any, timeout: Limit) -> Any:
        peer = self._up.get(node) or self.absent(node)
        return await call(peer.process(0), request, timeout)

    # What the kernel and the connections ask

    def find(self, name: str) -> Any:
        """The node with this name, this one or one that is connected, else `None`."""
        return self.node if name == self.node.name else self._up.get(name)

    def absent(self, name: str) -> RemoteNode:
        """What stands for a node that is not connected: what is sent there is lost."""
        return self._node(NodeId(name, 0))

    def _node(self, id: NodeId) -> RemoteNode:
        found = self._known.get(id)
        if found is None:
            found = self._known[id] = RemoteNode(self, id)
        return found

    def told(self, pid: Pid) -> None:
        """A pid leaves: it must be found again when it comes back."""
        if pid._node is self.node:
            self._pids[pid._id] = pid

    def told_ref(self, ref: Ref) -> None:
        """A reference leaves, likewise."""
        if ref._node is self.node:
            self._refs[ref._id] = ref

    def pid(self, node: str, creation: int, number: int) -> Pid:
        """The pid for a process that another node has named."""
        if (node, creation) == (self.node.name, self.node.creation):
            return self._pids.get(number) or self.node.pid_numbered(number)
        return self._node(NodeId(node, creation)).process(number)

    def ref(self, node: str, creation: int, number: int) -> Ref:
        """The reference that another node has named."""
        if (node, creation) == (self.node.name, self.node.creation):
            return self._refs.get(number) or Ref(self.node, number)
        return self._node(NodeId(node, creation)).reference(number)

    def asked(self, peer: RemoteNode, number: int, caller: RemoteProcess | None, request: Any) -> None:
        """A node asks something of this node itself."""
        serving.answer(peer, number, caller, request)
