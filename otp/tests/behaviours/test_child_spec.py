"""The forms of a child, what a spec holds, and what is said about a wrong one."""

from __future__ import annotations

import copy
import functools
import pickle
from typing import Any

import pytest

import otp
from otp import GenServer, Ok, Supervisor, impl
from otp.behaviours.server.child_spec import Children, ChildSpec, Startable, child_spec_of
from otp.behaviours.supervisor.spec_check import (
    InvalidChildSpec,
    SpecError,
    check_all,
    check_flags,
    check_spec,
    explain,
)


class Counter(Startable):
    @classmethod
    async def start_link(cls, arg: Any, *, name: Any = None, quiet: bool = False) -> Any: ...


class Pool(Startable):
    _child_type = "supervisor"
    _id_from_name = True
    _takes_argument = False

    @classmethod
    async def start_link(cls, *, name: Any = None, size: int = 1) -> Any: ...


def start(*args: Any) -> None: ...


def started(spec: ChildSpec) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    """The function, the arguments and the options of a start."""
    if isinstance(spec.start, functools.partial):
        return spec.start.func, spec.start.args, spec.start.keywords
    return spec.start[0], spec.start[1:], {}


def refused(child: Any, auto_shutdown: Any = None) -> Any:
    with pytest.raises(SpecError) as failure:
        check_spec(child, auto_shutdown)
    return failure.value.reason


# child_spec of a class


def test_the_id_of_a_child_is_its_class_and_its_start_its_start_link() -> None:
    spec = Counter.child_spec(5)

    assert (spec.id, spec.restart, spec.type, check_spec(spec).modules) == (Counter, "permanent", "worker", (Counter,))
    assert started(spec) == (Counter.start_link, (5,), {})


def test_child_options_and_start_options_are_taken_alike() -> None:
    spec = Counter.child_spec(
        0, name="c", id="c1", restart="transient", shutdown=2, type="supervisor", significant=True, quiet=True
    )

    assert started(spec) == (Counter.start_link, (0,), {"quiet": True, "name": "c"})
    assert spec.values()[0] == "c1"
    assert spec.values()[2:6] == ("transient", 2, "supervisor", True)


def test_the_specs_of_a_class_share_its_start_function_and_follow_a_change_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert Counter.child_spec(1).start[0] is Counter.child_spec(2).start[0]  # type: ignore[index]

    other = classmethod(lambda cls, arg: None)
    monkeypatch.setattr(Counter, "start_link", other)

    assert Counter.child_spec(3).start[0].__func__ is other.__func__  # type: ignore[index]


def test_a_name_is_no_id_except_for_classes_that_say_so() -> None:
    assert Counter.child_spec(0, name="c").id is Counter
    assert Pool.child_spec(name="rooms").id == "rooms"
    assert Pool.child_spec().id is Pool
    assert Pool.child_spec(name="rooms", id="r").id == "r"


def test_a_class_without_argument_takes_its_options_as_a_dict_too() -> None:
    spec = child_spec_of((Pool, {"name": "rooms", "size": 3}))

    assert started(spec) == (Pool.start_link, (), {"size": 3, "name": "rooms"})
    assert (spec.id, spec.type) == ("rooms", "supervisor")


def test_an_unknown_option_fails_at_once_with_a_suggestion() -> None:
    with pytest.raises(
        TypeError, match=r"Counter\.child_spec\(…\): did you mean 'restart' where you wrote 'restrat'\?$"
    ):
        Counter.child_spec(0, restrat="transient")
    with pytest.raises(TypeError, match="did you mean 'quiet'"):
        Counter.child_spec(0, quite=True)


# The forms


def test_a_class_asks_for_its_spec_without_an_argument_and_a_pair_with_one() -> None:
    assert started(child_spec_of(Counter)) == (Counter.start_link, (None,), {})
    assert started(child_spec_of((Counter, 7))) == (Counter.start_link, (7,), {})


def test_a_spec_is_itself_and_what_is_no_form_comes_back() -> None:
    spec = Counter.child_spec(0)

    assert child_spec_of(spec) is spec
    for wrong in (42, int, (int, 3), (Counter, 1, 2), "Counter", [Counter]):
        assert child_spec_of(wrong) is wrong


