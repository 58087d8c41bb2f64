"""Redaction of secrets: values named password, token and the like, and such pairs inside strings.

Every text for a reader passes through `without_secrets`, and source lines through `source_without_secrets`.

>>> is_secret("Access-Token"), is_secret("balance")
(True, False)
>>> without_secrets("postgres://ada:hunter2@db/shop?api_key=k-123")
'postgres://ada:***@db/shop?api_key=***'

Redaction guesses by name and errs on the safe side. It is not access control: the `code` scope decides who may read
process states unredacted.
"""

from __future__ import annotations

import linecache
import re
from bisect import bisect_left
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import unquote

__all__ = [
    "HIDDEN",
    "IsToken",
    "Redact",
    "hides",
    "is_secret",
    "source_line",
    "source_without_secrets",
    "without_secrets",
]

Redact = Callable[[str], bool]
"""A predicate on the name of a key, field or attribute: true if its value must be redacted."""

IsToken = Callable[[str], bool]
"""A predicate on a word: true if it is a credential issued here, whatever precedes it."""

HIDDEN: Final = "***"
"""Replacement for a redacted value."""

_MARGIN: Final = 1_500
"""Characters read beyond a cut, to find a password even if the `@` after it is cut off, and whole tokens."""

_WORDS: Final = (
    r"pass(?:word|wd|phrase)|pwd|secret|token|api[-_ ]?key|access[-_ ]?key|private[-_ ]?key|"
    r"credential|authorization|cookie|session[-_ ]?id"
)
_NUMBER: Final = r"-?\d[\d_]*(?:\.\d+)?(?:e[-+]?\d+)?(?![\w.-])"
_COUNT: Final = rf"(?<![\w-])tokens\\?[\"']?\s{{0,3}}[=:]\s{{0,3}}{_NUMBER}"
_SECRET_NAME: Final = re.compile(_WORDS, re.IGNORECASE)
_SECRET_IN_TEXT: Final = re.compile(
    rf"(?!{_COUNT})((?:{_WORDS})[\w-]{{0,20}}(?:\\{{0,3}}[\"']|%(?:25)*2[27])?\s{{0,3}}(?:[=:]|%(?:25)*3[ad])\s{{0,3}}"
    r"(?:bearer\s|basic\s)?(\\{0,3}[\"'])?)"  # a quoted value ends at the same quote, after as many backslashes
    r"(?(2)(?:(?!\2)(?:\\.|[^\\]))+|[^\s\"',;&}]+)",
    re.IGNORECASE | re.DOTALL,
)
_URL_USER: Final = re.compile(
    r"(/\\{0,3}/[^\s/:@\[]*:)(?:"  # JSON may have `\/`
    r"[^\s/\"<>]+@|"  # up to the last `@` of the address
    r"(?!\d{0,5}[/?#])[^\s\"<>]{1,300}@|"  # a password with a slash in it; `//host:80/ada@example` has no password
    r"[^\s/\"<>…]*…)"  # the cut is inside the password
    r"|(/\\{0,3}/)[^\s/:@\[]{20,}@"  # a token in place of the user
    # a whole URL, percent-encoded once (`%3A`) or repeatedly (`%253A`), at the same level throughout
    r"|(%(?P<level>(?:25)*)2f%(?P=level)2f(?:(?!%(?P=level)(?:3a|2f|40))[^\s/@&])*%(?P=level)3a)"
    r"(?:(?!%(?P=level)2f)[^\s/@&…])+(%(?P=level)40|…)",
    re.IGNORECASE,
)
_QUERY: Final = re.compile(r"([?&;]([^\s=?&;#\"'<>]{1,100})=)([^\s&#\"'<>]+)")
_TOKEN: Final = re.compile(r"sl_[A-Za-z0-9_-]{43}")
"""Tokens of SuperLearner, recognized by their shape."""

_WORD: Final = re.compile(r"[A-Za-z0-9._~+/-]{32,1000}=*")
"""Words shaped like a credential; a user-chosen one may contain dots and slashes."""

_PART: Final = re.compile(r"[A-Za-z0-9_-]{32,1000}")
"""Random credentials, which may stand in the middle of a path."""

