"""The end of a process of an answer, in words: its callback, and what that returned or raised."""

from __future__ import annotations

import inspect
import traceback
from typing import Any, Final

import otp
from otp.observer.slips import explain_needless_await, explain_slip
from otp.testing import RealIONotSimulated
from superlearner.control.reasons import BLOCKS, tagged, text_of_reason
from superlearner.course.engine.values import cut, render
from superlearner.course.engine.verdict import Wrong

__all__ = ["LONGEST", "RETURNED", "end_of", "failed_child", "is_typo", "raised", "real_io", "stack_of", "still_waiting"]

LONGEST: Final = 200
RETURNED: Final = "because its function returned"
"""The end of the sentence about a process that should have gone on."""
EXPECTED: Final = {
    "init": "Ok(state)",
    "handle_call": "Reply(value, state)",
    "handle_cast": "NoReply(state)",
    "handle_info": "NoReply(state)",
    "handle_continue": "NoReply(state)",
}
"""The usual result of each callback."""
TYPOS: Final = ("NameError", "UnboundLocalError", "ImportError", "ModuleNotFoundError")
NO_REPLY: Final = "the sender of a cast waits for no reply"
ASKED: Final = "A call waits for a reply, which only handle_call gives; a cast has no reply."
CALLS_ITSELF: Final = (
    "calls its own server, which cannot answer before the callback has returned; use the state that the callback gets"
)
WAITS: Final = "Until a callback returns, its server takes no other message."


def end_of(said: str, reason: Any, callback: str | None = None, why_none: str = "") -> Wrong:
    """Return the fault of a server that ended, with the misconception that its reason shows.

    Args:
        said: what was asked of it, such as `get(server): the server ended: `.
        reason: of its end.
        callback: in which it ended, if that is known.
        why_none: why the callback returned None, if that is known.

    >>> end_of("", ("noproc", ("gen_server", "call", ["log", "join"]))).say
    "its call 'join' to 'log' found no process"
    >>> end_of("", ("bad_return_value", otp.Reply(1, 1)), "handle_cast").say
    'handle_cast returned Reply(1, 1), but the sender of a cast waits for no reply; expected NoReply(state)'
    """
    tag, rest = tagged(reason)
    if tag == "bad_return_value" and len(rest) == 1 and callback in EXPECTED:
        return _illegal(said, rest[0], callback, why_none)
    if tag == "already_started":
        return Wrong(f"{said}a process with its name runs already")
    if tag == "calling_self":
        return Wrong(f"{said}{callback or 'a callback'} {CALLS_ITSELF}", "M15")
    match reason:
        case (why, ("gen_server", "call", [to, request, *_])):
            call = f"{said}its call {render(request)} to {render(to)} "
            return Wrong(f"{call}found no process") if why == "noproc" else end_of(f"{call}failed: ", why)
        case (str(), ("bad_return", ((_, "start", _), ("EXIT", why)))):
            return end_of(f"{said}its start failed: ", why)
        case (str(), ("bad_return", ((_, "start", _), result))):
            if inspect.iscoroutine(result):
                result.close()
                return Wrong(f"{said}`start` returned a coroutine: `await` is missing before a call in it")
            told = f"{said}its start returned {render(result)}, not the pid of its topmost supervisor"
            return Wrong(f"{told}: is a return missing?")
        case (str(), (why, (_, "start", _))):
            return end_of(f"{said}its start failed: ", why)
        case ("bad_return", (_, _, result)):
            return Wrong(f"{said}its init returned {render(result)}: is a return missing?")
        case _:
            pass
    if not isinstance(reason, otp.Crash):
        return Wrong(f"{said}{text_of_reason(reason, LONGEST) if tag == 'bad_return_value' else render(reason)}")
    if isinstance(reason.term, otp.ExceptionTerm):
        name, text = reason.term.type_name, reason.term.text
        if name == "RealIONotSimulated":
            refused = real_io(text)
            return Wrong(f"{said}{refused.say}", refused.misconception)
        needless = explain_needless_await(text, reason.stack)
        return Wrong(f"{said}{needless or _in_words(name, text, reason.stack)}")
    if isinstance(reason.term, str) and " " in reason.term:  # a sentence of the library
        return Wrong(f"{said}{cut(reason.term, LONGEST)}")
    return Wrong(f"{said}{render(reason)}")


