"""Callbacks that are replaced on a class, as tests do with `mock.patch.object`: servers started afterwards use them."""

from __future__ import annotations

import abc
from typing import Any, Protocol
from unittest import mock

import pytest

import otp
from otp import Children, GenServer, NoReply, Ok, Reply, Supervisor, impl


class Base(GenServer[list[Any]]):
    @impl
    def init(self, arg: Any) -> Any:
        return Ok([])

    @impl
    def handle_call(self, request: Any, caller: Any, state: list[Any]) -> Any:
        return Reply(("real", *state), state)


class Server(Base):
    @impl
    def handle_cast(self, request: Any, state: list[Any]) -> Any:
        return NoReply([*state, request])


def fake_call(self: Any, request: Any, caller: Any, state: Any) -> Any:
    return Reply(("fake", *state), state)


def fake_message(self: Any, message: Any, state: Any) -> Any:
    return NoReply([*state, ("fake", message)])


def fake_init(self: Any, arg: Any) -> Any:
    return Ok(["fake"])


async def ask(server: otp.Pid) -> Any:
    return await GenServer.call(server, "what")


@pytest.mark.parametrize("cls", [Server, Base])
def test_a_replaced_callback_is_used_by_servers_that_start_afterwards(cls: type[Base]) -> None:
    """The callbacks were looked up once, at the first start of the class."""

    async def main() -> Any:
        before = await Server.start(None)
        with mock.patch.object(cls, "handle_call", fake_call):
            during = await Server.start(None)
            answers = [await ask(during), await ask(before)]
        after = await Server.start(None)
        return [*answers, await ask(after), await ask(during)]

    assert otp.run(main) == [("fake",), ("real",), ("real",), ("fake",)]


def test_each_callback_can_be_replaced_also_one_that_the_class_inherits() -> None:
    async def main() -> Any:
        await Server.start(None)
        with (
            mock.patch.object(Server, "init", fake_init),
            mock.patch.object(Server, "handle_cast", fake_message),
            mock.patch.object(Server, "handle_info", fake_message),
        ):
            server = await Server.start(None)
        GenServer.cast(server, 1)
        otp.send(server, 2)
        plain = await Server.start(None)
        return await ask(server), await ask(plain)

    assert otp.run(main) == (("real", "fake", ("fake", 1), ("fake", 2)), ("real",))


def test_a_mock_counts_the_calls_of_a_server() -> None:
    async def main() -> Any:
        await Server.start(None)
        with mock.patch.object(Server, "handle_call", autospec=True, return_value=Reply("mocked", [])) as called:
            server = await Server.start(None)
            return await ask(server), await ask(server), called.call_count

    assert otp.run(main) == ("mocked", "mocked", 2)


def test_a_supervisor_restarts_a_server_with_the_replaced_callback() -> None:
    class Tree(Supervisor):
        @impl
        def init(self, arg: None) -> Any:
            return Children([Server.child_spec(None, name="server")])

    async def main() -> Any:
        await Tree.start_link(None)
        with mock.patch.object(Server, "handle_call", fake_call):
            old = otp.whereis("server")
            assert old is not None
            otp.exit(old, "kill")
            await otp.wait_down(old)
            return await ask(await otp.node().wait_registered("server"))

    assert otp.run(main) == ("fake",)


class Speaks(Protocol):
    def answer(self) -> str: ...


class Abstract(Server, abc.ABC):
    @impl
    def handle_call(self, request: Any, caller: Any, state: list[Any]) -> Any:
        return Reply(self.say(), state)

    @abc.abstractmethod
    def say(self) -> str: ...


class Concrete(Abstract, Speaks):
    def say(self) -> str:
        return self.answer()

    def answer(self) -> str:
        return "concrete"


def test_a_server_may_be_an_abstract_base_class_and_name_its_protocols() -> None:
    """The metaclass that watches for replaced callbacks must not be in conflict with those of `abc` and `typing`."""

    async def main() -> Any:
        return await ask(await Concrete.start(None))

    assert otp.run(main) == "concrete"
    assert isinstance(Concrete(), Server)
    with pytest.raises(TypeError, match="abstract"):
        Abstract()  # pyright: ignore[reportAbstractUsage]
