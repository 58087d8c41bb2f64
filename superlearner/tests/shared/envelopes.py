"""The envelope of an error, as every answer of `/api/v1` has it."""

from __future__ import annotations

from typing import Any


def failure(answer: Any) -> tuple[int, str]:
    """Status and code of an answer that is an error, and nothing but that."""
    body = answer.json()
    assert body["success"] is False
    assert set(body) == {"error", "success", "timestamp"}, body
    assert set(body["error"]) == {"code", "message", "details"}
    return answer.status_code, body["error"]["code"]
