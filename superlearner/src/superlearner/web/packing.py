"""Compress pages and large JSON answers in a thread, for clients that accept gzip.

Small JSON answers are sent uncompressed: most are only a few hundred bytes, and none with a credential gets
near the limit. Pages contain no credentials, so the compressed length cannot reveal one.
"""

from __future__ import annotations

import asyncio
import gzip
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["LEAST_PACKED", "takes_gzip", "with_packing"]

LEAST_PACKED: Final = 8192
"""Bytes of JSON above which compression pays."""

LEAST_PAGE: Final = 1000
LEVEL: Final = 4
LEAST: Final = {"application/json": LEAST_PACKED, "text/html": LEAST_PAGE}


def takes_gzip(accepted: str) -> bool:
    """Return whether an `Accept-Encoding` accepts gzip.

    As RFC 9110, 12.5.3, except that an absent or empty header accepts nothing compressed.

    >>> takes_gzip("br, GZIP;q=0.5"), takes_gzip("*"), takes_gzip("gzip;q=0, *"), takes_gzip("")
    (True, True, False, False)
    """
    weights = dict(map(_coding, accepted.lower().split(",")))
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def _coding(words: str) -> tuple[str, float]:
    name, _, weight = words.partition(";")
    try:
        return name.strip(), float(weight.strip().removeprefix("q=") or 1)
    except ValueError:  # an invalid weight is not consent
        return name.strip(), 0.0


def with_packing(app: ASGIApp) -> ASGIApp:
    """Wrap the application to compress pages and large JSON answers.

    Answers that are sent in several pieces are left alone.
    """

    async def packing(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not takes_gzip(Headers(scope=scope).get("accept-encoding", "")):
            await app(scope, receive, send)
            return
        begun: Message | None = None

        async def pack(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start" and _is_large(message):
                begun = message
                return
            if begun is not None:
                start, begun = begun, None
                if not message.get("more_body", False):
                    body = await asyncio.to_thread(gzip.compress, message.get("body", b""), LEVEL)
                    message = {**message, "body": body}
                    headers = MutableHeaders(raw=list(start["headers"]))
                    headers["content-encoding"] = "gzip"
                    headers["content-length"] = str(len(body))
                    headers.add_vary_header("accept-encoding")
                    start = {**start, "headers": headers.raw}
                await send(start)
            await send(message)

        await app(scope, receive, pack)

    return packing


def _is_large(start: Message) -> bool:
    headers = Headers(raw=start["headers"])
    least = LEAST.get(headers.get("content-type", "").partition(";")[0])
    return least is not None and "content-encoding" not in headers and int(headers.get("content-length", 0)) >= least
