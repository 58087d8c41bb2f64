"""The bookkeeping of supervisors, without a process: restart window, strategies, order of children.

The model at the end is OTP's `supervisor.erl` written down with plain lists.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otp.behaviours.server.child_spec import Children, ChildSpec
from otp.behaviours.supervisor.dynamic_state import DynamicState
from otp.behaviours.supervisor.spec_check import check_all, check_spec
from otp.behaviours.supervisor.state import ChildRecord, RestartWindow, SupervisorState, should_restart
from otp.kernel.values.reasons import Crash

S = 1_000_000_000


def state_of(*specs: ChildSpec, **flags: Any) -> SupervisorState:
    state = SupervisorState(Children([], **{"max_restarts": 100, **flags}))
    for spec in check_all(specs):
        state.started(state.add(spec), f"{spec.id}1")
    return state


def child(id: str, **fields: Any) -> ChildSpec:
    return ChildSpec(id, (print,), **fields)


# The window


def test_intensity_one_allows_one_restart_in_the_window() -> None:
    window = RestartWindow(1, 5)

    assert window.count(0)
    assert not window.count(1)


def test_intensity_zero_allows_none() -> None:
    assert not RestartWindow(0, 5).count(0)


def test_a_restart_counts_while_it_is_not_older_than_the_window() -> None:
    window = RestartWindow(1, 2)
    window.count(0)

    assert window.used(2 * S) == 1
    assert not window.count(2 * S)

    window = RestartWindow(1, 2)
    window.count(0)

    assert window.used(2 * S + 1) == 0
    assert window.count(2 * S + 1)


def test_a_long_window_remembers_no_more_restarts_than_its_decision_needs() -> None:
    window = RestartWindow(3, "infinity")
    assert [window.count(now) for now in range(10)] == [True] * 3 + [False] * 7
    assert (len(window.restarts), window.counted, window.used(10)) == (4, 4, 4)


def test_where_any_number_is_allowed_for_ever_all_restarts_are_counted_and_few_remembered() -> None:
    window = RestartWindow("infinity", "infinity")
    assert all(window.count(now) for now in range(5_000))
    assert (len(window.restarts), window.counted, window.used(5_000)) == (1_000, 5_000, 5_000)


def test_the_window_is_as_exact_as_the_clock() -> None:
    """OTP counts whole seconds: there 1.75 s can be inside a period of one second."""
    window = RestartWindow(1, 0.1)
    window.count(S)

    assert not window.count(S + S // 10)
    assert window.count(S + S // 10 * 2 + 1)


def test_unlimited_restarts_and_an_endless_window() -> None:
    assert all(RestartWindow("infinity", 5).count(0) for _ in range(10))

    endless = RestartWindow(1, "infinity")
    endless.count(0)

    assert not endless.count(10**18)


# Who restarts


@pytest.mark.parametrize(
    "reason", ["normal", "shutdown", ("shutdown", "moved"), Crash("shutdown"), "boom", "killed", Crash("normal")]
)
@pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])
def test_who_is_restarted_after_which_reason(restart: Any, reason: Any) -> None:
    clean = reason in ("normal", "shutdown", ("shutdown", "moved")) or reason == Crash("shutdown")

    expected = {"permanent": True, "transient": not clean, "temporary": False}[restart]

    assert should_restart(child("a", restart=restart), reason) is expected


@pytest.mark.parametrize(
    ("strategy", "expected"), [("one_for_one", ["b"]), ("rest_for_one", ["b", "c"]), ("one_for_all", ["a", "b", "c"])]
)
def test_the_group_of_a_strategy(strategy: Any, expected: list[str]) -> None:
    state = state_of(child("a"), child("b"), child("c"), strategy=strategy)
    record = state.exited("b1", "boom", 0)
    assert record is not None

    assert [r.id for r in state.group(record)] == expected


def test_an_end_is_counted_once() -> None:
    state = state_of(child("a"))

    assert state.exited("a1", "boom", 7) is state.find("a")
    assert state.exited("a1", "boom", 8) is None
    assert state.exited("stranger", "boom", 8) is None


def test_the_record_remembers_the_last_end() -> None:
    state = state_of(child("a"))
    record = state.exited("a1", "boom", 7)
    assert record is not None

    assert (record.pid, record.old, record.last_reason, record.last_at) == (None, "a1", "boom", 7)


def test_stopping_a_child_that_does_not_run_leaves_its_last_end() -> None:
    state = state_of(child("a", restart="transient"))
    record = state.exited("a1", "normal", 5)
    assert record is not None
    state.stopped(record, None, 6)

    assert (record.old, record.last_reason, record.last_at, record.ended) == ("a1", "normal", 5, True)


def test_temporary_children_go_with_their_spec_and_finished_transient_ones_stay() -> None:
    state = state_of(child("a", restart="temporary"), child("b", restart="transient"))
    for pid in ("a1", "b1"):
        record = state.exited(pid, "normal", 0)
        assert record is not None
        assert state.decide(record, "normal", 0) == "gone"

    assert [(r.id, r.pid) for r in state.children] == [("b", None)]


def test_too_many_restarts_give_up() -> None:
    state = state_of(child("a"), max_restarts=0)
    record = state.exited("a1", "boom", 0)
    assert record is not None

    assert state.decide(record, "boom", 0) == "give_up"
    assert not record.restarting


def test_each_attempt_to_restart_counts() -> None:
    state = state_of(child("a"), max_restarts=2)
    record = state.exited("a1", "boom", 0)
    assert record is not None

    assert state.decide(record, "boom", 0) == "restart"
    assert state.retry("a", 1) == ("restart", record)
    assert state.retry("a", 2) == ("give_up", record)


def test_a_retry_that_was_taken_back_is_nothing() -> None:
    state = state_of(child("a"), max_restarts=2)
    record = state.exited("a1", "boom", 0)
    assert record is not None
    state.decide(record, "boom", 0)
    state.stopped(record, "shutdown", 1)

    assert state.retry("a", 2) == ("gone", record)
    assert state.retry("unknown", 2) == ("gone", None)


# Significant children


def significant(id: str, restart: Any = "transient") -> ChildSpec:
    return child(id, restart=restart, significant=True)


def end(state: SupervisorState, pid: str, reason: Any = "normal") -> str:
    record = state.exited(pid, reason, 0)
    assert record is not None
    return state.decide(record, reason, 0)


def test_any_significant_stops_with_the_first() -> None:
    state = state_of(
        significant("a"), significant("b"), child("c", restart="transient"), auto_shutdown="any_significant"
    )

    assert end(state, "c1") == "gone"
    assert end(state, "a1") == "shutdown"


def test_all_significant_stops_with_the_last() -> None:
    state = state_of(significant("a"), significant("b", "temporary"), child("c"), auto_shutdown="all_significant")

    assert end(state, "b1", "boom") == "gone"
    assert end(state, "a1") == "shutdown"


def test_stopped_and_ignored_significant_children_do_not_count_as_running() -> None:
    state = state_of(significant("a"), significant("b"), auto_shutdown="all_significant")
    state.started(state.add(check_spec(significant("c"))), None)
    record = state.find("b")
    assert record is not None
    state.stopped(record, "shutdown", 0)

    assert end(state, "a1") == "shutdown"


def test_a_significant_child_that_restarts_does_not_stop_the_supervisor() -> None:
    state = state_of(significant("a"), auto_shutdown="any_significant")

    assert end(state, "a1", "boom") == "restart"


def test_a_significant_child_about_to_restart_counts_as_running() -> None:
    state = state_of(significant("a"), significant("b"), auto_shutdown="all_significant")
    end(state, "a1", "boom")

    assert end(state, "b1") == "gone"


# Dynamic children


def dynamic(template: ChildSpec | None = None, **flags: Any) -> DynamicState:
    return DynamicState(Children([], **flags), template and check_spec(template))


def test_dynamic_children_are_counted_by_kind() -> None:
    state = dynamic()
    state.started("a", check_spec(child("x")))
    state.started("b", check_spec(child("x", type="supervisor")))

    assert (len(state), state.supervisors) == (2, 1)
    state.forget("b")
    assert (len(state), state.supervisors) == (1, 0)


def test_a_restarted_dynamic_child_keeps_its_past_under_its_new_pid() -> None:
    state = dynamic()
    spec = check_spec(child("x"))
    state.started("a", spec)

    assert state.decide("a", spec, "boom", 5) == "restart"
    assert state.restarted("a", "b") == 1
    assert [(r.id, r.pid, r.restarts, r.last_reason, r.last_at) for r in state.children] == [(None, "b", 1, "boom", 5)]


def test_a_dynamic_child_whose_restart_failed_is_listed_as_restarting() -> None:
    state = dynamic(max_restarts=5)
    spec = check_spec(child("x", type="supervisor"))
    state.started("a", spec)
    state.decide("a", spec, "boom", 5)
    state.failed("a")

    (record,) = state.children
    assert (record.pid, record.restarting, record.old, record.last_reason) == (None, True, "a", "boom")
    assert (len(state), len(state.children), state.supervisors) == (1, 1, 1)
    assert state.retry("a", 6) == ("restart", spec)
    assert state.restarted("a", "b") == 1
    assert state.retry("a", 7) == ("gone", None)


def test_an_ignored_restart_of_a_dynamic_child_forgets_it() -> None:
    state = dynamic()
    spec = check_spec(child("x", type="supervisor"))
    state.started("a", spec)
    state.decide("a", spec, "boom", 5)
    state.restarted("a", None)

    assert (len(state), state.supervisors, state.history) == (0, 0, {})


def test_all_significant_of_dynamic_children_means_the_last_of_all() -> None:
    template = child("x", restart="temporary", significant=True)
    state = dynamic(template, auto_shutdown="all_significant")
    state.started("a", check_spec(template))
    state.started("b", check_spec(template))

    assert state.decide("a", check_spec(template), "boom", 0) == "gone"
    assert state.decide("b", check_spec(template), "boom", 0) == "shutdown"


# The model: supervisor.erl with lists


class Model:
    """`children` is a list of [id, restart, significant, pid] in start order; pid: int, None or "restarting"."""

    def __init__(self, specs: list[ChildSpec], strategy: str, intensity: int, auto: str) -> None:
        self.children: list[list[Any]] = [[s.id, s.restart, s.significant, n] for n, s in enumerate(specs)]
        self.strategy, self.intensity, self.auto, self.restarts = strategy, intensity, auto, 0
        self.next_pid = len(specs)
        self.trace: list[Any] = []

    def find(self, id: Any) -> list[Any] | None:
        return next((c for c in self.children if c[0] == id), None)

    def del_child(self, c: list[Any]) -> None:
        c[3] = None
        if c[1] == "temporary":
            self.children.remove(c)

    def exit(self, pid: int, reason: str, fails: deque[bool]) -> str:
        c = next((c for c in self.children if c[3] == pid), None)
        if c is None:
            return "unknown"
        c[3] = None
        if c[1] == "permanent" or (c[1] == "transient" and reason == "boom"):
            return self.restart(c, fails)
        self.del_child(c)
        if c[2] and self.auto == "any_significant":
            return "shutdown"
        if c[2] and self.auto == "all_significant" and not any(o[2] and o[3] is not None for o in self.children):
            return "shutdown"
        return "gone"

    def restart(self, c: list[Any], fails: deque[bool]) -> str:
        self.restarts += 1
        if self.restarts > self.intensity:
            self.del_child(c)
            return "give_up"
        if self.strategy == "one_for_one":
            group = [c]
        elif self.strategy == "one_for_all":
            group = list(self.children)
        else:
            group = self.children[self.children.index(c) :]
        c[3] = None
        for other in reversed(group):
            if isinstance(other[3], int):
                self.trace.append(("stop", other[0]))
            if other is not c:
                self.del_child(other)
        for other in group:
            if other in self.children:
                if fails.popleft():
                    self.trace.append(("fail", other[0]))
                    other[3] = "restarting"
                    return "restart"
                self.trace.append(("start", other[0]))
                other[3] = self.next_pid
                self.next_pid += 1
        return "restart"

    def again(self, id: Any, fails: deque[bool]) -> str:
        c = self.find(id)
        return self.restart(c, fails) if c is not None and c[3] == "restarting" else "gone"


class Driven:
    """The state of this package, driven as the supervisor's process drives it."""

    def __init__(self, specs: list[ChildSpec], strategy: Any, intensity: int, auto: Any) -> None:
        self.state = SupervisorState(Children([], strategy=strategy, max_restarts=intensity, auto_shutdown=auto))
        for pid, spec in enumerate(specs):
            self.state.started(self.state.add(spec), pid)
        self.next_pid = len(specs)
        self.trace: list[Any] = []

    def exit(self, pid: int, reason: str, fails: deque[bool]) -> str:
        record = self.state.exited(pid, reason, 0)
        if record is None:
            return "unknown"
        verdict = self.state.decide(record, reason, 0)
        if verdict == "restart":
            self.restart(record, fails)
        return verdict

    def again(self, id: Any, fails: deque[bool]) -> str:
        verdict, record = self.state.retry(id, 0)
        if verdict == "restart":
            assert record is not None
            self.restart(record, fails)
        return verdict

    def restart(self, failed: ChildRecord, fails: deque[bool]) -> None:
        group = self.state.group(failed)
        for record in reversed(group):
            if record is not failed:
                if record.pid is not None:
                    self.trace.append(("stop", record.id))
                self.state.stopped(record, "shutdown", 0)
        again = self.state.restartable(group)
        for position, record in enumerate(again):
            if fails.popleft():
                self.trace.append(("fail", record.id))
                self.state.left_down(again[position + 1 :])
                return
            self.trace.append(("start", record.id))
            self.state.started(record, self.next_pid)
            self.next_pid += 1


