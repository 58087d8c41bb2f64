"""The report of each member about itself and what it sees of the others, for `superlearner cluster test health`."""

from __future__ import annotations

import os
import time
from typing import Any, Final

import msgspec

import otp
from otp import GenServer, observer
from otp.cluster import Cluster, multicall
from superlearner.cluster.installed_code import installed_code
from superlearner.cluster.status import pings
from superlearner.cluster.ways import BACKEND
from superlearner.control.reasons import text_of_reason
from superlearner.nodes.remote.protocol import Ask, Facts, Failed, written

__all__ = ["REPORT_S", "gather_reports", "member_report"]

REPORT_S: Final = 8.0
"""Seconds in which each member has to report."""
ASKED_S: Final = 4.0


async def gather_reports(cluster: Cluster) -> dict[str, Any]:
    """Return the report of each member that answered, and the reason for each one that did not, as JSON."""
    found = await multicall(member_report, timeout=REPORT_S, cluster=cluster)
    return {
        "reports": found.answers,
        "failed": {name: str(reason) for name, reason in found.failed.items()},
        "lost": [member.name for member in cluster.lost()],
    }


async def member_report() -> dict[str, Any]:
    """Return what the member that runs this measures of itself and of the others."""
    cluster = Cluster.here()
    names = [member.name for member in cluster.members()]
    began = time.perf_counter()
    answered = await _answer_of_next(cluster, sorted(names))
    return {
        "os_pid": os.getpid(),
        "members": names,
        "round_trips": await pings(cluster),
        "operation": answered,
        "operation_ms": (time.perf_counter() - began) * 1000,
        "memory": observer.metrics(cluster.node).memory,
        "code": await otp.Task.run_blocking(installed_code),
    }


async def _answer_of_next(cluster: Cluster, names: list[str]) -> tuple[str, str | None] | None:
    """Ask the next member for the state of its node, so that each one is asked.

    Return its name, and the problem if there is one; None without another member.
    """
    own = cluster.node.name
    asked = names[(names.index(own) + 1) % len(names)]
    if asked == own:
        return None
    try:
        answer = await GenServer.call((BACKEND, asked), written(Ask()), timeout=ASKED_S)
        found = msgspec.msgpack.decode(answer, type=Facts | Failed)
    except otp.CallExit as error:
        return asked, text_of_reason(error.cause_reason)
    except msgspec.DecodeError as error:
        return asked, str(error)
    return asked, found.message if isinstance(found, Failed) else None