def is_typo(reason: Any) -> bool:
    """Return whether a process ended because of a name that does not exist, which shows no misconception.

    >>> is_typo(otp.Crash(otp.ExceptionTerm("NameError", (), "name 'fom' is not defined")))
    True
    """
    if not isinstance(reason, otp.Crash) or not isinstance(reason.term, otp.ExceptionTerm):
        return False
    kind, text = reason.term.type_name, reason.term.text
    return kind in TYPOS or (kind == "AttributeError" and text.startswith("module "))


def failed_child(reason: Any) -> tuple[str, Any]:
    """Return which child a supervisor could not start, in words, and why; else "" and the reason itself.

    >>> failed_child(("shutdown", ("failed_to_start_child", "cart", "no_stock")))
    ("its child 'cart' does not start: ", 'no_stock')
    >>> failed_child("no_stock")
    ('', 'no_stock')
    >>> failed_child(("shutdown", ("failed_to_start_child", "crew", ("shutdown", ("failed_to_start_child", "ann", 1)))))
    ("its child 'crew' does not start: its child 'ann' does not start: ", 1)
    """
    match reason:
        case ("shutdown", ("failed_to_start_child", child, why)):
            below, cause = failed_child(why)
            return (
                f"its child {child.__name__ if isinstance(child, type) else render(child)} does not start: {below}",
                cause,
            )
        case _:
            return "", reason


def _illegal(said: str, result: Any, callback: str, why_none: str) -> Wrong:
    expected = EXPECTED[callback]
    if result is None:
        return Wrong(f"{said}{callback} returned None: {why_none or 'did no case match, or is a return missing?'}")
    returned = f"{said}{callback} returned {render(result)}"
    if callback == "handle_cast" and issubclass(type(result), otp.Reply):
        return Wrong(f"{returned}, but {NO_REPLY}; expected {expected}", "M14", ASKED)
    return Wrong(f"{returned}; expected {expected}")


def real_io(text: str) -> Wrong:
    """Return the fault of an answer that does what a check does not simulate.

    Args:
        text: of the exception, which begins with what was called.

    >>> real_io("socket.socket: expected only simulated I/O").say
    'expected neither threads, sockets nor real waiting, got socket.socket'
    """
    call = text.partition(":")[0]
    if call == "time.sleep":
        return Wrong(f"{call} {BLOCKS}", "M7")
    return Wrong(f"expected neither threads, sockets nor real waiting, got {call}")


def raised(said: str, error: BaseException, text: str | None = None, m: str | None = None) -> Wrong:
    """Return the fault of a call that raised an exception.

    Args:
        said: the call.
        error: the exception.
        text: that of the exception, if it is shown in another form.
        m: the misconception that the exception shows.

    >>> raised("get(server)", ValueError("oops")).say
    'get(server) raised ValueError: oops'
    """
    shown = str(error) if text is None else text
    if isinstance(error, AttributeError) and shown.startswith("'coroutine' object"):
        return Wrong(f"{said}: `await` is missing before a call of an async function")
    stack = stack_of(error)
    if needless := explain_needless_await(shown, stack):
        return Wrong(f"{said}: {needless}")
    if isinstance(error, RealIONotSimulated):
        refused = real_io(shown)
        return Wrong(f"{said}: {refused.say}", refused.misconception)
    return Wrong(f"{said} raised {_in_words(type(error).__name__, shown, stack)}", m)


def _in_words(name: str, text: str, stack: tuple[tuple[str, int, str], ...]) -> str:
    """Return an exception with what to write instead, if that is known."""
    slip = explain_slip(name, text, stack)
    return f"{name}: {cut(text, LONGEST)}".removesuffix(": ") + (f"; {slip}" if slip else "")


def stack_of(error: BaseException) -> tuple[tuple[str, int, str], ...]:
    """Return where an exception was raised, innermost last."""
    return tuple((one.filename, one.lineno or 0, one.name) for one in traceback.extract_tb(error.__traceback__))


def still_waiting(what: str, place: str) -> Wrong:
    """Return the fault of a server whose callback has not returned.

    Args:
        what: was asked of it.
        place: the function in which it waits, with the line.

    >>> still_waiting("get(server)", "Cache.handle_call:12").say
    'line 12: get(server) got no answer in time: handle_call is still waiting, and its server takes no other message'
    """
    function, _, line = place.rpartition(":")
    waits = f"{function.rpartition('.')[2]} is still waiting, and its server takes no other message"
    return Wrong(f"{f'line {line}: ' if line.isdigit() else ''}{what} got no answer in time: {waits}", "P1", WAITS)