def test_the_map_of_otp_is_a_spec() -> None:
    spec = check_spec({"id": "a", "start": (start, 1), "restart": "temporary"})

    assert spec == check_spec(ChildSpec("a", (start, 1), restart="temporary"))


def test_a_partial_is_a_start() -> None:
    assert check_spec(ChildSpec("a", functools.partial(start, 1))).id == "a"


# ChildSpec


def test_a_spec_is_immutable_and_replace_makes_another() -> None:
    spec = ChildSpec("a", (start,))

    with pytest.raises(AttributeError, match=r"try spec\.replace\(restart='transient'\)"):
        spec.restart = "transient"
    with pytest.raises(AttributeError):
        del spec.restart
    assert spec.replace(restart="transient").restart == "transient"
    assert spec.restart == "permanent"


def test_wrong_fields_are_named_with_a_suggestion() -> None:
    with pytest.raises(TypeError, match="did you mean 'shutdown'"):
        ChildSpec("a", (start,), shutdwn=3)  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="did you mean 'significant'"):
        ChildSpec("a", (start,)).replace(signifcant=True)


def test_specs_compare_by_their_fields_and_survive_copies() -> None:
    spec = ChildSpec("a", (start, [1]), restart="transient")

    assert spec == ChildSpec("a", (start, [1]), restart="transient")
    assert spec != spec.replace(id="b")
    assert spec != "a"
    assert len({spec, spec.replace()}) == 1
    assert pickle.loads(pickle.dumps(spec)) == spec
    assert copy.deepcopy(spec) == spec


def test_repr_shows_what_differs_from_the_defaults() -> None:
    assert (
        repr(ChildSpec("a", (print,), shutdown=3)) == "ChildSpec('a', start=(<built-in function print>,), shutdown=3)"
    )


def test_the_default_shutdown_is_five_seconds_for_workers_and_infinity_for_supervisors() -> None:
    assert check_spec(ChildSpec("a", (start,))).shutdown == 5
    assert check_spec(ChildSpec("a", (start,), type="supervisor")).shutdown == "infinity"
    assert check_spec(ChildSpec("a", (start,), type="supervisor", shutdown=1)).shutdown == 1


def test_the_default_modules_are_the_class_or_the_module_of_the_start_function() -> None:
    assert check_spec(ChildSpec("a", (Counter.start_link,))).modules == (Counter,)
    assert check_spec(ChildSpec("a", functools.partial(Counter.start_link, 1))).modules == (Counter,)
    assert check_spec(ChildSpec("a", (functools.partial(Counter.start_link, 1),))).modules == (Counter,)
    (module,) = check_spec(ChildSpec("a", (start,))).modules or ()
    assert getattr(module, "__name__", module) == __name__


def test_a_complete_spec_is_checked_without_a_copy() -> None:
    spec = check_spec(ChildSpec("a", (start,)))

    assert check_spec(spec) is spec


# What is wrong, in OTP's words


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"id": []}, ("invalid_id", [])),
        ({"start": "not_an_mfa"}, ("invalid_mfa", "not_an_mfa")),
        ({"start": ()}, ("invalid_mfa", ())),
        ({"start": start}, ("invalid_mfa", start)),
        ({"restart": "x"}, ("invalid_restart_type", "x")),
        ({"significant": "yes"}, ("invalid_significant", "yes")),
        ({"type": "x"}, ("invalid_child_type", "x")),
        ({"shutdown": "x"}, ("invalid_shutdown", "x")),
        ({"shutdown": -1}, ("invalid_shutdown", -1)),
        ({"shutdown": True}, ("invalid_shutdown", True)),
        ({"shutdown": float("inf")}, ("invalid_shutdown", float("inf"))),
        ({"modules": 3}, ("invalid_modules", 3)),
    ],
)
def test_a_wrong_field_gives_the_term_of_otp(fields: dict[str, Any], reason: Any) -> None:
    assert refused(ChildSpec(**{"id": "a", "start": (start,), **fields})) == reason


