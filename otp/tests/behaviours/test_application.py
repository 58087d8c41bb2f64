"""The rules of `Application`: order, environment, and what the end of one means for the node.

Source: Erlang's `application`.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from first_process import first_process
from otp import (
    Application,
    BadArgument,
    Children,
    GenServer,
    Ok,
    Reply,
    StartError,
    Supervisor,
    impl,
    testing,
)


class EventLog(GenServer[tuple[Any, ...]]):
    """The events, in order."""

    @impl
    def init(self, arg: Any) -> Ok[tuple[Any, ...]]:
        return Ok(())

    @impl
    def handle_call(self, request: Any, caller: Any, state: tuple[Any, ...]) -> Reply[Any]:
        return Reply(state, () if request == "take" else (*state, request))


async def wrote() -> Any:
    return await GenServer.call("diary", "take")


class Worker(GenServer[str]):
    @impl
    async def init(self, arg: str) -> Ok[str]:
        otp.process_flag("trap_exit", True)
        await GenServer.call("diary", f"{arg} up")
        return Ok(arg)

    @impl
    async def terminate(self, reason: Any, state: str) -> None:
        await GenServer.call("diary", f"{state} down")


class Tree(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children([Worker.child_spec(f"{arg} {n}", id=n) for n in (1, 2)], max_restarts=0)


class Database(Application):
    name = "database"
    env = {"url": "sqlite://", "pool": 5}

    @impl
    async def start(self, kind: str, args: Any) -> Any:
        return await Tree.start_link("database", name="database_top")


class Shop(Application):
    name = "shop"
    applications = (Database,)
    description = "sells things"
    vsn = "1.2"

    @impl
    async def start(self, kind: str, args: Any) -> Any:
        await GenServer.call("diary", ("start", kind, args))
        return await Tree.start_link("shop", name="shop_top"), "the state"

    @impl
    async def prep_stop(self, state: Any) -> Any:
        await GenServer.call("diary", ("prep_stop", state))
        return "prepared"

    @impl
    async def stop(self, state: Any) -> None:
        await GenServer.call("diary", ("stop", state))


@first_process
async def test_dependencies_start_first_and_all_are_named() -> None:
    await EventLog.start_link(None, name="diary")
    assert await Application.ensure_all_started(Shop) == ["database", "shop"]
    assert await Application.ensure_all_started(Shop) == []
    assert await wrote() == (
        "database 1 up", "database 2 up", ("start", "normal", ()), "shop 1 up", "shop 2 up",
    )  # fmt: skip


@first_process
async def test_running_applications_are_listed_the_latest_first() -> None:
    await EventLog.start_link(None, name="diary")
    await Application.ensure_all_started(Shop)
    assert await Application.which_applications() == [("shop", "sells things", "1.2"), ("database", "", "")]


@first_process
async def test_start_wants_the_dependencies_to_run() -> None:
    await EventLog.start_link(None, name="diary")
    with pytest.raises(StartError) as failure:
        await Application.start(Shop)
    assert failure.value.reason == ("not_started", "database")


@first_process
async def test_a_second_start_is_refused() -> None:
    await EventLog.start_link(None, name="diary")
    await Application.start(Database)
    with pytest.raises(StartError) as failure:
        await Application.start(Database)
    assert failure.value.reason == ("already_started", "database")


@first_process
async def test_stop_goes_from_prep_stop_over_the_leaves_to_stop() -> None:
    await EventLog.start_link(None, name="diary")
    await Application.ensure_all_started(Shop)
    top = otp.whereis("shop_top")
    await wrote()
    await Application.stop("shop")
    assert await wrote() == (("prep_stop", "the state"), "shop 2 down", "shop 1 down", ("stop", "prepared"))
    assert not otp.is_alive(top)
    assert [app.name for app in await Application.which_applications()] == ["database"]
    await Application.start(Shop)


@first_process
async def test_stopping_what_does_not_run_is_an_error() -> None:
    with pytest.raises(StartError) as failure:
        await Application.stop(Shop)
    assert failure.value.reason == ("not_started", "shop")


@first_process
async def test_the_master_is_linked_to_the_top_supervisor_and_is_its_parent() -> None:
    await EventLog.start_link(None, name="diary")
    await Application.start(Database)
    top = otp.whereis("database_top")
    (master,) = otp.process_info(top, "links")[:1]
    assert otp.process_info(master, "links") == (top,)


@first_process
async def test_the_environment_belongs_to_the_node() -> None:
    assert Application.get_env(Database, "pool") == 5
    assert Application.get_env(Database, "nothing", "default") == "default"
    Application.put_env("database", "pool", 9)
    assert Application.get_env(Database, "pool") == 9
    assert Database.env["pool"] == 5
    assert Application.get_env("database", "url") is None  # by name: known once it was loaded
    Application.put_env(Database, "other", 1)
    assert Application.get_env("database", "url") == "sqlite://"


@first_process
async def test_a_plain_init_reads_the_environment() -> None:
    """The functions were coroutine functions, so a plain `init` had a coroutine object as its state."""

    class Pool(GenServer[Any]):
        @impl
        def init(self, arg: Any) -> Ok[Any]:
            Application.put_env(Database, "started", True)
            return Ok((Application.get_env(Database, "pool"), Application.get_all_env(Database)))

    pool = await Pool.start_link(None)
    assert (5, {"url": "sqlite://", "pool": 5, "started": True}) == await otp.sys.get_state(pool)


@first_process
async def test_an_await_left_from_an_older_version_is_an_error_in_its_line() -> None:
    with pytest.raises(TypeError, match=r"int.*await"):
        await Application.get_env(Database, "pool")
    with pytest.raises(TypeError, match=r"NoneType.*await"):
        await Application.put_env(Database, "pool", 9)  # pyright: ignore[reportGeneralTypeIssues]


@first_process
async def test_a_start_that_fails_says_why_in_otps_words() -> None:
    class Refuses(Application):
        name = "refuses"

        @impl
        def start(self, kind: str, args: Any) -> Any:
            raise StartError("no_money")

    class Crashes(Application):
        name = "crashes"

        @impl
        def start(self, kind: str, args: Any) -> Any:
            raise otp.Error("boom")

    class Wrong(Application):
        name = "wrong"

        @impl
        def start(self, kind: str, args: Any) -> Any:
            return "no pid"

    async def reason(app: Any) -> Any:
        with pytest.raises(StartError) as failure:
            await Application.start(app, args="a")
        return failure.value.reason

    assert await reason(Refuses) == ("no_money", ("refuses", "start", ["normal", "a"]))
    assert await reason(Wrong) == ("bad_return", (("wrong", "start", ["normal", "a"]), "no pid"))
    call = ("crashes", "start", ["normal", "a"])
    assert await reason(Crashes) == ("bad_return", (call, ("EXIT", otp.Crash("boom", ()))))


@first_process
async def test_when_one_of_several_fails_those_started_before_it_stop_again() -> None:
    await EventLog.start_link(None, name="diary")

    class Fails(Application):
        name = "fails"
        applications = (Database,)

        @impl
        def start(self, kind: str, args: Any) -> Any:
            raise StartError("no")

    with pytest.raises(StartError) as failure:
        await Application.ensure_all_started(Fails)
    assert failure.value.reason == ("fails", ("no", ("fails", "start", ["normal", ()])))
    assert await Application.which_applications() == []


@first_process
async def test_the_end_of_a_temporary_application_is_nobody_elses_end() -> None:
    await EventLog.start_link(None, name="diary")
    await Application.ensure_all_started(Shop)
    top = otp.whereis("database_top")
    otp.exit(top, "kill")
    await otp.wait_down(top)
    await testing.wait_all_idle()
    assert [app.name for app in await Application.which_applications()] == ["shop"]


def test_applications_stop_in_reverse_order_when_their_node_closes() -> None:
    written: list[Any] = []

    class Recorded(Application):
        @impl
        async def start(self, kind: str, args: Any) -> Any:
            return await Supervisor.start_link_children([]), self_name(self)

        @impl
        def stop(self, state: Any) -> None:
            written.append(state)

    def self_name(app: Any) -> str:
        return str(type(app).name)

    class First(Recorded): ...

    class Second(Recorded):
        applications = (First,)

    async def main() -> None:
        await Application.ensure_all_started(Second)

    testing.Scheduler(seed=0).run(main)
    assert written == ["second", "first"]


@first_process
async def test_dependencies_in_a_circle_are_refused() -> None:
    class One(Application):
        @impl
        def start(self, kind: str, args: Any) -> Any: ...

    class Two(Application):
        applications = (One,)

        @impl
        def start(self, kind: str, args: Any) -> Any: ...

    One.applications = (Two,)
    with pytest.raises(BadArgument, match=r"two needs one needs two|one needs two needs one"):
        await Application.ensure_all_started(Two)


def test_an_application_needs_start() -> None:
    class Empty(Application): ...

    assert Empty.name == "empty"
    assert Empty.behaviour_info("callbacks") == [("start", 2), ("prep_stop", 1), ("stop", 1)]
    assert Empty.behaviour_info("optional_callbacks") == [("prep_stop", 1), ("stop", 1)]
    with pytest.raises(TypeError, match="did you mean 'prep_stop'"):

        class Wrong(Application):
            @impl
            def prepstop(self, state: Any) -> Any: ...


async def lives_until(name: str) -> None:
    """A top process that ends with the reason it is sent."""
    otp.register(name, otp.self())
    otp.exit(await otp.receive())


class Brief(Application):
    name = "brief"

    @impl
    def start(self, kind: str, args: Any) -> Any:
        return otp.spawn_link(lives_until, "top")


def end_of_program(kind: Any, reason: Any) -> Any:
    """The status with which a program ends whose application ended so; `"lived on"` if it did not end."""

    async def main() -> str:
        await Application.start(Brief, kind)
        top = await otp.trace.node_of(otp.self()).wait_registered("top")
        (master,) = otp.process_info(top, "links")
        otp.send(top, reason)
        await otp.wait_down(master)
        return "lived on"

    try:
        return otp.run(main)
    except SystemExit as ended:
        return ended.code


@pytest.mark.parametrize(
    ("kind", "reason", "expected"),
    [
        ("permanent", "normal", None),
        ("permanent", "shutdown", "application brief ended: 'shutdown'"),
        ("permanent", "boom", "application brief ended: 'boom'"),
        ("transient", "normal", "lived on"),
        ("transient", "shutdown", "application brief ended: 'shutdown'"),
        ("temporary", "boom", "lived on"),
    ],
)
def test_the_type_says_whose_end_is_the_programs(kind: Any, reason: str, expected: Any) -> None:
    """Source: `application:start/2`, "Type"."""
    assert end_of_program(kind, reason) == expected


def test_run_takes_an_application_and_ends_with_it() -> None:
    class Program(Application):
        @impl
        def start(self, kind: str, args: Any) -> Any:
            return otp.spawn_link(self_ending, *args)

    async def self_ending(reason: str) -> None:
        otp.exit(reason)

    assert otp.run(Program, "normal") is None
    with pytest.raises(SystemExit, match="application program ended: 'boom'"):
        otp.run(Program, "boom")


def test_an_environment_is_read_whole_and_what_was_set_is_taken_back() -> None:
    class Priced(Application):
        name = "priced"
        env = {"currency": "EUR", "interest": 2}

        @impl
        async def start(self, kind: Any, args: Any) -> Any:
            return await Supervisor.start_link_children([])

    async def main() -> None:
        assert {} == Application.get_all_env("priced")  # not known here yet
        Application.put_env(Priced, "interest", 3)
        Application.put_env("priced", "more", 1)
        assert {"currency": "EUR", "interest": 3, "more": 1} == Application.get_all_env("priced")
        Application.unset_env("priced", "interest")
        Application.unset_env(Priced, "more")
        Application.unset_env("priced", "never set")
        assert {"currency": "EUR", "interest": 2} == Application.get_all_env(Priced)

    otp.run(main)


def test_a_node_tells_of_the_applications_it_knows_how_they_run() -> None:
    class Needed(Application):
        name = "needed"
        vsn = "7"

        @impl
        async def start(self, kind: Any, args: Any) -> Any:
            return await Supervisor.start_link_children([], name="needed_top")

    class Needing(Needed):
        name = "needing"
        applications = (Needed,)

        @impl
        async def start(self, kind: Any, args: Any) -> Any:
            return await Supervisor.start_link_children([], name="needing_top")

    async def main() -> None:
        assert [] == await Application.loaded_applications()
        await Application.ensure_all_started(Needing, "temporary")
        first, second = await Application.loaded_applications()
        assert ("needed", Needed, "7", (), "temporary") == (
            first.name, first.cls, first.vsn, first.applications, first.type,
        )  # fmt: skip
        assert (otp.whereis("needing_top"), ("needed",)) == (second.top, second.applications)
        assert second.master is not None
        assert otp.is_alive(second.master)
        await Application.stop("needing")
        _, second = await Application.loaded_applications()
        assert (None, None, None) == (second.type, second.master, second.top)

    otp.run(main)


def test_another_node_of_the_loop_is_asked_for_its_applications_and_told_its_environment() -> None:
    class Till(Application):
        name = "till"
        env = {"currency": "EUR"}

        @impl
        async def start(self, kind: Any, args: Any) -> Any:
            return await Supervisor.start_link_children([])

    async def main() -> None:
        async with otp.Node("a") as a, otp.Node("b") as b:
            started = asyncio.get_running_loop().create_future()

            async def start() -> None:
                started.set_result(await Application.ensure_all_started(Till))

            a.spawn(start)
            await started
            (there,) = await Application.loaded_applications(node=a)
            assert ("till", Till) == (there.name, there.cls)
            assert ["till"] == [one.name for one in await Application.which_applications(node=a)]
            Application.put_env(Till, "currency", "SEK", node=a)
            assert "SEK" == Application.get_env("till", "currency", node=a)
            assert "EUR" == Application.get_env(Till, "currency", node=b)
            Application.unset_env("till", "currency", node=a)
            assert {"currency": "EUR"} == Application.get_all_env("till", node=a)
            assert [] == await Application.which_applications(node=b)

    asyncio.run(main())
