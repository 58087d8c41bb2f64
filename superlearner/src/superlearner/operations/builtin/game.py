"""*Predict*: questions about restarts, answered by the runtime.

The game runs a tree of one of its ten levels; a restart of the reader's own tree has already happened.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Annotated, cast

from pydantic import Field

from otp import sentences
from superlearner.control.slots import DYNAMIC
from superlearner.operations.builtin.restart_incidents import refuse_incident
from superlearner.operations.builtin.restarts import EventRef, EventTime
from superlearner.operations.context import Context
from superlearner.operations.declaration import operation
from superlearner.operations.engine.execution import ask
from superlearner.operations.engine.services import Services
from superlearner.operations.failures import OperationError
from superlearner.operations.results.game import (
    GameAnswer,
    GameEvent,
    GameMoment,
    GameNode,
    GameQuestion,
    GameVerdict,
    RestartAnswer,
)
from superlearner.operations.results.restarts import Moment, MomentEvent
from superlearner.restarts.drawing import MomentNode
from superlearner.teaching.game import (
    ALLOWED,
    LEVELS,
    WINDOW_S,
    Happened,
    Node,
    Question,
    Run,
    Strategy,
    explain,
    question,
    rule_of,
    run,
)

REASON = "killed"

LevelNumber = Annotated[int, Field(ge=1, le=10, description="1 (easiest) to 10", examples=[3])]
Seed = Annotated[int, Field(ge=-(2**53), le=2**53, description="the same seed makes the same question", examples=[7])]

Picked = Annotated[
    str, Field(max_length=1000, description="the processes you expect to be restarted, separated by commas")
]

PickedIds = Annotated[
    str,
    Field(
        max_length=20_000,
        description="the processes you expected to be restarted: ids of nodes of the tree, separated by commas",
    ),
]
Among = Annotated[
    str, Field(max_length=20_000, description="the processes to judge, separated by commas; empty for all")
]


@operation("game.level", http=("GET", "/game/levels/{level}"), scope="read", on="platform", of="everyone",
           short="level title drawing victim")  # fmt: skip
async def level(_ctx: Context, /, level: LevelNumber, seed: Seed = 1) -> GameQuestion:
    """Show a question of the game Predict.

    A tree of processes, and which one is killed. Which processes are restarted? See game.answer.
    """
    asked = question(level, seed)
    return GameQuestion(
        level=level,
        levels=[one.title for one in LEVELS],
        seed=seed,
        title=asked.title,
        tree=_node(asked.root, {}),
        drawing="\n".join(_lines(asked.root)),
        victim=asked.victim,
        reason=REASON,
        links=list(asked.links),
    )


@operation("game.answer", http=("GET", "/game/levels/{level}/answer"), scope="read", on="platform", of="everyone",
           errors=("validation_error",), short="right rule restarted nodes.text")  # fmt: skip
async def answer(
    _ctx: Context,
    /,
    level: LevelNumber,
    seed: Seed = 1,
    picked: Picked = "",
) -> GameAnswer:
    """Answer a question of the game Predict.

    The tree really runs, in virtual time. Each process is judged and explained.
    """
    asked = question(level, seed)
    names = [one.name for one in asked.root.walk()]
    guess = {one.strip() for one in picked.split(",")} - {""}
    unknown = sorted(guess - set(names))
    if unknown:
        raise OperationError(
            "validation_error",
            f"picked: level {level} with seed {seed} has no process {unknown[0][:100]!r}",
            hint=f"its processes are {', '.join(names)}",
        )
    ran = await asyncio.to_thread(run, asked)
    verdicts = [_verdict(asked, ran, name, name in guess) for name in names]
    return GameAnswer(
        level=level,
        seed=seed,
        right=guess == set(ran.restarted),
        rule=LEVELS[level - 1].rule,
        restarted=list(ran.restarted),
        nodes=verdicts,
        moment=_moment(asked, ran),
    )


@operation("restart.compare", http=("GET", "/restarts/{event}/compare"), scope="read", outlives=True,
           errors=("restart_not_found", "restart_not_kept", "node_not_found", "node_unavailable", "bad_answer"),
           short="right rule restarted nodes.text")  # fmt: skip
async def compare(
    ctx: Context,
    services: Services,
    /,
    event: EventRef,
    at: EventTime = None,
    picked: PickedIds = "",
    among: Among = "",
) -> RestartAnswer:
    """Compare a prediction with a restart.

    Each process of the tree is judged and explained, as game.answer does it for a question of the game.
    """
    moment = Moment.model_validate(await ask(ctx, services, "restart.show", {"event": event, "at": at}))
    refuse_incident(moment)
    guess, shown = _ids(picked), _ids(among)
    asked, ran, names = _read(moment)
    verdicts = [
        _verdict(asked, ran, name, id in guess, id) for id, name in names.items() if not shown or id in shown | guess
    ]
    verdicts += [
        GameVerdict(id=id, verdict="wrong", restarted=False, text=f"The restart did not reach {id.rpartition('/')[2]}.")
        for id in sorted(guess - names.keys())
    ]
    return RestartAnswer(
        right=all(one.verdict in ("right", "left") for one in verdicts),
        rule=rule_of(asked, ran),
        restarted=[one.id for one in verdicts if one.restarted],
        nodes=verdicts,
        moment=moment,
    )


def _ids(text: str) -> set[str]:
    return {one.strip() for one in text.split(",")} - {""}


def _read(moment: Moment) -> tuple[Question, Run, dict[str, str]]:
    """Return a restart as a question that was run, and its names by the ids of its nodes; each name stands for one."""
    nodes = list(_walk(moment.root))
    often = Counter(one.name for one in nodes)
    names = {one.id: one.name if often[one.name] == 1 else one.id.removeprefix(f"{moment.root.id}/") for one in nodes}
    events = tuple(_happened(one, names) for one in moment.events if not (one.kind == "crash" and one.start))
    first = next((one.id for one in moment.events if one.kind == "crash"), moment.root.id)
    asked = Question(0, 0, "", "", _drawn(moment.root, names), names[first])
    return asked, Run({}, events, tuple(names[id] for id in _restarted(moment.events))), names


def _walk(node: MomentNode) -> Iterator[MomentNode]:
    yield node
    for child in node.children:
        yield from _walk(child)


def _drawn(node: MomentNode, names: dict[str, str]) -> Node:
    dynamic = node.strategy in DYNAMIC
    supervises = "one_for_one" if dynamic or (node.kind != "worker" and node.strategy is None) else node.strategy
    children = tuple(_drawn(child, names) for child in node.children)
    strategy = cast("Strategy | None", supervises)
    return Node(names[node.id], strategy, children, node.restart or "permanent", node.used, dynamic)


def _happened(event: MomentEvent, names: dict[str, str]) -> Happened:
    name = names[event.id]
    match event.kind:
        case "crash":
            return Happened("crash", name, reason=event.reason)
        case "link" | "signal":
            return Happened(event.kind, name, to=names.get(event.to, ""), reason=event.reason)
        case "decide":
            what = "drop" if event.what == "pause" else event.what  # a question is about the rules of supervisors
            return Happened(what, name, left=event.left)
        case "stop" | "start":
            return Happened(event.kind, name, to=names.get(event.by, ""))


def _restarted(events: Collection[MomentEvent]) -> list[str]:
    """Return the ids of the processes that run again at the end."""
    found: dict[str, None] = {}
    for event in events:
        if event.kind == "start":
            found[event.id] = None
        elif event.kind in ("crash", "stop"):
            found.pop(event.id, None)
        elif event.kind == "link":
            found.pop(event.to, None)
    return list(found)


def _verdict(asked: Question, ran: Run, name: str, picked: bool, id: str = "") -> GameVerdict:
    restarted = name in ran.restarted
    verdict = ("right" if restarted else "wrong") if picked else "missed" if restarted else "left"
    return GameVerdict(id=id or name, verdict=verdict, restarted=restarted, text=explain(asked, ran, name))


def _lines(node: Node, depth: int = 0) -> list[str]:
    if node.strategy is not None:
        words = f" {node.strategy} ({sentences.budget(node.used, ALLOWED, WINDOW_S)})"
    else:
        words = " (temporary)" if node.restart == "temporary" else ""
    below = [line for child in node.children for line in _lines(child, depth + 1)]
    return [f"{'  ' * depth}{node.name}{words}", *below]


def _node(node: Node, pids: dict[str, str]) -> GameNode:
    supervisor = node.strategy is not None
    return GameNode(
        id=node.name,
        name=node.name,
        kind="supervisor" if supervisor else "worker",
        pid=pids.get(node.name),
        strategy=node.strategy,
        limit=(ALLOWED, WINDOW_S) if supervisor else None,
        used=node.used,
        restart=node.restart,
        state=None,
        children=[_node(child, pids) for child in node.children],
        more=0,
    )


def _moment(asked: Question, ran: Run) -> GameMoment:
    """Return the restart with all fields of a moment; an answer leaves out fields that were not given."""
    return GameMoment(
        id=0,
        at=0.0,
        took=0.0,
        complete=True,
        going_on=False,
        summary=explain(asked, ran, asked.victim),
        line=None,
        root=_node(asked.root, ran.before),
        events=[_event(asked, one) for one in ran.events],
        ghosts={},
        storm=0,
    )


def _event(asked: Question, one: Happened) -> GameEvent:
    match one.kind:
        case "crash":
            return GameEvent(kind="crash", at=0.0, id=one.name, reason=one.reason, crash=one.reason != "shutdown")
        case "link" | "signal":
            return GameEvent(kind=one.kind, at=0.0, id=one.name, to=one.to, reason=one.reason)
        case "restart" | "drop" | "give_up":
            strategy = next(node.strategy for node in asked.root.walk() if node.name == one.name)
            return GameEvent(kind="decide", at=0.0, id=one.name, what=one.kind, left=one.left, strategy=strategy)
        case "stop" | "start":
            return GameEvent(kind=one.kind, at=0.0, id=one.name, by=one.to, pid=one.pid or None, state=None)
