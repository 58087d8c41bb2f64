"""What the store keeps, as values. Times are seconds of the wall clock; texts are cut to what a table holds.

`run` and `number` are the store's own: which run of the platform wrote a row, and its place among the rows of that run.
Together they are its identity, so that a row that is written twice, because nobody knew whether the first time had
succeeded, is there once. `id` grows over all runs in the order in which rows were accepted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, overload

__all__ = [
    "AUDIT",
    "NAME_LIMIT",
    "RESTARTS",
    "SETTING_CHANGES",
    "TEXT_LIMIT",
    "AuditRow",
    "Recording",
    "Restart",
    "SettingChange",
    "Token",
    "UserRow",
    "clean",
    "stored_as",
]

RESTARTS: Final = "restarts"
AUDIT: Final = "audit"
SETTING_CHANGES: Final = "setting_changes"
TEXT_LIMIT: Final = 4000
"""Characters of a text beyond which it is cut; JSON gets four times as many."""
NAME_LIMIT: Final = 500
"""Characters of a name that is looked for: an index of PostgreSQL takes 2,700 bytes, and refuses the row otherwise."""
NAMES: Final = frozenset({"supervisor", "operation", "setting", "name", "user"})
"""Columns that hold such names."""


@dataclass(frozen=True, slots=True)
class Restart:
    """One event of a supervisor: a start, an end, a restart, a give-up.

    Attributes:
        at: when, in seconds of the wall clock.
        supervisor: its registered name, or its pid as text.
        child: the child's id as text; None if it speaks of the supervisor itself.
        event: what happened, by the word analytics uses for it (`restarted`, `gave_up`, …).
        old_pid: who ended, if somebody did.
        new_pid: who runs now, if somebody does.
        reason: why, as text for people.
        run: the run of the platform that saw it; set when it is read.
        number: its place among the rows of that run; set when it is read.
        id: its place among all rows; set when it is read.
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
class AuditRow:
    """One change, or one that was refused; the fields of an entry of the audit log.

    `node` is the name of the node it was asked of; None for what is about the platform itself.
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


@dataclass(frozen=True, slots=True)
class SettingChange:
    """A setting that was changed while the platform ran; `source` is who or what changed it, values are JSON's."""

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
    """What is known of a recording without opening its file.

    Attributes:
        name: unique; how people call it.
        kind: what made it, by the word tracing uses for it.
        path: where its file is; relative to the data directory if it lies there.
        at: when it was begun, in seconds of the wall clock.
        events: how many there are in it, once that is known.
        size: bytes of the file, once that is known.
        about: whatever else, as JSON.
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


@dataclass(frozen=True, slots=True)
class UserRow:
    """Somebody who may come in; `at` is when they were added, `revoked` when they were sent away."""

    name: str
    scopes: tuple[str, ...]
    at: float
    revoked: float | None = None
    id: int = 0


@dataclass(frozen=True, slots=True)
class Token:
    """A credential, by its hash: the store never sees the token. `name` is unique, and what it is revoked by.

    `expires` is when it opens nothing any more, `used` when it was last used, to the minute; None is never.
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
    r"""A text that every database takes: cut, without NUL, and lone surrogates written as escapes.

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
    r"""A text as the column of this name holds it; what is looked for goes the same way.

    >>> len(stored_as("supervisor", "x" * 10_000)), len(stored_as("reason", "x" * 10_000))
    (500, 4000)
    """
    return clean(text, NAME_LIMIT if column in NAMES else TEXT_LIMIT)
