"""Rendering of Markdown pages: anchors, contents, links, highlighted code.

HTML inside a page is escaped, so a page contains only Markdown. Links are resolved by path in the repository: a page or
a picture becomes its address here; a source file, which is not shipped, becomes its name.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from superlearner.teaching.manual.sources import CONTENTS, name_of, resolved

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

__all__ = ["DocsHeading", "Rendered", "Section", "inline", "render"]

ELSEWHERE: Final = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)
HERE: Final = "http://localhost:4000"
"""The platform's address as pages write it; the actual one replaces it."""

LANGUAGES: Final = {"sh": "bash", "console": "console", "text": ""}
FIRST_PAGES: Final = frozenset({CONTENTS, "README.md"})


@dataclass(frozen=True, slots=True)
class DocsHeading:
    """A heading of a page below its title: 2 for a section, 3 for a subsection."""

    level: int
    anchor: str
    text: str


@dataclass(frozen=True, slots=True)
class Section:
    """The text below one heading; the first section of a page has no anchor."""

    anchor: str
    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """A page: title, HTML without the title, headings, sections as text, links."""

    title: str
    html: str
    headings: tuple[DocsHeading, ...]
    sections: tuple[Section, ...]
    links: tuple[str, ...]

    @property
    def anchors(self) -> frozenset[str]:
        """Return the anchors that links to this page may use."""
        return frozenset(heading.anchor for heading in self.headings)


def render(page: str, text: str, pages: Collection[str], address: Callable[[str], str]) -> Rendered:
    """Render one page.

    Args:
        page: its path in the repository.
        text: its Markdown.
        pages: the paths of all pages.
        address: returns the address of a name below the documentation.
    """
    markdown = _markdown(page, pages, address)
    tokens = markdown.parse(text)
    title, rest = _without_title(tokens, name_of(page))
    headings = tuple(_name_headings(rest))
    links = tuple(
        str(link)
        for token in tokens
        for one in token.children or ()
        if (link := one.attrGet("href") or one.attrGet("src"))
    )
    return Rendered(
        title, markdown.renderer.render(rest, markdown.options, {}), headings, tuple(_sections(rest)), links
    )


def inline(text: str) -> str:
    """Return short Markdown as HTML: code, emphasis, external links.

    >>> inline("`kill` cannot be <b>trapped</b>")
    '<code>kill</code> cannot be &lt;b&gt;trapped&lt;/b&gt;'
    """
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark", {"html": False})
    return "<br><br>".join(markdown.renderInline(part) for part in text.split("\n\n"))


def anchor_of(text: str) -> str:
    """Return the anchor of a heading, the same as on code hosting sites.

    >>> anchor_of("What `run` takes, and what it does not")
    'what-run-takes-and-what-it-does-not'
    """
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


def _markdown(page: str, pages: Collection[str], address: Callable[[str], str]) -> MarkdownIt:
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark", {"html": False, "highlight": _highlight}).enable(["table", "strikethrough"])
    rules: dict[str, Any] = {
        "link_open": partial(_link_open, page, pages, address),
        "link_close": _link_close,
        "image": partial(_image, page, address),
        "heading_open": _heading_open,
        "heading_close": _heading_close,
        "th_open": _cell_open,
        "td_open": _cell_open,
        "table_open": _table_open,
        "table_close": _table_close,
        "fence": _fence,
    }
    markdown.renderer.rules.update(rules)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    return markdown


def _without_title(tokens: Sequence[Token], otherwise: str) -> tuple[str, list[Token]]:
    if tokens and tokens[0].type == "heading_open" and tokens[0].tag == "h1":
        return _text_of(tokens[1]), list(tokens[3:])
    return otherwise, list(tokens)


def _name_headings(tokens: Sequence[Token]) -> Iterator[DocsHeading]:
    taken: dict[str, int] = {}
    for place, token in enumerate(tokens):
        if token.type != "heading_open":
            continue
        text = _text_of(tokens[place + 1])
        anchor = anchor_of(text)
        count = taken[anchor] = taken.get(anchor, -1) + 1
        token.attrSet("id", f"{anchor}-{count}" if count else anchor)
        yield DocsHeading(int(token.tag[1]), str(token.attrGet("id")), text)


def _sections(tokens: Sequence[Token]) -> Iterator[Section]:
    anchor = heading = ""
    words: list[str] = []
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            yield Section(anchor, heading, _joined(words))
            anchor, heading, words = str(token.attrGet("id")), _text_of(tokens[place + 1]), []
        elif token.type in ("fence", "code_block"):
            words.append(token.content)
        elif token.type == "inline" and tokens[place - 1].type != "heading_open":
            words.append(_text_of(token))
    yield Section(anchor, heading, _joined(words))


