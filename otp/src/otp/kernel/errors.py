"""The exceptions of the runtime.

Exception
├── Exit                 ends the process with exactly .reason
│   └── CallExit         a call failed: .reason is (R, ("gen_server", "call", [dest, request]))
│       ├── NoProcess    nobody there (noproc)
│       ├── CallTimeout  no answer in time (also a TimeoutError)
│       │   └── CallCycle  processes that call wait for each other
│       ├── ServerDown   the server ended before it answered
│       ├── CallingSelf  a server called itself
│       └── BadTimeout   timeout= is no time, nobody was asked (also a BadArgument)
├── Error                Erlang's class error: uncaught, the reason is Crash(reason, stack)
│   └── BadArgument      (also a ValueError)
├── Throw                Erlang's class throw: a callback's result, thrown
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

from typing import TYPE_CHECKING, Any

from otp.kernel.bounded import text
from otp.kernel.hints import did_you_mean, down_hint, start_hint

if TYPE_CHECKING:
    from otp.kernel.pids import Pid

__all__ = [
    "AlreadyPresent",
    "AlreadyStarted",
    "BadArgument",
    "BadTimeout",
    "CallCycle",
    "CallExit",
    "CallTimeout",
    "CallingSelf",
    "Error",
    "Exit",
    "NoProcess",
    "NotAProcess",
    "NotFound",
    "NotProcessMain",
    "ReceiveTimeout",
    "ServerDown",
    "StartError",
    "Throw",
]


def _shown(term: Any, length: int = 200) -> str:
    """A term in at most so many characters: a reason, a request or a name may be of any size, and run no code here."""
    return text(term, length=length, depth=6)


def _text_of(term: Any) -> str:
    return term if type(term) is str else _shown(term, 2000)


def _with_advice(text: str, advice: str) -> str:
    return f"{text}; {advice}" if advice else text


def _close(name: Any, known: tuple[Any, ...]) -> str:
    if not known:
        return ""
    return did_you_mean(name, known)


class Exit(Exception):
    """Ends the process that raises it with exactly `reason`; also what a failed call raises.

    >>> Exit("shutdown").reason
    'shutdown'
    """

    def __init__(self, reason: Any = "normal") -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return _text_of(self.reason)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({_shown(self.reason)})"


class Error(Exception):
    """Erlang's `error(Reason)`: uncaught, the process ends with `Crash(reason, stack)`."""

    def __init__(self, reason: Any = "error") -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return _text_of(self.reason)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({_shown(self.reason)})"


class BadArgument(Error, ValueError):
    """An argument is wrong; the text says what was expected. The exit reason's term is the text.

    Where a name is wrong, the text also suggests a close one, `name` of `known`.
    """

    name: Any = None
    known: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return _with_advice(super().__str__(), _close(self.name, self.known))


