"""`superlearner config`: settings, their sources, and the settings file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from superlearner.base.data_dir import default_data_dir
from superlearner.base.terminal import complain, print_line
from superlearner.cli.door import resolve_options
from superlearner.cli.ends import USAGE, fail
from superlearner.cli.operations import Verbs
from superlearner.cli.showing import json_text, table

__all__ = ["config"]

Json = Annotated[bool, typer.Option("--json", help="Write it as JSON.")]

config = typer.Typer(cls=Verbs, help="Show the settings of a platform started in this folder.", rich_markup_mode=None)


@config.callback(invoke_without_command=True)
def of_here(ctx: typer.Context) -> None:
    """Show the settings of a platform started in this folder."""
    if ctx.invoked_subcommand is None:
        _show(ctx, as_json=False)


@config.command()
def show(ctx: typer.Context, as_json: Json = False) -> None:
    """Show each setting with value, source, and whether a running platform can change it.

    As a platform started here would have them; `superlearner settings list` asks the running one.
    """
    _show(ctx, as_json=as_json)


@config.command()
def path() -> None:
    """Print the path of the settings file, in the folder where a platform is started."""
    from superlearner.settings.sources import CONFIG_FILE

    print_line(str(Path(CONFIG_FILE).absolute()))


def _show(ctx: typer.Context, *, as_json: bool) -> None:
    from otp.redaction import without_secrets
    from superlearner.cli.variables import unread_variables
    from superlearner.settings.configuration import described, load_configuration
    from superlearner.settings.sources import SettingsError

    for words in unread_variables():
        complain(words)
    try:
        configuration = load_configuration(data_dir=resolve_options(ctx, None, None)[1])
    except SettingsError as error:
        fail(str(error), USAGE)
    values: dict[str, Any] = configuration.current.model_dump(mode="json")
    values["data_dir"] = values["data_dir"] or str(default_data_dir())
    values = {name: without_secrets(value) if isinstance(value, str) else value for name, value in values.items()}
    rows: list[dict[str, Any]] = [
        {
            "setting": name,
            "value": values[name],
            "unit": one.unit,
            "from": configuration.given(name).where,
            "changes": "at once" if one.hot else "after a restart",
        }
        for name, one in described().items()
    ]
    print_line(json_text(rows)) if as_json else table(rows)
