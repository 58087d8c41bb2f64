"""The pages: server-made shells, filled by the live feed and the API. And the static files."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from superlearner.web.api_pages import install_api_docs
from superlearner.web.docs_pages import install_docs
from superlearner.web.errors import ApiError
from superlearner.web.visitors import is_signed_in

if TYPE_CHECKING:
    from superlearner.running import Platform

__all__ = ["install", "make_templates"]

FOLDER: Final = Path(__file__).parent
PAGES: Final = (
    {"id": "supervisors", "href": "/supervisors", "label": "Supervisors"},
    {"id": "docs", "href": "/docs", "label": "Docs"},
)
HEADINGS: Final = {403: "Not allowed", 404: "There is no such page", 405: "Not like this", 500: "This is our bug"}

# The operating system's table of types may say something else, or nothing.
mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("font/woff2", ".woff2")


class OwnFiles(StaticFiles):
    """Static files that a browser asks for again each time; the answer is 304 unless they changed."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """As Starlette's, with our caching."""
        response = super().file_response(*args, **kwargs)
        response.headers["cache-control"] = "no-cache"
        return response


def make_templates() -> Environment:
    """The templates of all pages: what is put into them is text, and a name that is missing is an error."""
    return Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
    )


def install(app: FastAPI, platform: Platform) -> None:
    """Add pages, static files and the page for errors."""
    templates = make_templates()

    def render(template: str, code: int = 200, **values: Any) -> HTMLResponse:
        shown = {"root": platform.settings.root_path, "version": platform.version, "pages": PAGES}
        node = platform.running_node().name
        html = templates.get_template(template).render(**shown, node=node, **values)
        return HTMLResponse(html, code, headers={"cache-control": "no-store"})

    async def error_page(request: Request, error: ApiError) -> Response:
        del request
        hint = error.details[0]["hint"] if error.details else None
        return render(
            "error.html",
            error.status,
            page="error",
            title="Error",
            status=error.status,
            heading=HEADINGS.get(error.status, "That did not work"),
            message=error.message,
            hint="The supervision tree is at /supervisors." if error.code == "operation_not_found" else hint,
        )

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def index() -> RedirectResponse:
        return RedirectResponse(f"{platform.settings.root_path}/supervisors", 307)

    @app.api_route("/supervisors", methods=["GET", "HEAD"], include_in_schema=False)
    async def supervisors(request: Request) -> HTMLResponse:
        can_sign_out = platform.settings.asks_for_credentials and is_signed_in(request)
        return render("supervisors.html", page="supervisors", title="Supervision tree", can_sign_out=can_sign_out)

    install_docs(app, platform, render)
    install_api_docs(app, platform, render)
    app.state.error_page = error_page
    app.mount("/static", OwnFiles(directory=FOLDER / "static", check_dir=False), name="static")
