"""Tracebacks for readers: without the runtime's frames, without secrets, of bounded length."""

from __future__ import annotations

import asyncio
import os.path
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Final

from otp.kernel.values.reasons import LIBRARY, is_ours
from otp.redaction import without_secrets

_PACKAGE: Final = os.path.join(LIBRARY, "")
_ASYNCIO: Final = os.path.join(os.path.dirname(asyncio.__file__), "")

FRAMES: Final = 40
HEAD: Final = 3_000  # characters of the beginning
TAIL: Final = 5_000  # characters of the end
WIDEST: Final = 500  # characters of a line: an exception may show a whole value


def own_stack(stack: tuple[Any, ...]) -> list[dict[str, Any]]:
    """Return the user's frames of a `Crash`'s stack, outermost first; if many, the outer and inner half."""
    places = [entry for entry in stack if not is_ours(entry[0])]
    if len(places) > FRAMES:
        places = places[: FRAMES // 2] + places[-FRAMES // 2 :]
    return [{"file": file, "line": line, "function": function} for file, line, function in places]


def note_places(error: BaseException, places: list[dict[str, Any]]) -> None:
    """Add to an error from another place where the process waited when it ended."""
    for place in places:
        if place["file"].startswith(_PACKAGE):
            continue
        error.add_note(f'it waited at: File "{place["file"]}", line {place["line"]}, in {place["function"]}')


def traceback_text(error: BaseException) -> str:
    """Return the traceback of an exception and of its causes."""
    import traceback

    found = traceback.TracebackException(type(error), error, error.__traceback__, compact=True)
    for part in _parts(found):
        part.stack = traceback.StackSummary.from_list([frame for frame in part.stack if not is_ours(frame.filename)])
    lines = without_secrets("".join(found.format())).rstrip("\n").split("\n")
    shown = "\n".join(line if len(line) <= WIDEST else f"{line[: WIDEST - 1]}…" for line in lines)
    return shown if len(shown) <= HEAD + TAIL else f"{shown[:HEAD]}\n  …\n{shown[-TAIL:]}"


def cut_our_frames(error: BaseException) -> None:
    """Remove frames of `otp`, and of asyncio leading to it, from the tracebacks of an error.

    This includes the errors that caused it and the members of a group. A traceback without user frames keeps its own:
    it may show a bug of ours.
    """
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        part = pending.pop()
        if part is None or id(part) in seen:
            continue
        seen.add(id(part))
        kept: list[TracebackType] = []
        place = part.__traceback__
        while place is not None:
            file = place.tb_frame.f_code.co_filename
            if not file.startswith(_PACKAGE) and (kept or not file.startswith(_ASYNCIO)):
                kept.append(place)
            place = place.tb_next
        if kept:
            made: TracebackType | None = None
            for place in reversed(kept):
                made = TracebackType(made, place.tb_frame, place.tb_lasti, place.tb_lineno)
            part.__traceback__ = made
        pending += [part.__cause__, part.__context__]
        if isinstance(part, BaseExceptionGroup):
            pending += part.exceptions  # pyright: ignore[reportUnknownMemberType]


def _parts(found: Any) -> Iterator[Any]:
    """Yield a traceback and all connected with it; the module `traceback` has already cut cycles."""
    pending = [found]
    while pending:
        part = pending.pop()
        yield part
        pending += [more for more in (part.__cause__, part.__context__) if more is not None]
        pending += part.exceptions or ()
