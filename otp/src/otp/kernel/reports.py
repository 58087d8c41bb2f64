"""Crash reports: who ended, in which callback, with which message and why. The live traceback is logged once, here."""

from __future__ import annotations

import logging
import reprlib
from typing import Any

from otp.kernel.log import say
from otp.kernel.process import Process
from otp.kernel.reasons import is_clean, starts_with
from otp.kernel.tracing import bounded_text
from otp.redaction import without_secrets

__all__ = ["report_crash"]


def report_crash(p: Process, what: str, message: Any, reason: Any, error: BaseException | None) -> None:
    """Log the abnormal end of a process; nothing for clean reasons, nor for what is meant to end the program."""
    if isinstance(error, (KeyboardInterrupt, SystemExit)):
        return
    if is_clean(reason) or not logging.getLogger("otp").isEnabledFor(logging.ERROR):
        return
    name = p._node.label(p)
    where = None if p._vt is None else getattr(p._vt.handler, "__otp_doing__", None)
    sensitive = p._x is not None and p._x.sensitive
    doing = "" if where is None or sensitive else where(p._state)
    if what and not doing:
        doing = f" in {what}" if sensitive else f" in {what}({bounded_text(message)})"
    hint = ""
    if starts_with(reason, "bad_return_value"):
        hint = _bad_return_hint(what, reason[1])
    say(
        logging.ERROR,
        "%s ended%s: %s%s%s",
        name,
        doing,
        bounded_text(reason, 500),
        hint,
        "" if p._vt is None or p._vt.supervisor or what == "init" else _state_text(p),
        exc_info=error if isinstance(error, Exception) else None,
    )


def _state_text(p: Process) -> str:
    """The state, as its `format_status` lets others see it, without what looks like a secret."""
    from otp.kernel.system import formatted_state

    shorter = reprlib.Repr()
    shorter.maxstring = shorter.maxother = 100
    try:
        text = shorter.repr(formatted_state(p))
    except Exception as error:
        text = f"<its repr raised {type(error).__name__}>"
    return f"; state {without_secrets(text[:500])}"


def _bad_return_hint(what: str, value: Any) -> str:
    if value is None:
        return f"; {what or 'the callback'} returned None: did no case match, or is a return missing?"
    if isinstance(value, type):
        return f"; return an instance, as in {value.__name__}(…), not the class"
    return f"; expected {_EXPECTED.get(what, 'a result such as NoReply(state)')}"


_EXPECTED = {
    "init": "Ok(state), Stop(reason) or Ignore()",
    "handle_call": "Reply(value, state), NoReply(state) or Stop(reason, state)",
}
