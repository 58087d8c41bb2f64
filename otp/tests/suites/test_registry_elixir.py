"""Cases of Elixir's registry tests (unique_test.exs, duplicate_test.exs, registry_test.exs) in Python.

docs/conformance.md lists all of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import otp
from otp import Agent, AlreadyRegistered, AlreadyStarted, BadArgument, Entry, Registry, StartError, sys, testing
from otp.testing import wait_all_idle
from own_process import links

Test = Callable[[str], Awaitable[None]]


def with_registry(*kinds: Any, **options: Any) -> Callable[[Test], Callable[..., None]]:
    """Run the test as the first process of a node, with a registry "r" of each kind, in one partition and in eight."""

    def decorate(test: Test) -> Callable[..., None]:
        def run(kind: Any, partitions: int) -> None:
            async def main() -> None:
                await Registry.start_link(keys=kind, name="r", partitions=partitions, **options)
                await test(kind)

            testing.Scheduler(seed=0).run(main)

        run.__name__, run.__doc__ = test.__name__, test.__doc__
        return pytest.mark.parametrize("kind", kinds)(pytest.mark.parametrize("partitions", [1, 8])(run))

    return decorate


async def holder(key: Any, value: Any = None) -> Any:
    """Another process that registers and stays."""
    me = otp.self()

    async def hold() -> None:
        Registry.register("r", key, value)
        otp.send(me, otp.self())
        await otp.receive(otp.Is("never sent"))

    otp.spawn(hold)
    return await otp.receive(otp.Pid)


def same(state: Any) -> Any:
    return state


# Registering


@with_registry("unique", "duplicate")
async def test_entries_are_counted(kind: str) -> None:
    assert 0 == Registry.count("r")
    Registry.register("r", "hello", "value")
    Registry.register("r", "hello" if kind == "duplicate" else "world", "value")
    assert 2 == Registry.count("r")


@with_registry("unique")
async def test_a_unique_key_is_registered_once_also_by_oneself(kind: str) -> None:
    me = otp.self()
    registry = Registry.register("r", "hello", "value")
    assert registry == otp.whereis("r")
    for _ in range(2):
        assert (["hello"], ["value"]) == (Registry.keys("r", me), Registry.values("r", "hello", me))
        with pytest.raises(AlreadyRegistered) as taken:
            Registry.register("r", "hello", "value")
        assert me == taken.value.pid
    Registry.register("r", "world", "value")
    assert ["hello", "world"] == Registry.keys("r", me)


@with_registry("unique")
async def test_a_unique_key_is_registered_once_among_processes(kind: str) -> None:
    other = await holder("hello", "value")
    assert (["hello"], ["value"]) == (Registry.keys("r", other), Registry.values("r", "hello", other))
    before = links()
    with pytest.raises(AlreadyRegistered) as taken:
        Registry.register("r", "hello", "recent")
    assert other == taken.value.pid
    assert ([], []) == (Registry.keys("r", otp.self()), Registry.values("r", "hello", otp.self()))
    assert before == links()


@with_registry("unique")
async def test_a_refused_registration_leaves_nothing_behind(kind: str) -> None:
    other = await holder("hello", "value")
    Registry.register("r", "world", "value")
    for key in ("hello", "world"):
        with pytest.raises(AlreadyRegistered):
            Registry.register("r", key, "recent")
    assert 2 == Registry.count("r")
    assert [Entry(other, "value")] == Registry.lookup("r", "hello")
    Registry.unregister("r", "hello")
    assert ["world"] == Registry.keys("r", otp.self())


@with_registry("unique")
async def test_a_key_is_free_when_its_process_has_ended_whatever_the_registry_does(kind: str) -> None:
    other = await holder("hello", "value")
    await sys.suspend("r")
    otp.exit(other, "kill")
    await otp.wait_down(other)
    Registry.register("r", "hello", "other")
    assert [Entry(otp.self(), "other")] == Registry.lookup("r", "hello")
    await sys.resume("r")
    await wait_all_idle()
    assert [Entry(otp.self(), "other")] == Registry.lookup("r", "hello")


@with_registry("duplicate")
async def test_a_duplicate_key_is_registered_any_number_of_times(kind: str) -> None:
    me = otp.self()
    Registry.register("r", "hello", "value")
    assert (["hello"], ["value"]) == (Registry.keys("r", me), Registry.values("r", "hello", me))
    Registry.register("r", "hello", "value")
    assert (["hello"] * 2, ["value"] * 2) == (Registry.keys("r", me), Registry.values("r", "hello", me))
    Registry.register("r", "world", "value")
    assert ["hello", "hello", "world"] == sorted(Registry.keys("r", me))  # type: ignore[type-var]


@with_registry("duplicate")
async def test_a_duplicate_key_is_registered_by_any_number_of_processes(kind: str) -> None:
    me, other = otp.self(), await holder("hello", "world")
    assert ([], ["hello"]) == (Registry.keys("r", me), Registry.keys("r", other))
    assert ([], ["world"]) == (Registry.values("r", "hello", me), Registry.values("r", "hello", other))
    Registry.register("r", "hello", "value")
    assert (["hello"], ["value"]) == (Registry.keys("r", me), Registry.values("r", "hello", me))


@with_registry("unique", "duplicate")
async def test_keys_are_compared_whole(kind: str) -> None:
    """A key that looks like a pattern elsewhere is a value like any other."""
    keys: list[Any] = ["_", ("$1", "topic"), ("other", "topic"), ("_", "topic"), frozenset("b"), frozenset("ab")]
    for n, key in enumerate(keys):
        Registry.register("r", key, n)
    for n, key in enumerate(keys):
        assert [Entry(otp.self(), n)] == Registry.lookup("r", key)
    for key in keys[:5]:
        Registry.unregister("r", key)
        assert [] == Registry.lookup("r", key)
    assert [Entry(otp.self(), 5)] == Registry.lookup("r", keys[5])


# Unregistering


@with_registry("unique", "duplicate")
async def test_a_process_unregisters_by_key(kind: str) -> None:
    me = otp.self()
    Registry.unregister("r", "hello")
    Registry.register("r", "hello", "value")
    if kind == "duplicate":
        Registry.register("r", "hello", "value")
    Registry.register("r", "world", "value")
    Registry.unregister("r", "hello")
    assert ["world"] == Registry.keys("r", me)
    Registry.unregister("r", "world")
    assert [] == Registry.keys("r", me)


@with_registry("unique", "duplicate")
async def test_the_link_to_the_registry_lasts_from_the_first_key_to_the_last(kind: str) -> None:
    async def body() -> None:
        for key in ("hello", "world"):
            registry = Registry.register("r", key, "value")
            assert registry in links()
        Registry.unregister("r", "hello")
        assert otp.whereis("r") in links()
        Registry.unregister("r", "world")
        assert otp.whereis("r") not in links()

    assert "normal" == await otp.wait_down(otp.spawn(body))


@with_registry("unique", "duplicate")
async def test_entries_go_with_their_process(kind: str) -> None:
    pids = [await holder("hello"), await holder("world")]
    for pid in pids:
        otp.exit(pid, "kill")
        await otp.wait_down(pid)
    assert (0, []) == (Registry.count("r"), Registry.select("r"))
    assert [[], []] == [Registry.keys("r", pid) for pid in pids]


# Values, dispatch, listeners


@with_registry("unique")
async def test_a_process_updates_its_own_value(kind: str) -> None:
    def never(value: Any) -> Any:
        raise AssertionError("is not called")

    assert Registry.update_value("r", "hello", never) is None
    await holder("hello", "value")
    assert Registry.update_value("r", "hello", never) is None
    Registry.register("r", "world", 1)
    assert (2, 1) == Registry.update_value("r", "world", lambda n: n + 1)
    assert [Entry(otp.self(), 2)] == Registry.lookup("r", "world")


@with_registry("duplicate")
async def test_a_value_of_a_duplicate_key_is_not_updated(kind: str) -> None:
    with pytest.raises(BadArgument, match="keys='unique'"):
        Registry.update_value("r", "hello", same)


@with_registry("unique", "duplicate")
async def test_dispatch_reaches_those_of_one_key_in_the_process_that_asks(kind: str) -> None:
    me = otp.self()

    def never(entries: Any) -> None:
        raise AssertionError("is not called")

    def tell(entries: list[Entry]) -> None:
        assert me == otp.self()
        for pid, value in entries:
            otp.send(pid, ("dispatch", value))

    Registry.dispatch("r", "hello", never)
    Registry.register("r", "hello", 1)
    if kind == "duplicate":
        Registry.register("r", "hello", 2)
    Registry.register("r", "world", 3)
    Registry.dispatch("r", "hello", tell)
    assert ([("dispatch", 1), ("dispatch", 2)] if kind == "duplicate" else [("dispatch", 1)]) == testing.mailbox()
    Registry.dispatch("r", "world", tell)
    assert [("dispatch", 3)] == testing.mailbox()


@with_registry("unique", "duplicate", listeners=("listener",))
async def test_listeners_hear_of_every_entry(kind: str) -> None:
    otp.register("listener", otp.self())
    other = await holder("hello", "world")
    assert ("register", "r", "hello", other, "world") == await otp.receive(otp.Tag("register"))
    Registry.register("r", "world", "value")
    assert ("register", "r", "world", otp.self(), "value") == await otp.receive()
    Registry.unregister("r", "world")
    assert ("unregister", "r", "world", otp.self()) == await otp.receive()


# Names


@with_registry("unique")
async def test_a_key_is_a_name_for_a_server(kind: str) -> None:
    name = Registry.via("r", "hello")
    agent = await Agent.start_link(lambda: 0, name=name)
    await Agent.update(name, lambda n: n + 1)
    assert 1 == await Agent.get(name, same)
    with pytest.raises(AlreadyStarted) as taken:
        await Agent.start(lambda: 0, name=name)
    assert agent == taken.value.pid
    with pytest.raises(StartError):
        await Agent.start(lambda: otp.exit("oops"), name=Registry.via("r", "other"))
    assert [] == Registry.lookup("r", "other")


@with_registry("unique")
async def test_a_name_may_bring_a_value(kind: str) -> None:
    agent = await Agent.start_link(lambda: 0, name=Registry.via("r", "hello", "value"))
    assert [Entry(agent, "value")] == Registry.lookup("r", "hello")


@with_registry("duplicate")
async def test_a_duplicate_key_is_no_name(kind: str) -> None:
    with pytest.raises(BadArgument, match="keys='unique'"):
        await Agent.start_link(lambda: 0, name=Registry.via("r", "hello"))


@with_registry("unique", "duplicate")
async def test_an_unknown_registry_is_said_so(kind: str) -> None:
    with pytest.raises(BadArgument, match="an unregistered name"):
        Registry.register("unknown", "hello", "value")


@with_registry("unique", "duplicate")
async def test_wrong_kinds_of_keys_are_refused(kind: str) -> None:
    for wrong in ("duplicat", ("duplicate", "invalid"), None):
        with pytest.raises(BadArgument, match="expected 'unique' or 'duplicate'"):
            await Registry.start_link(keys=wrong, name="other")  # type: ignore[arg-type]


# All entries


@with_registry("unique", "duplicate")
async def test_all_entries_can_be_read(kind: str) -> None:
    assert [] == Registry.select("r")
    other = await holder("hello")
    Registry.register("r", "world", "value")
    assert {("hello", other, None), ("world", otp.self(), "value")} == set(Registry.select("r"))


@with_registry("unique", "duplicate")
async def test_a_selected_entry_has_names_and_unpacks_as_a_tuple(kind: str) -> None:
    """Rows were plain tuples, whose parts had to be known by their place."""
    Registry.register("r", "hello", 7)
    (row,) = Registry.select("r")
    key, pid, value = row
    assert ("hello", otp.self(), 7) == (row.key, row.pid, row.value) == (key, pid, value) == row


@with_registry("unique", "duplicate")
async def test_a_predicate_chooses_among_all_entries(kind: str) -> None:
    me, other = otp.self(), await holder("_", (3, "atom"))
    Registry.register("r", "hello", (1, "atom"))
    Registry.register("r", "world", {"a": "a", "b": "b"})
    hello, world = ("hello", me, (1, "atom")), ("world", me, {"a": "a", "b": "b"})
    assert [hello] == Registry.select("r", lambda key, entry: key == "hello")
    assert [("_", other, (3, "atom"))] == Registry.select("r", lambda key, entry: entry.pid == other)
    assert [hello] == Registry.select("r", lambda key, entry: isinstance(entry.value, tuple) and entry.value[0] < 3)
    assert [world] == Registry.select("r", lambda key, entry: isinstance(entry.value, dict) and "b" in entry.value)
    assert [hello, world] == Registry.select("r", lambda key, entry: key in ("hello", "world"))
    assert [("_", other, (3, "atom"))] == Registry.select("r", lambda key, entry: key == "_")
    assert [] == Registry.select("r", lambda key, entry: key == "nobody")
