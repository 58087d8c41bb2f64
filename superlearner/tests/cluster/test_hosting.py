"""The service of a member that starts sandboxes for platforms, without programs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

import otp
from otp import GenServer
from superlearner.cluster.hosting import SandboxHost
from superlearner.sandbox.program import NotLaunched
from superlearner.sandbox.record import Configuration, ProgramFacts, Sandbox

ORDER = msgspec.json.encode(Sandbox("demo", "owner", "sandbox-demo@127.0.0.1", Configuration("demo"), 1.0))
OLDER = "the member does not know this request; it may be an older version"


class Program:
    """A program that runs until it is killed."""

    complete = True
    memory = None

    def __init__(self) -> None:
        self.facts = ProgramFacts(0, "0.1.0", ())
        self.end: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def ended(self) -> str:
        return await asyncio.shield(self.end)

    async def kill(self, why: str) -> None:
        self.end.set_result(why)

    def output(self) -> tuple[str, int]:
        return "hello\n", 6


class Launcher:
    """Starts such programs, or none: then it raises an error."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.owners: list[otp.Pid] = []

    async def launch(self, sandbox: Sandbox, notice: Callable[[str], object]) -> Any:
        self.owners.append(otp.self())
        notice("it starts")
        if self.error is not None:
            raise self.error
        return Program()

    def close(self) -> None:
        pass


def asking(test: Callable[[Callable[..., Any], Launcher], Any], launcher: Launcher) -> None:
    """Run a test with a function that asks the service, as a process of the named platform."""

    async def main() -> None:
        async with otp.Node("m2") as member, otp.Node("one") as one, otp.Node("two") as two:
            host = await member.start(SandboxHost, launcher)
            runners: dict[str, otp.Pid] = {}

            async def run() -> None:
                while True:
                    match await otp.receive():
                        case ("ask", request, answer):
                            answer.set_result(await GenServer.call(host, request, 5.0))
                        case _:
                            pass

            async def ask(request: Any, platform: str = "one") -> Any:
                if platform not in runners:
                    runners[platform] = {"one": one, "two": two}[platform].spawn(run)
                answer = asyncio.get_running_loop().create_future()
                otp.send(runners[platform], ("ask", request, answer))
                return await answer

            async def end(platform: str) -> None:
                otp.exit(runners.pop(platform), "kill")

            ask.end = end  # type: ignore[attr-defined]
            ask.state = await otp.sys.get_state(host)  # type: ignore[attr-defined]
            await test(ask, launcher)

    asyncio.run(asyncio.wait_for(main(), 20))


def test_a_sandbox_ends_with_the_process_that_asked_for_it() -> None:
    async def test(ask: Any, launcher: Launcher) -> None:
        kind, number, facts = await ask(("launch", ORDER))
        assert ("launched", 0) == (kind, msgspec.json.decode(facts, type=ProgramFacts).os_pid)
        assert ("figures", "hello\n", 6, 0) == await ask(("figures", number, 0))
        for known in (6, None):  # it has all output, or wants none
            assert ("figures", None, 6, 0) == await ask(("figures", number, known))
        await ask.end("one")
        await otp.wait_down(launcher.owners[0])
        assert ("gone", "it has ended") == await ask(("figures", number, 0))

    asking(test, Launcher())


def test_the_end_of_a_program_is_told_with_its_last_output() -> None:
    async def test(ask: Any, launcher: Launcher) -> None:
        del launcher
        _, number, _ = await ask(("launch", ORDER))
        assert ("done",) == await ask(("kill", number, "it was destroyed"))
        assert ("ended", "it was destroyed", "hello\n", 6, 0) == await ask(("next", number))

    asking(test, Launcher())


