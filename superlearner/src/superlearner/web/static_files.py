"""The static files: asked for again each time, sent packed, and not at all while they are the same."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from superlearner.web.packing import takes_gzip

__all__ = ["OwnFiles"]

LEAST: Final = 1000
"""Bytes below which packing saves nothing worth it."""
PACKED: Final = ("text/", "image/svg", "application/json")


class OwnFiles(StaticFiles):
    """Static files that a browser asks for again each time; the answer is 304 unless they changed.

    Text goes out as gzip to who takes it: a page is some fifty modules of three times that size. Each file is packed
    once a version of it.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._packed: dict[str, tuple[int, bytes]] = {}

    def file_response(
        self, full_path: Any, stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """As Starlette's, with our caching, and packed."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["cache-control"] = "no-cache"
        if not isinstance(response, FileResponse) or not (response.media_type or "").startswith(PACKED):
            return response
        response.headers["vary"] = "accept-encoding"
        if stat_result.st_size < LEAST or not takes_gzip(Headers(scope=scope).get("accept-encoding", "")):
            return response
        body = self._pack(str(full_path), stat_result.st_mtime_ns)
        # weak: it stands for the same text as the file's own, not for the same bytes
        headers = {**response.headers, "content-encoding": "gzip", "etag": f"W/{response.headers['etag']}"}
        del headers["content-length"]
        headers.pop("accept-ranges", None)
        return Response(body, status_code, headers)

    def _pack(self, path: str, version: int) -> bytes:
        known = self._packed.get(path)
        if known is not None and known[0] == version:
            return known[1]
        packed = gzip.compress(Path(path).read_bytes(), mtime=0)
        self._packed[path] = version, packed
        return packed
