"""Parameter types shared by many operations."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, WithJsonSchema

from superlearner.base.typed_time import FORM, LAST, read_time
from superlearner.control.listing import Whose
from superlearner.operations.declaration import Picker
from superlearner.operations.results.mailbox import MessageType, SentType

__all__ = [
    "ChildText",
    "Force",
    "MeasureMs",
    "NewName",
    "OfKind",
    "OfSentKind",
    "OfTag",
    "OfText",
    "OfWhom",
    "PageNumber",
    "PerPage",
    "PidText",
    "Reason",
    "Since",
    "SupervisorText",
    "TIMES",
    "Term",
    "Time",
    "TimeoutMs",
    "UNIX_TIME",
    "Until",
]

# Only documents the form in the schema: malformed pids are answered by 400 malformed_pid, which says more.
PID_OR_NAME: Final[dict[str, Any]] = {
    "pattern": r"^((#PID)?<?[0-9]{1,15}\.[0-9]{1,15}\.[0-9]{1,15}>?|[^0-9<#][\s\S]*)$"
}

UNIX_TIME: Final[dict[str, Any]] = {"format": "unix-time"}
"""Marks a time, which may be given as text."""
TIMES: Final = "`18:14`, `30 min ago`, `1h`, `2026-11-27 18:14` or seconds since 1970"

Time = Annotated[
    float,
    BeforeValidator(read_time),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0, "maximum": LAST}, {"type": "string", "pattern": FORM}]}),
]
"""Seconds since 1970, or a text that `read_time` accepts."""
Since = Annotated[
    Time | None,
    Field(
        description=f"only from this time on: {TIMES}",
        examples=["18:14"],
        json_schema_extra=UNIX_TIME,
    ),
]
Until = Annotated[
    Time | None,
    Field(
        description=f"only before this time: {TIMES}",
        examples=["18:14"],
        json_schema_extra=UNIX_TIME,
    ),
]

PidText = Annotated[
    str,
    Field(
        max_length=20_000,
        description="`0.17.0`, `<0.17.0>`, `#PID<0.17.0>` or a registered name",
        examples=["counter_1", "0.17.0"],
        json_schema_extra=PID_OR_NAME,
    ),
    Picker("process"),
]
SupervisorText = Annotated[
    str,
    Field(
        max_length=20_000,
        description="a registered name or a pid",
        examples=["demo_one_for_one", "0.9.0"],
        json_schema_extra=PID_OR_NAME,
    ),
    Picker("supervisor"),
]
ChildText = Annotated[
    str,
    Field(max_length=20_000, description="the child's id or name; the pid of a dynamic child", examples=["counter_1"]),
    Picker("child"),
]
NewName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=1000,
        pattern=r"^[^0-9<#]",
        description="a name to register; it must not look like a pid",
        examples=["my_counter"],
    ),
]
Reason = Annotated[str, Field(min_length=1, max_length=200, description="an exit reason; `kill` cannot be trapped")]
Force = Annotated[bool, Field(description="change even a process of the platform itself, with the scope `admin`")]
OfWhom = Annotated[
    Whose, Field(description="your processes, those that the platform runs for itself on its node, or all")
]
Term = Annotated[Any, Field(description="any JSON; lists become tuples", examples=["increment", ["add", 3]])]
MeasureMs = Annotated[
    int,
    Field(
        ge=0,
        le=10_000,
        description="milliseconds to observe every message; calls take about twice as long meanwhile",
    ),
]
TimeoutMs = Annotated[int, Field(ge=1, le=600_000, description="milliseconds to wait for the answer")]
PageNumber = Annotated[int, Field(ge=1, le=1_000_000, description="page number, from 1")]
PerPage = Annotated[int, Field(ge=1, le=1000, description="items per page")]
OfKind = Annotated[MessageType | None, Field(description="only messages of this kind")]
OfSentKind = Annotated[SentType | None, Field(description="only messages of this kind; those of the runtime stay")]
OfTag = Annotated[str | None, Field(max_length=40, description="only messages with this first word", examples=["add"])]
OfText = Annotated[str, Field(max_length=200, description="only messages whose displayed text contains this")]
