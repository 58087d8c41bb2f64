"""The modes in which scenarios are replayed.

- `inline`: idle servers answer calls on their caller's stack wherever the runtime allows it; oldest first.
- `queued`: every call goes through the mailbox; oldest first.
- `plain`: as in production, a node in a loop of asyncio, in real time.
- `seeded`: the seed chooses which process runs next, and whether each call runs inline.
- `shared-scheduler`: twelve scenarios at once on twelve nodes of one scheduler, and several such schedulers in
  threads of their own.

Scenarios that share a scheduler share its clock, so each batch runs with the clock stopped. A scenario that turns out
to need time runs again, each among eleven scenarios that do not depend on time.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Any

import otp
from otp.testing import Scheduler, wait_all_idle
from replay.compare import Difference, differences
from replay.interpreter import Clock, NeedsClock, OwnClock, RealClock, Record, StoppedClock, replay

MODES = ("inline", "queued", "plain", "seeded", "shared-scheduler")
TOGETHER = 12
TIMELESS = frozenset(
    {
        "spawn", "exit_self", "exit_signal", "link", "unlink", "monitor", "demonitor", "trap", "send", "register",
        "unregister", "whereis", "is_alive", "self", "process_info", "cast",
    }
)  # fmt: skip
"""Operations to which the time of day means nothing: what uses no other is company for a scenario with a clock."""


@dataclass
class Outcome:
    """A replayed scenario: its trace, or the error that ended it."""

    record: Record
    steps: list[Any] = field(default_factory=list)
    final: Any = None
    error: str | None = None

    def differences(self) -> list[Difference]:
        """Return the differences from the recording."""
        return [] if self.error else list(differences(self.record, self.steps, self.final))

    def passed(self) -> bool:
        """Return whether the replay is as recorded."""
        return self.error is None and not self.differences()


def replay_all(records: list[Record], mode: str, seed: int, threads: int = 2) -> Iterator[Outcome]:
    """Replay scenarios in one of `MODES`."""
    if mode == "shared-scheduler":
        yield from replay_shared(records, seed, threads)
    elif mode == "plain":
        yield from map(replay_plain, records)
    else:
        for record in records:
            yield replay_alone(record, mode, seed)


def replay_alone(record: Record, mode: str, seed: int) -> Outcome:
    """Replay one scenario on its own scheduler."""
    inline = {"inline": True, "queued": False, "seeded": None}[mode]
    scheduler = Scheduler(seed=seed, inline=inline)

    async def driver() -> tuple[list[Any], Any]:
        return await replay(record, scheduler.node, OwnClock())

    try:
        steps, final = scheduler.run(driver)
    except Exception as error:
        return Outcome(record, error=f"{type(error).__name__}: {error}")
    return Outcome(record, steps, final)


def replay_plain(record: Record) -> Outcome:
    """Replay one scenario in a loop of asyncio."""
    outcome = Outcome(record, error="did not end")
    asyncio.run(_on_own_node(0, RealClock(), outcome))
    return outcome


# many on one scheduler


def replay_shared(records: list[Record], seed: int, threads: int) -> list[Outcome]:
    """Replay scenarios twelve at a time, in `threads` threads that each have schedulers of their own."""
    shares = [_Share(records[i::threads], seed + i) for i in range(threads)]
    for share in shares:
        share.start()
    for share in shares:
        share.join()
    found = {id(outcome.record): outcome for share in shares for outcome in share.outcomes}
    return [found[id(record)] for record in records]


class _Share(threading.Thread):
    """Replay one thread's share of the scenarios."""

    def __init__(self, records: list[Record], seed: int) -> None:
        super().__init__(name=f"conformance-{seed}")
        self.records = records
        self.seed = seed
        self.outcomes: list[Outcome] = []

    def run(self) -> None:
        timed: list[Record] = []
        for batch in _batches(self.records, TOGETHER):
            for outcome in self._together([(record, StoppedClock()) for record in batch]):
                if outcome.error == NeedsClock.__name__:
                    timed.append(outcome.record)
                else:
                    self.outcomes.append(outcome)
        company = cycle([record for record in self.records if _timeless(record)] or [None])
        for record in timed:
            others = [(other, StoppedClock()) for other in islice(company, TOGETHER - 1) if other is not None]
            first, *rest = self._together([(record, OwnClock()), *others])
            self.outcomes.append(first)
            self.outcomes.extend(outcome for outcome in rest if not outcome.passed())

    def _together(self, batch: list[tuple[Record, Clock]]) -> list[Outcome]:
        outcomes = [Outcome(record, error="did not end") for record, _clock in batch]
        try:
            Scheduler(seed=self.seed).run(_all, batch, outcomes)
        except Exception as error:
            for outcome in outcomes:
                if outcome.error == "did not end":
                    outcome.error = f"{type(error).__name__}: {error}"
        return outcomes


async def _all(batch: list[tuple[Record, Clock]], outcomes: list[Outcome]) -> None:
    await asyncio.gather(
        *(
            _on_own_node(i, clock, outcome)
            for i, ((_record, clock), outcome) in enumerate(zip(batch, outcomes, strict=True))
        )
    )


async def _on_own_node(number: int, clock: Clock, outcome: Outcome) -> None:
    async with otp.Node(f"scenario{number}") as node:
        driver = node.spawn(_driver, node, clock, outcome)
        await otp.wait_down(driver)
        await sweep(node)


async def _driver(node: otp.Node, clock: Clock, outcome: Outcome) -> None:
    try:
        outcome.steps, outcome.final = await replay(outcome.record, node, clock)
        outcome.error = None
    except NeedsClock:
        outcome.error = NeedsClock.__name__
    except Exception as error:
        outcome.error = f"{type(error).__name__}: {error}"


async def sweep(node: otp.Node) -> None:
    """Kill what a scenario left behind, with supervisors and their restarts, while the clock stands still."""
    while left := node.processes():
        for pid in left:
            otp.exit(pid, "kill")
        await wait_all_idle()


def _timeless(record: Record) -> bool:
    return all(step["op"] in TIMELESS and not step.get("async") for step in record["scenario"]["steps"])


def _batches(records: list[Record], size: int) -> Iterator[list[Record]]:
    for i in range(0, len(records), size):
        yield records[i : i + size]
