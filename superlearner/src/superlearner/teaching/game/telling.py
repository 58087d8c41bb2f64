"""Explanations, a sentence for each process: why it was restarted, or why it was not."""

from __future__ import annotations

from superlearner.teaching.game.levels import Node, Question
from superlearner.teaching.game.running import Run

__all__ = ["explain"]


def explain(question: Question, ran: Run, name: str) -> str:
    """Return why a process of the question was restarted, or why it was not: one or two sentences."""
    node = next(one for one in question.root.walk() if one.name == name)
    above = question.above(name)
    begin = "" if above is None else _beginning(question, ran, name, above)
    if above is None or not begin:
        return _untouched(ran, node, above)
    if name in ran.restarted:
        if above.name in ran.restarted:
            return f"{begin}. The new {above.name} started it again."
        stopped = any(one.kind == "stop" and one.name == name for one in ran.events)
        return f"{begin} and started it again." if stopped else f"{begin}. {above.name} started it again."
    if node.restart == "temporary":
        return f"{begin}. It is temporary, so {above.name} did not start it again."
    return f"{begin}. {above.name} did not start it again."


def _beginning(question: Question, ran: Run, name: str, above: Node) -> str:
    """Return how a process ended; empty if it did not."""
    gave_up = {one.name for one in ran.events if one.kind == "give_up"}
    for event in ran.events:
        if event.kind == "crash" and event.name == name:
            if name != question.victim:
                return f"{name} had no restarts left and gave up"
            return f"{name} was killed{f', and {above.name} had no restarts left' if above.name in gave_up else ''}"
        if event.kind == "link" and event.to == name:
            if event.name == above.name:
                return f"{name} ended with its supervisor"
            return f"{name} is linked to {event.name} and ended with it"
        if event.kind == "stop" and event.name == name:
            if above.name in gave_up:
                return f"{above.name} gave up and stopped {name}"
            if above.strategy == "rest_for_one":
                return f"{name} started after {_ended(ran, above)}, so {above.name} stopped it"
            return f"{above.strategy} stops all children, so {above.name} stopped {name}"
    return ""


def _ended(ran: Run, above: Node) -> str:
    """Return the first child of a supervisor that ended by itself; empty if none did."""
    return next((one.name for one in ran.events if one.kind == "signal" and one.to == above.name), "")


def _untouched(ran: Run, node: Node, above: Node | None) -> str:
    """Return why a process kept running."""
    own = _ended(ran, node)
    if own and own in ran.restarted:
        return f"{node.name} had restarts left, so it restarted {own} and kept running."
    if own:
        return f"{node.name} kept running: {own} is temporary and may end."
    if above is None:
        return f"No child of {node.name} ended, so {node.name} kept running."
    ended = _ended(ran, above)
    if not ended:
        return f"No child of {above.name} ended, so {node.name} kept running."
    if ended not in ran.restarted:
        return f"{above.name} did not restart {ended}, which is temporary, so {node.name} kept running."
    if above.strategy == "rest_for_one":
        return f"{node.name} started before {ended}, so rest_for_one left it running."
    return f"one_for_one restarts only {ended}, so {node.name} kept running."
