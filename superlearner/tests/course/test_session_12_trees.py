"""Trees that are drawn in session 12: how names, brackets and lines are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import otp
from otp import DynamicSupervisor, Supervisor
from otp.testing import Scheduler
from superlearner.course.course import Course
from superlearner.course.engine.checking import SEEDS
from superlearner.course.engine.child import verdict_of
from superlearner.course.engine.drawings import read_drawing
from superlearner.course.engine.drawn_tree import below, role_of, start_drawing
from superlearner.course.engine.verdict import Verdict

COURSE = Course()
COUNTS = {"worker": 1, "temporary": 1, "pool": 3, "store": 8}
TREE = """
Root (rest_for_one)
  Store
  WorkerSup (one_for_one)
    A
    B
    C
  Pool
    Agent1
    Agent2
"""


def verdict(drawing: str, **counts: object) -> Verdict:
    source = f"drawing = {drawing!r}\ndisturbed = {COUNTS | counts!r}\n"
    return verdict_of("s12.tree", COURSE.check_source("s12.tree"), source, list(SEEDS))


def refused(drawing: str, **counts: object) -> tuple[str, tuple[str, ...]]:
    found = verdict(drawing, **counts)
    assert not found.ok
    return found.steps[-1].say, found.misconceptions


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("WorkerSup", "Worker Sup"),
        ("WorkerSup", "worker_supervisor"),
        ("    B", "    Mail Sender"),
        ("  Store", "  State Store"),
        ("  Store", "  Store Server"),
        ("  Store", "  Store  # first"),
        ("    B", "    StoreCleaner"),
        ("    B", "    Carpool"),
        ("    B", "    Startup"),
        ("    B", "    DynamicPricing"),
        ("  Pool", "  Agent Pool"),
        ("  Pool", "  Dynamic Supervisor"),
        ("  Pool", "  Agents (dynamic)"),
        ("Root (rest_for_one)", "Main App (rest_for_one)"),
    ],
)
def test_the_last_word_of_a_name_says_what_it_is(before: str, after: str) -> None:
    assert before in TREE
    found = verdict(TREE.replace(before, after))
    assert found.ok, found.steps[-1]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("WorkerSup (one_for_one)", "Crew (Supervisor)"),
        ("WorkerSup (one_for_one)", "Crew (supervisor)"),
        ("WorkerSup (one_for_one)", "Crew (a worker supervisor)"),
        ("Root (rest_for_one)", "Agents (Supervisor, rest_for_one)"),
        ("  Pool", "  Helpers (DynamicSupervisor)"),
        ("  Pool", "  Helpers (a dynamic supervisor)"),
        ("  Store", "  Facts (state store)"),
        ("  Store", "  Memory (GenServer)"),
        ("  Store", "  Facts (GenServer)"),
        ("    A", "    A (worker)"),
    ],
)
def test_what_is_in_brackets_says_what_a_node_is(before: str, after: str) -> None:
    """A supervisor without a strategy beside it was refused, as a worker with children."""
    assert before in TREE
    found = verdict(TREE.replace(before, after))
    assert found.ok, found.steps[-1]


@pytest.mark.parametrize("server", ["Crew (GenServer)", "WorkerSup (GenServer)", "WorkerSup (worker)"])
def test_a_server_in_brackets_has_no_children(server: str) -> None:
    said, misconceptions = refused(TREE.replace("WorkerSup (one_for_one)", server))
    assert said.startswith(f"{server} has children, and its brackets say that it is no supervisor")
    assert misconceptions == ("M25",)


CASES = json.loads((Path(__file__).parents[1] / "web" / "js" / "drawings.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["text"].split("\n")[0])
def test_the_page_and_the_check_read_a_drawing_alike(case: dict[str, Any]) -> None:
    """The same cases are read by `drawing.test.js`."""
    (root,) = read_drawing(case["text"])
    assert [role_of(each, root) for each in (root, *below(root))] == case["roles"]


def test_a_fourth_worker_is_no_store_if_the_others_do_not_restart_with_it() -> None:
    said, _ = refused(TREE.replace("  Store", "  Facts").replace("Root (rest_for_one)", "Root (one_for_one)"))
    assert said.startswith("expected one store, got none; choose the kind")


def test_a_supervisor_of_the_store_is_no_second_store() -> None:
    below = TREE.split("\n", 2)[2].replace("\n", "\n  ").rstrip()
    for name in ("StoreSup", "Store Supervisor", "State"):
        assert verdict(f"Root (one_for_one)\n  {name} (rest_for_one)\n  {below}\n").ok


def test_a_pool_with_a_strategy_is_a_supervisor_beside_a_dynamic_pool() -> None:
    drawing = TREE.replace("WorkerSup (one_for_one)", "WorkerPool (one_for_one)")
    found = verdict(drawing)
    assert found.ok, found.steps[-1]


TWO_WORDS_IN_A_ROW = """
              My Root (rest_for_one)
     +-------------+--------------+
 State Store   Worker Sup    Agent Pool
              +----+----+       +----+
              W1   W2   W3      A1   A2