_TAGGED: Final = re.compile(
    rf"(?<!\w)\((?P<quote>[\"'])(?P<tag>[^\"'\\\n]{{0,80}}?(?:{_WORDS})[^\"'\\\n]{{0,80}})(?P=quote), ", re.IGNORECASE
)
"""The beginning of a tuple whose first element names a secret, as `repr` writes it."""

_NESTED: Final = re.compile(r"'(?:\\.|[^'\\])*(?:'|\Z)|\"(?:\\.|[^\"\\])*(?:\"|\Z)|[()\[\]{}]", re.DOTALL)
"""Quoted texts and brackets of a value."""

_TRACEBACK: Final = re.compile(r'^([ |+-]*File "[^\n]*", line \d+[^\n]*)((?:\n[ |]{4,}[^\n]*)+)', re.MULTILINE)
"""A location line of a traceback and the source lines below it."""

_CODE: Final = re.compile(
    r"""(?P<open>\b[rbuft]{1,2}(?=["'])|)(?P<mark>\"{3}|'{3})(?P<block>(?:\\.|(?!(?P=mark)).)*)(?:(?P=mark)|\Z)"""
    r"""|(?P<quote>["'])(?P<words>(?:\\[^\n]|(?!(?P=quote))[^\\\n])*)(?:(?P=quote)|$)"""
    r"""|\#(?P<comment>[^\n]*)""",
    re.DOTALL | re.MULTILINE,
)
"""String literals and comments in source code."""

_NUMBER_OF_NAME: Final = re.compile(  # bounded, so that the time is linear in the length of the text
    rf"(?<!\w)(?!\w{{0,80}}tokens\b)(\w{{0,80}}?(?:{_WORDS})\w{{0,80}}\s{{0,3}}(?::[^=\n]{{0,100}})?=\s{{0,3}})-?\d[\w.]*",
    re.IGNORECASE,
)
_TAIL: Final = 80
"""Characters before and after a literal that decide whether it is a key."""

_INDENT: Final = re.compile(r"[^\S\n]*")
_CONTINUED: Final = ("=", "(", "[", "{", ":", "\\")
_ASSIGNED: Final = re.compile(r"=\s{0,9}[(\[{\\]?\Z")
"""The end of a line whose value begins in the next one."""

_LINES_ABOVE: Final = 30
"""Number of preceding lines that may show that a line's values are secret."""

_SECRET_PARAMETERS: Final = frozenset({"pass", "pw", "sig", "signature"})


def is_secret(name: str) -> bool:
    """Return whether a name looks like a secret's: password, token, api_key, cookie, …"""
    return _SECRET_NAME.search(name) is not None


def hides(redact: Redact | None, name: object, value: object) -> bool:
    """Return whether the value of a key, field or attribute must be redacted.

    A number in a field `tokens` is the count of a token bucket, so it is shown.

    >>> hides(is_secret, "tokens", 4.5), hides(is_secret, "tokens", ["t0p"]), hides(is_secret, "access_token", 7)
    (False, True, True)
    """
    if redact is None or type(name) is not str or not redact(name):
        return False
    return not (redact is is_secret and name.lower() == "tokens" and type(value) in (int, float))


def without_secrets(text: str, most: int | None = None, is_token: IsToken | None = None) -> str:
    """Replace values after `password=`, `token:` and the like, and credentials in URLs of any scheme, by `***`.

    Args:
        text: any text; URLs may stand inside a sentence, and may be percent-encoded.
        most: cut the result to this many characters, the last of them `…`. Cutting the text before it gets here would
            show a password whose URL is cut in the middle.
        is_token: called for each word shaped like a credential.

    Source lines in a traceback are redacted by `source_without_secrets`.

    >>> without_secrets("moved to redis://:s3cret@cache from https://h/?pass=a,b today")
    'moved to redis://:***@cache from https://h/?pass=*** today'
    >>> without_secrets("amqp://ada:hunter2@broker/shop", 20)
    'amqp://ada:***@brok…'
    """
    if most is None:
        return _without_tokens(_redacted(text), is_token)
    window = str.__getitem__(text, slice(0, most + _MARGIN))
    cut = len(window) < str.__len__(text)
    shown = _without_tokens(_redacted(f"{window}…" if cut else window), is_token)
    if not cut and len(shown) <= most:
        return shown
    return shown[: max(most - 1, 0)] + "…"


