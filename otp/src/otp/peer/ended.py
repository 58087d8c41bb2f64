"""How a peer ended, in words that people read."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from otp.peer.limits import Limits

__all__ = ["Ended", "Kind", "tell_end"]

Kind: TypeAlias = Literal[
    "stopped",
    "killed",
    "exit",
    "signal",
    "memory",
    "cpu",
    "held",
    "wall",
    "output",
    "failed",
    "unavailable",
    "walls",
    "nonsense",
    "late",
    "lost",
]
"""Why a peer ended: asked to, or killed, by us; of its own, or by a signal; a limit; or it never began."""

ENOUGH_CPU: Final = 0.5
"""Of the limit: who was killed with so much used was killed for it. The kernel goes by who ran when its clock ticked,
and is far from the truth on a busy machine."""

LONGEST: Final = 2000
TRACEBACK: Final = "Traceback (most recent call last):"
IGNORED: Final = "Exception ignored "


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a peer.

    Args:
        kind: why, for programs.
        reason: why, for people.
        status: exit status, negative by a signal; None if nobody could tell.
        cpu_s: seconds of processor time, its descendants included that were waited for.
        peak_mb: MiB of memory of its largest process at the most.

    >>> Ended("exit", "ended the interpreter with os._exit(3)", 3, 0.1, 20.0).reason
    'ended the interpreter with os._exit(3)'
    """

    kind: Kind
    reason: str
    status: int | None = None
    cpu_s: float = 0.0
    peak_mb: float = 0.0

    def __str__(self) -> str:
        return self.reason


def tell_end(
    told: Mapping[str, Any] | None,
    limits: Limits,
    *,
    ours: tuple[Kind, str] | None,
    last_word: Mapping[str, Any] | None,
    ready: bool = False,
    walled: bool = True,
    output: str = "",
) -> Ended:
    """The end of a peer, from all that is known of it.

    Args:
        told: what the guard said at the end; None if it could not.
        limits: of the peer.
        ours: kind and reason if we have ended it.
        last_word: what the peer itself said last about its end; believed where nothing better is known.
        ready: whether it had started.
        walled: whether there were walls: without them nothing limits its memory and processor time.
        output: the newest of what it wrote.
    """
    if told is None:
        kind, reason = ours or ("lost", "its guard was killed, and it with it")
        return Ended(kind, printable(reason))
    status: int = told["status"]
    used: float = told["cpu_s"]
    kind, reason = ours or _why(told, status, used, limits, last_word or {}, output, ready=ready, walled=walled)
    return Ended(kind, printable(reason), status, round(used, 3), round(told["peak_kb"] / 1024, 1))


def printable(text: str) -> str:
    """A text of a peer in one line that steers no terminal.

    >>> printable("a" + chr(27) + "[2J" + chr(10) + "b")
    'a\ufffd[2J b'
    """
    return "".join(letter if letter.isprintable() else " " if letter == "\n" else "\ufffd" for letter in text)


def _why(
    told: Mapping[str, Any],
    status: int,
    used: float,
    limits: Limits,
    last_word: Mapping[str, Any],
    output: str,
    *,
    ready: bool,
    walled: bool,
) -> tuple[Kind, str]:
    if told["cause"] == "memory":
        return "memory", f"used more than {limits.memory_mb} MiB of memory"
    out_of_time = walled and limits.cpu_s is not None and used >= limits.cpu_s * ENOUGH_CPU
    if told["cause"] == "cpu" or (status == -signal.SIGKILL and out_of_time):
        return "cpu", f"killed by SIGKILL: out of CPU time ({limits.cpu_s:g} s)"
    if status < 0:
        return "signal", f"killed by {_signal_name(-status)}"
    match last_word:
        case {"what": "failed", "type": "MemoryError"} if walled:
            return "memory", f"used more than {limits.memory_mb} MiB of memory"
        case {"what": "failed", "type": kind, "why": why}:
            what = "ended by an exception" if ready else "could not start"
            fell = "memory" if kind == "MemoryError" else "failed"
            return fell, f"{what}: {_place(last_word)}{kind}: {why}".removesuffix(": ")[:LONGEST]
        case {"what": "leaving", "how": "sys.exit"}:
            return "exit", f"ended the interpreter with sys.exit({status})"
        case {"what": "leaving"}:
            return "stopped", "stopped in order"
        case _ if status == 1:  # so ends an interpreter that cannot go on, too: without builtins, say
            return "exit", f"ended the interpreter with exit status 1{_last_words(output)}"
        case _:
            return "exit", f"ended the interpreter with os._exit({status})"


def _last_words(output: str) -> str:
    r"""The exception that an interpreter told of on its way out, before what it could not finish then.

    Nothing if anything else came after it: then it went on.

    >>> _last_words("Traceback (most recent call last):\n  File …\nNameError: no\nException ignored in: …")
    ', the last it wrote: NameError: no'
    """
    lines = ["", *output.rstrip().splitlines()]
    own = [n for n, line in enumerate(lines) if line == TRACEBACK and not lines[n - 1].startswith(IGNORED)]
    if not own:
        return ""
    last, *after = [line for line in lines[own[-1] + 1 :] if not line.startswith(" ")] or [""]
    went_on = after and not after[0].startswith(IGNORED)
    return f", the last it wrote: {last}"[:LONGEST] if last and not went_on else ""


def _place(word: Mapping[str, Any]) -> str:
    """Where it failed, as far as that is told: a program that runs may say so, too, and anything."""
    match word:
        case {"file": str(file), "line": int(line)} if file:
            return f"{file}:{line}: "
        case _:
            return ""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
