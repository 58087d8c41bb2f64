"""Slips in plain Python, explained."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

from otp import Crash, ExceptionTerm
from otp.observer import slips, unfit_values
from otp.observer.hints import hint_for
from otp.observer.slips import explain_slip

LAST_ARGUMENT = "a server keeps no state on self: it is the last argument"
SOURCE = textwrap.dedent("""\
    from otp import GenServer, NoReply, Ok

    class Counter(GenServer):
        def init(self, start):
            return Ok(self.n)
        def handle_cast(self, request, n):
            self.n += totl(request)
            return NoReply(m + 1)
        def handle_call(self, request, caller, n):
            price = self.m or helper()
            return self.pric(prise)
        def price(self):
            return self.n

    def total(one):
        return Supervisor, otp.self(), time.time(), code, string(this.n)
    """)


PASSED = "`request` is None here: handle_cast was called with it"


def none(what: str) -> str:
    return unfit_values.NONE.replace("it", f"`{what}`", 1)


@pytest.fixture
def source(tmp_path: Path) -> str:
    path = tmp_path / "main.py"
    path.write_text(SOURCE)
    return str(path)


@pytest.mark.parametrize(
    ("line", "name", "says"),
    [
        (8, "m", "did you mean 'n'?"),
        (7, "totl", "did you mean 'total'?"),
        (11, "prise", "did you mean 'price'?"),
        (11, "price", "did you mean self.price?"),
        (15, "Supervisor", "add `from otp import Supervisor` at the top"),
        (15, "otp", "add `import otp` at the top"),
        (16, "time", "add `import time` at the top"),
        (10, "zzz", None),
        (16, "code", None),
        (16, "string", None),
        (16, "this", None),
        (13, "this", "did you mean 'self'?"),
        (13, "select", None),
        (13, "slef", "did you mean 'self'?"),
        (15, "total", None),
        (99, "rang", "did you mean 'range'?"),
        (8, "count", "the state, if you mean it, is the last argument of handle_cast: n"),
        (15, "counter", "did you mean 'Counter'?"),
        (99, "OK", "did you mean 'Ok'?"),
        (99, "true", "did you mean 'True'?"),
        (8, "null", "did you mean 'None'?"),
        (8, "Null", "did you mean 'None'?"),
    ],
)
def test_a_name_that_does_not_exist_leads_to_one_that_does(source: str, line: int, name: str, says: str | None) -> None:
    """Regression: the reason was `NameError("name 'm' is not defined")`, and no more."""
    assert says == explain_slip("NameError", f"name {name!r} is not defined", ((source, line, "any"),))


def test_who_uses_the_state_is_not_told_where_it_is(tmp_path: Path) -> None:
    """Regression: an unknown name beside the state was taken for the state."""
    path = tmp_path / "main.py"
    lines = [
        "class A(GenServer):",
        "    def handle_call(self, request, caller, state):",
        "        match request:",
        "            case ('update', change):",
        "                done = change(state)",
        "                return Reply(new_value, new_value)",
        "            case 'get':",
        "                return Reply(count, count)",
    ]
    path.write_text("\n".join(lines))
    says = [
        explain_slip("NameError", f"name {name!r} is not defined", ((str(path), line, "handle_call"),))
        for line, name in ((6, "new_value"), (8, "count"))
    ]
    assert says == [None, "the state, if you mean it, is the last argument of handle_call: state"]


@pytest.mark.parametrize(
    ("line", "function", "name", "says"),
    [
        (5, "init", "n", "a server keeps no state on self: init returns it, as in Ok(state)"),
        (7, "handle_cast", "n", f"{LAST_ARGUMENT}, n; return the new one, as in NoReply(new)"),
        (10, "handle_call", "m", f"{LAST_ARGUMENT}, n; return the new one, as in Reply(value, new)"),
        (11, "handle_call", "pric", "did you mean 'price'?"),
        (13, "price", "n", None),
        (8, "handle_cast", "n", None),
    ],
)
def test_state_on_self_leads_to_the_last_argument(
    source: str, line: int, function: str, name: str, says: str | None
) -> None:
    """Regression: nothing explained the mistake of those who know classes."""
    reason = Crash(
        ExceptionTerm("AttributeError", (), f"'Counter' object has no attribute {name!r}"),
        ((source, line, f"Counter.{function}"),),
    )
    assert says == hint_for(reason, function)


def test_state_on_self_is_explained_without_a_source_too() -> None:
    stack = (("<eval>", 3, "Counter.handle_cast"),)
    says = explain_slip("AttributeError", "'Counter' object has no attribute 'n'", stack)
    assert says == f"{LAST_ARGUMENT}; return the new one, as in NoReply(new)"
    assert explain_slip("AttributeError", "'Cart' object has no attribute 'n'", stack) is None


ATTRIBUTES = textwrap.dedent("""\
    import otp
    from otp import GenServer

    class Counter(GenServer):
        step = 1
        def total(self):
            self.count = 1
            return self.cuont

    class Account:
        owner: str = ""
        def __init__(self):
            self.balance = 0

    class Savings(Account):
        rate = 2
    """)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("'Counter' object has no attribute 'stepp'", "did you mean 'step'?"),
        ("'Counter' object has no attribute 'totl'", "did you mean 'total'?"),
        ("'Counter' object has no attribute 'pd'", "did you mean 'pid'?"),
        ("'Counter' object has no attribute 'cuont'", None),
        ("'Savings' object has no attribute 'balanse'", "did you mean 'balance'?"),
        ("'Savings' object has no attribute 'ownr'", "did you mean 'owner'?"),
        ("'Savings' object has no attribute 'zzz'", None),
        ("'str' object has no attribute 'uper'", "did you mean 'upper'?"),
        ("'Unknown' object has no attribute 'uper'", None),
        ("type object 'GenServer' has no attribute 'cal'", "did you mean 'call'?"),
        ("type object 'Counter' has no attribute 'chld_spec'", "did you mean 'child_spec'?"),
        ("module 'otp' has no attribute 'slef'", "did you mean 'self'?"),
        ("module 'asyncio' has no attribute 'slep'", "did you mean 'sleep'?"),
    ],
)
def test_an_attribute_that_does_not_exist_leads_to_one_that_does(tmp_path: Path, text: str, says: str | None) -> None:
    """Regression: only methods of the class of `self` were suggested."""
    path = tmp_path / "main.py"
    path.write_text(ATTRIBUTES)
    assert says == explain_slip("AttributeError", text, ((str(path), 8, "Counter.total"),))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("unsupported operand type(s) for +: 'int' and 'str'", slips.MIXED),
        ("unsupported operand type(s) for -=: 'str' and 'float'", slips.MIXED),
        ("unsupported operand type(s) for ** or pow(): 'int' and 'str'", slips.MIXED),
        ('can only concatenate str (not "int") to str', slips.MIXED),
        ("'<' not supported between instances of 'int' and 'str'", slips.MIXED),
        ("unsupported operand type(s) for +: 'NoneType' and 'int'", unfit_values.NONE),
        ("unsupported operand type(s) for +: 'int' and 'list'", None),
    ],
)
def test_a_number_and_a_text_are_told_apart(text: str, says: str | None) -> None:
    assert says == hint_for(Crash(ExceptionTerm("TypeError", (), text), ()), "handle_cast")


@pytest.mark.parametrize(
    ("code", "line", "says"),
    [
        ("return NoReply(n + 1)", 3, unfit_values.NO_STATE.format("n")),
        ("n += 1", 3, unfit_values.NO_STATE.format("n")),
        ("return NoReply(n + request)", 3, unfit_values.NO_STATE.format("n")),
        ("return NoReply(n + request + 1)", 3, unfit_values.NO_STATE.format("n")),
        ("return NoReply(request + n)", 3, PASSED),
        ("return NoReply(found(request) + n)", 3, none("found(request)")),
        ("return NoReply(found + 1)", 3, none("found")),
    ],
)
def test_a_state_that_is_none_is_not_a_missing_return(tmp_path: Path, code: str, line: int, says: str) -> None:
    """Regression: a child without its argument was told that a return is missing."""
    file = tmp_path / "main.py"
    file.write_text(f"class Counter(GenServer):\n    def handle_cast(self, request, n):\n        {code}\n")
    text = "unsupported operand type(s) for +: 'NoneType' and 'int'"
    assert says == explain_slip("TypeError", text, ((str(file), line, "Counter.handle_cast"),))


@pytest.mark.parametrize(
    ("result", "what", "instead"),
    [
        ("NoReply(n.append(request))", "append", "write NoReply(n + [request])"),
        ("otp.Reply(1, n.update(request))", "update", "write Reply(1, n | request)"),
        ("NoReply(n.sort(key=len))", "sort", "write NoReply(sorted(n, key=len))"),
        ("NoReply(n.clear())", "clear", "call it in the line before, and write NoReply(n)"),
    ],
)
def test_a_state_of_none_from_a_change_in_place_is_at_its_line(
    tmp_path: Path, result: str, what: str, instead: str
) -> None:
    """Regression: the advice was to restart the supervisor of an earlier code, which there was not."""
    file = tmp_path / "main.py"
    file.write_text(
        "class Counter(GenServer):\n    def handle_cast(self, request, n):\n"
        f"        len(n)\n        return {result}\nMain = [Counter.child_spec([])]\n"
    )
    says = explain_slip("TypeError", "object of type 'NoneType' has no len()", ((str(file), 3, "Counter.handle_cast"),))
    assert says == f"the state n is None, perhaps from line 4: n.{what} changes n and returns None; {instead}"


def test_a_method_of_the_program_is_no_change_in_place(tmp_path: Path) -> None:
    """Regression: only the methods of the server's own class were excepted, not those of others in its file."""
    file = tmp_path / "main.py"
    file.write_text(
        "class Log:\n    def append(self, one):\n        return self\n"
        "class Counter(GenServer):\n    def handle_cast(self, request, n):\n"
        "        len(n)\n        return NoReply(n.append(request))\n"
    )
    says = explain_slip("TypeError", "object of type 'NoneType' has no len()", ((str(file), 6, "Counter.handle_cast"),))
    assert says == unfit_values.NO_STATE.format("n")


