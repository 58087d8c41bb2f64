"""The answers of the game are those of the runtime, and each level asks for its point."""

from __future__ import annotations

import asyncio

import pytest

import otp
from otp.observer.prediction import Outcome
from otp.testing import Scheduler, wait_all_idle
from superlearner.control.supervising import predict_all
from superlearner.teaching.game import LEVELS, Node, Question, explain, question, run
from superlearner.teaching.game.running import build

SEEDS = range(25)
NUMBERS = range(1, len(LEVELS) + 1)


def names(nodes: tuple[Node, ...]) -> list[str]:
    return [one.name for one in nodes]


def place(asked: Question) -> tuple[int, list[str]]:
    """Return the victim's place among its siblings, and the siblings."""
    above = asked.above(asked.victim)
    assert above is not None
    return names(above.children).index(asked.victim), names(above.children)


async def predicted_and_real(asked: Question) -> tuple[set[str], set[str], list[Outcome]]:
    """Return what `predict` says, what a real tree does, and the predicted outcomes, for a question without links."""
    otp.process_flag("trap_exit", True)
    node = otp.trace.node_of(otp.self())
    before = await build(asked)
    above = asked.above(asked.victim)
    assert above is not None
    steps = predict_all(before[above.name], asked.victim, "killed")
    otp.exit(before[asked.victim], "kill")
    await wait_all_idle()
    started = set(steps[-1].found.started)
    below = {one.name for node in asked.root.walk() if node.name in started for one in node.walk()}
    real = {name for name, pid in before.items() if node.whereis(name) not in (None, pid)}
    return below, real, [step.found.outcome for step in steps]


@pytest.mark.parametrize("level", NUMBERS)
def test_prediction_runtime_and_answer_agree(level: int) -> None:
    for seed in SEEDS:
        asked = question(level, seed)
        below, real, outcomes = Scheduler(seed=seed).run(predicted_and_real, asked)
        assert real == set(run(asked).restarted)
        if asked.links:  # a prediction does not follow links
            assert below <= real
        else:
            assert below == real
        assert outcomes == (["gives_up", "restarts"] if level == 10 else ["gone"] if level == 5 else ["restarts"])


@pytest.mark.parametrize("level", NUMBERS)
def test_the_answer_does_not_depend_on_the_order_in_which_processes_run(level: int) -> None:
    for seed in range(5):
        asked = question(level, seed)
        assert {run(asked, order).restarted for order in range(5)} == {run(asked).restarted}


def test_each_level_asks_for_its_point() -> None:
    for seed in range(200):
        at, siblings = place(question(2, seed))
        assert at < len(siblings) - 1
        assert place(question(3, seed))[0] > 0
        in_the_way = question(7, seed)
        at, siblings = place(in_the_way)
        temporary = [one.name for one in in_the_way.root.walk() if one.restart == "temporary"]
        assert set(temporary) <= set(siblings[at + 1 :])
        assert len(temporary) == 1
        linked = question(9, seed)
        ((one, other),) = linked.links
        assert linked.above(one) != linked.above(other)
    assert {place(question(2, seed))[0] for seed in SEEDS} >= {0, 1}
    assert {place(question(3, seed))[0] for seed in SEEDS} >= {1, 2}
    assert {place(question(1, seed))[0] for seed in SEEDS} >= {0, 1, 2}


def test_a_killed_supervisor_and_one_that_gives_up_come_back_with_all_children() -> None:
    for seed in SEEDS:
        killed = question(8, seed)
        branch = next(one for one in killed.root.children if one.name == killed.victim)
        assert set(run(killed).restarted) == {one.name for one in branch.walk()}
        gives_up = question(10, seed)
        above = gives_up.above(gives_up.victim)
        assert above is not None
        ran = run(gives_up)
        assert {one.name for one in above.walk()} < set(ran.restarted)
        assert [one.left for one in ran.events if one.kind == "give_up"] == [0]


@pytest.mark.parametrize("level", NUMBERS)
def test_every_process_of_every_answer_is_explained(level: int) -> None:
    for seed in SEEDS:
        asked = question(level, seed)
        ran = run(asked)
        for node in asked.root.walk():
            text = explain(asked, ran, node.name)
            assert node.name in text
            assert ("kept running" in text or "left it running" in text or "keeps running" in text) == (
                node.name
                not in {one.name for one in ran.events if one.kind in ("stop", "crash")}
                | {one.to for one in ran.events if one.kind == "link"}
            )
            assert ("started it again" in text) == (node.name in ran.restarted)


def read_sentences(level: int, seed: int) -> dict[str, str]:
    """Return the sentences of all processes of a question, by name."""
    asked = question(level, seed)
    ran = run(asked)
    return {node.name: explain(asked, ran, node.name) for node in asked.root.walk()}


def test_a_child_of_a_new_supervisor_is_not_said_to_be_started_by_the_one_that_ended() -> None:
    """Regression: the sentences of level 8 named the killed supervisor as the one that started its children again."""
    assert read_sentences(8, 1)["robot"] == "robot ended with its supervisor. The new warehouse_sup started it again."
    assert read_sentences(10, 1) == {
        "shop": "shop had restarts left, so it restarted office_sup and kept running.",
        "office_sup": "office_sup had no restarts left and gave up. shop started it again.",
        "rooms": "office_sup gave up and stopped rooms. The new office_sup started it again.",
        "history": "office_sup gave up and stopped history. The new office_sup started it again.",
        "shelves": "shelves was killed, and office_sup had no restarts left. The new office_sup started it again.",
        "chat_sup": "chat_sup had restarts left, so it restarted parser and kept running.",
        "cart": "one_for_all stops all children, so chat_sup stopped cart and started it again.",
        "parser": "parser is linked to history and ended with it. chat_sup started it again.",
    }


def test_nobody_is_said_to_restart_a_temporary_child() -> None:
    """Regression: `one_for_one restarts only writer`, of a writer that was temporary and stayed away."""
    assert read_sentences(5, 1) == {
        "intake_sup": "intake_sup kept running: writer is temporary and may end.",
        "parser": "intake_sup did not restart writer, which is temporary, so parser kept running.",
        "writer": "writer was killed. It is temporary, so intake_sup did not start it again.",
        "printer": "intake_sup did not restart writer, which is temporary, so printer kept running.",
        "history": "intake_sup did not restart writer, which is temporary, so history kept running.",
    }
    stopped = "one_for_all stops all children, so intake_sup stopped parser. It is temporary"
    assert read_sentences(7, 1)["parser"] == f"{stopped}, so intake_sup did not start it again."


def test_questions_are_the_same_on_every_version_of_python() -> None:
    asked = question(10, 7)
    assert (asked.victim, asked.links, names(asked.root.children)) == (
        "rooms",
        (("history", "robot"),),
        ["billing_sup", "office_sup"],
    )


def test_a_run_beside_a_running_loop_leaves_no_line_in_its_log(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> tuple[str, ...]:
        return (await asyncio.to_thread(run, question(10, 1))).restarted

    assert asyncio.run(main()) == run(question(10, 1)).restarted
    assert caplog.records == []
