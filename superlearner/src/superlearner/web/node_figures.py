"""Metrics of the nodes in other programs, for exporters: attached services, the user's tree, members of the cluster.

A node that does not answer in time is reported as down, and gets no further request until it has answered or is gone.
Answers are untrusted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Iterator, Mapping
from contextvars import Context as Variables
from itertools import islice
from typing import Any, Final, get_args

import otp
from otp import observer
from superlearner.nodes.attaching import Attachment, Attachments
from superlearner.nodes.kinds import MEMBER, SERVICE, TREE
from superlearner.nodes.nodes import Nodes
from superlearner.nodes.remote import RemoteError, RemoteNode
from superlearner.observing.monitoring.facts import Type
from superlearner.observing.monitoring.node_readings import NodeReading, SupervisorNames
from superlearner.operations.context import Context
from superlearner.operations.engine.execution import checked
from superlearner.operations.engine.forwarding import forward
from superlearner.operations.engine.registry import Registry
from superlearner.operations.failures import OperationError
from superlearner.operations.rights.users import User

__all__ = ["ANSWER_S", "MOST_NODES", "NodeFigures"]

log: Final = logging.getLogger(__name__)

ANSWER_S: Final = 1.0
"""Seconds that a scrape waits for the nodes, together."""
MOST_NODES: Final = 100
ANOMALIES: Final = frozenset(get_args(Type))
"""The accepted values of the label `type`: a node may send any number of others."""
READER: Final = User("metrics", frozenset({"read"}))
KINDS: Final = (SERVICE, TREE, MEMBER)
"""Kinds of nodes with metrics of their own; sandboxes come and go too often for series that stay."""
FAILURES: Final = (OperationError, RemoteError, otp.CallExit, observer.ViewError, otp.BadArgument, TimeoutError)


class NodeFigures:
    """Readings of the nodes of one platform.

    Args:
        nodes: its nodes.
        attachments: its attached services, some of which have metrics only.
        arsenal: its operations.
    """

    def __init__(self, nodes: Nodes, attachments: Attachments, arsenal: Registry) -> None:
        self._nodes = nodes
        self._attachments = attachments
        self._arsenal = arsenal
        self._asking: dict[str, asyncio.Task[NodeReading]] = {}
        self._restarts: dict[str, tuple[SupervisorNames, SupervisorNames]] = {}
        self.latest: tuple[NodeReading, ...] = ()
        """Readings of the last `read`."""

    async def read(self) -> tuple[NodeReading, ...]:
        """Return the readings of all nodes; this takes at most `ANSWER_S`."""
        names = list(islice(dict.fromkeys(self._names()), MOST_NODES))
        for name in [one for one in self._restarts if one not in names]:
            del self._restarts[name]
        late = set(self._asking)  # still without an answer to an earlier read: not waited for again
        tasks = [self._task(name) for name in names]
        if waited := [task for name, task in zip(names, tasks, strict=True) if name not in late]:
            await asyncio.wait(waited, timeout=ANSWER_S)
        self.latest = tuple(
            task.result() if task.done() and not task.cancelled() and task.exception() is None else NodeReading(name)
            for name, task in zip(names, tasks, strict=True)
        )
        return self.latest

    def close(self) -> None:
        """Cancel the requests that are under way."""
        for task in list(self._asking.values()):
            task.cancel()

    def _names(self) -> Iterator[str]:
        if self._nodes.default is not None:
            yield self._nodes.default
        yield from (one.name for one in self._nodes if isinstance(one, RemoteNode) and one.kind in KINDS)
        yield from (one.name for one in self._attachments if one.name is not None)

    def _task(self, name: str) -> asyncio.Task[NodeReading]:
        """Return the request to a node that is under way, or a new one."""
        known = self._asking.get(name)
        if known is None:
            # In a fresh context: it may outlive the request that reads the metrics first.
            known = asyncio.get_running_loop().create_task(self._read(name), context=Variables())
            self._asking[name] = known
            known.add_done_callback(lambda task: self._ended(name, task))
        return known

    def _ended(self, name: str, task: asyncio.Task[NodeReading]) -> None:
        self._asking.pop(name, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("the metrics of %s cannot be read; this is a bug in SuperLearner", name, exc_info=error)

    async def _read(self, name: str) -> NodeReading:
        remote = self._nodes.find(name)
        if isinstance(remote, RemoteNode):
            try:
                return await self._read_operations(remote)
            except FAILURES:  # also for an answer of another version
                pass
        attachment = self._attachments.find(name)
        if attachment is not None:
            try:
                return await self._read_view(name, attachment)
            except FAILURES:
                pass
        return NodeReading(name)

    async def _read_operations(self, remote: RemoteNode) -> NodeReading:
        """Return the reading of a node with a backend."""
        metrics, stats, anomalies = await asyncio.gather(
            self._ask(remote, "system.metrics", window_s=1),
            self._ask(remote, "analytics.supervisors"),
            self._ask(remote, "system.anomalies"),
        )
        now, totals = metrics["now"], metrics["totals"]
        lines = [
            (str(one["supervisor_name"] or one["supervisor_pid"]), one["total_restarts"], one["give_ups"])
            for one in stats["supervisor_stats"]
        ]
        by_type: dict[str, int] = {} if anomalies["summary"] is None else anomalies["summary"]["by_type"]
        restarts, give_ups = self._restarts.setdefault(remote.name, (SupervisorNames(), SupervisorNames()))
        return NodeReading(
            remote.name,
            {
                "processes": now["processes"],
                "supervisors": now["supervisors"],
                "registered_names": now["names"],
                "run_queue_processes": now["run_queue"],
                "timers": now["timers"],
                "spawned_total": totals["spawned"],
                "restarts_total": totals["restarts"],
                "give_ups_total": totals["give_ups"],
                "messages_handled_total": totals["messages"],
                "activations_total": totals["activations"],
                "busy_seconds_total": totals["busy_s"],
                "gc_pause_seconds_total": totals["gc_paused_s"],
                "mailbox_messages": now["message_queue_lengths"],
                "mailbox_deepest_messages": now["mailbox_deepest"],
                "loop_lag_seconds": now["loop_lag_ms"] / 1000,
                "longest_callback_seconds": now["longest_callback_ms"] / 1000,
            },
            {kind: count for kind, count in by_type.items() if kind in ANOMALIES},
            restarts.add_up((name, count) for name, count, _ in lines),
            give_ups.add_up((name, count) for name, _, count in lines if count),
        )

    async def _ask(self, remote: RemoteNode, operation: str, **parameters: Any) -> Any:
        found = self._arsenal.known(operation)
        context = Context(self._nodes, READER, "link", on=remote.name, claims="other")
        return (await forward(found, context, remote, checked(found, parameters))).data

    async def _read_view(self, name: str, attachment: Attachment) -> NodeReading:
        """Return the counts of a service's runtime, which need no platform there."""
        visitor = attachment.visitor
        if visitor is None:
            return NodeReading(name)
        found, summary = await asyncio.gather(_await(visitor.view.metrics()), _await(visitor.view.info()))
        return NodeReading(
            name,
            {
                **_numbers(found, "processes", "timers"),
                **_numbers(summary, "supervisors"),
                **_numbers(
                    found, registered_names="names", run_queue_processes="run_queue", spawned_total="spawned",
                    restarts_total="restarts", give_ups_total="give_ups", messages_handled_total="handled",
                    activations_total="switches", busy_seconds_total="busy", mailbox_messages="mailbox_total",
                    mailbox_deepest_messages="mailbox_deepest",
                ),
            },
        )  # fmt: skip


async def _await(answer: Awaitable[Any]) -> Any:
    return await answer


def _numbers(found: object, *same: str, **renamed: str) -> Mapping[str, float]:
    """Return the fields of an untrusted record that are finite numbers, by the name of their metric."""
    read: dict[str, float] = {}
    for name, field in {**{one: one for one in same}, **renamed}.items():
        value: Any = getattr(found, field, None)
        if type(value) in (int, float) and abs(value) < 2**63:
            read[name] = value
    return read
