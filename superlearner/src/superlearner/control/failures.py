"""Explanations of failed starts: innermost reason, line, expected form."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable
from typing import Any, Final

from otp import Crash, ExceptionTerm, Pid, StartError
from otp.code import UpgradeRefused
from otp.observer.hints import explain_spec, hint_for
from otp.redaction import source_line, without_secrets
from superlearner.control.names import last_name
from superlearner.control.reasons import OTP, has_own_frame, own_frame, tagged, text_of_reason
from superlearner.control.slots import id_text
from superlearner.control.terms import is_a, safe_text

__all__ = ["Place", "explain", "explain_refusal", "explain_start", "failed_child", "unwrapped"]

INDENT = "  "
Place = tuple[str, int, str]
"""File, line and function."""
PLACE_IN_TEXT: Final = re.compile(r" \((/[^()]+\.py):(\d+)\)")
"""The place that the runtime names when it refuses a callback."""

BARE_RETURN: Final = re.compile(r"return (\w+)")
"""A line that returns a variable."""

STOPPED: Final = re.compile(r"\s*return (?:\w+\.)?Stop\(")
"""A line that returns the end of a start."""

IMPORTED: Final = re.compile(r"(?<=') \([^()]*\.py\)\Z")
"""The file of the package that Python names when it has no such name."""

CALLER: Final = os.path.join(OTP, "kernel", "steps", "system.py")


def explain(error: BaseException, place: Place | None = None) -> str:
    """Return why a start raised `error`; `place` is that of the mistake, if the reason has none."""
    if not isinstance(error, StartError):
        return without_secrets(f"{type(error).__name__}: {error}")
    if _is_of_a_child(error.reason) or place is not None:
        return explain_start(error.reason, place)
    if is_a(error.reason, Crash):
        return _crash(error.reason)
    said = str(error).partition(" (reason ")[0]
    if said and said != str(error.reason):
        return without_secrets(said)  # the runtime's message already lists the accepted forms
    return explain_start(error.reason)


def _is_of_a_child(reason: Any) -> bool:
    """Return whether a supervisor did not start because of a child.

    The runtime's message begins with the raw term then.
    """
    tag, rest = tagged(reason)
    return tag == "shutdown" and len(rest) == 1 and tagged(rest[0])[0] == "failed_to_start_child"


def explain_start(reason: Any, place: Place | None = None, depth: int = 10) -> str:
    """Return a start's reason, unwrapped from the supervisors around it.

    >>> print(explain_start(("shutdown", ("failed_to_start_child", "ledger", "no_money"))))
    its child ledger does not start
      no_money
    """
    if is_a(reason, Crash, ExceptionTerm):
        return _crash(reason, place)
    tag, rest = tagged(reason)
    match tag, len(rest):
        case "shutdown", 1 if depth:
            child = failed_child(reason)
            if child is not None:
                below = explain_start(child[1], place, depth - 1).replace("\n", f"\n{INDENT}")
                return f"its child {id_text(child[0])} does not start\n{INDENT}{below}"
        case "bad_return_value", 1:
            whose = "its init" if place is None else place[2]
            said = f"expected Ok(state), Stop(reason) or Ignore() from {whose}, got {text_of_reason(rest[0])}"
            if rest[0] is None:
                said += "; did you forget to return it?"
            elif place is not None and (state := BARE_RETURN.fullmatch(source_line(place[0], place[1]).strip())):
                said += f"; write return Ok({state[1]})"
            return _with_place(said, place)
        case "already_started", 1 if is_a(rest[0], Pid):
            name = last_name(rest[0])
            said = "its name is taken by another process" if name is None else f"its name {name!r} is taken"
            return _with_place(f"{said}; give it another name", place)
        case "EXIT", 1 if depth:
            return explain_start(rest[0], place, depth - 1)
        case _:
            pass
    said = _in_words(reason)
    if place is not None and STOPPED.match(source_line(place[0], place[1])):
        said = f"its init returned Stop(…) with the reason {said}"
    return _with_place(said, place)


def unwrapped(reason: Any, depth: int = 10) -> list[Any]:
    """Return the reasons of the supervisors that did not start, outermost first, and then the one inside them."""
    child = failed_child(reason) if depth else None
    return [reason] if child is None else [reason, *unwrapped(child[1], depth - 1)]


def failed_child(reason: Any) -> tuple[Any, Any] | None:
    """Return id and reason of the child for which a supervisor did not start; None for other reasons.

    >>> failed_child(("shutdown", ("failed_to_start_child", "ledger", "no_money")))
    ('ledger', 'no_money')
    """
    tag, rest = tagged(reason)
    inner_tag, inner = tagged(rest[0]) if tag == "shutdown" and len(rest) == 1 else (None, ())
    return (inner[0], inner[1]) if inner_tag == "failed_to_start_child" and len(inner) == 2 else None


def _in_words(reason: Any) -> str:
    """Return a reason in the words of the runtime's error about it, if there are any."""
    said = None
    with contextlib.suppress(Exception):  # an object of the program may raise when it is compared
        said = explain_spec(reason) if tagged(reason)[0] else None
    return text_of_reason(reason, 1000) if said is None else safe_text(without_secrets(said))


