"""The commands `console`, `mcp` and `top`: other interfaces to a running platform."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

from superlearner.cli.door import resolve_options
from superlearner.cli.ends import USAGE, fail
from superlearner.cli.manifest import categories
from superlearner.cli.names import completion_of

__all__ = ["NODES", "DataDir", "Url", "console", "mcp", "top"]

NODES = completion_of({"picker": "node"})
"""Completion of node names of the running platform."""

Url = Annotated[str | None, typer.Option(help="Address of the platform.", show_default=False)]
DataDir = Annotated[Path | None, typer.Option(help="Data directory of the platform.", show_default=False)]


def console(
    ctx: typer.Context,
    code: Annotated[
        list[str] | None,
        typer.Option("-c", metavar="CODE", help="Run this code and exit; repeat for several.", show_default=False),
    ] = None,
    node: Annotated[
        str | None,
        typer.Option(
            help="Node for all calls [default: your tree's node, else the only service, else the platform's].",
            autocompletion=NODES,
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="With -c or piped input: show values as JSON.")] = False,
    url: Url = None,
    data_dir: DataDir = None,
) -> None:
    """Open a Python prompt whose functions are the operations.

    For example process.list(), or Control.kill_process("counter_1"). Your code runs in this program; only operations
    reach the platform. See docs/console.md.
    """
    from superlearner.cli.console.opening import open_console
    from superlearner.cli.remote import Remote

    raise typer.Exit(
        open_console(Remote("console", *resolve_options(ctx, url, data_dir)), code or (), node=node, as_json=as_json)
    )


class Scope(enum.Enum):
    """The highest scope of a tool."""

    read = "read"
    operate = "operate"
    code = "code"
    admin = "admin"


def mcp(
    ctx: typer.Context,
    scope: Annotated[
        Scope, typer.Option(help="Offer only operations within this scope; admin allows force.")
    ] = Scope.operate,
    category: Annotated[
        list[str] | None,
        typer.Option(help="All operations of this category; repeat for several.", show_default=False),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every operation as a tool of its own, not a choice of about 25.")
    ] = False,
    url: Url = None,
    data_dir: DataDir = None,
) -> None:
    """Serve the operations as tools to an AI client.

    It uses standard input and output; the client starts this command. See docs/mcp.md.
    """
    from superlearner.cli.mcp_server import serve
    from superlearner.cli.remote import Remote

    if unknown := sorted(set(category or ()) - set(categories())):
        fail(f"expected a category of {', '.join(categories())}, got {', '.join(unknown)}", USAGE)
    raise typer.Exit(
        serve(Remote("mcp", *resolve_options(ctx, url, data_dir)), scope.value, category or (), everything=everything)
    )


class SortOrder(enum.Enum):
    """Sort order."""

    by_callback = "callback"
    by_messages = "messages"
    by_longest = "longest"
    by_mailbox = "mailbox"
    by_restarts = "restarts"
    by_name = "name"


def top(
    ctx: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Print once and exit.")] = False,
    interval: Annotated[float, typer.Option(min=0.2, max=3600, help="Seconds between updates.")] = 2.0,
    sort: Annotated[SortOrder, typer.Option(help="Sort order.")] = SortOrder.by_callback,
    search: Annotated[
        str, typer.Option(help="Only processes whose name, class or pid contains this.", show_default=False)
    ] = "",
    rows: Annotated[int, typer.Option(min=1, max=1000, help="Number of processes when not at a terminal.")] = 20,
    measure: Annotated[
        int,
        typer.Option(
            metavar="MS", min=0, max=10_000, help="Time to measure messages in each update, which slows them; 0 = off."
        ),
    ] = 200,
    as_json: Annotated[
        bool, typer.Option("--json", help="Write JSON: a document with --once, else a line for each update.")
    ] = False,
    node: Annotated[
        str | None,
        typer.Option(
            help="Node to query [default: your tree's node, else the only service, else the platform's].",
            autocompletion=NODES,
            show_default=False,
        ),
    ] = None,
    url: Url = None,
    data_dir: DataDir = None,
) -> None:
    """Show the busiest processes and their mailboxes.

    Updated every two seconds. At a terminal the keys c, m, l, b, r and n sort, / filters, p pauses, q quits.
    """
    from superlearner.cli.remote import Remote
    from superlearner.cli.top.showing import show_top

    show_top(
        Remote("cli", *resolve_options(ctx, url, data_dir)),
        node,
        sort.value,
        search,
        rows,
        interval,
        measure,
        once=once,
        as_json=as_json,
    )
