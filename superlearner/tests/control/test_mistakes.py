"""The line of a mistake that the runtime rejects in its own code: options, results, signatures, children."""

from __future__ import annotations

import ast
from typing import Any

import pytest

import otp
from otp import Children, Crash, ExceptionTerm, GenServer, NoReply, Reply, Supervisor, impl
from superlearner.control.mistakes import locate, place_of_failed_start

SOURCE = """\
from otp import Children, GenServer, NoReply, Ok, Reply, Stop, Supervisor


class Counter(GenServer):
    def init(self, start):
        return start

    def handle_call(self, request, caller, n):
        if request == "get":
            return Reply(n, n)
        n + 1

    def handle_cast(self, request, n):
        match request:
            case "add":
                return Reply(n, n)
            case "value":
                return n
            case _:
                return NoReply(n)


class Room(Supervisor):
    def init(self, arg):
        return Children([Counter.child_spec(0, restart="always")])


class Main(Supervisor):
    def init(self, arg):
        return Children(
            [
                Counter.child_spec(0, id="a", name="x"),
                Counter.child_spec(
                    1,
                    id="b",
                    name="x",
                    restart="always",
                    shutdown=-1,
                ),
                {"id": "c", "strat": Counter},
                "Counter",
            ],
            strategy="one_for_two",
            max_restarts="many",
        )
"""


def line_of(callback: str, reason: Any, cls: str = "Main", source: str = SOURCE) -> str:
    """Return the text of the line that is found."""
    found = locate(source, cls, callback, reason)
    assert found is not None
    return source.splitlines()[found[0] - 1].strip()


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        (("supervisor_data", ("invalid_strategy", "one_for_two")), 'strategy="one_for_two",'),
        (("supervisor_data", ("invalid_intensity", "many")), 'max_restarts="many",'),
        (("start_spec", ("invalid_restart_type", "always")), 'restart="always",'),
        (("start_spec", ("invalid_shutdown", -1)), "shutdown=-1,"),
        (("start_spec", ("invalid_child_spec", {"id": "c", "strat": 0})), '{"id": "c", "strat": Counter},'),
        (("start_spec", ("invalid_child_spec", "Counter")), '"Counter",'),
        (("start_spec", ("duplicate_child_name", "x")), 'name="x",'),
        (("shutdown", ("failed_to_start_child", "b", ("already_started", 3))), 'id="b",'),
        (("invalid_strategy", "one_for_two"), 'strategy="one_for_two",'),
    ],
)
def test_a_wrong_option_is_at_its_argument(reason: Any, line: str) -> None:
    assert line == line_of("init", reason)


def test_a_method_that_is_not_called_is_marked_at_its_own_line() -> None:
    """Regression: the line was that of `return Children(`."""

    class Counter(GenServer[int]): ...

    source = SOURCE.replace('"Counter",', "Counter.child_spec,")
    assert "Counter.child_spec," == line_of(
        "init", ("start_spec", ("invalid_child_spec", Counter.child_spec)), source=source
    )


def test_an_option_is_searched_in_the_supervisor_that_was_refused() -> None:
    found = locate(SOURCE, "Room", "init", ("start_spec", ("invalid_restart_type", "always")))
    assert found == (25, "Room.init")


@pytest.mark.parametrize(
    ("callback", "value", "line"),
    [
        ("init", 0, "return start"),
        ("handle_call", None, "n + 1"),
        ("handle_cast", Reply(0, 0), "return Reply(n, n)"),
        ("handle_cast", 7, "return n"),
    ],
)
def test_a_wrong_result_is_at_its_return_or_where_one_is_missing(callback: str, value: Any, line: str) -> None:
    assert line == line_of(callback, ("bad_return_value", value), "Counter")


def test_a_dict_is_found_among_several_returns() -> None:
    """Regression: with more than one such return, the line of the definition was at fault."""
    source = (
        "class Waiter(GenServer):\n    def handle_cast(self, request, n):\n        if request:\n"
        "            return {'hello': 'world'}\n        return None\n"
    )
    found = locate(source, "Waiter", "handle_cast", ("bad_return_value", {"hello": "world"}))
    assert found == (4, "Waiter.handle_cast")


