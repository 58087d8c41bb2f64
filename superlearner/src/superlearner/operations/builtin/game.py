"""The game *Predict*: ten levels of questions about restarts, answered by the runtime."""

from __future__ import annotations

import asyncio
from typing import Annotated

from pydantic import Field

from superlearner.operations.context import Context
from superlearner.operations.declaration import operation
from superlearner.operations.failures import OperationError
from superlearner.operations.results.game import (
    GameAnswer,
    GameEvent,
    GameMoment,
    GameNode,
    GameQuestion,
    GameVerdict,
)
from superlearner.teaching.game import ALLOWED, LEVELS, WINDOW_S, Node, Question, Run, explain, question, run
from superlearner.teaching.game.running import Happened

REASON = "killed"

LevelNumber = Annotated[int, Field(ge=1, le=10, description="1 (easiest) to 10", examples=[3])]
Seed = Annotated[int, Field(ge=-(2**53), le=2**53, description="the same seed makes the same question", examples=[7])]

Picked = Annotated[
    str, Field(max_length=1000, description="the processes you expect to be restarted, separated by commas")
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


def _verdict(asked: Question, ran: Run, name: str, picked: bool) -> GameVerdict:
    restarted = name in ran.restarted
    text = explain(asked, ran, name)
    if picked:
        return GameVerdict(id=name, verdict="right" if restarted else "wrong", restarted=restarted, text=text)
    return GameVerdict(id=name, verdict="missed" if restarted else "left", restarted=restarted, text=text)


def _lines(node: Node, depth: int = 0) -> list[str]:
    if node.strategy is not None:
        words = f" {node.strategy} ({ALLOWED - node.used} of {ALLOWED} restarts left in {WINDOW_S:.0f} s)"
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
