"""Names that pages had before they became part of another page, so that old links and bookmarks keep working.

A target without an anchor leaves the anchor of the old link to the browser, which keeps it over a redirect.
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
    """Return the name of the page that has the content of `name` now.

    >>> current("replay"), current("library")
    ('tracing', 'library')
    """
    return MOVED.get(name, name).partition("#")[0]
