"""Strict JSON: invalid and ambiguous bodies are refused, and none causes an internal error."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from superlearner.web.strict_json import read_json

Run = Callable[..., Any]
MESSAGE = "/api/v1/processes/counter_1/message"
JSON = {"content-type": "application/json"}


@pytest.mark.operation("process.message")
@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b'{"message": NaN}', "NaN is not a JSON number"),
        (b'{"message": -Infinity}', "-Infinity is not a JSON number"),
        (b'{"message": "a", "message": "b"}', "'message' occurs twice"),
        (b'{"message": {"a": 1, "a": 2}}', "'a' occurs twice"),
        (b'{"message": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too many levels"),
        (b'{"message": "\xff"}', "not UTF-8"),
        ('{"message": "a"}'.encode("utf-16"), "not UTF-8"),
        (b'{"message": "a"', "Expecting"),
        (b"\x00", "Expecting"),
    ],
)
def test_it_is_malformed(inside: Run, said: bytes, why: str) -> None:
    async def test(platform: Any) -> None:
        answer = await platform.client.post(MESSAGE, content=said, headers=JSON)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "malformed_json")
        assert why in answer.json()["error"]["message"]

    inside(test)


@pytest.mark.operation("process.message")
@pytest.mark.parametrize(
    ("number", "why"),
    [
        (b"1e400", "the number 1e400 is too large, the largest is 1.8e+308"),
        (b"-1e400", "the number -1e400 is too large, the largest is 1.8e+308"),
        (b"9" * 10_000, "a number of 10,000 digits is too large, expected at most 4,300"),
    ],
    ids=["large", "small", "long"],
)
def test_a_number_that_is_too_large_is_valid_json(inside: Run, number: bytes, why: str) -> None:
    """Regression: the body was "not JSON", at character 0."""

    async def test(platform: Any) -> None:
        body = b'{"message": ' + number + b"}"
        answer = await platform.client.post(MESSAGE, content=body, headers=JSON)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["message"]) == (422, "validation_error", why)
        assert error["details"][0]["hint"] == "send it as a string"

    inside(test)


def test_a_name_that_is_there_twice_is_found_at_once_among_many() -> None:
    """A body must not block the event loop for minutes."""
    names = [*map(str, range(60_000)), "59999"]
    body = "{" + ", ".join(f'"{name}": 1' for name in names) + "}"
    begun = time.process_time()
    with pytest.raises(json.JSONDecodeError, match="'59999' occurs twice"):
        read_json(body.encode())
    assert time.process_time() - begun < 5  # by comparing each with each: a minute


@pytest.mark.operation("process.message")
@pytest.mark.parametrize(
    "message",
    [b'"\\ud800"', b'{"\\udfff": "\\udfff"}', b'["\\u202e<script>", "\\u0000", "\\u001b[31m"]', b"9007199254740993"],
)
def test_strange_text_is_text(inside: Run, message: bytes) -> None:
    async def test(platform: Any) -> None:
        body = b'{"message_type": "send", "message": ' + message + b"}"
        answer = await platform.client.post(MESSAGE, content=body, headers=JSON)
        assert answer.status_code == 200
        assert (await platform.client.get("/api/v1/supervisors")).status_code == 200

    inside(test)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/processes/..%2f..%2fetc%2fpasswd/info",
        "/api/v1/processes/%00/info",
        "/api/v1/processes/%ff%fe/info",
        "/api/v1/processes/%3Cscript%3E/info",
        "/api/v1/processes/%E2%80%AE/info",
        "/api/v1/../../etc/passwd",
        "/static/../../../../etc/passwd",
        "/static/%2e%2e/%2e%2e/settings.py",
        "/static/..%2f..%2fsettings.py",
        "/static/%5c..%5c..%5csettings.py",
        "/static//etc/passwd",
        "/static/%00",
        "/docs/%00",
        "/docs/%00.png",
        f"/docs/{'a' * 300}.png",
        "/docs/..%2f..%2fetc%2fpasswd",
    ],
)
def test_a_path_leads_nowhere_else(inside: Run, path: str) -> None:
    async def test(platform: Any) -> None:
        answer = await platform.client.get(f"http://localhost{path}")
        assert answer.status_code in (400, 404), answer.text
        assert "root:" not in answer.text

    inside(test)
