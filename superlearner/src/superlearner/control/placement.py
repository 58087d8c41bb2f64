"""The sentence about a child of a cluster that runs on two members."""

from __future__ import annotations

from otp import sentences

__all__ = ["describe_copy"]


def describe_copy(child: str, old: str, new: str, reason: str) -> str:
    """Return the sentence about a child that started on one member and still runs on another, which was only cut off.

    `reason` is that of the event `placement_changed`.

    >>> describe_copy("c3", "m2@127.0.0.1", "m1@127.0.0.1", "timeout")
    'a second copy of c3 started on m1: m2 was lost (silent for too long), but still runs it'
    """
    member = new.removesuffix("@127.0.0.1")
    return f"a second copy of {child} started on {member}: {sentences.gone(old, reason)}, but still runs it"
