"""Crash reports: the process, callback, message and state, the reason, and the ancestors.

Each crash is one record of the logger `otp`, written only if a handler takes it. `docs/logging.md` has the table of its
fields. No field is longer than `LONGEST` characters, no line of a value's own code runs to show it, and what looks like
a secret is redacted. Source: Erlang/OTP, `proc_lib`, crash reports; `gen_server:format_log/1`.
"""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import logging
from types import FunctionType
from typing import Any, Final

from otp.kernel.ends.call_cycles import note_crash
from otp.kernel.ends.report_limits import is_left_out
from otp.kernel.ends.wording import (
    called,
    keyed_name,
    name_callback,
    reason_text,
    split_advice,
    unanswered,
    without_expected,
)
from otp.kernel.tables.callers import From, OutsideCaller, formatted_state, machine_event, place_of_caller
from otp.kernel.values.bounded import text
from otp.kernel.values.errors import CallExit, Exit, result_hint
from otp.kernel.values.exception_reasons import line_of_def, place_of_error
from otp.kernel.values.process import Process, is_supervisor, mailbox_len
from otp.kernel.values.reasons import Crash, first_of_program, is_clean, starts_with
from otp.kernel.values.sentences import ended, handling, is_taken, place_text, say, tell
from otp.kernel.values.tracebacks import own_stack, traceback_text

LONGEST: Final = 500  # characters of a message, a state, a reason
ANCESTORS: Final = 20
CALLERS: Final = "$callers"

logger: Final = logging.getLogger("otp")


def report_crash(
    p: Process, what: str, message: Any, reason: Any, error: BaseException | None, *, stopped: bool = False
) -> None:
    """Log the abnormal end of a process, except for errors that end the program; `stopped`: `what` returned `Stop`."""
    if is_clean(reason):
        return
    note_crash(p, error)
    if isinstance(error, (KeyboardInterrupt, SystemExit)) or not is_taken(logger, logging.ERROR):
        return
    above = p.parent
    if is_supervisor(above):
        if is_left_out(logger, above, {"otp_report": "left_out", **about(above)}):
            return
    try:
        fields = _fields(p, what, message, reason, error)
        trace = None if error is None else traceback_text(error)
        tell(logger, logging.ERROR, _words(p, reason, fields, error, stopped), fields, error, trace)
    except (KeyboardInterrupt, SystemExit) as meant:  # raised by `format_status`, or Ctrl-C just now
        p.runtime.request_shutdown(meant, p)
    except Exception as failure:  # not even the interpreter's own methods can read a value
        say(logging.ERROR, "%s ended; its report failed with %s", p, type(failure).__name__)


def format_value(value: Any, length: int = LONGEST) -> str:
    """Return a value for a report: bounded, without secrets, without running its code."""
    return text(value, length=length, depth=8, items=50)


def about(p: Process) -> dict[str, Any]:
    """Return the fields that identify the process of a report."""
    name = p.registered_name
    return {
        "otp_node": p.runtime.name,
        "otp_pid": str(p),
        "otp_name": keyed_name(p) if name is None else _own_name(name),
        "otp_what": p.runtime.describe(p),
    }


def _own_name(name: Any) -> str:
    return name if type(name) is str and len(name) <= 100 else format_value(name, 100)


def _fields(p: Process, what: str, message: Any, reason: Any, error: BaseException | None) -> dict[str, Any]:
    x = p.ensure_ext()
    vt = p.callbacks
    behaviour = "process" if vt is None else "supervisor" if vt.supervisor else vt.behaviour
    callback, event, state_name = _doing(p, what, message)
    shows_state = vt is not None and not vt.supervisor and what != "init"
    return {
        "otp_report": "crash",
        **about(p),
        "otp_behaviour": behaviour,
        "otp_callback": callback,
        "otp_message": None if x.sensitive else event,
        "otp_client": None if x.frm is None or what == "init" else _client(x.frm),
        "otp_reason": format_value(reason),
        "otp_hint": _hint(what, reason),
        "otp_state_name": None if x.sensitive else state_name,
        "otp_state": _state_text(p) if shows_state else None,
        "otp_exception": None if error is None else type(error).__name__,
        "otp_stack": own_stack(reason[1]) if type(reason) is Crash else [],
        "otp_mailbox": mailbox_len(p),
        "otp_callers": _callers(x.dictionary),
        "otp_ancestors": _ancestors(p),
    }


