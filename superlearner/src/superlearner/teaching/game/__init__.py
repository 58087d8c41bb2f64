"""*Predict*: a tree is shown, a process is killed, and the player names the processes that are restarted."""

from __future__ import annotations

from superlearner.teaching.game.levels import ALLOWED, LEVELS, WINDOW_S, Node, Question, Restart, Strategy, question
from superlearner.teaching.game.running import Happened, Run, run
from superlearner.teaching.game.telling import explain, rule_of

__all__ = [
    "ALLOWED", "LEVELS", "WINDOW_S", "Happened", "Node", "Question", "Restart", "Run", "Strategy", "explain",
    "question", "rule_of", "run",
]  # fmt: skip
