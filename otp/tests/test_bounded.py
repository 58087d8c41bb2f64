"""The rules of `otp.bounded`: any value, a short text, and no line of the value's own code."""

from __future__ import annotations

import enum
import time
import uuid
from collections import OrderedDict, deque
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import pytest
from asyncpg.pgproto import pgproto

from otp import NoReply, Reply, Stop, observer
from otp.bounded import text
from otp.kernel.values.reasons import Crash, ExceptionTerm


class Point(NamedTuple):
    x: int
    y: int


@dataclass
class Account:
    owner: str
    api_key: str
    balance: int = 0


class Slotted:
    __slots__ = ("empty", "value")

    def __init__(self, value: object) -> None:
        self.value = value


class Colour(enum.Enum):
    RED = 1


class Hostile:
    """An object that does everything a program may do when it is inspected."""

    ran: list[str] = []

    def __init__(self) -> None:
        object.__setattr__(self, "kept", 1)

    def __repr__(self) -> str:
        self.ran.append("repr")
        time.sleep(60)
        raise RuntimeError

    __str__ = __repr__

    def __getattr__(self, name: str) -> Any:
        self.ran.append(name)
        raise RuntimeError

    @property
    def __class__(self) -> Any:
        self.ran.append("class")
        raise RuntimeError

    def __eq__(self, other: object) -> bool:
        self.ran.append("eq")
        raise RuntimeError

    def __hash__(self) -> int:
        self.ran.append("hash")
        return 1


@pytest.mark.parametrize(
    "value",
    [
        None, True, 17, -3, 1.5, "text", b"octets", (), (1,), (1, "a"), [], [1, [2]], {}, {"a": 1, 2: (3,)}, {1},
        set(), frozenset({1, 2}), deque([1]), range(3), PurePosixPath("a/b"), bytearray(b"x"), Point(1, 2), ..., 2**100,
    ],
    ids=repr,
)  # fmt: skip
def test_a_short_value_reads_like_its_repr(value: object) -> None:
    assert repr(value) == text(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Slotted(1), "Slotted(value=1)"),
        (Colour.RED, "Colour.RED"),
        (OrderedDict(a=1), "OrderedDict({'a': 1})"),
        (ValueError("no", 3), "ValueError('no', 3)"),
        (Point, "Point"),
        (Crash("boom", (("file.py", 1, "f"),)), "Crash('boom')"),
        (Crash(ExceptionTerm("ValueError", ("no",), "no")), "Crash(ValueError('no'))"),
        (object(), "<object>"),
        (time.sleep, "<function sleep>"),
    ],
)
def test_other_values_show_what_they_hold(value: object, expected: str) -> None:
    assert expected == text(value)


def test_no_code_of_the_value_runs() -> None:
    hostile = Hostile()
    assert text([hostile, {"a": hostile}, (hostile,)]) == (
        "[Hostile(kept=1), {'a': Hostile(kept=1)}, (Hostile(kept=1),)]"
    )
    assert Hostile.ran == []


def test_an_object_is_not_read_through_a_base_whose_memory_layout_it_does_not_share() -> None:
    """A crash report of a state with a UUID from asyncpg ended the program with a segmentation fault."""
    identity = pgproto.UUID("12345678-1234-5678-1234-567812345678")
    assert isinstance(identity, uuid.UUID)
    assert text({"id": identity}) == "{'id': <UUID>}"
    term = observer.unfold(identity)
    assert term is not None
    assert term.members == ()


def test_slots_of_all_bases_are_shown_however_they_are_mixed() -> None:
    class Mixin:
        __slots__ = ()

    class More(Mixin, Slotted):
        __slots__ = ("more",)

    class Open(More):
        pass

    mixed = Open("a")
    mixed.more = "b"
    mixed.free = "c"  # pyright: ignore[reportAttributeAccessIssue]
    assert text(mixed).endswith("Open(value='a', more='b', free='c')")


