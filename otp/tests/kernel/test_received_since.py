"""A wait for the answer to a request searches what came since, whatever lies in the mailbox; it finds what is there.

Source: OTP's receive_SUITE, the receive optimisation; Erlang's *Efficiency Guide*, "Processes".
"""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

import otp
from otp import GenServer, NoReply, Ok, Reply, Tag, Task, impl
from otp.testing import Scheduler

WORDS = "abcd"


class Play:
    """Does at random what changes a mailbox, and compares it with a list."""

    def __init__(self, seed: int, watched: otp.Pid, model: list[Any]) -> None:
        self.source = random.Random(seed)
        self.watched = watched
        self.model = model
        self.refs: list[otp.Ref] = []

    def put(self, message: Any) -> None:
        otp.send(otp.self(), message)
        self.model.append(message)

    def expected(self, wanted: Any) -> Any:
        place = next((i for i, message in enumerate(self.model) if wanted(message)), None)
        return None if place is None else self.model.pop(place)

    async def step(self, number: int) -> None:
        source = self.source
        match source.randrange(9):
            case 0 | 1:
                for _ in range(source.choice([1, 5, 90, 300])):
                    self.put((source.choice(WORDS), number))
            case 2 | 3:
                self.refs.append(otp.monitor(self.watched))
            case 4 if self.refs:
                self.put((source.choice(self.refs[-4:]), number))
            case 5 if self.refs:
                ref = source.choice(self.refs[-6:])
                assert self.expected(lambda m: m[0] is ref) == await found(ref)
            case 6:
                word = source.choice(WORDS)
                assert self.expected(lambda m: m[0] == word) == await found(Tag(word))
            case 7:
                assert self.expected(lambda m: m[1] % 3 == 0) == await found(lambda m: m[1] % 3 == 0)
            case 8 if source.random() < 0.2 and self.model:
                assert self.model.pop(0) == await otp.receive(timeout=0)
            case _ if self.refs:
                otp.demonitor(source.choice(self.refs), flush=True)
            case _:
                pass


async def found(pattern: Any) -> Any:
    try:
        return await otp.receive(pattern, timeout=0)
    except otp.ReceiveTimeout:
        return None


@pytest.mark.parametrize("seed", range(8))
def test_any_mix_of_requests_and_receives_finds_what_a_list_shows(seed: int) -> None:
    async def main() -> Any:
        play = Play(seed, otp.spawn(otp.receive, Tag("never")), [])
        for number in range(700):
            await play.step(number)
        return play.model == [await otp.receive() for _ in range(len(play.model))]

    assert otp.run(main)


class Player(GenServer[Any]):
    """Plays in an async callback, in front of messages that wait; notes the others."""

    @impl
    def init(self, arg: Any) -> Any:
        return Ok([])

    @impl
    async def handle_cast(self, request: Any, state: Any) -> Any:
        seed, watched, behind, owner = request
        play = Play(seed, watched, behind)
        for number in range(60):
            await play.step(number)
        otp.send(owner, "played")
        return NoReply(state)

    @impl
    def handle_info(self, message: Any, state: Any) -> Any:
        return NoReply([*state, message])

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        return Reply(state, state)


@pytest.mark.parametrize("seed", range(8))
def test_an_async_callback_finds_what_a_list_shows_and_leaves_the_rest_in_order(seed: int) -> None:
    async def main() -> Any:
        watched = otp.spawn(otp.receive, Tag("never"))
        player = await Player.start(None)
        # what is played with is the mailbox behind the cast: a list that the player changes too
        behind: list[Any] = [(random.Random(seed).choice(WORDS), number) for number in range(900)]
        noted = list(behind)
        GenServer.cast(player, (seed, watched, noted, otp.self()))
        for message in behind:
            otp.send(player, message)
        assert "played" == await otp.receive()
        return await GenServer.call(player, "state"), noted

    state, model = Scheduler(inline=False).run(main)
    assert model == state


