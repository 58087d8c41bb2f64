"""Former names of pages, to keep old links and bookmarks working.

For a target without an anchor, the browser keeps the anchor of the old link over the redirect.
"""

from __future__ import annotations

from typing import Final

__all__ = ["MOVED", "current"]

MOVED: Final = {
    "attach": "observing",
    "debugging": "observing",
    "message-tracing": "tracing",
    "replay": "tracing#replay",
}


def current(name: str) -> str:
    """Return the current name of the page with the content of `name`.

    >>> current("replay"), current("library")
    ('tracing', 'library')
    """
    return MOVED.get(name, name).partition("#")[0]