def _joined(words: list[str]) -> str:
    return re.sub(r"\s+", " ", " ".join(words)).strip()


def _text_of(inline: Token) -> str:
    return "".join(" " if one.type in ("softbreak", "hardbreak") else one.content for one in inline.children or ())


# Rules that render tokens, called with (tokens, place, options, environment).


def _link_open(
    page: str, pages: Collection[str], address: Callable[[str], str], tokens: Sequence[Token], place: int, *_: Any
) -> str:
    link = str(tokens[place].attrGet("href") or "")
    target, anchor = (*link.split("#", 1), "")[:2]
    behind = f"#{anchor}" if anchor else ""
    if link.startswith(HERE):
        return f'<a href="{html.escape(address("").removesuffix("/docs") + link.removeprefix(HERE))}">'
    if ELSEWHERE.match(link):
        return f'<a href="{html.escape(link)}" rel="noreferrer">'
    if not target:
        return f'<a href="{html.escape(behind)}">'
    path = resolved(page, target)
    if path in FIRST_PAGES:
        return f'<a href="{html.escape(address("") + behind)}">'
    if path in pages:
        return f'<a href="{html.escape(address(name_of(path)) + behind)}">'
    _closing(tokens, place).meta["tag"] = "span"
    return f'<span class="source" title="{html.escape(path)} in the source repository">'


def _closing(tokens: Sequence[Token], place: int) -> Token:
    return next(token for token in tokens[place:] if token.type == "link_close")


def _link_close(tokens: Sequence[Token], place: int, *_: Any) -> str:
    return f"</{tokens[place].meta.get('tag', 'a')}>"


def _image(page: str, address: Callable[[str], str], tokens: Sequence[Token], place: int, *_: Any) -> str:
    token = tokens[place]
    path = resolved(page, str(token.attrGet("src") or "")).removeprefix("docs/")
    return f'<img src="{html.escape(address(path))}" alt="{html.escape(token.content)}" loading="lazy">'


def _heading_open(tokens: Sequence[Token], place: int, *_: Any) -> str:
    return f'<{tokens[place].tag} id="{html.escape(str(tokens[place].attrGet("id")))}">'


def _heading_close(tokens: Sequence[Token], place: int, *_: Any) -> str:
    opened = next(token for token in reversed(tokens[:place]) if token.type == "heading_open")
    anchor, text = html.escape(str(opened.attrGet("id"))), html.escape(_text_of(tokens[place - 1]))
    return f' <a class="anchor" href="#{anchor}" aria-label="Link to: {text}">#</a></{tokens[place].tag}>\n'


def _cell_open(tokens: Sequence[Token], place: int, *_: Any) -> str:
    """Return the tag of a cell; inline styles are forbidden by policy, and an empty heading is no heading."""
    token = tokens[place]
    if token.tag == "th" and not tokens[place + 1].content.strip():
        token.tag = tokens[place + 2].tag = "td"
    side = str(token.attrGet("style") or "").removeprefix("text-align:")
    return f'<{token.tag} class="{html.escape(side)}">' if side in ("right", "center") else f"<{token.tag}>"


def _table_open(*_: Any) -> str:
    return '<div class="wide" tabindex="0" role="group" aria-label="Table"><table>\n'


def _table_close(*_: Any) -> str:
    return "</table></div>\n"


def _fence(tokens: Sequence[Token], place: int, *_: Any) -> str:
    token = tokens[place]
    language = token.info.partition(" ")[0]
    said = html.escape(language or "text")
    return (
        f'<div class="code" data-language="{said}"><pre tabindex="0" role="group" aria-label="Code, {said}">'
        f"<code>{_highlight(token.content, language, '')}</code></pre></div>\n"
    )


def _highlight(code: str, language: str, _: str) -> str:
    from pygments import highlight, lexers
    from pygments.formatters import HtmlFormatter
    from pygments.util import ClassNotFound

    name = LANGUAGES.get(language, language)
    if not name:
        return html.escape(code)
    try:
        find: Any = lexers.get_lexer_by_name  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        lexer = find(name, stripnl=False)
    except ClassNotFound:
        return html.escape(code)
    formatter: Any = HtmlFormatter(nowrap=True)  # pyright: ignore[reportUnknownVariableType]
    return str(highlight(code, lexer, formatter))
