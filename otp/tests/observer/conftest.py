"""Both implementations of `NodeView`, the one through a `ViewServer` over a link that lets plain terms through only."""

from __future__ import annotations

import marshal
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import otp
from otp import GenServer, observer, testing
from otp.observer import ViewServer

View = observer.NodeView


class MarshalLink:
    """An in-process link: every term goes through `marshal`, which knows builtin types and nothing else."""

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


async def local() -> View:
    return observer.LocalView(otp.trace.node_of(otp.self()))


async def remote() -> View:
    server = await ViewServer.start_link(("read", "operate", "code"), name="view")
    return observer.RemoteView(MarshalLink(server))


@pytest.fixture(params=[local, remote], ids=["local", "remote"])
def on_both(request: pytest.FixtureRequest) -> Callable[[Callable[[View], Awaitable[Any]]], Any]:
    """Run a function with a view, as the first process of a node under virtual time."""

    def run(test: Callable[[View], Awaitable[Any]]) -> Any:
        async def main() -> Any:
            return await test(await request.param())

        return testing.Scheduler(seed=0).run(main)

    return run


@pytest.fixture(params=[local, remote], ids=["local", "remote"])
def on_both_as_a_program(request: pytest.FixtureRequest) -> Callable[[Callable[[View], Awaitable[Any]]], Any]:
    """Run a function with a view as `otp.run` does, where nobody but the program looks at its messages."""

    def run(test: Callable[[View], Awaitable[Any]]) -> Any:
        async def main() -> Any:
            return await test(await request.param())

        return otp.run(main)

    return run


@pytest.fixture
def run() -> Callable[[Callable[[], Awaitable[Any]]], Any]:
    """Run a function as the first process of a node under virtual time."""
    return lambda test: testing.Scheduler(seed=0).run(test)
