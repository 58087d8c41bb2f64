"""Names, pids and exit reasons as text: `ledger <0.5.0>`, `ValueError('negative amount')`, `killed`.

`otp.sentences` exports these functions. A value may be any object of a program; none of its code runs here.
"""

# Reasons and names are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import os
import re
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from otp.kernel.ends.info import is_alive
from otp.kernel.values.bounded import Shortened, close_quote, text
from otp.kernel.values.errors import CallExit, place_of
from otp.kernel.values.exception_reasons import place_of_error, reason_of
from otp.kernel.values.numbers import elapsed
from otp.kernel.values.pids import Pid
from otp.kernel.values.process import REMOTE, Process
from otp.kernel.values.reasons import LIBRARY, Crash, ExceptionTerm
from otp.kernel.values.results import Ignore, NoReply, Ok, Reply, Stop, WithOptions
from otp.redaction import without_secrets

if TYPE_CHECKING:
    from otp.kernel.tables.tracing import Tracer

REASON: Final = 200
"""Default limit of characters of a reason."""

NAME: Final = 120
DEPTH: Final = 6
NESTED: Final = 10
"""Maximum number of nested supervisors around a child that failed to start."""
NESTED_IN_CAUSE: Final = 3
"""The same in the cause of a crash: each may have several causes itself."""

BEHAVIOURS: Final = os.path.join(LIBRARY, "behaviours")
OF_BEHAVIOURS: Final = {
    "function_clause": "got a message it does not know (function_clause)",
    "undef": "its state has no method (undef)",
}
"""The meaning of what a behaviour raises about a program."""
RETURNED_NONE: Final = "a callback returned None: did no case match, or is a return missing?"
MACHINE_RESULTS: Final = "NextState(…) or KeepState(…)"

_class_name: Any = type.__dict__["__name__"].__get__  # a metaclass may define `__name__`, or raise
_LOCAL: Final = ".<locals>."
_TASK: Final = re.compile(r"Task\(mfa=\('[^']*', '([^']*)', ")

_WRONG_RESULT: Final = re.compile(
    r"(.* returned .*)(?:: did no case match, or is a return missing\?|, which is (?:a|not a) result .*)", re.DOTALL
)
_LACKING: Final = re.compile(r"(\w+ (?:got the|returned then=).*, but has no handle_\w+); ", re.DOTALL)
_ANY_RESULT: Final = "Ok(…), Reply(…) or NoReply(…)"
RESULTS_OF: Final = {
    "init": "Ok(…), Stop(…) or Ignore()",
    "handle_call": "Reply(…), NoReply(…) or Stop(…)",
    "handle_cast": "NoReply(…) or Stop(…)",
    "handle_info": "NoReply(…) or Stop(…)",
    "handle_continue": "NoReply(…) or Stop(…)",
}
"""The results that each callback may return, in place of `_ANY_RESULT`."""


class KeyTable:
    """A table that names its processes by a key; it is a key of their exit hooks (`on_exit`)."""

    __slots__ = ()

    def first_key(self, p: Process) -> tuple[Any] | None:
        """Return the oldest key of a process in a 1-tuple; None if it has none that names it."""
        raise NotImplementedError


def safe_text(words: str) -> str:
    r"""Return `words` in a form that UTF-8 can encode: half a surrogate pair becomes its escape.

    >>> safe_text("caf\udce9.txt")
    'caf\\udce9.txt'
    """
    return words if words.isascii() else words.encode("utf-8", "backslashreplace").decode()


def clip(words: str, limit: int) -> str:
    """Return `words` as `safe_text`, cut to `limit` characters with an ellipsis."""
    shown = safe_text(str.__getitem__(words, slice(0, limit + 1)))
    return shown if len(shown) <= limit else shown[: max(0, limit - 1)] + "…"


def name_text(name: Any) -> str:
    """Return a registered name or child id as text: text unchanged, a class by its name; at most 120 characters.

    >>> name_text("ledger"), name_text(int), name_text(("worker", 1))
    ('ledger', 'int', "('worker', 1)")
    """
    kind = type(name)
    if issubclass(kind, str):
        return clip(name, NAME)
    if issubclass(kind, type):
        return clip(_class_name(name), NAME)
    return _value(name, NAME)


