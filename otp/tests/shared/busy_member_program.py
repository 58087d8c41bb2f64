"""A member that calls and tells all others without a pause, for tests; it leaves at SIGTERM.

python busy_member_program.py JSON    the arguments of `Cluster.join`, and `name`

`member_programs` describes what it prints; names in views have the incarnation. Other events: `["answered", member]`
after a number of answers of an incarnation, and at the end `["counts", answers, errors, wrong]`: the number of answers,
that of calls that failed by their reason, and what was delivered to, or came from, another incarnation than it should.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections import Counter
from typing import Any, Final

import otp
from otp import CallExit, GenServer, NoReply, Ok, Reply, impl
from otp.cluster import Cluster, MemberUp
from otp.distribution import Settings

PAUSE: Final = 0.01
"""Seconds between calls of a member that is gone."""
MANY: Final = 100
PATIENCE: Final = 10.0
"""Seconds after which a call is taken for one that never ends."""


class Findings:
    """Events that this member has seen."""

    def __init__(self) -> None:
        self.answers = 0
        self.errors: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.heard: dict[str, tuple[int, int]] = {}
        self.answered: Counter[str] = Counter()

    def check(self, me: str, meant: str, name: str, incarnation: int, number: int) -> None:
        """Check a message: it was meant for this incarnation, and comes after all others of its sender."""
        if meant not in (me, "any"):
            self.wrong.append(f"{me} got what was sent to {meant}")
        if (incarnation, number) <= self.heard.get(name, (0, 0)):
            self.wrong.append(f"{me} got {incarnation}/{number} of {name} after {self.heard[name]}")
        self.heard[name] = incarnation, number


class Desk(GenServer[Any]):
    """Answers with its own incarnation."""

    @impl
    def init(self, arg):
        return Ok(arg)

    @impl
    def handle_call(self, request, caller, state):
        return Reply((state[0], request), state)

    @impl
    def handle_cast(self, request, state):
        me, findings = state
        findings.check(me, *request)
        return NoReply(state)


def say(*event: Any) -> None:
    print(json.dumps(event), flush=True)


async def watch(cluster: Cluster) -> None:
    cluster.monitor()
    while True:
        await otp.receive()
        say("view", time.monotonic(), [str(member) for member in cluster.members()])


async def bother(cluster: Cluster, other: str, findings: Findings) -> None:
    """Call and tell another member: by name, and each incarnation that there ever was by its pid."""
    me = cluster.members()[0]
    pids: dict[str, otp.Pid] = {}
    there = ""
    number = 0
    cluster.monitor()
    while True:
        number += 1
        try:
            there, echo = await GenServer.call(("desk", other), number, timeout=PATIENCE)
            if there not in pids:
                pid = await cluster.distribution.whereis("desk", other)
                if pid is not None and (await GenServer.call(pid, "who", timeout=PATIENCE))[0] == there:
                    pids[there] = pid
        except (CallExit, ConnectionError) as error:
            reason = getattr(error, "cause_reason", error)
            findings.errors[str(reason[0] if isinstance(reason, tuple) else reason)] += 1
            try:
                await otp.receive(MemberUp, timeout=PAUSE)
            except otp.ReceiveTimeout:
                pass
            continue
        findings.answers += 1
        if echo != number:
            findings.wrong.append(f"{me} got the answer {echo} to {number}")
        findings.answered[there] += 1
        if findings.answered[there] == MANY:
            say("answered", there)
        GenServer.cast(("desk", other), ("any", me.name, me.incarnation, number))
        for meant, pid in pids.items():
            number += 1
            GenServer.cast(pid, (meant, me.name, me.incarnation, number))


async def main(name: str, settings: dict[str, Any], others: list[str], **given: Any) -> None:
    findings = Findings()
    async with otp.Node(name) as node:
        cluster = await Cluster.join(node, **given, settings=Settings(**settings))
        me = cluster.members()[0]
        await node.start(Desk, (str(me), findings), name="desk")
        node.spawn(watch, cluster)
        for other in others:
            node.spawn(bother, cluster, other, findings)
        told = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
        say("ready", str(me))
        await told.wait()
        await cluster.leave()
    say("counts", findings.answers, findings.errors, findings.wrong)


if __name__ == "__main__":
    asyncio.run(main(**json.loads(sys.argv[1])))
