"""Contexts of a browser that one test leaves to the next: clean, and with their process warm.

A page in a context of its own starts a process of the browser, fetches each of some ninety files anew and compiles it:
two thirds of the time of the processor that opening it takes. A context that is kept has a page that nobody uses; it
holds the process in which the pages of the next test find what they need. What a test can leave behind there is taken
away, and a context in which that cannot be done is closed.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, CDPSession, Error, Frame, Page

__all__ = ["KeptContexts"]

MOST: Final = 6
"""Contexts that wait for a test; each holds a process of the browser."""
HOST: Final = "http://127.0.0.1/"
"""Pages of all ports of this host may share a process."""


class _Kept:
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
        """Close what a test opened and forget what it stored; whether nothing of it can be left."""
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
            # A clock of the test's own cannot be taken out again, and is put into every page that is there.
            return not self._page.evaluate("'__pwClock' in globalThis")
        except Error:
            return False


class KeptContexts:
    """Each context belongs to one test at a time."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: list[_Kept] = []
        self._taken: dict[BrowserContext, _Kept] = {}

    def take(self, **options: Any) -> BrowserContext:
        """A clean context with these options of `Browser.new_context`, which nobody else has."""
        kept = next((one for one in self._free if one.options == options), None)
        if kept is None:
            kept = _Kept(self._browser, options)
        else:
            self._free.remove(kept)
        self._taken[kept.context] = kept
        return kept.context

    def give_back(self, context: BrowserContext) -> None:
        """Close its pages; the next who asks for such a context gets this one."""
        kept = self._taken.pop(context)
        if not kept.clean():
            context.close()
            return
        self._free.append(kept)
        if len(self._free) > MOST:
            self._free.pop(0).context.close()

    def close(self) -> None:
        """Close all that are here."""
        for one in (*self._free, *self._taken.values()):
            one.context.close()
