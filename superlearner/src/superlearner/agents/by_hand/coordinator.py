"""A coordinator: divides work among workers, and replaces those that end."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

import otp
from otp import Down, ExitSignal, Pid, Ref
from superlearner.agents.by_hand.asking import answer, ask

__all__ = ["Coordinator"]

Worker: TypeAlias = Callable[[], Awaitable[object]]


class _Team:
    """The workers: who does which task, and who is free."""

    def __init__(self, worker: Worker, size: int) -> None:
        self.worker = worker
        self.free: deque[Pid] = deque()
        self.busy: dict[Pid, tuple[Ref, int]] = {}
        self.monitors: dict[Ref, Pid] = {}
        for _ in range(size):
            self.hire()

    def hire(self) -> None:
        """Start a worker."""
        pid = otp.spawn_link(self.worker)
        self.monitors[otp.monitor(pid)] = pid
        self.free.append(pid)

    def lose(self, monitor: Ref) -> int | None:
        """Replace a worker that has ended; return the place of its task."""
        pid = self.monitors.pop(monitor)
        if pid in self.free:
            self.free.remove(pid)
        self.hire()
        return self.busy.pop(pid, (None, None))[1]


async def serve(parent: Pid, worker: Worker, size: int) -> None:
    """Run a coordinator until it is stopped."""
    otp.process_flag("trap_exit", True)
    team = _Team(worker, size)
    waiting: deque[tuple[Any, Pid, Ref]] = deque()
    while True:
        message = waiting.popleft() if waiting else await otp.receive()
        match message:
            case ("run", payloads, from_, ref) | (payloads, Pid() as from_, Ref() as ref):
                if (results := await run(team, payloads, waiting, parent)) is None:
                    return await end(team)
                answer(from_, ref, results)
            case "stop":
                return await end(team)
            case ExitSignal(pid=pid, reason=reason) if pid is parent:
                await end(team)
                otp.exit(reason)
            case Down(ref=monitor) if monitor in team.monitors:
                team.lose(monitor)
            case _:
                pass


async def run(team: _Team, payloads: Any, waiting: deque[Any], parent: Pid) -> tuple[Any, ...] | None:
    """Return the results of all payloads in their order; None if the coordinator is to end."""
    todo, results = deque(range(len(payloads))), dict[int, Any]()
    while len(results) < len(payloads):
        while todo and team.free:
            pid, place, ref = team.free.popleft(), todo.popleft(), otp.make_ref()
            team.busy[pid] = ref, place
            otp.send(pid, ("work", payloads[place], otp.self(), ref))
        match await otp.receive():
            case ("run", more, from_, ref):
                waiting.append((more, from_, ref))
            case "stop":
                return None
            case ExitSignal(pid=pid, reason=reason) if pid is parent:
                await end(team)
                otp.exit(reason)
            case Down(ref=monitor) if monitor in team.monitors:
                if (lost := team.lose(monitor)) is not None:
                    todo.appendleft(lost)
            case (Ref() as ref, result):
                for pid in [pid for pid, (expected, _) in team.busy.items() if expected == ref]:
                    results[team.busy.pop(pid)[1]] = result
                    team.free.append(pid)
            case _:
                pass
    return tuple(results[place] for place in range(len(payloads)))


async def end(team: _Team) -> None:
    """End all workers."""
    for monitor, pid in team.monitors.items():
        otp.demonitor(monitor, flush=True)
        otp.exit(pid, "shutdown")
        await otp.wait_down(pid)


class Coordinator:
    """The client functions of a coordinator of workers, which understand `("work", payload, from_, ref)`.

    The source links its workers without trapping exits, so the first crash of a worker ends its coordinator.

    >>> import otp
    >>> async def double():
    ...     while True:
    ...         _, number, from_, ref = await otp.receive()
    ...         otp.send(from_, (ref, 2 * number))
    >>> async def main():
    ...     team = await Coordinator.start_link(double, 2)
    ...     return await Coordinator.run(team, [1, 2, 3])
    >>> otp.run(main)
    (2, 4, 6)
    """

    @staticmethod
    async def start_link(worker: Worker, n: int) -> Pid:
        """Start a coordinator of `n` workers, linked to the caller."""
        return otp.spawn_link(serve, otp.self(), worker, n)

    @staticmethod
    async def stop(coordinator: Pid) -> None:
        """End the workers, then the coordinator, and wait for it."""
        otp.send(coordinator, "stop")
        await otp.wait_down(coordinator)

    @staticmethod
    async def run(coordinator: Pid, payloads: Sequence[Any], timeout: float = 60) -> tuple[Any, ...]:
        """Return the results in the order of `payloads`; a task whose worker ends is done again.

        Raises `otp.Exit(("agent_down", reason))` and `TimeoutError`.
        """
        return await ask(coordinator, "run", payloads, timeout=timeout)
