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


def read_class(text: str) -> list[ClassName]:
    r"""Return the names in a list, in its order.

    A line has a name, or columns. E-mail addresses and bare numbers in columns are left out; a line with nothing else
    is a name as it is. If the first line has headings, only the columns with names are read.

    >>> [one.name for one in read_class("Jörg Müller\n\nAda Lovelace <ada@school.org>\nben@school.org")]
    ['Jörg Müller', 'Ada Lovelace', 'ben@school.org']
    >>> read_class('No,Name,Mail,Class\n1,"Müller, Jörg",j@school.org,7b')
    [ClassName(line=2, name='Müller, Jörg')]
    >>> read_class("1\tAda\tLovelace\tada@school.org")
    [ClassName(line=1, name='Ada Lovelace')]
    """
    rows = [(number, cells) for number, line in enumerate(text.splitlines(), 1) if any(cells := _columns(line))]
    wanted: list[int] | None = None
    if rows and (named := [place for place, cell in enumerate(rows[0][1]) if cell.casefold() in HEADINGS]):
        wanted, rows = named, rows[1:]
    return [ClassName(number, _name(cells, wanted)) for number, cells in rows]


def _columns(line: str) -> list[str]:
    """Return the columns of a line, without spaces around them."""
    plain = BESIDE_NAME.sub("", line.strip("\ufeff")) or line
    separator = next((one for one in SEPARATORS if one in plain), SEPARATORS[0])
    return [cell.strip() for cell in next(csv.reader([plain], delimiter=separator, skipinitialspace=True), list[str]())]


def _name(cells: Sequence[str], wanted: Sequence[int] | None) -> str:
    chosen = cells if wanted is None else [cells[place] for place in wanted if place < len(cells)]
    named = [cell for cell in chosen if cell and not cell.isdecimal() and not ADDRESS.fullmatch(cell)]
    return " ".join(named or [cell for cell in chosen or cells if cell] or cells)
