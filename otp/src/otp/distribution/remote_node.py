"""Another node, as the kernel meets it behind a pid: signals to its processes leave here.

Links, monitors and calls between a process here and one there are kept in tables of this side, so that the loss of the
connection can tell everybody at once.
"""

# What lies behind a pid is the kernel's.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportPrivateUsage=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from weakref import WeakValueDictionary

from otp.distribution import signals, wire
from otp.distribution.node_id import NodeId
from otp.distribution.remote_pid import RemoteName, RemoteProcess
from otp.kernel.burial import tell_watcher
from otp.kernel.callers import Failed, From, new_call, stand_in
from otp.kernel.death import exit_signal, forget_link
from otp.kernel.errors import BadArgument
from otp.kernel.messages import Down
from otp.kernel.monitors import Monitor, forget_monitor, unwatch
from otp.kernel.pids import Pid, Ref
from otp.kernel.process import Process
from otp.kernel.replies import fail, forget
from otp.kernel.signals import link_processes
from otp.kernel.states import CALL_TAG, CAST_TAG, SYSTEM_TAG
from otp.kernel.tracing import Tracer
from otp.observer.terms import Opaque

if TYPE_CHECKING:
    from otp.distribution.distribution import Distribution
    from otp.distribution.door import Door
    from otp.kernel.node import Node

__all__ = ["RemoteNode", "RemoteRef"]

SWEEP_FROM: Final = 1_000
"""Calls under way from which on those are looked for that nobody waits for any more."""


