"""A node that is not trusted reaches what it was given, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp import CallExit, Down, ExitSignal, GenServer, NoReply, Ok, Reply, impl


class Desk(GenServer[list[Any]]):
    @impl
    def init(self, arg: list[Any]) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: list[Any]) -> Any:
        return Reply(otp.self() if request == "who" else tuple(state), state)

    @impl
    def handle_info(self, message: Any, state: list[Any]) -> Any:
        return NoReply([*state, message])


async def secret(node: otp.Node) -> dict[str, Any]:
    """The options of a distribution that confines others to one service."""
    await node.start(Desk, [], name="hidden")
    return {"services": {"desk": await node.start(Desk, [])}, "confined": True}


def test_a_service_answers_and_its_pid_can_be_used_and_watched(two: Any) -> None:
    async def test(both: Any) -> None:
        async def client() -> Any:
            pid = await GenServer.call(("desk", "a"), "who")
            otp.send(pid, "hello")
            ref = otp.monitor(pid)
            seen = await GenServer.call(pid, "all")
            otp.exit(both.at_a.services["desk"], "kill")
            return seen, await otp.receive(ref) == Down(ref, pid, "killed")

        assert (("hello",), True) == await both.on(both.b, client)

    two(test, here=secret)


def test_a_name_or_a_number_that_was_not_given_is_nobody(two: Any) -> None:
    async def test(both: Any) -> None:
        hidden = both.a.whereis("hidden")

        async def client() -> Any:
            with pytest.raises(otp.NoProcess):
                await GenServer.call(("hidden", "a"), "all")
            guessed = both.at_b._up["a"].process(hidden.id)
            otp.send(guessed, "x")
            with pytest.raises(otp.NoProcess):
                await GenServer.call(guessed, "all")
            ref = otp.monitor(guessed)
            return await both.at_b.whereis("hidden", "a"), (await otp.receive(ref)).reason

        assert (None, "noproc") == await both.on(both.b, client)
        assert () == await GenServer.call(hidden, "all")

    two(test, here=secret)


def test_nobody_is_ended_from_there(two: Any) -> None:
    async def test(both: Any) -> None:
        async def client() -> Any:
            pid = await GenServer.call(("desk", "a"), "who")
            otp.exit(pid, "kill")
            otp.exit(("desk", "a"), "kill")
            otp.send(pid, ExitSignal(pid, "shutdown"))
            with pytest.raises(CallExit):
                await otp.sys.replace_state(pid, [1])
            with pytest.raises(otp.Exit):
                await GenServer.stop(pid, timeout=1)
            otp.process_flag("trap_exit", True)
            otp.link(pid)
            refused = await otp.receive() == ExitSignal(pid, "noproc")
            return refused, await GenServer.call(pid, "all")

        assert (True, ()) == await both.on(both.b, client)
        assert otp.is_alive(both.at_a.services["desk"])

    two(test, here=secret)


def test_who_links_itself_to_them_gets_their_end(two: Any) -> None:
    async def test(both: Any) -> None:
        async def waits() -> None:
            otp.register("waits", otp.self())
            raise otp.Exit(await otp.receive())

        async def client() -> Any:
            otp.process_flag("trap_exit", True)
            pid = await both.at_a.whereis("waits", "b")
            assert pid is not None
            otp.link(pid)
            otp.send(pid, "boom")
            return await otp.receive() == ExitSignal(pid, "boom")

        both.b.spawn(waits)
        await both.b.wait_registered("waits")
        assert await both.on(both.a, client)

    two(test, here=secret)
