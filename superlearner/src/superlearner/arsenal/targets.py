"""The old name of `superlearner.operations.targets`."""

from superlearner.operations.targets import (
    answering,
    asking,
    called,
    feels,
    process_of,
    protect,
    server_of,
    supervisor_of,
    term_of,
)

__all__ = [
    "answering",
    "asking",
    "called",
    "feels",
    "process_of",
    "protect",
    "server_of",
    "supervisor_of",
    "term_of",
]
