"""Requests to servers of one name on several nodes. Source: `gen_server:multi_call/2,3,4`, `abcast/2,3`."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from otp import BadArgument, Exit, GenServer, NoReply, Ok, Reply, impl
from otp.testing import Scheduler, wait_all_idle


class Disk(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        match request:
            case "late":
                otp.send_after(1, otp.self(), ("answer", caller))
                return NoReply(state)
            case "crash":
                raise Exit("oops")
            case "who":
                return Reply(caller.pid, state)
            case "all":
                return self.ask_all(state)
            case _:
                return Reply(state, state)

    async def ask_all(self, state: Any) -> Any:
        return Reply(await GenServer.multi_call("disk", "free"), state)

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        return NoReply((state, request))

    @impl
    def handle_info(self, message: Any, state: Any) -> Any:
        GenServer.reply(message[1], "too late")
        return NoReply(state)


async def start(node: otp.Node, arg: Any) -> otp.Pid:
    return await node.start(Disk, arg, name="disk")


def test_the_answers_and_the_nodes_without_one_come_in_the_order_of_the_nodes(run: Any) -> None:
    async def main() -> Any:
        async with otp.Node("a") as a, otp.Node("b") as b, otp.Node("c"):
            await start(a, 1)
            await start(b, 2)
            return await GenServer.multi_call(["c", b, "a", "elsewhere"], "disk", "free")

    def shown(result: Any) -> Any:
        return [(getattr(node, "name", node), value) for node, value in result[0]], result[1]

    assert shown(run(main)) == ([("b", 2), ("a", 1)], ["c", "elsewhere"])


def test_without_nodes_all_of_the_loop_are_asked_the_own_one_first(run: Any) -> None:
    async def main() -> Any:
        async with otp.Node("a") as a, otp.Node("b") as b:
            await start(a, 1)
            await start(b, 2)
            return await GenServer.multi_call("disk", "free")

    replies, bad = run(main)
    assert [("a", 1), ("b", 2)] == replies
    assert len(bad) == 1


def test_a_node_given_twice_is_asked_twice(run: Any) -> None:
    async def main() -> Any:
        async with otp.Node("a") as a:
            await start(a, 1)
            return await GenServer.multi_call(["a", "a"], "disk", "free")

    assert run(main) == ([("a", 1), ("a", 1)], [])


def test_two_nodes_of_one_name_are_told_apart_by_the_node(run: Any) -> None:
    async def main() -> Any:
        async with otp.Node("twin") as one, otp.Node("twin") as two:
            await start(one, 1)
            await start(two, 2)
            with pytest.raises(BadArgument, match="2 nodes of this loop have the name 'twin'"):
                await GenServer.multi_call(["twin"], "disk", "free")
            replies, _bad = await GenServer.multi_call("disk", "free")
            return [(one, 1), (two, 2)] == replies

    assert run(main)


def test_an_answer_after_the_time_limit_is_dropped_and_its_node_is_bad(run: Any) -> None:
    async def main() -> Any:
        async with otp.Node("a") as a, otp.Node("b") as b:
            await start(a, 1)
            await start(b, 2)
            before = otp.monotonic()
            result = await GenServer.multi_call(["a", "b"], "disk", "late", timeout=0.25)
            after = otp.monotonic()
            await otp.testing.advance(2)
            await wait_all_idle()
            return result, after - before, otp.process_info(otp.self(), "messages")

    assert run(main) == (([], ["a", "b"]), 0.25, ())


def test_the_time_limit_is_one_for_all_and_infinite_by_default(run: Any) -> None:
    async def main() -> Any:
        async with otp.Node("a") as a:
            await start(a, 1)
            return await GenServer.multi_call(["a"], "disk", "late"), await GenServer.multi_call(
                ["a"], "disk", "free", 5
            )

    assert run(main) == (([("a", "too late")], []), ([("a", 1)], []))


def test_a_server_that_ends_instead_of_answering_makes_its_node_bad(run: Any) -> None:
    async def main() -> Any:
        async with otp.Node("a") as a, otp.Node("b") as b:
            await start(a, 1)
            await start(b, 2)
            b.spawn(lambda: None)
            crashed = await GenServer.multi_call(["a"], "disk", "crash")
            return crashed, await GenServer.multi_call(["a", "b"], "disk", "free")

    assert run(main) == (([], ["a"]), ([("b", 2)], ["a"]))


def test_the_servers_see_the_process_that_asks(run: Any) -> None:
    async def main() -> Any:
        async with otp.Node("a") as a:
            await start(a, 1)
            return await GenServer.multi_call(["a"], "disk", "who") == ([("a", otp.self())], [])

    assert run(main)


def test_a_server_that_asks_all_does_not_wait_for_itself(run: Any) -> None:
    async def main() -> Any:
        async with otp.Node("a") as a, otp.Node("b") as b:
            disk = await start(a, 1)
            await start(b, 2)
            replies, bad = await GenServer.call(disk, "all")
            return replies, bad[0]

    assert run(main) == ([("b", 2)], "a")


def test_it_works_outside_a_process() -> None:
    async def main() -> Any:
        async with otp.Node("a") as a, otp.Node("b"):
            await start(a, 1)
            return await GenServer.multi_call("disk", "free"), GenServer.abcast(["a"], "disk", "x")

    assert asyncio.run(main()) == (([("a", 1)], ["b"]), "abcast")


def test_a_caller_that_is_killed_while_it_waits_leaves_nothing_behind(run: Any) -> None:
    async def main() -> Any:
        async with otp.Node("a") as a:
            disk = await start(a, 1)
            pid = otp.spawn(GenServer.multi_call, ["a"], "disk", "late")
            await wait_all_idle()
            otp.exit(pid, "kill")
            await otp.wait_down(pid)
            await otp.testing.advance(2)
            await wait_all_idle()
            return await GenServer.call(disk, "free"), a.processes() == [disk]

    assert run(main) == (1, True)


def test_abcast_reaches_who_bears_the_name_and_forgives_everything_else(run: Any) -> None:
    async def main() -> Any:
        async with otp.Node("a") as a, otp.Node("b") as b, otp.Node("c"):
            one, two = await start(a, 1), await start(b, 2)
            assert GenServer.abcast("disk", "x") == "abcast"
            assert GenServer.abcast(["elsewhere", "b", "c"], "disk", "y") == "abcast"
            return await GenServer.call(one, "free"), await GenServer.call(two, "free")

    assert run(main) == ((1, "x"), ((2, "x"), "y"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("a", "disk", "free"), "expected a list of nodes"),
        ((7, "disk", "free"), "expected a list of nodes"),
        ((["a"], None, "free"), "expected a name registered on each node"),
        ((["a"], "disk", "free", -1), "expected a time in seconds"),
    ],
)
def test_wrong_arguments_say_what_was_expected(arguments: Any, said: str) -> None:
    async def main() -> None:
        with pytest.raises(BadArgument, match=said):
            await GenServer.multi_call(*arguments)
        with pytest.raises(BadArgument, match="for a single pid use"):
            await GenServer.multi_call(["a"], otp.self(), "free")
        with pytest.raises(TypeError, match=r"expected \(name, request\)"):
            GenServer.abcast(*["disk"])

    Scheduler().run(main)
