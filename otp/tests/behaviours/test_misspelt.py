"""A callback that is misspelt is found when the class is made; helpers of any name are left alone."""

import importlib
import linecache
import sys
from pathlib import Path
from typing import Any

import pytest

import otp
from otp import (
    GenServer,
    GenStateMachine,
    KeepState,
    MachineOk,
    NextState,
    NoReply,
    Ok,
    OsProcess,
    Reply,
    Supervisor,
    impl,
)
from otp.behaviours.server.behaviour import Behaviour, MissingCallback


class Base(GenServer[Any]):
    """A server that starts."""

    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg)


class Plain:
    """A class of another kind, with methods to share."""


def test_a_callback_misspelt_without_impl_is_refused_with_the_right_name_and_the_place() -> None:
    with pytest.raises(
        TypeError, match=r"'handle_cal' \(.*test_misspelt.py:\d+\) is not a .*did you mean 'handle_call'\?"
    ):

        class _Server(Base):
            def handle_cal(self, request: Any, caller: Any, state: Any) -> Any:
                return Reply(request, state)


def test_a_callback_of_another_behaviour_names_that_behaviour() -> None:
    """Regression: the hint was to rename the method."""
    with pytest.raises(
        TypeError, match=r"is no callback of Supervisor; for handle_call write class Drawer\(GenServer\)$"
    ):

        class Drawer(Supervisor):  # pyright: ignore[reportUnusedClass]
            @impl
            def handle_call(self, request: Any, caller: Any, state: Any) -> Any: ...

    with pytest.raises(TypeError, match="is no callback of Supervisor; for handle_call"):

        class Shared(Plain, Supervisor):  # pyright: ignore[reportUnusedClass]
            @impl
            def handle_call(self, request: Any, caller: Any, state: Any) -> Any: ...


def test_a_callback_that_is_refused_has_the_line_of_its_def_and_not_that_of_its_class() -> None:
    with pytest.raises(TypeError, match="after @impl") as unknown:

        class _Unknown(Base):
            @impl
            def handle_cal(self, request: Any, caller: Any, state: Any) -> Any: ...

    with pytest.raises(TypeError, match="expected handle_cast") as short:

        class _Short(Base):
            @impl
            def handle_cast(self, request: Any) -> Any: ...

    def marked(*_: Any) -> Any:
        return lambda function: function

    with pytest.raises(TypeError, match="after @impl") as decorated:

        class _Decorated(Base):
            @impl
            # what is above a method may have lines of its own
            @marked(
                1,
                "of several",
            )
            async def handle_inf(self, message: Any, state: Any) -> Any: ...

    found = ((unknown, "def handle_cal("), (short, "def handle_cast("), (decorated, "async def handle_inf("))
    for refused, name in found:
        file, line = refused.value.otp_place  # type: ignore[attr-defined]
        assert f"({file}:{line})" in str(refused.value)
        assert name in linecache.getline(file, line)


@pytest.mark.parametrize("name", ["handle_inf", "hanlde_info", "handle_ifno", "handle_infos"])
def test_letters_missing_exchanged_or_too_many_are_slips(name: str) -> None:
    def method(self: Any, message: Any, state: Any) -> Any:
        return NoReply(state)

    method.__qualname__ = f"Server.{name}"
    with pytest.raises(TypeError, match="did you mean 'handle_info'"):
        type("Server", (Base,), {name: method, "__qualname__": "Server"})


def test_a_helper_of_a_similar_name_is_no_misspelt_callback() -> None:
    def decorated(function: Any) -> Any:
        def inner(self: Any, request: Any, caller: Any, state: Any) -> Any:
            return function(self, request, caller, state)

        return inner

    class _Called(Base):
        @impl
        def handle_cast(self, request: Any, state: Any) -> Any:
            return self.handle_all(request, None, state)

        def handle_all(self, request: Any, caller: Any, state: Any) -> Any:
            return NoReply(state)

    class _InATable(Base):
        names = ("handle_all",)

        def handle_all(self, request: Any, caller: Any, state: Any) -> Any:
            return NoReply(state)

    class _Looked(Base):
        @impl
        def handle_info(self, message: Any, state: Any) -> Any:
            return getattr(self, f"handle_{message}")(message, None, state)

        def handle_all(self, request: Any, caller: Any, state: Any) -> Any:
            return NoReply(state)

    class _HasTheCallback(Base):
        @impl
        def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
            return Reply(request, state)

        def handle_calls(self, request: Any, caller: Any, state: Any) -> Any:
            return NoReply(state)

    class _Others(Base):
        def _handle_cal(self, request: Any, caller: Any, state: Any) -> Any: ...
        def handle_cal(self, request: Any) -> Any: ...  # other arguments
        def handle_message(self, message: Any, state: Any) -> Any: ...
        @staticmethod
        def handle_inf(message: Any, state: Any) -> Any: ...
        @decorated
        def handle_callx(self, request: Any, caller: Any, state: Any) -> Any: ...

    class _Hook(_Called):
        def handle_all(self, request: Any, caller: Any, state: Any) -> Any:  # its base calls it
            return NoReply(state)

    class _States(GenStateMachine[str, None]):
        callback_mode = "state_functions"

        @impl
        def init(self, arg: Any) -> Any:
            return MachineOk(arg, None)

        def terminated(self, event: Any, content: Any, data: None) -> Any:
            return KeepState(data)

    assert issubclass(_Hook, GenServer)


