"""Analytics and the supervisors' own tables agree on restarts per child."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import otp
from otp import Children, ChildSpec, DynamicSupervisor, GenServer, Ok, Supervisor, impl, observer
from otp.observer import SupervisorView
from otp.testing import Scheduler, advance, wait_all_idle
from superlearner.observing.analytics import AnalyticsServer, Ledger


class Leaf(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)


class Branch(Supervisor):
    """A supervisor whose argument is its `Children`."""

    @impl
    def init(self, arg: Children) -> Children:
        return arg


def leaf(name: str, **options: Any) -> ChildSpec:
    return Leaf.child_spec(None, id=name, name=name, **options)


def branch(name: str, *children: ChildSpec, named: bool = True, **flags: Any) -> ChildSpec:
    arg = otp.Shared(Children(list(children), **{"max_restarts": 100, **flags}))
    if not named:
        return ChildSpec(name, (Branch.start_link, arg), type="supervisor")
    return Branch.child_spec(arg, id=name, name=name)


def watched(test: Callable[[Ledger], Any]) -> None:
    """Run a test in a node's first process, in virtual time, with a ledger."""

    async def main() -> None:
        otp.process_flag("trap_exit", True)
        ledger = Ledger()
        ledger.watch(otp.node())
        await test(ledger)

    Scheduler(seed=1).run(main)


async def kill(name: str) -> None:
    otp.exit(name, "kill")
    await wait_all_idle()


def in_tree() -> dict[str, dict[str, int]]:
    """Return restarts per child of each running supervisor, by pid, without zeros."""
    found: dict[str, dict[str, int]] = {}

    def take(view: SupervisorView) -> None:
        counted = {child.id.strip("'"): child.restarts for child in view.children if child.restarts}
        found[str(view.pid).strip("<>")] = {} if view.strategy == "dynamic" else counted
        for child in view.children:
            if child.supervisor is not None:
                take(child.supervisor)

    for root in observer.supervision_tree(otp.node()).roots:
        take(root)
    return found


def in_analytics(ledger: Ledger) -> dict[str, dict[str, int]]:
    ledger.stats()
    return {pid: ledger.find(pid).by_child for pid in in_tree()}


@pytest.mark.parametrize("named", [True, False])
def test_a_dropped_supervisor_starts_with_the_counts_of_its_table(named: bool) -> None:
    async def test(ledger: Ledger) -> None:
        await AnalyticsServer.start_link(ledger)
        shop = branch("shop", leaf("a"), leaf("b"), named=named, strategy="rest_for_one")
        top = await Supervisor.start_link_children([shop])
        for name in ("a", "a", "b"):
            await kill(name)
        await Supervisor.terminate_child(top, "shop")
        await advance(700)
        assert not any(history.by_child for history in ledger.book.histories.values())
        await Supervisor.restart_child(top, "shop")
        (child,) = await Supervisor.which_children(top)
        history = ledger.find(str(child.pid))
        assert in_analytics(ledger) == in_tree()
        assert history.by_child == {"a": 2, "b": 1}
        assert (history.total_restarts, history.count("restarted_along")) == (3, 2)
        await kill("a")
        assert (history.total_restarts, history.by_child["a"]) == (4, 3)
        assert ledger.stats().total_restarts == otp.node().restart_count == 4

    watched(test)


def test_a_deleted_child_that_is_added_again_begins_at_zero() -> None:
    async def test(ledger: Ledger) -> None:
        top = await Supervisor.start_link_children([leaf("a"), leaf("b")], name="top", max_restarts=100)
        for name in ("a", "a", "b"):
            await kill(name)
        await Supervisor.terminate_child(top, "a")
        await Supervisor.delete_child(top, "a")
        await Supervisor.start_child(top, leaf("a"))
        assert in_analytics(ledger) == in_tree()
        assert ledger.find("top").by_child == {"b": 1}
        await kill("a")
        assert ledger.find("top").by_child == {"a": 1, "b": 1}
        assert ledger.find("top").total_restarts == 4  # totals of the supervisor remain

    watched(test)


