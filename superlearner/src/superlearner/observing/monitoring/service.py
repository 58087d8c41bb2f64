"""The `monitoring` service: schedules samples, and keeps no data itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import otp
from otp import GenServer, NoReply, Ok, impl
from otp.observer.scanning import Scan
from superlearner.observing.monitoring.monitor import STEP, Monitor

__all__ = ["MONITORING", "MonitoringService"]

MONITORING: Final = "monitoring"


class MonitoringService(GenServer[Any]):
    """Sampling every `scan_interval`, in timed steps that keep the loop responsive.

    >>> import otp
    >>> from superlearner.observing.analytics import Ledger
    >>> from superlearner.observing.monitoring import Monitor, MonitoringService
    >>> from superlearner.settings.settings import Settings
    >>> async def main():
    ...     monitor = Monitor(Settings, Ledger())
    ...     monitor.watch(otp.node())
    ...     service = await MonitoringService.start_link(lambda: [monitor], name="monitoring")
    ...     await otp.GenServer.call(service, "sync")
    ...     monitor.close()
    ...     return monitor.history.last.processes
    >>> otp.run(main)
    2
    """

    @impl
    def init(self, monitors: Callable[[], list[Monitor]]) -> Ok[Any]:
        otp.send(self.pid, "sample")
        return Ok(MonitorPlan(monitors, otp.monotonic()))

    @impl
    def handle_info(self, message: Any, plan: Any) -> NoReply[Any]:
        # Any process may send here. Check the type first, so that a value's own `==` does not run.
        if type(message) is str and message == "sample" and not plan.left:
            self._begin(plan)
        elif type(message) is str and message == "step" and plan.left:
            self._go_on(plan)
        elif type(message) is str and message == "other interval" and not plan.left:
            self._pause(plan)
        return NoReply(plan)

    @impl
    def handle_call(self, request: Any, caller: otp.From, plan: Any) -> otp.Reply[Any]:
        return otp.Reply("ok", plan)

    def _begin(self, plan: MonitorPlan) -> None:
        now = otp.monotonic()
        plan.left = plan.monitors()
        for monitor in plan.left:
            monitor.was_late(max(0.0, now - plan.due))
        plan.begun = now
        if plan.left:  # else the node has ended, and this service is about to
            self._go_on(plan)

    def _go_on(self, plan: MonitorPlan) -> None:
        """Do a step; a timer starts the next, so that others run in between."""
        monitor = plan.left[0]
        if plan.scan is None:
            plan.scan, plan.scan_begun = monitor.begin(), otp.monotonic()
        if plan.scan.step(STEP):
            monitor.finish(plan.scan, otp.monotonic() - plan.scan_begun)
            plan.scan = None
            del plan.left[0]
        if plan.left:
            otp.send_after(0, self.pid, "step")
            return
        self._pause(plan)

    def _pause(self, plan: MonitorPlan) -> None:
        """Wait for the next round, with the current interval."""
        now = otp.monotonic()
        pause = max(0.0, plan.begun + plan.monitors()[0].settings().scan_interval - now)
        plan.due = now + pause
        if plan.timer is not None:
            otp.cancel_timer(plan.timer)
        plan.timer = otp.send_after(pause, self.pid, "sample")


class MonitorPlan:
    """State of the service: remaining monitors, current scan, and next round."""

    __slots__ = ("begun", "due", "left", "monitors", "scan", "scan_begun", "timer")

    def __init__(self, monitors: Callable[[], list[Monitor]], now: float) -> None:
        self.monitors = monitors
        self.due = self.begun = self.scan_begun = now
        self.left: list[Monitor] = []
        self.scan: Scan | None = None
        self.timer: otp.Ref | None = None
