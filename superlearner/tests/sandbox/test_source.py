"""Sources are checked by another program; errors have their place, before anything starts."""

from __future__ import annotations

import time

import pytest

import otp
from superlearner.sandbox import source
from superlearner.sandbox.source import SourceProblem, check_source
from superlearner.sandbox.syntax import look

TREE = "from otp import Children, Supervisor\n\n"


def starts(text: str) -> str | None:
    return look(text).get("starts")


def test_the_class_main_is_started_whatever_else_is_there() -> None:
    assert starts(f"{TREE}class Main(Supervisor): ...\nclass Other(Supervisor): ...") == "Main"


def test_else_the_only_application_and_else_the_only_supervisor() -> None:
    assert starts(f"{TREE}class Shop(Supervisor): ...") == "Shop"
    assert starts(f"{TREE}class App(Application): ...\nclass Shop(Supervisor): ...") == "App"


def test_a_supervisor_by_another_class_of_the_text_is_one() -> None:
    assert starts("class Base(otp.GenServer): ...\nclass Shop(Base, otp.Supervisor): ...") == "Shop"


def test_classes_that_derive_from_each_other_end_the_search() -> None:
    assert "problem" in look("class A(B): ...\nclass B(A): ...")


def test_main_may_come_from_elsewhere() -> None:
    assert starts("from superlearner.demo import Shop as Main") == "Main"
    assert starts("Main = make()") == "Main"


def test_two_trees_are_asked_about_at_the_second() -> None:
    problem = look(f"{TREE}class A(Supervisor): ...\nclass B(Supervisor): ...")["problem"]
    assert (4, 1) == (problem["line"], problem["column"])
    assert problem["message"] == "this code defines 2 supervisors that no other uses, A and B"
    assert "Main" in problem["hint"]


SHOP = "class Shop(Supervisor):\n    async def init(self, args): return Children([{child}])\n"
CELLAR = "class Cellar(Supervisor): ...\n"


@pytest.mark.parametrize(
    "text",
    [
        SHOP.format(child="Cellar.child_spec(None)") + CELLAR,
        CELLAR + SHOP.format(child="Cellar"),
        CELLAR + "def below(): return Cellar.child_spec(None)\n" + SHOP.format(child="below()"),
        CELLAR + SHOP.format(child="Cellar") + "async def main(): await Shop.start_link(None)\n",
    ],
    ids=["above", "below", "by a function", "started by a function"],
)
def test_a_supervisor_that_another_uses_is_not_a_second_tree(text: str) -> None:
    assert starts(f"{TREE}{text}") == "Shop"


def test_an_application_that_another_uses_is_not_a_second_one() -> None:
    others = "class Shop(Application): x = lambda: Database\nclass S(Supervisor): ...\n"
    assert starts(f"{TREE}class Database(Application): ...\n{others}") == "Shop"
    circle = f"{TREE}class Database(Application): x = lambda: Shop\n{others}class T(Supervisor): ...\n"
    assert look(circle)["problem"]["message"] == "this code defines applications that use each other, Database and Shop"


def test_supervisors_that_use_each_other_are_not_called_separate() -> None:
    problem = look(f"{TREE}class A(Supervisor): x = lambda: B\nclass B(Supervisor): x = lambda: A")["problem"]
    assert problem["message"] == "this code defines supervisors that use each other, A and B"


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("class Main(:\n  pass", 1, 12),
        ("x = 1\nif x:\nprint(x)", 3, 1),
        ("x = (1,\ny = 2", 1, 5),
        ("return 1", 1, 1),
        ("x = 'a", 1, 5),
    ],
    ids=["bracket", "indent", "never closed", "return outside", "open string"],
)
def test_a_syntax_error_says_line_and_column(text: str, line: int, column: int) -> None:
    async def main() -> None:
        with pytest.raises(SourceProblem) as failure:
            await check_source(text)
        assert (line, column) == (failure.value.line, failure.value.column)

    otp.run(main)


@pytest.mark.parametrize(
    "text",
    ["-" * 150_000 + "1", "(" * 150_000, "a\0b", "x = '\ud800'", "[" * 90 + "]" * 90 + "\n" + "f(" * 4000],
    ids=["signs", "brackets", "null", "surrogate", "calls"],
)
def test_no_text_ends_the_caller(text: str) -> None:
    async def main() -> None:
        with pytest.raises(SourceProblem):
            await check_source(text)

    otp.run(main)


