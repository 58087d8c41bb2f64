"""Changing the flags and child specs of a running supervisor: what takes effect at once, and what is refused.

Sleeps take virtual time.
"""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp import (
    Children,
    ChildSpec,
    Error,
    GenServer,
    NotFound,
    Ok,
    Supervisor,
    impl,
    process_flag,
    sys,
    trace,
)
from otp.behaviours.supervisor.server import SupervisorServer
from otp.behaviours.supervisor.spec_check import InvalidChildSpec
from otp.testing import wait_all_idle
from supervised import Worker, order, template, which, worker

count = Supervisor.count_children


class Tree(Supervisor):
    """A supervisor whose argument is a list of what `init` answers at each call, in order."""

    @impl
    def init(self, arg: list[Any]) -> Any:
        return arg.pop(0)


def test_the_strategy_of_a_running_supervisor_can_be_changed(run: Any) -> None:
    async def main() -> None:
        tree: Any = await Supervisor.start_link_children([worker("a", name="a"), worker("b", name="b")])
        before = otp.whereis("b")
        await Supervisor.change_flags(tree, strategy="one_for_all", max_restarts=10)
        GenServer.cast("a", "boom")
        await wait_all_idle()
        assert otp.whereis("b") is not before
        (event,) = (e for e in trace.history(otp.self().runtime) if e.kind == "strategy_changed")
        assert event.data["before"]["strategy"] == "one_for_one"
        assert (event.data["strategy"], event.data["max_restarts"]) == ("one_for_all", 10)

    run(main)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"strategy": "simple_one_for_one"}, ("invalid_strategy", "simple_one_for_one")),
        ({"strategy": "x"}, ("invalid_strategy", "x")),
        ({"max_seconds": 0}, ("invalid_period", 0)),
    ],
)
def test_flags_that_cannot_be_are_refused_and_nothing_changes(run: Any, changes: Any, reason: Any) -> None:
    async def main() -> None:
        tree: Any = await Supervisor.start_link_children([worker("a")])
        with pytest.raises(InvalidChildSpec) as failure:
            await Supervisor.change_flags(tree, **changes)
        assert failure.value.reason == ("supervisor_data", reason)
        assert (tree.state.strategy, tree.state.max_seconds) == ("one_for_one", 5)

    run(main)


def test_the_limits_of_a_template_can_be_changed_and_its_strategy_cannot(run: Any) -> None:
    async def main() -> Any:
        tree: Any = await template()
        with pytest.raises(InvalidChildSpec) as failure:
            await Supervisor.change_flags(tree, strategy="one_for_all")
        await Supervisor.change_flags(tree, max_restarts=7)
        await Supervisor.change_flags(tree, strategy="simple_one_for_one", max_seconds=8)
        return failure.value.reason[1], tree.state.max_restarts, tree.state.max_seconds

    assert run(main) == (("invalid_strategy", "one_for_all"), 7, 8)


def test_a_class_that_is_the_id_of_no_child_is_not_found(run: Any) -> None:
    async def main() -> None:
        tree = await Supervisor.start_link_children([Worker])
        assert (await Supervisor.get_childspec(tree, Worker)).id is Worker
        with pytest.raises(NotFound):
            await Supervisor.terminate_child(tree, Supervisor)

    run(main)


def test_auto_shutdown_cannot_be_taken_from_significant_children(run: Any) -> None:
    async def main() -> None:
        tree = await Supervisor.start_link_children(
            [worker("a", restart="transient", significant=True)], auto_shutdown="any_significant"
        )
        with pytest.raises(InvalidChildSpec):
            await Supervisor.change_flags(tree, auto_shutdown="never")
        await Supervisor.change_flags(tree, auto_shutdown="all_significant")

    run(main)


def test_restarts_counted_so_far_stay_counted(run: Any) -> None:
    async def main() -> None:
        process_flag("trap_exit", True)
        tree = await Supervisor.start_link_children([worker("a", name="a")], max_restarts=5)
        for _ in range(2):
            GenServer.cast("a", "boom")
            await wait_all_idle()
        await Supervisor.change_flags(tree, max_restarts=2)
        GenServer.cast("a", "boom")
        await wait_all_idle()
        assert not otp.is_alive(tree)

    run(main)


