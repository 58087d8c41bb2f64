"""PartitionSupervisor: keys find their partition. "partition_test" is Elixir's partition_supervisor_test.exs."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import otp
from otp import (
    Agent,
    AlreadyStarted,
    BadArgument,
    ChildInfo,
    ChildSpec,
    Counts,
    DynamicSupervisor,
    Exit,
    GenServer,
    Ignore,
    NoProcess,
    PartitionSupervisor,
    Registry,
    StartError,
    Supervisor,
    Task,
    TaskSupervisor,
    testing,
)
from otp.behaviours.supervisor._stable_hash import partition_of, stable_hash
from otp.behaviours.supervisor.spec_check import InvalidChildSpec
from otp.testing import wait_all_idle

SOURCES = Path(__file__).parents[2] / "src"
via = PartitionSupervisor.via


def same(state: Any) -> Any:
    return state


def numbered(arguments: list[Any], partition: int) -> list[Any]:
    return [lambda: partition]


# Starting


def test_each_partition_has_a_child_of_its_own(run: Any) -> None:
    """partition_test, "which_children/1", "count_children/1", "with workers"."""

    async def main() -> None:
        sup = await PartitionSupervisor.start_link((Agent, dict), name="carts", partitions=3)
        children = await PartitionSupervisor.which_children("carts")
        expected = [ChildInfo(n, otp.whereis(via("carts", n)), "worker", (Agent,)) for n in (2, 1, 0)]
        assert expected == children == await Supervisor.which_children(sup)
        assert 3 == len({child.pid for child in children})
        assert Counts(3, 3, 0, 3) == await PartitionSupervisor.count_children("carts")
        assert 3 == PartitionSupervisor.partitions("carts") == PartitionSupervisor.partitions(sup)

    run(main)


def test_supervisors_are_divided_too(run: Any) -> None:
    """partition_test, "on success with atom name", "with supervisors"."""

    async def main() -> None:
        await PartitionSupervisor.start_link(DynamicSupervisor, name="sups", partitions=4)
        assert Counts(4, 4, 4, 0) == await PartitionSupervisor.count_children("sups")
        refs = [otp.make_ref() for _ in range(20)]
        for ref in refs:
            await DynamicSupervisor.start_child(via("sups", ref), (Agent, lambda ref=ref: ref))
        found = [
            await Agent.get(agent.pid, same)
            for sup in await PartitionSupervisor.which_children("sups")
            for agent in await DynamicSupervisor.which_children(sup.pid)
        ]
        assert set(refs) == set(found)
        await PartitionSupervisor.start_link(TaskSupervisor, name="tasks", partitions=2)
        assert 6 == await Task.await_(await TaskSupervisor.async_(via("tasks", otp.self()), sum, [1, 2, 3]))

    run(main)


def test_the_name_may_be_one_of_a_registry(run: Any) -> None:
    """partition_test, "on success with via name", "stop/1 with via tuple"."""

    async def main() -> None:
        await Registry.start_link(keys="unique", name="names")
        name = Registry.via("names", "carts")
        sup = await PartitionSupervisor.start_link((Agent, lambda: "hello"), name=name)
        assert 8 == PartitionSupervisor.partitions(name), "on every machine"
        assert "hello" == await Agent.get(via(name, 0), same)
        assert 8 == (await PartitionSupervisor.count_children(name)).active
        await PartitionSupervisor.stop(name)
        assert not otp.is_alive(sup)

    run(main)


def test_a_partition_may_be_told_its_number(run: Any) -> None:
    """partition_test, "with_arguments"."""

    async def main() -> None:
        for child in ((Agent, dict), {"id": "a", "start": (Agent.start_link, dict)}, Agent.child_spec(dict, timeout=5)):
            sup = await PartitionSupervisor.start_link(child, name="n", partitions=3, with_arguments=numbered)
            assert [0, 1, 2, 0, 1] == [await Agent.get(via("n", key), same) for key in (0, 1, 2, 3, -1)]
            await PartitionSupervisor.stop(sup)

    run(main)


def test_it_stands_among_children_under_its_name(run: Any) -> None:
    """partition_test, "uses the atom name as id", "uses the via value as id"."""

    async def main() -> None:
        spec = PartitionSupervisor.child_spec((Agent, dict), name="carts", partitions=2)
        assert ("carts", "supervisor") == (spec.id, spec.type)
        await Supervisor.start_link_children([spec])
        assert 2 == PartitionSupervisor.partitions("carts")
        with pytest.raises(AlreadyStarted):
            await PartitionSupervisor.start_link((Agent, dict), name="carts")

    run(main)


def test_a_child_that_does_not_start_keeps_the_others_from_starting(run: Any) -> None:
    async def main() -> None:
        otp.process_flag("trap_exit", True)
        child = ChildSpec("c", start=(lambda n: otp.exit("boom") if n == 1 else Agent.start_link(dict), 0))
        with pytest.raises(StartError) as failed:
            await PartitionSupervisor.start_link(
                child, name="carts", partitions=2, with_arguments=lambda arguments, n: [n]
            )
        assert ("shutdown", ("failed_to_start_child", 1, ("EXIT", "boom"))) == failed.value.reason
        assert otp.whereis("carts") is None

    run(main)


@pytest.mark.parametrize(
    ("child", "options", "error", "text"),
    [
        ((Agent, dict), {"name": None}, BadArgument, "expected a name"),
        ((Agent, dict), {"partitions": 0}, BadArgument, "int of at least 1, got 0"),
        ((Agent, dict), {"partitions": True}, BadArgument, "int of at least 1, got True"),
        ((Agent, dict), {"with_arguments": 123}, BadArgument, "function of two arguments, got 123"),
        ((Agent, dict), {"with_arguments": lambda arguments, n: n}, BadArgument, "a list of arguments, got 0"),
        (123, {}, InvalidChildSpec, "got 123"),
        ((Agent, dict), {"strategy": "one_for_none"}, InvalidChildSpec, "one_for_none"),
    ],
)
def test_wrong_arguments_are_refused(child: Any, options: Any, error: Any, text: str) -> None:
    """partition_test, "raises without name", "… on bad partitions", "… on bad with_arguments"."""

    async def main() -> None:
        otp.process_flag("trap_exit", True)
        with pytest.raises(error, match=text):
            await PartitionSupervisor.start_link(child, **{"name": "carts", **options})

    testing.Scheduler().run(main)


def test_its_id_as_a_child_is_its_name() -> None:
    """partition_test, "uses the atom name as id", "uses the via value as id"."""
    for name in ("Foo", Registry.via("names", ("bar", "baz"))):
        spec = PartitionSupervisor.child_spec((Agent, dict), name=name)
        assert (name, "supervisor") == (spec.id, spec.type)


def test_partitions_are_never_significant() -> None:
    """partition_test, "raises with bad auto_shutdown": there is no such option."""

    async def main() -> None:
        with pytest.raises(TypeError, match="auto_shutdown"):
            await PartitionSupervisor.start_link((Agent, dict), name="n", auto_shutdown="any_significant")  # type: ignore[call-arg]

    testing.Scheduler().run(main)


# Finding


def test_a_key_is_always_the_same_partition(run: Any) -> None:
    async def main() -> None:
        await PartitionSupervisor.start_link((Agent, dict), name="carts", partitions=4)
        keys = ["ada", b"ada", ("ada", 1), None, 3.5, otp.self(), otp.make_ref(), frozenset("ab")]
        for key in keys:
            await Agent.update(via("carts", key), lambda cart, key=key: cart | {key: True})
        for key in keys:
            assert await Agent.get(via("carts", key), lambda cart, key=key: cart[key])
        GenServer.cast(via("carts", 1), ("cast", lambda cart: {"cast": 1}))
        assert {"cast": 1} == await Agent.get(via("carts", 5), same)
        otp.send(via("carts", 1), "noise")

    run(main)


def test_a_partition_that_was_restarted_is_found_again(run: Any) -> None:
    async def main() -> None:
        await PartitionSupervisor.start_link((Agent, lambda: 0), name="n", partitions=2)
        first = otp.whereis(via("n", 0))
        await Agent.update(via("n", 0), lambda n: n + 1)
        await Agent.update(via("n", 1), lambda n: n + 2)
        otp.exit(first, "kill")
        await wait_all_idle()
        assert otp.whereis(via("n", 0)) not in (first, None)
        assert [0, 2] == [await Agent.get(via("n", key), same) for key in (0, 1)]

    run(main)


def test_a_strategy_holds_among_partitions(run: Any) -> None:
    async def main() -> None:
        await PartitionSupervisor.start_link((Agent, dict), name="n", partitions=2, strategy="one_for_all")
        before = [otp.whereis(via("n", key)) for key in (0, 1)]
        otp.exit(before[0], "kill")
        await wait_all_idle()
        assert not set(before) & {otp.whereis(via("n", key)) for key in (0, 1)}

    run(main)


def test_an_ignored_partition_is_nobody(run: Any) -> None:
    async def main() -> None:
        await PartitionSupervisor.start_link(ChildSpec("c", start=(Ignore,)), name="n", partitions=2)
        assert otp.whereis(via("n", 0)) is None
        assert 2 == PartitionSupervisor.partitions("n")

    run(main)


def test_nobody_there(run: Any) -> None:
    """partition_test, "raises noproc for unknown atom partition supervisor", "is synchronous"."""

    async def main() -> None:
        with pytest.raises(Exit) as gone:
            PartitionSupervisor.partitions("unknown")
        assert ("noproc", ("PartitionSupervisor", "partitions", ["unknown"])) == gone.value.reason
        with pytest.raises(NoProcess):
            await PartitionSupervisor.count_children("unknown")
        await Registry.start_link(keys="unique", name="names")
        with pytest.raises(Exit) as gone:
            PartitionSupervisor.partitions(Registry.via("names", "unknown"))
        assert "noproc" == gone.value.reason[0]
        with pytest.raises(NoProcess) as unreached:
            await Agent.get(via("unknown", 1), same)
        assert via("unknown", 1) == unreached.value.dest
        assert "ok" == GenServer.cast(via("unknown", 1), "lost")
        sup = await PartitionSupervisor.start_link((Agent, dict), name="n")
        await PartitionSupervisor.stop("n")
        assert otp.whereis("n") is None
        assert otp.whereis(via(sup, 1)) is None

    run(main)


def test_another_process_is_no_partition_supervisor(run: Any) -> None:
    async def main() -> None:
        await Supervisor.start_link_children([(Agent, dict)], name="sup")
        for name in ("sup", otp.self()):
            with pytest.raises(BadArgument, match="expected a PartitionSupervisor, got"):
                PartitionSupervisor.partitions(name)
            with pytest.raises(BadArgument, match="expected a PartitionSupervisor, got"):
                otp.whereis(via(name, 1))

    run(main)


def test_a_partition_is_nobodys_name() -> None:
    """partition_supervisor.ex: cannot be given on registration."""

    async def main() -> None:
        with pytest.raises(BadArgument, match="expected a name, got a partition"):
            await Agent.start(dict, name=via("unknown", 1))
        await PartitionSupervisor.start_link((Agent, dict), name="n")
        with pytest.raises(AlreadyStarted):
            await Agent.start(dict, name=via("n", 1))

    testing.Scheduler().run(main)


def test_a_node_owns_one() -> None:
    import asyncio

    async def outside() -> None:
        async with otp.Node("shop") as node:
            await node.start(PartitionSupervisor, (Agent, dict), name="carts", partitions=2)
            assert 2 == PartitionSupervisor.partitions("carts")

    with asyncio.Runner() as runner:
        runner.run(outside())


# Keys


class Colour(Enum):
    RED = 1


class Point(NamedTuple):
    x: int
    y: int


@dataclass(frozen=True)
class User:
    name: str


class Plain:
    pass


def test_an_int_goes_to_the_rest_of_its_absolute_value() -> None:
    """partition_supervisor.ex: rem(abs(key), partitions)."""
    assert [0, 1, 2, 0, 1, 2, 1] == [partition_of(key, 3) for key in (0, 1, 2, 3, -1, -2, True)]


@pytest.mark.parametrize(
    "equal",
    [(7, 7.0, Decimal(7), Fraction(7), complex(7)), (0.5, Decimal("0.50"), Fraction(1, 2)), (Point(1, 2), (1, 2))],
)
def test_equal_keys_have_the_same_partition(equal: tuple[Any, ...]) -> None:
    assert 1 == len({partition_of(key, 1000) for key in equal})


def test_keys_are_spread() -> None:
    texts = [partition_of(f"user {n}", 4) for n in range(1000)]
    assert all(200 < texts.count(partition) < 300 for partition in range(4))
    different = ["1", b"1", ("1",), (("1",),), frozenset("1"), None, Colour.RED, User("1"), Plain, 1.5, float("inf")]
    assert len(different) == len({stable_hash(key) for key in different})


def test_an_object_without_a_value_is_no_key() -> None:
    with pytest.raises(BadArgument, match="identified only by its address; try its id"):
        stable_hash(Plain())


HASHES = """
import datetime, enum, fractions, pathlib, uuid
from otp.behaviours.supervisor._stable_hash import stable_hash
class Colour(enum.Enum):
    RED = "red"
keys = ["text", "\\ud800", b"bytes", 1.5, None, ("a", ("b", 2)), frozenset({"a", "b", "c"}), Colour.RED, dict, len,
        uuid.UUID(int=7), datetime.date(2026, 1, 2), pathlib.PurePosixPath("/a"), fractions.Fraction(1, 3), 1j]
print([stable_hash(key) for key in keys])
"""


def test_the_hash_is_the_same_in_every_run() -> None:
    """13-api: a hash independent of PYTHONHASHSEED."""

    def run(seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(SOURCES)}
        command = [sys.executable, "-c", HASHES]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    assert run("1") == run("2")
    assert 999008199 == stable_hash("text")
