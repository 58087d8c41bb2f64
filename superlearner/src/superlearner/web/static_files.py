"""Static files: cached for a year under a versioned address, revalidated under the plain one."""

from __future__ import annotations

import gzip
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from superlearner.web.packing import takes_gzip
from superlearner.web.static_tree import COMMENT, StaticTree

__all__ = ["OwnFiles"]

LEAST: Final = 1000
"""Bytes below which compression does not pay."""
PACKED: Final = ("text/", "image/svg", "application/json")
AGAIN: Final = "no-cache"
FOR_A_YEAR: Final = "public, max-age=31536000, immutable"


class OwnFiles(StaticFiles):
    """The files of a tree, each under two addresses.

    A browser keeps `/static/<version>/shell.js` without asking again. It requests `/static/shell.js` each time, and
    the answer is 304 unless the file changed. The same holds under an outdated version, which a page from before an
    update still uses.

    Clients that accept gzip get text compressed, at a third of its size; a page has some fifty modules. Each version of
    a file is compressed once; our modules without their comments, with the same lines.
    """

    def __init__(self, tree: StaticTree) -> None:
        super().__init__(directory=tree.folder, check_dir=False)
        self._tree = tree
        self._packed: dict[str, tuple[int, bytes]] = {}

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file as Starlette does; the path may begin with a version."""
        version, name = self._tree.split(path)
        response = await super().get_response(name, scope)
        if version is not None and self._tree.is_current(version, name):
            response.headers["cache-control"] = FOR_A_YEAR
        return response

    def file_response(
        self, full_path: Any, stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """Return a file as Starlette does, with our caching headers, and compressed."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["cache-control"] = AGAIN
        if not isinstance(response, FileResponse) or not (response.media_type or "").startswith(PACKED):
            return response
        response.headers["vary"] = "accept-encoding"
        if stat_result.st_size < LEAST or not takes_gzip(Headers(scope=scope).get("accept-encoding", "")):
            # read here: a `FileResponse` leaves the file open if its client disconnects early
            return Response(Path(full_path).read_bytes(), status_code, _without_ranges(response.headers))
        body = self._pack(str(full_path), stat_result.st_mtime_ns)
        # weak: the same text as the file's own tag, not the same bytes
        headers = {**response.headers, "content-encoding": "gzip", "etag": f"W/{response.headers['etag']}"}
        return Response(body, status_code, _without_ranges(headers))

    def _pack(self, path: str, version: int) -> bytes:
        known = self._packed.get(path)
        if known is not None and known[0] == version:
            return known[1]
        content = Path(path).read_bytes()
        if path.endswith(".js") and "/vendor/" not in path:
            content = COMMENT.sub(lambda found: "\n" * found[0].count("\n"), content.decode()).encode()
        packed = gzip.compress(content, mtime=0)
        self._packed[path] = version, packed
        return packed


def _without_ranges(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a response that is sent whole, which gets its length from its body."""
    return {name: value for name, value in headers.items() if name not in ("content-length", "accept-ranges")}
