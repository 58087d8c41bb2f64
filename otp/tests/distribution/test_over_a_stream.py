"""Two nodes at the ends of a socket pair, in real time: what holds over a simulated network holds there."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import otp
from otp import Down, GenServer, Ok, Reply, impl
from otp.distribution import Distribution, NodeId, Session, SessionTransport
from otp.distribution.carriers.stream import StreamCarrier


class Recorder(GenServer[list[int]]):
    """Records the size of each message; a call returns the sizes so far."""

    @impl
    def init(self, arg: list[int]) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: list[int]) -> Any:
        return Reply(list(state), state)

    @impl
    def handle_info(self, message: Any, state: list[int]) -> Any:
        return otp.NoReply([*state, len(message)])


class Counter(GenServer[int]):
    @impl
    def init(self, arg: int) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: int) -> Any:
        return Reply((request, caller.pid.node), state)


def test_a_call_passes_a_large_message_of_another_process_and_none_of_its_own() -> None:
    async def main() -> Any:
        carriers = [StreamCarrier.over_socket(end) for end in socket.socketpair()]
        async with otp.Node("a") as a, otp.Node("b") as b:
            one, two = (
                Distribution(node, SessionTransport(carrier, Session(NodeId(node.name, 1), b"cookie")))
                for node, carrier in zip((a, b), carriers, strict=True)
            )
            async with one, two:
                await one.wait_connected("b", timeout=10)
                await b.start(Recorder, list[int](), name="recorder")
                done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

                async def bulk(client: Any) -> None:
                    otp.send(("recorder", "b"), b"x" * 10_000_000)
                    otp.send(("recorder", "b"), b"y")
                    otp.send(client, "sent")
                    done.set_result((await otp.receive(), await GenServer.call(("recorder", "b"), "all")))

                async def client() -> None:
                    sender = otp.spawn(bulk, otp.self())
                    assert await otp.receive() == "sent"
                    otp.send(sender, await GenServer.call(("recorder", "b"), "all"))

                a.spawn(client)
                return await done

    assert ([], [10_000_000, 1]) == asyncio.run(main())


def test_calls_big_messages_and_the_end_of_the_stream_go_over_a_socket_pair() -> None:
    async def main() -> Any:
        ends = socket.socketpair()
        carriers = [StreamCarrier.over_socket(end) for end in ends]
        async with otp.Node("a") as a, otp.Node("b") as b:
            one, two = (
                Distribution(node, SessionTransport(carrier, Session(NodeId(node.name, 1), b"cookie")))
                for node, carrier in zip((a, b), carriers, strict=True)
            )
            async with one, two:
                await one.wait_connected("b", timeout=10)
                await b.start(Counter, 1, name="counter")
                done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

                async def client() -> None:
                    pid = await one.whereis("counter", "b")
                    assert pid is not None
                    big = ("x" * 1_000_000, [1, 2], {"y": (3,)})
                    answer = await GenServer.call(pid, big)
                    ref = otp.monitor(pid)
                    await two.stop()
                    down = await otp.receive(timeout=10)
                    done.set_result((answer == (big, "a"), down == Down(ref, pid, "noconnection"), one.nodes()))

                a.spawn(client)
                return await done

    assert (True, True, []) == asyncio.run(main())
