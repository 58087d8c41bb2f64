"""The documentation of the `/docs` page: pages and search."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from superlearner.operations.declaration import Picker, operation
from superlearner.operations.failures import OperationError
from superlearner.operations.results.docs import DocsHit, DocsLine, DocsPage
from superlearner.teaching.manual import Manual, NoSuchPage, current

PageText = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        description="the name of a page, see docs.list",
        examples=["library", "behaviours/supervisor"],
    ),
    Picker("page"),
]
Question = Annotated[
    str,
    Field(min_length=1, max_length=200, description="words or their beginnings", examples=["restart intensity"]),
]


@operation(
    "docs.list", http=("GET", "/docs/pages"), scope="read", on="platform", of="everyone", short="page title about"
)
async def pages(
    manual: Manual,
    /,
    contributors: Annotated[bool, Field(description="also the pages for contributors")] = False,
) -> list[DocsLine]:
    """List the pages of the documentation.

    In reading order, by subject.
    """
    return [
        DocsLine(page=one.name, title=one.title, about=one.about, part=part.title, path=manual.address(one.name))
        for part in manual.parts()
        if contributors or not part.for_contributors
        for one in part.pages()
    ]


@operation(
    "docs.page",
    http=("GET", "/docs/pages/{page:path}"),
    scope="read",
    on="platform",
    of="everyone",
    errors=("page_not_found",),
    short="markdown",
)
async def page(manual: Manual, /, page: PageText) -> DocsPage:
    """Read a page of the documentation.

    As Markdown, with its headings and the pages before and after it.
    """
    page = current(page)
    try:
        drawn, text = await manual.page(page), await manual.markdown(page)
    except NoSuchPage as error:
        hint = "see GET /api/v1/docs/pages" if error.near is None else f"did you mean {error.near}?"
        raise OperationError("page_not_found", str(error), hint=hint) from None
    part, before, after = manual.around(page)
    return DocsPage(
        page=page,
        title=drawn.title,
        part=None if part is None else part.title,
        path=manual.address(page),
        headings=drawn.headings,
        before=None if before is None else before.name,
        after=None if after is None else after.name,
        markdown=text,
    )


@operation("docs.search", http=("GET", "/docs/search"), scope="read", on="platform", of="everyone",
           short="title heading excerpt path")  # fmt: skip
async def search(
    manual: Manual, /, q: Question, limit: Annotated[int, Field(ge=1, le=100, description="the most hits")] = 10
) -> list[DocsHit]:
    """Search the documentation.

    Returns sections, best first. The beginning of a word is enough, and small typos are tolerated.
    """
    return [
        DocsHit(
            title=hit.title,
            heading=hit.heading,
            path=hit.address,
            excerpt=hit.excerpt,
            marks=[list(mark) for mark in hit.marks],
            score=hit.score,
        )
        for hit in await manual.search(q, limit)
    ]
