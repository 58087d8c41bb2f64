"""GenServer as the reference describes it: results and requests."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from otp import Continue, GenServer, NoReply, Ok, Reply, Request, Stop, impl


class Add(Request[int]):
    n: int


class Move(Request[bool]):
    x: int
    y: int = 0
    speed: ClassVar[int] = 3


class Jump(Move):
    height: int = 1


class Ping(Request[str]):
    pass


class Slotted(Request[int]):
    __slots__ = ("n",)
    n: int


@dataclass
class Tagged(Request[None]):
    tags: list[str] = field(default_factory=list)


class Own(Request[int]):
    def __init__(self, text: str) -> None:
        self.length = len(text)


class Counter(GenServer[int]):
    @impl
    def init(self, start: int) -> Any:
        return Ok(start)

    @impl
    def handle_call(self, request: Any, caller: Any, state: int) -> Any:
        match request:
            case "value":
                return Reply(state, state)
            case Add(n):
                return Reply(state + n, state + n)


@pytest.mark.otp(seed=(1, 2))
async def test_the_annotations_of_a_request_are_its_fields() -> None:
    counter = await Counter.start_link(0, name="counter")
    assert await GenServer.call(counter, Add(2), timeout=5.0) == 2
    assert await GenServer.call("counter", Add(n=3)) == 5
    assert await GenServer.call("counter", "value") == 5


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (Add(2), "Add(n=2)"),
        (Move(1), "Move(x=1, y=0)"),
        (Move(y=2, x=1), "Move(x=1, y=2)"),
        (Jump(1, 2, 3), "Jump(x=1, y=2, height=3)"),
        (Jump(1), "Jump(x=1, y=0, height=1)"),
        (Ping(), "Ping()"),
        (Slotted(4), "Slotted(n=4)"),
    ],
)
def test_a_request_is_shown_compared_copied_and_used_as_a_key_by_its_fields(request_: Any, text: str) -> None:
    assert repr(request_) == text
    assert copy.copy(request_) == request_
    assert {request_: "found"}[copy.deepcopy(request_)] == "found"
    assert pickle.loads(pickle.dumps(request_)) == request_


def test_requests_of_different_classes_or_values_differ() -> None:
    assert Add(1) != Add(2)
    assert Move(1, 0) != Jump(1, 0)
    assert Add(1) != 1


@pytest.mark.parametrize(
    ("make", "got"),
    [
        (lambda: Add(), "Add()"),
        (lambda: Add(1, 2), "Add(1, 2)"),
        (lambda: Add(1, n=1), "Add(1, n=1)"),
        (lambda: Add(m=1), "Add(m=1)"),
        (lambda: Slotted(), "Slotted()"),
        (lambda: Ping("x"), "Ping('x')"),
    ],
)
def test_wrong_fields_are_a_type_error_that_names_the_right_ones(make: Any, got: str) -> None:
    with pytest.raises(TypeError, match=r"expected (Add\(n\)|Slotted\(n\)|Ping\(\)), got ") as wrong:
        make()
    assert str(wrong.value).endswith(f"got {got}")


def test_a_request_is_not_changed() -> None:
    with pytest.raises(AttributeError, match="Add is a request and cannot be changed"):
        Add(1).n = 2  # type: ignore[misc]


def test_a_request_with_an_init_of_its_own_is_used_as_it_is() -> None:
    one, other = Tagged(), Tagged()
    one.tags.append("a")
    assert (one.tags, other.tags) == (["a"], [])
    assert Own("four").length == 4
    assert Own("four") != Own("four")


@pytest.mark.parametrize("result", [Ok(1), NoReply(1), Reply("value", 1)])
def test_an_option_that_was_not_given_reads_as_its_default(result: Any) -> None:
    assert (result.timeout, result.hibernate, result.then) == (None, False, None)
    with pytest.raises(AttributeError, match=r"'(Ok|NoReply|Reply)' object has no attribute 'reason'"):
        _ = result.reason


def test_an_option_that_was_given_reads_as_given_and_counts_in_comparisons() -> None:
    result = NoReply(1, timeout=5, then=Continue("x"))
    assert (result.timeout, result.hibernate, result.then) == (5, False, Continue("x"))
    assert NoReply(1) == NoReply(1, hibernate=False) != result


def test_a_stop_has_no_options() -> None:
    with pytest.raises(AttributeError, match="'Stop' object has no attribute 'timeout'"):
        _ = Stop("normal").timeout  # type: ignore[attr-defined]
