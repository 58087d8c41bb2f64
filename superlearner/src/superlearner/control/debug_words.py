"""Texts for a server's debug events: messages in and replies out, without state."""

from __future__ import annotations

from typing import Any, Literal

from otp import From
from superlearner.control.reasons import tagged
from superlearner.control.terms import is_a, plain_pid, text_of

__all__ = ["Direction", "debug_words"]

Direction = Literal["in", "out", "done", "other"]


def debug_words(event: Any) -> tuple[Direction, str]:
    """Return direction and content of an `otp.sys` event, bounded, without secrets.

    >>> debug_words(("in", ("$gen_cast", ("add", 3))))
    ('in', "cast ('add', 3)")
    """
    direction, rest = tagged(event)
    if direction == "in" and len(rest) == 1:
        tag, parts = tagged(rest[0])
        if tag == "$gen_call" and len(parts) == 2 and is_a(parts[0], From):
            return "in", f"call {text_of(parts[1], 200)} of {plain_pid(parts[0].pid)}"
        if tag == "$gen_cast" and len(parts) == 1:
            return "in", f"cast {text_of(parts[0], 200)}"
        return "in", f"message {text_of(rest[0], 200)}"
    if direction == "in" and len(rest) == 2:  # a state machine's event type is a pair for a call
        kind, content = rest[0]
        return "in", f"{'call' if type(kind) is tuple else kind} {text_of(content, 200)}"
    if direction == "out" and len(rest) >= 2 and is_a(rest[1], From):
        return "out", f"{text_of(rest[0], 200)} to {plain_pid(rest[1].pid)}"
    return ("done", "no reply") if direction == "noreply" else ("other", text_of(event, 200))
