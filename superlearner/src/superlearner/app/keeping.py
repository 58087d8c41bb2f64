"""Trees and services that start again however often they give up, without ever troubling the root.

A `Kept` child's start function never fails after its first start: where another supervisor would count the failure
and at last give up itself, this one answers `Ignore()` (the slot stays, empty) and the caretaker starts it again after
a pause. The same pause follows when a tree gave up (its slot is `transient`, so its supervisor lets it rest) and when
something starts so often that it can only be failing.

`Keeper` is the memory of this: who waits, and until when. It is a plain object that outlives the processes that use
it, so a caretaker that was killed goes on where it was.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal

import otp
from otp import ChildSpec, GenServer, Ignore, NoReply, Ok, Pid, Supervisor, impl, sentences
from otp.trace import Event
from superlearner.control.reasons import text_of_reason

__all__ = ["Caretaker", "Keeper", "Kept", "first_start"]

CARETAKER: Final = "caretaker"
NS: Final = 1_000_000_000
KINDS: Final = frozenset({"gave_up", "child_terminated", "child_started", "child_restarted"})

StartFunction = Callable[[], Awaitable[Any]]
log = logging.getLogger(__name__)


class Kept:
    """A child that always comes back.

    Args:
        keeper: the memory it belongs to.
        supervisor: registered name of its supervisor.
        id: its child id.
        start: starts it, linked; called in the supervisor's process.
        type: as in a child spec.
        pauses: seconds to wait after the first, second, … give-up or failure in a row; the last one repeats.
        waits: its slot is empty until `first_start`, so that what is beside it is there first.
        burst: how many starts within `burst_window` seconds are taken for a healthy child that is being killed.
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
        """While it waits: when it is started again, on the scheduler's clock."""

    def child_spec(self) -> ChildSpec:
        """Its spec. A tree is `transient`: one that gave up ends with `shutdown` and rests until its pause is over."""
        restart: Literal["permanent", "transient"] = "transient" if self.type == "supervisor" else "permanent"
        return ChildSpec(self.id, start=(start_kept, self), restart=restart, type=self.type)

    def pause(self) -> float:
        """The next pause in seconds; longer each time in a row."""
        self.failures += 1
        return self.pauses[min(self.failures, len(self.pauses)) - 1]

    def starts_too_often(self) -> bool:
        """Count a start; whether there were too many of them in the window."""
        now = round(otp.monotonic() * NS)
        window = self.burst_window * NS
        too_often = len(self.starts) == self.burst and now - self.starts[0] <= window
        if not self.starts or now - self.starts[-1] > window:
            self.failures = 0  # it ran well for a while: the next pause is a short one again
        self.starts.append(now)
        return too_often


async def first_start(kept: Kept) -> None:
    """Start a child that waited for it; returns when it runs. Raises `StartError`, as any start."""
    kept.waits = False
    await Supervisor.restart_child(kept.supervisor, kept.id)


async def start_kept(kept: Kept) -> Any:
    """Start a kept child, or let it rest; runs in its supervisor. The very first start fails as any other."""
    if kept.waits:
        return Ignore()
    if kept.starts_too_often():
        kept.keeper.rest(kept, f"was started {kept.burst} times in {kept.burst_window:g} s")
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
    """Remembers the kept children of a node, and notices those that gave up.

    Args:
        tell: called with (kept, why, seconds until it starts again) when one starts to rest.
    """

    def __init__(self, tell: Callable[[Kept, str, float], None] | None = None) -> None:
        self.kept: dict[tuple[str, str], Kept] = {}
        self.tell = tell
        self._gave_up: dict[Pid, None] = {}
        self._subscription: Any = None

    def keep(self, supervisor: str, id: str, start: StartFunction, **options: Any) -> Kept:
        """Add a child to keep; the options are those of `Kept`."""
        kept = self.kept[supervisor, id] = Kept(self, supervisor, id, start, **options)
        return kept

    def restarts(self, supervisor: str | None, id: str) -> bool:
        """Return whether this child of a supervisor is kept."""
        return (supervisor, id) in self.kept

    def of(self, supervisor: str) -> list[Kept]:
        """What is kept under a supervisor, in the order of their start."""
        return [kept for (name, _), kept in self.kept.items() if name == supervisor]

    def watch(self, node: otp.Node) -> None:
        """Notice from the node's trace who gave up."""
        self._subscription = otp.trace.subscribe(node, self.on_event, kinds=KINDS)

    def close(self) -> None:
        """Stop noticing."""
        if self._subscription is not None:
            self._subscription.close()

    def on_event(self, event: Event) -> None:
        """One event of the trace. A tree rests when its own supervisor gave up and it ended of that."""
        if event.kind == "gave_up" and event.pid is not None:
            self._gave_up[event.pid] = None
            while len(self._gave_up) > 100:
                del self._gave_up[next(iter(self._gave_up))]
        elif event.kind == "child_terminated" and event.data.get("child") in self._gave_up:
            del self._gave_up[event.data["child"]]
            kept = self.kept.get((_name_of(event.pid), event.data["id"]))
            if kept is not None and event.data.get("by") == "exit":
                self.rest(kept, "gave up")

    def rest(self, kept: Kept, why: str) -> None:
        """Let a child rest for its pause; the caretaker starts it again."""
        pause = kept.pause()
        kept.due = otp.monotonic() + pause
        log.warning("%s", rest_text(kept, why, pause))
        if self.tell is not None:
            self.tell(kept, why, pause)
        if otp.whereis(CARETAKER) is not None:  # a new one looks by itself who waits
            otp.send(CARETAKER, ("rests", kept.supervisor, kept.id))


def rest_text(kept: Kept, why: str, pause: float) -> str:
    """Return the sentence about a child that waits for its restart."""
    return sentences.story(f"{kept.id} {why}", sentences.restarts_after(kept.supervisor, "it", pause))


def _name_of(pid: Any) -> str:
    name = None if pid is None else otp.process_info(pid, "registered_name")
    return name if type(name) is str else ""


class Caretaker(GenServer[Keeper]):
    """Starts resting children again when their pause is over. It can be killed at any time: the keeper remembers."""

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
            case ("due", supervisor, id) if (supervisor, id) in keeper.kept:
                await self._start_again(keeper.kept[supervisor, id])
            case _:
                pass
        return NoReply(keeper)

    def _remind(self, kept: Kept) -> None:
        seconds = max(0.0, (kept.due or 0.0) - otp.monotonic())
        otp.send_after(seconds, self.pid, ("due", kept.supervisor, kept.id))

    async def _start_again(self, kept: Kept) -> None:
        if kept.due is None or kept.due > otp.monotonic() + 0.001:
            return  # it runs again already, or rests anew: another reminder is on its way
        kept.due = None
        try:
            await Supervisor.restart_child(kept.supervisor, kept.id)
        except otp.StartError:
            pass  # it runs, or somebody deleted it: both are fine
        except otp.Exit:
            pass  # its supervisor starts again itself, and everything below it with it
