"""`Registry`: which process a key leads to, and for how long. Source: Elixir's `Registry`."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from counted_keys import CountedKey
from first_process import first_process
from otp import (
    AlreadyRegistered,
    AlreadyStarted,
    BadArgument,
    Children,
    Down,
    Entry,
    GenServer,
    NoProcess,
    NoReply,
    Ok,
    Registry,
    Reply,
    impl,
    testing,
)
from otp.sentences import process_name


class Echo(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Reply[Any]:
        return Reply((state, request), state)

    @impl
    def handle_info(self, message: Any, state: Any) -> NoReply[Any]:
        sender, text = message
        otp.send(sender, ("echo", text))
        return NoReply(state)


async def member(registry: str, key: Any, value: Any, owner: otp.Pid) -> None:
    """Register a key, report it, and wait for the message `end`."""
    Registry.register(registry, key, value)
    otp.send(owner, ("registered", otp.self()))
    await otp.receive(otp.Is("end"))


async def start_member(registry: str, key: Any, value: Any = None) -> otp.Pid:
    pid = otp.spawn(member, registry, key, value, otp.self())
    await otp.receive(otp.Tag("registered", pid))
    return pid


async def end(pid: otp.Pid) -> None:
    ref = otp.monitor(pid)
    otp.send(pid, "end")
    await otp.receive(ref)


@first_process
async def test_a_unique_key_has_one_process() -> None:
    await Registry.start_link(keys="unique", name="r")
    holder = await start_member("r", "k", 1)
    assert Registry.lookup("r", "k") == [Entry(holder, 1)]
    assert Registry.lookup("r", "other") == []
    with pytest.raises(AlreadyRegistered) as failure:
        Registry.register("r", "k")
    assert failure.value.pid == holder
    assert failure.value.reason == ("already_registered", holder)


@first_process
async def test_registering_a_unique_key_twice_names_the_caller_itself() -> None:
    await Registry.start_link(keys="unique", name="r")
    Registry.register("r", "k")
    with pytest.raises(AlreadyRegistered) as failure:
        Registry.register("r", "k")
    assert failure.value.pid == otp.self()


@first_process
async def test_a_duplicate_key_has_its_processes_in_order_of_registration() -> None:
    await Registry.start_link(keys="duplicate", name="r")
    one = await start_member("r", "k", "one")
    Registry.register("r", "k", "two")
    Registry.register("r", "k", "three")
    expected = [Entry(one, "one"), Entry(otp.self(), "two"), Entry(otp.self(), "three")]
    assert expected == Registry.lookup("r", "k")
    assert Registry.values("r", "k", otp.self()) == ["two", "three"]
    assert Registry.keys("r", otp.self()) == ["k", "k"]


@pytest.mark.parametrize("keys", ["unique", "duplicate"])
def test_an_entry_is_gone_when_the_down_of_its_process_arrives(keys: Any) -> None:
    async def main() -> None:
        await Registry.start_link(keys=keys, name="r")
        for number in range(50):
            pid = await start_member("r", number)
            otp.monitor(pid)
            otp.exit(pid, "kill")
            assert isinstance(await otp.receive(otp.Is(Down)), Down)
            assert Registry.lookup("r", number) == []
        assert Registry.count("r") == 0

    testing.Scheduler(seed=1).run(main)


@first_process
async def test_unregister_removes_the_entries_of_the_caller_alone() -> None:
    await Registry.start_link(keys="duplicate", name="r")
    other = await start_member("r", "k")
    Registry.register("r", "k", 1)
    Registry.register("r", "k", 2)
    Registry.register("r", "j", 3)
    Registry.unregister("r", "k")
    Registry.unregister("r", "nothing")
    assert Registry.lookup("r", "k") == [Entry(other, None)]
    assert Registry.keys("r", otp.self()) == ["j"]


@first_process
async def test_dispatch_calls_once_with_the_entries_and_not_without() -> None:
    await Registry.start_link(keys="duplicate", name="r")
    seen: list[list[Entry]] = []
    Registry.dispatch("r", "k", seen.append)
    assert seen == []
    one = await start_member("r", "k", 1)
    two = await start_member("r", "k", 2)
    Registry.dispatch("r", "k", seen.append)
    assert seen == [[Entry(one, 1), Entry(two, 2)]]


@first_process
async def test_via_names_a_server_for_call_cast_send_and_whereis() -> None:
    await Registry.start_link(keys="unique", name="r")
    name = Registry.via("r", 1958, "value")
    pid = await Echo.start_link("state", name=name)
    assert Registry.lookup("r", 1958) == [Entry(pid, "value")]
    assert otp.whereis(name) == pid
    assert await GenServer.call(name, "hi") == ("state", "hi")
    otp.send(name, (otp.self(), "hi"))
    assert await otp.receive() == ("echo", "hi")


@first_process
async def test_a_taken_via_name_is_already_started() -> None:
    await Registry.start_link(keys="unique", name="r")
    pid = await Echo.start_link(None, name=Registry.via("r", "k"))
    with pytest.raises(AlreadyStarted) as failure:
        await Echo.start_link(None, name=Registry.via("r", "k"))
    assert failure.value.pid == pid


@first_process
async def test_a_via_name_nobody_has_is_no_process() -> None:
    await Registry.start_link(keys="unique", name="r")
    with pytest.raises(NoProcess) as failure:
        await GenServer.call(Registry.via("r", "k"), "hi")
    assert failure.value.dest == Registry.via("r", "k")
    GenServer.cast(Registry.via("r", "k"), "hi")


@first_process
async def test_a_supervisor_restarts_a_server_under_its_via_name() -> None:
    class Tree(otp.Supervisor):
        @impl
        def init(self, arg: Any) -> Children:
            return Children(
                [
                    Registry.child_spec(keys="unique", name="r"),
                    Echo.child_spec("state", name=Registry.via("r", "k")),
                ]
            )

    tree = await Tree.start_link(None)
    before = otp.whereis(Registry.via("r", "k"))
    assert before is not None
    otp.exit(before, "kill")
    await otp.wait_down(before)
    await otp.Supervisor.which_children(tree)
    assert otp.whereis(Registry.via("r", "k")) not in (None, before)
    assert await GenServer.call(Registry.via("r", "k"), "hi") == ("state", "hi")


@first_process
async def test_registered_processes_are_linked_to_their_registry() -> None:
    otp.process_flag("trap_exit", True)
    registry = await Registry.start_link(keys="unique", name="r")
    pid = await start_member("r", "k")
    ref = otp.monitor(pid)
    otp.exit(registry, "kill")
    assert (await otp.receive(ref)).reason == "killed"


@first_process
async def test_after_the_last_unregister_nothing_ties_a_process_to_its_registry() -> None:
    otp.process_flag("trap_exit", True)
    registry = await Registry.start_link(keys="duplicate", name="r")

    async def leaver(owner: otp.Pid) -> None:
        Registry.register("r", "k")
        Registry.register("r", "k")
        Registry.unregister("r", "k")
        otp.send(owner, "left")
        await otp.receive(otp.Is("end"))

    pid = otp.spawn(leaver, otp.self())
    await otp.receive(otp.Is("left"))
    otp.exit(registry, "kill")
    await otp.receive(otp.Is(otp.ExitSignal, pid=registry))
    assert otp.is_alive(pid)


@first_process
async def test_the_end_of_a_registered_process_does_not_hurt_the_registry() -> None:
    registry = await Registry.start_link(keys="unique", name="r")
    for reason in ("normal", "boom", "kill"):
        pid = await start_member("r", "k")
        otp.exit(pid, reason)
        await end(pid)
    await testing.wait_all_idle()
    assert otp.is_alive(registry)


@first_process
async def test_a_registry_that_does_not_run_is_a_clear_error() -> None:
    otp.process_flag("trap_exit", True)
    with pytest.raises(BadArgument, match=r"expected the name of a running registry.*Registry\.start_link"):
        Registry.lookup("nowhere", "k")
    registry = await Registry.start_link(keys="unique", name="r")
    otp.exit(registry, "kill")
    await otp.wait_down(registry)
    with pytest.raises(BadArgument, match="an unregistered name"):
        Registry.register("r", "k")
    await Echo.start_link(None, name="echo")
    with pytest.raises(BadArgument, match="which is not a registry"):
        Registry.count("echo")


@first_process
async def test_via_needs_unique_keys() -> None:
    await Registry.start_link(keys="duplicate", name="r")
    with pytest.raises(BadArgument, match="keys='unique'"):
        await Echo.start_link(None, name=Registry.via("r", "k"))


@first_process
async def test_update_value_is_for_the_holder_of_the_key() -> None:
    await Registry.start_link(keys="unique", name="r")
    Registry.register("r", "mine", 1)
    await start_member("r", "other", 1)
    assert Registry.update_value("r", "mine", lambda n: n + 1) == (2, 1)
    assert Registry.lookup("r", "mine") == [Entry(otp.self(), 2)]
    assert Registry.update_value("r", "other", lambda n: n + 1) is None
    assert Registry.update_value("r", "nobody", lambda n: n + 1) is None


@first_process
async def test_a_key_given_back_while_its_value_is_made_stays_free() -> None:
    """Regression: the new value made an entry that no process owned, and that was never removed."""
    await Registry.start_link(keys="unique", name="r")

    def holder() -> Any:
        Registry.register("r", "key", 1)
        Registry.update_value("r", "key", lambda n: Registry.unregister("r", "key"))

    await otp.wait_down(otp.spawn(holder))
    assert Registry.lookup("r", "key") == []


@first_process
async def test_select_and_count_see_all_entries() -> None:
    await Registry.start_link(keys="duplicate", name="r")
    Registry.register("r", "a", 1)
    Registry.register("r", "b", 2)
    Registry.register("r", "a", 3)
    me = otp.self()
    assert Registry.count("r") == 3
    assert sorted(Registry.select("r")) == [("a", me, 1), ("a", me, 3), ("b", me, 2)]
    assert Registry.select("r", lambda key, entry: entry.value > 2) == [("a", me, 3)]


@first_process
async def test_meta_lives_with_the_registry() -> None:
    await Registry.start_link(keys="unique", name="r")
    assert Registry.meta("r", "limit", 5) == 5
    Registry.put_meta("r", "limit", 7)
    assert Registry.meta("r", "limit") == 7


@first_process
async def test_listeners_are_told_of_entries_that_come_and_go() -> None:
    await Registry.start_link(keys="unique", name="r", listeners=("listener", "nobody"))
    otp.register("listener", otp.self())
    pid = await start_member("r", "k", "v")
    assert await otp.receive() == ("register", "r", "k", pid, "v")
    await end(pid)
    assert await otp.receive() == ("unregister", "r", "k", pid)


@first_process
async def test_a_registry_as_a_child_has_its_name_as_id() -> None:
    assert Registry.child_spec(keys="unique", name="rooms").id == "rooms"
    assert Registry.child_spec(keys="unique", name="rooms", id="other").id == "other"


@first_process
async def test_wrong_options_are_refused() -> None:
    with pytest.raises(BadArgument, match="expected 'unique' or 'duplicate', got 'uniq'"):
        await Registry.start_link(keys="uniq", name="r")  # pyright: ignore[reportArgumentType]
    with pytest.raises(BadArgument, match="at least 1, got 0"):
        await Registry.start_link(keys="unique", name="r", partitions=0)


def test_register_needs_a_process() -> None:
    with pytest.raises(otp.NotAProcess):
        Registry.register("r", "k")


class Key:
    """A key whose hash may change."""

    def __init__(self) -> None:
        self.hash = 1

    def __hash__(self) -> int:
        return self.hash


@pytest.mark.parametrize("keys", ["unique", "duplicate"])
def test_a_key_that_cannot_be_found_any_more_goes_with_its_process_and_takes_no_other(keys: Any) -> None:
    async def main() -> Any:
        await Registry.start_link(keys=keys, name="reg")
        Registry.register("reg", "mine")
        key = Key()

        async def holder() -> None:
            Registry.register("reg", key)
            Registry.register("reg", "room")
            await otp.receive()

        pid = otp.spawn(holder)
        await testing.wait_all_idle()
        key.hash = 2
        otp.exit(pid, "kill")
        return [key for key, _, _ in Registry.select("reg")], Registry.count("reg")

    assert testing.Scheduler(seed=0).run(main) == (["mine"], 1)


# Patterns


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (..., ["a", ("b", 1), ("b", 2), {"c": [1, 2], "d": 0}, 7]),
        ("a", ["a"]),
        (("b", ...), [("b", 1), ("b", 2)]),
        (("b",), []),
        ([...], []),
        ({"c": [1, ...]}, [{"c": [1, 2], "d": 0}]),
        ({"x": ...}, []),
        (int, [7]),
        (otp.Tag("b"), [("b", 1), ("b", 2)]),
        (lambda value: value[1] == 2, [("b", 2)]),
    ],
)
def test_match_finds_the_values_that_fit_a_pattern(pattern: Any, expected: list[Any]) -> None:
    async def main() -> None:
        await Registry.start_link(keys="duplicate", name="r")
        for value in ("a", ("b", 1), ("b", 2), {"c": [1, 2], "d": 0}, 7):
            Registry.register("r", "k", value)
        Registry.register("r", "another", "a")
        assert expected == [entry.value for entry in Registry.match("r", "k", pattern)]
        assert len(expected) == Registry.count_match("r", "k", pattern)

    testing.Scheduler().run(main)


@first_process
async def test_a_value_that_cannot_be_compared_matches_nothing() -> None:
    class Odd:
        def __eq__(self, other: object) -> bool:
            raise RuntimeError("no")

        __hash__ = None  # type: ignore[assignment]

    await Registry.start_link(keys="duplicate", name="r")
    Registry.register("r", "k", Odd())
    Registry.register("r", "k", 1)
    assert [1] == [entry.value for entry in Registry.match("r", "k", 1)]
    pid = otp.self()
    Registry.register("r", "pid", pid)
    assert 1 == Registry.count_match("r", "pid", pid)


@pytest.mark.parametrize("keys", ["unique", "duplicate"])
def test_unregister_match_removes_own_entries_that_match_and_tells_the_listeners(keys: Any) -> None:
    async def main() -> None:
        otp.register("listener", otp.self())
        await Registry.start_link(keys=keys, name="r", listeners=("listener",))
        other = await start_member("r", "k" if keys == "duplicate" else "other", ("x", 0))
        Registry.register("r", "k", ("x", 1))
        testing.flush(otp.Tag("register"))
        Registry.unregister_match("r", "k", ("y", ...))
        assert testing.mailbox() == []
        Registry.unregister_match("r", "k", ("x", ...))
        await testing.wait_all_idle()
        assert testing.mailbox() == [("unregister", "r", "k", otp.self())]
        assert [other] == [pid for _, pid, _ in Registry.select("r")]
        assert otp.self() not in (otp.process_info(other, "links") or ())

    testing.Scheduler().run(main)


@first_process
async def test_unregister_match_keeps_the_entries_that_do_not_match() -> None:
    await Registry.start_link(keys="duplicate", name="r")
    for value in (1, 2, 3):
        Registry.register("r", "k", value)
    Registry.unregister_match("r", "k", lambda value: value > 1)
    assert Registry.values("r", "k", otp.self()) == [1]
    assert Registry.keys("r", otp.self()) == ["k"]
    assert Registry.count("r") == 1
    Registry.unregister_match("r", "k", 1)
    assert Registry.count("r") == 0


@first_process
async def test_who_started_a_registry_stays_linked_to_it_after_its_last_unregister() -> None:
    """Regression: with its last entry, the starter lost the link of `start_link`, and the registry outlived it."""
    registry = await Registry.start_link(keys="unique", name="r")
    Registry.register("r", "k")
    Registry.unregister("r", "k")
    assert otp.process_info(otp.self(), "links") == (registry,)


@first_process
async def test_count_select_counts_and_delete_meta_forgets() -> None:
    await Registry.start_link(keys="duplicate", name="r", partitions=4)
    for value in (1, 2, 3):
        Registry.register("r", ("k", value), value)
    assert Registry.count_select("r", lambda key, entry: key[1] > 1 and entry.value < 3) == 1
    Registry.put_meta("r", "limit", 3)
    Registry.delete_meta("r", "limit")
    Registry.delete_meta("r", "limit")
    assert Registry.meta("r", "limit", "none") == "none"


@first_process
async def test_a_listener_hears_of_an_end_before_the_down_of_that_process() -> None:
    """Elixir sends `{:unregister, registry, key, pid}`; the entry is removed in the step of the end."""
    otp.register("listener", otp.self())
    await Registry.start_link(keys="unique", name="r", listeners=("listener", "nobody"))
    pid = await start_member("r", "k", 5)
    await testing.wait_all_idle()
    assert testing.mailbox() == [("register", "r", "k", pid, 5)]
    otp.monitor(pid)
    otp.exit(pid, "kill")
    assert Registry.lookup("r", "k") == []
    await testing.wait_all_idle()
    first, second = testing.mailbox()
    assert first == ("unregister", "r", "k", pid)
    assert isinstance(second, Down)


@pytest.mark.parametrize("keys", ["unique", "duplicate"])
def test_to_unregister_one_key_costs_the_same_however_many_a_process_has(keys: Any) -> None:
    """Regression: a duplicate registry searched all keys of the process."""

    async def main() -> Any:
        await Registry.start_link(keys=keys, name="r")
        mine = [CountedKey(number) for number in range(1_000)]
        for key in mine:
            Registry.register("r", key, key.number)
        CountedKey.compared = 0
        for number in range(500):
            Registry.unregister("r", CountedKey(number))
        return CountedKey.compared, Registry.keys("r", otp.self()) == mine[500:], Registry.count("r")

    compared, are_left, count = testing.Scheduler().run(main)
    assert compared <= 10 * 500
    assert (True, 500) == (are_left, count)


@first_process
async def test_a_key_registered_several_times_is_unregistered_once_for_each_entry() -> None:
    await Registry.start_link(keys="duplicate", name="r")
    for number in range(6):
        Registry.register("r", "even" if number % 2 == 0 else "odd", number)
    Registry.unregister_match("r", "even", lambda value: value == 2)
    assert ["even", "odd", "odd", "even", "odd"] == Registry.keys("r", otp.self())
    Registry.register("r", "even", 6)
    assert [0, 4, 6] == Registry.values("r", "even", otp.self())
    Registry.unregister("r", "even")
    assert (["odd"] * 3, []) == (Registry.keys("r", otp.self()), Registry.lookup("r", "even"))
    Registry.unregister("r", "even")
    Registry.unregister("r", "odd")
    assert ([], 0) == (Registry.keys("r", otp.self()), Registry.count("r"))


@pytest.mark.parametrize("as_dict", [True, False])
def test_a_node_owns_a_registry_and_takes_the_options_of_its_start(as_dict: bool) -> None:
    """Regression: `start_server() got an unexpected keyword argument 'keys'`, as for a server with callbacks."""

    async def main() -> Any:
        async with otp.Node("shop") as node:
            options: dict[str, Any] = {"keys": "unique", "partitions": 2}
            if as_dict:
                registry = await node.start(Registry, options, name="rooms")
            else:
                registry = await node.start(Registry, name="rooms", **options)
            room = await node.start(Echo, 1, name=Registry.via("rooms", 1958))
            found = [entry.pid for entry in Registry.lookup("rooms", 1958)] == [room]
            with pytest.raises(AlreadyStarted):
                await node.start(Registry, keys="unique", name="rooms")
        return found, otp.is_alive(registry)

    assert asyncio.run(main()) == (True, False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "rooms"}, r"Registry\(keys=…\): expected 'unique' or 'duplicate', got None"),
        ({"keys": "unique"}, r"got no name; try node.start\(Registry, keys=\"unique\", name=\"rooms\"\)"),
        (
            {"keys": "unique", "name": "rooms", "key": 1},
            r"expected keys=, .*, got 'key'; try node.start",
        ),
    ],
)
def test_a_node_refuses_a_registry_without_keys_or_name_and_unknown_options(options: Any, message: str) -> None:
    async def main() -> None:
        async with otp.Node("shop") as node:
            with pytest.raises(BadArgument, match=message):
                await node.start(Registry, **options)

    asyncio.run(main())


def test_a_process_without_a_registered_name_is_named_by_its_class_and_first_key() -> None:
    async def main() -> None:
        await Registry.start_link(keys="unique", name="books")
        await Registry.start_link(keys="duplicate", name="topics")
        book = await Echo.start_link(None, name=Registry.via("books", "ACME"))
        assert process_name(book) == "Echo ACME"
        assert Registry.via("books", 1958).register(book)
        assert process_name(book) == "Echo ACME"
        Registry.via("books", "ACME").unregister(book)
        assert process_name(book) == "Echo 1958"
        otp.register("ledger", book)
        assert process_name(book) == "ledger"
        assert process_name(await start_member("topics", "news")) is None
        assert process_name(await start_member("books", ("shelf", 2))) == "member ('shelf', 2)"
        assert process_name(otp.self()) is None
        await otp.GenServer.stop(book)
        assert process_name(book) is None

    otp.run(main)


def test_a_key_that_names_a_process_shows_no_secret() -> None:
    async def main() -> None:
        await Registry.start_link(keys="unique", name="books")
        text = await Echo.start_link(None, name=Registry.via("books", "token=hunter2"))
        nested = await Echo.start_link(None, name=Registry.via("books", (("password=hunter2",),)))
        assert process_name(text) == "Echo token=***"
        assert "hunter2" not in str(process_name(nested))

    otp.run(main)


def test_the_end_of_a_process_carries_its_key() -> None:
    async def main() -> list[Any]:
        await Registry.start_link(keys="unique", name="books")
        book = await Echo.start(None, name=Registry.via("books", "ACME"))
        otp.exit(book, "kill")
        await otp.wait_down(book)
        return [event.data["name"] for event in ends if event.pid == book]

    async def watched() -> list[Any]:
        otp.trace.subscribe(otp.node(), ends.append, kinds={"exited"})
        return await main()

    ends: list[otp.trace.Event] = []
    assert otp.run(watched) == ["Echo ACME"]
