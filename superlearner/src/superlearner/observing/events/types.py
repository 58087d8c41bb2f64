"""Types of events with descriptions, the source of `docs/events.md`.

python -m superlearner.observing.events.page > docs/events.md
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from superlearner.observing.events.event import GAP

__all__ = ["TYPES", "Type", "type_names"]


@dataclass(frozen=True, slots=True)
class Type:
    """A type of event: when it happens, and the fields of its `data`."""

    when: str
    data: str = ""


TYPES: Final[dict[str, Type]] = {
    "spawned": Type("a process was started", "`parent`, `what`"),
    "exited": Type(
        "a process ended, normally or by a signal",
        "`reason`, `abnormal` (neither `normal` nor `shutdown`), `sender`, `what`",
    ),
    "crashed": Type(
        "a process ended by its own exception",
        "`reason`, `abnormal`, `callback`, `message` (the one it handled), `where` (file and line), `what`",
    ),
    "registered": Type("a process got a name"),
    "unregistered": Type("a process lost its name"),
    "child_started": Type(
        "a supervisor started a child",
        "`id`, `restart`, `type`, `old`, `restarts`, `along`, `what`, "
        "`child_strategy` (if the child is a supervisor), `request` (who requested it, if anyone)",
    ),
    "child_terminated": Type(
        "a child of a supervisor ended",
        "`id`, `reason`, `where`, `by`, `by_itself` (false if the supervisor ended it), "
        "`request` (who requested it, if anyone)",
    ),
    "child_restarted": Type(
        "a supervisor restarted a child",
        "`id`, `old`, `reason`, `where`, `strategy`, `used`, `allowed`, `window`, `group`, `restarts`, `along`, "
        "`what`, `child_strategy`",
    ),
    "restart_failed": Type(
        "the start of a child failed and is retried", "`id`, `reason`, `where`, `used`, `allowed`, `window`"
    ),
    "start_failed": Type("a requested start of a child failed", "`id`, `reason`, `where`, `restart`, `request`"),
    "gave_up": Type(
        "a supervisor gave up",
        "`id`, `reason`, `where`, `used`, `allowed`, `window`, "
        "`retried` (true if the last restart failed; `reason` is then that of the failure)",
    ),
    "rests": Type("a tree or a service gave up; it restarts after a pause", "`id`, `why`, `pause` (s)"),
    "strategy_changed": Type(
        "a supervisor's strategy or intensity changed",
        "`before`, `strategy_before`, `strategy`, `max_restarts`, `max_seconds`, `auto_shutdown`",
    ),
    "placement_changed": Type(
        "a child runs on another member of the cluster, or one of its two processes has ended",
        "`id`, `from_member`, `to_member`, `reason`, `down` (s, since the loss was noticed)",
    ),
    "code_changed": Type("a server runs new code", "`module`, `what`, `old`, `new`"),
    "suspended": Type("a server was suspended and handles no messages", "`by` (who requested it)"),
    "resumed": Type("a suspended server handles messages again", "`by`"),
    "debugged": Type(
        "a server traced with `debug.trace` received a message or answered", "`direction`, `text`, `number`"
    ),
    "drain_too_long": Type("the loop was blocked; `pid` ran last (none: an observer)", "`ms`, `what`"),
    "abandoned_cleanup": Type("a killed process had no time to clean up", "`where` (innermost waiting line)"),
    "call_timed_out": Type(
        "a call got no reply in time, or a task no result",
        "`to`, `way` (`call`, `system`, `task`), `request`, `timeout` (s), `where`, `why`, `busy`, `cycle`, "
        "`waited` (s, in a deadlock)",
    ),
    "node_up": Type("a node started"),
    "node_down": Type("a node ended"),
    "cluster_changed": Type(
        "a member came or went, or is about to leave; also a simulated one",
        "`member`, `what` (`joined`, `found`, `leaving`, `left`, `lost`, `disconnected`, `forgotten`, `stranded`, of "
        "simulated ones `cut`, `healed`), `incarnation`, `reason`, "
        "`members` (that are connected now), `lost`, `partition_status`",
    ),
    "anomaly_raised": Type("an anomaly began", "`anomaly`, `severity`"),
    "anomaly_ended": Type("an anomaly ended", "`anomaly`, `severity`, `lasted` (s)"),
    "setting_changed": Type(
        "a setting changed",
        "`setting`, `before` and `after` (redacted), `source`, `where`, `now` (false: after a restart)",
    ),
    "setting_refused": Type("`superlearner.toml` has an error and is ignored", "`setting`, `line`, `problem`"),
    "sandbox": Type("a sandbox started, changed or ended", "`sandbox` (id), `status`, `owner`"),
    "operation_done": Type(
        "a change was made, or a request was refused",
        "`operation`, `user`, `door`, `claims`, `outcome`, `duration` (s)",
    ),
    "logged": Type(
        "a warning or an error in the log", "`level`, `logger`, `report` (see [the log](logging.md)), `number`"
    ),
    GAP: Type("events are missing", "`lost` (number, all types; null: unknown), `reason`"),
}


def type_names(given: Iterable[str]) -> frozenset[str]:
    """Return the names in texts that separate them with commas.

    >>> sorted(type_names(["crashed, exited", "gave_up"]))
    ['crashed', 'exited', 'gave_up']
    """
    return frozenset(name for one in given for part in one.split(",") if (name := part.strip()))
