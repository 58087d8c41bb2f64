"""Wrong results of callbacks, and `Stop`: the callback and the line, which the exit reason lacks.

The runtime ends a process with `("bad_return_value", result)`, as Erlang does. Which callback returned the result is in
the event of the end; a supervisor's events about that end, and about failed starts, have the reason alone.
"""

from __future__ import annotations

import linecache
from collections.abc import Iterator, Mapping
from math import inf
from typing import Any, Final, NamedTuple

import otp
from otp import Crash, ExceptionTerm, sentences
from superlearner.base.printable import printable
from superlearner.control.failures import Place, failed_child, unwrapped
from superlearner.control.handled import callback_of, class_of, handled_by
from superlearner.control.mistakes import explain_missing_return, place_of, place_of_stop
from superlearner.control.reasons import (
    failed_call,
    has_own_frame,
    is_crash,
    own_frame,
    place_text,
    tagged,
    text_of_reason,
)
from superlearner.control.slots import id_text
from superlearner.control.terms import clip, is_a

__all__ = [
    "QUESTION",
    "UnansweredCall",
    "cause_of_timeout",
    "end_of_start",
    "find_unanswered",
    "is_by_link",
    "is_end_of",
    "name_place",
    "place_of_call",
    "place_of_end",
    "place_of_event",
    "place_of_failure",
    "reason_of",
    "reason_of_last",
    "unwrapped_start",
]

UNNAMED: Final = "a callback returned "
QUESTION: Final = "did no case match, or is a return missing?"
LONGEST: Final = 300
"""Characters of the cause of a time-out."""
FAILED_STARTS: Final = ("restart_failed", "start_failed")
"""Kinds of events of a supervisor about a start that failed: the end of that process is in another event."""
LOOKED_BACK: Final = 500
"""The number of events before one that are searched for its end."""


class UnansweredCall(NamedTuple):
    """A call that ended its caller because the called process did not run, or did not answer in time.

    `name` is the registered name by which it was called on this node; None for another destination. `timed_out` is
    False if it did not run, `is_deadlock` True if the call was part of a deadlock.
    """

    callee: str
    name: str | None
    timed_out: bool
    is_deadlock: bool


def reason_of(kind: str, seq: int, pid: Any, cause: int, data: Mapping[str, Any]) -> str:
    """Return the exit reason in an event as text; that of a wrong result has the callback and its line.

    It may also be the reason of a process whose call failed for it. For a call in a deadlock, it includes the cycle;
    for another one without an answer, the line of the server. For `Stop`, it includes the callback that returned it.
    """
    if failed_call(data.get("reason")) is not None:
        end, number = (data, seq) if kind == "exited" else (_find_end(pid, cause), cause)
        text = _name_crashed(_text_of_call(data["reason"], end), data["reason"], pid, number)
    else:
        text = name_children(text_of_reason(data.get("reason")), data.get("reason"), pid, seq)
    before, found, after = text.partition(UNNAMED)
    if not found or not _is_wrong_result(reason := _cause_of(data["reason"])):
        stop = _find_stop(kind, seq, pid, cause, data)
        return text if stop is None else f"{text} ({stop[0]} returned Stop)"
    if reason is not data["reason"]:
        end = _find_end_of(pid, reason, seq)
    else:
        end = data if kind == "exited" else next(_find_ends(kind, seq, pid, cause, data), None)
    return before + _add_callback(found + after, end)


def _text_of_call(reason: Any, end: Mapping[str, Any] | None) -> str:
    """Return the reason of a failed call as text, with its time and what its server did, by the end of its caller."""
    if end is None:
        return text_of_reason(reason)
    text, why = text_of_reason(reason, waited=_waited(end)), cause_of_timeout(end)
    return f"{text} because {clip(printable(why), LONGEST)}" if why else text


