"""Wrong results of callbacks: the callback and the line, which the exit reason lacks.

The runtime ends a process with `("bad_return_value", result)`, as Erlang does. Which callback returned the result is in
the event of the end; a supervisor's events about that end, and about failed starts, have the reason alone.
"""

from __future__ import annotations

import linecache
from collections.abc import Iterator, Mapping
from typing import Any, Final

import otp
from superlearner.control.failures import Place
from superlearner.control.mistakes import explain_missing_return, place_of
from superlearner.control.reasons import place_text, tagged, text_of_reason
from superlearner.control.terms import is_a

__all__ = ["QUESTION", "name_callback", "reason_of", "reason_of_last"]

UNNAMED: Final = "a callback returned "
ANY_RESULT: Final = "Ok(…), Reply(…) or NoReply(…)"
RESULTS_OF: Final = {
    "init": "Ok(…), Stop(…) or Ignore()",
    "handle_call": "Reply(…), NoReply(…) or Stop(…)",
    "handle_cast": "NoReply(…) or Stop(…)",
    "handle_info": "NoReply(…) or Stop(…)",
    "handle_continue": "NoReply(…) or Stop(…)",
}
"""The results that each callback may return, in place of `ANY_RESULT`."""
QUESTION: Final = "did no case match, or is a return missing?"
LOOKED_BACK: Final = 500
"""The number of events before one that are searched for its end."""


def reason_of(kind: str, seq: int, pid: Any, cause: int, data: Mapping[str, Any]) -> str:
    """Return the exit reason in an event as text; that of a wrong result has the callback and its line."""
    text = text_of_reason(data.get("reason"))
    if not text.startswith(UNNAMED) or not _is_wrong_result(data["reason"]):
        return text
    return _add_callback(text, data if kind == "exited" else next(_find_ends(kind, seq, pid, cause, data), None))


def reason_of_last(pid: Any, reason: Any) -> str:
    """Return the reason for which a child ended last, as `reason_of` does; `pid` is a process of its node, if known."""
    text = text_of_reason(reason)
    if not text.startswith(UNNAMED) or not _is_wrong_result(reason) or not is_a(pid, otp.Pid):
        return text
    alike = (
        end for end in _find_wrong_results(otp.trace.node_of(pid), 0) if text_of_reason(end.data["reason"]) == text
    )
    return _add_callback(text, next((end.data for end in alike), None))


def name_callback(node: otp.Node, words: str) -> str:
    """Add the callback and its line to a log sentence about the newest wrong result on a node."""
    before, found, after = words.partition(UNNAMED)
    if not found:
        return words
    end = next((one.data for one in _find_wrong_results(node, 0)), None)
    return before + _add_callback(UNNAMED + after, end)


def _add_callback(text: str, end: Mapping[str, Any] | None) -> str:
    """Add the callback in the data of an end to the text of its reason."""
    callback = None if end is None else end.get("callback")
    if end is None or not callback:
        return text
    place = place_of(str(end.get("what")), callback, end["reason"], message=end.get("message"))
    where = "" if place is None else f" ({place_text(place).partition(' ')[0]})"
    named = f"{callback}{where} {text.removeprefix('a callback ')}".replace(
        ANY_RESULT, RESULTS_OF.get(callback, ANY_RESULT)
    )
    return named if place is None else _add_cause(named, place, end)


def _add_cause(text: str, place: Place, end: Mapping[str, Any]) -> str:
    """Replace the question why a result is None by the answer, if that is known."""
    before, asked, after = text.partition(QUESTION)
    if not asked:
        return text
    source = "".join(linecache.getlines(place[0]))
    missing = explain_missing_return(source, str(end["what"]), end["callback"], end["reason"], end.get("message"))
    return text if missing is None or not missing.why else f"{before}{missing.why}{after}"


def _find_ends(kind: str, seq: int, me: Any, cause: int, data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the data of the ends that an event of a supervisor may be about, the best first."""
    if not is_a(me, otp.Pid):
        return
    pid = data.get("old") if kind == "child_restarted" else data.get("child")
    starts = kind == "restart_failed" or data.get("retried") is True
    for end in _find_wrong_results(otp.trace.node_of(me), seq - LOOKED_BACK):
        if end.seq > seq:
            continue
        if (end.data.get("callback") == "init") if starts else (end.pid is pid or end.seq == cause):
            yield end.data


def _find_wrong_results(node: otp.Node, since: int) -> Iterator[Any]:
    """Yield the events of processes that ended for a wrong result, newest first."""
    for event in reversed(otp.trace.history(node, since)):
        if event.kind == "exited" and _is_wrong_result(event.data["reason"]):
            yield event


def _is_wrong_result(reason: Any) -> bool:
    tag, rest = tagged(reason)
    return tag == "bad_return_value" or (tag == "EXIT" and len(rest) == 1 and _is_wrong_result(rest[0]))
