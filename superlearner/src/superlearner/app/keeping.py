"""Restart backoff: trees and services that always come back.

The start function of a `BackoffChild` never fails after its first start: where a supervisor would count a failure
and in the end give up, it returns `Ignore()` (the slot stays, empty) and the caretaker restarts the child after a
pause. The same pause follows when a tree gave up (its slot is `transient`, so its supervisor leaves it empty) and when
a child starts so often that it must be failing.

`Keeper` has the state: which children wait, and until when. It is a plain object that outlives the processes that use
it, so a new caretaker continues where a killed one stopped.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal

import otp
from otp import ChildSpec, GenServer, Ignore, NoReply, Ok, Pid, Supervisor, impl, sentences
from otp.trace import Event
from superlearner.control.events import ENDS, STARTS, is_end
from superlearner.control.reasons import text_of_reason

__all__ = ["BackoffChild", "Caretaker", "Keeper", "first_start"]

CARETAKER: Final = "caretaker"
NS: Final = 1_000_000_000
KINDS: Final = STARTS | ENDS | {"gave_up"}

StartFunction = Callable[[], Awaitable[Any]]
log = logging.getLogger(__name__)


class BackoffChild:
    """A child that always comes back.

    Args:
        keeper: the keeper it belongs to.
        supervisor: registered name of its supervisor.
        id: its child id.
        start: starts it, linked; called in the supervisor's process.
        type: as in a child spec.
        pauses: seconds to wait after the first, second, … consecutive give-up or failure; the last value repeats.
        waits: its slot is empty until `first_start`, so that its siblings start first.
        burst: maximum number of starts within `burst_window` seconds that may still be a healthy child being killed.
    """

    def __init__(
        self,
        keeper: Keeper,
        supervisor: str,
        id: str,
        start: StartFunction,
        *,
        type: Literal["worker", "supervisor"] = "supervisor",
        pauses: tuple[float, ...] = (1.0,),
        waits: bool = False,
        burst: int = 100,
        burst_window: float = 1.0,
    ) -> None:
        self.keeper = keeper
        self.supervisor = supervisor
        self.id = id
        self.start = start
        self.type: Literal["worker", "supervisor"] = type
        self.pauses = pauses
        self.waits = waits
        self.burst = burst
        self.burst_window = burst_window
        self.starts: deque[int] = deque(maxlen=burst)
        self.failures = 0
        self.started_once = False
        self.first_failure: Exception | None = None
        self.due: float | None = None
        """Time of its next start, on the scheduler's clock; None while it does not wait."""

    def child_spec(self) -> ChildSpec:
        """Return its spec; a tree is `transient`, so its slot stays after a give-up."""
        restart: Literal["permanent", "transient"] = "transient" if self.type == "supervisor" else "permanent"
        return ChildSpec(self.id, start=(start_kept, self), restart=restart, type=self.type)

    def pause(self) -> float:
        """Return the next pause in seconds; it grows with each consecutive failure."""
        self.failures += 1
        return self.pauses[min(self.failures, len(self.pauses)) - 1]

    def starts_too_often(self) -> bool:
        """Count a start; return whether there were too many in the window."""
        now = round(otp.monotonic() * NS)
        window = self.burst_window * NS
        too_often = len(self.starts) == self.burst and now - self.starts[0] <= window
        if not self.starts or now - self.starts[-1] > window:
            self.failures = 0  # it ran well for a while: the next pause is short again
        self.starts.append(now)
        return too_often


async def first_start(kept: BackoffChild) -> None:
    """Start a child with `waits` and wait until it runs. Raises `StartError`."""
    kept.waits = False
    await Supervisor.restart_child(kept.supervisor, kept.id)


async def start_kept(kept: BackoffChild) -> Any:
    """Start a kept child or begin its pause; only the first start may fail."""
    if kept.waits:
        return Ignore()
    if kept.starts_too_often():
        kept.keeper.rest(kept, f"was started {sentences.times_text(kept.burst)} in {kept.burst_window:g} s")
        return Ignore()
    if not kept.started_once:
        try:
            started = await kept.start()
        except Exception as error:
            kept.first_failure = error
            raise
        kept.started_once = True
        return started
    try:
        started = await kept.start()
    except Exception as error:
        kept.keeper.rest(kept, f"could not start again: {_text_of_failure(error)}")
        return Ignore()
    kept.due = None
    return started


