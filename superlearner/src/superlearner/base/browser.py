"""The user's browser."""

from __future__ import annotations

import threading
import webbrowser

__all__ = ["open_browser"]


def open_browser(url: str, *, wait: bool = False) -> None:
    """Open a page in a browser if there is one; with `wait`, return after it was opened."""
    if wait:  # a browser of text takes over the terminal until it is left
        webbrowser.open(url)
    else:
        threading.Thread(target=webbrowser.open, args=(url,), name="superlearner-browser", daemon=True).start()
