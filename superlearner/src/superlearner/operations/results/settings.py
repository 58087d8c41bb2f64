"""Result models of settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import Field

from superlearner.operations.results.result import ResultModel
from superlearner.settings.configuration import Described
from superlearner.settings.sources import Source

__all__ = ["SettingChanged", "SettingChangeLine", "SettingProblem", "SettingResult", "SettingsChanged", "SettingsFile"]


@dataclass(frozen=True, slots=True)
class SettingResult(Described):
    """A setting with its value and source."""

    value: Any = field(metadata={"description": "the current value; null if hidden"})
    source: Source = field(metadata={"description": "the source of the value; each overrides those before it"})
    where: str = field(metadata={"description": "the flag, the variable, the line of the file, or the user who set it"})
    after_restart: Any = field(metadata={"description": "the value after a restart, if it differs; else null"})
    hidden: bool = field(metadata={"description": "the value needs the scope `code`"})


class SettingProblem(ResultModel):
    """A problem in the file, with its line if known."""

    line: int | None
    setting: str | None
    problem: str


class SettingsFile(ResultModel):
    """The settings file and the result of its last read."""

    path: str | None = Field(description="its path, even if it does not exist; needs the scope `code`")
    state: Literal["absent", "applied", "refused"] = Field(
        description="`refused`: it is invalid, and none of it was applied"
    )
    at: float = Field(description="time of the last read, in seconds since 1970")
    problems: list[SettingProblem]
    set_over_the_api: list[str] = Field(description="settings that override the file until they are reset")


class SettingChanged(ResultModel):
    """A changed setting."""

    name: str
    before: Any
    after: Any
    source: Source
    where: str
    now: bool = Field(description="false: it takes effect after a restart")


class SettingsChanged(ResultModel):
    """The changed settings; none if all had these values already."""

    changed: list[SettingChanged]
    kept_until: Literal["restart"] | None = Field(
        description="`restart`: add it to superlearner.toml to keep it; null: the values do not come from the API"
    )


class SettingChangeLine(ResultModel):
    """A stored change; `run` is the run of the platform in which it happened."""

    id: int
    at: float
    source: str
    setting: str
    before: Any
    after: Any
    run: str
