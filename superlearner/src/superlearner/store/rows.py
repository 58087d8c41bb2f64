"""The rows of the store as values.

Times are in seconds since 1970; texts are cut to what a table accepts.

The store sets `run` and `number`: the run of the platform that wrote the row, and its place among the rows of that run.
Together they identify a row, so one that is written twice because the first outcome was unknown exists once. `id` grows
over all runs in the order in which rows were accepted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, overload

__all__ = [
    "AUDIT",
    "MOMENTS",
    "NAME_LIMIT",
    "ON_REQUEST",
    "RESTARTS",
    "SAME_S",
    "SETTING_CHANGES",
    "TEXT_LIMIT",
    "AuditRow",
    "MomentRow",
    "Recording",
    "Restart",
    "SettingChange",
    "SignInLink",
    "Token",
    "UserRow",
    "json_text",
    "naming",
    "clean",
    "stored_as",
]

ON_REQUEST: Final = " on request"
"""The last words of the line of a restart or a stop on request."""
SAME_S: Final = 1.0
"""Seconds by which the times of one event differ, as two attachments of its node measure them."""

RESTARTS: Final = "restarts"
MOMENTS: Final = "moments"
AUDIT: Final = "audit"
SETTING_CHANGES: Final = "setting_changes"
TEXT_LIMIT: Final = 4000
"""Characters after which a text is cut; JSON gets four times as many."""
NAME_LIMIT: Final = 500
"""Maximum characters of a searchable name: index rows have at most 2,700 bytes."""
NAMES: Final = frozenset({"supervisor", "operation", "setting", "name", "user", "node", "run", "owner"})
"""Columns that hold names."""


@dataclass(frozen=True, slots=True)
class Restart:
    """An event of a supervisor: a start, an end, a restart, a give-up.

    Attributes:
        at: time, in seconds since 1970.
        supervisor: its registered name, or its pid as text.
        child: the child's id as text; None if the event concerns the supervisor itself.
        event: what happened, in the terms of analytics (`restarted`, `gave_up`, …).
        old_pid: the process that ended, if any.
        new_pid: the process that runs now, if any.
        reason: the exit reason, as text for people.
        run: the run of the platform that recorded it; set when read.
        number: its place among the rows of that run; set when read.
        id: its place among all rows; set when read.
    """

    at: float
    supervisor: str
    child: str | None
    event: str
    old_pid: str | None = None
    new_pid: str | None = None
    reason: str | None = None
    run: str = ""
    number: int = 0
    id: int = 0


@dataclass(frozen=True, slots=True)
class MomentRow:
    """A restart, give-up or crash with its replay; or the sum of many, without one.

    Attributes:
        node: the name of its node.
        run: the run of the node's program; with it, the number is unique.
        number: the number of the event that is the first cause; for a sum, that of the first.
        last: the largest number of its events.
        at: time of the first cause, in seconds since 1970.
        until: the same of the last event.
        line: what happened, in one line without a time.
        count: the number of restarts that this row stands for.
        events: the numbers of its events, as `restarts.ids` writes them; empty for a sum.
        owner: the owner of the node at that time; None if it had none.
        data: the replay, compressed; None for a sum, and for one that is too old.
        kind: the name of the kind of its node, see `nodes.kinds`; None for one of an earlier version.
        cause: a mark of its reason, the class of the reason and the place that raised it, or the type of an incident;
            None if unknown, as of a sum.
        id: its place among all rows; set when read.
    """

    node: str
    run: str
    number: int
    last: int
    at: float
    until: float
    line: str
    count: int = 1
    events: str = ""
    owner: str | None = None
    data: bytes | None = None
    kind: str | None = None
    cause: str | None = None
    id: int = 0

    def continues(self, kept: MomentRow) -> bool:
        """Return whether this is a restart that went on when it was kept; that after a stop on request is another."""
        same = (self.node, self.run, self.number) == (kept.node, kept.run, kept.number)
        is_sum = not (self.events and kept.events)
        near = abs(self.at - kept.at) < SAME_S
        return same and near and self.last > kept.last and not is_sum and not kept.line.endswith(ON_REQUEST)


@dataclass(frozen=True, slots=True)
class AuditRow:
    """A change, or a refused one; the fields of an entry of the audit log.

    `node` is the name of the node it concerned; None for the platform itself. `door` is the interface that the server
    saw, `claims` the one that the client named.
    """

    at: float
    user: str
    door: str
    operation: str
    parameters: Any
    did: str | None
    outcome: str
    duration: float
    run: str = ""
    number: int = 0
    id: int = 0
    node: str | None = None
    claims: str | None = None


@dataclass(frozen=True, slots=True)
class SettingChange:
    """A setting that was changed by `source` while the platform ran; values are JSON."""

    at: float
    source: str
    setting: str
    before: Any
    after: Any
    run: str = ""
    number: int = 0
    id: int = 0


@dataclass(frozen=True, slots=True)
class Recording:
    """Facts about a recording, available without opening its file.

    Attributes:
        name: unique name, shown to people.
        kind: what made it, in the terms of tracing.
        path: where its file is; relative to the data directory if the file is inside it.
        at: its start, in seconds since 1970.
        events: number of events, once known.
        size: bytes of the file, once known.
        about: further facts, as JSON.
        owner: name of the user who made it; None if it was made before there were owners.
        id: set by the store.
    """

    name: str
    kind: str
    path: str
    at: float
    events: int | None = None
    size: int | None = None
    about: Any = None
    id: int = 0
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class UserRow:
    """A user of the platform, added at `at` and removed at `revoked`.

    Attributes:
        scopes: a part of those of the role; empty for all of them.
        key: the name as it is compared, which is unique.
        seen: the last request, to the minute; None: never.
        generation: number of times that all sessions of the user were ended.
        implied: whether the user was added with a token, and goes with the last one.
        quota: the quotas that differ from those of the role, by name.
        shown: the name as typed, if it differs; else "".
    """

    name: str
    scopes: tuple[str, ...]
    at: float
    revoked: float | None = None
    id: int = 0
    key: str = ""
    role: str = "viewer"
    seen: float | None = None
    generation: int = 0
    implied: bool = False
    quota: Mapping[str, int] = field(default_factory=dict[str, int], hash=False)
    shown: str = ""


@dataclass(frozen=True, slots=True)
class SignInLink:
    """A one-time sign-in link of the user with the id `user`, by the hash of its code."""

    hash: str
    user: int
    at: float
    expires: float
    used: float | None = None
    id: int = 0


@dataclass(frozen=True, slots=True)
class Token:
    """A credential, by its hash.

    The store never sees the token. `name` is unique and is used to revoke it.

    `expires` is when it stops working, `used` when it was last used, to the minute; None means never.
    """

    name: str
    user: str
    scopes: tuple[str, ...]
    hash: str
    at: float
    revoked: float | None = None
    expires: float | None = None
    used: float | None = None
    id: int = 0


@overload
def clean(text: str, limit: int = TEXT_LIMIT) -> str: ...
@overload
def clean(text: None, limit: int = TEXT_LIMIT) -> None: ...
def clean(text: str | None, limit: int = TEXT_LIMIT) -> str | None:
    r"""Return a text that every database accepts: cut, no NUL, no lone surrogates.

    >>> clean("a\0b\udce9"), clean("abcdef", 4), clean(None)
    ('a\\x00b\\udce9', 'abc…', None)
    """
    if text is None:
        return None
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    if not text.isprintable():
        text = text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")
    return text


@overload
def stored_as(column: str, text: str) -> str: ...
@overload
def stored_as(column: str, text: None) -> None: ...
def stored_as(column: str, text: str | None) -> str | None:
    r"""Return a text as its column stores it; search values pass through here too.

    >>> len(stored_as("supervisor", "x" * 10_000)), len(stored_as("reason", "x" * 10_000))
    (500, 4000)
    """
    return clean(text, NAME_LIMIT if column in NAMES else TEXT_LIMIT)


def naming(process: str) -> list[str]:
    r"""Return the phrases of which a line about a process has one, if a space and "\n" are put around the line.

    Other lines may match: the *s* in "for 5 s, " is not a process.

    >>> naming("s")
    [' s ', ' s,', ' s;', ' could not start s:', ' for s\n']
    """
    return [*(f" {process}{end}" for end in " ,;"), f" could not start {process}:", f" for {process}\n"]


def json_text(value: Any) -> str:
    """Return valid JSON; for values that are too long, an object with their beginning."""
    try:
        text = json.dumps(value, default=str)
    except (TypeError, ValueError, RecursionError) as error:
        text = json.dumps({"unreadable": str(error)})
    return text if len(text) <= 4 * TEXT_LIMIT else json.dumps({"cut": text[:TEXT_LIMIT]})
