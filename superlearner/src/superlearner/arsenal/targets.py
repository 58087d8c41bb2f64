"""The old name of `superlearner.operations.targets`."""

from superlearner.operations.targets import (
    answering,
    asking,
    called,
    feels,
    permit,
    process_of,
    protect,
    protect_child,
    protect_children,
    server_of,
    supervisor_of,
    term_of,
)

__all__ = [
    "answering",
    "asking",
    "called",
    "feels",
    "permit",
    "process_of",
    "protect",
    "protect_child",
    "protect_children",
    "server_of",
    "supervisor_of",
    "term_of",
]
