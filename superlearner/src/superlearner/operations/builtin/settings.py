"""Settings: values and their sources, and changes while the platform runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import Field

from otp.redaction import without_secrets
from superlearner.control.terms import json_of, text_of
from superlearner.operations.builtin.store import reading_the_store
from superlearner.operations.context import Context
from superlearner.operations.declaration import Picker, operation
from superlearner.operations.failures import Detail, OperationError
from superlearner.operations.results.settings import (
    SettingChanged,
    SettingChangeLine,
    SettingProblem,
    SettingResult,
    SettingsChanged,
    SettingsFile,
)
from superlearner.settings.configuration import PRIVATE, Change, Configuration, Described, Plan, described
from superlearner.settings.sources import SettingsError
from superlearner.store import Store

Name = Annotated[str, Field(max_length=100, description="the setting", examples=["kill_wait"]), Picker("setting")]
Value = Annotated[Any, Field(description="the value, in the unit of the setting", examples=[2.5])]


@operation("settings.list", http=("GET", "/settings"), scope="read", on="platform",
           short="name value description where")  # fmt: skip
async def list_settings(
    ctx: Context,
    configuration: Configuration,
    /,
    source: Annotated[str | None, Field(max_length=20, description="only settings from this source")] = None,
) -> list[SettingResult]:
    """List the settings.

    Each with its value and source, its default and unit, and whether it can change at run time.
    """
    lines = [_describe_setting(ctx, configuration, one) for one in described().values()]
    return [line for line in lines if source is None or line.source == source]


@operation("settings.get", http=("GET", "/settings/{name}"), scope="read", on="platform", errors=("setting_not_found",),
           short="name value where description type unit default choices bounds hot after_restart")  # fmt: skip
async def get_setting(ctx: Context, configuration: Configuration, /, name: Name) -> SettingResult:
    """Show a setting.

    Its value and source, its default, unit and bounds.
    """
    return _describe_setting(ctx, configuration, _setting(name))


@operation("settings.file", http=("GET", "/settings/file"), scope="read", on="platform")
async def file(ctx: Context, configuration: Configuration, /) -> SettingsFile:
    """Show the state of superlearner.toml.

    The result of the last read: applied, or refused with the invalid lines.
    """
    path = None if configuration.path is None or not ctx.user.may("code") else str(configuration.path)
    state = configuration.file
    return SettingsFile(
        path=path,
        state=state.state,
        at=round(state.at, 6),
        problems=[SettingProblem(line=one.line, setting=one.setting, problem=one.problem) for one in state.problems],
        set_over_the_api=configuration.set_over_the_api(),
    )


@operation(
    "settings.set",
    http=("PUT", "/settings/{name}"),
    scope="code",
    on="platform",
    changes=True,
    errors=("setting_not_found", "restart_needed"),
)
async def set_setting(ctx: Context, configuration: Configuration, /, name: Name, value: Value) -> SettingsChanged:
    """Change a setting of the running platform.

    It takes effect immediately and lasts until it is reset or the platform ends. To keep it, add it to
    superlearner.toml.
    """
    return _make(ctx, configuration, {name: value})


@operation(
    "settings.update",
    http=("PUT", "/settings"),
    scope="code",
    on="platform",
    changes=True,
    errors=("setting_not_found", "restart_needed"),
)
async def update_settings(
    ctx: Context,
    configuration: Configuration,
    /,
    values: Annotated[
        dict[str, Any],
        Field(min_length=1, max_length=100, description="values by name", examples=[{"kill_wait": 2.5}]),
    ],
) -> SettingsChanged:
    """Change several settings of the running platform.

    All of them, or none if one is invalid; see `settings.set`.
    """
    return _make(ctx, configuration, values)


@operation(
    "settings.reset",
    http=("DELETE", "/settings/{name}"),
    scope="code",
    on="platform",
    changes=True,
    errors=("setting_not_found", "validation_error"),
)
async def reset_setting(ctx: Context, configuration: Configuration, /, name: Name) -> SettingsChanged:
    """Reset a setting.

    Removes the value set over the API, so that flags, environment, file or default apply again.
    """
    _setting(name)
    plan = _planned(lambda: configuration.plan_reset([name]))
    ctx.about_to(f"remove the value of {name} set over the API{_becomes(plan)}")
    configuration.make(plan)
    return SettingsChanged(changed=_changes(plan.changes), kept_until=None)


@operation(
    "settings.reload",
    http=("POST", "/settings/reload"),
    scope="code",
    on="platform",
    changes=True,
    errors=("validation_error",),
)
async def reload_settings(ctx: Context, configuration: Configuration, /) -> SettingsChanged:
    """Reload superlearner.toml.

    The platform reads a changed file within a second anyway; this also returns the changes.
    """
    ctx.about_to("read superlearner.toml")
    changes = _planned(configuration.reload)
    return SettingsChanged(changed=_changes(changes), kept_until=None)


@operation(
    "settings.changes", http=("GET", "/settings/changes"), scope="code", on="platform", errors=("store_unavailable",)
)
async def changes(
    store: Store,
    /,
    setting: Annotated[str | None, Field(max_length=100, description="only changes of this setting")] = None,
    before: Annotated[int | None, Field(ge=1, le=2**53, description="only changes before the one with this id")] = None,
    limit: Annotated[int, Field(ge=1, le=1000, description="the most changes")] = 100,
) -> list[SettingChangeLine]:
    """List the stored changes of settings.

    Those of all runs, newest first.
    """
    with reading_the_store():
        await store.sync()
        rows = await store.setting_changes(setting, before=before, limit=limit)
    return [
        SettingChangeLine(
            id=row.id,
            at=row.at,
            source=row.source,
            setting=row.setting,
            before=row.before,
            after=row.after,
            run=row.run,
        )
        for row in rows
    ]


def _make(ctx: Context, configuration: Configuration, values: Mapping[str, Any]) -> SettingsChanged:
    by, settings = f"the API ({ctx.user.name})", {name: _setting(name) for name in values}
    plan = _planned(lambda: configuration.plan_set(values, by), by)
    for name, found in settings.items():
        if not found.hot:
            raise OperationError(
                "restart_needed",
                f"{name} takes effect only after a restart",
                hint=f"set {name} = {text_of(json_of(values[name]), 100)} in superlearner.toml and restart",
            )
    ctx.about_to(f"set {', '.join(values)}{_becomes(plan)}")
    configuration.make(plan)
    return SettingsChanged(changed=_changes(plan.changes), kept_until="restart")


def _setting(name: str) -> Described:
    found = described().get(name)
    if found is None:
        close = get_close_matches(name, described(), n=1)
        hint = f"did you mean {close[0]}?" if close else "see GET /api/v1/settings"
        raise OperationError("setting_not_found", f"there is no setting {text_of(name, 100)}", hint=hint)
    return found


def _planned(plan: Any, by: str = "") -> Any:
    """Return the result of `plan`; its errors do not name `by`, the one who asks."""
    try:
        return plan()
    except SettingsError as error:
        details = [Detail(one.setting, one.problem, "no setting was changed") for one in error.problems]
        first = error.problems[0]
        said = f"{first.setting}: {first.problem}" if first.where == by else str(first)
        raise OperationError("validation_error", said, details=details) from None


def _becomes(plan: Plan) -> str:
    words = [str(one) for one in plan.changes]
    return f": {'; '.join(words)}" if words else ", which changes nothing"


def _changes(changes: Iterable[Change]) -> list[SettingChanged]:
    return [
        SettingChanged(
            name=one.setting,
            before=json_of(one.before),
            after=json_of(one.after),
            source=one.source,
            where=one.where,
            now=one.now,
        )
        for one in changes
    ]


def _describe_setting(ctx: Context, configuration: Configuration, one: Described) -> SettingResult:
    hidden = one.name in PRIVATE and not ctx.user.may("code")
    given = configuration.given(one.name)
    later = configuration.after_restart().get(one.name)
    return SettingResult(
        **asdict(one),
        value=None if hidden else _value(getattr(configuration.current, one.name)),
        source=given.source,
        where=given.where,
        after_restart=None if hidden or later is None else _value(later.value),
        hidden=hidden,
    )


def _value(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | list | tuple):
        return json_of(value)
    return without_secrets(str(value))
