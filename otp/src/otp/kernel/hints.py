"""Hints for failures: texts of exceptions that explain and suggest a fix, built when they are read.

A reason is Erlang's and says what happened; a hint says what that usually means in Python and what to try.
"""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import os.path
from collections.abc import Iterable
from typing import Any, Final

from otp.kernel.kept import bounded_text
from otp.kernel.reasons import Crash, is_clean, is_ours, starts_with
from otp.kernel.results import Ignore, NoReply, Ok, Reply, Stop, WithOptions
from otp.kernel.unawaited import unawaited

__all__ = ["did_you_mean", "down_hint", "place_of", "reason_hint", "result_hint", "start_hint"]

_EXPECTED: Final = {
    "init": "Ok(state), Stop(reason) or Ignore()",
    "handle_call": "Reply(value, state), NoReply(state) or Stop(reason, state)",
}
_TAGS: Final = {
    "ok": "Ok(state)",
    "reply": "Reply(value, state)",
    "noreply": "NoReply(state)",
    "stop": "Stop(reason, state)",
    "ignore": "Ignore()",
}


def did_you_mean(name: Any, known: Iterable[Any]) -> str:
    """Return a suggestion such as `did you mean 'counter'?`, or an empty text.

    >>> did_you_mean("countre", ["counter", "clock"])
    "did you mean 'counter'?"
    """
    import difflib

    if not isinstance(name, str):
        return ""
    close = difflib.get_close_matches(name, [other for other in known if isinstance(other, str)], n=1)
    return f"did you mean {close[0]!r}?" if close else ""


def result_hint(what: str, value: Any) -> str:
    """Explain an invalid result of the callback `what`, which is empty if unknown.

    >>> result_hint("handle_cast", Reply(1, 2))
    'Reply is for handle_call, a cast has no reply; return NoReply(state)'
    """
    expected = _EXPECTED.get(what, "a result such as NoReply(state)")
    if forgotten := unawaited(value):
        return f"expected {expected}, {forgotten}"
    if value is None:
        return f"{what or 'a callback'} returned None: did no case match, or is a return missing?"
    if isinstance(value, type):
        return f"return an instance, as in {value.__name__}(…), not the class"
    if isinstance(value, Reply) and what not in ("handle_call", "init", ""):
        who = "a cast has no reply" if what == "handle_cast" else f"{what} has no caller to reply to"
        return f"Reply is for handle_call, {who}; return NoReply(state)"
    if isinstance(value, (Ok, Ignore)) and what not in ("init", ""):
        return f"{type(value).__name__.strip('_').removesuffix('With')} is for init; expected {expected}"
    if isinstance(value, WithOptions) and isinstance(value, (Ok, Reply, NoReply)) and _is_allowed(what, value):
        timeout: Any = getattr(value, "timeout", None)
        return f'timeout=: expected seconds >= 0, "infinity" or None, got {bounded_text(timeout, 50)}'
    tag: Any = value[0] if type(value) is tuple and value else value
    if type(tag) is str and tag in _TAGS:
        return f"expected {expected}; Erlang's {bounded_text(value, 80)} is {_TAGS[tag]} here"
    return f"expected {expected}"


def _is_allowed(what: str, value: Any) -> bool:
    if what == "init":
        return isinstance(value, Ok)
    return not isinstance(value, Ok) and (what in ("handle_call", "") or not isinstance(value, Reply))


def reason_hint(reason: Any, what: str = "") -> str:
    """Explain an exit reason to the other end of a call or a start; empty if it is self-explanatory."""
    if starts_with(reason, "bad_return_value"):
        return result_hint(what, reason[1])
    if type(reason) is Crash:
        if reason.term == "undef" and reason.stack and reason.stack[-1][0].endswith("gen_state_machine.py"):
            missing = reason.stack[-1][2]  # the function itself, as in Erlang
            return f"{missing}: the machine went to a state without such a method; the crash report names it"
        if starts_with(reason.term, "bad_return_from_state_function") and (forgotten := unawaited(reason.term[1])):
            return f"expected NextState(state, data), KeepState(data) or a similar result, {forgotten}"
        place = place_of(reason)
        return f"raised at {place}" if place else ""
    match reason:
        case ("EXIT", inner):
            return reason_hint(inner, what)
        case ("bad_return_from_init", got):
            forgotten = unawaited(got)
            return f"expected MachineOk(state, data), Stop(reason) or Ignore(), {forgotten}" if forgotten else ""
        case ("shutdown", ("failed_to_start_child", id, inner)):
            return _child_hint(id, inner)
        case ("bad_return", ((_, "start", _), got)):
            shown = unawaited(got) or f"got {bounded_text(got, 80)}"
            return f"expected the pid of the application's top supervisor from start, {shown}"
        case _:
            return ""


def _child_hint(id: Any, reason: Any) -> str:
    shown = f"the child {id.__name__ if isinstance(id, type) else bounded_text(id, 80)} failed to start"
    if reason is None:
        return (
            f"{shown}: its start function returned None; expected the pid of the linked process; is a return missing?"
        )
    if forgotten := unawaited(reason):
        return f"{shown}: expected the pid of a linked process from its start function, {forgotten}"
    hint = reason_hint(reason, "init")
    return f"{shown}: {hint}" if hint else shown


def place_of(crash: Crash) -> str:
    """Return the user code that raised, as `shop.py:12, in Counter.handle_call`, or an empty string."""
    for file, line, function in reversed(crash.stack):
        if not is_ours(file):
            return f"{os.path.basename(file)}:{line}, in {function}"
    return ""


def down_hint(reason: Any) -> str:
    """Explain to a caller why the server ended."""
    if is_clean(reason):
        return "it ended before it replied; to stop in a call and still reply, return Stop(reason, state, reply=value)"
    return reason_hint(reason)


def start_hint(reason: Any) -> str:
    """Explain to the starter why a start failed."""
    if isinstance(reason, str) and reason == "timeout":
        return "init took longer than the timeout= of the start"
    if isinstance(reason, (Stop, Reply, NoReply)):
        return ""
    return reason_hint(reason, "init")
