"""The game Predict through the API: questions without their answers, and judged answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ended_processes import let_warehouse_give_up
from otp import Supervisor

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


@pytest.mark.everywhere
@pytest.mark.operation("restart.compare")
def test_a_prediction_is_compared_with_a_restart_of_the_own_tree(inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> None:
        await platform.client.delete("/api/v1/processes/cart", headers={"x-door": "page"})
        await Supervisor.count_children(("checkout_sup", platform.node))
        (line,) = (await platform.get("/api/v1/restarts?only=restarts"))["data"]
        at = f"/api/v1/restarts/{line['ref']}/compare"
        root = (await platform.get(f"/api/v1/restarts/{line['ref']}"))["data"]["root"]["id"]
        picked = f"{root}/ledger,{root}/cart"
        found = (await platform.get(f"{at}?picked={picked}"))["data"]
        assert {one["id"].rpartition("/")[2]: (one["verdict"], one["text"]) for one in found["nodes"]} == {
            "checkout_sup": ("left", "checkout_sup had restarts left, so it restarted cart and kept running."),
            "ledger": ("wrong", "ledger started before cart, so rest_for_one left it running."),
            "cart": ("right", "cart was killed. checkout_sup started it again."),
            "mailer": (
                "missed",
                "mailer started after cart, so checkout_sup stopped it and started it again.",
            ),
        }
        assert (found["right"], found["restarted"]) == (False, [f"{root}/cart", f"{root}/mailer"])
        assert found["rule"] == "rest_for_one restarts the child that ended and those started after it."
        assert found["moment"]["ref"] == line["ref"]
        among = (await platform.get(f"{at}?picked={root}/cart,gone/till&among={root}/cart,{root}/ledger"))["data"]
        assert [(one["verdict"], one["text"]) for one in among["nodes"]][1:] == [
            ("right", "cart was killed. checkout_sup started it again."),
            ("wrong", "The restart did not reach till."),
        ]
        assert among["right"] is False
        missing = await platform.client.get("/api/v1/restarts/9f3a0c1b22d4.7/compare")
        assert missing.json()["error"]["code"] == "restart_not_found"

    inside(test)


@pytest.mark.operation("restart.compare")
def test_a_supervisor_that_gave_up_counts_as_restarted_with_its_branch(inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> None:
        await let_warehouse_give_up(platform)
        newest = (await platform.get("/api/v1/restarts"))["data"][0]
        found = (await platform.get(f"/api/v1/restarts/{newest['event']}/compare"))["data"]
        said = {one["id"].rpartition("/")[2]: one["text"] for one in found["nodes"] if one["verdict"] == "missed"}
        assert said == {
            "warehouse_sup": "warehouse_sup had no restarts left and gave up. shop started it again.",
            "shelves": "warehouse_sup gave up and stopped shelves. The new warehouse_sup started it again.",
            "robot": "robot was killed, and warehouse_sup had no restarts left. "
            "The new warehouse_sup started it again.",
        }
        assert found["rule"].startswith("A supervisor with no restarts left stops its children and ends.")

    inside(test)