def test_a_named_supervisor_below_a_dynamic_one_has_the_counts_of_its_table() -> None:
    async def test(ledger: Ledger) -> None:
        await DynamicSupervisor.start_link(name="pool")
        await DynamicSupervisor.start_child("pool", branch("shop", leaf("a")))
        await kill("a")
        assert ledger.find("shop").by_child == {"a": 1}
        await kill("shop")
        assert in_analytics(ledger) == in_tree()
        await kill("a")
        assert in_analytics(ledger) == in_tree()
        assert (ledger.find("pool").total_restarts, ledger.find("shop").total_restarts) == (1, 2)

    watched(test)


def test_a_new_supervisor_of_the_same_name_has_its_own_counts() -> None:
    async def test(ledger: Ledger) -> None:
        top = await Supervisor.start_link_children([branch("shop", leaf("a"))])
        await kill("a")
        await Supervisor.terminate_child(top, "shop")
        await Supervisor.delete_child(top, "shop")
        await Supervisor.start_child(top, branch("shop", leaf("a")))
        assert in_analytics(ledger) == in_tree()
        assert ledger.find("shop").by_child == {}

    watched(test)


def test_a_sibling_whose_start_failed_went_along_here_too() -> None:
    """`b` is started first and fails once."""
    answers = iter([Ok(None), otp.Stop("no"), Ok(None)])

    class Moody(GenServer[Any]):
        @impl
        def init(self, arg: Any) -> Any:
            return next(answers)

    async def test(ledger: Ledger) -> None:
        await Supervisor.start_link_children(
            [Moody.child_spec(None, id="b"), leaf("a")], strategy="one_for_all", name="top"
        )
        await kill("a")
        history = ledger.find("top")
        assert [(one.event_type, one.child_id) for one in history.restart_history()][::-1] == [
            ("restart_failed", "b"), ("restarted_along", "b"), ("restarted", "a"),
        ]  # fmt: skip
        assert in_analytics(ledger) == in_tree()
        assert ledger.stats().total_restarts == otp.node().restart_count == 1

    watched(test)


NAMES = ("a", "b", "c", "inner", "outer", "shop")
ABOVE = {"a": "outer", "inner": "outer", "b": "inner", "c": "inner", "outer": "top"}
STEP = st.tuples(st.sampled_from(["kill", "stop", "start", "replace", "wait"]), st.sampled_from(NAMES))


@settings(max_examples=60, deadline=None)
@given(st.lists(STEP, max_size=14), st.sampled_from(["one_for_one", "one_for_all"]), st.booleans())
def test_both_agree_after_any_steps(steps: list[tuple[str, str]], strategy: str, named: bool) -> None:
    flags: dict[str, Any] = {"strategy": strategy, "max_restarts": 1}
    inner = branch("inner", leaf("b"), leaf("c"), **flags)
    outer = branch("outer", leaf("a"), inner, named=named, **flags)
    specs = {"a": leaf("a"), "b": leaf("b"), "c": leaf("c"), "inner": inner, "outer": outer}

    async def take(step: str, name: str) -> None:
        above: Any = ABOVE.get(name)
        if above == "outer":
            (found,) = await Supervisor.which_children("top")
            above = found.pid
        if step == "kill" and otp.whereis(name) is not None:
            otp.exit(name, "kill")
        elif step == "wait":
            await advance(700)
        elif above is not None and (isinstance(above, otp.Pid) or otp.whereis(above) is not None):
            try:
                if step != "start":
                    await Supervisor.terminate_child(above, name)
                if step == "replace":
                    await Supervisor.delete_child(above, name)
                    await Supervisor.start_child(above, specs[name])
                elif step == "start":
                    await Supervisor.restart_child(above, name)
            except (otp.StartError, otp.NotFound, otp.CallExit):
                pass
        await wait_all_idle()

    async def test(ledger: Ledger) -> None:
        await AnalyticsServer.start_link(ledger)
        await Supervisor.start_link_children([outer], name="top", max_restarts=1000)
        await DynamicSupervisor.start_link(name="pool", max_restarts=1000)
        await DynamicSupervisor.start_child("pool", branch("shop", leaf("d")))
        for step, name in steps:
            await take(step, name)
            assert in_analytics(ledger) == in_tree()
        assert ledger.stats().total_restarts == otp.node().restart_count

    watched(test)
