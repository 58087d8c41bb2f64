"""Browser contexts reused by later tests: clean, with a warm renderer process.

A page in a new context starts a renderer process, then fetches and compiles some ninety files, which takes two thirds
of the processor time of opening it. A kept context has an unused page, which keeps the renderer process and its caches.
Between tests, everything a test can leave behind is removed; a context where that fails is closed.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, CDPSession, Error, Frame, Page

__all__ = ["ContextPool"]

MOST: Final = 6
"""Limit of unused contexts; each holds a renderer process."""
HOST: Final = "http://127.0.0.1/"
"""Pages of all ports of this host may share a process."""


class _PooledContext:
    def __init__(self, browser: Browser, options: dict[str, Any]) -> None:
        self.options = options
        self.context: BrowserContext = browser.new_context(**options)
        self._page: Page = self.context.new_page()
        self._page.route(HOST, lambda route: route.fulfill(content_type="text/html", body="<!doctype html>"))
        self._page.goto(HOST)
        self._visited: set[str] = set()
        self.context.on("page", lambda page: page.on("framenavigated", self._note))
        self._session: CDPSession = self.context.new_cdp_session(self._page)

    def _note(self, frame: Frame) -> None:
        parts = urlsplit(frame.url)
        if parts.netloc:
            self._visited.add(f"{parts.scheme}://{parts.netloc}")

    def clean(self) -> bool:
        """Undo what a test did to the context; return whether it is clean."""
        try:
            for page in self.context.pages:
                if page is not self._page:
                    page.close()
            for origin in self._visited:
                self._session.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
            self._visited.clear()
            self.context.clear_cookies()
            self.context.set_offline(False)
            self.context.unroute_all()
            # A fake clock cannot be removed again, and is installed in every page of the context.
            return not self._page.evaluate("'__pwClock' in globalThis")
        except Error:
            return False


class ContextPool:
    """Contexts that each belong to a single test at a time."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: list[_PooledContext] = []
        self._taken: dict[BrowserContext, _PooledContext] = {}

    def take(self, **options: Any) -> BrowserContext:
        """Return a clean, unused context with these options of `Browser.new_context`."""
        kept = next((one for one in self._free if one.options == options), None)
        if kept is None:
            kept = _PooledContext(self._browser, options)
        else:
            self._free.remove(kept)
        self._taken[kept.context] = kept
        return kept.context

    def give_back(self, context: BrowserContext) -> None:
        """Close its pages and keep the context for the next request with the same options."""
        kept = self._taken.pop(context)
        if not kept.clean():
            context.close()
            return
        self._free.append(kept)
        if len(self._free) > MOST:
            self._free.pop(0).context.close()

    def close(self) -> None:
        """Close all kept contexts."""
        for one in (*self._free, *self._taken.values()):
            one.context.close()
