"""Support for a path prefix that a proxy strips or leaves in place."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["with_prefix_left"]


def with_prefix_left(app: ASGIApp, root_path: str, routes: Iterable[BaseRoute]) -> ASGIApp:
    """Wrap the application to also accept paths with the prefix.

    The server adds the prefix to every path, so a path that had it already then has it twice. A prefix that equals the
    beginning of one of our routes is ambiguous; then the proxy must strip it.
    """
    ours = {path.split("/")[1] for route in routes if (path := str(getattr(route, "path", ""))).startswith("/")}
    if not root_path or root_path.split("/")[1] in ours:
        return app
    prefix, twice = root_path.encode(), root_path * 2

    async def asked(scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        if path == twice or path.startswith(f"{twice}/"):
            raw: bytes = scope.get("raw_path") or b""
            scope = {**scope, "path": path.removeprefix(root_path), "raw_path": raw.removeprefix(prefix)}
            if path == twice:
                scope |= {"path": f"{root_path}/", "raw_path": prefix + b"/"}
        await app(scope, receive, send)

    return asked
