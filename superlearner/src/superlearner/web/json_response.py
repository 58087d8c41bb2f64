"""JSON answers that no text can break: what UTF-8 has no place for is written as an escape."""

from __future__ import annotations

import re
from typing import Any, Final

from fastapi.responses import JSONResponse

__all__ = ["SafeJSONResponse"]

SURROGATE: Final = re.compile("[\ud800-\udfff]")


class SafeJSONResponse(JSONResponse):
    r"""As `JSONResponse`; half a surrogate pair (a file name that is no UTF-8 has some) is shown as `\udce9`."""

    def render(self, content: Any) -> bytes:
        """The body."""
        try:
            return super().render(content)
        except UnicodeEncodeError:
            return super().render(_clean(content))


def _clean(content: Any) -> Any:
    if isinstance(content, str):
        return SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", content)
    if isinstance(content, dict):
        return {_clean(key): _clean(value) for key, value in content.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(content, list | tuple):
        return [_clean(item) for item in content]  # pyright: ignore[reportUnknownVariableType]
    return content
