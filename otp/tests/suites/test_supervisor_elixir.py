"""Cases of Elixir's supervisor_test.exs in Python; docs/conformance.md lists all of them."""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp import (
    BadArgument,
    ChildInfo,
    Children,
    ChildSpec,
    Counts,
    GenServer,
    NoReply,
    Ok,
    Reply,
    Stop,
    Supervisor,
    Task,
    impl,
)
from otp.behaviours.supervisor.spec_check import InvalidChildSpec
from otp.testing import wait_all_idle


class Stack(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        match request:
            case "pop":
                return Reply(state[0], state[1:])
            case "stop":
                return Stop("normal", state, reply="ok")

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        return NoReply((request, *state))


class StackSup(Supervisor):
    @impl
    def init(self, arg: Any) -> Any:
        return Children([Stack.child_spec(arg, name="stat_stack")])


def test_a_supervisor_has_a_spec_for_its_own_supervisor() -> None:
    assert StackSup.child_spec(1) == ChildSpec(StackSup, StackSup.child_spec(1).start, type="supervisor")
    spec = StackSup.child_spec(1, id="id", restart="temporary")
    assert ("id", "temporary", "supervisor") == (spec.id, spec.restart, spec.type)


def test_what_has_no_spec_is_no_child() -> None:
    for wrong in (object, Any, "other"):
        with pytest.raises(InvalidChildSpec, match=r"expected a child, got .*; try a class"):
            Supervisor.check_childspecs([wrong])


def test_a_child_that_is_started_in_the_list_is_told_how_to_be_listed() -> None:
    started = StackSup.start_link(1)
    with pytest.raises(InvalidChildSpec, match=r"so do not start StackSup here; write StackSup\.child_spec\(…\)"):
        Supervisor.check_childspecs([started])
    started.close()


def test_options_change_a_spec() -> None:
    spec = Task.child_spec(print)
    assert ("temporary", None) == (spec.restart, spec.shutdown)
    other = spec.replace(id="foo", start=(print,), restart="permanent", shutdown="infinity")
    assert ("foo", (print,), "permanent", "infinity") == (other.id, other.start, other.restart, other.shutdown)


def test_children_take_limits_and_a_strategy() -> None:
    children = Children([(Task, print)], strategy="one_for_all", max_restarts=1, max_seconds=2)
    assert ("one_for_all", 1, 2, "never") == (
        children.strategy,
        children.max_restarts,
        children.max_seconds,
        children.auto_shutdown,
    )
    assert [Task] == [spec.id for spec in children.children]


def test_all_forms_of_a_spec_stand_side_by_side(run: Any) -> None:
    async def main() -> None:
        spec = ChildSpec("spec", (Stack.start_link, ()))
        forms: list[Any] = [(Stack, ("hello",)), spec, {"id": 3, "start": (Stack.start_link,)}]
        tree = await Supervisor.start_link_children(forms)
        assert [3, "spec", Stack] == [info.id for info in await Supervisor.which_children(tree)]
        assert Counts(3, 3, 0, 3) == await Supervisor.count_children(tree)

    run(main)


def test_a_server_comes_back_under_its_name_with_its_first_state(run: Any) -> None:
    async def main() -> None:
        tree = await Supervisor.start_link_children([Stack.child_spec(("hello",), name="dyn_stack")], name="my_sup")
        assert 1 == len(await Supervisor.which_children("my_sup"))
        assert "hello" == await GenServer.call("dyn_stack", "pop")
        assert "ok" == await GenServer.call("dyn_stack", "stop")
        await wait_all_idle()
        assert "hello" == await GenServer.call("dyn_stack", "pop")
        await Supervisor.stop(tree)
        assert (None, None) == (otp.whereis("dyn_stack"), otp.whereis("my_sup"))

    run(main)


def test_a_supervisor_of_a_class_starts_what_it_says(run: Any) -> None:
    async def main() -> None:
        tree = await StackSup.start_link(("hello",))
        assert "hello" == await GenServer.call("stat_stack", "pop")
        await Supervisor.stop(tree)
        assert not otp.is_alive(tree)

    run(main)


@pytest.mark.parametrize("name", [[], {}, 3, True, "undefined"])
def test_a_name_that_is_none_is_refused(run: Any, name: Any) -> None:
    async def main() -> None:
        with pytest.raises(BadArgument, match="expected a"):
            await Supervisor.start_link_children([], name=name)
        assert [otp.self()] == otp.processes()

    run(main)


def test_the_life_of_a_child(run: Any) -> None:
    async def main() -> None:
        tree = await Supervisor.start_link_children([])
        assert [] == await Supervisor.which_children(tree)
        assert Counts(0, 0, 0, 0) == await Supervisor.count_children(tree)
        pid = await Supervisor.start_child(tree, (Stack, ("hello",)))
        assert "hello" == await GenServer.call(pid, "pop")
        assert [ChildInfo(Stack, pid, "worker", (Stack,))] == await Supervisor.which_children(tree)
        assert Counts(1, 1, 0, 1) == await Supervisor.count_children(tree)
        with pytest.raises(otp.StartError, match="running"):
            await Supervisor.delete_child(tree, Stack)
        await Supervisor.terminate_child(tree, Stack)
        assert "hello" == await GenServer.call(await Supervisor.restart_child(tree, Stack), "pop")
        await Supervisor.terminate_child(tree, Stack)
        await Supervisor.delete_child(tree, Stack)
        assert [] == await Supervisor.which_children(tree)

    run(main)