def test_missing_keys_and_other_things_give_the_terms_of_otp() -> None:
    assert refused({"start": (start,)}) == "missing_id"
    assert refused({"id": "a"}) == "missing_start"
    assert refused("notaspec") == ("invalid_child_spec", "notaspec")
    assert refused({"id": "a", "start": (start,), "restrat": "x"})[0] == "invalid_child_spec"


def test_significant_children_need_auto_shutdown_and_an_end() -> None:
    spec = ChildSpec("a", (start,), significant=True, restart="transient")
    never = ("bad_combination", [("auto_shutdown", "never"), ("significant", True)])
    permanent = ("bad_combination", [("restart", "permanent"), ("significant", True)])

    assert refused(spec, "never") == never
    assert refused(spec.replace(restart="permanent"), "any_significant") == permanent
    assert check_spec(spec, "all_significant").significant
    assert check_spec(spec, None).significant


def test_an_id_stands_for_one_child() -> None:
    with pytest.raises(SpecError) as failure:
        check_all([Counter, (Counter, 1)])
    assert failure.value.reason == ("duplicate_child_name", Counter)


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ({"strategy": "one_for_none"}, ("invalid_strategy", "one_for_none")),
        ({"max_restarts": -1}, ("invalid_intensity", -1)),
        ({"max_restarts": 1.5}, ("invalid_intensity", 1.5)),
        ({"max_seconds": 0}, ("invalid_period", 0)),
        ({"max_seconds": "5"}, ("invalid_period", "5")),
        ({"auto_shutdown": "sometimes"}, ("invalid_auto_shutdown", "sometimes")),
    ],
)
def test_a_wrong_flag_gives_the_term_of_otp(flags: dict[str, Any], reason: Any) -> None:
    with pytest.raises(SpecError) as failure:
        check_flags(Children([], **flags))
    assert failure.value.reason == reason


def test_infinity_is_a_limit_of_restarts_and_seconds() -> None:
    check_flags(Children([], max_restarts="infinity", max_seconds="infinity"))
    check_flags(Children([], max_restarts=0, max_seconds=0.5))


# Children


def test_the_defaults_of_children_are_those_of_elixir() -> None:
    children = Children([Counter])

    assert (children.strategy, children.max_restarts, children.max_seconds, children.auto_shutdown) == (
        "one_for_one",
        3,
        5,
        "never",
    )
    assert [spec.id for spec in children.children] == [Counter]


def test_children_want_a_list() -> None:
    for wrong in (Counter, 5, "abc", {"id": "a"}, Counter.child_spec(0)):
        with pytest.raises(TypeError, match=r"expected a list of children, got .*try Children\(\[…\]\)"):
            Children(wrong)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_a_misspelt_flag_is_named_with_a_suggestion() -> None:
    with pytest.raises(TypeError, match="did you mean 'strategy'"):
        Children([], stratgy="one_for_all")  # pyright: ignore[reportArgumentType]


