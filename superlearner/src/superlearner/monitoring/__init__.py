"""How a node was, over time, and what is wrong with it: points, anomalies with their evidence, and the service."""

from __future__ import annotations

from superlearner.monitoring.alarms import Alarm, Alarms
from superlearner.monitoring.detectors import DETECTORS, detect
from superlearner.monitoring.facts import Facts, Finding
from superlearner.monitoring.figures import Source
from superlearner.monitoring.monitor import Monitor
from superlearner.monitoring.points import History, Point
from superlearner.monitoring.service import MONITORING, MonitoringService
from superlearner.monitoring.tally import Tally

__all__ = [
    "DETECTORS",
    "MONITORING",
    "Alarm",
    "Alarms",
    "Facts",
    "Finding",
    "History",
    "Monitor",
    "MonitoringService",
    "Point",
    "Source",
    "Tally",
    "detect",
]
