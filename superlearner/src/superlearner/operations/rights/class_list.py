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
BULLET: Final = r"(?:[-*+•‣⁃∙▪■□●○◦·–—☐✓]|\[[ xX]?\])"
NUMBER: Final = r"\(?\d+(?:[.):、\]]| (?=[ \u00a0]*\S))"
LIST_MARK: Final = re.compile(
    rf"^(?:{BULLET}[ \u00a0]*)*+(?:{NUMBER}[ \u00a0]*)?+(?:{BULLET}[ \u00a0]*)*+(?=[^\W\d_]|[\"'])"
)
"""A list number or bullet before a name. No tabs: they separate columns, whose positions match the headings."""
ONLY_MARK: Final = re.compile(rf"{BULLET}|\(?\d+[.):、\]]?")
GROUP: Final = re.compile(r"(?<=[^\s(])\s*[(\[（][^()\[\]（）]*[)\]）]\s*$")
"""A class or group after a name, as in `(10b)`."""
COMMAS: Final = str.maketrans("，；", ",;")
FIRST_NAMES: Final = frozenset({"first name", "first names", "given name", "forename", "vorname", "prénom", "nombre"})
HEADINGS: Final = FIRST_NAMES | {
    "name", "names", "full name", "last name", "family name", "surname", "learner", "student", "pupil", "nachname",
    "familienname", "nom", "apellidos",
}  # fmt: skip
SURNAME_FIRST: Final = re.compile(r"([^,]+),\s*([^,]+)")
EAST_ASIAN: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
"""Names in these letters have the surname first, without a space."""


class ClassName(NamedTuple):
    """A name and the number of its line, from 1."""

    line: int
    name: str
    unclear: str = ""
    """The reason why it is not clear whose name it is, as of `Lee, Ann` alone; "" if it is."""


def read_class(text: str) -> list[ClassName]:
    r"""Return the names in a list, in its order.

    A line has a name, full names with commas between them, or columns. If most lines have one comma, with a single word
    on a side of most, the surname is before it. E-mail addresses and bare numbers in columns are left out; a line with
    nothing else is a name as it is. So are numbers and bullets before a name, and a group in parentheses behind it. If
    the first line has headings, only the columns with names are read. The first name comes first if it is known, except
    in East Asian letters.

    >>> [one.name for one in read_class("Jörg Müller\n\nAda Lovelace <ada@school.org>\nben@school.org")]
    ['Jörg Müller', 'Ada Lovelace', 'ben@school.org']
    >>> read_class('No,Name,Mail,Class\n1,"Müller, Jörg",j@school.org,7b')
    [ClassName(line=2, name='Jörg Müller', unclear='')]
    >>> read_class("1\tAda\tLovelace\tada@school.org")
    [ClassName(line=1, name='Ada Lovelace', unclear='')]
    >>> [one.name for one in read_class("Ann Lee, Bob Ray")], read_class("Lee, Ann")[0].unclear
    (['Ann Lee', 'Bob Ray'], 'may be one learner or several')
    >>> [one.name for one in read_class("Lovelace, Ada\nvan Dam, Eve")]
    ['Ada Lovelace', 'Eve van Dam']
    >>> [one.name for one in read_class("1. Rossi, Maria\n2. Dubois, Claire (10b)")]
    ['Maria Rossi', 'Claire Dubois']
    """
    rows = [(number, cells) for number, line in enumerate(text.splitlines(), 1) if any(cells := _columns(line))]
    lines = text.splitlines()
    if rows and (named := [place for place, cell in enumerate(rows[0][1]) if cell.casefold() in HEADINGS]):
        headings = rows[0][1]
        named.sort(key=lambda place: _rank(headings[place].casefold()))
        return [_read_row(number, lines[number - 1], cells, named, len(headings)) for number, cells in rows[1:]]
    named_by = {number: _names_in(lines[number - 1], cells) for number, cells in rows}
    pairs = [names for names in named_by.values() if len(names) == 2]
    turned = 1 < len(pairs) > len(rows) // 2 and _have_surname_first(pairs)
    found: list[ClassName] = []
    for number, cells in rows:
        if turned and len(named_by[number]) == 2:
            surname, first = named_by[number]
            found.append(ClassName(number, _turn(surname, first)))
        else:
            found += _read_line(number, lines[number - 1], cells)
    return found


def _have_surname_first(pairs: Sequence[Sequence[str]]) -> bool:
    """Return whether most lines are like `Lovelace, Ada` and not two full names; of as many, single words decide."""
    words = [sum(" " not in name for name in names) for names in pairs]
    single = sum(map(bool, words))
    return 2 * single > len(pairs) or (2 * single == len(pairs) and 2 in words)


def _turn(surname: str, first: str) -> str:
    return f"{surname}{first}" if EAST_ASIAN.fullmatch(surname + first) else f"{first} {surname}"


def _rank(heading: str) -> int:
    """Return the place of a column in a name: `Name` is a surname beside a first name, and else a first name."""
    return 0 if heading in FIRST_NAMES else 1 if heading == "name" else 2


def _read_row(number: int, line: str, cells: Sequence[str], wanted: Sequence[int], columns: int) -> ClassName:
    """Return the name in a line below headings, from the wanted columns, the first name first."""
    if any(cells[columns:]):
        headings = f"{columns} heading{'' if columns == 1 else 's'}"
        return ClassName(number, line.strip(), f"has {len(cells)} columns, and the table has {headings}")
    return ClassName(number, _name(cells, wanted))


def _read_line(number: int, line: str, cells: Sequence[str]) -> list[ClassName]:
    """Return the names in a line without headings: several if each column is a full name."""
    names = _names_in(line, cells)
    if not names:
        return [ClassName(number, _name(cells, None))]
    if all(len(name.split()) > 1 for name in names):
        return [ClassName(number, name) for name in names]
    return [ClassName(number, line.strip(), "may be one learner or several")]


def _names_in(line: str, cells: Sequence[str]) -> list[str]:
    """Return the columns of a line in which each may be a name; none if it is the row of a table, or one name."""
    names = [cell for cell in cells if cell]
    return [] if "\t" in line or len(names) < 2 or any(map(_is_beside, names)) else names


def _is_beside(cell: str) -> bool:
    """Return whether a column of a table is not a name: a number, a bullet or an address."""
    return ONLY_MARK.fullmatch(cell) is not None or ADDRESS.fullmatch(cell) is not None


def _columns(line: str) -> list[str]:
    """Return the columns of a line, without the marks around their names."""
    line = line.strip("\ufeff").translate(COMMAS)
    plain = _trim(BESIDE_NAME.sub("", line) or line)
    separator = next((one for one in SEPARATORS if one in plain), SEPARATORS[0])
    return [_trim(one) for one in next(csv.reader([plain], delimiter=separator, skipinitialspace=True), list[str]())]


def _trim(name: str) -> str:
    """Return a name without a list mark before it, a group after it, and spaces."""
    return GROUP.sub("", LIST_MARK.sub("", name.strip(" \u00a0"), count=1)).strip()


def _name(cells: Sequence[str], wanted: Sequence[int] | None) -> str:
    chosen = cells if wanted is None else [cells[place] for place in wanted if place < len(cells)]
    named = [cell for cell in chosen if cell and not _is_beside(cell)]
    if len(named) == 2 and EAST_ASIAN.fullmatch("".join(named)):
        return "".join(named if wanted is None else reversed(named))
    name = " ".join(named or [cell for cell in chosen or cells if cell] or cells)
    return _turn(found[1], found[2]) if (found := SURNAME_FIRST.fullmatch(name)) else name
