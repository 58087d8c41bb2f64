"""The commands: run, tree, attach, doctor, config, token, a group per category."""

from __future__ import annotations

import enum
import os
import sys
import textwrap
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from superlearner.base.commands import command
from superlearner.base.data_dir import command_with
from superlearner.base.docstrings import docstring_of
from superlearner.base.terminal import complain, with_lasting_output
from superlearner.cli.attaching import attach, detach
from superlearner.cli.cluster import cluster, node
from superlearner.cli.config import config
from superlearner.cli.course import course
from superlearner.cli.db import db
from superlearner.cli.door import resolve_options
from superlearner.cli.doors import NODES, console, mcp, top
from superlearner.cli.ends import INTERRUPTED, USAGE, fail
from superlearner.cli.manifest import categories, entry_of_verb, verbs
from superlearner.cli.mistyped import command_meant, explained, listing
from superlearner.cli.operations import Commands, WithOperations, group_of
from superlearner.cli.suggestions import describe_options
from superlearner.cli.usage import write_usual_usage

__all__ = ["app", "main"]

OUR_NAMES: Final = (
    "run", "console", "top", "tree", "doctor", "config", "token", "db", "mcp", "attach", "detach", "node", "cluster",
    "course",
)  # fmt: skip
"""In the order in which a new user needs them."""


class Main(TyperGroup):
    """The commands of this file, followed by the groups of the operations."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands: Any = Commands(dict(self.commands), categories, group_of)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the built-in commands with summaries, then categories with their verbs."""
        room = formatter.width - 6 - max(map(len, self.commands))
        ours = [(name, self.commands[name].get_short_help_str(80)) for name in OUR_NAMES]
        others = [(name, _lines(", ".join(verbs(name)), room)) for name in categories() if name not in OUR_NAMES]
        for title, rows in (("Commands", ours), ("Operations, each with --help", others)):
            with formatter.section(title):
                formatter.write_dl(rows)

    def invoke(self, ctx: Any) -> Any:
        """Invoke as usual, but rephrase errors about mistyped options."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = explained(error.message, error.__cause__) or listing(error.ctx)
            raise
        except TyperException as error:
            unknown: Any = error
            if isinstance(getattr(error, "option_name", None), str) and unknown.ctx:
                near, unknown.possibilities = unknown.possibilities or (), None
                if unknown.option_name.startswith("--"):
                    unknown.message += f". {describe_options(unknown.ctx, unknown.option_name, near)}"
                takes_values = any(one.param_type_name == "argument" for one in unknown.ctx.command.params)
                if takes_values and not unknown.option_name.startswith("--"):
                    unknown.message += ". Write -- before a value that begins with -"
            raise

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Let the next word decide between a command and a category of that name (`tree`)."""
        ours = isinstance(self.commands.get(args[0]), WithOperations)
        if len(args) > 1 and args[0] in OUR_NAMES and not ours and entry_of_verb(args[0], args[1]) is not None:
            return args[0], group_of(args[0]), args[1:]
        if args[0] not in self.commands and not args[0].startswith("-") and not ctx.resilient_parsing:
            meant = command_meant(args[0], list(self.commands))
            ctx.fail(f"No such command {args[0]!r}.{f' Did you mean {meant!r}?' if meant else ''}")
        return super().resolve_command(ctx, args)


def _lines(text: str, width: int) -> str:
    r"""Wrap text without breaking words at hyphens; `\b` keeps the lines as they are."""
    return "\b\n" + textwrap.fill(text, width, break_on_hyphens=False)


