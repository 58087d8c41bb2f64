"""The data directory that a command of a cluster is about, and the lines of its status."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from superlearner.base.commands import command
from superlearner.base.data_dir import in_data_dir
from superlearner.cli.cluster_members import platform_process
from superlearner.cli.door import resolve_options
from superlearner.cli.ends import USAGE, fail

__all__ = [
    "NOT_TRUE",
    "NO_CLUSTER",
    "DataDirOption",
    "JsonOption",
    "WaitOption",
    "WaitTimeoutOption",
    "count_members",
    "folder_of",
    "show_status",
]

NO_CLUSTER: Final = 3
NOT_TRUE: Final = 1

DataDirOption = Annotated[
    Path | None, typer.Option(help="Data directory of the cluster [default: XDG's].", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write it as JSON.")]
WaitOption = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="Wait until there are N members.", show_default=False)
]
WaitTimeoutOption = Annotated[float, typer.Option(min=0, help="Seconds to wait at most.")]


def folder_of(ctx: typer.Context, data_dir: Path | None) -> Path:
    """Return the data directory, whose cluster is meant."""
    from superlearner.base.data_dir import default_data_dir
    from superlearner.settings.sources import SettingsError, load_settings

    try:
        return (
            load_settings(data_dir=resolve_options(ctx, None, data_dir)[1]).data_dir or default_data_dir()
        ).absolute()
    except SettingsError as error:
        fail(str(error), USAGE)


def show_status(folder: Path, wait: int | None, timeout: float, *, as_json: bool, instead: str) -> None:
    """Write the state of a cluster; always ends the command.

    Args:
        folder: its data directory.
        wait: the number of members to wait for.
        timeout: seconds to wait at most.
        as_json: writes one document.
        instead: the command to try if no member runs.
    """
    from superlearner.cluster.background import wait_status
    from superlearner.cluster.control import ControlError

    try:
        found = wait_status(folder, wait, timeout, platform_process(folder))
    except ControlError as error:
        fail(str(error), NOT_TRUE)
    if found is None:
        if as_json:
            typer.echo(json.dumps({"cluster": None, "status": "none", "members": [], "missing": []}))
        fail(f"no member of a cluster runs here for {folder}; try `{instead}`", NO_CLUSTER)
    if as_json:
        typer.echo(json.dumps(found))
    else:
        for line in (*_format_status(found, folder), *_format_simulated(found, folder)):
            typer.echo(line)
    well = not found["missing"] and all(one["health"] in ("healthy", "slow") for one in found["members"])
    raise typer.Exit(0 if well and (wait is None or len(found["members"]) >= wait) else NOT_TRUE)


def count_members(count: int) -> str:
    """Return the number of members in words.

    >>> count_members(1), count_members(2)
    ('1 member', '2 members')
    """
    return f"{count} member{'' if count == 1 else 's'}"


def _format_status(found: dict[str, Any], folder: Path) -> list[str]:
    """Return the lines of a status."""
    width = max(len(one["name"]) for one in (*found["members"], *found["missing"]))
    here = (
        f"  {one['name']:<{width}}  {one['status']}  {one['health']}: {one['evidence']}{_process(one)}"
        for one in found["members"]
    )
    gone = (f"  {one['name']:<{width}}  {one['reason']}: {_describe_loss(one, folder)}" for one in found["missing"])
    return [f"{count_members(found['size'])}, {found['status']}", *here, *gone]


def _process(member: dict[str, Any]) -> str:
    return "" if member["os_pid"] is None else f" (process {member['os_pid']})"


def _describe_loss(one: dict[str, Any], folder: Path) -> str:
    """Return how a missing member went, and how it returns, if that is not just by a new start."""
    if one["reason"] != "disconnected":
        return "it went without leaving"
    forget = f"`{command('cluster.forget', one['name'])}` once it has ended"
    back = f"`{command('cluster connect', one['name'])}`, or " if one["address"] else ""
    return in_data_dir(f"{back}{forget}", folder)


def _format_simulated(found: dict[str, Any], folder: Path) -> Iterator[str]:
    """Yield the line about simulated members, which are not members of this cluster."""
    simulated: list[dict[str, Any]] = found.get("simulated", [])  # none from an earlier version
    if simulated:
        failed = ", ".join(one["name"] for one in simulated if not one["up"])
        count = count_members(len(simulated)).replace(" ", " simulated ")
        words = f"{count}{f' ({failed} failed)' if failed else ''}: see `{command('cluster.simulation')}`"
        yield in_data_dir(words, folder)