def test_a_method_that_is_not_there_is_no_state(tmp_path: Path) -> None:
    """Regression: the advice on a method that is not defined was about state on self."""
    file = tmp_path / "main.py"
    file.write_text("class Jar(GenServer):\n    def handle_cast(self, request, n):\n        self.help(n)\n")
    text = "'Jar' object has no attribute 'help'"
    says = explain_slip("AttributeError", text, ((str(file), 3, "Jar.handle_cast"),))
    assert says == "Jar has no method help: define it in the class, or correct its name"


@pytest.mark.parametrize(
    ("child", "says"),
    [
        ("Counter.child_spec(0)", unfit_values.OLD_START),
        ('Counter.child_spec(0, name="counter")', unfit_values.OLD_START),
        ("(Counter, 0)", unfit_values.OLD_START),
        ('{"id": "c", "start": (Counter.start_link, 0)}', unfit_values.OLD_START),
        ('Counter.child_spec(name="counter")', unfit_values.NO_STATE),
        ("Counter.child_spec(None)", unfit_values.NO_STATE),
        ("Other.child_spec(0)", unfit_values.NO_STATE),
        ("Counter", unfit_values.NO_STATE),
    ],
)
def test_a_start_argument_that_the_code_passes_is_not_advised_again(tmp_path: Path, child: str, says: str) -> None:
    """Regression: after a hot reload that added the argument, the next crash suggested adding it."""
    file = tmp_path / "main.py"
    code = "class Counter(GenServer):\n    def handle_cast(self, request, n):\n        return NoReply(n + 1)\n"
    file.write_text(
        f"{code}\n\nclass Main(Supervisor):\n    def init(self, arg):\n        return Children([{child}])\n"
    )
    text = "unsupported operand type(s) for +: 'NoneType' and 'int'"
    assert says.format("n") == explain_slip("TypeError", text, ((str(file), 3, "Counter.handle_cast"),))


