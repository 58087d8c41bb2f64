"""The web application: guard, sign-in, routes, live feed, pages, static files. Its lifespan starts nothing.

All processes belong to the supervision tree (`superlearner.app.application`); this module only answers requests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp

from superlearner.base.data_dir import command_line
from superlearner.base.throttle import Throttle
from superlearner.live.topics import TOPICS
from superlearner.live.viewer import Viewer
from superlearner.nodes.nodes import WatchedNode
from superlearner.nodes.remote import RemoteNode
from superlearner.operations.rights.homes import home_node
from superlearner.operations.rights.ownership import is_refused, seen_node
from superlearner.web import pages
from superlearner.web.access_log import with_access_log
from superlearner.web.bodies import limits_of
from superlearner.web.errors import install_error_handlers
from superlearner.web.guard import Guard
from superlearner.web.live import OF_PLATFORM, serve_viewer, source_of
from superlearner.web.pacing import Pacing
from superlearner.web.packing import with_packing
from superlearner.web.page_templates import render_page
from superlearner.web.platform import Platform, Readiness
from superlearner.web.prefix import with_prefix_left
from superlearner.web.refusals import record_refusal
from superlearner.web.rest import routes_of
from superlearner.web.sign_in import SIGN_IN, SignIn
from superlearner.web.socket_connection import COMPRESSED
from superlearner.web.strict_json import SafeJSONResponse
from superlearner.web.visitors import user_of

if TYPE_CHECKING:
    from superlearner.settings.settings import Settings

__all__ = ["create_app", "create_routes"]

GOING_AWAY = 1001
TRY_AGAIN_LATER = 1013
NODE_GONE = 4404
"""Close code: the node is not attached; reconnecting helps if it comes back."""


def create_app(platform: Platform, readiness: Readiness) -> ASGIApp:
    """Create the application of one platform, with its guard and sign-in."""
    app = create_routes(platform, readiness)
    settings = platform.settings
    guarded = Guard(
        with_packing(_with_sign_in(app, platform)),
        allowed_hosts=platform.addresses.hosts,
        limits=limits_of(platform.configuration),
        form_paths=() if platform.credentials is None else (SIGN_IN,),
        host_page=_host_page(platform),
    )
    logged = with_access_log(guarded, platform.configuration)
    served = with_prefix_left(logged, settings.root_path, app.routes)
    if not settings.trusted_proxies:
        return served
    from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

    behind: Any = ProxyHeadersMiddleware(served, list(settings.trusted_proxies))  # pyright: ignore[reportArgumentType]
    return behind


def create_routes(platform: Platform, readiness: Readiness) -> FastAPI:
    """Create the routes of one platform."""
    app = FastAPI(
        openapi_url=None,  # the document is at /api/v1/arsenal/docs, the same for all users
        docs_url=None,
        redoc_url=None,
        default_response_class=SafeJSONResponse,
    )
    app.state.platform = platform
    install_error_handlers(app)
    app.router.routes.append(routes_of(tuple(platform.arsenal)))
    _add_health(app, readiness)
    _add_metrics(app, platform)
    _add_live(app, platform)
    pages.install(app, platform, readiness)
    return app


def _with_sign_in(app: ASGIApp, platform: Platform) -> ASGIApp:
    settings = platform.settings
    if platform.credentials is None:
        if settings.requires_credentials:  # better no service than an open one
            raise RuntimeError("credentials are required but missing; this is a bug in SuperLearner, please report it")
        return app
    return SignIn(
        app,
        platform.credentials,
        port=platform.listener.port,
        root_path=settings.root_path,
        version=platform.version,
        required=settings.requires_credentials,
        tokens=platform.tokens,
        accounts=platform.accounts,
        audit=platform.audit,
        pacing=Pacing(_calls(settings), platform.quotas),
        cli=command_line(settings.data_dir),
    )


def _host_page(platform: Platform) -> Callable[[str], Response]:
    """Return what makes the page for a browser that came by a host that is not allowed."""

    def page(host: str) -> Response:
        shown = {"root": platform.settings.root_path, "version": platform.version, "pages": (), "page": "error"}
        shown |= {"title": "This address is not allowed", "host": host or "none"}
        return HTMLResponse(render_page("host_refused.html", shown), 403, headers={"cache-control": "no-store"})

    return page


def _calls(settings: Settings) -> Throttle | None:
    """Return the limit on the rate of calls from other machines."""
    if settings.calls_per_second == 0:
        return None
    return Throttle(burst=settings.calls_at_once, every=1 / settings.calls_per_second)


def _add_health(app: FastAPI, readiness: Readiness) -> None:
    """Add the health routes for monitoring; they are outside the API and its envelope."""

    @app.api_route("/health/live", methods=["GET", "HEAD"], include_in_schema=False)
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @app.api_route("/health/ready", methods=["GET", "HEAD"], include_in_schema=False)
    async def ready() -> JSONResponse:
        missing = readiness.missing_parts() or await readiness.silent_trees()
        if missing:
            return JSONResponse({"status": "not ready", "missing": missing}, 503)
        return JSONResponse({"status": "ready"})


def _add_metrics(app: FastAPI, platform: Platform) -> None:
    """Add the route that Prometheus scrapes; it takes a credential like a page."""
    exposition: Any = None

    @app.api_route("/metrics", methods=["GET", "HEAD"], include_in_schema=False)
    async def metrics(request: Request) -> Response:
        nonlocal exposition
        if exposition is None:
            from superlearner.observing.monitoring.prometheus import Exposition

            exposition = Exposition(platform.figures())
        await platform.node_figures.read()
        content, media = exposition.scrape(request.headers.get("accept", ""))
        return Response(content, headers={"content-type": media, "cache-control": "no-store"})


def _add_live(app: FastAPI, platform: Platform) -> None:
    """Add the web sockets of the pages."""
    looking = 0
    shown: dict[Viewer, WatchedNode | RemoteNode] = {}

    def keep(nodes: Iterable[WatchedNode | RemoteNode]) -> None:
        """Close the viewers of nodes that were detached."""
        left = set(nodes)
        for viewer, watched in list(shown.items()):
            if watched not in left:
                viewer.close()

    platform.nodes.listen(keep)

    def tell(what: str, change: int, topic: str) -> None:
        nonlocal looking
        looking += change
        platform.telemetry.execute(f"live.{what}", {"viewers": looking}, {"topic": topic})

    def add(name: str) -> None:
        async def serve(socket: WebSocket) -> None:
            asked, user = socket.query_params, user_of(socket)
            of_platform = name in OF_PLATFORM
            node = platform.node.name if of_platform else asked.get("node")
            if node is None and user.only_own:
                node = home_node(user)
            watched = platform.nodes.find(node) if of_platform else seen_node(platform.nodes, user, node)
            if watched is None and is_refused(platform.nodes, platform.sandboxes, user, node):
                record_refusal(platform.audit, socket, "web.live", f"/live/{name}")
            source = None if watched is None else await source_of(platform, name, watched, asked, user)
            await socket.accept()
            if source is None:
                gone = watched is None and (node or platform.nodes.default) is not None
                await socket.close(NODE_GONE if gone else TRY_AGAIN_LATER)
                return
            tell("joined", 1, name)
            viewer = source.attach()
            if COMPRESSED in socket.scope["extensions"]:
                viewer.compress()
            if watched is not None and name not in OF_PLATFORM:
                shown[viewer] = watched
                keep(platform.nodes)  # it may have been detached just now
            try:
                await serve_viewer(socket, source, viewer)
                gone = platform.nodes.find(node) is not watched
                await socket.close(NODE_GONE if gone else GOING_AWAY)
            except (WebSocketDisconnect, RuntimeError):
                pass  # the tab was closed, perhaps in the middle of a frame
            finally:
                shown.pop(viewer, None)
                tell("left", -1, name)

        handler: Any = serve
        app.add_api_websocket_route(f"/live/{name}", handler)

    for name in (*OF_PLATFORM, *TOPICS):
        add(name)