def _client(call: From) -> str:
    """Return the process that waits for a reply, or the line of code that is in none."""
    if type(call.pid) is not OutsideCaller:
        return str(call.pid)
    place = place_of_caller(call)
    return "code outside any process" if place is None else place_text(place)


def _doing(p: Process, what: str, message: Any) -> tuple[str | None, str | None, str | None]:
    """Return the callback, its event, and the state name of a state machine."""
    found = machine_event(p)
    if found is not None:
        callback, kind, content, state = found
        return callback, f"{kind}, {format_value(content)}", format_value(state, 100)
    return what or None, format_value(message) if what and what != "init" else None, None


def _state_text(p: Process) -> str:
    """Return the state as its `format_status` shows it, without secrets."""
    return format_value(formatted_state(p))


def _callers(dictionary: dict[Any, Any] | None) -> list[str]:
    found = None if dictionary is None else dictionary.get(CALLERS)
    if type(found) is not tuple and type(found) is not list:  # a program may keep anything there
        return []
    return [str(caller) for caller in found[:ANCESTORS] if isinstance(caller, Process)]


def _ancestors(p: Process) -> list[str]:
    found: list[str] = []
    parent = p.parent
    while parent is not None and len(found) < ANCESTORS:
        name = parent.registered_name
        words = keyed_name(parent) if name is None else name if type(name) is str else format_value(name, 100)
        found.append(str(parent) if words is None else f"{words} ({parent})")
        parent = parent.parent
    return found


def _words(p: Process, reason: Any, fields: dict[str, Any], error: BaseException | None, stopped: bool) -> str:
    """Return the report as text: a summary line, then one line for each detail."""
    servers = ("gen_server", "gen_statem")
    own = stopped and fields["otp_behaviour"] in servers and not p.callbacks.cls.__module__.startswith("otp.")
    callback = (fields["otp_callback"] or "").rpartition(".")[2]
    how = f" ({callback} returned Stop)" if own else ""
    waited = 0.0
    if isinstance(error, CallExit):
        waited, cycle = error.waited, error.drawn or error.locked or None
        why = unanswered(cycle, error.busy)
        how = f" because {why}" if why else how
    doing = handling(fields["otp_message"], fields["otp_callback"], fields["otp_state_name"])
    said = reason_text(reason, LONGEST, waited)
    result = reason.term if type(reason) is Crash else reason
    hint, at = fields["otp_hint"], _place(error, fields["otp_stack"])
    wrong = starts_with(result, "bad_return_value") or starts_with(result, "bad_return_from_state_function")
    if wrong and callback:
        said = name_callback(said, callback)
        if hint is not None:
            said = without_expected(said)
            hint = hint.removeprefix(f"{said}: ")
    if own or (wrong and callback):
        at = at or _place_of_callback(p, callback)
    lines = [ended(called(p), said + how, failed=True, doing=doing, at=at)]
    if hint is not None:
        lines.append(hint)
    if fields["otp_state"] is not None:
        lines.append(f"state {fields['otp_state']}")
    if fields["otp_client"] is not None:
        lines.append(f"called by {fields['otp_client']}")
    if fields["otp_mailbox"]:
        lines.append(f"messages waiting: {fields['otp_mailbox']}")
    if fields["otp_callers"]:
        lines.append(f"started for {', '.join(fields['otp_callers'])}")
    if fields["otp_ancestors"]:
        lines.append(f"ancestors {', '.join(fields['otp_ancestors'])}")
    return "\n    ".join(lines)


def _place(error: BaseException | None, stack: list[dict[str, Any]]) -> str | None:
    """Return the line of the program that raised, or made the call that failed, as `shop.py:58 in handle_call`."""
    if isinstance(error, Exit):
        found = place_of_error(error)
    else:
        places = [(one["file"], one["line"], one["function"]) for one in reversed(stack)]
        found = first_of_program(places) or next(iter(places), None)
    return None if found is None else place_text(found)


def _place_of_callback(p: Process, callback: str) -> str | None:
    """Return the line of the `def` of a callback, as `shop.py:58 in handle_cast`; None if it is not of the program."""
    for one in p.callbacks.cls.__mro__:
        function = one.__dict__.get(callback)
        if isinstance(function, FunctionType):
            code = function.__code__
            place = (code.co_filename, line_of_def(code), callback)
            return None if first_of_program([place]) is None else place_text(place)
    return None


def _hint(what: str, reason: Any) -> str | None:
    if starts_with(reason, "bad_return_value"):
        return result_hint(what, reason[1])
    return split_advice(reason.term)[1] or None if type(reason) is Crash and type(reason.term) is str else None
