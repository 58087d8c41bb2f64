"""Settings: what is set and by whom, and other values while the platform runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import Field

from otp.redaction import without_secrets
from superlearner.control.terms import json_of, text_of
from superlearner.operations.builtin.store import reading_the_store
from superlearner.operations.context import Context
from superlearner.operations.declaration import Picker, operation
from superlearner.operations.failures import Detail, OperationError
from superlearner.operations.results_settings import (
    SettingChanged,
    SettingChangeLine,
    SettingProblem,
    SettingResult,
    SettingsChanged,
    SettingsFile,
)
from superlearner.settings.configuration import PRIVATE, Change, Configuration, Described, Plan, described
from superlearner.settings.settings import SettingsError
from superlearner.store import Store

Name = Annotated[str, Field(max_length=100, description="the setting", examples=["kill_wait"]), Picker("setting")]
Value = Annotated[Any, Field(description="the value, in the unit of the setting", examples=[2.5])]


@operation("settings.list", http=("GET", "/settings"), scope="read", on="platform",
           short="name value description where")  # fmt: skip
async def list_settings(
    ctx: Context,
    configuration: Configuration,
    /,
    source: Annotated[str | None, Field(max_length=20, description="only those set by this source")] = None,
) -> list[SettingResult]:
    """List the settings.

    Each with its value, who gave it, its default and unit, and whether a running platform can change it.
    """
    lines = [_shown(ctx, configuration, one) for one in described().values()]
    return [line for line in lines if source is None or line.source == source]


@operation("settings.get", http=("GET", "/settings/{name}"), scope="read", on="platform", errors=("setting_not_found",),
           short="name value where description type unit default choices bounds hot after_restart")  # fmt: skip
async def get_setting(ctx: Context, configuration: Configuration, /, name: Name) -> SettingResult:
    """Show a setting.

    Its value, who gave it, its default, unit and bounds.
    """
    return _shown(ctx, configuration, _setting(name))


@operation("settings.file", http=("GET", "/settings/file"), scope="read", on="platform")
async def file(ctx: Context, configuration: Configuration, /) -> SettingsFile:
    """How superlearner.toml is.

    Whether it was taken when it was read last, and if not, which line is wrong and why.
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

    At once, and until it is reset or the platform ends: write it into superlearner.toml if it is to stay.
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

    All of them or, if one is wrong, none; see settings.set.
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
    """Forget what was set over the API.

    The setting has the value again that flags, environment, file or default give it.
    """
    _setting(name)
    plan = _planned(lambda: configuration.plan_reset([name]))
    ctx.about_to(f"go on with what {name} is without the API{_becomes(plan)}")
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
    """Read superlearner.toml now.

    A change of it is noticed within a second anyway; this says what came of it.
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
    setting: Annotated[str | None, Field(max_length=100, description="only of this setting")] = None,
    before: Annotated[int | None, Field(ge=1, le=2**53, description="only older ones than that of this id")] = None,
    limit: Annotated[int, Field(ge=1, le=1000, description="at most so many")] = 100,
) -> list[SettingChangeLine]:
    """Who changed which setting, and when.

    Those of all runs that the database holds, newest first.
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
    for name in values:
        if not _setting(name).hot:
            raise OperationError(
                "restart_needed",
                f"{name} takes effect after a restart only",
                hint=f"write it into superlearner.toml ({name} = {text_of(json_of(values[name]), 100)}), start again",
            )
    by = f"the API ({ctx.user.name})"
    plan = _planned(lambda: configuration.plan_set(values, by))
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


def _planned(plan: Any) -> Any:
    try:
        return plan()
    except SettingsError as error:
        details = [Detail(one.setting, str(one), "nothing was changed") for one in error.problems]
        raise OperationError("validation_error", str(error.problems[0]), details=details) from None


def _becomes(plan: Plan) -> str:
    told = [str(one) for one in plan.changes]
    return f": {'; '.join(told)}" if told else ", which changes nothing"


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


def _shown(ctx: Context, configuration: Configuration, one: Described) -> SettingResult:
    hidden = one.name in PRIVATE and not ctx.user.may("code")
    given = configuration.given(one.name)
    later = configuration.after_restart().get(one.name)
    return SettingResult(
        name=one.name,
        description=one.description,
        type=one.type,
        unit=one.unit,
        default=one.default,
        value=None if hidden else _value(getattr(configuration.current, one.name)),
        source=given.source,
        where=given.where,
        hot=one.hot,
        after_restart=None if hidden or later is None else _value(later.value),
        choices=list(one.choices),
        bounds=one.bounds,
        hidden=hidden,
    )


def _value(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | list | tuple):
        return json_of(value)
    return without_secrets(str(value))
