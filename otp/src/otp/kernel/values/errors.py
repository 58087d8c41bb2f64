"""The exceptions of the runtime.

Exception
├── Exit                 ends the process with exactly .reason
│   └── CallExit         a call failed: .reason is (R, ("gen_server", "call", [dest, request]))
│       ├── NoProcess    no such process (noproc)
│       ├── CallTimeout  no reply in time (also a TimeoutError)
│       │   └── CallCycle  processes wait for each other's replies
│       ├── ServerDown   the server ended before it replied
│       ├── CallingSelf  a server called itself
│       └── BadTimeout   timeout= is invalid, nothing was sent (also a BadArgument)
├── Error                Erlang's class error: uncaught, the reason is Crash(reason, stack)
│   └── BadArgument      (also a ValueError)
├── Throw                Erlang's class throw: the thrown result of a callback
├── StartError           a start failed: .reason is R of {error, R}
│   ├── AlreadyStarted   .pid has the name or the id
│   ├── AlreadyPresent   the id is there, not running
│   └── NotFound         no such child
├── ReceiveTimeout       (a TimeoutError) nothing matched in time
├── NotAProcess          only a process can do this
└── NotProcessMain       only the main coroutine of a process can do this
"""

# Messages, states and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import os.path
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from otp.kernel.values.bounded import bounded_text, text
from otp.kernel.values.reasons import Crash, first_of_program, is_clean, is_ours, starts_with
from otp.kernel.values.results import Ignore, NoReply, Ok, Reply, Stop, WithOptions, unawaited

if TYPE_CHECKING:
    from otp.kernel.values.pids import Pid


# Hints for failures: texts of exceptions that explain and suggest a fix, built when they are read.
#
# A reason is Erlang's and says what happened; a hint says what that usually means in Python and what to try.


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
        return f"expected {expected}; write {_TAGS[tag]} in place of {bounded_text(value, 80)}"
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
    stack = crash.stack[::-1]
    place = first_of_program(stack) or next((entry for entry in stack if not is_ours(entry[0])), None)
    return "" if place is None else f"{os.path.basename(place[0])}:{place[1]}, in {place[2]}"


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


def _render(term: Any, length: int = 200) -> str:
    """Return a bounded text of any term, without running its code."""
    return text(term, length=length, depth=6)


def _text_of(term: Any) -> str:
    return term if type(term) is str else _render(term, 2000)


def _with_advice(text: str, advice: str) -> str:
    return f"{text}; {advice}" if advice else text


def _close(name: Any, known: tuple[Any, ...]) -> str:
    if not known:
        return ""
    return did_you_mean(name, known)


class Exit(Exception):
    """The end of the process that raises it, with exactly `reason`.

    Also the base of failed calls.

    >>> Exit("shutdown").reason
    'shutdown'
    """

    def __init__(self, reason: Any = "normal") -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return _text_of(self.reason)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({_render(self.reason)})"


class Error(Exception):
    """Erlang's `error(Reason)`: uncaught, the process ends with `Crash(reason, stack)`."""

    def __init__(self, reason: Any = "error") -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return _text_of(self.reason)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({_render(self.reason)})"


class BadArgument(Error, ValueError):
    """An invalid argument.

    The text, which is also the exit reason's term, says what was expected. For a wrong name, the text also suggests a
    close one: `name` is compared with `known`.
    """

    name: Any = None
    known: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return _with_advice(super().__str__(), _close(self.name, self.known))


