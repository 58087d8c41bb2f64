"""The words of checks about a tree of supervisors."""

from __future__ import annotations

import pytest

from superlearner.course.engine.child import verdict_of

CHECK = """
from superlearner.course.engine.exercise import exercise

@exercise("tree")
async def check(s):
    s.step("Only what needs it restarts.")
    tree = await s.tree("Top", 3)
    await tree.crash("b", "c", "d")
    s.same(list(tree.types.values()), ["worker", "worker", "supervisor", "worker"])
    s.step("It stops in reverse.")
    s.same(await tree.stop(), ["d", "c", "b", "a"])
"""
ANSWER = """
from otp import Children, GenServer, Ok, Supervisor

class Part(GenServer):
    def init(self, arg):
        return Ok(arg)

class Low(Supervisor):
    def init(self, arg):
        return Children([Part.child_spec(id=1, name="d")])

class Top(Supervisor):
    def init(self, most):
        children = [Part.child_spec(id="a"), Part.child_spec(id="b"), Low.child_spec(id="c")]
        return Children(children, strategy="rest_for_one", max_restarts=most)
"""


def test_the_children_of_supervisors_belong_to_it_and_are_called_by_name_or_id() -> None:
    assert verdict_of("tree", CHECK, ANSWER, [1, 2, 3]).ok


@pytest.mark.parametrize(
    ("before", "after", "misconception", "said"),
    [
        ("rest_for_one", "one_for_one", "M21", "line 15: b crashed, and c, which needs it, went on as before"),
        ("rest_for_one", "one_for_all", "M20", "line 15: b crashed, and a, which does not need it, was restarted"),
        ('id="b"', 'id="b", restart="temporary"', "M24", "line 14: b crashed, and it was not started again"),
        ("=most", "=0", "M22", "b crashed once, and Top gave up and ended"),
        (
            'Low.child_spec(id="c")',
            'Part.child_spec(id="c", type="supervisor")',
            "M25",
            "c says that it is a supervisor",
        ),
        ("Top(Supervisor)", "Top(GenServer)", "M25", "write class Top(Supervisor)"),
    ],
)
def test_a_crash_that_renews_something_else_is_told_with_its_misconception(
    before: str, after: str, misconception: str, said: str
) -> None:
    found = verdict_of("tree", CHECK, ANSWER.replace(before, after), [1])
    assert said in found.steps[-1].say
    assert found.misconceptions == (misconception,)
