"""Large answers go out packed, small ones and those of who cannot read that as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from superlearner.web.packing import LEAST_PACKED

Inside = Callable[..., Any]
LIST = "/api/v1/arsenal/operations"


def test_a_large_answer_is_packed_for_who_takes_that(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        plain = await platform.client.get(LIST, headers={"accept-encoding": "identity"})
        packed = await platform.client.get(LIST, headers={"accept-encoding": "gzip"})
        assert "content-encoding" not in plain.headers
        assert packed.headers["content-encoding"] == "gzip"
        assert "accept-encoding" in packed.headers["vary"]
        assert packed.json()["data"] == plain.json()["data"]
        assert int(packed.headers["content-length"]) < len(plain.content) / 4

    inside(test)


def test_a_small_answer_and_a_refusal_are_not(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        for path in ("/api/v1/nodes", "/api/v1/processes/nobody/info"):
            answer = await platform.client.get(path, headers={"accept-encoding": "gzip"})
            assert len(answer.content) < LEAST_PACKED
            assert "content-encoding" not in answer.headers

    inside(test)
