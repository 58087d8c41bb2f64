"""The encoding between a `ViewServer` and its reader: every record, without loss, as plain terms only."""

from __future__ import annotations

import dataclasses
import marshal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import otp
from otp import BadArgument, Crash, ExceptionTerm, observer
from otp.observer.events import shown
from otp.observer.terms import RECORDS, CannotTravel, Opaque, from_term, to_term

PLAIN = (type(None), bool, int, float, str, bytes)


def exported_records() -> dict[str, type]:
    exported = {name: getattr(observer, name) for name in observer.__all__}
    return {name: thing for name, thing in exported.items() if dataclasses.is_dataclass(thing)}


def is_plain(term: Any) -> bool:
    if type(term) in (tuple, list):
        return all(map(is_plain, term))
    if type(term) is dict:
        return all(map(is_plain, (*term.keys(), *term.values())))
    return type(term) in PLAIN


def test_every_record_of_the_face_is_in_the_table() -> None:
    assert exported_records() == RECORDS


def filled(record: type, pid: Any, depth: int = 3) -> Any:
    """A record whose every field holds something."""
    if record is observer.TraceSpec:
        return observer.TraceSpec(pids=(pid, "counter"), kinds=("exited",), limit=3, redact=False)
    below = None if depth == 0 else filled(observer.SupervisorView, pid, depth - 1)
    sample = {"children": (pid, {"a": ("$x", pid)}), "roots": (below,), "supervisor": below, "data": {"x": (1, pid)}}
    fields = [field.name for field in dataclasses.fields(record)]
    return record(**{name: sample.get(name, (name, pid, 1.5, None, [b"x"])) for name in fields})


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_a_record_comes_back_as_it_was(name: str, run: Any) -> None:
    async def test() -> None:
        pid = otp.spawn(otp.receive)
        record = filled(RECORDS[name], pid)
        term = to_term(record)
        assert is_plain(term)
        node = otp.trace.node_of(pid)
        assert [field.name for field in dataclasses.fields(record)] == list(term[2])

        def find(name: str, creation: int, number: int) -> Any:
            assert (node.name, node.creation, pid.id) == (name, creation, number)
            return pid

        assert from_term(marshal.loads(marshal.dumps(term)), find) == record

    run(test)


ATOMS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.binary()
TEXTS = st.text(alphabet=st.characters(exclude_categories=())) | st.sampled_from(["$pid", "$view", "$tuple", "$", ""])
HASHABLE = st.recursive(ATOMS | TEXTS, lambda t: st.lists(t).map(tuple) | st.frozensets(t), max_leaves=8)
TERMS = st.recursive(
    HASHABLE,
    lambda term: st.lists(term) | st.lists(term).map(tuple) | st.dictionaries(HASHABLE, term) | st.sets(HASHABLE),
    max_leaves=20,
)


def same(one: Any, other: Any) -> bool:
    """Equal and of the same types throughout: `True == 1` does not count."""
    return one == other and repr(one) == repr(other) if not _has_sets(one) else one == other


def _has_sets(term: Any) -> bool:
    if isinstance(term, set | frozenset):
        return True
    if isinstance(term, dict):
        return any(map(_has_sets, (*term.keys(), *term.values())))
    return isinstance(term, list | tuple) and any(map(_has_sets, term))


@settings(max_examples=60)
@given(TERMS)
def test_a_term_comes_back_as_it_was(term: Any) -> None:
    plain = to_term(term)
    assert is_plain(plain)
    assert same(from_term(marshal.loads(marshal.dumps(plain)), None), term)


def test_reasons_come_back_with_their_stacks() -> None:
    crash = Crash(ExceptionTerm("ValueError", ("no", 1), "no"), (("shop.py", 7, "Shop.sell"),))
    back = from_term(to_term(("shutdown", crash)), None)
    assert back == ("shutdown", crash)
    assert (type(back[1]), type(back[1].term), crash.stack) == (Crash, ExceptionTerm, back[1].stack)