def test_a_busy_machine_is_not_reported_as_a_problem_of_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: line 1 of a short source was marked, with the hint to try a shorter text."""
    monkeypatch.setattr(source, "PATIENCE_S", 0.0)

    async def main() -> None:
        with pytest.raises(TimeoutError, match="this machine is busy: it could not check the code within 0 s"):
            await check_source("class Main(Supervisor): ...")

    otp.run(main)


def test_nothing_of_it_runs() -> None:
    begun = time.perf_counter()

    async def main() -> str:
        return (await check_source("import time\ntime.sleep(60)\nclass Main(Supervisor): ...")).starts

    assert otp.run(main) == "Main"
    assert time.perf_counter() - begun < 30


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (
            "import otp\nclass Tally(otp.Supervisor): ...\nasync def main(): ...\notp.run(main)",
            4,
            "leave out otp.run(main)",
        ),
        (
            "class Main(Supervisor): ...\nx = asyncio.run(Main.start_link())",
            2,
            "leave out asyncio.run(Main.start_link())",
        ),
        (
            "async def go(): await Main.start()\nclass Main(Supervisor): ...\nasyncio.run(go())",
            3,
            "leave out asyncio.run(go())",
        ),
        ("class Main(Supervisor): ...\nsys.exit(1)", 2, "leave it out"),
    ],
)
def test_a_program_that_starts_or_ends_itself_is_told_so_at_the_line(text: str, line: int, said: str) -> None:
    """Regression: a sandbox answered with `if __name__ == '__main__'`, and with the end of the interpreter."""
    problem = look(text)["problem"]
    assert (line, said) == (problem["line"], problem["hint"])


@pytest.mark.parametrize(
    "last",
    [
        "if __name__ == '__main__': otp.run(main)",
        "x = asyncio.run(load())",
        "x = lambda: sys.exit()",
        "def later(): sys.exit()",
        "def exit(): ...\nexit()",
        "from otp import *\nquit = print\nexit('till', 'kill')",
    ],
)
def test_what_a_sandbox_does_not_run_or_can_is_no_problem(last: str) -> None:
    assert starts(f"{TREE}class Main(Supervisor): ...\n{last}") == "Main"


def test_an_await_outside_of_functions_has_a_next_step() -> None:
    assert "from the tab Process" in look("await GenServer.call('till', 'total')")["problem"]["hint"]


def test_a_server_alone_is_the_example_of_a_child() -> None:
    problem = look("class Till(GenServer[int]): ...")["problem"]
    assert problem["hint"].endswith("returns Children([Till.child_spec(0)])")


MAIN = "class Main(Supervisor): ...\n"


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        (f"# coding: rot13\n{MAIN}", 1, 11, "the coding rot13"),
        (f"# a till\n# -*- coding: latin-1 -*-\n{MAIN}", 2, 15, "the coding latin-1"),
        (f"\r# vim: set fileencoding=utf-7 :\r{MAIN}", 2, 25, "the coding utf-7"),
        (f"\f# coding: utf-16\n{MAIN}", 1, 12, "the coding utf-16"),
        (f"\ufeff{MAIN}", 1, 1, "byte order mark"),
        (f"{MAIN}x = 1\r\ny\0", 3, 2, "a null byte"),
        (f"{MAIN}x = '\ud800'", 2, 6, "surrogate"),
    ],
    ids=["rot13", "second line", "carriage returns", "form feed", "byte order mark", "null", "surrogate"],
)
def test_text_that_is_not_utf_8_is_refused_with_the_place(text: str, line: int, column: int, message: str) -> None:
    """Python would read the file by the coding that it names: another text would run than the one that was read."""
    problem = look(text)["problem"]
    assert (line, column) == (problem["line"], problem["column"])
    assert message in problem["message"]


@pytest.mark.parametrize(
    "text",
    [
        f"# -*- coding: UTF_8 -*-\n{MAIN}",
        f"'''# coding: latin-1'''\n{MAIN}",
        f"x = 1\n# coding: latin-1\n{MAIN}",
        f"#\n#\n# coding: latin-1\n{MAIN}",
        f"x = 1\f\r{MAIN}",
    ],
    ids=["utf-8", "in a text", "after code", "third line", "form feed"],
)
def test_text_without_another_coding_is_accepted(text: str) -> None:
    assert starts(text) == "Main"


SHOP = """\
class Main(Supervisor):
    def init(self, arg):
        return Children(
            [
                Till.child_spec(0, name="till"),
                Till.child_spec(0, name="second"),
            ],
            strategy="one_for_one",
        )
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "message"),
    [
        ("return Ch", "retrun Ch", 3, 9, "invalid syntax: did you mean 'return'?"),
        ("class", "clas", 1, 1, "invalid syntax: did you mean 'class'?"),
        ("    def", "    dfe", 2, 5, "invalid syntax: did you mean 'def'?"),
        ("class", "form otp import Children\nclass", 1, 1, "invalid syntax: did you mean 'from'?"),
        ("            ],\n", "", 6, 50, "']' is missing here: nothing closes '[' of line 4"),
        ("Children(", "(", 3, 16, "the name of a function or class is missing before '(', such as Children"),
    ],
)
def test_a_slip_is_named_at_its_place(old: str, new: str, line: int, column: int, message: str) -> None:
    """Regression: only *invalid syntax* stood at the next word, and a bracket was missed lines after its place."""
    assert "Main" == starts(SHOP)
    problem = look(SHOP.replace(old, new, 1))["problem"]
    assert (line, column, message) == (problem["line"], problem["column"], problem["message"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("retrun = 1\nx = = 2\n", "invalid syntax"),
        ("returned = 1; x y\n", "invalid syntax"),
        ("if x = 1:\n    pass\n", "invalid syntax. Maybe you meant '==' or ':=' instead of '='?"),
        ("print = (1, x = 2]\n", "closing parenthesis ']' does not match opening parenthesis '('"),
    ],
)
def test_another_error_keeps_the_message_of_python(text: str, message: str) -> None:
    assert message == look(text)["problem"]["message"]


