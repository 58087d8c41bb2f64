"""Exit reasons compare like Erlang's and keep no frames alive."""

from __future__ import annotations

import asyncio
import gc
import pickle
import weakref
from typing import Any

import pytest

import otp
from otp import Crash, Error, ExceptionTerm, Exit, Throw
from otp.kernel.ends.wording import reason_text
from otp.kernel.values.bounded import bound_reason
from otp.kernel.values.exception_reasons import reason_of, stack_of
from otp.kernel.values.reasons import is_clean, same, starts_with


class Array:
    """As numpy's: `==` has no truth value."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> Any:
        return self

    def __bool__(self) -> bool:
        raise ValueError("the truth value of an array is ambiguous")


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:
        return caught


def test_a_crash_is_a_pair_whose_stack_is_ignored_by_comparisons() -> None:
    one, other = Crash("boom", (("a.py", 1, "f"),)), Crash("boom", (("b.py", 2, "g"),))
    assert one == other
    assert hash(one) == hash(other)
    assert len(one) == 2
    assert one != Crash("bang")
    assert one != ("boom", ())
    assert (one.term, one.stack) == ("boom", (("a.py", 1, "f"),))


def test_a_crash_matches_as_a_pair_in_match_statements() -> None:
    """Pitfall 100: error(shutdown) is {shutdown, Stack} and taken for {shutdown, _}."""
    match Crash("shutdown", ()):
        case ("shutdown", _):
            matched = True
        case _:
            matched = False
    assert matched
    assert is_clean(Crash("shutdown", ()))
    assert not is_clean(Crash("normal", ()))


def test_a_crash_survives_pickling() -> None:
    crash = Crash(ExceptionTerm("ValueError", ("no",), "no"), (("a.py", 1, "f"),))
    again = pickle.loads(pickle.dumps(crash))
    assert (again, again.stack, type(again)) == (crash, crash.stack, Crash)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Exit("gone"), "gone"),
        (Exit(), "normal"),
        (Error("bad"), Crash("bad")),
        (Throw(1), Crash(("nocatch", 1))),
        (ValueError("no", 2), Crash(ExceptionTerm("ValueError", ("no", 2), "('no', 2)"))),
        (ExceptionGroup("two", [Exit("x"), ExceptionGroup("in", [Exit("x")])]), "x"),
    ],
)
def test_an_exception_becomes_the_reason_erlang_would_give(error: BaseException, reason: Any) -> None:
    assert reason_of(raised(error)) == reason


def test_a_group_of_different_exits_is_a_crash() -> None:
    reason = reason_of(raised(ExceptionGroup("two", [Exit("x"), Exit("y")])))
    assert type(reason) is Crash
    assert reason.term.type_name == "ExceptionGroup"


def test_the_text_of_a_crashed_group_names_its_members() -> None:
    errors = [ValueError("a"), ExceptionGroup("in", [KeyError("b")]), ValueError("c"), ValueError("d")]
    assert repr(reason_of(raised(ExceptionGroup("two", errors[:2])))) == (
        """Crash(ExceptionGroup('two (2 sub-exceptions)', [ValueError('a'), """
        """ExceptionGroup('in (1 sub-exception)', [KeyError("'b'")])]))"""
    )
    assert repr(reason_of(raised(ExceptionGroup("all", errors)))).endswith(
        "[KeyError(\"'b'\")]), ValueError('c'), …]))"
    )
    assert repr(reason_of(raised(ValueError("no", ("a",))))) == """Crash(ValueError("('no', ('a',))"))"""


def rate_of(rates: dict[str, float], kind: str) -> float:
    return rates[kind]


def convert(chain: str) -> None:
    try:
        rate_of({}, "tax")
    except KeyError as missing:
        if chain == "from":
            raise LookupError("no rate") from missing
        if chain == "from None":
            raise LookupError("no rate") from None
        raise LookupError("no rate")


@pytest.mark.parametrize("chain", ["from", "while handling"])
def test_the_text_of_a_crash_has_the_error_before_it_and_its_line(chain: str) -> None:
    with pytest.raises(LookupError) as found:
        convert(chain)
    line = rate_of.__code__.co_firstlineno + 1
    assert f"LookupError('no rate') (after: KeyError('tax') at test_reasons.py:{line})" == reason_text(
        reason_of(found.value)
    )


def test_the_text_of_a_group_has_the_line_of_its_first_error() -> None:
    """Regression: a crash in a `TaskGroup` had the line of its `async with` only."""
    with pytest.raises(KeyError) as missing:
        rate_of({}, "tax")
    reason = reason_of(raised(ExceptionGroup("two", [missing.value, ValueError("b")])))
    line = rate_of.__code__.co_firstlineno + 1
    assert reason_text(reason).endswith(f" (after: KeyError('tax') at test_reasons.py:{line})")


def test_an_error_raised_from_none_has_no_cause() -> None:
    with pytest.raises(LookupError) as found:
        convert("from None")
    assert (None, "LookupError('no rate')") == (
        reason_of(found.value).cause,
        reason_text(reason_of(found.value)),
    )


@pytest.mark.otp
async def test_a_failed_call_may_be_the_cause_of_a_crash(node: otp.Node) -> None:
    def pay() -> None:
        raise LookupError("closed")

    async def run() -> None:
        try:
            await otp.GenServer.call("ledger", "balance")
        except otp.CallExit:
            pay()

    assert "LookupError('closed') (after: there is no process ledger to call (noproc))" == reason_text(
        await otp.wait_down(otp.spawn(run))
    )


def test_the_caller_of_a_server_reads_the_error_before_its_crash() -> None:
    crash = Crash(ExceptionTerm("LookupError", ("no rate",), "no rate"), (("pay.py", 9, "f"),), Crash("closed"))
    assert "its call to till failed: till crashed at pay.py:9: LookupError('no rate') (after: closed)" == reason_text(
        (crash, ("gen_server", "call", ["till", "total"]))
    )


def test_an_event_keeps_the_causes_of_a_crash() -> None:
    first = Crash(ExceptionTerm("KeyError", ("tax",), "'tax'"), (("till.py", 9, "rate_of"),))
    call = ("gen_server", "call", ["till", ("rate", "tax")])
    cause = Crash((first, call), (("shop.py", 7, "sell"),) * 60)
    kept = bound_reason(Crash("no rate", (), cause))
    assert 50 == len(kept.cause.stack)
    said = "its call to till failed: till crashed at till.py:9: KeyError('tax')"
    assert f"no rate (after: {said})" == reason_text(kept)


def test_causes_end_after_three_even_in_a_circle() -> None:
    first, second = LookupError("first"), LookupError("second")
    first.__cause__, second.__cause__ = second, first
    reason = reason_of(first)
    text = "LookupError('first') (after: LookupError('second'); LookupError('first'); LookupError('second'))"
    assert text == reason_text(reason)
    reason.cause = reason  # a program may do that, too
    assert text.replace("second", "first") == reason_text(reason) == reason_text(bound_reason(reason))


def test_causes_that_contain_each_other_have_a_short_text() -> None:
    crash = Crash("outer")
    crash.cause = Crash((crash, ("gen_server", "call", ["till", "total"])))
    crash.cause.cause = crash
    assert reason_text(crash, 10_000).count("outer") < 50
    assert reason_text(bound_reason(crash), 10_000).count("outer") < 50


def test_a_cancellation_is_no_cause() -> None:
    late = TimeoutError()
    late.__cause__ = asyncio.CancelledError()
    assert reason_of(late).cause is None


def test_causes_are_ignored_by_comparisons_and_survive_pickling() -> None:
    crash = Crash("boom", (), Crash("bang", (("a.py", 1, "f"),)))
    assert (crash, hash(crash)) == (Crash("boom"), hash(Crash("boom")))
    back = pickle.loads(pickle.dumps(crash))
    assert (Crash("bang"), (("a.py", 1, "f"),)) == (back.cause, back.cause.stack)


def test_the_stack_names_file_line_and_function_innermost_last() -> None:
    def inner() -> None:
        raise KeyError("k")

    try:
        inner()
    except KeyError as error:
        stack = stack_of(error.__traceback__)
    assert stack[-1][0] == __file__
    assert stack[-1][2].endswith("inner")


def test_the_stack_ends_at_the_code_that_a_signal_handler_interrupted() -> None:
    """Regression: an endless loop was shown at the line of the handler that ended it."""

    def handler() -> None:
        __tracebackhide__ = True
        raise KeyError("k")

    def interrupted() -> None:
        handler()

    with pytest.raises(KeyError) as failed:
        interrupted()
    assert stack_of(failed.tb)[-1][2].endswith("interrupted")


class Witness:
    pass


def test_no_reason_keeps_a_frame_alive_not_even_that_of_a_grouped_exception() -> None:
    def fails() -> weakref.ref[Witness]:
        witness = Witness()
        failing.append(weakref.ref(witness))
        raise ValueError("inner")

    failing: list[weakref.ref[Witness]] = []
    errors: list[Exception] = []
    for _ in range(2):
        try:
            fails()
        except ValueError as error:
            errors.append(error)
    reason = reason_of(raised(ExceptionGroup("both", errors)))
    chained = reason_of(raised(RuntimeError("outer", errors[0])))
    errors.clear()
    gc.collect()
    assert [ref() for ref in failing] == [None, None]
    inner = ExceptionTerm("ValueError", ("inner",), "inner")
    assert reason.term.args == ("both", (inner, inner))
    assert chained.term.args == ("outer", inner)


def test_an_exception_that_contains_itself_ends_somewhere() -> None:
    error = ValueError()
    error.args = (error,)
    assert reason_of(raised(error)).term.type_name == "ValueError"


class Rude(Exception):
    @property
    def args(self) -> Any:
        raise RuntimeError("no arguments for you")

    def __str__(self) -> str:
        raise RuntimeError("no text for you")


def test_an_exception_that_refuses_to_be_shown_is_a_crash_like_any_other() -> None:
    reason = reason_of(raised(Rude()))
    assert reason == Crash(ExceptionTerm("Rude", (), "<str() of this Rude raised RuntimeError>"))


@pytest.mark.parametrize(
    ("reason", "clean"),
    [
        ("normal", True),
        ("shutdown", True),
        (("shutdown", 1), True),
        (("shutdown",), False),
        (("shutdown", 1, 2), False),
        ("killed", False),
        (("normal", 1), False),
        (None, False),
        (Array(), False),
        ((Array(), 1), False),
        (("shutdown", Array()), True),
    ],
)
def test_clean_ends_are_normal_shutdown_and_shutdown_with_a_term(reason: Any, clean: bool) -> None:
    assert is_clean(reason) is clean


def test_terms_without_a_truth_value_are_never_equal_and_never_raise() -> None:
    assert not same(Array(), 1)
    assert not starts_with((Array(), 1), "shutdown")
    array = Array()
    assert same(array, array)


def test_a_group_of_exits_with_reasons_that_do_not_compare_is_a_crash() -> None:
    assert type(reason_of(raised(ExceptionGroup("two", [Exit(Array()), Exit(Array())])))) is Crash


def test_a_stack_begins_with_the_code_of_the_process_not_with_the_runtime(run: Any) -> None:
    import asyncio

    import otp

    def plain() -> None:
        raise ValueError("at once")

    async def waits() -> None:
        await asyncio.sleep(1)
        raise ValueError("after a wait")

    async def main() -> Any:
        functions = []
        for fn in (plain, waits):
            _, ref = otp.spawn_monitor(fn)
            functions.append([entry[2].rpartition(".")[2] for entry in (await otp.receive(ref)).reason.stack])
        return functions

    assert run(main) == [["plain"], ["waits"]]


def test_the_stack_of_a_task_begins_with_its_function_as_well(run: Any) -> None:
    """The process of a task begins in a module of the behaviours, which is the runtime's too."""
    import otp

    def plain() -> None:
        raise ValueError("no")

    async def main() -> Any:
        supervisor = await otp.TaskSupervisor.start_link()
        task = await otp.TaskSupervisor.async_nolink(supervisor, plain)
        return [entry[2].rpartition(".")[2] for entry in (await otp.receive(task.ref)).reason.stack]

    assert run(main) == ["plain"]