def _text_of_failure(error: Exception) -> str:
    if isinstance(error, otp.StartError | otp.Exit):
        return text_of_reason(error.reason)
    return f"{type(error).__name__}: {error}"


class Keeper:
    """The kept children of a node; detects those that gave up.

    Args:
        tell: called with (kept, why, seconds until the restart) when a pause begins.
    """

    def __init__(self, tell: Callable[[BackoffChild, str, float], None] | None = None) -> None:
        self.kept: dict[tuple[str, str], BackoffChild] = {}
        self.tell = tell
        self._gave_up: dict[Pid, None] = {}
        self._subscription: Any = None

    def keep(self, supervisor: str, id: str, start: StartFunction, **options: Any) -> BackoffChild:
        """Add a child to keep; the options are those of `BackoffChild`."""
        kept = self.kept[supervisor, id] = BackoffChild(self, supervisor, id, start, **options)
        return kept

    def restarts(self, supervisor: str | None, id: str) -> bool:
        """Return whether this child of a supervisor is kept."""
        return (supervisor, id) in self.kept

    def of(self, supervisor: str) -> list[BackoffChild]:
        """Return the children kept under a supervisor, in the order of their start."""
        return [kept for (name, _), kept in self.kept.items() if name == supervisor]

    def watch(self, node: otp.Node) -> None:
        """Detect give-ups from the node's trace."""
        self._subscription = otp.trace.subscribe(node, self.on_event, kinds=KINDS)

    def close(self) -> None:
        """Stop watching the trace."""
        if self._subscription is not None:
            self._subscription.close()

    def on_event(self, event: Event) -> None:
        """Handle an event of the trace: after a give-up, a pause begins."""
        if event.kind == "gave_up" and event.pid is not None:
            self._gave_up[event.pid] = None
            while len(self._gave_up) > 100:
                del self._gave_up[next(iter(self._gave_up))]
        elif event.kind in ENDS and event.data.get("child") in self._gave_up:
            del self._gave_up[event.data["child"]]
            kept = self.kept.get((_name_of(event.pid), event.data["id"]))
            if kept is not None and is_end(event):
                self.rest(kept, "gave up")

    def rest(self, kept: BackoffChild, why: str) -> None:
        """Begin a child's pause; the caretaker restarts it afterwards."""
        pause = kept.pause()
        kept.due = otp.monotonic() + pause
        log.warning("%s", describe_backoff(kept, why, pause))
        if self.tell is not None:
            self.tell(kept, why, pause)
        if otp.whereis(CARETAKER) is not None:  # a new caretaker looks for waiting children itself
            otp.send(CARETAKER, ("rests", kept.supervisor, kept.id))


def describe_backoff(kept: BackoffChild, why: str, pause: float) -> str:
    """Return the sentence about a child that waits for its restart."""
    return sentences.story(f"{kept.id} {why}", sentences.restarts_after(kept.supervisor, "it", pause))


def _name_of(pid: Any) -> str:
    name = None if pid is None else otp.process_info(pid, "registered_name")
    return name if type(name) is str else ""


class Caretaker(GenServer[Keeper]):
    """Restarts waiting children after their pause; the keeper has its state."""

    @impl
    def init(self, keeper: Keeper) -> Ok[Keeper]:
        for kept in keeper.kept.values():
            if kept.due is not None:
                self._remind(kept)
        return Ok(keeper)

    @impl
    async def handle_info(self, message: Any, keeper: Keeper) -> NoReply[Keeper]:
        match message:
            case ("rests", supervisor, id) if (supervisor, id) in keeper.kept:
                self._remind(keeper.kept[supervisor, id])
            case ("lost" | "tend", guard):
                await guard.handle(message, self.pid)
            case ("due", supervisor, id) if (supervisor, id) in keeper.kept:
                await self._start_again(keeper.kept[supervisor, id])
            case _:
                pass
        return NoReply(keeper)

    def _remind(self, kept: BackoffChild) -> None:
        seconds = max(0.0, (kept.due or 0.0) - otp.monotonic())
        otp.send_after(seconds, self.pid, ("due", kept.supervisor, kept.id))

    async def _start_again(self, kept: BackoffChild) -> None:
        if kept.due is None or kept.due > otp.monotonic() + 0.001:
            return  # it is already running, or waits again with another timer
        kept.due = None
        try:
            await Supervisor.restart_child(kept.supervisor, kept.id)
        except otp.StartError:
            pass  # it runs or was deleted; both are fine
        except otp.Exit:
            pass  # its supervisor is restarting, with all its children
