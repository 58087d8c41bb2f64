"""A job queue: so many at a time, a failed job again after twice the time, and a list of those given up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

import otp
from otp import Children, Down, GenServer, NoReply, Ok, Reply, Request, Supervisor, TaskReply, TaskSupervisor, impl
from otp.testing import advance, assert_receive, mailbox, refute_receive, start_supervised, wait_all_idle

Work = Callable[[int], Any]
"""What a job does; its argument counts the attempts, from 1."""


@dataclass(frozen=True)
class Job:
    name: str
    work: Work
    attempt: int = 1


class Report(Request[dict[str, list[str]]]):
    pass


@dataclass(frozen=True)
class State:
    at_a_time: int
    most_attempts: int
    waiting: tuple[Job, ...] = ()
    running: tuple[tuple[otp.Ref, Job], ...] = ()
    done: tuple[str, ...] = ()
    given_up: tuple[str, ...] = ()


class Queue(GenServer[State]):
    @impl
    def init(self, limits: tuple[int, int]) -> Any:
        return Ok(State(*limits))

    @impl
    async def handle_cast(self, request: Any, state: State) -> Any:
        match request:
            case Job():
                return NoReply(await self.fill(replace(state, waiting=(*state.waiting, request))))

    @impl
    def handle_call(self, request: Any, caller: Any, state: State) -> Any:
        match request:
            case Report():
                names = [job.name for _, job in state.running]
                waiting = [job.name for job in state.waiting]
                return Reply(
                    {"waiting": waiting, "running": names, "done": [*state.done], "given up": [*state.given_up]}, state
                )

    @impl
    async def handle_info(self, message: Any, state: State) -> Any:
        match message:
            case TaskReply(ref):
                otp.demonitor(ref, flush=True)
                job, state = self.ended(ref, state)
                return NoReply(await self.fill(replace(state, done=(*state.done, job.name))))
            case Down(ref=ref):
                job, state = self.ended(ref, state)
                if job.attempt == state.most_attempts:
                    return NoReply(await self.fill(replace(state, given_up=(*state.given_up, job.name))))
                otp.send_after(2.0**job.attempt, otp.self(), replace(job, attempt=job.attempt + 1))
                return NoReply(await self.fill(state))
            case Job():
                return await self.handle_cast(message, state)

    def ended(self, ref: otp.Ref, state: State) -> tuple[Job, State]:
        return dict(state.running)[ref], replace(state, running=tuple(r for r in state.running if r[0] != ref))

    async def fill(self, state: State) -> State:
        while state.waiting and len(state.running) < state.at_a_time:
            job, *rest = state.waiting
            task = await TaskSupervisor.async_nolink("workers", job.work, job.attempt)
            state = replace(state, waiting=tuple(rest), running=(*state.running, (task.ref, job)))
        return state


class Jobs(Supervisor):
    @impl
    def init(self, limits: tuple[int, int]) -> Any:
        return Children(
            [TaskSupervisor.child_spec(name="workers"), Queue.child_spec(limits, name="queue")], strategy="one_for_all"
        )


def submit(name: str, work: Work) -> None:
    GenServer.cast("queue", Job(name, work))


async def report() -> dict[str, list[str]]:
    return await GenServer.call("queue", Report())


@pytest.mark.otp(seed=(0, 1, 2))
async def test_no_more_than_so_many_jobs_run_at_a_time_and_the_others_wait_in_turn() -> None:
    await start_supervised((Jobs, (2, 3)))
    me = otp.self()

    async def work(name: str) -> None:
        otp.send(me, ("begun", name, otp.self()))
        await otp.receive(otp.Is("finish"))

    for name in "abc":
        submit(name, lambda _attempt, name=name: work(name))
    _, _, a = await assert_receive(otp.Tag("begun", "a"))
    await assert_receive(otp.Tag("begun", "b"))
    await refute_receive(otp.Tag("begun", "c"))
    assert await report() == {"waiting": ["c"], "running": ["a", "b"], "done": [], "given up": []}
    otp.send(a, "finish")
    await assert_receive(otp.Tag("begun", "c"))


@pytest.mark.otp(seed=(0, 1, 2))
async def test_a_failed_job_comes_again_after_two_and_after_four_seconds() -> None:
    await start_supervised((Jobs, (1, 4)))
    me = otp.self()

    def flaky(attempt: int) -> None:
        otp.send(me, (otp.monotonic(), attempt))
        if attempt < 3:
            raise ConnectionError("no route")

    submit("flaky", flaky)
    await advance(60)
    assert mailbox() == [(0.0, 1), (2.0, 2), (6.0, 3)]
    assert await report() == {"waiting": [], "running": [], "done": ["flaky"], "given up": []}


@pytest.mark.otp(seed=(0, 1, 2))
async def test_a_job_that_fails_as_often_as_allowed_is_given_up_and_holds_up_nobody() -> None:
    await start_supervised((Jobs, (1, 2)))
    submit("poison", lambda _attempt: otp.exit("poisoned"))
    submit("good", lambda _attempt: "fine")
    await advance(10)
    assert await report() == {"waiting": [], "running": [], "done": ["good"], "given up": ["poison"]}


@pytest.mark.otp(seed=(0, 1, 2))
async def test_when_the_queue_crashes_its_workers_go_with_it() -> None:
    await start_supervised((Jobs, (1, 2)))
    me = otp.self()
    submit("long", lambda _attempt: (otp.send(me, otp.self()), otp.receive())[1])
    worker = await assert_receive(otp.Pid)
    otp.exit(otp.whereis("queue"), "kill")
    assert await otp.wait_down(worker) in ("shutdown", "killed")
    await wait_all_idle()
    assert await report() == {"waiting": [], "running": [], "done": [], "given up": []}
