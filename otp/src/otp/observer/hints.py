"""Hints for readers of a node: suggestions about exit reasons, in the words of the runtime's own errors."""

# Reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from types import CoroutineType
from typing import Any, Final

from otp.behaviours.supervisor.spec_check import explain as explain_spec
from otp.kernel.values.errors import did_you_mean, result_hint
from otp.kernel.values.reasons import Crash, ExceptionTerm, StackEntry
from otp.kernel.values.results import Ignore, NoReply, Ok, Reply, Stop
from otp.redaction import source_line
from otp.sentences import clip, safe_text, tagged

__all__ = ["explain_needless_await", "explain_spec", "hint_for"]

HINT: Final = 500
AWAITED: Final = re.compile(r"object \w+ can't be used in 'await' expression|'\w+' object can't be awaited")
AWAIT: Final = re.compile(r"\bawait\s+([A-Za-z_][\w.]*)\s*\(")

SIGNATURES: Final = {
    "init": "(self, arg)",
    "handle_call": "(self, request, caller, state)",
    "handle_cast": "(self, request, state)",
    "handle_info": "(self, message, state)",
    "handle_continue": "(self, continuation, state)",
    "terminate": "(self, reason, state)",
}
PLAIN: Final = (str, int, float, bool, type(None), Ok, Reply, NoReply, Stop, Ignore, CoroutineType)
FORMS: Final = {
    "Ok": "Ok(state)",
    "Reply": "Reply(value, state)",
    "NoReply": "NoReply(state)",
    "Stop": "Stop(reason, state)",
}


def hint_for(reason: Any, callback: str | None, names: Iterable[Any] = ()) -> str | None:
    """Return a hint about an exit reason, if there is one.

    Args:
        reason: the exit reason.
        callback: the callback that the process was in, if any.
        names: the registered names of the node, for a suggestion.

    >>> hint_for(("bad_return_value", 5), "handle_call")
    'expected Reply(value, state), NoReply(state) or Stop(reason, state)'
    """
    hint = _hint(reason, callback, names)
    return clip(safe_text(hint), HINT) if hint else None


def _hint(reason: Any, callback: str | None, names: Iterable[Any]) -> str | None:
    tag, rest = tagged(reason)
    if tag == "bad_return_value" and len(rest) == 1:
        return result_hint(callback or "", rest[0] if _is_plain(rest[0]) else object())
    term = reason.term if issubclass(type(reason), Crash) else reason
    if issubclass(type(term), ExceptionTerm):
        if reason is not term and (needless := explain_needless_await(safe_text(term.text), reason.stack)):
            return needless
        return _hint_for_exception(safe_text(term.type_name), safe_text(term.text), callback)
    tag, rest = tagged(term)
    if tag == "noproc" and len(rest) == 1 and tagged(rest[0])[0] == "gen_server" and type(rest[0][-1]) is list:
        dest = next(iter(rest[0][-1]), None)
        return did_you_mean(dest, names) if type(dest) is str else None
    if tag == "calling_self":
        return "a process that calls itself waits for itself: call the method, or send itself a cast"
    return explain_spec(term) if tag and all(map(_is_plain, rest)) else None


def explain_needless_await(text: str, stack: Sequence[StackEntry]) -> str | None:
    """Say which awaited function is not async; return None for other exceptions.

    Args:
        text: the text of the exception.
        stack: where it was raised, innermost last.

    >>> explain_needless_await("object tuple can't be used in 'await' expression", ())
    'an awaited function is not async: remove the `await` before it'
    """
    if not AWAITED.fullmatch(text):
        return None
    file, line = stack[-1][:2] if stack else ("", 0)
    calls = AWAIT.findall(source_line(file, line)) if type(file) is str and type(line) is int else []
    return f"{calls[0] if len(calls) == 1 else 'an awaited function'} is not async: remove the `await` before it"


def _is_plain(value: Any) -> bool:
    """Return whether a value is of a class that runs no code of a program when it is compared or shown."""
    kind = type(value)
    if kind is tuple or kind is list:
        return all(map(_is_plain, value))
    return kind in PLAIN or issubclass(kind, type)


def _hint_for_exception(type_name: str, text: str, callback: str | None) -> str | None:
    if type_name in ("TypeError", "AttributeError") and "'coroutine'" in text:
        return "is an await missing? A call returns its answer after await"
    if type_name == "RuntimeWarning" and "was never awaited" in text:
        return "write await before the call"
    if found := re.fullmatch(r"type object '(\w+)' has no attribute '(child_spec|start|start_link)'", text):
        return f"{found[1]} is not a behaviour: try class {found[1]}(GenServer)"
    if type_name == "TypeError" and (found := re.match(r"(\w+)\.__init__\(\) missing \d+ required", text)):
        form = FORMS.get(found[1])
        return None if form is None else f"write {form}"
    if type_name == "TypeError" and callback in SIGNATURES and re.match(rf"\w+\.{callback}\(\) takes ", text):
        return f"write def {callback}{SIGNATURES[callback]}"
    return None