CALLS = """\
class Clerk(GenServer):
    def handle_call(self, request, caller, n):
        GenServer.cast("clerk", "note")
        return Reply(self.ask("clerk"), n)

    async def handle_cast(self, request, n):
        a = await GenServer.call("clerk", "count")
        b = await GenServer.call("desk", "count")
        return NoReply(a + b)

    async def handle_info(self, message, n):
        return NoReply(await GenServer.call(self.pid, "count"))
"""


@pytest.mark.parametrize(
    ("callback", "dest", "line"),
    [
        ("handle_cast", "desk", 8),
        ("handle_cast", "clerk", 7),
        ("handle_info", object(), 12),
        ("handle_call", "bank", None),
    ],
)
def test_a_failed_call_is_at_the_line_that_calls_this_process(callback: str, dest: Any, line: int | None) -> None:
    for why in ("calling_self", "noproc", "timeout"):
        found = locate(CALLS, "Clerk", callback, (why, ("gen_server", "call", [dest, "count", 5])))
        assert line == (found and found[0])


def test_a_child_spec_without_an_id_is_at_the_spec() -> None:
    source = """class Main(Supervisor):
    def init(self, arg):
        options = {"colour": "red"}
        return Children([
            {"id": "a", "start": (Counter, 0)},
            {"start": (Counter, 1)},
            {"id": "b"},
        ])
"""
    assert (6, "Main.init") == locate(source, "Main", "init", ("start_spec", "missing_id"))
    assert (7, "Main.init") == locate(source, "Main", "init", ("start_spec", "missing_start"))


def test_of_two_returns_that_may_be_wrong_neither_is_shown() -> None:
    source = "class A(GenServer):\n  def init(self, arg):\n    if arg:\n      return 1\n    return arg"
    assert (2, "A.init") == locate(source, "A", "init", ("bad_return_value", object()))


def test_a_callback_with_other_parameters_is_at_its_definition() -> None:
    term = ExceptionTerm("TypeError", (), "Counter.init() takes 1 positional argument but 2 were given")
    assert "def init(self, start):" == line_of("init", Crash(term, ()), "Counter")
    assert locate(SOURCE, "Counter", "init", Crash(term._replace(text="f() takes 1 argument"), ())) is None


def test_what_is_no_mistake_of_the_source_has_no_line() -> None:
    assert locate(SOURCE, "Main", "init", "killed") is None
    assert locate(SOURCE, "Main", "init", ("no_money", 3)) is None
    assert locate(SOURCE, "Other", "init", ("bad_return_value", 0)) is None
    assert locate("class Main(:", "Main", "init", ("bad_return_value", 0)) is None


class Wrong(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return arg


class Lacks(GenServer[Any]):
    def inti(self, arg: Any) -> Any:
        return NoReply(arg)


class Below(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children([arg])


class Above(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children([(Below, arg)])


@pytest.mark.parametrize(
    ("child", "place", "code"),
    [
        ((Wrong, 5), "Wrong.init", "return arg"),
        (Lacks, "Lacks.inti", "def inti(self, arg: Any) -> Any:"),
        (object, "Below.init", "return Children([arg])"),
    ],
)
def test_the_place_of_a_failed_start_is_in_the_class_that_failed(child: Any, place: str, code: str) -> None:
    async def main() -> Any:
        otp.process_flag("trap_exit", True)
        with pytest.raises(otp.StartError) as caught:
            await Above.start_link(child)
        return place_of_failed_start(otp.trace.node_of(otp.self()), caught.value.reason)

    file, line, function = otp.run(main)
    with open(file, encoding="utf-8") as source:
        assert code == source.read().splitlines()[line - 1].strip()
    assert place == function


def test_a_class_is_searched_once_in_the_source_of_many_crashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: the explanation of 400 crashes held the event loop of a service for 0.7 s."""
    searched, walk = list[ast.AST](), ast.walk
    monkeypatch.setattr(ast, "walk", lambda node: searched.append(node) or walk(node))
    text = "class Often(GenServer):\n    def handle_cast(self, request, state):\n        return None\n"
    found = {locate(text, "Often", "handle_cast", ("bad_return_value", None)) for _ in range(5)}
    assert len(found) == 1
    assert sum(isinstance(node, ast.Module) for node in searched) == 1
