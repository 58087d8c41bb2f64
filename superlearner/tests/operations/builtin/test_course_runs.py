"""Measurements and pictures of the course through the API: what runs, and what is refused."""

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
        assert [one["value"] for one in measured["figures"][-2:]] == [470, 128]
        assert measured["excerpt"] == []
        with pytest.raises(OperationError, match=r"there is no measurement s12\.m9") as refused:
            await call(inside_.platform, "course.measure", ADA, measure="s12.m9")
        assert refused.value.code == "course_item_not_found"

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("course.picture")
def test_a_picture_shows_the_run_that_it_draws(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        state = (await platform.get("/api/v1/course/pictures/s12.w5"))["data"]
        assert state["kind"] == "state"
        assert [one["callback"] for one in state["callbacks"]] == [
            "init", "handle_cast", "handle_call", "handle_info", "handle_cast", "terminate",
        ]  # fmt: skip
        call = state["callbacks"][2]
        assert (call["of"], call["message"]) == ("client", "'colour'")
        assert call["before"] == call["after"] == "{'name': 'Ann',\n 'memory': {'colour': 'blue'},\n 'friends': 1}"
        assert call["result"].startswith("Reply('blue', {'name': 'Ann'")
        mailbox = (await platform.get("/api/v1/course/pictures/s12.w4"))["data"]["mailbox"]
        assert [(one["kind"], [each["state"] for each in one["queue"]]) for one in mailbox] == [
            ("waits", []), ("gives up", []), ("arrives", ["new"]), ("waits", ["passed"]),
            ("arrives", ["passed", "new"]), ("takes", ["passed", "taken"]),
        ]  # fmt: skip
        rows = (await platform.get("/api/v1/course/pictures/s12.w6"))["data"]["excerpt"]
        assert (rows[-1]["kind"], rows[-1]["at"], rows[-1]["text"]) == ("late", 3, "'iron, done'")

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("course.picture")
def test_a_picture_that_no_run_draws_is_refused(inside: Inside, tmp_path: Path) -> None:
    async def test(inside_: Any) -> None:
        for picture, said in (
            ("s12.w1", "plays a recorded restart, on the page of its session only"),
            ("s12.w99", "there is no picture"),
        ):
            with pytest.raises(OperationError, match=said) as refused:
                await call(inside_.platform, "course.picture", ADA, picture=picture)
            assert refused.value.code == "course_item_not_found"

    inside(test, data_dir=tmp_path)
