"""The documentation of one platform: contents, rendered pages, search.

Rendering a page and indexing all of them takes tens of milliseconds, which would block the node's processes: so it is
done in a thread, once, and cached.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import RLock
from typing import Final

from superlearner.teaching.manual.contents import ContentsEntry, ContentsPart, parts_of
from superlearner.teaching.manual.moved import MOVED, current
from superlearner.teaching.manual.rendering import Rendered, render
from superlearner.teaching.manual.search import Hit, Index, Indexed
from superlearner.teaching.manual.sources import CONTENTS, Sources, name_of

__all__ = ["Manual", "NoSuchPage"]

ADDRESS: Final = "/docs"
LISTS: Final = frozenset({"arsenal", "changelog"})
"""Pages that list everything; explanations rank higher."""


class NoSuchPage(LookupError):
    """No page has this name; `near` is a similar one."""

    def __init__(self, name: str, near: str | None) -> None:
        super().__init__(f"there is no page {name[:100]!r} in the documentation")
        self.near = near


class Manual:
    """The documentation.

    Args:
        folder: contains `docs/`; by default the documentation that came with this package.
        root: the prefix of all addresses.
        more: further sections to search, such as the operations; called at the first search.
    """

    def __init__(
        self, folder: Path | None = None, *, root: str = "", more: Callable[[], Iterable[Indexed]] = tuple
    ) -> None:
        self._sources = Sources(folder)
        self._root = root
        self._more = more
        self._drawn: dict[str, Rendered] = {}
        self._parts: tuple[ContentsPart, ...] | None = None
        self._index: Index | None = None
        self._drawing = RLock()  # callers may be concurrent, and importing pygments is not thread-safe

    def parts(self) -> tuple[ContentsPart, ...]:
        """Return the table of contents; empty if no pages came with this package."""
        if self._parts is None:
            self._parts = parts_of(self._sources.text) if self._sources.pages() else ()
        return self._parts

    def names(self) -> list[str]:
        """Return the names of all pages, in reading order; unlisted ones come last."""
        listed = [entry.name for entry in self.entries()]
        return [*listed, *(name for name in map(name_of, self._sources.pages()) if name not in listed)]

    def entries(self) -> Iterator[ContentsEntry]:
        """Yield every entry of the table of contents, each followed by those below it."""
        for part in self.parts():
            yield from part.pages()

    def around(self, name: str) -> tuple[ContentsPart | None, ContentsEntry | None, ContentsEntry | None]:
        """Return the part of a page, and the previous and next entry."""
        part = next((one for one in self.parts() if one.holds(name)), None)
        if part is None:
            return None, None, None
        alike = (one for one in self.parts() if one.for_contributors == part.for_contributors)
        order = [entry for one in alike for entry in one.pages()]
        place = next(number for number, entry in enumerate(order) if entry.name == name)
        before = order[place - 1] if place else None
        return part, before, order[place + 1] if place + 1 < len(order) else None

    async def page(self, name: str) -> Rendered:
        """Return a page by its name; "" is the introduction before the table of contents.

        Raises:
            NoSuchPage: there is none.
        """
        name = current(name)
        return self._drawn.get(name) or await asyncio.to_thread(self.draw, name)

    async def markdown(self, name: str) -> str:
        """Return the Markdown of a page.

        Raises:
            NoSuchPage: there is none.
        """
        return await asyncio.to_thread(self._sources.text, self._path(current(name)))

    async def search(self, question: str, most: int = 20) -> list[Hit]:
        """Return the best sections for a query, best first."""
        return await asyncio.to_thread(self.find, question, most)

    def draw(self, name: str) -> Rendered:
        """Return a page as :meth:`page` does, in the caller's thread."""
        name = current(name)
        path = self._path(name)
        with self._drawing:
            if name not in self._drawn:
                text = self._sources.text(path)
                if path == CONTENTS:
                    text = text.partition("\n## ")[0]  # the lists are in `parts`
                self._drawn[name] = render(path, text, self._sources.pages(), self.address)
            return self._drawn[name]

    def find(self, question: str, most: int = 20) -> list[Hit]:
        """Return the best sections as :meth:`search` does, in the caller's thread."""
        with self._drawing:
            if self._index is None:
                self._index = Index((*self._sections(), *self._more()))
        return self._index.search(question, most)

    def picture(self, name: str) -> tuple[Path, str] | None:
        """Return the path of a picture and its media type."""
        return self._sources.picture(name)

    def moved_to(self, name: str) -> str | None:
        """Return the address that now has the content of a former page, else None."""
        target = MOVED.get(name)
        return None if target is None else self.address(target)

    def address(self, name: str) -> str:
        """Return the address of a page or a picture."""
        return f"{self._root}{ADDRESS}/{name}" if name else f"{self._root}{ADDRESS}"

    def _path(self, name: str) -> str:
        pages = self._sources.pages()
        if not name and pages:
            return CONTENTS
        by_name = {name_of(page): page for page in pages}
        if name not in by_name:
            last = name.rpartition("/")[2].lower()
            raise NoSuchPage(name, next((one for one in by_name if one.rpartition("/")[2] == last), None))
        return by_name[name]

    def _sections(self) -> Iterator[Indexed]:
        left_out = {one.name for part in self.parts() if part.for_contributors for one in part.pages()}
        for name in self.names():
            if name in left_out:
                continue
            drawn = self.draw(name)
            weight = 0.4 if name in LISTS else 1.0
            for one in drawn.sections:
                if one.text or one.heading:
                    behind = f"#{one.anchor}" if one.anchor else ""
                    yield Indexed(f"{self.address(name)}{behind}", drawn.title, one.heading, one.text, weight)