def test_methods_of_subclasses_of_containers_do_not_run() -> None:
    class Bad(dict[str, int]):
        def items(self) -> Any:
            raise AssertionError

        def __len__(self) -> int:
            raise AssertionError

    class BadList(list[int]):
        def __iter__(self) -> Any:
            raise AssertionError

    assert text(Bad(a=1)).endswith("Bad({'a': 1})")
    assert text(BadList([1])).endswith("BadList([1])")


def test_no_code_of_a_class_runs_that_answers_for_its_own_structure() -> None:
    """A property `__dict__` was called, and so were `items` of what stood there and `__hash__` of a metaclass."""

    class Meta(type):
        def __hash__(cls) -> int:
            raise SystemExit

    class Evil(metaclass=Meta):
        pass

    class Covered:
        @property
        def __dict__(self) -> Any:  # type: ignore[override]
            raise SystemExit

    class Held(dict[str, Any]):
        def items(self) -> Any:
            raise SystemExit

    plain = type("Plain", (), {})()
    plain.__dict__ = Held(n=1)
    here = "test_no_code_of_a_class_runs_that_answers_for_its_own_structure.<locals>"
    assert [text(value) for value in (Evil(), [Evil()], Covered(), plain)] == [
        f"<{here}.Evil>", f"[<{here}.Evil>]", f"<{here}.Covered>", "Plain(n=1)",
    ]  # fmt: skip


def test_the_text_is_never_longer_than_asked() -> None:
    for length in (1, 2, 10, 100):
        for value in ("x" * 1000, list(range(1000)), {"k" * 500: "v" * 500}, b"y" * 999, {"a" * 99, "b" * 99}):
            assert len(text(value, length=length)) <= length
    assert text("x" * 1000, length=20).endswith("…")


def test_the_work_is_bounded_by_the_length() -> None:
    wide: Any = [0] * 100
    for _ in range(30):  # written out this would be 100 ** 30 numbers
        wide = [wide] * 100
    assert len(text(wide, length=500, depth=40, items=100)) == 500
    assert text(10**100_000) == "<int of 332193 bits>"
    assert text("a" * 100_000_000, length=10).startswith("'aaaa")


def test_containers_deeper_than_asked_are_dots() -> None:
    assert text([[[[1]]]], depth=2) == "[[…]]"


def test_elements_beyond_the_limit_are_counted() -> None:
    assert text(list(range(100)), items=2) == "[0, 1, … 98 more]"
    assert text({n: n for n in range(10)}, items=1) == "{0: 0, … 9 more}"


def test_a_cycle_is_named() -> None:
    ring: list[object] = [1]
    ring.append(ring)
    assert text(ring) == "[1, <cycle>]"


def test_values_of_secret_keys_fields_and_tags_are_hidden() -> None:
    assert text({"password": "hunter2", "user": "ada"}) == "{'password': ***, 'user': 'ada'}"
    assert text(Account("ada", "k-123")) == "Account(owner='ada', api_key=***, balance=0)"
    assert text(("set_password", "ada", "hunter2")) == "('set_password', ***)"
    assert "hunter2" not in text({"a": [{"Access-Token": "hunter2"}]})


def test_secrets_inside_texts_are_hidden() -> None:
    assert text("postgres://ada:hunter2@db/x") == "'postgres://ada:***@db/x'"
    assert text("GET /?token=abc&x=1") == "'GET /?token=***&x=1'"
    assert text("Authorization: Bearer abc.def") == "'Authorization: Bearer ***'"


def test_redaction_can_be_chosen_or_left_out() -> None:
    assert text({"password": 1}, redact=None) == "{'password': 1}"
    assert text({"name": 1}, redact=lambda key: key == "name") == "{'name': ***}"


def test_the_order_of_a_set_does_not_depend_on_hashes() -> None:
    assert text({"b", "a", "c"}) == "{'a', 'b', 'c'}"


def test_a_result_of_a_callback_is_shown_as_it_is_written() -> None:
    shown = [text(result) for result in (Reply(0, 1), NoReply(2, timeout=3), Stop("normal"))]
    assert shown == ["Reply(0, 1)", "NoReply(2, timeout=3)", "Stop('normal')"]
