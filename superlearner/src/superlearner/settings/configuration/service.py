"""The `settings` service: checks `superlearner.toml` for changes."""

from __future__ import annotations

from typing import Any, Final

import otp
from otp import GenServer, NoReply, Ok, Reply, impl
from superlearner.settings.configuration.live import Configuration

__all__ = ["LOOK_EVERY_S", "SETTINGS", "SettingsWatch"]

SETTINGS: Final = "settings"
LOOK_EVERY_S: Final = 0.5


class SettingsWatch(GenServer[Configuration]):
    """Process that polls the file, a `stat` each time; Python has no file events."""

    @impl
    def init(self, configuration: Configuration) -> Ok[Configuration]:
        if configuration.path is not None:
            otp.send_after(LOOK_EVERY_S, self.pid, "look")
        return Ok(configuration)

    @impl
    def handle_info(self, message: Any, configuration: Configuration) -> NoReply[Configuration]:
        # Any process may send here. Check the type first, so that a value's own `==` does not run.
        if type(message) is str and message == "look":
            configuration.look()
            otp.send_after(LOOK_EVERY_S, self.pid, "look")
        return NoReply(configuration)

    @impl
    def handle_call(self, request: Any, caller: otp.From, configuration: Configuration) -> Reply[Configuration]:
        if type(request) is str and request == "look":
            configuration.look()
        return Reply("ok", configuration)
