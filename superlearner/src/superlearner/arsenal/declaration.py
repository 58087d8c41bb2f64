"""The old name of `superlearner.operations.declaration`."""

from superlearner.operations.declaration import (
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