def test_reasons_come_back_with_their_causes() -> None:
    cause = Crash(ExceptionTerm("KeyError", ("tax",), "'tax'"), (("shop.py", 9, "rate_of"),))
    back = from_term(to_term(shown(Crash("no rate", (), cause), redact=True)), None)
    assert (cause, cause.stack) == (back.cause, back.cause.stack)
    assert shown(Crash("no rate"), redact=True).cause is None


def test_the_cause_of_a_crash_is_a_crash() -> None:
    with pytest.raises(BadArgument, match="a crash as the cause of one"):
        from_term(("$crash", "no rate", (), 7), None)


class Thing:
    def __repr__(self) -> str:
        raise AssertionError("no code of a program may run")


def number(_: Any) -> str:
    """The name of a parameter that cannot be shown."""
    return "value"


def endless() -> Any:
    found: list[Any] = []
    found.append(found)
    return found


@pytest.mark.parametrize(
    "value", [Thing(), Thing, len, 1 << 100_000, endless(), [0] * 200_000, {"a": {1: Thing()}}], ids=number
)
def test_what_cannot_travel_is_refused_or_stands_as_text(value: Any) -> None:
    with pytest.raises(BadArgument, match="expected plain terms"):
        to_term(value)
    shown = to_term(("reply", value), strict=False)
    assert is_plain(shown)
    assert len(repr(shown)) < 100_000
    assert "Opaque" in repr(shown)
    back = from_term(shown, None)
    assert back[0] == "reply"


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (Thing(), ""),
        ((1, [2, Thing()]), "[1][1]"),
        ({"a": [1, {"deep": (1, 2, [Thing()])}]}, "['a'][1]['deep'][2][0]"),
        ({("t", 1): {2: len}}, "[('t', 1)][2]"),
        ({"a": {1, Thing}}, "['a']"),
        ({1, Thing}, ""),
        ({(1, Thing): 2}, "[1]"),
        ({Thing: 2}, ""),
        (["x" * 10, {"k" * 100: Thing()}], f"[1]['{'k' * 38}…]"),
        ({"a": [0] * 200_000}, "['a']"),
    ],
    ids=number,
)
def test_an_error_says_where_in_a_value_the_part_is_that_cannot_travel(value: Any, path: str) -> None:
    with pytest.raises(CannotTravel) as caught:
        to_term(value)
    assert path == caught.value.path
    assert str(caught.value) == (f"at {path}: " if path else "") + caught.value.why


def test_an_object_stands_as_its_type_and_text() -> None:
    assert from_term(to_term(Thing(), strict=False), None) == Opaque("Thing", "<Thing>")


def nested(depth: int) -> Any:
    term: Any = ()
    for _ in range(depth):
        term = (term,)
    return term


@pytest.mark.parametrize(
    "term",
    [
        ("$pid", "node", 1, 1),
        ("$pid",),
        ("$view", "Popen", {}),
        ("$view", "Missed", {"reason": "slow"}),
        ("$view", "Missed", {"reason": "slow", "count": 1, "after": 1, "before": 1, "more": 1}),
        ("$view", "TraceSpec", {"limit": "infinity"}),
        ("$view", ["Missed"], {}),
        ("$code", "import os"),
        ("$set", []),
        ("$dict", 1),
        ("$dict", ([], 1)),
        ("$int", "0xyz"),
        ("$int", "0x" + "f" * 100_000),
        Thing(),
        {1, 2},
        nested(10_000),
    ],
    ids=number,
)
def test_what_is_no_term_is_refused_in_words(term: Any) -> None:
    with pytest.raises((BadArgument, ValueError)) as refused:
        from_term(term, None)
    assert "expected" in str(refused.value)


def test_a_sender_that_is_not_trusted_has_a_limit() -> None:
    assert from_term([1, 2, 3], None, members=3) == [1, 2, 3]
    with pytest.raises(BadArgument, match="fewer members"):
        from_term([1, [2, 3, 4]], None, members=4)
