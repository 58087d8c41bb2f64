"""Application of changed settings to what was built from old values.

Most code reads `platform.settings` whenever it needs a value and is not concerned. This module updates what was derived
from a value earlier: pauses, limits, running timers.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

import otp
from superlearner.base.terminal import print_line
from superlearner.control.terms import json_of
from superlearner.observing.analytics import ANALYTICS
from superlearner.observing.monitoring import MONITORING
from superlearner.observing.watchdog import WATCHDOG
from superlearner.settings.configuration import Change
from superlearner.settings.settings import Settings
from superlearner.settings.sources import Problem
from superlearner.store import SettingChange

if TYPE_CHECKING:
    from superlearner.app.running import RunningPlatform
    from superlearner.web.platform import Platform

__all__ = ["adopt", "pauses_of_services", "pauses_of_trees", "refuse"]

log: Final = logging.getLogger(__name__)


def pauses_of_services(settings: Settings) -> tuple[float, ...]:
    """Return the restart backoff of a service, in seconds.

    >>> pauses_of_services(Settings(services_back_off_max=0.3))[:4]
    (0.1, 0.2, 0.3, 0.3)
    """
    return tuple(min(settings.services_back_off_max, 0.1 * 2**step) for step in range(8))


def pauses_of_trees(settings: Settings) -> tuple[float, ...]:
    """Return the pause before a tree that gave up is restarted."""
    return (settings.playground_restart_after,)


def adopt(running: RunningPlatform, changes: tuple[Change, ...]) -> None:
    """Apply new values and announce them: terminal, log, page, telemetry, store."""
    changed = {one.setting for one in changes if one.now}
    platform = running.platform
    settings = platform.settings
    for kept in running.keeper.of("services"):
        kept.pauses = pauses_of_services(settings)
    for kept in running.keeper.of("playground"):
        kept.pauses = pauses_of_trees(settings)
    ledger = platform.analytics
    ledger.book.most = settings.max_events_per_supervisor
    ledger.detailed = settings.enable_detailed_logging
    ledger.scan_interval = settings.scan_interval
    if "scan_interval" in changed:
        _send(platform, ANALYTICS, "other interval")
        _send(platform, MONITORING, "other interval")
    if "watchdog_after" in changed:
        _send(platform, WATCHDOG, "again")
    platform.adopt()
    platform.nodes.adopt()
    platform.log.resize(settings.log_kept)
    for one in changes:
        _announce(platform, one)


def refuse(platform: Platform, file: str, problems: tuple[Problem, ...]) -> None:
    """Report an invalid settings file: all settings stay as they were."""
    del file
    for one in problems:
        data = {"setting": one.setting, "line": one.line, "problem": one.problem}
        platform.events.emit("setting_refused", f"{one}; the settings are unchanged", data)
        log.warning("%s; the settings are unchanged", one)
        platform.hub.note("bad", f"{one}; the settings are unchanged", kind="setting_refused")
    platform.telemetry.execute("settings.refused", {"problems": len(problems)}, {})


def _announce(platform: Platform, one: Change) -> None:
    if platform.settings.log_level in ("warning", "error"):  # else the log shows it in the same place
        print_line(str(one))
    public = one.public_text()
    log.info("%s", public)
    platform.hub.note("info", public, kind="setting_changed")
    before, after = one.public_values()
    data = {"before": before, "after": after, "source": one.source, "where": one.where, "now": one.now}
    platform.events.emit("setting_changed", public, {"setting": one.setting, **data})
    about = {"setting": one.setting, "source": one.source, "now": one.now}
    platform.telemetry.execute("settings.changed", {}, about)
    row = SettingChange(round(time.time(), 6), one.where, one.setting, json_of(one.before), json_of(one.after))
    platform.store.append_setting_change(row)


def _send(platform: Platform, name: str, message: str) -> None:
    """Send a message to a service if it runs; a new one reads the settings itself."""
    service = platform.node.whereis(name)
    if service is not None:
        otp.send(service, message)
