"""The end of a peer, explained for people."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from otp.peer.limits import Limits

__all__ = ["UNREPORTED", "Ended", "Kind", "tell_end"]

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
"""The cause of a peer's end: stopped or killed by us, by itself, by a signal, at a limit; or a failed start."""

ENOUGH_CPU: Final = 0.5
"""Fraction of the limit at which a SIGKILL counts as caused by it.

The kernel measures by the process that runs at its clock tick, which is inaccurate on a busy machine.
"""

UNREPORTED: Final = 70
"""The exit status of a peer that could not report why it failed; EX_SOFTWARE of sysexits.h."""

LONGEST: Final = 2000
TRACEBACK: Final = "Traceback (most recent call last):"
IGNORED: Final = "Exception ignored "


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a peer.

    Args:
        kind: why, for programs.
        reason: why, for people.
        status: exit status, negative for a signal; None if unknown.
        cpu_s: seconds of processor time, including descendants that were waited for.
        peak_mb: largest memory of its largest process, in MiB.

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
    report: Mapping[str, Any] | None,
    limits: Limits,
    *,
    ours: tuple[Kind, str] | None,
    last_word: Mapping[str, Any] | None,
    ready: bool = False,
    walled: bool = True,
    output: str = "",
) -> Ended:
    """Return the end of a peer, from all available information.

    Args:
        report: the guard's final report; None if there is none.
        limits: the peer's limits.
        ours: kind and reason if we ended it.
        last_word: the peer's own last report about its end; used if nothing more reliable exists.
        ready: whether it had started.
        walled: whether it had walls: without them nothing limits its memory and processor time.
        output: the newest part of its output.
    """
    if report is None:
        kind, reason = ours or ("lost", "its guard was killed, and it with it")
        return Ended(kind, printable(reason))
    status: int = report["status"]
    used: float = report["cpu_s"]
    kind, reason = ours or _why(report, status, used, limits, last_word or {}, output, ready=ready, walled=walled)
    return Ended(kind, printable(reason), status, round(used, 3), round(report["peak_kb"] / 1024, 1))


def printable(text: str) -> str:
    """Return text from a peer as one line without terminal control characters.

    >>> printable("a" + chr(27) + "[2J" + chr(10) + "b")
    'a\ufffd[2J b'
    """
    return "".join(letter if letter.isprintable() else " " if letter == "\n" else "\ufffd" for letter in text)


def _why(
    report: Mapping[str, Any],
    status: int,
    used: float,
    limits: Limits,
    last_word: Mapping[str, Any],
    output: str,
    *,
    ready: bool,
    walled: bool,
) -> tuple[Kind, str]:
    if report["cause"] == "memory":
        return "memory", f"used more than {limits.memory_mb} MiB of memory"
    out_of_time = walled and limits.cpu_s is not None and used >= limits.cpu_s * ENOUGH_CPU
    if report["cause"] == "cpu" or (status == -signal.SIGKILL and out_of_time):
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
            at = _place(last_word).removesuffix(": ")
            return "exit", f"ended the interpreter with sys.exit({status}){f' at {at}' if at else ''}"[:LONGEST]
        case {"what": "leaving"}:
            return "stopped", "shut down"
        case _ if status == UNREPORTED:
            return "failed", f"ended with exit status {status}, probably after an exception that it could not report"
        case _ if status == 1:  # also the end of an interpreter that cannot continue, for example without builtins
            return "exit", f"ended the interpreter with exit status 1{_last_words(output)}"
        case _:
            return "exit", f"ended the interpreter with os._exit({status})"


def _last_words(output: str) -> str:
    r"""Return the exception that an interpreter printed last before it ended.

    It is empty if other output followed: then the interpreter went on.

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
    """Return where it failed, as the peer reports it; a running program may report anything."""
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
