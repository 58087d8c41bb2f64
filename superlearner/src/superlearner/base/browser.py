"""The user's browser."""

from __future__ import annotations

import threading
import webbrowser
from typing import Final

__all__ = ["open_browser"]

OPEN_WAIT_S: Final = 5


def open_browser(url: str, *, wait: bool = False) -> None:
    """Open a page in a browser if there is one; with `wait`, return after it was opened, or after five seconds."""
    thread = threading.Thread(target=webbrowser.open, args=(url,), name="superlearner-browser", daemon=True)
    thread.start()
    if wait:
        thread.join(OPEN_WAIT_S)