def _name_crashed(text: str, reason: Any, pid: Any, before: int) -> str:
    """Name the process that crashed in the text of a failed call whose server only ended with it, over a link."""
    called = _innermost_call(reason)
    if called is None or not is_a(called[0], Crash) or not is_a(pid, otp.Pid):
        return text
    since = otp.trace.history(otp.trace.node_of(pid), max(0, before - LOOKED_BACK))
    ends = {event.seq: event for event in since if event.kind == "exited" and event.seq < before}
    end = server = next((one for one in reversed(ends.values()) if is_end_of(one, called[1])), None)
    while end is not None and is_by_link(end, other := ends.get(end.cause)):
        end = other
    if end is None or end is server:
        return text
    name, dest = id_text(end.data.get("name") or end.data["what"]), sentences.dest_text(called[1])
    return text.replace(f"{dest} crashed at ", f"{dest} ended with {name}, which crashed at ", 1)


def _innermost_call(reason: Any) -> tuple[Any, Any] | None:
    """Return the reason and the server of a failed call, perhaps in a server that was called; None without one."""
    called, depth = failed_call(reason), 0
    while called is not None and (deeper := failed_call(called[0])) is not None and depth < LOOKED_BACK:
        called, depth = deeper, depth + 1
    return called


def is_end_of(end: Any, server: Any) -> bool:
    """Return whether an end is that of the server of a call, by its pid or its name on this node."""
    name = end.data.get("name")
    if end.pid is server or (name is not None and name is server):
        return True
    return type(name) is type(server) is str and name == server


def is_by_link(end: Any, cause: Any) -> bool:
    """Return whether the event that led to an end is that of another process, whose exit signal over a link did it."""
    return cause is not None and cause.kind == "exited" and cause.pid is end.data.get("sender")


def _waited(end: Mapping[str, Any]) -> float:
    """Return for how many seconds the failed call of an end waited; 0 if its reason has that, or it is not known."""
    return end.get("waited") or 0.0


def name_children(text: str, reason: Any, pid: Any, before: float) -> str:
    """Replace child ids in the text of a failed start with the names of their processes.

    The reason has only the ids. Each process that did not start has ended just before, with a part of that reason.
    """
    if failed_child(reason) is None or not is_a(pid, otp.Pid):
        return text
    inner = unwrapped(reason)
    ids = [id_text(child[0]) for child in map(failed_child, inner[:-1]) if child is not None]
    names = dict[int, str]()
    for end in reversed(otp.trace.history(otp.trace.node_of(pid), 0 if before == inf else int(before) - LOOKED_BACK)):
        if end.kind != "exited" or end.seq > before or (name := end.data.get("name")) is None:
            continue
        below = unwrapped(end.data["reason"])
        depth = len(ids) - len(below)  # the depth of the child that ended
        if depth < 0 or depth in names or (len(below) == 1 and end.data.get("callback") != "init"):
            continue
        if ids[depth + 1 :] == [id_text(child[0]) for child in map(failed_child, below[:-1]) if child is not None]:
            names[depth] = id_text(name)
            if len(names) == len(ids):
                break
    done, rest = "", text
    for place, id in enumerate(ids):
        before_it, found, rest = rest.partition(f"its child {id} did not start: ")
        if not found:
            return done + before_it
        done += f"{before_it}its child {names.get(place, id)} did not start: "
    return done + rest


def cause_of_timeout(end: Mapping[str, Any]) -> str:
    """Return why a call timed out, from the data of its event, or the end of its caller; "" if that is not known."""
    return sentences.unanswered(end.get("cycle"), end.get("busy"))


def reason_of_last(pid: Any, reason: Any, old: Any = None) -> str:
    """Return the reason for which a child ended last, as `reason_of` does.

    Args:
        pid: a process of its node, if known.
        reason: the reason.
        old: the process that ended, if known.
    """
    if failed_call(reason) is not None:
        text = _text_of_call(reason, None if old is None else _find_end(old, old.exit_seq))
        text = text if old is None else _name_crashed(text, reason, old, old.exit_seq)
    else:
        text = name_children(text_of_reason(reason), reason, pid, inf)
    before, found, after = text.partition(UNNAMED)
    if not found or not _is_wrong_result(cause := _cause_of(reason)):
        stop = None if old is None else _find_stop("child_terminated", 0, old, old.exit_seq, {"reason": reason})
        return text if stop is None else f"{text} ({stop[0]} returned Stop)"
    return before + _add_callback(found + after, _find_end_of(pid, cause))


