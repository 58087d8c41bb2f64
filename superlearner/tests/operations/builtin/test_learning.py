"""The learning path through the API has the content of the page."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest

from superlearner.course.course import Course
from superlearner.teaching.learning import tours

Inside = Callable[..., Any]


@pytest.mark.operation("learning.tours")
def test_tours_are_listed_by_part_with_the_conditions_of_their_steps(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        parts = (await platform.get("/api/v1/learning/tours"))["data"]
        listed = [tour for part in parts for tour in part["tours"]]
        assert [tour.id for tour in tours()] == [tour["id"] for tour in listed]
        assert [True] == list({tour["here"] for tour in listed})
        kill = next(tour for tour in listed if tour["id"] == "kill")
        assert {"kind": "event", "type": "child_restarted", "name": "ledger"}.items() <= kill["steps"][1][
            "done"
        ].items()
        assert (await platform.client.get(kill["docs"])).status_code == 200
        assert (await platform.client.get(kill["steps"][0]["concept"])).status_code == 200
        page = (await platform.client.get("/learn")).text
        titles = re.findall(r'<h3>(?:<span[^>]*>[^<]*</span>)?<a href="[^"]+">([^<]+)</a></h3>', page)
        assert titles == [*(html.escape(one.title) for one in Course().lessons), *(one["title"] for one in listed)]

    inside(test)
