"""Supervision trees and relations: ancestors, descendants, links, waits, isolated processes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field

import otp
from otp import Pid, observer
from otp.observer import ChildView, SupervisorView
from superlearner.control.circles import circles
from superlearner.control.drawing import draw, waiting_text
from superlearner.control.listing import count_processes
from superlearner.control.look import named
from superlearner.control.measuring import find_hang
from superlearner.control.names import is_critical
from superlearner.control.relations import ancestors_of, descendants_of, graph_of, isolated, running_in, trees_of
from superlearner.control.terms import clip, plain_pid, safe_text
from superlearner.operations.context import Context
from superlearner.operations.declaration import Paged, operation
from superlearner.operations.engine.steering import steering
from superlearner.operations.parameters import OfWhom, PageNumber, PerPage, PidText, SupervisorText
from superlearner.operations.results.tree import (
    Ancestors,
    Below,
    Circles,
    Drawing,
    RelatedTo,
    Relation,
    TreeChild,
    TreeResult,
    WaitLine,
)
from superlearner.operations.targets import process_of, supervisor_of

NOT_THERE = ("malformed_pid", "process_not_found")
MOST_WAITS: Final = 10_000
SHOWN_WAITS: Final = 500
DEADLINE_S: Final = 0.1


@operation(
    "tree.show",
    http=("GET", "/system/process-tree"),
    scope="read",
    errors=("malformed_pid", "supervisor_not_found"),
)
async def show(
    ctx: Context,
    root: Annotated[SupervisorText | None, Field(description="show only the tree below this supervisor")] = None,
    depth: Annotated[int, Field(ge=0, le=32, description="levels below a root")] = 20,
    limit: Annotated[int, Field(ge=1, le=5000, description="the most supervisors and children")] = 1000,
    format: Annotated[
        Literal["json", "text", "dot", "mermaid"], Field(description="nested objects, or a drawing as text")
    ] = "json",
    whose: OfWhom = "yours",
) -> TreeResult:
    """Show the supervision trees.

    Your trees with the playground that holds them, or everything below `root`, as a consistent snapshot of the
    supervisors' tables. Omitted children are counted at their parent.
    """
    if root is None:
        tree = trees_of(ctx.node, whose, depth=depth, limit=limit, deadline=DEADLINE_S)
    else:
        top = supervisor_of(ctx, root)
        with steering():
            tree = observer.supervision_tree(ctx.node, top, depth=depth, limit=limit, deadline=DEADLINE_S)
    result = TreeResult(node=tree.node, size=tree.size, partial=tree.partial, why=list(tree.why))
    if format == "json":
        result.roots = [
            _supervisor(one, {"id": None, "restart": None, "restarts": 0, "restarted_along": 0}) for one in tree.roots
        ]
    else:
        counted = count_processes(ctx.node)
        running = [pid for one in tree.roots for pid in running_in(one)]
        besides = sum(map(is_critical, running)) if whose == "yours" else 0
        alone = 0 if root is not None or tree.partial else counted.of(whose) - len(running) + besides
        result.drawing = Drawing(
            format=format,
            text=safe_text(draw(tree, format, dict(_notes_on(tree.roots, ctx)))),
            processes=counted.of(whose),
            besides=besides,
            alone=max(0, alone),
            left_out=root is None and whose == "yours" and counted.platform > 0,
        )
    return result


def _notes_on(roots: Iterable[SupervisorView], ctx: Context) -> Iterator[tuple[Pid, str]]:
    """Yield notes on processes that hang, in the words of the page, and on those with long mailboxes."""
    now, limits = time.time(), ctx.watched.monitor.settings()

    def note(pid: Pid, mailbox: int) -> str:
        hang, words = find_hang(pid, now, limits.anomaly_callback) if otp.is_alive(pid) else None, list[str]()
        if hang is not None:
            words.append(f"not answering since {datetime.fromtimestamp(hang[0]):%H:%M:%S}: {hang[1]}")
        if mailbox >= (limits.anomaly_mailbox if hang is None else 1):
            words.append(waiting_text(mailbox))
        return ", ".join(words)

    yield from ((one.pid, note(one.pid, 0)) for one in roots)
    waiting = [child for one in roots for child in one.children]
    while waiting:
        child = waiting.pop()
        waiting += () if child.supervisor is None else child.supervisor.children
        if child.pid is not None:
            yield child.pid, note(child.pid, child.mailbox)


@operation("tree.ancestors", http=("GET", "/processes/{pid}/ancestors"), scope="read", errors=NOT_THERE)
async def ancestors(ctx: Context, pid: PidText) -> Ancestors:
    """List the ancestors of a process.

    Its parent, the parent's parent, and so on up to the root.
    """
    found = process_of(ctx, pid)
    return Ancestors(pid=plain_pid(found), ancestors=[_related(above) for above in ancestors_of(found)])


@operation("tree.descendants", http=("GET", "/processes/{pid}/descendants"), scope="read", errors=NOT_THERE)
async def descendants(ctx: Context, pid: PidText, page: PageNumber = 1, per_page: PerPage = 50) -> Paged[Below]:
    """List the descendants of a process.

    The living processes it started, and those that they started, level by level.
    """
    found = process_of(ctx, pid)
    start = (page - 1) * per_page
    below = descendants_of(ctx.node, found)
    lines = [Below(**named(one), distance=distance) for one, distance in below[start : start + per_page]]
    return Paged(lines, len(below), page, per_page)


@operation("tree.relationships", http=("GET", "/system/relationships"), scope="read")
async def relationships(
    ctx: Context,
    page: PageNumber = 1,
    per_page: PerPage = 50,
    kind: Annotated[Literal["supervises", "link", "monitor"] | None, Field(description="only this kind")] = None,
    whose: OfWhom = "yours",
) -> Paged[Relation]:
    """List the relations between processes.

    Supervision, links and monitors among the 10,000 oldest processes, at most 20,000 relations.
    """
    graph = graph_of(ctx.node, whose, limit=10_000)
    edges = [edge for edge in graph.edges if kind is None or edge.kind == kind]
    start = (page - 1) * per_page
    lines = [
        Relation(kind=edge.kind, source=_related(edge.source), target=_related(edge.target))
        for edge in edges[start : start + per_page]
    ]
    return Paged(lines, len(edges), page, per_page)


@operation("tree.isolated", http=("GET", "/system/processes/isolated"), scope="read")
async def alone(
    ctx: Context, page: PageNumber = 1, per_page: PerPage = 50, whose: OfWhom = "yours"
) -> Paged[RelatedTo]:
    """List isolated processes.

    They have no links or monitors in either direction, so no other process would notice their exit.
    """
    found, total = isolated(ctx.node, (page - 1) * per_page, per_page, whose)
    return Paged([_related(pid) for pid in found], total, page, per_page)


@operation("tree.cycles", http=("GET", "/system/cycles"), scope="read")
async def cycles(ctx: Context) -> Circles:
    """Find deadlocks.

    Lists the processes that wait for another in a call or a start, and the cycles among them.
    """
    found = observer.waits(ctx.node, limit=MOST_WAITS)
    by_source = {wait.source: wait for wait in reversed(found)}
    rounds = circles((wait.source, wait.target) for wait in found)
    return Circles(
        deadlocks=len(rounds),
        circles=[[_wait(by_source[pid]) for pid in around[:100]] for around in rounds[:100]],
        waits=[_wait(wait) for wait in found[:SHOWN_WAITS]],
        waits_count=len(found),
        partial=len(found) == MOST_WAITS,
    )


def _related(pid: Any) -> RelatedTo:
    return RelatedTo(**named(pid))


def _wait(wait: observer.Wait) -> WaitLine:
    request = None if wait.request is None else safe_text(wait.request)
    return WaitLine(kind=wait.kind, source=_related(wait.source), target=_related(wait.target), request=request)


def _supervisor(view: SupervisorView, place: dict[str, Any]) -> TreeChild:
    return TreeChild.model_validate(
        {
            "status": "running",
            "last_exit": None,
            **place,
            "pid": plain_pid(view.pid),
            "name": None if view.name is None else clip(view.name, 120),
            "what": clip(view.what, 200),
            "type": "supervisor",
            "strategy": view.strategy,
            "max_restarts": view.budget.max_restarts,
            "max_seconds": view.budget.max_seconds,
            "restarts_used": view.budget.used,
            "more": view.more,
            "cut": view.cut,
            "children": [_child(child) for child in view.children],
        }
    )


def _child(child: ChildView) -> TreeChild:
    plain = child.id[1:-1] if len(child.id) > 1 and child.id[0] == child.id[-1] == "'" else child.id
    place = {
        "id": safe_text(plain),
        "restart": child.restart,
        "restarts": child.restarts,
        "restarted_along": child.restarted_along,
        "status": "suspended" if child.status == "suspended" else child.state,
        "last_exit": None if child.last_exit is None else safe_text(child.last_exit),
    }
    if child.supervisor is not None:
        return _supervisor(child.supervisor, place)
    return TreeChild.model_validate(
        {
            **place,
            "pid": None if child.pid is None else plain_pid(child.pid),
            "name": None if child.name is None else clip(child.name, 120),
            "what": clip(child.what, 200),
            "type": child.type,
        }
    )
