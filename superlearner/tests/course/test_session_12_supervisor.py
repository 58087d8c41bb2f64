"""The supervisor that learners of session 12 write: what passes, and what is said about what does not."""

from __future__ import annotations

import pytest

from superlearner.course.course import Course
from superlearner.course.engine.checking import SEEDS
from superlearner.course.engine.child import verdict_of
from superlearner.course.engine.verdict import Verdict

COURSE = Course()
RIGHT = COURSE.solution("s12.supervisor")
CLASSES = """
from otp import Children, ChildSpec, GenServer, Ok, Supervisor

LIMIT = 3


class Stock(GenServer):
    def init(self, arg):
        return Ok({})


class Cart(Stock):
    pass


class Mailer(Stock):
    pass


class Checkout(Supervisor):
    def init(self, arg):
        return Children(
            [Stock, (Cart, None), ChildSpec("mailer", start=(Mailer.start_link, 0), restart="transient")],
            strategy="rest_for_one",
            max_restarts=LIMIT,
            max_seconds=1.5,
        )
"""
NAMED = """
import otp
from otp import Children, GenServer, Ok


class Part(GenServer):
    def init(self, needed):
        return Ok(needed and otp.whereis(needed))


class Checkout(otp.Supervisor):
    def init(self, arg):
        rows = [("stock", None), ("cart", "stock"), ("mailer", "cart")]
        specs = [{"id": name, "start": (start, name, needed)} for name, needed in rows]
        return Children(specs, strategy="rest_for_one", max_restarts=9, max_seconds=60)


async def start(name, needed):
    return await Part.start_link(needed, name=name)
"""


ONE_LIST = "Children(…): expected the children in one list, got several arguments; try Children([…, …])"


def verdict(source: str) -> Verdict:
    return verdict_of("s12.supervisor", COURSE.check_source("s12.supervisor"), source, list(SEEDS))


@pytest.mark.parametrize("source", [CLASSES, NAMED], ids=["a class for each", "registered names"])
def test_a_supervisor_may_be_written_in_several_ways(source: str) -> None:
    found = verdict(source)
    assert found.ok, found.steps[-1]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            '"rest_for_one"',
            '"rest_for_two"',
            'line 14: Checkout.start_link(): strategy "rest_for_two" is unknown; ',
        ),
        ('"rest_for_one"', '"rest_for_two"', "is unknown; did you mean 'rest_for_one'?"),
        ('"cart", ', "", "line 14: expected children with the ids 'stock', 'cart' and 'mailer', got 'stock', 'mailer'"),
        ("return Children(", "Children(", "Checkout.init: expected Children([…])"),
        ("Children(children", "Children(*children", "line 14: Checkout.start_link() failed: TypeError: " + ONE_LIST),
        (
            "(Supervisor)",
            "",
            "line 10: expected `Checkout` to be a supervisor, class Checkout(Supervisor), got another",
        ),
        (
            "class Checkout",
            "class Checkuot",
            "expected a definition of 'Checkout' in your code, got none; did you mean",
        ),
        (
            "return Ok(name)",
            "return Ok(nmae)",
            "line 7: Checkout.start_link() failed: its child 'stock' does not start: NameError",
        ),
        (", id=name", "", "expected a different id for each child"),
    ],
)
def test_a_slip_is_named_with_its_line(before: str, after: str, said: str) -> None:
    assert before in RIGHT
    found = verdict(RIGHT.replace(before, after))
    assert said in found.steps[-1].say
    assert found.misconceptions == ()


def test_a_strategy_that_stands_outside_of_the_class_is_found_there() -> None:
    source = RIGHT.replace('strategy="rest_for_one"', "strategy=HOW") + '\n\nHOW = "one_for_one"\n'
    assert verdict(source).steps[-1].say.startswith("line 17: cart crashed, and mailer, which needs it, went on")


@pytest.mark.parametrize(
    "limits", ["max_restarts=5", "max_restarts=10, max_seconds=60", "max_restarts=2, max_seconds=1"]
)
def test_any_limits_pass_that_survive_the_five_crashes(limits: str) -> None:
    assert verdict(RIGHT.replace("max_restarts=5, max_seconds=5", limits)).ok


@pytest.mark.parametrize(
    ("name", "of", "text"),
    [
        ("M21", "new mailer", "goes on as before"),
        ("M22", "Checkout", "gives up"),
        ("M24", "mailer", "is not started again"),
    ],
)
def test_an_excerpt_marks_the_fault_and_shows_no_message_that_the_session_has_not_introduced(
    name: str, of: str, text: str
) -> None:
    """It marked the exit signal of the child, or what the supervisor stopped after it had given up."""
    rows = verdict(COURSE.wrong("s12.supervisor")[name]).excerpt
    assert [(row.of, row.text) for row in rows if row.marked] == [(of, text)]
    assert not [row for row in rows if row.kind == "info"]


def test_a_supervisor_that_cannot_start_is_said_to_do_so() -> None:
    """Regression: the diagram showed ('start_spec', ('duplicate_child_name', …)), and an exit signal to the check."""
    (end,) = verdict(RIGHT.replace(", id=name", "")).excerpt
    assert (end.of, end.to, end.text, end.marked) == ("Checkout", None, "does not start", True)


@pytest.mark.parametrize(
    ("strategy", "said"),
    [
        (
            "",
            "line 14: cart crashed, and mailer, which needs it, went on as before: without a strategy, a supervisor is",
        ),
        (', strategy="one_for_one"', "line 14: cart crashed, and mailer, which needs it, went on as before"),
        (', strategy="one_for_all"', "line 14: mailer crashed, and stock, which does not need it, was restarted"),
    ],
)
def test_a_first_wrong_strategy_is_not_told_the_right_one(strategy: str, said: str) -> None:
    """Regression: the first wrong verdict said what `rest_for_one` does."""
    source = COURSE.solution("s12.supervisor").replace(', strategy="rest_for_one"', strategy)
    found = verdict(source)
    first = found.veiled()
    assert first.steps[-1].say == found.steps[-1].say
    assert first.steps[-1].say.startswith(said)
    assert first.steps[-1].say.endswith("one_for_one") is (strategy == "")
    assert (first.misconceptions, first.look, bool(first.excerpt)) == ((), "", True)
    assert found.look


def test_an_excerpt_says_how_many_rows_are_left_out() -> None:
    """Regression: the diagram seemed to show all crashes."""
    rows = verdict(RIGHT.replace("max_restarts=5", "max_restarts=1000")).excerpt
    assert [(place, row.text) for place, row in enumerate(rows) if row.kind == "gap"] == [(1, "38 more")]
    assert len(rows) == 13
