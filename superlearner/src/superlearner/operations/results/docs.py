"""Result models of the documentation."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from superlearner.operations.results.result import ResultModel
from superlearner.teaching.manual import DocsHeading

__all__ = ["DocsHit", "DocsLine", "DocsPage"]


class DocsLine(ResultModel):
    """A page of the documentation."""

    page: Annotated[str, Field(description="its name", examples=["behaviours/supervisor"])]
    title: str
    about: Annotated[str, Field(description="its subject in a line")]
    part: Annotated[str, Field(description="the part of the documentation")]
    path: Annotated[str, Field(description="its address on the platform")]


class DocsPage(ResultModel):
    """A page with its text."""

    page: str
    title: str
    part: str | None
    path: str
    headings: tuple[DocsHeading, ...]
    before: Annotated[str | None, Field(description="the previous page in reading order")]
    after: str | None
    markdown: str


class DocsHit(ResultModel):
    """A section found by a search."""

    title: Annotated[str, Field(description="title of the page")]
    heading: Annotated[str, Field(description="heading of the section; empty for the beginning of a page")]
    path: Annotated[str, Field(description="its address on the platform, with the anchor")]
    excerpt: str
    marks: Annotated[list[list[int]], Field(description="start and end of each found word in the excerpt")]
    score: float
