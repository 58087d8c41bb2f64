"""`otp.run`: results, errors, signals and statuses of a whole program."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import traceback
from typing import Any

import pytest

import otp
from otp import GenServer, Ok, impl
from otp.testing import Scheduler


def test_the_value_of_main_is_the_value_of_the_run() -> None:
    async def main(a: int, b: int) -> int:
        return a + b

    assert otp.run(main, 2, 3) == 5
    assert otp.run(lambda: 7) == 7


@pytest.mark.parametrize("error", [ValueError("mine"), otp.Exit("boom"), otp.Error("bad")])
def test_what_main_raises_is_raised(error: Exception) -> None:
    async def main() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        otp.run(main)
    assert raised.value is error


def test_a_main_that_is_ended_by_a_signal_says_so() -> None:
    async def main() -> None:
        otp.spawn_link(lambda: otp.exit("boom"))
        await otp.receive()

    with pytest.raises(RuntimeError, match=r"main was ended by an exit signal with reason 'boom': .* spawn_link") as e:
        otp.run(main)
    assert len(e.value.__notes__) == 1
    assert "test_program.py" in e.value.__notes__[0]
    assert ".main" in e.value.__notes__[0]


@pytest.mark.parametrize(("code", "raises"), [(0, False), (None, False), (3, True), ("text", True)])
def test_system_exit_in_any_process_ends_the_program_with_its_status(code: Any, raises: bool) -> None:
    async def main() -> None:
        def ends() -> None:
            raise SystemExit(code)

        otp.spawn(ends)
        await otp.receive()

    if raises:
        with pytest.raises(SystemExit) as exit_:
            otp.run(main)
        assert exit_.value.code == code
    else:
        assert otp.run(main) is None


def test_keyboard_interrupt_in_a_process_ends_the_program() -> None:
    async def main() -> None:
        def ends() -> None:
            raise KeyboardInterrupt

        otp.spawn(ends)
        await otp.receive()

    with pytest.raises(KeyboardInterrupt):
        otp.run(main)


@pytest.mark.parametrize(("number", "error"), [(signal.SIGTERM, None), (signal.SIGINT, KeyboardInterrupt)])
def test_signals_shut_down_in_order(number: signal.Signals, error: type[BaseException] | None) -> None:
    log: list[str] = []

    async def main() -> None:
        async def cleans() -> None:
            try:
                await otp.receive()
            finally:
                await asyncio.to_thread(len, "")
                log.append("clean")

        otp.spawn(cleans)
        otp.spawn(lambda: os.kill(os.getpid(), number))
        await otp.receive()

    before = signal.getsignal(number)
    if error is None:
        otp.run(main)
    else:
        with pytest.raises(error):
            otp.run(main)
    assert log == ["clean"]
    assert signal.getsignal(number) is before


def test_collector_thresholds_are_raised_for_the_time_of_the_run() -> None:
    async def main() -> Any:
        return gc.get_threshold()

    before = gc.get_threshold()
    assert otp.run(main)[0] > before[0]
    assert gc.get_threshold() == before


def test_the_first_process_is_seen_as_main_on_a_node_with_the_given_name() -> None:
    async def main() -> Any:
        return otp.process_info(otp.self(), "initial_call"), otp.self().node

    call, node = otp.run(main, node="shop")
    assert call.endswith("main")
    assert node == "shop"


def test_what_main_started_is_stopped_before_run_returns() -> None:
    log: list[Any] = []

    class Server(GenServer[None]):
        @impl
        def init(self, arg: Any) -> Any:
            otp.process_flag("trap_exit", True)
            return Ok(None)

        @impl
        def terminate(self, reason: Any, state: None) -> None:
            log.append(reason)

    async def main() -> str:
        await Server.start()
        return "done"

    assert otp.run(main) == "done"
    assert log == ["shutdown"]


def test_runs_follow_each_other_in_one_thread() -> None:
    async def main() -> int:
        return len(otp.processes())

    assert [otp.run(main) for _ in range(3)] == [1, 1, 1]


def test_a_run_inside_a_running_loop_is_refused() -> None:
    async def main() -> None:
        with pytest.raises(
            RuntimeError, match=r"this thread already runs an event loop; in it use .async with otp\.Node"
        ):
            otp.run(main)

    asyncio.run(main())


async def asks() -> Any:
    return await GenServer.call("nobody", "anybody?")


async def asks_after_an_error() -> Any:
    try:
        raise ValueError("first")
    except ValueError:
        return await asks()


@pytest.mark.parametrize("run", [otp.run, Scheduler().run])
@pytest.mark.parametrize("main", [asks, asks_after_an_error])
def test_the_traceback_of_an_error_is_the_users_own_places(run: Any, main: Any) -> None:
    """Regression: 15 to 30 frames of the runtime came before and after them."""
    with pytest.raises(otp.NoProcess) as failed:
        run(main)
    error: Any = failed.value
    places = [place.name for place in traceback.extract_tb(error.__traceback__)]
    expected = ["asks"] if main is asks else ["asks_after_an_error", "asks"]
    assert expected == places[-len(expected) :]
    assert "run" in places
    assert len(places) <= len(expected) + 3


def test_with_debug_a_traceback_is_whole() -> None:
    with pytest.raises(otp.NoProcess) as failed:
        otp.run(asks, debug=True)
    assert "call" in [place.name for place in traceback.extract_tb(failed.value.__traceback__)]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("run", "told"),
    [
        (otp.run, r"otp\.run: expected a function and its arguments, got a coroutine object; try otp\.run\(asks, …\)"),
        (
            Scheduler().run,
            r"got a coroutine object; try Scheduler\.run\(asks, …\) instead of Scheduler\.run\(asks\(…\)\)",
        ),
        (Scheduler().session, r"Scheduler\.session: expected a function and its arguments"),
    ],
)
def test_a_coroutine_object_is_refused_with_the_way_to_write_it(run: Any, told: str) -> None:
    with pytest.raises(TypeError, match=told):
        run(asks())
