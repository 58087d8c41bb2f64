"""Explanations, a sentence for each process: why it was restarted, or why it was not."""

from __future__ import annotations

from superlearner.teaching.game.levels import Node, Question
from superlearner.teaching.game.running import Run

__all__ = ["explain"]


def explain(question: Question, ran: Run, name: str) -> str:
    """Return one sentence about a process of the question after its run."""
    node = next(one for one in question.root.walk() if one.name == name)
    above = question.above(name)
    if above is None:
        return f"{name} restarts its children and keeps running."
    begin = _beginning(question, ran, name, above)
    if not begin:
        return _untouched(ran, name, above)
    if name in ran.restarted:
        return f"{begin}, and {above.name} started it again."
    if node.restart == "temporary":
        return f"{begin}. It is temporary, so {above.name} did not start it again."
    return f"{begin}, and {above.name} did not start it again."


def _beginning(question: Question, ran: Run, name: str, above: Node) -> str:
    """Return how a process ended; empty if it did not."""
    for event in ran.events:
        if event.kind == "crash" and event.name == name:
            return f"{name} was killed" if name == question.victim else f"{name} had no restarts left and gave up"
        if event.kind == "link" and event.to == name:
            return f"{name} is linked to {event.name} and ended with it"
        if event.kind == "stop" and event.name == name:
            gave_up = any(one.kind == "give_up" and one.name == above.name for one in ran.events)
            return f"{above.name} stopped {name} {'as it gave up' if gave_up else f'({above.strategy})'}"
    return ""


def _untouched(ran: Run, name: str, above: Node) -> str:
    """Return why a process kept running."""
    ended = next((one.name for one in ran.events if one.kind == "signal" and one.to == above.name), None)
    if ended is None:
        return f"No child of {above.name} ended, so {name} kept running."
    if above.strategy == "rest_for_one":
        return f"{name} started before {ended}, so rest_for_one left it running."
    if above.strategy == "one_for_one":
        return f"one_for_one restarts only {ended}, so {name} kept running."
    return f"{above.name} did not restart {ended}, so {name} kept running."
