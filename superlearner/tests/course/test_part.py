"""A class of functions of an answer: what is said about functions that are missing, fail, or are not awaited."""

from __future__ import annotations

import pytest

from superlearner.course.engine.child import verdict_of

CHECK = """
import otp
from superlearner.course.engine.exercise import exercise
from superlearner.course.engine.part import Part

@exercise("s00.shop")
async def shop(s):
    s.step("A shop sells.")
    shop = Part(s, "Shop", ["sell", "empty"], ["price"])
    await shop.gives(3, "price", "tea")
    await shop.gives(("tea", 2), "sell", "tea", number=2, m="M6")
    error = await shop.raises(TimeoutError, "empty", at=2)
    s.expect(str(error) == "closed", "another error")
"""
RIGHT = """
import asyncio


class Shop:
    def price(name):
        return 3

    async def sell(name, *, number):
        return name, number

    async def empty():
        await asyncio.sleep(2)
        raise TimeoutError("closed")
"""


@pytest.mark.parametrize(
    ("before", "after", "misconception", "said"),
    [
        ("class Shop", "class Market", None, "expected a definition of 'Shop' in your code"),
        ("async def sell", "async def buy", None, "expected Shop.sell(…), got none"),
        ("def price", "async def price", None, "Shop.price('tea') should return at once: write `def price`"),
        ("async def sell", "def sell", None, "expected Shop.sell('tea', number=2) to be awaited"),
        ("return 3", "return '3'", None, "expected Shop.price('tea') to return 3, got '3'"),
        (
            "name, number\n",
            "name, 0\n",
            "M6",
            "expected Shop.sell('tea', number=2) to return ('tea', 2), got ('tea', 0)",
        ),
        ("*, number", "number_of", None, "Shop.sell('tea', number=2) raised TypeError: "),
        ("sleep(2)", "sleep(1)", None, "to raise TimeoutError after 2 s, got it after 1 s"),
        ("raise Timeout", "raise Value", None, "line 14: expected Shop.empty() to raise TimeoutError, got Val"),
        (
            "raise TimeoutError(",
            "return (",
            None,
            "expected Shop.empty() to raise TimeoutError, but it returned 'closed'",
        ),
    ],
)
def test_a_fault_of_a_function_is_named(before: str, after: str, misconception: str | None, said: str) -> None:
    assert verdict_of("s00.shop", CHECK, RIGHT, [1]).ok
    assert before in RIGHT
    found = verdict_of("s00.shop", CHECK, RIGHT.replace(before, after), [1])
    assert said in found.steps[-1].say
    assert found.misconceptions == (() if misconception is None else (misconception,))
