"""`start_supervised`, `stop_supervised`, the ordered end of a test, and what it leaves behind."""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp import AlreadyStarted, GenServer, NotFound, Ok, StartError, Stop, impl
from otp.testing import Scheduler, start_supervised, stop_supervised, wait_all_idle


class Server(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Any:
        otp.process_flag("trap_exit", True)
        return Stop(arg[1]) if arg[0] == "stop" else Ok(arg)

    @impl
    def terminate(self, reason: Any, state: Any) -> None:
        state[1].value.append((state[0], reason))


class Log:
    def __init__(self) -> None:
        self.value: list[Any] = []


@pytest.fixture(params=[True, False, None], ids=["inline", "queued", "seeded"])
def scheduler(request: pytest.FixtureRequest) -> Scheduler:
    return Scheduler(seed=3, inline=request.param)


def child(id: str, log: Log, **options: Any) -> Any:
    return Server.child_spec((id, log), id=id, **options)


def test_children_stop_in_reverse_order_at_the_end(scheduler: Scheduler) -> None:
    log = Log()

    async def main() -> None:
        for name in "abc":
            await start_supervised(child(name, log))

    scheduler.run(main)
    assert log.value == [("c", "shutdown"), ("b", "shutdown"), ("a", "shutdown")]
    assert scheduler.leaks == []


def test_children_stop_though_the_test_failed(scheduler: Scheduler) -> None:
    log = Log()

    async def main() -> None:
        await start_supervised(child("a", log))
        raise LookupError

    with pytest.raises(LookupError):
        scheduler.run(main)
    assert log.value == [("a", "shutdown")]


def test_a_child_is_restarted_as_often_as_it_takes(scheduler: Scheduler) -> None:
    async def main() -> int:
        await start_supervised(child("a", Log(), name="a"))
        for _ in range(20):
            pid = otp.whereis("a")
            otp.exit(pid, "kill")
            await wait_all_idle()
            assert otp.whereis("a") not in (None, pid)
        return 20

    assert scheduler.run(main) == 20


def test_the_supervisor_is_not_linked_to_the_test(scheduler: Scheduler) -> None:
    async def main() -> Any:
        await start_supervised(child("a", Log()))
        return otp.process_info(otp.self(), "links")

    assert scheduler.run(main) == ()


def test_stop_supervised_takes_pid_or_id(scheduler: Scheduler) -> None:
    log = Log()

    async def main() -> None:
        a = await start_supervised(child("a", log))
        await start_supervised(child("b", log, restart="temporary"))
        await stop_supervised("b")
        await stop_supervised(a)
        with pytest.raises(NotFound):
            await stop_supervised(a)
        await start_supervised(child("a", log))

    scheduler.run(main)
    assert [name for name, _ in log.value] == ["b", "a", "a"]


def test_errors_of_the_start_pass(scheduler: Scheduler) -> None:
    async def main() -> None:
        with pytest.raises(StartError) as failure:
            await start_supervised((Server, ("stop", "no")))
        assert failure.value.reason[0] == "no"  # with the spec, as from any supervisor
        pid = await start_supervised(child("a", Log()))
        with pytest.raises(AlreadyStarted) as again:
            await start_supervised(child("a", Log()))
        assert again.value.pid is pid

    scheduler.run(main)


def test_what_is_linked_to_the_test_ends_with_it(scheduler: Scheduler) -> None:
    log = Log()

    async def main() -> None:
        await Server.start_link(("linked", log))

    scheduler.run(main)
    assert (log.value, scheduler.leaks) == ([("linked", "shutdown")], [])


def test_what_nobody_was_going_to_stop_is_named(scheduler: Scheduler) -> None:
    async def forgotten() -> None:
        await otp.receive()

    async def main() -> None:
        otp.register("lost", otp.spawn(forgotten))
        await scheduler.node.start(Server, ("owned", Log()))

    scheduler.run(main)
    (leak,) = scheduler.leaks
    assert leak.startswith("lost (<0.")
    assert "forgotten" in leak


def test_in_production_it_says_what_it_needs() -> None:
    async def main() -> None:
        await start_supervised((Server, ("a", Log())))

    with pytest.raises(RuntimeError, match=r"start_supervised: expected a testing scheduler, .* try @pytest.mark.otp"):
        otp.run(main)
