"""The order of the pages: `docs/README.md` is the list, for readers of files and for the `/docs` page alike.

Its second-level headings are the parts; each list item below one that begins with a link is an entry:

    ## Build with it
    - [Testing](testing.md): virtual time, seeds, and no sleeping

A page that is itself a list (`decisions/README.md`) adds the pages it links to.

The pages of the part `For contributors` can only be opened by address. The search, the sidebar and the order of the
other pages leave them out: they are not about using the platform.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from superlearner.teaching.manual.sources import CONTENTS, name_of, resolved

__all__ = ["CONTRIBUTORS", "ContentsEntry", "ContentsPart", "parts_of"]

CONTRIBUTORS: Final = "For contributors"

HEADING: Final = re.compile(r"^## (.+)$")
LINE: Final = re.compile(r"^- \[(?P<title>.+?)\]\((?P<link>[^)\s#]+\.md)\)(?::\s*(?P<about>.*))?$")
FURTHER: Final = re.compile(r"^  (?P<more>\S.*)$")


@dataclass(frozen=True, slots=True)
class ContentsEntry:
    """A page in the list: its name, path, title and summary."""

    name: str
    page: str
    title: str
    about: str
    below: tuple[ContentsEntry, ...] = ()

    def holds(self, name: str) -> bool:
        """Return whether this is the page, or the list that contains it."""
        return self.name == name or any(one.name == name for one in self.below)


@dataclass(frozen=True, slots=True)
class ContentsPart:
    """A subject with its pages, in reading order."""

    title: str
    entries: tuple[ContentsEntry, ...]

    @property
    def for_contributors(self) -> bool:
        """Return whether the search and the sidebar leave these pages out."""
        return self.title == CONTRIBUTORS

    def holds(self, name: str) -> bool:
        """Return whether a page belongs to this part."""
        return any(entry.holds(name) for entry in self.entries)

    def pages(self) -> Iterator[ContentsEntry]:
        """Yield every entry, each followed by those below it."""
        for entry in self.entries:
            yield entry
            yield from entry.below


def parts_of(read: Callable[[str], str]) -> tuple[ContentsPart, ...]:
    """Return the parts of the documentation; `read` returns the text of a page."""
    parts: list[tuple[str, list[ContentsEntry]]] = []
    for heading, entries in _groups(CONTENTS, read):
        if entries:
            parts.append((heading, entries))
    return tuple(ContentsPart(title, tuple(_with_below(entry, read) for entry in entries)) for title, entries in parts)


def _with_below(entry: ContentsEntry, read: Callable[[str], str]) -> ContentsEntry:
    if not entry.page.endswith("/README.md"):
        return entry
    below = [one for _, entries in _groups(entry.page, read) for one in entries]
    return ContentsEntry(entry.name, entry.page, entry.title, entry.about, tuple(below))


def _groups(page: str, read: Callable[[str], str]) -> Iterator[tuple[str, list[ContentsEntry]]]:
    heading = ""
    entries: list[ContentsEntry] = []
    for line in read(page).splitlines():
        if found := HEADING.match(line):
            yield heading, entries
            heading, entries = found[1], []
        elif found := LINE.match(line):
            target = resolved(page, found["link"])
            entries.append(ContentsEntry(name_of(target), target, plain(found["title"]), plain(found["about"] or "")))
        elif entries and (found := FURTHER.match(line)):
            last = entries[-1]
            entries[-1] = ContentsEntry(
                last.name, last.page, last.title, f"{last.about} {plain(found['more'])}".strip()
            )
    yield heading, entries


def plain(text: str) -> str:
    """Return inline Markdown as text: links as their words, code without backticks.

    >>> plain("`otp.run`, and [the *rest*](rest.md)")
    'otp.run, and the rest'
    """
    return re.sub(r"[`*]", "", re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text))
