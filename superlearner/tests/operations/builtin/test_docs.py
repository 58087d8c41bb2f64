"""The documentation through the API: pages are listed, read and searched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Inside = Callable[..., Any]


@pytest.mark.operation("docs.list", "docs.page", "docs.search")
def test_pages_are_listed_read_and_found(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        listed = (await platform.get("/api/v1/docs/pages"))["data"]
        assert {"library", "behaviours/supervisor", "changelog"} <= {line["page"] for line in listed}
        line = next(line for line in listed if line["page"] == "behaviours/supervisor")
        assert ("Behaviours", "/docs/behaviours/supervisor") == (line["part"], line["path"])
        assert (await platform.client.get(line["path"])).status_code == 200

        page = (await platform.get("/api/v1/docs/pages/behaviours/supervisor"))["data"]
        assert "Supervisor" == page["title"]
        assert page["markdown"].startswith("# Supervisor")
        assert "when-to-give-up" in [heading["anchor"] for heading in page["headings"]]

        assert not {"decisions", "dependencies", "conformance"} & {line["page"] for line in listed}
        every = (await platform.get("/api/v1/docs/pages", params={"contributors": True}))["data"]
        assert {"decisions", "dependencies", "conformance"} <= {line["page"] for line in every}
        assert len(listed) < len(every)

        moved = (await platform.get("/api/v1/docs/pages/message-tracing"))["data"]
        assert ("tracing", "/docs/tracing") == (moved["page"], moved["path"])

        hits = (await platform.get("/api/v1/docs/search", params={"q": "when to giv up", "limit": 3}))["data"]
        assert 3 == len(hits)
        assert "/docs/behaviours/supervisor#when-to-give-up" in [hit["path"] for hit in hits]
        left, right = hits[0]["marks"][0]
        assert hits[0]["excerpt"][left:right]

    inside(test)


def test_the_error_for_a_missing_page_suggests_a_similar_one(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        answer = await platform.client.get("/api/v1/docs/pages/supervisor")
        error = answer.json()["error"]
        assert (404, "page_not_found") == (answer.status_code, error["code"])
        assert "did you mean behaviours/supervisor?" == error["details"][0]["hint"]
        assert 422 == (await platform.client.get("/api/v1/docs/search?q=")).status_code

    inside(test)
