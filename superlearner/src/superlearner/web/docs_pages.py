"""The documentation in the browser: `/docs`, its pages, pictures and search."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from starlette.responses import Response

from superlearner.teaching.manual import Hit, NoSuchPage
from superlearner.web.errors import ApiError

if TYPE_CHECKING:
    from superlearner.web.platform import Platform

__all__ = ["Render", "install_docs", "marked"]

Render = Callable[..., HTMLResponse]
LONGEST_QUESTION = 200


def install_docs(app: FastAPI, platform: Platform, render: Render) -> None:
    """Add the pages of the documentation.

    Args:
        app: gets the routes.
        platform: the platform whose manual is shown.
        render: renders a template with values.
    """
    manual = platform.manual

    def show(request: Request, template: str, **values: Any) -> HTMLResponse:
        shown = {"current": "", "question": ""} | values
        return render(request, template, page="docs", parts=manual.parts(), **shown)

    @app.api_route("/docs", methods=["GET", "HEAD"], include_in_schema=False)
    async def contents(request: Request, q: str = "") -> Response:
        if q.strip():
            return RedirectResponse(f"{manual.address('search')}?{urlencode({'q': q})}", 307)
        try:
            drawn = await manual.page("")
        except NoSuchPage:
            raise ApiError(
                404, "page_not_found", "this installation does not include the documentation", hint="reinstall it"
            ) from None
        return show(request, "docs_contents.html", title=drawn.title, drawn=drawn)

    @app.api_route("/docs/search", methods=["GET", "HEAD"], include_in_schema=False)
    async def search(request: Request, q: str = "") -> Response:
        question = q.strip()[:LONGEST_QUESTION]
        hits = await manual.search(question, 30) if question else []
        shown = [(hit, list(marked(hit))) for hit in hits]
        return show(request, "docs_search.html", title=question or "Search", question=question, hits=shown)

    @app.api_route("/docs/{name:path}", methods=["GET", "HEAD"], include_in_schema=False)
    async def page(request: Request, name: str) -> Response:
        picture = manual.picture(name)
        if picture is not None:
            path, kind = picture
            return FileResponse(path, media_type=kind, headers={"cache-control": "no-cache"})
        if name.endswith((".md", "/")) or not name:
            return RedirectResponse(manual.address(_without_ending(name)), 307)
        if (moved := manual.moved_to(name)) is not None:
            return RedirectResponse(moved, 307)
        try:
            drawn = await manual.page(name)
        except NoSuchPage as error:
            near = "all pages are at /docs" if error.near is None else f"did you mean /docs/{error.near}?"
            raise ApiError(404, "page_not_found", str(error), hint=near) from None
        part, before, after = manual.around(name)
        return show(
            request,
            "docs_page.html",
            title=drawn.title,
            current=name,
            drawn=drawn,
            part=part,
            before=before,
            after=after,
        )


def marked(hit: Hit) -> Iterator[tuple[str, bool]]:
    """Yield the excerpt of a hit in pieces: the text, and whether it matched."""
    end = 0
    for left, right in _apart(hit.marks):
        if left > end:
            yield hit.excerpt[end:left], False
        yield hit.excerpt[left:right], True
        end = right
    if end < len(hit.excerpt):
        yield hit.excerpt[end:], False


def _apart(marks: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    return sorted(set(marks))


def _without_ending(name: str) -> str:
    return name.removesuffix("/").removesuffix(".md").removesuffix("/README").removesuffix("README")