def source_without_secrets(code: str) -> str:
    """Redact the literals in source lines that name a secret, and apply `without_secrets` to the others.

    Args:
        code: one line or several of them. Names and expressions stay, so that the line can still be read.

    >>> print(source_without_secrets('password: str = "hunter2"  # token: abc'))
    password: str = "***"  # token: ***
    >>> print(source_without_secrets('os.environ["DB_PASSWORD"] = ask(user, b"s3cret")'))
    os.environ["DB_PASSWORD"] = ask(user, b"***")
    >>> print(source_without_secrets('connect("postgres://ada:hunter2@db/shop", retries=3)'))
    connect("postgres://ada:***@db/shop", retries=3)
    >>> print(source_without_secrets('open("/etc/passwd", "w")'))
    open("/etc/passwd", "w")
    >>> print(source_without_secrets('raise ValueError("wrong password")'))
    raise ValueError("wrong password")
    """
    if not _SECRET_NAME.search(code) and "://" not in code and "sl_" not in code:
        return code
    return _NUMBER_OF_NAME.sub(rf"\1{HIDDEN}", _CODE.sub(_Literals(code).shown, code))


def source_line(file: str, line: int) -> str:
    """Return a line of a source file without indentation and secrets; empty if it cannot be read.

    Args:
        file: its path.
        line: its number, from 1. The lines above it show what its values are: after `password=` they are secret.
    """
    lines = linecache.getlines(file)
    if not 1 <= line <= len(lines):
        return ""
    code = "".join(lines[max(0, line - 1 - _LINES_ABOVE) : line])
    shown = source_without_secrets(code).removesuffix("\n").rpartition("\n")[2]
    return source_without_secrets(shown.strip())  # alone too, as the lines above may begin inside a literal


class _Literals:
    """The literals of source code, and where names of secrets stand beside them.

    Positions are found by bisection: the time is linear in the length of the code, also for a line of a megabyte.
    """

    def __init__(self, code: str) -> None:
        self._code = code
        self._breaks = [found.start() for found in re.finditer("\n", code)]
        self._comments = [found.start() for found in re.finditer("#", code)]
        names = [found.span() for found in _SECRET_NAME.finditer(code) if not code.endswith("/etc/", 0, found.start())]
        self._names = [begin for begin, _ in names]
        self._ends = [end for _, end in names]
        self._indents: dict[int, int] = {}
        self._below: set[int] = set()
        """Lines whose first literal is the value of a name above it."""
        self._assigned: dict[int, bool] = {}
        """Lines, by whether they are the value of a name at the end of the line above them."""

    def shown(self, found: re.Match[str]) -> str:
        """Return the replacement for a literal or a comment."""
        words = found["comment"]
        if words is not None:
            return f"#{_redacted(words)}"
        code, mark = self._code, found["mark"] or found["quote"]
        words = found["words"] if found["mark"] is None else found["block"]
        begin, end = found.span()
        hidden = bool(words) and self._is_secret(begin, end)
        closed = mark if code[end - len(mark) : end] == mark and end - begin >= 2 * len(mark) else ""
        return f"{found['open'] or ''}{mark}{HIDDEN if hidden else _redacted(words)}{closed}"

    def _is_secret(self, begin: int, end: int) -> bool:
        code = self._code
        line = self._line_of(begin)
        first, until, inherited = line, begin, False
        if self._indent(line) >= begin:  # the value may be below its name
            first, until = self._above(line)
            inherited = first in self._below
            if not inherited and not code[first:until].endswith(_CONTINUED):
                first = until
        tail = code[max(first, until - _TAIL) : until]
        in_dict = re.match(r"[^\S\n]{0,80}:", code[end : end + _TAIL]) and tail.rstrip()[-1:] in ("", "{", ",")
        if in_dict or re.search(r"\w\[\s*$", tail):
            return False  # a key
        named = inherited or self._names_a_secret(first, until) or self._is_assigned(line)
        if named and until < begin:
            self._below.add(line)
        return named or self._names_a_secret(end, min(self._end_of(end), self._comment_after(end)))

    def _is_assigned(self, line: int) -> bool:
        if line not in self._assigned:
            first, until = self._above(line)
            assigned = _ASSIGNED.search(self._code, max(first, until - _TAIL), until) is not None
            self._assigned[line] = assigned and self._names_a_secret(first, until)
        return self._assigned[line]

    def _line_of(self, place: int) -> int:
        found = bisect_left(self._breaks, place)
        return self._breaks[found - 1] + 1 if found else 0

    def _end_of(self, place: int) -> int:
        found = bisect_left(self._breaks, place)
        return self._breaks[found] if found < len(self._breaks) else len(self._code)

    def _comment_after(self, place: int) -> int:
        found = bisect_left(self._comments, place)
        return self._comments[found] if found < len(self._comments) else len(self._code)

    def _indent(self, line: int) -> int:
        if line not in self._indents:
            self._indents[line] = _INDENT.match(self._code, line).end()  # type: ignore[union-attr]
        return self._indents[line]

    def _above(self, line: int) -> tuple[int, int]:
        """Return the start and end of the nearest non-blank line above; both are 0 if there is none."""
        while line > 0:
            until = line - 1
            line = self._line_of(until)
            if self._indent(line) < until:
                return line, line + len(self._code[line:until].rstrip())
        return 0, 0

    def _names_a_secret(self, begin: int, end: int) -> bool:
        found = bisect_left(self._names, begin)
        return found < len(self._names) and self._ends[found] <= end