class Watcher(GenServer[Any]):
    """Monitors in one callback, and removes the monitor in a later one; records the ends it receives."""

    @impl
    def init(self, arg: Any) -> Any:
        return Ok((None, []))

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        ref, noted = state
        match request:
            case ("watch", pid):
                return NoReply((otp.monitor(pid), noted))
            case ("watch async", pid):
                return watch_and_wait(pid, noted)
            case ("kill", pid):
                otp.exit(pid, "kill")
            case "end":
                otp.demonitor(ref, flush=True)
            case _:
                pass
        return NoReply(state)

    @impl
    def handle_info(self, message: Any, state: Any) -> Any:
        return NoReply((state[0], [*state[1], message]))

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        return Reply(state[1], state)


async def watch_and_wait(pid: otp.Pid, noted: Any) -> Any:
    ref = otp.monitor(pid)
    assert await found(Tag("never")) is None
    return NoReply((ref, noted))


@pytest.mark.parametrize("how", ["watch", "watch async"])
@pytest.mark.parametrize("waiting", [0, 3, 20, 1_000])
def test_a_server_flushes_an_end_wherever_it_lies_in_its_mailbox(waiting: int, how: str) -> None:
    """A place that was noted in one callback is no place any more in the next."""

    async def main() -> Any:
        watcher, victim = await Watcher.start(None), otp.spawn(otp.receive)
        GenServer.cast(watcher, ("watch", otp.self()))
        assert [] == await GenServer.call(watcher, "noted")
        GenServer.cast(watcher, (how, victim))
        for number in range(waiting):
            GenServer.cast(watcher, number)
        GenServer.cast(watcher, ("kill", victim))
        GenServer.cast(watcher, "end")
        await GenServer.call(watcher, "noted")  # it lay before the end
        return await GenServer.call(watcher, "noted")

    assert [] == Scheduler(inline=False).run(main)


class Worker(GenServer[tuple[int, float]]):
    """Awaits a task in each callback, and says how long the first 50 took."""

    @impl
    def init(self, arg: Any) -> Any:
        return Ok((0, 0.0))

    @impl
    async def handle_cast(self, request: otp.Pid, state: tuple[int, float]) -> Any:
        handled, begun = state
        if handled == 10:  # the mailbox has its form
            begun = time.process_time()
        await Task.await_(Task.async_(int))
        if handled == 60:
            otp.send(request, ("took", time.process_time() - begun))
        return NoReply((handled + 1, begun))


def test_a_server_that_awaits_a_task_for_each_message_is_as_fast_with_many_waiting() -> None:
    """With 16,000 messages waiting each took 1.8 ms: such a server never recovered."""

    async def took(waiting: int) -> float:
        worker = await Worker.start(None)
        for _ in range(waiting):
            GenServer.cast(worker, otp.self())
        (_, seconds) = await otp.receive(Tag("took"))
        otp.exit(worker, "kill")
        return seconds

    async def main() -> float:
        return min([await took(20_000) for _ in range(3)]) / min([await took(200) for _ in range(3)])

    assert otp.run(main) < 4


def test_a_task_is_awaited_as_fast_behind_many_messages() -> None:
    """Behind 100,000 messages it took 194 ms."""

    async def took() -> float:
        begun = time.process_time()
        for _ in range(20):
            first, second = Task.async_(int), Task.async_(str)
            assert (0, "") == (await Task.await_(first), await Task.await_(second))
        return time.process_time() - begun

    async def main() -> float:
        empty = min([await took() for _ in range(3)])
        for number in range(50_000):
            otp.send(otp.self(), ("noise", number))
        return min([await took() for _ in range(3)]) / empty

    assert otp.run(main) < 4


def test_what_a_tag_has_searched_is_not_forgotten_by_a_request() -> None:
    async def took() -> float:
        begun = time.process_time()
        for number in range(20):
            ref = otp.monitor(otp.spawn(int))
            await otp.receive(ref)
            otp.send(otp.self(), ("answer", number))
            assert ("answer", number) == await otp.receive(Tag("answer"))
        return time.process_time() - begun

    async def main() -> float:
        empty = min([await took() for _ in range(3)])
        for number in range(50_000):
            otp.send(otp.self(), ("noise", number))
        await took()
        return min([await took() for _ in range(3)]) / empty

    assert otp.run(main) < 4
