"""A queue that runs a few jobs at once and retries failing ones.

Each job is a process of its own under a `DynamicSupervisor`, and the queue monitors it: however a job ends, the queue
gets its exit reason and keeps running.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import otp
from otp import Children, Down, DynamicSupervisor, From, GenServer, NoReply, Ok, Ref, Stop, Supervisor, impl

AT_ONCE, ATTEMPTS = 2, 3


class Job(NamedTuple):
    work: Callable[[int], object]  # called with the number of the attempt
    caller: From
    attempt: int = 1


class Worker(GenServer[Job]):
    """A process that does one job, replies to the client and ends."""

    @impl
    def init(self, arg: Job):
        return Ok(arg)

    @impl
    def handle_cast(self, request: Any, state: Job):
        GenServer.reply(state.caller, state.work(state.attempt))
        return Stop("normal", state)


class Jobs(NamedTuple):
    waiting: tuple[Job, ...]
    running: dict[Ref, Job]


class Queue(GenServer[Jobs]):
    @impl
    def init(self, arg: Any):
        return Ok(Jobs((), {}))

    @impl
    async def handle_call(self, request: Any, caller: From, state: Jobs):
        match request:
            case ("run", work):  # answered when the job has ended
                return NoReply(await start_waiting((*state.waiting, Job(work, caller)), state.running))

    @impl
    async def handle_info(self, message: Any, state: Jobs):
        match message:
            case Down(ref, _, reason):
                job = state.running[ref]
                waiting, running = state.waiting, {r: j for r, j in state.running.items() if r != ref}
                if reason != "normal" and job.attempt < ATTEMPTS:
                    waiting = (*waiting, job._replace(attempt=job.attempt + 1))
                elif reason != "normal":
                    GenServer.reply(job.caller, ("failed", reason))
                return NoReply(await start_waiting(waiting, running))


async def start_waiting(waiting: tuple[Job, ...], running: dict[Ref, Job]) -> Jobs:
    """Start waiting jobs, oldest first, while fewer than `AT_ONCE` run."""
    while waiting and len(running) < AT_ONCE:
        job, *rest = waiting
        worker = await DynamicSupervisor.start_child("workers", Worker.child_spec(job, restart="temporary"))
        waiting, running = tuple(rest), {**running, otp.monitor(worker): job}
        GenServer.cast(worker, "work")  # not before the monitor: an earlier end would be missed
    return Jobs(waiting, running)


class JobQueue(Supervisor):
    @impl
    def init(self, arg: Any):
        workers = DynamicSupervisor.child_spec(name="workers")
        return Children([workers, Queue.child_spec(name="queue")], strategy="rest_for_one")


def flaky(attempt: int) -> str:
    if attempt < ATTEMPTS:
        raise OSError(f"attempt {attempt} failed")
    return f"attempt {attempt} worked"


async def main() -> None:
    await JobQueue.start_link(None, name="job_queue")
    print("three jobs: a good one, one that crashes twice, one that always does; the log shows each crash")
    print("a good job:", await GenServer.call("queue", ("run", lambda attempt: 6 * 7)))
    print("a flaky job:", await GenServer.call("queue", ("run", flaky)))
    failed, reason = await GenServer.call("queue", ("run", lambda attempt: 1 / 0))
    print(f"a hopeless job: {failed} {ATTEMPTS} times, at last with {reason.term.type_name}: {reason.term.text}")


if __name__ == "__main__":
    otp.run(main)
