"""The kernel's view of another node behind a pid: signals to its processes are sent from here.

Links, monitors and calls between local and remote processes are also kept in local tables, so that the loss of the
connection can be reported to all of them at once.
"""

# Messages and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakValueDictionary

from otp.distribution import signals, wire
from otp.distribution.busy import Busy
from otp.distribution.node_id import NodeId
from otp.distribution.remote_pid import RemoteName, RemoteProcess
from otp.kernel.ends.death import exit_signal, forget_link, notify_watcher
from otp.kernel.ends.mailbox import fail, forget, pause
from otp.kernel.steps.signals import link_processes
from otp.kernel.tables.callers import Failed, From, new_call, stand_in
from otp.kernel.tables.scheduler import Scheduler, thread_current
from otp.kernel.tables.tracing import Tracer
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.messages import Down, Monitor, forget_monitor, unwatch
from otp.kernel.values.pids import Pid, Ref
from otp.kernel.values.process import CALL_TAG, CAST_TAG, OWNER, SYSTEM_TAG, Process
from otp.observer.terms import Opaque

if TYPE_CHECKING:
    from otp.distribution.distribution import Distribution
    from otp.distribution.door import Door
    from otp.kernel.steps.node import Node

__all__ = ["RemoteNode", "RemoteRef"]

MOST_NAMES: Final = 1_000
"""Maximum number of names of another node whose pids are kept."""
SWEEP_FROM: Final = 1_000
"""Number of calls in progress from which abandoned ones are searched for."""


class RemoteRef(Ref):
    """A reference created by another node."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"#Ref<0.0.{self.number}>@{self.runtime.name}"


class _Names:
    """The names of another node, with the interface of `Node.names`: every name resolves there."""

    __slots__ = ("_node", "_texts")

    def __init__(self, node: RemoteNode) -> None:
        self._node = node
        self._texts: dict[str, RemoteName] = {}
        """The pids of names that need no encoding, as most names do."""

    def get(self, name: Any) -> RemoteProcess:
        """Return a pid that stands for the holder of the name when a signal arrives there."""
        if type(name) is not str or not name.isascii():
            return RemoteName(self._node, name)
        found = self._texts.get(name)
        if found is None:
            if len(self._texts) >= MOST_NAMES:
                self._texts.clear()
            found = self._texts[name] = RemoteName(self._node, name, [name])
        return found


class _Answer:
    """A replacement for a caller's future: sends the reply to the remote caller."""

    __slots__ = ("_node", "_number", "_server")

    def __init__(self, node: RemoteNode, number: int, server: Process | None) -> None:
        self._node = node
        self._number = number
        self._server = server

    def done(self) -> bool:
        """Return False: the remote caller itself decides when its wait is over."""
        return False

    def set_result(self, value: Any) -> None:
        """Send a reply, or the failure of the call."""
        self._node.answer(self._number, value, self._server)


