"""The names of a class as teachers have them: typed one a line, or copied from a table or a mail."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

__all__ = ["ClassName", "read_class"]

SEPARATORS: Final = "\t;,"
"""Separators of columns; the first one that a line contains is that of the line."""
ADDRESS: Final = re.compile(r"\S+@\S+")
BESIDE_NAME: Final = re.compile(r"\s*<\S+@\S+>")
"""An address as mail programs write it, behind the name."""
HEADINGS: Final = frozenset(
    {"name", "names", "full name", "first name", "given name", "forename", "last name", "family name", "surname"}
    | {"learner", "student", "pupil", "vorname", "nachname", "familienname"}
)


class ClassName(NamedTuple):
    """A name and the number of its line, from 1."""

    line: int
    name: str
    unclear: bool = False
    """True if the line may be the name of one learner or of several, as `Lee, Ann`."""


def read_class(text: str) -> list[ClassName]:
    r"""Return the names in a list, in its order.

    A line has a name, full names with commas between them, or columns. E-mail addresses and bare numbers in columns are
    left out; a line with nothing else is a name as it is. If the first line has headings, only the columns with names
    are read.

    >>> [one.name for one in read_class("Jörg Müller\n\nAda Lovelace <ada@school.org>\nben@school.org")]
    ['Jörg Müller', 'Ada Lovelace', 'ben@school.org']
    >>> read_class('No,Name,Mail,Class\n1,"Müller, Jörg",j@school.org,7b')
    [ClassName(line=2, name='Müller, Jörg', unclear=False)]
    >>> read_class("1\tAda\tLovelace\tada@school.org")
    [ClassName(line=1, name='Ada Lovelace', unclear=False)]
    >>> [one.name for one in read_class("Ann Lee, Bob Ray")], read_class("Lee, Ann")[0].unclear
    (['Ann Lee', 'Bob Ray'], True)
    """
    rows = [(number, cells) for number, line in enumerate(text.splitlines(), 1) if any(cells := _columns(line))]
    wanted: list[int] | None = None
    if rows and (named := [place for place, cell in enumerate(rows[0][1]) if cell.casefold() in HEADINGS]):
        wanted, rows = named, rows[1:]
    lines = text.splitlines()
    return [one for number, cells in rows for one in _read_line(number, lines[number - 1], cells, wanted)]


def _read_line(number: int, line: str, cells: Sequence[str], wanted: Sequence[int] | None) -> list[ClassName]:
    """Return the names in a line: several if each column without headings is a full name."""
    names = [cell for cell in cells if cell]
    if wanted is not None or "\t" in line or len(names) < 2 or any(map(_is_beside, names)):
        return [ClassName(number, _name(cells, wanted))]
    if all(len(name.split()) > 1 for name in names):
        return [ClassName(number, name) for name in names]
    return [ClassName(number, line.strip(), unclear=True)]


def _is_beside(cell: str) -> bool:
    """Return whether a column of a table is beside a name: a number or an address."""
    return cell.isdecimal() or ADDRESS.fullmatch(cell) is not None


def _columns(line: str) -> list[str]:
    """Return the columns of a line, without spaces around them."""
    plain = BESIDE_NAME.sub("", line.strip("\ufeff")) or line
    separator = next((one for one in SEPARATORS if one in plain), SEPARATORS[0])
    return [cell.strip() for cell in next(csv.reader([plain], delimiter=separator, skipinitialspace=True), list[str]())]


def _name(cells: Sequence[str], wanted: Sequence[int] | None) -> str:
    chosen = cells if wanted is None else [cells[place] for place in wanted if place < len(cells)]
    named = [cell for cell in chosen if cell and not _is_beside(cell)]
    return " ".join(named or [cell for cell in chosen or cells if cell] or cells)