specs = st.lists(
    st.tuples(st.sampled_from(["permanent", "transient", "temporary"]), st.booleans()), min_size=1, max_size=6
)
steps = st.lists(
    st.tuples(
        st.sampled_from(["exit", "exit", "exit", "again", "terminate", "delete", "start"]),
        st.integers(0, 12),
        st.sampled_from(["normal", "boom"]),
        st.lists(st.booleans(), min_size=8, max_size=8),
    ),
    max_size=25,
)


@settings(max_examples=400, deadline=None)
@given(
    specs,
    st.sampled_from(["one_for_one", "one_for_all", "rest_for_one"]),
    st.sampled_from([2, 1000]),
    st.sampled_from(["never", "any_significant", "all_significant"]),
    steps,
)
def test_the_state_decides_as_supervisor_erl(
    kinds: list[tuple[Any, bool]],
    strategy: str,
    intensity: int,
    auto: str,
    script: list[tuple[str, int, str, list[bool]]],
) -> None:
    made = check_all(
        child(f"c{n}", restart=restart, significant=wanted and restart != "permanent" and auto != "never")
        for n, (restart, wanted) in enumerate(kinds)
    )
    model, driven = Model(made, strategy, intensity, auto), Driven(made, strategy, intensity, auto)
    for step, (operation, n, reason, fails) in enumerate(script):
        id = f"c{n % len(made)}"
        if operation == "exit":
            verdicts = model.exit(n, reason, deque(fails)), driven.exit(n, reason, deque(fails))
        elif operation == "again":
            verdicts = model.again(id, deque(fails)), driven.again(id, deque(fails))
        else:
            verdicts = "", ""
            by_hand(operation, id, step, model, driven, made)
        assert verdicts[1] == verdicts[0]
        assert driven.trace == model.trace
        assert [
            [r.id, r.spec.restart, r.spec.significant, "restarting" if r.restarting else r.pid] for r in driven.state
        ] == model.children
        assert len(driven.state.restarts) == model.restarts
        if verdicts[0] in ("give_up", "shutdown"):
            return


