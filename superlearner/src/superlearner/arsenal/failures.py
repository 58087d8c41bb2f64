"""The old name of `superlearner.operations.failures`."""

from superlearner.operations.failures import (
    CODES,
    Detail,
    OperationError,
)

__all__ = [
    "CODES",
    "Detail",
    "OperationError",
]
