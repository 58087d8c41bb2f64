"""Compression: large answers, for clients that accept it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from superlearner.web.packing import LEAST_PACKED

Inside = Callable[..., Any]
LIST = "/api/v1/arsenal/operations"


def test_a_large_answer_is_compressed_for_clients_that_accept_it(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        plain = await platform.client.get(LIST, headers={"accept-encoding": "identity"})
        packed = await platform.client.get(LIST, headers={"accept-encoding": "gzip"})
        assert "content-encoding" not in plain.headers
        assert packed.headers["content-encoding"] == "gzip"
        assert "accept-encoding" in packed.headers["vary"]
        assert packed.json()["data"] == plain.json()["data"]
        assert int(packed.headers["content-length"]) < len(plain.content) / 4

    inside(test)


@pytest.mark.parametrize("path", [LIST, "/static/tree/supervisors.js"], ids=["answer", "file"])
def test_clients_that_refuse_gzip_get_none_although_they_name_it(inside: Inside, path: str) -> None:
    """Regression: `gzip;q=0` was answered with gzip."""

    async def test(platform: Any) -> None:
        asked = {
            accepted: platform.client.get(path, headers={"accept-encoding": accepted})
            for accepted in (
                "gzip;q=0",
                "gzip; q=0.000, br",
                "gzip;q=0, *;q=1",
                "gzip;q=much",
                "br;q=1, GZip;q=0.1",
                "*",
            )
        }
        got = {accepted: "content-encoding" in (await answer).headers for accepted, answer in asked.items()}
        assert [accepted for accepted, yes in got.items() if yes] == ["br;q=1, GZip;q=0.1", "*"]

    inside(test)


@pytest.mark.parametrize("path", ["/supervisors", "/docs/concepts", "/nothing"])
def test_a_page_is_compressed_for_clients_that_accept_it(inside: Inside, path: str) -> None:
    async def test(platform: Any) -> None:
        plain = await platform.client.get(path, headers={"accept-encoding": "identity"})
        packed = await platform.client.get(path, headers={"accept-encoding": "gzip"})
        assert "content-encoding" not in plain.headers
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.text == plain.text
        assert int(packed.headers["content-length"]) < len(plain.content) / 3
        assert packed.headers["cache-control"] == plain.headers["cache-control"] == "no-store"

    inside(test)


def test_a_small_answer_and_a_refusal_are_not(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        for path in ("/api/v1/nodes", "/api/v1/processes/nobody/info"):
            answer = await platform.client.get(path, headers={"accept-encoding": "gzip"})
            assert len(answer.content) < LEAST_PACKED
            assert "content-encoding" not in answer.headers

    inside(test)
