"""Code that runs on the stack of another process sees nothing of it: no exception, no full stack, no context."""

from __future__ import annotations

import asyncio
import logging
import sys
from contextvars import ContextVar
from typing import Any

import pytest

import otp
from otp import GenServer, NoReply, Ok, Registry, Reply, impl
from otp.testing import Scheduler, wait_all_idle

LOOPS = {"otp.run": otp.run, "queued": Scheduler(inline=False).run, "seeded": Scheduler(seed=5).run}


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Any:
    return LOOPS[request.param]


class Server(GenServer[int]):
    @impl
    def init(self, arg: Any) -> Any:
        if arg == "look":
            return Ok(sys.exception())
        if arg == "crash":
            raise ValueError("in init")
        return Ok(0)

    @impl
    def handle_call(self, request: Any, caller: Any, state: int) -> Any:
        match request:
            case "look":
                return Reply(sys.exception(), state)
            case "raise":
                raise  # noqa: PLE0704
            case "crash":
                raise ValueError("in the server")
            case "state":
                return Reply(state, state)
            case ("deep", frames):
                return Reply(depth(frames), state + 1)
            case _:
                return Reply(request, state + 1)


def depth(frames: int) -> int:
    """Use as many frames of the stack."""
    return 1 if frames == 1 else 1 + depth(frames - 1)


# The exception that the caller handles


@pytest.mark.parametrize("dest", ["pid", "name", "via"])
def test_a_server_does_not_see_the_exception_its_caller_handles(run: Any, dest: str) -> None:
    async def main() -> Any:
        await Registry.start_link(keys="unique", name="names")
        via = Registry.via("names", "server")
        pid = await Server.start_link(None, name={"pid": None, "name": "server", "via": via}[dest])
        try:
            raise KeyError("of the caller")
        except KeyError:
            return await GenServer.call({"pid": pid, "name": "server", "via": via}[dest], "look")

    assert run(main) is None


def test_init_does_not_see_the_exception_its_starter_handles(run: Any) -> None:
    async def main() -> Any:
        try:
            raise KeyError("of the starter")
        except KeyError:
            pid = await Server.start_link("look")
        return await GenServer.call(pid, "state")

    assert run(main) is None


