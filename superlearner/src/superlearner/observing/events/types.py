"""The types of events, in words: the table of `docs/events.md` is made of them.

python -m superlearner.observing.events.page > docs/events.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from superlearner.observing.events.event import GAP

__all__ = ["TYPES", "Type"]


@dataclass(frozen=True, slots=True)
class Type:
    """One type: when it happens, and what is in its `data`."""

    when: str
    data: str = ""


TYPES: Final[dict[str, Type]] = {
    "spawned": Type("a process was started", "`parent` (pid), `what` (class or function)"),
    "exited": Type(
        "a process ended, in order or by a signal",
        "`reason`, `abnormal` (neither `normal` nor `shutdown`), `sender` (of the signal), `what`",
    ),
    "crashed": Type(
        "a process ended of an exception of its own",
        "`reason`, `abnormal`, `callback`, `message` (what it was handling), `where` (file and line), `what`",
    ),
    "registered": Type("a process got a name"),
    "unregistered": Type("a process lost its name"),
    "child_started": Type(
        "a supervisor started a child",
        "`id`, `restart`, `type`, `old` (the process before it, if that ended by itself: then this is a restart), "
        "`restarts` (of this child so far), `along` (started with a sibling that ended)",
    ),
    "child_terminated": Type("a child of a supervisor ended", "`id`, `reason`, `by` (`exit` or `supervisor`)"),
    "child_restarted": Type(
        "a supervisor started a child again",
        "`id`, `old` (pid), `reason`, `strategy`, `used`, `allowed`, `window` (s), `group`, "
        "`restarts` (of this child so far), `along` (a sibling ended, not this child)",
    ),
    "restart_failed": Type(
        "the start of a child failed and is tried again", "`id`, `reason`, `used`, `allowed`, `window`"
    ),
    "gave_up": Type("one restart too many: a supervisor ends", "`id`, `reason`, `used`, `allowed`, `window`"),
    "rests": Type("a tree or a service gave up, and starts again after a pause", "`id`, `why`, `pause` (s)"),
    "strategy_changed": Type(
        "a supervisor got another strategy or intensity",
        "`before`, `strategy`, `max_restarts`, `max_seconds`, `auto_shutdown`",
    ),
    "code_changed": Type("a server runs new code", "`module`, `what`, `old`, `new` (versions)"),
    "debugged": Type(
        "a server that is traced with `debug.trace` got a message, or answered", "`direction`, `text`, `number`"
    ),
    "drain_too_long": Type("a process held the loop", "`ms`, `what`"),
    "abandoned_cleanup": Type(
        "a killed process had no time to clean up", "`where`: the innermost line of the program that waited"
    ),
    "node_up": Type("a node began"),
    "node_down": Type("a node ended"),
    "anomaly_raised": Type("something looks wrong", "`anomaly`, `severity`"),
    "anomaly_ended": Type("it looks right again", "`anomaly`, `severity`, `lasted` (s)"),
    "setting_changed": Type(
        "a setting has another value",
        "`setting`, `before` and `after` (without passwords; `***` for paths and addresses), `source`, `where`, "
        "`now` (or after a restart)",
    ),
    "setting_refused": Type("`superlearner.toml` is wrong, nothing of it was taken", "`setting`, `line`, `problem`"),
    "sandbox": Type("a sandbox started, changed or ended", "`sandbox` (id), `status`, `owner`"),
    "operation_done": Type(
        "somebody changed something, or was refused", "`operation`, `user`, `door`, `outcome`, `duration` (s)"
    ),
    "logged": Type(
        "a warning or an error in the log", "`level`, `logger`, `report` (see [the log](logging.md)), `number` (there)"
    ),
    GAP: Type("events are missing here", "`lost` (how many of all types; null: not known), `reason`"),
}
