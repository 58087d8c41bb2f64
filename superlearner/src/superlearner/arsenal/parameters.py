"""The old name of `superlearner.operations.parameters`."""

from superlearner.operations.parameters import (
    UNIX_TIME,
    ChildText,
    Force,
    MeasureMs,
    NewName,
    OfKind,
    OfTag,
    OfText,
    PageNumber,
    PerPage,
    PidText,
    Reason,
    SupervisorText,
    Term,
    TimeoutMs,
)

__all__ = [
    "ChildText",
    "Force",
    "MeasureMs",
    "NewName",
    "OfKind",
    "OfTag",
    "OfText",
    "PageNumber",
    "PerPage",
    "PidText",
    "Reason",
    "SupervisorText",
    "Term",
    "TimeoutMs",
    "UNIX_TIME",
]
