"""Changes of settings as values: planned first, then applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from otp import sentences
from otp.bounded import text
from otp.redaction import HIDDEN
from superlearner.control.terms import json_of
from superlearner.settings.settings import Settings, takes_effect_at_start
from superlearner.settings.sources import SettingValue, Source

__all__ = ["PRIVATE", "Change", "Plan", "changes_between"]

PRIVATE: Final = frozenset({"data_dir", "database", "certfile", "keyfile"})
"""Settings whose values (paths and addresses) require the scope `code`."""


@dataclass(frozen=True, slots=True)
class Change:
    """A setting whose value changed.

    `where` is the flag, variable, line or caller of the new value; `now` is False if it takes effect after a restart.
    The text contains no secrets.

    >>> print(Change("otel_endpoint", None, "http://ada:hunter2@collector", "file", "superlearner.toml, line 1", False))
    otel_endpoint will be 'http://ada:***@collector' after a restart (was None; superlearner.toml, line 1)
    """

    setting: str
    before: Any
    after: Any
    source: Source
    where: str
    now: bool

    def __str__(self) -> str:
        return self._text(text(self.before, length=1000), text(self.after, length=1000))

    def public_text(self) -> str:
        """Return the sentence for readers with the `read` scope; see `PRIVATE`."""
        return self._text(self._public(text(self.before, length=1000)), self._public(text(self.after, length=1000)))

    def public_values(self) -> tuple[Any, Any]:
        """Return the JSON of the values before and after for the same readers."""
        return self._public(json_of(self.before)), self._public(json_of(self.after))

    def _public(self, shown: Any) -> Any:
        return HIDDEN if self.setting in PRIVATE else shown

    def _text(self, before: str, after: str) -> str:
        return sentences.setting_changed(self.setting, before, after, self.where, now=self.now)


@dataclass(frozen=True, slots=True)
class Plan:
    """The settings that would result from a change.

    Attributes:
        wanted: all values, including those that need a restart.
        won: source of each value.
        file: values from the file.
        api: values set over the API.
        changes: settings that change.
    """

    wanted: Settings
    won: Mapping[str, SettingValue]
    file: Mapping[str, SettingValue]
    api: Mapping[str, SettingValue]
    changes: tuple[Change, ...]


def changes_between(before: Settings, wanted: Settings, won: Mapping[str, SettingValue]) -> tuple[Change, ...]:
    """Return the differences between the wanted values before and now.

    >>> print(*changes_between(Settings(), Settings(port=1, kill_wait=2.0), {}), sep="; ")
    port will be 1 after a restart (was 4000; default); kill_wait is 2.0 (was 5.0; default)
    """
    found: list[Change] = []
    for name in Settings.model_fields:
        old, new = getattr(before, name), getattr(wanted, name)
        if old != new:
            given = won.get(name, SettingValue(new, "default", "default"))
            found.append(Change(name, old, new, given.source, given.where, not takes_effect_at_start(name)))
    return tuple(found)
