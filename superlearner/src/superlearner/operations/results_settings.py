"""Result models of settings."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from superlearner.settings.sources import Source

__all__ = ["SettingChanged", "SettingChangeLine", "SettingProblem", "SettingResult", "SettingsChanged", "SettingsFile"]


class SettingResult(BaseModel):
    """A setting with its value and source."""

    name: str
    description: str
    type: str = Field(description="`string`, `integer`, `number`, `boolean` or `array`, as in JSON Schema")
    unit: str | None = Field(description="`s` or `bytes`, if it has a unit")
    default: Any
    value: Any = Field(description="the current value; null if hidden")
    source: Source = Field(description="the source of the value; each overrides those before it")
    where: str = Field(description="the flag, the variable, the line of the file, or the user who set it")
    hot: bool = Field(description="it can change while the platform runs")
    after_restart: Any = Field(description="the value after a restart, if it differs; else null")
    choices: list[str] = Field(description="the allowed values, if they can be listed")
    bounds: dict[str, Any] = Field(description="minimum, maximum and pattern, in the terms of JSON Schema")
    hidden: bool = Field(description="the value needs the scope `code`")


class SettingProblem(BaseModel):
    """A problem in the file, with its line if known."""

    line: int | None
    setting: str | None
    problem: str


class SettingsFile(BaseModel):
    """The settings file and the result of its last read."""

    path: str | None = Field(description="its path, even if it does not exist; needs the scope `code`")
    state: Literal["absent", "applied", "refused"] = Field(
        description="`refused`: it is invalid, and none of it was applied"
    )
    at: float = Field(description="time of the last read, in seconds since 1970")
    problems: list[SettingProblem]
    set_over_the_api: list[str] = Field(description="settings that override the file until they are reset")


class SettingChanged(BaseModel):
    """A changed setting."""

    name: str
    before: Any
    after: Any
    source: Source
    where: str
    now: bool = Field(description="false: it takes effect after a restart")


class SettingsChanged(BaseModel):
    """The changed settings; none if all had these values already."""

    changed: list[SettingChanged]
    kept_until: Literal["restart"] | None = Field(
        description="`restart`: add it to superlearner.toml to keep it; null: the values do not come from the API"
    )


class SettingChangeLine(BaseModel):
    """A stored change; `run` is the run of the platform in which it happened."""

    id: int
    at: float
    source: str
    setting: str
    before: Any
    after: Any
    run: str
