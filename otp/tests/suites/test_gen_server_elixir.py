"""Cases of Elixir's gen_server_test.exs in Python; docs/conformance.md lists all of them."""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp import BadArgument, CallExit, Exit, GenServer, NoReply, Ok, Registry, Reply, impl


class Stack(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        match request:
            case "pop":
                return Reply(state[0], state[1:])
            case "noreply":
                return NoReply(state)
            case "stop_self":
                return stopped(state)

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        return NoReply((request, *state))


async def stopped(state: Any) -> Any:
    with pytest.raises(Exit) as failure:
        await GenServer.stop(otp.self())
    return Reply(failure.value.reason, state)


async def reason_of(call: Any) -> Any:
    with pytest.raises(CallExit) as failure:
        await call
    return failure.value.reason


def test_a_server_is_linked_and_takes_calls_and_casts(run: Any) -> None:
    async def main() -> None:
        server = await Stack.start_link(("hello",))
        assert server in otp.process_info(otp.self(), "links")
        assert "hello" == await GenServer.call(server, "pop")
        assert "ok" == GenServer.cast(server, "world")
        assert "world" == await GenServer.call(server, "pop")
        await GenServer.stop(server)
        await Registry.start_link(keys="unique", name="names")
        for nobody in (server, "foo", ("foo", "mars"), Registry.via("names", "bar"), Registry.via("nowhere", "bar")):
            assert "ok" == GenServer.cast(nobody, "world")

    run(main)


def test_a_server_without_a_link(run: Any) -> None:
    async def main() -> None:
        server = await Stack.start(("hello",))
        assert server not in otp.process_info(otp.self(), "links")
        await GenServer.stop(server)
        assert not otp.is_alive(server)

    run(main)


def test_a_server_is_called_by_its_names(run: Any) -> None:
    async def main() -> None:
        await Registry.start_link(keys="unique", name="names")
        for name in ("stack", Registry.via("names", "stack")):
            await Stack.start_link(("hello",), name=name)
            assert "hello" == await GenServer.call(name, "pop")

    run(main)


def test_none_is_no_name_and_what_can_be_none_is_refused(run: Any) -> None:
    async def main() -> None:
        server = await Stack.start_link(("hello",), name=None)
        assert not otp.process_info(server, "registered_name")
        for name in ([], {"a": 1}, 3, True):
            with pytest.raises(BadArgument, match=f"expected a .*got {name!r}".replace("[", r"\[")):
                await Stack.start_link(("hello",), name=name)

    run(main)


def test_a_call_that_fails_says_why_and_what_was_called(run: Any) -> None:
    async def main() -> None:
        otp.register("self", otp.self())
        server = await Stack.start_link(("hello",))
        ended = await Stack.start(())
        await GenServer.stop(ended)
        for dest in (otp.self(), "self"):
            expected = ("calling_self", ("gen_server", "call", [dest, "pop", 5]))
            assert expected == await reason_of(GenServer.call(dest, "pop", 5))
        expected = ("timeout", ("gen_server", "call", [server, "noreply", 1]))
        assert expected == await reason_of(GenServer.call(server, "noreply", 1))
        for dest in (ended, "nobody"):
            assert ("noproc", ("gen_server", "call", [dest, "pop", 5])) == await reason_of(
                GenServer.call(dest, "pop", 5)
            )

    run(main)


def test_a_name_stands_for_its_server_everywhere(run: Any) -> None:
    async def main() -> None:
        await Registry.start_link(keys="unique", name="names")
        server = await Stack.start_link((), name="server")
        other = await Stack.start_link((), name=Registry.via("names", "server"))
        node = otp.self().node
        assert [server, server] == [otp.whereis("server"), otp.whereis(("server", node))]
        assert other == otp.whereis(Registry.via("names", "server"))
        assert otp.whereis("bad") is None
        assert otp.whereis(Registry.via("names", "bad")) is None

    run(main)


def test_servers_of_one_name_are_asked_and_told_at_once(run: Any) -> None:
    async def main() -> None:
        await Stack.start_link(("hello", "world"), name="stack")
        node = otp.self().node
        ((where, value),), bad = await GenServer.multi_call([node, "mars"], "stack", "pop")
        assert (node, "hello", ["mars"]) == (where, value, bad)
        GenServer.abcast([node, "mars"], "stack", "again")
        assert "again" == await GenServer.call("stack", "pop")
        assert "world" == await GenServer.call(("stack", node), "pop")

    run(main)


def test_stop_waits_and_says_who_is_not_there(run: Any) -> None:
    async def main() -> None:
        server = await Stack.start((), name="stack")
        expected = ("calling_self", ("sys", "terminate", [server, "normal", "infinity"]))
        assert expected == await GenServer.call(server, "stop_self")
        await GenServer.stop("stack", "normal")
        for dest in (server, "stack"):
            with pytest.raises(Exit) as failure:
                await GenServer.stop(dest)
            assert "noproc" == failure.value.reason

    run(main)
