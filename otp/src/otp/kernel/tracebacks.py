"""Tracebacks for people: without the places in the runtime, without secrets, of bounded length."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from otp.kernel.reasons import is_ours
from otp.redaction import without_secrets

__all__ = ["own_stack", "traceback_text"]

FRAMES: Final = 40
HEAD: Final = 3_000  # characters: where it began
TAIL: Final = 5_000  # and where it ended


def own_stack(stack: tuple[Any, ...]) -> list[dict[str, Any]]:
    """The user's places of a `Crash`'s stack, outermost first; of many the outer and the inner half."""
    places = [entry for entry in stack if not is_ours(entry[0])]
    if len(places) > FRAMES:
        places = places[: FRAMES // 2] + places[-FRAMES // 2 :]
    return [{"file": file, "line": line, "function": function} for file, line, function in places]


def traceback_text(error: BaseException) -> str:
    """The traceback of an exception and of those that led to it."""
    import traceback

    found = traceback.TracebackException(type(error), error, error.__traceback__, compact=True)
    for part in _parts(found):
        part.stack = traceback.StackSummary.from_list([frame for frame in part.stack if not is_ours(frame.filename)])
    shown = without_secrets("".join(found.format())).rstrip("\n")
    return shown if len(shown) <= HEAD + TAIL else f"{shown[:HEAD]}\n  …\n{shown[-TAIL:]}"


def _parts(found: Any) -> Iterator[Any]:
    """A traceback and all that hang on it; the module `traceback` has cut circles already."""
    pending = [found]
    while pending:
        part = pending.pop()
        yield part
        pending += [more for more in (part.__cause__, part.__context__) if more is not None]
        pending += part.exceptions or ()
