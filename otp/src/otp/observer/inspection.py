"""Single processes, the list of processes, and summary metrics of a node."""

# Messages and states have no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Any

from otp.bounded import text
from otp.kernel.ends.mailbox import mailbox_of
from otp.kernel.tables.callers import HIDDEN_STATE, From, formatted_state, read_callback_state, unwrap_message
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.pids import Pid
from otp.kernel.values.process import DEAD, Process, is_supervisor
from otp.observer.reading import (
    kind_of,
    link_count,
    links_of,
    module_of,
    monitor_count,
    monitored_by,
    monitored_by_count,
    monitors_of,
    name_text,
    status_of,
    summary_of,
    waiting_at,
    what_of,
)
from otp.observer.searching import Search, Sort
from otp.observer.tree import record_of, supervisor_state, tree
from otp.observer.views import (
    ChildExit,
    Kind,
    NodeInfo,
    ProcessDetails,
    ProcessPage,
    Tree,
)
from otp.redaction import Redact, is_secret

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node

__all__ = ["Sort", "clock", "info", "process", "processes", "supervision_tree"]


def info(node: Node) -> NodeInfo:
    """Return a summary of the node.

    >>> import otp
    >>> async def main():
    ...     shown = otp.observer.info(otp.trace.node_of(otp.self()))
    ...     return shown.processes, shown.life
    >>> otp.run(main)
    (1, 'open')
    """
    s = node.scheduler
    applications: Any = node.applications
    supervisors = sum(1 for p in node.process_table.values() if is_supervisor(p))
    return NodeInfo(
        name=node.name,
        now=s.now_ns() / 1e9,
        virtual_time=s.virtual,
        processes=len(node.process_table),
        supervisors=supervisors,
        names=len(node.names),
        run_queue=len(s.runq),
        spawned=node.next_number - 1,
        events=node.tracer.seq,
        nodes=tuple(name for name, same in s.nodes.items() if not all(one.hidden for one in same)),
        python=platform.python_version(),
        creation=node.creation,
        life=node.life,
        applications=() if applications is None else tuple(reversed(applications.running)),
        os_pid=os.getpid(),
        system=sys.platform,
    )


def processes(
    node: Node,
    *,
    kind: Kind | None = None,
    search: str = "",
    status: str | None = None,
    sort: Sort = "pid",
    descending: bool = False,
    offset: int = 0,
    limit: int = 1000,
    deadline: float | None = None,
) -> ProcessPage:
    """Return the processes of a node that match the filter.

    Args:
        kind: only supervisors, workers or coroutines.
        search: part of the name, of the class or function, or of the pid's text; case is ignored.
        status: only processes with this status.
        sort: the column to sort by; equal ones by pid.
        descending: the largest first.
        offset, limit: the part of the sorted list to return.
        deadline: seconds after which no more processes are read; the page is then `partial`.

    Raises `BadArgument` for an unknown `sort` or negative numbers.
    """
    found = Search(
        node, kind=kind, search=search, status=status, sort=sort, descending=descending, offset=offset, limit=limit
    )
    table = node.process_table
    if sort == "pid" and not descending and kind is None and not search and status is None:
        page = islice(table.values(), offset, offset + limit)
        return ProcessPage(tuple(map(summary_of, page)), len(table))
    in_time = clock(node, deadline)
    partial = not in_time()
    done = partial
    while not done:
        done = found.step(128)
        partial = not done and not in_time()
        done = done or partial
    return found.page(partial=partial)


