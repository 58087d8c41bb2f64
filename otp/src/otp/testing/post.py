"""Messages under way: in a seeded run each one is delivered as a step of its own, when the seed says so.

What a process sends to one other arrives in order.  Messages of different senders overtake each other, but never
their own cause: if A sends to C and then to B, and B, having read that, sends to C, then C gets A's message first,
as on one BEAM node (`causal=False` drops that).

Signals act at once, as they do in production (the end of a process, its `Down`, the answer to a call); whatever the
sender had sent to the same receiver before is delivered first.  A process that goes on after an asyncio future may
have been told by anybody, so everything sent before has arrived then.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final

from otp.kernel.callers import From
from otp.kernel.mailbox import deliver
from otp.kernel.message_events import told_delivered, told_under_way
from otp.kernel.messages import Down, ExitSignal
from otp.kernel.process import OWNER, Process
from otp.kernel.reasons import is_ours
from otp.kernel.replies import fail
from otp.kernel.states import DEAD, EXITING, RECV
from otp.testing.mutation import Fingerprints, type_of

if TYPE_CHECKING:
    from otp.testing.faults import Fault
    from otp.testing.kernel import TestingKernel

__all__ = ["Held", "Post"]

UNDER_WAY: Final = 64
"""Messages that one process may have under way before the oldest is delivered."""


class Held:
    """A message under way."""

    __slots__ = ("cause", "dest", "followers", "live", "message", "number", "past", "sender", "waits")

    def __init__(self, number: int, sender: Process, dest: Process, message: Any, past: dict[int, Held]) -> None:
        self.number: int = number
        self.sender: Process = sender
        self.dest: Process = dest
        self.message: Any = message
        self.past: dict[int, Held] = past
        self.followers: list[Held] = []
        self.waits: int = 0
        self.live: bool = True
        self.cause: int = 0


class Post:
    """Takes messages from the kernel and hands them back when the schedule chooses them.

    `ready` are the messages that may be delivered next; `hold` says whether messages are taken at all.
    """

    def __init__(self, kernel: TestingKernel, *, hold: bool, causal: bool) -> None:
        self.kernel = kernel
        self.hold = hold
        self.causal = causal
        self.ready: list[Held] = []
        self.count: int = 0
        self.faults: list[Fault] = []
        self.fingerprints: Fingerprints = Fingerprints()
        self._numbers = 0
        self._past: dict[Process, dict[int, Held]] = {}
        self._handing_over = False

    # what the kernel tells

    def sent(self, dest: Process, message: Any, st: int) -> bool | None:
        """A message leaves. True: taken. False: delivered by us, already told. None: the kernel delivers it."""
        if self._handing_over:
            return False
        kind = type_of(message)
        if kind is ExitSignal or kind is Down:
            self._before_signal(dest, message.pid if kind is ExitSignal else message.item)
            return None
        sender = self.kernel.current
        if self.faults and self._meets_fault(sender or OWNER.get(), dest, message):
            return True
        if sender is None:
            owner = OWNER.get()
            if owner is not None:
                self._flush(owner, dest)
            return None
        if sender is dest or st == DEAD or st == EXITING:
            return None
        self.fingerprints.sent(sender, dest, message)
        if not self.hold or not self.kernel.holding:
            self._flush(sender, dest)
            return None
        self._take(sender, dest, message)
        return True

    def taken(self, me: Process, message: Any) -> None:
        """A process takes a message out of its mailbox."""
        wrong = self.fingerprints.handled(me, message)
        if wrong is not None and self.kernel.failure is None:
            self.kernel.failure = wrong

    def answered(self, server: Process, caller: Process) -> None:
        """A call ends: what the server had sent to the caller comes first, and the caller knows what it knew."""
        sender = self.kernel.current or server
        if self.count:
            self._flush(sender, caller)
            self._learn(caller, self._known_to(sender))

    def replied(self, server: Process, value: Any) -> None:
        """A server answers a call: with a call of its own that nobody awaits, the run fails."""
        if type_of(value) is not CoroutineType or self.kernel.failure is not None:
            return
        if is_ours(value.cr_code.co_filename):  # others may be handed on as work
            self.kernel.failure = AssertionError(
                f"{server} answered a call with a coroutine that nobody awaits: expected the value of "
                f"{value.__qualname__}(…); make the callback async def, and await it there"
            )
            value.close()

    def born(self, p: Process, starter: Process) -> None:
        """A process is made, which need not have its starter as its parent."""
        if self.count:
            self._past[p] = self._known_to(starter)

    def started(self, p: Process, starter: Process | None) -> None:
        """A start without a message: what a server has sent in its `init` precedes what its starter does next."""
        if not self.count:
            return
        if starter is None:
            self.ended(p)
        else:
            self._flush(p, starter)
            self._learn(starter, self._known_to(p))

    def asked(self, p: Process) -> None:
        """Somebody looks into a mailbox: what it has sent there counts as arrived."""
        asking = self.kernel.current
        if self.count and asking is not None and asking is not p:
            self._flush(asking, p)

    def ended(self, p: Process) -> None:
        """Somebody outside learns of the end of `p`: all it has sent has arrived."""
        self.deliver_all(held for held in self._known_to(p).values() if held.live)

    # what the schedule does

    def deliver(self, held: Held) -> None:
        """Deliver a message that is under way."""
        held.live = False
        self.count -= 1
        for follower in held.followers:
            follower.waits -= 1
            if follower.waits == 0 and follower.live:
                self.ready.append(follower)
        dest, message = held.dest, held.message
        self._learn(dest, held.past)
        held.past = {}
        st = dest._st
        if st == DEAD or st == EXITING:
            if type(message) is From:
                fail(message, "noproc")
        elif st == RECV:
            self.taken(dest, message)
        told_delivered(held.sender, dest, message, st, held.cause)
        self.hand_over(dest, message)
        if self.count == 0:
            self._past.clear()

    def hand_over(self, dest: Process, message: Any) -> None:
        """Put a message into the hands of the kernel, for good."""
        self._handing_over = True
        try:
            deliver(dest, message)
        finally:
            self._handing_over = False

    def deliver_all(self, held: Iterable[Held] | None = None) -> None:
        """Deliver these messages now, oldest first; without argument all that are under way."""
        if held is None:
            while self.ready:
                self.deliver(self.ready.pop(0))
            return
        for one in sorted(held, key=lambda one: one.number):
            if one.live:
                if one in self.ready:
                    self.ready.remove(one)
                self.deliver(one)

    # inside

    def _take(self, sender: Process, dest: Process, message: Any) -> None:
        known = self._known_to(sender)
        self._numbers += 1
        held = Held(self._numbers, sender, dest, message, dict(known))
        for before in known.values():
            if before.dest is dest and (self.causal or before.sender is sender):
                before.followers.append(held)
                held.waits += 1
        known[held.number] = held
        self.count += 1
        if held.waits == 0:
            self.ready.append(held)
        held.cause = told_under_way(sender, dest, message)
        if len(known) > UNDER_WAY:
            oldest = known[min(known)]
            self.deliver_all(one for one in oldest.past.values() if one.live and one.dest is oldest.dest)
            self.deliver_all([oldest])
        if self.kernel.idle:
            self.kernel.wake()

    def _known_to(self, p: Process) -> dict[int, Held]:
        """The messages under way that `p` has sent or that precede what it has read.

        A child begins with what its parent knows, or who started that.
        """
        known = self._past.get(p)
        ancestor = p
        while known is None:
            if ancestor._parent is None:
                known = {}
                break
            ancestor = ancestor._parent
            known = self._past.get(ancestor)
        known = {number: held for number, held in known.items() if held.live}
        self._past[p] = known
        return known

    def _learn(self, p: Process, more: dict[int, Held]) -> None:
        known = self._known_to(p)
        known.update((number, held) for number, held in more.items() if held.live)

    def _flush(self, sender: Process, dest: Process) -> None:
        if self.count:
            self.deliver_all(held for held in self._known_to(sender).values() if held.dest is dest)

    def _before_signal(self, dest: Process, sender: Any) -> None:
        if not self.count:
            return
        if isinstance(sender, Process):
            self._flush(sender, dest)
            self._learn(dest, self._known_to(sender))
        else:  # a name: whoever bore it
            known = [held for past in self._past.values() for held in past.values()]
            self.deliver_all(held for held in known if held.live and held.dest is dest)

    def _meets_fault(self, sender: Process | None, dest: Process, message: Any) -> bool:
        return any(fault.meets(sender, dest, message) for fault in list(self.faults))
