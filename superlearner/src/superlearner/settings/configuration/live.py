"""Settings of a running platform, independent of the service.

    superlearner.toml, environment, flags, API → one set of values, validated as a whole → listeners

An invalid value rejects its whole source. Values set over the API have precedence until they are reset or the platform
ends. They are not saved, so the file alone determines the next start.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from superlearner.settings.configuration.changes import Change, Plan, changes_between
from superlearner.settings.settings import Settings, takes_effect_at_start
from superlearner.settings.settings_file import Signature, signature
from superlearner.settings.sources import (
    CONFIG_FILE,
    Problem,
    SettingsError,
    SettingValue,
    from_environment,
    from_file,
    from_flags,
    settle,
)

__all__ = ["Configuration", "FileState", "load_configuration"]

log: Final = logging.getLogger(__name__)

Listener = Callable[[tuple[Change, ...]], object]
Refusal = Callable[[str, tuple[Problem, ...]], object]


@dataclass(frozen=True, slots=True)
class FileState:
    """State of the file when last read (wall clock), with problems if refused."""

    state: Literal["absent", "applied", "refused"]
    at: float
    problems: tuple[Problem, ...] = ()


class Configuration:
    """Values of all settings; see the module's docstring.

    Args:
        file: path of the file, which may not exist; None for a platform without one (tests).
        environment, flags: values from these sources.

    Raises:
        SettingsError: a value is invalid.

    >>> configuration = Configuration.of(Settings(kill_wait=3.0))
    >>> forget = configuration.listen(lambda changes: print(changes[0].setting, changes[0].after))
    >>> configuration.make(configuration.plan_set({"scan_interval": 1.0}, "the API"))
    scan_interval 1.0
    >>> configuration.current.scan_interval, configuration.current.kill_wait
    (1.0, 3.0)
    """

    def __init__(
        self,
        file: Path | None = None,
        environment: Mapping[str, SettingValue] | None = None,
        flags: Mapping[str, SettingValue] | None = None,
    ) -> None:
        self.path = None if file is None else file.absolute()
        self._environment = dict(environment or {})
        self._flags = dict(flags or {})
        self._file: Mapping[str, SettingValue] = {}
        self._api: Mapping[str, SettingValue] = {}
        self._listeners: tuple[Listener, ...] = ()
        self._refused: tuple[Refusal, ...] = ()
        self._seen = self._read = self._look()
        if self.path is not None:
            self._file = from_file(self.path)
        self._wanted, self._won = settle([self._file, self._environment, self._flags])
        self._begun = self._wanted
        self.current = self._wanted
        """Values in effect."""
        self.file = self._state()

    @classmethod
    def of(cls, settings: Settings) -> Configuration:
        """Return a configuration without file; values set in `settings` are flags."""
        flags = from_flags({name: getattr(settings, name) for name in settings.model_fields_set})
        return cls(flags=flags)

    def fix(self, **values: Any) -> None:
        """Set values that the start has determined and that cannot change any more."""
        self.current = self.current.model_copy(update=values)

    def listen(self, listener: Listener, refused: Refusal | None = None) -> Callable[[], None]:
        """Call `listener` after each change, and `refused` for each invalid file."""
        self._listeners = (*self._listeners, listener)
        if refused is not None:
            self._refused = (*self._refused, refused)

        def forget() -> None:
            self._listeners = tuple(other for other in self._listeners if other is not listener)
            self._refused = tuple(other for other in self._refused if other is not refused)

        return forget

    # Reading

    def given(self, name: str) -> SettingValue:
        """Return value and source of a setting, in effect now or after a restart."""
        return self._won.get(name) or SettingValue(getattr(self._wanted, name), "default", "default")

    def after_restart(self) -> dict[str, SettingValue]:
        """Return the changed settings that need a restart to take effect."""
        return {
            name: self.given(name)
            for name in Settings.model_fields
            if takes_effect_at_start(name) and getattr(self._wanted, name) != getattr(self._begun, name)
        }

    def set_over_the_api(self) -> list[str]:
        """Return the settings that were set over the API."""
        return list(self._api)

    # The file

    def look(self) -> None:
        """Check if the file has changed; read it once it is the same at two checks.

        This avoids reading a file while it is being written.
        """
        seen = self._look()
        settled, self._seen = seen == self._seen, seen
        if settled and seen != self._read:
            try:
                self.reload()
            except SettingsError:
                pass  # already reported

    def reload(self) -> tuple[Change, ...]:
        """Read the file now and return the changes.

        Raises:
            SettingsError: the file is invalid; nothing changes.
        """
        if self.path is None:
            return ()
        self._read = self._look()
        try:
            plan = self._plan(from_file(self.path), self._api)
        except SettingsError as error:
            again = self.file.state == "refused" and self.file.problems == error.problems
            self.file = FileState("refused", time.time(), error.problems)
            if not again:
                self._report_refused(error.problems)
            raise
        self.file = self._state()
        self.make(plan)
        return plan.changes

    # Changes

    def plan_set(self, values: Mapping[str, Any], by: str) -> Plan:
        """Return the plan for setting these values, all or none.

        Raises:
            SettingsError: a value is invalid.
        """
        return self._plan(
            self._file, {**self._api, **{name: SettingValue(one, "api", by) for name, one in values.items()}}
        )

    def plan_reset(self, names: Iterable[str]) -> Plan:
        """Return the plan for resetting values set over the API; raises as `plan_set`."""
        gone = set(names)
        return self._plan(self._file, {name: given for name, given in self._api.items() if name not in gone})

    def make(self, plan: Plan) -> None:
        """Apply a plan and notify the listeners."""
        self._file, self._api = plan.file, plan.api
        self._wanted, self._won = plan.wanted, plan.won
        if not plan.changes:
            return
        self.current = self.current.model_copy(update={one.setting: one.after for one in plan.changes if one.now})
        for listener in self._listeners:
            try:
                listener(plan.changes)
            except Exception:
                log.exception("%r failed to handle a change of settings; this is a bug, please report it", listener)

    def _plan(self, file: Mapping[str, SettingValue], api: Mapping[str, SettingValue]) -> Plan:
        wanted, won = settle([file, self._environment, self._flags, api])
        return Plan(wanted, won, file, api, changes_between(self._wanted, wanted, won))

    def _report_refused(self, problems: tuple[Problem, ...]) -> None:
        for refused in self._refused:
            try:
                refused("" if self.path is None else str(self.path), problems)
            except Exception:
                log.exception("%r failed to handle an invalid settings file; this is a bug, please report it", refused)

    def _look(self) -> Signature | None:
        return None if self.path is None else signature(self.path)

    def _state(self) -> FileState:
        return FileState("absent" if self._read is None else "applied", time.time())


def load_configuration(**flags: Any) -> Configuration:
    """Load the settings from all sources; a flag that is None was not given.

    Raises:
        SettingsError: a value is invalid.
    """
    return Configuration(Path(CONFIG_FILE), from_environment(), from_flags(flags))