class Throw(Exception):
    """Erlang's `throw(Value)`: in a callback `value` becomes its result, elsewhere it is an error."""

    def __init__(self, value: Any = None) -> None:
        super().__init__(value)
        self.value = value

    def __str__(self) -> str:
        return _text_of(self.value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({_render(self.value)})"


class CallExit(Exit):
    """A failed call. `.reason` is `(R, ("gen_server", "call", [dest, request]))`, `.cause_reason` is R."""

    cycle: tuple[Pid, ...] = ()  # the processes that waited for each other, if that was the cause
    drawn: str = ""  # the same as text: `a -> b -> a`
    waited: float = 0.0  # for how many seconds the call that timed out did, unless the reason has that
    busy: tuple[str, str, str] | None = None  # the server for which it waited in vain, its callback and its line
    locked: str = ""  # the same cycle, if the call reached its own timeout

    def __init__(self, reason: Any, dest: Any = None, request: Any = None) -> None:
        super().__init__(reason)
        self.dest = dest
        self.request = request

    @property
    def cause_reason(self) -> Any:
        """R: why the call failed, without the description of the call."""
        return self.reason[0] if isinstance(self.reason, tuple) else self.reason

    def __str__(self) -> str:
        text = f"call to {_render(self.dest)} failed: {_render(self.cause_reason)} (request {_render(self.request)})"
        text = _with_advice(text, self._advice())
        if not self.drawn:
            return text
        return (
            f"{text}; it was part of a deadlock ({self.drawn}); "
            "let one of the processes answer later (NoReply(state), then GenServer.reply), or cast"
        )

    def _advice(self) -> str:
        return ""


class NoProcess(CallExit):
    """A call to a process that does not exist: the pid is dead or the name is not registered."""

    known: tuple[Any, ...] = ()  # some of the registered names, for a suggestion

    def _advice(self) -> str:
        return (
            _close(self.dest, self.known)
            or "is it being restarted, has its supervisor given up, or was it never started?"
        )


class CallTimeout(CallExit, TimeoutError):
    """A call without a reply in time. The server may still handle it; a late reply is dropped."""

    why: str = ""  # what the server was doing when the time was up

    def _advice(self) -> str:
        described: Any = self.reason[1] if isinstance(self.reason, tuple) and len(self.reason) == 2 else None
        arguments: Any = described[2] if isinstance(described, tuple) and len(described) == 3 else ()
        limit = f"no answer within {arguments[2] if len(arguments) > 2 else 5} s"
        return f"{limit}: {self.why}" if self.why else limit


class CallCycle(CallTimeout):
    """A call whose server waits, through its own calls, for the caller.

    `.cycle` holds the processes, `.drawn` shows them. It is raised 2 seconds after the last call of the cycle, in the
    process whose call would time out first; the reason is that of the time-out. See
    `docs/decisions/0019-a-cycle-of-calls-is-ended.md`.
    """

    def _advice(self) -> str:
        return ""


class ServerDown(CallExit):
    """A call whose server ended before it replied; `.cause_reason` is its exit reason."""

    def _advice(self) -> str:
        return down_hint(self.cause_reason)


class CallingSelf(CallExit):
    """A call of a server to itself, which would wait forever. Call the callback's own function instead."""

    def _advice(self) -> str:
        return (
            "a server that calls itself would wait forever; call the function that the callback uses, or cast to itself"
        )


class BadTimeout(CallExit, BadArgument):
    """A call with an invalid time-out; nothing was sent. `.cause_reason` is OTP's function_clause."""

    def __init__(self, reason: Any, dest: Any = None, request: Any = None, problem: str = "") -> None:
        super().__init__(reason, dest, request)
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.problem}; nothing was sent to {_render(self.dest)}"


class StartError(Exception):
    """A failed start; `.reason` is what Erlang has in `{error, Reason}`, `.hint` suggests a fix, if known.

    A failed `start_link` ends a caller that does not trap exits, even if it catches the error: use `start` for that.
    """

    hint: str = ""

    def __init__(self, reason: Any = None) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return _with_advice(_text_of(self.reason), self._advice())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({_render(self.reason)})"

    def _advice(self) -> str:
        if self.hint:
            return self.hint
        return start_hint(self.reason)


class AlreadyStarted(StartError):
    """A start under a name or child id that `.pid` has already; `.name` is the name, if known."""

    def __init__(self, pid: Pid, name: Any = None) -> None:
        super().__init__(("already_started", pid))
        self.pid = pid
        self.name = name

    def _advice(self) -> str:
        taken = "the name or the id" if self.name is None else f"{_render(self.name)}"
        instead = self.hint or "start this under another name"
        if self.pid is None:  # pyright: ignore[reportUnnecessaryComparison]
            return f"{taken} is taken by another process, which cannot be found from here; {instead}"
        return f"{taken} is taken by {self.pid}, which is running; use that one, or {instead}"


class AlreadyPresent(StartError):
    """A start of a child whose spec, with the id `.id`, the supervisor has already; it is not running."""

    def __init__(self, reason: Any = "already_present", id: Any = None) -> None:
        super().__init__(reason)
        self.id = id

    def _advice(self) -> str:
        child = "the child" if self.id is None else f"the child {_render(self.id)}"
        instead = f"; for another child, {self.hint}" if self.hint else ""
        return f"{child} exists and is not running; try Supervisor.restart_child, or delete_child first{instead}"


class NotFound(StartError):
    """An operation on a child that the supervisor does not have, or on a lost member; `.id` is what was given."""

    def __init__(self, reason: Any = "not_found", id: Any = None) -> None:
        super().__init__(reason)
        self.id = id

    def _advice(self) -> str:
        if self.hint:
            return self.hint
        child = "such child" if self.id is None else f"child {_render(self.id)}"
        return f"the supervisor has no {child}; Supervisor.which_children lists its children"


class ReceiveTimeout(TimeoutError):
    """A `receive` for which no matching message arrived in time."""


class NotAProcess(RuntimeError):
    """An operation that only a process can do, called elsewhere."""


class NotProcessMain(RuntimeError):
    """An operation of a process's main coroutine, called in one of its child tasks."""