def test_a_bare_raise_in_a_server_finds_nothing_to_raise(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> Any:
        pid = await Server.start()
        try:
            raise KeyError("of the caller")
        except KeyError:
            with pytest.raises(otp.ServerDown) as failure:
                await GenServer.call(pid, "raise")
        return failure.value.cause_reason

    assert run(main).term.type_name == "RuntimeError"
    assert "of the caller" not in caplog.text


@pytest.mark.parametrize("in_init", [True, False], ids=["init", "handle_call"])
def test_a_crash_report_does_not_name_the_exception_of_the_caller(
    run: Any, caplog: pytest.LogCaptureFixture, in_init: bool
) -> None:
    async def main() -> None:
        pid = await Server.start()
        try:
            raise KeyError("of the caller")
        except KeyError:
            try:
                await (Server.start("crash") if in_init else GenServer.call(pid, "crash"))
            except (otp.CallExit, otp.StartError):
                pass

    run(main)
    [report] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert report.exc_info is not None
    assert isinstance(report.exc_info[1], ValueError)
    assert report.exc_info[1].__context__ is None


# A stack that is nearly full


async def deep(frames: int, dest: Any, request: Any) -> Any:
    """Call from the bottom of a recursion."""
    return await (deep(frames - 1, dest, request) if frames else GenServer.call(dest, request))


@pytest.mark.parametrize("by_name", [True, False], ids=["name", "pid"])
def test_a_call_from_a_deep_stack_is_answered(run: Any, by_name: bool) -> None:
    async def main() -> Any:
        pid = await Server.start_link(None, name="server")
        dest = "server" if by_name else pid
        frames = 100
        answers = []
        while True:  # to the last frame that the caller has
            try:
                answers.append(await deep(frames, dest, ("deep", 200)))
            except RecursionError:
                break
            frames += 20
        await wait_all_idle() if run is not otp.run else None
        return frames, set(answers), await GenServer.call(pid, ("deep", 300)), otp.is_alive(pid)

    frames, answers, last, alive = run(main)
    assert frames > sys.getrecursionlimit() - 250
    assert (answers, last, alive) == ({200}, 300, True)


@pytest.mark.parametrize("missing", range(30))
def test_a_caller_without_frames_fails_and_the_server_lives(missing: int) -> None:
    """A server whose call broke off between two lines of the runtime would have stayed *running* for ever."""

    async def main() -> Any:
        pid = await Server.start_link()
        frames = 0
        try:
            while True:
                await deep(frames, pid, "state")
                frames += 1
        except RecursionError:
            pass
        try:
            await deep(frames - missing, pid, "go")
        except RecursionError:
            pass
        return await GenServer.call(pid, "answer", timeout=1), otp.is_alive(pid)

    assert otp.run(main) == ("answer", True)


def test_a_server_that_recurses_for_ever_crashes() -> None:
    async def main() -> Any:
        pid = await Server.start()
        with pytest.raises(otp.ServerDown) as failure:
            await GenServer.call(pid, ("deep", 100_000))
        return failure.value.cause_reason.term.type_name

    assert otp.run(main) == "RecursionError"


# The predicate of a receive

WHOSE: ContextVar[str] = ContextVar("WHOSE", default="nobody")


@pytest.mark.parametrize("timeout", ["infinity", 5])
def test_a_predicate_runs_in_its_own_process(run: Any, timeout: Any) -> None:
    async def main() -> Any:
        me = otp.self()
        seen: list[Any] = []

        async def receiver() -> None:
            WHOSE.set("receiver")

            def is_last(message: Any) -> bool:
                seen.append((otp.self(), WHOSE.get(), sys.exception()))
                return message == "last"

            otp.send(me, ("got", await otp.receive(is_last, timeout), await otp.receive(), otp.self()))

        WHOSE.set("sender")
        pid = otp.spawn(receiver)
        await wait_all_idle() if run is not otp.run else await asyncio.sleep(0)
        try:
            raise KeyError("of the sender")
        except KeyError:
            otp.send(pid, "first")
            otp.send(pid, "last")
        return await otp.receive() == ("got", "last", "first", pid), seen == [(pid, "receiver", None)] * 2

    assert run(main) == (True, True)


def test_each_message_is_shown_to_a_predicate_once() -> None:
    async def main() -> Any:
        seen: list[int] = []

        async def receiver() -> None:
            await otp.receive(lambda message: seen.append(message) or message == 9)

        pid = otp.spawn(receiver)
        for message in range(10):
            await wait_all_idle()
            otp.send(pid, message)
        await otp.wait_down(pid)
        return seen

    assert Scheduler(inline=True).run(main) == list(range(10))


def test_a_predicate_that_refuses_a_message_does_not_prolong_the_wait() -> None:
    async def main() -> Any:
        async def receiver() -> float:
            try:
                await otp.receive(lambda message: False, timeout=1)
            except otp.ReceiveTimeout:
                return otp.monotonic()
            return -1.0

        task = otp.Task.async_(receiver)
        otp.send_after(0.5, task.pid, "other")
        otp.send_after(1, task.pid, "at the last moment")
        return await otp.Task.await_(task)

    assert Scheduler(inline=True).run(main) == 1.0


class Async(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg)

    @impl
    async def handle_cast(self, request: Any, state: Any) -> Any:
        got = await otp.receive(lambda message: message == "wanted")
        otp.send(state, (got, otp.process_info(otp.self(), "message_queue_len")))
        return NoReply(state)

    @impl
    def handle_info(self, message: Any, state: Any) -> Any:
        otp.send(state, message)
        return NoReply(state)


def test_a_predicate_in_a_callback_leaves_the_other_messages(run: Any) -> None:
    async def main() -> Any:
        pid = await Async.start_link(otp.self())
        GenServer.cast(pid, "go")
        for message in ("a", "wanted", "b"):
            otp.send(pid, message)
        return [await otp.receive() for _ in range(3)]

    assert run(main) in ([("wanted", 2), "a", "b"], [("wanted", 1), "a", "b"])


def dive(frames: int, send: Any) -> None:
    """Send from the bottom of a recursion."""
    if frames:
        dive(frames - 1, send)
    else:
        send()


def test_a_message_that_was_sent_from_a_full_stack_is_found_by_its_receiver() -> None:
    """The pattern of a waiting `receive` is tried on the sender's stack; without a frame for it, nothing matched."""

    async def wait(parent: otp.Pid, ref: otp.Ref) -> None:
        otp.send(parent, "waits")
        await otp.receive(ref)

    async def main() -> tuple[int, list[int]]:
        lost, sent = [], 0
        for frames in range(sys.getrecursionlimit()):
            ref = otp.make_ref()
            waiting = otp.spawn(wait, otp.self(), ref)
            await otp.receive()
            try:
                dive(frames, lambda to=waiting, ref=ref: otp.send(to, (ref, "found")))
            except RecursionError:
                otp.exit(waiting, "kill")
                break
            sent += 1
            try:
                await otp.wait_down(waiting, 1)
            except TimeoutError:
                lost.append(frames)
        return sent, lost

    sent, lost = otp.run(main)
    assert sent > sys.getrecursionlimit() - 100
    assert lost == []
