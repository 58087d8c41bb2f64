"""A queue that runs jobs side by side, at most so many at once, and tries a failing one again.

Each job is a process of its own under a `DynamicSupervisor`. The queue monitors it: whatever a job
does, the queue learns how it ended and lives on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import otp
from otp import (
    Children,
    Continue,
    Down,
    DynamicSupervisor,
    From,
    GenServer,
    NoReply,
    Ok,
    Pid,
    Ref,
    Stop,
    Supervisor,
    impl,
)

AT_ONCE = 2
ATTEMPTS = 3


class Job(NamedTuple):
    work: Callable[[int], object]  # called with the number of the attempt
    caller: From
    attempt: int = 1


class Queue(NamedTuple):
    waiting: tuple[Job, ...] = ()
    running: dict[Ref, Job] = {}


class Worker(GenServer[Job]):
    """Does one job, tells its caller, ends."""

    @impl
    def init(self, job: Job):
        return Ok(job, then=Continue("work"))

    @impl
    def handle_continue(self, term: Any, job: Job):
        GenServer.reply(job.caller, job.work(job.attempt))
        return Stop("normal", job)


class JobServer(GenServer[Queue]):
    """Answers `GenServer.call("queue", ("run", work))` with what `work(attempt)` returned."""

    @impl
    def init(self, arg: object):
        return Ok(Queue())

    @impl
    async def handle_call(self, request: Any, caller: From, queue: Queue):
        match request:
            case ("run", work):
                return NoReply(await fill(queue._replace(waiting=(*queue.waiting, Job(work, caller)))))

    @impl
    async def handle_info(self, message: Any, queue: Queue):
        match message:
            case Down(ref=ref, reason=reason):
                job = queue.running[ref]
                queue = queue._replace(running={r: j for r, j in queue.running.items() if r != ref})
                if reason != "normal" and job.attempt < ATTEMPTS:
                    again = job._replace(attempt=job.attempt + 1)
                    queue = queue._replace(waiting=(*queue.waiting, again))
                elif reason != "normal":
                    GenServer.reply(job.caller, ("failed", reason))
                return NoReply(await fill(queue))


async def fill(queue: Queue) -> Queue:
    """Start waiting jobs while there is room."""
    waiting, running = list(queue.waiting), dict(queue.running)
    while waiting and len(running) < AT_ONCE:
        job = waiting.pop(0)
        pid = await DynamicSupervisor.start_child("workers", Worker.child_spec(job, restart="temporary"))
        assert isinstance(pid, Pid)
        running[otp.monitor(pid)] = job
    return Queue(tuple(waiting), running)


class JobQueue(Supervisor):
    @impl
    def init(self, arg: object):
        return Children(
            [DynamicSupervisor.child_spec(name="workers"), JobServer.child_spec(name="queue")],
            strategy="rest_for_one",
        )


def flaky(attempt: int) -> str:
    if attempt < ATTEMPTS:
        raise OSError(f"attempt {attempt} failed")
    return f"worked at attempt {attempt}"


def hopeless(attempt: int) -> str:
    raise OSError(f"attempt {attempt} failed")


async def main() -> None:
    await JobQueue.start_link(None, name="job_queue")
    print("a job:", await GenServer.call("queue", ("run", lambda attempt: 6 * 7)))
    print("a flaky job:", await GenServer.call("queue", ("run", flaky)))
    print("a hopeless job:", await GenServer.call("queue", ("run", hopeless)))


if __name__ == "__main__":
    otp.run(main)