@pytest.mark.parametrize(
    ("made", "code", "error", "says"),
    [
        ("{'x': arg}", "n['x'] += 1", "TypeError: 'int' object is not subscriptable", ("a number", "a dictionary")),
        ("[]", "n.append(1)", "AttributeError: 'int' object has no attribute 'append'", ("a number", "a list")),
        (
            "0",
            "n += 1",
            "TypeError: unsupported operand type(s) for +=: 'dict' and 'int'",
            ("a dictionary", "a number"),
        ),
        (
            "0",
            "return 1 + n",
            "TypeError: unsupported operand type(s) for +: 'int' and 'str'",
            ("a string", "a number"),
        ),
        ("list(arg)", "for x in n: pass", "TypeError: 'int' object is not iterable", ("a number", "a list")),
        ("{'x': 0}", "n['x'] += 1", "KeyError: 'x'", ("'x'",)),
        ("arg", "n['x'] += 1", "TypeError: 'int' object is not subscriptable", None),
        ("{}", "n = len(n); n[1]", "TypeError: 'int' object is not subscriptable", None),
        ("{}", "n['x'] += 1", "KeyError: 'x'", None),
    ],
)
def test_a_state_from_before_a_change_of_init_is_told(
    tmp_path: Path, made: str, code: str, error: str, says: tuple[str, ...] | None
) -> None:
    """Regression: after a hot reload that changed the state, the line was said to be wrong."""
    file = tmp_path / "main.py"
    file.write_text(
        f"class Counter(GenServer):\n    def init(self, arg):\n        return Ok({made})\n\n"
        f"    def handle_cast(self, request, n):\n        {code}\n"
    )
    kind, _, text = error.partition(": ")
    found = explain_slip(kind, text, ((str(file), 6, "Counter.handle_cast"),)) or ""
    if says is None:
        assert unfit_values.EARLIER not in found
    else:
        words = unfit_values.OLD_KEYS if kind == "KeyError" else unfit_values.OLD_STATE
        assert words.format("n", *says) == found


