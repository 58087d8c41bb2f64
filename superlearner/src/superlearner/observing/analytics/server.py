"""The `analytics` service: a stateless front end of the ledger."""

from __future__ import annotations

from typing import Any, Final

import otp
from otp import GenServer, NoReply, Ok, Pid, Reply, impl
from superlearner.control.reasons import tagged
from superlearner.control.terms import plain_pid
from superlearner.control.tree import supervisor_state
from superlearner.observing.analytics.figures import FailureRate, Trend
from superlearner.observing.analytics.history import Baseline, Entry
from superlearner.observing.analytics.ledger import AllStats, Ledger

__all__ = ["ANALYTICS", "AnalyticsServer", "UnknownSupervisor", "settled"]

ANALYTICS: Final = "analytics"

Who = Pid | str
"""A supervisor, which may have ended: a pid, a pid as text, or a name."""


class UnknownSupervisor(LookupError):
    """No supervisor of this name or pid is known to analytics, or it ended long ago."""


class AnalyticsServer(GenServer[Ledger]):
    """Queries about the actions of supervisors.

    The class methods query the service of this node. Supervisors need no registration: their events suffice.

    >>> import otp
    >>> from otp import DynamicSupervisor
    >>> from superlearner.observing.analytics import AnalyticsServer, Ledger
    >>> async def main():
    ...     ledger = Ledger()
    ...     ledger.watch(otp.node())
    ...     await AnalyticsServer.start_link(ledger, name="analytics")
    ...     await DynamicSupervisor.start_link(name="orders")
    ...     await AnalyticsServer.register_supervisor("orders")
    ...     return await AnalyticsServer.get_failure_rate("orders")
    >>> otp.run(main)
    FailureRate(restarts=0, rate=0.0, window_ms=60000)
    """

    @impl
    def init(self, ledger: Ledger) -> Ok[Ledger]:
        self._time(ledger)
        return Ok(ledger)

    @impl
    def handle_info(self, message: Any, ledger: Ledger) -> NoReply[Ledger]:
        # Any process may send here. Check the type first, so that a value's own `==` does not run.
        if type(message) is otp.TimerFired and message.ref == ledger.due:
            ledger.sample()
            self._time(ledger)
        elif type(message) is str and message == "other interval":
            self._time(ledger)
        return NoReply(ledger)

    def _time(self, ledger: Ledger) -> None:
        """Start the timer of the next sample; older timers are ignored."""
        ledger.due = otp.start_timer(ledger.scan_interval, self.pid, "sample")

    @impl
    def handle_call(self, request: Any, caller: otp.From, ledger: Ledger) -> Reply[Ledger]:
        tag, arguments = tagged(request)
        try:
            return Reply(("ok", _answer(ledger, tag, arguments)), ledger)
        except LookupError as error:
            return Reply(("error", str(error)), ledger)

    # The functions of the service

    @classmethod
    async def register_supervisor(cls, supervisor: Who, name: str | None = None) -> None:
        """Add a supervisor before its first event.

        Args:
            supervisor: pid, pid as text, or registered name.
            name: name to use here, if it has no registered name.

        Raises:
            UnknownSupervisor: it is not alive, or not a supervisor.
        """
        await _ask("register_supervisor", supervisor, name)

    @classmethod
    async def establish_baseline(cls, supervisor: Who) -> Baseline:
        """Save the current values, to count from here. Raises `UnknownSupervisor`."""
        return await _ask("establish_baseline", supervisor)

    @classmethod
    async def get_restart_history(cls, supervisor: Who) -> list[Entry]:
        """Return the restart entries, newest first. Raises `UnknownSupervisor`."""
        return await _ask("get_restart_history", supervisor)

    @classmethod
    async def get_failure_rate(cls, supervisor: Who, window_ms: int = 60_000) -> FailureRate:
        """Return restarts in the last `window_ms`. Raises `UnknownSupervisor`."""
        return await _ask("get_failure_rate", supervisor, window_ms)

    @classmethod
    async def get_trend(cls, supervisor: Who, window_ms: int = 60_000) -> Trend:
        """Return the supervisor's trend. Raises `UnknownSupervisor`."""
        return await _ask("get_trend", supervisor, window_ms)

    @classmethod
    async def get_all_supervisor_stats(cls) -> AllStats:
        """Return all supervisors, most restarts first."""
        return await _ask("get_all_supervisor_stats")

    @classmethod
    async def sync(cls, supervisor: Who | None = None, timeout: float = 5.0) -> None:
        """Wait until all events so far are counted.

        Events are counted synchronously, so this waits for `supervisor`, or for the service without one. The
        supervisor's reply to a call follows its handling of earlier exit signals.

        Args:
            supervisor: a pid or a registered name.
            timeout: seconds.

        Raises:
            otp.CallExit: the supervisor is not running, or did not answer in time (it may be starting a child).
        """
        if supervisor is not None:
            await settled(supervisor, timeout)
        await _ask("sync")


async def settled(supervisor: Who, timeout: float = 5.0) -> None:
    """Wait until the supervisor has handled everything in its mailbox.

    Raises:
        otp.CallExit: the supervisor is not running, or did not answer in time.
    """
    await GenServer.call(supervisor, "count_children", timeout)


async def _ask(tag: str, *arguments: Any) -> Any:
    outcome, answer = await GenServer.call(ANALYTICS, (tag, *arguments))
    if outcome == "error":
        raise UnknownSupervisor(answer)
    return answer


def _answer(ledger: Ledger, tag: str, arguments: tuple[Any, ...]) -> Any:
    match tag, len(arguments):
        case "register_supervisor", 2:
            return _register(ledger, *arguments)
        case "establish_baseline", 1:
            return ledger.establish_baseline(_history(ledger, *arguments))
        case "get_restart_history", 1:
            return list(_history(ledger, *arguments).restart_history())
        case "get_failure_rate", 2:
            return ledger.failure_rate(_history(ledger, arguments[0]), arguments[1])
        case "get_trend", 2:
            return ledger.trend(_history(ledger, arguments[0]), arguments[1])
        case "get_all_supervisor_stats", 0:
            return ledger.stats()
        case "sync", 0:
            return None
        case _:
            raise LookupError("expected a request of AnalyticsServer's own functions")


def _history(ledger: Ledger, who: Any) -> Any:
    return ledger.find(plain_pid(who) if isinstance(who, Pid) else str(who))


def _register(ledger: Ledger, who: Any, name: str | None) -> None:
    pid = who if isinstance(who, Pid) else otp.whereis(who)
    if pid is None or supervisor_state(pid) is None:
        raise LookupError(f"expected a running supervisor, got {who!r}")
    ledger.meet(pid, name)
