"""Restart counts: which starts of a child count, and how the counts survive the end of its supervisor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import otp
from otp import Children, ChildSpec, GenServer, NoReply, Ok, Stop, Supervisor, impl, observer
from otp.observer import SupervisorView
from otp.testing import Scheduler, wait_all_idle


class Leaf(GenServer[Any]):
    """A worker whose next starts fail as often as `failures` says."""

    failures = 0

    @impl
    def init(self, arg: Any) -> Any:
        if Leaf.failures:
            Leaf.failures -= 1
            return Stop("no")
        return Ok(arg)

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        return Stop(request, state) if request != "ping" else NoReply(state)


class Branch(Supervisor):
    """A supervisor whose argument is its `Children`."""

    @impl
    def init(self, arg: Children) -> Children:
        return arg


def leaf(name: str, **options: Any) -> ChildSpec:
    return Leaf.child_spec(None, id=name, name=name, **options)


def branch(name: str | None, *children: ChildSpec, id: str | None = None, **flags: Any) -> ChildSpec:
    arg = otp.Shared(Children(list(children), **flags))
    if name is None:
        return ChildSpec(id, (Branch.start_link, arg), type="supervisor")
    return Branch.child_spec(arg, id=name, name=name)


async def kill(name: str) -> None:
    otp.exit(otp.whereis(name), "kill")
    await wait_all_idle()


def counts(view: SupervisorView | None = None, prefix: str = "") -> dict[str, tuple[int, int]]:
    """Return (restarts, restarted along) of all children by their ids from the root; those of (0, 0) are left out."""
    node = otp.trace.node_of(otp.self())
    found: dict[str, tuple[int, int]] = {}
    for root in observer.supervision_tree(node).roots if view is None else (view,):
        for child in root.children:
            path = f"{prefix}{child.id.strip(chr(39))}"
            if (child.restarts, child.restarted_along) != (0, 0):
                found[path] = child.restarts, child.restarted_along
            if child.supervisor is not None:
                found |= counts(child.supervisor, f"{path}/")
    return found


def total() -> int:
    return observer.metrics(otp.trace.node_of(otp.self())).restarts


def starts() -> list[tuple[Any, ...]]:
    """Return what the events tell of each start: their kind, the child's id, its restarts, whether it went along."""
    events = otp.trace.history(otp.trace.node_of(otp.self()))
    told = [event for event in events if event.kind in {"child_started", "child_restarted"}]
    return [(event.kind, event.data["id"], event.data["restarts"], event.data["along"]) for event in told]


def test_four_kills_are_three_restarts_of_the_child_and_one_of_its_supervisor(run: Any) -> None:
    async def main() -> None:
        otp.process_flag("trap_exit", True)
        await Supervisor.start_link_children([branch("counters", leaf("one"), leaf("two"))])
        for _ in range(4):
            await kill("one")
        assert counts() == {"counters": (1, 0), "counters/one": (3, 0)}
        assert total() == 4
        await kill("one")
        assert counts() == {"counters": (1, 0), "counters/one": (4, 0)}

    run(main)


@pytest.mark.parametrize("name", ["inner", None])
def test_counts_go_on_when_a_supervisor_two_levels_above_is_restarted(run: Any, name: str | None) -> None:
    async def main() -> None:
        otp.process_flag("trap_exit", True)
        inner = branch(name, leaf("a"), id="inner")
        await Supervisor.start_link_children([branch("outer", inner)], max_restarts=100)
        await kill("a")
        await kill("outer")
        assert counts() == {"outer": (1, 0), "outer/inner/a": (1, 0)}
        await kill("a")
        await kill("outer")
        assert counts() == {"outer": (2, 0), "outer/inner/a": (2, 0)}

    run(main)


def test_the_counts_of_a_tree_that_is_stopped_and_started_by_hand_go_on(run: Any) -> None:
    async def main() -> None:
        otp.process_flag("trap_exit", True)
        top = await Supervisor.start_link_children([branch("counters", leaf("one"))])
        await kill("one")
        await Supervisor.terminate_child(top, "counters")
        await Supervisor.restart_child(top, "counters")
        assert counts() == {"counters/one": (1, 0)}
        await Supervisor.terminate_child(top, "counters")
        await Supervisor.delete_child(top, "counters")
        await Supervisor.start_child(top, branch("counters", leaf("one")))
        assert counts() == {}

    run(main)


def test_siblings_that_a_strategy_restarts_are_counted_apart(run: Any) -> None:
    async def main() -> None:
        otp.process_flag("trap_exit", True)
        await Supervisor.start_link_children([leaf("a"), leaf("b"), leaf("c")], strategy="rest_for_one")
        await kill("b")
        assert counts() == {"b": (1, 0), "c": (0, 1)}
        assert total() == 1

    run(main)


def test_a_start_by_hand_is_a_restart_only_after_an_end_of_its_own(run: Any) -> None:
    async def main() -> None:
        otp.process_flag("trap_exit", True)
        top = await Supervisor.start_link_children([leaf("a", restart="transient")])
        await Supervisor.terminate_child(top, "a")
        await Supervisor.restart_child(top, "a")
        assert (counts(), total()) == ({}, 0)
        first = otp.whereis("a")
        GenServer.cast("a", "normal")
        await wait_all_idle()
        await Supervisor.restart_child(top, "a")
        assert (counts(), total()) == ({"a": (1, 0)}, 1)
        olds = [event.data["old"] for event in otp.trace.history(first.runtime) if event.kind == "child_started"]
        assert olds == [None, None, first]

    run(main)


