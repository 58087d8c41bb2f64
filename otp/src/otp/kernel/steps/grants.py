"""Names that must be granted: a new process waits for the grant of its name before `init`, its starter with it.

A name object may have, besides `whereis`, `register` and `unregister`, an `async grant(pid) -> bool`; see
`otp.GrantedName`. Its coroutine runs in the new process. Until it has returned True, the end of the process, for
whichever reason, withdraws the claim in the same step.
"""

# Names and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from asyncio import CancelledError
from inspect import isawaitable
from typing import Any, Final

from otp.kernel.ends.death import Fatal, exit_signal, forget_link
from otp.kernel.ends.mailbox import reply
from otp.kernel.steps.callbacks import Starting
from otp.kernel.steps.outcomes import apply
from otp.kernel.tables.scheduler import Timer, current_process
from otp.kernel.values.bounded import text
from otp.kernel.values.errors import AlreadyStarted, BadArgument, StartError
from otp.kernel.values.exception_reasons import drop_traceback
from otp.kernel.values.process import EXITING, Process, off_exit, on_exit
from otp.kernel.values.results import Stop

LIMIT: Final = 5_000_000_000  # ns


class Claim:
    """The claim of a new process to a name; an exit hook of the process until the name is granted."""

    __slots__ = ("timer", "via")

    def __init__(self, via: Any) -> None:
        self.via: Any = via
        self.timer: Timer | None = None

    def __call__(self, p: Process) -> None:
        """Withdraw the claim of a process that ended before the grant."""
        self._stop_timer()
        self.via.unregister(p)

    def attach(self, p: Process) -> None:
        """Withdraw the claim if `p` ends from now on."""
        on_exit(p, Claim, self)

    def detach(self, p: Process) -> None:
        """Leave the name to the process, or to an explicit withdrawal."""
        self._stop_timer()
        off_exit(p, Claim)

    def start_timer(self, p: Process) -> None:
        """Limit the time of the grant."""
        s = p.runtime.scheduler
        self.timer = s.call_at(s.now_ns() + LIMIT, _is_late, p)

    def _stop_timer(self) -> None:
        timer, self.timer = self.timer, None
        if timer is not None:
            timer.fire = timer.target = None


def claim_of(via: Any) -> Claim | None:
    """Return the claim to a name that must be granted; None for a plain one."""
    if getattr(via, "grant", None) is None:
        return None
    if not hasattr(via, "unregister"):
        raise BadArgument(
            f"name=…: expected unregister(pid) beside grant(pid), which takes a claim back, in {text(via)}"
        )
    return Claim(via)


def is_pending(p: Process) -> bool:
    """Return whether a process waits for the grant of its name."""
    x = p.ext
    return x is not None and x.hooks is not None and Claim in x.hooks


class Granting(Starting):
    """A start whose `init` waits for the grant of a name."""

    __slots__ = ("claim",)

    def __init__(self, arg: Any, claim: Claim) -> None:
        super().__init__(arg)
        self.claim: Claim = claim

    def run(self, p: Process) -> None:
        """Begin the grant; `init` follows it as one async callback."""
        apply(p, "init", None, None, _granted_init(p, self.claim, self.arg))


async def _granted_init(p: Process, claim: Claim, arg: Any) -> Any:
    if not await _granted(p, claim):
        return Stop("normal")
    result = p.callbacks.init(arg)
    return await result if isawaitable(result) else result


async def granted_to_task(claim: Claim) -> bool:
    """Wait for the grant in a process without `init`, and tell its starter; False: the process must end."""
    p = current_process("a named task")
    if not await _granted(p, claim):
        return False
    _notify_starter(p, ("ok", None))
    return True


async def _granted(p: Process, claim: Claim) -> bool:
    """Wait for the grant. If it is refused, withdraw the claim and tell the starter."""
    via = claim.via
    refusal: StartError | None = None
    answer = False
    claim.start_timer(p)
    try:
        answer = await via.grant(p)
    except StartError as error:
        refusal = error
        drop_traceback(error)
    if p.status == EXITING or type(p.signal) is Fatal:  # a grant that went on after its cancellation comes too late
        raise CancelledError
    if answer is True:
        claim.detach(p)
        return True
    if answer is not False:
        raise TypeError(f"expected True or False from grant(pid) of {text(via)}, got {text(answer)}")
    claim.detach(p)
    via.unregister(p)
    _forget_starter(p)
    _notify_starter(p, ("refused", refusal or AlreadyStarted(via.whereis(), via)))
    return False


def _is_late(timer: Timer) -> None:
    p: Process = timer.target
    if is_pending(p):
        _forget_starter(p)
        _notify_starter(p, ("error", "timeout"))
        exit_signal(p, None, "kill", False)


def _forget_starter(p: Process) -> None:
    parent = p.parent
    if parent is not None:
        forget_link(parent, p)
        forget_link(p, parent)


def _notify_starter(p: Process, verdict: tuple[str, Any]) -> None:
    x = p.ensure_ext()
    ack, x.ack = x.ack, None
    if ack is not None:
        reply(ack, verdict)
