"""An inline call creates its `From` only for a `handle_call` that may read it; the difference must not show."""

from __future__ import annotations

import sys
from typing import Any

import pytest

import otp
from otp import CallTimeout, From, GenServer, NoReply, Ok, Reply, ServerDown, Stop, impl
from otp.kernel.values.results import callbacks_of


class Server(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: From, state: Any) -> Any:
        """Never read the caller."""
        match request:
            case "keep":
                return NoReply(state)
            case "stop":
                return Stop("normal", state, reply="bye")
            case "crash":
                raise ValueError("boom")
        return Reply(request, state)


class Passes(Server):
    @impl
    def handle_call(self, request: Any, caller: From, state: Any) -> Any:
        return Reply(isinstance(caller, From), state)


class Renames(Server):
    @impl
    def handle_call(self, request: Any, who: From, state: Any) -> Any:
        return Reply(isinstance(who, From), state)


class Encloses(Server):
    @impl
    def handle_call(self, request: Any, caller: From, state: Any) -> Any:
        return Reply((lambda: isinstance(caller, From))(), state)


class Iterates(Server):
    @impl
    def handle_call(self, request: Any, caller: From, state: Any) -> Any:
        return Reply(all(isinstance(caller, From) for _ in range(2)), state)


class ShowsLocals(Server):
    @impl
    def handle_call(self, request: Any, caller: From, state: Any) -> Any:
        return Reply(isinstance(locals()["caller"], From), state)


class Evaluates(Server):
    @impl
    def handle_call(self, request: Any, caller: From, state: Any) -> Any:
        return Reply(eval("isinstance(caller, From)"), state)


class Delegates(Passes):
    @impl
    def handle_call(self, request: Any, caller: From, state: Any) -> Any:
        return super().handle_call(request, caller, state)


class Unpacks(Server):
    @impl
    def handle_call(self, *arguments: Any) -> Any:
        return Reply(isinstance(arguments[1], From), arguments[2])


@pytest.mark.parametrize(
    "server",
    [Passes, Renames, Encloses, Iterates, ShowsLocals, Evaluates, Delegates, Unpacks],
    ids=lambda cls: cls.__name__,
)
def test_a_handler_that_reads_its_caller_gets_it(run: Any, server: type[Server]) -> None:
    async def main() -> Any:
        return await GenServer.call(await server.start(None), "read")

    assert run(main) is True


def test_a_caller_appears_when_the_handler_is_replaced_by_one_that_reads_it(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> Any:
        server = await Server.start(None)
        before = await GenServer.call(server, "echo")
        monkeypatch.setattr(Server, "handle_call", Passes.handle_call)
        return before, await GenServer.call(await Server.start(None), "echo")

    assert ("echo", True) == run(main)


def test_the_bytecode_shows_whether_a_handler_reads_its_caller() -> None:
    assert [False, True] == [callbacks_of(None, cls).reads_caller for cls in (Server, Passes)]


def test_code_that_ipython_reloads_in_place_gets_the_caller(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its autoreload assigns the new `__code__` to the old function."""
    monkeypatch.setitem(sys.modules, "IPython", sys)

    class Reloaded(Server):
        @impl
        def handle_call(self, request: Any, caller: From, state: Any) -> Any:
            return Reply("old", state)

    async def main() -> Any:
        server = await Reloaded.start(None)
        before = await GenServer.call(server, "echo")
        Reloaded.handle_call.__code__ = Passes.handle_call.__code__
        return before, await GenServer.call(server, "echo")

    assert ("old", True) == run(main)


def test_a_debugger_is_shown_the_caller(run: Any) -> None:
    seen: list[Any] = []

    def trace(frame: Any, event: str, arg: Any) -> Any:
        if frame.f_code is Debugged.handle_call.__code__:
            seen.append(frame.f_locals["caller"])

    class Debugged(Server):
        @impl
        def handle_call(self, request: Any, caller: From, state: Any) -> Any:
            return Reply(request, state)

    async def main() -> Any:
        return await GenServer.call(await Debugged.start(None), "shown")

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run(main)
    finally:
        sys.settrace(before)
    assert [From] == [type(caller) for caller in seen]


def test_a_request_that_is_kept_unread_still_times_out(run: Any) -> None:
    async def main() -> Any:
        with pytest.raises(CallTimeout, match="the server took the request and returned NoReply"):
            await GenServer.call(await Server.start(None), "keep", 1)
        return otp.monotonic()

    assert 1.0 == run(main)


def test_a_server_that_stops_or_crashes_without_reading_its_caller_answers_it(run: Any) -> None:
    async def main() -> Any:
        stopped = await GenServer.call(await Server.start(None), "stop")
        server = await Server.start(None)
        with pytest.raises(ServerDown) as failed:
            await GenServer.call(server, "crash")
        return stopped, failed.value.reason[1]

    stopped, (behaviour, function, (_, request)) = run(main)
    assert ("bye", "gen_server", "call", "crash") == (stopped, behaviour, function, request)