def process_text(name: Any, pid: Any = None, kind: str = "process") -> str:
    """Return the text for a process: its name or child id, with the pid if it is given.

    Args:
        name: a registered name, a child id or a class; `kind` replaces it if it is None.
        pid: a pid, with or without its brackets.

    >>> process_text("ledger"), process_text("ledger", "0.5.0"), process_text(None, "<0.5.0>", "child")
    ('ledger', 'ledger <0.5.0>', 'child <0.5.0>')
    """
    called = kind if name is None else name_text(name)
    return called if pid is None else f"{called} <{str(pid).strip('<>')}>"


def process_name(pid: Any) -> str | None:
    """Return the name of a process for readers: its registered name, else its class and first `Registry.via` key.

    Returns None for a process without either, on another node, or dead. Secrets in keys are redacted.

    >>> import otp
    >>> from otp import Agent, Registry
    >>> async def main():
    ...     await Registry.start_link(keys="unique", name="books")
    ...     book = await Agent.start_link(lambda: [], name=Registry.via("books", "ACME"))
    ...     return process_name(otp.whereis("books")), process_name(book)
    >>> otp.run(main)
    ('books', 'Agent ACME')
    """
    if not issubclass(type(pid), Process) or pid.status == REMOTE:
        return None
    name = pid.registered_name
    return keyed_name(pid) if name is None else name_text(name)


def called(p: Process) -> str:
    """Return the label of a process in the log: its name, else what it runs, and its pid."""
    return process_text(process_name(p) or p.runtime.describe(p), p)


def keyed_name(p: Process) -> str | None:
    """Return the class and first registry key of a local process, whether or not it has a registered name."""
    x = p.ext
    if x is None or x.hooks is None:
        return None
    for table in x.hooks:
        if isinstance(table, KeyTable):
            found = table.first_key(p)
            if found is not None:
                what = p.runtime.describe(p).rpartition(_LOCAL)[2]
                return clip(f"{what} {without_secrets(name_text(found[0]), NAME)}", NAME)
    return None


def name_of_end(tracer: Tracer, seq: int, sender: Any) -> str | None:
    """Return the name of the process whose end is the event `seq`; None unless it is the sender of the signal."""
    end = tracer.find(seq) if seq else None
    if end is None or end.kind != "exited" or end.pid is not sender:
        return None
    return name_text(end.data["name"] or end.data["what"])


def exit_words(error: BaseException, who: Process | str | None) -> str:
    """Return why a node shuts down on request: `gps called sys.exit(3) at parcels.py:70`.

    Args:
        error: the `SystemExit` or `KeyboardInterrupt`.
        who: the process whose code raised it, or the name of that code; None for an application whose end is that of
            its node.
    """
    code = SystemExit.__dict__["code"].__get__(error) if isinstance(error, SystemExit) else None
    if who is None:
        return code if type(code) is str else "an application of it ended"
    shown = "" if code is None else without_secrets(text(code), REASON)
    if not isinstance(who, str):
        who = process_name(who) or f"process {who}"
    did = f"called sys.exit({shown})" if isinstance(error, SystemExit) else f"raised {type(error).__name__}"
    found = place_of_error(error)
    return f"{who} {did}" if found is None else f"{who} {did} at {os.path.basename(found[0])}:{found[1]}"


def reason_text(reason: Any, limit: int = REASON, waited: float = 0.0) -> str:
    """Return an exit reason in at most `limit` characters, without secrets.

    `waited` is how long a call that failed really waited, if it is known.

    >>> reason_text("killed")
    'killed'
    >>> reason_text(Crash(ExceptionTerm("ValueError", ("negative amount",), "negative amount")))
    "ValueError('negative amount')"
    >>> error = FileNotFoundError(2, "No such file or directory", "/dev/printer")
    >>> reason_text(Crash(ExceptionTerm("FileNotFoundError", error.args, str(error))))
    "FileNotFoundError(2, 'No such file or directory', '/dev/printer')"
    >>> missing = Crash(ExceptionTerm("KeyError", ("tax",), "'tax'"), (("pay.py", 12, "rate_of"),))
    >>> reason_text(Crash(ExceptionTerm("ValueError", ("no rate",), "no rate"), (), missing))
    "ValueError('no rate') (after: KeyError('tax') at pay.py:12)"
    >>> reason_text(("bad_return_value", None))
    'a callback returned None: did no case match, or is a return missing?'
    >>> reason_text(("timeout", ("gen_server", "call", ["ledger", "balance"])))
    'ledger did not answer a call in time (timeout)'
    >>> reason_text(("timeout", ("gen_server", "call", ["ledger", "balance", 2])))
    'ledger did not answer a call in 2 s (timeout)'
    >>> reason_text((("nodedown", "bank@vault"), ("gen_server", "call", [("ledger", "bank@vault"), "balance"])))
    'its call to ledger on bank@vault failed: node bank@vault is down (nodedown)'
    >>> reason_text(("timeout", ("Task", "async_stream", [5.0])))
    'a task of its stream did not end in 5 s (timeout)'
    """
    return _reason(reason, limit, NESTED, waited)