def test_an_upgrade_asks_init_again_and_keeps_the_processes(run: Any) -> None:
    answers = [
        Children([worker("a"), worker("b")]),
        Children([worker("b", restart="transient"), worker("c")], strategy="one_for_all", max_restarts=7),
    ]

    async def main() -> None:
        tree: Any = await Tree.start_link(answers)
        before = {info.id: info.pid for info in await which(tree)}
        upgraded: list[Any] = []

        async def upgrade() -> None:
            upgraded.append(await SupervisorServer(Tree).code_change("1", tree.state, None))

        await otp.wait_down(otp.spawn(upgrade))
        assert upgraded == [Ok(tree.state)]
        assert [(info.id, info.pid) for info in await which(tree)] == [
            ("a", before["a"]),
            ("c", None),
            ("b", before["b"]),
        ]
        assert (tree.state.strategy, tree.state.max_restarts) == ("one_for_all", 7)
        assert (await Supervisor.get_childspec(tree, "b")).restart == "transient"
        await Supervisor.restart_child(tree, "c")
        assert (await count(tree)).active == 3

    run(main)


def test_an_upgrade_with_wrong_specs_is_refused_and_changes_nothing(run: Any) -> None:
    answers: list[Any] = [Children([worker("a")]), Children([worker("a"), worker("a")]), 5]

    async def main() -> None:
        tree: Any = await Tree.start_link(answers)
        for reason in (("duplicate_child_name", "a"), ("bad_return", (Tree, "init", 5))):
            with pytest.raises(Error) as failure:
                await SupervisorServer(Tree).code_change("1", tree.state, None)
            assert failure.value.reason == reason
        assert await order(tree) == ["a"]

    run(main)


@pytest.mark.parametrize(
    ("before", "after"), [("one_for_one", "simple_one_for_one"), ("simple_one_for_one", "one_for_all")]
)
def test_an_upgrade_cannot_make_a_template_of_children_nor_the_reverse(run: Any, before: Any, after: Any) -> None:
    answers = [Children([worker("a")], strategy=strategy) for strategy in (before, after)]

    async def main() -> None:
        tree: Any = await Tree.start_link(answers)
        with pytest.raises(Error) as failure:
            await SupervisorServer(Tree).code_change("1", tree.state, None)
        assert failure.value.reason == ("invalid_strategy", after)
        assert tree.state.strategy == before

    run(main)


def test_upgrades_of_a_suspended_supervisor_order_and_refuse_as_otp_does(run: Any) -> None:
    """As on OTP 25: `sys:change_code(Sup, Module, "1", [])`, then `which_children`, the last child first."""

    def specs(names: str, **options: Any) -> list[ChildSpec]:
        return [worker(name, **options) for name in names]

    async def main() -> Any:
        answers: list[Any] = [Children(specs("abcd"))]
        tree: Any = await Tree.start_link(answers)
        running = {info.pid for info in await which(tree)}
        found: list[Any] = []
        for answer in (
            Children(specs("bn")),
            Children(specs("z")),
            Children(specs("z", restart="temporary", significant=True)),
            Children(specs("z", restart="temporary", significant=True), auto_shutdown="any_significant"),
            Children(specs("zz")),
        ):
            answers.append(answer)
            await sys.suspend(tree)
            try:
                await sys.change_code(tree, Tree, "1")
            except Error as error:
                found.append(error.reason)
            await sys.resume(tree)
            found.append("".join(info.id for info in await which(tree)))
        assert {info.pid for info in await which(tree) if info.pid is not None} == running
        return found

    refused = ("bad_combination", [("auto_shutdown", "never"), ("significant", True)])
    assert [
        "dcanb", "dcanbz", refused, "dcanbz", "dcanbz", ("duplicate_child_name", "z"), "dcanbz",
    ] == run(main)  # fmt: skip
