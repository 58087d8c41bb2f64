"""Crash reports: who ended, in which callback, with which message and why. The live traceback is logged once, here."""

from __future__ import annotations

import logging
from typing import Any

from otp.kernel.log import say
from otp.kernel.process import Process
from otp.kernel.reasons import is_clean, starts_with
from otp.kernel.tracing import bounded_text

__all__ = ["report_crash"]


def report_crash(p: Process, what: str, message: Any, reason: Any, error: BaseException | None) -> None:
    """Log the abnormal end of a process; nothing for clean reasons, nor for what is meant to end the program."""
    if isinstance(error, (KeyboardInterrupt, SystemExit)):
        return
    if is_clean(reason) or not logging.getLogger("otp").isEnabledFor(logging.ERROR):
        return
    name = p._node.label(p)
    where = None if p._vt is None else getattr(p._vt.handler, "__otp_doing__", None)
    doing = "" if where is None else where(p._state)
    if what and not doing:
        doing = f" in {what}({bounded_text(message)})"
    hint = ""
    if starts_with(reason, "bad_return_value"):
        hint = _bad_return_hint(what, reason[1])
    say(
        logging.ERROR,
        "%s ended%s: %s%s",
        name,
        doing,
        bounded_text(reason, 500),
        hint,
        exc_info=error if isinstance(error, Exception) else None,
    )


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
