"""What the operations on the documentation answer."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from superlearner.teaching.manual import DocsHeading

__all__ = ["DocsHit", "DocsLine", "DocsPage"]


class DocsLine(BaseModel):
    """A page of the documentation."""

    page: Annotated[str, Field(description="its name", examples=["behaviours/supervisor"])]
    title: str
    about: Annotated[str, Field(description="what it is about, in a line")]
    part: Annotated[str, Field(description="the subject it belongs to")]
    path: Annotated[str, Field(description="where the platform shows it")]


class DocsPage(BaseModel):
    """A page with its text."""

    page: str
    title: str
    part: str | None
    path: str
    headings: tuple[DocsHeading, ...]
    before: Annotated[str | None, Field(description="the page before it, in the order of reading")]
    after: str | None
    markdown: str


class DocsHit(BaseModel):
    """A section that was found."""

    title: Annotated[str, Field(description="of the page")]
    heading: Annotated[str, Field(description="of the section; empty for the beginning of a page")]
    path: Annotated[str, Field(description="where the platform shows it, with the anchor")]
    excerpt: str
    marks: Annotated[list[list[int]], Field(description="begin and end of the words that were found in the excerpt")]
    score: float
