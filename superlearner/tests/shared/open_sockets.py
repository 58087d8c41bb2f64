"""Web sockets that are connected directly to the application, without a server in between."""

from __future__ import annotations

import asyncio
from typing import Any

__all__ = ["OpenSocket"]


class OpenSocket:
    """A web socket connected directly to the application."""

    def __init__(
        self, platform: Any, headers: dict[str, str], path: str = "/live/supervisors", query: str = ""
    ) -> None:
        self.accepted = asyncio.Event()
        self.code: int | None = None
        raw = [(name.encode(), value.encode()) for name, value in {"host": "localhost", **headers}.items()]
        scope = {"type": "websocket", "scheme": "ws", "path": path, "headers": raw, "root_path": ""}
        scope |= {"client": ("127.0.0.1", 1), "query_string": query.encode(), "subprotocols": [], "extensions": {}}
        opening = [{"type": "websocket.connect"}]

        async def receive() -> Any:
            return opening.pop() if opening else await asyncio.Event().wait()

        async def send(message: Any) -> None:
            if message["type"] == "websocket.accept":
                self.accepted.set()
            elif message["type"] == "websocket.close":
                self.code = message["code"]

        self.task = asyncio.ensure_future(platform.running.web.app(scope, receive, send))

    async def closed(self) -> int | None:
        """Return the close code, once it is closed."""
        await self.task
        return self.code
