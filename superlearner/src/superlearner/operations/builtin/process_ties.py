"""Relations of a process, and the effect of its exit on each."""

from __future__ import annotations

from typing import Any

import otp
from otp import Pid, observer
from superlearner.control.look import named
from superlearner.control.names import display_name
from superlearner.control.terms import clip, plain_pid, safe_text
from superlearner.control.tree import record_of, supervisor_state, what_of
from superlearner.operations.builtin.processes import NOT_THERE
from superlearner.operations.context import Context
from superlearner.operations.declaration import operation
from superlearner.operations.failures import OperationError
from superlearner.operations.parameters import PidText
from superlearner.operations.results.ties import OpenWait, Tie, Ties
from superlearner.operations.targets import process_of

MOST = 200
MOST_WAITS = 50


@operation("process.ties", http=("GET", "/processes/{pid}/ties"), scope="read", errors=NOT_THERE)
async def ties(ctx: Context, pid: PidText) -> Ties:
    """List the relations of a process.

    Its supervisor, children, links and monitors in both directions, with the effect of its exit on each, and open
    waits.
    """
    found = process_of(ctx, pid)
    details = observer.process(ctx.node, found, messages=0, length=1, exits=0, related=MOST)
    if details is None:
        raise OperationError("process_not_found", f"{clip(pid, 200)} has just ended")
    parent = details.parent
    record = record_of(found)
    children = set(details.children)
    links = [
        _tie(other, "child" if other in children else "link", *_describe_link_effect(other, other in children))
        for other in details.links
        if other is not parent or record is None
    ]
    above = (
        []
        if record is None or parent is None
        else [_tie(parent, "supervisor", *_describe_supervisor_effect(record, parent))]
    )
    monitors = [
        _tie(other, "monitors", "nothing", "is not affected: this process monitors it") for other in details.monitors
    ]
    watching = [_tie(other, "monitored_by", "told", "lives on: it receives DOWN") for other in details.monitored_by]
    waits = observer.waits(ctx.node, limit=2000)
    return Ties(
        pid=plain_pid(found),
        name=display_name(found),
        what=what_of(found),
        traps=details.trap_exit,
        ties=[*above, *links, *watching, *monitors],
        more=max(0, details.link_count - len(details.links))
        + max(0, details.monitor_count - len(details.monitors))
        + max(0, details.monitored_by_count - len(details.monitored_by)),
        waits_for=next((_wait(one.target, one) for one in waits if one.source is found), None),
        waited_for_by=[_wait(one.source, one) for one in waits if one.target is found][:MOST_WAITS],
    )


def _tie(other: Any, kind: Any, fate: Any, effect: str) -> Tie:
    traps = otp.process_info(other, "trap_exit") if isinstance(other, Pid) else None
    return Tie(**named(other), kind=kind, traps=traps, fate=fate, effect=effect)


def _describe_link_effect(other: Pid, child: bool) -> tuple[str, str]:
    if child and supervisor_state(other) is not None:
        return "dies", "is stopped with it, as is its subtree"
    if child:
        return "dies", "is stopped with it"
    if otp.process_info(other, "trap_exit"):
        return "told", "lives on: it traps exits and receives the signal as a message"
    return "dies", "dies with it, unless it ends normally"


def _describe_supervisor_effect(record: Any, parent: Pid) -> tuple[str, str]:
    state = supervisor_state(parent)
    strategy = getattr(state, "strategy", None)
    others = {
        "one_for_all": ", and all its other children",
        "rest_for_one": ", and the children started after it",
    }.get(str(strategy), "")
    match record.spec.restart:
        case "temporary":
            return "told", "does not restart it: it is temporary"
        case "transient":
            return "restarts", f"restarts it after a failure{others}: it is transient"
        case _:
            return "restarts", f"restarts it{others}: it is permanent"


def _wait(other: Pid, wait: observer.Wait) -> OpenWait:
    return OpenWait(**named(other), kind=wait.kind, request=None if wait.request is None else safe_text(wait.request))
