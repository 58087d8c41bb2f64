"""Explanations, a sentence for each process: why it was restarted, or why it was not.

They are made from events, those of a question of the game or those of a restart of the reader's own tree.
"""

from __future__ import annotations

from superlearner.teaching.game.levels import RULES, Node, Question
from superlearner.teaching.game.running import Run

__all__ = ["explain", "rule_of"]


def rule_of(question: Question, ran: Run) -> str:
    """Return the rule that the first decision of a restart followed; empty if no supervisor decided."""
    decision = next((one for one in ran.events if one.kind in ("restart", "drop", "give_up")), None)
    if decision is None:
        return ""
    if decision.kind == "give_up":
        return RULES["No restarts left"]
    if decision.kind == "drop":
        return RULES["A temporary child"] if _find(question, question.victim).restart == "temporary" else ""
    if _find(question, question.victim).strategy is not None:
        return RULES["A supervisor is killed"]
    above = _find(question, decision.name)
    return "A dynamic supervisor restarts only the child that ended." if above.dynamic else RULES[above.strategy or ""]


def _find(question: Question, name: str) -> Node:
    return next(one for one in question.root.walk() if one.name == name)


def explain(question: Question, ran: Run, name: str) -> str:
    """Return why a process of the question was restarted, or why it was not: one or two sentences."""
    node = _find(question, name)
    above = question.above(name)
    begin = _beginning(question, ran, node, above)
    if not begin:
        return _untouched(question, ran, node, above)
    if above is None:
        return f"{begin}. No supervisor above it is drawn."
    if name in ran.restarted:
        if above.name in ran.restarted:
            return f"{begin}. The new {above.name} started it again."
        stopped = any(one.kind == "stop" and one.name == name for one in ran.events)
        return f"{begin} and started it again." if stopped else f"{begin}. {above.name} started it again."
    if node.restart == "temporary":
        return f"{begin}. It is temporary, so {above.name} did not start it again."
    if node.restart == "transient" and name == question.victim:
        return f"{begin}. It is transient and did not fail, so {above.name} did not start it again."
    return f"{begin}. {above.name} did not start it again."


def _beginning(question: Question, ran: Run, node: Node, above: Node | None) -> str:
    """Return how a process ended; empty if it did not."""
    name, gave_up = node.name, {one.name for one in ran.events if one.kind == "give_up"}
    for event in ran.events:
        if event.kind == "crash" and event.name == name:
            if name in gave_up:
                return f"{name} had no restarts left and gave up"
            none_left = above is not None and above.name in gave_up and name == question.victim
            how = "was killed" if event.reason == "killed" else f"ended: {event.reason}"
            return f"{name} {how}{f', and {above.name} had no restarts left' if none_left and above else ''}"
        if above is None:
            continue
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


def _untouched(question: Question, ran: Run, node: Node, above: Node | None) -> str:
    """Return why a process kept running."""
    own = _ended(ran, node)
    if own and own in ran.restarted:
        return f"{node.name} had restarts left, so it restarted {own} and kept running."
    if own:
        return f"{node.name} kept running: {own} is {_find(question, own).restart} and may end."
    if above is None:
        return f"No child of {node.name} ended, so {node.name} kept running."
    ended = _ended(ran, above)
    if not ended:
        return f"No child of {above.name} ended, so {node.name} kept running."
    if ended not in ran.restarted:
        restart = _find(question, ended).restart
        return f"{above.name} did not restart {ended}, which is {restart}, so {node.name} kept running."
    if above.strategy == "rest_for_one":
        return f"{node.name} started before {ended}, so rest_for_one left it running."
    return f"{above.name if above.dynamic else 'one_for_one'} restarts only {ended}, so {node.name} kept running."
