"""All traces of a platform, independent of the service."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from otp import Node, Pid
from superlearner.base.telemetry import Telemetry
from superlearner.observing.tracing.trace import MAX_PIDS, Trace, TraceOptions

__all__ = ["KEEP_S", "MOST", "AlreadyTracing", "NoTrace", "TooManyTraces", "Traces"]

KEEP_S: Final = 600.0
MOST: Final = 20
"""Maximum number of traces kept, running or ended."""


class AlreadyTracing(Exception):
    """The process is already traced, by `trace`."""

    def __init__(self, trace: Trace) -> None:
        super().__init__(f"it is traced already, as {trace.id}")
        self.trace = trace


class TooManyTraces(Exception):
    """The maximum number of traces is running; one must be stopped first."""


class NoTrace(LookupError):
    """No trace has this id, or traces this process."""


class Traces:
    """Traces by id: `t1`, `t2`, …

    Args:
        keep: returns how many seconds a trace with `auto_cleanup` is kept after its end.
        telemetry: receives `trace.start` and `trace.stop` (messages, over_rate).

    >>> import otp
    >>> from otp import Agent
    >>> async def main():
    ...     traces = Traces()
    ...     agent = await Agent.start(lambda: 0)
    ...     trace = traces.start(otp.node(), [agent])
    ...     await Agent.update(agent, lambda n: n + 1)
    ...     await Agent.stop(agent)
    ...     return [message.way for message in trace.messages], trace.ended
    >>> otp.run(main)
    (['call', 'reply'], 'process_ended')
    """

    def __init__(self, *, keep: Callable[[], float] = lambda: KEEP_S, telemetry: Telemetry | None = None) -> None:
        self.keep = keep
        self.telemetry = Telemetry() if telemetry is None else telemetry
        self.wake: Callable[[], object] | None = None
        """Callback for when the service must check again."""
        self._traces: dict[str, Trace] = {}
        self._reported: set[str] = set()
        self._number = 0

    def start(
        self, node: Node, pids: Iterable[Pid], options: TraceOptions | None = None, *, root: Pid | None = None
    ) -> Trace:
        """Start tracing processes.

        Raises:
            AlreadyTracing: a trace covers just this process, or this tree.
            TooManyTraces: too many traces are running.
        """
        chosen = self.check(node, pids, root=root)
        if len(self._traces) >= MOST:
            self._forget_oldest()
        self._number += 1
        trace = Trace(node, chosen, options or TraceOptions(), root=root, id=f"t{self._number}")
        trace.on_end = self._changed
        self._traces[trace.id] = trace
        self.telemetry.execute("trace.start", {"processes": len(chosen)}, {"trace": trace.id})
        self._changed()
        return trace

    def check(self, node: Node, pids: Iterable[Pid], *, root: Pid | None = None) -> list[Pid]:
        """Return the processes that `start` would trace. Raises as `start`."""
        self.look()
        chosen = list(dict.fromkeys(pids))[:MAX_PIDS]
        texts = [str(pid).strip("<>") for pid in chosen]
        for known in self._traces.values():
            if not known.running or known.node != node.name:
                continue
            if known.root == texts[0] if root is not None else known.root is None and known.pids == texts:
                raise AlreadyTracing(known)
        if sum(known.running for known in self._traces.values()) >= MOST:
            raise TooManyTraces(f"expected fewer than {MOST} running traces, got {MOST}; stop one first")
        return chosen

    def find(self, words: str, *, node: str | None = None) -> Trace:
        """Return the trace with this id, or of the process with this pid or name.

        Running traces come before ended ones, traces of a single process before groups, newer before older.

        Raises:
            NoTrace: there is none, or it was dropped.
        """
        self.look()
        found = self._traces.get(words)
        if found is not None and node not in (None, found.node):
            found = None
        if found is None:
            about = [one for one in self if one.is_about(words) and node in (None, one.node)]
            about.sort(key=lambda one: (one.running, not one.is_group), reverse=True)
            found = about[0] if about else None
        if found is None:
            raise NoTrace(f"there is no trace {words[:200]!r}, and no process with this pid or name has been traced")
        return found

    def __iter__(self) -> Iterator[Trace]:
        """Iterate over all traces, newest first."""
        return iter([*reversed(self._traces.values())])

    def __len__(self) -> int:
        return len(self._traces)

    def stop(self, trace: Trace) -> None:
        """Stop a trace and keep its contents."""
        trace.end("stopped")

    def forget(self, trace: Trace) -> None:
        """Drop a trace with its contents."""
        trace.end("stopped")
        self.look()
        self._traces.pop(trace.id, None)

    def look(self) -> float | None:
        """End expired traces, drop old ones; return seconds until the next check."""
        next_at: float | None = None
        for trace in list(self._traces.values()):
            now = trace.clock.now()
            duration = trace.options.duration
            if trace.running and duration is not None and now >= trace.started_at + duration:
                trace.end("duration")
            if trace.ended is not None and trace.id not in self._reported:
                self._reported.add(trace.id)
                seen = {"messages": len(trace.messages), "over_rate": trace.over_rate}
                self.telemetry.execute("trace.stop", seen, {"trace": trace.id, "why": trace.ended})
            due = None
            if trace.running and duration is not None:
                due = trace.started_at + duration - now
            elif trace.ended_at is not None and trace.options.auto_cleanup:
                due = trace.ended_at + self.keep() - now
                if due <= 0:
                    self._traces.pop(trace.id, None)
                    self._reported.discard(trace.id)
                    continue
            if due is not None and (next_at is None or due < next_at):
                next_at = due
        return next_at

    def close(self) -> None:
        """Stop all traces when the platform ends."""
        for trace in self._traces.values():
            trace.end("stopped")

    def _changed(self) -> None:
        """Notify the service that the next due time may have changed."""
        if self.wake is not None:
            self.wake()

    def _forget_oldest(self) -> None:
        ended = [one for one in self._traces.values() if not one.running]
        self._traces.pop(ended[0].id, None)