class RemoteNode:
    """An incarnation of another node; its first half implements `Elsewhere` for the kernel."""

    __slots__ = (
        "__weakref__",
        "calls",
        "creation",
        "deferred",
        "distribution",
        "door",
        "given",
        "home",
        "id",
        "life",
        "links",
        "monitors",
        "name",
        "names",
        "next_ref_number",
        "outside",
        "pids",
        "process_table",
        "refs",
        "scheduler",
        "sweep_at",
        "tracer",
        "unlinking",
        "watched",
        "watched_life",
        "watched_links",
        "watching",
    )

    def __init__(self, distribution: Distribution, id: NodeId) -> None:
        self.distribution: Distribution = distribution
        self.id: NodeId = id
        self.name: str = id.name
        self.creation: int = id.creation
        home = distribution.node
        self.home: Node = home
        self.scheduler: Scheduler = home.scheduler
        self.outside: Process = home.outside
        self.watched: bool = False
        self.watched_life: bool = False
        self.watched_links: bool = False
        self.tracer: Tracer = Tracer(self, 0)  # pyright: ignore[reportArgumentType]
        self.life: str = "open"
        self.next_ref_number: int = 1
        self.process_table: dict[int, Process] = {}
        self.names: _Names = _Names(self)
        self.door: Door | None = None
        """The connection it came through; signals are sent the same way."""
        self.given: WeakValueDictionary[int, Pid] = WeakValueDictionary()
        """The local processes whose pids it received, where it may reach no others."""
        self.pids: WeakValueDictionary[int, RemoteProcess] = WeakValueDictionary()
        self.refs: WeakValueDictionary[int, RemoteRef] = WeakValueDictionary()
        self.links: dict[tuple[Process, Process], None] = {}
        """(process here, process there), linked."""
        self.unlinking: dict[tuple[int, int], int] = {}
        """Numbers of links removed here, until the other side acknowledges."""
        self.monitors: dict[int, Monitor] = {}
        """Local monitors of remote processes, by number."""
        self.watching: dict[int, tuple[Monitor, int]] = {}
        """Remote monitors of local processes, by their number: with the process's number."""
        self.calls: dict[int, From] = {}
        """Local callers that wait for a remote reply, by the number of the call."""
        self.deferred: deque[tuple[int, RemoteProcess, From, Any, bool]] = deque()
        """Calls that wait until the node is no longer busy."""
        self.sweep_at: int = SWEEP_FROM

    def __repr__(self) -> str:
        return f"<RemoteNode {self.id}>"

    def make_ref(self) -> Ref:
        """Return a new reference of the local node."""
        return self.home.make_ref()

    def describe(self, p: Process) -> str:
        """Return a fixed text: what a remote process runs is unknown here."""
        return "process of another node"

    def label(self, p: Process) -> str:
        """Return a description of a process."""
        return f"process {p},"

    # Outgoing signals

    def tell(self, signal: Any, sender: int = 0) -> bool:
        """Send a signal without a term of a local process; return False if there is no connection."""
        return self.door is not None and self.door.transport.send(self.id, wire.encode(signal), sender)

    def say(self, kind: Any, *head: Any, term: Any, strict: bool = True, sender: int | None = None) -> bool:
        """Send a signal with a term, of a local process, by default of that whose code runs.

        With `strict`, a value that cannot travel is an error here, else it is replaced.
        """
        try:
            try:
                data = wire.encode_in_parts(kind, head, wire.written(term, self, strict=strict))
            except (OverflowError, UnicodeEncodeError):  # too large a number, half a character
                data = wire.encode_in_parts(kind, head, wire.written(term, self, strict=strict, exact=True))
        except BadArgument as error:
            if strict:
                raise
            return self.say(kind, *head, term=Opaque(type(term).__name__, str(error)), sender=sender)
        if self.door is None:
            return False
        if sender is None:
            running = thread_current() or OWNER.get()
            sender = running.number if running is not None and running.runtime is self.home else 0
        return self.door.transport.send(self.id, data, sender)

    def forward(self, dest: RemoteProcess, message: Any) -> None:
        """Send a message to a remote process, without any confirmation. Raises `Busy` for a message or a cast."""
        if type(message) is tuple and message:
            tag = message[0]
            if tag is CAST_TAG and len(message) == 2:
                self._check_room()
                self.say(signals.Cast, dest.to, term=message[1])
                self._pace(thread_current())
                return
            if (tag is CALL_TAG or tag is SYSTEM_TAG) and len(message) == 3 and type(message[1]) is From:
                self._call(dest, message[1], message[2], tag is SYSTEM_TAG)
                return
        elif type(message) is Down:
            item: Any = message.item
            ref, number = self.watching.get(item, (None, 0)) if type(item) is int else (None, 0)
            if ref is message.ref:
                del self.watching[item]
                self.say(signals.Down, number, item, term=message.reason, strict=False, sender=number)
                return
        self._check_room()
        self.say(signals.Send, dest.to, term=message)
        self._pace(thread_current())

    # Senders that wait

    def _check_room(self) -> None:
        if self.door is not None and self.door.transport.full(self.id):
            raise Busy(self.name)

    def _is_busy(self) -> bool:
        return self.door is not None and self.door.transport.busy(self.id)

    def _pace(self, p: Process | None) -> None:
        """Suspend a process that has sent to this node while the node is busy."""
        if p is not None and p.runtime is self.home and self.door is not None and self.door.transport.busy(self.id):
            transport = self.door.transport
            pause(p, lambda: transport.until_drained(self.id))

    def _await_drain(self) -> None:
        if self.door is not None:
            drained = self.door.transport.until_drained(self.id)
            drained.add_done_callback(self._send_deferred, context=self.scheduler.base_context)

    def _send_deferred(self, _: object) -> None:
        """Send calls that wait, as long as the node takes them and their callers wait."""
        deferred = self.deferred
        while deferred and not self._is_busy():
            number, dest, frm, request, system = deferred.popleft()
            if self.calls.get(number) is not frm or frm.waiter.value is not frm:
                self.calls.pop(number, None)
                continue
            try:
                self._send_call(number, dest, frm, request, system)
            except BadArgument as error:
                self.calls.pop(number, None)
                fail(frm, ("cannot_travel", str(error)))
        if deferred:
            self._await_drain()

    def _call(self, dest: RemoteProcess, frm: From, request: Any, system: bool) -> None:
        number = self.lend(frm)
        if self._is_busy():
            self.deferred.append((number, dest, frm, request, system))
            if len(self.deferred) == 1:
                self._await_drain()
            return
        try:
            sent = self._send_call(number, dest, frm, request, system)
        except BaseException:
            self.calls.pop(number, None)
            forget(frm)
            if frm.to is dest and frm.waiter.value is frm:  # it was never sent: the error is the caller's
                frm.waiter.value = None
            raise
        if not sent and frm.to is dest:
            self.calls.pop(number, None)
            self._soon(fail, frm, ("nodedown", self.name))

    def _send_call(self, number: int, dest: RemoteProcess, frm: From, request: Any, system: bool) -> bool:
        caller = frm.pid
        return self.say(
            signals.Call, dest.to, number, caller.id if caller.runtime is self.home else 0, system, term=request
        )

    def lend(self, caller: From) -> int:
        """Return the number under which the other side may reply to a call."""
        number = self.home.next_ref()
        calls = self.calls
        calls[number] = caller
        if len(calls) > self.sweep_at:
            for n in [n for n, frm in calls.items() if frm.waiter.value is not frm]:
                del calls[n]
            self.sweep_at = max(SWEEP_FROM, 2 * len(calls))
        return number

    def answer(self, number: int, value: Any, server: Process | None = None) -> None:
        """Send the reply of a server to a call of theirs, or a `Failed`."""
        sender = None if server is None or server.runtime is not self.home else server.number
        try:
            if type(value) is Failed:
                self.say(signals.Failed, number, term=value.reason, strict=False, sender=sender)
            else:
                self.say(signals.Reply, number, term=value, sender=sender)
        except BadArgument as error:
            self.say(signals.Failed, number, term=("cannot_travel", str(error)), strict=False, sender=sender)
        self._pace(server)

    def exit(self, p: RemoteProcess, sender: Process, reason: Any, linked: bool) -> None:
        """Send an exit signal to a remote process."""
        if linked:
            if self.links.pop((sender, p), self) is self:  # the connection was lost, or they sent the signal
                return
        number = sender.number if sender.runtime is self.home else 0
        self.say(signals.ExitTo, number, p.to, linked, term=reason, strict=False, sender=number)

    def link(self, me: Process, p: RemoteProcess) -> None:
        """Link a local process with a remote one; without a connection it gets the exit signal `noconnection`."""
        if me.runtime is not self.home:
            raise BadArgument(f"link(pid): {p} is known to processes of node {self.home.name!r} only, this is {me!r}")
        if (me, p) in self.links:
            return
        self.unlinking.pop((me.number, p.number), None)
        if self.tell(signals.Link(me.number, p.number), me.number):
            self.tie(me, p)
        else:
            exit_signal(me, p, "noconnection", True)

    def tie(self, here: Process, there: RemoteProcess) -> None:
        """Enter a link."""
        if (here, there) not in self.links:
            self.links[here, there] = None
            link_processes(here, there)

    def untie(self, here: Process, there: RemoteProcess) -> bool:
        """Remove a link from all tables; return whether there was one."""
        found = self.links.pop((here, there), self) is not self
        if found:
            forget_link(here, there)
            forget_link(there, here)
        return found

    def unlink(self, me: Process, p: RemoteProcess) -> None:
        """Remove a link; signals about it that they send before they know are outdated."""
        if self.untie(me, p):
            number = self.home.next_ref()
            if self.tell(signals.Unlink(me.number, p.number, number), me.number):
                self.unlinking[me.number, p.number] = number

    def monitor(self, ref: Monitor) -> None:
        """Monitor a remote process; without a connection its `Down` has `noconnection`."""
        ref.runtime = self.home
        ref.number = number = self.home.next_ref()
        self.monitors[number] = ref
        target: Any = ref.target
        watcher = ref.watcher
        sender = watcher.number if isinstance(watcher, Process) and watcher.runtime is self.home else 0
        if not self.tell(signals.Monitor(sender, target.to, number), sender):
            self._soon(self.ended, number, "noconnection")

    def demonitor(self, ref: Monitor) -> None:
        """Remove a monitor."""
        if self.monitors.pop(ref.number, None) is not None:
            watcher = ref.watcher
            sender = watcher.number if isinstance(watcher, Process) and watcher.runtime is self.home else 0
            self.tell(signals.Demonitor(ref.number), sender)

    def _soon(self, function: Any, *args: Any) -> None:
        """Call a function later, like a reply of theirs: the caller is still in its request."""
        self.scheduler.loop.call_soon(function, *args, context=self.scheduler.base_context)

    # Known remote objects

    def process(self, number: int) -> RemoteProcess:
        """Return the pid of a process there."""
        found = self.pids.get(number)
        if found is None:
            found = self.pids[number] = RemoteProcess(self, number)
        return found

    def reference(self, number: int) -> RemoteRef:
        """Return a reference created by them."""
        found = self.refs.get(number)
        if found is None:
            found = self.refs[number] = RemoteRef(self, number)
        return found

    def told(self, pid: Pid) -> None:
        """Keep a pid that is sent findable for when it returns."""
        self.distribution.told(pid)
        if self.confined and pid.runtime is self.home:
            self.given[pid.number] = pid

    @property
    def confined(self) -> bool:
        """Return whether they reach only what they were given."""
        return self.door is None or self.door.confined

    def may_reach(self, number: int) -> bool:
        """Return whether they may send to the local process with this number."""
        return not self.confined or number in self.given

    def told_ref(self, ref: Ref) -> None:
        """Keep a reference that is sent findable."""
        self.distribution.told_ref(ref)

    def pid(self, node: str, creation: int, number: int) -> Pid:
        """Return the pid for a process they refer to."""
        return self.distribution.pid(node, creation, number)

    def ref(self, node: str, creation: int, number: int) -> Ref:
        """Return the reference they refer to."""
        return self.distribution.ref(node, creation, number)

    def borrowed(self, number: int, pid: Pid | None, to: Process | None = None, request: Any = None) -> From:
        """Return a stand-in for a remote caller, to reply to from here."""
        parent: Any = pid
        stub = stand_in(self.home, parent, _Answer(self, number, to))
        return new_call(stub, request, self.home.outside if to is None else to)

    def written(self, name: Any) -> Any:
        """Return a name as a term."""
        return wire.written(name, self, exact=True)

    # Notifications of the other side for local waiters

    def ended(self, number: int, reason: Any, pid: Pid | None = None) -> None:
        """Handle the end of a monitored remote process."""
        ref = self.monitors.pop(number, None)
        if ref is not None:
            target: Any = ref.target
            forget_monitor(target, ref)
            if ref.item is None:
                ref.item = pid
            notify_watcher(ref, reason)

    def failed(self, number: int, reason: Any) -> None:
        """Fail a call that was sent there."""
        frm = self.calls.pop(number, None)
        if frm is not None and self._was_called(frm):
            fail(frm, reason)

    def lose(self) -> None:
        """End all links, monitors and calls with their processes, each once, after the connection is lost."""
        links, self.links = self.links, {}
        monitors, self.monitors = self.monitors, {}
        watching, self.watching = self.watching, {}
        calls, self.calls = self.calls, {}
        self.unlinking.clear()
        self.deferred.clear()
        for ref, _ in watching.values():
            unwatch(ref)
        for here, there in links:
            forget_link(here, there)
            forget_link(there, here)
            exit_signal(here, there, "noconnection", True)
        for ref in monitors.values():
            target: Any = ref.target
            if target is not None and not (
                ref.item is None and isinstance(ref.watcher, Process)
            ):  # from a failed spawn
                forget_monitor(target, ref)
                notify_watcher(ref, "noconnection")
        for frm in calls.values():
            if self._was_called(frm):
                fail(frm, ("nodedown", self.name))

    def _was_called(self, frm: From) -> bool:
        """Return whether a call was sent there, not only lent for a reply."""
        node: Any = frm.to.runtime
        return node is self