# The same in words


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("missing_id", ["needs 'id'", "(Counter, 0)", "ChildSpec("]),
        (("invalid_child_spec", 42), ["got 42", "a class (Counter)", "(Counter, 0)", "ChildSpec(", "child_spec("]),
        (("invalid_child_spec", ("till", Counter, 5)), ['; write Counter.child_spec(5, name="till")']),
        (("invalid_child_spec", ("till", Counter, 5, 6)), ["try a class (Counter)"]),
        (("bad_return", (Supervisor, "init", None)), ["Supervisor has no init; write def init(self, arg): return Chi"]),
        (("invalid_child_spec", int), ["int has no child_spec"]),
        (("invalid_child_spec", [1]), ["extra arguments"]),
        (("invalid_child_spec", {"id": 1, "strat": 2}), ["did you mean 'start' where you wrote 'strat'?"]),
        (
            ("start_spec", ("invalid_restart_type", "permanant")),
            ['restart "permanant" is unknown', "did you mean 'permanent'?"],
        ),
        (
            ("start_spec", ("invalid_restart_type", "always")),
            ['restart "always" is unknown', "did you mean 'permanent'?"],
        ),
        (("start_spec", ("invalid_restart_type", "on-failure")), ["did you mean 'transient'?"]),
        (("supervisor_data", ("invalid_strategy", "one_for_al")), ["did you mean 'one_for_all'?"]),
        (("invalid_mfa", start), ["got start; write start=(start,), or start=(start, 0) to pass 0"]),
        (("invalid_mfa", Counter.start_link), ["write start=(Counter.start_link,), or"]),
        (("invalid_mfa", Counter), ["write start=(Counter.start_link,), or"]),
        (("invalid_mfa", lambda: None), ["got <function <lambda>>; try start=(function, *args)"]),
        (("invalid_child_spec", Counter.child_spec), ["the method Counter.child_spec; call it: Counter.child_spec(0)"]),
        (("invalid_child_spec", Counter.start_link), ["write Counter.child_spec(0): a supervisor starts its children"]),
        (("duplicate_child_name", "a"), ["'a' twice", 'id="…"']),
        (("bad_combination", [("auto_shutdown", "never"), ("significant", True)]), ['auto_shutdown="any_significant"']),
        (("bad_combination", [("restart", "permanent"), ("significant", True)]), ["transient"]),
        (("bad_start_spec", []), ["exactly one", "got []"]),
        (("bad_return", (Counter, "init", None)), ["Counter.init", "got None", "forget to return"]),
        (("invalid_intensity", 1.5), ["max_restarts", "got 1.5"]),
    ],
)
def test_the_text_of_a_wrong_spec_says_what_to_write(reason: Any, words: list[str]) -> None:
    text = str(InvalidChildSpec(reason))

    for word in words:
        assert word in text
    assert " at 0x" not in text.partition(" (reason ")[0]


def test_other_reasons_have_no_words() -> None:
    assert explain("boom") is None
    assert explain(("shutdown", ("failed_to_start_child", "a", "boom"))) is None
    assert explain(("already_started", 3)) is None


def test_flags_of_children_by_position_show_how_they_are_written() -> None:
    with pytest.raises(TypeError, match=r"got 'one_for_one'; try Children\(\[…\], strategy='one_for_one'\)"):
        Children([], "one_for_one")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"strategy='rest_for_one', max_restarts=7\)"):
        Children([], "rest_for_one", 7)  # type: ignore[arg-type]


class EggTimer(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)


class Kitchen(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return arg


def test_two_children_of_one_class_show_the_id_to_add() -> None:
    async def begins() -> None:
        await Kitchen.start_link(Children([(EggTimer, 1), (EggTimer, 2)]))

    async def adds() -> None:
        await Supervisor.start_child(await Kitchen.start_link(Children([(EggTimer, 1)])), (EggTimer, 2))

    async def adds_to_one_that_does_not_run() -> None:
        tree = await Kitchen.start_link(Children([(EggTimer, 1)]))
        await Supervisor.terminate_child(tree, EggTimer)
        await Supervisor.start_child(tree, (EggTimer, 2))

    async def main() -> None:
        otp.process_flag("trap_exit", True)
        for fails in (begins, adds, adds_to_one_that_does_not_run):
            with pytest.raises(otp.StartError) as failed:
                await fails()
            assert 'EggTimer.child_spec(arg, id="egg_timer_2")' in str(failed.value)

    otp.run(main)


class Twins(Supervisor):
    def init(self, arg: Any) -> Any:
        return Children([Counter.child_spec(1), Counter.child_spec(2)])


class Family(Supervisor):
    def init(self, arg: Any) -> Any:
        return Children([Twins])


@pytest.mark.parametrize("above", [False, True], ids=["of the started supervisor", "of one below it"])
def test_an_invalid_spec_is_explained_wherever_it_is_in_the_tree(above: bool) -> None:
    """Regression: a start that failed because of a supervisor further down showed the raw term."""
    with pytest.raises(otp.StartError) as failure:
        otp.run((Family if above else Twins).start_link)
    todo = 'try Counter.child_spec(arg, id="counter_2"), and its own name'
    said = f"expected a different id for each child, got Counter twice; {todo}"
    assert said in str(failure.value)
    assert ("its child Twins does not start" in str(failure.value)) == above
