"""The log of the platform: on the terminal as text or JSON, and the newest lines in memory for who looks."""

from __future__ import annotations

from superlearner.observing.logs.formats import JsonFormatter, TextFormatter
from superlearner.observing.logs.line import LogLine
from superlearner.observing.logs.log_view import LogView
from superlearner.observing.logs.terminal_log import ACCESS, TerminalLog

__all__ = ["ACCESS", "JsonFormatter", "LogLine", "LogView", "TerminalLog", "TextFormatter"]
