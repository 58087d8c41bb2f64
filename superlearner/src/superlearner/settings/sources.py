"""Sources of settings: defaults < `superlearner.toml` < environment < command line flags.

Errors name the source, the expected and the actual value.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource

from otp.bounded import text
from otp.redaction import without_secrets
from superlearner.base.validation import problem_text
from superlearner.settings.settings import ENVIRONMENT, Settings
from superlearner.settings.settings_file import UnreadableFile, read_toml

__all__ = [
    "CONFIG_FILE",
    "Problem",
    "SettingValue",
    "SettingsError",
    "Source",
    "from_environment",
    "from_file",
    "from_flags",
    "load_settings",
    "settle",
]

CONFIG_FILE: Final = "superlearner.toml"

Source = Literal["default", "file", "environment", "flag", "api"]
"""Sources of a value, in ascending precedence."""


@dataclass(frozen=True, slots=True)
class SettingValue:
    """A value with its source; `where` is a flag, a variable, or file and line."""

    value: Any
    source: Source
    where: str


@dataclass(frozen=True, slots=True)
class Problem:
    """An invalid setting and its place; `line` if it is in the file.

    >>> str(Problem("--port", "port", "expected a number up to 65535, got 99999"))
    '--port: expected a number up to 65535, got 99999'
    """

    where: str
    setting: str | None
    problem: str
    line: int | None = None

    def __str__(self) -> str:
        name = "" if self.setting is None or _names(self.where, self.setting) else f"{self.setting}: "
        return f"{self.where}: {name}{self.problem}"


class SettingsError(ValueError):
    """Invalid settings; a line per problem: place, expected value, actual value."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def load_settings(**flags: Any) -> Settings:
    """Return the settings from all sources; a flag that is None was not given.

    Raises:
        SettingsError: a value is invalid, or the file is not TOML.
    """
    return settle([from_file(Path(CONFIG_FILE)), from_environment(), from_flags(flags)])[0]


def from_file(path: Path) -> dict[str, SettingValue]:
    """Return the values from the file, if there is one. Raises `SettingsError`."""
    try:
        file = read_toml(path)
    except UnreadableFile as error:
        where = path.name if error.line is None else f"{path.name}, line {error.line}"
        raise SettingsError([Problem(where, None, error.problem, error.line)]) from None
    if file is None:
        return {}
    return {
        name: SettingValue(value, "file", f"{path.name}, line {file.lines[name]}")
        for name, value in file.values.items()
    }


def from_environment() -> dict[str, SettingValue]:
    """Return values from `SUPERLEARNER_*` variables. Raises `SettingsError`."""
    source = EnvSettingsSource(Settings)
    found: dict[str, SettingValue] = {}
    problems: list[Problem] = []
    for name, field in Settings.model_fields.items():
        try:
            value, _, is_complex = source.get_field_value(field, name)
            value = source.prepare_field_value(name, field, value, is_complex)
        except ValueError:
            raw = os.environ.get(_variable(name), "")
            problems.append(
                Problem(_variable(name), name, f'expected JSON such as ["shop.example"], got {_format_value(raw)}')
            )
            continue
        if value is not None:
            found[name] = SettingValue(value, "environment", _variable(name))
    if problems:
        raise SettingsError(problems)
    return found


def from_flags(flags: Mapping[str, Any]) -> dict[str, SettingValue]:
    """Return the values from the command line; None: the flag was not given."""
    return {
        name: SettingValue(value, "flag", f"--{name.replace('_', '-')}")
        for name, value in flags.items()
        if value is not None
    }


def settle(layers: Sequence[Mapping[str, SettingValue]]) -> tuple[Settings, dict[str, SettingValue]]:
    """Merge sources, the strongest last; return settings and their sources.

    Every source is validated, even if another one overrides it.

    Raises:
        SettingsError: a value is invalid, or a name is unknown.
    """
    problems: list[Problem] = []
    won: dict[str, SettingValue] = {}
    for layer in layers:
        unknown = [name for name in layer if name not in Settings.model_fields]
        problems += [Problem(layer[name].where, name, _unknown(name), _find_line(layer[name])) for name in unknown]
        beneath = dict(won)
        won |= {name: given for name, given in layer.items() if name not in unknown}
        wrong = _problems_of(won)
        problems += wrong
        for problem in wrong:  # reported once, not again for the next source
            if problem.setting in beneath:
                won[problem.setting] = beneath[problem.setting]
            elif problem.setting is not None:
                won.pop(problem.setting, None)
    if problems:
        raise SettingsError(dict.fromkeys(problems))
    return Settings(**{name: given.value for name, given in won.items()}), won


def _problems_of(won: Mapping[str, SettingValue]) -> list[Problem]:
    try:
        Settings(**{name: given.value for name, given in won.items()})
    except ValidationError as error:
        return [_problem(one, won) for one in error.errors()]
    return []


def _problem(problem: Any, won: Mapping[str, SettingValue]) -> Problem:
    name = str(problem["loc"][0]) if problem["loc"] else None
    given = None if name is None else won.get(name)
    words = problem_text(problem)
    where = given.where if given is not None else name or "settings"
    return Problem(
        where, name, f"{words}, got {_format_value(problem['input'])}", None if given is None else _find_line(given)
    )


def _find_line(given: SettingValue) -> int | None:
    return int(given.where.rpartition(" ")[2]) if given.source == "file" else None


def _unknown(name: str) -> str:
    close = get_close_matches(name, Settings.model_fields, n=1, cutoff=0.6)
    return (
        f"expected a setting, got an unknown name; {f'did you mean {close[0]}?' if close else 'see docs/settings.md'}"
    )


def _names(where: str, setting: str) -> bool:
    """Return whether a place names its setting, as flags and variables do."""
    return where == setting or where in (_variable(setting), f"--{setting.replace('_', '-')}")


def _variable(name: str) -> str:
    return f"{ENVIRONMENT}{name.upper()}"


def _format_value(value: Any) -> str:
    return without_secrets(text(value, length=100))
