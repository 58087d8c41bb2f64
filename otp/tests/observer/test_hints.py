"""Hints about exit reasons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from otp import Crash, ExceptionTerm, Reply
from otp.observer.hints import hint_for


def raised(type_name: str, text: str) -> Crash:
    return Crash(ExceptionTerm(type_name, (), text), ())


@pytest.mark.parametrize(
    ("reason", "callback", "hint"),
    [
        (
            ("calling_self", ("gen_server", "call", ["ledger", "get"])),
            "handle_call",
            "a process that calls itself waits for itself: call the method, or send itself a cast",
        ),
        (
            ("bad_return_value", None),
            "handle_call",
            "handle_call returned None: did no case match, or is a return missing?",
        ),
        (
            ("bad_return_value", Reply(1, 1)),
            "handle_cast",
            "Reply is for handle_call, a cast has no reply; return NoReply(state)",
        ),
        (
            ("supervisor_data", ("invalid_strategy", "one_for_al")),
            "init",
            "strategy \"one_for_al\" is unknown; did you mean 'one_for_all'?",
        ),
        (("noproc", ("gen_server", "call", ["countre", "get"])), "handle_cast", "did you mean 'counter'?"),
        (("noproc", ("gen_server", "call", ["counter", "get"])), "handle_cast", None),
        (("noproc", ("gen_server", "call", [None, "get"])), "handle_cast", None),
        (("noproc", ("gen_server", "call", [("via", "registry", "a"), "get"])), "handle_cast", None),
        (
            raised("TypeError", "unsupported operand type(s) for +: 'int' and 'coroutine'"),
            "handle_cast",
            "is an await missing? A call returns its answer after await",
        ),
        (
            raised("AttributeError", "type object 'Cart' has no attribute 'child_spec'"),
            "init",
            "Cart is not a behaviour: try class Cart(GenServer)",
        ),
        (
            raised("TypeError", "Reply.__init__() missing 1 required positional argument: 'state'"),
            "handle_call",
            "write Reply(value, state)",
        ),
        (
            raised("TypeError", "Cart.handle_call() takes 3 positional arguments but 4 were given"),
            "handle_call",
            "write def handle_call(self, request, caller, state)",
        ),
        (
            raised("TypeError", "NoReply.__init__() got an unexpected keyword argument 'total'"),
            "handle_cast",
            "write NoReply(state)",
        ),
        (
            raised("TypeError", "Cart.init() missing 1 required positional argument: 'kind'"),
            "init",
            "write def init(self, arg); a process takes one start argument: pass a tuple for several values",
        ),
        (
            raised("TypeError", "Startable.child_spec() takes from 1 to 2 positional arguments but 3 were given"),
            "init",
            "a process takes one start argument: pass a tuple for several values",
        ),
        (raised("ValueError", "no money"), "handle_call", None),
        ("killed", None, None),
    ],
)
def test_a_hint_says_what_to_write(reason: Any, callback: str | None, hint: str | None) -> None:
    assert hint == hint_for(reason, callback, ["counter", None, 3])


@pytest.mark.parametrize(
    "text", ["object tuple can't be used in 'await' expression", "'tuple' object can't be awaited"]
)
@pytest.mark.parametrize(
    ("line", "called"),
    [
        ("await otp.send(pid, 1)", "otp.send"),
        ("x = (1, await GenServer.cast (pid, 1))", "GenServer.cast"),
        ("await spawn(await f())", "an awaited function"),
        ("await pid", "an awaited function"),
    ],
)
def test_an_awaited_function_that_is_not_async_is_named(text: str, line: str, called: str, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(f"async def f():\n    {line}\n")
    reason = Crash(ExceptionTerm("TypeError", (), text), ((str(tmp_path / "main.py"), 2, "f"),))
    assert hint_for(reason, None) == f"{called} is not async: remove the `await` before it"


def test_no_code_of_a_program_runs() -> None:
    class Hostile:
        def __repr__(self) -> str:
            raise AssertionError("it was shown")

        def __eq__(self, other: object) -> bool:
            raise AssertionError("it was compared")

        __hash__ = None  # type: ignore[assignment]

        @property
        def __class__(self) -> Any:
            raise AssertionError("it was asked for its class")

    hostile: Any = Hostile()
    assert "expected Reply(value, state)" in str(hint_for(("bad_return_value", hostile), "handle_call"))
    awaited = ExceptionTerm("TypeError", (), "object tuple can't be used in 'await' expression")
    assert "is not async" in str(hint_for(Crash(awaited, ((hostile, hostile, hostile),)), None))
    for reason in (hostile, (hostile, 1), ("supervisor_data", ("invalid_strategy", hostile)), ("noproc", hostile)):
        assert hint_for(reason, "init") is None
