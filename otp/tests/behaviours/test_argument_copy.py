"""The rules of copying the arguments of a child at each start."""

from __future__ import annotations

import copy
import enum
from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otp.behaviours.supervisor.argument_copy import Shared, copy_arguments


@dataclass
class Basket:
    owner: str
    items: list[Any] = field(default_factory=list)
    checked: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.built = True


@dataclass(frozen=True, slots=True)
class Frozen:
    items: list[int]


class Point(NamedTuple):
    x: int
    trail: list[int]


def copied(value: Any) -> Any:
    (result,) = copy_arguments((value,))
    return result


@pytest.mark.parametrize(
    "value",
    [
        [1],
        {"a": 1},
        {1, 2},
        bytearray(b"ab"),
        deque([1, 2], maxlen=5),
        Counter("aab"),
        OrderedDict(b=1, a=2),
        defaultdict(list, a=[1]),
        Basket("ada", [1]),
        Frozen([1]),
    ],
)
def test_mutable_containers_and_dataclasses_are_copied(value: Any) -> None:
    result = copied(value)

    assert type(result) is type(value)
    assert result == value
    assert result is not value


def test_standard_library_subclasses_keep_what_they_know_besides_their_items() -> None:
    tally = copied(defaultdict(list, a=[1]))
    queue = copied(deque([1, 2], maxlen=2))

    assert tally["new"] == []
    assert queue.maxlen == 2
    assert list(copied(OrderedDict(b=1, a=2))) == ["b", "a"]


def test_copying_is_recursive() -> None:
    inner: list[int] = [1]
    value = {"k": ({"deep": [inner]}, deque([inner]), Basket("ada", [inner]))}

    result = copied(value)
    inner.append(2)

    assert result == {"k": ({"deep": [[1]]}, deque([[1]]), Basket("ada", [[1]]))}


def test_tuples_and_frozensets_without_copies_inside_are_passed_as_they_are() -> None:
    value = (1, ("a", frozenset({2})), "b")

    assert copied(value) is value


def test_arguments_without_anything_to_copy_are_the_same_tuple() -> None:
    arguments = (1, "a", None, print, object(), (1, 2))

    assert copy_arguments(arguments) is arguments


def test_a_named_tuple_is_rebuilt_as_itself() -> None:
    point = Point(1, [1])

    result = copied(point)
    point.trail.append(2)

    assert result == Point(1, [1])
    assert type(result) is Point


def test_other_tuples_pass_by_reference() -> None:
    class Odd(tuple[Any, ...]):
        pass

    value = Odd(([1],))

    assert copied(value) is value


def test_subclasses_of_containers_from_outside_the_standard_library_pass_by_reference() -> None:
    class MyList(list[int]):
        pass

    value = MyList([1])

    assert copied(value) is value


def test_functions_classes_and_objects_pass_by_reference() -> None:
    class Thing:
        pass

    for value in (Thing(), Thing, print, copied, [].append, Thing().__repr__):
        assert copied(value) is value


def test_dataclasses_are_copied_without_init_with_their_other_attributes() -> None:
    basket = Basket("ada", [1])
    basket.checked = True
    basket.built = False

    result = copied(basket)

    assert (result.checked, result.built) == (True, False)
    assert result.items is not basket.items


def test_a_dataclass_class_is_no_instance() -> None:
    assert copied(Basket) is Basket


def test_shared_passes_the_very_object_at_any_depth() -> None:
    cache: dict[str, int] = {}

    result = copied({"deep": [(Shared(cache), [1])]})

    assert result["deep"][0][0] is cache
    assert copied(Shared(cache)) is cache
    assert copied(Basket("ada", [Shared(cache)])).items[0] is cache


def test_shared_works_as_a_key_and_in_sets_if_its_value_is_hashable() -> None:
    function = copied

    assert copied({Shared(function): 1}) == {function: 1}
    assert copied({Shared(function)}) == {function}
    assert copied(frozenset({Shared(function)})) == frozenset({function})


def test_shared_unhashable_values_as_keys_stay_wrapped_instead_of_failing() -> None:
    shared = Shared([1])

    assert copied({shared: 1}) == {shared: 1}
    assert copied({shared}) == {shared}
    assert copied(frozenset({shared})) == frozenset({shared})


def test_a_list_that_two_arguments_hold_is_copied_once() -> None:
    common = [1]

    first, second = copy_arguments((common, {"a": common}))

    assert first is second["a"]
    assert first is not common


def test_cycles_end() -> None:
    ring: list[Any] = []
    pair = (ring,)
    ring.append(pair)
    basket = Basket("ada")
    basket.items.append(basket)

    result = copied(pair)
    other = copied(basket)

    assert result[0][0] is result
    assert result[0] is not ring
    assert other.items[0] is other


def test_what_cannot_be_copied_passes_by_reference() -> None:
    @dataclass
    class Stubborn:
        items: list[int]

        def __copy__(self) -> Stubborn:
            raise RuntimeError("no")

    stubborn = Stubborn([1])

    assert copied([stubborn])[0] is stubborn


def test_a_member_of_an_enumeration_of_dataclasses_stays_the_member() -> None:
    @dataclass
    class Offer:
        items: list[int]

    class Plan(Offer, enum.Enum):
        FREE = ([1],)

    assert copied(Plan.FREE) is Plan.FREE
    assert Plan.FREE.items == [1]


def test_nesting_deeper_than_the_stack_is_no_error() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    assert copied(deep) is deep


values = st.recursive(
    st.integers() | st.text() | st.none() | st.booleans() | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text(), inner)
        | st.tuples(inner, inner)
        | st.builds(Basket, st.text(), st.lists(inner))
    ),
)


@given(values)
def test_copies_are_equal_and_share_no_mutable_part(value: Any) -> None:
    result = copied(value)

    assert result == value == copy.deepcopy(value)
    assert not mutable_parts(value) & mutable_parts(result)


def mutable_parts(value: Any) -> set[int]:
    if isinstance(value, Basket):
        return {id(value)} | mutable_parts(value.items)
    if isinstance(value, dict):
        return {id(value)}.union(*(mutable_parts(item) for item in value.values()))
    if isinstance(value, list | tuple):
        return ({id(value)} if isinstance(value, list) else set()).union(*(mutable_parts(item) for item in value))
    return set()
