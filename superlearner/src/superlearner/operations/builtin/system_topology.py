"""Messages between processes in the last minute, as a diagram and as numbers."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Annotated, Final

from pydantic import Field

import otp
from otp import Pid
from superlearner.control.listing import count_processes
from superlearner.control.names import is_critical
from superlearner.control.terms import plain_pid
from superlearner.observing.monitoring.talking import LEASE_S, RATE, Talking
from superlearner.observing.monitoring.topology import OUTSIDE, Member, picture
from superlearner.operations.context import Context
from superlearner.operations.declaration import operation
from superlearner.operations.results.system import Topology, TopologyLine

COST: Final = (
    "A message of a watched process costs about 4 µs more, a call about 12 µs more. "
    f"Watching ends {LEASE_S:g} s after the last request."
)
PLATFORM: Final = Member(None, "the platform", "processes that it runs for itself", "platform", "the platform")
EXTERNAL: Final = Member(None, "outside any process", "requests, timers, tasks of asyncio", OUTSIDE, OUTSIDE)


@operation("system.topology", http=("GET", "/system/topology"), scope="read",
           short="lines.source,target,messages,per_s processes watched seconds cost")  # fmt: skip
async def topology(
    ctx: Context,
    watch_ms: Annotated[
        int, Field(ge=0, le=10_000, description="milliseconds to watch first, if watching was off")
    ] = 1_000,
    unfold: Annotated[
        list[str],
        Field(max_length=100, description="groups whose processes are shown individually"),
    ] = [],  # noqa: B006
) -> Topology:
    """Show the messages between processes.

    Counts of the last minute by sender and receiver; the processes that the platform runs for itself are one of them.
    The first request starts watching; it ends 20 s after the last request. Above 500 messages a second the pairs
    are a sample.
    """
    talking = ctx.watched.monitor.talking
    if talking.ask() and watch_ms:
        await asyncio.sleep(watch_ms / 1000)
    seen = talking.talk()
    members: dict[str, Member] = {}
    pairs: Counter[tuple[str, str]] = Counter()
    for (source, target), messages in seen.pairs.items():
        if not (source is not None and is_critical(source) and is_critical(target)):
            pairs[_key(source, members, talking), _key(target, members, talking)] += messages
    yours = count_processes(ctx.node).yours
    spots, lines, folded = picture(pairs, members, unfold)
    scale = max(1e-3, seen.seconds) * seen.share
    return Topology(
        spots=spots,
        lines=[
            TopologyLine(
                source=line.source,
                target=line.target,
                messages=line.messages,
                per_s=round(line.messages / scale, 2),
            )
            for line in lines
        ],
        folded=folded,
        seconds=seen.seconds,
        seen=seen.seen,
        unseen=seen.unseen,
        share=round(seen.share, 4),
        rate=RATE,
        processes=yours,
        watched=min(yours, seen.watched),
        cost=COST,
    )


def _key(pid: Pid | None, members: dict[str, Member], talking: Talking) -> str:
    if pid is None:
        members[OUTSIDE] = EXTERNAL
        return OUTSIDE
    if is_critical(pid):
        members[PLATFORM.group] = PLATFORM
        return PLATFORM.group
    member = talking.member(pid)
    # a restarted process with the same name is the same member
    key = plain_pid(pid) if member.name is None else f"name {member.name}"
    if key not in members or otp.is_alive(pid):
        members[key] = member
    return key
