"""The game Predict through the API: questions without their answers, and judged answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

LEVELS = "/api/v1/game/levels"


@pytest.mark.operation("game.level", "game.answer")
def test_a_question_is_answered_right_and_wrong(inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> None:
        asked = (await platform.get(f"{LEVELS}/2?seed=7"))["data"]
        assert (asked["title"], asked["reason"], len(asked["levels"])) == ("rest_for_one", "killed", 10)
        names = [child["id"] for child in asked["tree"]["children"]]
        assert [line.strip() for line in asked["drawing"].splitlines()[1:]] == names
        after = names[names.index(asked["victim"]) :]
        right = (await platform.get(f"{LEVELS}/2/answer?seed=7&picked={', '.join(after)}"))["data"]
        assert (right["right"], right["restarted"]) == (True, after)
        wrong = (await platform.get(f"{LEVELS}/2/answer?seed=7&picked={asked['tree']['id']}"))["data"]
        verdicts = {one["id"]: one["verdict"] for one in wrong["nodes"]}
        assert wrong["right"] is False
        assert verdicts == {asked["tree"]["id"]: "wrong"} | {
            name: "missed" if name in after else "left" for name in names
        }

    inside(test)


@pytest.mark.operation("game.answer")
def test_the_moment_of_an_answer_has_the_tree_with_pids_and_the_events_in_their_order(
    inside: Callable[..., Any],
) -> None:
    async def test(platform: Any) -> None:
        moment = (await platform.get(f"{LEVELS}/10/answer?seed=1"))["data"]["moment"]
        kinds = [event["kind"] for event in moment["events"]]
        decided = [event["what"] for event in moment["events"] if event["kind"] == "decide"]
        assert (kinds[:3], decided[0]) == (["crash", "signal", "decide"], "give_up")
        assert {"stop", "link", "start"} <= set(kinds)
        assert all(node["pid"] for branch in moment["root"]["children"] for node in branch["children"])
        assert [branch["used"] for branch in moment["root"]["children"]].count(3) == 1

    inside(test)


@pytest.mark.operation("game.level", "game.answer")
def test_bad_input_gets_a_clear_error(inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> None:
        for path in ("11", "0", "2?seed=x", "11/answer"):
            refused = await platform.client.get(f"{LEVELS}/{path}")
            assert (refused.status_code, refused.json()["error"]["code"]) == (422, "validation_error")
        refused = await platform.client.get(f"{LEVELS}/2/answer?seed=7&picked=nobody")
        error = refused.json()["error"]
        assert (refused.status_code, error["code"]) == (422, "validation_error")
        assert error["message"] == "picked: level 2 with seed 7 has no process 'nobody'"
        assert error["details"][0]["hint"].startswith("its processes are ")

    inside(test)
