"""JSON answers that no text can break: what UTF-8 has no place for is written as an escape."""

from __future__ import annotations

from typing import Any

from fastapi.responses import JSONResponse

from superlearner.control.terms import safe_json

__all__ = ["SafeJSONResponse"]


class SafeJSONResponse(JSONResponse):
    r"""As `JSONResponse`; half a surrogate pair (a file name that is no UTF-8 has some) is shown as `\udce9`."""

    def render(self, content: Any) -> bytes:
        """The body."""
        try:
            return super().render(content)
        except UnicodeEncodeError:
            return super().render(safe_json(content))
