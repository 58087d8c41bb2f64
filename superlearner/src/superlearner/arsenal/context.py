"""The old name of `superlearner.operations.context`."""

from superlearner.operations.context import (
    Context,
    DryRun,
)

__all__ = [
    "Context",
    "DryRun",
]
