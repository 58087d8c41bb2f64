"""Result models of the game *Predict*."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from superlearner.operations.results import Pid
from superlearner.operations.results.restarts import Moment
from superlearner.operations.results.result import ResultModel

__all__ = ["GameAnswer", "GameEvent", "GameMoment", "GameNode", "GameQuestion", "GameVerdict", "RestartAnswer"]

Level = Annotated[int, Field(description="1 to 10")]


class GameNode(ResultModel):
    """A process of the tree before the exit, as in a moment."""

    id: str
    name: str
    kind: Literal["supervisor", "worker"]
    pid: Annotated[Pid | None, Field(description="null in a question: nothing runs yet")] = None
    strategy: str | None
    limit: Annotated[tuple[int, float] | None, Field(description="restarts allowed, and within how many seconds")]
    used: Annotated[int, Field(description="restarts that count already")]
    restart: Literal["permanent", "transient", "temporary"]
    state: None = None
    children: list[GameNode]
    more: int = 0


class GameQuestion(ResultModel):
    """A tree, and the process that is killed. The answer is not part of it."""

    level: Level
    levels: Annotated[list[str], Field(description="the titles of all levels")]
    seed: int
    title: str
    tree: GameNode
    drawing: Annotated[str, Field(description="the tree as text")]
    victim: Annotated[str, Field(description="the process that is killed")]
    reason: str
    links: Annotated[list[tuple[str, str]], Field(description="pairs of linked processes")]


class GameEvent(ResultModel):
    """An event of a moment; the fields depend on the kind."""

    kind: Literal["crash", "link", "signal", "decide", "stop", "start"]
    at: float
    id: str
    to: Annotated[str | None, Field(description="link: the process that ends too; signal: the supervisor")] = None
    reason: str | None = None
    crash: Annotated[bool | None, Field(description="crash: the end was abnormal")] = None
    what: Literal["restart", "drop", "give_up"] | None = None
    left: Annotated[int | None, Field(description="decide: restarts left")] = None
    strategy: str | None = None
    by: Annotated[str | None, Field(description="stop, start: the supervisor")] = None
    pid: Annotated[Pid | None, Field(description="start: the new pid")] = None
    state: None = None


class GameMoment(ResultModel):
    """The restart of the answer in the format of a moment, so that a page can play it."""

    id: int
    at: float
    took: float | None
    complete: bool = True
    going_on: bool = False
    summary: str
    line: None = None
    root: GameNode
    events: list[GameEvent]
    ghosts: dict[str, dict[str, list[str]]] = {}
    storm: int = 0


class GameVerdict(ResultModel):
    """The verdict on one process."""

    id: str
    verdict: Annotated[
        Literal["right", "missed", "wrong", "left"],
        Field(description="picked and restarted; not picked but restarted; picked but not restarted; neither"),
    ]
    restarted: bool
    text: Annotated[str, Field(description="why it was restarted, or why not")]


class RestartAnswer(ResultModel):
    """A prediction of a restart, compared with the restart."""

    right: Annotated[bool, Field(description="the prediction has no mistake")]
    rule: Annotated[str, Field(description="the rule that the first decision followed; empty if there was none")]
    restarted: Annotated[list[str], Field(description="the processes that have a new pid")]
    nodes: list[GameVerdict]
    moment: Moment


class GameAnswer(ResultModel):
    """The answer: what the runtime did, compared with the prediction."""

    level: Level
    seed: int
    right: Annotated[bool, Field(description="the prediction has no mistake")]
    rule: Annotated[str, Field(description="the rule of the level")]
    restarted: list[str]
    nodes: list[GameVerdict]
    moment: GameMoment
