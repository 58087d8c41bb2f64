"""The web application: guard, sign-in, routes, live feed, pages, static files. Its lifespan starts nothing.

What runs belongs to the supervision tree (`superlearner.application`); this only answers.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp

from superlearner.arsenal.adapters.rest import router_of
from superlearner.web import pages
from superlearner.web.described import error_schemas
from superlearner.web.errors import install_error_handlers
from superlearner.web.guard import Guard
from superlearner.web.json_response import SafeJSONResponse
from superlearner.web.live import serve_viewer
from superlearner.web.sign_in import SIGN_IN, SignIn

if TYPE_CHECKING:
    from superlearner.running import Platform

__all__ = ["create_app"]

DESCRIPTION = "See, steer and learn supervision trees. Every answer has the same envelope; errors have stable codes."
GOING_AWAY = 1001
TRY_AGAIN_LATER = 1013


def create_app(platform: Platform) -> ASGIApp:
    """The application of one platform, behind its guard and, where it asks for credentials, behind its door."""
    app = FastAPI(
        title="SuperLearner API",
        version=platform.version,
        description=DESCRIPTION,
        openapi_url=None,  # the document is at /api/v1/arsenal/docs, the same one for everybody
        docs_url=None,
        redoc_url=None,
        default_response_class=SafeJSONResponse,
        servers=[{"url": platform.settings.root_path or "/"}],
    )
    app.state.platform = platform
    install_error_handlers(app)
    app.include_router(router_of(platform))
    platform.openapi = partial(_document, app)
    _add_health(app, platform)
    _add_live(app, platform)
    pages.install(app, platform)
    settings = platform.settings
    return Guard(
        _behind_its_door(app, platform),
        allowed_hosts=(*settings.allow_host, settings.host),
        max_body=settings.max_body,
        form_paths=() if platform.credentials is None else (SIGN_IN,),
    )


def _document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document; it is made once, when somebody asks for it."""
    made = app.openapi_schema is not None
    document = app.openapi()
    if not made:
        document["components"]["schemas"] |= error_schemas()
    return document


def _behind_its_door(app: ASGIApp, platform: Platform) -> ASGIApp:
    settings = platform.settings
    if platform.credentials is None:
        if settings.asks_for_credentials:  # rather not at all than open to everybody
            raise RuntimeError(
                "credentials are needed and there are none; this is a bug of SuperLearner, please report it"
            )
        return app
    port = platform.listener.port if platform.listener is not None else settings.port
    return SignIn(
        app,
        platform.credentials,
        port=port,
        root_path=settings.root_path,
        version=platform.version,
        required=settings.asks_for_credentials,
    )


def _add_health(app: FastAPI, platform: Platform) -> None:
    """Open routes for whoever looks after the program; outside of the API and its envelope."""

    @app.api_route("/health/live", methods=["GET", "HEAD"], include_in_schema=False)
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @app.api_route("/health/ready", methods=["GET", "HEAD"], include_in_schema=False)
    async def ready() -> JSONResponse:
        missing = platform.missing_parts()
        if missing:
            return JSONResponse({"status": "not ready", "missing": missing}, 503)
        return JSONResponse({"status": "ready"})


def _add_live(app: FastAPI, platform: Platform) -> None:
    async def supervisors(socket: WebSocket) -> None:
        hub = platform.hub
        await socket.accept()
        if hub is None:
            await socket.close(TRY_AGAIN_LATER)
            return
        try:
            await serve_viewer(socket, hub)
            await socket.close(GOING_AWAY)
        except (WebSocketDisconnect, RuntimeError):
            pass  # the tab is closed, perhaps in the middle of a frame

    handler: Any = supervisors
    app.add_api_websocket_route("/live/supervisors", handler)
