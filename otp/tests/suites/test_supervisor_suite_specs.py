"""Specs of children and flags of supervisors, right and wrong ones, as OTP's supervisor_SUITE has them.

A docstring names the cases whose rule a test holds; what they say is in docs/conformance.md.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest

import otp
from otp import Children, ChildSpec, GenServer, NotFound, Ok, Supervisor, impl, process_flag
from otp.behaviours.supervisor.spec_check import InvalidChildSpec
from refused_starts import refusal

start_child, start_tree = Supervisor.start_child, Supervisor.start_link_children


class Worker(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg)


START = (Worker.start_link,)


def worker(id: str, **options: Any) -> ChildSpec:
    return Worker.child_spec(id=id, **options)


# In a map


def test_a_spec_in_a_map_has_defaults(run: Any) -> None:
    """sup_start_map, sup_start_map_simple."""
    spec = {"id": "child1", "start": (Worker.start_link,)}
    full = ChildSpec("child1", (Worker.start_link,), "permanent", 5, "worker", False, (Worker,))

    async def main() -> None:
        tree = await start_tree(
            [spec, {**spec, "id": "child2", "shutdown": "brutal_kill"}, {**spec, "id": "child3", "type": "supervisor"}]
        )
        assert full == await Supervisor.get_childspec(tree, "child1")
        assert full.replace(id="child2", shutdown="brutal_kill") == await Supervisor.get_childspec(tree, "child2")
        third = full.replace(id="child3", type="supervisor", shutdown="infinity")
        assert third == await Supervisor.get_childspec(tree, "child3")
        with pytest.raises(NotFound):
            await Supervisor.get_childspec(tree, "child4")
        simple = await start_tree([{**spec, "restart": "temporary"}], strategy="simple_one_for_one")
        for pid in [await start_child(simple, []) for _ in range(3)]:
            assert full.replace(restart="temporary") == await Supervisor.get_childspec(simple, pid)
        with pytest.raises(NotFound):
            await Supervisor.get_childspec(simple, otp.self())

    run(main)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"start": (Worker.start_link,)}, "missing_id"),
        ({"id": "child2"}, "missing_start"),
        ("child4", ("invalid_child_spec", "child4")),
    ],
)
def test_a_faulty_map_is_refused_at_the_start(run: Any, spec: Any, reason: Any) -> None:
    """sup_start_map_faulty_specs."""

    async def main() -> None:
        process_flag("trap_exit", True)
        assert ("start_spec", reason) == await refusal(start_tree([spec]))

    run(main)


def test_unknown_keys_of_a_spec_are_refused_with_a_suggestion(run: Any) -> None:
    """sup_start_map_faulty_specs, sup_flags: OTP ignores them."""

    async def main() -> None:
        process_flag("trap_exit", True)
        with pytest.raises(InvalidChildSpec, match="did you mean 'restart'"):
            await start_tree([{"id": "child3", "start": (Worker.start_link,), "restrat": "temporary"}])  # type: ignore[list-item]
        with pytest.raises(TypeError, match="did you mean 'strategy'"):
            Children([], stratgy="one_for_all")  # pyright: ignore[reportArgumentType]

    run(main)


# Specs and flags

WRONG = [
    ({}, "missing_id"),
    ({"id": "child"}, "missing_start"),
    ({"start": START}, "missing_id"),
    ({"id": "child", "start": "mfa"}, ("invalid_mfa", "mfa")),
    ({"id": "child", "start": START, "restart": "prmanent"}, ("invalid_restart_type", "prmanent")),
    ({"id": "child", "start": START, "shutdown": -10}, ("invalid_shutdown", -10)),
    ({"id": "child", "start": START, "type": "wrker"}, ("invalid_child_type", "wrker")),
    ({"id": "child", "start": START, "modules": "dy"}, ("invalid_modules", "dy")),
    ({"id": "child", "start": START, "modules": [1, 2, 3]}, ("invalid_module", 1)),
    ({"id": "child", "start": START, "significant": "maybe"}, ("invalid_significant", "maybe")),
]


def spec_of(fields: Any) -> Any:
    """The same as a `ChildSpec`, where it has what one needs; OTP's other form is a tuple."""
    return ChildSpec(**fields) if fields.keys() >= {"id", "start"} else fields


