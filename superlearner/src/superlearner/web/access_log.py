"""The access log: method, path, status and time of requests, but no query."""

from __future__ import annotations

import logging
import re
import time
from typing import Final
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from superlearner.observing.logs import ACCESS
from superlearner.settings.configuration import Configuration

__all__ = ["with_access_log"]

LINK: Final = re.compile(r"(/sign-in/)(?!link$).+")
log: Final = logging.getLogger(ACCESS)


def with_access_log(app: ASGIApp, configuration: Configuration) -> ASGIApp:
    """Wrap the application to log requests that arrive while `access_log` is set.

    The query and the code of a sign-in link are left out.
    """

    async def logged(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not configuration.current.access_log:
            await app(scope, receive, send)
            return
        begun = time.perf_counter()
        status = 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await app(scope, receive, watched)
        finally:
            client = scope.get("client")
            log.info(
                "%s %s %s %d in %.1f ms",
                client[0] if client else "-",
                scope["method"],
                quote(LINK.sub(r"\1***", scope["path"][:500]), safe="/<>:@.*"),
                status,
                (time.perf_counter() - begun) * 1000,
            )

    return logged