def test_a_state_on_the_right_that_is_none_is_not_a_missing_return(tmp_path: Path) -> None:
    file = tmp_path / "main.py"
    file.write_text("class Counter(GenServer):\n    def handle_cast(self, request, n):\n        return request > n\n")
    stack = ((str(file), 3, "Counter.handle_cast"),)
    for left, right, says in (
        ("int", "NoneType", unfit_values.NO_STATE.format("n")),
        ("NoneType", "int", PASSED),
    ):
        text = f"'>' not supported between instances of '{left}' and '{right}'"
        assert says == explain_slip("TypeError", text, stack)


def test_an_import_that_fails_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wrong = "cannot import name 'GenSever' from 'otp' (otp/__init__.py)"
    assert "did you mean 'GenServer'?" == explain_slip("ImportError", wrong, ())
    assert "did you mean 'asyncio'?" == explain_slip("ModuleNotFoundError", "No module named 'asynco'", ())
    assert explain_slip("ModuleNotFoundError", "No module named 'requests'", ()) is None
    monkeypatch.setattr(slips, "HIDDEN_FILE", str(tmp_path / "passwd"))  # as behind walls
    no_address = "<urlopen error [Errno -3] Temporary failure in name resolution>"
    assert slips.NO_NETWORK == explain_slip("URLError", no_address, ())
    assert slips.ONLY_STANDARD == explain_slip("ModuleNotFoundError", "No module named 'requests'", ())


def test_input_in_a_process_leads_to_a_message() -> None:
    assert slips.NO_INPUT == explain_slip("EOFError", "EOF when reading a line", ())


def test_a_file_that_is_hidden_is_not_a_wrong_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    missing: Any = ("FileNotFoundError", "[Errno 2] No such file or directory: 'notes.txt'", ())
    assert explain_slip(*missing) is None
    monkeypatch.setattr(slips, "HIDDEN_FILE", str(tmp_path / "passwd"))  # as behind walls
    assert explain_slip(*missing) == slips.HIDDEN


def test_slips_with_otp_itself_say_what_it_has() -> None:
    assert "did you mean 'otp'?" == explain_slip("ModuleNotFoundError", "No module named 'opt'", ())
    assert slips.BEHAVIOURS == explain_slip("ImportError", "cannot import name 'Wrkx' from 'otp'", ())
    assert "write await asyncio.sleep(…)" == explain_slip("AttributeError", "module 'otp' has no attribute 'sleep'", ())
