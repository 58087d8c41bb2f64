"""Starting a supervisor: the order of its children, failed starts, wrong specs, names.

Sleeps take virtual time.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import AlreadyStarted, Children, Ignore, Ok, StartError, Stop, Supervisor, impl, process_flag
from otp.behaviours.supervisor.spec_check import InvalidChildSpec
from otp.testing import wait_all_idle
from recording_workers import Tree, count, which, worker


def test_children_start_in_order_and_stop_in_reverse_with_shutdown(run: Any) -> None:
    log: list[str] = []

    async def main() -> None:
        tree = await Supervisor.start_link_children([worker(name, log) for name in "abc"])
        assert [info.id for info in await which(tree)] == ["c", "b", "a"]
        await Supervisor.stop(tree)

    run(main)
    assert log == ["+a", "+b", "+c", "-c shutdown", "-b shutdown", "-a shutdown"]


def test_a_child_that_fails_stops_those_before_it_and_fails_the_start(run: Any) -> None:
    log: list[str] = []

    async def main() -> None:
        process_flag("trap_exit", True)
        with pytest.raises(StartError) as failure:
            await Supervisor.start_link_children(
                [worker("a", log), worker("b", log), worker("c", log, Stop("no")), worker("d", log)]
            )
        assert failure.value.reason == ("shutdown", ("failed_to_start_child", "c", "no"))
        assert type(failure.value) is StartError

    run(main)
    assert log == ["+a", "+b", "+c", "-b shutdown", "-a shutdown"]


def test_failures_nest_as_deep_as_the_tree(run: Any) -> None:
    async def main() -> None:
        process_flag("trap_exit", True)
        inner = Tree.child_spec(Children([worker("leaf", [], Stop("no"))]), id="inner")
        with pytest.raises(StartError) as failure:
            await Tree.start_link(Children([inner]))
        failed = ("shutdown", ("failed_to_start_child", "leaf", "no"))
        assert failure.value.reason == ("shutdown", ("failed_to_start_child", "inner", failed))

    run(main)


def test_ignored_children_stay_without_a_process_temporary_ones_vanish(run: Any) -> None:
    async def main() -> None:
        tree = await Supervisor.start_link_children(
            [worker("a", [], Ignore()), worker("b", [], Ignore(), restart="temporary"), worker("c", [])]
        )
        assert [(info.id, info.pid is None) for info in await which(tree)] == [("c", False), ("a", True)]
        assert await count(tree) == (2, 1, 0, 2)

    run(main)


def test_a_supervisor_without_children_and_one_that_ignores(run: Any) -> None:
    async def main() -> None:
        assert await which(await Tree.start_link(Children())) == []
        assert await Tree.start_link(Ignore()) == Ignore()

    run(main)


def test_the_init_of_a_supervisor_may_wait(run: Any) -> None:
    class Slow(Supervisor):
        @impl
        async def init(self, arg: Any) -> Children:
            await asyncio.sleep(2)
            return Children([worker("a", [])])

    async def main() -> float:
        await Slow.start_link()
        return otp.monotonic()

    assert run(main) == 2.0


def test_while_a_child_starts_the_mailbox_of_the_supervisor_keeps(run: Any) -> None:
    log: list[str] = []

    async def main() -> None:
        tree = await Supervisor.start_link_children([])
        otp.spawn(Supervisor.start_child, tree, worker("a", log, "slow"))
        await wait_all_idle()
        assert otp.process_info(tree, "message_queue_len") == 0
        await Supervisor.start_child(tree, worker("b", log))
        assert otp.monotonic() == 1.0
        assert [info.id for info in await which(tree)] == ["b", "a"]

    run(main)


def test_what_init_returns_must_be_children(run: Any) -> None:
    async def main() -> None:
        process_flag("trap_exit", True)
        with pytest.raises(
            InvalidChildSpec, match=r"Tree\.init: expected Children.*got None.*forget to return"
        ) as failure:
            await Tree.start_link(None)
        assert failure.value.reason == ("bad_return", (Tree, "init", None))

    run(main)


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (lambda spec: Ok(Children([spec])), "got Ok(…); write return Children([…]), without Ok"),
        (lambda spec: spec, "got a child spec; try return Children([…])"),
        (lambda spec: (spec, spec), "got a tuple of children; try return Children([…])"),
        (lambda spec: [spec], "got a list of children; try return Children([…])"),
        (lambda spec: Children([[spec]]), "got a list of children; leave out the inner brackets; try"),
        (lambda spec: Children(spec, spec), "expected the children in one list, got several arguments; try Children(["),
        (lambda spec: Children(spec), "expected a list of children, got the child spec of 'a'; try Children([…])"),
    ],
    ids=["ok", "one", "tuple", "list", "list in a list", "several", "one, without a list"],
)
def test_what_init_returns_in_place_of_children_is_named_shortly(
    result: Callable[[Any], Any], words: str, run: Any
) -> None:
    """Regression: the text was a representation of the specs with their start functions, and was cut off."""

    class Mistaken(Supervisor):
        def init(self, arg: Any) -> Any:
            return result(worker("a", []))

    async def main() -> None:
        process_flag("trap_exit", True)
        with pytest.raises(otp.StartError, match=re.escape(words)):
            await Mistaken.start_link(None)

    run(main)


@pytest.mark.parametrize(
    ("more", "flags", "reason", "words"),
    [
        (
            [],
            {"strategy": "one_for_al"},
            ("supervisor_data", ("invalid_strategy", "one_for_al")),
            "did you mean 'one_for_all'",
        ),
        ([42], {}, ("start_spec", ("invalid_child_spec", 42)), r"got 42; try a class \(Counter\), \(class, argument\)"),
    ],
)
def test_wrong_specs_and_flags_fail_before_any_child_starts_and_say_what_to_write(
    run: Any, more: list[Any], flags: Any, reason: Any, words: str
) -> None:
    log: list[str] = []

    async def main() -> None:
        process_flag("trap_exit", True)
        with pytest.raises(InvalidChildSpec, match=words) as failure:
            await Supervisor.start_link_children([worker("a", log), *more], **flags)
        assert failure.value.reason == reason

    run(main)
    assert log == []


def test_a_taken_name_is_already_started(run: Any) -> None:
    async def main() -> None:
        first = await Supervisor.start_link_children([], name="tree")
        with pytest.raises(AlreadyStarted) as failure:
            await Supervisor.start_link_children([], name="tree")
        assert failure.value.pid is first
        assert otp.whereis("tree") is first

    run(main)


def test_a_node_owns_a_supervisor_started_on_it() -> None:
    log: list[str] = []

    async def main() -> None:
        async with otp.Node("shop") as node:
            tree = await node.start(Tree, Children([worker("a", log)]), name="tree")
            assert [info.id for info in await which(tree)] == ["a"]
            assert (await count(("tree", node))).active == 1

    asyncio.run(main())
    assert log == ["+a", "-a shutdown"]


@pytest.mark.parametrize("flags", [{"strategy": "one_for_al"}, {"max_restarts": -1}, {"twice": True}])
def test_a_wrong_answer_of_init_names_the_place_of_that_init(run: Any, flags: Any) -> None:
    class Wrong(Supervisor):
        @impl
        def init(self, arg: Any) -> Any:
            log: list[str] = []
            children = [worker("a", log), worker("a", log)] if "twice" in flags else []
            return Children(children, **{name: value for name, value in flags.items() if name != "twice"})

    async def main() -> list[str]:
        process_flag("trap_exit", True)
        with pytest.raises(InvalidChildSpec) as failure:
            await Wrong.start_link(None)
        return failure.value.__notes__

    (note,) = run(main)
    assert f"<locals>.Wrong.init returned, {__file__}:" in note