def by_hand(operation: str, id: str, step: int, model: Model, driven: Driven, made: list[ChildSpec]) -> None:
    """terminate_child, delete_child and start_child, as far as they are bookkeeping."""
    c, record = model.find(id), driven.state.find(id)
    assert (c is None) == (record is None)
    if operation == "start" and (c is None or record is None):
        spec = next(s for s in made if s.id == id)
        pid = 1000 + step
        model.children.append([id, spec.restart, spec.significant, pid])
        driven.state.started(driven.state.add(spec), pid)
    elif c is None or record is None:
        return
    elif operation == "terminate":
        model.del_child(c)
        driven.state.stopped(record, "shutdown", 0)
    elif operation == "delete" and c[3] is None:
        model.children.remove(c)
        driven.state.delete(record)


def test_other_specs_keep_the_processes_of_known_ids_and_come_first() -> None:
    state = state_of(child("a"), child("b"), child("c"))
    state.replace_specs(check_all([child("c", restart="transient"), child("d"), child("a")]))

    assert [(r.id, r.pid, r.spec.restart) for r in state.children] == [
        ("c", "c1", "transient"),
        ("d", None, "permanent"),
        ("a", "a1", "permanent"),
        ("b", "b1", "permanent"),
    ]
    assert state.exited("c1", "boom", 0) is state.find("c")


def test_an_upgrade_that_is_undone_leaves_children_order_and_flags() -> None:
    state = state_of(child("a"), child("b"), max_restarts=3)
    undo = state.undo()
    state.change(Children([], strategy="one_for_all", max_restarts=7, max_seconds=9, auto_shutdown="any_significant"))
    state.replace_specs(check_all([child("b", restart="transient"), child("c")]))
    undo()

    assert [(r.id, r.pid, r.spec.restart) for r in state.children] == [
        ("a", "a1", "permanent"), ("b", "b1", "permanent"),
    ]  # fmt: skip
    assert state.find("c") is None
    assert (state.strategy, state.auto_shutdown) == ("one_for_one", "never")
    assert (state.max_restarts, state.max_seconds) == (3, 5)


def test_an_upgrade_of_a_template_that_is_undone_leaves_template_and_limits() -> None:
    state = dynamic(child("x"), max_restarts=3)
    before = state.template
    undo = state.undo()
    state.change(Children([], max_restarts=7, max_seconds=9, auto_shutdown="any_significant"))
    state.template = check_spec(child("y"))
    undo()

    assert state.template is before
    assert (state.max_restarts, state.max_seconds, state.auto_shutdown) == (3, 5, "never")
