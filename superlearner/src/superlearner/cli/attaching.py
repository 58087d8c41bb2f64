"""The commands `attach` and `detach` for services that become nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from superlearner.base.commands import command
from superlearner.base.terminal import print_line
from superlearner.cli.door import ask_or_fail, reach, resolve_options
from superlearner.cli.doors import DataDir, Url
from superlearner.cli.ends import USAGE, fail
from superlearner.cli.manifest import entry_of_verb
from superlearner.cli.plain import paragraph, plain
from superlearner.cli.showing import json_text, table

__all__ = ["attach", "detach"]


def attach(
    ctx: typer.Context,
    address: Annotated[
        str | None,
        typer.Argument(
            metavar="ADDRESS",
            help="Name of the service (see --list), path of its socket, or HOST:PORT.",
            show_default=False,
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(help="File with the token of the service; your own services need none.", show_default=False),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(help="The token itself; other users of this machine may see it.", show_default=False),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of its node in this platform.", show_default=False)] = None,
    doors: Annotated[bool, typer.Option("--list", help="List the open services of your user.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write the data as JSON.")] = False,
    url: Url = None,
    data_dir: DataDir = None,
) -> None:
    """Attach to a running Python service that called otp.observe().

    Pages and --node can then select its node. For example: superlearner attach auction_house
    """
    if doors:
        _list(as_json=as_json)
        return
    if address is None:
        fail(f"expected a service, got none; try `{command('attach', list=True)}`", USAGE)
    if token is not None and token_file is not None:
        fail("expected --token or --token-file, got both", USAGE)
    if token_file is not None:
        try:
            token = token_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not a text file"
            fail(f"{plain(str(token_file))} cannot be read: {why}", USAGE)
    if "/" in address:
        address = str(Path(address).absolute())  # the platform has another working directory
    path = None if token_file is None else str(token_file.absolute())
    values = {"address": address, "token": token, "name": name, "token_file": path}
    given = {key: value for key, value in values.items() if value is not None}
    answer = ask_or_fail(reach(*resolve_options(ctx, url, data_dir)), _entry("attach"), given)
    if as_json:
        print_line(json_text(answer.data))
    else:
        data: dict[str, Any] = answer.data
        print_line(plain(f"{data['name']} is attached: {data['can_do']}"))


def detach(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of its node.")],
    as_json: Annotated[bool, typer.Option("--json", help="Write the data as JSON.")] = False,
    url: Url = None,
    data_dir: DataDir = None,
) -> None:
    """Detach from a service, which keeps running."""
    answer = ask_or_fail(reach(*resolve_options(ctx, url, data_dir)), _entry("detach"), {"name": name})
    print_line(json_text(answer.data) if as_json else plain(f"{answer.data['name']} is detached; it keeps running"))


def _entry(verb: str) -> Any:
    return entry_of_verb("node", verb) or {}


def _list(*, as_json: bool) -> None:
    """List the open services of this user, without their tokens."""
    from otp import BadArgument
    from otp.doors import find_doors

    try:
        found = find_doors()
    except BadArgument as error:
        fail(paragraph(str(error)))
    rows = [
        {"name": one.name, "node": one.node, "os_pid": one.os_pid, "permissions": list(one.permissions),
         "address": one.address}
        for one in found
    ]  # fmt: skip
    if as_json:
        print_line(json_text(rows))
    elif rows:
        table(rows)
    else:
        print_line("no service of this user is open; otp.observe() opens one")
