"""The old name of `superlearner.operations.declaration`."""

from superlearner.operations.declaration import (
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