def test_a_sibling_whose_start_failed_did_not_end_by_itself(run: Any) -> None:
    """The group's restart begins with `b`, whose start fails; then it is `b` that is tried again, and `a` with it."""

    async def main() -> None:
        otp.process_flag("trap_exit", True)
        await Supervisor.start_link_children([leaf("b"), leaf("a")], strategy="one_for_all", max_restarts=5)
        Leaf.failures = 1
        await kill("a")
        assert counts() == {"b": (0, 1), "a": (1, 0)}
        assert total() == 1
        assert starts()[-2:] == [("child_restarted", "b", 0, True), ("child_started", "a", 1, False)]

    run(main)


def test_a_sibling_that_never_ran_is_started_with_its_group_for_the_first_time(run: Any) -> None:
    ignored = [True]

    async def start() -> Any:
        return otp.Ignore() if ignored.pop() else await Leaf.start_link(None, name="late")

    async def main() -> None:
        specs = [leaf("a"), ChildSpec("late", (start,))]
        await Supervisor.start_link_children(specs, strategy="one_for_all")
        ignored.append(False)
        await kill("a")
        assert counts() == {"a": (1, 0)}
        assert starts()[-2:] == [("child_restarted", "a", 1, False), ("child_started", "late", 0, False)]

    run(main)


@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
def test_a_sibling_that_crashes_in_the_same_instant_ended_by_itself(run: Any, strategy: Any) -> None:
    async def main() -> None:
        otp.process_flag("trap_exit", True)
        specs = [leaf("a"), leaf("b"), leaf("c")]
        await Supervisor.start_link_children(specs, strategy=strategy, max_restarts=5)
        otp.exit(otp.whereis("a"), "kill")
        await kill("b")
        assert counts() == {"a": (1, 0), "b": (1, 0), "c": (0, 1)}
        assert total() == 2
        assert starts()[-3:] == [
            ("child_restarted", "a", 1, False), ("child_started", "b", 1, False), ("child_started", "c", 0, True),
        ]  # fmt: skip

    run(main)


def test_a_child_that_ended_before_it_was_stopped_by_hand_has_restarted(run: Any) -> None:
    async def main() -> None:
        otp.process_flag("trap_exit", True)
        top = await Supervisor.start_link_children([leaf("a")])
        await otp.sys.suspend(top)
        asked = otp.spawn_monitor(Supervisor.terminate_child, top, "a")
        await wait_all_idle()
        otp.exit(otp.whereis("a"), "kill")  # the supervisor learns of it behind the request
        await otp.sys.resume(top)
        await otp.receive(asked[1])
        await Supervisor.restart_child(top, "a")
        assert (counts(), total()) == ({"a": (1, 0)}, 1)

    run(main)


def test_nothing_of_a_supervisor_that_ended_is_kept_but_numbers(run: Any) -> None:
    async def main() -> None:
        top: Any = await Supervisor.start_link_children([branch("counters", leaf("one"))])
        await kill("one")
        (record,) = top.state
        assert record.below is otp.whereis("counters").state
        await Supervisor.terminate_child(top, "counters")
        assert record.below == {"one": (1, 0, None)}

    run(main)


def test_a_child_of_a_dynamic_supervisor_is_told_with_its_count(run: Any) -> None:
    async def main() -> None:
        await otp.DynamicSupervisor.start_link(name="orders", max_restarts=5)
        await otp.DynamicSupervisor.start_child("orders", leaf("a"))
        for _ in range(2):
            await kill("a")
        assert starts() == [
            ("child_started", None, 0, False), ("child_restarted", None, 1, False), ("child_restarted", None, 2, False),
        ]  # fmt: skip

    run(main)


NAMES = ("a", "b", "c", "inner", "outer")
STEP = st.tuples(st.sampled_from(["kill", "end", "stop", "start", "fail"]), st.sampled_from(NAMES))


async def take(step: str, name: str) -> None:
    above = {"a": "outer", "inner": "outer", "b": "inner", "c": "inner", "outer": "top"}[name]
    found = otp.whereis(name)
    match step:
        case "kill" if found is not None:
            otp.exit(found, "kill")
        case "end" if found is not None and name in "abc":
            GenServer.cast(found, "normal")
        case "stop" | "start" if otp.whereis(above) is not None:
            operation: Callable[..., Any] = Supervisor.terminate_child if step == "stop" else Supervisor.restart_child
            try:
                await operation(above, name)
            except (otp.StartError, otp.NotFound, otp.CallExit):
                pass
        case "fail":
            Leaf.failures = 1
        case _:
            pass
    await wait_all_idle()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(STEP, max_size=12),
    st.sampled_from(["one_for_one", "one_for_all", "rest_for_one"]),
    st.sampled_from(["permanent", "transient"]),
)
def test_the_node_counts_what_its_children_count(steps: list[tuple[str, str]], strategy: str, restart: str) -> None:
    async def main() -> None:
        otp.process_flag("trap_exit", True)
        Leaf.failures = 0
        inner = branch("inner", leaf("b", restart=restart), leaf("c"), strategy=strategy, max_restarts=1)
        outer = branch("outer", leaf("a", restart=restart), inner, strategy=strategy, max_restarts=1)
        await Supervisor.start_link_children([outer], name="top", max_restarts=1000)
        for step, name in steps:
            await take(step, name)
        Leaf.failures = 0
        for name in ("outer", "a", "inner", "b", "c"):  # what does not run shows no children of its own
            await take("start", name)
        assert sum(own for own, _ in counts().values()) == total()

    Scheduler().run(main)
