"""Hints for readers of a node: suggestions about exit reasons, in the words of the runtime's own errors."""

# Reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum
from types import CoroutineType
from typing import Any, Final

from otp.behaviours.server.behaviour import check_signatures
from otp.behaviours.supervisor.spec_check import explain as explain_spec
from otp.kernel.values.bounded import Shortened
from otp.kernel.values.errors import did_you_mean, result_hint
from otp.kernel.values.pids import Pid
from otp.kernel.values.reasons import Crash, ExceptionTerm
from otp.kernel.values.results import Ignore, NoReply, Ok, Reply, Stop
from otp.observer.code_at import CALLBACKS
from otp.observer.slips import explain_slip
from otp.observer.unfit_values import ONE_START
from otp.sentences import clip, safe_text, split_advice, tagged

__all__ = ["check_signatures", "explain_spec", "hint_for"]

HINT: Final = 500
PLAIN: Final = (str, int, float, bool, type(None), Ok, Reply, NoReply, Stop, Ignore, CoroutineType)
NAMES: Final = (tuple, bytes, frozenset, Enum)
STAND_INS: Final[dict[str, object]] = {"Reply": Reply(None, None), "Ok": Ok(None), "Ignore": Ignore()}
RESULTS: Final[dict[str, object]] = {one.__name__: one for one in (Ok, Reply, NoReply, Stop, Ignore)}
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
        names: the names of the node, also those of ended processes, for a suggestion.

    >>> hint_for(("bad_return_value", 5), "handle_call")
    'expected Reply(value, state), NoReply(state) or Stop(reason, state)'
    """
    hint = _hint(reason, callback, names)
    return clip(safe_text(hint), HINT) if hint else None


def _hint(reason: Any, callback: str | None, names: Iterable[Any]) -> str | None:
    tag, rest = tagged(reason)
    if tag == "bad_return_value" and len(rest) == 1:
        return result_hint(callback or "", rest[0] if _is_plain(rest[0]) else _stand_in(rest[0]))
    term = reason.term if issubclass(type(reason), Crash) else reason
    if issubclass(type(term), ExceptionTerm):
        name, text = safe_text(term.type_name), safe_text(term.text)
        found = _hint_for_exception(name, text, callback)
        return explain_slip(name, text, () if reason is term else reason.stack) if found is None else found
    if issubclass(type(term), str) and (advice := split_advice(term)[1]):
        return advice
    tag, rest = tagged(term)
    if tag == "noproc" and len(rest) == 1 and tagged(rest[0])[0] == "gen_server" and type(rest[0][-1]) is list:
        dest = next(iter(rest[0][-1]), None)
        if not issubclass(type(dest), (*PLAIN, *NAMES, type, Pid)):
            return (
                "expected a pid or a name, got an object such as self; "
                "to run code in the same server, call its method, or cast to self.pid"
            )
        known = [each for each in names if type(each) is str]
        return did_you_mean(dest, known) if type(dest) is str and dest not in known else None
    if tag == "calling_self":
        return "a process that calls itself waits for itself: call the method, or send itself a cast"
    return explain_spec(term) if tag and all(map(_is_plain, rest)) else None


def _stand_in(value: Any) -> object:
    """Return a value of the class that a result had, of which an event kept only the text."""
    if type(value) is not Shortened:
        return object()
    return RESULTS.get(value.text, object()) if value.type_name == "type" else STAND_INS.get(value.type_name, object())


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
    if type_name == "TypeError" and (found := re.match(r"(\w+)\.__init__\(\) (?:missing|takes|got) ", text)):
        form = FORMS.get(found[1])
        return None if form is None else f"write {form}"
    if type_name == "TypeError" and callback in CALLBACKS and re.match(rf"\w+\.{callback}\(\) (takes|missing) ", text):
        several = callback == "init" and " missing " in text
        return f"write def {callback}{CALLBACKS[callback]}{f'; {ONE_START}' if several else ''}"
    return None
