"""Messages in transit: in a seeded run each is delivered in its own step, chosen by the seed.

Messages from one process to another arrive in order. Messages of different senders may overtake each other, but never
their own cause: if A sends to C and then to B, and B, having read that, sends to C, then C gets A's message first, as
on one BEAM node (`causal=False` drops that).

Signals take effect at once, as in production (the end of a process, its `Down`, the reply to a call); whatever the
sender had sent to the same receiver before is delivered first. A process that continues after an asyncio future may
depend on any other, so everything sent before has arrived then.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final

from otp.kernel.ends.mailbox import fail
from otp.kernel.steps.faults import arrive
from otp.kernel.tables.callers import From
from otp.kernel.tables.message_events import report_delivered, report_in_transit
from otp.kernel.values.messages import Down, ExitSignal
from otp.kernel.values.process import DEAD, EXITING, OWNER, RECV, Process
from otp.kernel.values.reasons import is_ours
from otp.testing.mutation import Fingerprints, type_of

if TYPE_CHECKING:
    from otp.testing.faults import Fault
    from otp.testing.kernel import TestingKernel

__all__ = ["Held", "Post"]

UNDER_WAY: Final = 64
"""Messages that one process may have in transit before the oldest is delivered."""


class Held:
    """A message in transit."""

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
    """The holder of messages in transit, which delivers them when the schedule chooses them.

    `ready` are the messages that may be delivered next; `hold` says whether messages are held at all. `faults` are
    active, `injected` are all faults of the run.
    """

    def __init__(self, kernel: TestingKernel, *, hold: bool, causal: bool) -> None:
        self.kernel = kernel
        self.hold = hold
        self.causal = causal
        self.ready: list[Held] = []
        self.count: int = 0
        self.faults: list[Fault] = []
        self.injected: list[Fault] = []
        self.fingerprints: Fingerprints = Fingerprints()
        self._numbers = 0
        self._past: dict[Process, dict[int, Held]] = {}
        self._handing_over = False

    # Called by the kernel

    def sent(self, dest: Process, message: Any, st: int) -> bool | None:
        """Handle a sent message; True: held, False: delivered and reported here, None: the kernel delivers it."""
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
        """Handle a process taking a message out of its mailbox."""
        wrong = self.fingerprints.handled(me, message)
        if wrong is not None and self.kernel.failure is None:
            self.kernel.failure = wrong

    def answered(self, server: Process, caller: Process) -> None:
        """Handle the end of a call: deliver what the server sent to the caller before, and pass on its causes."""
        sender = self.kernel.current or server
        if self.count:
            self._flush(sender, caller)
            self._learn(caller, self._known_to(sender))

    def replied(self, server: Process, value: Any) -> None:
        """Fail the run if a server replies with its own coroutine, which is never awaited."""
        if type_of(value) is not CoroutineType or self.kernel.failure is not None:
            return
        if is_ours(value.cr_code.co_filename):  # other coroutines may be passed on as work
            self.kernel.failure = AssertionError(
                f"{server} answered a call with a coroutine that is never awaited: expected the value of "
                f"{value.__qualname__}(…); make the callback async def, and await it there"
            )
            value.close()

    def born(self, p: Process, starter: Process) -> None:
        """Handle a new process, whose starter need not be its parent."""
        if self.count:
            self._past[p] = self._known_to(starter)

    def started(self, p: Process, starter: Process | None) -> None:
        """Handle an inline start: what `init` has sent precedes what its starter does next."""
        if not self.count:
            return
        if starter is None:
            self.ended(p)
        else:
            self._flush(p, starter)
            self._learn(starter, self._known_to(p))

    def asked(self, p: Process) -> None:
        """Handle an inspection of a mailbox: what the process has sent there counts as arrived."""
        asking = self.kernel.current
        if self.count and asking is not None and asking is not p:
            self._flush(asking, p)

    def ended(self, p: Process) -> None:
        """Handle the end of `p` seen from outside: all it has sent has arrived."""
        self.deliver_all(held for held in self._known_to(p).values() if held.live)

    # Called by the schedule

    def deliver(self, held: Held) -> None:
        """Deliver a message in transit."""
        held.live = False
        self.count -= 1
        for follower in held.followers:
            follower.waits -= 1
            if follower.waits == 0 and follower.live:
                self.ready.append(follower)
        dest, message = held.dest, held.message
        self._learn(dest, held.past)
        held.past = {}
        st = dest.status
        if st == DEAD or st == EXITING:
            if type(message) is From:
                fail(message, "noproc")
        elif st == RECV:
            self.taken(dest, message)
        report_delivered(held.sender, dest, message, st, held.cause)
        self.hand_over(dest, message)
        if self.count == 0:
            self._past.clear()

    def hand_over(self, dest: Process, message: Any) -> None:
        """Pass a message to the kernel, for good."""
        self._handing_over = True
        try:
            arrive(dest, message)
        finally:
            self._handing_over = False

    def deliver_all(self, held: Iterable[Held] | None = None) -> None:
        """Deliver these messages now, oldest first; by default all in transit."""
        if held is None:
            while self.ready:
                self.deliver(self.ready.pop(0))
            return
        for one in sorted(held, key=lambda one: one.number):
            if one.live:
                if one in self.ready:
                    self.ready.remove(one)
                self.deliver(one)

    # Internal

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
        held.cause = report_in_transit(sender, dest, message)
        if len(known) > UNDER_WAY:
            oldest = known[min(known)]
            self.deliver_all(one for one in oldest.past.values() if one.live and one.dest is oldest.dest)
            self.deliver_all([oldest])
        if self.kernel.idle:
            self.kernel.wake()

    def _known_to(self, p: Process) -> dict[int, Held]:
        """Return the messages in transit that `p` has sent or that precede what it has read.

        A child begins with those of its parent, or of its starter.
        """
        known = self._past.get(p)
        ancestor = p
        while known is None:
            if ancestor.parent is None:
                known = {}
                break
            ancestor = ancestor.parent
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
        else:  # a name: its holder at that time
            known = [held for past in self._past.values() for held in past.values()]
            self.deliver_all(held for held in known if held.live and held.dest is dest)

    def _meets_fault(self, sender: Process | None, dest: Process, message: Any) -> bool:
        return any(fault.meets(sender, dest, message) for fault in list(self.faults))
