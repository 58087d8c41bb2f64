"""What operations on settings answer."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from superlearner.settings.settings import Source

__all__ = ["SettingChanged", "SettingChangeLine", "SettingProblem", "SettingResult", "SettingsChanged", "SettingsFile"]


class SettingResult(BaseModel):
    """One setting: what it is, what it is set to, and by whom."""

    name: str
    description: str
    type: str = Field(description="`string`, `integer`, `number`, `boolean` or `array`, as in JSON Schema")
    unit: str | None = Field(description="`s` or `bytes`, where it has one")
    default: Any
    value: Any = Field(description="in effect now; null for a hidden one")
    source: Source = Field(description="who gave the value; each wins over those before it")
    where: str = Field(description="the flag, the variable, the line of the file, or who set it")
    hot: bool = Field(description="whether a running platform can change it")
    after_restart: Any = Field(description="what a restart would make of it, if that is another value; else null")
    choices: list[str] = Field(description="what may be given, where that can be listed")
    bounds: dict[str, Any] = Field(description="least, greatest and pattern, as JSON Schema names them")
    hidden: bool = Field(description="the value is for the scope `code` only")


class SettingProblem(BaseModel):
    """What is wrong in the file, and in which line, if that is known."""

    line: int | None
    setting: str | None
    problem: str


class SettingsFile(BaseModel):
    """The file, and what became of it when it was read last."""

    path: str | None = Field(description="where it is, or would be; for the scope `code` only")
    state: Literal["absent", "applied", "refused"] = Field(
        description="`refused`: it is wrong, nothing of it was taken"
    )
    at: float = Field(description="when it was read last, in seconds since 1970")
    problems: list[SettingProblem]
    set_over_the_api: list[str] = Field(description="settings that win over the file until they are reset")


class SettingChanged(BaseModel):
    """One setting that has another value."""

    name: str
    before: Any
    after: Any
    source: Source
    where: str
    now: bool = Field(description="false: it takes effect after a restart")


class SettingsChanged(BaseModel):
    """What has become different; nothing, if all were as wanted already."""

    changed: list[SettingChanged]
    kept_until: Literal["restart"] | None = Field(
        description="`restart`: write it into superlearner.toml if it is to stay; null: it comes from there"
    )


class SettingChangeLine(BaseModel):
    """A change that was stored; `run` is the run of the platform in which it happened."""

    id: int
    at: float
    source: str
    setting: str
    before: Any
    after: Any
    run: str