def test_the_message_about_a_very_long_line_is_short() -> None:
    problem = look("x=" + "1+" * 90_000 + "\n")["problem"]
    assert (1, 180_003) == (problem["line"], problem["column"])
    assert len(problem["message"]) < 100


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ('match x:\n    case "look"\n        pass', ' after case "look"'),
        ("while x  # always\n    pass", " after while x"),
        ("class Jar(GenServer)\n    pass", " after class Jar(GenServer)"),
        ("try\n    pass", " after try"),
        (f"if {'x + ' * 20}1\n    pass", " after if"),
        ("if (x or\n    y)\n    pass", ""),
    ],
)
def test_a_missing_colon_is_told_with_what_it_belongs_to(text: str, after: str) -> None:
    assert f"expected ':'{after}" == look(text)["problem"]["message"]


MATCH = "def f(x):\n    match x:\n        case 1:\n            pass\n"


@pytest.mark.parametrize(
    ("text", "message", "column"),
    [
        ("n = 0\nn++\n", "Python has no ++: write n += 1", 2),
        ("def f(n):\n    n--  # less\n    return n\n", "Python has no --: write n -= 1", 6),
        (f"{MATCH}        else:\n            pass\n", "a match has no else: write case _:", 9),
        (f"{MATCH}    else:\n        pass\n", "invalid syntax", 5),
    ],
)
def test_a_form_of_another_language_is_told_with_that_of_python(text: str, message: str, column: int) -> None:
    problem = look(text)["problem"]
    assert (message, column) == (problem["message"], problem["column"])


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("      pass", "align this line with a line of its block"),
        ("            pass", "align this line with the line above"),
    ],
)
def test_a_line_at_a_wrong_place_has_a_hint(line: str, hint: str) -> None:
    problem = look(f"def f():\n        x = 1\n{line}\n")["problem"]
    assert problem["hint"].startswith(hint)


def test_a_quoted_line_has_no_secret() -> None:
    with pytest.raises(SourceProblem) as wrong:
        otp.run(lambda: check_source('if password == "hunter2"\n    pass'))
    assert "hunter2" not in wrong.value.message
    assert wrong.value.message.startswith("expected ':' after if password == ")
