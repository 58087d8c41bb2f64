"""Descriptions of all settings, with types, units, choices and bounds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from superlearner.settings.settings import Settings, takes_effect_at_start

__all__ = ["Described", "described"]

BOUNDS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "pattern")


@dataclass(frozen=True, slots=True)
class Described:
    """Description of a setting."""

    name: str
    description: str
    type: str = field(
        metadata={"description": "`string`, `integer`, `number`, `boolean` or `array`, as in JSON Schema"}
    )
    unit: str | None = field(metadata={"description": "such as `s` or `bytes`, if it has a unit"})
    default: Any
    choices: tuple[str, ...] = field(metadata={"description": "the allowed values, if they can be listed"})
    bounds: dict[str, Any] = field(
        metadata={"description": "minimum, maximum and pattern, in the terms of JSON Schema"}
    )
    hot: bool = field(metadata={"description": "it can change while the platform runs"})

    @property
    def variable(self) -> str:
        """Environment variable of the setting."""
        return f"SUPERLEARNER_{self.name.upper()}"


def described() -> dict[str, Described]:
    """Return all settings by name, in their order.

    >>> one = described()["kill_wait"]
    >>> one.type, one.unit, one.default, one.hot
    ('number', 's', 5.0, True)
    """
    schema = Settings.model_json_schema()
    return {name: _described(name, one) for name, one in schema["properties"].items()}


def _described(name: str, schema: dict[str, Any]) -> Described:
    real = next(one for one in schema.get("anyOf", [schema]) if one.get("type") != "null")
    return Described(
        name=name,
        description=schema.get("description", ""),
        type=real.get("type", "string"),
        unit=schema.get("unit"),
        default=schema.get("default"),
        choices=tuple(real.get("enum", ())),
        bounds={bound: real[bound] for bound in BOUNDS if bound in real},
        hot=not takes_effect_at_start(name),
    )
