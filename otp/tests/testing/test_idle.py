"""`wait_all_idle`, `advance` and the deterministic scheduler they stand on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from otp.testing import Deadlock, RealIONotSimulated, Scheduler, advance, wait_all_idle


def run(fn: Any, *args: Any, **options: Any) -> Any:
    return Scheduler(**options).run(fn, *args)


def test_run_gives_the_value_of_the_first_process() -> None:
    async def main(a: int, b: int) -> int:
        return a + b

    assert run(main, 2, 3) == 5


def test_run_raises_what_the_first_process_raised() -> None:
    async def main() -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        run(main)


def test_a_first_process_that_is_ended_by_a_signal_fails_the_run_with_that_reason() -> None:
    async def main() -> None:
        async def killer() -> None:
            raise otp.Exit("boom")

        otp.spawn_link(killer)
        await otp.receive()

    with pytest.raises(otp.Exit) as failure:
        run(main)
    assert failure.value.reason == "boom"


def test_the_scheduler_shows_its_node_and_its_clock() -> None:
    scheduler = Scheduler()

    async def main() -> tuple[str, list[str], float]:
        await asyncio.sleep(2.5)
        return otp.self().node, [node.name for node in scheduler.nodes], scheduler.now

    assert scheduler.run(main) == ("test", ["test"], 2.5)
    assert scheduler.node.name == "test"


def test_nothing_is_left_of_what_the_first_process_started() -> None:
    ended: list[Any] = []

    async def main() -> None:
        async def waits() -> None:
            try:
                await otp.receive()
            finally:
                ended.append("cleaned up")

        otp.spawn(waits)
        await wait_all_idle()

    run(main)
    assert ended == ["cleaned up"]


def test_idle_means_that_every_message_was_handled() -> None:
    async def main() -> list[int]:
        seen: list[int] = []

        async def forward(to: otp.Pid | None, n: int) -> None:
            seen.append(await otp.receive())
            if to is not None:
                otp.send(to, n)

        pid = None
        for n in range(20):
            pid = otp.spawn(forward, pid, n)
        otp.send(pid, 20)
        await wait_all_idle()
        return seen

    assert run(main) == list(range(20, 0, -1))


def test_waiting_for_idle_does_not_move_the_clock() -> None:
    async def main() -> tuple[Any, float]:
        otp.send_after(1, otp.self(), "later")
        await wait_all_idle()
        return otp.process_info(otp.self(), "message_queue_len"), otp.monotonic()

    assert run(main) == (0, 0.0)


def test_sleepers_and_waiters_for_a_future_count_as_idle() -> None:
    async def main() -> str:
        async def sleeps() -> None:
            await asyncio.sleep(10)

        async def waits() -> None:
            await asyncio.get_running_loop().create_future()

        otp.spawn(sleeps)
        otp.spawn(waits)
        await wait_all_idle()
        return "idle"

    assert run(main) == "idle"


def test_several_processes_and_tasks_may_wait_for_idle() -> None:
    async def main() -> int:
        woken: list[str] = []

        async def waits(name: str) -> None:
            await wait_all_idle()
            woken.append(name)

        for name in "abc":
            otp.spawn(waits, name)
        tasks = [asyncio.ensure_future(waits(name)) for name in "de"]
        await wait_all_idle()
        await asyncio.gather(*tasks)
        await wait_all_idle()
        return len(woken)

    assert run(main) == 5


def test_advance_fires_what_is_due_in_order_up_to_and_including_its_end() -> None:
    async def main() -> list[Any]:
        for ms in (700, 300, 1000, 1001):
            otp.send_after(ms / 1000, otp.self(), ms)
        await advance(1)
        length = otp.process_info(otp.self(), "message_queue_len")
        return [await otp.receive() for _ in range(length)] + [otp.monotonic()]

    assert run(main) == [300, 700, 1000, 1.0]


def test_each_timer_of_an_advance_finds_the_system_idle() -> None:
    async def main() -> list[tuple[float, Any]]:
        log: list[tuple[float, Any]] = []

        async def chain() -> None:
            while True:
                message = await otp.receive()
                log.append((otp.monotonic(), message))
                if message < 3:
                    otp.send_after(1, otp.self(), message + 1)

        pid = otp.spawn(chain)
        otp.send_after(1, pid, 1)
        await advance(10)
        return log

    assert run(main) == [(1.0, 1), (2.0, 2), (3.0, 3)]


def test_ten_advances_of_a_tenth_are_one_second() -> None:
    async def main() -> Any:
        otp.send_after(1, otp.self(), "now")
        for _ in range(10):
            await advance(0.1)
        return otp.process_info(otp.self(), "message_queue_len"), otp.monotonic()

    assert run(main) == (1, 1.0)


@pytest.mark.parametrize("seconds", [-1, "infinity", None, float("nan")])
def test_advance_takes_a_time_that_ends(seconds: Any) -> None:
    async def main() -> None:
        await advance(seconds)

    with pytest.raises(otp.BadArgument):
        run(main)


def test_the_clock_moves_by_itself_when_everybody_waits() -> None:
    async def main() -> tuple[str, float]:
        otp.send_after(3600, otp.self(), "tea")
        return await otp.receive(), otp.monotonic()

    assert run(main) == ("tea", 3600.0)


def test_in_real_time_both_say_what_they_need() -> None:
    async def main() -> None:
        with pytest.raises(RuntimeError, match=r"wait_all_idle: expected the virtual clock .* try "):
            await wait_all_idle()
        with pytest.raises(RuntimeError, match=r"advance: expected the virtual clock .* try "):
            await advance(1)

    asyncio.run(main())


def test_a_run_that_can_never_end_names_who_waits() -> None:
    async def main() -> None:
        await otp.receive()

    with pytest.raises(Deadlock, match=r"process <0\.\d+\.0>, .*main, waiting"):
        run(main)


def test_real_io_fails_the_run_though_somebody_swallows_the_error() -> None:
    async def main() -> None:
        try:
            await asyncio.to_thread(len, "")
        except Exception:  # as a library would
            pass

    with pytest.raises(RealIONotSimulated, match="run_in_executor"):
        run(main)


def order_of_two(seed: int) -> list[int]:
    async def main() -> list[int]:
        seen: list[int] = []

        async def note(n: int) -> None:
            seen.append(n)

        for n in range(6):
            otp.spawn(note, n)
        await wait_all_idle()
        return seen

    return run(main, seed=seed)


def test_a_seed_gives_the_same_order_each_time() -> None:
    assert [order_of_two(7) for _ in range(3)] == [order_of_two(7)] * 3


def test_different_seeds_give_different_orders() -> None:
    assert len({tuple(order_of_two(seed)) for seed in range(20)}) > 10


def test_with_inline_given_the_oldest_runs_first() -> None:
    async def main() -> list[int]:
        seen: list[int] = []

        async def note(n: int) -> None:
            seen.append(n)

        for n in range(6):
            otp.spawn(note, n)
        await wait_all_idle()
        return seen

    assert run(main, inline=False) == [0, 1, 2, 3, 4, 5]


def test_unknown_options_are_refused_with_what_is_possible() -> None:
    with pytest.raises(otp.BadArgument, match='io: expected "virtual"'):
        Scheduler(io="magic")
