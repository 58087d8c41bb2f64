"""The rules of contracts: what `@impl`, `@callback` and the one instance of a class promise."""

from __future__ import annotations

import copy
import pickle
from typing import Any, Generic, TypeVar

import pytest

import otp
from otp.behaviours.server.behaviour import (
    Behaviour,
    MissingCallback,
    callback,
    check_callbacks,
    impl,
    implements,
    optional_callback,
)

S = TypeVar("S")


class Server(Behaviour, Generic[S]):
    @callback
    def init(self, arg: Any, /) -> Any: ...

    @optional_callback
    def handle_call(self, request: Any, caller: Any, state: S, /) -> Any:
        return ("default", request)

    @optional_callback
    def handle_cast(self, request: Any, state: S, /) -> Any:
        return ("default", request)


class Counter(Server[int]):
    @impl
    def init(self, arg: int) -> int:
        return arg

    @impl
    async def handle_cast(self, request: Any, state: int) -> int:
        return state + 1


def test_a_misspelt_callback_fails_when_the_class_is_made_with_a_suggestion() -> None:
    with pytest.raises(TypeError, match=r"did you mean 'handle_call'\?") as failure:

        class _Wrong(Server[int]):
            @impl
            def handle_cal(self, request: Any, caller: Any, state: int) -> None: ...

    assert str(failure.value).endswith("did you mean 'handle_call'?")  # and not what else there is
    assert "_Wrong" in str(failure.value)


def test_a_name_near_to_no_callback_gets_the_list_alone() -> None:
    with pytest.raises(TypeError, match="callbacks of Server: init/1") as failure:

        class _Wrong(Server[int]):
            @impl
            def quux(self) -> None: ...

    assert "did you mean" not in str(failure.value)


def test_a_callback_with_the_wrong_number_of_arguments_fails_when_the_class_is_made() -> None:
    expected = r"handle_call\(self, request, caller, state\).*got handle_call\(self, request\)"
    with pytest.raises(TypeError, match=expected):

        class _Wrong(Server[int]):
            @impl
            def handle_call(self, request: Any) -> None: ...


def test_defaults_and_star_arguments_fit_every_arity_they_cover() -> None:
    class Wide(Server[int]):
        @impl
        def init(self, arg: Any = None, more: Any = None) -> Any: ...

        @impl
        def handle_call(self, *arguments: Any) -> Any: ...

    assert implements(Wide, "handle_call")


def test_impl_returns_the_function_itself() -> None:
    def handle(self: object, text: str) -> str:
        return text

    assert impl(handle) is handle


def test_impl_above_no_function_says_what_was_expected() -> None:
    with pytest.raises(TypeError, match="expected a method to mark, got 3"):
        impl(3)


def test_an_unmarked_method_needs_no_contract() -> None:
    class Helper(Counter):
        def double(self, number: int) -> int:
            return 2 * number

    assert Helper().double(2) == 4


def test_a_class_without_a_required_callback_cannot_be_used() -> None:
    class Half(Server[int]):
        @impl
        def handle_cast(self, request: Any, state: int) -> Any: ...

    with pytest.raises(MissingCallback, match=r"init/1 \(Server\).*def init\(self, arg\)"):
        check_callbacks(Half)
    with pytest.raises(MissingCallback):
        Half.__handler__()


def test_a_base_class_may_stay_incomplete() -> None:
    class Base(Server[int]):
        @impl
        def handle_cast(self, request: Any, state: int) -> Any:
            return "of the base"

    class Whole(Base):
        @impl
        def init(self, arg: Any) -> Any: ...

    assert Whole().handle_cast("x", 0) == "of the base"


def test_an_optional_callback_left_out_is_the_default_of_the_contract() -> None:
    assert Counter().handle_call("x", None, 0) == ("default", "x")
    assert not implements(Counter, "handle_call")
    assert implements(Counter, "init")


def test_behaviour_info_counts_the_arguments_after_self() -> None:
    expected = [("init", 1), ("handle_call", 3), ("handle_cast", 2)]
    assert expected == Counter.behaviour_info("callbacks") == Server.behaviour_info("callbacks")
    assert expected[1:] == Counter.behaviour_info("optional_callbacks")


def test_behaviour_info_knows_two_items() -> None:
    with pytest.raises(ValueError, match="expected 'callbacks' or 'optional_callbacks'"):
        Counter.behaviour_info("attributes")


def test_a_class_may_fulfil_two_contracts() -> None:
    class Parser(Behaviour):
        @callback
        def parse(self, text: str) -> Any: ...

    class Both(Counter, Parser):
        @impl
        def parse(self, text: str) -> Any:
            return text.upper()

    assert ("parse", 1) in Both.behaviour_info("callbacks")
    assert Both().parse("a") == "A"


def test_there_is_one_instance_of_a_class() -> None:
    class Sub(Counter): ...

    one = Counter()
    assert one is Counter.__handler__() is copy.copy(one) is copy.deepcopy(one)
    assert pickle.loads(pickle.dumps(one)) is one
    assert Sub() is not one
    assert type(Sub()) is Sub


def test_an_instance_keeps_nothing() -> None:
    instance: Any = Counter()
    with pytest.raises(AttributeError, match=r"self holds no state; return Reply\(value, new_st"):
        instance.count = 1
    with pytest.raises(AttributeError, match="self holds no state"):
        del instance.init
    assert vars(instance) == {}


def test_making_an_instance_with_arguments_names_start_link() -> None:
    with pytest.raises(TypeError, match=r"await Counter\.start_link\(arg\)"):
        Counter(0)


def test_calling_the_object_names_the_two_spellings_of_self() -> None:
    with pytest.raises(TypeError, match=r"write otp\.self\(\) or self\.pid"):
        Counter()()


def test_a_behaviour_may_accept_names_of_its_own() -> None:
    class Machine(Behaviour):
        @classmethod
        def __accepts_impl__(cls, name: str) -> bool:
            return name in {"idle", "busy"}

    class Door(Machine):
        @impl
        def idle(self, event: Any, content: Any, data: Any) -> Any: ...

    assert Door.behaviour_info("callbacks") == []


def test_init_with_underscores_is_refused_when_the_class_is_made() -> None:
    """Regression: it never ran, without any error."""
    with pytest.raises(TypeError, match=r"Counter without __init__, .* write @impl above def init\(self, arg\)"):

        class Counter(otp.GenServer[int]):  # pyright: ignore[reportUnusedClass]
            def __init__(self, start: int) -> None: ...

    with pytest.raises(TypeError, match="Parser without __init__, since self holds no state; leave it out"):

        class Parser(Behaviour):  # pyright: ignore[reportUnusedClass]
            def __init__(self) -> None: ...