@pytest.mark.parametrize("form", [spec_of, dict], ids=["child_specs", "child_specs_map"])
@pytest.mark.parametrize(("fields", "reason"), WRONG)
def test_a_wrong_spec_is_refused_by_all_who_see_it(run: Any, form: Any, fields: Any, reason: Any) -> None:
    """child_specs, child_specs_map."""

    async def main() -> None:
        process_flag("trap_exit", True)
        tree = await start_tree([])
        assert reason == await refusal(start_child(tree, form(fields)))
        assert ("start_spec", reason) == await refusal(start_tree([form(fields)]))
        with pytest.raises(InvalidChildSpec) as failure:
            Supervisor.check_childspecs([form(fields)])
        assert reason == failure.value.reason
        assert otp.is_alive(tree)

    run(main)


def judged(spec: ChildSpec, auto_shutdown: Any) -> Any:
    """Return what is wrong with a spec; None if it is right."""
    try:
        Supervisor.check_childspecs([spec], auto_shutdown)
    except InvalidChildSpec as error:
        return error.reason
    return None


@pytest.mark.parametrize("auto", [None, "never", "any_significant", "all_significant"])
@pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])
def test_every_combination_of_right_fields_is_a_spec(auto: Any, restart: Any) -> None:
    """child_specs, child_specs_map."""
    wrong = None
    if auto == "never":
        wrong = ("bad_combination", [("auto_shutdown", "never"), ("significant", True)])
    elif restart == "permanent":
        wrong = ("bad_combination", [("restart", "permanent"), ("significant", True)])
    shutdowns: Any = (0, 1, "infinity", "brutal_kill", None)
    types: Any = ("supervisor", "worker")
    modules: Any = ("dynamic", (), (Worker,), (Worker, Supervisor), None)
    for shutdown, type, code in itertools.product(shutdowns, types, modules):
        spec = ChildSpec("child", START, restart, shutdown, type, False, code)
        assert judged(spec, auto) is None
        assert wrong == judged(spec.replace(significant=True), auto)


def test_a_template_is_one_spec_and_ids_are_unique(run: Any) -> None:
    """child_specs, child_specs_map."""

    async def main() -> None:
        process_flag("trap_exit", True)
        with pytest.raises(InvalidChildSpec) as failure:
            Supervisor.check_childspecs([worker("child"), worker("child", type="supervisor")])
        assert ("duplicate_child_name", "child") == failure.value.reason
        for specs in ([], [worker("child"), worker("child2")]):
            reason = await refusal(start_tree(specs, strategy="simple_one_for_one"))
            assert ("bad_start_spec", len(specs)) == (reason[0], len(reason[1]))
        wrong = await refusal(start_tree([worker("a", restart="prmanent")], strategy="simple_one_for_one"))
        assert ("start_spec", ("invalid_restart_type", "prmanent")) == wrong
        significant = worker("a", significant=True, restart="transient")
        reason = await refusal(start_tree([significant], auto_shutdown="never"))
        assert ("start_spec", "bad_combination") == (reason[0], reason[1][0])

    run(main)


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ({"strategy": "none_for_one"}, ("invalid_strategy", "none_for_one")),
        ({"max_restarts": -1}, ("invalid_intensity", -1)),
        ({"max_restarts": "many"}, ("invalid_intensity", "many")),
        ({"max_seconds": 0}, ("invalid_period", 0)),
        ({"max_seconds": "long"}, ("invalid_period", "long")),
        ({"auto_shutdown": "sometimes"}, ("invalid_auto_shutdown", "sometimes")),
    ],
)
def test_a_wrong_flag_fails_the_start(run: Any, flags: Any, reason: Any) -> None:
    """sup_flags."""

    async def main() -> None:
        process_flag("trap_exit", True)
        assert ("supervisor_data", reason) == await refusal(start_tree([], **flags))

    run(main)
