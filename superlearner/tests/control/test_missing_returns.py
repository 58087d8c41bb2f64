"""The place and the cause of a missing result are found by the message that the callback handled."""

from __future__ import annotations

import ast
import textwrap
from typing import Any

import pytest

from superlearner.control.missing_returns import find_missing_return

MISSING = "a `return` is missing"


def find(body: str, message: str | None) -> tuple[int, str] | None:
    text = "def handle_call(self, request, caller, state):\n" + textwrap.indent(textwrap.dedent(body).strip(), "    ")
    (function,) = ast.parse(text).body
    assert isinstance(function, ast.FunctionDef)
    return find_missing_return(function, message)


MATCH = """
match request:
    case "get":
        return Reply(state, state)
    case ("update", function):
        Reply(function(state), state)
    case ("add", *numbers) if numbers:
        state += 1
    case {"log": text} | ["log", text]:
        print(text)
"""


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ("('update', <function add_one>)", (6, MISSING)),
        ("('updat', <function add_one>)", (2, "no case matches ('updat', <function add_one>); did you mean 'update'?")),
        ("7", (2, "no case matches 7")),
        ("('add', 1, 2)", None),  # the guard may be false
        ("['log', 'x']", (10, MISSING)),
        ("{'log': 'x'}", None),
        ("<0.7.0>", None),
        (None, None),
    ],
)
def test_the_message_tells_a_missing_return_from_a_missing_case(message: str | None, found: Any) -> None:
    assert find(MATCH, message) == found


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("Reply(1, 1)", (2, MISSING)),
        ("if request == 'get':\n    return Reply(1, 1)", (2, "no condition was true, and there is no `else`")),
        ("if request == 'pay':\n    Reply(1, 1)\nelse:\n    return Reply(1, 1)", (3, MISSING)),
        ("if state:\n    Reply(1, 1)\nelse:\n    Reply(2, 2)", (1, MISSING)),
        ("if state:\n    return\nreturn Reply(1, 1)", (3, "")),
        ("return self.answer(request)", (2, "")),
        ("if state:\n    return self.answer(request)\nReply(1, 1)", None),
        ("while True:\n    if state:\n        return Reply(1, 1)", None),
        ("try:\n    return Reply(1, 1)\nexcept ValueError:\n    pass", (5, MISSING)),
        ("with lock:\n    Reply(\n        1, 1)", (4, MISSING)),
        ("raise ValueError", None),
        ("return Reply[int](1, 1)", None),
    ],
)
def test_each_path_without_a_result_is_found(body: str, found: Any) -> None:
    assert find(body, "'pay'") == found


@pytest.mark.parametrize(
    ("pattern", "message", "found"),
    [
        ("'<b>'", "'<b>'", (4, MISSING)),
        ("('tag', '<b>')", "('tag', '<b>')", (4, MISSING)),
        ("'<b>'", "'<i>'", (2, "no case matches '<i>'; did you mean '<b>'?")),
        ("'a long text'", "'a lo…'", None),
        ("('tag', 'a long text')", "('tag', 'a lo…')", None),
        ("True", "True", (4, MISSING)),
        ("True", "1", (2, "no case matches 1")),
        ("None", "('a',)", (2, "no case matches ('a',)")),
    ],
)
def test_a_text_is_compared_as_it_is_unless_it_is_cut(pattern: str, message: str, found: Any) -> None:
    assert find(f"match request:\n    case {pattern}:\n        Reply(1, 1)", message) == found


def test_a_long_chain_of_conditions_is_followed() -> None:
    """Regression: each `elif` took two frames of the stack."""
    chain = "\n".join(f"elif request == {number}:\n    return Reply(1, 1)" for number in range(600))
    found = find(f"if request == 'get':\n    return Reply(1, 1)\n{chain}", "'pay'")
    assert found == (1202, "no condition was true, and there is no `else`")
