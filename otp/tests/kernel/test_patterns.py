"""The patterns of `receive(matching=…)`, and what each of them matches."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

import otp
from otp import AnyOf, Down, Is, Tag, TimerFired
from otp.kernel.values.messages import compile_pattern, matches


class Array:
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> Any:
        return self

    def __bool__(self) -> bool:
        raise ValueError("ambiguous")

    def __repr__(self) -> str:
        return "Array()"


class Point(NamedTuple):
    x: int
    y: int


@pytest.mark.parametrize(
    ("pattern", "message", "matches"),
    [
        (Tag("a"), ("a",), True),
        (Tag("a"), ("a", 1, 2), True),
        (Tag("a", 1), ("a", 1, 2), True),
        (Tag("a", 1), ("a", 2), False),
        (Tag("a", 1), ("a",), False),
        (Tag("a"), "a", False),
        (Tag("a"), ["a"], False),
        (Tag(1), Point(1, 2), True),
        (Is("go"), "go", True),
        (Is("go"), "stop", False),
        (Is(Point, x=1), Point(1, 2), True),
        (Is(Point, x=2), Point(1, 2), False),
        (Is(Point, z=2), Point(1, 2), False),
        (Is(int), 3, True),
        (AnyOf(Tag("a"), int), 3, True),
        (AnyOf(Tag("a"), int), ("a",), True),
        (AnyOf(Tag("a"), int), "a", False),
        (AnyOf(lambda m: m.no_such, Is(2)), 2, True),
        (AnyOf(), 2, False),
    ],
)
def test_a_pattern_matches_what_its_name_says(pattern: Any, message: Any, matches: bool) -> None:
    assert pattern(message) is matches


class Alike(str):
    """Equal to every text, which only a comparison by its own means can know."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return True


class Hidden(tuple[Any, ...]):
    """A tuple that shows another first element than it holds."""

    __slots__ = ()

    def __getitem__(self, key: Any) -> Any:
        return "a"


@pytest.mark.parametrize("pattern", [Tag("a"), Tag(Alike("b")), Tag("a", 1), Tag(1)])
@pytest.mark.parametrize(
    "message",
    [(), ("a",), ("b", "a"), ("a", 1), (Alike("b"),), (Array(), 1), Hidden(["b"]), Point(1, 2), ["a"], "a", (b"a",)],
    ids=repr,
)
def test_a_mailbox_is_searched_as_the_pattern_itself_would_judge(run: Any, pattern: Tag, message: Any) -> None:
    async def main() -> Any:
        for waiting in (None, message):
            otp.send(otp.self(), waiting)
        try:
            return (await otp.receive(pattern, timeout=0)) is message
        except otp.ReceiveTimeout:
            return False

    assert run(main) is matches(pattern, message)


def test_a_type_matches_its_instances_and_a_reference_what_belongs_to_it(run: Any) -> None:
    async def main() -> Any:
        ref, other = otp.make_ref(), otp.make_ref()
        for message in ("x", 1, Down(other, None, None), (ref, "answer"), TimerFired(ref, 1), Down(ref, None, "r")):
            otp.send(otp.self(), message)
        got = [await otp.receive(int)] + [await otp.receive(ref) for _ in range(3)]
        return got == [1, (ref, "answer"), TimerFired(ref, 1), Down(ref, None, "r")]

    assert run(main)


@pytest.mark.parametrize("value", ["done", 3, ("a", 1), None.__class__.__name__])
def test_a_plain_value_is_refused_with_the_pattern_to_write(value: Any) -> None:
    with pytest.raises(TypeError, match=r"try Is\(.*Tag\(.*lambda message: message == "):
        compile_pattern(value)


def test_a_tag_needs_an_element_and_attributes_need_a_type() -> None:
    with pytest.raises(TypeError, match="at least one element"):
        Tag()
    with pytest.raises(TypeError, match="expected a type first"):
        Is("value", x=1)


def test_equal_patterns_are_equal_so_that_a_scan_is_remembered() -> None:
    assert Tag("a", 1) == Tag("a", 1)
    assert Tag("a") != Tag("b")
    assert hash(Tag("a")) == hash(Tag("a"))
    assert Is(Point, x=1) == Is(Point, x=1)
    assert hash(Is(Point, x=1)) == hash(Is(Point, x=2))
    assert AnyOf(Tag("a"), int) == AnyOf(Tag("a"), int)
    assert compile_pattern(int) == compile_pattern(int)
    assert compile_pattern(int) != compile_pattern(str)


def test_patterns_show_themselves_as_they_are_written() -> None:
    assert repr(Tag("a", 1)) == "Tag('a', 1)"
    assert repr(Is(Point, x=1)) == "Is(Point, x=1)"
    assert repr(Is("go")) == "Is('go')"
    assert repr(AnyOf(Tag("a"), Is(2))) == "AnyOf(Tag('a'), Is(2))"


def test_only_patterns_that_look_at_nothing_but_the_message_are_remembered() -> None:
    assert Tag("a").pure
    assert Is(2).pure
    assert AnyOf(Tag("a"), int).pure
    assert Tag("a", (1, None), otp.node).pure is False  # a function may compare as it likes
    assert not AnyOf(Tag("a"), lambda m: True).pure
    assert not AnyOf(Tag("a"), Is([])).pure
    assert not Begins("a").pure


class Begins(Tag):
    """As `Tag`, for words that begin so."""

    __slots__ = ()

    def __call__(self, message: Any) -> bool:
        return bool(message[0].startswith(self.elements[0]))


@pytest.mark.parametrize("pattern", [Tag, lambda part: Is(("b", part)), lambda part: AnyOf(Tag("b", part), Tag(part))])
def test_a_pattern_that_holds_what_changes_looks_at_every_message_again(pattern: Any, run: Any) -> None:
    """Messages it had refused before it changed were not checked again: the receive waited for ever."""

    async def main() -> Any:
        part = ["old"]
        looks_for = pattern(part)
        for first in (["new"], "b"):
            otp.send(otp.self(), (first, ["new"]))
        with pytest.raises(otp.ReceiveTimeout):
            await otp.receive(looks_for, timeout=0)
        part[0] = "new"
        return (await otp.receive(looks_for, timeout=0))[1]

    assert run(main) == ["new"]


def test_a_subclass_of_a_pattern_looks_for_itself(run: Any) -> None:
    """It counted as the `Tag` of the same elements, and did not see what that had refused."""

    async def main() -> Any:
        otp.send(otp.self(), ("doing", 1))
        with pytest.raises(otp.ReceiveTimeout):
            await otp.receive(Tag("do"), timeout=0)
        return await otp.receive(Begins("do"), timeout=0)

    assert run(main) == ("doing", 1)


def test_values_without_a_truth_value_neither_match_nor_stop_a_receive(run: Any) -> None:
    async def main() -> Any:
        array = Array()
        otp.send(otp.self(), array)
        otp.send(otp.self(), (array, 1))
        otp.send(otp.self(), "last")
        got = await otp.receive(Is("last"))
        with pytest.raises(otp.ReceiveTimeout):
            await otp.receive(Is(Array()), timeout=0)
        with pytest.raises(otp.ReceiveTimeout):
            await otp.receive(Is(Array()), timeout=0)
        with pytest.raises(otp.ReceiveTimeout):
            await otp.receive(Tag("t"), timeout=0)
        return got, await otp.receive() is array

    assert run(main) == ("last", True)