def test_a_misspelt_init_is_named_where_it_is_missed() -> None:
    class Server(GenServer[Any]):
        def inti(self, arg: Any) -> Any:
            return Ok(arg)

    with pytest.raises(MissingCallback, match="is 'inti' to be 'init'"):
        Server.__handler__()


# States


def test_a_state_with_the_wrong_arguments_is_refused_when_the_class_is_made() -> None:
    with pytest.raises(
        TypeError, match=r"expected locked\(self, event, content, data\) in _Door.*test_misspelt.py:\d+"
    ):

        class _Door(GenStateMachine[str, None]):
            callback_mode = "state_functions"

            @impl
            def locked(self, event: Any, data: Any) -> Any: ...


class Door(GenStateMachine[str, None]):
    """Opens to a door that is not there."""

    callback_mode = "state_functions"

    @impl
    def init(self, arg: Any) -> Any:
        return MachineOk("locked", None)

    @impl
    def locked(self, event: Any, content: Any, data: Any) -> Any:
        return NextState("opne", None) if event == "cast" else KeepState(data, otp.StateTimeout("10", None))

    def open(self, event: Any, content: Any, data: Any) -> Any:
        return KeepState(data)

    def closed(self) -> Any: ...


def test_a_state_that_is_no_method_suggests_the_one_that_was_meant(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> str:
        door = await Door.start()
        Door.cast(door, "open")
        with pytest.raises(otp.ServerDown) as failed:
            await Door.call(door, 1)
        return str(failed.value)

    assert "the machine went to a state without such a method; the crash report names it" in otp.run(main)
    assert "Door has no method for the state 'opne'; did you mean 'open'?" in caplog.text


def test_an_unknown_state_is_named_to_the_caller() -> None:
    """The caller read that there was no such state, and not which."""

    class Lost(GenStateMachine[Any, Any]):
        callback_mode = "state_functions"

        @impl
        def init(self, arg: Any) -> Any:
            return MachineOk("opne", 0)

        def open(self, event: Any, content: Any, data: Any) -> Any: ...

    async def main() -> str:
        with pytest.raises(otp.ServerDown) as failed:
            await GenStateMachine.call(await Lost.start(), "knock")
        return str(failed.value)

    assert ".Lost.opne: the machine went to a state without such a method" in otp.run(main)


def test_an_unmarked_state_with_the_wrong_arguments_says_where_it_is() -> None:
    with pytest.raises(TypeError, match=r"expected closed\(self, event, content, data\).*test_misspelt.py:\d+"):
        Door.__state_function__("closed")


def test_a_time_that_is_none_is_named_in_the_report_and_callers_are_short(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        door = await Door.start()
        with pytest.raises(otp.ServerDown):
            await Door.call(door, "knock")

    otp.run(main)
    assert 'expected a time in seconds >= 0, "infinity", "cancel" or "update", got StateTimeout(' in caplog.text
    assert "in Door.locked(('call', caller), 'knock')" in caplog.text


# Texts of the first hour


def test_self_holds_no_state_says_what_init_returns() -> None:
    class Server(GenServer[Any]):
        @impl
        def init(self, arg: Any) -> Any:
            self.set(arg)
            return Ok(arg)

        @impl
        def handle_cast(self, request: Any, state: Any) -> Any:
            self.n = request  # type: ignore[attr-defined]
            return NoReply(state)

        def set(self, n: int) -> None:
            self.n = n  # type: ignore[attr-defined]

    with pytest.raises(AttributeError, match=r"^self holds no state; return Ok\(state\)$"):
        Server().init(1)
    with pytest.raises(AttributeError, match=r"^self holds no state; return NoReply\(new_state\)$"):
        Server().handle_cast(1, 1)
    with pytest.raises(AttributeError, match=r"return KeepState\(new_data\)"):
        Door().n = 1  # type: ignore[attr-defined]


def test_an_instance_with_arguments_is_told_how_to_be_a_child() -> None:
    with pytest.raises(TypeError, match=r"expected Base.child_spec\(arg\) in a list of children"):
        otp.Children([Base(0)])  # type: ignore[call-arg,list-item]


@pytest.mark.parametrize(
    ("line", "hint"), [("ls -l 'a b'", "try ['ls', '-l', 'a b']"), ("ls 'a", "as shlex.split makes")]
)
def test_a_command_line_is_shown_as_the_list_it_should_be(line: str, hint: str) -> None:
    async def main() -> str:
        with pytest.raises(otp.BadArgument) as failed:
            await OsProcess.start_link(line)  # type: ignore[arg-type]
        return str(failed.value)

    assert hint in otp.run(main)


def test_an_agent_that_gets_no_function_is_named_once() -> None:
    async def main() -> str:
        with pytest.raises(otp.BadArgument) as failed:
            await otp.Agent.start_link(3)  # type: ignore[arg-type]
        return str(failed.value)

    assert otp.run(main).startswith("Agent.start_link(fn): expected a function, got 3")


def test_a_name_in_a_registry_is_shown_as_it_was_written() -> None:
    via = otp.Registry.via("rooms", "lobby")

    async def main() -> list[str]:
        with pytest.raises(otp.BadArgument) as failed:
            await Base.start_link(1, name=via)
        await otp.Registry.start_link(keys="unique", name="rooms")
        with pytest.raises(otp.NoProcess) as nobody:
            await GenServer.call(via, 1)
        return [str(failed.value), str(nobody.value)]

    missing, nobody = otp.run(main)
    assert missing.startswith("Registry.via('rooms', …): expected the name of a running registry")
    assert nobody.startswith("call to Registry.via('rooms', 'lobby') failed: 'noproc'")
    assert repr(otp.Registry.via("rooms", "lobby", 3)) == "Registry.via('rooms', 'lobby', 3)"


def test_the_observer_asks_for_a_pid() -> None:
    async def main() -> None:
        otp.observer.process(otp.node(), "c")  # type: ignore[arg-type]

    with pytest.raises(otp.BadArgument, match=r"expected a pid, got 'c'; try node\.whereis"):
        otp.run(main)


def test_a_changed_message_says_where_it_was_sent_and_what_was_sent() -> None:
    from otp.testing import MessageMutated, Scheduler

    async def main() -> None:
        server = await Base.start(0)
        basket = ["tea"]
        GenServer.cast(server, basket)
        basket.append("milk")
        await otp.wait_down(server)

    with pytest.raises(
        MessageMutated, match=r"after sending it at test_misspelt.py:\d+: expected \['tea'\], got \['tea', 'milk'\];"
    ):
        Scheduler().run(main)


def test_only_behaviours_look_at_names() -> None:
    class Shape(Behaviour):
        def handle_cal(self, request: Any, caller: Any, state: Any) -> Any: ...

    assert Shape.__callbacks__ == {}


# Methods outside of their class

MISPLACED = """
from otp import GenServer, NoReply, Ok, Reply, impl

class Counter(GenServer):
    @impl
    def init(self, start):
        return Ok(start)

@impl
def handle_cast(self, request, n):
    return NoReply(n + 1)

def init(self, arg):
    return Ok(arg)

class Empty(GenServer):
    pass
"""


@pytest.fixture
def misplaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "misplaced.py").write_text(MISPLACED)
    monkeypatch.syspath_prepend(tmp_path)  # pyright: ignore[reportUnknownMemberType]
    yield importlib.import_module("misplaced")
    del sys.modules["misplaced"]


def test_a_callback_that_stands_outside_of_its_class_is_named_with_its_line(misplaced: Any) -> None:
    """Regression: the advice was to write the callback, which was there."""

    async def main() -> str:
        pid = await misplaced.Counter.start(0)
        GenServer.cast(pid, "increment")
        return str(await otp.wait_down(pid))

    assert "has no handle_cast; handle_cast (misplaced.py:10) stands outside of the class: indent it" in otp.run(main)


def test_a_required_callback_that_stands_outside_of_its_class_is_named_with_its_line(misplaced: Any) -> None:
    with pytest.raises(MissingCallback, match=r"init \(misplaced.py:13\) stands outside of the class: indent it"):
        misplaced.Empty()
