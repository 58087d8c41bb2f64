"""Exceptions about values that do not fit, explained: each is raised by Python, in the version that runs."""

from __future__ import annotations

import asyncio
import linecache
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from otp import Crash, ExceptionTerm
from otp.kernel.values.exception_reasons import stack_of
from otp.observer import unfit_values
from otp.observer.hints import hint_for
from otp.observer.unfit_values import explain_unfit_value

NO_NAME = unfit_values.NO_JSON["Expecting property name"]
REMOVE = unfit_values.NO_JSON["Illegal trailing comma"]
SOURCE = """\
import json
import random

total = 0


class Item:
    def __init__(self, name):
        self.name = name

    def add(self, count, price=1):
        return count

    def show():
        return 1


def walk(n):
    return walk(n + 1)


def here(n):
    return there(n)


def there(n):
    return here(n)


def plain():
    return 1


async def run(stock, queue, nothing, count, zero):
    {code}
"""


def explained(folder: Path, code: str) -> str | None:
    """Return the hint about the exception that a line of code raises."""
    path = folder / "main.py"
    text = SOURCE.replace("{code}", textwrap.indent(code, "    ").lstrip())
    path.write_text(text)
    linecache.checkcache(str(path))
    names: dict[str, Any] = {}
    exec(compile(text, str(path), "exec"), names)
    with pytest.raises(Exception) as raised:
        asyncio.run(names["run"]({"pear": 2}, [], None, 3, 0))
    error = raised.value
    own = tuple(each for each in stack_of(error.__traceback__) if each[0] == str(path))
    innermost = stack_of(error.__traceback__)
    stack = own if innermost[-1][0] == str(path) else innermost
    return hint_for(Crash(ExceptionTerm(type(error).__name__, (), str(error)), stack), "run")


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (
            "return stock['apple']",
            "`stock` has no key 'apple': check it with `in` first, or write stock.get('apple'), which returns None "
            "if it is missing",
        ),
        ("stock['plum'] += 1", "`stock` has no key 'plum' yet: stock.get('plum', 0) gives a first value"),
        ("stock[count] += [1]", "`stock` has no key 3 yet: stock.get(count, []) gives a first value"),
        ("del stock[count]", "`stock` has no key 3: stock.pop(count, None) removes it only if it is there"),
        ("stock.pop('fig')", "`stock` has no key 'fig': stock.pop('fig', None) removes it only if it is there"),
        ("{1}.remove(2)", "`{1}` has no element 2: {1}.discard(2) removes it only if it is there"),
        ("return stock['pear'] + stock['fig'] * queue[0:1]", "`stock` has no key 'fig': check"),
        ("return stock['fig'] + 1", "`stock` has no key 'fig': check it with `in` first, or write stock.get('fig', 0)"),
        ("return stock['fig'] < 1", "`stock` has no key 'fig': check it with `in` first, or write stock.get('fig', 0)"),
        (
            "return 'a' + stock[count]",
            '`stock` has no key 3: check it with `in` first, or write stock.get(count, "")',
        ),
        ("return stock[count] + {}[count]", "a dictionary in this line has no such key: check it with `in` first"),
        ("raise KeyError('apple')", None),
        ("return queue[0]", "`queue` is too short to have an item [0]: check its len(…) first"),
        ("queue[count] = 1", "`queue` is too short to have an item [count]: check its len(…) first"),
        ("return queue[0] + 'abc'[count]", "a list in this line is shorter than that: check its len(…) first"),
        ("return queue.pop()", "`queue` is empty: check that before you take from it"),
        ("return set().pop()", "`set()` is empty: check that before you take from it"),
        ("{}.popitem()", "`{}` is empty: check that before you take from it"),
        ("random.choice(queue)", "there is nothing to choose from: check for an empty list first"),
        ("return count / zero", "`zero` is 0: check it before you divide"),
        ("count %= zero - 0", "`zero - 0` is 0: check it before you divide"),
        ("return divmod(1, zero)", "`zero` is 0: check it before you divide"),
        ("return count // zero + count / total", "a divisor is 0: check it before you divide"),
        ("return 1 / 0", "nothing can be divided by 0"),
        ("return walk(0)", "`walk` calls itself forever: return without the call when nothing is left to do"),
        ("here(0)", "functions call each other forever: one of them must return without calling another"),
        ("return next(iter(queue))", "next(…) found no more values: give it a default, as in next(values, None)"),
        (
            "for key in stock:\n    stock[key * 2] = 1",
            "the loop changes its own collection: loop over a copy, list(…)",
        ),
    ],
)
def test_a_value_that_is_not_there_is_named(tmp_path: Path, code: str, says: str | None) -> None:
    """Regression: the reason was `KeyError('apple')`, and no more."""
    found = explained(tmp_path, code)
    assert (found or "").startswith(says) if says else found is None


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("nothing.get(1)", "`nothing` is None here: run was called with it"),
        ("nothing[1]", "`nothing` is None here: run was called with it"),
        ("nothing[1] = 2", "`nothing` is None here: run was called with it"),
        ("for x in nothing: pass", "`nothing` is None here: run was called with it"),
        ("return 1 in nothing", "`nothing` is None here: run was called with it"),
        ("return len(nothing)", "`nothing` is None here: run was called with it"),
        ("nothing()", "`nothing` is None here: run was called with it"),
        ("a, b = nothing", "`nothing` is None here: run was called with it"),
        ("found = print()\nfound.x", "`found` is None here: a function without a `return` gives None"),
        ("return stock.get(5).x + stock.get(6).x", "it is None here: a function without a `return` gives None"),
        ("return count(1)", "`count` is a number, not a function: write it without (…)"),
        ("return count[1]", "`count` is a number, which has no items to read with […]"),
        ("count.append(1)", "`count` is a number, which has no append"),
        ("queue.add(1)", "`queue` is a list, which has no add"),
        ("for x in count: pass", "a number cannot be looped over: use range(number) to count"),
        ("count['oat'] = 3", "`count` is a number, which has no items: use a dictionary, for example {}"),
        ("del count[1]", "`count` is a number, which has no items: use a dictionary, for example {}"),
        ("(1, 2)[0] = 3", "a tuple cannot be changed: make a new one"),
        ("{queue: 1}", "a list cannot be a key of a dictionary or an element of a set: use a tuple or a string"),
        ("queue['a']", "a list is indexed by integers, not by a string"),
        ("int('x')", "int(…) reads only a whole number, not 'x': check the string first, or catch ValueError"),
        ("float('x')", "float(…) reads only a number, not 'x': check the string first, or catch ValueError"),
        ("json.loads('{x}')", NO_NAME),
        ("json.loads('{\"a\": 1,}')", REMOVE if sys.version_info >= (3, 13) else NO_NAME),
        (r"json.loads('\"\\d\"')", r"JSON does not have this escape: write a backslash as \\"),
        (r"json.loads('\"\n\"')", r"a string has a line break or a tab in it: write it as an escape, such as \n or \t"),
        ("json.loads('{\"a\": [1')", "a comma or a closing bracket is missing there, or the text ends too early"),
        ("json.loads('')", 'the text is empty or not JSON; JSON looks like {"a": 1}'),
        ("a, b, c = 1, queue", "the left side has 3 names, and the right side only 2 values"),
        ("a, b = 1, 2, 3", "the right side has more values than the 2 names on the left"),
        ("max(queue)", "max(…) got no values: give it a default, as in max(values, default=0)"),
        ("queue.remove(1)", "the list has no such element: check it with `in` first"),
    ],
)
def test_a_value_of_another_kind_is_named(tmp_path: Path, code: str, says: str) -> None:
    assert says == explained(tmp_path, code)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (
            "Item('a').add(1, 2, 3)",
            "the call gives 3 values, and add(self, count, price=1) in line 11 takes at most 2",
        ),
        ("plain(1)", "the call gives 1 value, and plain() in line 30 takes none"),
        ("Item('a').show()", "a method gets `self` first: write def show(self) in line 14"),
        ("Item()", "the call gives no value for 'name': __init__(self, name) is in line 8"),
        ("Item('a').add()", "the call gives no value for 'count': add(self, count, price=1) is in line 11"),
        ("Item('a').add(1, prise=2)", "did you mean 'price'?"),
        ("plain(deep=2)", "plain() in line 30 has no parameter deep"),
        ("asyncio_wait = lambda a: a\nasyncio_wait()", "the call gives no value for 'a'"),
    ],
)
def test_a_call_with_wrong_arguments_leads_to_the_function(tmp_path: Path, code: str, says: str) -> None:
    assert says == explained(tmp_path, code)


def test_a_variable_without_a_value_is_told_from_one_of_the_module(tmp_path: Path) -> None:
    assert explained(tmp_path, "total += 1") == (
        "run assigns total, so total is local there: keep the value in the state instead"
    )
    assert explained(tmp_path, "if zero:\n    price = 1\nreturn price") == (
        "no line before this one gave price a value: give it one at the beginning of run"
    )


def test_a_callback_that_lacks_an_argument_or_has_one_too_many_is_answered_alike() -> None:
    for text in ("takes 2 positional arguments but 3 were given", "missing 1 required positional argument: 'more'"):
        reason = Crash(ExceptionTerm("TypeError", (), f"Tally.handle_cast() {text}"), ())
        assert hint_for(reason, "handle_cast") == "write def handle_cast(self, request, state)"


def test_a_line_of_a_library_is_not_the_mistake() -> None:
    assert explain_unfit_value("KeyError", "'apple'", ((json_file(), 100, "loads"),)) is None
    assert explain_unfit_value("KeyError", "'apple'", ()) is None


def json_file() -> str:
    import json

    return json.__file__