def _without_tokens(text: str, is_token: IsToken | None) -> str:
    if is_token is None:
        return text

    def word(found: re.Match[str]) -> str:
        return HIDDEN if is_token(found[0].rstrip(".")) else _PART.sub(part, found[0])

    def part(found: re.Match[str]) -> str:
        return HIDDEN if is_token(found[0]) else found[0]

    return _WORD.sub(word, text)


def _of_traceback(found: re.Match[str]) -> str:
    return found[1] + source_without_secrets(found[2])


def _redacted(text: str) -> str:
    if 'File "' in text:
        text = _TRACEBACK.sub(_of_traceback, text)
    if "sl_" in text:
        text = _TOKEN.sub(HIDDEN, text)
    shown = _SECRET_IN_TEXT.sub(rf"\1{HIDDEN}", _without_tagged(text))
    if "=" in shown and ("?" in shown or "&" in shown):
        shown = _QUERY.sub(_parameter, shown)
    if "//" in shown or "%" in shown or "\\/" in shown:
        shown = _URL_USER.sub(_user, shown)
    return shown


def _without_tagged(text: str) -> str:
    """Redact tuples in a text as they are redacted as values: messages of events are kept as texts."""
    parts: list[str] = []
    at = 0
    while found := _TAGGED.search(text, at):
        end = _end_of_tuple(text, found.end())
        value = text[found.end() : end]
        parts += (text[at : found.end()], HIDDEN if hides(is_secret, found["tag"], _number(value)) else value)
        at = end
    return "".join((*parts, text[at:]))


def _end_of_tuple(text: str, at: int) -> int:
    depth = 0
    for found in _NESTED.finditer(text, at):
        if found[0] in "([{":
            depth += 1
        elif found[0] in ")]}":
            if not depth:
                return found.start()
            depth -= 1
    return len(text)


def _parameter(found: re.Match[str]) -> str:
    name = unquote(found[2])
    hidden = name.lower() in _SECRET_PARAMETERS or hides(is_secret, name, _number(found[3]))
    return f"{found[1]}{HIDDEN}" if hidden else found[0]


def _number(words: str) -> Any:
    try:
        return float(words)
    except ValueError:
        return words


def _user(found: re.Match[str]) -> str:
    plain = found[1] or found[2]
    return f"{plain}{HIDDEN}{found[0][-1]}" if plain else f"{found[3]}{HIDDEN}{found[5]}"
