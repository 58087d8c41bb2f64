"""The envelope of every answer under `/api/v1`: `{"data": …, "meta": …?, "success": true, "timestamp": …}`."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import BaseModel, Field

from superlearner.control.clock import timestamp

__all__ = ["Envelope", "Page", "PageEnvelope", "page_of", "timestamp"]

T = TypeVar("T")


class Envelope(BaseModel, Generic[T]):
    """An answer with a single value."""

    data: T
    success: bool = True
    timestamp: str = Field(default_factory=timestamp)


class Page(BaseModel):
    """The position of a page in its list."""

    total: int
    page: int
    per_page: int
    total_pages: int


class PageEnvelope(BaseModel, Generic[T]):
    """A page of a list; one past the end is empty, not an error."""

    data: list[T]
    meta: Page
    success: bool = True
    timestamp: str = Field(default_factory=timestamp)


def page_of(items: list[T], page: int, per_page: int) -> PageEnvelope[T]:
    """Return page number `page` (from 1) of `items`.

    >>> page_of([1, 2, 3], 2, 2).data
    [3]
    """
    total = len(items)
    start = (page - 1) * per_page
    meta = Page(total=total, page=page, per_page=per_page, total_pages=-(-total // per_page))
    return PageEnvelope(data=items[start : start + per_page], meta=meta)
