"""The old name of `superlearner.operations.declaration`."""

from superlearner.operations.declaration import (
    THINGS,
    Answer,
    Body,
    DeclarationError,
    Download,
    Operation,
    Paged,
    Parameter,
    Part,
    Picker,
    Source,
    Streamed,
    declared,
    operation,
)

__all__ = [
    "THINGS",
    "Answer",
    "Body",
    "DeclarationError",
    "Download",
    "Operation",
    "Paged",
    "Parameter",
    "Part",
    "Picker",
    "Source",
    "Streamed",
    "declared",
    "operation",
]
