"""Sequence diagram as Mermaid text, which GitHub and many editors render."""

from __future__ import annotations

from typing import Final

from superlearner.observing.tracing.diagram import Diagram, DiagramStep, fate_of

__all__ = ["as_mermaid"]

ARROWS: Final = {"call": "->>", "reply": "-->>", "cast": "-)", "info": "-)", "system": "-)"}
WORDS: Final = {"cast": "cast ", "info": "", "call": "", "reply": "", "system": "system "}


def as_mermaid(diagram: Diagram) -> str:
    """Return the diagram as text; contents of messages are escaped."""
    lines = ["sequenceDiagram"]
    for number, lane in enumerate(diagram.lanes):
        lines.append(f"  participant p{number} as {_plain(lane.label)}")
    lines.extend(f"  {_line(step)}" for step in diagram.steps)
    rest = [f"{diagram.more} more"] if diagram.more else []
    rest += [f"{diagram.hidden} within folded lanes"] if diagram.hidden else []
    rest += [diagram.note] if diagram.note else []
    if rest and diagram.lanes:
        lines.append(f"  Note over p0: {_plain(', '.join(rest))}")
    return "\n".join(lines) + "\n"


def _line(step: DiagramStep) -> str:
    if step.to is None:
        return f"Note over p{step.lane}: {_plain(step.label)}"
    arrow = "-x" if step.dropped else ARROWS[step.kind]
    words = WORDS[step.kind] + step.label + (" (dropped)" if step.dropped else "")
    words += fate_of(step)
    return f"p{step.lane}{arrow}p{step.to}: {_plain(words)}"


def _plain(words: str) -> str:
    """Return text with Mermaid's special characters as entities."""
    shown = (f"#{ord(sign)};" if sign in '#;:<>"&%`{}' else sign for sign in words)
    return "".join(sign if sign.isprintable() or sign == " " else " " for sign in "".join(shown)) or " "
