"""The prefix under which a proxy has us: it may take it from a path before we see that, or leave it."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["with_prefix_left"]


def with_prefix_left(app: ASGIApp, root_path: str, routes: Iterable[BaseRoute]) -> ASGIApp:
    """The application, which is also asked by paths with the prefix: by such a proxy, and by who is on this machine.

    The server puts the prefix before whatever comes, so what has it already has it twice then. A prefix that is the
    beginning of a route of ours says nothing; there, the proxy has to take it away.
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
