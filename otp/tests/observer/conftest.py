"""Both implementations of `NodeView`; the one through a `ViewServer` over a link in memory, and from another node."""

from __future__ import annotations

import asyncio
import marshal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

import otp
from otp import GenServer, observer, testing
from otp.distribution import Distribution, NodeId, Session, SessionTransport, ViewLink
from otp.distribution.carriers.simulated import SimulatedNetwork
from otp.observer import ViewServer

View = observer.NodeView


class MarshalLink:
    """An in-process link: every term goes through `marshal`, which only supports builtin types."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.requests: list[str] = []

    @property
    def node(self) -> str:
        return self.server.node

    async def request(self, request: Any) -> Any:
        self.requests.append(request[0])
        answer = await GenServer.call(self.server, _carried(request), "infinity")
        return _carried(answer)

    def pid(self, node: str, creation: int, number: int) -> otp.Pid:
        here = otp.trace.node_of(self.server)
        assert (here.name, here.creation) == (node, creation)
        return here.parse_pid(f"<0.{number}.0>")

    def reader(self) -> otp.Pid:
        return otp.self()


def _carried(term: Any) -> Any:
    return marshal.loads(marshal.dumps(term))


class DistributedLink(MarshalLink):
    """Requests are made by processes of another node, over its connection with this one."""

    def __init__(self, server: Any, link: ViewLink, far: otp.Node) -> None:
        super().__init__(server)
        self.link = link
        self.far = far

    async def request(self, request: Any) -> Any:
        self.requests.append(request[0])
        answered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        async def ask() -> None:
            try:
                answered.set_result(await self.link.request(request))
            except Exception as error:
                answered.set_exception(error)

        asking = self.far.spawn(ask)
        try:
            return await answered
        finally:
            otp.exit(asking, "kill")


async def local(_stack: AsyncExitStack) -> View:
    return observer.LocalView(otp.trace.node_of(otp.self()))


async def remote(_stack: AsyncExitStack) -> View:
    server = await ViewServer.start_link(("read", "operate", "code"), name="view")
    return observer.RemoteView(MarshalLink(server))


async def distributed(stack: AsyncExitStack) -> View:
    here = otp.trace.node_of(otp.self())
    server = await ViewServer.start_link(("read", "operate", "code"), name="view")
    far = await stack.enter_async_context(otp.Node("far"))
    network = SimulatedNetwork(least=0, most=0)
    ends: list[Distribution] = []
    for node, me in ((here, NodeId(here.name, here.creation)), (far, NodeId("far", 1))):
        transport = SessionTransport(network.carrier(me), Session(me, b"cookie"))
        ends.append(await stack.enter_async_context(Distribution(node, transport)))
    await ends[1].wait_connected(here.name)
    return observer.RemoteView(DistributedLink(server, ViewLink(ends[1], here.name), far))


@pytest.fixture(params=[local, remote, distributed], ids=["local", "remote", "distributed"])
def on_both(request: pytest.FixtureRequest) -> Callable[[Callable[[View], Awaitable[Any]]], Any]:
    """Run a function with a view, as the first process of a node under virtual time."""

    def run(test: Callable[[View], Awaitable[Any]]) -> Any:
        async def main() -> Any:
            async with AsyncExitStack() as stack:
                return await test(await request.param(stack))

        return testing.Scheduler(seed=0).run(main)

    return run


@pytest.fixture(params=[local, remote, distributed], ids=["local", "remote", "distributed"])
def on_both_as_a_program(request: pytest.FixtureRequest) -> Callable[[Callable[[View], Awaitable[Any]]], Any]:
    """Run a function with a view like `otp.run`, without other readers of messages."""

    def run(test: Callable[[View], Awaitable[Any]]) -> Any:
        async def main() -> Any:
            async with AsyncExitStack() as stack:
                return await test(await request.param(stack))

        return otp.run(main)

    return run


@pytest.fixture
def run() -> Callable[[Callable[[], Awaitable[Any]]], Any]:
    """Run a function as the first process of a node under virtual time."""
    return lambda test: testing.Scheduler(seed=0).run(test)
