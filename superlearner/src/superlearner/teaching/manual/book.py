"""The documentation of one platform: what the list of contents names, drawn when somebody looks, found by searching.

Drawing a page and indexing all of them takes tens of milliseconds, in which no process of the node could run: so it is
done in a thread, once, and kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import RLock
from typing import Final

from superlearner.teaching.manual.contents import Entry, Part, parts_of
from superlearner.teaching.manual.moved import MOVED, current
from superlearner.teaching.manual.rendering import Rendered, render
from superlearner.teaching.manual.search import Hit, Index, Indexed
from superlearner.teaching.manual.sources import CONTENTS, Sources, name_of

__all__ = ["Manual", "NoSuchPage"]

ADDRESS: Final = "/docs"
LISTS: Final = frozenset({"arsenal", "changelog"})
"""Pages that name everything: what explains a thing comes before what lists it."""


class NoSuchPage(LookupError):
    """There is no page of this name; `near` is one that may be meant."""

    def __init__(self, name: str, near: str | None) -> None:
        super().__init__(f"there is no page {name[:100]!r} in the documentation")
        self.near = near


class Manual:
    """The documentation.

    Args:
        folder: holds `docs/`; by default what came with this package.
        root: what stands before every address.
        more: sections that no page holds, such as the operations; asked for when somebody searches first.
    """

    def __init__(
        self, folder: Path | None = None, *, root: str = "", more: Callable[[], Iterable[Indexed]] = tuple
    ) -> None:
        self._sources = Sources(folder)
        self._root = root
        self._more = more
        self._drawn: dict[str, Rendered] = {}
        self._parts: tuple[Part, ...] | None = None
        self._index: Index | None = None
        self._drawing = RLock()  # many may be first at once, and pygments is not made for being imported by them

    def parts(self) -> tuple[Part, ...]:
        """The list of contents; empty if no pages came with this package."""
        if self._parts is None:
            self._parts = parts_of(self._sources.text) if self._sources.pages() else ()
        return self._parts

    def names(self) -> list[str]:
        """The names of all pages, in the order of reading; those that no part names come last."""
        listed = [entry.name for entry in self.entries()]
        return [*listed, *(name for name in map(name_of, self._sources.pages()) if name not in listed)]

    def entries(self) -> Iterator[Entry]:
        """Every entry of the list of contents, those below others behind them."""
        for part in self.parts():
            yield from part.pages()

    def around(self, name: str) -> tuple[Part | None, Entry | None, Entry | None]:
        """The part of a page, and the entries before and after it: of the pages for contributors, or of all others."""
        part = next((one for one in self.parts() if one.holds(name)), None)
        if part is None:
            return None, None, None
        alike = (one for one in self.parts() if one.for_contributors == part.for_contributors)
        order = [entry for one in alike for entry in one.pages()]
        place = next(number for number, entry in enumerate(order) if entry.name == name)
        before = order[place - 1] if place else None
        return part, before, order[place + 1] if place + 1 < len(order) else None

    async def page(self, name: str) -> Rendered:
        """A page by its name; "" is what stands before the list of contents.

        Raises:
            NoSuchPage: there is none.
        """
        name = current(name)
        return self._drawn.get(name) or await asyncio.to_thread(self.draw, name)

    async def markdown(self, name: str) -> str:
        """The Markdown of a page.

        Raises:
            NoSuchPage: there is none.
        """
        return await asyncio.to_thread(self._sources.text, self._path(current(name)))

    async def search(self, question: str, most: int = 20) -> list[Hit]:
        """The best sections for a question, best first."""
        return await asyncio.to_thread(self.find, question, most)

    def draw(self, name: str) -> Rendered:
        """As :meth:`page`, in the caller's thread."""
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
        """As :meth:`search`, in the caller's thread."""
        with self._drawing:
            if self._index is None:
                self._index = Index((*self._sections(), *self._more()))
        return self._index.search(question, most)

    def picture(self, name: str) -> tuple[Path, str] | None:
        """A picture of the pages and its type."""
        return self._sources.picture(name)

    def moved_to(self, name: str) -> str | None:
        """Return the address of the page that a former page is part of now; None if `name` is no former page."""
        target = MOVED.get(name)
        return None if target is None else self.address(target)

    def address(self, name: str) -> str:
        """The address of a page or a picture."""
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