def name_place(node: otp.Node, words: str) -> str:
    """Add the line of the mistake to a log sentence about the newest failure on a node; of a result, the callback."""
    before, found, after = words.partition(UNNAMED)
    if found:
        end = next((one.data for one in _find_wrong_results(node, 0)), None)
        return before + _add_callback(found + after, end)
    for event in reversed(otp.trace.history(node)):
        data = event.data
        if event.kind != "exited":
            continue
        crash = f" crashed: {text_of_reason(data['reason'], waited=_waited(data))}"
        if crash not in words:
            continue
        place = place_of_end(node, data, event.seq)
        if place is None:
            return words
        reason = reason_of(event.kind, event.seq, event.pid, event.cause, data)
        crash = f" crashed: {reason}" if f" crashed: {reason}" in words else crash  # the log may have the callback, too
        return words.replace(crash, f" crashed at {place_text(place).partition(' ')[0]}: {reason}", 1)
    return words


def place_of_end(node: otp.Node, data: Mapping[str, Any], seq: int) -> Place | None:
    """Return the line at which a process failed, from the data of its end and the number of that event.

    None if it made no mistake: it called a server that had crashed.
    """
    reason = _cause_of_start(data["reason"])
    if not data.get("cycle") and _had_crashed(node, reason, seq):  # in a deadlock, each call is a mistake
        return None
    if (raised := place_of_call(data) or _place_of_exit(data)) is not None:
        return raised
    place = place_of(class_of(data), callback_of(data), reason, message=handled_by(data))
    return own_frame(reason) or _place_of_own_stop(data) if place is None else place


def place_of_event(kind: str, seq: int, pid: Any, cause: int, data: Mapping[str, Any]) -> Place | None:
    """Return the line in the program that ended a process, from an event about its end.

    It raised there, made a call that failed, or returned a wrong result, or `Stop`. None if it ended for another
    reason, or if the call failed because its server ended.
    """
    reason = data.get("reason")
    if is_a(reason, Crash) and (raised := own_frame(reason)) is not None:
        return raised
    called = failed_call(reason)
    if not is_a(pid, otp.Pid):
        return None
    if is_a(reason, Crash):  # its class may lack the callback
        end, seq = (data, seq) if kind == "exited" else (_find_end(pid, cause), cause)
        return None if end is None else place_of_end(otp.trace.node_of(pid), end, seq)
    if called is None and not _is_wrong_result(reason):
        end = _find_own_end(kind, seq, pid, cause, data)
        return None if end is None else _place_of_exit(end) or _place_of_own_stop(end)
    if kind == "exited":
        end = data
    elif called is not None:
        end, seq = _find_end(pid, cause), cause
    else:
        end = next(_find_ends(kind, seq, pid, cause, data), None)
    if end is None or (called is not None and not _is_own_mistake(called[0], end)):
        return None
    return place_of_end(otp.trace.node_of(pid), end, seq)


def place_of_call(data: Mapping[str, Any]) -> Place | None:
    """Return the line of the call whose failure ended a process, whether or not it is a mistake; None without one."""
    return None if failed_call(data.get("reason")) is None else _place_in(data)


def _place_of_exit(end: Mapping[str, Any]) -> Place | None:
    """Return the line that raised `Exit` with the reason of an end; None without one."""
    return _place_in(end) if failed_call(end["reason"]) is None else None


def _place_in(end: Mapping[str, Any]) -> Place | None:
    match end.get("place"):
        case (str(file), int(line), str(function)):
            return file, line, function
        case _:
            return None


