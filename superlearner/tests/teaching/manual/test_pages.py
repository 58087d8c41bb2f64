"""The pages of the documentation, as the product shows them: all are listed, all links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from superlearner.teaching.manual import Manual, NoSuchPage
from superlearner.teaching.manual.moved import MOVED
from superlearner.teaching.manual.rendering import Rendered, render
from superlearner.teaching.manual.sources import CONTENTS, Sources, name_of, resolved

SOURCES = Sources()
PAGES = SOURCES.pages()
OUTSIDE = re.compile(r"[a-z]+:|//")
RESERVED = {"search"}
OLD_ANCHORS = {
    "attach": {"permissions", "access-control", "what-it-costs"},
    "debugging": {"trace-and-log-a-server", "suspend-a-server", "redaction"},
    "message-tracing": {"what-a-trace-keeps", "reports", "what-it-costs", "recordings"},
    "replay": set[str](),
}


def drawn(page: str, text: str) -> Rendered:
    return render(page, text, PAGES, lambda name: f"/docs/{name}")


def test_every_page_is_in_a_part_of_the_list_of_contents() -> None:
    """A new page needs a line in docs/README.md, below the subject where readers would look for it."""
    listed = [entry.page for entry in Manual().entries()]
    assert set(PAGES) == set(listed)
    assert sorted(set(listed)) == sorted(listed)


def test_every_part_says_what_its_pages_are_about() -> None:
    assert [] == [
        entry.name for part in Manual().parts() for entry in part.entries if not entry.about and not entry.below
    ]


@pytest.mark.parametrize("name", MOVED)
def test_a_former_page_is_read_by_its_old_name_and_its_old_anchors_are_kept(name: str) -> None:
    """Old anchors: those that links and bookmarks used most, on the page that has their text now."""
    target, _, anchor = MOVED[name].partition("#")
    manual = Manual()
    assert manual.draw(name) is manual.draw(target)
    assert {*OLD_ANCHORS[name], *filter(None, [anchor])} <= manual.draw(target).anchors
    assert name not in manual.names()


def test_no_name_of_a_page_is_taken() -> None:
    names = [name_of(page) for page in PAGES]
    assert sorted(set(names)) == sorted(names)
    assert not {*RESERVED, *MOVED} & set(names)


def test_every_link_of_every_page_leads_to_a_page_and_a_heading_or_a_file() -> None:
    texts = {page: SOURCES.text(page) for page in (*PAGES, CONTENTS)}
    all_drawn = {page: drawn(page, text) for page, text in texts.items()}
    dead: list[tuple[str, str]] = []
    for page, one in all_drawn.items():
        for link in one.links:
            if OUTSIDE.match(link):
                continue
            target, _, anchor = link.partition("#")
            path = resolved(page, target) if target else page
            if path in all_drawn:
                good = not anchor or anchor in all_drawn[path].anchors
            else:
                good = not anchor and (Path(__file__).parents[4] / path).exists()
            if not good:
                dead.append((page, link))
    assert [] == dead
    assert 100 < sum(len(one.links) for one in all_drawn.values())


def test_a_dead_link_is_seen() -> None:
    page = drawn("docs/a.md", "[one](library.md#nothing) [two](nothing.md) ![three](pictures/layers.svg)")
    assert ("library.md#nothing", "nothing.md", "pictures/layers.svg") == page.links


@pytest.mark.parametrize("page", PAGES)
def test_every_page_begins_with_its_title(page: str) -> None:
    assert SOURCES.text(page).startswith("# ")


def test_links_between_pages_work_and_those_to_sources_become_names() -> None:
    html = drawn(
        "docs/behaviours/task.md",
        "[a](../library.md#a-server) [b](supervisor.md) [c](../../examples/bank.py) [d](../README.md) [e](#x)\n"
        "[f](../../CHANGELOG.md) [g](https://example.org/) ![h](../pictures/layers.svg)",
    ).html
    for expected in (
        'href="/docs/library#a-server"', 'href="/docs/behaviours/supervisor"', 'href="/docs/"', 'href="#x"',
        'href="/docs/changelog"', 'href="https://example.org/" rel="noreferrer"', 'src="/docs/pictures/layers.svg"',
        '<span class="source" title="examples/bank.py in the source repository">c</span>',
    ):  # fmt: skip
        assert expected in html


def test_a_page_is_text_and_never_markup_of_its_own() -> None:
    one = drawn(
        "docs/a.md",
        '# T\n\n<script>alert(1)</script>\n\n[x](javascript:alert) <b onclick="x">\n\n| a |\n| --: |\n| 1 |',
    )
    assert "<script" not in one.html
    assert "<b " not in one.html
    assert 'href="javascript' not in one.html
    assert "style=" not in one.html  # the content policy takes no inline style
    assert '<td class="right">' in one.html


def test_headings_have_anchors_and_two_of_one_name_differ() -> None:
    one = drawn("docs/a.md", "# Title\n\n## What `run` takes, always\n\ntext\n\n## Again\n\n### Again\n")
    assert "Title" == one.title
    assert ["what-run-takes-always", "again", "again-1"] == [heading.anchor for heading in one.headings]
    assert ["", "What run takes, always", "Again", "Again"] == [section.heading for section in one.sections]
    assert "text" == one.sections[1].text


def test_code_is_coloured_without_inline_style() -> None:
    html = drawn("docs/a.md", "```python\ndef f(): return '<b>'\n```\n\n```nothing-known\n<x>\n```").html
    assert '<span class="k">def</span>' in html
    assert "&lt;b&gt;" in html
    assert "&lt;x&gt;" in html


def test_a_page_that_is_not_there_names_one_that_may_be_meant() -> None:
    manual = Manual()
    with pytest.raises(NoSuchPage) as missing:
        manual.draw("supervisor")
    assert "behaviours/supervisor" == missing.value.near
    for name in ("../SECURITY", "/etc/passwd", "README.md"):
        with pytest.raises(NoSuchPage):
            manual.draw(name)
    assert manual.picture("../docs/../superlearner/src/superlearner/web/static/icon.svg") is None
    assert manual.picture("pictures/layers.svg") is not None


def test_an_installation_without_its_pages_says_so(tmp_path: Path) -> None:
    manual = Manual(tmp_path)
    assert () == manual.parts()
    assert [] == manual.find("supervisor")
    with pytest.raises(NoSuchPage):
        manual.draw("")


def test_pages_are_read_one_after_the_other() -> None:
    manual = Manual()
    names = [entry.name for entry in manual.entries()]
    part, before, after = manual.around(names[1])
    assert part is not None
    assert before is not None
    assert after is not None
    assert (names[0], names[2]) == (before.name, after.name)
    assert manual.around(names[0])[1] is None
    assert manual.around(names[-1])[2] is None
    first = next(place for place, name in enumerate(names) if name == "contributing")
    assert manual.around(names[first - 1])[2] is None  # a learner's way ends before the pages for contributors
    assert manual.around(names[first])[1] is None