def name_callback(words: str, callback: str, at: str = "") -> str:
    """Name the callback, and its line, in the text of a wrong result.

    >>> name_callback("a callback returned 7, which is not a result such as Ok(…), Reply(…) or NoReply(…)", "init")
    'init returned 7, which is not a result such as Ok(…), Stop(…) or Ignore()'
    """
    named = words.replace("a callback returned ", f"{callback}{f' ({at})' if at else ''} returned ", 1)
    return named.replace(_ANY_RESULT, RESULTS_OF.get(callback, _ANY_RESULT), 1)


def without_expected(words: str) -> str:
    """Return the text of a wrong result without what was expected; other words are unchanged.

    >>> without_expected("a callback returned 7, which is not a result such as Ok(…), Reply(…) or NoReply(…)")
    'a callback returned 7'
    """
    found = _WRONG_RESULT.fullmatch(words)
    return words if found is None else found[1]


def split_advice(words: str) -> tuple[str, str]:
    """Split the error about a missing callback into what happened and the advice; other words have none.

    >>> split_advice("Till got the cast 'go', but has no handle_cast; try @impl above def handle_cast(…)")
    ("Till got the cast 'go', but has no handle_cast", 'try @impl above def handle_cast(…)')
    """
    found = _LACKING.match(words)
    return (words, "") if found is None else (found[1], words[found.end() :])


def error_text(error: BaseException) -> str:
    """Return an exception that nothing caught as the text of the exit reason that it leads to."""
    return reason_text(reason_of(error), waited=error.waited if isinstance(error, CallExit) else 0.0)


def _reason(reason: Any, limit: int, depth: int, waited: float = 0.0) -> str:
    """Return a reason as text; at most `depth` reasons inside it are worded, the ones below them stay terms."""
    words = _own_reason(reason, limit, depth, waited)
    if type(reason) is not Crash or reason.cause is None or not depth:
        return words
    return clip(f"{words} (after: {_causes(reason, limit, min(depth, NESTED_IN_CAUSE) - 1)})", limit)


def _causes(crash: Crash, limit: int, depth: int) -> str:
    """Return the errors that another one was raised from, or while they were handled."""
    said: list[str] = []
    for cause in crash.causes:
        # The text of a failed call has the line of its server.
        place = "" if type(cause.term) is tuple else place_of(cause).partition(",")[0]
        said.append(f"{_reason(cause.term, limit, depth)}{f' at {place}' if place else ''}")
    return "; ".join(said)


def _own_reason(reason: Any, limit: int, depth: int, waited: float) -> str:
    """Return a reason as text without the errors before it; arguments of `_reason`."""
    if type(reason) is str:
        return _words(reason, limit)
    plain = _plain(reason, limit, depth, waited)
    if plain:
        return clip(plain, limit)
    term = reason.term if issubclass(type(reason), Crash) else reason
    if issubclass(type(term), ExceptionTerm):
        if said := _taken_name(term) or (depth and _failed_start(term, limit, depth)):
            return clip(said, limit)
        if not term.args and type(term.text) is str and term.text:  # its `__str__` says more than its arguments
            return clip(f"{term.type_name}: {without_secrets(term.text.splitlines()[0], limit)}", limit)
        arguments = ", ".join(_value(argument, limit) for argument in islice(term.args, limit))
        return close_quote(clip(f"{term.type_name}({arguments}{_file_of(term, limit)})", limit))
    if issubclass(type(term), str):
        return _words(split_advice(term)[0], limit)
    return _value(term, limit)


def _failed_start(term: ExceptionTerm, limit: int, depth: int) -> str:
    """Return the meaning of a `StartError` that nothing caught: the mistake of the `init`; "" for other errors."""
    why = term.args[0] if term.type_name == "StartError" and len(term.args) == 1 else None
    if type(why) is not Crash and tagged(why)[0] != "bad_return_value":
        return ""
    says = _reason(why, limit, depth - 1)
    if type(why) is not Crash:
        return f"a start failed: {name_callback(says, 'init')}"
    place = place_of(why).partition(",")[0]
    return f"a start failed{f' at {place}' if place else ''}: {says}"