app = typer.Typer(
    name="superlearner",
    cls=Main,
    help="Observe and control supervision trees, and learn how they work.",
    epilog="Begin with: superlearner run. Then, in another terminal: superlearner process kill counter_1",
    add_completion=True,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


app.add_typer(config, name="config")
app.add_typer(db, name="db")
app.add_typer(cluster, name="cluster")
app.add_typer(course, name="course")
app.command()(node)
app.command()(console)
app.command()(mcp)
app.command()(top)
app.command()(attach)
app.command()(detach)


def main() -> None:
    """Run the console script."""
    with with_lasting_output():
        try:
            _leave_deleted_folder()
            if sys.flags.optimize > 1:
                _restore_docstrings(app)
            app()
        except KeyboardInterrupt:  # before a command began
            raise SystemExit(INTERRUPTED) from None


def _leave_deleted_folder() -> None:
    try:
        os.getcwd()
    except FileNotFoundError:
        os.chdir(os.sep)
        complain(f"the current folder has been deleted; relative paths begin at {os.sep}")


def _restore_docstrings(commands: typer.Typer) -> None:
    """Restore docstrings that Python removed: they are the help of the commands."""
    for one in commands.registered_commands:
        if one.callback is not None:
            one.callback.__doc__ = docstring_of(one.callback)
    for group in commands.registered_groups:
        if group.typer_instance is not None:
            _restore_docstrings(group.typer_instance)


def _version(wanted: bool) -> None:
    if wanted:
        from superlearner import __version__

        typer.echo(f"superlearner {__version__}")
        raise typer.Exit


@app.callback()
def common(
    url: Annotated[str | None, typer.Option(help="Address of the platform.", show_default=False)] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Data directory of the platform.", show_default=False),
    ] = None,
    cacert: Annotated[
        Path | None,
        typer.Option(help="CA certificates to trust for https.", show_default=False),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Observe and control supervision trees, and learn how they work."""
    del url  # a command reads it itself, see `resolve_options`
    if data_dir is not None:
        os.environ["SUPERLEARNER_DATA_DIR"] = str(data_dir)  # for commands without a platform, such as doctor and db
    if cacert is not None:
        os.environ["SUPERLEARNER_CACERT"] = str(cacert)  # the default of commands


@app.command()
def run(
    ctx: typer.Context,
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE.py:Name",
            help="Your Supervisor or Application [default: the demo].",
            show_default=False,
        ),
    ] = None,
    arg: Annotated[
        str | None,
        typer.Option(
            metavar="JSON",
            help="Argument of your Supervisor's init or your Application's start, as JSON; lists become tuples "
            "[default: null].",
            show_default=False,
        ),
    ] = None,
    peer: Annotated[
        bool | None,
        typer.Option(
            "--peer/--in-process",
            help="Run your tree in a separate operating system process, or in the platform's process [default: peer].",
            show_default=False,
        ),
    ] = None,
    empty: Annotated[bool, typer.Option("--empty", help="Run no tree, to look at attached services only.")] = False,
    host: Annotated[str | None, typer.Option(help="Address to listen on [default: 127.0.0.1].")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one [default: 4000].")
    ] = None,
    browser: Annotated[bool | None, typer.Option("--browser/--no-browser", help="Open a browser.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Data directory [default: XDG's].")] = None,
    auth: Annotated[
        str | None,
        typer.Option(
            metavar="none|all",
            help="Requests that need a credential [default: none on loopback, all beyond].",
            show_default=False,
        ),
    ] = None,
    allow_host: Annotated[list[str] | None, typer.Option(help="Additional host name of the platform.")] = None,
    root_path: Annotated[str | None, typer.Option(help="Path prefix behind a proxy.")] = None,
    trusted_proxies: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="Proxy with trusted X-Forwarded headers.", show_default=False),
    ] = None,
    certfile: Annotated[Path | None, typer.Option(help="Certificate (PEM) for https.", show_default=False)] = None,
    keyfile: Annotated[
        Path | None,
        typer.Option(help="Private key of the certificate [default: in the same file].", show_default=False),
    ] = None,
    weak_walls: Annotated[
        bool | None,
        typer.Option(
            "--weak-walls", help="Start sandboxes without a required wall, for your own code.", show_default=False
        ),
    ] = None,
    allow_eval: Annotated[
        bool | None,
        typer.Option("--allow-eval", help="Allow node.eval outside of sandboxes.", show_default=False),
    ] = None,
    discovery: Annotated[
        str | None,
        typer.Option(
            metavar="HOW",
            help="How to find members of the cluster: local, lan, file:PATH, dns:NAME[:PORT] or none [default: local].",
            show_default=False,
        ),
    ] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error.")] = None,
    log_format: Annotated[str | None, typer.Option(help="text or json.")] = None,
    console: Annotated[
        bool, typer.Option("--console", help="Open a Python prompt with the operations; Ctrl-D ends both.")
    ] = False,
) -> None:
    """Start the platform with the demo or your own tree."""
    data_dir = resolve_options(ctx, None, data_dir)[1]
    if console:
        from superlearner.cli.console.behind import run_behind
        from superlearner.cli.finding import data_dir_of

        raise typer.Exit(run_behind(_typed(ctx, "console"), data_dir or data_dir_of()))
    from superlearner.cli.variables import unread_variables
    from superlearner.settings.configuration import load_configuration
    from superlearner.settings.sources import SettingsError

    for words in unread_variables():
        complain(words)
    try:
        configuration = load_configuration(
            host=host,
            port=port,
            browser=browser,
            data_dir=data_dir,
            auth=auth,
            allow_host=tuple(allow_host) if allow_host else None,
            root_path=root_path,
            trusted_proxies=tuple(trusted_proxies) if trusted_proxies else None,
            certfile=certfile,
            keyfile=keyfile,
            weak_walls=weak_walls,
            allow_eval=allow_eval,
            discovery=discovery,
            log_level=log_level,
            log_format=log_format,
        )
    except SettingsError as error:
        fail(str(error), USAGE)
    from superlearner.app.program import run_platform

    if empty and target is not None:
        fail("expected FILE.py:Name or --empty, got both", USAGE)
    if peer and target is None:
        fail(f"--peer is for a tree of yours: `{command('run', 'FILE.py:Name', peer=True)}`", USAGE)
    if peer is None:
        peer = target is not None and hasattr(os, "fork")  # needed to create a separate program
    raise typer.Exit(run_platform(configuration, target, _arguments(target, arg), peer=peer, empty=empty))


@app.command()
def token(
    data_dir: Annotated[Path | None, typer.Option(help="Data directory [default: XDG's].")] = None,
) -> None:
    """Print the owner's token, which allows everything.

    For example: curl -H "Authorization: Bearer $(superlearner token)" http://127.0.0.1:4000/api/v1/supervisors

    Tokens for other people: `superlearner token VERB` with create, list, revoke.
    """
    from superlearner.access.credentials import CredentialsError, read_token
    from superlearner.base.data_dir import default_data_dir
    from superlearner.settings.sources import SettingsError, load_settings

    try:
        folder = load_settings(data_dir=data_dir).data_dir or default_data_dir()
        found = read_token(folder)
    except SettingsError as error:
        fail(str(error), USAGE)
    except CredentialsError as error:
        fail(str(error))
    if found is None:
        fail(
            f"there is no token in {folder}: the first `{command_with('run', folder)}` makes it; try --data-dir FOLDER"
        )
    typer.echo(found)


class Whose(enum.Enum):
    """The trees of the node's user, those that the platform runs for itself, or all."""

    yours = "yours"
    platform = "platform"
    all = "all"


class Format(enum.Enum):
    """Output format of a tree."""

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
            help="Show only this supervisor, by name or pid, and its children.", metavar="ROOT", show_default=False
        ),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Redraw after each change.")] = False,
    format: Annotated[Format, typer.Option("--format", help="Output format.")] = Format.text,
    depth: Annotated[int | None, typer.Option(min=0, max=32, help="Levels below the root.", show_default=False)] = None,
    whose: Annotated[
        Whose | None,
        typer.Option(help="Trees to show without a ROOT [default: yours].", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    node: Annotated[
        str | None,
        typer.Option(
            help="Node to query [default: your tree's node, else the only service, else the platform's].",
            autocompletion=NODES,
            show_default=False,
        ),
    ] = None,
    url: Annotated[str | None, typer.Option(help="Address of the platform.", show_default=False)] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Data directory of the platform.")] = None,
) -> None:
    """Show the supervision trees with their restart budgets.

    Processes, restarts and reasons, as text, JSON, a Graphviz graph (dot) or a Mermaid flowchart. Other commands on
    trees: `superlearner tree VERB` with ancestors, descendants, relationships, isolated, cycles.
    """
    from superlearner.cli.tree import show_tree, watch_tree

    shown = Format.json if as_json else format
    wanted = {"root": root, "depth": depth, "format": shown.value, "whose": None if whose is None else whose.value}
    (watch_tree if watch else show_tree)(*resolve_options(ctx, url, data_dir), wanted, node)


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Write it as JSON.")] = False,
    data_dir: Annotated[Path | None, typer.Option(help="Data directory [default: XDG's].")] = None,
) -> None:
    """Check this machine and suggest fixes.

    Exits with 1 if a problem prevents a platform from running.
    """
    from superlearner.cli.doctor import examine

    if data_dir is not None:
        os.environ["SUPERLEARNER_DATA_DIR"] = str(data_dir)
    raise typer.Exit(examine(as_json=as_json))


def _typed(ctx: Any, *without: str) -> list[str]:
    """Return the command's options and then arguments as typed, for another process."""
    words: list[str] = []
    places: list[str] = []
    for one in ctx.command.params:
        value: Any = ctx.params.get(one.name)
        if one.name in without or value is None or ctx.get_parameter_source(one.name).name != "COMMANDLINE":
            continue
        if one.param_type_name == "argument":
            places.append(str(value))
        elif isinstance(value, bool):
            words.append(one.opts[0] if value else one.secondary_opts[0])
        else:
            items: list[Any] = list(value) if one.multiple else [value]
            for item in items:
                words += [one.opts[0], str(item)]
    return [*words, *(["--", *places] if places else [])]


def _arguments(target: str | None, arg: str | None) -> tuple[Any, ...]:
    """Return the value of `--arg`, if it was given."""
    if arg is None:
        return ()
    if target is None:
        fail(f"--arg is for a tree of yours: `{command('run', 'FILE.py:Name', arg='JSON')}`", USAGE)
    from superlearner.app.arguments import argument_of
    from superlearner.base.loading import LoadError

    try:
        return (argument_of(arg),)
    except LoadError as error:
        fail(str(error), USAGE)


write_usual_usage(app)
