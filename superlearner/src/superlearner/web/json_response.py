"""JSON answers in which text that UTF-8 cannot encode is escaped."""

from __future__ import annotations

from typing import Any

from fastapi.responses import JSONResponse

from superlearner.control.terms import safe_json

__all__ = ["SafeJSONResponse"]


class SafeJSONResponse(JSONResponse):
    r"""A `JSONResponse` that shows a lone surrogate as `\udce9`."""

    def render(self, content: Any) -> bytes:
        """Return the body."""
        try:
            return super().render(content)
        except UnicodeEncodeError:
            return super().render(safe_json(content))
