"""The commands `console`, `mcp` and `top`: other interfaces to a running platform."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

from superlearner.cli.door import said
from superlearner.cli.ends import USAGE, fail
from superlearner.cli.manifest import categories
from superlearner.cli.names import completion_of

__all__ = ["NODES", "DataDir", "Url", "console", "mcp", "top"]

NODES = completion_of({"picker": "node"})
"""Completion of node names of the running platform."""

Url = Annotated[str | None, typer.Option(help="Address of the platform.", show_default=False)]
DataDir = Annotated[Path | None, typer.Option(help="Folder of the data of the platform.", show_default=False)]


def console(
    ctx: typer.Context,
    code: Annotated[
        str | None, typer.Option("-c", metavar="CODE", help="Run this instead, and end.", show_default=False)
    ] = None,
    node: Annotated[
        str | None,
        typer.Option(
            help="The node that calls go to [default: that of your tree, else the platform's own].",
            autocompletion=NODES,
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="With -c or piped input: show values as JSON.")] = False,
    url: Url = None,
    data_dir: DataDir = None,
) -> None:
    """Open a Python prompt whose functions are the operations.

    For example process.list(), or Control.kill_process("counter_1"). What is typed runs in this program; only the
    operations go to the platform. docs/console.md tells more.
    """
    from superlearner.cli.console.opening import open_console
    from superlearner.cli.remote import Remote

    raise typer.Exit(open_console(Remote("console", *said(ctx, url, data_dir)), code, node=node, as_json=as_json))


class Scope(enum.Enum):
    """The maximum scope of a tool."""

    read = "read"
    operate = "operate"
    code = "code"


def mcp(
    ctx: typer.Context,
    scope: Annotated[Scope, typer.Option(help="Offer nothing that needs more than this.")] = Scope.code,
    category: Annotated[
        list[str] | None,
        typer.Option(help="Only the operations of this category; several repeat the option.", show_default=False),
    ] = None,
    url: Url = None,
    data_dir: DataDir = None,
) -> None:
    """Serve the operations as tools to an AI client.

    Over standard input and output: the client starts this command; docs/mcp.md has its configuration.
    """
    from superlearner.cli.mcp_server import serve
    from superlearner.cli.remote import Remote

    if unknown := sorted(set(category or ()) - set(categories())):
        fail(f"expected a category of {', '.join(categories())}, got {', '.join(unknown)}", USAGE)
    raise typer.Exit(serve(Remote("mcp", *said(ctx, url, data_dir)), scope.value, category or ()))


class Order(enum.Enum):
    """The sort order."""

    by_callback = "callback"
    by_messages = "messages"
    by_longest = "longest"
    by_mailbox = "mailbox"
    by_restarts = "restarts"
    by_name = "name"


def top(
    ctx: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="One look, and end.")] = False,
    interval: Annotated[float, typer.Option(min=0.2, max=3600, help="Seconds between two looks.")] = 2.0,
    sort: Annotated[Order, typer.Option(help="What comes first.")] = Order.by_callback,
    search: Annotated[
        str, typer.Option(help="Only processes with this in name, class or pid.", show_default=False)
    ] = "",
    rows: Annotated[int, typer.Option(min=1, max=1000, help="Processes that are written where no keys are.")] = 20,
    measure: Annotated[
        int,
        typer.Option(
            metavar="MS", min=0, max=10_000, help="How long each look watches messages, which slows them; 0 is never."
        ),
    ] = 200,
    as_json: Annotated[
        bool, typer.Option("--json", help="Write JSON: with --once a document, else a line a look.")
    ] = False,
    node: Annotated[
        str | None,
        typer.Option(
            help="The node that is asked [default: that of your tree, else the platform's own].",
            autocompletion=NODES,
            show_default=False,
        ),
    ] = None,
    url: Url = None,
    data_dir: DataDir = None,
) -> None:
    """Show who works, how much, and where messages pile up.

    Anew every two seconds. At a terminal the keys c, m, l, b, r and n choose the order, / filters, p pauses, q ends it.
    """
    from superlearner.cli.remote import Remote
    from superlearner.cli.top.showing import show_top

    show_top(
        Remote("cli", *said(ctx, url, data_dir)),
        node,
        sort.value,
        search,
        rows,
        interval,
        measure,
        once=once,
        as_json=as_json,
    )