def place_of_failure(kind: str, seq: int, pid: Any, cause: int, data: Mapping[str, Any]) -> Place | None:
    """Return the line to show with the end of a process: that of its mistake, else that of its call that failed."""
    found = place_of_event(kind, seq, pid, cause, data)
    if found is not None or failed_call(data.get("reason")) is None or not is_a(pid, otp.Pid):
        return found
    end = data if kind == "exited" else _find_end(pid, cause)
    return None if end is None else place_of_call(end)


def find_unanswered(kind: str, seq: int, pid: Any, cause: int, data: Mapping[str, Any]) -> UnansweredCall | None:
    """Return the call without an answer that an end began with, perhaps in a server that was called; None without one.

    A failed start ends with it, too.
    """
    inner = unwrapped(unwrapped_start(data.get("reason")))[-1]
    called = _innermost_call(inner)
    if called is None or (why := text_of_reason(called[0])) not in ("noproc", "timeout"):
        return None
    end = data if kind == "exited" else _find_end(pid, cause)
    name = called[1] if type(called[1]) is str else None
    is_deadlock = end is not None and bool(end.get("cycle"))
    return UnansweredCall(sentences.dest_text(called[1]), name, why == "timeout", is_deadlock)


def _find_stop(kind: str, seq: int, pid: Any, cause: int, data: Mapping[str, Any]) -> tuple[str, Place] | None:
    """Return the callback that ended a process with `Stop` and this reason, and the line; None if that is not known."""
    end = _find_own_end(kind, seq, pid, cause, data)
    place = None if end is None else _place_of_own_stop(end)
    return None if end is None or place is None else (callback_of(end) or "", place)