def _taken_name(term: ExceptionTerm) -> str:
    """Return the meaning of an `AlreadyStarted` that nothing caught; "" for other errors."""
    tag, rest = tagged(term.args[0]) if term.type_name == "AlreadyStarted" and len(term.args) == 1 else ("", ())
    if tag != "already_started" or len(rest) != 1 or not issubclass(type(rest[0]), Pid):
        return ""
    return f"a start failed: {_describe_holder(rest[0])}"


def _file_of(term: ExceptionTerm, limit: int) -> str:
    """Return the file that an `OSError` is about, as a further argument: its `args` have the number and text only."""
    if [type(one) for one in islice(term.args, 3)] != [int, str] or type(term.text) is not str:
        return ""  # no `OSError`, or with a value whose code would run here
    number, what = term.args
    _, begun, file = term.text.partition(f"[Errno {number}] {what}: ")
    return f", {without_secrets(file, limit)}" if begun else ""


def tagged(term: Any) -> tuple[str, tuple[Any, ...]]:
    """Return the tag of a plain tuple and its other elements; "" for another value. No element is compared."""
    return (term[0], term[1:]) if type(term) is tuple and term and type(term[0]) is str else ("", ())


def _value(value: object, limit: int) -> str:
    return close_quote(clip(text(value, length=limit, depth=DEPTH), limit))


def _words(words: str, limit: int) -> str:
    if str.isidentifier(words):  # the usual case: `killed`, `shutdown`
        return clip(words, limit)
    return clip(without_secrets(words, limit), limit)


def _plain(reason: Any, limit: int, depth: int, waited: float) -> str:
    """Return the meaning of a reason of the runtime; "" for the reasons of a program."""
    if issubclass(type(reason), Crash):
        tag, rest = tagged(reason.term)
        if tag == "bad_return_from_state_function" and len(rest) == 1:
            if rest[0] is None:
                return RETURNED_NONE
            return f"a callback returned {_value(rest[0], limit)}, which is not a result such as {MACHINE_RESULTS}"
        in_behaviour = bool(reason.stack) and str(reason.stack[-1][0]).startswith(BEHAVIOURS)
        return OF_BEHAVIOURS.get(reason.term, "") if in_behaviour and type(reason.term) is str else ""
    if depth and type(reason) is tuple and len(reason) == 2:
        failed = _failed_call(*reason, limit, depth, waited) or _failed_task(*reason, limit, depth)
        if failed:
            return failed
    tag, rest = tagged(reason)
    match tag, len(rest):
        case "bad_return_value", 1:
            if rest[0] is None:
                return RETURNED_NONE
            got = _value(rest[0], limit)
            kind = type(rest[0])  # the class that it claims to have may be a lie, or raise
            if issubclass(kind, (Ok, Reply, NoReply, Stop, Ignore)) and not issubclass(kind, WithOptions):
                return f"a callback returned {got}, which is a result of other callbacks"
            return f"a callback returned {got}, which is not a result such as {_ANY_RESULT}"
        case "nodedown", 1 if type(rest[0]) is str:
            return f"node {clip(rest[0], NAME)} is down (nodedown)"
        case "EXIT", 1 if depth:
            return _reason(rest[0], limit, depth - 1)
        case "already_started", 1 if issubclass(type(rest[0]), Pid):
            return _describe_holder(rest[0])
        case "shutdown", 1 if depth:
            inner_tag, inner = tagged(rest[0])
            if inner_tag != "failed_to_start_child" or len(inner) != 2:
                return ""
            child, cause = name_text(inner[0]), inner[1]
            cause_tag, taken = tagged(cause)
            if cause_tag == "already_started" and len(taken) == 1 and issubclass(type(taken[0]), Pid):
                old = f"the old {child} had not finished stopping"
                return (
                    f"its child {child} did not start: {old if _is_leaving(taken[0]) else _describe_holder(taken[0])}"
                )
            return f"its child {child} did not start: {_reason(cause, limit, depth - 1)}"
        case _:
            return ""


