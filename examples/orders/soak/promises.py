"""The promises of the service, and the sentences for those that it broke."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from .load import AT_ONCE, Results
from .measurements import Growth, Sample

MORE_MEMORY = 1.10, 8
"""A tenth and 8 MB more: what an allocator's free lists vary by. A leak of 1 kB a request exceeds it in an hour."""
MORE_DESCRIPTORS = 16
"""There are three pools of eight, which open connections when they are needed: the count moves by two of them."""
MOST_TURNED_AWAY = 5
"""At SIGTERM uvicorn closes the connections whose requests it has not read, those of the last milliseconds."""
WARM_AFTER = 60.0
"""Seconds: the growth of a shorter run is its warm-up."""
CONNECTIONS = 18
"""Eight of the pool and one of the listener, for a moment also those of the owners that were killed."""
STOPS_WITHIN = 20.0
"""Seconds: 15 for requests in flight, 5 for the workers."""

ALLOWED_ERRORS = re.compile(
    r"^(asyncpg\.|ConnectionRefusedError|ConnectionResetError|TimeoutError|otp\.|redis\.|httpx\.)"
)
"""Errors with which a process may crash while a program that it needs restarts."""
NEVER_LOGGED = re.compile(
    r"Task was destroyed|never retrieved|[Uu]nclosed|was never awaited|Exception ignored|^Fatal Python error"
)


def broken_by_requests(
    results: Results, outcomes: dict[UUID, dict[str, str]], left: int, charges: dict[str, Any]
) -> Iterator[str]:
    lost = [id for id in results.accepted if id not in outcomes]
    if lost:
        yield f"expected every accepted order to have an outcome, got {len(lost)} without, such as {lost[0]}"
    if left:
        yield f"expected every stored order to be done, got {left} that are not"
    wrong = [id for id, outcome in outcomes.items() if charges.get(str(id)) != outcome]
    if wrong:
        yield f"expected each outcome to be that of the provider, got {len(wrong)} others, such as that of {wrong[0]}"
    payments = {charge["payment"] for charge in charges.values()}
    if len(charges) != len(outcomes) or len(payments) != len(charges):
        yield f"expected one charge for each of {len(outcomes)} orders, got {len(charges)} with {len(payments)} numbers"
    if results.unanswered:
        yield f"expected every order to be accepted at last, got {len(results.unanswered)} that were not"
    strange = {status: count for status, count in results.answers.items() if status not in (200, 202, 503)}
    if strange:
        yield f"expected the answers 200, 202 and 503, got {strange}"


def broken_by_connections(lost: dict[int, str], begun: Path, stops: int) -> Iterator[str]:
    """Yield a sentence if a request that the service had begun was not answered, or too many were turned away."""
    with begun.open(encoding="ascii") as notes:
        worked_on = lost.keys() & {int(note) for note in notes}
    if worked_on:
        one = lost[min(worked_on)]
        yield f"expected an answer to every request that was begun, got {len(worked_on)} broken connections: {one}"
    if len(lost) - len(worked_on) > MOST_TURNED_AWAY * stops:
        yield f"expected at most {MOST_TURNED_AWAY} requests turned away by each of {stops} stops, got {len(lost)}"


def broken_by_programs(ends: list[int], stops: list[float]) -> Iterator[str]:
    if wrong := [end for end in ends if end not in (0, -15)]:  # uvicorn repeats the signal that ended it
        yield f"expected the service to end by SIGTERM, got the status {wrong[0]}"
    if stops and max(stops) > STOPS_WITHIN:
        yield f"expected the service to stop within {STOPS_WITHIN:g} s, got {max(stops):.1f} s"


def broken_by_growth(samples: list[Sample], grown: Growth) -> Iterator[str]:
    factor, more = MORE_MEMORY
    before, after = grown.resident
    if grown.seconds > WARM_AFTER and after > before * factor + more:
        yield f"expected at most {before * factor + more:.0f} MB of memory at the end, got {after:.0f}"
    before, after = grown.descriptors
    if grown.seconds > WARM_AFTER and after > before + MORE_DESCRIPTORS:
        yield f"expected at most {before + MORE_DESCRIPTORS:.0f} descriptors at the end, got {after:.0f}"
    clients = max(sample.peers["client"] for sample in samples)
    if clients > AT_ONCE + MOST_TURNED_AWAY:
        yield f"expected a connection for each of {AT_ONCE} clients, got {clients}"
    most = max(sample.connections or 0 for sample in samples)
    if most > CONNECTIONS:
        yield f"expected at most {CONNECTIONS} connections to PostgreSQL, got {most}"


def broken_by_log(log: Path) -> Iterator[str]:
    """Yield lines that no service should log, and errors that no fault explains."""
    in_traceback = False
    with log.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            line = line.rstrip()
            if NEVER_LOGGED.search(line):
                yield f"{log.name}:{number}: expected no such line, got {line}"
            if line.startswith("Traceback (most recent call last)"):
                in_traceback = True
            elif in_traceback and line and not line.startswith((" ", "\t")):
                in_traceback = False
                if not ALLOWED_ERRORS.match(line):
                    yield f"{log.name}:{number}: expected no crash but for a lost connection, got {line}"
