"""The commands: run, tree, doctor, config, token, and a group for each category of operations."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from superlearner.cli.config import config
from superlearner.cli.ends import USAGE, fail
from superlearner.cli.manifest import categories, entry_of_verb
from superlearner.cli.operations import Commands, group_of

__all__ = ["app", "main"]

OUR_NAMES: Final = frozenset({"run", "token", "tree", "doctor", "config"})


class Main(TyperGroup):
    """The commands of this file, and behind them the groups of the operations."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands: Any = Commands(dict(self.commands), categories, group_of)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Where a category is called as a command of ours (`tree`), the word behind it decides."""
        if len(args) > 1 and args[0] in OUR_NAMES and entry_of_verb(args[0], args[1]) is not None:
            return args[0], group_of(args[0]), args[1:]
        return super().resolve_command(ctx, args)


app = typer.Typer(
    name="superlearner",
    cls=Main,
    help="See, steer and learn supervision trees.",
    add_completion=True,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


app.add_typer(config, name="config")


def main() -> None:
    """The console script."""
    app()


def _version(wanted: bool) -> None:
    if wanted:
        from superlearner import __version__

        typer.echo(f"superlearner {__version__}")
        raise typer.Exit


@app.callback()
def common(
    ctx: typer.Context,
    url: Annotated[
        str | None, typer.Option(help="Address of the platform that operations are asked of.", show_default=False)
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """See, steer and learn supervision trees."""
    ctx.obj = url


@app.command()
def run(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILE.py:Name]",
            help="A Supervisor or Application of yours; without it the demo runs.",
            show_default=False,
        ),
    ] = None,
    arg: Annotated[
        str | None,
        typer.Option(
            metavar="JSON",
            help="What the init of your Supervisor (the start of your Application) gets, as JSON; "
            "a list becomes a tuple [default: null, which is None].",
            show_default=False,
        ),
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on [default: 127.0.0.1].")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one [default: 4000].")
    ] = None,
    browser: Annotated[bool | None, typer.Option("--browser/--no-browser", help="Open a browser.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder of the data [default: XDG's].")] = None,
    auth: Annotated[
        str | None,
        typer.Option(
            metavar="none|all",
            help="Who needs a credential [default: none on loopback, all beyond].",
            show_default=False,
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="One more host name by which clients may address us.")
    ] = None,
    root_path: Annotated[str | None, typer.Option(help="Path prefix when behind a proxy.")] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error.")] = None,
) -> None:
    """Start the platform, with the demo trees or with your own tree."""
    from superlearner.settings import SettingsError, load_settings

    try:
        settings = load_settings(
            host=host,
            port=port,
            browser=browser,
            data_dir=data_dir,
            auth=auth,
            allow_host=tuple(allow_host) if allow_host else None,
            root_path=root_path,
            log_level=log_level,
        )
    except SettingsError as error:
        fail(str(error), USAGE)
    from superlearner.program import run_platform

    raise typer.Exit(run_platform(settings, target, _arguments(target, arg)))


@app.command()
def token(
    data_dir: Annotated[Path | None, typer.Option(help="Folder of the data [default: XDG's].")] = None,
) -> None:
    """Print the token that a platform asks for.

    For example: curl -H "Authorization: Bearer $(superlearner token)" http://127.0.0.1:4000/api/v1/supervisors
    """
    from superlearner.data_dir import default_data_dir
    from superlearner.settings import SettingsError, load_settings
    from superlearner.web.credentials import CredentialsError, read_token

    try:
        folder = load_settings(data_dir=data_dir).data_dir or default_data_dir()
        found = read_token(folder)
    except SettingsError as error:
        fail(str(error), USAGE)
    except CredentialsError as error:
        fail(str(error))
    if found is None:
        fail(f"there is no token in {folder}: the first `superlearner run` makes it; try --data-dir FOLDER")
    typer.echo(found)


class Format(enum.Enum):
    """How a tree is written."""

    text = "text"
    json = "json"
    dot = "dot"
    mermaid = "mermaid"


@app.command()
def tree(
    ctx: typer.Context,
    root: Annotated[
        str | None,
        typer.Argument(
            help="Only what is below this supervisor, by name or pid.", metavar="[ROOT]", show_default=False
        ),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Again whenever something in it changes.")] = False,
    format: Annotated[Format, typer.Option("--format", help="How it is written.")] = Format.text,
    depth: Annotated[int | None, typer.Option(min=0, max=32, help="Levels below the root.", show_default=False)] = None,
    url: Annotated[str | None, typer.Option(help="Address of the platform.", show_default=False)] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder of the data of the platform.")] = None,
) -> None:
    """Show the supervision trees: who runs, restarts, and what is used of the restart budgets.

    As text, JSON, a Graphviz graph (dot) or a Mermaid flowchart. Other questions about trees are
    `superlearner tree VERB`: ancestors, descendants, relationships, isolated, cycles.
    """
    from superlearner.cli.tree import show_tree, watch_tree

    (watch_tree if watch else show_tree)(url or ctx.obj, data_dir, root, depth, format.value)


@app.command()
def doctor() -> None:
    """Look what is missing on this machine, and say what to try.

    Ends with 1 if something keeps a platform from running.
    """
    from superlearner.cli.doctor import examine

    raise typer.Exit(examine())


def _arguments(target: str | None, arg: str | None) -> tuple[Any, ...]:
    """What `--arg` says, if it was given."""
    if arg is None:
        return ()
    if target is None:
        fail("--arg is for a tree of yours: superlearner run FILE.py:Name --arg JSON", USAGE)
    from superlearner.arguments import argument_of
    from superlearner.loading import LoadError

    try:
        return (argument_of(arg),)
    except LoadError as error:
        fail(str(error), USAGE)
