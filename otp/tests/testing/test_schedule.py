"""The seeded schedule: which orders it tries, which it never does, and that it can be repeated."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from otp import GenServer, NoReply, Ok, Reply, impl
from otp.testing import MessageMutated, NotDeterministic, Scheduler, advance, wait_all_idle

SEEDS = range(60)


def outcomes(main: Any, **options: Any) -> set[Any]:
    return {Scheduler(seed, **options).run(main) for seed in SEEDS}


async def two_readers() -> tuple[str, str]:
    """Two writers, two readers, each writer sends to both in one step."""

    async def reader(results: list[str]) -> None:
        results.append(await otp.receive() + await otp.receive())

    def writer(letter: str, readers: list[otp.Pid]) -> None:
        for pid in readers:
            otp.send(pid, letter)

    results: tuple[list[str], list[str]] = ([], [])
    readers = [otp.spawn(reader, result) for result in results]
    for letter in "ab":
        otp.spawn(writer, letter, readers)
    await wait_all_idle()
    return results[0][0], results[1][0]


def test_messages_of_different_senders_overtake_each_other() -> None:
    assert outcomes(two_readers) == {("ab", "ab"), ("ab", "ba"), ("ba", "ab"), ("ba", "ba")}


def test_messages_of_one_sender_keep_their_order() -> None:
    async def main() -> tuple[int, ...]:
        me = otp.self()
        otp.spawn(lambda: [otp.send(me, n) for n in range(100)])
        return tuple([await otp.receive() for _ in range(100)])

    assert outcomes(main) == {tuple(range(100))}


async def triangle() -> str:
    """A sends to C and then to B; B, after receiving it, sends to C too."""
    c = otp.self()

    async def b() -> None:
        await otp.receive()
        otp.send(c, "effect")

    def a(b: otp.Pid) -> None:
        otp.send(c, "cause")
        otp.send(b, "go")

    otp.spawn(a, otp.spawn(b))
    return await otp.receive()


def test_an_effect_never_overtakes_its_cause() -> None:
    assert outcomes(triangle) == {"cause"}


class Notes(GenServer[tuple[Any, ...]]):
    @impl
    def init(self, arg: Any) -> Any:
        return Ok(())

    @impl
    def handle_cast(self, note: Any, notes: tuple[Any, ...]) -> Any:
        return NoReply((*notes, note))

    @impl
    def handle_call(self, request: Any, caller: Any, notes: tuple[Any, ...]) -> Any:
        return Reply(notes, notes)


class Writer(GenServer[None]):
    @impl
    def init(self, notes: otp.Pid) -> Any:
        GenServer.cast(notes, "init")
        return Ok(None)


def test_what_an_init_sends_comes_after_what_its_starter_sent_before_and_before_what_it_does_next() -> None:
    async def main(start: Any) -> Any:
        notes = await Notes.start_link()
        GenServer.cast(notes, "before")
        await start(notes)
        return await GenServer.call(notes, "all")

    for start in (Writer.start, Writer.start_link, Writer.start_monitor):
        assert {Scheduler(seed).run(main, start) for seed in SEEDS} == {("before", "init")}


def test_what_a_process_sent_comes_before_what_the_tasks_of_its_tasks_do() -> None:
    """The processes between them sent nothing themselves, and so were taken to know of nothing."""

    async def main() -> Any:
        notes = await Notes.start_link()
        GenServer.cast(notes, "before")
        async with otp.Task.async_stream([notes], GenServer.call, "all") as answers:
            [answer] = [answer async for answer in answers]
        return answer.value

    assert outcomes(main) == {("before",)}


def test_what_was_sent_before_a_future_was_completed_has_arrived_when_a_process_goes_on() -> None:
    async def main() -> Any:
        notes = await Notes.start_link()
        done = asyncio.get_running_loop().create_future()
        otp.spawn(lambda: (GenServer.cast(notes, "before"), done.set_result(None)))
        await done
        return await GenServer.call(notes, "all")

    assert outcomes(main) == {("before",)}


def test_without_causality_it_may() -> None:
    assert outcomes(triangle, causal=False) == {"cause", "effect"}


class Echo(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return Ok([])

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        otp.send(caller.pid, "before the answer")
        return Reply(list(state), state)

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        return NoReply([*state, request])


def test_casts_come_before_the_call_that_follows_them_and_messages_before_the_answer() -> None:
    async def main() -> tuple[Any, ...]:
        echo = await Echo.start_link()
        GenServer.cast(echo, 1)
        GenServer.cast(echo, 2)
        return tuple(await GenServer.call(echo, "seen")), await otp.receive(timeout=0)

    assert outcomes(main) == {((1, 2), "before the answer")}


def test_what_a_process_sent_comes_before_its_down() -> None:
    async def main() -> Any:
        me = otp.self()
        _, ref = otp.spawn_monitor(lambda: otp.send(me, "last words"))
        first = await otp.receive()
        return first, (await otp.receive(ref)).reason

    assert outcomes(main) == {("last words", "normal")}


def test_what_a_process_sent_has_arrived_when_wait_down_returns() -> None:
    async def main() -> Any:
        me = otp.self()
        await otp.wait_down(otp.spawn(lambda: otp.send(me, "done")))
        return await otp.receive(timeout=0)

    assert outcomes(main) == {"done"}


def test_a_call_to_a_server_that_dies_meanwhile_fails() -> None:
    async def main() -> str:
        echo = await Echo.start()
        otp.spawn(lambda: otp.exit(echo, "kill"))
        try:
            await GenServer.call(echo, "seen", timeout="infinity")
        except otp.CallExit as failed:
            return str(failed.cause_reason)
        return "answered"

    assert outcomes(main) <= {"answered", "noproc", "killed"}


def test_early_timers_fire_while_something_could_run() -> None:
    async def main() -> str:
        me = otp.self()
        otp.send_after(0.5, me, "timer")
        otp.spawn(lambda: otp.send(me, "process"))
        return await otp.receive()

    assert outcomes(main) == {"process"}
    assert outcomes(main, early_timers=True) == {"process", "timer"}


def test_early_timers_never_fire_inside_advance() -> None:
    async def main() -> Any:
        me = otp.self()
        otp.send_after(0.5, me, "timer")
        otp.spawn(lambda: otp.spawn(lambda: otp.send(me, "process")))
        await advance(0.4)
        return await otp.receive(timeout=0), otp.monotonic()

    assert {first for first, _ in outcomes(main, early_timers=True)} == {"process"}


def test_a_run_has_the_same_steps_each_time() -> None:
    first, second = Scheduler(5), Scheduler(5)
    assert first.run(two_readers) == second.run(two_readers)
    assert first.steps() == second.steps()
    assert any(step.startswith("deliver") for step in first.steps())


def test_replay_confirms_a_deterministic_run() -> None:
    scheduler = Scheduler(5)
    assert scheduler.run(two_readers) == scheduler.replay(two_readers)


def test_replay_names_the_first_step_that_differs() -> None:
    runs: list[int] = []

    async def main() -> None:
        runs.append(1)
        for _ in runs:
            otp.spawn(lambda: None)
        await wait_all_idle()

    scheduler = Scheduler(inline=False)
    scheduler.run(main)
    with pytest.raises(NotDeterministic, match=r"step 2: the first run had .*, the second run <0.4.0>") as failure:
        scheduler.replay(main)
    assert failure.value.position == 2


def test_replay_names_the_first_event_that_differs() -> None:
    runs: list[int] = []

    async def main() -> None:
        runs.append(1)
        otp.register(f"name {len(runs)}", otp.self())

    async def watched() -> None:
        scheduler.node.subscribe(lambda event: None, kinds={"registered"})
        await main()

    scheduler = Scheduler()
    scheduler.run(watched)
    with pytest.raises(NotDeterministic, match=r"event 1: .*name 1.*name 2"):
        scheduler.replay(watched)


def test_a_message_that_is_changed_after_it_was_sent_fails_the_run() -> None:
    async def main() -> Any:
        echo = await Echo.start_link()
        order = {"items": ["tea"]}
        GenServer.cast(echo, order)
        order["items"].append("milk")
        await wait_all_idle()

    with pytest.raises(MessageMutated, match=r"<0.2.0> changed a message to <0.3.0> .*'tea'\].* got .*'milk'"):
        Scheduler().run(main)


def test_what_the_receiver_does_with_its_message_is_its_own_affair() -> None:
    async def main() -> list[int]:
        me = otp.self()
        otp.spawn(lambda: otp.send(me, [1]))
        message = await otp.receive()
        message.append(2)
        await asyncio.sleep(1)
        return message

    assert Scheduler().run(main) == [1, 2]


def test_an_answer_that_was_not_awaited_fails_the_runs_in_which_it_is_a_message() -> None:
    """`Reply(GenServer.call(...), state)` in a plain callback: the caller would get a coroutine."""

    class Front(GenServer[Any]):
        @impl
        def init(self, other: Any) -> Any:
            return Ok(other)

        @impl
        def handle_call(self, request: Any, caller: Any, other: Any) -> Any:
            return Reply(GenServer.call(other, request) if other else request, other)

    async def main() -> Any:
        back = await Front.start(None)
        return await GenServer.call(await Front.start(back), "hello")

    failures: list[str] = []
    for seed in range(8):
        try:
            Scheduler(seed=seed).run(main).close()  # the call ran on its caller's stack: nobody looked
        except AssertionError as failure:
            failures.append(str(failure))
    assert failures
    assert all("expected the value of call(…); make the callback async def" in text for text in failures)
