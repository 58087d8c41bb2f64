"""The exceptions of the runtime.

Exception
├── Exit                 ends the process with exactly .reason
│   └── CallExit         a call failed: .reason is (R, ("gen_server", "call", [dest, request]))
│       ├── NoProcess    nobody there (noproc)
│       ├── CallTimeout  no answer in time (also a TimeoutError)
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

if TYPE_CHECKING:
    from otp.kernel.pids import Pid

__all__ = [
    "AlreadyPresent",
    "AlreadyStarted",
    "BadArgument",
    "BadTimeout",
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


class Exit(Exception):
    """Ends the process that raises it with exactly `reason`; also what a failed call raises.

    >>> Exit("shutdown").reason
    'shutdown'
    """

    def __init__(self, reason: Any = "normal") -> None:
        super().__init__(reason)
        self.reason = reason


class Error(Exception):
    """Erlang's `error(Reason)`: uncaught, the process ends with `Crash(reason, stack)`."""

    def __init__(self, reason: Any = "error") -> None:
        super().__init__(reason)
        self.reason = reason


class BadArgument(Error, ValueError):
    """An argument is wrong; the text says what was expected. The exit reason's term is the text."""


class Throw(Exception):
    """Erlang's `throw(Value)`: in a callback `value` is taken as its result, elsewhere it is an error."""

    def __init__(self, value: Any = None) -> None:
        super().__init__(value)
        self.value = value


class CallExit(Exit):
    """A call failed. `.reason` is `(R, ("gen_server", "call", [dest, request]))`, `.cause_reason` is R."""

    def __init__(self, reason: Any, dest: Any = None, request: Any = None) -> None:
        super().__init__(reason)
        self.dest = dest
        self.request = request

    @property
    def cause_reason(self) -> Any:
        """R: why the call failed, without the description of the call."""
        return self.reason[0] if isinstance(self.reason, tuple) else self.reason

    def __str__(self) -> str:
        return f"call to {self.dest!r} failed: {self.cause_reason!r} (request {self.request!r:.200})"


class NoProcess(CallExit):
    """Nobody is there: the pid is dead or the name is not registered. Is the server started, and supervised?"""

    def __str__(self) -> str:
        return f"{super().__str__()}; is it being restarted just now, or was it never started?"


class CallTimeout(CallExit, TimeoutError):
    """The server did not answer in time. It may still handle the request; its late answer is dropped."""


class ServerDown(CallExit):
    """The server ended before it answered; `.cause_reason` is its exit reason."""


class CallingSelf(CallExit):
    """A server called itself: it would wait for ever. Call the function that the callback uses instead."""


class BadTimeout(CallExit, BadArgument):
    """The time-out of a call is no time; the server was not asked. `.cause_reason` is OTP's function_clause."""

    def __init__(self, reason: Any, dest: Any = None, request: Any = None, problem: str = "") -> None:
        super().__init__(reason, dest, request)
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.problem}; {self.dest!r} was not asked"


class StartError(Exception):
    """A start failed; `.reason` is what Erlang has in `{error, Reason}`."""

    def __init__(self, reason: Any = None) -> None:
        super().__init__(reason)
        self.reason = reason


class AlreadyStarted(StartError):
    """The name (or the child id) is taken by `.pid`, which runs."""

    def __init__(self, pid: Pid) -> None:
        super().__init__(("already_started", pid))
        self.pid = pid


class AlreadyPresent(StartError):
    """The supervisor has a child spec of this id that does not run; restart or delete it."""

    def __init__(self, reason: Any = "already_present") -> None:
        super().__init__(reason)


class NotFound(StartError):
    """The supervisor has no such child."""

    def __init__(self, reason: Any = "not_found") -> None:
        super().__init__(reason)


class ReceiveTimeout(TimeoutError):
    """No message (that matches) arrived in time."""


class NotAProcess(RuntimeError):
    """The caller is no process, and this needs one."""


class NotProcessMain(RuntimeError):
    """A child task of a process tried what belongs to the process's main coroutine."""
