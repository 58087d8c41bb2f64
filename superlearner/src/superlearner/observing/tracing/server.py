"""The `tracer` service: a stateless front end that starts and stops traces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import otp
from otp import GenServer, NoReply, Ok, Pid, Reply, impl
from superlearner.control.reasons import tagged
from superlearner.observing.tracing.captured import Captured
from superlearner.observing.tracing.patterns import Patterns, patterns_of
from superlearner.observing.tracing.recordings import Recordings
from superlearner.observing.tracing.trace import TraceOptions
from superlearner.observing.tracing.traces import AlreadyTracing, NoTrace, TooManyTraces, Traces

__all__ = ["TRACER", "MessageTracer"]

TRACER: Final = "tracer"
FLUSH_S: Final = 0.5

Who = Pid | str
"""A process: its pid, its pid as text, or its registered name; it may have ended."""


@dataclass(slots=True)
class _Work:
    traces: Traces
    recordings: Recordings | None = None
    timer: otp.Ref | None = None
    flushes: bool = False


class MessageTracer(GenServer[_Work]):
    """Message traces of processes. The class methods call the service of this node.

    >>> import otp
    >>> from otp import Agent
    >>> from superlearner.observing.tracing import MessageTracer, Traces
    >>> async def main():
    ...     await MessageTracer.start_link(Traces(), name="tracer")
    ...     agent = await Agent.start(lambda: 0)
    ...     await MessageTracer.trace_messages(agent)
    ...     await Agent.update(agent, lambda n: n + 1)
    ...     await Agent.stop(agent)
    ...     history = await MessageTracer.get_message_history(agent)
    ...     found = MessageTracer.analyze_message_patterns(history)
    ...     return found.calls, found.answered, found.casts
    >>> otp.run(main)
    (1, 1, 0)
    """

    @impl
    def init(self, arg: Traces | tuple[Traces, Recordings]) -> Ok[_Work]:
        me = self.pid
        work = _Work(*arg) if isinstance(arg, tuple) else _Work(arg)
        work.traces.wake = lambda: otp.send(me, "look")
        if work.recordings is not None:
            work.recordings.wake = lambda: otp.send(me, "flush")
        _look(me, work)
        _flush(me, work)
        return Ok(work)

    @impl
    def handle_info(self, message: Any, work: _Work) -> NoReply[_Work]:
        # Any process may send here. Check the type first, so that a value's own `==` does not run.
        if type(message) is str and message == "look":
            _look(self.pid, work)
        elif type(message) is str and message in ("flush", "flush again"):
            work.flushes = work.flushes and message == "flush"
            _flush(self.pid, work)
        return NoReply(work)

    @impl
    def handle_call(self, request: Any, caller: otp.From, work: _Work) -> Reply[_Work]:
        tag, arguments = tagged(request)
        try:
            return Reply(("ok", _answer(work.traces, tag, arguments)), work)
        except (AlreadyTracing, TooManyTraces, LookupError) as error:
            return Reply(("error", error), work)

    @impl
    def format_status(self, state: _Work) -> Any:
        """Show counts instead of the traces and recordings: recordings and pages contain this."""
        running = [] if state.recordings is None else state.recordings.running
        return {"traces": len(state.traces), "recordings": running}

    # The functions of the service

    @classmethod
    async def trace_messages(
        cls,
        pid: Who,
        message_limit: int = 1000,
        pattern_matching: str | None = None,
        include_system_messages: bool = False,
        auto_cleanup: bool = True,
        *,
        rate: int = 1000,
        duration: float | None = None,
    ) -> str:
        """Start tracing a process and return the id of the trace; see `TraceOptions`.

        Raises:
            AlreadyTracing: the process is already traced.
            TooManyTraces: too many traces are running.
            NoTrace: the process is not alive.
        """
        options = TraceOptions(
            message_limit, pattern_matching, include_system_messages, auto_cleanup, rate=rate, duration=duration
        )
        return await _ask("trace_messages", pid, options)

    @classmethod
    async def get_message_history(cls, pid: Who) -> list[Captured]:
        """Return captured messages, oldest first, also of ended ones. Raises `NoTrace`."""
        return await _ask("get_message_history", pid)

    @staticmethod
    def analyze_message_patterns(messages: Sequence[Captured]) -> Patterns:
        """Return statistics of captured messages."""
        return patterns_of(messages)

    @classmethod
    async def stop_tracing(cls, pid: Who) -> None:
        """Stop tracing a process and keep what was captured. Raises `NoTrace`."""
        await _ask("stop_tracing", pid)


def _look(me: Pid, work: _Work) -> None:
    """Run what is due, and schedule the next check."""
    due = work.traces.look()
    if work.timer is not None:
        otp.cancel_timer(work.timer)
    work.timer = None if due is None else otp.send_after(max(0.05, due), me, "look")


def _flush(me: Pid, work: _Work) -> None:
    """Write running recordings to disk twice a second, in case of a kill."""
    if work.recordings is not None and not work.flushes and work.recordings.flush():
        work.flushes = True
        otp.send_after(FLUSH_S, me, "flush again")


async def _ask(tag: str, *arguments: Any) -> Any:
    outcome, answer = await GenServer.call(TRACER, (tag, *arguments))
    if outcome == "error":
        raise answer
    return answer


def _answer(traces: Traces, tag: str, arguments: tuple[Any, ...]) -> Any:
    match tag, len(arguments):
        case "trace_messages", 2:
            return _start(traces, *arguments)
        case "get_message_history", 1:
            return list(traces.find(_words(arguments[0])).messages)
        case "stop_tracing", 1:
            return traces.stop(traces.find(_words(arguments[0])))
        case _:
            raise NoTrace("expected a request of MessageTracer's own functions")


def _start(traces: Traces, who: Any, options: TraceOptions) -> str:
    pid = who if isinstance(who, Pid) else otp.whereis(who) or _parsed(who)
    if pid is None or not otp.is_alive(pid):
        raise NoTrace(f"expected a living process, got {str(who)[:200]!r}")
    return traces.start(otp.trace.node_of(pid), [pid], options).id


def _parsed(words: str) -> Pid | None:
    try:
        return otp.node().parse_pid(words)
    except ValueError:
        return None


def _words(who: Any) -> str:
    return str(who).strip("<>")
