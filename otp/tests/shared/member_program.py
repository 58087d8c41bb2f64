"""A member in a program of its own, for tests: prints the members whenever they change, and leaves at the end of input.

python member_program.py JSON    the arguments of `Cluster.join`, `name`, and `protocol` for one of another version

A `multicast` that is empty finds the members of this machine. `member_programs` describes what it prints.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import otp
from otp.cluster import Cluster, JoinRefused, MemberDown, Multicast, Tls, membership
from otp.distribution import Settings


def say(cluster: Cluster) -> None:
    print(json.dumps(["view", time.monotonic(), [member.name for member in cluster.members()]]), flush=True)


class Child(otp.GenServer[None]):
    def init(self, arg: None) -> Any:
        print(json.dumps(["child started"]), flush=True)
        return otp.Ok(None)


class Children(otp.Supervisor):
    def init(self, arg: None) -> Any:
        return otp.Children([Child])


async def main(
    name: str,
    settings: dict[str, Any],
    multicast: str | None = "",
    tls: list[str] | None = None,
    protocol: int = membership.PROTOCOL,
    **given: Any,
) -> None:
    membership.PROTOCOL = protocol  # pyright: ignore[reportAttributeAccessIssue]
    async with otp.Node(name) as node:
        try:
            cluster = await Cluster.join(
                node,
                **given,
                settings=Settings(**settings),
                tls=tls and Tls(*tls),
                **({} if multicast == "" else {"discovery": multicast and Multicast(multicast)}),
            )
        except JoinRefused as refused:
            print(json.dumps(["refused", refused.reason]), flush=True)
            return

        async def watch() -> None:
            cluster.monitor()
            while True:
                match await otp.receive():
                    case MemberDown(_, member, reason):
                        print(json.dumps(["down", member.name, reason]), flush=True)
                    case _:
                        pass
                say(cluster)

        node.spawn(watch)
        await node.start(Children)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        await cluster.leave()


if __name__ == "__main__":
    asyncio.run(main(**json.loads(sys.argv[1])))
