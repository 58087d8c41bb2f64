"""The source code that a process runs, or in which its predecessor crashed."""

from __future__ import annotations

import asyncio
import os
from typing import Annotated, Final, Literal

from pydantic import Field

import otp
import superlearner
from otp import Node, Pid, observer
from superlearner.control.names import display_name
from superlearner.control.reasons import own_frame, text_of_reason
from superlearner.control.source_lines import lines_around
from superlearner.control.terms import clip, plain_pid, safe_text
from superlearner.control.tree import what_of
from superlearner.operations.builtin.processes import NOT_THERE
from superlearner.operations.context import Context
from superlearner.operations.declaration import operation
from superlearner.operations.failures import OperationError
from superlearner.operations.parameters import PidText
from superlearner.operations.results.source import SourceCallback, SourceView
from superlearner.operations.targets import process_of

DEMO: Final = os.path.join(os.path.dirname(os.path.abspath(superlearner.__file__)), "demo")
FIRST: Final = ("handle_call", "handle_cast", "handle_info", "init")


@operation(
    "process.source",
    http=("GET", "/processes/{pid}/source"),
    scope="read",
    errors=(*NOT_THERE, "source_not_found"),
    short="file first_line function reason lines",
)
async def source(
    ctx: Context,
    pid: PidText,
    callback: Annotated[
        str | None, Field(max_length=200, description="a function of its class", examples=["handle_call"])
    ] = None,
    place: Annotated[
        Literal["now", "crash", "class"] | None,
        Field(description="its current line, its predecessor's crash, or its class; by default the first available"),
    ] = None,
) -> SourceView:
    """Show the source code of a process.

    The callback that it is running, or the one in which its predecessor crashed, with the line. All but the code of the
    demo needs the scope `code`.
    """
    found = process_of(ctx, pid)
    running = observer.running(ctx.node, found)
    if running is None:
        raise OperationError("process_not_found", f"{clip(pid, 200)} has just ended")
    crash = _crash(ctx.node, found)
    why: Literal["now", "crash", "class"] = "class"
    file = line = reason = None
    if callback is not None:
        chosen = next((one for one in running.callbacks if one.name == callback), None)
        if chosen is None:
            raise OperationError("source_not_found", f"its class has no function {clip(callback, 100)}", hint="")
        file, line = chosen.file, None
        at = chosen.first_line
    elif running.now is not None and place in (None, "now"):
        why, file, line = "now", running.now.file, running.now.line
        at = line or running.now.first_line
    elif crash is not None and place in (None, "crash"):
        why, file, line, reason = "crash", *crash
        at = crash[1]
    elif running.callbacks and place in (None, "class"):
        by_name = {one.name: one for one in running.callbacks}
        first = next((by_name[name] for name in FIRST if name in by_name), running.callbacks[0])
        file, at = first.file, first.first_line
    else:
        raise OperationError(
            "source_not_found",
            "no source is known for this place",
            hint="leave out `place` to see the first one available",
        )
    if not _is_demo(file) and not ctx.user.may("code", ctx.owner):
        raise ctx.missing_scope("the source of a process outside the demo", "code")
    name, what = display_name(found), what_of(found)  # read while it is alive
    lines = await asyncio.to_thread(lines_around, file, at)
    if lines is None:
        raise OperationError(
            "source_not_found", f"{safe_text(os.path.basename(file))} cannot be read at line {at}",
            hint="the code was entered interactively, is compiled, or its file was deleted",
        )  # fmt: skip
    return SourceView(
        pid=plain_pid(found),
        name=name,
        what=what,
        why=why,
        reason=reason,
        function=lines.name,
        file=safe_text(file),
        line=line,
        first_line=lines.first,
        lines=[[list(part) for part in one] for one in lines.lines],
        cut=lines.cut,
        callbacks=[SourceCallback(name=clip(one.name, 200), line=one.first_line) for one in running.callbacks[:100]],
        crashed=crash is not None,
        busy=running.now is not None,
    )


def _is_demo(file: str) -> bool:
    return os.path.dirname(os.path.abspath(file)) == DEMO


def _crash(node: Node, pid: Pid) -> tuple[str, int, str] | None:
    """Return file, line and reason of the newest crash of a predecessor in the program's own code."""
    details = observer.process(node, pid, messages=0, length=1, exits=20, related=0)
    for one in () if details is None else details.exits:
        event = next(iter(otp.trace.history(node, one.event - 1)), None)
        if event is None or event.seq != one.event:
            continue
        reason = event.data["reason"]
        frame = own_frame(reason)
        if frame is not None:
            return str(frame[0]), int(frame[1]), text_of_reason(reason)
    return None