class Throw(Exception):
    """Erlang's `throw(Value)`: in a callback `value` is taken as its result, elsewhere it is an error."""

    def __init__(self, value: Any = None) -> None:
        super().__init__(value)
        self.value = value

    def __str__(self) -> str:
        return _text_of(self.value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({_shown(self.value)})"


class CallExit(Exit):
    """A call failed. `.reason` is `(R, ("gen_server", "call", [dest, request]))`, `.cause_reason` is R."""

    cycle: tuple[Pid, ...] = ()  # the processes that waited for each other, if that is why it failed
    drawn: str = ""  # the same in words: `a -> b -> a`

    def __init__(self, reason: Any, dest: Any = None, request: Any = None) -> None:
        super().__init__(reason)
        self.dest = dest
        self.request = request

    @property
    def cause_reason(self) -> Any:
        """R: why the call failed, without the description of the call."""
        return self.reason[0] if isinstance(self.reason, tuple) else self.reason

    def __str__(self) -> str:
        text = f"call to {_shown(self.dest)} failed: {_shown(self.cause_reason)} (request {_shown(self.request)})"
        text = _with_advice(text, self._advice())
        if not self.drawn:
            return text
        return (
            f"{text}; these processes waited for each other: {self.drawn}; "
            "let one of them answer later (NoReply(state), then GenServer.reply), or cast"
        )

    def _advice(self) -> str:
        return ""


class NoProcess(CallExit):
    """Nobody is there: the pid is dead or the name is not registered. Is the server started, and supervised?"""

    known: tuple[Any, ...] = ()  # names that were registered, some of them, to suggest one

    def _advice(self) -> str:
        return _close(self.dest, self.known) or "is it being restarted just now, or was it never started?"


class CallTimeout(CallExit, TimeoutError):
    """The server did not answer in time. It may still handle the request; its late answer is dropped."""

    why: str = ""  # what the server did instead, when the time was over

    def _advice(self) -> str:
        described: Any = self.reason[1] if isinstance(self.reason, tuple) and len(self.reason) == 2 else None
        arguments: Any = described[2] if isinstance(described, tuple) and len(described) == 3 else ()
        limit = f"no answer within {arguments[2] if len(arguments) > 2 else 5} s"
        return f"{limit}: {self.why}" if self.why else limit


class CallCycle(CallTimeout):
    """The server waits, in calls of its own, for the caller: `.cycle` are the processes, `.drawn` shows them.

    It comes 2 seconds after the last call of the cycle, in the process whose call would be the first to run into its
    time-out; the reason is that of the time-out. See `docs/decisions/0019-a-cycle-of-calls-is-ended.md`.
    """

    def _advice(self) -> str:
        return ""


class ServerDown(CallExit):
    """The server ended before it answered; `.cause_reason` is its exit reason."""

    def _advice(self) -> str:
        return down_hint(self.cause_reason)


class CallingSelf(CallExit):
    """A server called itself: it would wait for ever. Call the function that the callback uses instead."""

    def _advice(self) -> str:
        return (
            "a server that calls itself would wait for ever; call the function that the callback uses, "
            "or cast to itself"
        )


class BadTimeout(CallExit, BadArgument):
    """The time-out of a call is no time; the server was not asked. `.cause_reason` is OTP's function_clause."""

    def __init__(self, reason: Any, dest: Any = None, request: Any = None, problem: str = "") -> None:
        super().__init__(reason, dest, request)
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.problem}; {_shown(self.dest)} was not asked"


class StartError(Exception):
    """A start failed; `.reason` is what Erlang has in `{error, Reason}`, `.hint` what to do, if more is known."""

    hint: str = ""

    def __init__(self, reason: Any = None) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return _with_advice(_text_of(self.reason), self._advice())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({_shown(self.reason)})"

    def _advice(self) -> str:
        if self.hint:
            return self.hint
        return start_hint(self.reason)


class AlreadyStarted(StartError):
    """The name (or the child id) is taken by `.pid`, which runs; `.name` is what is taken, if that is known."""

    def __init__(self, pid: Pid, name: Any = None) -> None:
        super().__init__(("already_started", pid))
        self.pid = pid
        self.name = name

    def _advice(self) -> str:
        taken = "the name or the id" if self.name is None else f"{_shown(self.name)}"
        instead = self.hint or "start this under another name"
        return f"{taken} is taken by {self.pid}, which runs; use that one, or {instead}"


class AlreadyPresent(StartError):
    """The supervisor has a child spec of this id, `.id`, that does not run; restart or delete it."""

    def __init__(self, reason: Any = "already_present", id: Any = None) -> None:
        super().__init__(reason)
        self.id = id

    def _advice(self) -> str:
        child = "the child" if self.id is None else f"the child {_shown(self.id)}"
        instead = f"; for another child, {self.hint}" if self.hint else ""
        return f"{child} is known and does not run; try Supervisor.restart_child, or delete_child before{instead}"


class NotFound(StartError):
    """The supervisor has no such child; `.id` is who was asked for."""

    def __init__(self, reason: Any = "not_found", id: Any = None) -> None:
        super().__init__(reason)
        self.id = id

    def _advice(self) -> str:
        child = "such child" if self.id is None else f"child {_shown(self.id)}"
        return f"the supervisor has no {child}; Supervisor.which_children tells whom it has"


class ReceiveTimeout(TimeoutError):
    """No message (that matches) arrived in time."""


class NotAProcess(RuntimeError):
    """The caller is no process, and this needs one."""


class NotProcessMain(RuntimeError):
    """A child task of a process tried what belongs to the process's main coroutine."""
