"""The error envelope of every answer of `/api/v1`."""

from __future__ import annotations

from typing import Any


def failure(answer: Any) -> tuple[int, str]:
    """Return status and code of an error answer without other contents."""
    body = answer.json()
    assert body["success"] is False
    assert set(body) == {"error", "success", "timestamp"}, body
    assert set(body["error"]) == {"code", "message", "details"}
    return answer.status_code, body["error"]["code"]