"""
SLASHES = """
        Root (rest_for_one)
      /   |   \\
  Store  Sup  Pool
        / | \\   | \\
       W1 W2 W3 A1 A2
"""


@pytest.mark.parametrize("drawing", [TWO_WORDS_IN_A_ROW, SLASHES], ids=["two words", "a space between two names"])
def test_names_in_a_row_are_told_apart_by_the_lines_above_them(drawing: str) -> None:
    found = verdict(drawing)
    assert found.ok, found.steps[-1]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("Root (rest_for_one)", "Root (one for all)", "Root: (one for all) is no strategy; did you mean one_for_all?"),
        ("Root (rest_for_one)", "Root (one-for-one)", "Root: (one-for-one) is no strategy; did you mean one_for_one?"),
        ("(one_for_one)", "(one_for_al)", "WorkerSup: (one_for_al) is no strategy; did you mean one_for_all?"),
        ("(one_for_one)", "(round_robin)", "WorkerSup: (round_robin) is no strategy; choose one_for_all, "),
        ("Root (rest_for_one)", "Root (rest_for_all)", "Root: (rest_for_all) is no strategy; choose one_for_all, "),
    ],
)
def test_a_strategy_that_does_not_exist_is_named(before: str, after: str, said: str) -> None:
    """It was dropped, and the default strategy, which is right here, taken instead."""
    found, misconceptions = refused(TREE.replace(before, after))
    assert found.startswith(said)
    assert misconceptions == ()


@pytest.mark.parametrize("remark", ["3 workers", "supervisor, one_for_one", "permanent"])
def test_other_remarks_may_stand_in_brackets(remark: str) -> None:
    assert verdict(TREE.replace("(one_for_one)", f"({remark})")).ok


@pytest.mark.parametrize(
    ("counts", "misconceptions"),
    [({"worker": 3}, ("M20",)), ({"pool": 8}, ("M20",)), ({"pool": 7}, ("M21",)), ({"store": 9}, ())],
    ids=["all workers", "everything", "an earlier child", "too many"],
)
def test_a_wrong_number_shows_what_is_believed_about_strategies(
    counts: dict[str, int], misconceptions: tuple[str, ...]
) -> None:
    said, found = refused(TREE, **counts)
    assert f"you said {next(iter(counts.values()))}" in said
    assert found == misconceptions


def test_each_right_number_of_a_worker_is_expected_and_a_first_prediction_learns_none() -> None:
    """Regression: it expected the number of the first worker, but those of the others pass as well."""
    flat = TREE.replace("(one_for_one)", "(rest_for_one)")
    found = verdict(flat, worker=9)
    right = [number for number in range(1, 9) if verdict(flat, worker=number).ok]
    assert len(right) == 3
    assert f"expected {right[0]}, {right[1]} or {right[2]} for a worker" in found.steps[-1].say
    first = found.veiled()
    assert first.steps[-1].say.startswith("wrong for a worker: press “Run this tree” and kill ")
    assert (first.marks, first.excerpt) == ((), ())


def test_numbers_that_are_not_predicted_yet_are_not_told() -> None:
    said, found = refused(TREE, pool=None)
    assert (said, found) == ("predict all four numbers, then check: 'pool' has none yet", ())


def test_a_flat_tree_passes_with_a_note_on_what_a_crash_disturbs() -> None:
    flat = "Root (rest_for_one)\n  Store\n  A\n  B\n  C\n  Pool\n    Agent1\n    Agent2\n"
    found = verdict(flat, worker=6, store=7)
    assert found.ok
    said = [step.say for step in found.steps if step.say]
    assert said == [
        "In the run a crash of A also ended B: Root is rest_for_one. With a supervisor of their own, the workers would "
        "not disturb the others."
    ]


def test_a_wrong_strategy_is_named_with_its_supervisor() -> None:
    said, found = refused(TREE.replace("Root (rest_for_one)", "Root (one_for_one)"))
    first = verdict(TREE.replace("Root (rest_for_one)", "Root (one_for_one)")).veiled()
    assert (first.steps[-1].say, first.misconceptions) == (said, ())
    assert found == ("M21",)
    assert said.endswith("went on as before: Root is one_for_one")


def test_children_of_a_worker_are_refused_with_the_way_to_name_a_supervisor() -> None:
    said, misconceptions = refused(TREE.replace("WorkerSup (one_for_one)", "Boss"))
    assert said.startswith(
        "Boss has children, and only supervisors have children: choose that kind for it, or write Boss (Supervisor)"
    )
    assert misconceptions == ("M25",)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("    T\n" * 200, "expected a drawing of at most 100 lines, got 209"),
        ("    T\n" * 100_000, "expected a drawing of at most 20,000 characters, got "),
    ],
    ids=["many lines", "very many"],
)
def test_a_drawing_that_is_too_large_is_refused_without_a_misconception(more: str, said: str) -> None:
    """The crash of each of its processes was run, until the check had no processor time left: told as M7."""
    found, misconceptions = refused(TREE + more)
    assert found.startswith(said)
    assert misconceptions == ()


@pytest.mark.parametrize(
    ("drawing", "said"),
    [
        (None, "expected drawing to be a text with a tree, got None"),
        (["Root", ["Store"]], "expected drawing to be a text with a tree, got ['Root', ['Store']]"),
        ("\n", "expected drawing to be a text with a tree: nothing is drawn yet"),
    ],
    ids=["none", "list", "empty"],
)
def test_a_drawing_that_is_no_text_is_refused(drawing: object, said: str) -> None:
    source = f"drawing = {drawing!r}\ndisturbed = {COUNTS!r}\n"
    found = verdict_of("s12.tree", COURSE.check_source("s12.tree"), source, list(SEEDS))
    assert (found.steps[-1].say, found.misconceptions) == (said, ())


def test_a_kind_that_does_not_exist_is_named() -> None:
    said, _ = refused(TREE, workers=1)
    assert said == "expected only the keys of the exercise in disturbed, got 'workers' as well"


def test_a_drawing_is_started_and_replaces_the_one_before() -> None:
    async def main() -> None:
        await start_drawing(TREE)
        root = otp.whereis("Root")
        assert root is not None
        found = {info.id: info for info in await Supervisor.which_children(root)}
        assert [(id, found[id].type) for id in ("Store", "WorkerSup", "Pool")] == [
            ("Store", "worker"), ("WorkerSup", "supervisor"), ("Pool", "supervisor"),
        ]  # fmt: skip
        agent = otp.whereis("Agent1")
        assert agent is not None
        store = found["Store"].pid
        assert isinstance(store, otp.Pid)
        otp.exit(store, "kill")
        await otp.wait_down(agent)
        again = {info.id: info.pid for info in await Supervisor.which_children(root)}
        assert again["Store"] != store
        pool = again["Pool"]
        assert isinstance(pool, otp.Pid)
        assert await DynamicSupervisor.count_children(pool) == otp.Counts(specs=0, active=0, supervisors=0, workers=0)
        await start_drawing("Root\n  Same\n  Same")
        assert not otp.is_alive(root)
        (fresh,) = [pid for pid in [otp.whereis("Root")] if pid]
        assert [info.id for info in await Supervisor.which_children(fresh)] == ["Same 2", "Same 1"]
        otp.exit(fresh, "shutdown")
        await otp.wait_down(fresh)

    Scheduler().run(main)


def test_a_drawing_without_one_root_is_not_started() -> None:
    async def main() -> None:
        with pytest.raises(ValueError, match="expected a drawing with one root, got 2"):
            await start_drawing("A\nB")

    Scheduler().run(main)


def test_the_crash_whose_ends_were_not_predicted_is_shown_first_and_no_row_is_marked() -> None:
    rows = verdict(TREE, store=3).excerpt
    assert (rows[0].of, rows[0].kind, rows[0].text) == ("Store", "exit", "'killed'")
    assert not [row for row in rows if row.marked]