def test_each_end_that_is_tried_lets_the_platform_fetch_its_last_restarts() -> None:
    async def test(ask: Any, launcher: Launcher) -> None:
        del launcher
        _, number, _ = await ask(("launch", ORDER))
        hosted = ask.state.hosted[number]
        stop, kill = (asyncio.ensure_future(hosted.fetch_last()) for _ in range(2))
        assert ("ending",) == await ask(("next", number))
        assert ("ending",) == await ask(("fetched", number, True))
        assert await stop
        last = asyncio.ensure_future(ask(("fetched", number, False)))
        assert not await kill
        await ask(("kill", number, "it was destroyed"), "two")
        assert ("ended", "it was destroyed", "hello\n", 6, 0) == await last
        assert not await hosted.fetch_last()

    asking(test, Launcher())


class Silent:
    """A link to a program that answers no question."""

    def __init__(self) -> None:
        self.asked, self.cancelled = asyncio.Event(), asyncio.Event()

    async def ask(self, request: object) -> object:
        del request
        self.asked.set()
        try:
            return await asyncio.Event().wait()
        finally:
            self.cancelled.set()


def test_a_question_that_the_platform_gave_up_ends_on_the_member() -> None:
    async def test(ask: Any, launcher: Launcher) -> None:
        del launcher
        _, number, _ = await ask(("launch", ORDER))
        link = ask.state.hosted[number].link = Silent()
        given_up = asyncio.ensure_future(ask(("ask", number, b"?"), "two"))
        await link.asked.wait()
        await ask.end("two")
        await link.cancelled.wait()
        given_up.cancel()
        assert ("figures", "hello\n", 6, 0) == await ask(("figures", number, 0))

    asking(test, Launcher())


def test_two_platforms_do_not_run_sandboxes_of_one_name_on_a_member() -> None:
    async def test(ask: Any, launcher: Launcher) -> None:
        assert "launched" == (await ask(("launch", ORDER)))[0]
        words = "one already runs a sandbox demo there"
        assert ("not_started", "conflict", words) == await ask(("launch", ORDER), "two")
        await ask.end("one")
        await otp.wait_down(launcher.owners[0])
        assert "launched" == (await ask(("launch", ORDER), "two"))[0]

    asking(test, Launcher())


def test_a_start_that_fails_is_told_with_its_code() -> None:
    async def test(ask: Any, launcher: Launcher) -> None:
        launcher.error = NotLaunched("service_unavailable", "no landlock")
        assert ("not_started", "service_unavailable", "no landlock") == await ask(("launch", ORDER))
        launcher.error = ZeroDivisionError("a bug")
        kind, code, words = await ask(("launch", ORDER))
        assert ("not_started", "start_failed", True) == (kind, code, "ZeroDivisionError" in words)

    asking(test, Launcher())


def test_a_start_whose_owner_is_killed_is_answered() -> None:
    class Killed(Launcher):
        async def launch(self, sandbox: Sandbox, notice: Callable[[str], object]) -> Any:
            otp.exit(otp.self(), "kill")
            await otp.receive(otp.Is("never"))

    async def test(ask: Any, launcher: Launcher) -> None:
        del launcher
        words = "the process that started it ended: killed"
        assert ("not_started", "start_failed", words) == await ask(("launch", ORDER))

    asking(test, Killed())


def test_requests_that_a_member_does_not_understand_are_answered() -> None:
    async def test(ask: Any, launcher: Launcher) -> None:
        for request in ("launch", ("launch", "no bytes"), 7):
            assert ("gone", OLDER) == await ask(request)
        kind, code, words = await ask(("launch", b'{"id": 7}'))
        assert ("not_started", "start_failed", True) == (kind, code, words.startswith("the member cannot read"))
        assert ("gone", "it has ended") == await ask(("ask", 4711, b""))
        _, number, _ = await ask(("launch", ORDER))
        for request in (("dance", number), ("reload", number, 7), ("ask", number, b"")):
            assert ("gone", OLDER) == await ask(request)
        assert 1 == len(launcher.owners)

    asking(test, Launcher())
