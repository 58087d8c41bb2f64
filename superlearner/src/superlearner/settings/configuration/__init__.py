"""Settings of a running platform: file, API, and notified listeners."""

from __future__ import annotations

from superlearner.settings.configuration.changes import PRIVATE, Change, Plan
from superlearner.settings.configuration.described import Described, described
from superlearner.settings.configuration.live import Configuration, FileState, load_configuration
from superlearner.settings.configuration.service import SETTINGS, SettingsWatch

__all__ = [
    "PRIVATE",
    "SETTINGS",
    "Change",
    "Configuration",
    "Described",
    "FileState",
    "Plan",
    "SettingsWatch",
    "described",
    "load_configuration",
]
