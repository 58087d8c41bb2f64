"""The guard: hosts, origins and bodies. A test for each rule."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from superlearner.web.bodies import BodyLimits
from superlearner.web.guard import CONTENT_SECURITY_POLICY, Guard

LIMIT = 100
JSON = {"content-type": "application/json"}


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the whole body and answer 200 with it, behind the guard."""
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": body})


def ask(method: str = "GET", path: str = "/x", *, hosts: tuple[str, ...] = (), **options: Any) -> httpx.Response:
    async def main() -> httpx.Response:
        transport = httpx.ASGITransport(app=Guard(echo, allowed_hosts=hosts, limits=lambda: BodyLimits(LIMIT)))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:4000") as client:
            return await client.request(method, path, **options)

    return asyncio.run(main())


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.parametrize("host", ["localhost", "localhost:4000", "127.0.0.1:1", "[::1]:4000", "[::1]", "LOCALHOST"])
def test_loopback_names_are_ours(host: str) -> None:
    assert ask(headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:4000", "", "[::2]"])
def test_a_foreign_host_is_refused_for_every_method(host: str) -> None:
    assert code(ask(headers={"host": host})) == (403, "host_not_allowed")
    assert code(ask("POST", headers={"host": host})) == (403, "host_not_allowed")


def test_more_hosts_can_be_allowed() -> None:
    assert ask(hosts=("Shop.Example", "fe80::1"), headers={"host": "shop.example:443"}).status_code == 200
    assert ask(hosts=("Shop.Example", "fe80::1"), headers={"host": "[fe80::1]:4000"}).status_code == 200


def test_health_is_open_whatever_the_host() -> None:
    assert ask(path="/health/ready", headers={"host": "10.0.0.7"}).status_code == 200


def test_two_hosts_are_malformed() -> None:
    assert code(ask(headers=[("host", "localhost"), ("host", "evil.example")])) == (400, "malformed_request")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "origin", ["http://evil.example", "https://localhost:4000", "http://localhost:4001", "http://localhost", "null", ""]
)
def test_an_unsafe_request_of_a_foreign_origin_is_refused(method: str, origin: str) -> None:
    assert code(ask(method, headers={"origin": origin})) == (403, "foreign_origin")


def test_behind_a_proxy_with_tls_https_is_ours_under_an_allowed_name() -> None:
    def asked(host: str, origin: str, **more: str) -> int:
        return ask("POST", hosts=("shop.example",), headers={"host": host, "origin": origin, **more}).status_code

    assert asked("shop.example", "https://shop.example") == 200
    assert asked("shop.example:8443", "https://shop.example:8443") == 200
    assert asked("shop.example", "https://evil.example") == 403
    assert asked("shop.example", "https://shop.example:8443") == 403
    assert asked("localhost:4000", "https://localhost:4000") == 403
    assert asked("shop.example", "https://shop.example", **{"sec-fetch-site": "cross-site"}) == 403


def test_our_own_origin_and_none_at_all_are_fine() -> None:
    assert ask("DELETE", headers={"origin": "http://localhost:4000"}).status_code == 200
    assert ask("DELETE").status_code == 200
    assert ask("GET", headers={"origin": "http://evil.example"}).status_code == 200


@pytest.mark.parametrize(
    ("site", "status"), [("same-origin", 200), ("none", 200), ("cross-site", 403), ("same-site", 403), ("", 403)]
)
def test_the_origin_that_a_browser_reports_is_checked(site: str, status: int) -> None:
    assert ask("POST", headers={"sec-fetch-site": site}).status_code == status
    assert ask("GET", headers={"sec-fetch-site": site}).status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "json"])
def test_a_body_is_json_or_refused(kind: str) -> None:
    assert code(ask("POST", content=b"{}", headers={"content-type": kind})) == (415, "unsupported_media_type")
    assert ask("POST", content=b"{}", headers={"content-type": "application/json; charset=utf-8"}).text == "{}"


def test_no_body_needs_no_content_type() -> None:
    assert ask("DELETE").status_code == 200
    assert ask("POST", content=b"").status_code == 200


def test_a_body_that_is_too_large_is_refused_by_its_length_and_by_its_size() -> None:
    async def pieces(number: int) -> AsyncIterator[bytes]:
        for _ in range(number):
            yield b"x" * 10

    assert code(ask("POST", content=b"x" * (LIMIT + 1), headers=JSON)) == (413, "body_too_large")
    assert ask("POST", content=b"x" * LIMIT, headers=JSON).status_code == 200
    chunked = {**JSON, "transfer-encoding": "chunked"}
    assert code(ask("POST", content=pieces(11), headers=chunked)) == (413, "body_too_large")
    assert ask("POST", content=pieces(10), headers=chunked).text == "x" * LIMIT


@pytest.mark.parametrize("length", ["-1", "1e3", "9" * 40, "0x10"])
def test_a_length_that_is_not_a_number_counts_as_too_large(length: str) -> None:
    assert ask("POST", headers={**JSON, "content-length": length}).status_code == 413


def test_every_answer_has_the_security_headers_errors_included() -> None:
    for answer in (ask(), ask(headers={"host": "evil.example"})):
        assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
    assert "default-src 'self'" in CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY


@pytest.mark.parametrize(
    ("headers", "accepted"),
    [
        ({}, True),
        ({"origin": "http://localhost:4000"}, True),
        ({"origin": "http://evil.example"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"host": "evil.example"}, False),
    ],
)
def test_a_foreign_web_socket_is_refused_before_it_is_accepted(headers: dict[str, str], accepted: bool) -> None:
    async def accept(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})

    async def main() -> list[Any]:
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            sent.append(message)

        given = {"host": "localhost:4000", **headers}
        raw = [(name.encode(), value.encode()) for name, value in given.items()]
        scope = {"type": "websocket", "scheme": "ws", "path": "/live/supervisors", "headers": raw}
        await Guard(accept)(scope, receive, send)
        return sent

    (first,) = asyncio.run(main())
    assert first["type"] == ("websocket.accept" if accepted else "websocket.close")
    if not accepted:
        assert first["code"] == 4403