def test_the_text_of_an_error_is_bounded_whatever_it_carries() -> None:
    """An exit reason of nested tuples, small in memory, kept the program writing its text for ever."""
    wide: Any = ("x",) * 20
    for _ in range(10):
        wide = (wide,) * 20
    errors = [otp.Exit(wide), otp.Error(wide), otp.Throw(wide), otp.StartError(wide)]
    errors.append(otp.CallExit((wide, ("gen_server", "call", [wide, wide])), wide, wide))
    assert [error for error in errors if len(str(error)) > 2_500 or len(repr(error)) > 500] == []


def test_the_text_of_an_error_is_its_reason() -> None:
    assert str(otp.Exit("shutdown")) == "shutdown"
    assert str(otp.Exit(("shutdown", "moved"))) == "('shutdown', 'moved')"
    assert repr(otp.Throw(1)) == "Throw(1)"


def test_an_exception_that_raises_when_it_is_asked_has_a_reason_all_the_same() -> None:
    """`SystemExit` out of the `__str__` of an exception that crashed one process shut the whole node down."""

    class Meta(type):
        __hash__ = None  # type: ignore[assignment]

        def __getattribute__(cls, name: str) -> Any:
            raise SystemExit(name)

    class Evil(Exception, metaclass=Meta):
        def __getattribute__(self, name: str) -> Any:
            raise SystemExit(name)

        def __str__(self) -> str:
            raise SystemExit

    class Group(BaseExceptionGroup[Any]):
        @property
        def exceptions(self) -> Any:
            raise SystemExit

    class Leaving(otp.Exit):
        @property
        def reason(self) -> Any:
            raise SystemExit

        @reason.setter
        def reason(self, value: Any) -> None: ...

    said = "<str() of this Evil raised SystemExit>"
    assert reason_of(Evil("a")).term == ("Evil", ("a",), said)
    assert reason_of(Group("g", [Evil("a")])).term[0] == "Group"
    assert reason_of(ExceptionGroup("g", [otp.Exit("moved"), otp.Exit("moved")])) == "moved"
    assert reason_of(Leaving("x")).term[0] == "Leaving"
