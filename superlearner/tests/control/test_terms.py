"""Values are shown in a bounded, safe form; JSON becomes terms."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import otp
from otp import Crash, ExceptionTerm
from superlearner.control.failures import explain_start
from superlearner.control.reasons import is_crash, text_of_reason, where_of
from superlearner.control.slots import id_text, key_part
from superlearner.control.terms import TooDeep, json_of, requester_text, term_of_json, text_of


class Hostile:
    def __repr__(self) -> str:
        raise SystemExit("must never run")


class Evasive:
    """An object whose attributes and methods all raise."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("==")

    def __hash__(self) -> int:
        raise RuntimeError("hash")


def nested(depth: int) -> Any:
    value: Any = "deep"
    for _ in range(depth):
        value = [value]
    return value


def cyclic() -> Any:
    value: list[Any] = []
    value.append(value)
    return value


VALUES = [
    None, True, 1, 1.5, "x", b"x", (1, 2), {"a": {1, 2}}, float("nan"), float("inf"), 2**70, 10**5000, Hostile(),
    [Hostile()], {Hostile(): Hostile()}, nested(500), cyclic(), "x" * 10**6, list(range(10**5)), Crash("x", ()),
    {i: i for i in range(10**4)}, "\ud800", object, int, lambda: 1,
    Evasive(), (Evasive(), Evasive()), ["\ud800", {"\ud800": "caf\udce9"}], type("\u00e9" * 10**5, (), {}),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(VALUES)))  # pytest itself reads the class of parameters
def test_any_value_is_shown_in_a_bounded_form(number: int) -> None:
    value = VALUES[number]
    assert len(text_of(value, 300).encode()) <= 900
    assert len(json.dumps(json_of(value), allow_nan=False, ensure_ascii=False).encode()) < 50_000
    assert len(id_text(value).encode()) <= 360


@pytest.mark.parametrize("number", range(len(VALUES)))  # pytest itself reads the class of parameters
def test_any_value_can_be_an_exit_reason(number: int) -> None:
    value = VALUES[number]
    inner = ("shutdown", ("failed_to_start_child", value, value))
    for reason in (value, (value, value), Crash(value), ("bad_return_value", value), ("already_started", value), inner):
        assert len(text_of_reason(reason).encode()) <= 600
        assert is_crash(reason) in (True, False)
        where_of(reason)
        explain_start(reason).encode()


def test_a_json_value_that_is_nested_too_deeply_is_no_term() -> None:
    assert term_of_json(nested(50)) == term_of_json(nested(50))
    with pytest.raises(TooDeep, match="100 levels"):
        term_of_json(nested(900))


def test_numbers_that_a_browser_would_round_are_sent_as_text() -> None:
    assert json_of(2**53 - 1) == 2**53 - 1
    assert json_of(2**53) == str(2**53)


def test_secrets_are_hidden() -> None:
    assert "hunter2" not in json.dumps(json_of({"password": "hunter2", "nested": [{"token": "hunter2"}]}))
    assert "hunter2" not in json.dumps(json_of([("password", "hunter2"), "api_key=hunter2", "redis://me:hunter2@db"]))
    assert json_of(("reset", "password", "password")) == ["reset", "password", "password"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_json_lists_become_tuples_at_any_depth(value: Any) -> None:
    def has_list(term: Any) -> bool:
        if isinstance(term, dict):
            return any(map(has_list, term.values()))
        return isinstance(term, list) or (isinstance(term, tuple) and any(map(has_list, term)))

    assert not has_list(term_of_json(value))


@pytest.mark.parametrize(
    ("reason", "text", "crash"),
    [
        ("normal", "normal", False),
        ("shutdown", "shutdown", False),
        (("shutdown", "moved"), "('shutdown', 'moved')", False),
        ("killed", "killed", True),
        (
            Crash(ExceptionTerm("ValueError", ("negative amount",), "negative amount")),
            "ValueError('negative amount')",
            True,
        ),
        (Crash("shutdown"), "shutdown", True),
        (Crash(("nocatch", 1)), "('nocatch', 1)", True),
    ],
)
def test_reasons_are_short_plain_text(reason: Any, text: str, crash: bool) -> None:
    assert (text_of_reason(reason), is_crash(reason)) == (text, crash)


def test_the_place_of_a_crash_is_in_user_code() -> None:
    stack = (("/app/shop.py", 58, "Ledger.handle_call"), (json.__file__, 10, "loads"))
    assert where_of(Crash("x", stack)) == "shop.py:58 in handle_call"
    assert where_of("killed") is None


def test_a_line_of_the_runtime_is_no_line_of_a_program() -> None:
    """Regression: a crash in `gen_server.py:122` was marked at line 122 of the program."""
    ours = (otp.__file__.replace("__init__.py", "behaviours/server/gen_server.py"), 122, "GenServer.handle_cast")
    assert where_of(Crash("no handle_cast", (ours,))) is None
    assert where_of(Crash("no", (("/usr/lib/broker.py", 7, "send"), ours))) == "broker.py:7 in send"


def test_a_failed_start_shows_the_innermost_reason() -> None:
    reason = ("shutdown", ("failed_to_start_child", "a", ("shutdown", ("failed_to_start_child", "b", "no_disk"))))
    assert explain_start(reason).split("\n")[-1].strip() == "no_disk"
    assert explain_start(reason).startswith("its child a does not start")


def test_keys_are_distinct_for_distinct_ids_and_escape_their_separator() -> None:
    assert [id_text(id) for id in ("a", int, 1, ("a", 1))] == ["a", "int", "1", "('a', 1)"]
    assert len({key_part(id) for id in ("1", 1)}) == 2
    assert "/" not in key_part("a/b")


def test_a_requester_that_is_neither_a_text_nor_a_process_runs_no_code() -> None:
    class Words(str):
        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError(name)

    assert (requester_text(Evasive()), requester_text(Words("ada"))) == ("", "")