class RemoteRef(Ref):
    """A reference that another node has made."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"#Ref<0.0.{self._id}>@{self._node.name}"


class _Names:
    """The names of another node, as `Node._names` is asked: whoever bears one is found there."""

    __slots__ = ("_node",)

    def __init__(self, node: RemoteNode) -> None:
        self._node = node

    def get(self, name: Any) -> RemoteProcess:
        """Whoever bears the name there when a signal arrives."""
        return RemoteName(self._node, name)


class _Answer:
    """In the place of the future of a caller: sends the answer to where it waits."""

    __slots__ = ("_node", "_number")

    def __init__(self, node: RemoteNode, number: int) -> None:
        self._node = node
        self._number = number

    def done(self) -> bool:
        """False: who waits knows itself whether that is over."""
        return False

    def set_result(self, value: Any) -> None:
        """Send an answer, or that there will be none."""
        self._node.answer(self._number, value)


class RemoteNode:
    """One run of another node. Its first half is what the kernel asks of the node of any pid."""

    __slots__ = (
        "__weakref__",
        "_life",
        "_names",
        "_next_ref",
        "_outside",
        "_procs",
        "_s",
        "_trace",
        "_watched",
        "_watched_life",
        "_watched_links",
        "calls",
        "creation",
        "distribution",
        "door",
        "given",
        "home",
        "id",
        "links",
        "monitors",
        "name",
        "pids",
        "refs",
        "sweep_at",
        "unlinking",
        "watching",
    )

    def __init__(self, distribution: Distribution, id: NodeId) -> None:
        self.distribution: Distribution = distribution
        self.id: NodeId = id
        self.name: str = id.name
        self.creation: int = id.creation
        home = distribution.node
        self.home: Node = home
        self._s = home._s
        self._outside = home._outside
        self._watched = self._watched_life = self._watched_links = False
        self._trace = Tracer(self, 0)  # pyright: ignore[reportArgumentType]
        self._life = "open"
        self._next_ref = 1
        self._procs: dict[int, Process] = {}
        self._names = _Names(self)
        self.door: Door | None = None
        """By which it came; what is sent goes the same way."""
        self.given: WeakValueDictionary[int, Pid] = WeakValueDictionary()
        """The processes here of which they were told, where they may reach no others."""
        self.pids: WeakValueDictionary[int, RemoteProcess] = WeakValueDictionary()
        self.refs: WeakValueDictionary[int, RemoteRef] = WeakValueDictionary()
        self.links: dict[tuple[Process, Process], None] = {}
        """(process here, process there), linked."""
        self.unlinking: dict[tuple[int, int], int] = {}
        """The numbers of a link that was taken back here, until the other side says that it knows."""
        self.monitors: dict[int, Monitor] = {}
        """Who here watches there, by the number of the monitor."""
        self.watching: dict[int, tuple[Monitor, int]] = {}
        """Whom they watch here, by their number of the monitor: and the process's number."""
        self.calls: dict[int, From] = {}
        """Who waits for an answer from there, by the number of the call."""
        self.sweep_at: int = SWEEP_FROM

    def __repr__(self) -> str:
        return f"<RemoteNode {self.id}>"

    def make_ref(self) -> Ref:
        """A fresh reference of the node here."""
        return self.home.make_ref()

    def describe(self, p: Process) -> str:
        """What a process there runs is not known here."""
        return "process of another node"

    def label(self, p: Process) -> str:
        """A process in words."""
        return f"process {p},"

    # Signals that leave

    def tell(self, signal: Any) -> bool:
        """Send a signal without a term; False: there is no connection."""
        return self.send(wire.encode(signal))

    def send(self, data: bytes) -> bool:
        """Give a signal its way; False: there is no connection."""
        return self.door is not None and self.door.transport.send(self.id, data)

    def say(self, kind: Any, *head: Any, term: Any, strict: bool = True) -> bool:
        """Send a signal with a term; `strict`: what cannot travel is an error here, else something stands for it."""
        try:
            try:
                data = wire.encode(kind(*head, wire.written(term, self, strict=strict)))
            except (OverflowError, UnicodeEncodeError):  # too large a number, half a character
                data = wire.encode(kind(*head, wire.written(term, self, strict=strict, exact=True)))
            return self.send(data)
        except BadArgument as error:
            if strict:
                raise
            return self.say(kind, *head, term=Opaque(type(term).__name__, str(error)))

    def forward(self, dest: RemoteProcess, message: Any) -> None:
        """A message to a process there: nobody learns whether it arrives."""
        if type(message) is tuple and message:
            tag = message[0]
            if tag is CAST_TAG and len(message) == 2:
                self.say(signals.Cast, dest.to, term=message[1])
                return
            if (tag is CALL_TAG or tag is SYSTEM_TAG) and len(message) == 3 and type(message[1]) is From:
                self._call(dest, message[1], message[2], tag is SYSTEM_TAG)
                return
        elif type(message) is Down:
            item: Any = message.item
            ref, number = self.watching.get(item, (None, 0)) if type(item) is int else (None, 0)
            if ref is message.ref:
                del self.watching[item]
                self.say(signals.Down, number, item, term=message.reason, strict=False)
                return
        self.say(signals.Send, dest.to, term=message)

    def _call(self, dest: RemoteProcess, frm: From, request: Any, system: bool) -> None:
        number = self.lend(frm)
        caller = frm.pid
        try:
            sent = self.say(
                signals.Call, dest.to, number, caller.id if caller._node is self.home else 0, system, term=request
            )
        except BaseException:
            self.calls.pop(number, None)
            forget(frm)
            if frm._to is dest and frm._waiter._val is frm:  # it never left, and is the caller's error
                frm._waiter._val = None
            raise
        if not sent and frm._to is dest:
            self.calls.pop(number, None)
            self._soon(fail, frm, ("nodedown", self.name))

    def lend(self, caller: From) -> int:
        """The number under which they may answer a call."""
        number = self.home.next_ref()
        calls = self.calls
        calls[number] = caller
        if len(calls) > self.sweep_at:
            for n in [n for n, frm in calls.items() if frm._waiter._val is not frm]:
                del calls[n]
            self.sweep_at = max(SWEEP_FROM, 2 * len(calls))
        return number

    def answer(self, number: int, value: Any) -> None:
        """The answer to a call of theirs, or a `Failed`."""
        try:
            if type(value) is Failed:
                self.say(signals.Failed, number, term=value.reason, strict=False)
            else:
                self.say(signals.Reply, number, term=value)
        except BadArgument as error:
            self.say(signals.Failed, number, term=("cannot_travel", str(error)), strict=False)

    def exit(self, p: RemoteProcess, sender: Process, reason: Any, linked: bool) -> None:
        """An exit signal to a process there."""
        if linked:
            if self.links.pop((sender, p), self) is self:  # the connection was lost, or it was told so by them
                return
        number = sender._id if sender._node is self.home else 0
        self.say(signals.ExitTo, number, p.to, linked, term=reason, strict=False)

    def link(self, me: Process, p: RemoteProcess) -> None:
        """Link a process here with one there; without a connection it gets the exit signal `noconnection`."""
        if me._node is not self.home:
            raise BadArgument(f"link(pid): {p} is known to processes of node {self.home.name!r} only, this is {me!r}")
        if (me, p) in self.links:
            return
        self.unlinking.pop((me._id, p._id), None)
        if self.tell(signals.Link(me._id, p._id)):
            self.tie(me, p)
        else:
            exit_signal(me, p, "noconnection", True)

    def tie(self, here: Process, there: RemoteProcess) -> None:
        """Enter a link."""
        if (here, there) not in self.links:
            self.links[here, there] = None
            link_processes(here, there)

    def untie(self, here: Process, there: RemoteProcess) -> bool:
        """Take a link out of all tables; whether there was one."""
        found = self.links.pop((here, there), self) is not self
        if found:
            forget_link(here, there)
            forget_link(there, here)
        return found

    def unlink(self, me: Process, p: RemoteProcess) -> None:
        """Take a link back; what they say of it before they know that is out of date."""
        if self.untie(me, p):
            number = self.home.next_ref()
            if self.tell(signals.Unlink(me._id, p._id, number)):
                self.unlinking[me._id, p._id] = number

    def monitor(self, ref: Monitor) -> None:
        """A process there is watched from here; without a connection its `Down` says `noconnection`."""
        ref._node = self.home
        ref._id = number = self.home.next_ref()
        self.monitors[number] = ref
        target: Any = ref._target
        watcher = ref._watcher
        sender = watcher._id if isinstance(watcher, Process) and watcher._node is self.home else 0
        if not self.tell(signals.Monitor(sender, target.to, number)):
            self._soon(self.ended, number, "noconnection")

    def demonitor(self, ref: Monitor) -> None:
        """A monitor is taken back."""
        if self.monitors.pop(ref._id, None) is not None:
            self.tell(signals.Demonitor(ref._id))

    def _soon(self, function: Any, *args: Any) -> None:
        """Later, as if they had answered: whoever asks is not through with asking."""
        self._s.loop.call_soon(function, *args, context=self._s._base)

    # What is known of there

    def process(self, number: int) -> RemoteProcess:
        """The pid of a process there."""
        found = self.pids.get(number)
        if found is None:
            found = self.pids[number] = RemoteProcess(self, number)
        return found

    def reference(self, number: int) -> RemoteRef:
        """A reference that they have made."""
        found = self.refs.get(number)
        if found is None:
            found = self.refs[number] = RemoteRef(self, number)
        return found

    def told(self, pid: Pid) -> None:
        """A pid leaves: it must be found again when it comes back."""
        self.distribution.told(pid)
        if self.confined and pid._node is self.home:
            self.given[pid._id] = pid

    @property
    def confined(self) -> bool:
        """Whether they reach only what they were given."""
        return self.door is None or self.door.confined

    def may_reach(self, number: int) -> bool:
        """Whether they may send to the process here that has this number."""
        return not self.confined or number in self.given

    def told_ref(self, ref: Ref) -> None:
        """A reference leaves, likewise."""
        self.distribution.told_ref(ref)

    def pid(self, node: str, creation: int, number: int) -> Pid:
        """The pid for a process that they have named."""
        return self.distribution.pid(node, creation, number)

    def ref(self, node: str, creation: int, number: int) -> Ref:
        """The reference that they have named."""
        return self.distribution.ref(node, creation, number)

    def borrowed(self, number: int, pid: Pid | None, to: Process | None = None, request: Any = None) -> From:
        """A caller there, to be answered from here."""
        parent: Any = pid
        stub = stand_in(self.home, parent, _Answer(self, number))
        return new_call(stub, request, self.home._outside if to is None else to)

    def written(self, name: Any) -> Any:
        """A name as a term."""
        return wire.written(name, self, exact=True)

    # What the other side tells of those who wait here

    def ended(self, number: int, reason: Any, pid: Pid | None = None) -> None:
        """A process there that is watched has ended."""
        ref = self.monitors.pop(number, None)
        if ref is not None:
            target: Any = ref._target
            forget_monitor(target, ref)
            if ref._item is None:
                ref._item = pid
            tell_watcher(ref, reason)

    def failed(self, number: int, reason: Any) -> None:
        """There will be no answer to a call that went there."""
        frm = self.calls.pop(number, None)
        if frm is not None and self._was_called(frm):
            fail(frm, reason)

    def lose(self) -> None:
        """The connection is lost: all that tied processes here to processes there ends now, each once."""
        links, self.links = self.links, {}
        monitors, self.monitors = self.monitors, {}
        watching, self.watching = self.watching, {}
        calls, self.calls = self.calls, {}
        self.unlinking.clear()
        for ref, _ in watching.values():
            unwatch(ref)
        for here, there in links:
            forget_link(here, there)
            forget_link(there, here)
            exit_signal(here, there, "noconnection", True)
        for ref in monitors.values():
            target: Any = ref._target
            if target is not None and not (
                ref._item is None and isinstance(ref._watcher, Process)
            ):  # of a failed spawn
                forget_monitor(target, ref)
                tell_watcher(ref, "noconnection")
        for frm in calls.values():
            if self._was_called(frm):
                fail(frm, ("nodedown", self.name))

    def _was_called(self, frm: From) -> bool:
        """Whether a call went there, and was not only lent there to be answered."""
        node: Any = frm._to._node
        return node is self
