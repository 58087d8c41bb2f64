"""Measurements of the course through the API: what runs, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from owned_things import call, user
from superlearner.operations.failures import OperationError

Inside = Callable[..., Any]
ADA = user("ada", "learner")


@pytest.mark.operation("course.measure")
def test_a_measurement_runs_and_shows_its_figures(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        asked = await platform.client.post("/api/v1/course/measures/s12.m2", json={})
        measured = asked.json()["data"]
        assert (measured["measure"], measured["happened"]) == (
            "s12.m2", "of seven crashes, one a minute, the monitor restarts 5 and the supervisor all 7",
        )  # fmt: skip
        by_hand, with_otp = (one for one in measured["figures"] if one["name"] == "Pause before a restart")
        assert by_hand == {"name": "Pause before a restart", "value": 0.1, "unit": "s", "of": "by hand"}
        assert (with_otp["value"], with_otp["of"]) == (0, "with OTP")
        assert ("ann", "exit") in {(row["of"], row["kind"]) for row in measured["excerpt"]}

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("course.measure")
def test_a_measurement_without_trace_has_figures_only(inside: Inside, tmp_path: Path) -> None:
    async def test(inside_: Any) -> None:
        measured = (await call(inside_.platform, "course.measure", ADA, measure="s12.m1")).data
        assert [one["value"] for one in measured["figures"][-2:]] == [462, 128]
        assert measured["excerpt"] == []
        with pytest.raises(OperationError, match=r"there is no measurement s12\.m9") as refused:
            await call(inside_.platform, "course.measure", ADA, measure="s12.m9")
        assert refused.value.code == "course_item_not_found"

    inside(test, data_dir=tmp_path)
