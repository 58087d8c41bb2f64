"""Monitoring of a node: points, anomalies with evidence, and the service."""

from __future__ import annotations

from superlearner.observing.monitoring.alarms import ANOMALY_EVENTS, Alarm, Alarms
from superlearner.observing.monitoring.detectors import DETECTORS, detect
from superlearner.observing.monitoring.facts import AnomalyFinding, NodeFacts, ServiceGap
from superlearner.observing.monitoring.figures import Source
from superlearner.observing.monitoring.monitor import Monitor
from superlearner.observing.monitoring.points import History, Point
from superlearner.observing.monitoring.service import MONITORING, MonitoringService
from superlearner.observing.monitoring.tally import Tally

__all__ = [
    "ANOMALY_EVENTS",
    "DETECTORS",
    "MONITORING",
    "Alarm",
    "Alarms",
    "NodeFacts",
    "AnomalyFinding",
    "History",
    "Monitor",
    "MonitoringService",
    "Point",
    "ServiceGap",
    "Source",
    "Tally",
    "detect",
]
