"""Crash loops in a list of restarts: repeated lines become one, which counts them. Pure."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from otp import sentences
from superlearner.control.reasons import without_arguments, without_numbers
from superlearner.operations.results.restarts import RestartLine
from superlearner.restarts.ids import Ref
from superlearner.restarts.sums import How
from superlearner.store import MomentRow
from superlearner.store.rows import ON_REQUEST

__all__ = [
    "ANOMALY",
    "BLOCKED",
    "CAUSES",
    "FAILED_START",
    "GAVE_UP",
    "INCIDENT",
    "OUTAGE",
    "PROGRAM",
    "beginning",
    "Loop",
    "LineParts",
    "cause_of",
    "clause_about",
    "fold",
    "is_incident",
    "is_stop",
    "is_sum",
    "names",
    "read_line",
]

PROGRAM: Final = 1
"""The number of the end or the start of a program."""
INCIDENT: Final = 2
"""The number of what has no restart; no restart has it."""
ANOMALY: Final = 2**53
"""The number of a stored anomaly with its evidence, which is in no list of restarts; no event has it."""
BLOCKED: Final = "blocked_loop"
"""The cause in the row of an incident that may explain why a node did not answer."""
FAILED_START: Final = "failed_start"
"""The same of one about a child that a supervisor could not start on a request."""
CAUSES: Final = frozenset({BLOCKED, FAILED_START})
"""The causes that incidents have."""
GAVE_UP: Final = " gave up"
"""The last words of the line of a give-up, which names the supervisors only."""
OUTAGE: Final = "the platform did not run"
"""The first words of the line of an outage."""
STOP: Final = ": none of its code ran"
"""The last words of the line of a stop, in which no code of the program ran."""
NAMED: Final = 4
"""Words at the beginning of such a line that name its process, as in `messages waited for till`."""
BEYOND: Final = 4
"""Lines whose reasons differ or are not known, and lines about something else, are folded if there are more."""
MOST_REFS: Final = 20
"""Maximum number of ids of a loop that its line has."""
PAUSE_S: Final = 120.0
"""Seconds without an equal line that end a loop: only the first 100 restarts of each minute have a line."""
MARKED: Final = re.compile(r"(?P<mark>[0-9a-f]{8})\|")
"""The first characters of a cause, which differ if reasons differ only in their arguments."""
PID: Final = re.compile(r"(?<=\S) \d+\.\d+\.\d+(?= |$)")
"""The pid behind what a process without a name runs, which differs from one to the next."""
OFTEN: Final = r"(?:once|twice|[\d,]+ times)"
"""Counts as `times_text` writes them."""
TIMES: Final = re.compile(f"{OFTEN}(?= more$)")
MORE: Final = re.compile(f" {OFTEN} more$")
LINE: Final = re.compile(
    r"(?P<name>[^;]+?)(?:, with others,)? (?P<how>was killed(?: and restarted)?|"
    r"(?P<ended>ended)|(?:crashed|ended)(?: and was restarted)?|was (?:restarted|stopped) on request)"
    f"(?P<sum> {OFTEN} more)?"
)
"""The line of a restart or a sum; sums of earlier versions always say *ended*."""
TOGETHER: Final = re.compile("(?P<names>.+) (?:were restarted on request|ended with it and (?:was|were) restarted)")
"""The clause about children that were restarted on one request, or that ended with the first by links."""
NO_NAMES: Final = re.compile("^(a deadlock: |messages waited for |the mailbox of )|, at [^ ]+| with (?:the )?reason ")
"""Places, and phrases whose words could be taken for a process name."""
BEFORE: Final = '(?:^|[;,:] |(?:^| )(?:and|by|for|from|meanwhile|of|start|task|to|with) "?)'
"""The text before a name in a line."""
AFTER: Final = re.compile("[ ,;:]|$")
"""The text after a name in a line."""


@dataclass(slots=True)
class Loop:
    """Lines of one cause and the sums of such restarts, newest first, or a single line."""

    lines: list[RestartLine | MomentRow]

    @property
    def newest(self) -> RestartLine | MomentRow:
        """The newest line; of a restart, if there is one, since that is known in full."""
        return next((one for one in self.lines if not is_sum(one)), self.lines[0])

    @property
    def until(self) -> float:
        """The time of its last event; of many, that of the newest restart, of which it also has the id and reason.

        Of many incidents, it is the end of the last.
        """
        whole = len(self.lines) == 1 or _is_stored_incident(self.lines[0])
        return max(one.until or one.at if whole or one.count > 1 else one.at for one in self.lines)

    @property
    def listed_at(self) -> float:
        """The time by which it is listed: the end of several lines, the start of a single one, even if that lasted.

        >>> hang = MomentRow("shop", "9f3a0c1b22d4", 7, 9, 100.0, 108.0, "till was in handle_call for 8 s", 1, "7")
        >>> Loop([hang]).listed_at, Loop([replace(hang, count=5)]).listed_at
        (100.0, 108.0)
        """
        only = self.lines[0]
        return self.until if len(self.lines) > 1 or only.count > 1 else only.at

    def describe(self, newest: RestartLine) -> RestartLine:
        """Return one line for all of them; `newest` describes the newest."""
        if len(self.lines) == 1:
            return newest
        count = sum(one.count for one in self.lines)
        plain = newest.reason is not None and newest.request is not None  # others may have had another requester
        line = self._without_pid(self.newest.line if plain else newest.line)
        line = TIMES.sub(sentences.times_text(count), line) if is_sum(self.newest) else line
        at, causes = min(one.at for one in self.lines), [_cause(one) for one in self.lines]
        marks = None if any(is_sum(one) for one in self.lines) else {_read_mark(one) for one in causes}
        reasons = None if marks is None or None in marks else len(marks)
        alike = len({_without_mark(one) for one in causes}) == 1
        alike = alike and (None not in causes or _is_stored_incident(self.newest))
        return newest.model_copy(
            update={
                "line": line,
                "name": newest.name and self._without_pid(newest.name),
                "count": count,
                "at": at,
                "until": self.until,
                "one_cause": alike and marks is not None,
                "one_reason": reasons == 1,
                "reasons": reasons if reasons != 1 else None,
                "refs": [_ref_of(one) for one in self.lines if not is_sum(one)][:MOST_REFS],
            }
        )

    def sum_up(self, newest: MomentRow) -> MomentRow:
        """Return one row for all of them, with the count in its line; `newest` is the newest with its replay.

        >>> row = MomentRow("shop", "9f3a0c1b22d4", 7, 9, 100.0, 100.0, "till crashed", 1, "7")
        >>> Loop([row]).sum_up(row) is row, Loop([row] * 1000).sum_up(row).line
        (True, 'till crashed 1,000 times')
        >>> alone = replace(row, number=2, line="till crashed; it has no supervisor that restarts it")
        >>> Loop([alone] * 3).sum_up(alone).line
        '3 times: till crashed; it has no supervisor that restarts it'
        """
        if len(self.lines) == 1:
            return newest
        count, at = sum(one.count for one in self.lines), min(one.at for one in self.lines)
        line, often = MORE.sub("", self._without_pid(newest.line)), sentences.times_text(count)
        line = f"{often}: {line}" if _is_stored_incident(newest) else f"{line} {often}"
        return replace(newest, line=line, count=count, at=at, until=self.until, events="")

    def _without_pid(self, text: str) -> str:
        """Return a line or a name without its pid if the lines differ in it."""
        differ = any(one.line != self.newest.line for one in self.lines if not is_sum(one))
        return PID.sub("", text) if differ else text


def _ref_of(one: RestartLine | MomentRow) -> str:
    return str(Ref(one.run, one.number)) if isinstance(one, MomentRow) else one.ref


def is_sum(one: RestartLine | MomentRow) -> bool:
    """Return whether a line stands for restarts that were only counted."""
    if one.events if isinstance(one, MomentRow) else one.kept:
        return False
    return (found := LINE.fullmatch(one.line)) is not None and found["sum"] is not None


def is_incident(one: MomentRow) -> bool:
    """Return whether a line is about something else than a restart, such as a blocked event loop or an outage."""
    return one.last <= INCIDENT and one.data is None


def is_stop(one: MomentRow) -> bool:
    """Return whether a line is about a time in which no code of the program ran, as after SIGSTOP."""
    return is_incident(one) and one.line.endswith(STOP)


class LineParts(NamedTuple):
    """The parts of a line: a name, and what happened to it, of a sum each time."""

    name: str
    any: bool
    """True if the ends may be of all kinds."""
    again: bool
    how: How

    @property
    def killed(self) -> bool:
        """Return whether it was killed."""
        return self.how == "killed"

    def is_like(self, one: RestartLine) -> bool:
        """Return whether a restart may be like those that the sum counts."""
        return self.any or (one.reason is not None and self.killed == (one.reason == "killed"))


def read_line(line: str) -> LineParts | None:
    """Return what the line of a sum, or of the restart of one child, says; None for another line.

    >>> read_line("till was killed and restarted 1,090 times more")
    LineParts(name='till', any=False, again=True, how='killed')
    >>> read_line("till, with others, ended once more")
    LineParts(name='till', any=True, again=False, how='ended')
    >>> read_line("till crashed and was restarted").name, read_line("stall gave up"), read_line("a crashed; b crashed")
    ('till', None, None)
    """
    found = LINE.fullmatch(line)
    if found is None:
        return None
    words = found["how"]
    how: How = (
        "requested" if "request" in words
        else "killed" if "killed" in words
        else "crashed" if "crashed" in words
        else "ended"
    )  # fmt: skip
    return LineParts(found["name"], bool(found["ended"]), "restarted" in words, how)


def clause_about(line: str, process: str) -> LineParts | None:
    """Return what the line of one or several restarts says about a process; None if it says nothing.

    >>> clause_about("till crashed and was restarted; cart was killed and restarted", "cart")
    LineParts(name='cart', any=False, again=True, how='killed')
    >>> clause_about("till and cart were restarted on request", "cart")
    LineParts(name='cart', any=False, again=True, how='requested')
    >>> clause_about("till crashed; desk and cart ended with it and were restarted", "cart")
    LineParts(name='cart', any=False, again=True, how='ended')
    >>> clause_about("till crashed; cart crashed", "desk")
    """
    for clause in line.split("; "):
        together, one = TOGETHER.fullmatch(clause), read_line(clause)
        if together is not None and process in re.split(", | and ", together["names"]):
            how: How = "requested" if clause.endswith(ON_REQUEST) else "ended"
            return LineParts(process, any=False, again=True, how=how)
        if one is not None and one.name == process:
            return one
    return None


def beginning(line: str) -> list[str]:
    """Return the first words of the line of an incident or an anomaly, without numbers: its process and its kind.

    >>> beginning("the mailbox of till grew from 1,000 to 5,000 messages"), beginning("3 calls to till timed out")
    (['the', 'mailbox', 'of', 'till'], ['calls', 'to', 'till', 'timed'])
    """
    return [word for word in re.split("[ ,]+", line) if not word.isdigit()][:NAMED]


def names(line: str, process: str) -> bool:
    """Return whether the line of a restart or a problem names a process: has its name where lines have names.

    >>> [names(line, "till") for line in ("till crashed", "a crashed; till was killed", "till, with", "tills crashed")]
    [True, True, True, False]
    >>> [names(line, "till") for line in ("shop could not start till: no_disk", "messages waited for till")]
    [True, True]
    >>> [names("a deadlock: desk waits for till at shop.py:7", one) for one in ("desk", "till", "a")]
    [True, True, False]
    >>> [names("till held the event loop for 5.0 s, at shop.py:7", one) for one in ("till", "s", "loop", "at")]
    [True, False, False, False]
    >>> names("2 waits for the task fetch timed out after 5 s, from till", "fetch")
    True
    >>> names('desk crashed twice in 1 s, each time with "till did not answer a call in 5 s (timeout)"', "till")
    True
    >>> names("till was restarted on request", "request"), names("messages waited for till", "messages")
    (False, False)
    >>> names("till was ended by a request over HTTP (process.exit) with reason 'weird'", "reason")
    False
    """
    clauses = NO_NAMES.sub("", line)
    return any(AFTER.match(clauses, found.end()) for found in re.finditer(BEFORE + re.escape(process), clauses))


def cause_of(line: RestartLine) -> str | None:
    """Return the cause of a restart, which loops are folded by, its numbers aside; None if only its line is kept.

    >>> known = {
    ...     "event": 7,
    ...     "at": 1.0,
    ...     "name": "till",
    ...     "supervisor": None,
    ...     "strategy": None,
    ...     "started": 1,
    ...     "gave_up": False,
    ... }
    >>> cause_of(RestartLine(reason="KeyError('a')", where="till.py:9", fallen=[], **known))
    '0e3f4624|KeyError till.py:9'
    """
    if not line.kept or line.reason is None:
        return None
    return f"{zlib.crc32(line.reason.encode()):08x}|{without_arguments(line.reason)} {line.where or ''}"


def _read_mark(cause: str | None) -> str | None:
    """Return the mark of the reason in a cause; None if it has none, as of an earlier version."""
    found = MARKED.match(cause or "")
    return None if found is None else found["mark"]


def _without_mark(cause: str | None) -> str | None:
    return cause and MARKED.sub("", cause, count=1)


def _cause(one: RestartLine | MomentRow) -> str | None:
    return one.cause if isinstance(one, MomentRow) else cause_of(one)


def _run(one: RestartLine | MomentRow) -> str | None:
    """Return the run of the program in which a restart happened; None for an incident, or the end of a program."""
    if isinstance(one, MomentRow):
        return one.run if one.number > INCIDENT else None
    return None if one.incident or one.program else one.ref.rpartition(".")[0]


def _is_stored_incident(one: RestartLine | MomentRow) -> bool:
    return isinstance(one, MomentRow) and one.number == INCIDENT


def _is_known(one: RestartLine | MomentRow) -> bool:
    """Return whether a line is of an end with a known cause; one on request may have another requester.

    The line of an incident has all that is known of it.
    """
    if _is_stored_incident(one):
        return True
    return _run(one) is not None and _cause(one) is not None and not one.line.endswith(ON_REQUEST)


def fold(lines: Sequence[RestartLine | MomentRow]) -> list[Loop]:
    """Group lines into loops by cause and run, both newest first; a sum belongs to the loop of the restarts before it.

    A few lines whose reasons differ in their arguments stay apart.

    >>> row = MomentRow("shop", "9f3a0c1b22d4", 7, 9, 100.0, 100.0, "till crashed and was restarted", 1, "7")
    >>> [len(one.lines) for one in fold([row] * 4)], [len(one.lines) for one in fold([row] * 5)]
    ([1, 1, 1, 1], [5])
    >>> hang = replace(row, number=2, line="till was in handle_info at shop.py:60 for 2 s, and 1 message waited")
    >>> [len(one.lines) for one in fold([hang] * 3)]
    [3]
    >>> [len(one.lines) for one in fold([replace(row, cause="KeyError till.py:9")] * 2)]
    [2]
    >>> two = [replace(row, cause=f"0000000{mark}|KeyError till.py:9") for mark in (1, 2)]
    >>> [len(one.lines) for one in fold(two * 2)], [len(one.lines) for one in fold(two * 3)]
    ([2, 2], [6])
    >>> tasks = [replace(two[0], line=f"fetch 0.{number}.0 crashed") for number in (7, 8)]
    >>> (
    ...     [len(one.lines) for one in fold(tasks)],
    ...     [len(one.lines) for one in fold([replace(one, line="9") for one in two])],
    ... )
    ([2], [1, 1])
    >>> many = MomentRow("shop", "9f3a0c1b22d4", 10, 99, 101.0, 109.0, f"{row.line} 30 times more", 30, "")
    >>> [sum(one.count for one in loop.lines) for loop in fold([many, row, row])]
    [32]
    >>> other = replace(row, cause="KeyError till.py:9")
    >>> [sum(one.count for one in loop.lines) for loop in fold([many, other, replace(row, cause="OSError "), other])]
    [32, 1]
    >>> [len(one.lines) for one in fold([replace(row, cause=f"('bad', {number}) ") for number in range(9)])]
    [9]
    >>> [len(one.lines) for one in fold([*[replace(row, run="00ff00ff00ff")] * 5, *[row] * 6])]
    [5, 6]
    """
    places: list[list[int]] = []
    current: dict[tuple[str | None, str | None, str, str | None], list[int]] = {}
    for place, one in enumerate(lines):
        line = MORE.sub("", one.line) if is_sum(one) else PID.sub("", one.line)
        cause = _without_mark(_cause(one))
        of = one.node, _run(one)
        known, unknown = (*of, line, cause and without_numbers(cause)), (*of, line, None)
        for key in (known, unknown):
            if key in current and lines[current[key][-1]].at - (one.until or one.at) > PAUSE_S:
                del current[key]  # it is over
        newest = current.get(unknown)
        loop = current.get(known)
        if loop is None and newest is not None and all(_cause(lines[each]) is None for each in newest):
            loop = newest
        if loop is None:
            places.append(loop := [])
        loop.append(place)
        current[known] = loop
        current.setdefault(unknown, loop)
    summed = {place for place, one in enumerate(lines) if is_sum(one)}
    loops: list[list[int]] = []
    for loop in places:
        if len(loop) > BEYOND or not summed.isdisjoint(loop):
            loops.append(loop)
        elif _is_known(lines[loop[0]]):
            loops.extend(_split(loop, lines))
        else:
            loops.extend([place] for place in loop)
    return [Loop([lines[place] for place in loop]) for loop in sorted(loops)]


def _split(loop: Sequence[int], lines: Sequence[RestartLine | MomentRow]) -> Iterator[list[int]]:
    """Yield the parts of a short loop with the same reason."""
    parts: dict[str | None, list[int]] = {}
    for place in loop:
        parts.setdefault(_read_mark(_cause(lines[place])), []).append(place)
    yield from parts.values()