def _find_own_end(kind: str, seq: int, pid: Any, cause: int, data: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the data of the end of a process whose program gave this reason; None if that is not known."""
    reason = unwrapped_start(data.get("reason"))
    if not _may_be_of_stop(reason) or not is_a(pid, otp.Pid):
        return None
    if kind == "exited":
        end = data
    elif kind in FAILED_STARTS or data.get("retried") is True:
        end = next((one.data for one in _find_ends_of_starts(pid, seq, reason)), None)
    else:
        end = _find_end(pid, cause)
    return None if end is None or text_of_reason(end["reason"]) != text_of_reason(reason) else end


def _place_of_own_stop(end: Mapping[str, Any]) -> Place | None:
    """Return the line at which a callback returned `Stop` with the reason of an end; None if another one ended it."""
    if end.get("sender") is not None or not end.get("callback") or not _may_be_of_stop(end["reason"]):
        return None
    if _place_of_exit(end) is not None:
        return None
    return place_of_stop(class_of(end), callback_of(end) or "", end["reason"], handled_by(end))


def _may_be_of_stop(reason: Any) -> bool:
    """Return whether a program may have given this reason itself, rather than the runtime."""
    if is_a(reason, Crash) or not is_crash(reason) or _is_wrong_result(reason):
        return False
    return failed_call(reason) is None and failed_child(reason) is None and text_of_reason(reason) != "killed"


def _find_ends_of_starts(me: Any, seq: int, reason: Any) -> Iterator[Any]:
    """Yield the events of processes that ended in `init` for a reason, up to an event, newest first."""
    text = text_of_reason(reason)
    for event in reversed(otp.trace.history(otp.trace.node_of(me), max(0, seq - LOOKED_BACK))):
        if event.kind == "exited" and event.seq <= seq and event.data.get("callback") == "init":
            if text_of_reason(event.data["reason"]) == text:
                yield event


def end_of_start(event: Any) -> Any | None:
    """Return the end of the process that failed to start, for the event of its supervisor; None without one."""
    return next(_find_ends_of_starts(event.pid, event.seq, unwrapped_start(event.data["reason"])), None)


def unwrapped_start(reason: Any) -> Any:
    """Return why a start failed, without the exit that reported it; another reason as it is."""
    tag, rest = tagged(reason)
    return rest[0] if tag == "EXIT" and len(rest) == 1 else reason


def _is_own_mistake(why: Any, end: Mapping[str, Any]) -> bool:
    """Return whether a call failed for the caller's own mistake, and not because its server ended."""
    return bool(end.get("cycle")) or text_of_reason(why) in ("timeout", "noproc", "calling_self")


def _cause_of_start(reason: Any) -> Any:
    """Return the crash of an `init`, if a process ended because it did not catch that; another reason as it is."""
    term: Any = reason.term if is_a(reason, Crash) else None
    if is_a(term, ExceptionTerm) and term.type_name == "StartError" and len(term.args) == 1:
        return term.args[0] if has_own_frame(term.args[0]) else reason
    return reason


def _had_crashed(node: otp.Node, reason: Any, before: int) -> bool:
    """Return whether a call failed because its server had ended by itself, by the events of the node."""
    called = failed_call(reason)
    if called is None or text_of_reason(called[0]) in ("timeout", "calling_self"):
        return False
    return any(
        event.seq < before and event.kind == "exited" and is_crash(event.data["reason"]) and is_end_of(event, called[1])
        for event in reversed(otp.trace.history(node))
    )


def _cause_of(reason: Any) -> Any:
    """Return why the server of a failed call ended; another reason as it is."""
    called = failed_call(reason)
    return reason if called is None else called[0]


def _find_end(pid: Any, seq: int) -> Mapping[str, Any] | None:
    """Return the data of the end with this number, on the node of a process, if it is still in memory."""
    events = otp.trace.history(otp.trace.node_of(pid), seq - 1) if seq and is_a(pid, otp.Pid) else ()
    return events[0].data if events and events[0].seq == seq and events[0].kind == "exited" else None


def _find_end_of(pid: Any, reason: Any, before: float = inf) -> Mapping[str, Any] | None:
    """Return the data of the newest end for a wrong result, on the node of a process, up to an event."""
    if not is_a(pid, otp.Pid):
        return None
    text = _value_in(reason)
    ends = _find_wrong_results(otp.trace.node_of(pid), 0)
    return next((end.data for end in ends if end.seq <= before and _value_in(end.data["reason"]) == text), None)


def _value_in(reason: Any) -> str:
    """Return the text of a wrong result; its class is lost in an event."""
    return text_of_reason(reason).partition(", which is ")[0]


def _add_callback(text: str, end: Mapping[str, Any] | None) -> str:
    """Add the callback in the data of an end to the text of its reason."""
    callback = None if end is None else callback_of(end)
    if end is None or not callback:
        return text
    place = place_of(class_of(end), callback, end["reason"], message=handled_by(end))
    where = "" if place is None else place_text(place).partition(" ")[0]
    named = sentences.name_callback(text, callback, where)
    return named if place is None else _add_cause(named, place, end)


def _add_cause(text: str, place: Place, end: Mapping[str, Any]) -> str:
    """Replace the question why a result is None by the answer, if that is known."""
    before, asked, after = text.partition(QUESTION)
    if not asked:
        return text
    source = "".join(linecache.getlines(place[0]))
    missing = explain_missing_return(source, class_of(end), callback_of(end) or "", end["reason"], handled_by(end))
    return text if missing is None or not missing.why else f"{before}{missing.why}{after}"


def _find_ends(kind: str, seq: int, me: Any, cause: int, data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the data of the ends that an event of a supervisor may be about, the best first."""
    if not is_a(me, otp.Pid):
        return
    pid = data.get("old") if kind == "child_restarted" else data.get("child")
    starts = kind in FAILED_STARTS or data.get("retried") is True
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
    tag, rest = tagged(reason.term if is_a(reason, Crash) else reason)
    return tag in ("bad_return_value", "bad_return_from_state_function") or (
        tag == "EXIT" and len(rest) == 1 and _is_wrong_result(rest[0])
    )