def _with_place(words: str, place: Place | None) -> str:
    if place is None:
        return words
    file, line, function = place
    return f"{words}\n{INDENT}{file}, line {line}, in {function}\n{INDENT * 3}{source_line(file, line)}".rstrip()


def explain_refusal(refused: UpgradeRefused, name: Callable[[Pid], str], place: Place | None = None) -> str:
    """Return why a reload was refused, and which processes kept or lost their state.

    `place` is that of the mistake, if the reason has none.

    >>> explain_refusal(UpgradeRefused(None, "upgrade_in_progress"), str)
    'nothing has changed: the new source cannot be used: upgrade_in_progress'
    >>> explain_refusal(UpgradeRefused(None, ("undef", "main.Main")), str).partition(", or ")[0]
    'nothing has changed: the new source has no class Main, which is running; define a class Main'
    """
    if (lacks := _lacks(refused.reason, None if refused.server is None else name(refused.server))) is not None:
        return f"nothing has changed: {lacks}"
    reason = _bad_return(refused.reason) or explain_start(refused.reason, place)
    if type(refused.reason) is str and refused.reason == "no_previous_version":
        return "nothing has changed: there is no version to go back to; one is kept from a reload to the next rollback"
    if refused.server is None:
        return f"nothing has changed: the new source cannot be used: {reason}"
    who = name(refused.server)
    if type(refused.reason) is str and refused.reason == "timeout":
        return f"nothing has changed: {who} still runs the old code, and did not switch to the new one in time"
    if not refused.ended:
        return f"nothing has changed: {who} cannot run the new source: {reason}"
    said = f"all went back to the old source: {who} ended with the new one, and its state is lost"
    if refused.reset:
        said += f"; these were reset to their earlier state: {', '.join(map(name, refused.reset))}"
    return f"{said}: {reason}"


def _lacks(reason: Any, who: str | None) -> str | None:
    """Return an error text if the new source does not define the class of a running process, else None."""
    tag, rest = tagged(reason)
    if tag != "undef" or len(rest) != 1 or type(rest[0]) is not str:
        return None
    name = rest[0].rpartition(".")[2]
    runs = "is running" if who is None else f"{who} runs"
    return f"the new source has no class {name}, which {runs}; define a class {name}, or run it as a new sandbox"


def _bad_return(reason: Any) -> str | None:
    """Return an error text if `code_change` returned an invalid result, else None."""
    if not is_a(reason, Crash) or not reason.stack or is_a(reason.term, ExceptionTerm):
        return None
    file, _, function = reason.stack[-1]
    if (file, function) != (CALLER, "_changed"):  # the runtime's call, which rejects an invalid result
        return None
    return f"expected Ok(state) from its code_change, got {text_of_reason(reason.term, 1000)}"


def _crash(reason: Any, place: Place | None = None) -> str:
    """Return an exception and its line, which is `place` if the stack has no line of the program."""
    term: Any = reason.term if is_a(reason, Crash) else reason
    if not is_a(term, ExceptionTerm):
        what = _in_words(term) if is_a(term, tuple) else text_of_reason(reason, 1000)
        return _with_place(what, own_frame(reason) if place is None else place)
    text = IMPORTED.sub("", safe_text(without_secrets(term.text)))
    hint = hint_for(reason, None if place is None else place[2].rpartition(".")[2])
    frame = own_frame(reason)
    named = PLACE_IN_TEXT.search(text)
    if named is not None:
        text = f"{text[: named.start()]}{text[named.end() :]}"
        frame = (named[1], int(named[2]), "<module>" if frame is None else frame[2])
    elif place is not None and not has_own_frame(reason):
        frame = place
    what = text if term.type_name == "MissingCallback" else f"{term.type_name}: {text}"
    return _with_place(what if hint is None else f"{what}; {hint}", frame)
