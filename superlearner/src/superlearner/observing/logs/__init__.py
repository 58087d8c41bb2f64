"""The platform's log: on the terminal, and the newest lines in memory."""

from __future__ import annotations

from superlearner.observing.logs.formats import JsonFormatter, TextFormatter
from superlearner.observing.logs.line import LogLine
from superlearner.observing.logs.log_view import LogView
from superlearner.observing.logs.terminal_log import ACCESS, TerminalLog, explained_once

__all__ = ["ACCESS", "JsonFormatter", "LogLine", "LogView", "TerminalLog", "TextFormatter", "explained_once"]
