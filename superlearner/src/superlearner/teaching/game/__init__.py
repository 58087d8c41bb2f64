"""*Predict*: a tree is shown, a process is killed, and the player names the processes that are restarted."""

from __future__ import annotations

from superlearner.teaching.game.levels import ALLOWED, LEVELS, WINDOW_S, Node, Question, question
from superlearner.teaching.game.running import Run, run
from superlearner.teaching.game.telling import explain

__all__ = ["ALLOWED", "LEVELS", "WINDOW_S", "Node", "Question", "Run", "explain", "question", "run"]