def _failed_call(why: Any, call: Any, limit: int, depth: int, waited: float) -> str:
    """Return the meaning of `(why, ("gen_server", "call", [dest, request, timeout]))`, the exit of a failed call."""
    _, about = tagged(call)
    if len(about) != 2 or type(about[0]) is not str or about[0] != "call" or type(about[1]) is not list:
        return ""
    arguments: list[Any] = about[1]
    if not 2 <= len(arguments) <= 3:
        return ""
    dest = dest_text(arguments[0])
    match why if type(why) is str else "":
        case "noproc":
            return f"there is no process {dest} to call (noproc)"
        case "calling_self":
            return f"{dest} called itself (calling_self)"
        case "timeout":
            # Without its own timeout, a call in a cycle may fail before the default one has passed: only `waited` says.
            own = arguments[2] if len(arguments) > 2 and type(arguments[2]) in (int, float) else None
            seconds = elapsed(waited) if waited else "time" if own is None else f"{_value(own, limit)} s"
            return f"{dest} did not answer a call in {seconds} (timeout)"
        case _:
            place = place_of(why).partition(",")[0] if type(why) is Crash else ""
            crash = f"{dest} crashed at {place}: " if place else ""
            return f"its call to {dest} failed: {crash}{_reason(why, limit, depth - 1, waited)}"


def dest_text(dest: Any) -> str:
    """Return whom a call was made to; of another node, its name there and the node."""
    if type(dest) is tuple and len(dest) == 2 and type(dest[1]) is str:
        return f"{name_text(dest[0])} on {clip(dest[1], NAME)}"
    return name_text(dest)


def _failed_task(why: Any, call: Any, limit: int, depth: int) -> str:
    """Return the meaning of `(why, ("Task", "await", [task, timeout]))`, the exit of an owner of tasks."""
    tag, about = tagged(call)
    if tag != "Task" or len(about) != 2 or type(about[1]) is not list or not about[1]:
        return ""
    which = {"await": "its task", "await_many": "one of its tasks", "async_stream": "a task of its stream"}
    what = which.get(about[0] if type(about[0]) is str else "")
    if what is None:
        return ""
    if about[0] == "await":
        what = f"{what} {_name_of_task(about[1][0])}".strip()
    if type(why) is str and why == "timeout":
        seconds = about[1][-1]
        return f"{what} did not end in {elapsed(seconds) if type(seconds) in (int, float) else 'time'} (timeout)"
    place = place_of(why).partition(",")[0] if type(why) is Crash else ""
    return f"{what} failed{f' at {place}' if place else ''}: {_reason(why, limit, depth - 1)}"


def _name_of_task(task: Any) -> str:
    """Return the function of a task, or of its text in an event; "" for another value, whose code must not run."""
    if type(task) is Shortened:
        found = _TASK.match(task.text)
        return "" if found is None else clip(found[1].rpartition(".")[2], NAME)
    if f"{type(task).__module__}.{type(task).__qualname__}" != "otp.behaviours.task.task.Task":
        return ""
    return clip(str(task.mfa[1]).rpartition(".")[2], NAME)


def unanswered(cycle: object, busy: object) -> str:
    """Return why a call had no reply in time; "" if that is not known.

    Args:
        cycle: the deadlock that it was part of, as text.
        busy: the server at the end of the calls, its callback and the line there; both are "" if it was suspended.

    >>> unanswered(None, ("till", "handle_call", "/app/shop.py:13")), unanswered(None, ("till", "", ""))
    ('till was still in handle_call at shop.py:13', 'till was suspended')
    >>> unanswered("till -> stock -> till", None), unanswered(None, None)
    ('it was part of a deadlock, till → stock → till', '')
    """
    match cycle, busy:
        case str(), _:
            return f"it was part of a deadlock, {cycle.replace(' -> ', ' → ')}"
        case _, (str(name), "", _):
            return f"{name} was suspended"
        case _, (str(name), str(callback), str(place)):
            return f"{name} was still in {callback} at {os.path.basename(place)}"
        case _:
            return ""


def _describe_holder(pid: Pid) -> str:
    name = process_name(pid)
    return f"{'its name' if name is None else f'the name {name}'} is taken by <{str(pid).strip('<>')}>"


def _is_leaving(pid: Any) -> bool:
    """Return whether a process has ended or lost its supervisor, so it is a predecessor about to end."""
    if not issubclass(type(pid), Process) or pid.status == REMOTE:
        return False
    return not is_alive(pid) or pid.parent is None or not is_alive(pid.parent)
