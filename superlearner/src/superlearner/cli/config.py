"""`superlearner config`: what is set, by whom, and where the file is."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from superlearner.cli.ends import USAGE, fail
from superlearner.cli.showing import json_text, table
from superlearner.data_dir import default_data_dir
from superlearner.terminal import say

__all__ = ["config"]

PASSWORD: Final = re.compile(r"(?<=:)[^:/@]+(?=@)")

config = typer.Typer(help="What is set, and where.", no_args_is_help=True, rich_markup_mode=None)


@config.command()
def show(as_json: Annotated[bool, typer.Option("--json", help="Write it as JSON.")] = False) -> None:
    """Show every setting, its value and where that comes from."""
    from superlearner.settings import CONFIG_FILE, SettingsError, load_settings

    try:
        settings = load_settings()
    except SettingsError as error:
        fail(str(error), USAGE)
    file = Path(CONFIG_FILE)
    in_file: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    values: dict[str, Any] = settings.model_dump(mode="json")
    values["data_dir"] = values["data_dir"] or str(default_data_dir())
    if values["database"] is not None:
        values["database"] = PASSWORD.sub("…", values["database"])
    rows: list[dict[str, Any]] = [
        {"setting": name, "value": value, "from": _source(name, in_file)} for name, value in values.items()
    ]
    say(json_text(rows)) if as_json else table(rows)


@config.command()
def path() -> None:
    """Print where the file of the settings is read from: the folder a platform is started in."""
    from superlearner.settings import CONFIG_FILE

    say(str(Path(CONFIG_FILE).absolute()))


def _source(name: str, in_file: dict[str, Any]) -> str:
    variable = f"SUPERLEARNER_{name.upper()}"
    if variable in {given.upper() for given in os.environ}:
        return variable
    return "superlearner.toml" if name in in_file else "default"