def process(
    node: Node,
    pid: Pid,
    *,
    messages: int = 10,
    length: int = 2000,
    redact: Redact | None = is_secret,
    exits: int = 10,
    related: int = 1000,
) -> ProcessDetails | None:
    """Return the details of a process; `None` if it is not alive on this node.

    Args:
        messages: how many of the oldest messages to show.
        length: the maximum length of the state in characters; a message gets a tenth, at least 200.
        redact: what is hidden in state and messages; `None` hides nothing. The state is shown as by the server's own
            `format_status`, if it has one; for a sensitive process neither state nor messages are shown.
        exits: how many earlier exits of the same child to look up in the trace.
        related: how many links, monitors, monitoring processes and children to list.
    """
    p = node.process_table.get(_pid(pid, "process(node, pid)").id)
    if p is None or p is not pid or p.status == DEAD:
        return None
    x = p.ext
    record = record_of(p)
    waiting = mailbox_of(p)
    owned = supervisor_state(p)
    short = max(200, length // 10)
    sensitive = x is not None and x.sensitive
    children = _children(p, related)
    busy = x is not None and x.callback is not None and p.callbacks is not None and p.coroutine is not None
    return ProcessDetails(
        pid=p,
        name=name_text(p),
        kind=kind_of(p),
        what=what_of(p),
        module=module_of(p),
        status=status_of(p),
        trap_exit=x is not None and x.trap_exit,
        parent=p.parent,
        ancestors=_ancestors(p),
        children=children,
        links=links_of(p, related),
        monitors=monitors_of(p, related),
        monitored_by=monitored_by(p, related),
        mailbox=len(waiting),
        messages=() if sensitive else tuple(_message_text(each, short, redact) for each in islice(waiting, messages)),
        state=None if p.callbacks is None else HIDDEN_STATE if sensitive else _state_text(p, length, redact),
        callback=x.callback if x is not None and busy else None,
        handling=text(unwrap_message(x.message)[1], length=short, redact=redact)
        if x is not None and busy and not sensitive
        else None,
        busy_for=(node.scheduler.work_ns() - x.begun) / 1e9 if x is not None and busy else None,
        waiting_at=waiting_at(p),
        child_id=None if record is None else text(record.id, length=80),
        restarts=None if record is None else record.restarts,
        restarted_along=None if record is None else record.restarted_along,
        exits=() if record is None else _exits(node, p, record.id, exits),
        link_count=link_count(p),
        monitor_count=monitor_count(p),
        monitored_by_count=monitored_by_count(p),
        child_count=len(children) if owned is None else len(owned),
    )


def _message_text(message: Any, length: int, redact: Redact | None) -> str:
    """Return a mailbox message as text with its kind, without the runtime's envelope: `cast ('add', 3)`."""
    kind, sent = unwrap_message(message)
    caller = f" from {message.pid}" if type(message) is From else ""
    return f"{kind} {text(sent, length=length, redact=redact)}{caller}"


def _state_text(p: Process, length: int, redact: Redact | None) -> str:
    state = read_callback_state(p) if p.state is None else formatted_state(p)  # None: `init` has not returned
    return text(state, length=length, depth=6, items=50, redact=redact)


def _ancestors(p: Process, most: int = 100) -> tuple[Pid, ...]:
    found: list[Pid] = []
    above = p.parent
    while above is not None and len(found) < most:
        found.append(above)
        above = above.parent
    return tuple(found)


def _children(p: Process, most: int) -> tuple[Pid, ...]:
    state = supervisor_state(p)
    if state is not None:
        records = islice(state.children, most)
        return tuple(record.pid for record in records if record.pid is not None)
    return tuple(islice((other for other in links_of(p) if other.parent is p), most))


def _exits(node: Node, p: Process, child_id: Any, most: int) -> tuple[ChildExit, ...]:
    found: list[ChildExit] = []
    for event in node.tracer.newest() if most else ():
        if event.kind == "child_terminated" and event.pid is p.parent and _same_id(event.data.get("id"), child_id):
            reason = text(event.data.get("reason"))
            found.append(ChildExit(event.data.get("child"), reason, event.at / 1e9, event.seq))
            if len(found) >= most:
                break
    return tuple(found)


def _same_id(one: Any, other: Any) -> bool:
    """Return whether two child ids are the same, without calling a program's `__eq__`."""
    return one is other or (type(one) is type(other) and type(one) in (str, int, bytes) and bool(one == other))


def supervision_tree(
    node: Node, root: Pid | None = None, *, depth: int = 20, limit: int = 5000, deadline: float | None = None
) -> Tree:
    """Return the supervision trees of a node as recorded by their supervisors.

    Args:
        root: only the tree below this supervisor; by default all without a supervisor above.
        depth: how many levels below a root, at most 32.
        limit: the total number of supervisors and children.
        deadline: seconds after which nothing more is read.

    Children left out are counted in `more` of their supervisor; the tree is then `partial`, and `why` says the reason.
    Raises `BadArgument` if `root` is not a living supervisor of this node, or for an invalid number.
    """
    if not 0 <= depth <= 32 or limit < 1:
        raise BadArgument(f"supervision_tree(): expected depth of 0..32 and limit >= 1, got {depth} and {limit}")
    in_time = clock(node, deadline)
    if root is None:
        return tree(node, None, depth, limit, in_time)
    p = node.process_table.get(_pid(root, "supervision_tree(root=…)").id)
    if p is None or p is not root or supervisor_state(p) is None:
        raise BadArgument(f"supervision_tree(root=…): expected a living supervisor of {node.name}, got {root!r}")
    return tree(node, p, depth, limit, in_time)


def _pid(pid: Any, what: str) -> Pid:
    if not isinstance(pid, Pid):
        raise BadArgument(f"{what}: expected a pid, got {text(pid)}; try node.whereis({text(pid)})")
    return pid


def clock(node: Node, deadline: float | None) -> Callable[[], bool]:
    """Return a function that says whether there is time left: `deadline` seconds of the node's clock from now."""
    if deadline is None:
        return lambda: True
    now = node.scheduler.work_ns
    end = now() + round(deadline * 1e9)
    return lambda: now() < end
